"""Handlers and deputies over HTTP: one's own cases, a deputy for the days away, names on the record."""

from __future__ import annotations

import uuid
from typing import Any

from werkzeug.test import TestResponse

from backend.jobs import drain
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
OTHER = "530199004"


def colleagues(phone: Phone, query: str = "") -> dict[str, dict[str, Any]]:
    answer = phone.get(f"/colleagues{query}")
    assert answer.status_code == 200, answer.json
    return {one["titles"][0]: one for one in answer.json["items"]}


def delegate(phone: Phone, deputy_id: str, key: str | None = None, **changes: Any) -> TestResponse:
    form = {"deputy_id": deputy_id, "from_on": "2026-06-01", "to_on": "2026-06-05", "reason": "年休假", **changes}
    return phone.post("/delegations", form, Idempotency_Key=key or uuid.uuid4().hex)


def titles(phone: Phone) -> list[str]:
    drain()
    return [notice["title"] for notice in phone.get("/notices").json["items"]]


def numbers(phone: Phone, query: str) -> list[str]:
    return [case["id"] for case in phone.get(f"/cases?{query}").json["items"]]


def test_a_case_is_claimed_allocated_and_found_among_ones_own(build: Build) -> None:
    case_id, handler = build.case("assigned")
    head = build.official(phone_of(LEAD, "单位负责人"))
    assert numbers(head, "awaiting=handler") == [case_id]
    claimed = handler.act(case_id, "claim")
    assert claimed.status_code == 200, claimed.json
    (lead,) = [one for one in claimed.json["assignments"] if one["part"] == "lead"]
    people = colleagues(head)
    assert lead["handler"] == {
        "id": people["经办人"]["id"], "name": people["经办人"]["name"], "deputy_name": None,
    }  # fmt: skip
    assert (numbers(handler, "mine=true"), numbers(head, "mine=true")) == ([case_id], [])
    assert numbers(head, "awaiting=handler") == []
    before = titles(head)
    build.office().act(case_id, "grade", severity="serious", reason="堆量大")
    build.office().act(case_id, "add_assisting", assisting=["530199-water"], reason="联合")
    handler.act(case_id, "propose_rejection", reason="不属河湖")
    build.office().act(case_id, "decline_rejection", reason="属河湖")
    assert titles(head) == before  # the handler is told, not everybody
    assert titles(handler)[0] == "未采纳不予受理的建议"
    assert head.act(case_id, "allocate", handler=people["单位负责人"]["id"]).status_code == 200
    assert titles(head)[0] == "请您经办"
    assert numbers(handler, "mine=true") == []
    refused = handler.act(case_id, "allocate", handler=people["经办人"]["id"])
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours_to_do")
    missing = head.act(case_id, "allocate")
    assert (missing.status_code, missing.json["field"]) == (422, "handler")


def test_while_somebody_is_away_their_deputy_is_told_and_acts_in_their_name(build: Build) -> None:
    case_id, handler = build.case("assigned")
    head = build.official(phone_of(LEAD, "单位负责人"))
    handler.act(case_id, "claim")
    people = colleagues(handler)
    made = delegate(handler, people["单位负责人"]["id"])
    assert made.status_code == 201, made.json
    assert (made.json["in_force"], made.json["person_name"]) == (True, people["经办人"]["name"])
    assert colleagues(head)["经办人"]["deputy_id"] == people["单位负责人"]["id"]
    assert titles(head)[0] == "设置B角"
    assert numbers(head, "mine=true") == [case_id]
    build.office().act(case_id, "add_assisting", assisting=["530199-water"], reason="联合")
    build.official(phone_of("530199-water")).act(case_id, "note", note="已取样。")
    assert titles(head)[0] == titles(handler)[0] == "案件有补充情况"

    assert head.act(case_id, "accept").status_code == 200
    event = head.get(f"/cases/{case_id}/events").json["items"][-1]
    assert (event["by"], event["for_person"]) == (people["单位负责人"]["name"], people["经办人"]["name"])
    assert build.office().get(f"/cases/{case_id}").json["assignments"][0]["handler"]["deputy_name"] == event["by"]

    ended = handler.post(f"/delegations/{made.json['id']}/end")
    assert (ended.status_code, ended.json["in_force"]) == (200, False)
    assert titles(head)[0] == "B角已结束"
    head.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    assert head.get(f"/cases/{case_id}/events").json["items"][-1]["for_person"] is None
    again = handler.post(f"/delegations/{made.json['id']}/end")
    assert (again.status_code, again.json["code"]) == (409, "delegation_ended")


def test_reporters_are_never_named_on_the_record(build: Build) -> None:
    case_id, _ = build.case("closed")
    events = build.office().get(f"/cases/{case_id}/events").json["items"]
    assert [(event["action"], event["by"]) for event in events if event["role"] == "resident"] == [("submit", None)]
    assert all(event["by"] for event in events if event["unit"])


def test_a_delegation_is_sent_once_listed_and_seen_by_its_unit_and_the_office(build: Build) -> None:
    handler, office = build.official(phone_of(LEAD)), build.office()
    people = colleagues(handler)
    first, second = (delegate(handler, people["单位负责人"]["id"], key="delegation-1") for _ in range(2))
    assert first.json["id"] == second.json["id"]
    for phone in (handler, office, build.official(phone_of(LEAD, "单位负责人"))):
        assert [one["id"] for one in phone.get("/delegations?current=true").json["items"]] == [first.json["id"]]
    assert build.official(phone_of(OTHER)).get("/delegations").json["items"] == []
    assert office.get(f"/delegations?unit={OTHER}").json["items"] == []
    build.clock.move(days=5)
    assert office.get("/delegations?current=true").json["items"] == []
    assert [one["in_force"] for one in office.get("/delegations").json["items"]] == [False]
    assert build.official(phone_of(OTHER)).post(f"/delegations/{first.json['id']}/end").status_code == 404


def test_the_office_sets_it_for_a_unit_and_others_may_not(build: Build) -> None:
    office = build.office()
    people = colleagues(office, f"?unit={LEAD}")
    given = {"person_id": people["经办人"]["id"], "unit": LEAD, "reason": "住院"}
    assert delegate(office, people["单位负责人"]["id"], **given).status_code == 201
    again = delegate(office, people["单位负责人"]["id"], **given)
    assert (again.status_code, again.json["code"]) == (409, "delegated_already")
    stranger = build.official(phone_of(OTHER))
    refused = delegate(stranger, people["单位负责人"]["id"], **given)
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours_to_do")
    assert stranger.get(f"/colleagues?unit={LEAD}").status_code == 422
    late = delegate(
        office, people["经办人"]["id"], person_id=people["单位负责人"]["id"], unit=LEAD, from_on="2026-05-31"
    )
    assert (late.status_code, late.json["field"]) == (422, "from_on")
    assert delegate(build.resident(), people["经办人"]["id"]).status_code == 403


def test_an_office_worker_without_a_unit_to_handle_is_told_so(build: Build) -> None:
    office = build.office()
    people = colleagues(office, f"?unit={LEAD}")
    refused = delegate(office, people["经办人"]["id"])
    assert (refused.status_code, refused.json["code"]) == (422, "not_in_unit")
