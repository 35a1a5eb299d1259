"""Who takes a case over from another unit: the days of others are not charged to them, their own are."""

from __future__ import annotations

from backend.domain import deadlines, holdings
from backend.domain.actors import TIMER
from backend.models import Case, Clock
from backend.work import Work
from tests.domain.ledger import LEAD, OFFICE, OTHER, STARTED, act, case_in, photo
from tests.domain.test_assessments import SECOND_HANDLER, lost, shown, value, work
from tests.domain.timer import at

__all__ = ["work"]


def rectify(work: Work, case: Case) -> Clock:
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    return clock


def test_who_takes_over_what_is_overdue_has_the_days_that_the_rules_give_anybody(work: Work) -> None:
    case = case_in(work, "rectifying")  # five working days: until the 8th
    work.now = at("06-10T10:00")
    act(work, case, OFFICE, "reassign", unit=OTHER, reason="改由下游乡镇办理")
    [late, taken_over] = [held for held in holdings.of_case(work, case.id) if held.kind == "rectify"]
    assert (late.holder, late.overdue_days, late.charged) == (LEAD, 2, True)
    work.now = at("06-12T10:00")
    [_, taken_over] = [held for held in holdings.of_case(work, case.id) if held.kind == "rectify"]
    assert (taken_over.holder, taken_over.overdue_days, taken_over.charged) == (OTHER, 2, False)
    month = shown(work, "06-17T23:59")  # five working days from the 10th
    assert lost(month, "rectify") == [(25.0, str(case.id))]
    assert value(month, "rectify", OTHER) is None
    assert lost(shown(work, "06-18T10:00"), "rectify", OTHER) == [(25.0, str(case.id))]


def test_who_takes_over_what_is_overdue_and_is_quick_has_done_it_in_time(work: Work) -> None:
    case = case_in(work, "rectifying")
    work.now = at("06-10T10:00")
    act(work, case, OFFICE, "reassign", unit=OTHER, reason="改由下游乡镇办理")
    act(work, case, SECOND_HANDLER, "accept")
    work.now = at("06-11T10:00")
    act(work, case, SECOND_HANDLER, "start", **STARTED)
    act(work, case, SECOND_HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    month = shown(work, "07-10T09:00")
    assert (value(month, "rectify"), value(month, "rectify", OTHER)) == (0, 1)


def test_who_sends_a_case_round_gets_only_the_days_back_that_it_had_not_used(work: Work) -> None:
    case = case_in(work, "rectifying")
    work.now = at("06-04T10:00")  # three of its five days
    act(work, case, OFFICE, "reassign", unit=OTHER, reason="改由下游乡镇办理")
    work.now = at("06-09T10:00")
    act(work, case, OFFICE, "reassign", unit=LEAD, reason="仍由原单位办理")
    assert value(shown(work, "06-11T23:59"), "rectify") is None  # two more days, until the 11th
    assert lost(shown(work, "06-12T10:00"), "rectify") == [(25.0, str(case.id))]


def test_a_graver_case_leaves_who_took_it_over_fewer_days(work: Work) -> None:
    case = case_in(work, "rectifying")
    work.now = at("06-05T10:00")
    act(work, case, OFFICE, "reassign", unit=OTHER, reason="改由下游乡镇办理")
    assert rectify(work, case).own_by == at("06-12T23:59:59")
    act(work, case, OFFICE, "grade", severity="grave", reason="影响取水")  # two working days for anybody
    clock = rectify(work, case)
    assert (clock.due_at, clock.own_by) == (at("06-08T23:59:59"), at("06-09T23:59:59"))


def test_a_letter_by_rule_for_the_days_of_others_costs_nothing(work: Work) -> None:
    case, other = case_in(work, "rectifying"), case_in(work, "rectifying")
    work.now = at("06-10T10:00")
    for one in (case, other):
        act(work, one, OFFICE, "reassign", unit=OTHER, reason="改由下游乡镇办理")
    work.now = at("06-11T10:00")
    act(work, case, TIMER, "supervise", demands="请抓紧整改。", why="overdue")
    assert lost(shown(work, "06-11T12:00"), "supervision", OTHER) == []
    work.now = at("06-18T10:00")  # its own five days are over
    act(work, other, TIMER, "supervise", demands="请抓紧整改。", why="overdue")
    assert lost(shown(work, "06-18T12:00"), "supervision", OTHER) == [(3.0, str(other.id))]
