"""Somebody looks at a risk source: who may, from where, how often, and what a problem starts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import cases, inspections, risk_sources
from backend.domain.actors import Actor
from backend.domain.faults import Fault, Forbidden
from backend.domain.inspections import InspectionForm
from backend.models import Case, Photo, Report
from backend.work import Work
from tests.domain.ledger import MONDAY, OFFICE_UNIT, account, official, photo, undone

SOURCE, OWNER, ACROSS = "FX-001", "530199010", "530199002"  # an outfall of 大坪乡 on the border river QSH-01
AT = {"lon": 102.72652, "lat": 25.385259}


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        found.actor = replace(official("village_chief", OWNER), account_id=account(found).id)
        yield found


def form(work: Work, **changes: Any) -> InspectionForm:
    given = {
        "result": "normal", "words": "排口无水流。", "photos": (photo(work),), **AT, "coord_type": "wgs84", **changes,
    }  # fmt: skip
    return InspectionForm(**given)


def fault_of(work: Work, **changes: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        inspections.record(work, SOURCE, form(work, **changes), "key")
    return caught.value


def test_an_inspection_is_kept_with_its_photos_and_stands_in_the_history(work: Work) -> None:
    made = inspections.record(work, SOURCE, form(work, lat=AT["lat"] + 0.001), "key")
    assert made.distance_m == pytest.approx(110.8, abs=0.5)
    assert [p.purpose for p in work.session.scalars(select(Photo).where(Photo.inspection_id == made.id))] == [
        "inspection"
    ]
    event = risk_sources.history(work, SOURCE)[-1]
    assert (event.kind, event.data["result"], event.actor) == ("inspected", "normal", work.actor.label)
    assert [one.id for one in inspections.of_source(work, SOURCE, None, 10)] == [made.id]


def test_a_problem_goes_on_the_ledger_and_hangs_on_the_source(work: Work) -> None:
    made = inspections.record(
        work, SOURCE, form(work, result="problem", words="正在排黑水。", category="illegal_discharge"), "key"
    )
    case = work.session.get_one(Case, made.case_id)
    cases.route(work, case.id)
    assert (case.source, case.risk_source, case.state, case.lead_unit) == ("inspection", SOURCE, "assigned", OWNER)
    report = work.session.scalars(select(Report).where(Report.case_id == case.id)).one()
    assert (report.text, report.source, report.address) == ("正在排黑水。", "inspection", "大坪乡集镇生活污水排口")
    assert [p.report_id for p in report.photos] == [report.id]


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (official("village_chief", OWNER), True),
        (official("handler", OWNER), True),
        (official("township_chief", ACROSS), True),  # the other bank
        (official("handler", ACROSS), False),
        (official("township_chief", "530199005"), False),
        (official("handler", "530199-ecology"), True),
        (official("inspector", OFFICE_UNIT), True),
        (official("county_chief", OFFICE_UNIT), True),
        (official("office", OFFICE_UNIT), True),
    ],
)
def test_who_may_inspect(work: Work, actor: Actor, may: bool) -> None:
    work.actor = actor
    if may:
        assert inspections.record(work, SOURCE, form(work), "key").role == actor.role
    else:
        with pytest.raises(Forbidden):
            inspections.record(work, SOURCE, form(work), "key")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"words": " \u3000"}, "missing_field"),
        ({"photos": ()}, "missing_field"),
        ({"result": "problem"}, "missing_field"),  # of which kind?
        ({"result": "problem", "category": "nonsense"}, "unknown_category"),
        ({"at": MONDAY + timedelta(hours=1)}, "observed_in_future"),
        ({"at": MONDAY - timedelta(days=91)}, "observed_too_old"),
        ({"lon": 25.4, "lat": 102.7}, "swapped_coordinates"),
    ],
)
def test_what_cannot_be_taken_down(work: Work, changes: dict[str, Any], code: str) -> None:
    assert fault_of(work, **changes).code == code


def test_a_watched_source_is_to_be_looked_at_again_after_its_days(work: Work) -> None:
    source = risk_sources.get(work, SOURCE)
    registered = MONDAY - timedelta(days=100)
    days = work.county.rules.risk_sources.inspect_days["outfall"]
    assert inspections.due_on(work, source, None, MONDAY) == date(2026, 6, 1) + timedelta(days=days)
    last = MONDAY + timedelta(days=5)
    due_on = inspections.due_on(work, source, last, registered)
    assert due_on == date(2026, 6, 6) + timedelta(days=days)
    work.now = last + timedelta(days=days)
    assert not inspections.overdue(work, due_on)
    work.now += timedelta(days=1)
    assert inspections.overdue(work, due_on)
    closed = source.model_copy(update={"status": "closed"})
    assert inspections.due_on(work, closed, None, registered) is None


def test_the_last_look_counts_and_pages_go_back_in_time(work: Work) -> None:
    for days in (3, 1, 2):
        at = MONDAY - timedelta(days=days)
        inspections.record(work, SOURCE, form(work, at=at), uuid.uuid4().hex)
    assert inspections.last_of(work) == {SOURCE: MONDAY - timedelta(days=1)}
    first = inspections.of_source(work, SOURCE, None, 2)
    rest = inspections.of_source(work, SOURCE, first[-1].at, 2)
    assert [(MONDAY - one.at).days for one in (*first, *rest)] == [1, 2, 3]
