"""Builders of patrols: a chief who walks a reach, and the messages that the phone makes of it."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from werkzeug.test import TestResponse

from backend.county import County
from backend.geo import distance_m, wgs84_to_gcj02
from tests.build import ROSTER, Build, Phone

VILLAGE, TOWNSHIP = "村级河长", "乡级河长"
_ROLES = {VILLAGE: "village_chief", TOWNSHIP: "township_chief", "巡河员": "patroller", "县级河长": "county_chief"}


@dataclass(frozen=True)
class Chief:
    phone: str
    role: str
    unit: str
    reaches: tuple[str, ...]


def chief(role: str = VILLAGE, nth: int = 0) -> Chief:
    """A chief of the demo roster."""
    row = [row for row in ROSTER if row[2] == role][nth]
    return Chief(row[1], _ROLES[role], row[3], tuple(row[4].split("、")))


def along(county: County, reach: str, metres: float, every_s: float = 5, mps: float = 1.2) -> list[tuple[float, float]]:
    """Places (WGS-84) of a walk down the line of a reach and back again, one every so many seconds."""
    line = [tuple(point[:2]) for point in county.reach_by_code[reach].geometry["coordinates"]]
    there = [*line, *line[-2::-1]]
    places, gone, wanted = [], 0.0, 0.0
    for here, ahead in pairwise(there):
        length = distance_m(*here, *ahead)
        while wanted <= min(gone + length, metres):
            share = (wanted - gone) / length if length else 0.0
            places.append((here[0] + (ahead[0] - here[0]) * share, here[1] + (ahead[1] - here[1]) * share))
            wanted += mps * every_s
        gone += length
        if gone > metres:
            break
    return places


def _seen(places: list[tuple[float, float]], every_s: float, chance: Random) -> Iterator[tuple[float, float]]:
    """The places as a phone sees them: its error wanders slowly (σ = 4 m, τ = 30 s)."""
    keeps = math.exp(-every_s / 30)
    error = [chance.gauss(0, 4), chance.gauss(0, 4)]
    for lon, lat in places:
        yield lon + error[0] / 100_600, lat + error[1] / 110_800
        error = [keeps * old + math.sqrt(1 - keeps**2) * chance.gauss(0, 4) for old in error]


@dataclass
class Walk:
    """One patrol as a phone tells it. `phone_ahead`: by how much the phone's clock is ahead."""

    county: County
    chief: Chief
    began_at: datetime
    metres: float = 1500
    reach: str | None = None
    seed: int | None = None
    every_s: float = 5
    mps: float = 1.2
    coord_type: str = "wgs84"
    phone_ahead: timedelta = timedelta()
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    batch_points: int = 60

    def __post_init__(self) -> None:
        self.reach = self.reach or self.chief.reaches[0]
        chance = Random(self.id if self.seed is None else self.seed)  # the same seed: a copy of the track
        way = along(self.county, self.reach, self.metres, self.every_s, self.mps)
        self.places = list(_seen(way, self.every_s, chance))
        # No phone is as punctual, and none as sure of itself, as a machine that makes points up.
        self.after_s = [0.0] + [n * self.every_s + chance.uniform(-0.4, 0.4) for n in range(1, len(self.places))]
        self.accuracy_m = [round(chance.uniform(4, 12), 1) for _ in self.places]
        self.speed_mps = [round(chance.uniform(0.9, 1.5), 2) for _ in self.places]
        self.ended_at = self.began_at + timedelta(seconds=self.after_s[-1])
        count = math.ceil(len(self.places) / self.batch_points)
        self.batch_ids = [str(uuid.UUID(int=Random(f"{self.id}{n}").getrandbits(128))) for n in range(count)]

    def by_phone(self, at: datetime) -> str:
        return (at + self.phone_ahead).isoformat()

    def start(self, now: datetime, **changes: Any) -> dict[str, Any]:
        form = {
            "role": self.chief.role, "unit": self.chief.unit, "reaches": [self.reach],
            "started_at": self.by_phone(self.began_at), "sent_at": self.by_phone(now),
        }  # fmt: skip
        return {**form, **changes}

    def batch(self, n: int, now: datetime, **changes: Any) -> dict[str, Any]:
        first = n * self.batch_points
        here = slice(first, first + self.batch_points)
        places = self.places[here]
        if self.coord_type == "gcj02":
            places = [wgs84_to_gcj02(*place) for place in places]
        begun_ms = round((self.began_at + self.phone_ahead).timestamp() * 1000)
        form = {
            "seq": n,
            "sent_at": self.by_phone(now),
            "coord_type": self.coord_type,
            "time_ms": [begun_ms + round(1000 * after_s) for after_s in self.after_s[here]],
            "lon": [round(lon, 7) for lon, _ in places],
            "lat": [round(lat, 7) for _, lat in places],
            "accuracy_m": self.accuracy_m[here],
            "speed_mps": self.speed_mps[here],
            "altitude_m": [None] * len(places),
            "resumed": [],
            "battery": max(5, 90 - n),
        }
        return {**form, **changes}

    def finish(self, now: datetime, **changes: Any) -> dict[str, Any]:
        form = {"ended_at": self.by_phone(self.ended_at), "sent_at": self.by_phone(now), "batches": self.batch_ids}
        return {**form, **changes}

    def messages(self, now: datetime) -> list[tuple[str, dict[str, Any]]]:
        """All messages in their order, as (path under /patrols, body)."""
        pieces = [(f"/{self.id}/batches/{one}", self.batch(n, now)) for n, one in enumerate(self.batch_ids)]
        return [(f"/{self.id}", self.start(now)), *pieces, (f"/{self.id}/finish", self.finish(now))]


class Sender:
    """A chief's phone that sends the messages of walks."""

    def __init__(self, build: Build, county: County, chief: Chief | None = None) -> None:
        self.build, self.county = build, county
        self.chief = chief or globals()["chief"]()
        self.phone: Phone = build.official(self.chief.phone)

    def sign_in(self) -> None:
        self.phone = self.build.official(self.chief.phone)

    def walk(self, **changes: Any) -> Walk:
        """A walk that has just ended, the clock moved past it."""
        walk = Walk(self.county, self.chief, **{"began_at": self.build.clock(), **changes})
        self.build.clock.now = max(self.build.clock(), walk.ended_at + timedelta(seconds=5))
        return walk

    def put(self, path: str, body: dict[str, Any], **headers: str) -> TestResponse:
        return self.phone.call("PUT", f"/patrols{path}", body, **headers)

    def send(self, walk: Walk) -> dict[str, Any]:
        """Everything in order. Returns the last answer."""
        for path, body in walk.messages(self.build.clock()):
            answer = self.put(path, body)
            assert answer.status_code == 200, answer.json
        shown: dict[str, Any] = answer.json  # type: ignore[assignment]
        return shown
