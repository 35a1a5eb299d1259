"""What a change of the rules would do: to cases that wait, to deadlines that run, to who answers for a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from backend.county import County
from backend.domain import county_changes, county_edits, county_effects, deadlines, routing
from backend.domain.faults import Conflict, Fault
from backend.domain.places import places_of
from backend.models import CountyVersion
from backend.work import Work
from tests.domain.ledger import LEAD, OFFICE, case_in, undone


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        found.actor = OFFICE
        yield found


def changed(county: County, **said: str) -> County:
    """The county with numbers of a form: garbage__rectify="3" is the limit of garbage for rectifying."""
    form = {name.replace("__", "." if name.startswith("limits") else ".."): value for name, value in said.items()}
    document, faults = county_edits.edited(county.model_dump(mode="json"), form)
    assert not faults
    return County.model_validate(document)


def of(county: County, **parts: Any) -> County:
    return County.model_validate({**county.model_dump(mode="json"), **parts})


def test_a_waiting_case_gets_the_new_limits_and_a_running_deadline_stays(work: Work) -> None:
    waiting = case_in(work, "submitted")
    running = case_in(work, "rectifying")
    clock = deadlines.running(work, running, "rectify")
    assert clock is not None
    before = clock.due_at
    new = changed(work.county, garbage__rectify="3")
    found = county_effects.effects(work, work.county, new)
    assert (found.obstacles, found.warnings, found.rerouted, found.settled) == ([], [], [], [])
    assert [case.id for case in found.coming] == [waiting.id]
    [moved] = found.compared
    assert (moved.case.id, moved.before, clock.due_at) == (running.id, before, before)
    assert (moved.before - moved.after, found.sooner, found.later) == (timedelta(days=4), 1, 0)  # 06-08 → 06-04


def test_a_deadline_that_somebody_set_is_compared_with_no_rule(work: Work) -> None:
    case = case_in(work, "rectifying")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    clock.set_by = "extension"
    work.session.flush()
    assert county_effects.effects(work, work.county, changed(work.county, garbage__rectify="3")).compared == []


def test_a_provisional_deadline_is_settled_by_the_calendar_that_covers_it(work: Work) -> None:
    case = case_in(work, "rectifying")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    clock.provisional = True
    work.session.flush()
    calendar = work.county.calendar
    new = of(work.county, calendar={"years": calendar.years, "holidays": [*calendar.holidays, date(2026, 6, 3)],
                                    "workdays": calendar.workdays})  # fmt: skip
    [settled] = county_effects.effects(work, work.county, new).settled
    assert (settled.before, settled.after - settled.before) == (clock.due_at, timedelta(days=1))


def test_a_reach_given_to_another_township_reroutes_what_waits_and_tells_what_stays(work: Work) -> None:
    waiting, assigned = case_in(work, "submitted"), case_in(work, "assigned")
    document = work.county.model_dump(mode="json")
    lead = routing.decide(
        places_of(work.county), waiting.lon, waiting.lat, None, work.county.category_by_code["garbage"]
    ).lead
    other = next(one.unit for one in work.county.townships if one.unit != lead)
    swap = {lead: other, other: lead}
    for township in document["townships"]:
        township["unit"] = swap.get(township["unit"], township["unit"])
    for reach in document["reaches"]:
        for name in ("left_bank", "right_bank", "lead"):
            reach[name] = swap.get(reach[name], reach[name])
    found = county_effects.effects(work, work.county, County.model_validate(document))
    told = {one.case.id: one for one in found.rerouted}
    assert (told[waiting.id].waits, told[assigned.id].waits) == (True, False)
    assert told[waiting.id].before != told[waiting.id].after


def test_what_cases_are_of_cannot_be_dropped_and_a_unit_that_holds_some_is_warned_of(work: Work) -> None:
    case_in(work, "assigned")
    document = work.county.model_dump(mode="json")
    fewer = of(work.county, categories=[one for one in document["categories"] if one["code"] != "garbage"])
    [obstacle] = county_effects.effects(work, work.county, fewer).obstacles
    assert "已有 1 件案件，不能删除" in obstacle
    gone = of(work.county, units=[one for one in document["units"] if one["code"] != LEAD])
    assert any("手上还有 1 件在办案件" in one for one in county_effects.warnings(work, gone))
    moved = of(work.county, office="530199-water")
    assert county_effects.obstacles(work, work.county, moved)


def test_what_two_versions_say_differently_is_told_in_words(work: Work) -> None:
    new = changed(work.county, garbage__rectify="3", limits__review_days="4")
    told = {(one.group, one.what): (one.before, one.after) for one in county_changes.differences(
        work.county.model_dump(mode="json"), new.model_dump(mode="json"))}  # fmt: skip
    assert told == {("问题类别", "垃圾倾倒　整改期限（工作日）"): ("5", "3"),
                    ("全县期限", "核查期限（工作日）"): ("3", "4")}  # fmt: skip
    document = work.county.model_dump(mode="json")
    document["reaches"] = document["reaches"][1:]
    gone = county_changes.differences(work.county.model_dump(mode="json"), document)
    assert {(one.group, one.after) for one in gone} == {("河段", "")}
    assert any(one.what.endswith("图形") and one.before.startswith("图形") for one in gone)


def test_a_change_holds_from_today_at_the_earliest_and_from_the_version_it_was_built_on(work: Work) -> None:
    newest = county_changes.latest(work)
    county_changes.check_day(work, newest.id, date(2026, 6, 1))
    with pytest.raises(Fault, match="day_past"):
        county_changes.check_day(work, newest.id, date(2026, 5, 31))
    with pytest.raises(Conflict, match="county_changed"):
        county_changes.check_day(work, newest.id - 1, date(2026, 6, 1))
    coming = CountyVersion(effective_on=date(2026, 7, 1), loaded_at=work.now, digest="x", document=newest.document)
    work.session.add(coming)
    work.session.flush()
    with pytest.raises(Fault, match="before_latest"):
        county_changes.check_day(work, coming.id, date(2026, 6, 30))


def test_numbers_of_the_form_that_are_none_are_told_with_their_place(work: Work) -> None:
    document = work.county.model_dump(mode="json")
    said = {
        "garbage..rectify": "三",
        "garbage.grave.rectify": "0",
        "limits.review_days": "",
        "garbage.serious.accept": "",
    }
    made, faults = county_edits.edited(document, said)
    assert len(faults) == 3
    assert any("垃圾倾倒的整改期限“三”" in fault for fault in faults)
    assert any("垃圾倾倒（严重）的整改期限“0”" in fault for fault in faults)
    assert made["limits"]["review_days"] == document["limits"]["review_days"]
    hours, none = county_edits.edited(document, {"garbage.grave.rectify": "12", "garbage.grave.rectify.unit": "hours"})
    assert not none
    grave = next(one for one in hours["categories"] if one["code"] == "garbage")["severity"]["grave"]
    assert (grave["rectify_hours"], grave["rectify_days"]) == (12, None)
