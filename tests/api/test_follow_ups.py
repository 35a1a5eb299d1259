"""Looking back over HTTP: a dispute, an inspector's list and visit, a relapse, a draw drawn again, the archive."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from backend.jobs import drain
from backend.work import unit_of_work
from tests.build import INSPECTOR, POINTS, Build, Phone, phone_of

SPOT = {"lon": POINTS["inside_township"]["lon"], "lat": POINTS["inside_township"]["lat"], "coord_type": "wgs84"}


def closed(build: Build, **report: Any) -> tuple[str, Phone]:
    return build.case("closed", **report)


def timer() -> None:
    """What the scheduler has done every hour."""
    with unit_of_work() as work:
        for name in ("draw_follow_ups", "watch_follow_ups", "archive_cases"):
            work.defer(name)
    drain()


def person(office: Phone, number: str) -> dict[str, Any]:
    """Somebody on the roster by phone number."""
    page = office.get("/roster?limit=100").json
    while not (found := [one for one in page["items"] if one["phone"] == number]):
        page = office.get(f"/roster?limit=100&before={page['next']}").json
    return found[0]


def actions(phone: Phone, case_id: str) -> list[str]:
    return [event["action"] for event in phone.get(f"/cases/{case_id}/events").json["items"]]


def test_a_dispute_sends_the_inspector_who_finds_the_relapse_and_the_second_closing_is_archived(build: Build) -> None:
    resident = build.resident()
    report = build.report(resident)
    office, inspector = build.office(), build.official(INSPECTOR)
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    handler = build.official(phone_of(office.get(f"/cases/{case_id}").json["lead_unit"]))
    handler.act(case_id, "accept")
    handler.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    handler.act(case_id, "request_closure", done="已清运", photos=[build.photo(handler)])
    assert office.act(case_id, "close").json["state"] == "closed"
    assert resident.post(f"/reports/{report['id']}/dispute", {"reason": "还有一半没清"}).status_code == 200
    drain()

    mine = inspector.get("/follow-ups?mine=true").json["items"]
    assert [(one["case_id"], one["origin_title"], one["state_title"], one["overdue"]) for one in mine] == [
        (case_id, "举报人有异议", "待回头看", False)
    ]
    assert "回头看任务" in [notice["title"] for notice in inspector.get("/notices").json["items"]]
    build.clock.move(days=1)
    photos = [build.photo(inspector)]
    failed = inspector.act(case_id, "fail_follow_up", photos=photos, place=SPOT, reason="垃圾还在")
    assert failed.json["state"] == "rectifying", failed.json
    drain()
    assert {clock["kind"] for clock in failed.json["clocks"]} == {"rectify"}
    told = [notice["title"] for notice in handler.get("/notices").json["items"]]
    assert "回头看发现反弹" in told
    seen = handler.get(f"/cases/{case_id}/follow-ups").json["items"]
    assert [(one["state"], one["ended_by_name"], one["distance_m"]) for one in seen] == [("failed", "谢梅华", 0)]

    handler.act(case_id, "request_closure", done="全部清完", photos=[build.photo(handler)])
    assert office.act(case_id, "close").json["state"] == "closed"
    build.clock.move(days=18)
    timer()
    assert office.get(f"/cases/{case_id}").json["state"] == "closed"  # it came back once: a rule asks to look again
    waiting = office.get("/follow-ups?state=planned&overdue=true").json["items"]
    assert [(one["case_id"], one["origin"]) for one in waiting] == [(case_id, "rule")]
    passed = inspector.act(case_id, "pass_follow_up", photos=[build.photo(inspector)], place=SPOT)
    assert passed.json["state"] == "closed", passed.json
    timer()
    assert office.get(f"/cases/{case_id}").json["state"] == "archived"
    steps = [step["words"] for step in resident.get(f"/reports/{report['id']}").json["steps"]]
    assert steps[-3:] == ["核查通过，已办结。", "回头看合格。", "已归档。"]


def test_the_unit_learns_of_a_look_back_when_it_has_happened(build: Build) -> None:
    case_id, handler = closed(build)
    office, inspector = build.office(), build.official(INSPECTOR)
    planned = office.act(case_id, "plan_follow_up", reason="群众关注", date="2026-06-05")
    assert planned.status_code == 200, planned.json
    assert actions(office, case_id)[-1] == "plan_follow_up"
    assert actions(handler, case_id)[-1] == "close"
    assert handler.get(f"/cases/{case_id}/follow-ups").json["items"] == []
    assert handler.get("/follow-ups").json["code"] == "inspectors_only"
    assert handler.act(case_id, "plan_follow_up", reason="x").status_code == 403
    shown = office.get(f"/cases/{case_id}/follow-ups").json["items"]
    assert [(one["origin"], one["inspector_name"], one["due_at"][:10]) for one in shown] == [
        ("office", "谢梅华", "2026-06-05")
    ]
    inspector.act(case_id, "pass_follow_up", photos=[build.photo(inspector)], place=SPOT)
    assert actions(handler, case_id)[-1] == "pass_follow_up"
    assert len(handler.get(f"/cases/{case_id}/follow-ups").json["items"]) == 1


def test_the_office_gives_it_to_another_and_an_inspectors_list_follows(build: Build) -> None:
    case_id, _ = closed(build)
    office, inspector = build.office(), build.official(INSPECTOR)
    office.act(case_id, "plan_follow_up", reason="群众关注")
    chief = person(office, "19900000003")
    given = office.act(case_id, "assign_follow_up", inspector=chief["id"])
    assert given.status_code == 200, given.json
    assert inspector.get("/follow-ups").json["items"] == []
    assert len(build.official(chief["phone"]).get("/follow-ups?mine=true").json["items"]) == 1
    refused = office.act(case_id, "assign_follow_up", inspector=person(office, "19900000018")["id"])
    assert (refused.status_code, refused.json["code"]) == (422, "not_an_inspector")


def test_a_visit_without_a_place_or_from_the_office_chair_is_not_taken(build: Build) -> None:
    case_id, _ = closed(build)
    inspector = build.official(INSPECTOR)
    needs = next(
        row["needs"] for row in inspector.get(f"/cases/{case_id}").json["allowed_actions"]
        if row["action"] == "pass_follow_up"
    )  # fmt: skip
    assert needs == ["photos", "place"]
    photos = [build.photo(inspector)]
    nowhere = inspector.act(case_id, "pass_follow_up", photos=photos)
    assert (nowhere.status_code, nowhere.json["field"]) == (422, "place")
    far = inspector.act(case_id, "pass_follow_up", photos=photos, place={**SPOT, "lat": SPOT["lat"] + 0.1})
    assert (far.status_code, far.json["code"]) == (422, "far_from_place")
    unnamed = inspector.act(case_id, "pass_follow_up", photos=photos, place={"lon": SPOT["lon"], "lat": SPOT["lat"]})
    assert unnamed.status_code == 422
    there = inspector.act(case_id, "pass_follow_up", photos=photos, place=SPOT)
    assert there.status_code == 200, there.json


def test_a_draw_can_be_drawn_again_by_whoever_reads_it(build: Build) -> None:
    numbers = [build.office().get(f"/cases/{closed(build, at='exclave')[0]}").json["number"] for _ in range(2)]
    build.clock.move(days=31)
    timer()
    inspector = build.official(INSPECTOR)
    (row,) = inspector.get("/follow-up-draws?month=2026-06-15").json["items"]
    assert (row["month"], row["cases"], len(row["picked"])) == ("2026-06-01", 2, 1)
    draw = inspector.get(f"/follow-up-draws/{row['id']}").json
    by_hand = sorted(numbers, key=lambda n: hashlib.sha256(f"{draw['seed']}:{n}".encode()).hexdigest())
    assert [ticket["number"] for ticket in draw["tickets"]] == by_hand
    assert [ticket["number"] for ticket in draw["tickets"] if ticket["picked"]] == row["picked"] == by_hand[:1]
    assert "SHA-256" in draw["method"]
    (task,) = build.office().get("/follow-ups?origin=sample").json["items"]
    assert (task["number"], task["draw"]) == (by_hand[0], row["id"])
    timer()
    assert len(inspector.get("/follow-up-draws?month=2026-06-01").json["items"]) == 1


@pytest.mark.parametrize("path", ["/follow-ups", "/follow-up-draws?month=2026-06-01"])
def test_residents_and_units_see_neither_queue_nor_draws(build: Build, path: str) -> None:
    assert build.resident().get(path).status_code == 403
    assert build.official("19900000018").get(path).json["code"] == "inspectors_only"
    assert build.official("19900000019").get(path).json["code"] == "inspectors_only"
