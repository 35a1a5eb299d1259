"""Reminders over HTTP: sent by the timer and by hand, read on the case, answered by those who were reminded."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from backend.jobs import defer_pushing, drain
from backend.models import Deferred
from backend.work import unit_of_work
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
HEAD = "单位负责人"
CHIEF = "19900000003"


def ring(build: Build, **by: float) -> None:
    """Time passes; the scheduler rings and the workers do what is due."""
    build.clock.move(**by)
    defer_pushing()
    drain()


def overdue(build: Build) -> tuple[str, Phone]:
    """A case overdue by a working day, whose ladder has reached handler, head and office."""
    case_id, township = build.case("rectifying")
    ring(build)
    ring(build, days=8)  # Tuesday 9 June, 09:00
    return case_id, township


def of(phone: Phone, query: str = "") -> list[dict[str, Any]]:
    answer = phone.get(f"/reminders{query}")
    assert answer.status_code == 200, answer.json
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def test_an_overdue_case_reaches_handler_head_and_office_and_is_answered(build: Build) -> None:
    case_id, township = overdue(build)
    office, head = build.office(), build.official(phone_of(LEAD, HEAD))
    shown = office.get(f"/cases/{case_id}").json["reminders"]
    assert [(one["step"], one["to_role_title"], one["by_title"]) for one in shown] == [
        ("after_1_days", "县河长办", "系统"),
        ("after_1_days", "单位负责人", "系统"),
        ("after_1_days", "经办人", "系统"),
    ]
    assert shown[0]["words"].endswith("已超期1个工作日，请立即办理。")
    assert "催办：整改已超期" in [n["title"] for n in head.get("/notices").json["items"]]
    by_sms = [one["text"] for one in build.seen("sms") if "催办：整改已超期" in one["text"]]
    assert len(by_sms) == 4  # handler, head, two in the office

    mine = next(one for one in of(township, "?mine=true") if one["to_role"] == "handler")
    assert mine["allowed"] == ["reply"]
    key = {"Idempotency_Key": "the-first-reply"}
    done = township.post(f"/reminders/{mine['id']}/reply", {"text": "今晚清完。"}, **key)
    assert (done.status_code, done.json["reply"], done.json["allowed"]) == (200, "今晚清完。", [])
    assert township.post(f"/reminders/{mine['id']}/reply", {"text": "今晚清完。"}, **key).status_code == 200
    again = township.post(f"/reminders/{mine['id']}/reply", {"text": "改主意了。"})
    assert (again.status_code, again.json["code"]) == (409, "replied_before")
    drain()
    assert office.get("/notices").json["items"][0]["title"] == "催办已回复"
    event = office.get(f"/cases/{case_id}/events").json["items"][-1]
    assert (event["title"], event["text"]) == ("回复催办", "今晚清完。")
    assert len(of(office, f"?case_id={case_id}&answered=true")) == 1


def test_the_office_reminds_many_cases_at_once_and_learns_which_could_not_be(build: Build) -> None:
    office = build.office()
    first, _ = build.case("rectifying")
    second, _ = build.case("assigned", at="bank_right")
    closed, _ = build.case("closed", at="exclave")
    unknown = "00000000-0000-4000-8000-000000000000"
    form = {"case_ids": [first, second, closed, unknown], "reason": "月底前必须办结。"}
    answer = office.post("/reminders", form, Idempotency_Key="many-at-once")
    assert answer.status_code == 201, answer.json
    told = {one["case_id"]: (one["reminded"], one["code"]) for one in answer.json["items"]}
    assert told == {
        first: (True, None), second: (True, None), closed: (False, "wrong_state"), unknown: (False, "not_found"),
    }  # fmt: skip
    assert office.post("/reminders", form, Idempotency_Key="many-at-once").json == answer.json
    drain()
    assert {one["case_id"] for one in of(office, "?by=hand")} == {first, second}
    again = office.post("/reminders", {"case_ids": [first], "reason": "再催"}).json["items"][0]
    assert again["code"] == "reminded_just_now"


def test_one_case_is_reminded_of_as_an_action_that_the_screen_is_offered(build: Build) -> None:
    case_id, township = build.case("accepted")
    office, chief = build.office(), build.official(CHIEF)
    for phone, may in ((office, True), (chief, True), (township, False)):
        offered = [row["action"] for row in phone.get(f"/cases/{case_id}").json["allowed_actions"]]
        assert ("remind" in offered) is may
    assert office.act(case_id, "remind", reason=" ").status_code == 422
    assert office.act(case_id, "remind", reason="请抓紧。").json["reminders"][0]["words"] == "请抓紧。"
    assert township.act(case_id, "remind_due", reason="x").status_code == 403
    assert office.act(case_id, "remind_due", reason="x").status_code == 403


@pytest.mark.parametrize("who", ["township", "inspector"])
def test_others_remind_nobody(build: Build, who: str) -> None:
    case_id, township = build.case("accepted")
    phone = township if who == "township" else build.official("19900000004")
    answer = phone.post("/reminders", {"case_ids": [case_id], "reason": "x"})
    assert (answer.status_code, answer.json["code"]) == (403, "not_yours_to_do")


def test_a_unit_reads_the_reminders_of_its_own_cases_alone(build: Build) -> None:
    case_id, township = overdue(build)
    stranger = build.official(phone_of("530199002"))
    assert of(stranger) == []
    mine = of(township)[0]
    refused = stranger.post(f"/reminders/{mine['id']}/reply", {"text": "x"})
    assert (refused.status_code, refused.json["code"]) == (404, "not_found")
    office_row = next(one for one in of(township, f"?case_id={case_id}") if one["to_role"] == "office")
    assert office_row["allowed"] == []
    assert township.post(f"/reminders/{office_row['id']}/reply", {"text": "x"}).status_code == 403


def test_pages_go_on_where_the_last_one_ended(build: Build) -> None:
    overdue(build)
    office = build.office()
    first = office.get("/reminders?limit=2").json
    second = office.get(f"/reminders?limit=2&before={first['next']}").json
    assert len(first["items"]), len(second["items"]) == (2, 1)
    assert second["next"] is None
    ids = [one["id"] for one in first["items"] + second["items"]]
    assert len(set(ids)) == len(ids) == 3
    passed = of(office, "?skipped=true")
    assert {one["step"] for one in passed if one["skipped_at"]} == {"before_2_days", "due"}
    assert office.get("/reminders?mine=yes&limit=1000").status_code == 422


def test_the_scheduler_writes_one_row_while_one_waits(build: Build) -> None:
    build.case("rectifying")
    for _ in range(3):
        defer_pushing()
    with unit_of_work() as work:
        rows = work.session.scalars(select(Deferred).where(Deferred.name == "push_due")).all()
        assert len(rows) == 1
    drain()
    defer_pushing()
    with unit_of_work() as work:
        assert len(work.session.scalars(select(Deferred).where(Deferred.name == "push_due")).all()) == 1
