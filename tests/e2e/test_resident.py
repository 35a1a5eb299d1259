"""A resident with a phone: reports, follows, rates; without permission, without signal, without a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backend.local.pictures import make_jpeg
from tests.build import POINTS, Build, Phone
from tests.e2e.conftest import MiniProgram

AT = POINTS["inside_township"]
PLACE = {"latitude": AT["lat"], "longitude": AT["lon"], "accuracy": 8, "speed": 0, "altitude": 1890}


def start_report(mini: MiniProgram, kind: str = "垃圾倾倒", text: str = "河边倒了一堆垃圾。", photos: int = 1) -> None:
    mini.tap("我要举报")
    mini.agree_to_privacy()
    mini.tap(kind)
    for n in range(photos):
        mini.take_photos(make_jpeg(640, 480, text="river", seed=n + 1))
        mini.tap("拍照或选照片")
        mini.page.get_by_label(f"第{n + 1}张照片", exact=False).first.wait_for()
    mini.page.get_by_role("textbox", name="看到了什么").fill(text)


def routed(mini: MiniProgram, office: Phone) -> dict[str, Any]:
    """The one case on the ledger, once the worker has routed it."""
    for _ in range(100):
        case: dict[str, Any] = office.get("/cases").json["items"][0]  # type: ignore[index]
        if case["state"] != "submitted":
            return case
        mini.page.wait_for_timeout(100)
    raise AssertionError("nobody has routed the report")


def at_home(phone: Callable[..., MiniProgram], **knobs: Any) -> MiniProgram:
    mini = phone()
    mini.open()
    mini.turn(user="resident", place=PLACE, **knobs)
    return mini


def test_an_anonymous_report_leaves_no_account_and_is_followed_by_its_code(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    mini = at_home(phone)
    start_report(mini)
    mini.page.get_by_label("匿名：", exact=False).click()
    mini.tap("提交举报")
    mini.sees("您选的是匿名")
    code = (
        mini.page.locator(".receipts--code, .code")
        .or_(mini.page.get_by_label("回执码 ", exact=False))
        .first.inner_text()
    )
    assert build.office().get("/cases").json["items"]

    other = phone()
    other.open()
    other.page.get_by_text("用回执码查", exact=True).click()
    other.page.get_by_role("textbox", name="回执码").fill(code.lower())
    other.tap("查进展")
    other.sees("河边倒了一堆垃圾。")


def test_without_signal_the_report_waits_and_goes_out_by_itself(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    mini = at_home(phone)
    start_report(mini)
    mini.page.evaluate("window.__PHONE__.setNetwork('none')")
    mini.tap("提交举报")
    mini.sees("现在没有网络")
    assert build.office().get("/cases").json["items"] == []
    mini.open()  # the app was killed meanwhile
    mini.turn(user="resident", place=PLACE)
    mini.page.get_by_text("用回执码查", exact=True).click()
    mini.sees("这部手机上的回执")
    assert len(build.office().get("/cases").json["items"]) == 1


def test_who_refuses_the_location_sets_a_pin_by_hand(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = at_home(phone, answers={"scope.userLocation": False})
    start_report(mini)
    mini.sees("没有允许定位也没关系")
    mini.page.get_by_label("在地图上标出位置", exact=False).click()
    mini.sees("拖动地图")
    mini.picture("place")
    mini.tap("就是这里")
    mini.sees("位置已在地图上标好")
    mini.tap("提交举报")
    mini.sees("已经收到，编号 QH-")


def test_what_is_missing_is_said_and_nothing_typed_is_lost(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = at_home(phone)
    mini.tap("我要举报")
    mini.agree_to_privacy()
    mini.tap("提交举报")
    mini.sees("请先选是什么问题。")
    mini.page.get_by_role("textbox", name="看到了什么").fill("半夜排黑水")
    mini.open()
    mini.tap("我要举报")
    mini.sees("接着上次没写完的")
    assert mini.page.get_by_role("textbox", name="看到了什么").input_value() == "半夜排黑水"


def test_each_fault_of_the_server_is_a_sentence_with_a_way_on(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = at_home(phone)
    start_report(mini)
    mini.turn(failures=[{"match": "/reports", "status": fault} for fault in (500, 429, "timeout")])
    mini.tap("提交举报")
    mini.sees("系统出了点问题")
    mini.tap("现在发送")
    mini.sees("操作太频繁")
    mini.tap("现在发送")
    mini.sees("网络太慢")
    mini.tap("现在发送")
    mini.sees("已经收到，编号 QH-")
    assert len(build.office().get("/cases").json["items"]) == 1
