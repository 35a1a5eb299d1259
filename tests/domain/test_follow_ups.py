"""Looking back: when by rule, after a dispute, by hand; by whom; on the spot; and what a relapse starts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import archive, deadlines, follow_up_watch, follow_ups
from backend.domain.actors import TIMER, Actor
from backend.domain.faults import Conflict, Fault, Forbidden
from backend.models import Account, Case, CaseEvent, Deferred, FollowUp, Notice, RosterRole
from backend.rules.closure import LookBack
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    HERE,
    LATER,
    LEAD,
    MONDAY,
    OFFICE,
    OFFICE_UNIT,
    act,
    case_in,
    official,
    on_roster,
    photo,
    report_of,
    undone,
)

FOREVER = (MONDAY - timedelta(days=900), None)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        for role in found.session.scalars(select(RosterRole)):
            found.session.delete(role)  # only the inspectors of the test
        found.session.flush()
        yield found


def inspector(work: Work, *roles: tuple[str, str]) -> Actor:
    """Somebody on the roster who is an inspector of the county, and holds `roles` besides."""
    held = [("inspector", OFFICE_UNIT), *roles]
    person = on_roster(work, *[(*role, *FOREVER) for role in held])
    return replace(official("inspector", OFFICE_UNIT, *roles), person_id=person)


def with_rules(work: Work, **changes: Any) -> None:
    closure = work.county.rules.closure.model_copy(update=changes)
    work.county = work.county.model_copy(update={"rules": work.county.rules.model_copy(update={"closure": closure})})


def the_plan(work: Work, case: Case) -> FollowUp:
    found = follow_ups.planned(work, case)
    assert found is not None
    return found


def on_the_spot(work: Work, **changes: Any) -> dict[str, Any]:
    return {"photos": [photo(work)], "place": HERE, **changes}


def dispute(work: Work, case: Case) -> None:
    act(work, case, Actor(role="resident", account_id=report_of(work, case).account_id), "dispute", reason="没清")


def states_of(work: Work, case: Case) -> list[tuple[str, str]]:
    found = work.session.scalars(select(FollowUp).where(FollowUp.case_id == case.id).order_by(FollowUp.id))
    return [(one.origin, one.state) for one in found]


# ---- by rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"categories": ("garbage",)}, True),
        ({"categories": ("floating", "fishing")}, False),
        ({"severities": ("normal", "grave")}, True),
        ({"severities": ("grave",)}, False),
        ({"urgent": False}, True),
        ({"urgent": True}, False),
        ({"recurrent": False}, True),
        ({"recurrent": True}, False),
        ({"near_intake": False}, True),
        ({"near_intake": True}, False),
        ({"categories": ("garbage",), "urgent": True}, False),
        ({}, True),
    ],
)
def test_a_rule_asks_for_a_look_back_where_all_fits_that_it_names(
    work: Work, condition: dict[str, Any], fits: bool
) -> None:
    with_rules(work, look_back=(LookBack(name="规则", after_days=3, **condition),))
    case = case_in(work, "closed")
    assert (follow_ups.planned(work, case) is not None) is fits


def test_it_counts_from_its_working_day_on_and_is_due_so_many_later(work: Work) -> None:
    """Ten working days after Monday 1 June, a holiday among them, and five more to do it."""
    with_rules(work, look_back=(LookBack(name="垃圾", after_days=10),), look_back_within_days=5)
    found = the_plan(work, case_in(work, "closed"))
    assert (found.origin, found.from_on, found.due_at.date()) == ("rule", date(2026, 6, 15), date(2026, 6, 23))
    assert "垃圾" in found.reason
    assert found.county_version == work.county_version


def test_of_several_rules_the_soonest_counts_and_all_are_named(work: Work) -> None:
    rules = (LookBack(name="一般", after_days=10), LookBack(name="垃圾", after_days=3, categories=("garbage",)))
    with_rules(work, look_back=(*rules, LookBack(name="严重", after_days=1, severities=("grave",))))
    found = the_plan(work, case_in(work, "closed"))
    assert (found.from_on, found.reason) == (date(2026, 6, 4), "按规则回头看：一般、垃圾。")


def test_a_case_near_an_intake_and_one_that_came_back_are_told_as_such(work: Work) -> None:
    with_rules(work, look_back=(LookBack(name="取水口", after_days=3, near_intake=True),))
    case = case_in(work, "in_review")
    case.risk_source = "FX-900"
    act(work, case, OFFICE, "close")
    assert "取水口" in the_plan(work, case).reason
    with_rules(work, look_back=(LookBack(name="反弹", after_days=3, recurrent=True),))
    again = case_in(work, "in_review")
    again.recurrences = 1
    act(work, again, OFFICE, "close")
    assert "反弹" in the_plan(work, again).reason


# ---- after a dispute, and by hand ------------------------------------------------------------------------------------


def test_a_dispute_calls_for_a_look_back_at_once_in_place_of_the_one_for_later(work: Work) -> None:
    with_rules(work, look_back=(LookBack(name="规则", after_days=10),), dispute_within_days=3)
    case = case_in(work, "closed")
    work.now = MONDAY + timedelta(days=1)
    dispute(work, case)
    found = the_plan(work, case)
    assert (found.origin, found.from_on, found.due_at.date()) == ("dispute", date(2026, 6, 2), date(2026, 6, 5))
    assert states_of(work, case) == [("rule", "superseded"), ("dispute", "planned")]


def test_the_office_plans_one_by_hand_for_a_day_and_a_person(work: Work) -> None:
    case, who = case_in(work, "closed"), inspector(work)
    act(work, case, OFFICE, "plan_follow_up", reason="群众关注", date=date(2026, 6, 12), inspector=who.person_id)
    found = the_plan(work, case)
    assert (found.origin, found.reason, found.inspector_id) == ("office", "群众关注", who.person_id)
    assert found.due_at == deadlines.moment(work, date(2026, 6, 12))
    with pytest.raises(Conflict) as caught:
        act(work, case, OFFICE, "plan_follow_up", reason="再看")
    assert caught.value.code == "follow_up_planned"


def test_a_day_that_is_past_is_refused(work: Work) -> None:
    case = case_in(work, "closed")
    with pytest.raises(Fault) as caught:
        act(work, case, OFFICE, "plan_follow_up", reason="群众关注", date=date(2026, 5, 31))
    assert (caught.value.code, caught.value.extra["field"]) == ("date_past", "date")


# ---- who goes --------------------------------------------------------------------------------------------------------


def test_the_least_busy_inspector_outside_the_unit_goes(work: Work) -> None:
    busy, free = inspector(work), inspector(work)
    inspector(work, ("head", LEAD))  # of the lead unit
    inspector(work, ("patroller", LEAD))
    first, second = case_in(work, "closed"), case_in(work, "closed")
    act(work, first, OFFICE, "plan_follow_up", reason="群众关注", inspector=busy.person_id)
    act(work, second, OFFICE, "plan_follow_up", reason="群众关注")
    assert the_plan(work, second).inspector_id == free.person_id


def test_whoever_closed_the_case_is_not_sent_to_look_at_it_again(work: Work) -> None:
    closer = inspector(work)
    case = case_in(work, "in_review")
    act(work, case, closer, "close")
    act(work, case, OFFICE, "plan_follow_up", reason="群众关注")
    assert the_plan(work, case).inspector_id is None
    work.actor = OFFICE
    waiting, _ = follow_ups.page(work, follow_ups.Filter(unassigned=True), None, 10)
    assert [one.case_id for one in waiting] == [case.id]
    other = inspector(work)
    act(work, case, OFFICE, "assign_follow_up", inspector=other.person_id)
    assert the_plan(work, case).inspector_id == other.person_id


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        ([("handler", LEAD)], "not_an_inspector"),
        ([("inspector", OFFICE_UNIT), ("handler", LEAD)], "inspector_concerned"),
        ([("inspector", LEAD)], "inspector_concerned"),
        ([("village_chief", "530199004")], "not_an_inspector"),
    ],
)
def test_nobody_of_the_lead_unit_is_sent(work: Work, roles: list[tuple[str, str]], code: str) -> None:
    case = case_in(work, "closed")
    act(work, case, OFFICE, "plan_follow_up", reason="群众关注")
    person = on_roster(work, *[(*role, *FOREVER) for role in roles])
    for wished in (person, uuid.uuid4() if code == "not_an_inspector" else person):
        with pytest.raises(Fault) as caught:
            act(work, case, OFFICE, "assign_follow_up", inspector=wished)
        assert (caught.value.code, caught.value.extra["field"]) == (code, "inspector")


def test_what_an_inspector_who_left_was_to_do_is_given_to_another(work: Work) -> None:
    leaving = inspector(work)
    case = case_in(work, "closed")
    act(work, case, OFFICE, "plan_follow_up", reason="群众关注")
    assert the_plan(work, case).inspector_id == leaving.person_id
    for role in work.session.scalars(select(RosterRole).where(RosterRole.person_id == leaving.person_id)):
        role.ended_at = work.now
    work.session.flush()
    follow_up_watch.watch(work)
    assert the_plan(work, case).inspector_id == leaving.person_id  # there is nobody else yet
    other = inspector(work)
    for _ in range(2):
        follow_up_watch.watch(work)
    assert the_plan(work, case).inspector_id == other.person_id
    events = work.session.scalars(select(CaseEvent).where(CaseEvent.action == "assign_follow_up")).all()
    assert [(event.case_id, event.actor) for event in events] == [(case.id, "timer")]


# ---- on the spot -----------------------------------------------------------------------------------------------------


def test_it_passes_on_the_spot_with_photos_and_the_case_stays_closed(work: Work) -> None:
    case, who = case_in(work, "closed"), inspector(work)
    act(work, case, OFFICE, "plan_follow_up", reason="群众关注")
    planned = the_plan(work, case)
    near = {**HERE, "lat": HERE["lat"] + 0.0005}  # 55 m
    act(work, case, who, "pass_follow_up", **on_the_spot(work, place=near))
    assert (case.state, planned.state, planned.ended_by) == ("closed", "passed", who.label)
    assert planned.distance_m == pytest.approx(55.4, abs=0.5)
    assert planned.ended_seq == case.version
    assert follow_ups.planned(work, case) is None


def test_from_far_away_it_wants_a_reason_that_is_kept(work: Work) -> None:
    case, who = case_in(work, "closed"), inspector(work)
    far = {**HERE, "lat": HERE["lat"] + 0.02}
    for reason in (None, " "):
        with pytest.raises(Fault) as caught:
            act(work, case, who, "pass_follow_up", **on_the_spot(work, place=far, reason=reason))
        assert (caught.value.code, caught.value.extra["field"]) == ("far_from_place", "reason")
        assert "2.2 公里" in caught.value.title
    act(work, case, who, "pass_follow_up", **on_the_spot(work, place=far, reason="塌方封路，在对岸看"))
    assert states_of(work, case) == [("own", "passed")]


def test_where_the_inspector_stands_is_named_in_a_coordinate_system(work: Work) -> None:
    case, who = case_in(work, "closed"), inspector(work)
    gcj = {**HERE, "coord_type": "gcj02"}
    with pytest.raises(Fault) as caught:  # the same numbers mean a place hundreds of metres away
        act(work, case, who, "pass_follow_up", **on_the_spot(work, place=gcj))
    assert caught.value.code == "far_from_place"
    with pytest.raises(Fault):
        act(work, case, who, "pass_follow_up", **on_the_spot(work, place={**HERE, "lon": 25.2, "lat": 102.7}))


def test_whoever_goes_before_the_day_leaves_the_planned_one_to_come(work: Work) -> None:
    with_rules(work, look_back=(LookBack(name="规则", after_days=10),))
    case, who = case_in(work, "closed"), inspector(work)
    act(work, case, who, "pass_follow_up", **on_the_spot(work))
    assert states_of(work, case) == [("rule", "planned"), ("own", "passed")]
    act(work, case, who, "fail_follow_up", **on_the_spot(work, reason="又倒了垃圾"))
    assert states_of(work, case) == [("rule", "superseded"), ("own", "passed"), ("own", "failed")]


# ---- a relapse -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["closed", "archived"])
def test_a_relapse_reopens_the_same_case_with_its_history_and_a_new_clock(work: Work, state: str) -> None:
    case, who = case_in(work, state), inspector(work)
    before = list(
        work.session.scalars(select(CaseEvent.hash).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq))
    )
    act(work, case, who, "fail_follow_up", **on_the_spot(work, reason="又倒了垃圾"))
    assert (case.state, case.closed_at, case.recurrences, case.lead_unit) == ("rectifying", None, 1, LEAD)
    after = list(
        work.session.scalars(select(CaseEvent.hash).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq))
    )
    assert after[: len(before)] == before
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert (clock.started_at, clock.due_at) == (work.now, deadlines.after(work, work.now, 5))
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    act(work, case, OFFICE, "close")
    assert "曾经反弹" in the_plan(work, case).reason  # the county's own rule


# ---- who is told -----------------------------------------------------------------------------------------------------


def test_inspectors_see_theirs_the_office_all_and_units_nothing(work: Work) -> None:
    mine, other = inspector(work), inspector(work)
    cases = [case_in(work, "closed") for _ in range(3)]
    for case, who in zip(cases, (mine, other, mine), strict=True):
        act(work, case, OFFICE, "plan_follow_up", reason="群众关注", inspector=who.person_id)

    def seen(actor: Actor, **wanted: Any) -> set[uuid.UUID]:
        work.actor = actor
        return {one.case_id for one in follow_ups.page(work, follow_ups.Filter(**wanted), None, 50)[0]}

    assert seen(mine) == {cases[0].id, cases[2].id}
    assert seen(OFFICE) == {case.id for case in cases}
    assert seen(OFFICE, mine=True) == set()
    assert seen(OFFICE, unit=LEAD) == {case.id for case in cases}
    assert seen(OFFICE, unit="530199004") == seen(OFFICE, overdue=True) == seen(OFFICE, unassigned=True) == set()
    work.now += LATER
    assert seen(OFFICE, overdue=True) == {case.id for case in cases}
    for unit_actor in (HANDLER, official("township_chief", LEAD)):
        with pytest.raises(Forbidden):
            seen(unit_actor)
        assert follow_ups.of_case(work, cases[0]) == []


def test_the_pages_of_the_queue_show_each_once_by_due_date(work: Work) -> None:
    for days in (5, 1, 3, 1, 2):
        case = case_in(work, "closed")
        act(work, case, OFFICE, "plan_follow_up", reason="群众关注", date=(MONDAY + timedelta(days=days)).date())
    work.actor, cursor, dues = OFFICE, None, []
    for _ in range(3):
        found, cursor = follow_ups.page(work, follow_ups.Filter(), cursor, 2)
        dues += [one.due_at.date().day for one in found]
    assert (dues, cursor) == ([2, 2, 3, 4, 6], None)
    for bad in ("x", "2026-06-01~x", f"2026-06-01T00:00:00~{uuid.uuid4()}"):
        with pytest.raises(Fault):
            follow_ups.page(work, follow_ups.Filter(), bad, 2)


def test_an_overdue_one_is_told_once_to_the_inspector_and_the_office(work: Work) -> None:
    who, clerk = inspector(work), on_roster(work, ("office", OFFICE_UNIT, *FOREVER))
    work.session.add(Account(openid_digest=uuid.uuid4().hex, openid_sealed="-", created_at=work.now, person_id=clerk))
    case = case_in(work, "closed")
    act(work, case, OFFICE, "plan_follow_up", reason="群众关注")
    for days in (0, 30, 31):
        work.now = MONDAY + timedelta(days=days)
        follow_up_watch.watch(work)
    told = work.session.scalars(select(Notice).where(Notice.kind == "follow_up_overdue")).all()
    assert {notice.person_id for notice in told} == {who.person_id, clerk}
    assert len(told) == 2
    assert case.number in told[0].body


# ---- the archive -----------------------------------------------------------------------------------------------------


def test_what_waits_for_a_look_back_is_not_archived_until_it_is_done(work: Work) -> None:
    waiting, free, who = case_in(work, "closed"), case_in(work, "closed"), inspector(work)
    act(work, waiting, OFFICE, "plan_follow_up", reason="群众关注")
    work.now = MONDAY + LATER
    with pytest.raises(Conflict) as caught:
        act(work, waiting, TIMER, "archive")
    assert caught.value.code == "follow_up_pending"
    assert archive.archive_due(work) == 1
    assert (waiting.state, free.state) == ("closed", "archived")
    act(work, waiting, who, "pass_follow_up", **on_the_spot(work))
    assert archive.archive_due(work) == 1
    assert archive.archive_due(work) == 0
    assert waiting.state == "archived"


def test_the_timer_waits_for_the_last_second_of_the_window(work: Work) -> None:
    """Closed on Monday and on Tuesday; ten working days later, to the end of the day."""
    first = case_in(work, "closed")
    work.now = MONDAY + timedelta(days=1)
    second = case_in(work, "closed")
    over = deadlines.after(work, MONDAY, work.county.limits.dispute_days)
    for moment, archived in ((over, 0), (over + timedelta(seconds=1), 1), (over + timedelta(hours=20), 0)):
        work.now = moment
        assert archive.archive_due(work) == archived
    assert (first.state, second.state) == ("archived", "closed")


def test_a_long_queue_is_archived_in_batches_that_call_for_the_next(work: Work) -> None:
    cases = [case_in(work, "closed") for _ in range(5)]
    work.now = MONDAY + LATER

    def called() -> int:
        return len(work.session.scalars(select(Deferred.id).where(Deferred.name == "archive_cases")).all())

    before = called()
    assert [archive.archive_due(work, batch=2) for _ in range(3)] == [2, 2, 1]
    assert called() == before + 2
    assert {case.state for case in cases} == {"archived"}
    version = cases[0].version
    assert archive.archive_due(work, batch=2) == 0
    assert cases[0].version == version
