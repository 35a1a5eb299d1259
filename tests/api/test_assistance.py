"""Assistance over HTTP: who is told, who has not acknowledged, what is read once the case is closed."""

from __future__ import annotations

from backend.jobs import drain
from tests.build import Build, Phone, phone_of

WATER = "530199-water"


def unacknowledged(phone: Phone, case_id: str) -> list[str]:
    held = phone.get(f"/cases/{case_id}").json["assignments"]
    return [one["unit_name"] for one in held if one["part"] == "assist" and one["acknowledged_at"] is None]


def titles(phone: Phone) -> list[str]:
    return [notice["title"] for notice in phone.get("/notices").json["items"]]


def test_an_assisting_unit_is_told_acknowledges_adds_and_reads_on_after_closure(build: Build) -> None:
    case_id, township = build.case("accepted")
    office, water = build.office(), build.official(phone_of(WATER))
    assert water.get(f"/cases/{case_id}").status_code == 404
    added = office.act(case_id, "add_assisting", assisting=[WATER], reason="需要水务执法")
    assert added.status_code == 200, added.json
    drain()
    assert titles(water) == ["请协办"]
    assert unacknowledged(office, case_id) == unacknowledged(township, case_id) == ["水务局"]
    offered = water.get(f"/cases/{case_id}").json["allowed_actions"]
    assert {row["action"]: row["needs"] for row in offered} == {"acknowledge": [], "note": ["note"], "claim": []}

    assert water.act(case_id, "acknowledge").status_code == 200
    assert unacknowledged(office, case_id) == []
    noted = water.act(case_id, "note", note="已现场取证。", photos=[build.photo(water)])
    assert noted.status_code == 200, noted.json
    assert [photo["purpose"] for photo in noted.json["evidence"]] == ["note"]
    drain()
    assert titles(township)[0] == "案件有补充情况"
    event = township.get(f"/cases/{case_id}/events").json["items"][-1]
    assert (event["title"], event["text"], event["unit"]) == ("补充情况", "已现场取证。", WATER)

    township.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    township.act(case_id, "request_closure", done="已清运", photos=[build.photo(township)])
    assert office.act(case_id, "close").json["state"] == "closed"
    after = water.get(f"/cases/{case_id}")
    assert (after.status_code, after.json["allowed_actions"]) == (200, [])
    refused = water.act(case_id, "note", note="补一句")
    assert (refused.status_code, refused.json["code"]) == (409, "wrong_state")


def test_a_released_unit_no_longer_sees_the_case(build: Build) -> None:
    case_id, _ = build.case("accepted")
    office, water = build.office(), build.official(phone_of(WATER))
    office.act(case_id, "add_assisting", assisting=[WATER], reason="需要水务执法")
    assert office.act(case_id, "release_assisting", assisting=[WATER], reason="不再需要").status_code == 200
    drain()
    assert titles(water) == ["不再协办", "请协办"]
    assert water.get(f"/cases/{case_id}").status_code == 404
    empty = office.act(case_id, "add_assisting", assisting=[], reason="x")
    assert (empty.status_code, empty.json["field"]) == (422, "assisting")


def test_the_reporter_reads_who_helps_and_not_what_the_units_tell_each_other(build: Build) -> None:
    resident = build.resident()
    report = build.report(resident)
    office = build.office()
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    office.act(case_id, "add_assisting", assisting=[WATER], reason="需要水务执法")
    build.official(phone_of(WATER)).act(case_id, "note", note="内部情况")
    steps = resident.get(f"/reports/{report['id']}").json["steps"]
    assert [step["words"] for step in steps] == ["举报已收到。", "已交由翠屏乡办理。", "水务局也参加办理。"]
