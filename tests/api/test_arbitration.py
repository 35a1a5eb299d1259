"""Refusal, arbitration and every other way round the straight one, over HTTP: the rows of DESIGN section 4."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from backend.jobs import drain
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
NEXT = "530199004"


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert answer.mimetype == "application/problem+json"
    assert answer.json["title"].endswith("。")


def offered(phone: Phone, case_id: str) -> set[str]:
    return {row["action"] for row in phone.get(f"/cases/{case_id}").json["allowed_actions"]}


def titles(phone: Phone) -> list[str]:
    drain()
    return [notice["title"] for notice in phone.get("/notices").json["items"]]


def reported(build: Build, resident: Phone, **changes: Any) -> tuple[str, str]:
    """A resident's report and its case."""
    report = build.report(resident, **changes)
    return report["id"], build.office().get("/cases?limit=1").json["items"][0]["id"]


# ---- refusal and ruling ----------------------------------------------------------------------------------------------


def test_a_unit_returns_in_time_with_a_reason_and_the_ruling_is_final(build: Build) -> None:
    case_id, township = build.case("assigned")
    office = build.office()
    refused(township.act(case_id, "return"), 422, "missing_field")
    refused(township.act(case_id, "return", reason=" \u3000"), 422, "invalid_input")
    assert township.act(case_id, "return", reason="河段属邻镇。").json["state"] == "triage"
    assert titles(office)[0] == "单位退回案件"
    assert {"assign", "rule", "reject", "transfer", "merge"} <= offered(office, case_id)
    ruled = office.act(case_id, "rule", unit=LEAD, reason="界桩在本镇一侧。")
    assert ruled.json["state"] == "assigned"
    refused(township.act(case_id, "return", reason="仍不属。"), 409, "ruled")
    assert titles(township)[0] == "裁定交办"
    assert township.act(case_id, "accept").json["state"] == "accepted"


def test_a_late_return_is_refused(build: Build) -> None:
    case_id, township = build.case("assigned")
    build.clock.move(days=2, hours=15)  # the second working day ended at 23:59:59
    refused(township.act(case_id, "return", reason="不属本辖区。"), 409, "too_late_to_return")
    assert "return" not in offered(township, case_id)
    assert township.act(case_id, "accept").status_code == 200


def test_nothing_is_ruled_that_was_not_refused(build: Build) -> None:
    build.report(at="outside_county")
    office = build.office()
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    refused(office.act(case_id, "rule", unit=LEAD, reason="裁定。"), 409, "never_refused")


def test_the_office_assigns_anew_and_the_former_unit_has_no_say(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office, next_unit = build.office(), build.official(phone_of(NEXT))
    refused(office.act(case_id, "reassign", unit=NEXT), 422, "missing_field")
    refused(office.act(case_id, "reassign", unit="530199-nobody", reason="改派。"), 422, "unknown_unit")
    assert office.act(case_id, "reassign", unit=NEXT, reason="改派。").json["state"] == "assigned"
    assert township.get(f"/cases/{case_id}").status_code == 404
    assert township.act(case_id, "accept", 5).status_code == 404
    assert titles(next_unit)[0] == "新交办案件"
    assert offered(next_unit, case_id) >= {"accept", "return"}


# ---- rejection and appeal --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["assigned", "accepted"])
def test_a_unit_proposes_a_rejection_and_the_office_decides(build: Build, state: str) -> None:
    case_id, township = build.case(state)
    office = build.office()
    refused(township.act(case_id, "reject", reason="不属河湖。"), 403, "not_yours_to_do")
    refused(office.act(case_id, "decline_rejection", reason="x"), 409, "no_rejection_proposed")
    proposed = township.act(case_id, "propose_rejection", reason="是私人鱼塘，不属河湖。")
    assert (proposed.status_code, proposed.json["state"]) == (200, state)
    assert proposed.json["assignments"][0]["rejection"] == "proposed"
    refused(township.act(case_id, "propose_rejection", reason="再说一次。"), 409, "rejection_proposed")
    assert titles(office)[0] == "建议不予受理"
    assert [case["id"] for case in office.get("/cases?awaiting=rejection").json["items"]] == [case_id]
    assert {"reject", "decline_rejection"} <= offered(office, case_id)
    assert office.act(case_id, "reject", reason="确属私人鱼塘。").json["state"] == "rejected"
    assert office.get("/cases?awaiting=rejection").json["items"] == []


def test_a_proposal_that_is_not_followed_is_not_made_again(build: Build) -> None:
    case_id, township = build.case("accepted")
    office = build.office()
    township.act(case_id, "propose_rejection", reason="不属河湖。")
    declined = office.act(case_id, "decline_rejection", reason="鱼塘通河，属河湖。")
    assert (declined.status_code, declined.json["state"]) == (200, "accepted")
    assert declined.json["assignments"][0]["rejection"] == "declined"
    assert titles(township)[0] == "未采纳不予受理的建议"
    refused(township.act(case_id, "propose_rejection", reason="仍不属。"), 409, "rejection_declined")
    assert office.get("/cases?awaiting=rejection").json["items"] == []
    event = township.get(f"/cases/{case_id}/events").json["items"][-1]
    assert (event["action"], event["text"]) == ("decline_rejection", "鱼塘通河，属河湖。")


def test_a_rejected_reporter_reads_why_and_appeals_once_and_in_time(build: Build) -> None:
    resident, office = build.resident(), build.office()
    report, case_id = reported(build, resident)
    assert office.act(case_id, "reject", reason="不属河湖问题。").json["state"] == "rejected"
    shown = resident.get(f"/reports/{report}").json
    assert shown["steps"][-1]["words"] == "未予受理：不属河湖问题。"
    assert "appeal" in shown["allowed_actions"]
    build.clock.move(days=7)  # Monday 8 June, the fifth working day
    appealed = resident.post(f"/reports/{report}/appeal", {"reason": "就在河堤上。"})
    assert (appealed.status_code, appealed.json["state"]) == (200, "triage")
    assert titles(office)[0] == "举报人申诉"
    office.act(case_id, "reject", reason="经复核仍不属。")
    refused(resident.post(f"/reports/{report}/appeal", {"reason": "就在河堤上。"}), 409, "appealed_before")


def test_an_appeal_comes_too_late(build: Build) -> None:
    resident, office = build.resident(), build.office()
    report, case_id = reported(build, resident)
    office.act(case_id, "reject", reason="不属河湖问题。")
    build.clock.move(days=8)
    refused(resident.post(f"/reports/{report}/appeal", {"reason": "就在河堤上。"}), 409, "too_late_to_appeal")


def test_a_case_at_work_is_no_longer_rejected(build: Build) -> None:
    case_id, township = build.case("rectifying")
    refused(build.office().act(case_id, "reject", reason="不属河湖。"), 409, "wrong_state")
    refused(township.act(case_id, "propose_rejection", reason="不属河湖。"), 409, "wrong_state")


# ---- merging, splitting, transferring --------------------------------------------------------------------------------


def test_the_office_merges_at_work_and_splits_again(build: Build) -> None:
    target, _ = build.case("assigned")
    case_id, _ = build.case("rectifying", category="floating", at="exclave")
    office = build.office()
    refused(office.act(case_id, "merge", target=case_id, reason="同一问题。"), 409, "target_not_open")
    merged = office.act(case_id, "merge", target=target, reason="同一问题。")
    assert (merged.json["state"], merged.json["merged_into"]) == ("merged", target)
    assert len(office.get(f"/cases/{target}").json["reports"]) == 2
    refused(office.act(case_id, "merge", target=target, reason="再并。"), 409, "wrong_state")
    split = office.act(case_id, "split", reason="不是同一处。")
    assert (split.json["state"], len(split.json["reports"])) == ("triage", 1)
    assert len(office.get(f"/cases/{target}").json["reports"]) == 1


def test_what_lies_outside_the_county_waits_in_its_queue_and_is_transferred_to_a_named_body(build: Build) -> None:
    resident, office = build.resident(), build.office()
    report, case_id = reported(build, resident, at="outside_county")
    inside, _ = build.case("assigned")
    assert [case["id"] for case in office.get("/cases?outside=true&state=triage").json["items"]] == [case_id]
    assert inside in [case["id"] for case in office.get("/cases?outside=false").json["items"]]
    shown = office.get(f"/cases/{case_id}").json
    assert (shown["lead_unit"], shown["state"]) == (None, "triage")
    refused(office.act(case_id, "transfer", reason="在邻县境内。"), 422, "missing_field")
    refused(office.act(case_id, "transfer", reason="在邻县境内。", body=" "), 422, "missing_field")
    done = office.act(case_id, "transfer", reason="在邻县境内。", body="邻县河长办")
    assert done.json["state"] == "transferred"
    assert office.get(f"/cases/{case_id}/events").json["items"][-1]["data"] == {"body": "邻县河长办"}
    assert office.get("/cases?outside=true&state=triage").json["items"] == []
    assert titles(resident)[0] == "您的举报已移送"
    assert resident.get(f"/reports/{report}").json["steps"][-1]["words"] == "已移送邻县河长办办理：在邻县境内。"
    assert {held["kind"] for held in done.json["holders"]} == {"triage"}  # no township ever held it


def test_only_what_waits_for_the_office_is_transferred(build: Build) -> None:
    case_id, _ = build.case("accepted")
    refused(build.office().act(case_id, "transfer", reason="x。", body="邻县河长办"), 409, "wrong_state")


@pytest.mark.parametrize("state", ["merged", "rejected", "transferred", "closed"])
def test_a_case_that_has_ended_takes_no_action_of_a_unit(build: Build, state: str) -> None:
    """They may not even see it: nobody holds it any more. Closed, it is theirs to read."""
    case_id, township = build.case("closed" if state == "closed" else "assigned")
    office = build.office()
    if state == "merged":
        target, _ = build.case("assigned", at="exclave", category="floating")
        office.act(case_id, "merge", target=target, reason="同一问题。")
    elif state == "rejected":
        office.act(case_id, "reject", reason="不属河湖。")
    elif state == "transferred":
        township.act(case_id, "return", reason="在邻县。")
        office.act(case_id, "transfer", reason="在邻县。", body="邻县河长办")
    for action in ("accept", "return", "start", "request_closure", "propose_rejection", "note"):
        form = {"reason": "x", "note": "x", "done": "x", "measure": "x", "person": "x", "date": "2026-07-01"}
        answer = township.act(case_id, action, 99, **form)
        assert answer.status_code in (404, 409), (action, answer.json)
