"""The five clocks of a case: start, stop, resume. Numbers come from the county's configuration."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from backend.clock import add_working_days, working_days_between
from backend.models import Case, Clock

if TYPE_CHECKING:
    from backend.work import Work

Kind = Literal["triage", "refuse", "accept", "rectify", "review"]


def after(work: Work, start: datetime, days: int) -> datetime:
    """The end of the `days`-th working day after `start`."""
    return add_working_days(work.county.calendar, start, days, work.county.limits.day_ends_at)


def due(work: Work, case: Case, kind: Kind) -> datetime:
    """When a clock of this kind that starts now runs out: working days, or hours for urgent cases."""
    limits = work.county.limits
    category = work.county.category_by_code[case.category]
    hours: dict[Kind, int | None] = {
        "triage": limits.triage_urgent_hours,
        "refuse": limits.refuse_urgent_hours,
        "accept": category.accept_hours,
        "rectify": category.rectify_hours,
        "review": limits.review_urgent_hours,
    }
    days: dict[Kind, int | None] = {
        "triage": limits.triage_days,
        "refuse": limits.refuse_days,
        "accept": category.accept_days,
        "rectify": category.rectify_days,
        "review": limits.review_days,
    }
    in_hours, in_days = hours[kind], days[kind]
    if in_hours is not None and (case.urgent or in_days is None):
        return work.now + timedelta(hours=in_hours)
    if in_days is None:
        raise ValueError(f"category {case.category} has neither days nor hours for {kind}")
    return after(work, work.now, in_days)


def running(work: Work, case: Case, kind: Kind) -> Clock | None:
    return work.session.scalar(
        select(Clock).where(Clock.case_id == case.id, Clock.kind == kind, Clock.stopped_at.is_(None))
    )


def start(work: Work, case: Case, kind: Kind, holder: str, due_at: datetime | None = None) -> Clock:
    clock = Clock(
        case_id=case.id, kind=kind, holder=holder, started_at=work.now, due_at=due_at or due(work, case, kind)
    )
    work.session.add(clock)
    work.session.flush()
    return clock


def stop(work: Work, case: Case, *kinds: Kind) -> None:
    for kind in kinds:
        clock = running(work, case, kind)
        if clock is not None:
            clock.stopped_at = work.now
    work.session.flush()


def stop_all(work: Work, case: Case) -> None:
    stop(work, case, "triage", "refuse", "accept", "rectify", "review")


def resume_rectify(work: Work, case: Case, holder: str) -> None:
    """Go on with the rectifying clock where it stopped: what was left of it is given again."""
    last = work.session.scalar(
        select(Clock)
        .where(Clock.case_id == case.id, Clock.kind == "rectify")
        .order_by(Clock.started_at.desc(), Clock.id.desc())
        .limit(1)
    )
    if last is None or last.stopped_at is None:
        start(work, case, "rectify", holder)
        return
    left = last.due_at - last.stopped_at
    if left <= timedelta():
        due_at = last.due_at
    elif case.urgent:
        due_at = work.now + left
    else:
        days = working_days_between(work.county.calendar, last.stopped_at, last.due_at)
        due_at = after(work, work.now, days) if days > 0 else work.now + left
    start(work, case, "rectify", holder, due_at)
