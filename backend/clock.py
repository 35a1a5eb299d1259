"""Working days 工作日 of the Chinese calendar: which days count, and when a time limit ends. Pure.

A day counts as the State Council's yearly notice says: holidays 节假日 do not, weekend days that are worked to make
up for them 调休补班 do. In a year whose notice the county has not configured yet, weekends alone are off;
`calendar_covers` tells, so that a deadline reckoned that way can be shown as provisional.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.county import Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
_SATURDAY = 5


def is_working_day(calendar: Calendar, day: date) -> bool:
    """Whether this day of Asia/Shanghai counts towards a time limit."""
    if day.year in calendar.years:
        if day in calendar.workdays:
            return True
        if day in calendar.holidays:
            return False
    return day.weekday() < _SATURDAY


def add_working_days(calendar: Calendar, start: datetime, days: int, ends_at: str) -> datetime:
    """The last moment of a limit of `days` working days that began at `start`.

    Day one is the first working day after the day of `start`, at whatever hour that was and whether or not that day
    was worked; the limit ends at `ends_at` ("HH:MM:SS") of its last day. Returned in Asia/Shanghai.
    Raises ValueError for a naive `start`, for `days` below one and for an hour that does not exist.
    """
    if days < 1:
        raise ValueError(f"a limit is at least one working day, not {days}")
    closing = time.fromisoformat(ends_at)
    day = shanghai_day(start)
    while days:
        day += timedelta(days=1)
        days -= is_working_day(calendar, day)
    return datetime.combine(day, closing, tzinfo=SHANGHAI)


def working_days_between(calendar: Calendar, start: datetime, end: datetime) -> int:
    """How many working days lie after the day of `start`, up to and including the day of `end`; never negative.

    The inverse of `add_working_days`: between a start and its deadline lie exactly the days of the limit.
    """
    first, last = shanghai_day(start), shanghai_day(end)
    return sum(is_working_day(calendar, first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def working_days_before(calendar: Calendar, day: date, days: int) -> date:
    """The `days`-th working day before `day`; `day` itself for 0."""
    while days:
        day -= timedelta(days=1)
        days -= is_working_day(calendar, day)
    return day


def calendar_covers(calendar: Calendar, start: datetime, end: datetime) -> bool:
    """Whether the holidays of every year from `start` to `end` are configured."""
    years = range(shanghai_day(start).year, shanghai_day(end).year + 1)
    return all(year in calendar.years for year in years)


def end_of_day(day: date, ends_at: str) -> datetime:
    """The hour at which a working day ends, on this day, in Asia/Shanghai."""
    return datetime.combine(day, time.fromisoformat(ends_at), tzinfo=SHANGHAI)


def shanghai_day(moment: datetime) -> date:
    """The calendar day of an aware moment in Asia/Shanghai. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(SHANGHAI).date()
