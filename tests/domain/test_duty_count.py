"""What is owed and what was done, from rules alone: periods, seasons, gaps, terms of office, published rule sets."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.clock import SHANGHAI
from backend.county import Calendar
from backend.domain.duty_count import Completion, Term, Walked, complete, level
from backend.domain.duty_periods import Period, before, period_of, periods_in
from backend.rules.duty import Duty, DutyRules
from backend.rules.patrol import PatrolRules

RULE_SETS = Path(__file__).parent.parent / "rule_sets"
CALENDAR = Calendar(years=(2026,), holidays=frozenset({date(2026, 6, 19)}), workdays=frozenset({date(2026, 6, 20)}))
LONG_AGO = date(2020, 1, 1)


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=SHANGHAI)


def term(role: str, reaches: tuple[str, ...] = ("R1",), since: str = "2020-01-01", until: str | None = None) -> Term:
    return Term(
        role_id=UUID(int=1), person_id=UUID(int=2), name="王五", role=role, unit="530199001", reaches=reaches,
        since=at(since, 0), until=None if until is None else at(until, 18),
    )  # fmt: skip


def walked(day: str, *reaches: str, hour: int = 9, led: bool = True) -> Walked:
    return Walked(uuid4(), at(day, hour), reaches or ("R1",), led)


def duty_of(rules: DutyRules, role: str) -> Duty:
    found = rules.of(role)
    assert found is not None
    return found


def rules_of(name: str) -> DutyRules:
    return DutyRules.model_validate(tomllib.loads((RULE_SETS / name / "duty.toml").read_text("utf-8")))


def judged(name: str, role: str, day: str, *patrols: Walked, holder: Term | None = None) -> Completion:
    duty = duty_of(rules_of(name), role)
    period = period_of(duty.per, date.fromisoformat(day))
    return complete(duty, period, holder or term(role), patrols, LONG_AGO)


@pytest.mark.parametrize(
    ("per", "day", "first", "last", "name"),
    [
        ("quarter", "2026-05-31", "2026-04-01", "2026-06-30", "2026年第2季度"),
        ("month", "2024-02-10", "2024-02-01", "2024-02-29", "2024年2月"),
        ("ten_days", "2026-06-10", "2026-06-01", "2026-06-10", "6月上旬"),
        ("ten_days", "2026-02-28", "2026-02-21", "2026-02-28", "2月下旬"),
        ("week", "2026-06-07", "2026-06-01", "2026-06-07", "6月1日至7日"),
        ("week", "2026-12-31", "2026-12-28", "2027-01-03", "12月28日至1月3日"),
        ("working_day", "2026-06-08", "2026-06-08", "2026-06-08", "6月8日"),
    ],
)  # fmt: skip
def test_periods_begin_and_end_where_people_say(per: str, day: str, first: str, last: str, name: str) -> None:
    period = period_of(per, date.fromisoformat(day))  # type: ignore[arg-type]
    assert (str(period.first), str(period.last), period.name) == (first, last, name)


def test_single_days_follow_the_calendar() -> None:
    days = [one.first.day for one in periods_in("working_day", date(2026, 6, 15), date(2026, 6, 22), CALENDAR)]
    assert days == [15, 16, 17, 18, 20, 22]  # the 19th is a holiday, Saturday the 20th is worked for it
    assert before(period_of("working_day", date(2026, 6, 22)), CALENDAR).first == date(2026, 6, 20)


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.sampled_from(["quarter", "month", "ten_days", "week"]))
def test_periods_follow_each_other_without_gap_or_overlap(day: date, per: str) -> None:
    period = period_of(per, day)  # type: ignore[arg-type]
    assert period.first <= day <= period.last
    earlier = before(period, CALENDAR)
    assert earlier.last == period.first - timedelta(days=1)


class TestAheqi:
    """阿合奇县 2022-06-14."""

    def test_every_patrol_lasts_thirty_minutes_and_townships_and_villages_walk_two_kilometres(self) -> None:
        rules = PatrolRules.model_validate(tomllib.loads((RULE_SETS / "aheqi/patrol.toml").read_text("utf-8")))
        asked = {
            role: (one.min_minutes, one.min_metres)
            for role in ("county_chief", "township_chief", "village_chief", "patroller")
            if (one := rules.minimum(role, "R1")) is not None
        }
        assert asked == {
            "county_chief": (30, 0), "township_chief": (30, 2000), "village_chief": (30, 2000), "patroller": (30, 0),
        }  # fmt: skip

    def test_the_county_patrols_once_a_quarter(self) -> None:
        assert judged("aheqi", "county_chief", "2026-05-01").needed == 1
        assert judged("aheqi", "county_chief", "2026-05-01", walked("2026-04-02")).fulfilled
        assert not judged("aheqi", "county_chief", "2026-05-01", walked("2026-03-31")).fulfilled

    def test_townships_owe_one_a_month_from_march_to_december(self) -> None:
        assert judged("aheqi", "township_chief", "2026-02-10").needed == 0
        assert judged("aheqi", "township_chief", "2026-03-10").needed == 1
        assert judged("aheqi", "township_chief", "2026-12-10").needed == 1

    def test_villages_owe_one_a_week_from_march_to_december(self) -> None:
        assert judged("aheqi", "village_chief", "2026-02-20").needed == 0
        # The week of 23 February has one day of March: less than half of it is in season.
        assert judged("aheqi", "village_chief", "2026-03-01").needed == 0
        assert judged("aheqi", "village_chief", "2026-03-02").needed == 1

    def test_a_patrol_counts_only_more_than_ninety_six_hours_after_the_last_one(self) -> None:
        first = walked("2026-06-01")
        exactly = walked("2026-06-05")
        later = walked("2026-06-05", hour=10)
        seen = judged("aheqi", "village_chief", "2026-06-03", first, exactly)
        assert (seen.done, seen.too_soon) == (1, 1)
        assert judged("aheqi", "village_chief", "2026-06-03", first, later).done == 2
        assert seen.next_from == at("2026-06-05")

    def test_the_gap_is_measured_from_the_last_self_started_one_also_of_the_week_before(self) -> None:
        own, soon = walked("2026-06-07"), walked("2026-06-09")
        assert judged("aheqi", "village_chief", "2026-06-09", own, soon).done == 0
        joint = walked("2026-06-07", led=False)
        assert judged("aheqi", "village_chief", "2026-06-09", joint, soon).done == 1

    def test_patrollers_go_weekly_all_year(self) -> None:
        assert judged("aheqi", "patroller", "2026-01-20").needed == 1


class TestDinghu:
    """泗县丁湖镇."""

    def test_five_minutes_and_three_hundred_metres_of_each_reach(self) -> None:
        rules = PatrolRules.model_validate(tomllib.loads((RULE_SETS / "dinghu/patrol.toml").read_text("utf-8")))
        one = rules.minimum("village_chief", "R1")
        assert one is not None
        assert (one.scope, one.min_minutes, one.min_metres) == ("reach", 5, 300)

    def test_the_town_walks_each_of_its_reaches_once_a_month(self) -> None:
        chief = term("township_chief", ("R1", "R2"))
        seen = judged("dinghu", "township_chief", "2026-06-10", walked("2026-06-02", "R1"), holder=chief)
        assert (seen.needed, seen.done, seen.lacking) == (2, 1, (("R2", 1),))
        twice = (walked("2026-06-02", "R1"), walked("2026-06-03", "R1"))
        again = judged("dinghu", "township_chief", "2026-06-10", *twice, holder=chief)
        assert again.done == 1  # twice on one reach makes nothing good on the other
        both = judged("dinghu", "township_chief", "2026-06-10", walked("2026-06-02", "R1", "R2"), holder=chief)
        assert both.fulfilled

    def test_villages_walk_each_reach_twice_a_month(self) -> None:
        once = judged("dinghu", "village_chief", "2026-06-10", walked("2026-06-02"))
        assert (once.needed, once.done, once.fulfilled) == (2, 1, False)
        assert judged("dinghu", "village_chief", "2026-06-10", walked("2026-06-02"), walked("2026-06-02")).fulfilled


class TestGuangzhou:
    """广州 2021."""

    def test_ten_minutes_and_a_kilometre_and_handling_on_the_spot_counts(self) -> None:
        rules = PatrolRules.model_validate(tomllib.loads((RULE_SETS / "guangzhou/patrol.toml").read_text("utf-8")))
        one = rules.minimum("village_chief", "R1")
        assert one is not None
        assert (one.min_minutes, one.min_metres, one.settled_counts) == (10, 1000, True)

    @pytest.mark.parametrize(
        ("today", "missed", "expected"),
        [("2026-06-03", 0, None), ("2026-06-05", 0, "yellow"), ("2026-06-05", 1, "orange"), ("2026-06-03", 2, "red")],
    )
    def test_the_highest_alert_wins(self, today: str, missed: int, expected: str | None) -> None:
        rules = rules_of("guangzhou")
        now = judged("guangzhou", "village_chief", today)
        assert level(rules.alerts, now, missed, date.fromisoformat(today)) == expected

    def test_who_has_walked_this_week_is_not_hurried(self) -> None:
        now = judged("guangzhou", "village_chief", "2026-06-05", walked("2026-06-02"))
        assert level(rules_of("guangzhou").alerts, now, 0, date(2026, 6, 5)) is None


MONTH = Duty(roles=("village_chief",), times=4, per="month")
JUNE = period_of("month", date(2026, 6, 1))


def test_who_comes_or_goes_in_mid_month_owes_the_part_and_is_told_so() -> None:
    coming = complete(MONTH, JUNE, term("village_chief", since="2026-06-16"), [], LONG_AGO)
    going = complete(MONTH, JUNE, term("village_chief", until="2026-06-08"), [], LONG_AGO)
    gone = complete(MONTH, JUNE, term("village_chief", until="2026-05-30"), [], LONG_AGO)
    assert (coming.needed, going.needed, gone.needed) == (2, 1, 0)
    assert coming.words == "2026年6月应巡2次（按在任和应巡的天数折算，全月为4次），已巡0次，还差2次。"


def test_the_first_rules_of_a_county_hold_from_their_own_day() -> None:
    assert complete(MONTH, JUNE, term("village_chief"), [], date(2026, 6, 16)).needed == 2


def test_what_began_outside_the_period_does_not_count_in_it() -> None:
    last_minute = Walked(uuid4(), datetime(2026, 6, 30, 23, 59, tzinfo=SHANGHAI), ("R1",))
    midnight = Walked(uuid4(), datetime(2026, 7, 1, 0, 0, tzinfo=SHANGHAI), ("R1",))
    assert complete(MONTH, JUNE, term("village_chief"), [last_minute, midnight], LONG_AGO).done == 1


@given(st.lists(st.integers(0, 24 * 40), max_size=20), st.integers(0, 200), st.randoms())
def test_the_order_of_arrival_changes_nothing_and_a_longer_gap_never_counts_more(
    hours: list[int], gap: int, shuffle: object
) -> None:
    patrols = [Walked(UUID(int=n), at("2026-05-28") + timedelta(hours=h), ("R1",)) for n, h in enumerate(hours)]
    mixed = list(patrols)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    plain = complete(MONTH, JUNE, term("village_chief"), patrols, LONG_AGO)
    short = complete(MONTH.model_copy(update={"min_gap_hours": gap}), JUNE, term("village_chief"), mixed, LONG_AGO)
    assert short.done <= plain.done
    assert short.done + short.too_soon == plain.done
    assert isinstance(short.period, Period)
