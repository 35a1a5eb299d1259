"""Write the demo county 清源县: `python -m backend.local.demo_county OUT_DIR`.

An invented county of about 50 by 40 km near 25.3°N, 102.9°E. `county.toml` and the calendars are written by hand and
copied; townships, reaches, risk sources, roster and `demo_points.json` are generated from one seed, the same bytes on
every machine (no geometry library takes part).

The county is a honeycomb with shaken corners and jagged sides. A township is a set of cells and a river a path along
sides, so neighbours share every point of a border, and a river that is a border runs on it exactly. Deliberate
oddities: an exclave 飞地, an enclave of one township in another (its hole), and a reservoir that no township contains.
"""

from __future__ import annotations

import csv
import heapq
import json
import math
import shutil
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

BY_HAND = Path(__file__).parents[2] / "config" / "county" / "qingyuan"
BY_HAND_FILES = ("county.toml", "calendar-*.toml")
SEED = 58
LON, LAT = 102.9, 25.3
M_PER_LON = 111_320 * 0.904083  # cos 25.3°
M_PER_LAT = 110_770
SIDE_M = 1750  # of a cell
HALF_WIDTH_M, HALF_HEIGHT_M = 25_500, 20_500
ENCLAVE_IN_OTHER, EXCLAVE_ON_BORDER = "enclave", "exclave"

Cell = tuple[int, int]
Corner = tuple[int, int]
Side = tuple[Corner, Corner]
Point = tuple[float, float]

_NEIGHBOURS = ((1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1))
_CORNERS = ((1, 1), (0, 2), (-1, 1), (-1, -1), (0, -2), (1, -1))  # counter-clockwise
_RIVERS = (  # name, code, source in km from the middle of the county, corridor and half width of the water in m
    ("清水河", "QSH", (-22, 12), 100, 30),
    ("白沙河", "BSH", (10, 18), 80, 15),
    ("龙潭河", "LTH", (-13, -14), 80, 15),
    ("马蹄河", "MTH", (-21, -3), 60, 8),
    ("小江", "XJ", (22, 7), 80, 12),
)
_MOUTH_KM = (22, -12)


@dataclass(frozen=True)
class _ReachPlan:
    """A reach before it is written: corners downstream, and the township on either bank."""

    code: str
    name: str
    river: str
    left: str
    right: str
    lead: str
    corridor_m: int
    channel_m: int
    corners: tuple[Corner, ...]

    @property
    def sides(self) -> list[Side]:
        return list(zip(self.corners, self.corners[1:], strict=False))

    @property
    def is_border(self) -> bool:
        return self.left != self.right


@dataclass
class _Map:
    """The county while it is drawn: cells, whose they are, rivers, reaches, oddities."""

    cells: dict[Cell, str]
    rivers: list[list[Corner]]
    reaches: list[_ReachPlan] = field(default_factory=list)
    oddities: dict[str, Cell] = field(default_factory=dict)
    reservoir: list[Point] = field(default_factory=list)
    reservoir_in: str = ""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("用法：python -m backend.local.demo_county 输出目录", file=sys.stderr)
        return 2
    write_county(Path(arguments[0]))
    return 0


def write_county(folder: Path) -> None:
    """Write every file of the demo county to `folder`, replacing those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in BY_HAND_FILES:
        for path in sorted(BY_HAND.glob(pattern)):
            if path.parent.resolve() != folder.resolve():
                shutil.copyfile(path, folder / path.name)
    units = tomllib.loads((folder / "county.toml").read_text("utf-8"))["units"]
    names = {unit["code"]: unit["name"] for unit in units}
    townships = [unit["code"] for unit in units if unit["kind"] == "township"]
    departments = [unit["code"] for unit in units if unit["kind"] == "department"]
    office = next(unit["code"] for unit in units if unit["kind"] == "county_office")
    drawn = _draw(townships, names)
    _write_features(folder / "townships.geojson", _township_features(drawn, names))
    _write_features(folder / "reaches.geojson", _reach_features(drawn))
    _write_features(folder / "risk_sources.geojson", _risk_features(drawn, names))
    _write_points(folder / "demo_points.json", _demo_points(drawn))
    _write_roster(folder / "roster.csv", _roster(drawn, names, office, departments, townships))


# Chance that is the same everywhere


def _chance(*what: object) -> Random:
    return Random(":".join(map(str, (SEED, *what))))


# The honeycomb


def _unit_xy(at: tuple[int, int]) -> Point:
    """Metres from the middle of the county, of a point of the honeycomb's own integer grid."""
    return at[0] * SIDE_M * math.sqrt(3) / 2, at[1] * SIDE_M / 2


def _middle(cell: Cell) -> tuple[int, int]:
    return 2 * cell[0] + cell[1], 3 * cell[1]


def _corners(cell: Cell) -> list[Corner]:
    x, y = _middle(cell)
    return [(x + dx, y + dy) for dx, dy in _CORNERS]


def _cell_sides(cell: Cell) -> list[Side]:
    corners = _corners(cell)
    return list(zip(corners, corners[1:] + corners[:1], strict=True))


def _around(cell: Cell) -> list[Cell]:
    return [(cell[0] + dq, cell[1] + dr) for dq, dr in _NEIGHBOURS]


def _corner_xy(corner: Corner) -> Point:
    x, y = _unit_xy(corner)
    chance = _chance("corner", corner)
    return x + chance.uniform(-0.27, 0.27) * SIDE_M, y + chance.uniform(-0.27, 0.27) * SIDE_M


def _side_xy(side: Side) -> list[Point]:
    """The jagged line of a side, drawn once for both of its cells, from its first corner to its second."""
    first, last = sorted(side)
    chance = _chance("side", first, last)
    line = [_corner_xy(first), _corner_xy(last)]
    for _ in range(4):
        line = list(_jagged(line, chance))
    return line if side == (first, last) else line[::-1]


def _jagged(line: list[Point], chance: Random) -> Iterator[Point]:
    for (x1, y1), (x2, y2) in pairwise(line):
        push = chance.uniform(-0.17, 0.17)
        yield x1, y1
        yield (x1 + x2) / 2 - (y2 - y1) * push, (y1 + y2) / 2 + (x2 - x1) * push
    yield line[-1]


def _sides_xy(sides: Iterable[Side]) -> list[Point]:
    line: list[Point] = []
    for side in sides:
        line += _side_xy(side)[1 if line else 0 :]
    return line


def _county_cells() -> list[Cell]:
    """The cells whose middle is inside an irregular blob."""

    def inside(cell: Cell) -> bool:
        x, y = _unit_xy(_middle(cell))
        angle = math.atan2(y, x)
        edge = 0.93 + 0.09 * math.sin(2 * angle + 0.7) + 0.06 * math.sin(3 * angle + 2) + 0.04 * math.sin(5 * angle)
        return math.hypot(x / HALF_WIDTH_M, y / HALF_HEIGHT_M) < edge

    grid = [(q, r) for r in range(-12, 13) for q in range(-20, 21)]
    return [cell for cell in grid if inside(cell)]


# Rivers, townships, oddities


def _draw(townships: list[str], names: dict[str, str]) -> _Map:
    cells = _county_cells()
    owners = _owners_of_sides(cells)
    rivers = _run_rivers({side for side, of in owners.items() if len(of) == 2})
    drawn = _Map(_settle(cells, rivers, owners, townships), rivers)
    _place_enclave(drawn)
    _place_exclave(drawn)
    drawn.reaches = list(_cut_reaches(drawn, names))
    _place_reservoir(drawn)
    return drawn


def _key(side: Side) -> Side:
    return (side[0], side[1]) if side[0] < side[1] else (side[1], side[0])


def _owners_of_sides(cells: Iterable[Cell]) -> dict[Side, list[Cell]]:
    owners: dict[Side, list[Cell]] = {}
    for cell in cells:
        for side in _cell_sides(cell):
            owners.setdefault(_key(side), []).append(cell)
    return owners


def _nearest_corner(corners: Iterable[Corner], km: tuple[int, int]) -> Corner:
    return min(corners, key=lambda corner: (math.dist(_unit_xy(corner), (km[0] * 1000, km[1] * 1000)), corner))


def _run_rivers(sides: set[Side]) -> list[list[Corner]]:
    """Each river from its source to the mouth of the county's main river, or to the first river it meets."""
    links: dict[Corner, list[Corner]] = {}
    for first, last in sorted(sides):
        links.setdefault(first, []).append(last)
        links.setdefault(last, []).append(first)
    mouths = {_nearest_corner(links, _MOUTH_KM)}
    rivers: list[list[Corner]] = []
    for _, code, source, _, _ in _RIVERS:
        path = _meander(links, _nearest_corner(links, source), mouths, code)
        rivers.append(path)
        mouths = mouths | set(path) if len(rivers) > 1 else set(path)
    return rivers


def _meander(links: dict[Corner, list[Corner]], source: Corner, mouths: set[Corner], code: str) -> list[Corner]:
    """The cheapest path where every side has a price of its own."""
    queue: list[tuple[float, Corner, tuple[Corner, ...]]] = [(0.0, source, (source,))]
    seen: set[Corner] = set()
    while queue:
        cost, corner, path = heapq.heappop(queue)
        if corner in mouths:
            return list(path)
        if corner in seen:
            continue
        seen.add(corner)
        for other in links[corner]:
            price = 1 + 1.5 * _chance(code, _key((corner, other))).random()
            heapq.heappush(queue, (cost + price, other, (*path, other)))
    raise ValueError(f"river {code} finds no way")


def _settle(
    cells: list[Cell], rivers: list[list[Corner]], owners: dict[Side, list[Cell]], townships: list[str]
) -> dict[Cell, str]:
    """Grow one township from each seat, crossing water unwillingly, and move the seats to the middle a few times."""
    wet = {_key(side) for river in rivers for side in pairwise(river)}
    between = {frozenset(of): side for side, of in owners.items() if len(of) == 2}
    seats = _scatter(cells, len(townships))
    settled: dict[Cell, int] = {}
    for _ in range(6):
        settled = _grow(cells, seats, {pair for pair, side in between.items() if side in wet})
        seats = [_central([cell for cell in cells if settled[cell] == n]) for n in range(len(seats))]
    return {cell: townships[settled[cell]] for cell in cells}


def _scatter(cells: list[Cell], count: int) -> list[Cell]:
    chance = _chance("seats")
    seats = [chance.choice(cells)]
    while len(seats) < count:
        some = chance.sample(cells, 12)
        seats.append(max(some, key=lambda cell: min(_apart(cell, seat) for seat in seats)))
    return seats


def _apart(one: Cell, two: Cell) -> float:
    return math.dist(_unit_xy(_middle(one)), _unit_xy(_middle(two)))


def _central(cells: list[Cell]) -> Cell:
    return min(cells, key=lambda cell: (sum(_apart(cell, other) ** 2 for other in cells), cell))


def _grow(cells: list[Cell], seats: list[Cell], wet: set[frozenset[Cell]]) -> dict[Cell, int]:
    queue = [(0.0, number, seat) for number, seat in enumerate(seats)]
    inside = set(cells)
    settled: dict[Cell, int] = {}
    while queue:
        cost, number, cell = heapq.heappop(queue)
        if cell in settled:
            continue
        settled[cell] = number
        for other in _around(cell):
            if other in inside and other not in settled:
                toll = 1.6 if frozenset((cell, other)) in wet else 0.0
                step = 1 + toll + 0.6 * _chance("step", min(cell, other), max(cell, other)).random()
                heapq.heappush(queue, (cost + step, number, other))
    return settled


def _dry_cells(drawn: _Map) -> list[Cell]:
    wet = {corner for river in drawn.rivers for corner in river}
    return [cell for cell in sorted(drawn.cells) if not wet & set(_corners(cell))]


def _place_enclave(drawn: _Map) -> None:
    """Give a dry cell that one township surrounds to a township next door: a hole in the one, a part of the other."""
    for cell in _dry_cells(drawn):
        around = {drawn.cells.get(other) for other in _around(cell)}
        others = {drawn.cells[far] for near in _around(cell) for far in _around(near) if far in drawn.cells} - around
        if around == {drawn.cells[cell]} and others:
            drawn.cells[cell] = min(others)
            drawn.oddities[ENCLAVE_IN_OTHER] = cell
            return
    raise ValueError("no cell can be an enclave")


def _place_exclave(drawn: _Map) -> None:
    """Give a dry cell on a border of two townships to a third that does not touch it."""
    taken = drawn.oddities[ENCLAVE_IN_OTHER]
    for cell in reversed(_dry_cells(drawn)):
        near = {drawn.cells.get(other) for other in _around(cell)}
        far = {drawn.cells.get(two) for one in _around(cell) for two in _around(one)}
        if len(near) == 2 and None not in far and _apart(cell, taken) > 8 * SIDE_M and _keeps_whole(drawn, cell):
            drawn.cells[cell] = _nearest_other_township(drawn, cell, near)
            drawn.oddities[EXCLAVE_ON_BORDER] = cell
            return
    raise ValueError("no cell can be an exclave")


def _keeps_whole(drawn: _Map, cell: Cell) -> bool:
    """Whether the township stays in one piece without this cell: its own neighbours are one run around it."""
    ours = [drawn.cells.get(other) == drawn.cells[cell] for other in _around(cell)]
    return sum(one != two for one, two in zip(ours, ours[1:] + ours[:1], strict=True)) == 2


def _nearest_other_township(drawn: _Map, cell: Cell, near: set[str | None]) -> str:
    others = [other for other, unit in drawn.cells.items() if unit not in near]
    return drawn.cells[min(others, key=lambda other: (_apart(cell, other), other))]


def _cut_reaches(drawn: _Map, names: dict[str, str]) -> Iterator[_ReachPlan]:
    for (name, code, _, corridor_m, channel_m), river in zip(_RIVERS, drawn.rivers, strict=True):
        used: dict[str, int] = {}
        for number, (left, right, corners) in enumerate(_stretches(drawn, river), 1):
            where = names[left] if left == right else f"{names[left]}—{names[right]}"
            used[where] = used.get(where, 0) + 1
            yield _ReachPlan(
                code=f"{code}-{number:02d}",
                name=f"{name}{where}段" + (f"{used[where]}" if used[where] > 1 else ""),
                river=name,
                left=left,
                right=right,
                lead=_chance("lead", code, number).choice((left, right)),
                corridor_m=corridor_m,
                channel_m=channel_m,
                corners=corners,
            )


def _stretches(drawn: _Map, river: list[Corner]) -> Iterator[tuple[str, str, tuple[Corner, ...]]]:
    """Cut a river where a bank changes hands, and after three sides (some 5 km)."""
    owners = _owners_of_sides(drawn.cells)
    piece: list[Corner] = []
    banks = ("", "")
    for side in pairwise(river):
        now = _banks(drawn, owners[_key(side)], side)
        if piece and (now != banks or len(piece) == 4):
            yield *banks, tuple(piece)
            piece = []
        piece = piece or [side[0]]
        piece.append(side[1])
        banks = now
    yield *banks, tuple(piece)


def _banks(drawn: _Map, cells: list[Cell], side: Side) -> tuple[str, str]:
    (x1, y1), (x2, y2) = map(_unit_xy, side)
    left = right = ""
    for cell in cells:
        x, y = _unit_xy(_middle(cell))
        if (x2 - x1) * (y - y1) > (y2 - y1) * (x - x1):
            left = drawn.cells[cell]
        else:
            right = drawn.cells[cell]
    return left, right


def _place_reservoir(drawn: _Map) -> None:
    """A small lake some 450 m beside a river, inside one cell; its area belongs to no township."""
    owners = _owners_of_sides(drawn.cells)
    for reach in drawn.reaches[len(drawn.reaches) // 2 :]:
        for side in () if reach.is_border else reach.sides:
            for cell in owners[_key(side)]:
                if all(drawn.cells.get(other) == reach.lead for other in (cell, *_around(cell))):
                    middle = _beside(_side_xy(side), _unit_xy(_middle(cell)), 450)
                    drawn.reservoir = _lake(middle)
                    drawn.reservoir_in = drawn.cells[cell]
                    return
    raise ValueError("no place for the reservoir")


def _beside(line: list[Point], towards: Point, metres: float) -> Point:
    """The first point on the way from the middle of a line towards a point that is so far from all of the line."""
    (x, y), (tx, ty) = line[len(line) // 2], towards
    long = math.dist((x, y), towards)
    for step in range(int(long)):
        at = (x + (tx - x) * step / long, y + (ty - y) * step / long)
        if _distance(at, line) >= metres:
            return at
    raise ValueError("the lake does not fit")


def _distance(point: Point, line: list[Point]) -> float:
    """Metres from a point to a line, on the plane."""
    return min(_to_segment(point, one, two) for one, two in pairwise(line))


def _to_segment(point: Point, one: Point, two: Point) -> float:
    dx, dy = two[0] - one[0], two[1] - one[1]
    share = ((point[0] - one[0]) * dx + (point[1] - one[1]) * dy) / (dx * dx + dy * dy)
    share = min(1.0, max(0.0, share))
    return math.dist(point, (one[0] + share * dx, one[1] + share * dy))


def _lake(middle: Point) -> list[Point]:
    chance = _chance("lake")
    ring = []
    for step in range(24):
        reach = chance.uniform(0.85, 1.1)
        angle = step * math.tau / 24
        ring.append((middle[0] + 280 * reach * math.cos(angle), middle[1] + 240 * reach * math.sin(angle)))
    return [*ring, ring[0]]


def _lake_middle(drawn: _Map) -> Point:
    ring = drawn.reservoir[:-1]
    return sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)


# Features


def _lonlat(point: Point) -> list[float]:
    return [round(LON + point[0] / M_PER_LON, 6), round(LAT + point[1] / M_PER_LAT, 6)]


def _feature(properties: dict[str, Any], kind: str, coordinates: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def _township_features(drawn: _Map, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    for unit in sorted(set(drawn.cells.values())):
        shells, holes = _rings([cell for cell, owner in drawn.cells.items() if owner == unit])
        if unit == drawn.reservoir_in:
            holes.append(drawn.reservoir[::-1])
        parts = [[shells[0], *holes], *([shell] for shell in shells[1:])]
        coordinates = [[[_lonlat(point) for point in ring] for ring in part] for part in parts]
        properties = {"unit": unit, "name": names[unit]}
        if len(parts) == 1:
            yield _feature(properties, "Polygon", coordinates[0])
        else:
            yield _feature(properties, "MultiPolygon", coordinates)


def _rings(cells: list[Cell]) -> tuple[list[list[Point]], list[list[Point]]]:
    """The outer rings of a set of cells, the largest first, and the holes (all of them in the largest)."""
    sides = {side for cell in cells for side in _cell_sides(cell)}
    follow: dict[Corner, Corner] = {one: two for one, two in sides if (two, one) not in sides}
    rings = []
    while follow:
        start = corner = min(follow)
        path: list[Side] = []
        while corner in follow:
            path.append((corner, follow[corner]))
            corner = follow.pop(corner)
        assert corner == start
        rings.append(_sides_xy(path))
    rings.sort(key=_area, reverse=True)
    return [ring for ring in rings if _area(ring) > 0], [ring for ring in rings if _area(ring) < 0]


def _area(ring: list[Point]) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring)) / 2


def _reach_features(drawn: _Map) -> Iterator[dict[str, Any]]:
    for reach in drawn.reaches:
        yield _feature(
            {
                "code": reach.code,
                "name": reach.name,
                "river": reach.river,
                "left_bank": reach.left,
                "right_bank": reach.right,
                "lead": reach.lead,
                "corridor_m": reach.corridor_m,
                "channel_m": reach.channel_m,
            },
            "LineString",
            [_lonlat(point) for point in _sides_xy(reach.sides)],
        )


_RISKS = (  # kind, name after the township's, near_m
    ("outfall", "集镇生活污水排口", 100),
    ("sand_pit", "砂石料场", 200),
    ("plant", "食品加工厂", 150),
    ("outfall", "农田退水排口", 80),
    ("water_intake", "集镇取水口", 300),
    ("outfall", "污水处理站排口", 100),
    ("plant", "选矿厂", 200),
    ("sand_pit", "已关停采砂点", 200),
)


def _risk_features(drawn: _Map, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    used: dict[str, int] = {}
    for number, reach in enumerate(drawn.reaches[::2] + drawn.reaches[1::8], 1):
        kind, what, near_m = _RISKS[(number - 1) % len(_RISKS)]
        on_left = _chance("risk", number).random() < 0.5
        unit = reach.left if on_left else reach.right
        point = _off_the_middle(reach, reach.channel_m + 25, left=on_left)
        name = f"{names[unit]}{what}"
        used[name] = used.get(name, 0) + 1
        name += f"{used[name]}号" if used[name] > 1 else ""
        yield _risk(f"FX-{number:03d}", name, kind, unit, reach.code, near_m, point)
    lake = _lake_middle(drawn)
    nearest = min(drawn.reaches, key=lambda reach: _distance(lake, _sides_xy(reach.sides)))
    point = (lake[0] + 150, lake[1])
    yield _risk("FX-900", "清源水库取水口", "water_intake", drawn.reservoir_in, nearest.code, 500, point)


def _risk(code: str, name: str, kind: str, unit: str, reach: str, near_m: int, point: Point) -> dict[str, Any]:
    properties = {"code": code, "name": name, "kind": kind, "unit": unit, "reach": reach, "near_m": near_m}
    return _feature(properties, "Point", _lonlat(point))


def _off_the_middle(reach: _ReachPlan, metres: float, *, left: bool) -> Point:
    """A point on one bank, beside the middle of the reach, at least so far from the line and not much farther."""
    line = _sides_xy(reach.sides)
    middle = len(line) // 2
    for away in range(len(line) // 2 - 1):
        for at in (middle + away, middle - away):
            point = _perpendicular(line[at], line[at + 1], metres if left else -metres)
            if _distance(point, line) > metres - 1:
                return point
    raise ValueError(f"no quiet bank at {reach.code}")


def _perpendicular(one: Point, two: Point, metres: float) -> Point:
    """The point so far to the left of the middle of a segment; negative: to the right."""
    dx, dy = two[0] - one[0], two[1] - one[1]
    long = math.hypot(dx, dy)
    return (one[0] + two[0]) / 2 - dy / long * metres, (one[1] + two[1]) / 2 + dx / long * metres


# Named points


def _demo_points(drawn: _Map) -> dict[str, dict[str, Any]]:
    border = next(reach for reach in drawn.reaches if reach.is_border and len(reach.corners) > 2)
    line = _sides_xy(border.sides)
    left = _off_the_middle(border, 60, left=True)
    right = _off_the_middle(border, 60, left=False)
    inside = _driest(drawn)
    east = max(x for cell in drawn.cells for x, _ in map(_unit_xy, _corners(cell)))
    points = {
        "bank_left": _named("界河左岸，离河 60 米", left, border.left, border.code),
        "bank_right": _named("界河右岸，离河 60 米", right, border.right, border.code),
        "mid_river_border": _named("界河河心", line[len(line) // 2], border.lead, border.code),
        "inside_township": _named("乡镇腹地，远离河道", _unit_xy(_middle(inside)), drawn.cells[inside]),
        "reservoir_outside_polygons": _named("水库水面，不在任何乡镇范围内", _lake_middle(drawn), drawn.reservoir_in),
        "outside_county": _named("县界以外约 5 公里", (east + 5000, 0), None),
    }
    for name, key, about in (
        ("exclave", EXCLAVE_ON_BORDER, "飞地"),
        ("hole", ENCLAVE_IN_OTHER, "被另一乡镇四面包围的飞地（包围者的孔洞）"),
    ):
        cell = drawn.oddities[key]
        points[name] = _named(about, _unit_xy(_middle(cell)), drawn.cells[cell])
    points["far"] = {"about": "北京", "lon": 116.397, "lat": 39.908, "lead": None, "reach": None}
    return points


def _driest(drawn: _Map) -> Cell:
    """The dry cell in the middle of its own township that is farthest from all water."""
    wet = [_unit_xy(corner) for river in drawn.rivers for corner in river]
    own = [
        cell for cell in _dry_cells(drawn) if {drawn.cells.get(near) for near in _around(cell)} == {drawn.cells[cell]}
    ]
    return max(own, key=lambda cell: min(math.dist(_unit_xy(_middle(cell)), at) for at in wet))


def _named(about: str, point: Point, lead: str | None, reach: str | None = None) -> dict[str, Any]:
    lon, lat = _lonlat(point)
    return {"about": about, "lon": lon, "lat": lat, "lead": lead, "reach": reach}


# People

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN = "建国志强秀英桂芳文华明辉晓红永平海燕国栋春梅俊杰丽萍家兴雪松光荣彩云天明玉兰"
_Row = tuple[str, str, str, str, str]


def _roster(
    drawn: _Map, names: dict[str, str], office: str, departments: list[str], townships: list[str]
) -> Iterator[_Row]:
    """Name, fictional phone, role, unit code and reach codes (joined by 、) of everybody."""
    posts = list(_posts(drawn, office, departments, townships))
    for number, (name, (role, unit, reaches)) in enumerate(zip(_people(), posts, strict=False), 1):
        yield name, str(19_900_000_000 + number), role, unit, "、".join(reaches)


def _people() -> Iterator[str]:
    chance = _chance("people")
    known: set[str] = set()
    while True:
        name = chance.choice(_SURNAMES) + chance.choice(_GIVEN) + chance.choice(_GIVEN)
        if name not in known:
            known.add(name)
            yield name


def _posts(
    drawn: _Map, office: str, departments: list[str], townships: list[str]
) -> Iterator[tuple[str, str, list[str]]]:
    yield "县河长办", office, []
    yield "县河长办", office, []
    yield "县级河长", office, [reach.code for reach in drawn.reaches if reach.river == _RIVERS[0][0]]
    yield "督查员", office, []
    for department in departments:
        yield "单位负责人", department, []
        yield "经办人", department, []
    for township in townships:
        reaches = [reach.code for reach in drawn.reaches if township in (reach.left, reach.right)]
        yield "单位负责人", township, []
        yield "经办人", township, []
        yield "乡级河长", township, reaches
        for code in reaches:
            yield "村级河长", township, [code]
        if reaches:
            yield "巡河员", township, reaches[:2]


# Files


def _write_features(path: Path, features: Iterable[dict[str, Any]]) -> None:
    """One feature a line, so that a change shows as such."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in features)
    _write(path, '{"type":"FeatureCollection","features":[\n' + lines + "\n]}\n")


def _write_points(path: Path, points: dict[str, dict[str, Any]]) -> None:
    lines = ",\n".join(f'  "{name}": {json.dumps(point, ensure_ascii=False)}' for name, point in points.items())
    _write(path, "{\n" + lines + "\n}\n")


def _write_roster(path: Path, rows: Iterable[_Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("姓名", "手机号", "角色", "单位", "河段"))
        table.writerows(rows)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
