"""A proposed rejection 建议不予受理: the lead unit suggests it with a reason, and the office decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault
from backend.models import Assignment, Case

if TYPE_CHECKING:
    from backend.work import Work


def _lead(work: Work, case: Case) -> Assignment | None:
    return work.session.scalar(
        select(Assignment).where(
            Assignment.case_id == case.id, Assignment.part == "lead", Assignment.ended_at.is_(None)
        )
    )


def not_proposed(work: Work, case: Case, actor: Actor) -> Fault | None:
    held = _lead(work, case)
    if held is None or held.rejection_proposed_at is None:
        return None
    if held.rejection_declined_at is not None:
        return Conflict("rejection_declined", "县河长办没有采纳本单位不予受理的建议，请继续办理。")
    return Conflict("rejection_proposed", "已经建议过不予受理，请等县河长办决定。")


def proposed(work: Work, case: Case, actor: Actor) -> Fault | None:
    held = _lead(work, case)
    if held is not None and held.rejection_proposed_at is not None and held.rejection_declined_at is None:
        return None
    return Conflict("no_rejection_proposed", "没有等待决定的不予受理建议。")


def propose(work: Work, case: Case, form: dict[str, Any]) -> dict[str, Any]:
    """The unit's clocks run on: it is for the office to be quick."""
    held = _lead(work, case)
    if held is not None:
        held.rejection_proposed_at = work.now
    return {}


def decline(work: Work, case: Case, form: dict[str, Any]) -> dict[str, Any]:
    held = _lead(work, case)
    if held is not None:
        held.rejection_declined_at = work.now
    return {}
