"""For everybody's eyes and thumbs: names, sizes, contrast, dark ground, large type, narrow phones; page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.build import Build
from tests.e2e.conftest import MiniProgram

PAGES = [
    "pages/home/home", "pages/me/me", "pages/privacy/privacy", "packages/resident/report/report",
    "packages/resident/place/place", "packages/resident/receipts/receipts", "packages/resident/detail/detail",
    "packages/resident/mine/mine", "packages/account/closing/closing", "packages/public/list/list",
    "packages/public/case/case", "packages/public/reaches/reaches", "packages/public/board/board",
]  # fmt: skip
# What can be tapped: it has a name that a screen reader says, and is no smaller than a thumb.
_LOOK = """() => {
  const seen = (node) => { const box = node.getBoundingClientRect(); return box.width > 0 && box.height > 0 }
  const roles = ['button', 'link', 'radio', 'checkbox', 'textbox', 'switch', 'tab']
  const faults = []
  const say = (node, what) => faults.push(`${node.outerHTML.slice(0, 160)}: ${what}`)
  const controls = [...document.querySelectorAll('#pages *')].filter((node) => seen(node) && (
    roles.includes(node.getAttribute('role')) || ['INPUT', 'TEXTAREA'].includes(node.tagName)))
  for (const node of controls) {
    const outer = node.closest('wx-input, wx-textarea') ?? node
    const named = [node, outer].some((one) => one.getAttribute('aria-label')) || node.innerText?.trim()
    if (!named) say(node, 'has no name')
    const box = outer.getBoundingClientRect()
    if (Math.min(box.width, box.height) < 43.5) say(node, `is ${box.width.toFixed(0)} x ${box.height.toFixed(0)}`)
  }
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0)
  const grounds = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const style = getComputedStyle(one)
      const drawn = style.backgroundImage.match(/rgba?\\([^)]*\\)/g)
      if (drawn) return drawn.map(rgb)
      const ground = rgb(style.backgroundColor)
      if (ground.length && (ground[3] ?? 1) > 0.9) return [ground]
    }
    return [[255, 255, 255]]
  }
  const walker = document.createTreeWalker(document.getElementById('pages'), NodeFilter.SHOW_TEXT)
  for (let text; (text = walker.nextNode());) {
    const node = text.parentElement
    if (!text.data.trim() || !seen(node) || node.closest('wx-map, svg, style, [aria-disabled=true]')) continue
    const style = getComputedStyle(node)
    const size = parseFloat(style.fontSize)
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
    for (const ground of grounds(node)) {
      const [a, b] = [light(rgb(style.color)), light(ground)].sort((x, y) => y - x)
      const ratio = (a + 0.05) / (b + 0.05)
      if (ratio < needed) say(node, `contrast ${ratio.toFixed(2)} of ${style.color} on rgb(${ground.slice(0, 3)})`)
    }
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) {
    const right = (node) => node.getBoundingClientRect().right
    const wide = [...document.querySelectorAll('#pages *')].filter((node) => right(node) > innerWidth + 1)
    say(wide.at(-1) ?? document.body, 'is wider than the phone')
  }
  return [...new Set(faults)]
}"""


@pytest.fixture
def things(build: Build) -> dict[str, str]:
    """Something to see on every page: page → its query."""
    shown = build.report(text="河边倒了一堆垃圾。", contact_name="王小明")
    case_id, handler = build.case("closed", at="bank_left")
    office = build.office()
    offered = office.get(f"/cases/{case_id}/publication").json["photos"]  # type: ignore[index]
    office.post(f"/cases/{case_id}/publication", {"photos": [one["photo"]["id"] for one in offered]})
    number = build.nobody().get("/public/cases").json["items"][0]["number"]  # type: ignore[index]
    reach = handler.get(f"/cases/{case_id}").json["reach"]  # type: ignore[index]
    return {
        "packages/resident/detail/detail": f"?code={shown['receipt_code']}",
        "packages/public/case/case": f"?number={number}",
        "packages/public/board/board": f"?code={reach}",
    }


def walk(mini: MiniProgram, things: dict[str, str], name: str) -> list[str]:
    """Open every page and tell what is wrong on it."""
    faults = []
    for page in PAGES:
        mini.open(f"{page}{things.get(page, '')}")
        mini.page.wait_for_function("!document.body.innerText.includes('正在加载')")
        mini.page.wait_for_load_state("networkidle")
        mini.picture(f"{page.rpartition('/')[2]}-{name}")
        faults += [f"{page}: {fault}" for fault in mini.page.evaluate(_LOOK)]
    return faults


@pytest.mark.parametrize("width", [320, 375, 430])
def test_every_control_has_a_name_and_room_for_a_thumb_and_text_is_read_in_the_sun(
    phone: Callable[..., MiniProgram], things: dict[str, str], width: int
) -> None:
    mini = phone(width=width)
    faults = walk(mini, things, str(width))
    assert not faults, "\n".join(faults)


def test_on_dark_ground_text_is_read_as_well(phone: Callable[..., MiniProgram], things: dict[str, str]) -> None:
    mini: Any = phone(color_scheme="dark")
    faults = walk(mini, things, "dark")
    assert not faults, "\n".join(faults)


def test_type_grows_with_what_is_set_in_wechat_and_nothing_runs_out_of_the_phone(
    phone: Callable[..., MiniProgram], things: dict[str, str]
) -> None:
    mini = phone(width=320)
    mini.open()
    size = "parseFloat(getComputedStyle(document.querySelector('.title, .motto, wx-text')).fontSize)"
    before = mini.page.evaluate(size)
    mini.page.add_init_script("addEventListener('DOMContentLoaded', () => window.__PHONE__?.setFontScale(1.4))")
    mini.open()
    assert mini.page.evaluate(size) == pytest.approx(before * 1.4, rel=0.01)
    faults = walk(mini, things, "large")
    assert not faults, "\n".join(faults)
