"""Who held a case for how long: every stretch of every clock, charged to its own holder alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from backend.clock import working_days_between
from backend.county import Calendar
from backend.models import Clock

if TYPE_CHECKING:
    from backend.work import Work


@dataclass(frozen=True)
class Holding:
    """What one unit has used of one kind of clock of one case.

    Days are working days; hours run day and night and are None where the clock counts in days. The day of a
    hand-over is the former holder's. `overdue`: some stretch ran past its deadline while this unit held it, by
    `overdue_days` working days or `overdue_hours` hours; 0 days overdue means late by less than a working day.
    `charged`: the delay is its own doing; not so while who took over has not used what the rules give it.
    """

    holder: str
    kind: str
    used_days: int
    used_hours: float | None
    overdue: bool
    overdue_days: int
    overdue_hours: float | None
    charged: bool
    running: bool
    due_at: datetime


def of_case(work: Work, case_id: UUID) -> list[Holding]:
    """The holdings of one case, in the order in which they began."""
    return of_cases(work, [case_id])[case_id]


def of_cases(work: Work, case_ids: Iterable[UUID]) -> dict[UUID, list[Holding]]:
    """The holdings of many cases with one query; every case asked for has an entry."""
    wanted = list(case_ids)
    stretches: dict[UUID, list[Clock]] = {case_id: [] for case_id in wanted}
    for clock in work.session.scalars(select(Clock).where(Clock.case_id.in_(wanted)).order_by(Clock.id)):
        stretches[clock.case_id].append(clock)
    return {case_id: charge(work.county.calendar, found, work.now) for case_id, found in stretches.items()}


def charge(calendar: Calendar, stretches: Iterable[Clock], now: datetime) -> list[Holding]:
    """Add the stretches up per holder and kind. Pure."""
    groups: dict[tuple[str, str], list[Clock]] = defaultdict(list)
    for clock in stretches:
        groups[clock.holder, clock.kind].append(clock)
    return [_one(calendar, holder, kind, found, now) for (holder, kind), found in groups.items()]


def _one(calendar: Calendar, holder: str, kind: str, found: list[Clock], now: datetime) -> Holding:
    ends = [(clock, clock.stopped_at or now) for clock in found]
    late = [(max(clock.due_at, clock.started_at), end) for clock, end in ends if clock.overdue(now)]
    in_hours = found[-1].in_hours
    return Holding(
        holder=holder,
        kind=kind,
        used_days=sum(working_days_between(calendar, clock.started_at, end) for clock, end in ends),
        used_hours=_hours(end - clock.started_at for clock, end in ends) if in_hours else None,
        overdue=bool(late),
        overdue_days=sum(working_days_between(calendar, begun, end) for begun, end in late),
        overdue_hours=_hours(end - begun for begun, end in late) if in_hours else None,
        charged=any(clock.charged(now) for clock in found),
        running=found[-1].stopped_at is None,
        due_at=found[-1].due_at,
    )


def _hours(spans: Iterable[timedelta]) -> float:
    return round(sum(spans, timedelta()) / timedelta(hours=1), 2)
