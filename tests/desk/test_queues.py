"""Triage and the queues: what waits is worked off, with the keyboard, at the desk of whoever decides."""

from __future__ import annotations

from collections.abc import Callable

from backend.county import County
from backend.jobs import drain
from tests.build import OFFICE, POINTS, Build, phone_of
from tests.desk.conftest import Screen
from tests.walks import Sender

LEAD = POINTS["inside_township"]["lead"]
HANDLER = phone_of(LEAD)


def test_what_nobody_answers_for_is_assigned_by_a_click_on_the_map(screen: Callable[..., Screen], build: Build) -> None:
    build.report(accuses_officials=True)
    desk = screen().open("/desk/triage")
    desk.sees("涉及工作人员")
    desk.page.wait_for_selector("[data-drawn]")
    desk.looks_right("triage")
    desk.page.locator(".mid-map").click(position={"x": 300, "y": 180})
    chosen = desk.page.locator("select[name=unit]").first
    assert chosen.input_value() == LEAD
    desk.page.locator("textarea[name=reason]").first.fill("由所在乡镇办理")
    desk.press("交办")
    desk.sees("已交办。")
    desk.sees("都分办完了")
    assert build.office().get("/cases").json["items"][0]["state"] == "assigned"  # type: ignore[index]


def test_the_office_releases_what_units_may_read_of_a_sensitive_report(build: Build) -> None:
    build.report(category="illegal_discharge", privacy="confidential", text="我是隔壁的王五，他们夜里排黑水。")
    office = build.office()
    case = office.get("/cases").json["items"][0]  # type: ignore[index]
    desk = build.at_the_desk(OFFICE)
    assert "敏感，先审核" in desk.get("/desk/triage").text
    form = {
        "version": str(case["version"]),
        "unit": LEAD,
        "reason": "属地办理",
        "forwarded_text": "有人反映夜间排黑水。",
    }
    assert "已交办" in desk.send(f"/desk/cases/{case['id']}/actions/assign", **form).text
    page = build.at_the_desk(HANDLER).get(f"/desk/cases/{case['id']}").text
    assert "有人反映夜间排黑水。" in page
    assert "王五" not in page


def test_a_likely_duplicate_is_seen_beside_the_other_and_merged_then_split_off(
    screen: Callable[..., Screen], build: Build
) -> None:
    point = POINTS["inside_township"]
    build.report()
    build.clock.move(hours=30)
    build.report(place={"lon": point["lon"] + 0.0003, "lat": point["lat"]})
    desk = screen().open("/desk/triage")
    desk.sees("疑似重复")
    desk.sees("相距")
    desk.looks_right("triage-duplicate")
    desk.page.keyboard.press("m")
    desk.page.locator("button", has_text="并入 QH-").first.click()
    desk.sees("已并案。")
    merged = build.office().get("/cases?state=merged").json["items"][0]  # type: ignore[index]
    desk.open(f"/desk/cases/{merged['id']}")
    desk.page.locator("summary", has_text="拆分").click()
    desk.page.locator("#split-reason").fill("不是同一处")
    desk.press("拆分")
    desk.sees("已拆分。")


def test_an_extension_is_granted_from_the_queue_with_the_keyboard(screen: Callable[..., Screen], build: Build) -> None:
    case_id, handler = build.case("rectifying")
    asked = handler.act(case_id, "ask_extension", reason="雨季施工慢", rectify_by="2026-06-20")
    assert asked.status_code == 200, asked.json
    desk = screen().open("/desk/extensions")
    desk.sees("雨季施工慢")
    desk.looks_right("extensions")
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("g")
    desk.page.keyboard.type("情况属实")
    desk.press("同意延期")
    desk.sees("已同意延期。")
    assert "/desk/extensions" in desk.page.url
    items = build.office().get("/extensions").json["items"]  # type: ignore[index]
    assert items[0]["state"] == "granted"


def test_a_letter_of_supervision_is_answered_and_the_answer_accepted(
    screen: Callable[..., Screen], build: Build
) -> None:
    case_id, _ = build.case("rectifying")
    office = build.office()
    assert office.act(case_id, "supervise", demands="三日内清运完毕").status_code == 200
    head = screen(phone_of(LEAD, "单位负责人")).open("/desk/supervision")
    head.sees("三日内清运完毕")
    head.page.locator("summary", has_text="答复").first.click()
    head.page.get_by_label("答复内容").fill("已清运")
    head.press("答复")
    head.sees("已办理。")
    desk = screen().open("/desk/supervision")
    desk.sees("已清运")
    desk.looks_right("supervision")
    desk.page.locator("summary", has_text="认可答复").click()
    desk.page.get_by_label("理由").first.fill("属实")
    desk.press("认可答复")
    desk.sees("已办理。")


def test_a_look_back_is_given_to_an_inspector(screen: Callable[..., Screen], build: Build) -> None:
    case_id, _ = build.case("closed")
    office = build.office()
    planned = office.act(case_id, "plan_follow_up", reason="群众关心")
    assert planned.status_code in (200, 409), planned.json
    desk = screen().open("/desk/follow-ups")
    desk.sees("待回头看")
    desk.looks_right("follow-ups")
    desk.page.locator("summary", has_text="指派回头看").first.click()
    desk.page.locator("select[name=inspector]").first.select_option(index=1)
    desk.press("指派回头看")
    desk.sees("已指派回头看。")


def test_a_township_sees_only_its_own_in_every_queue(build: Build) -> None:
    case_id, handler = build.case("rectifying", at="exclave")
    asked = handler.act(case_id, "ask_extension", reason="别乡的事由", rectify_by="2026-06-20")
    assert asked.status_code == 200, asked.json
    assert build.office().act(case_id, "supervise", demands="别乡的要求").status_code == 200
    desk = build.at_the_desk(HANDLER)
    assert "别乡的事由" not in desk.get("/desk/extensions").text
    assert "别乡的要求" not in desk.get("/desk/supervision").text
    assert "别乡的事由" in build.at_the_desk(OFFICE).get("/desk/extensions").text
    assert desk.get("/desk/triage").status_code == 403


def test_appeals_say_that_there_are_none(screen: Callable[..., Screen], build: Build) -> None:
    screen().open("/desk/appeals").sees("没有待答复的申诉")


def test_an_appeal_against_a_verdict_is_upheld_from_the_queue(
    screen: Callable[..., Screen], build: Build, county: County
) -> None:
    sender = Sender(build, county)
    walk = sender.walk(metres=300)
    sender.send(walk)
    drain()
    made = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "手机没电了，走完了全程。"})
    assert made.status_code == 201, made.json
    desk = screen().open("/desk/appeals")
    desk.sees("走完了全程")
    desk.sees("还差")  # what the verdict lacked stands beside what the chief says
    desk.looks_right("appeals")
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("g")
    desk.page.keyboard.type("照片属实")
    desk.page.locator("button", has_text="申诉成立").click()
    desk.sees("已答复申诉。")
    assert build.office().get(f"/patrols/{walk.id}").json["valid"] is True  # type: ignore[index]
