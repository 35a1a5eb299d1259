"""A phone in a browser: the built mini program in headless Chromium, against the real application and services."""

from __future__ import annotations

import base64
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from playwright.sync_api import Browser, Locator, Page, TimeoutError  # noqa: A004
from werkzeug.serving import make_server

from backend.jobs import drain
from backend.local.phone import MOUNT, create_phone, with_phone
from tests.build import QINGYUAN, Build

_DRAIN_EVERY_S = 0.2


@pytest.fixture(scope="session")
def site(app: APIFlask, wechat_url: str, settings_env: dict[str, str]) -> Iterator[str]:
    """The application with the phone beside it, at an address of its own."""
    phone = create_phone(wechat_url, settings_env["S3_PUBLIC_URL"], QINGYUAN)
    server = make_server("127.0.0.1", 0, with_phone(app.wsgi_app, phone), threaded=True)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def worker(app: APIFlask, build: Build) -> Iterator[None]:
    """Somebody answers the bell while the test clicks, as the worker process does."""
    over = threading.Event()

    def work() -> None:
        with app.app_context():
            while not over.wait(_DRAIN_EVERY_S):
                drain()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


class MiniProgram:
    """The mini program on one simulated phone. `faults` must stay empty."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site

    def open(self, url: str = "pages/home/home") -> None:
        """Start, or kill and start again, at a page."""
        self.page.goto(f"{self.site}{MOUNT}/app.html#{url}")
        self.page.reload()
        self.page.wait_for_function("window.__READY__ === true")

    def visit(self, url: str) -> None:
        """Leave whatever is open for this page, without starting anew."""
        self.page.evaluate("(url) => window.wx.reLaunch({ url })", f"/{url}")

    def settle(self) -> None:
        """Wait until every request has its answer and the page shows what came."""
        self.page.wait_for_function(
            """window.__PHONE__.asking === 0 && !document.body.innerText.includes('正在加载')
               && [...document.images].every((image) => image.complete)"""
        )

    def turn(self, **knobs: Any) -> None:
        """Set knobs of the simulated phone (testhost/runtime/phone.js)."""
        self.page.evaluate("(knobs) => Object.assign(window.__PHONE__, knobs)", knobs)

    def take_photos(self, *pictures: bytes) -> None:
        """Lay ready what the camera will give next."""
        files = [base64.b64encode(picture).decode() for picture in pictures]
        self.page.evaluate(
            """(files) => files.forEach((text, n) => window.__PHONE__.album.push(new File(
                [Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))], `p${n}.jpg`, { type: 'image/jpeg' })))""",
            files,
        )

    def tap(self, name: str) -> None:
        """Tap what a screen reader would call so."""
        self.shown(self.page.get_by_label(name, exact=True)).click()

    def agree_to_privacy(self) -> None:
        self.page.locator("#privacy-agree, [data-id=privacy-agree]").or_(
            self.page.get_by_text("同意", exact=True)
        ).first.click()

    def sees(self, words: str) -> None:
        try:
            self.shown(self.page.get_by_text(words)).wait_for()
        except TimeoutError as late:
            shown = f"{self.page.inner_text('body')}\nfaults: {self.faults}"
            raise AssertionError(f"“{words}” does not appear; the phone shows:\n{shown}") from late

    @staticmethod
    def shown(found: Locator) -> Locator:
        """The one that can be seen: the pages below the top one are still in the document."""
        return found.locator("visible=true").first

    def picture(self, name: str) -> None:
        """A screenshot into the folder of QINGHE_SCREENSHOTS, when somebody wants to look."""
        folder = os.environ.get("QINGHE_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    @property
    def faults(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.__FAULTS__ ?? []")
        return found


@pytest.fixture
def phone(browser: Browser, site: str, build: Build, worker: None) -> Iterator[Callable[..., MiniProgram]]:
    """A function that gives a phone of its own to whoever asks; at the end none may have seen a fault."""
    opened: list[tuple[MiniProgram, Any]] = []

    def new(width: int = 375, height: int = 740, **context: Any) -> MiniProgram:
        held = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=True, locale="zh-CN", timezone_id="Asia/Shanghai",
            **context,
        )  # fmt: skip
        opened.append((MiniProgram(held.new_page(), site), held))
        return opened[-1][0]

    yield new
    faults = [fault for used, _ in opened for fault in used.faults]
    for _, held in opened:
        held.close()
    assert not faults


@pytest.fixture
def pictures() -> Iterator[Path]:
    """A folder for the photos that the simulated camera takes."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
