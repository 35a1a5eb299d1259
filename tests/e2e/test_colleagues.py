"""Officials among themselves: a tapped notice opens what it is about, a deputy stands in, a head hands cases over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from tests.build import POINTS, Build, phone_of
from tests.e2e.conftest import MiniProgram
from tests.e2e.test_official import Desk
from tests.e2e.test_resident import at_home

LEAD = POINTS["inside_township"]["lead"]
ME = "pages/me/me"


@pytest.fixture
def desk(phone: Callable[..., MiniProgram], build: Build) -> Callable[[str], Desk]:
    return lambda number: Desk(phone(), build, number)


def test_a_tapped_notice_opens_the_case_and_is_read(desk: Callable[[str], Desk], build: Build) -> None:
    case_id, handler = build.case("assigned")
    mini = desk(phone_of(LEAD)).open(ME)
    mini.tap("未读，新交办案件，点开看")
    mini.sees("为什么在这里")
    number = handler.get(f"/cases/{case_id}").json["number"]  # type: ignore[index]
    mini.sees(number)
    mini.page.evaluate("document.getElementById('back').click()")
    mini.shown(mini.page.get_by_label("新交办案件，点开看", exact=True)).wait_for()
    assert handler.get("/notices").json["items"][0]["read_at"]  # type: ignore[index]


def test_a_residents_notice_opens_their_report(phone: Callable[..., MiniProgram], build: Build) -> None:
    build.case("accepted")
    mini = at_home(phone)
    mini.page.get_by_text("我的", exact=True).click()
    mini.tap("未读，您的举报已签收，点开看")
    mini.sees("河边倒了一堆垃圾。")
    mini.sees("补充")


def test_who_is_away_has_a_deputy_who_learns_of_it_and_the_days_off_are_marked(
    desk: Callable[[str], Desk], build: Build
) -> None:
    own = desk(phone_of(LEAD))
    people = own.api.get("/colleagues").json["items"]  # type: ignore[index]
    other = next(one for one in people if not one["me"])
    mini = own.open(ME)
    mini.tap("请人代办（B角）、移交")
    mini.sees("没有人请人代办。")
    mini.tap("确定请人代办")
    mini.sees("请选择：由谁代办。")
    mini.shown(mini.page.get_by_label(f"代办：{other['name']}", exact=False)).click()
    mini.shown(mini.page.get_by_label("从哪天起：", exact=False)).click()
    mini.shown(mini.page.get_by_label("6月19日，周五，节假日", exact=True)).click()
    mini.sees("（这天休息），从明天算起有 13 个工作日")
    mini.picture("days")
    mini.shown(mini.page.get_by_label("6月3日，周三", exact=True)).click()
    mini.tap("就选这天")
    own.pick_day("到哪天止", date(2026, 6, 5))
    mini = own.open("packages/official/deputies/deputies")  # the app was killed meanwhile
    mini.tap("填入：年休假")
    mini.picture("deputies-filled")
    mini.tap("确定请人代办")
    mini.sees("还没开始")
    mini.sees("6月3日，周三 到 6月5日，周五")
    assert not mini.page.get_by_label("谁不在岗", exact=True).count(), "a handler decides for themselves alone"

    deputy = desk(phone_of(LEAD, "单位负责人"))
    mini = deputy.open(ME)
    mini.tap("未读，设置B角，点开看")
    mini.shown(mini.page.get_by_label("提前结束", exact=False)).click()
    mini.page.get_by_role("alertdialog").get_by_role("button", name="结束", exact=True).click()
    mini.sees("没有人请人代办。")


def test_a_head_hands_over_what_a_leaver_has_not_finished(desk: Callable[[str], Desk], build: Build) -> None:
    case_id, handler = build.case("accepted")
    assert handler.act(case_id, "claim").status_code == 200
    head = desk(phone_of(LEAD, "单位负责人"))
    people = {one["titles"][0]: one for one in head.api.get("/colleagues").json["items"]}  # type: ignore[index]
    giver, taker = people["经办人"]["name"], people["单位负责人"]["name"]
    mini = head.open("packages/official/deputies/deputies")
    mini.tap("有人调离，移交案件")
    mini.tap(f"移交：{giver}（经办人）")
    mini.shown(mini.page.get_by_label(f"接手：{taker}", exact=False)).click()
    mini.tap("填入：退休")
    mini.tap("看会移交什么")
    mini.sees(f"1 件没有办结的案件交给{taker}")
    assert handler.get(f"/cases/{case_id}").status_code == 200, "only tried so far"
    mini.page.get_by_role("alertdialog").get_by_role("button", name="移交", exact=True).click()
    mini.sees("移交好了")
    case = head.api.get(f"/cases/{case_id}").json
    assert case is not None
    assert case["assignments"][0]["handler"]["name"] == taker
    assert handler.get(f"/cases/{case_id}").status_code in (403, 404), "who has left handles nothing"


def test_a_handler_is_told_that_the_head_hands_over(desk: Callable[[str], Desk], build: Build) -> None:
    mini = desk(phone_of(LEAD)).open("packages/official/handover/handover")
    mini.sees("移交由单位负责人办理")
