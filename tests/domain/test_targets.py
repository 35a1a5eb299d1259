"""Targets: what is to be reached, values with their sources, corrections that keep what they correct."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from apiflask import APIFlask

from backend.domain import targets
from backend.domain.faults import Conflict, Forbidden, NotFound
from backend.domain.targets import Words
from backend.work import Work
from tests.domain.ledger import LEAD, OFFICE, OTHER, fault_of, official, undone

RATE = Words(name="城镇污水处理率", measure="%", better="higher", goal=95, goal_on=date(2026, 12, 31), unit=LEAD)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        found.actor = OFFICE
        yield found


def test_a_corrected_value_counts_and_the_wrong_one_stays(work: Work) -> None:
    code = targets.write(work, RATE).code
    targets.enter(work, code, date(2026, 3, 31), 88.5, "污水处理厂月报")
    targets.enter(work, code, date(2026, 4, 30), 91, "污水处理厂月报")
    unexplained = fault_of(lambda: targets.enter(work, code, date(2026, 4, 30), 90.1, "污水处理厂月报"))
    assert (unexplained.code, unexplained.extra["field"]) == ("reason_needed", "reason")
    targets.enter(work, code, date(2026, 4, 30), 90.1, "污水处理厂月报", "月报重算")
    shown = targets.show(work, code)
    assert [(row.on.month, row.value) for row in shown.counting] == [(3, 88.5), (4, 90.1)]
    assert [(row.value, row.reason) for row in shown.entered] == [(90.1, "月报重算"), (91, ""), (88.5, "")]


def test_a_reason_is_kept_only_where_something_was_corrected(work: Work) -> None:
    code = targets.write(work, RATE).code
    assert targets.enter(work, code, date(2026, 5, 31), 90, "月报", "多写的").reason == ""


@pytest.mark.parametrize(
    ("better", "goal_on", "value", "standing"),
    [
        ("higher", date(2026, 12, 31), 95, "reached"),
        ("higher", date(2026, 12, 31), 94.9, "on_way"),
        ("higher", date(2026, 5, 31), 94.9, "missed"),
        ("lower", date(2026, 12, 31), 95, "reached"),
        ("lower", date(2026, 12, 31), 95.1, "on_way"),
    ],
)
def test_how_a_target_stands(work: Work, better: targets.Better, goal_on: date, value: float, standing: str) -> None:
    code = targets.write(work, replace(RATE, better=better, goal_on=goal_on)).code
    assert targets.show(work, code).standing == "none"
    targets.enter(work, code, date(2026, 5, 1), value, "月报")
    assert targets.show(work, code).standing == standing


def test_the_unit_that_answers_enters_values_and_no_other(work: Work) -> None:
    code = targets.write(work, RATE).code
    work.actor = official("handler", LEAD)
    targets.enter(work, code, date(2026, 5, 31), 90, "月报")
    assert isinstance(fault_of(lambda: targets.write(work, RATE, code)), Forbidden)
    assert isinstance(fault_of(lambda: targets.end(work, code)), Forbidden)
    work.actor = official("handler", OTHER)
    assert isinstance(fault_of(lambda: targets.enter(work, code, date(2026, 5, 30), 90, "月报")), Forbidden)
    work.actor = official("village_chief", LEAD)
    assert not targets.may_enter(work, targets.get(work, code))


@pytest.mark.parametrize(
    ("on", "value", "source", "code"),
    [
        (date(2026, 6, 2), 90, "月报", "day_to_come"),
        (date(2026, 5, 1), 90, "　", "missing_field"),
        (date(2026, 5, 1), float("nan"), "月报", "number_out_of_range"),
        (date(2026, 5, 1), 1e12, "月报", "number_out_of_range"),
    ],
)
def test_values_that_cannot_be(work: Work, on: date, value: float, source: str, code: str) -> None:
    target = targets.write(work, RATE).code
    assert fault_of(lambda: targets.enter(work, target, on, value, source)).code == code


def test_a_target_written_anew_keeps_what_it_was_and_one_that_ended_its_values(work: Work) -> None:
    code = targets.write(work, RATE).code
    targets.enter(work, code, date(2026, 5, 31), 90, "月报")
    targets.write(work, replace(RATE, goal=97), code)
    assert [row.goal for row in targets.written(work, code)] == [97, 95]
    assert [one.target.goal for one in targets.listing(work)] == [97]
    targets.end(work, code)
    assert targets.listing(work) == []
    [ended] = targets.listing(work, ended=True)
    assert (ended.target.goal, ended.counting[0].value) == (97, 90)
    for call in (
        lambda: targets.enter(work, code, date(2026, 5, 1), 1, "月报"),
        lambda: targets.end(work, code),
        lambda: targets.write(work, RATE, code),
    ):
        assert isinstance(fault_of(call), Conflict)


def test_a_target_needs_its_words_and_a_unit_of_the_county(work: Work) -> None:
    assert fault_of(lambda: targets.write(work, replace(RATE, name=" "))).extra["field"] == "name"
    assert fault_of(lambda: targets.write(work, replace(RATE, unit="530199999"))).code == "unknown_unit"
    assert isinstance(fault_of(lambda: targets.show(work, OFFICE.person_id)), NotFound)  # type: ignore[arg-type]
