"""Extensions: asked for in time, decided by the office, both dates kept, nobody charged with a gap that was granted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backend.domain import deadlines, extensions, holdings, states
from backend.models import Case, CaseEvent, Clock, Extension
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    LEAD,
    MONDAY,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    act,
    case_in,
    code_of,
    official,
    photo,
    undone,
)

DUE = datetime(2026, 6, 8, 15, 59, 59, tzinfo=UTC)  # five working days after Monday the 1st
WISHED = date(2026, 6, 15)
WISHED_AT = datetime(2026, 6, 15, 15, 59, 59, tzinfo=UTC)
AWAY = {
    "request_closure": lambda work, case: act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="清"),
    "reassign": lambda work, case: act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇"),
    "merge": lambda work, case: act(
        work, case, OFFICE, "merge", target=case_in(work, "assigned").id, reason="同一问题"
    ),
}


@pytest.fixture
def work(app: APIFlask) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def ask(work: Work, case: Case, wished: date | datetime = WISHED) -> Extension:
    act(work, case, HANDLER, "ask_extension", reason="连日下雨", rectify_by=wished)
    return work.session.scalars(
        select(Extension).where(Extension.case_id == case.id).order_by(Extension.id.desc()).limit(1)
    ).one()


def due(work: Work, case: Case) -> datetime:
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    return clock.due_at


def offered(work: Work, case: Case, actor: Any) -> set[str]:
    return {row.action for row in states.allowed(work, case, actor) if row.action.endswith("extension")}


def test_a_granted_extension_moves_the_clock_and_keeps_both_dates(work: Work) -> None:
    case = case_in(work, "rectifying")
    extension = ask(work, case)
    assert (extension.state, extension.due_before, extension.wished_by) == ("open", DUE, WISHED_AT)
    assert due(work, case) == DUE  # asking moves nothing
    act(work, case, OFFICE, "grant_extension", reason="情况属实")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert (clock.due_at, clock.set_by, case.first_rectify_by) == (WISHED_AT, "extension", DUE)
    assert (extension.state, extension.granted_until, extension.due_before) == ("granted", WISHED_AT, DUE)
    assert (extension.decision, extension.decided_at, extension.county_version) == (
        "情况属实", work.now, work.county_version,
    )  # fmt: skip
    event = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == "grant_extension")
    ).one()
    assert (event.data["rectify_by_before"], event.data["rectify_by"]) == (str(DUE), str(WISHED_AT))


def test_the_office_may_grant_another_date(work: Work) -> None:
    case = case_in(work, "rectifying")
    extension = ask(work, case)
    act(work, case, OFFICE, "grant_extension", reason="三天足够", rectify_by=date(2026, 6, 11))
    assert due(work, case).date() == date(2026, 6, 11)
    assert (extension.wished_by, extension.granted_until) == (WISHED_AT, due(work, case))


def test_a_refused_extension_changes_no_date_and_the_unit_may_ask_again(work: Work) -> None:
    case = case_in(work, "rectifying")
    extension = ask(work, case)
    act(work, case, OFFICE, "refuse_extension", reason="时间足够")
    assert (extension.state, extension.decision, due(work, case)) == ("refused", "时间足够", DUE)
    assert offered(work, case, HANDLER) == {"ask_extension"}
    assert ask(work, case).state == "open"


def test_one_request_at_a_time_and_the_unit_may_take_it_back(work: Work) -> None:
    case = case_in(work, "rectifying")
    extension = ask(work, case)
    assert code_of(lambda: ask(work, case)) == "extension_waiting"
    assert offered(work, case, HANDLER) == {"withdraw_extension"}
    act(work, case, HANDLER, "withdraw_extension")
    assert extension.state == "withdrawn"
    assert offered(work, case, OFFICE) == set()
    assert code_of(lambda: act(work, case, OFFICE, "grant_extension", reason="x")) == "no_extension_waiting"


def test_it_is_asked_for_until_the_deadline_to_the_second_and_not_after(work: Work) -> None:
    case = case_in(work, "rectifying")
    work.now = DUE + timedelta(seconds=1)
    assert code_of(lambda: ask(work, case)) == "too_late_to_extend"
    assert offered(work, case, HANDLER) == set()
    work.now = DUE
    assert ask(work, case).state == "open"


def test_only_so_many_are_granted_per_case_and_refused_ones_do_not_count(work: Work) -> None:
    case = case_in(work, "rectifying")
    ask(work, case)
    act(work, case, OFFICE, "refuse_extension", reason="时间足够")
    for day in (10, 12):
        ask(work, case, date(2026, 6, day))
        act(work, case, OFFICE, "grant_extension", reason="情况属实")
    assert extensions.granted(work, case) == work.county.limits.extensions_max == 2
    assert code_of(lambda: ask(work, case, date(2026, 6, 25))) == "no_extension_left"


@pytest.mark.parametrize("wished", [date(2026, 6, 8), date(2026, 6, 3), date(2026, 5, 1), DUE])
def test_a_date_that_is_no_later_is_not_asked_for(work: Work, wished: date | datetime) -> None:
    case = case_in(work, "rectifying")
    assert code_of(lambda: ask(work, case, wished)) == "deadline_earlier"


@pytest.mark.parametrize(
    ("until", "code"), [(date(2026, 6, 8), "deadline_earlier"), (date(2026, 6, 5), "deadline_earlier"),
                        (date(2026, 5, 29), "deadline_past")],
)  # fmt: skip
def test_a_date_that_is_no_later_is_not_granted(work: Work, until: date, code: str) -> None:
    case = case_in(work, "rectifying")
    extension = ask(work, case)
    assert code_of(lambda: act(work, case, OFFICE, "grant_extension", reason="x", rectify_by=until)) == code
    assert (extension.state, due(work, case)) == ("open", DUE)


def test_a_wish_that_has_passed_by_the_time_of_the_decision_needs_another_date(work: Work) -> None:
    case = case_in(work, "rectifying")
    ask(work, case)
    work.now = WISHED_AT + timedelta(hours=1)
    assert code_of(lambda: act(work, case, OFFICE, "grant_extension", reason="x")) == "deadline_past"
    act(work, case, OFFICE, "grant_extension", reason="顺延", rectify_by=date(2026, 6, 18))
    assert not any(held.overdue for held in holdings.of_case(work, case.id))


def test_while_nobody_decides_the_case_is_overdue_and_a_grant_leaves_no_gap(work: Work) -> None:
    case = case_in(work, "rectifying")
    ask(work, case)
    work.now = DUE + timedelta(days=2)
    (held,) = [held for held in holdings.of_case(work, case.id) if held.kind == "rectify"]
    assert (held.overdue, held.overdue_days) == (True, 2)
    act(work, case, OFFICE, "grant_extension", reason="情况属实")
    (held,) = [held for held in holdings.of_case(work, case.id) if held.kind == "rectify"]
    assert (held.overdue, held.overdue_days, held.holder) == (False, 0, LEAD)


def test_a_refusal_after_the_deadline_leaves_the_delay(work: Work) -> None:
    case = case_in(work, "rectifying")
    ask(work, case)
    work.now = DUE + timedelta(days=2)
    act(work, case, OFFICE, "refuse_extension", reason="时间足够")
    (held,) = [held for held in holdings.of_case(work, case.id) if held.kind == "rectify"]
    assert held.overdue


@pytest.mark.parametrize("way", AWAY)
def test_a_request_that_nobody_decided_ends_when_the_case_leaves_the_rectifying(work: Work, way: str) -> None:
    case = case_in(work, "rectifying")
    extension = ask(work, case)
    AWAY[way](work, case)
    assert (case.state != "rectifying", extension.state) == (True, "lapsed")
    last = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq.desc()).limit(1)
    ).one()
    assert last.data["extension_lapsed"] == str(extension.id)


def test_nobody_of_the_unit_decides_for_it_whatever_else_they_are(work: Work) -> None:
    case = case_in(work, "rectifying")
    ask(work, case)
    both = official("office", OFFICE_UNIT, ("handler", LEAD))
    assert code_of(lambda: act(work, case, both, "grant_extension", reason="x")) == "not_yours_to_do"


def test_what_was_granted_outlives_a_send_back_and_a_grading(work: Work) -> None:
    case = case_in(work, "rectifying")
    ask(work, case)
    act(work, case, OFFICE, "grant_extension", reason="情况属实")
    act(work, case, OFFICE, "grade", severity="grave", reason="影响取水")
    assert due(work, case) == WISHED_AT
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="清")
    act(work, case, OFFICE, "send_back", reason="有残留")
    assert due(work, case) == WISHED_AT


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wished=st.integers(1, 60), asked=st.integers(0, 7 * 24), decided=st.integers(0, 40 * 24), until=st.integers(1, 90)
)
def test_whenever_it_is_decided_a_grant_charges_nobody_before_its_own_end(
    work: Work, wished: int, asked: int, decided: int, until: int
) -> None:
    """Over all times of asking and deciding, in hours: the delay is counted from what was granted, and only then."""
    part = work.session.begin_nested()
    work.now = MONDAY
    case = case_in(work, "rectifying")
    work.now = MONDAY + timedelta(hours=asked)
    ask(work, case, DUE + timedelta(days=wished))
    work.now += timedelta(hours=decided)
    granted = DUE + timedelta(days=until)
    if granted > work.now:
        act(work, case, OFFICE, "grant_extension", reason="x", rectify_by=granted)
        for now in (work.now, granted, granted + timedelta(seconds=1)):
            work.now = now
            (held,) = [held for held in holdings.of_case(work, case.id) if held.kind == "rectify"]
            assert held.overdue == (now > granted)
    else:
        assert code_of(
            lambda: act(work, case, OFFICE, "grant_extension", reason="x", rectify_by=granted)
        ) == "deadline_past"  # fmt: skip
    stretches = work.session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.kind == "rectify")).all()
    assert len(stretches) == 1  # no new stretch: nothing to charge twice
    part.rollback()
