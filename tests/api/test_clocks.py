"""The clocks of a case over HTTP: which run, who holds them, what stops, resumes, shortens and extends them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from backend.clock import SHANGHAI
from backend.jobs import drain
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
OTHER = "530199004"
OFFICE_UNIT = "530199-office"


def clock(phone: Phone, case_id: str, kind: str = "rectify") -> dict[str, Any] | None:
    found = [c for c in phone.get(f"/cases/{case_id}").json["clocks"] if c["kind"] == kind]
    assert len(found) < 2
    return found[0] if found else None


def due(phone: Phone, case_id: str, kind: str = "rectify") -> str:
    """When a clock runs out, in Shanghai, as month-day hour:minute."""
    found = clock(phone, case_id, kind)
    assert found is not None
    return f"{datetime.fromisoformat(found['due_at']).astimezone(SHANGHAI):%m-%d %H:%M}"


def holders(phone: Phone, case_id: str, kind: str = "rectify") -> dict[str, tuple[int, int]]:
    shown = phone.get(f"/cases/{case_id}").json["holders"]
    return {h["holder"]: (h["used_days"], h["overdue_days"]) for h in shown if h["kind"] == kind}


def test_refusal_and_reassignment_neither_reset_nor_stop_the_rectifying_clock(build: Build) -> None:
    case_id, township = build.case("assigned")  # Monday 1 June, five working days
    office = build.office()
    first = due(office, case_id)
    assert first == "06-08 23:59"
    build.clock.move(days=1)
    assert township.act(case_id, "return", reason="不属本辖区").status_code == 200
    held = clock(office, case_id)
    assert held is not None
    assert held["holder"] == OFFICE_UNIT
    build.clock.move(days=1)
    assert office.act(case_id, "assign", unit=OTHER, reason="属该乡").status_code == 200
    assert due(office, case_id) == first
    assert clock(office, case_id)["holder"] == OTHER  # type: ignore[index]
    build.clock.move(days=1)
    assert office.act(case_id, "reassign", unit=LEAD, reason="改派").status_code == 200
    assert due(office, case_id) == first
    assert holders(office, case_id) == {LEAD: (1, 0), OFFICE_UNIT: (1, 0), OTHER: (1, 0)}


def test_each_holder_is_charged_with_its_own_days_overdue(build: Build) -> None:
    case_id, _ = build.case("accepted")
    office = build.office()
    build.clock.move(days=9)  # Wednesday 10 June, due on Monday 8
    assert office.act(case_id, "reassign", unit=OTHER, reason="改派").status_code == 200
    build.clock.move(days=1)
    assert holders(office, case_id) == {LEAD: (7, 2), OTHER: (1, 1)}
    assert clock(office, case_id)["overdue"]  # type: ignore[index]


def test_asking_for_closure_stops_the_clock_and_sending_back_resumes_it(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    build.clock.move(days=2)  # Wednesday: Thursday, Friday and Monday are left
    asked = township.act(case_id, "request_closure", done="已清理", photos=[build.photo(township)])
    assert asked.status_code == 200, asked.json
    assert clock(office, case_id) is None
    build.clock.move(days=12)  # Monday 15 June, in review all the time
    assert holders(office, case_id) == {LEAD: (2, 0)}
    assert office.act(case_id, "send_back", reason="还有残留").status_code == 200
    assert due(office, case_id) == "06-18 23:59"  # 16, 17 and 18; the 19th is a holiday
    assert holders(office, case_id) == {LEAD: (2, 0)}


def test_a_clock_stopped_on_its_last_day_ends_on_a_working_day(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    build.clock.move(days=7)
    township.act(case_id, "request_closure", done="已清理", photos=[build.photo(township)])
    build.clock.move(days=5)  # Saturday
    assert office.act(case_id, "send_back", reason="还有残留").status_code == 200
    assert due(office, case_id) == "06-15 23:59"


def test_a_clock_that_had_run_out_is_overdue_again_when_resumed(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    build.clock.move(days=8)
    township.act(case_id, "request_closure", done="已清理", photos=[build.photo(township)])
    build.clock.move(days=6)
    office.act(case_id, "send_back", reason="还有残留")
    assert due(office, case_id) == "06-08 23:59"
    assert holders(office, case_id) == {LEAD: (6, 1)}  # the days in review are not the township's
    build.clock.move(days=1)
    assert holders(office, case_id) == {LEAD: (7, 2)}


def test_a_merge_and_a_split_give_back_what_was_left(build: Build) -> None:
    target, _ = build.case("assigned")
    case_id, _ = build.case("assigned", category="floating", at="exclave")
    office = build.office()
    assert due(office, case_id) == "06-04 23:59"
    build.clock.move(days=1)
    assert office.act(case_id, "merge", target=target, reason="同一问题").status_code == 200
    assert clock(office, case_id) is None
    assert due(office, target) == "06-08 23:59"
    build.clock.move(days=6)
    assert office.act(case_id, "split", reason="不是同一处").status_code == 200
    assert office.act(case_id, "assign", unit=LEAD, reason="交办").status_code == 200
    assert due(office, case_id) == "06-10 23:59"  # Monday 8 June: two of three days were left


def ruled(build: Build, **form: Any) -> tuple[str, Any]:
    case_id, township = build.case("assigned")
    assert township.act(case_id, "return", reason="不属本辖区").status_code == 200
    build.clock.move(days=2)
    return case_id, build.office().act(case_id, "rule", unit=LEAD, reason="经核实属本镇", **form)


def test_a_ruling_may_set_a_later_deadline_and_the_first_stays_visible(build: Build) -> None:
    case_id, answer = ruled(build, rectify_by="2026-06-12")
    assert answer.status_code == 200, answer.json
    office = build.office()
    assert due(office, case_id) == "06-12 23:59"
    assert clock(office, case_id)["set_by"] == "ruling"  # type: ignore[index]
    shown = office.get(f"/cases/{case_id}").json
    assert datetime.fromisoformat(shown["first_rectify_by"]).astimezone(SHANGHAI).day == 8
    event = office.get(f"/cases/{case_id}/events").json["items"][-1]
    assert event["action"] == "rule"
    assert event["data"]["rectify_by"].startswith("2026-06-12")


@pytest.mark.parametrize(
    ("wished", "code"),
    [("2026-06-02", "deadline_past"), ("2026-06-03T01:00:00Z", "deadline_past"), ("2026-06-05", "deadline_earlier")],
)
def test_a_ruling_cannot_set_a_deadline_in_the_past_or_an_earlier_one(build: Build, wished: str, code: str) -> None:
    case_id, answer = ruled(build, rectify_by=wished)
    assert answer.status_code == 422
    assert answer.json["code"] == code
    assert build.office().get(f"/cases/{case_id}").json["state"] == "triage"


def test_a_planned_day_in_the_past_is_refused_by_the_day_of_shanghai(build: Build) -> None:
    case_id, township = build.case("accepted")
    build.clock.move(hours=16)  # 01:00 of 2 June in Shanghai, still the 1st in Greenwich
    past = township.act(case_id, "start", measure="清运", person="李四", date="2026-06-01")
    assert past.json["code"] == "date_past"
    assert township.act(case_id, "start", measure="清运", person="李四", date="2026-06-02").status_code == 200


def test_a_graver_case_has_less_time_and_a_milder_one_more(build: Build) -> None:
    case_id, _ = build.case("accepted")
    office = build.office()
    build.clock.move(days=1)
    graded = office.act(case_id, "grade", severity="serious", reason="堆量大")
    assert graded.status_code == 200, graded.json
    assert graded.json["severity_name"] == "较重"
    assert due(office, case_id) == "06-04 23:59"  # three days, one of them used
    build.clock.move(days=1)
    assert office.act(case_id, "grade", severity="grave", reason="影响取水").status_code == 200
    assert due(office, case_id) == "06-04 23:59"  # two days are used up: one is left, not more than there was
    assert office.act(case_id, "grade", severity="normal", reason="复核").status_code == 200
    assert due(office, case_id) == "06-08 23:59"
    assert office.act(case_id, "grade", severity="normal", reason="复核").json["code"] == "same_severity"
    assert office.act(case_id, "grade", severity="terrible", reason="复核").json["code"] == "unknown_severity"
    township = build.official(phone_of(LEAD))
    assert township.act(case_id, "grade", severity="normal", reason="复核").status_code == 403


def test_grading_does_not_forgive_a_delay(build: Build) -> None:
    case_id, _ = build.case("accepted")
    office = build.office()
    build.clock.move(days=9)
    office.act(case_id, "grade", severity="grave", reason="影响取水")
    assert due(office, case_id) == "06-08 23:59"


def test_the_office_sets_the_severity_when_it_assigns(build: Build) -> None:
    build.report(category="illegal_discharge", privacy="confidential")
    office = build.office()
    case = office.get("/cases").json["items"][0]
    assert case["state"] == "triage"
    done = office.act(case["id"], "assign", unit=LEAD, reason="属地", severity="grave")
    assert done.status_code == 200, done.json
    assert due(office, case["id"], "accept") == "06-01 11:00"
    assert due(office, case["id"]) == "06-02 09:00"
    drain()


def test_the_listing_of_overdue_cases_leaves_out_a_lapsed_right_to_refuse(build: Build) -> None:
    build.case("assigned", category="encroachment")
    office = build.office()
    build.clock.move(days=3)  # refuse_by was on the 3rd at midnight; accept_by as well
    case = office.get("/cases?overdue=true").json["items"][0]
    assert {c["kind"] for c in case["clocks"] if c["overdue"]} == {"accept"}
