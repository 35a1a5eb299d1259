"""A patrol of two hours, a point a second: taken in by HTTP and judged, beside unpacking and parsing the same bytes."""

from __future__ import annotations

import gzip
import json
from typing import Any

from sqlalchemy import func, select

from backend.county import County
from backend.jobs import drain
from backend.models import Patrol, TrackBatch
from backend.work import unit_of_work
from tests.benchmarks.measure import Row, pairs, shown, tell
from tests.build import Build
from tests.walks import Sender, Walk

POINTS, EACH = 7200, 600


class Packed(Sender):
    """A phone that packs its messages, as the mini program does."""

    def send_packed(self, messages: list[tuple[str, bytes]]) -> None:
        headers = {"Authorization": f"Bearer {self.phone.token}", "Content-Encoding": "gzip"}
        for path, packed in messages:
            answer = self.phone.client.put(
                f"/api/v1/patrols{path}", data=packed, headers=headers, content_type="application/json"
            )
            assert answer.status_code == 200, answer.json


def pack(messages: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, bytes]]:
    return [(path, gzip.compress(json.dumps(body).encode())) for path, body in messages]


def test_a_patrol(build: Build, county: County) -> None:
    sender = Packed(build, county)
    made: list[tuple[Walk, list[tuple[str, bytes]]]] = []
    for seed in range(9):
        made_walk = Walk(
            county, sender.chief, build.clock(), metres=POINTS * 1.2, every_s=1, seed=seed, batch_points=EACH
        )
        build.clock.now = made_walk.ended_at
        build.clock.move(hours=100)
        made.append((made_walk, pack(made_walk.messages(build.clock()))))
    waiting = iter(made)

    def floor() -> None:
        for _, packed in made[0][1]:
            json.loads(gzip.decompress(packed))

    def take_in() -> None:
        _, messages = next(waiting)
        sender.send_packed(messages)
        drain()

    sender.sign_in()
    taken = pairs(floor, take_in, 7)
    with unit_of_work() as work:
        sums = select(func.sum(TrackBatch.points), func.sum(func.length(TrackBatch.data)))
        points, held = work.session.execute(sums).one()
        judged = work.session.scalars(select(Patrol.valid)).all()
    assert all(valid is not None for valid in judged)
    assert points >= len(judged) * POINTS * 0.9
    size = held / len(judged)
    parsed, sent = sum(len(gzip.decompress(one)) for _, one in made[0][1]), sum(len(one) for _, one in made[0][1])
    pieces = len(made[0][1]) - 2
    tell(
        Row(
            "Patrol",
            f"{points // len(judged):,} points in {pieces} pieces ({sent / 1024:.0f} of {parsed / 1024:.0f} KB packed)",
            f"{shown(taken.subject)} by HTTP, judged; {size / 1024:.0f} KB stored",
            f"{shown(taken.floor)} gzip and JSON",
            f"{taken.ratio:.1f} ×",
            "≤ 5 ×, ≤ 60 KB stored",
            taken.ratio <= 5 and size <= 60 * 1024,
        )
    )
