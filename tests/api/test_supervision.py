"""The life of a letter of supervision over HTTP, and who reads and does what with it."""

from __future__ import annotations

from typing import Any

import pytest

from backend.jobs import drain
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
HEAD = "单位负责人"
CHIEF, INSPECTOR = "19900000003", "19900000004"


def supervised(build: Build, **form: Any) -> tuple[str, dict[str, Any], Phone]:
    """A case with a letter to its unit. Returns the case, the letter as the office reads it, and the head's phone."""
    case_id, _ = build.case("rectifying")
    office = build.office()
    done = office.act(case_id, "supervise", demands="请三日内清运完毕并说明原因。", **form)
    assert done.status_code == 200, done.json
    drain()
    return case_id, done.json["supervisions"][0], build.official(phone_of(LEAD, HEAD))


def test_a_letter_is_answered_sent_back_answered_with_a_photo_and_accepted(build: Build) -> None:
    case_id, letter, head = supervised(build)
    office = build.office()
    place = f"/supervisions/{letter['id']}"
    assert (letter["number"], letter["stage_title"], letter["by_title"]) == ("清督〔2026〕1号", "待回复", "县河长办")
    shown = head.get(place).json
    assert (shown["demands"], shown["allowed"]) == ("请三日内清运完毕并说明原因。", ["reply"])
    assert head.get("/notices").json["items"][0]["title"] == "督办函"

    first = head.post(f"{place}/replies", {"text": "正在安排。"})
    assert (first.status_code, first.json["stage"], first.json["allowed"]) == (201, "replied", [])
    drain()
    assert office.get("/notices").json["items"][0]["title"] == "督办已回复"
    reply_id = first.json["replies"][0]["id"]
    sent_back = office.post(f"{place}/replies/{reply_id}/send-back", {"reason": "没有说明原因。", "reply_days": 1})
    assert (sent_back.json["stage"], sent_back.json["replies"][0]["decision_text"]) == (
        "awaiting_reply",
        "没有说明原因。",
    )

    form = {"text": "原因是清运车故障，已清完。", "photos": [build.photo(head)]}
    second = head.post(f"{place}/replies", form, Idempotency_Key="second-reply")
    assert head.post(f"{place}/replies", form, Idempotency_Key="second-reply").json["replies"] == second.json["replies"]
    answer = second.json["replies"][1]
    assert answer["photos"][0]["url"]
    assert len(second.json["replies"]) == 2
    accepted = office.post(f"{place}/replies/{answer['id']}/accept")
    assert (accepted.json["stage_title"], accepted.json["allowed"]) == ("回复已认可", ["end"])
    ended = office.post(f"{place}/end", {"reason": "已落实。"})
    assert (ended.json["stage"], ended.json["ended_how"], ended.json["allowed"]) == ("ended", "office", [])
    titles = [e["title"] for e in office.get(f"/cases/{case_id}/events").json["items"]][-6:]
    assert titles == ["督办", "回复督办", "退回督办回复", "回复督办", "认可督办回复", "结束督办"]


def test_the_county_chief_opens_one_from_what_the_screen_offers_and_a_unit_cannot(build: Build) -> None:
    case_id, township = build.case("accepted")
    chief = build.official(CHIEF)
    offered = {row["action"]: row["needs"] for row in chief.get(f"/cases/{case_id}").json["allowed_actions"]}
    assert offered["supervise"] == ["demands"]
    assert chief.act(case_id, "supervise").json["field"] == "demands"
    assert chief.act(case_id, "supervise", demands="请限期办理。", reply_days=100).status_code == 422
    done = chief.act(case_id, "supervise", demands="请限期办理。", reply_days=2)
    assert done.json["supervisions"][0]["reply_by"].startswith("2026-06-03T")
    assert township.act(case_id, "supervise", demands="x").status_code == 403
    again = chief.act(case_id, "supervise", demands="再办。")
    assert (again.status_code, again.json["code"]) == (409, "supervised_already")


def test_others_do_not_exist_for_a_unit_and_roles_are_kept_apart(build: Build) -> None:
    _, letter, head = supervised(build)
    place = f"/supervisions/{letter['id']}"
    stranger = build.official(phone_of("530199002", HEAD))
    assert stranger.get(place).status_code == 404
    assert stranger.get("/supervisions").json["items"] == []
    assert stranger.post(f"{place}/replies", {"text": "x"}).status_code == 404
    reply_id = head.post(f"{place}/replies", {"text": "已办。"}).json["replies"][0]["id"]
    chief, handler = build.official(CHIEF), build.official(phone_of(LEAD))
    for phone in (head, handler, chief, build.official(INSPECTOR)):
        assert phone.get(place).status_code == 200
        assert phone.post(f"{place}/replies/{reply_id}/accept").status_code == 403
        assert phone.post(f"{place}/end", {"reason": "x"}).status_code == 403
    unknown = "00000000-0000-4000-8000-000000000000"
    assert build.office().post(f"{place}/replies/{unknown}/accept").json["code"] == "newer_reply"


def test_two_clerks_decide_one_reply_and_one_learns_that_it_is_decided(build: Build) -> None:
    _, letter, head = supervised(build)
    place = f"/supervisions/{letter['id']}"
    reply_id = head.post(f"{place}/replies", {"text": "已办。"}).json["replies"][0]["id"]
    one, two = build.office(), build.official("19900000002")
    assert one.post(f"{place}/replies/{reply_id}/accept").status_code == 200
    late = two.post(f"{place}/replies/{reply_id}/send-back", {"reason": "不行"})
    assert (late.status_code, late.json["code"], late.json["stage"]) == (409, "wrong_stage", "accepted")


def test_the_list_is_filtered_and_paged(build: Build) -> None:
    _, letter, head = supervised(build)
    other, _ = build.case("accepted", at="exclave")
    office = build.office()
    office.act(other, "supervise", demands="请限期办理。", reply_days=10)
    build.clock.move(days=7)
    drain()

    def ids(query: str) -> list[str]:
        answer = office.get(f"/supervisions{query}")
        assert answer.status_code == 200, answer.json
        return [one["id"] for one in answer.json["items"]]

    both = ids("")
    assert both[1] == letter["id"]
    assert ids("?overdue=true") == ids(f"?unit={LEAD}") == ids(f"?case_id={letter['case_id']}") == [letter["id"]]
    assert ids("?stage=ended") == ids("?why=overdue") == ids("?opened_from=2026-06-02") == []
    assert ids("?opened_from=2026-06-01&opened_to=2026-06-01&stage=awaiting_reply&why=hand") == both
    first = office.get("/supervisions?limit=1").json
    assert ids(f"?limit=1&before={first['next']}") == [letter["id"]]
    assert office.get("/supervisions?opened_from=2026-06-02&opened_to=2026-06-01").json["code"] == "bad_period"
    assert head.get("/supervisions").json["items"][0]["id"] == letter["id"]
    escalated = head.get(f"/supervisions/{letter['id']}").json
    assert (escalated["overdue"], bool(escalated["escalated_at"])) == (True, True)
    assert "督办逾期未回复" in [n["title"] for n in build.official(CHIEF).get("/notices").json["items"]]


@pytest.mark.parametrize(
    "form", [{}, {"text": ""}, {"text": "  "}, {"text": "x" * 2001}, {"text": "x", "photos": [{}]}]
)
def test_a_reply_without_words_is_refused(build: Build, form: dict[str, Any]) -> None:
    _, letter, head = supervised(build)
    assert head.post(f"/supervisions/{letter['id']}/replies", form).status_code == 422
    assert head.get(f"/supervisions/{letter['id']}").json["replies"] == []


def test_the_letter_ends_with_the_case(build: Build) -> None:
    case_id, letter, _ = supervised(build)
    township = build.official(phone_of(LEAD))
    township.act(case_id, "request_closure", done="已清理", photos=[build.photo(township)])
    build.office().act(case_id, "close")
    drain()
    assert build.office().get(f"/supervisions/{letter['id']}").json["ended_how"] == "case"
