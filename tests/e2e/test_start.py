"""The mini program starts, and its pages do what they say."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import MiniProgram


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
