"""What goes wrong is said in a sentence with a way on, and nothing that was typed is ever lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backend.local.pictures import make_jpeg
from tests.build import Build
from tests.e2e.conftest import MiniProgram
from tests.e2e.test_resident import at_home, start_report

TEXT = "桥下的管子半夜往河里排黑水。"
# What the server answers → what the phone says of it, and whether the same report may be sent again as it is.
ANSWERS: dict[int | str, tuple[str, bool]] = {
    401: ("请先登录", True),
    409: ("系统出了点问题", False),
    413: ("内容太大", False),
    429: ("操作太频繁", True),
    500: ("系统出了点问题", True),
    "timeout": ("网络太慢", True),
    "lost": ("网络太慢", True),
}


def fail_once(mini: MiniProgram, match: str, status: int | str) -> None:
    mini.turn(failures=[{"match": match, "status": status}])


@pytest.mark.parametrize("status", ANSWERS, ids=str)
def test_a_report_that_is_not_taken_is_kept_with_a_way_on(
    phone: Callable[..., MiniProgram], build: Build, status: int | str
) -> None:
    words, as_it_is = ANSWERS[status]
    mini = at_home(phone)
    start_report(mini, text=TEXT)
    fail_once(mini, "/api/v1/reports", status)
    mini.tap("提交举报")
    mini.sees(words)
    if as_it_is:
        mini.tap("现在发送")
    else:
        mini.tap("改一改再发")
        mini.sees("接着上次没写完的")
        assert mini.page.get_by_role("textbox", name="看到了什么").input_value() == TEXT
        mini.page.get_by_label("第1张照片", exact=False).first.wait_for()
        mini.tap("提交举报")
    mini.sees("已经收到，编号 QH-")
    cases = build.office().get("/cases").json["items"]  # type: ignore[index]
    assert len(cases) == 1


@pytest.mark.parametrize("where", ["/api/v1/photos", "_upload"], ids=["asking", "uploading"])
@pytest.mark.parametrize("status", [413, 500, "timeout"], ids=str)
def test_a_photo_that_does_not_go_up_keeps_its_report(
    phone: Callable[..., MiniProgram], build: Build, where: str, status: int | str
) -> None:
    mini = at_home(phone)
    start_report(mini, text=TEXT)
    fail_once(mini, where, status)
    mini.tap("提交举报")
    mini.shown(mini.page.get_by_role("button", name="发")).wait_for()
    assert build.office().get("/cases").json["items"] == []  # type: ignore[index]
    again = "改一改再发" if mini.page.get_by_label("改一改再发").locator("visible=true").count() else "现在发送"
    mini.tap(again)
    if again == "改一改再发":
        assert mini.page.get_by_role("textbox", name="看到了什么").input_value() == TEXT
        mini.tap("提交举报")
    mini.sees("已经收到，编号 QH-")


PAGES = {
    "packages/resident/mine/mine": "/api/v1/reports",
    "packages/public/list/list": "/api/v1/public/cases",
    "packages/public/reaches/reaches": "/api/v1/public/reaches",
    "packages/account/closing/closing": "/api/v1/account",
    "pages/me/me": "/api/v1/notices",
}


@pytest.mark.parametrize("status", [401, 429, 500, "timeout"], ids=str)
def test_a_page_that_cannot_be_loaded_offers_another_try(
    phone: Callable[..., MiniProgram], build: Build, status: int | str
) -> None:
    mini = phone()
    mini.open()
    mini.turn(user="resident")
    for address, match in PAGES.items():
        mini.settle()
        fail_once(mini, match, status)
        mini.visit(address)
        mini.tap("再试一次")
        mini.page.get_by_text("再试一次").locator("visible=true").first.wait_for(state="detached")


def test_who_refused_the_camera_is_shown_the_settings_and_loses_nothing(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    refused: dict[str, Any] = {"scope.camera": False}
    mini = at_home(phone, answers=refused, picks="camera", settings={"scope.camera": True})
    start_report(mini, text=TEXT, photos=0)
    mini.take_photos(make_jpeg(640, 480, text="river", seed=1))
    mini.tap("拍照或选照片")
    mini.sees("没有允许使用相机或相册")
    mini.page.get_by_text("去设置", exact=True).click()
    mini.tap("拍照或选照片")
    mini.page.get_by_label("第1张照片", exact=False).first.wait_for()
    assert mini.page.get_by_role("textbox", name="看到了什么").input_value() == TEXT


def test_a_closing_that_fails_says_so_and_keeps_the_word(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = phone()
    mini.open()
    mini.turn(user="resident")
    mini.page.evaluate("window.wx.navigateTo({ url: '/packages/account/closing/closing' })")
    field = mini.page.get_by_role("textbox", name="输入“注销”来确认")
    field.fill("注销")
    fail_once(mini, "/api/v1/account/closing", 500)
    mini.tap("注销账号")
    mini.sees("系统出了点问题")
    assert field.input_value() == "注销"
    mini.tap("注销账号")
    mini.sees("账号已注销")
