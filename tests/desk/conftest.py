"""A browser at the desk: headless Chromium against the real application and services; axe looks every page over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.browser import wcag_faults
from tests.build import OFFICE, Build
from tests.e2e.conftest import phone, site, worker

__all__ = ["phone", "site", "worker"]


class Screen:
    """One browser window at the desk. Nothing may be logged as an error, above all no breach of the page's policy."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, line: ConsoleMessage) -> None:
        # That a page was answered with 4xx is the test's affair; what is blocked or breaks is a fault.
        if line.type == "error" and "the server responded with a status of 4" not in line.text:
            self.errors.append(line.text)

    def open(self, path: str = "/desk/") -> Screen:
        self.page.goto(f"{self.site}{path}")
        return self

    def press(self, name: str, role: str = "button") -> None:
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def sees(self, words: str) -> None:
        try:
            self.page.get_by_text(words).locator("visible=true").first.wait_for(timeout=10_000)
        except Exception as late:
            raise AssertionError(f"“{words}” does not appear at {self.page.url}:\n{self.text()}") from late

    def text(self) -> str:
        return self.page.inner_text("body")

    def wcag(self) -> None:
        """Every rule of WCAG 2.2 AA that axe knows. Run beside the page's policy, which lets no foreign script in."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Page.setBypassCSP", {"enabled": True})
        wrong = wcag_faults(self.page)
        assert not wrong, "\n".join(wrong)

    def picture(self, name: str, full: bool = True) -> None:
        """A screenshot into the folder of QINGHE_SCREENSHOTS, when somebody wants to look."""
        folder = os.environ.get("QINGHE_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"desk-{name}.png", full_page=full)

    def looks_right(self, name: str) -> None:
        """Accessible, and never wider than the screen of an office or a tablet."""
        self.wcag()
        wide = self.page.viewport_size
        for size in ({"width": 1366, "height": 768}, {"width": 820, "height": 1180}):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{name} is {over} px too wide at {size}"
            self.picture(name if size["width"] == 1366 else f"{name}-tablet")
        if wide:
            self.page.set_viewport_size(wide)


@pytest.fixture
def screen(browser: Browser, site: str, build: Build) -> Iterator[Callable[..., Screen]]:
    """A function that gives a browser, signed in as whoever has this phone number; None: as nobody yet."""
    opened: list[tuple[Screen, Any]] = []

    def new(number: str | None = OFFICE, **context: Any) -> Screen:
        held = browser.new_context(
            viewport={"width": 1366, "height": 768}, locale="zh-CN", timezone_id="Asia/Shanghai", **context
        )
        if number is not None:
            token = build.desk_token(number)
            held.add_cookies([{"name": "qinghe_desk", "value": token, "domain": "127.0.0.1", "path": "/desk"}])
        opened.append((Screen(held.new_page(), site), held))
        return opened[-1][0]

    yield new
    errors = [error for used, _ in opened for error in used.errors]
    for _, held in opened:
        held.close()
    assert not errors
