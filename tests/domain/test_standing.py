"""Who verifies what: people with two offices, people who changed office, chiefs, and what was settled on the spot."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import deadlines, standing
from backend.domain.actors import Actor
from backend.domain.faults import Forbidden
from backend.models import Assignment, Case
from backend.work import Work
from tests.domain.ledger import (
    HERE,
    LEAD,
    MONDAY,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    OTHER,
    act,
    case_in,
    official,
    on_roster,
    photo,
    submitted,
    undone,
)

LONG_AGO = MONDAY - timedelta(days=400)
PLACE_OWNER = "530199012"  # the township in which the test's cases lie


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def verifies(work: Work, case: Case, actor: Actor) -> bool:
    """Whether the actor may close; who may not verify may not look back either."""
    held = standing.capacities(work, case, actor)
    assert ("verifier" in held) == ("inspector" in held)
    return "verifier" in held


def office_person(work: Work, *earlier: tuple[str, str, datetime, datetime | None]) -> Actor:
    """Somebody who is in the county office today and was something else before."""
    return replace(OFFICE, person_id=on_roster(work, ("office", OFFICE_UNIT, LONG_AGO, None), *earlier))


# ---- who was in the unit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "may"),
    [
        (timedelta(days=-1), True),  # before the unit was given the case
        (timedelta(days=1), False),  # it was there when the case came
        (timedelta(days=3), False),  # it was there when the closure was asked for
        (None, False),  # it is there still
    ],
)
def test_whoever_was_in_the_lead_unit_while_it_had_the_case_does_not_verify(
    work: Work, left: timedelta | None, may: bool
) -> None:
    case = case_in(work, "rectifying")
    work.now = MONDAY + timedelta(days=2)
    act(work, case, official("handler", LEAD), "request_closure", photos=[photo(work)], done="已清理")
    ended = None if left is None else MONDAY + left
    moved = office_person(work, ("head", LEAD, LONG_AGO, ended))
    work.now = MONDAY + timedelta(days=5)
    assert verifies(work, case, moved) is may
    assert verifies(work, case, office_person(work, ("head", OTHER, LONG_AGO, None)))


def test_a_unit_that_got_the_case_back_is_asked_about_its_last_time(work: Work) -> None:
    """Two people of one township: one left before it got the case back, one after."""
    case = case_in(work, "accepted")
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    early = office_person(work, ("handler", LEAD, LONG_AGO, MONDAY + timedelta(days=1)))
    late = office_person(work, ("handler", LEAD, LONG_AGO, MONDAY + timedelta(days=9)))
    assert verifies(work, case, late)  # the case is another's now
    work.now = MONDAY + timedelta(days=7)
    act(work, case, OFFICE, "reassign", unit=LEAD, reason="改回")
    assert verifies(work, case, early)
    assert not verifies(work, case, late)


def test_whoever_worked_on_the_case_verifies_it_in_no_later_office(work: Work) -> None:
    """A handler of the first unit accepted it; the case went to another township, the handler to the office."""
    case = case_in(work, "assigned")
    handler = official("handler", LEAD)
    act(work, case, handler, "accept")
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    assert not verifies(work, case, replace(OFFICE, person_id=handler.person_id))


def test_an_office_taken_up_again_does_not_hide_the_time_before(work: Work) -> None:
    case = case_in(work, "in_review")
    again = office_person(
        work,
        ("handler", LEAD, LONG_AGO, MONDAY + timedelta(days=1)),
        ("handler", LEAD, MONDAY + timedelta(days=30), MONDAY + timedelta(days=40)),
    )
    work.now = MONDAY + timedelta(days=60)
    assert not verifies(work, case, again)


# ---- chiefs ----------------------------------------------------------------------------------------------------------


def test_the_county_chief_of_the_very_reach_may_verify(work: Work) -> None:
    case = case_in(work, "in_review")
    case.reach = "QSH-01"
    chief = replace(official("county_chief", OFFICE_UNIT), person_id=on_roster(work))
    assert act(work, case, chief, "close").state == "closed"


@pytest.mark.parametrize("role", ["township_chief", "village_chief"])
def test_the_townships_own_chief_does_not_close_its_case(work: Work, role: str) -> None:
    case = case_in(work, "in_review")
    for action in ("close", "send_back", "request_closure"):
        with pytest.raises(Forbidden):
            act(work, case, official(role, LEAD), action, reason="x", photos=[photo(work)], done="x")


# ---- settled on the spot ---------------------------------------------------------------------------------------------


def settled(work: Work, chief: Actor) -> Case:
    case = submitted(work, source="patrol")
    return act(work, case, chief, "settle_on_spot", photos_before=[photo(work)], photos=[photo(work)])


def test_what_a_chief_settled_is_not_verified_by_the_chiefs_own_township(work: Work) -> None:
    case = settled(work, official("village_chief", OTHER))
    assert not verifies(work, case, official("inspector", OFFICE_UNIT, ("handler", OTHER)))
    assert not verifies(work, case, official("inspector", OTHER))
    assert verifies(work, case, official("inspector", OFFICE_UNIT, ("handler", NEXT)))
    assert verifies(work, case, OFFICE)


def test_what_a_county_chief_settled_is_verified_by_the_office_but_not_by_that_chief(work: Work) -> None:
    chief = official("county_chief", OFFICE_UNIT)
    case = settled(work, chief)
    assert not verifies(work, case, chief)
    assert not verifies(work, case, replace(OFFICE, person_id=chief.person_id))
    assert verifies(work, case, official("county_chief", OFFICE_UNIT))
    assert verifies(work, case, OFFICE)


def test_what_was_not_settled_after_all_goes_to_whom_its_place_names(work: Work) -> None:
    case = settled(work, official("village_chief", OTHER))
    assert case.routing_reason
    work.now = MONDAY + timedelta(days=1)
    act(work, case, OFFICE, "send_back", reason="还有残留")
    assert (case.state, case.lead_unit, case.rounds) == ("rectifying", PLACE_OWNER, 1)
    held = work.session.scalars(select(Assignment).where(Assignment.case_id == case.id)).one()
    assert (held.unit_code, held.part, held.reason) == (PLACE_OWNER, "lead", case.routing_reason)
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert (clock.holder, case.first_rectify_by) == (PLACE_OWNER, clock.due_at)
    handler = official("handler", PLACE_OWNER)
    assert act(work, case, handler, "request_closure", photos=[photo(work)], done="已清理").state == "in_review"


def test_a_relapse_of_what_was_settled_where_nobody_holds_the_place_stays_with_the_office(work: Work) -> None:
    case = submitted(work, source="patrol", lon=103.220737, lat=25.3)  # beyond the border
    form = {"photos_before": [photo(work)], "photos": [photo(work)]}
    act(work, case, official("village_chief", OTHER), "settle_on_spot", **form)
    act(work, case, OFFICE, "close")
    inspector = replace(OFFICE, person_id=uuid.uuid4())
    act(work, case, inspector, "fail_follow_up", photos=[photo(work)], reason="又有垃圾", place=HERE)
    assert (case.state, case.lead_unit) == ("rectifying", None)
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert clock.holder == OFFICE_UNIT
    assert act(work, case, OFFICE, "reassign", unit=NEXT, reason="就近").lead_unit == NEXT
