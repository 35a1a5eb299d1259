"""Assisting units: they acknowledge and add to the record, and decide nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import assistance, states
from backend.domain.faults import Conflict, Forbidden
from backend.models import Assignment, Case, Photo
from backend.work import Work
from tests.domain.ledger import (
    ASSISTING,
    HANDLER,
    LEAD,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    OTHER,
    act,
    case_in,
    code_of,
    official,
    photo,
    undone,
)

HELPER = official("handler", ASSISTING)


@pytest.fixture
def work(app: APIFlask) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def waiting(work: Work, case: Case) -> set[str]:
    """The assisting units that have not acknowledged."""
    return {code for code, held in assistance.units(work, case).items() if held.acknowledged_at is None}


def test_an_assisting_unit_acknowledges_once_and_the_office_sees_who_has_not(work: Work) -> None:
    case = case_in(work, "assigned")
    act(work, case, OFFICE, "add_assisting", assisting=[OTHER], reason="河段在两镇之间")
    assert waiting(work, case) == {ASSISTING, OTHER}
    act(work, case, HELPER, "acknowledge")
    assert waiting(work, case) == {OTHER}
    assert code_of(lambda: act(work, case, HELPER, "acknowledge")) == "acknowledged_before"
    assert "acknowledge" not in {row.action for row in states.allowed(work, case, HELPER)}
    assert case.state == "assigned"


def test_what_an_assisting_unit_adds_is_on_record_and_says_that_it_knows(work: Work) -> None:
    case = case_in(work, "accepted")
    ref = photo(work)
    act(work, case, HELPER, "note", note="已取样送检。", photos=[ref])
    assert waiting(work, case) == set()
    taken = work.session.get_one(Photo, ref.id)
    assert (taken.case_id, taken.purpose) == (case.id, "note")  # no evidence of the lead unit's work
    assert case.state == "accepted"


@pytest.mark.parametrize("action", ["accept", "return", "start", "request_closure", "close", "reassign"])
def test_an_assisting_unit_decides_nothing(work: Work, action: str) -> None:
    case = case_in(work, "assigned")
    with pytest.raises(Forbidden):
        act(work, case, HELPER, action, reason="x")


def test_a_released_unit_has_no_say_any_more_and_may_be_asked_again(work: Work) -> None:
    case = case_in(work, "accepted")
    act(work, case, HELPER, "acknowledge")
    act(work, case, OFFICE, "release_assisting", assisting=[ASSISTING], reason="不再需要")
    assert assistance.units(work, case) == {}
    with pytest.raises(Forbidden):
        act(work, case, HELPER, "note", note="还有")
    act(work, case, OFFICE, "add_assisting", assisting=[ASSISTING], reason="又需要了")
    assert waiting(work, case) == {ASSISTING}
    held = work.session.scalars(select(Assignment).where(Assignment.unit_code == ASSISTING).order_by(Assignment.id))
    assert [one.ended_by for one in held if one.case_id == case.id] == ["released", None]


@pytest.mark.parametrize(
    ("action", "units", "code"),
    [
        ("add_assisting", [LEAD], "assists_already"),
        ("add_assisting", [ASSISTING], "assists_already"),
        ("add_assisting", ["530199999"], "unknown_unit"),
        ("add_assisting", [OFFICE_UNIT], "unknown_unit"),
        ("release_assisting", [OTHER], "not_assisting"),
        ("release_assisting", [ASSISTING, LEAD], "not_assisting"),
    ],
)
def test_only_units_that_can_assist_are_added_and_only_those_that_do_are_released(
    work: Work, action: str, units: list[str], code: str
) -> None:
    case = case_in(work, "accepted")
    assert code_of(lambda: act(work, case, OFFICE, action, assisting=units, reason="x")) == code
    assert set(assistance.units(work, case)) == {ASSISTING}


def test_a_unit_named_twice_assists_once(work: Work) -> None:
    case = case_in(work, "accepted")
    act(work, case, OFFICE, "add_assisting", assisting=[OTHER, OTHER, ASSISTING], reason="x")
    assert list(assistance.units(work, case)) == [ASSISTING, OTHER]


def test_an_assisting_unit_that_stays_through_a_reassignment_need_not_acknowledge_again(work: Work) -> None:
    case = case_in(work, "assigned")
    act(work, case, HELPER, "acknowledge")
    act(work, case, OFFICE, "reassign", unit=NEXT, assisting=[ASSISTING, LEAD], reason="属邻镇")
    assert waiting(work, case) == {LEAD}
    act(work, case, HANDLER, "acknowledge")
    act(work, case, OFFICE, "reassign", unit=ASSISTING, assisting=[], reason="由水务局办理")
    assert (case.lead_unit, assistance.units(work, case)) == (ASSISTING, {})


def test_a_case_without_assisting_units_has_none_to_release(work: Work) -> None:
    case = case_in(work, "accepted")
    act(work, case, OFFICE, "release_assisting", assisting=[ASSISTING], reason="x")
    assert "release_assisting" not in {row.action for row in states.allowed(work, case, OFFICE)}
    with pytest.raises(Conflict):
        act(work, case, OFFICE, "release_assisting", assisting=[ASSISTING], reason="x")


def test_the_own_chief_may_comment_and_not_close(work: Work) -> None:
    case = case_in(work, "in_review")
    chief = official("township_chief", LEAD)
    assert {row.action for row in states.allowed(work, case, chief)} == {"note"}
    act(work, case, chief, "note", note="我去看过，清理干净了。")
    assert states.allowed(work, case, official("township_chief", OTHER)) == []
