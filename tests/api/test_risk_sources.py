"""Risk sources over HTTP: the office keeps the register, routing sees it, chiefs inspect, owners show measures."""

from __future__ import annotations

from typing import Any

import pytest

from backend.jobs import drain
from backend.work import unit_of_work
from tests.build import INSPECTOR, POINTS, Build, Phone, phone_of

POINT = POINTS["inside_township"]
OWNER = POINT["lead"]
INTAKE = "FX-900"  # of 白沙镇, in the reservoir
NEW = {
    "code": "FX-101", "name": "翠屏乡新排口", "kind": "outfall", "unit": OWNER, "lon": POINT["lon"],
    "lat": POINT["lat"], "coord_type": "wgs84", "near_m": 200, "reason": "排查新发现",
}  # fmt: skip
PLACE = {"lon": POINT["lon"], "lat": POINT["lat"], "coord_type": "wgs84"}


def registered(office: Phone, **changes: Any) -> dict[str, Any]:
    answer = office.post("/risk-sources", {**NEW, **changes})
    assert answer.status_code == 201, answer.json
    return answer.json  # type: ignore[return-value]


def put(phone: Phone, path: str, version: int, **form: Any) -> Any:
    return phone.call("PUT", path, form, If_Match=str(version))


def test_a_source_that_the_office_enters_is_found_by_the_next_report(build: Build) -> None:
    office = build.office()
    entered = registered(office)
    build.report()
    case = office.get("/cases?limit=1").json["items"][0]
    shown = office.get(f"/cases/{case['id']}").json
    assert (shown["risk_source"], shown["risk_source_name"]) == ("FX-101", "翠屏乡新排口")
    source = office.get("/risk-sources/FX-101").json
    assert (source["cases"], source["open_cases"], source["reports"], source["version"]) == (1, 1, 1, entered["id"])
    listed = office.get("/cases?risk_source=FX-101").json["items"]
    assert [row["id"] for row in listed] == [case["id"]]
    assert office.get("/cases?risk_source=FX-001").json["items"] == []

    form = {key: value for key, value in NEW.items() if key != "code"}
    stale = put(office, "/risk-sources/FX-101", entered["id"] - 1, **{**form, "near_m": 50})
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    changed = put(office, "/risk-sources/FX-101", entered["id"], **{**form, "near_m": 50, "reason": "收窄"})
    assert changed.status_code == 200, changed.json
    history = office.get("/risk-sources/FX-101/history").json
    assert [(entry["near_m"], entry["reason"]) for entry in history["versions"]] == [(200, "排查新发现"), (50, "收窄")]
    assert [(event["kind"], event["by_name"]) for event in history["events"]] == [
        ("registered", "孙家天"), ("changed", "孙家天"),
    ]  # fmt: skip


def test_the_same_entry_sent_twice_is_entered_once_and_only_by_the_office(build: Build) -> None:
    office = build.office()
    answers = [office.post("/risk-sources", NEW, Idempotency_Key="risk-source-1") for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert office.post("/risk-sources", NEW).json["code"] == "code_taken"
    for phone in (build.official(INSPECTOR), build.official(phone_of(OWNER)), build.resident()):
        assert phone.post("/risk-sources", {**NEW, "code": "FX-102"}).status_code == 403
    unnamed = {key: value for key, value in NEW.items() if key != "coord_type"}
    assert office.post("/risk-sources", {**unnamed, "code": "FX-103"}).status_code == 422
    assert office.get("/risk-sources/FX-103").status_code == 404


def test_the_register_is_listed_by_kind_unit_and_what_is_to_be_inspected(build: Build) -> None:
    office = build.office()
    everything = office.get("/risk-sources").json["items"]
    assert len(everything) == 25
    intakes = office.get("/risk-sources?kind=water_intake").json["items"]
    assert {row["kind_title"] for row in intakes} == {"取水口"}
    assert {row["unit"] for row in office.get("/risk-sources?unit=530199003").json["items"]} == {"530199003"}
    assert office.get("/risk-sources?inspection_overdue=true").json["items"] == []
    build.clock.move(days=20)
    late = office.get("/risk-sources?inspection_overdue=true").json["items"]
    assert {row["kind"] for row in late} == {"water_intake"}  # every 15 days
    assert len(late) == len(intakes)
    assert build.official(phone_of(OWNER)).get("/risk-sources").status_code == 200
    assert build.resident().get("/risk-sources").status_code == 403


def test_near_an_intake_of_the_register_a_report_is_urgent_and_graver(build: Build) -> None:
    """One from the county's files, and one that the office has entered today."""
    office = build.office()
    registered(office, code="FX-102", kind="water_intake", name="翠屏乡新取水口")
    for at in ("reservoir_outside_polygons", "inside_township"):
        build.report(at=at)
        case = office.get("/cases?limit=1").json["items"][0]
        assert (case["urgent"], case["severity"]) == (True, "serious")


def test_a_chief_inspects_and_a_problem_becomes_a_case(build: Build) -> None:
    office = build.office()
    registered(office)
    chief = build.official(phone_of(OWNER, "乡级河长"))
    form = {"result": "normal", "words": "无异常。", "photos": [build.photo(chief)], "place": PLACE}
    first = chief.post("/risk-sources/FX-101/inspections", form)
    assert first.status_code == 201, first.json
    assert (first.json["distance_m"], first.json["on_the_spot"], len(first.json["photos"])) == (0, True, 1)
    build.clock.move(hours=2)
    problem = {
        "result": "problem", "words": "正在排黑水。", "photos": [build.photo(chief)], "place": PLACE,
        "category": "illegal_discharge",
    }  # fmt: skip
    found = chief.post("/risk-sources/FX-101/inspections", problem)
    assert found.status_code == 201, found.json
    drain()
    case = office.get(f"/cases/{found.json['case_id']}").json
    assert (case["source"], case["risk_source"], case["lead_unit"]) == ("inspection", "FX-101", OWNER)
    seen = office.get("/risk-sources/FX-101/inspections").json["items"]
    assert [one["result"] for one in seen] == ["problem", "normal"]
    source = office.get("/risk-sources/FX-101").json
    assert source["inspected_at"] == seen[0]["at"]
    elsewhere = build.official(phone_of("530199005"))
    assert elsewhere.post("/risk-sources/FX-101/inspections", form).json["code"] == "not_yours_to_inspect"


def test_three_cases_on_one_source_call_the_office_and_the_unit(build: Build) -> None:
    office = build.office()
    registered(office)
    for category in ("garbage", "floating", "encroachment"):
        build.report(category=category)
    source = office.get("/risk-sources/FX-101").json
    assert [(alert["cases"], alert["days"]) for alert in source["alerts"]] == [(3, 90)]
    for phone in (office, build.official(phone_of(OWNER))):
        assert "风险源预警" in [notice["title"] for notice in phone.get("/notices").json["items"]]


def test_a_plan_with_its_measures_from_the_office_to_the_owner_and_back(build: Build) -> None:
    office, owner = build.office(), build.official(phone_of("530199003"))
    plan = {"text": "一级保护区设置隔离网。", "responsible": "李县长", "responsible_unit": "530199003"}
    assert office.post(f"/risk-sources/{INTAKE}/plan", plan).status_code == 201
    assert office.post(f"/risk-sources/{INTAKE}/plan", {**plan, "text": "修订版"}).status_code == 201
    assert office.post("/risk-sources/FX-001/plan", plan).json["code"] == "not_an_intake"
    assert owner.post(f"/risk-sources/{INTAKE}/plan", plan).status_code == 403
    item = {"text": "设置隔离网 500 米", "unit": "530199003", "person": "王五", "due_on": "2026-06-10"}
    added = office.post(f"/risk-sources/{INTAKE}/measures", item).json
    shown = owner.get(f"/risk-sources/{INTAKE}/plan").json
    assert (shown["plan"]["text"], [one["text"] for one in shown["earlier"]]) == ("修订版", ["一级保护区设置隔离网。"])
    assert [one["id"] for one in shown["measures"]] == [added["id"]]

    build.clock.move(days=10)
    (late,) = owner.get("/measures?overdue=true").json["items"]
    assert (late["id"], late["overdue"], late["source_name"]) == (added["id"], True, "清源水库取水口")
    with unit_of_work() as work:
        work.defer("watch_measures")
    drain()
    assert "一源一策措施逾期" in [notice["title"] for notice in owner.get("/notices").json["items"]]
    path = f"/measures/{added['id']}"
    bare = owner.post(f"{path}/finish", {"words": "装好了"}, If_Match="1")
    assert (bare.status_code, bare.json["field"]) == (422, "photos")
    form = {"words": "装好了", "photos": [build.photo(owner)]}
    finished = owner.post(f"{path}/finish", form, If_Match="1")
    assert finished.status_code == 200, finished.json
    assert (finished.json["state_title"], len(finished.json["photos"])) == ("已完成", 1)
    assert owner.post(f"{path}/reopen", {"words": "x"}, If_Match="2").status_code == 403
    again = office.post(f"{path}/reopen", {"words": "照片看不清"}, If_Match="2")
    assert (again.json["state"], again.json["version"]) == ("open", 3)
    moved = put(office, path, 3, **{**item, "due_on": "2026-06-20", "reason": "补拍照片"})
    assert (moved.json["due_on"], moved.json["overdue"]) == ("2026-06-20", False)
    kinds = [event["kind"] for event in office.get(f"/risk-sources/{INTAKE}/history").json["events"]]
    assert kinds[-4:] == ["measure_added", "measure_done", "measure_reopened", "measure_changed"]


@pytest.mark.parametrize("path", ["/risk-sources/NO-1", "/risk-sources/NO-1/plan", "/risk-sources/NO-1/history"])
def test_a_source_that_does_not_exist(build: Build, path: str) -> None:
    answer = build.office().get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
