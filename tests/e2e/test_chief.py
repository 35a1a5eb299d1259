"""A river chief with a phone: what is due, a walk without signal and through a killed app, verdict, appeal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.county import County
from backend.domain.tracks.codec import unpack
from backend.extensions import db
from backend.local.pictures import make_jpeg
from backend.models import CheckpointVisit, Patrol, TrackBatch
from tests.build import ROSTER, Build
from tests.e2e.conftest import MiniProgram
from tests.walks import Chief, Sender, Walk, chief

WIDTHS = (320, 375, 430)
_CHUNK_MIN = 1  # the server's clock is moved along so often


class ChiefsPhone:
    """The phone of a chief: its clock goes with the server's, and it walks where the chief walks."""

    def __init__(self, mini: MiniProgram, build: Build, county: County, who: Chief) -> None:
        self.mini, self.build, self.who = mini, build, who
        self.network = "4g"
        self.walk = Walk(county, who, build.clock(), metres=3000)
        self.gone = 0
        self.place = self.at(0)
        build.official(who.phone)  # bound once, as on any day before

    def at(self, n: int) -> dict[str, float]:
        lon, lat = self.walk.places[n]
        measured = {"accuracy": self.walk.accuracy_m[n], "speed": self.walk.speed_mps[n]}
        return {"longitude": lon, "latitude": lat, "altitude": 1890, **measured}

    def keep(self) -> None:
        """What the phone still is after it was killed, or is before it is first switched on."""
        kept = {
            "user": f"official-{self.who.phone}", "number": self.who.phone, "network": self.network,
            "place": self.place, "ahead": self.ahead_ms(),
        }  # fmt: skip
        self.mini.page.evaluate("(kept) => localStorage.setItem('frame:phone', kept)", json.dumps(kept))

    def ahead_ms(self) -> float:
        return (self.build.clock() - datetime.now(UTC)) / timedelta(milliseconds=1)

    def open(self, url: str = "pages/home/home") -> None:
        """Switch on; later: kill the app and open it again."""
        self.mini.page.goto(f"{self.mini.site}/phone/frame.css")  # same origin, no app
        self.keep()
        self.mini.page.goto(f"{self.mini.site}/phone/app.html#{url}")
        self.mini.page.wait_for_function("window.__READY__ === true")

    def signal(self, network: str) -> None:
        self.network = network
        self.mini.page.evaluate("(network) => window.__PHONE__.setNetwork(network)", network)

    def go(self, minutes: float) -> None:
        """Walk on; the server's clock goes along."""
        steps = round(minutes * 12)
        while steps > 0 and self.gone < len(self.walk.places) - 1:
            self._step(min(self.gone + min(steps, _CHUNK_MIN * 12), len(self.walk.places) - 1))
            steps -= _CHUNK_MIN * 12

    def _step(self, until: int) -> None:
        begun = self.walk.began_at
        moments = [begun + timedelta(seconds=after) for after in self.walk.after_s]
        real = datetime.now(UTC)
        told = [((moments[n] - real) / timedelta(milliseconds=1), self.at(n)) for n in range(self.gone + 1, until + 1)]
        self.gone, self.place = until, self.at(until)
        self.build.clock.now = moments[until]
        # Each step at its own moment; between two of them the app does what it has to do.
        self.mini.page.evaluate(
            """async (steps) => {
                for (const [ahead, place] of steps) {
                    window.__PHONE__.ahead = ahead
                    window.__PHONE__.moveTo(place)
                    await new Promise((resolve) => setTimeout(resolve))
                }
            }""",
            told,
        )

    def wait(self, **by: float) -> None:
        """Time passes, with the phone off or in the pocket."""
        self.build.clock.move(**by)
        self.mini.turn(ahead=self.ahead_ms())

    def look(self, name: str) -> None:
        """Pictures at the widths of small, usual and large phones, when somebody wants to look."""
        if not os.environ.get("QINGHE_SCREENSHOTS"):
            return
        for width in WIDTHS:
            self.mini.page.set_viewport_size({"width": width, "height": 740})
            self.mini.picture(f"chief-{name}-{width}")
        self.mini.page.set_viewport_size({"width": 375, "height": 740})

    def photo(self, seed: int) -> None:
        self.mini.take_photos(make_jpeg(640, 480, text="river", seed=seed))

    def begin(self, practice: bool = False, consent: bool = True) -> None:
        self.mini.tap("巡河")
        if practice:
            self.mini.page.get_by_text("第一次用？先练习一遍").click()
        else:
            self.mini.tap("开始巡河")
        if consent:
            self.mini.agree_to_privacy()
        self.mini.sees("离您约")
        self.press_begin(practice)
        self.mini.page.get_by_label("结束巡河", exact=True).wait_for()

    def press_begin(self, practice: bool = False) -> None:
        page = self.mini.page.locator(".wx-page[data-page$='start/start']")
        page.get_by_label("开始练习" if practice else "开始巡河", exact=True).click()

    def answer(self, button: str) -> None:
        self.mini.page.get_by_role("alertdialog").get_by_role("button", name=button, exact=True).click()

    def finish(self) -> None:
        self.mini.tap("结束巡河")
        self.answer("结束")

    def take(self, seed: int, nth: int = 0) -> None:
        """A photo into the nth grid of the page."""
        self.photo(seed)
        self.mini.page.get_by_label("拍照或选照片").locator("visible=true").nth(nth).click()


@pytest.fixture
def chiefs(phone: Callable[..., MiniProgram], build: Build, county: County) -> Callable[..., ChiefsPhone]:
    def new(width: int = 375, **knobs: Any) -> ChiefsPhone:
        own = ChiefsPhone(phone(width=width), build, county, chief())
        own.open("pages/me/me")
        own.mini.sees("村级河长")
        own.open()
        own.mini.turn(**knobs)
        return own

    return new


def only_patrol() -> Patrol:
    db.session.rollback()
    [found] = db.session.query(Patrol).all()
    return found


def times_held() -> list[int]:
    """The times of all points that the server holds."""
    db.session.rollback()
    return sorted(int(at) for batch in db.session.query(TrackBatch) for at in unpack(batch.data).time_ms)


def test_three_kilometres_with_twenty_minutes_offline_and_a_killed_app_arrive_once_and_are_valid(
    chiefs: Callable[..., ChiefsPhone],
) -> None:
    own = chiefs()
    mini = own.mini
    own.look("home")
    own.begin()
    own.go(6)
    mini.sees("定位正常")
    own.look("walk")

    own.signal("none")
    own.go(10)
    mini.sees("还没发出")
    own.open()  # killed, without signal
    mini.sees("有一次巡河没有结束")
    mini.tap("巡河")
    mini.tap("有一次巡河没有结束，接着走")
    mini.sees("巡河断开了")
    own.look("cut-off")
    mini.tap("接着走")
    own.go(10)
    own.signal("4g")
    own.go(20)
    mini.sees("时间和路程都够了")
    own.finish()
    mini.sees("这次巡河有效")
    own.look("valid")

    assert only_patrol().valid is True
    held = times_held()
    assert len(set(held)) == len(held)
    assert len(held) >= own.gone  # one for each step, and those that the phone told while standing
    begun = own.walk.began_at.timestamp()
    walked = [round(1000 * (begun + after)) for after in own.walk.after_s[1 : own.gone + 1]]
    assert all(any(abs(at - step) < 1500 for at in held) for step in walked)


def test_a_chief_sees_what_is_due_and_chooses_the_nearest_reach(chiefs: Callable[..., ChiefsPhone]) -> None:
    own = chiefs()
    own.mini.tap("巡河")
    own.mini.sees("村级河长 ·")
    own.mini.sees("还没有巡过河。")
    own.look("duties")
    own.mini.tap("开始巡河")
    own.mini.agree_to_privacy()
    own.mini.sees("离您约 50 米")
    nearest = own.mini.page.get_by_role("checkbox").first
    assert nearest.get_attribute("aria-checked") == "true"
    own.look("start")


def test_photo_finding_settled_finding_and_checkpoint_reach_the_office(
    chiefs: Callable[..., ChiefsPhone], build: Build, county: County
) -> None:
    own = chiefs()
    mini = own.mini
    own.begin()
    own.go(3)
    own.photo(1)
    mini.tap("拍照")
    mini.sees("照片存好了，共 1 张")

    mini.tap("发现问题")
    mini.tap("上报")
    mini.sees("请先选是什么问题。")
    mini.tap("垃圾倾倒")
    own.take(2)
    own.look("finding")
    mini.tap("上报")
    mini.sees("发现问题 1 个，拍照 1 张")

    mini.tap("发现问题")
    mini.tap("垃圾倾倒")
    own.take(3)
    mini.tap("当场处理好了")
    mini.page.get_by_role("textbox", name="怎么处理的").fill("捞走两袋垃圾")
    mini.page.get_by_label("拍照或选照片").locator("visible=true").nth(1).wait_for()
    own.open()  # the phone's battery is empty in the middle of it
    mini.tap("巡河")
    mini.tap("有一次巡河没有结束，接着走")
    mini.tap("接着走")
    mini.tap("发现问题")
    assert mini.page.get_by_role("textbox", name="怎么处理的").input_value() == "捞走两袋垃圾"
    own.take(4, nth=1)
    own.look("settled")
    mini.tap("上报")
    mini.sees("发现问题 2 个")

    board = next(one for one in county.rules.patrol.boards if one.reach == own.walk.reach)
    own.place = {**own.place, "longitude": board.lon, "latitude": board.lat}
    own.wait(minutes=30)
    mini.page.evaluate("(place) => window.__PHONE__.moveTo(place)", own.place)
    mini.page.get_by_label("，打卡", exact=False).click()
    mini.sees("打卡点 1/2")
    own.look("checkpoint")
    mini.tap("暂停巡河")
    mini.sees("暂停中，没有记轨迹")
    mini.tap("继续巡河")
    own.wait(minutes=3)
    own.finish()
    mini.sees("这次巡河有效")  # settled on the spot stands for minutes and metres
    mini.sees("（当场处理）")
    own.look("found")

    cases = build.office().get("/cases").json["items"]  # type: ignore[index]
    assert [case["source"] for case in cases] == ["patrol", "patrol"]
    patrol = build.official(own.who.phone).get(f"/patrols/{only_patrol().id}").json
    assert patrol is not None
    assert len(patrol["photos"]) == 4
    assert all(photo["claimed_at"] and photo["claimed_lon"] for photo in patrol["photos"])
    assert [one["reached"] for one in patrol["checkpoints"]] == [True]


def test_who_has_no_place_scans_the_board_and_it_counts(
    chiefs: Callable[..., ChiefsPhone], build: Build, county: County
) -> None:
    own = chiefs()
    mini = own.mini
    own.begin()
    own.go(2)
    own.wait(minutes=2)  # under the bridge: no place is told any more
    board = next(one for one in county.rules.patrol.boards if one.reach == own.walk.reach)
    link = next(one for one in build.office().get("/boards").json["items"] if one["code"] == board.code)["link"]  # type: ignore[index]
    own.signal("none")
    mini.turn(scan="https://example.org/menu")
    mini.tap("没有定到位？扫公示牌打卡")
    mini.sees("这不是公示牌上的二维码")
    mini.turn(scan=link)
    mini.tap("没有定到位？扫公示牌打卡")
    mini.sees("扫码打卡 1 次，发出后核对")
    own.look("scanned")
    own.signal("4g")
    mini.sees("打卡点 1/2")
    db.session.rollback()
    [visit] = db.session.query(CheckpointVisit).all()
    assert (visit.checkpoint, visit.by, visit.reached) == (board.code, "code", True)


def test_a_short_walk_is_told_what_is_lacking_and_appealed(chiefs: Callable[..., ChiefsPhone], build: Build) -> None:
    own = chiefs()
    mini = own.mini
    own.begin()
    own.go(5)
    mini.sees("才算数")
    mini.tap("结束巡河")
    mini.sees("现在结束，这次可能不算数。")
    own.answer("接着走")
    own.finish()
    mini.sees("这次巡河没有达到要求")
    mini.sees("怎样才算数")
    mini.page.get_by_role("textbox", name="申诉的理由").fill("手机没电了，后半段走到了水库。")
    own.look("invalid")
    mini.tap("提出申诉")
    own.answer("提出")
    mini.sees("等县河长办答复")
    own.look("appealed")
    patrol = only_patrol()
    answer = build.office().post(f"/patrols/{patrol.id}/appeal/decision", {"upheld": True, "reason": "情况属实。"})
    assert answer.status_code == 200
    mini.open(f"packages/chief/patrol/patrol?id={patrol.id}")
    mini.sees("申诉成立，这次算有效")
    mini.sees("这次巡河有效")


def test_a_patrol_begun_and_ended_without_signal_waits_for_days_and_outlives_the_sign_in(
    chiefs: Callable[..., ChiefsPhone], build: Build
) -> None:
    own = chiefs()
    mini = own.mini
    mini.tap("巡河")
    mini.sees("还没有巡过河。")
    own.signal("none")
    own.open()
    own.begin()
    own.go(17)
    own.finish()
    mini.sees("都存在手机里，不会丢")
    own.look("on-its-way")
    mini.tap("看还没发出的")
    mini.sees("现在没有网络")
    mini.sees("个轨迹点")
    own.look("queue")
    assert db.session.query(Patrol).count() == 0
    build.clock.move(days=40)  # rebooted, and the sign-in is over
    own.network = "4g"
    own.open("packages/chief/queue/queue")
    mini.sees("都发出去了")
    own.look("queue-empty")
    for _ in range(50):
        if only_patrol().valid is not None:
            break
        mini.page.wait_for_timeout(100)
    assert only_patrol().valid is True
    held = times_held()
    assert len(set(held)) == len(held) >= own.gone


def test_who_refuses_the_background_walks_with_the_screen_on_and_who_refuses_all_is_told_why(
    chiefs: Callable[..., ChiefsPhone],
) -> None:
    own = chiefs()
    mini = own.mini
    mini.turn(answers={"scope.userLocationBackground": False, "scope.userLocation": False})
    mini.tap("巡河")
    mini.tap("开始巡河")
    mini.agree_to_privacy()
    mini.page.get_by_role("checkbox").first.wait_for()
    own.press_begin()
    mini.sees("没有位置就记不下您走过的路")
    mini.turn(settings={"scope.userLocation": True})
    own.answer("去设置")
    own.press_begin()
    mini.sees("请不要锁屏或切走")
    own.look("foreground")
    mini.turn(answers={"scope.camera": False})
    mini.tap("拍照")
    mini.sees("没有允许使用相机")
    own.answer("取消")
    mini.turn(settings={"scope.userLocationBackground": True})
    mini.page.get_by_label("屏幕要一直亮着", exact=False).click()
    own.answer("去设置")
    mini.page.get_by_label("屏幕要一直亮着", exact=False).wait_for(state="detached")


def test_each_fault_of_the_server_is_a_sentence_and_nothing_is_lost(chiefs: Callable[..., ChiefsPhone]) -> None:
    own = chiefs()
    mini = own.mini
    own.begin()
    own.go(2)

    def meet(status: int | str, times: int = 99) -> None:
        mini.turn(failures=[{"match": "/findings/", "status": status, "times": times}])

    meet("timeout")
    mini.tap("发现问题")
    mini.tap("垃圾倾倒")
    own.take(1)
    mini.tap("上报")
    mini.page.get_by_label("还没发出", exact=False).click()
    mini.sees("网络太慢")
    own.look("faults")
    for status, words in ((429, "操作太频繁"), (500, "系统出了点问题"), (413, "内容太大")):
        meet(status)
        mini.tap("现在发送")
        mini.sees(words)
    own.look("stuck")
    meet("lost")
    mini.tap("现在发送")
    mini.sees("网络太慢")  # the server has it, its answer got lost
    meet(401, times=1)  # the grant is not taken: the start brings a new one, and all goes out by itself
    mini.page.get_by_text("个问题").locator("visible=true").wait_for(state="detached")
    mini.page.evaluate("document.getElementById('back').click()")
    own.finish()
    mini.sees("没有达到要求")
    mini.sees("QH-")


def test_practice_counts_for_nothing_and_opens_no_case(chiefs: Callable[..., ChiefsPhone], build: Build) -> None:
    own = chiefs()
    mini = own.mini
    own.begin(practice=True)
    mini.sees("练习，不算数")
    own.go(2)
    mini.tap("发现问题")
    mini.sees("这是练习，不会真的上报")
    mini.tap("垃圾倾倒")
    own.take(1)
    mini.tap("上报")
    own.finish()
    mini.sees("练习没达到要求")
    assert only_patrol().practice
    assert build.office().get("/cases").json["items"] == []  # type: ignore[index]


def test_a_full_phone_says_so_and_the_walk_goes_on(chiefs: Callable[..., ChiefsPhone]) -> None:
    own = chiefs()
    own.begin()
    own.mini.turn(full=True)
    own.go(2)
    own.mini.sees("手机存储满了，请删掉一些照片或视频。")
    own.mini.turn(full=False)
    own.go(2)
    own.mini.page.get_by_text("手机存储满了").wait_for(state="detached")


def test_a_companion_finds_the_joint_patrol_and_may_say_that_they_were_not_there(
    phone: Callable[..., MiniProgram], build: Build, county: County
) -> None:
    sender = Sender(build, county)
    possible = sender.phone.get("/patrols/companions").json["items"]  # type: ignore[index]
    name, person = possible[0]["name"], possible[0]["person"]
    other = next(row for row in ROSTER if row[0] == name)
    walk = sender.walk()
    sender.put(f"/{walk.id}", walk.start(build.clock(), companions=[person]))
    for message in walk.messages(build.clock())[1:]:
        sender.put(*message)
    own = ChiefsPhone(phone(), build, county, replace(chief(), phone=other[1]))
    own.open("pages/me/me")
    own.mini.sees(name)
    own.open("packages/chief/duties/duties")
    own.mini.page.get_by_text("一起", exact=False).locator("visible=true").click()
    own.look("joint")
    own.mini.tap("我没有参加这次巡河")
    own.answer("没有参加")
    own.mini.sees("说没有参加")


def test_a_county_chief_finds_the_cases_to_verify(
    phone: Callable[..., MiniProgram], build: Build, county: County
) -> None:
    build.case("in_review")
    own = ChiefsPhone(phone(), build, county, chief("县级河长"))
    own.open("pages/me/me")
    own.mini.sees("县级河长")
    own.open("packages/chief/duties/duties")
    own.mini.tap("待我核查的案件")
    own.mini.sees("待核查1")
    own.look("cases")
    own.mini.page.get_by_text("垃圾倾倒").locator("visible=true").first.click()
    own.mini.sees("为什么在这里")
