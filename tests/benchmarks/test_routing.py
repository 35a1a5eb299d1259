"""The whole routing decision over the townships of a nation, beside bare shapely on the same polygons and lines."""

from __future__ import annotations

import gc
import math
import random
import time
from itertools import pairwise
from typing import Any

import numpy as np
import psutil
import shapely
from numpy.typing import NDArray

from backend.county import County, Reach, Township, Unit
from backend.domain.places import Places
from backend.domain.routing import decide
from tests.benchmarks.measure import Row, percentile, seconds, shown, tell

ACROSS, TALL = 250, 160
POLYGONS, REACHES, ASKED, TURNS = ACROSS * TALL, 100_000, 4000, 5
LARGE, LARGEST = 200, 5000
WEST, SOUTH, SIDE = 75.0, 18.0, 0.2


def _edge(one: tuple[float, float], other: tuple[float, float], n: int) -> NDArray[np.float64]:
    """A border of n vertices that wanders between two corners; the same for both neighbours."""
    dice = np.random.default_rng(abs(hash((one, other))) % 2**32)
    share = np.linspace(0, 1, n, endpoint=False)[:, None]
    line = np.array(one) * (1 - share) + np.array(other) * share
    wander = np.sin(math.pi * share) * dice.normal(0, SIDE / 400, (n, 2))
    wander[0] = 0
    return line + wander


def nation(county: County) -> County:
    """40,000 townships that leave no gap, one in two hundred with 5,000 vertices, and 100,000 reaches through them."""
    dice = random.Random(1)
    units, townships = [county.unit_by_code[county.office]], []
    departments = [unit for unit in county.units if unit.kind == "department"]
    for n in range(POLYGONS):
        x, y = n % ACROSS, n // ACROSS
        corners = [(WEST + SIDE * (x + i), SOUTH + SIDE * (y + j)) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
        each = LARGEST // 4 if n % LARGE == 0 else dice.randrange(5, 40)
        # Neighbours share corners and straight borders; what wanders are bays within the township's own square.
        ring = np.concatenate([_edge(a, b, each) for a, b in pairwise(corners)])
        ring = np.clip(ring, corners[0], corners[2])
        code = f"{100000 + n:06d}{n % 1000:03d}"
        units.append(Unit.model_construct(code=code, name=f"第{n}乡", kind="township", phone=""))
        geometry = {"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]}
        townships.append(Township.model_construct(unit=code, geometry=geometry))
    reaches = [_reach(dice, n, townships) for n in range(REACHES)]
    east, north = WEST + SIDE * ACROSS, SOUTH + SIDE * TALL
    around = [[WEST, SOUTH], [east, SOUTH], [east, north], [WEST, north], [WEST, SOUTH]]
    outline = {"type": "Polygon", "coordinates": [around]}
    fields: dict[str, Any] = {name: getattr(county, name) for name in County.model_fields}
    changed = {"units": (*units, *departments), "townships": tuple(townships), "reaches": tuple(reaches),
               "outline": outline, "risk_sources": ()}  # fmt: skip
    return County.model_construct(**{**fields, **changed})


def _reach(dice: random.Random, n: int, townships: list[Township]) -> Reach:
    place, lat = dice.uniform(WEST, WEST + SIDE * (ACROSS - 1)), dice.uniform(SOUTH, SOUTH + SIDE * (TALL - 1))
    heading, line = dice.uniform(0, 2 * math.pi), []
    lon = place
    for _ in range(20):
        line.append([lon, lat])
        heading += dice.gauss(0, 0.2)
        lon, lat = lon + 0.003 * math.cos(heading), lat + 0.003 * math.sin(heading)
    left, right = (dice.choice(townships).unit for _ in range(2))
    return Reach.model_construct(
        code=f"R{n:06d}", name=f"第{n}段", river=f"第{n // 20}河", geometry={"type": "LineString", "coordinates": line},
        left_bank=left, right_bank=right, lead=left, corridor_m=60.0, channel_m=15.0,
    )  # fmt: skip


class Bare:
    """The floor: an STRtree and prepared geometry of the polygons, an STRtree of the lines."""

    def __init__(self, county: County) -> None:
        self.polygons = np.array([shapely.geometry.shape(one.geometry) for one in county.townships], dtype=object)
        shapely.prepare(self.polygons)
        self.lines = np.array([shapely.geometry.shape(one.geometry) for one in county.reaches], dtype=object)
        self.tree, self.rivers = shapely.STRtree(self.polygons), shapely.STRtree(self.lines)

    def ask(self, lon: float, lat: float) -> tuple[Any, Any, float]:
        point = shapely.points(lon, lat)
        township = self.tree.query(point, predicate="intersects")
        nearest = self.rivers.nearest(point)
        return township, nearest, float(shapely.distance(point, self.lines[nearest]))


def test_a_nation(county: County) -> None:
    large = nation(county)
    category = large.category_by_code["garbage"]
    own = psutil.Process()
    gc.collect()
    before = own.memory_info().rss
    begun = time.perf_counter()
    places = Places(large)
    built, memory = time.perf_counter() - begun, (own.memory_info().rss - before) / 1024**2
    bare = Bare(large)
    dice = random.Random(2)
    points = [_asked(dice, large) for _ in range(ASKED)]
    ratios, each = [], []
    for turn in range(TURNS + 1):
        floor = seconds(lambda: [bare.ask(*point) for point in points])
        taken = []
        for lon, lat in points:
            one = time.perf_counter()
            decide(places, lon, lat, 20.0, category)
            taken.append(time.perf_counter() - one)
        if turn:
            ratios.append(floor / sum(taken)), each.append((floor / ASKED, sum(taken) / ASKED, percentile(taken, 0.99)))
    floor, mean, worst = (sorted(column)[len(column) // 2] for column in zip(*each, strict=True))
    ratio = sorted(ratios)[len(ratios) // 2]
    tell(
        Row(
            "Routing a nation", f"{POLYGONS:,} townships, {REACHES:,} reaches, half of the points by a river",
            f"{shown(mean)} a decision, p99 {shown(worst)}; index built in {shown(built)}, {memory:.0f} MB",
            f"{shown(floor)} bare shapely", f"{ratio:.2f} of its rate", "≥ 0.6 of it, p99 ≤ 2 ms, built in ≤ 10 s",
            ratio >= 0.6 and worst <= 0.002 and built <= 10,
        )
    )  # fmt: skip


def _asked(dice: random.Random, large: County) -> tuple[float, float]:
    if dice.random() < 0.5:
        lon, lat = dice.choice(dice.choice(large.reaches).geometry["coordinates"])
        return lon + dice.gauss(0, 0.0003), lat + dice.gauss(0, 0.0003)
    return dice.uniform(WEST, WEST + SIDE * ACROSS), dice.uniform(SOUTH, SOUTH + SIDE * TALL)
