"""Periods in which patrols are owed: quarters, months, ten days 旬, weeks and working days of Asia/Shanghai. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from backend.clock import is_working_day
from backend.county import Calendar
from backend.domain.periods import midnight
from backend.rules.duty import Per

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """Days `first` to `last`, both included."""

    per: Per
    first: date
    last: date

    @cached_property
    def begins_at(self) -> datetime:
        return midnight(self.first)

    @cached_property
    def ends_at(self) -> datetime:
        """The moment after its last."""
        return midnight(self.last + _DAY)

    @cached_property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def name(self) -> str:
        """As people call it: 2026年6月, 2026年第2季度, 6月中旬, 6月1日至7日."""
        if self.per == "quarter":
            return f"{self.first.year}年第{(self.first.month + 2) // 3}季度"
        if self.per == "month":
            return f"{self.first.year}年{self.first.month}月"
        if self.per == "ten_days":
            return f"{self.first.month}月{('上', '中', '下')[(self.first.day - 1) // 10]}旬"
        if self.per == "working_day":
            return f"{self.first.month}月{self.first.day}日"
        month = "" if self.first.month == self.last.month else f"{self.last.month}月"
        return f"{self.first.month}月{self.first.day}日至{month}{self.last.day}日"


def period_of(per: Per, day: date) -> Period:
    """The period that holds a day. A week begins on Monday; a working day is itself, worked or not."""
    if per == "working_day":
        return Period(per, day, day)
    if per == "week":
        monday = day - day.weekday() * _DAY
        return Period(per, monday, monday + 6 * _DAY)
    if per == "ten_days":
        first = day.replace(day=(1, 11, 21)[min(2, (day.day - 1) // 10)])
        return Period(per, first, _month_end(day) if first.day == 21 else first + 9 * _DAY)
    if per == "month":
        return Period(per, day.replace(day=1), _month_end(day))
    first = day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return Period(per, first, _month_end(first.replace(month=first.month + 2)))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY


def periods_in(per: Per, first: date, last: date, calendar: Calendar) -> Iterator[Period]:
    """The periods that end within these days, in order; of single days only those that are worked."""
    period = period_of(per, first)
    while period.last <= last:
        if period.last >= first and (per != "working_day" or is_working_day(calendar, period.first)):
            yield period
        period = period_of(per, period.last + _DAY)


def before(period: Period, calendar: Calendar) -> Period:
    """The period before this one; of single days the last that was worked."""
    earlier = period_of(period.per, period.first - _DAY)
    while period.per == "working_day" and not is_working_day(calendar, earlier.first):
        earlier = period_of(period.per, earlier.first - _DAY)
    return earlier
