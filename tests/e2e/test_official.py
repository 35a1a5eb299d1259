"""An official with a phone: a case from its report to its closure, refusal and ruling, somebody who was faster."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backend.clock import shanghai_day
from backend.local.pictures import make_jpeg
from tests.build import OFFICE, POINTS, Build, phone_of
from tests.e2e.conftest import MiniProgram
from tests.e2e.test_resident import at_home, routed, start_report

AT = POINTS["inside_township"]
PLACE = {"latitude": AT["lat"], "longitude": AT["lon"], "accuracy": 8, "speed": 0, "altitude": 1890}
INBOX = "packages/official/inbox/inbox"


class Desk:
    """The phone of an official, bound on any day before; its clock goes with the server's."""

    def __init__(self, mini: MiniProgram, build: Build, number: str) -> None:
        self.mini, self.build, self.number = mini, build, number
        self.api = build.official(number)

    def open(self, url: str = INBOX) -> MiniProgram:
        ahead = (self.build.clock() - datetime.now(UTC)) / timedelta(milliseconds=1)
        kept = {"user": f"official-{self.number}", "number": self.number, "place": PLACE, "ahead": ahead}
        self.mini.page.goto(f"{self.mini.site}/phone/frame.css")  # same origin, no app
        self.mini.page.evaluate("(kept) => localStorage.setItem('frame:phone', kept)", json.dumps(kept))
        self.mini.page.goto(f"{self.mini.site}/phone/app.html#{url}")
        self.mini.page.wait_for_function("window.__READY__ === true")
        return self.mini

    def case(self, case_id: str) -> MiniProgram:
        return self.open(f"packages/official/case/case?id={case_id}")

    def write(self, name: str, words: str) -> None:
        MiniProgram.shown(self.mini.page.get_by_role("textbox", name=name, exact=True)).fill(words)

    def photograph(self, n: int = 1) -> None:
        self.mini.take_photos(make_jpeg(640, 480, text="clean", seed=900 + n))
        self.mini.tap("拍照或选照片")

    def pick_day(self, name: str, day: date) -> None:
        self.mini.shown(self.mini.page.get_by_label(f"{name}：", exact=False)).click()
        month = self.mini.page.get_by_role("status").get_by_text(f"{day.year}年{day.month}月", exact=True)
        while not month.locator("visible=true").count():
            self.mini.tap("下一月")
        self.mini.shown(self.mini.page.get_by_label(f"{day.month}月{day.day}日，", exact=False)).click()
        self.mini.tap("就选这天")

    def day(self, ahead: int) -> date:
        """So many days after today, as Shanghai counts them."""
        return shanghai_day(self.build.clock()) + timedelta(days=ahead)


@pytest.fixture
def desk(phone: Callable[..., MiniProgram], build: Build) -> Callable[[str], Desk]:
    return lambda number: Desk(phone(), build, number)


def newest(build: Build) -> dict[str, Any]:
    found: dict[str, Any] = build.office().get("/cases?limit=1").json["items"][0]  # type: ignore[index]
    return found


def test_from_the_report_with_two_photos_over_rectifying_to_closure_and_rating(
    phone: Callable[..., MiniProgram], desk: Callable[[str], Desk], build: Build
) -> None:
    resident = at_home(phone)
    resident.picture("home")
    start_report(resident, photos=2)
    resident.sees("已定位，误差约 8 米")
    resident.picture("report")
    resident.tap("提交举报")
    resident.sees("已经收到，编号 QH-")
    resident.picture("receipt")
    case = routed(resident, build.office())
    assert case["lead_unit"] == AT["lead"]

    handler = desk(phone_of(AT["lead"]))
    mini = handler.open()
    mini.sees("签收还剩")
    mini.picture("official-inbox")
    mini.shown(mini.page.get_by_label(case["number"], exact=False)).click()
    mini.sees("不属于本单位的，可以退回")
    mini.sees("河边倒了一堆垃圾。")
    mini.picture("official-case")
    mini.tap("签收")
    mini.tap("开始整改")
    mini.tap("确定开始整改")
    mini.sees("请填写：整改措施。")
    handler.write("整改措施", "清运")
    handler.write("责任人", "李四")
    handler.pick_day("计划完成日期", handler.day(2))
    mini.picture("official-start")
    mini.tap("确定开始整改")
    mini.tap("申请销号")
    mini.tap("填入：垃圾已全部清运，岸线已恢复。")
    mini.take_photos(make_jpeg(640, 480, text="clean", seed=901))
    mini.tap("拍照或选照片")
    mini.agree_to_privacy()
    mini.shown(mini.page.get_by_label("第1张照片", exact=False)).wait_for()
    mini.picture("official-closure")
    mini.tap("确定申请销号")
    mini.sees("整改前后")

    office = desk(OFFICE)
    mini = office.open()
    mini.tap("待核查 1 件")
    mini.shown(mini.page.get_by_label(case["number"], exact=False)).click()
    mini.sees("核对照片")
    mini.picture("office-review")
    taken = office.api.get(f"/cases/{case['id']}/evidence").json["items"][-1]  # type: ignore[index]
    assert taken["distance_m"] is not None
    assert taken["distance_m"] < 50, "the place of the phone went with the photo"
    mini.tap("销号")
    if mini.page.get_by_role("textbox", name="理由", exact=True).count():
        office.write("理由", "已到现场核实，照片属实。")
    mini.tap("确定销号")
    mini.sees("已销号")

    resident.visit("pages/home/home")
    resident.page.get_by_text("用回执码查", exact=True).click()
    resident.page.get_by_label("QH-", exact=False).locator("visible=true").first.click()
    resident.sees("已办结")
    resident.tap("5 星")
    resident.page.get_by_role("textbox", name="评价的话").fill("办得快")
    resident.tap("提交评价")
    resident.sees("谢谢您的评价")
    resident.picture("detail")
    mini = office.case(case["id"])
    mini.sees("5 星")
    found = office.api.get(f"/cases/{case['id']}").json
    assert found is not None
    assert (found["state"], len(found["reports"][0]["photos"])) == ("closed", 2)


def test_a_refused_case_is_ruled_with_both_reasons_in_sight(desk: Callable[[str], Desk], build: Build) -> None:
    build.report()
    case = newest(build)
    mini = desk(phone_of(AT["lead"])).case(case["id"])
    mini.tap("退回")
    mini.tap("填入：该处不在本单位辖区内，属于对岸乡镇。")
    mini.tap("确定退回")
    mini.sees("已办好")

    office = desk(OFFICE)
    mini = office.open()
    mini.tap("待分办 1 件")
    mini.shown(mini.page.get_by_label(case["number"], exact=False)).click()
    mini.sees("退回：该处不在本单位辖区内")
    mini.tap("裁定")
    mini.sees("该单位不能再退回")
    unit = next(u for u in office.api.get("/county").json["units"] if u["code"] == AT["lead"])  # type: ignore[index]
    mini.shown(mini.page.get_by_role("textbox", name="查找主办单位")).fill(unit["name"])
    mini.tap(f"主办单位：{unit['name']}")
    mini.sees(f"已选：{unit['name']}")
    office.write("理由", "现场在该单位辖区内。")
    mini.picture("office-ruling")
    mini.tap("确定裁定")
    mini.sees("待签收")

    mini = desk(phone_of(AT["lead"])).case(case["id"])
    mini.sees("裁定：现场在该单位辖区内。")
    mini.tap("签收")
    mini.sees("开始整改")
    assert not mini.page.get_by_label("退回", exact=True).count()


def test_somebody_was_faster_and_nothing_typed_is_lost(desk: Callable[[str], Desk], build: Build) -> None:
    case_id, _ = build.case("rectifying")
    office = desk(OFFICE)
    mini = office.case(case_id)
    mini.tap("督办")
    office.write("督办要求", "三日内清完。")
    assert office.api.act(case_id, "remind", reason="请抓紧").status_code == 200
    mini.tap("确定督办")
    mini.sees("您填写时，案件有了变化")
    mini.sees("催办")
    mini.picture("official-conflict")
    box = mini.shown(mini.page.get_by_role("textbox", name="督办要求", exact=True))
    assert box.input_value() == "三日内清完。"
    mini.tap("确定督办")
    mini.sees("前回复")
    assert len(office.api.get(f"/cases/{case_id}").json["supervisions"]) == 1  # type: ignore[index]


def test_a_closed_case_is_looked_back_on_at_its_place(desk: Callable[[str], Desk], build: Build) -> None:
    case_id, _ = build.case("closed")
    office = desk(OFFICE)
    mini = office.case(case_id)
    mini.tap("回头看反弹")
    mini.sees("案件重新回到整改，开始新的期限，并发出督办函。")
    mini.tap("确定回头看反弹")
    mini.sees("请拍照：现场照片。")
    mini.sees("请定位：您所在的位置。")
    office.photograph()
    mini.agree_to_privacy()
    mini.shown(mini.page.get_by_label("第1张照片", exact=False)).wait_for()
    mini.tap("用手机定位")
    mini.sees("已定位，误差约 8 米")
    mini.tap("填入：问题再次出现。")
    mini.tap("确定回头看反弹")
    mini.sees("反弹 1 次")
    assert office.api.get(f"/cases/{case_id}").json["state"] == "rectifying"  # type: ignore[index]


def test_each_fault_of_the_server_is_a_sentence_and_what_was_typed_stays(
    desk: Callable[[str], Desk], build: Build
) -> None:
    case_id, _ = build.case("rectifying")
    office = desk(OFFICE)
    mini = office.case(case_id)
    mini.tap("督办")
    office.write("督办要求", "三日内清完。")
    box = mini.shown(mini.page.get_by_role("textbox", name="督办要求", exact=True))
    for status, words in (
        (401, "请先登录"), (413, "内容太大"), (429, "操作太频繁"), (500, "系统出了点问题"), ("timeout", "网络太慢"),
    ):  # fmt: skip
        mini.turn(failures=[{"match": "/actions/", "status": status}])
        mini.tap("确定督办")
        mini.sees(words)
        assert box.input_value() == "三日内清完。"
    mini.turn(failures=[{"match": "/actions/", "status": "lost"}])
    mini.tap("确定督办")
    mini.settle()  # the server has it, its answer got lost
    mini.tap("确定督办")
    mini.sees("前回复")
    assert len(office.api.get(f"/cases/{case_id}").json["supervisions"]) == 1  # type: ignore[index]


@pytest.mark.parametrize("status", [429, 500, "timeout"], ids=str)
def test_an_officials_page_that_cannot_be_loaded_offers_another_try(
    desk: Callable[[str], Desk], build: Build, status: int | str
) -> None:
    case_id, _ = build.case("rectifying")
    mini = desk(OFFICE).open()
    for page, match in (
        (INBOX, "/api/v1/cases"),
        (f"packages/official/case/case?id={case_id}", "/events"),
        (f"packages/official/action/action?case={case_id}&action=remind", "/api/v1/cases/"),
        (f"packages/official/publication/publication?case={case_id}", "/publication"),
        ("packages/official/follow-ups/follow-ups", "/api/v1/follow-ups"),
        ("packages/official/deputies/deputies", "/api/v1/colleagues"),
        ("packages/official/handover/handover", "/api/v1/colleagues"),
    ):
        mini.settle()
        mini.turn(failures=[{"match": match, "status": status}])
        mini.visit(page)
        mini.tap("再试一次")
        mini.page.get_by_text("再试一次").locator("visible=true").first.wait_for(state="detached")


def test_what_was_typed_without_signal_is_there_again(desk: Callable[[str], Desk], build: Build) -> None:
    case_id, handler_api = build.case("rectifying")
    unit = handler_api.get(f"/cases/{case_id}").json["lead_unit"]  # type: ignore[index]
    handler = desk(phone_of(unit))
    mini = handler.case(case_id)
    mini.tap("申请延期")
    handler.write("理由", "连日降雨。")
    handler.pick_day("希望的新期限", handler.day(20))
    mini.page.evaluate("window.__PHONE__.setNetwork('none')")
    mini.tap("确定申请延期")
    mini.sees("现在没有网络")
    mini = handler.case(case_id)  # the app was killed meanwhile
    mini.tap("申请延期")
    assert mini.shown(mini.page.get_by_role("textbox", name="理由", exact=True)).input_value() == "连日降雨。"
    mini.tap("确定申请延期")
    mini.tap("撤回延期申请")
    mini.sees("期限仍是原来的")
    mini.tap("确定撤回延期申请")
    mini.sees("申请延期")
