"""Working hours: what real days say, then properties that hold for every calendar and every office's hours."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.clock import (
    SHANGHAI,
    Hours,
    add_working_time,
    is_working_day,
    is_working_time,
    last_opening,
    next_working_time,
    shanghai_day,
    working_time_between,
)
from backend.county import Calendar

OFFICE: Hours = ((time(8, 30), time(12)), (time(14), time(17, 30)))  # seven hours a day
HOLIDAY = Calendar(
    years=(2026,),
    holidays=frozenset(date(2026, 10, n) for n in range(1, 8)),
    workdays=frozenset({date(2026, 10, 10)}),
)
_days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
_moments = st.datetimes(datetime(2026, 1, 5), datetime(2026, 12, 20), timezones=st.sampled_from([SHANGHAI, UTC]))  # noqa: DTZ001
_spans = st.integers(-60 * 60, 60 * 60).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def _calendars(draw: st.DrawFn) -> Calendar:
    holidays = draw(st.frozensets(_days, max_size=25))
    return Calendar(years=(2026,), holidays=holidays, workdays=draw(st.frozensets(_days, max_size=15)) - holidays)


@st.composite
def _hours(draw: st.DrawFn) -> Hours:
    minutes = sorted(draw(st.sets(st.integers(0, 24 * 60 - 1), min_size=2, max_size=6)))
    times = [time(m // 60, m % 60) for m in minutes[: len(minutes) // 2 * 2]]
    return tuple(zip(times[::2], times[1::2], strict=True))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("09-28T09:00", 2, "09-28T11:00"),
        ("09-28T11:00", 2, "09-28T15:00"),  # over noon
        ("09-28T11:00", 1, "09-28T14:00"),  # the closing at noon is the opening after it
        ("09-28T16:30", 2, "09-29T09:30"),  # over night
        ("09-28T03:00", 0, "09-28T08:30"),
        ("09-28T12:00", 0, "09-28T14:00"),
        ("09-30T16:30", 2, "10-08T09:30"),  # over the National Day week
        ("10-09T16:30", 7, "10-10T16:30"),  # the Saturday after it is worked
        ("10-10T23:00", 0, "10-12T08:30"),
        ("10-12T09:30", -2, "10-10T16:30"),
        ("10-08T09:30", -2, "09-30T16:30"),
        ("09-28T23:59", -1, "09-28T16:30"),
        ("09-28T23:59", -7, "09-28T08:30"),
    ],
)
def test_real_days(start: str, hours: int, end: str) -> None:
    assert add_working_time(HOLIDAY, OFFICE, _at(start), timedelta(hours=hours)) == _at(end)


def test_the_morning_opens_and_noon_closes() -> None:
    for clock, works in (("08:29", False), ("08:30", True), ("11:59", True), ("12:00", False), ("17:30", False)):
        assert is_working_time(HOLIDAY, OFFICE, _at(f"09-28T{clock}")) is works
    assert not is_working_time(HOLIDAY, OFFICE, _at("10-01T09:00"))
    assert is_working_time(HOLIDAY, OFFICE, _at("10-10T09:00"))
    assert is_working_time(HOLIDAY, OFFICE, datetime(2026, 9, 28, 0, 30, tzinfo=UTC))
    assert last_opening(HOLIDAY, OFFICE, _at("10-05T09:00")) == _at("09-30T14:00")
    assert last_opening(HOLIDAY, OFFICE, _at("09-28T08:30")) == _at("09-28T08:30")


def test_no_hours_and_no_time_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="hours"):
        add_working_time(HOLIDAY, (), _at("09-28T09:00"), timedelta())
    with pytest.raises(ValueError, match="time zone"):
        add_working_time(HOLIDAY, OFFICE, datetime(2026, 9, 28), timedelta())  # noqa: DTZ001


@given(_calendars(), _hours(), _moments)
def test_working_time_counted_minute_by_minute(calendar: Calendar, hours: Hours, start: datetime) -> None:
    """Against a count that knows nothing of stretches."""
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(hours=60)
    counted = 0
    for n in range(60 * 60):
        local = (start + timedelta(minutes=n)).astimezone(SHANGHAI)
        open_now = any(opens <= local.time() < closes for opens, closes in hours)
        counted += open_now and is_working_day(calendar, local.date())
    assert working_time_between(calendar, hours, start, end) == timedelta(minutes=counted)


@given(_calendars(), _hours(), _moments, _spans)
def test_what_is_added_lies_between(calendar: Calendar, hours: Hours, start: datetime, by: timedelta) -> None:
    end = add_working_time(calendar, hours, start, by)
    assert is_working_time(calendar, hours, end)
    if by < timedelta():
        assert end < start
        assert working_time_between(calendar, hours, end, start) == -by
    else:
        assert end >= start
        assert working_time_between(calendar, hours, start, end) == by


@given(_calendars(), _hours(), _moments, _spans)
def test_going_back_undoes_going_on(calendar: Calendar, hours: Hours, start: datetime, by: timedelta) -> None:
    start = next_working_time(calendar, hours, start)
    there = add_working_time(calendar, hours, start, by)
    assert add_working_time(calendar, hours, there, -by) == start


@given(_calendars(), _hours(), _moments, _spans, _spans)
def test_later_is_never_earlier(
    calendar: Calendar, hours: Hours, start: datetime, one: timedelta, two: timedelta
) -> None:
    less, more = sorted((one, two))
    assert add_working_time(calendar, hours, start, less) <= add_working_time(calendar, hours, start, more)


@given(_calendars(), _hours(), _moments, _spans, _days)
def test_a_holiday_never_brings_a_moment_nearer(
    calendar: Calendar, hours: Hours, start: datetime, by: timedelta, day: date
) -> None:
    more = calendar.model_copy(update={"holidays": calendar.holidays | {day}, "workdays": calendar.workdays - {day}})
    here, there = (add_working_time(one, hours, start, by) for one in (calendar, more))
    assert there <= here if by < timedelta() else there >= here


@given(_calendars(), _hours(), _moments)
def test_the_last_opening_is_a_working_moment_not_after(calendar: Calendar, hours: Hours, moment: datetime) -> None:
    opened = last_opening(calendar, hours, moment)
    assert opened <= moment
    assert is_working_time(calendar, hours, opened)
    day = shanghai_day(moment)
    works = is_working_day(calendar, day) and hours[0][0] <= moment.astimezone(SHANGHAI).time()
    assert (opened.date() == day) is works
