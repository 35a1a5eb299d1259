"""A county that patrols: chiefs with poor phones, seeded, and the simulator's own count of what they did.

The count knows nothing of the server's code: a walk is good when it was long enough on the chief's own reach; it counts
when the chief's last counted one began long enough before; it belongs to the week or month in which it began. From one
seed comes the same county to the last bit.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from backend.clock import SHANGHAI
from backend.county import County
from tests.walks import Chief, Walk

LONG_M, SHORT_M = 1800, 250
EVERY_S = 20.0
# Minutes and metres asked of a patrol; what is nearer to them than a tenth is nobody's honest expectation.
ASKED = {"village_chief": (15, 500), "patroller": (15, 500), "township_chief": (20, 1000)}
FATES = ("well", "well", "well", "no signal", "in two parts", "reversed", "repeated", "dead battery")
GAP_H = {"village_chief": 96, "township_chief": 96, "patroller": 0}
PER = {"village_chief": "week", "patroller": "week", "township_chief": "month"}


@dataclass
class Outing:
    """One walk and how its messages travel. `good`: long enough, and enough of it arrives."""

    walk: Walk
    good: bool
    practice: bool = False
    fate: str = "well"
    sendings: list[tuple[datetime, str, Any]] = field(default_factory=list)


@dataclass
class Life:
    """One chief's outings."""

    chief: Chief
    outings: list[Outing]

    def counts(self) -> dict[date, int]:
        """How many patrols count, by the first day of their week or month."""
        gap = timedelta(hours=GAP_H[self.chief.role])
        found: dict[date, int] = {}
        last: datetime | None = None
        for outing in sorted(self.outings, key=lambda one: one.walk.began_at):
            if not outing.good or outing.practice:
                continue
            began = outing.walk.began_at
            if last is not None and gap and began - last <= gap:
                continue
            last = began
            day = began.astimezone(SHANGHAI).date()
            first = day - timedelta(days=day.weekday()) if PER[self.chief.role] == "week" else day.replace(day=1)
            found[first] = found.get(first, 0) + 1
        return found


def live(county: County, chief: Chief, first: date, days: int, chance: random.Random) -> Life:
    """A chief's weeks: some diligent, some lazy, some unlucky."""
    diligence = chance.choice((0.15, 0.3, 0.5))
    outings = []
    for n in range(days):
        if chance.random() < diligence:
            hour = time(chance.randint(7, 16), chance.randint(0, 59), tzinfo=SHANGHAI)
            outings.append(_go(county, chief, datetime.combine(first + timedelta(days=n), hour), chance))
    return Life(chief, outings)


def _go(county: County, chief: Chief, begins: datetime, chance: random.Random) -> Outing:
    long = chance.random() < 0.75
    walk = Walk(
        county, chief, begins, metres=LONG_M if long else SHORT_M, every_s=EVERY_S, reach=chance.choice(chief.reaches),
        mps=chance.uniform(0.9, 1.25), id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        phone_ahead=timedelta(minutes=chance.choice((0, 0, 0, -90, 37, 60 * 26))),
        coord_type=chance.choice(("wgs84", "gcj02")), batch_points=chance.choice((20, 30)),
    )  # fmt: skip
    outing = Outing(walk, good=long, practice=chance.random() < 0.06)
    outing.sendings = list(_sendings(outing, chance))
    return outing


def _sendings(outing: Outing, chance: random.Random) -> Iterator[tuple[datetime, str, Any]]:
    """When each message reaches the server: at once, hours or days later, in any order, some twice, some never."""
    walk = outing.walk
    outing.fate = chance.choice(FATES)
    delay = timedelta(hours=chance.uniform(2, 60)) if outing.fate == "no signal" else timedelta(seconds=20)
    messages: list[tuple[str, Any]] = [(f"/{walk.id}", lambda now: walk.start(now, practice=outing.practice))]
    messages += [
        (f"/{walk.id}/batches/{one}", lambda now, n=n: walk.batch(n, now)) for n, one in enumerate(walk.batch_ids)
    ]
    messages.append((f"/{walk.id}/finish", lambda now: walk.finish(now)))
    if outing.fate == "dead battery":
        _die(outing, messages, chance)
    if outing.fate == "reversed":
        messages.reverse()
    if outing.fate == "repeated":
        messages += chance.sample(messages, k=min(3, len(messages)))
    at, rest = walk.ended_at + delay, len(messages) // 2
    for n, (path, body) in enumerate(messages):
        if outing.fate == "in two parts" and n == rest:
            # The phone is found again after the server has given up waiting.
            at += timedelta(hours=chance.uniform(26, 70))
        yield at, path, body
        at += timedelta(seconds=chance.uniform(1, 30))


def _die(outing: Outing, messages: list[tuple[str, Any]], chance: random.Random) -> None:
    """The end of the way and the word of it are lost for ever. What is left is clearly enough, or clearly not."""
    walk = outing.walk
    pieces = max(1, round(len(walk.batch_ids) * chance.choice((0.34, 0.8))))
    gone_s = (min(len(walk.places), pieces * walk.batch_points) - 1) * EVERY_S
    minutes, metres = ASKED[walk.chief.role]
    share = min(gone_s / 60 / minutes, gone_s * walk.mps / metres)
    if 0.9 <= share <= 1.1:
        outing.fate = "well"
        return
    outing.good = share > 1
    del messages[1 + pieces :]
