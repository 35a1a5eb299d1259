"""A county patrols for a month (a quarter in `make test-full`): the server's table equals the simulator's own count."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import and_, func, select

from backend.county import County
from backend.domain import people
from backend.jobs import drain
from backend.models import Patrol, TrackBatch, Verdict
from backend.roster_file import read_roster
from backend.work import unit_of_work
from tests.build import QINGYUAN, Build, Phone
from tests.simulation.county import GAP_H, Life, live
from tests.walks import TOWNSHIP, VILLAGE, Chief, Sender, chief

FULL = os.environ.get("TEST_SIZE") == "full"
CHIEFS, DAYS = map(int, os.environ.get("SIMULATION", "200x91" if FULL else "10x28").split("x"))
FIRST = date(2026, 6, 1)  # the Monday on which the test clock begins
SCHEDULED = timedelta(hours=4)


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
    if len(few) >= CHIEFS:
        return few
    all_of_them = [chief(VILLAGE, n) for n in range(66)] + [chief("巡河员", n) for n in range(12)]
    more = [Chief(f"198{n:08d}", "village_chief", one.unit, one.reaches) for n, one in enumerate(all_of_them * 2)]
    more = more[: max(0, CHIEFS - len(all_of_them) - 1)]
    roster = (QINGYUAN / "roster.csv").read_text("utf-8-sig").rstrip("\n")
    added = "\n".join(f"演练{n},{one.phone},村级河长,{one.unit},{'、'.join(one.reaches)}" for n, one in enumerate(more))
    with unit_of_work() as work:
        people.import_roster(work, read_roster(f"{roster}\n{added}\n".encode(), work.county))
    return [chief(TOWNSHIP, 2), *all_of_them[::-1], *more][:CHIEFS]


@pytest.mark.timeout(7200 if CHIEFS * DAYS > 400 else 180)
@pytest.mark.parametrize("seed", range(1, 2))
def test_the_completion_table_equals_the_simulators_own_count(
    build: Build, county: County, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    lives = [live(county, one, FIRST, DAYS, random.Random(f"{seed} {one.phone}")) for one in chiefs_of(build, county)]
    _send_everything(build, county, lives)

    last = FIRST + timedelta(days=DAYS - 1)
    office = build.office()
    month_end = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    table = office.get(f"/duties/completion?first={FIRST}&last={month_end}").json["items"]
    counted = {(row["name"], row["role"], row["first"]): row for row in table}
    names = _names(build)
    compared, wrong = 0, []
    verdicts = _verdicts()
    for one in lives:
        counts = one.counts()
        mine = [row for key, row in counted.items() if key[:2] == (names[one.chief.phone], one.chief.role)]
        assert mine
        for row in mine:
            expected = counts.get(date.fromisoformat(row["first"]), 0)
            if row["done"] != expected:
                outings = [(o.walk.id, f"{o.walk.began_at:%m-%d %H:%M}", o.good, o.fate) for o in one.outings]
                wrong.append((row, expected, [(*told, verdicts.get(told[0])) for told in outings]))
            compared += 1
    with capsys.disabled():
        print(f"\n{_figures(lives, compared, len(wrong), time.monotonic() - began)}")
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
        _pass_until(build, at)
        if build.clock() - signed_in[phone] > timedelta(days=20):
            senders[phone].sign_in()
            signed_in[phone] = build.clock()
        answer = senders[phone].put(path, body(build.clock()))
        assert answer.status_code == 200, (path, answer.json)
        if n % 50 == 0:
            drain()
    _pass_until(build, build.clock() + timedelta(days=4))


def _pass_until(build: Build, at: datetime) -> None:
    """Let time pass; every few hours the scheduler asks which patrols have fallen silent."""
    while build.clock() < at:
        before, build.clock.now = build.clock(), min(at, build.clock() + SCHEDULED)
        if before.timestamp() // SCHEDULED.total_seconds() != build.clock().timestamp() // SCHEDULED.total_seconds():
            with unit_of_work() as work:
                work.defer("finish_silent_patrols")
            drain()


def _verdicts() -> dict[str, list[str]]:
    """Why each patrol that is not valid is not."""
    newest = select(Verdict).join(Patrol, and_(Patrol.id == Verdict.patrol_id, Patrol.verdict_seq == Verdict.seq))
    with unit_of_work() as work:
        return {
            str(one.patrol_id): [reason["code"] for reason in one.decision["reasons"] if reason["ok"] is False]
            for one in work.session.scalars(newest)
        }


def _figures(lives: list[Life], compared: int, wrong: int, seconds: float) -> str:
    """What was simulated, for the record of a full run."""
    outings = [outing for one in lives for outing in one.outings]
    messages, fates = sum(len(one.sendings) for one in outings), Counter(one.fate for one in outings)
    with unit_of_work() as work:
        sizes = select(func.sum(func.length(TrackBatch.data)), func.sum(TrackBatch.points))
        held, points = work.session.execute(sizes).one()
        valid, timer = work.session.execute(
            select(func.count().filter(Patrol.valid), func.count().filter(Patrol.finished_by == "timer"))
        ).one()
        made = work.session.scalar(select(func.count()).select_from(Verdict))
    return "\n".join(
        (
            f"{len(lives)} chiefs, {DAYS} days, {len(outings)} patrols, {messages} messages",
            f"fates: {', '.join(f'{fate} {n}' for fate, n in sorted(fates.items()))}",
            f"good {sum(o.good for o in outings)}, practice {sum(o.practice for o in outings)}, valid {valid}",
            f"ended by the timer {timer}, verdicts {made}",
            f"{points} points in {held} bytes, {held / len(outings):.0f} bytes a patrol, {held / points:.2f} a point",
            f"{compared} rows compared, {wrong} differ, {seconds:.0f} s",
        )
    )


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
