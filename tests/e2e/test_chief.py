"""A river chief with a phone: what is due, a walk without signal and through a killed app, findings, verdict, appeal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.county import County
from backend.extensions import db
from backend.local.pictures import make_jpeg
from backend.models import Patrol, TrackBatch
from backend.domain.tracks.codec import unpack
from tests.build import Build
from tests.e2e.conftest import MiniProgram
from tests.walks import Chief, Walk, chief

NO_TIME = timedelta()


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
        begun = self.walk.began_at
        until = min(self.gone + round(minutes * 12), len(self.walk.places) - 1)
        steps = [(self.walk.after_s[n], self.at(n)) for n in range(self.gone + 1, until + 1)]
        self.gone, self.place = until, self.at(until)
        self.build.clock.now = begun + timedelta(seconds=self.walk.after_s[until])
        real = datetime.now(UTC)
        told = [((begun + timedelta(seconds=after) - real) / timedelta(milliseconds=1), place) for after, place in steps]
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

    def photo(self, seed: int) -> None:
        self.mini.take_photos(make_jpeg(640, 480, text="river", seed=seed))

    def begin(self) -> None:
        self.mini.tap("巡河")
        self.mini.tap("开始巡河")
        self.mini.agree_to_privacy()
        self.mini.page.locator(".wx-page[data-page$='start/start']").get_by_label("开始巡河", exact=True).click()
        self.mini.page.get_by_label("结束巡河", exact=True).wait_for()

    def finish(self) -> None:
        self.mini.tap("结束巡河")
        self.mini.page.get_by_role("alertdialog").get_by_role("button", name="结束", exact=True).click()


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
    mini.picture("chief-home")
    own.begin()
    own.go(6)
    mini.sees("定位正常")
    mini.picture("chief-walk")

    own.signal("none")
    own.go(10)
    mini.sees("还没发出")
    own.open()  # killed, without signal
    mini.sees("有一次巡河没有结束")
    mini.tap("巡河")
    mini.tap("有一次巡河没有结束，接着走")
    mini.sees("巡河断开了")
    mini.picture("chief-cut-off")
    mini.tap("接着走")
    own.go(10)
    own.signal("4g")
    own.go(20)
    mini.sees("时间和路程都够了")
    own.finish()
    mini.sees("这次巡河有效")
    mini.picture("chief-valid")

    assert only_patrol().valid is True
    held = times_held()
    assert len(set(held)) == len(held)
    assert len(held) >= own.gone  # one for each step, and those that the phone told while standing
    begun = own.walk.began_at.timestamp()
    walked = [round(1000 * (begun + after)) for after in own.walk.after_s[1 : own.gone + 1]]
    assert all(any(abs(at - step) < 1500 for at in held) for step in walked)
