"""The ladder of reminders for one clock: real weeks, then properties that hold for every calendar and ladder."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.clock import SHANGHAI, is_working_time, working_days_between
from backend.county import Calendar, County
from backend.domain.ladder import Planned, Running, Turn, plan, turn
from backend.rules.supervision import Step, SupervisionRules

RULES = SupervisionRules()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI)


def steps(planned: list[Planned]) -> list[str]:
    return [f"{one.step.code} {one.at.astimezone(SHANGHAI):%m-%d %H:%M}" for one in planned]


def running(kind: str, start: str, due: str, in_hours: bool = False, always: bool = False) -> Running:
    return Running(kind, in_hours, at(start), at(due), always)


def test_a_rectifying_ladder_of_an_ordinary_week(county: County) -> None:
    """Five working days from Monday 1 June: until Monday the 8th at midnight."""
    assert steps(plan(RULES, county.calendar, running("rectify", "06-01T09:00", "06-08T23:59:59"))) == [
        "before_2_days 06-04 08:30", "due 06-08 08:30", "after_1_days 06-09 08:30", "after_3_days 06-11 08:30",
        "after_5_days 06-15 08:30",
    ]  # fmt: skip


def test_the_ladder_steps_over_a_holiday_week_and_works_on_the_saturday_that_is_worked(county: County) -> None:
    """National Day: off from 1 to 7 October, Saturday the 10th is worked."""
    assert steps(plan(RULES, county.calendar, running("rectify", "09-23T10:00", "09-30T23:59:59"))) == [
        "before_2_days 09-28 08:30", "due 09-30 08:30", "after_1_days 10-08 08:30", "after_3_days 10-10 08:30",
        "after_5_days 10-13 08:30",
    ]  # fmt: skip
    assert steps(plan(RULES, county.calendar, running("rectify", "09-24T10:00", "10-09T23:59:59")))[:2] == [
        "before_2_days 09-30 08:30", "due 10-09 08:30",
    ]  # fmt: skip


def test_a_date_that_somebody_set_on_a_day_off_is_reminded_of_on_the_working_day_before(county: County) -> None:
    found = steps(plan(RULES, county.calendar, running("rectify", "09-21T10:00", "10-03T23:59:59")))
    assert found[:3] == ["before_2_days 09-28 08:30", "due 09-30 08:30", "after_1_days 10-08 08:30"]


def test_a_limit_of_one_day_is_not_reminded_of_before_it_began(county: County) -> None:
    found = steps(plan(RULES, county.calendar, running("rectify", "06-01T09:00", "06-02T23:59:59")))
    assert found[0] == "due 06-02 08:30"


def test_hours_run_by_day_and_night_when_the_case_is_urgent(county: County) -> None:
    """Accepted within four hours of Friday 23:00."""
    assert steps(plan(RULES, county.calendar, running("accept", "06-05T23:00", "06-06T03:00", True, True))) == [
        "before_30_minutes 06-06 02:30", "due 06-06 03:00", "after_30_minutes 06-06 03:30", "after_2_hours 06-06 05:00",
    ]  # fmt: skip


def test_hours_of_what_is_not_urgent_are_spoken_of_in_working_hours(county: County) -> None:
    """What comes before the deadline moves before the night, what follows it behind the weekend."""
    assert steps(plan(RULES, county.calendar, running("accept", "06-05T09:00", "06-06T03:00", True))) == [
        "before_30_minutes 06-05 14:00", "due 06-08 08:30", "after_30_minutes 06-08 08:30", "after_2_hours 06-08 08:30",
    ]  # fmt: skip


def test_whoever_takes_over_what_is_overdue_is_reminded_from_that_day_on(county: County) -> None:
    found = steps(plan(RULES, county.calendar, running("rectify", "06-16T10:00", "06-08T23:59:59")))
    assert found == ["after_1_days 06-17 08:30", "after_3_days 06-22 08:30", "after_5_days 06-24 08:30"]


def test_a_right_to_refuse_is_never_reminded_of(county: County) -> None:
    assert plan(RULES, county.calendar, running("refuse", "06-01T09:00", "06-03T23:59:59")) == []


def test_working_hours_before_a_deadline_at_midnight_count_from_the_closing(county: County) -> None:
    rules = SupervisionRules(
        steps=(
            Step(clock="accept", when="before", hours=3, to=("handler",)),
            Step(clock="accept", when="after", hours=4, to=("head",)),
        )
    )
    assert steps(plan(rules, county.calendar, running("accept", "06-04T09:00", "06-05T23:59:59"))) == [
        "before_3_hours 06-05 14:30", "after_4_hours 06-08 14:30",
    ]  # fmt: skip


# ---- whose turn it is ------------------------------------------------------------------------------------------------

LADDER = [
    Planned(Step(clock="accept", when="after", days=n, to=("head",)), at(f"06-{n:02d}T08:30")) for n in (1, 2, 3, 4)
]


def codes(found: Turn) -> tuple[str | None, list[str], datetime | None]:
    return (found.send.code if found.send else None, [step.code for step in found.skipped], found.next_at)


def test_after_a_silence_only_the_highest_step_is_sent() -> None:
    assert codes(turn(LADDER, [], None, at("06-03T12:00"))) == (
        "after_3_days", ["after_1_days", "after_2_days"], at("06-04T08:30"),
    )  # fmt: skip


def test_what_was_sent_or_passed_over_is_not_sent_again() -> None:
    done = ["after_1_days", "after_2_days", "after_3_days"]
    assert codes(turn(LADDER, done, at("06-03T12:00"), at("06-03T13:00"))) == (None, [], at("06-04T08:30"))
    assert codes(turn(LADDER, [*done, "after_4_days"], at("06-04T08:31"), at("06-30T13:00"))) == (None, [], None)


def test_a_step_that_the_rules_got_later_is_not_sent_behind_a_higher_one() -> None:
    assert codes(turn(LADDER, ["after_3_days"], at("06-03T08:31"), at("06-03T13:00")))[0] is None


# ---- for every calendar and ladder -----------------------------------------------------------------------------------

_days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
_moments = st.datetimes(datetime(2026, 1, 5), datetime(2026, 11, 20), timezones=st.just(UTC))  # noqa: DTZ001
_kinds = st.sampled_from(["triage", "accept", "rectify", "review"])


@st.composite
def _calendars(draw: st.DrawFn) -> Calendar:
    holidays = draw(st.frozensets(_days, max_size=25))
    return Calendar(years=(2026,), holidays=holidays, workdays=draw(st.frozensets(_days, max_size=15)) - holidays)


@st.composite
def _rules(draw: st.DrawFn) -> SupervisionRules:
    def step(unit: str) -> Step:
        when = draw(st.sampled_from(["before", "due", "after"]))
        span = {} if when == "due" else {unit: draw(st.integers(1, 12))}
        return Step(clock=draw(_kinds), when=when, to=("office",), **span)

    def ladder(*units: str) -> tuple[Step, ...]:
        made = [step(draw(st.sampled_from(units))) for _ in range(6)]
        return tuple({(one.clock, one.code): one for one in made}.values())

    return SupervisionRules(steps=ladder("days", "hours"), hour_steps=ladder("hours", "minutes"))


@st.composite
def _clocks(draw: st.DrawFn) -> Running:
    start = draw(_moments)
    due = start + timedelta(hours=draw(st.integers(-200, 500)))
    return Running(draw(_kinds), draw(st.booleans()), start, due, draw(st.booleans()))


@given(_rules(), _calendars(), _clocks())
def test_steps_come_in_order_after_the_start_and_in_working_hours_unless_urgent(
    rules: SupervisionRules, calendar: Calendar, clock: Running
) -> None:
    found = plan(rules, calendar, clock)
    times = [one.at for one in found]
    assert times == sorted(times)
    assert all(one.at > clock.started_at for one in found)
    if not clock.always:
        assert all(is_working_time(calendar, rules.hours, moment) for moment in times)
    assert {one.step.code for one in found} <= {step.code for step in rules.ladder(clock.kind, clock.in_hours)}


@given(_rules(), _calendars(), _clocks())
def test_what_is_before_is_not_after_and_what_is_after_is_not_before(
    rules: SupervisionRules, calendar: Calendar, clock: Running
) -> None:
    for one in plan(rules, calendar, clock):
        if one.step.when == "before":
            assert one.at <= clock.due_at
        if one.step.when == "after":
            assert one.at > clock.due_at
            if one.step.days is not None:
                assert working_days_between(calendar, max(clock.due_at, clock.started_at), one.at) == one.step.days


@given(_rules(), _calendars(), _clocks(), st.lists(st.integers(1, 20 * 24), min_size=1, max_size=12))
def test_however_often_one_looks_each_step_is_sent_or_passed_over_once_and_never_early(
    rules: SupervisionRules, calendar: Calendar, clock: Running, pauses: list[int]
) -> None:
    """The timer looks at any times; in the end every step was handled once, in the order of the ladder."""
    planned = plan(rules, calendar, clock)
    due_at = {one.step.code: one.at for one in planned}
    done: list[str] = []
    last_at, now = None, clock.started_at
    for pause in [*pauses, 1000 * 24]:
        now += timedelta(hours=pause)
        found = turn(planned, done, last_at, now)
        assert found.next_at is None or found.next_at > now
        if found.send is None:
            assert found.skipped == ()
            continue
        assert due_at[found.send.code] <= now
        done += [step.code for step in (*found.skipped, found.send)]
        last_at = now
    assert done == [one.step.code for one in planned]


# ---- the rules' file -------------------------------------------------------------------------------------------------


def reasons(county: County, **changes: object) -> list[str]:
    return [reason for _, reason in RULES.model_copy(update=changes).faults(county)]


def test_the_defaults_are_sound(county: County) -> None:
    assert reasons(county) == []
    assert RULES.hours == ((time(8, 30), time(12)), (time(14), time(17, 30)))


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        ((), "至少要有一段"),
        (("8:30-12:00",), "写法不对"),
        (("08:30-12:00", "12:00-17:00"), "先后有序"),
        (("14:00-12:00",), "先后有序"),
        (("08:30-24:00",), "写法不对"),
    ],
)
def test_hours_that_cannot_be_are_refused(county: County, hours: tuple[str, ...], why: str) -> None:
    assert why in "".join(reasons(county, working_hours=hours))


@pytest.mark.parametrize(
    ("key", "step", "why"),
    [
        ("steps", {"clock": "accept", "when": "due", "days": 1, "to": ("handler",)}, "不写 days"),
        ("steps", {"clock": "accept", "when": "after", "to": ("handler",)}, "要写 days、hours、minutes 中的一个"),
        ("steps", {"clock": "accept", "when": "after", "days": 1, "hours": 1, "to": ("handler",)}, "中的一个"),
        ("hour_steps", {"clock": "accept", "when": "after", "days": 1, "to": ("handler",)}, "不能写 days"),
        ("steps", {"clock": "triage", "when": "due", "to": ("handler", "office")}, "to 不能写 handler"),
        ("steps", {"clock": "review", "when": "due", "to": ("office",), "supervise": True}, "不能自动督办"),
    ],
)
def test_steps_that_mean_nothing_are_refused(county: County, key: str, step: dict[str, object], why: str) -> None:
    assert why in "".join(reasons(county, **{key: (Step.model_validate(step),)}))


def test_a_step_named_twice_is_refused(county: County) -> None:
    twice = Step(clock="accept", when="due", to=("handler",))
    assert "重复" in "".join(reasons(county, steps=(twice, twice.model_copy(update={"to": ("head",)}))))
