"""Look-backs that nobody would carry out: their inspector has left, or their day is past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.domain import follow_ups, notices, states
from backend.domain.actors import TIMER
from backend.models import Case, FollowUp

if TYPE_CHECKING:
    from backend.work import Work


def watch(work: Work) -> None:
    """Find another inspector for what was left behind, and tell of each overdue one once. Repeats do nothing more."""
    work.actor = TIMER
    for follow_up in work.session.scalars(follow_ups.left_behind()):
        case = work.session.get_one(Case, follow_up.case_id)
        inspector = follow_ups.least_busy(work, case)
        if inspector is not None:
            states.act(work, case.id, "assign_follow_up", {"inspector": inspector})
    overdue = select(FollowUp).where(
        FollowUp.state == "planned", FollowUp.due_at < work.now, FollowUp.overdue_told_at.is_(None)
    )
    for follow_up in work.session.scalars(overdue.with_for_update(skip_locked=True)):
        follow_up.overdue_told_at = work.now
        notices.tell_follow_up_overdue(work, follow_up)
