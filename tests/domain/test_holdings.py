"""Who is charged with which days: over random calendars, every day once, and nobody with another's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.clock import SHANGHAI, add_working_days, working_days_between
from backend.county import Calendar
from backend.domain.holdings import charge
from backend.models import Clock

END = "23:59:59"
UNITS = ("530199001", "530199002", "530199-office")
_days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def _calendars(draw: st.DrawFn) -> Calendar:
    holidays = draw(st.frozensets(_days, max_size=25))
    workdays = draw(st.frozensets(_days.filter(lambda day: day.weekday() >= 5), max_size=15)) - holidays
    return Calendar(years=(2026,), holidays=holidays, workdays=workdays)


def _stretch(holder: str, start: datetime, end: datetime | None, due: datetime, kind: str = "rectify") -> Clock:
    return Clock(kind=kind, holder=holder, started_at=start, stopped_at=end, due_at=due, in_hours=False)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


PLAIN = Calendar(years=(2026,), holidays=frozenset(), workdays=frozenset())


@given(
    _calendars(),
    st.datetimes(datetime(2026, 1, 5), datetime(2026, 8, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.lists(st.tuples(st.sampled_from(UNITS), st.integers(1, 600)), min_size=1, max_size=6),
    st.integers(1, 15),
)
def test_hand_overs_lose_no_day_and_count_none_twice(
    calendar: Calendar, start: datetime, parts: list[tuple[str, int]], limit: int
) -> None:
    due = add_working_days(calendar, start, limit, END)
    stretches, at = [], start
    for holder, hours in parts:
        end = at + timedelta(hours=hours)
        stretches.append(_stretch(holder, at, end, due))
        at = end
    found = charge(calendar, stretches, at)
    assert sum(held.used_days for held in found) == working_days_between(calendar, start, at)
    assert sum(held.overdue_days for held in found) == working_days_between(calendar, due, at)
    for held in found:
        assert held.overdue_days <= held.used_days
        assert held.overdue == any(s.holder == held.holder and s.stopped_at > due for s in stretches)


@given(_calendars(), st.datetimes(datetime(2026, 1, 5), datetime(2026, 8, 1), timezones=st.just(UTC)), _days)  # noqa: DTZ001
def test_a_holiday_never_makes_a_holder_later(calendar: Calendar, start: datetime, holiday: date) -> None:
    more = calendar.model_copy(
        update={"holidays": calendar.holidays | {holiday}, "workdays": calendar.workdays - {holiday}}
    )
    end = start + timedelta(days=60)
    late = []
    for one in (calendar, more):
        due = add_working_days(one, start, 5, END)
        late.append(charge(one, [_stretch(UNITS[0], start, end, due)], end)[0].overdue_days)
    assert late[1] <= late[0]


def test_each_holder_has_only_its_own_delay() -> None:
    due = _at("2026-06-05T23:59:59")  # Friday
    stretches = [
        _stretch("A", _at("2026-06-01T09:00:00"), _at("2026-06-09T10:00:00"), due),  # Tuesday: two days late
        _stretch("office", _at("2026-06-09T10:00:00"), _at("2026-06-10T10:00:00"), due),
        _stretch("B", _at("2026-06-10T10:00:00"), _at("2026-06-12T18:00:00"), due),
    ]
    found = {held.holder: (held.used_days, held.overdue_days) for held in charge(PLAIN, stretches, due)}
    assert found == {"A": (6, 2), "office": (1, 1), "B": (2, 2)}


def test_a_stretch_that_stopped_in_time_is_never_overdue() -> None:
    stretch = _stretch("A", _at("2026-06-01T09:00:00"), _at("2026-06-03T09:00:00"), _at("2026-06-05T23:59:59"))
    held = charge(PLAIN, [stretch], _at("2026-07-01T09:00:00"))[0]
    assert (held.overdue, held.overdue_days, held.running) == (False, 0, False)


def test_a_lapsed_right_to_refuse_is_no_delay() -> None:
    stretch = _stretch("A", _at("2026-06-01T09:00:00"), None, _at("2026-06-02T23:59:59"), "refuse")
    assert not charge(PLAIN, [stretch], _at("2026-07-01T09:00:00"))[0].overdue


def test_hours_are_told_where_the_clock_counts_in_hours() -> None:
    stretch = _stretch("A", _at("2026-06-06T09:00:00"), None, _at("2026-06-06T13:00:00"))
    stretch.in_hours = True
    held = charge(PLAIN, [stretch], _at("2026-06-06T15:30:00"))[0]  # a Saturday
    assert (held.used_hours, held.overdue_hours, held.overdue_days, held.overdue) == (6.5, 2.5, 0, True)
