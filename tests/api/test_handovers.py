"""Handovers over HTTP: tried first, then carried out once; a person's cases, a chief's reaches, a whole township."""

from __future__ import annotations

import uuid
from typing import Any

from werkzeug.test import TestResponse

from backend.jobs import drain
from tests.build import POINTS, ROSTER, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
NEXT = "530199004"


def person(office: Phone, number: str) -> dict[str, Any]:
    after = ""
    while True:
        page = office.get(f"/roster?limit=100{after}").json
        for one in page["items"]:
            if one["phone"] == number:
                found: dict[str, Any] = one
                return found
        after = f"&before={page['next']}"


def role_id(office: Phone, number: str) -> str:
    found: str = person(office, number)["roles"][0]["id"]
    return found


def of_person(phone: Phone, key: str | None = None, **form: Any) -> TestResponse:
    given = {"leaves": True, "reason": "调离", **form}
    return phone.post("/handovers/person", given, Idempotency_Key=key or uuid.uuid4().hex)


def of_unit(phone: Phone, key: str | None = None, **form: Any) -> TestResponse:
    given = {"from_unit": LEAD, "to_unit": NEXT, "reason": "撤乡并乡", **form}
    return phone.post("/handovers/unit", given, Idempotency_Key=key or uuid.uuid4().hex)


def test_a_handlers_cases_go_to_the_successor_after_a_trial(build: Build) -> None:
    case_id, handler = build.case("rectifying")
    office, head = build.office(), build.official(phone_of(LEAD, "单位负责人"))
    handler.act(case_id, "claim")
    given = {
        "role_id": role_id(office, phone_of(LEAD)),
        "to_person": person(office, phone_of(LEAD, "单位负责人"))["id"],
    }
    tried = of_person(office, dry_run=True, **given)
    assert (tried.status_code, tried.json["id"], tried.json["cases"]) == (201, None, [case_id])
    assert office.get(f"/cases/{case_id}").json["assignments"][0]["handler"]["id"] != given["to_person"]
    assert office.get("/handovers").json["items"] == []

    first, second = (of_person(head, key="handover-key-1", **given) for _ in range(2))
    assert first.status_code == 201, first.json
    assert first.json == second.json
    assert (first.json["cases"], first.json["left"]) == ([case_id], True)
    shown = head.get(f"/cases/{case_id}").json
    assert (shown["state"], shown["assignments"][0]["handler"]["id"]) == ("rectifying", given["to_person"])
    event = head.get(f"/cases/{case_id}/events").json["items"][-1]
    assert (event["title"], event["text"]) == ("移交", "调离")
    assert handler.get(f"/cases/{case_id}").status_code == 403  # the office has ended: a resident again
    drain()
    assert head.get("/notices").json["items"][0]["title"] == "工作移交"
    gone = of_person(office, **given)
    assert (gone.status_code, gone.json["code"]) == (404, "not_found")


def test_a_chiefs_reaches_go_to_the_successor(build: Build) -> None:
    office = build.office()
    chiefs = [row for row in ROSTER if row[3] == LEAD and row[2] == "村级河长"]
    giver, taker = chiefs[0], chiefs[1]
    done = of_person(office, role_id=role_id(office, giver[1]), to_person=person(office, taker[1])["id"])
    assert done.status_code == 201, done.json
    assert done.json["reaches"] == giver[4].split("、")
    assert person(office, giver[1])["roles"] == []
    refused = of_person(
        build.official(taker[1]), role_id=role_id(office, taker[1]), to_person=person(office, giver[1])["id"]
    )
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours_to_do")


def test_a_township_that_is_no_more_is_handed_over_with_everything(build: Build) -> None:
    resident = build.resident()
    report = build.report(resident)
    office = build.office()
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    handler = build.official(phone_of(LEAD))
    handler.act(case_id, "accept")
    before = {clock["kind"]: clock["due_at"] for clock in office.get(f"/cases/{case_id}").json["clocks"]}
    assert of_unit(handler).status_code == 403
    tried = of_unit(office, dry_run=True)
    people = len({row[1] for row in ROSTER if row[3] == LEAD})
    assert (tried.json["cases"], tried.json["roles"]) == ([case_id], people)
    assert office.get(f"/cases/{case_id}").json["lead_unit"] == LEAD

    done = of_unit(office)
    assert done.status_code == 201, done.json
    shown = office.get(f"/cases/{case_id}").json
    assert (shown["state"], shown["lead_unit"], shown["version"]) == ("accepted", NEXT, 4)
    assert {clock["kind"]: clock["due_at"] for clock in shown["clocks"]} == before
    assert {clock["holder"] for clock in shown["clocks"]} == {NEXT}
    assert handler.get("/session").json["unit"] == NEXT  # the people came along
    started = handler.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    assert started.status_code == 200, started.json
    words = [step["words"] for step in resident.get(f"/reports/{report['id']}").json["steps"]]
    assert words[-2:] == ["办理单位调整，改由龙潭乡办理。", "龙潭乡已开始整改，计划2026年6月5日完成。"]
    assert office.get("/handovers").json["items"][0]["from_unit_name"] == "翠屏乡"
    assert office.get("/handovers/stranded").json["items"] == []

    build.report(build.resident("later"), category="floating")  # the boundaries on the map are still the old ones
    assert office.get("/cases?limit=1").json["items"][0]["lead_unit"] == NEXT


def test_the_list_of_handovers_is_the_offices_and_the_units_own(build: Build) -> None:
    office = build.office()
    assert of_unit(office, from_unit="530199002", to_unit=NEXT).status_code == 201
    assert len(office.get("/handovers?limit=1").json["items"]) == 1
    assert len(build.official(phone_of(NEXT)).get("/handovers").json["items"]) == 1
    assert build.official(phone_of(LEAD)).get("/handovers").json["items"] == []
    for bad, field in (
        ({"from_unit": "530199002"}, None), ({"from_unit": "530199999"}, "from_unit"), ({"to_unit": LEAD}, "to_unit"),
    ):  # fmt: skip
        answer = of_unit(office, **bad)
        if field is None:  # once more moves nothing and is no fault: what came in between goes along
            assert (answer.status_code, answer.json["cases"]) == (201, [])
        else:
            assert (answer.status_code, answer.json["field"]) == (422, field)
