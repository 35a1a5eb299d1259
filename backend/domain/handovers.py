"""Handovers 移交: everything open goes to a successor at once, with its history, and nothing is left behind.

Of a person: the cases that they handle, or the reaches of a chief, and with them the office itself when they leave.
Of a unit that was dissolved or renamed: its cases, its clocks as they stand, its people with their offices and reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, or_, select, update

from backend.domain import deadlines, deputies, emergency, events, notices, people, units
from backend.domain.actors import CHIEF_ROLES, UNIT_ROLES
from backend.domain.effects import OPEN
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.words import blank
from backend.models import Assignment, Case, Delegation, Handover, Person, Reminder, RosterRole, Supervision, Unit

if TYPE_CHECKING:
    from backend.work import Work

# A closed case can come back by a look-back: whoever then has to act must be there.
_MOVED = (*OPEN, "closed")


@dataclass(frozen=True)
class PersonForm:
    """`role_id`: the office on the roster that is handed over; `leaves`: it ends with that."""

    role_id: UUID
    to_person: UUID
    leaves: bool
    reason: str


@dataclass(frozen=True)
class UnitForm:
    from_unit: str
    to_unit: str
    reason: str


# ---- a person --------------------------------------------------------------------------------------------------------


def of_person(work: Work, form: PersonForm) -> Handover:
    """Hand the office of one person over to a successor of the same unit.

    Raises NotFound, Forbidden, or Fault for a successor who cannot take it.
    """
    role = work.session.get(RosterRole, form.role_id, with_for_update=True)
    if role is None or role.ended_at is not None:
        raise NotFound("名册中没有这个在任的职务。")
    _may_hand_over(work, role)
    _check_reason(form.reason)
    if role.role not in UNIT_ROLES | CHIEF_ROLES:
        raise Fault("nothing_to_hand_over", "这个职务名下不挂案件和河段，不需要移交；人员变动请更新名册。")
    successor = work.session.get(Person, form.to_person)
    if successor is None or successor.id == role.person_id:
        raise Fault("bad_successor", "请选择另一位接手人。", field="to_person")
    handover = _record(work, "person", role.unit_code, role.unit_code, form.reason)
    handover.from_person, handover.to_person, handover.role = role.person_id, successor.id, role.role
    if role.role in UNIT_ROLES:
        if successor.id not in deputies.colleagues(work, role.unit_code):
            raise Fault("bad_successor", "接手人应是本单位的经办人或负责人，请先更新名册。", field="to_person")
        moved = {"cases": _move_handled(work, role, successor.id, handover)}
    else:
        moved = {"reaches": _move_reaches(work, role, successor.id)}
    if form.leaves:
        role.ended_at = work.now
        moved["delegations"] = _end_delegations(work, role, successor.id)
    if not any(moved.values()) and not form.leaves:
        raise Conflict("nothing_to_hand_over", "名下没有需要移交的案件或河段。")
    handover.moved = {**moved, "left": form.leaves}
    _tell_successor(work, handover)
    return handover


def _tell_successor(work: Work, handover: Handover) -> None:
    """One notice for all that came, not one a case."""
    giver = people.name(work, handover.from_person) if handover.from_person else units.name(work, handover.from_unit)
    parts = {"cases": "件未办结的案件", "reaches": "个河段"}
    came = "、".join(f"{len(handover.moved[what])}{word}" for what, word in parts.items() if handover.moved.get(what))
    body = f"{giver}名下的{came or '工作'}已移交，请及时查看办理。"
    takers = [handover.to_person] if handover.to_person else deputies.colleagues(work, handover.to_unit)
    for person_id in takers:
        notices.to_person(work, f"handover/{handover.id}/p{person_id}", person_id, "handover", "工作移交", body)


def _may_hand_over(work: Work, role: RosterRole) -> None:
    actor = work.actor
    if actor.role == "office" or (role.role in UNIT_ROLES and actor.heads and actor.unit == role.unit_code):
        return
    raise Forbidden("not_yours_to_do", "只有县河长办可以办理移交；本单位经办人之间的移交由单位负责人办理。")


def _move_handled(work: Work, role: RosterRole, successor: UUID, handover: Handover) -> list[str]:
    """Every case that the person handles for this unit gets the successor as its handler."""
    mine = Assignment.handler_id == role.person_id, Assignment.unit_code == role.unit_code
    done = []
    for case in _locked(work, *mine):
        held = work.session.scalars(select(Assignment).where(Assignment.case_id == case.id, *mine, *_STILL)).one()
        held.handler_id = successor
        data = {"handler": successor, "before": role.person_id, "handover": handover.id}
        events.append(work, case, "hand_over", case.state, data, handover.reason)
        done.append(str(case.id))
    return done


_STILL = (Assignment.ended_at.is_(None),)


def _locked(work: Work, *which: Any) -> list[Case]:
    """The cases with such an assignment, open or closed, locked in one order."""
    held = select(Assignment.case_id).where(*which, *_STILL)
    query = select(Case).where(Case.id.in_(held), Case.state.in_(_MOVED)).order_by(Case.id)
    return list(work.session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def _move_reaches(work: Work, role: RosterRole, successor: UUID) -> list[str]:
    """The successor is chief in the same place, of the reaches that they had and of these."""
    mine = _office_of(work, successor, role.role, role.unit_code)
    moved = list(role.reaches)
    mine.reaches = [*mine.reaches, *(code for code in moved if code not in mine.reaches)]
    role.reaches = []
    return moved


def _office_of(work: Work, person_id: UUID, role: str, unit: str) -> RosterRole:
    """This office of this person, entered on the roster when they do not hold it."""
    held = work.session.scalar(
        select(RosterRole).where(
            RosterRole.person_id == person_id, RosterRole.role == role, RosterRole.unit_code == unit,
            RosterRole.ended_at.is_(None),
        )
    )  # fmt: skip
    if held is None:
        held = RosterRole(person_id=person_id, role=role, unit_code=unit, reaches=[], since=work.now)
        work.session.add(held)
        work.session.flush()
    return held


def _end_delegations(work: Work, role: RosterRole, successor: UUID) -> list[str]:
    """Who has left needs no deputy; for whom they stood in, the successor does, who else would be there for nobody."""
    if role.role not in UNIT_ROLES:
        return []
    theirs = Delegation.unit_code == role.unit_code, Delegation.ended_at.is_(None)
    gone = []
    for delegation in work.session.scalars(
        select(Delegation).where(
            *theirs, or_(Delegation.person_id == role.person_id, Delegation.deputy_id == role.person_id)
        )
    ):
        if delegation.deputy_id == role.person_id and delegation.person_id != successor:
            delegation.deputy_id = successor
        else:
            delegation.ended_at, delegation.ended_by = work.now, work.actor.label
        gone.append(str(delegation.id))
    return gone


# ---- a unit ----------------------------------------------------------------------------------------------------------


def of_unit(work: Work, form: UnitForm) -> Handover:
    """Hand a unit that is no more over to the one that replaces it. The office's to do.

    The old unit must be known from the ledger, the new one must be in the county as it is configured now. Each keeps
    its own days: clocks are stopped with the old unit and go on with the new one as they stand.
    """
    if work.actor.role != "office":
        raise Forbidden("not_yours_to_do", "单位的移交由县河长办办理。")
    _check_reason(form.reason)
    old = work.session.get(Unit, form.from_unit, with_for_update=True)
    new = work.county.unit_by_code.get(form.to_unit)
    if old is None or old.kind == units.OFFICE_KIND:
        raise Fault("unknown_unit", "没有这个单位，请从列表中选择。", field="from_unit")
    if new is None or new.kind == units.OFFICE_KIND or new.code == old.code:
        raise Fault("unknown_unit", "接手单位不在本县现在的配置中，请先更新配置，再办理移交。", field="to_unit")
    if units.successor(work, new.code) != new.code:
        raise Fault("unknown_unit", f"{new.name}自己已经移交给别的单位，请选择现在的单位。", field="to_unit")
    handover = _record(work, "unit", old.code, new.code, form.reason)
    moved: dict[str, Any] = {"cases": [_move_case(work, case, old.code, new.code, handover)
                                       for case in _locked(work, Assignment.unit_code == old.code)]}  # fmt: skip
    moved["roles"] = _move_roles(work, old.code, new.code)
    _move_delegations(work, old.code, new.code)
    handover.moved = moved
    _tell_successor(work, handover)
    return handover


def _move_case(work: Work, case: Case, old: str, new: str, handover: Handover) -> str:
    held = {one.unit_code: one for one in work.session.scalars(
        select(Assignment).where(Assignment.case_id == case.id, *_STILL))}  # fmt: skip
    going, there = held[old], held.get(new)
    going.ended_at, going.ended_by = work.now, "handed_over"
    if there is not None and going.part == "lead":  # whoever assisted now leads
        there.ended_at, there.ended_by = work.now, "handed_over"
        there = None
    work.session.flush()
    if there is None:
        work.session.add(
            Assignment(
                case_id=case.id, unit_code=new, part=going.part, ruled=going.ruled, reason=handover.reason,
                opened_at=work.now, accepted_at=going.accepted_at, acknowledged_at=going.acknowledged_at,
                handler_id=going.handler_id, rejection_proposed_at=going.rejection_proposed_at,
                rejection_declined_at=going.rejection_declined_at,
            )
        )  # fmt: skip
    if going.part == "lead":
        case.lead_unit = new
    deadlines.hand_over_all(work, case, old, new)
    _move_questions(work, case, old, new)
    data = {"part": going.part, "before": old, "handover": handover.id}
    events.append(
        work, case, "hand_over", case.state, data | ({"unit": new} if going.part == "lead" else {"to": new}),
        handover.reason,
    )  # fmt: skip
    return str(case.id)


def _move_questions(work: Work, case: Case, old: str, new: str) -> None:
    """What the old unit was asked and has not answered is asked of the new one: letters, reminders, emergency calls."""
    open_letters = select(Supervision).where(Supervision.case_id == case.id, Supervision.ended_at.is_(None))
    letters = {letter.unit_code: letter for letter in work.session.scalars(open_letters)}
    if old in letters and new not in letters:
        letters[old].unit_code = new
    work.session.execute(
        update(Reminder)
        .where(Reminder.case_id == case.id, Reminder.to_unit == old, Reminder.reply_seq.is_(None))
        .values(to_unit=new)
    )
    runs = emergency.running(work, case)
    calls = {dispatch.unit_code: dispatch for dispatch in runs.dispatches} if runs else {}
    if old in calls and new not in calls:
        calls[old].unit_code = new
    work.defer("follow_case", case.id)


def _move_roles(work: Work, old: str, new: str) -> list[str]:
    """People go along with their offices and reaches; the roster is then the place to change what should be other."""
    moved = []
    for role in list(
        work.session.scalars(
            select(RosterRole).where(RosterRole.unit_code == old, RosterRole.ended_at.is_(None)).order_by(RosterRole.id)
        )
    ):
        theirs = _office_of(work, role.person_id, role.role, new)
        theirs.reaches = [*theirs.reaches, *(code for code in role.reaches if code not in theirs.reaches)]
        role.ended_at = work.now
        moved.append(str(theirs.id))
    return moved


def _move_delegations(work: Work, old: str, new: str) -> None:
    work.session.execute(
        update(Delegation).where(Delegation.unit_code == old, Delegation.ended_at.is_(None)).values(unit_code=new)
    )


def stranded(work: Work) -> list[tuple[Unit, int]]:
    """Units that the county has no more and that still hold cases which are not over: to be handed over."""
    return units.stranded(work, _MOVED)


# ---- both ------------------------------------------------------------------------------------------------------------


def _check_reason(reason: str) -> None:
    if blank(reason):
        raise Fault("missing_field", "请写明移交的原因。", field="reason")


def _record(work: Work, kind: str, from_unit: str, to_unit: str, reason: str) -> Handover:
    handover = Handover(
        kind=kind, from_unit=from_unit, to_unit=to_unit, reason=reason.strip(), made_by=work.actor.label,
        made_at=work.now, moved={},
    )  # fmt: skip
    work.session.add(handover)
    work.session.flush()
    return handover


def page(work: Work, before: UUID | None, limit: int) -> list[Handover]:
    """Handovers that the actor may see, the latest first: the office all, others those of their unit."""
    query: Select[tuple[Handover]] = select(Handover)
    if work.actor.role != "office":
        mine = work.actor.unit
        query = query.where(or_(Handover.from_unit == mine, Handover.to_unit == mine))
    if before is not None:
        query = query.where(Handover.id < before)
    return list(work.session.scalars(query.order_by(Handover.id.desc()).limit(limit)))
