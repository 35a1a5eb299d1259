"""A county patrols for a month (a quarter in `make test-full`): the server's table equals the simulator's own count."""

from __future__ import annotations

import os
import random
from datetime import date, timedelta
from itertools import count

import pytest

from backend.county import County
from backend.domain import patrols, people
from backend.jobs import drain
from backend.roster_file import read_roster
from backend.work import unit_of_work
from tests.build import QINGYUAN, Build, Phone
from tests.simulation.county import GAP_H, Life, live
from tests.walks import TOWNSHIP, VILLAGE, Chief, Sender, chief

FULL = os.environ.get("TEST_SIZE") == "full"
FIRST = date(2026, 6, 1)  # the Monday on which the test clock begins


class Scattered(Build):
    """Phones that each come from a network of their own, as two hundred chiefs of a county do."""

    def __init__(self, build: Build) -> None:
        super().__init__(build.app, build.clock, build.wechat_url)
        self._phones = count()

    def nobody(self) -> Phone:
        phone = super().nobody()
        high, low = divmod(next(self._phones), 250)
        phone.client.environ_base["REMOTE_ADDR"] = f"10.{high}.{low + 1}.7"
        return phone


def chiefs_of(build: Build, county: County) -> list[Chief]:
    few = [chief(VILLAGE, n) for n in range(0, 24, 3)] + [chief("巡河员", 1), chief(TOWNSHIP, 2)]
    if not FULL:
        return few
    all_of_them = [chief(VILLAGE, n) for n in range(66)] + [chief("巡河员", n) for n in range(12)]
    more = [Chief(f"198{n:08d}", "village_chief", one.unit, one.reaches) for n, one in enumerate(all_of_them * 2)]
    more = more[: 200 - len(all_of_them) - 1]
    roster = (QINGYUAN / "roster.csv").read_text("utf-8-sig").rstrip("\n")
    added = "\n".join(f"演练{n},{one.phone},村级河长,{one.unit},{'、'.join(one.reaches)}" for n, one in enumerate(more))
    with unit_of_work() as work:
        people.import_roster(work, read_roster(f"{roster}\n{added}\n".encode(), work.county))
    return [*all_of_them, *more, chief(TOWNSHIP, 2)]


@pytest.mark.timeout(7200 if FULL else 180)
@pytest.mark.parametrize("seed", range(1, 2))
def test_the_completion_table_equals_the_simulators_own_count(build: Build, county: County, seed: int) -> None:
    days = 91 if FULL else 28
    lives = [live(county, one, FIRST, days, random.Random(f"{seed} {one.phone}")) for one in chiefs_of(build, county)]
    _send_everything(build, county, lives)

    last = FIRST + timedelta(days=days - 1)
    office = build.office()
    month_end = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    table = office.get(f"/duties/completion?first={FIRST}&last={month_end}").json["items"]
    counted = {(row["name"], row["role"], row["first"]): row for row in table}
    names = _names(build)
    compared, wrong = 0, []
    for one in lives:
        counts = one.counts()
        mine = [row for key, row in counted.items() if key[:2] == (names[one.chief.phone], one.chief.role)]
        assert mine
        for row in mine:
            expected = counts.get(date.fromisoformat(row["first"]), 0)
            if row["done"] != expected:
                wrong.append((row, expected, [(o.walk.id, o.walk.began_at, o.good) for o in one.outings]))
            compared += 1
    assert not wrong, "\n".join(map(str, wrong))  # all of them: a full run takes half an hour
    assert compared >= len(lives)
    assert any(row["done"] for row in table)
    assert any(row["too_soon"] for row in table) or not any(GAP_H.values())


def _send_everything(build: Build, county: County, lives: list[Life]) -> None:
    """All messages of all phones in the order in which they reach the server."""
    scattered = Scattered(build)
    senders = {one.chief.phone: Sender(scattered, county, one.chief) for one in lives}
    outings = [(one.chief.phone, outing) for one in lives for outing in one.outings]
    every = ((at, phone, path, body) for phone, outing in outings for at, path, body in outing.sendings)
    sendings = sorted(every, key=lambda sending: sending[:3])
    signed_in = dict.fromkeys(senders, build.clock())
    for n, (at, phone, path, body) in enumerate(sendings):
        build.clock.now = max(build.clock(), at)
        if build.clock() - signed_in[phone] > timedelta(days=20):
            senders[phone].sign_in()
            signed_in[phone] = build.clock()
        answer = senders[phone].put(path, body(build.clock()))
        assert answer.status_code == 200, (path, answer.json)
        if n % 50 == 0:
            drain()
    build.clock.move(days=4)
    with unit_of_work() as work:
        patrols.finish_silent(work)
    build.clock.move(minutes=10)
    drain()


def _names(build: Build) -> dict[str, str]:
    found: dict[str, str] = {}
    after = ""
    office = build.office()
    while True:
        page = office.get(f"/roster?limit=100{after}").json
        found |= {person["phone"]: person["name"] for person in page["items"]}
        if not page["next"]:
            return found
        after = f"&before={page['next']}"
