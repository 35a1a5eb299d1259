"""The mini program starts, and its pages do what they say."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import MiniProgram


def test_the_home_page_opens_without_signing_in(phone: Callable[..., MiniProgram]) -> None:
    mini = phone()
    mini.open()
    mini.page.get_by_text("我要举报").click()
    assert mini.page.get_by_text("我要举报 1").is_visible()
