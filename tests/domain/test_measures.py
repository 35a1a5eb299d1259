"""One plan per drinking-water source, and its measures: owned, dated, done on evidence, overdue."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import intake_plans, measures, risk_sources
from backend.domain.faults import Conflict, Forbidden, NotFound
from backend.domain.measures import MeasureForm
from backend.models import Measure, Notice, Photo, RosterRole
from backend.work import Work
from tests.domain.ledger import MONDAY, OFFICE, OFFICE_UNIT, fault_of, official, on_roster, photo, undone

INTAKE, OWNER = "FX-900", "530199003"
OWNERS = official("handler", OWNER)
FORM = MeasureForm(text="设置隔离网 500 米", unit_code=OWNER, person="王五", due_on=date(2026, 6, 30))


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        found.actor = OFFICE
        yield found


def kinds(work: Work) -> list[str]:
    return [event.kind for event in risk_sources.history(work, INTAKE)][1:]


# ---- the plan --------------------------------------------------------------------------------------------------------


def test_a_plan_is_written_anew_and_the_earlier_ones_stay(work: Work) -> None:
    intake_plans.write(work, INTAKE, "保护方案第一版", "李县长", OWNER)
    work.now += timedelta(days=1)
    intake_plans.write(work, INTAKE, "保护方案第二版", "李县长", OWNER)
    assert [plan.text for plan in intake_plans.of_source(work, INTAKE)] == ["保护方案第二版", "保护方案第一版"]
    assert kinds(work) == ["plan_written", "plan_written"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("FX-001", "方案", "李县长", OWNER), "not_an_intake"),
        ((INTAKE, " ", "李县长", OWNER), "missing_field"),
        ((INTAKE, "方案", "\u3000", OWNER), "missing_field"),
        ((INTAKE, "方案", "李县长", "530199999"), "unknown_unit"),
        (("FX-777", "方案", "李县长", OWNER), "not_found"),
    ],
)
def test_what_is_no_plan(work: Work, given: tuple[str, str, str, str], code: str) -> None:
    assert fault_of(lambda: intake_plans.write(work, *given)).code == code


# ---- measures --------------------------------------------------------------------------------------------------------


def done(work: Work, measure: Measure) -> Measure:
    before, work.actor = work.actor, OWNERS
    measures.finish(work, measure.id, "已安装完毕", [photo(work)], measure.version)
    work.actor = before
    return measure


def test_the_owner_shows_that_it_is_done_and_the_office_may_not_be_satisfied(work: Work) -> None:
    measure = measures.add(work, INTAKE, FORM)
    work.actor = OWNERS
    assert fault_of(lambda: measures.finish(work, measure.id, "装好了", [], 1)).code == "missing_field"
    assert fault_of(lambda: measures.finish(work, measure.id, " ", [photo(work)], 1)).code == "missing_field"
    done(work, measure)
    assert (measure.state, measure.done_by, measure.done_words) == ("done", OWNERS.label, "已安装完毕")
    assert [p.purpose for p in work.session.scalars(select(Photo).where(Photo.measure_id == measure.id))] == ["measure"]
    work.actor = OFFICE
    measures.reopen(work, measure.id, "照片看不出是隔离网", measure.version)
    assert (measure.state, measure.done_at, measure.due_on) == ("open", None, FORM.due_on)
    assert kinds(work) == ["measure_added", "measure_done", "measure_reopened"]


def test_a_moved_day_keeps_the_old_one_with_the_reason(work: Work) -> None:
    measure = measures.add(work, INTAKE, FORM)
    later = replace(FORM, due_on=date(2026, 7, 31), person="赵六")
    measures.change(work, measure.id, later, "汛期无法施工", measure.version)
    event = risk_sources.history(work, INTAKE)[-1]
    assert event.data["changed"] == {"due_on": ["2026-06-30", "2026-07-31"], "person": ["王五", "赵六"]}
    assert event.data["reason"] == "汛期无法施工"
    assert fault_of(lambda: measures.change(work, measure.id, later, "再来", measure.version)).code == "nothing_changed"


def test_a_measure_that_is_given_up_says_why_and_is_over(work: Work) -> None:
    measure = measures.add(work, INTAKE, FORM)
    assert fault_of(lambda: measures.drop(work, measure.id, " ", 1)).code == "missing_field"
    measures.drop(work, measure.id, "取水口已迁移", 1)
    for call in (
        lambda: measures.finish(work, measure.id, "x", [photo(work)], measure.version),
        lambda: measures.change(work, measure.id, replace(FORM, person="别人"), "x", measure.version),
        lambda: measures.reopen(work, measure.id, "x", measure.version),
    ):
        assert fault_of(call).code == "wrong_state"


def test_others_do_not_touch_it_and_nobody_does_blindly(work: Work) -> None:
    measure = measures.add(work, INTAKE, FORM)
    for actor in (
        official("handler", "530199004"),
        official("township_chief", OWNER),
        official("inspector", OFFICE_UNIT),
    ):
        work.actor = actor
        with pytest.raises(Forbidden):
            measures.finish(work, measure.id, "x", [photo(work)], 1)
        with pytest.raises(Forbidden):
            measures.change(work, measure.id, FORM, "x", 1)
        with pytest.raises(Forbidden):
            measures.drop(work, measure.id, "x", 1)
    work.actor = OFFICE
    with pytest.raises(Conflict, match="stale_version"):
        measures.drop(work, measure.id, "x", 2)
    with pytest.raises(NotFound):
        measures.drop(work, uuid.uuid4(), "x", 1)


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("FX-001", {}, "not_an_intake"),
        (INTAKE, {"due_on": date(2026, 5, 31)}, "date_past"),
        (INTAKE, {"unit_code": "x"}, "unknown_unit"),
        (INTAKE, {"text": " "}, "missing_field"),
        (INTAKE, {"person": "\u200b"}, "missing_field"),
    ],
)
def test_what_is_no_measure(work: Work, code: str, changes: dict[str, Any], expected: str) -> None:
    assert fault_of(lambda: measures.add(work, code, replace(FORM, **changes))).code == expected


# ---- overdue ---------------------------------------------------------------------------------------------------------


def test_overdue_ones_are_listed_from_the_day_after_until_they_are_done(work: Work) -> None:
    late = measures.add(work, INTAKE, FORM)
    other = measures.add(work, INTAKE, replace(FORM, due_on=date(2026, 7, 5), unit_code="530199-water"))

    def listed(**wanted: Any) -> list[uuid.UUID]:
        found, _ = measures.page(work, wanted.get("state"), wanted.get("unit"), wanted.get("late", False), None, 10)
        return [measure.id for measure in found]

    assert listed() == [late.id, other.id]
    work.now = MONDAY + timedelta(days=29)  # 30 June
    assert listed(late=True) == []
    work.now += timedelta(days=1)
    assert listed(late=True) == [late.id]
    assert measures.overdue(late, date(2026, 7, 1))
    work.actor = OWNERS
    assert listed() == [late.id]
    work.actor = OFFICE
    assert listed(unit="530199-water") == [other.id]
    done(work, late)
    assert listed(late=True) == []
    assert listed(state="done") == [late.id]
    assert risk_sources.history(work, INTAKE)[-1].data["late"] is True


def test_the_pages_show_each_once(work: Work) -> None:
    for day in (9, 3, 9, 5):
        measures.add(work, INTAKE, replace(FORM, due_on=date(2026, 6, day)))
    first, cursor = measures.page(work, None, None, False, None, 3)
    rest, end = measures.page(work, None, None, False, cursor, 3)
    assert [measure.due_on.day for measure in (*first, *rest)] == [3, 5, 9, 9]
    assert end is None
    assert fault_of(lambda: measures.page(work, None, None, False, "x~y", 3)).code == "bad_cursor"


def test_the_owners_and_the_office_are_told_once_and_again_when_the_day_is_moved(work: Work) -> None:
    for role in work.session.scalars(select(RosterRole)):
        work.session.delete(role)
    since = (MONDAY - timedelta(days=9), None)
    clerk, owner = on_roster(work, ("office", OFFICE_UNIT, *since)), on_roster(work, ("head", OWNER, *since))
    measure = measures.add(work, INTAKE, FORM)

    def told() -> list[uuid.UUID | None]:
        measures.tell_overdue(work)
        return [n.person_id for n in work.session.scalars(select(Notice).where(Notice.kind == "measure_overdue"))]

    assert told() == []
    work.now = MONDAY + timedelta(days=30)
    assert set(told()) == {clerk, owner}
    assert len(told()) == 2
    measures.change(work, measure.id, replace(FORM, due_on=date(2026, 7, 3)), "再给两天", measure.version)
    assert len(told()) == 2
    work.now += timedelta(days=3)
    assert len(told()) == 4
