"""The timer's archive 归档: cases that no one disputes and no look-back waits for."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from backend.clock import SHANGHAI, shanghai_day
from backend.domain import deadlines, states
from backend.domain.actors import TIMER
from backend.models import Case, FollowUp

if TYPE_CHECKING:
    from backend.work import Work

BATCH = 200


def archive_due(work: Work, batch: int = BATCH) -> int:
    """Archive a batch of what is due; when there may be more, the next batch is written down. Returns how many.

    A case that somebody else is acting on just now is left for the next time.
    """
    work.actor = TIMER
    pending = exists().where(FollowUp.case_id == Case.id, FollowUp.state == "planned")
    due = (
        select(Case.id)
        .where(Case.state == "closed", Case.closed_at < _closed_before(work), ~pending)
        .order_by(Case.closed_at, Case.id)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    found = list(work.session.scalars(due))
    for case_id in found:
        states.act(work, case_id, "archive", {})
    if len(found) == batch:
        work.defer("archive_cases")
    return len(found)


def _closed_before(work: Work) -> datetime:
    """The windows of what was closed before this moment are over; they end with a day, so it is a midnight."""
    day, days = shanghai_day(work.now), work.county.limits.dispute_days
    while True:
        midnight = datetime.combine(day, time(), tzinfo=SHANGHAI)
        if deadlines.after(work, midnight - timedelta(microseconds=1), days) < work.now:
            return midnight
        day -= timedelta(days=1)
