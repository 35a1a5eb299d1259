"""The main job: a report goes from a phone to the right township, and is closed."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from backend.jobs import drain
from tests.build import POINTS, Build, phone_of


def test_a_report_is_routed_handled_closed_and_rated(build: Build) -> None:
    resident = build.resident()
    answer = resident.post("/reports", build.form(resident))
    assert answer.status_code == 201, answer.json
    report = answer.json
    assert report["state"] == "submitted"
    assert len(report["receipt_code"]) == 19
    drain()

    township = build.official(phone_of(POINTS["inside_township"]["lead"]))
    listed = township.get("/cases").json["items"]
    assert [case["state"] for case in listed] == ["assigned"]
    case_id = listed[0]["id"]
    shown = township.get(f"/cases/{case_id}").json
    assert shown["lead_unit"] == POINTS["inside_township"]["lead"]
    assert shown["routing_reason"]
    assert shown["reports"][0]["text"] == "河边倒了一堆垃圾。"
    assert {"accept", "return"} <= {row["action"] for row in shown["allowed_actions"]}
    assert not {"start", "close", "reassign"} & {row["action"] for row in shown["allowed_actions"]}
    assert {clock["kind"] for clock in shown["clocks"]} == {"accept", "refuse", "rectify"}

    assert township.act(case_id, "accept").json["state"] == "accepted"
    started = township.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    assert started.json["state"] == "rectifying"
    asked = township.act(case_id, "request_closure", done="已清运", photos=[build.photo(township)])
    assert asked.json["state"] == "in_review"
    assert len(asked.json["evidence"]) == 1
    assert township.act(case_id, "close").status_code == 403  # nobody verifies what their own unit did

    office = build.office()
    assert office.act(case_id, "send_back", reason="还有残留").json["state"] == "rectifying"
    asked = township.act(case_id, "request_closure", done="已复清", photos=[build.photo(township)])
    closed = office.act(case_id, "close")
    assert closed.json["state"] == "closed"
    assert closed.json["clocks"] == []
    drain()

    rated = resident.call("PUT", f"/reports/{report['id']}/rating", {"stars": 5, "text": "很快"})
    assert rated.json["rating"] == 5
    assert rated.json["state_title"] == "已销号"
    titles = [notice["title"] for notice in resident.get("/notices").json["items"]]
    assert titles == ["您的举报已办结", "您的举报已签收", "您的举报已交办"]
    events = office.get(f"/cases/{case_id}/events").json["items"]
    assert [e["action"] for e in events] == [
        "submit", "assign", "accept", "start", "request_closure", "send_back", "request_closure", "close",
        "rate",
    ]  # fmt: skip


def test_each_point_of_the_demo_county_goes_where_it_should(build: Build) -> None:
    office = build.office()
    for name, point in POINTS.items():
        if name == "far":
            continue
        build.report(at=name)
        case = office.get(f"/cases/{office.get('/cases?limit=1').json['items'][0]['id']}").json
        assert case["lead_unit"] == point["lead"], (name, case["routing_reason"])
        assert case["state"] == ("assigned" if point["lead"] else "triage")
        assert case["routing_reason"].endswith("。")


def test_five_parallel_posts_of_one_key_make_one_report(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident)
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: resident.post("/reports", form, Idempotency_Key=key), range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len({answer.json["receipt_code"] for answer in answers}) == 1
    assert len(resident.get("/reports").json["items"]) == 1


def test_an_anonymous_report_is_followed_by_its_receipt_alone(build: Build) -> None:
    nobody = build.nobody()
    report = build.report(nobody, category="illegal_discharge", privacy="anonymous", text="我叫张三，电话13812345678。")
    code = report["receipt_code"]
    followed = nobody.get("/receipt", Receipt_Code=code.lower().replace("-", " "))
    assert followed.status_code == 200
    assert followed.json["state"] == "triage"
    assert followed.json["receipt_code"] is None
    assert nobody.get("/receipt", Receipt_Code="AAAA-AAAA-AAAA-AAAA").json["code"] == "unknown_receipt"
    added = nobody.post("/receipt/supplements", {"text": "晚上排得更多"}, Receipt_Code=code)
    assert [entry["text"] for entry in added.json["supplements"]] == ["晚上排得更多"]

    office = build.office()
    case = office.get("/cases").json["items"][0]
    lead = POINTS["inside_township"]["lead"]
    assert office.act(case["id"], "assign", unit=lead, reason="属地办理").status_code == 200
    township = build.official(phone_of(lead)).get(f"/cases/{case['id']}").json
    assert "13812345678" not in township["reports"][0]["text"]
    assert "张三" not in township["reports"][0]["text"]
    assert township["reports"][0]["contact"] is None


def test_two_officials_at_once_one_wins_the_other_learns_what_changed(build: Build) -> None:
    case_id, township = build.case("assigned")
    seen = township.get(f"/cases/{case_id}").json["version"]
    assert township.act(case_id, "accept", seen).status_code == 200
    stale = township.act(case_id, "return", seen, reason="不属本辖区")
    assert stale.status_code == 409
    assert stale.json["code"] == "stale_version"
    assert [change["action"] for change in stale.json["changes"]] == ["accept"]


def test_a_refused_case_waits_for_the_office_and_does_not_bounce_back(build: Build) -> None:
    case_id, township = build.case("assigned")
    assert township.act(case_id, "return", reason="河段属邻镇").json is not None
    office = build.office()
    drain()
    assert office.get(f"/cases/{case_id}").json["state"] == "triage"
    assert township.get(f"/cases/{case_id}").status_code == 404
    ruled = office.act(case_id, "rule", unit=POINTS["inside_township"]["lead"], reason="经核实属本镇")
    assert ruled.json["state"] == "assigned"
    assert "return" not in {row["action"] for row in township.get(f"/cases/{case_id}").json["allowed_actions"]}


def test_the_same_thing_reported_twice_is_one_case_and_can_be_split(build: Build) -> None:
    first = build.report(build.resident("a"))
    second_phone = build.resident("b")
    second = build.report(second_phone)
    office = build.office()
    cases = {case["number"]: case for case in office.get("/cases").json["items"]}
    assert cases[first["number"]]["state"] == "assigned"
    merged = cases[second["number"]]
    assert merged["state"] == "merged"
    assert second_phone.get(f"/reports/{second['id']}").json["number"] == first["number"]
    assert office.act(merged["id"], "split", reason="不是同一处").json["state"] == "triage"
    assert second_phone.get(f"/reports/{second['id']}").json["number"] == second["number"]
