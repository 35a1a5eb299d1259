"""Working days: the calendar's own rules, then properties that hold for every calendar."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.clock import (
    SHANGHAI,
    add_working_days,
    calendar_covers,
    is_working_day,
    shanghai_day,
    working_days_between,
)
from backend.county import Calendar
from backend.county_files import read_county

END = "23:59:59"
DEMO = Path(__file__).parents[1] / "config" / "county" / "qingyuan"
PLAIN = Calendar(years=(2026,), holidays=frozenset(), workdays=frozenset())

_days = st.dates(date(2025, 12, 1), date(2027, 1, 31))
_moments = st.datetimes(datetime(2025, 12, 1), datetime(2026, 12, 31), timezones=st.sampled_from([SHANGHAI, UTC]))  # noqa: DTZ001
_limits = st.integers(1, 40)


@st.composite
def _calendars(draw: st.DrawFn) -> Calendar:
    holidays = draw(st.frozensets(_days, max_size=25))
    workdays = draw(st.frozensets(_days.filter(lambda day: day.weekday() >= 5), max_size=15)) - holidays
    return Calendar(years=(2026,), holidays=holidays, workdays=workdays)


@pytest.fixture(scope="module")
def demo_calendar() -> Calendar:
    return read_county(DEMO).calendar


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_demo_calendar_agrees_with_the_published_one(demo_calendar: Calendar, year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [day for day in days if is_working_day(demo_calendar, day) != chinese_calendar.is_workday(day)] == []


@pytest.mark.parametrize(
    ("start", "days", "deadline"),
    [
        ("2026-03-04T09:00:00", 1, "2026-03-05T23:59:59"),  # Wednesday: day one is the day after
        ("2026-03-04T23:59:59", 1, "2026-03-05T23:59:59"),  # at whatever hour
        ("2026-03-06T09:00:00", 1, "2026-03-09T23:59:59"),  # Friday, over the weekend
        ("2026-03-07T09:00:00", 1, "2026-03-09T23:59:59"),  # received on a Saturday
        ("2026-02-13T09:00:00", 1, "2026-02-14T23:59:59"),  # 14 February is a Saturday that is worked
        ("2026-02-14T09:00:00", 1, "2026-02-24T23:59:59"),  # Spring Festival: 15 to 23 February
        ("2026-09-30T17:00:00", 3, "2026-10-10T23:59:59"),  # 8, 9 and the worked Saturday, 10 October
        ("2025-12-31T09:00:00", 2, "2026-01-05T23:59:59"),  # over New Year, with the worked Sunday 4 January
    ],
)
def test_deadlines_of_real_days(demo_calendar: Calendar, start: str, days: int, deadline: str) -> None:
    assert add_working_days(demo_calendar, _at(start), days, END) == _at(deadline)


def test_the_day_is_that_of_shanghai_not_of_greenwich() -> None:
    late = datetime(2026, 3, 4, 17, 0, tzinfo=UTC)  # 5 March, 01:00 in Shanghai
    deadline = add_working_days(PLAIN, late, 1, "18:00:00")
    assert deadline.isoformat() == "2026-03-06T18:00:00+08:00"


def test_refuses_what_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="time zone"):
        add_working_days(PLAIN, datetime(2026, 3, 4), 1, END)  # noqa: DTZ001
    with pytest.raises(ValueError, match="at least one"):
        add_working_days(PLAIN, _at("2026-03-04T09:00:00"), 0, END)
    with pytest.raises(ValueError, match="hour"):
        add_working_days(PLAIN, _at("2026-03-04T09:00:00"), 1, "25:00:00")


def test_a_year_without_a_notice_has_weekends_only_and_says_so() -> None:
    calendar = Calendar(years=(2026,), holidays=frozenset({date(2027, 1, 1)}), workdays=frozenset({date(2027, 1, 2)}))
    assert is_working_day(calendar, date(2027, 1, 1))
    assert not is_working_day(calendar, date(2027, 1, 2))
    assert calendar_covers(calendar, _at("2026-01-01T00:00:00"), _at("2026-12-31T23:59:59"))
    assert not calendar_covers(calendar, _at("2026-12-31T00:00:00"), _at("2027-01-01T00:00:00"))
    assert not calendar_covers(calendar, _at("2025-12-31T00:00:00"), _at("2026-01-01T00:00:00"))


@given(_calendars(), _moments, _limits)
def test_a_limit_ends_on_a_working_day_after_its_start(calendar: Calendar, start: datetime, days: int) -> None:
    deadline = add_working_days(calendar, start, days, END)
    assert is_working_day(calendar, deadline.date())
    assert deadline.date() > shanghai_day(start)
    assert working_days_between(calendar, start, deadline) == days


@given(_calendars(), _moments, _limits, _days)
def test_a_holiday_never_brings_a_deadline_nearer(calendar: Calendar, start: datetime, days: int, day: date) -> None:
    more = calendar.model_copy(
        update={"holidays": calendar.holidays | {day}, "workdays": calendar.workdays - {day}},
    )
    assert add_working_days(more, start, days, END) >= add_working_days(calendar, start, days, END)


@given(_calendars(), _moments, _limits, _days)
def test_a_make_up_day_never_pushes_a_deadline_away(calendar: Calendar, start: datetime, days: int, day: date) -> None:
    more = calendar.model_copy(
        update={"workdays": calendar.workdays | {day}, "holidays": calendar.holidays - {day}},
    )
    assert add_working_days(more, start, days, END) <= add_working_days(calendar, start, days, END)


@given(st.dates(date(2026, 1, 3), date(2026, 12, 27)).filter(lambda day: day.weekday() >= 5))
def test_make_up_saturdays_and_sundays_count(day: date) -> None:
    calendar = PLAIN.model_copy(update={"workdays": frozenset({day})})
    eve = datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI) - timedelta(days=1)
    assert add_working_days(calendar, eve, 1, END).date() == day


@given(_calendars(), _moments, _limits)
def test_a_longer_limit_ends_later(calendar: Calendar, start: datetime, days: int) -> None:
    assert add_working_days(calendar, start, days, END) < add_working_days(calendar, start, days + 1, END)


@given(_calendars(), _moments, _moments, _moments)
def test_working_days_add_up(calendar: Calendar, one: datetime, two: datetime, three: datetime) -> None:
    one, two, three = sorted((one, two, three))
    parts = working_days_between(calendar, one, two) + working_days_between(calendar, two, three)
    assert parts == working_days_between(calendar, one, three)
    assert working_days_between(calendar, three, one) == 0
