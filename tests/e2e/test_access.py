"""For everybody's eyes and thumbs: names, sizes, contrast, dark ground, large type, narrow phones; page by page."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from backend.county import County
from tests.build import OFFICE, Build, phone_of
from tests.e2e.conftest import MiniProgram
from tests.e2e.eyes import looked_over
from tests.e2e.test_chief import ChiefsPhone
from tests.e2e.test_official import Desk
from tests.walks import Sender, chief

APP = json.loads((Path(__file__).parents[2] / "miniprogram" / "src" / "app.json").read_text("utf-8"))
ANYBODY = [
    "pages/home/home", "pages/me/me", "pages/privacy/privacy", "packages/resident/report/report",
    "packages/resident/place/place", "packages/resident/receipts/receipts", "packages/resident/detail/detail",
    "packages/resident/mine/mine", "packages/account/closing/closing", "packages/public/list/list",
    "packages/public/case/case", "packages/public/reaches/reaches", "packages/public/board/board",
]  # fmt: skip
CHIEF = [
    "packages/chief/duties/duties", "packages/chief/start/start", "packages/chief/walk/walk",
    "packages/chief/finding/finding", "packages/chief/queue/queue", "packages/chief/patrol/patrol",
]  # fmt: skip
OFFICIAL = [
    "packages/official/inbox/inbox", "packages/official/case/case", "packages/official/action/action",
    "packages/official/follow-ups/follow-ups", "packages/official/desk-sign-in/desk-sign-in",
    "packages/official/deputies/deputies", "packages/official/handover/handover",
    "packages/official/publication/publication",
]  # fmt: skip


def test_no_page_of_the_mini_program_is_left_out() -> None:
    subpackages = [f"{one['root']}/{page}" for one in APP["subPackages"] for page in one["pages"]]
    assert sorted([*ANYBODY, *CHIEF, *OFFICIAL]) == sorted([*APP["pages"], *subpackages])


class Eyes:
    """Looks pages over one after the other; all that is wrong is told at once."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.seen: set[str] = set()

    def on(self, mini: MiniProgram, page: str, query: str = "", name: str = "") -> None:
        mini.visit(f"{page}{query}")
        self.rest_on(mini, page, name)

    def rest_on(self, mini: MiniProgram, page: str, name: str = "") -> None:
        """The page that is shown already."""
        self.seen.add(page)
        self.faults += looked_over(mini, name or page.rpartition("/")[2])

    def have_seen(self, *pages: str) -> None:
        assert not self.faults, "\n".join(self.faults)
        assert self.seen >= set(pages)


@pytest.fixture
def eyes() -> Eyes:
    return Eyes()


@pytest.fixture
def things(build: Build) -> dict[str, str]:
    """Something to see on every page that anybody may open: page → its query."""
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


def test_pages_that_anybody_opens(phone: Callable[..., MiniProgram], things: dict[str, str], eyes: Eyes) -> None:
    mini = phone()
    mini.open()
    for page in ANYBODY:
        eyes.on(mini, page, things.get(page, ""))
    eyes.have_seen(*ANYBODY)


def test_pages_of_a_river_chief(phone: Callable[..., MiniProgram], build: Build, county: County, eyes: Eyes) -> None:
    sender = Sender(build, county)
    sent = sender.walk(metres=60)
    sender.send(sent)
    own = ChiefsPhone(phone(), build, county, chief())
    own.open("pages/me/me")
    mini = own.mini
    mini.sees("村级河长")
    eyes.on(mini, "pages/home/home", name="home-chief")
    eyes.on(mini, "packages/chief/patrol/patrol", f"?id={sent.id}")
    mini.sees("没有达到要求")
    eyes.on(mini, "packages/chief/start/start")
    mini.visit("pages/home/home")
    mini.turn(privacyAgreed=True)
    own.begin(consent=False)
    own.go(2)
    own.signal("none")
    own.photo(1)
    mini.tap("拍照")
    mini.sees("照片存好了，共 1 张")
    eyes.rest_on(mini, "packages/chief/walk/walk")
    mini.tap("发现问题")
    mini.tap("垃圾倾倒")
    own.take(2)
    mini.tap("当场处理好了")
    eyes.rest_on(mini, "packages/chief/finding/finding")
    eyes.on(mini, "packages/chief/duties/duties")
    eyes.on(mini, "packages/chief/queue/queue")
    eyes.have_seen(*CHIEF)


def test_pages_of_an_official(phone: Callable[..., MiniProgram], build: Build, eyes: Eyes) -> None:
    case_id, handler = build.case("rectifying")
    office = build.office()
    unit = handler.get(f"/cases/{case_id}").json["lead_unit"]  # type: ignore[index]
    assert office.act(case_id, "supervise", demands="三日内清完，并说明为什么拖到现在。").status_code == 200
    assert office.act(case_id, "remind", reason="请抓紧").status_code == 200
    later = (build.clock() + timedelta(days=20)).isoformat()
    asked = handler.act(case_id, "ask_extension", reason="连日降雨，现场无法施工。", rectify_by=later)
    assert asked.status_code == 200, asked.json
    mini = Desk(phone(), build, phone_of(unit)).open()
    eyes.rest_on(mini, "packages/official/inbox/inbox")
    eyes.on(mini, "pages/home/home", name="home-official")
    eyes.on(mini, "pages/me/me", name="me-official")
    eyes.on(mini, "packages/official/case/case", f"?id={case_id}", "case-unit")
    for action in ("request_closure", "reply_supervision"):
        eyes.on(mini, "packages/official/action/action", f"?case={case_id}&action={action}", f"action-{action}")
    eyes.on(mini, "packages/official/desk-sign-in/desk-sign-in")
    head = Desk(phone(), build, phone_of(unit, "单位负责人")).open("packages/official/handover/handover")
    eyes.rest_on(head, "packages/official/handover/handover")
    eyes.on(head, "packages/official/deputies/deputies")
    head.shown(head.page.get_by_label("从哪天起：", exact=False)).click()
    eyes.rest_on(head, "packages/official/deputies/deputies", "day-picker")
    eyes.have_seen("packages/official/inbox/inbox", "packages/official/case/case")


def test_pages_of_the_county_office(phone: Callable[..., MiniProgram], build: Build, eyes: Eyes) -> None:
    case_id, _ = build.case("closed")
    triage_id, _ = build.case("triage", at="outside_county", category="sand_mining")
    mini = Desk(phone(), build, OFFICE).open()
    eyes.rest_on(mini, "packages/official/inbox/inbox", "inbox-office")
    eyes.on(mini, "packages/official/case/case", f"?id={case_id}", "case-office")
    eyes.on(mini, "packages/official/follow-ups/follow-ups")
    for case, action in ((triage_id, "assign"), (triage_id, "merge"), (case_id, "fail_follow_up")):
        eyes.on(mini, "packages/official/action/action", f"?case={case}&action={action}", f"action-{action}")
    eyes.on(mini, "packages/official/publication/publication", f"?case={case_id}")
    eyes.have_seen("packages/official/follow-ups/follow-ups", "packages/official/publication/publication")


def test_type_grows_with_what_is_set_in_wechat(phone: Callable[..., MiniProgram]) -> None:
    mini = phone(width=320)
    mini.open()
    size = "parseFloat(getComputedStyle(document.querySelector('.title, .motto, wx-text')).fontSize)"
    before = mini.page.evaluate(size)
    mini.page.add_init_script("addEventListener('DOMContentLoaded', () => window.__PHONE__?.setFontScale(1.4))")
    mini.open()
    assert mini.page.evaluate(size) == pytest.approx(before * 1.4, rel=0.01)
