"""Handovers: of a person and of a unit. Nothing open stays behind, and the history says who had it before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.county import County
from backend.domain import (
    assistance,
    delegations,
    deputies,
    emergency,
    handlers,
    handovers,
    holdings,
    people,
    push,
    standing,
    units,
)
from backend.domain.actors import ROUTING, TIMER, Actor
from backend.domain.delegations import DelegationForm
from backend.domain.handovers import PersonForm, UnitForm
from backend.models import (
    Account,
    Assignment,
    Case,
    CaseEvent,
    Clock,
    Delegation,
    Handover,
    Notice,
    Reminder,
    RosterRole,
    Supervision,
    Unit,
)
from backend.work import Work
from tests.domain.ledger import (
    ASSISTING,
    HANDLER,
    HERE,
    LATER,
    LEAD,
    MONDAY,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    OTHER,
    act,
    case_in,
    code_of,
    enrolled,
    official,
    photo,
    submitted,
    undone,
)

STATES = ("assigned", "accepted", "rectifying", "in_review", "closed")


@pytest.fixture
def work(app: APIFlask) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def role_of(work: Work, actor: Actor, role: str | None = None) -> RosterRole:
    held = select(RosterRole).where(
        RosterRole.person_id == actor.person_id, RosterRole.role == (role or actor.role), RosterRole.ended_at.is_(None)
    )
    return work.session.scalars(held).one()


def hand_over(work: Work, giver: Actor, taker: Actor, by: Actor = OFFICE, leaves: bool = True, **c: Any) -> Handover:
    form = {"role_id": role_of(work, giver).id, "to_person": taker.person_id, "leaves": leaves, "reason": "工作调动"}
    work.actor = by
    return handovers.of_person(work, PersonForm(**{**form, **c}))


def dissolve(work: Work, old: str = LEAD, new: str = NEXT, by: Actor = OFFICE, reason: str = "撤镇并镇") -> Handover:
    work.actor = by
    return handovers.of_unit(work, UnitForm(old, new, reason))


def last(work: Work, case: Case) -> CaseEvent:
    return work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq.desc()).limit(1)
    ).one()


def running(work: Work, case: Case) -> set[tuple[str, str, Any]]:
    clocks = work.session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.stopped_at.is_(None)))
    return {(clock.kind, clock.holder, clock.due_at) for clock in clocks}


# ---- of a person -----------------------------------------------------------------------------------------------------


def test_every_open_case_of_a_handler_goes_to_the_successor_and_says_so(work: Work) -> None:
    giver, taker = (enrolled(work, "handler", LEAD, name=name) for name in ("甲", "乙"))
    mine = [case_in(work, state) for state in STATES]
    for case in mine:
        if case.state != "closed":
            act(work, case, giver, "claim")
    held = handlers.held_by(work, mine[-1], LEAD)
    assert held is not None
    held.handler_id = giver.person_id  # claimed before it was closed
    theirs, over = case_in(work, "accepted"), case_in(work, "assigned")
    act(work, theirs, taker, "claim")
    act(work, over, giver, "claim")
    act(work, over, OFFICE, "reject", reason="不属河湖")
    handover = hand_over(work, giver, taker)
    assert set(handover.moved["cases"]) == {str(case.id) for case in mine}
    for case, state in zip(mine, STATES, strict=True):
        assert case.state == state
        assert handlers.held_by(work, case, LEAD).handler_id == taker.person_id  # type: ignore[union-attr]
        event = last(work, case)
        assert (event.action, event.from_state, event.to_state) == ("hand_over", state, state)
        assert event.data == {
            "handler": str(taker.person_id), "before": str(giver.person_id), "handover": str(handover.id),
        }  # fmt: skip
    assert [last(work, case).action for case in (theirs, over)] == ["claim", "reject"]
    told = work.session.scalars(select(Notice).where(Notice.kind == "handover")).all()
    assert [(notice.person_id, notice.body) for notice in told] == [
        (taker.person_id, "甲名下的5件未办结的案件已移交，请及时查看办理。")
    ]


def test_who_leaves_holds_the_office_no_more_and_who_stays_does(work: Work) -> None:
    giver, taker = (enrolled(work, "handler", LEAD) for _ in range(2))
    act(work, case_in(work, "accepted"), giver, "claim")
    hand_over(work, giver, taker, leaves=False)
    assert giver.person_id in deputies.colleagues(work, LEAD)
    assert code_of(lambda: hand_over(work, giver, taker, leaves=False)) == "nothing_to_hand_over"
    hand_over(work, giver, taker)
    assert giver.person_id not in deputies.colleagues(work, LEAD)
    assert code_of(lambda: hand_over(work, taker, giver)) == "bad_successor"


def test_a_chief_hands_over_the_reaches_and_the_successor_keeps_their_own(work: Work) -> None:
    giver, taker, newcomer = (
        enrolled(work, "village_chief", LEAD), enrolled(work, "village_chief", LEAD), enrolled(work, "patroller", LEAD),
    )  # fmt: skip
    role_of(work, giver).reaches, role_of(work, taker).reaches = ["QSH-10", "QSH-11"], ["QSH-11", "QSH-12"]
    old = role_of(work, giver)
    handover = hand_over(work, giver, taker)
    assert handover.moved["reaches"] == ["QSH-10", "QSH-11"]
    assert role_of(work, taker).reaches == ["QSH-11", "QSH-12", "QSH-10"]
    assert (old.reaches, old.ended_at) == ([], work.now)
    hand_over(work, taker, newcomer)
    assert role_of(work, newcomer, "village_chief").reaches == ["QSH-11", "QSH-12", "QSH-10"]
    assert role_of(work, newcomer, "patroller").reaches == []


def test_the_head_hands_over_among_handlers_and_only_the_office_among_chiefs(work: Work) -> None:
    head, a, b = enrolled(work, "head", LEAD), enrolled(work, "handler", LEAD), enrolled(work, "handler", LEAD)
    chief, other = enrolled(work, "village_chief", LEAD), enrolled(work, "village_chief", LEAD)
    act(work, case_in(work, "accepted"), a, "claim")
    assert hand_over(work, a, b, by=head, leaves=False).made_by == head.label
    for nobody in (a, enrolled(work, "head", OTHER), chief):
        assert code_of(lambda who=nobody: hand_over(work, b, a, by=who)) == "not_yours_to_do"
    assert code_of(lambda: hand_over(work, chief, other, by=head)) == "not_yours_to_do"


def test_what_has_nothing_to_it_is_not_handed_over(work: Work) -> None:
    inspector, other = enrolled(work, "inspector", OFFICE_UNIT), enrolled(work, "inspector", OFFICE_UNIT)
    assert code_of(lambda: hand_over(work, inspector, other)) == "nothing_to_hand_over"
    giver = enrolled(work, "handler", LEAD)
    assert code_of(lambda: hand_over(work, giver, giver)) == "bad_successor"
    assert code_of(lambda: hand_over(work, giver, enrolled(work, "handler", OTHER))) == "bad_successor"
    taker = enrolled(work, "handler", LEAD)
    assert code_of(lambda: hand_over(work, giver, taker, reason=" \u3000")) == "missing_field"


def test_the_deputies_follow(work: Work) -> None:
    a, b, c = (enrolled(work, "handler", LEAD) for _ in range(3))
    work.actor = OFFICE
    today = MONDAY.date()
    form = {"unit": LEAD, "from_on": today, "to_on": today + timedelta(days=3), "reason": "年休假"}
    for_b = delegations.make(work, DelegationForm(person_id=b.person_id, deputy_id=a.person_id, **form))  # type: ignore[arg-type]
    hand_over(work, a, c)
    assert (for_b.deputy_id, for_b.ended_at) == (c.person_id, None)
    hand_over(work, c, b)  # nobody is their own deputy
    assert for_b.ended_at == work.now


# ---- of a unit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_a_dissolved_unit_hands_over_its_cases_in_the_state_they_are_in(work: Work, state: str) -> None:
    handler = enrolled(work, "handler", LEAD)
    case = case_in(work, state)
    if state != "closed":
        act(work, case, handler, "claim")
    before, first = running(work, case), case.first_rectify_by
    work.now += timedelta(days=1)
    handover = dissolve(work)
    assert handover.moved["cases"] == [str(case.id)]
    assert (case.state, case.lead_unit, case.first_rectify_by) == (state, NEXT, first)
    assert running(work, case) == {(kind, NEXT if holder == LEAD else holder, due) for kind, holder, due in before}
    held = work.session.scalars(select(Assignment).where(Assignment.case_id == case.id, Assignment.part == "lead"))
    old, new = sorted(held, key=lambda one: one.opened_at)
    assert (old.unit_code, old.ended_by, new.unit_code, new.ended_at) == (LEAD, "handed_over", NEXT, None)
    assert (new.accepted_at, new.handler_id) == (old.accepted_at, old.handler_id)
    event = last(work, case)
    assert (event.action, event.data["unit"], event.data["before"]) == ("hand_over", NEXT, LEAD)
    assert assistance.units(work, case).keys() == {ASSISTING}
    assert standing.capacities(work, case, HANDLER) == set()


def test_the_new_unit_goes_on_where_the_old_one_stopped(work: Work) -> None:
    case = case_in(work, "rectifying")
    dissolve(work)
    heir = official("handler", NEXT)
    act(work, case, heir, "request_closure", photos=[photo(work)], done="已清理")
    assert act(work, case, OFFICE, "close").state == "closed"


def test_each_unit_is_charged_with_its_own_days(work: Work) -> None:
    case = case_in(work, "rectifying")
    work.now = MONDAY + timedelta(days=9)  # Wednesday the 10th, due on Monday the 8th
    dissolve(work)
    work.now += timedelta(days=1)
    found = {held.holder: (held.used_days, held.overdue_days) for held in holdings.of_case(work, case.id)
             if held.kind == "rectify"}  # fmt: skip
    assert found == {LEAD: (7, 2), NEXT: (1, 1)}


def test_an_extension_that_was_waiting_is_granted_to_the_new_unit_without_a_gap_for_either(work: Work) -> None:
    case = case_in(work, "rectifying")
    act(work, case, HANDLER, "ask_extension", reason="下雨", rectify_by=(MONDAY + timedelta(days=20)).date())
    work.now = MONDAY + timedelta(days=9)
    dissolve(work)
    work.now += timedelta(days=1)
    act(work, case, OFFICE, "grant_extension", reason="属实")
    assert {held.overdue for held in holdings.of_case(work, case.id)} == {False}


def test_who_assisted_the_old_unit_now_leads_and_who_led_both_is_one(work: Work) -> None:
    helped = case_in(work, "accepted")
    act(work, helped, OFFICE, "add_assisting", assisting=[NEXT, OTHER], reason="联合")
    helps = case_in(work, "assigned")
    act(work, helps, OFFICE, "reassign", unit=OTHER, assisting=[LEAD], reason="改派")
    act(work, helps, HANDLER, "acknowledge")
    dissolve(work)
    assert (helped.lead_unit, set(assistance.units(work, helped))) == (NEXT, {ASSISTING, OTHER})
    assert (helps.lead_unit, set(assistance.units(work, helps))) == (OTHER, {NEXT})
    assert assistance.units(work, helps)[NEXT].acknowledged_at is not None
    assert (last(work, helps).data["to"], "unit" in last(work, helps).data) == (NEXT, False)


def test_the_people_come_along_with_their_offices_reaches_and_deputies(work: Work) -> None:
    a, b = enrolled(work, "handler", LEAD), enrolled(work, "handler", LEAD)
    chief = enrolled(work, "village_chief", LEAD, ("village_chief", NEXT))
    for held in work.session.scalars(select(RosterRole).where(RosterRole.person_id == chief.person_id)):
        held.reaches = ["QSH-10"] if held.unit_code == LEAD else ["QSH-20"]
    work.actor = OFFICE
    today = MONDAY.date()
    delegations.make(
        work, DelegationForm(a.person_id, b.person_id, LEAD, today, today, "年休假")  # type: ignore[arg-type]
    )  # fmt: skip
    dissolve(work)
    assert {a.person_id, b.person_id} <= deputies.colleagues(work, NEXT).keys()
    assert deputies.colleagues(work, LEAD) == {}
    assert role_of(work, chief).reaches == ["QSH-20", "QSH-10"]
    assert deputies.with_deputies(work, [a.person_id], NEXT) == [a.person_id, b.person_id]  # type: ignore[list-item]
    assert work.session.scalars(select(Delegation.unit_code)).all() == [NEXT]


def test_somebody_signed_in_under_the_old_unit_acts_for_the_new_one_at_once(work: Work) -> None:
    a = enrolled(work, "handler", LEAD)
    row, _ = people.sign_in(work, "openid-of-a")
    row.account.person_id = a.person_id
    row.role_id = role_of(work, a).id
    work.session.flush()
    work.session.refresh(work.session.get_one(Account, row.account_id))
    assert people.actor_of(row).unit == LEAD
    dissolve(work)
    work.session.expire_all()
    assert (people.actor_of(row).role, people.actor_of(row).unit) == ("handler", NEXT)


def test_what_comes_later_goes_to_the_unit_that_answers_now(work: Work) -> None:
    """Routing by boundaries that still name the old unit, a hand that chooses it, an archived case that relapses."""
    archived = case_in(work, "archived")
    work.now = MONDAY
    triage = case_in(work, "triage")
    dissolve(work, LEAD, OTHER)
    dissolve(work, OTHER, NEXT)
    assert (archived.lead_unit, units.successor(work, LEAD)) == (LEAD, NEXT)
    new = submitted(work)
    act(work, new, ROUTING, "assign", unit=LEAD, reason="属地")
    assert new.lead_unit == NEXT
    fault = code_of(lambda: act(work, triage, OFFICE, "assign", unit=LEAD, reason="属地"))
    assert fault == "unit_succeeded"
    work.now = MONDAY + LATER
    act(work, archived, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了")
    assert (archived.state, archived.lead_unit, last(work, archived).data["unit"]) == ("rectifying", NEXT, NEXT)
    assert {holder for _, holder, _ in running(work, archived)} == {NEXT}


def test_a_case_that_is_over_stays_with_whom_it_was(work: Work) -> None:
    over = [case_in(work, state) for state in ("rejected", "archived")]
    work.now = MONDAY
    counts = [case.version for case in over]
    dissolve(work)
    assert [case.version for case in over] == counts


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("530199999", NEXT, "unknown_unit"),
        (OFFICE_UNIT, NEXT, "unknown_unit"),
        (LEAD, LEAD, "unknown_unit"),
        (LEAD, "530199999", "unknown_unit"),
        (LEAD, OFFICE_UNIT, "unknown_unit"),
    ],
)
def test_only_a_unit_that_was_goes_and_only_one_that_is_takes(work: Work, old: str, new: str, code: str) -> None:
    assert code_of(lambda: dissolve(work, old, new)) == code


def test_no_ring_of_successors_and_nobody_else_dissolves(work: Work) -> None:
    dissolve(work, LEAD, NEXT)
    assert code_of(lambda: dissolve(work, NEXT, LEAD)) == "unknown_unit"
    assert code_of(lambda: dissolve(work, OTHER, NEXT, by=official("head", OTHER))) == "not_yours_to_do"
    assert code_of(lambda: dissolve(work, OTHER, NEXT, reason=" ")) == "missing_field"


def test_a_unit_that_the_county_has_no_more_and_that_still_holds_cases_is_shown(work: Work) -> None:
    case = case_in(work, "accepted")
    assert handovers.stranded(work) == []
    kept = tuple(one for one in work.county.units if one.code != LEAD)
    work.county = County(**{**{name: getattr(work.county, name) for name in County.model_fields}, "units": kept})
    ((unit, n),) = handovers.stranded(work)
    assert (unit.code, n) == (LEAD, 1)
    assert units.name(work, LEAD) == work.session.get_one(Unit, LEAD).name
    dissolve(work)
    assert (handovers.stranded(work), case.lead_unit) == ([], NEXT)


def test_a_timer_may_still_archive_what_was_handed_over(work: Work) -> None:
    case = case_in(work, "closed")
    dissolve(work)
    work.now += LATER
    assert act(work, case, TIMER, "archive").state == "archived"


def test_what_the_old_unit_was_asked_and_has_not_answered_is_asked_of_the_new_one(work: Work) -> None:
    enrolled(work, "head", LEAD)
    enrolled(work, "handler", LEAD)
    case = case_in(work, "rectifying")
    act(work, case, OFFICE, "supervise", demands="请限期办理。")
    act(work, case, OFFICE, "remind", reason="请抓紧办理。")
    dissolve(work)
    (letter,) = work.session.scalars(select(Supervision).where(Supervision.case_id == case.id))
    assert (letter.unit_code, letter.ended_at) == (NEXT, None)
    reminders = work.session.scalars(select(Reminder).where(Reminder.case_id == case.id)).all()
    assert {reminder.to_unit for reminder in reminders} == {NEXT}
    push.follow_case(work, case.id)
    assert letter.ended_at is None


def test_an_emergency_calls_the_new_unit_instead(work: Work) -> None:
    case = case_in(work, "rectifying")
    act(work, case, OFFICE, "declare_emergency", assisting=[OTHER], reason="影响行洪。")
    dissolve(work, OTHER, NEXT)
    assert NEXT in emergency.called(work, case)
    assert OTHER not in emergency.called(work, case)
    act(work, case, official("handler", NEXT), "respond")
