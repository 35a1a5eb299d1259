"""The browser host itself: each built-in element does what WeChat's does, and what must not happen is found.

One page per element, built and compiled as the real ones are. An element that a shipped page uses and no story here
tells of fails the first test.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

MINI = Path(__file__).parents[2] / "miniprogram"
NODE = Path(sys.executable).parent / "node"
# Every event is told as its name and the detail's value.
_SCRIPT = """Component({
  data: {
    log: [], on: false, items: ['甲', '乙', '丙'], point: [{ id: 7, latitude: 25, longitude: 102, title: '井' }],
  },
  methods: {
    told(event) {
      const { value, markerId, current, type, errMsg } = event.detail ?? {}
      const what = [value, markerId, current, type, errMsg].find((one) => one !== undefined)
      this.setData({ log: [...this.data.log, `${event.type}:${what ?? ''}`] })
    },
    turn() { this.setData({ on: !this.data.on }) },
    missing() { wx.readMinds() },
    rejected() { Promise.reject(new Error('nobody catches me')) },
    thrown() { throw new Error('nobody catches me') },
  },
})"""
FITS = "document.querySelector('wx-image img').style.objectFit === 'cover'"
GROWN = "getComputedStyle(document.querySelector('.t')).fontSize === '20px'"
_SHOWN = '<view id="log" aria-label="log">{{ log }}</view>'


@dataclass(frozen=True)
class Story:
    """`template` is a page; `act` does something to it, after which `log` has been told, or `act` says what is so."""

    template: str
    act: Callable[[Page], Any]
    log: str = ""


def by(label: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_label(label).first.click()


def typed(page: Page) -> None:
    page.get_by_role("textbox", name="写").fill("河里有油")


def dragged(page: Page) -> None:
    box = page.locator("wx-map").bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=4)
    page.mouse.up()


STORIES: dict[str, Story] = {
    "view": Story('<view aria-role="button" aria-label="按" aria-expanded="{{ on }}" '
                  'bind:tap="told">按</view>', by("按"),
                  "tap:"),
    "text": Story("<text>河长</text>", lambda page: page.get_by_text("河长").wait_for()),
    "button": Story('<button aria-label="不行" disabled bind:tap="told">1</button><button bind:tap="told">行</button>',
                    lambda page: (page.get_by_label("不行").click(force=True),
                                  page.get_by_role("button", name="行", exact=True).click()), "tap:"),
    "image": Story('<image aria-label="图" src="nowhere.png" mode="aspectFill" bind:error="told" />',
                   lambda page: page.wait_for_function(FITS),
                   "error:GET"),
    "input": Story('<input aria-label="写" value="" maxlength="4" bind:input="told" bind:blur="told" />',
                   lambda page: (typed(page), page.get_by_label("写").last.blur()), "input:河里有油,blur:河里有油"),
    "textarea": Story('<textarea aria-label="写" auto-height bind:input="told" />', typed, "input:河里有油"),
    "label": Story('<label><text>名字</text><switch bind:change="told" /></label>',
                   lambda page: page.get_by_text("名字").click(), "change:true"),
    "map": Story('<map style="width:300px;height:200px" latitude="25" longitude="102" markers="{{ point }}" '
                 'bind:markertap="told" bind:regionchange="told" />',
                 lambda page: (by("井")(page), dragged(page)), "markertap:7,regionchange:begin,regionchange:end"),
    "page-meta": Story('<page-meta root-font-size="system" /><view class="t" style="font-size:1rem">字</view>',
                       lambda page: (page.evaluate("window.__PHONE__.setFontScale(1.25)"),
                                     page.wait_for_function(GROWN))),
    "switch": Story('<switch aria-label="开关" bind:change="told" />', by("开关"), "change:true"),
    "checkbox-group": Story('<checkbox-group bind:change="told"><checkbox value="a" aria-label="甲" />'
                            '<checkbox value="b" '
                            'aria-label="乙" /></checkbox-group>', lambda page: (by("甲")(page), by("乙")(page)),
                            "change:a,change:a,b"),
    "radio-group": Story('<radio-group bind:change="told"><radio value="a" aria-label="甲" /><radio value="b" '
                         'aria-label="乙" /></radio-group>', lambda page: (by("甲")(page), by("乙")(page)),
                         "change:a,change:b"),
    "slider": Story('<slider min="0" max="10" value="3" bind:change="told" />',
                    lambda page: page.locator("wx-slider input").press("ArrowRight"), "change:4"),
    "picker": Story('<picker range="{{ items }}" bind:change="told"><view>选一个</view></picker>',
                    lambda page: (page.get_by_text("选一个").click(), page.get_by_role("option", name="乙").click()),
                    "change:1"),
    "progress": Story('<progress percent="40" />',
                      lambda page: page.locator("wx-progress[aria-valuenow='40'][role=progressbar]").wait_for()),
    "rich-text": Story('<rich-text nodes="<b>粗</b>字" />', lambda page: page.get_by_text("粗字").wait_for()),
    "scroll-view": Story('<scroll-view scroll-y style="height:100px" bind:scrolltolower="told">'
                         '<view style="height:900px">长'
                         "</view></scroll-view>",
                         lambda page: page.evaluate("document.querySelector('wx-scroll-view').scrollTop = 900"),
                         "scrolltolower:"),
    "swiper": Story('<swiper style="height:100px" bind:change="told"><swiper-item>甲</swiper-item><swiper-item>乙'
                    "</swiper-item></swiper>",
                    lambda page: page.evaluate("document.querySelector('wx-swiper').scrollLeft = 9999"), "change:1"),
    "navigator": Story('<navigator url="/pages/view/view">去</navigator>',
                       lambda page: (page.get_by_role("link", name="去").click(), page.get_by_label("按").wait_for())),
}  # fmt: skip
# Told with their group, or holding others and nothing more.
WITH_OTHERS = {"checkbox", "radio", "swiper-item", "cover-view", "form", "block", "slot", "template", "wxs", "import"}
TROUBLE = {
    "missing": '<button bind:tap="missing">按</button>',
    "rejected": '<button bind:tap="rejected">按</button>',
    "thrown": '<button bind:tap="thrown">按</button>',
    "mistyped": '<map latitude="{{ items }}" longitude="102" />',
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mini program of one page per story, compiled for the browser."""
    root, out = tmp_path_factory.mktemp("stories"), tmp_path_factory.mktemp("host")
    pages = {**{tag: story.template for tag, story in STORIES.items()}, **TROUBLE}
    (root / "app.json").write_text(
        json.dumps({"pages": [f"pages/{name}/{name}" for name in pages], "componentFramework": "glass-easel"})
    )
    (root / "app.js").write_text("App({})")
    for name, template in pages.items():
        folder = root / "pages" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.json").write_text("{}")
        (folder / f"{name}.js").write_text(_SCRIPT, "utf-8")
        (folder / f"{name}.wxml").write_text(template + _SHOWN, "utf-8")
    code = "const { compileTo } = await import(process.argv[1]); compileTo(process.argv[2], process.argv[3])"
    compiler = (MINI / "testhost" / "compile" / "index.mjs").as_uri()
    command = [str(NODE), "--input-type=module", "-e", code, compiler, str(root), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 375, "height": 700})
    yield context.new_page()
    context.close()


def show(page: Page, host: Path, name: str) -> None:
    # Served, not opened as files: a browser tells nobody of a rejection in a script of another origin.

    def serve(route: Route) -> None:
        file = host / route.request.url.rpartition("/")[2]
        if file.is_file():
            route.fulfill(path=file)
        else:
            route.fulfill(status=404)

    page.route("http://phone.test/**", serve)
    page.goto(f"http://phone.test/app.html#pages/{name}/{name}")
    page.wait_for_function("window.__READY__ === true")


def faults(page: Page) -> list[str]:
    found: list[str] = page.evaluate("window.__FAULTS__")
    return found


def test_every_built_in_of_the_shipped_pages_has_a_story() -> None:
    known = set(re.findall(r"'([a-z-]+)'", (MINI / "testhost/runtime/builtins/names.js").read_text("utf-8")))
    used = {
        tag
        for file in (MINI / "dist").rglob("*.wxml")
        for tag in re.findall(r"<([a-z][a-z-]*)", file.read_text("utf-8"))
    }
    assert not (used & known) - STORIES.keys() - WITH_OTHERS


@pytest.mark.parametrize("tag", STORIES)
def test_a_built_in_does_what_wechats_does(page: Page, host: Path, tag: str) -> None:
    story = STORIES[tag]
    show(page, host, tag)
    story.act(page)
    if story.log:
        wanted = json.dumps(story.log, ensure_ascii=False)
        page.wait_for_function(
            f"document.querySelector('[aria-label=log]').textContent.replace(/\\s/g, '').includes({wanted})"
        )
    assert faults(page) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "wx.readMinds is missing in the host"),
        ("rejected", "nobody catches me"),
        ("thrown", "nobody catches me"),
        ("mistyped", "type-incompatible"),
    ],
)
def test_what_must_not_happen_is_a_fault_and_every_test_ends_by_asking(
    page: Page, host: Path, name: str, words: str
) -> None:
    show(page, host, name)
    if name != "mistyped":
        page.get_by_role("button", name="按").click()
    page.wait_for_function("window.__FAULTS__.length > 0")
    assert any(words in fault for fault in faults(page))
