"""Notices over HTTP: the inbox, consents used up, channels that fail, and what is done about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.jobs import BACKOFF_S, drain
from tests.build import POINTS, Build, Phone, phone_of
from tests.looking import is_a_plain_refusal, sql

pytestmark = pytest.mark.usefixtures("stand_in_as_new")

TEMPLATE = "T-case"
SEND, SMS = "/cgi-bin/message/subscribe/send", "/sms/send"
LEAD = POINTS["inside_township"]["lead"]


@pytest.fixture
def resident(build: Build, stand_in_as_new: None) -> Phone:
    return build.resident()


def consents(build: Build, phone: Phone, user: str = "resident", times: int = 1, wechat: bool = True) -> None:
    """The consent sheet answered with yes; `wechat` is whether WeChat counted it as well."""
    for _ in range(times):
        answer = phone.post("/notices/consents", {"answers": {TEMPLATE: "accept"}})
        assert answer.status_code == 204
    if wechat:
        build.control("consent", user=user, template_id=TEMPLATE, times=times)


def titles(phone: Phone) -> list[str]:
    return [notice["title"] for notice in phone.get("/notices").json["items"]]


def deliveries(build: Build, channel: str = "wechat", of: str = "account_id") -> list[dict[str, Any]]:
    """Deliveries by a channel to reporters (`account_id`) or officials (`person_id`), with their deferred rows."""
    return sql(
        build.app,
        "SELECT d.state, d.reason, j.attempts, j.run_at, j.done_at, j.gave_up_at, j.last_error"
        " FROM deliveries d JOIN notices n ON n.id = d.notice_id"
        " JOIN deferred j ON j.name = 'deliver' AND j.args = jsonb_build_array(d.id::text)"
        f" WHERE d.channel = :channel AND n.{of} IS NOT NULL ORDER BY d.id",
        channel=channel,
    )


def remaining(build: Build) -> list[int]:
    return [row["remaining"] for row in sql(build.app, "SELECT remaining FROM consents")]


# ---- where a notice leads --------------------------------------------------------------------------------------------


def pages(phone: Phone) -> dict[str, str | None]:
    return {notice["title"]: notice["page"] for notice in phone.get("/notices").json["items"]}


def test_a_notice_leads_to_the_case_for_its_unit_and_to_the_report_for_its_reporter(
    build: Build, resident: Phone
) -> None:
    report = build.report(resident)
    handler = build.official(phone_of(LEAD))
    case = handler.get("/cases").json["items"][0]
    assert pages(handler)["新交办案件"] == f"packages/official/case/case?id={case['id']}"
    assert pages(resident)["您的举报已交办"] == f"packages/resident/detail/detail?id={report['id']}"


def test_whose_report_went_to_another_case_is_led_to_the_list_of_theirs(build: Build, resident: Phone) -> None:
    build.report(resident)
    first = build.office().get("/cases").json["items"][0]
    build.report(build.resident("neighbour"), at="exclave")
    target = build.office().get("/cases?limit=1").json["items"][0]
    assert build.office().act(first["id"], "merge", target=target["id"], reason="同一问题").status_code == 200
    drain()
    assert pages(resident)["您的举报已交办"] == "packages/resident/mine/mine"


def test_a_deputy_is_led_to_who_stands_in_for_whom_and_a_successor_to_the_inbox(build: Build) -> None:
    handler, head = build.official(phone_of(LEAD)), build.official(phone_of(LEAD, "单位负责人"))
    case_id, _ = build.case("assigned")
    handler.act(case_id, "claim")
    people = {one["titles"][0]: one for one in head.get("/colleagues").json["items"]}
    form = {
        "deputy_id": people["单位负责人"]["id"], "from_on": "2026-06-01", "to_on": "2026-06-05", "reason": "年休假",
    }  # fmt: skip
    assert handler.post("/delegations", form).status_code == 201
    assert pages(head)["设置B角"] == "packages/official/deputies/deputies"
    (office,) = people["经办人"]["offices"]
    form = {"role_id": office["role_id"], "to_person": people["单位负责人"]["id"], "leaves": True, "reason": "调离"}
    assert head.post("/handovers/person", form).status_code == 201
    assert pages(head)["工作移交"] == "packages/official/inbox/inbox"


# ---- the inbox -------------------------------------------------------------------------------------------------------


def test_the_inbox_is_always_written_though_nobody_consented_and_wechat_is_down(build: Build, resident: Phone) -> None:
    build.control("mode", mode="down", path=SEND)
    build.report(resident)
    assert titles(resident) == ["您的举报已交办"]
    assert [(d["state"], d["reason"]) for d in deliveries(build)] == [("skipped", "对方没有同意接收订阅消息")]
    assert build.seen("sent") == []


def test_a_notice_is_read_once_and_by_nobody_else(build: Build, resident: Phone) -> None:
    build.report(resident)
    notice = resident.get("/notices").json["items"][0]
    assert notice["read_at"] is None
    for other in (build.resident("other"), build.office(), build.official(phone_of(LEAD))):
        assert notice["id"] not in {one["id"] for one in other.get("/notices").json["items"]}
        is_a_plain_refusal(other.post(f"/notices/{notice['id']}/read"), 404, "not_found")
    assert resident.get("/notices").json["items"][0]["read_at"] is None
    assert resident.post(f"/notices/{notice['id']}/read").status_code == 204
    first = resident.get("/notices").json["items"][0]["read_at"]
    build.clock.move(hours=1)
    assert resident.post(f"/notices/{notice['id']}/read").status_code == 204
    assert resident.get("/notices").json["items"][0]["read_at"] == first


def test_the_inbox_comes_in_pages_newest_first(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    for n in range(2):
        asked = township.act(case_id, "request_closure", done="已清理", photos=[build.photo(township)])
        assert asked.status_code == 200
        assert office.act(case_id, "send_back", reason=f"第 {n} 次").status_code == 200
        drain()
    whole = [one["id"] for one in township.get("/notices?limit=100").json["items"]]
    assert len(whole) == 3
    paged: list[str] = []
    after = ""
    while True:
        page = township.get(f"/notices?limit=2{after}").json
        paged += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&before={page['next']}"
    assert paged == whole


def test_both_accounts_of_a_person_see_one_inbox(build: Build) -> None:
    first = build.official(phone_of(LEAD))
    second = build.resident("second")
    code = build.control("phone", user="second", phone=phone_of(LEAD))["code"]
    assert second.post("/session/phone", {"code": code}).status_code == 200
    for user, phone in ((f"official-{phone_of(LEAD)}", first), ("second", second)):
        consents(build, phone, user)
    build.report()
    notice = first.get("/notices").json["items"][0]
    assert second.get("/notices").json["items"] == [notice]
    assert second.post(f"/notices/{notice['id']}/read").status_code == 204
    assert first.get("/notices").json["items"][0]["read_at"]
    assert sorted(sent["user"] for sent in build.seen("sent")) == sorted([f"official-{phone_of(LEAD)}", "second"])


# ---- consent ---------------------------------------------------------------------------------------------------------


def test_each_consent_gives_one_message_and_is_used_up(build: Build, resident: Phone) -> None:
    consents(build, resident, times=2)
    case_id, township = build.case("assigned")
    assert remaining(build) == [1]
    for action, form in (
        ("accept", {}),
        ("start", {"measure": "清运", "person": "李四", "date": "2026-06-05"}),
        ("request_closure", {"done": "已清运", "photos": [build.photo(township)]}),
    ):
        assert township.act(case_id, action, **form).status_code == 200
        drain()
    assert build.office().act(case_id, "close").status_code == 200
    drain()
    assert titles(resident) == ["您的举报已办结", "您的举报已签收", "您的举报已交办"]
    assert [sent["data"]["thing1"] for sent in build.seen("sent")] == ["您的举报已交办", "您的举报已签收"]
    assert [d["state"] for d in deliveries(build)] == ["sent", "sent", "skipped"]
    assert remaining(build) == [0]


@pytest.mark.parametrize("answer", ["reject", "ban", "filter"])
def test_a_refusal_on_the_sheet_allows_nothing(build: Build, resident: Phone, answer: str) -> None:
    assert resident.post("/notices/consents", {"answers": {TEMPLATE: answer}}).status_code == 204
    assert remaining(build) == []


def test_templates_of_nobody_are_not_counted_and_nonsense_is_refused(build: Build, resident: Phone) -> None:
    assert resident.get("/county").json["templates"] == {"default": TEMPLATE}
    assert resident.post("/notices/consents", {"answers": {"made-up": "accept"}}).status_code == 204
    for answers in ({TEMPLATE: "yes"}, {"": "accept"}, {f"t{n}": "accept" for n in range(11)}, []):
        is_a_plain_refusal(resident.post("/notices/consents", {"answers": answers}), 422, "invalid_input")
    assert remaining(build) == []
    assert build.nobody().post("/notices/consents", {"answers": {TEMPLATE: "accept"}}).status_code == 401


# ---- channels that fail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["error", "busy"])
def test_while_wechat_fails_a_message_is_tried_again_later_and_later_and_sent_once(
    build: Build, resident: Phone, mode: str
) -> None:
    consents(build, resident)
    build.control("mode", mode=mode, path=SEND)
    build.report(resident)
    for attempt, wait in enumerate(BACKOFF_S[:5], start=1):
        (row,) = deliveries(build)
        assert (row["state"], row["attempts"], row["done_at"]) == ("waiting", attempt, None)
        assert row["run_at"] == build.clock() + timedelta(seconds=wait)
        assert row["last_error"].startswith("WeChatUnavailable")
        build.clock.move(seconds=wait - 0.001)
        drain()
        assert deliveries(build)[0]["attempts"] == attempt  # not a moment too early
        if attempt == 5:
            build.control("mode", mode="ok")
        build.clock.move(seconds=0.001)
        drain()
    (row,) = deliveries(build)
    assert (row["state"], row["attempts"], row["last_error"] is None) == ("sent", 6, False)
    assert len(build.seen("sent")) == 1
    assert remaining(build) == [0]
    build.clock.move(days=2)
    drain()
    assert len(build.seen("sent")) == 1


def test_a_message_that_never_goes_through_is_given_up_and_told_to_the_operators(build: Build, resident: Phone) -> None:
    consents(build, resident)
    build.control("mode", mode="error", path=SEND)
    build.report(resident)
    for wait in BACKOFF_S:
        build.clock.move(seconds=wait)
        drain()
    (row,) = deliveries(build)
    assert row["gave_up_at"] is not None
    assert row["attempts"] == len(BACKOFF_S) + 1
    assert "qinghe_deferred_gave_up 1.0" in build.app.test_client().get("/metrics").text
    assert titles(resident) == ["您的举报已交办"]
    assert remaining(build) == [1]


def test_a_user_who_refuses_is_recorded_and_never_tried_again(build: Build, resident: Phone) -> None:
    """The count says one message is allowed, WeChat (43101) says none: WeChat knows."""
    consents(build, resident, times=3, wechat=False)
    build.report(resident)
    (row,) = deliveries(build)
    assert (row["state"], row["attempts"]) == ("refused", 1)
    assert "43101" in row["reason"]
    assert row["done_at"] is not None
    assert remaining(build) == [0]
    build.clock.move(days=1)
    drain()
    assert sum(call["path"] == SEND for call in build.seen("calls")) == 1


def test_a_template_that_wechat_does_not_know_is_recorded_and_costs_no_consent(build: Build, resident: Phone) -> None:
    consents(build, resident)
    build.control("templates", **{"T-other": ["thing1"]})
    build.report(resident)
    (row,) = deliveries(build)
    assert (row["state"], row["attempts"]) == ("refused", 1)
    assert "40037" in row["reason"]
    assert remaining(build) == [1]


def test_a_limit_of_the_day_is_waited_for_and_not_hammered(build: Build, resident: Phone) -> None:
    consents(build, resident)
    build.control("mode", mode="rate_limited", path=SEND)
    build.report(resident)
    (row,) = deliveries(build)
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "每日调用上限" in row["last_error"]
    assert build.clock() < row["run_at"] <= build.clock() + timedelta(days=1)
    build.control("mode", mode="ok")
    build.clock.move(days=1)
    drain()
    assert deliveries(build)[0]["state"] == "sent"


# ---- SMS -------------------------------------------------------------------------------------------------------------


def test_a_newly_assigned_case_reaches_its_officials_by_sms(build: Build) -> None:
    report = build.report()
    sent = build.seen("sms")
    assert phone_of(LEAD) in {one["phone"] for one in sent}
    assert {one["text"] for one in sent} == {
        f"【清河】新交办案件：{report['number']} 垃圾倾倒已交办给翠屏乡，请按时签收。"
    }
    assert all("垃圾。" not in one["text"] for one in sent)  # none of the reporter's words
    assert {d["state"] for d in deliveries(build, "sms", "person_id")} == {"sent"}


def test_an_sms_that_the_person_blocks_is_recorded_and_one_that_fails_is_tried_again(build: Build) -> None:
    build.control("sms/block", phone=phone_of(LEAD))
    build.control("mode", mode="error", path=SMS, times=1)
    build.report()
    states = {d["state"]: d for d in deliveries(build, "sms", "person_id")}
    assert "waiting" in states or "refused" in states
    build.clock.move(seconds=1)
    drain()
    rows = deliveries(build, "sms", "person_id")
    refused = [d for d in rows if d["state"] == "refused"]
    assert ["对方拒收短信" in d["reason"] for d in refused] == [True]
    assert phone_of(LEAD) not in {one["phone"] for one in build.seen("sms")}
    assert all(d["done_at"] is not None for d in rows)
    assert sum(d["attempts"] for d in rows) == len(rows) + 1
