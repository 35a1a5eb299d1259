"""The mini program starts, and its pages do what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from backend.county import County
from tests.build import Build
from tests.e2e.conftest import MiniProgram
from tests.walks import chief


def test_the_home_page_opens_without_signing_in(phone: Callable[..., MiniProgram]) -> None:
    mini = phone()
    mini.open()
    mini.sees("清源县")
    mini.tap("我要举报")
    mini.sees("什么问题")


def test_the_frame_offers_people_places_and_a_phone(phone: Callable[..., MiniProgram]) -> None:
    mini = phone(width=1200, height=900)
    mini.page.goto(f"{mini.site}/")
    screen = mini.page.frame_locator("#screen")
    screen.get_by_text("我要举报").wait_for()
    assert mini.page.locator("#person option").count() > 100
    mini.page.get_by_label("用谁的手机").select_option(index=1)
    screen.get_by_text("我要举报").wait_for()
    mini.page.get_by_role("button", name="断开网络").click()
    assert mini.page.get_by_role("button", name="恢复网络").is_visible()


def test_in_the_frame_a_chief_walks_a_reach_in_a_hurry(
    phone: Callable[..., MiniProgram], build: Build, county: County
) -> None:
    who = chief()
    mini = phone(width=1200, height=900)
    mini.page.goto(f"{mini.site}/phone/frame.css")
    kept = json.dumps({"ahead": (build.clock() - datetime.now(UTC)) / timedelta(milliseconds=1)})
    mini.page.evaluate("(kept) => localStorage.setItem('frame:phone', kept)", kept)
    mini.page.goto(f"{mini.site}/")
    mini.page.frame_locator("#screen").get_by_text("我要举报").wait_for()
    names = mini.page.locator("#person option").all_inner_texts()
    mine = next(n for n, name in enumerate(names) if name.startswith("村级河长"))  # the same as chief()
    with mini.page.expect_event("framenavigated"):  # another's phone: it starts anew
        mini.page.get_by_label("用谁的手机").select_option(index=mine)
    screen = mini.page.frame_locator("#screen")
    screen.get_by_text("我的", exact=True).click()
    screen.get_by_text("用微信手机号验证", exact=True).click()
    screen.get_by_text("同意", exact=True).click()
    screen.get_by_text("村级河长 ·").wait_for()
    screen.get_by_label("返回").click()
    screen.get_by_label("巡河", exact=True).click()
    screen.get_by_label("开始巡河", exact=True).click()
    first = screen.get_by_role("checkbox").first
    first.wait_for()
    if first.get_attribute("aria-checked") == "false":  # the phone lies far from the chief's reach
        first.click()
    screen.locator(".wx-page[data-page$='start/start']").get_by_label("开始巡河", exact=True).click()
    screen.get_by_label("结束巡河", exact=True).wait_for()
    reach = county.reach_by_code[who.reaches[0]].name
    mini.page.get_by_label("沿河段走").select_option(label=reach)
    mini.page.get_by_label("快慢").select_option("300")
    mini.page.get_by_role("button", name="开始走").click()
    assert mini.page.get_by_role("button", name="恢复网络").is_visible()
    screen.get_by_text("时间和路程都够了").wait_for()
    mini.page.get_by_role("button", name="停下").click()
    assert mini.page.get_by_role("button", name="断开网络").is_visible()
    screen.get_by_label("结束巡河", exact=True).click()
    screen.get_by_role("alertdialog").get_by_role("button", name="结束", exact=True).click()
    screen.get_by_text("这次巡河有效").wait_for()  # although the phone's clock is far ahead of the server's now
    screen.get_by_text("手机时间快了", exact=False).wait_for()
