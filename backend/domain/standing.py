"""In which capacities of the table in states.py somebody stands towards a case: by role, unit, and what they did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import exists, or_, select

from backend.domain import assistance
from backend.domain.actors import CHIEF_ROLES, OUTSIDE_ROLES, UNIT_ROLES, Actor, HeldRole
from backend.models import Assignment, Case, CaseEvent, Report, RosterRole

if TYPE_CHECKING:
    from backend.work import Work

# Who has done one of these has worked on the case, and verifies it in no later office.
_HANDLING = ("accept", "start", "request_closure", "settle_on_spot")


def capacities(work: Work, case: Case, actor: Actor) -> set[str]:
    """All capacities of this actor towards this case."""
    if actor.role in ("routing", "timer"):
        return {actor.role}
    if actor.role in ("resident", "receipt"):
        return {"reporter"} if reports_of(work, case, actor) else set()
    found: set[str] = set()
    if actor.role == "office":
        found.add("office")
    if actor.role in UNIT_ROLES and actor.unit is not None and actor.unit == case.lead_unit:
        found.add("lead_unit")
    elif actor.role in UNIT_ROLES and assistance.assists(work, case, actor.unit):
        found.add("assisting")
    if found & {"lead_unit", "assisting"}:
        found.add("unit_member")
        if actor.heads:
            found.add("unit_head")
    if actor.role in CHIEF_ROLES:
        found.add("chief")
        if actor.role == "county_chief" or (actor.unit is not None and actor.unit == case.lead_unit):
            found.add("own_chief")
    if actor.role == "county_chief":
        found.add("county_chief")
    if actor.role in OUTSIDE_ROLES and not concerned(work, case, actor.person_id, actor.held):
        found.update(("verifier", "inspector"))
        if actor.role == "office":
            found.add("arbiter")
    return found


def concerned(work: Work, case: Case, person_id: UUID | None, held: Iterable[HeldRole]) -> bool:
    """Whether a person, by any role held, is of those whose work it is that is verified; then another must do it.

    So is whoever belongs to the lead unit, whoever belonged to it at any time since it was given the case, and whoever
    worked on the case under whatever role.
    """
    unit, since = _answering(work, case)
    if unit is not None and any(role.unit == unit for role in held):
        return True
    if person_id is None:
        return False
    did = exists().where(
        CaseEvent.case_id == case.id, CaseEvent.action.in_(_HANDLING), CaseEvent.actor == f"person:{person_id}"
    )
    if unit is None:
        return bool(work.session.scalar(select(did)))
    belonged = exists().where(
        RosterRole.person_id == person_id,
        RosterRole.unit_code == unit,
        or_(RosterRole.ended_at.is_(None), RosterRole.ended_at > since),
    )
    return bool(work.session.scalar(select(or_(did, belonged))))


def _answering(work: Work, case: Case) -> tuple[str | None, datetime]:
    """The unit whose work is verified, and since when it has the case.

    That is the lead unit. What a chief settled on the spot has none: there it is the chief's unit, unless that is the
    county office, which must be able to verify what a county chief has settled; the chief's own person is kept out.
    """
    if case.lead_unit is not None:
        opened = select(Assignment.opened_at).where(
            Assignment.case_id == case.id, Assignment.unit_code == case.lead_unit, Assignment.part == "lead"
        )
        # The last one: a unit that returned the case and got it back has it since then.
        since = work.session.scalar(opened.order_by(Assignment.opened_at.desc()).limit(1))
        return case.lead_unit, since or case.opened_at
    settled = select(CaseEvent.unit_code, CaseEvent.at).where(
        CaseEvent.case_id == case.id, CaseEvent.action == "settle_on_spot"
    )
    row = work.session.execute(settled).first()
    if row is None or row.unit_code == work.county.office:
        return None, case.opened_at
    return row.unit_code, row.at


def reports_of(work: Work, case: Case, actor: Actor) -> list[Report]:
    """The reports of this reporter that hang on the case."""
    mine = select(Report).where(Report.case_id == case.id)
    if actor.role == "receipt":
        mine = mine.where(Report.id == actor.report_id)
    elif actor.account_id is not None:
        mine = mine.where(Report.account_id == actor.account_id)
    else:
        return []
    return list(work.session.scalars(mine.order_by(Report.id)))
