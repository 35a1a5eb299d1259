"""Looking at a reporter's identity, and erasing it: by whom, and what is seen of it afterwards; over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from backend.jobs import drain
from tests.build import INSPECTOR, POINTS, Build, Phone, phone_of

TOWNSHIP = POINTS["inside_township"]["lead"]
CHIEF = "19900000003"
LEFT = {"contact_name": "王小明", "contact_phone": "13812345678"}


def reported(build: Build, privacy: str = "confidential", **changes: Any) -> dict[str, Any]:
    left = {} if privacy == "anonymous" else LEFT
    return build.report(build.resident("ming"), privacy=privacy, text="桥下有人偷倒轮胎", **left, **changes)


def case_of(phone: Phone, report: dict[str, Any]) -> dict[str, Any]:
    row = phone.get(f"/cases?number={report['number']}").json["items"][0]
    return dict(phone.get(f"/cases/{row['id']}").json)


def look(phone: Phone, report: dict[str, Any], reason: str = "核实案情", **headers: str) -> Any:
    return phone.post(f"/reports/{report['id']}/identity-looks", {"reason": reason}, **headers)


def test_the_office_sees_who_reported_with_a_reason_that_is_on_record(build: Build) -> None:
    report, office = reported(build), build.office()
    assert "王小明" not in office.get(f"/cases/{case_of(office, report)['id']}").text
    seen = look(office, report)
    assert seen.status_code == 201, seen.json
    assert (seen.json["name"], seen.json["phone"]) == ("王小明", "13812345678")
    (row,) = office.get("/identity-looks").json["items"]
    assert row["id"] == seen.json["look"]
    assert (row["report_id"], row["role"], row["reason"]) == (report["id"], "office", "核实案情")
    assert row["name"] == office.get("/session").json["name"]
    assert row["case_id"] == case_of(office, report)["id"]


@pytest.mark.parametrize("number", [phone_of(TOWNSHIP), phone_of(TOWNSHIP, "单位负责人"), INSPECTOR, CHIEF])
def test_nobody_else_sees_it(build: Build, number: str) -> None:
    report = reported(build)
    answer = look(build.official(number), report)
    assert (answer.status_code, answer.json["code"]) == (403, "role_required")
    assert build.office().get("/identity-looks").json["items"] == []


@pytest.mark.parametrize("reason", ["", "   ", "　"])
def test_no_look_without_a_reason(build: Build, reason: str) -> None:
    report, office = reported(build), build.office()
    assert look(office, report, reason).status_code == 422
    assert office.get("/identity-looks").json["items"] == []


def test_a_look_repeated_by_a_bad_line_is_one_look(build: Build) -> None:
    report, office = reported(build), build.office()
    key = uuid.uuid4().hex
    first, again = (look(office, report, Idempotency_Key=key) for _ in range(2))
    assert first.json == again.json
    look(office, report, "再次核实")
    assert [row["reason"] for row in office.get("/identity-looks").json["items"]] == ["再次核实", "核实案情"]
    page = office.get("/identity-looks?limit=1").json
    assert page["next"] == page["items"][0]["id"]
    older = office.get(f"/identity-looks?limit=1&before={page['next']}&report={report['id']}").json
    assert [row["reason"] for row in older["items"]] == ["核实案情"]


def test_those_who_watch_over_the_office_see_who_looked_and_townships_do_not(build: Build) -> None:
    look(build.office(), reported(build))
    for number in (INSPECTOR, CHIEF):
        assert len(build.official(number).get("/identity-looks").json["items"]) == 1
    township = build.official(phone_of(TOWNSHIP)).get("/identity-looks")
    assert (township.status_code, township.json["code"]) == (403, "overseers_only")


def test_of_an_anonymous_report_nothing_is_kept_that_could_be_seen(build: Build) -> None:
    report = reported(build, "anonymous")
    answer = look(build.office(), report)
    assert (answer.status_code, answer.json["code"]) == (422, "anonymous")


def test_a_reporter_who_left_nothing(build: Build) -> None:
    report = build.report(build.resident("ming"), privacy="confidential")
    answer = look(build.office(), report)
    assert (answer.status_code, answer.json["code"]) == (409, "no_contact")


# ---- erasure ---------------------------------------------------------------------------------------------------------


def erase(phone: Phone, report: dict[str, Any], scope: str = "report", **form: Any) -> Any:
    key = form.pop("key", uuid.uuid4().hex)
    body = {"reason": "申请编号 2026-017", "scope": scope, **form}
    return phone.post(f"/reports/{report['id']}/erasure", body, Idempotency_Key=key)


def test_after_an_erasure_nobody_reads_or_finds_the_words(build: Build) -> None:
    ming = build.resident("ming")
    report = reported(build, "named")
    ming.post(f"/reports/{report['id']}/supplements", {"text": "还有一车轮胎"})
    office, township = build.office(), build.official(phone_of(TOWNSHIP))
    case = case_of(office, report)
    for phone in (office, township):
        assert phone.get("/cases?text=轮胎").json["items"]
    done = erase(office, report)
    assert done.status_code == 201, done.json
    (one,) = done.json["items"]
    assert (one["number"], one["identity"], one["reports"], one["supplements"]) == (report["number"], True, 1, 1)
    for phone in (office, township):
        assert phone.get("/cases?text=轮胎").json["items"] == []
        shown = phone.get(f"/cases/{case['id']}")
        assert "轮胎" not in shown.text
        assert shown.json["reports"][0]["text"] == "（内容已依法删除）"
        assert shown.json["reports"][0]["contact"] is None
    assert one["version"] == case_of(office, report)["version"]
    titles = [event["title"] for event in office.get(f"/cases/{case['id']}/events").json["items"]]
    assert titles[-1] == "依法删除个人信息"
    assert ming.get(f"/reports/{report['id']}").status_code == 404, "it is no longer theirs"
    by_receipt = build.nobody().get("/receipt", Receipt_Code=report["receipt_code"]).json
    words = [by_receipt["text"], *(added["text"] for added in by_receipt["supplements"])]
    assert words == ["（内容已依法删除）"] * 2


def test_words_in_events_are_said_to_be_erased(build: Build) -> None:
    case_id, handler = build.case("rectifying")
    office = build.office()
    events = office.get(f"/cases/{case_id}/events").json["items"]
    start = next(event for event in events if event["action"] == "start")
    report = office.get(f"/cases/{case_id}").json["reports"][0]
    assert erase(office, report, "identity", events=[start["seq"]]).status_code == 201
    shown = handler.get(f"/cases/{case_id}/events").json["items"][start["seq"] - 1]
    assert (shown["action"], shown["text"]) == ("start", "（内容已依法删除）")


def test_an_erasure_repeated_by_a_bad_line_is_one(build: Build) -> None:
    report, office, key = reported(build), build.office(), uuid.uuid4().hex
    first, again = (erase(office, report, key=key) for _ in range(2))
    assert first.json == again.json
    assert erase(office, report).status_code == 409


def test_the_files_of_erased_photos_are_gone_from_the_store(build: Build) -> None:
    report, office = reported(build), build.office()
    storage = build.app.extensions["qinghe"].storage
    (photo,) = case_of(office, report)["reports"][0]["photos"]
    keys = [f"original/{photo['id']}", f"display/{photo['id']}.jpg", f"thumbnail/{photo['id']}.jpg"]
    assert all(map(storage.exists, keys))
    assert erase(office, report, photos=True).json["items"][0]["photos"] == 1
    drain()
    assert not any(map(storage.exists, keys))
    (shown,) = case_of(office, report)["reports"][0]["photos"]
    assert (shown["state"], shown["url"], shown["title"]) == ("erased", None, "照片已依法删除。")


@pytest.mark.parametrize("number", [phone_of(TOWNSHIP), INSPECTOR, CHIEF])
def test_only_the_office_erases(build: Build, number: str) -> None:
    report = reported(build)
    assert erase(build.official(number), report).status_code == 403


@pytest.mark.parametrize("form", [{"reason": "  "}, {"scope": "everything"}, {"events": [99]}])
def test_what_cannot_be_meant_is_refused(build: Build, form: dict[str, Any]) -> None:
    report, office = reported(build), build.office()
    assert erase(office, report, **{"scope": "report", **form}).status_code == 422
    assert case_of(office, report)["reports"][0]["text"] == "桥下有人偷倒轮胎"


# ---- what an event tells of its reporter -----------------------------------------------------------------------------


def test_an_official_who_reports_stands_in_the_events_as_any_resident(build: Build) -> None:
    handler = build.official(phone_of("530199002"))
    report = build.report(handler, privacy="confidential")
    handler.post(f"/reports/{report['id']}/supplements", {"text": "还在倒"})
    office = build.office()
    case = case_of(office, report)
    told = office.get(f"/cases/{case['id']}/events").json["items"]
    assert {(event["role"], event["unit"]) for event in told if event["action"] in ("submit", "supplement")} == {
        ("resident", None)
    }


def test_a_supplement_is_an_event_and_the_handling_unit_is_told(build: Build) -> None:
    ming = build.resident("ming")
    report = reported(build, "named")
    ming.post(f"/reports/{report['id']}/supplements", {"text": "还有一车轮胎"})
    drain()
    township = build.official(phone_of(TOWNSHIP))
    case = case_of(township, report)
    last = township.get(f"/cases/{case['id']}/events").json["items"][-1]
    assert (last["action"], last["title"], last["text"]) == ("supplement", "补充举报", None)
    assert "举报人补充了情况" in [notice["title"] for notice in township.get("/notices").json["items"]]
