"""The handler 经办人 of an assignment: claimed, or allocated by the unit's head. The case stays with the unit.

Everybody of the unit may still act; who handles it gets the notices, and while they are away their deputy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from backend.domain import deputies
from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault
from backend.models import Assignment, Case

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]


def held_by(work: Work, case: Case, unit: str | None) -> Assignment | None:
    """The open assignment of a unit on a case, whether it leads or assists."""
    return work.session.scalar(
        select(Assignment).where(
            Assignment.case_id == case.id, Assignment.unit_code == unit, Assignment.ended_at.is_(None)
        )
    )


def recipients(work: Work, case: Case, unit: str, handlers_only: bool = False) -> list[UUID]:
    """Who of a unit is told about a case: its handler there, or, without one, everybody who handles cases.

    `handlers_only`: without a handler, the heads are left out.
    """
    there = deputies.colleagues(work, unit)
    held = held_by(work, case, unit)
    handler = held.handler_id if held is not None else None
    everybody = [person for person, roles in there.items() if not handlers_only or "handler" in roles]
    return deputies.with_deputies(work, [handler] if handler in there else everybody, unit)


# ---- guards and effects of the table in states.py --------------------------------------------------------------------


def unclaimed(work: Work, case: Case, actor: Actor) -> Fault | None:
    held = held_by(work, case, actor.unit)
    if held is None or held.handler_id is None or held.handler_id not in deputies.colleagues(work, held.unit_code):
        return None
    return Conflict("claimed", "这个案件已经有经办人；需要换人的，请单位负责人指定。")


def claim(work: Work, case: Case, form: Form) -> Data:
    return _give(work, case, work.actor.person_id)


def allocate(work: Work, case: Case, form: Form) -> Data:
    """The head names the handler, also another one later."""
    if form["handler"] not in deputies.colleagues(work, work.actor.unit or ""):
        raise Fault("handler_not_in_unit", "经办人应是本单位的人，请从名单中选择。", field="handler")
    given = _give(work, case, form["handler"])
    if work.actor.role != "head":  # in the stead of the head, who is away
        given["for_person"] = next(one.person_id for one in work.actor.stands_in if one.role == "head")
    return given


def _give(work: Work, case: Case, person_id: UUID | None) -> Data:
    held = held_by(work, case, work.actor.unit)
    if held is None or held.handler_id == person_id:
        raise Conflict("handles_already", "这个案件已经由此人经办。")
    before, held.handler_id = held.handler_id, person_id
    return {"handler": person_id, "before": before}
