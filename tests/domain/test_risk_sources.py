"""The register of risk sources: begun by the county's files, kept by the office, seen by routing from its day on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from backend import counties
from backend.counties import Counties, _register
from backend.county import County
from backend.domain import cases, risk_sources
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.risk_sources import SourceForm
from backend.geo import to_wgs84
from backend.models import Case, CaseEvent, RiskSourceVersion
from backend.work import Work
from tests.domain.ledger import HANDLER, HERE, MONDAY, OFFICE, act, case_in, photo, submitted, undone

TODAY = date(2026, 6, 1)
NEAR = {"lon": HERE["lon"], "lat": HERE["lat"]}  # where the tests' cases lie
FORM = SourceForm(
    name="翠屏乡新排口", kind="outfall", unit="530199012", lon=NEAR["lon"], lat=NEAR["lat"], coord_type="wgs84",
    near_m=200, reason="排查新发现",
)  # fmt: skip


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        found.actor = OFFICE
        yield found


def on(work: Work, day: date) -> County:
    """The county as routing finds it on a day."""
    moment = MONDAY + (day - TODAY)
    return work.counties.current(work.session, moment).county


def codes(county: County) -> set[str]:
    return {source.code for source in county.risk_sources}


def newest(work: Work, code: str) -> int:
    return risk_sources.versions(work, code)[-1].id


# ---- the files and the office ----------------------------------------------------------------------------------------


def test_the_register_begins_with_the_countys_files(work: Work, county: County) -> None:
    assert codes(work.county) == codes(county)
    assert {source.code: source for source in work.county.risk_sources} == county.risk_source_by_code
    entry = risk_sources.versions(work, "FX-900")[0]
    assert (entry.origin, entry.recorded_by, entry.status) == ("file", "file", "watched")
    assert [event.kind for event in risk_sources.history(work, "FX-900")] == ["registered"]


def test_loading_the_same_files_again_enters_nothing(work: Work, county: County) -> None:
    before = len(work.session.scalars(select(RiskSourceVersion)).all())
    _register(work.session, county, TODAY, work.now)
    assert len(work.session.scalars(select(RiskSourceVersion)).all()) == before


def loaded(work: Work, county: County, day: date, **changes: Any) -> None:
    """Load the county's files with one source changed."""
    sources = tuple(
        source.model_copy(update=changes) if source.code == "FX-001" else source for source in county.risk_sources
    )
    counties.load(work.session, county.model_copy(update={"risk_sources": sources}), day, work.now)


def test_a_change_in_the_files_counts_from_its_day_as_long_as_the_office_has_written_nothing(
    work: Work, county: County
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    loaded(work, county, tomorrow, near_m=500.0)
    assert on(work, TODAY).risk_source_by_code["FX-001"].near_m == 100
    assert on(work, tomorrow).risk_source_by_code["FX-001"].near_m == 500
    form = replace(FORM, name="大坪乡排口", near_m=300)
    risk_sources.change(work, "FX-001", form, newest(work, "FX-001"))
    loaded(work, county, tomorrow, near_m=700.0)
    entries = [(entry.origin, entry.near_m) for entry in risk_sources.versions(work, "FX-001")]
    assert entries == [("file", 100), ("file", 500), ("office", 300)]


def test_what_is_gone_from_the_files_stays_on_the_register(work: Work, county: County) -> None:
    fewer = county.model_copy(update={"risk_sources": county.risk_sources[1:]})
    counties.load(work.session, fewer, TODAY, work.now)
    assert county.risk_sources[0].code in codes(on(work, TODAY))


# ---- the office ------------------------------------------------------------------------------------------------------


def test_a_new_source_is_seen_by_routing_from_its_day_on(work: Work) -> None:
    tomorrow = TODAY + timedelta(days=1)
    entered = risk_sources.register(work, "FX-101", replace(FORM, effective_on=tomorrow))
    assert (entered.origin, entered.effective_on, entered.recorded_by) == ("office", tomorrow, OFFICE.label)
    assert "FX-101" not in codes(on(work, TODAY))
    assert "FX-101" in codes(on(work, tomorrow))
    for day, linked in ((TODAY, None), (tomorrow, "FX-101")):
        work.county = on(work, day)
        case = submitted(work)
        cases.route(work, case.id)
        assert case.risk_source == linked


def test_a_change_keeps_what_was_before_with_the_reason_and_who_made_it(work: Work) -> None:
    risk_sources.register(work, "FX-101", FORM)
    closed = replace(FORM, status="closed", near_m=50, reason="已封堵")
    risk_sources.change(work, "FX-101", closed, newest(work, "FX-101"))
    assert on(work, TODAY).risk_source_by_code["FX-101"].status == "closed"
    registered, changed = risk_sources.history(work, "FX-101")
    assert (registered.kind, changed.kind, changed.actor) == ("registered", "changed", OFFICE.label)
    assert changed.data["changed"] == {"status": ["watched", "closed"], "near_m": [200.0, 50]}
    assert changed.data["reason"] == "已封堵"
    assert [entry.status for entry in risk_sources.versions(work, "FX-101")] == ["watched", "closed"]


def test_two_clerks_at_once_and_other_slips(work: Work) -> None:
    risk_sources.register(work, "FX-101", FORM)
    seen = newest(work, "FX-101")
    with pytest.raises(Conflict, match="code_taken"):
        risk_sources.register(work, "FX-101", FORM)
    with pytest.raises(Conflict, match="nothing_changed"):
        risk_sources.change(work, "FX-101", FORM, seen)
    with pytest.raises(NotFound):
        risk_sources.change(work, "FX-999", FORM, 1)


def test_a_change_by_somebody_who_has_not_seen_the_last_one_is_refused(work: Work) -> None:
    risk_sources.register(work, "FX-101", FORM)
    seen = newest(work, "FX-101")
    risk_sources.change(work, "FX-101", replace(FORM, near_m=300), seen)
    with pytest.raises(Conflict) as caught:
        risk_sources.change(work, "FX-101", replace(FORM, near_m=400), seen)
    assert (caught.value.code, caught.value.extra["version"]) == ("stale_version", newest(work, "FX-101"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"unit": "530199999"}, "unknown_unit"),
        ({"reach": "NO-99"}, "unknown_reach"),
        ({"lon": 116.397, "lat": 39.908}, "outside_county"),
        ({"lon": 25.2, "lat": 102.7}, "swapped_coordinates"),
        ({"effective_on": TODAY - timedelta(days=1)}, "date_past"),
        ({"name": "\u3000"}, "missing_field"),
        ({"reason": " "}, "missing_field"),
    ],
)
def test_what_cannot_be_on_the_register_is_refused(work: Work, wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(Fault) as caught:
        risk_sources.register(work, "FX-101", replace(FORM, **wrong))
    assert caught.value.code == code
    assert risk_sources.versions(work, "FX-101") == []


def test_a_point_from_a_map_is_kept_as_gps_has_it(work: Work) -> None:
    entered = risk_sources.register(work, "FX-101", replace(FORM, coord_type="gcj02"))
    assert (entered.lon, entered.lat) == pytest.approx(to_wgs84(NEAR["lon"], NEAR["lat"], "gcj02"))


def test_nobody_rewrites_the_register_behind_its_back(work: Work) -> None:
    for statement in (
        "UPDATE risk_source_versions SET near_m = 1", "DELETE FROM risk_source_versions",
        "UPDATE risk_source_events SET kind = 'x'", "DELETE FROM risk_source_events",
    ):  # fmt: skip
        part = work.session.begin_nested()
        with pytest.raises(DBAPIError):
            work.session.execute(text(statement))
        part.rollback()


def test_the_county_stays_one_object_until_the_register_moves(app: APIFlask, work: Work) -> None:
    kept: Counties = work.counties
    day = MONDAY + timedelta(days=3650)  # after every version of the rules that other tests have loaded
    before = kept.current(work.session, day).county
    assert kept.current(work.session, day + timedelta(days=1)).county is before
    assert kept.at(work.session, work.county_version).county.risk_sources == before.risk_sources
    risk_sources.register(work, "FX-101", FORM)
    after = kept.current(work.session, day).county
    assert after is not before
    assert "FX-101" in after.risk_source_by_code
    assert "FX-101" not in before.risk_source_by_code


# ---- cases -----------------------------------------------------------------------------------------------------------


def with_source(work: Work, **changes: Any) -> None:
    risk_sources.register(work, "FX-101", replace(FORM, **changes))
    work.county = on(work, TODAY)


@pytest.mark.parametrize(
    ("changes", "grave"),
    [
        ({"kind": "water_intake"}, True),
        ({"kind": "water_intake", "status": "closed"}, False),
        ({"kind": "plant"}, False),
    ],
)
def test_near_an_intake_that_is_watched_a_case_is_graver_and_urgent(
    work: Work, changes: dict[str, Any], grave: bool
) -> None:
    with_source(work, **changes)
    case = submitted(work)
    cases.route(work, case.id)
    assert (case.risk_source, case.urgent) == ("FX-101", grave)
    assert case.severity == ("serious" if grave else "normal")


def test_a_closed_pit_is_where_it_begins_again(work: Work) -> None:
    with_source(work, kind="sand_pit", status="closed")
    case = submitted(work)
    cases.route(work, case.id)
    assert case.risk_source == "FX-101"


def test_the_office_hangs_a_case_on_another_source_with_an_event(work: Work) -> None:
    case = case_in(work, "accepted")
    act(work, case, OFFICE, "link_source", risk_source="FX-001", reason="来自该排口")
    act(work, case, OFFICE, "link_source", risk_source="FX-002", reason="改为料场")
    with pytest.raises(Conflict, match="linked_already"):
        act(work, case, OFFICE, "link_source", risk_source="FX-002", reason="再来")
    with pytest.raises(Fault, match="unknown_risk_source"):
        act(work, case, OFFICE, "link_source", risk_source="FX-777", reason="没有")
    act(work, case, OFFICE, "unlink_source", reason="无关")
    assert case.risk_source is None
    events = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action.like("%source")).order_by(CaseEvent.seq)
    )
    assert [(event.data["before"], event.data["risk_source"]) for event in events] == [
        (None, "FX-001"), ("FX-001", "FX-002"), ("FX-002", None),
    ]  # fmt: skip


def hanging(work: Work, state: str, **columns: Any) -> Case:
    case = case_in(work, state)
    case.risk_source = "FX-001"
    for name, value in columns.items():
        setattr(case, name, value)
    work.session.flush()
    return case


def test_what_hangs_on_a_source_is_counted_for_whoever_may_see_it(work: Work) -> None:
    hanging(work, "assigned")
    hanging(work, "closed", recurrences=2)
    merged = hanging(work, "accepted")
    target = hanging(work, "accepted")
    act(work, merged, OFFICE, "merge", target=target.id, reason="同一问题")
    work.actor = OFFICE
    tally = risk_sources.tallies(work)["FX-001"]
    assert (tally.cases, tally.open_cases, tally.recurrences, tally.reports) == (3, 2, 2, 4)
    work.actor = HANDLER  # of the lead unit: its own, closed ones too
    assert risk_sources.tallies(work)["FX-001"].cases == 3
    work.actor = replace(HANDLER, unit="530199004")
    assert risk_sources.tallies(work) == {}


def test_a_relapse_counts_on_the_source_and_calls_for_looking_back_at_the_next_one_there(work: Work) -> None:
    case = hanging(work, "closed")
    form = {"photos": [photo(work)], "place": HERE, "reason": "又在排"}
    act(work, case, OFFICE, "fail_follow_up", **form)
    work.actor = OFFICE
    assert risk_sources.tallies(work)["FX-001"].recurrences == 1
    other = hanging(work, "in_review")
    act(work, other, OFFICE, "close")
    event = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == other.id, CaseEvent.seq == other.version)
    ).one()
    assert event.data["follow_up"]["origin"] == "rule"
