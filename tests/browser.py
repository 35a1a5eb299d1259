"""The one browser of a test process: Playwright's loop lets no second one run beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from backend.local.phone import HOST_FILES

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_AXE = Path(__file__).parent.parent / "backend" / "desk" / "assets" / "node_modules" / "axe-core" / "axe.min.js"
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def wcag_faults(page: Page, where: str = "html", without: tuple[str, ...] = ()) -> list[str]:
    """What breaks a rule of WCAG 2.2 AA that axe knows, inside of what `where` selects; `without`: rules left out."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_AXE.read_text("utf-8"))
    rules = {name: {"enabled": False} for name in without}
    found: dict[str, Any] = page.evaluate(
        """([where, tags, rules]) => axe.run(
            where, { runOnly: { type: 'tag', values: tags }, rules, resultTypes: ['violations'] })""",
        [where, _WCAG, rules],
    )
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "浏览器测试需要 Chromium 和中文字体：apt-get install chromium fonts-noto-cjk"
    assert HOST_FILES.is_dir(), "小程序还没有构建：make miniprogram"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield running
        running.close()
