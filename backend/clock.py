"""Working days 工作日 of the Chinese calendar and working hours 工作时间: what counts, when a limit ends. Pure.

A day counts as the State Council's yearly notice says: holidays 节假日 do not, weekend days that are worked to make
up for them 调休补班 do. In a year whose notice the county has not configured yet, weekends alone are off;
`calendar_covers` tells, so that a deadline reckoned that way can be shown as provisional.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.county import Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
# The hours of a working day, as (opening, closing) in order, none touching the next; the closing moment is outside.
Hours = tuple[tuple[time, time], ...]
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


def is_working_time(calendar: Calendar, hours: Hours, moment: datetime) -> bool:
    """Whether offices are at work at this moment."""
    day = shanghai_day(moment)
    return is_working_day(calendar, day) and any(opens <= moment < closes for opens, closes in _on(day, hours))


def next_working_time(calendar: Calendar, hours: Hours, moment: datetime) -> datetime:
    """This moment, when offices are at work; otherwise the next opening."""
    return add_working_time(calendar, hours, moment, timedelta())


def last_opening(calendar: Calendar, hours: Hours, moment: datetime) -> datetime:
    """When offices last opened, at this moment or before it."""
    return next(opens for opens, _ in _backward(calendar, hours, moment) if opens <= moment)


def opening(day: date, hours: Hours) -> datetime:
    """When offices open on this day."""
    return datetime.combine(day, hours[0][0], tzinfo=SHANGHAI)


def working_time_between(calendar: Calendar, hours: Hours, start: datetime, end: datetime) -> timedelta:
    """How much working time lies between two moments; none when `end` is not after `start`."""
    total = timedelta()
    for opens, closes in _forward(calendar, hours, start):
        if opens >= end:
            return total
        total += max(min(closes, end) - max(opens, start), timedelta())
    return total


def add_working_time(calendar: Calendar, hours: Hours, start: datetime, by: timedelta) -> datetime:
    """The moment of working time that lies `by` of working time after `start`, before it when `by` is negative.

    There is exactly one: at a closing, it is the next opening. Zero gives `start` itself when offices are at work
    then. Raises ValueError for a naive `start` and for hours without any time in them.
    """
    if not hours:
        raise ValueError("a working day needs its hours")
    left = abs(by)
    if by < timedelta():
        for opens, closes in _backward(calendar, hours, start):
            begun = min(closes, start)
            if begun - opens >= left:
                return begun - left
            left -= max(begun - opens, timedelta())
    for opens, closes in _forward(calendar, hours, start):
        begun = max(opens, start)
        if closes - begun > left:
            return begun + left
        left -= max(closes - begun, timedelta())
    raise AssertionError("working days never end")


def _on(day: date, hours: Hours) -> list[tuple[datetime, datetime]]:
    return [
        (datetime.combine(day, opens, tzinfo=SHANGHAI), datetime.combine(day, closes, tzinfo=SHANGHAI))
        for opens, closes in hours
    ]


def _forward(calendar: Calendar, hours: Hours, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working time from the day of `moment` on."""
    day = shanghai_day(moment)
    while True:
        if is_working_day(calendar, day):
            yield from _on(day, hours)
        day += timedelta(days=1)


def _backward(calendar: Calendar, hours: Hours, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working time back from the day of `moment`."""
    day = shanghai_day(moment)
    while True:
        if is_working_day(calendar, day):
            yield from reversed(_on(day, hours))
        day -= timedelta(days=1)
