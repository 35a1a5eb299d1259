"""Where things are in one county: townships, reaches and risk sources, indexed once and asked for every report.

One STRtree holds a box for everything: the box of each part of a township, and the boxes of short pieces of the
reaches and of the risk sources, widened by the distance at which each still counts. One look-up therefore gives the few
candidates, and only those are measured.

Longitude and latitude in degrees, WGS-84; distances in metres on a plane that touches the ellipsoid at the point
asked for (within 0.5 % of the geodesic over 10 km). What contains a point is decided in degrees, as GeoJSON draws its
straight lines, so that a point on a shared border is on the border of both neighbours.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import Any, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from backend.county import County, Reach, RiskSource

Side = Literal["left", "right"]

# WGS-84
_AXIS_M = 6378137.0
_ECCENTRICITY_SQUARED = 0.00669437999014

_PIECE = 8  # segments of a reach under one box: fewer boxes against fewer segments measured
_SLACK = 1.02  # boxes are widened a little more than the plane asks, because it bends with latitude
_ON_THE_LINE_M = 0.01  # nearer to a line than this, no side is told


class NearReach(NamedTuple):
    """A reach seen from a point: distance of its line in metres, and the bank as the river flows, None on the line."""

    reach: Reach
    distance_m: float
    side: Side | None


class NearRiskSource(NamedTuple):
    source: RiskSource
    distance_m: float


class Around(NamedTuple):
    """What counts at a point: townships that contain or touch it (by code), reaches whose corridor it is in and risk
    sources that are near (both nearest first)."""

    townships: list[str]
    reaches: list[NearReach]
    risk_sources: list[NearRiskSource]


class Places:
    """The places of one county, immutable. Safe to share between threads."""

    def __init__(self, county: County) -> None:
        self.county = county
        self._outline = shapely.force_2d(shape(county.outline))
        shapely.prepare(self._outline)
        # GEOS builds the inner index of a prepared polygon at its first question, and not for two threads at once.
        self._prepared = threading.Lock()

        areas = np.array([_drawn(township.geometry) for township in county.townships], dtype=object)
        self._parts, owner = shapely.get_parts(areas, return_index=True)
        shapely.prepare(self._parts)
        self._part_unit = [county.townships[index].unit for index in owner]

        self._index_reaches(county.reaches)

        self._risk_sources = county.risk_sources
        self._risk_shapes = [shapely.force_2d(shape(source.geometry)) for source in county.risk_sources]
        risk_bounds = shapely.bounds(np.array(self._risk_shapes, dtype=object)).reshape(-1, 4)
        risk_reach_m = np.array([source.near_m for source in county.risk_sources], dtype=float)

        boxes = np.concatenate(
            [
                shapely.bounds(self._parts).reshape(-1, 4),
                _widened(self._piece_bounds, self._piece_corridor_m),
                _widened(risk_bounds, risk_reach_m),
            ]
        )
        self._first_piece = len(self._parts)
        self._first_risk = self._first_piece + len(self._piece_first)
        self._tree = shapely.STRtree(shapely.box(boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3]))

    @property
    def centre(self) -> tuple[float, float]:
        """A point well inside the county, longitude and latitude: where a map begins that knows of no better place."""
        inside = shapely.point_on_surface(self._outline)
        return inside.x, inside.y

    def around(self, lon: float, lat: float) -> Around:
        """Everything that counts at this point, in one look-up."""
        townships: list[str] = []
        pieces: list[int] = []
        risks: list[int] = []
        for found in self._tree.query(shapely.points(lon, lat)).tolist():
            if found < self._first_piece:
                with self._prepared:
                    if shapely.intersects_xy(self._parts[found], lon, lat):
                        townships.append(self._part_unit[found])
            elif found < self._first_risk:
                pieces.append(found - self._first_piece)
            else:
                risks.append(found - self._first_risk)
        if len(townships) > 1:
            townships = sorted(set(townships))

        reaches = [near for near in self._measure(pieces, lon, lat) if near.distance_m <= near.reach.corridor_m]
        risk_sources = []
        for index in risks:
            source = self._risk_sources[index]
            distance = _distance_m(self._risk_shapes[index], lon, lat)
            if distance <= source.near_m:
                risk_sources.append(NearRiskSource(source, distance))
        if len(risk_sources) > 1:
            risk_sources.sort(key=lambda near: (near.distance_m, near.source.code))
        return Around(townships, reaches, risk_sources)

    def outside_m(self, lon: float, lat: float) -> float:
        """How many metres outside the county's outline the point is; 0 inside and on it."""
        with self._prepared:
            if shapely.intersects_xy(self._outline, lon, lat):
                return 0.0
        return _distance_m(self._outline, lon, lat)

    def nearest_reaches(self, lon: float, lat: float, within_m: float) -> list[NearReach]:
        """The reaches no farther than `within_m`, nearest first, whatever their corridors."""
        found = self._found_within(lon, lat, within_m)
        pieces = found[(found >= self._first_piece) & (found < self._first_risk)] - self._first_piece
        return [near for near in self._measure(pieces.tolist(), lon, lat) if near.distance_m <= within_m]

    def nearest_townships(self, lon: float, lat: float, within_m: float) -> list[tuple[str, float]]:
        """The townships no farther than `within_m` with their distances in metres, nearest first, ties by code."""
        nearest: dict[str, float] = {}
        found = self._found_within(lon, lat, within_m)
        for index in found[found < self._first_piece].tolist():
            distance = _distance_m(self._parts[index], lon, lat)
            unit = self._part_unit[index]
            if distance <= min(within_m, nearest.get(unit, math.inf)):
                nearest[unit] = distance
        return sorted(nearest.items(), key=lambda item: (item[1], item[0]))

    def _found_within(self, lon: float, lat: float, within_m: float) -> NDArray[np.int64]:
        box = _widened(np.array([[lon, lat, lon, lat]]), np.array([within_m]))[0]
        found: NDArray[np.int64] = self._tree.query(shapely.box(*box))
        return found

    def _index_reaches(self, reaches: tuple[Reach, ...]) -> None:
        """Cut the lines of all reaches into pieces of a few segments, kept as runs of one array of vertices."""
        drawn = [_drawn(reach.geometry) for reach in reaches]
        # The parts of one line that follow each other become one, so that the river has no ends in its middle.
        joined = [shapely.line_merge(line, directed=True) if line.geom_type != "LineString" else line for line in drawn]
        lines, reach_of_line = shapely.get_parts(np.array(joined, dtype=object), return_index=True)
        vertices, line = shapely.get_coordinates(lines, return_index=True)
        repeated = np.zeros(len(vertices), dtype=bool)
        repeated[1:] = (line[1:] == line[:-1]) & (vertices[1:] == vertices[:-1]).all(axis=1)
        vertices, line = vertices[~repeated], line[~repeated]

        segments = np.flatnonzero(line[1:] == line[:-1])  # by their first vertex
        place_in_line = segments - np.searchsorted(line, line[segments]) if len(segments) else segments
        starts = np.flatnonzero(place_in_line % _PIECE == 0)
        ends = np.append(starts[1:], len(segments)) - 1
        self._vertices, self._line = vertices, line
        self._piece_first = segments[starts]
        self._piece_last = segments[ends] + 1 if len(segments) else segments
        self._piece_reach = reach_of_line[line[self._piece_first]] if len(segments) else segments
        self._reaches = reaches

        low = np.minimum(vertices[segments], vertices[segments + 1])
        high = np.maximum(vertices[segments], vertices[segments + 1])
        self._piece_bounds = np.empty((len(starts), 4))
        if len(starts):
            self._piece_bounds[:, :2] = np.minimum.reduceat(low, starts)
            self._piece_bounds[:, 2:] = np.maximum.reduceat(high, starts)
        corridors = np.array([reach.corridor_m for reach in reaches], dtype=float)
        self._piece_corridor_m = corridors[self._piece_reach] if len(starts) else np.empty(0)

    def _measure(self, pieces: list[int], lon: float, lat: float) -> list[NearReach]:
        """The reaches of these pieces, nearest first, ties by code."""
        if not pieces:
            return []
        scale_x, scale_y = _metres_per_degree(lat)
        best: dict[int, tuple[float, int, float]] = {}
        for piece in pieces:
            first = int(self._piece_first[piece])
            reach = int(self._piece_reach[piece])
            shortest = best[reach][0] if reach in best else math.inf
            xy = self._vertices[first : int(self._piece_last[piece]) + 1].tolist()
            ax, ay = (xy[0][0] - lon) * scale_x, (xy[0][1] - lat) * scale_y
            for index in range(1, len(xy)):
                bx, by = (xy[index][0] - lon) * scale_x, (xy[index][1] - lat) * scale_y
                dx, dy = bx - ax, by - ay
                along = -(ax * dx + ay * dy) / (dx * dx + dy * dy)
                if along <= 0.0:
                    distance = math.hypot(ax, ay)
                elif along >= 1.0:
                    distance = math.hypot(bx, by)
                else:
                    distance = abs(ax * dy - ay * dx) / math.hypot(dx, dy)
                if distance < shortest:
                    shortest = distance
                    best[reach] = (distance, first + index - 1, along)
                ax, ay = bx, by
        near = [
            NearReach(self._reaches[reach], distance, self._side(segment, along, lon, lat, scale_x, scale_y))
            for reach, (distance, segment, along) in best.items()
        ]
        if len(near) > 1:
            near.sort(key=lambda item: (item.distance_m, item.reach.code))
        return near

    def _side(self, segment: int, along: float, lon: float, lat: float, scale_x: float, scale_y: float) -> Side | None:
        """The bank on which the point is, seen downstream from the nearest place of the line.

        Nearest to a bend, the point is in the wedge outside it: right of a bend to the left, left of one to the
        right. Straight ahead of the line's end there is no bank.
        """
        before = segment - 1 if along <= 0.0 else segment
        after = segment if along < 1.0 else segment + 1
        last = len(self._line) - 1
        bend = before >= 0 and after < last and self._line[before] == self._line[after + 1] and before < after
        if bend:
            x0, y0 = self._vertices[before].tolist()
            x1, y1 = self._vertices[after].tolist()
            x2, y2 = self._vertices[after + 1].tolist()
            ux, uy = (x1 - x0) * scale_x, (y1 - y0) * scale_y
            vx, vy = (x2 - x1) * scale_x, (y2 - y1) * scale_y
            turn = (ux * vy - uy * vx) / (math.hypot(ux, uy) * math.hypot(vx, vy))
            if abs(turn) > 1e-9:
                distance = math.hypot((x1 - lon) * scale_x, (y1 - lat) * scale_y)
                if distance <= _ON_THE_LINE_M:
                    return None
                return "right" if turn > 0 else "left"
        x0, y0 = self._vertices[segment].tolist()
        x1, y1 = self._vertices[segment + 1].tolist()
        dx, dy = (x1 - x0) * scale_x, (y1 - y0) * scale_y
        aside = (dx * (lat - y0) * scale_y - dy * (lon - x0) * scale_x) / math.hypot(dx, dy)
        if abs(aside) <= _ON_THE_LINE_M:
            return None
        return "left" if aside > 0 else "right"


_KEPT = 4  # versions of a county in use at once, tests included
_places: OrderedDict[int, Places] = OrderedDict()
_places_lock = threading.Lock()


def places_of(county: County) -> Places:
    """The index of this very county object, built at the first call and kept while it is among the last few asked."""
    # Keyed by identity, which stays taken because each Places holds its county.
    with _places_lock:
        places = _places.get(id(county))
        if places is None:
            places = _places[id(county)] = Places(county)
            if len(_places) > _KEPT:
                _places.popitem(last=False)
        else:
            _places.move_to_end(id(county))
        return places


def _drawn(geometry: dict[str, Any]) -> BaseGeometry:
    """A GeoJSON geometry as shapely's. Its runs of vertices become arrays first: shapely reads numbers one by one."""

    def runs(coordinates: Any) -> Any:
        if isinstance(coordinates[0][0], int | float):
            return np.array(coordinates, dtype=np.float64)
        return [runs(part) for part in coordinates]

    return shapely.force_2d(shape({**geometry, "coordinates": runs(geometry["coordinates"])}))


def _metres_per_degree(lat: float) -> tuple[float, float]:
    """Metres in a degree of longitude and of latitude, from the radii of curvature of WGS-84 at this latitude."""
    phi = math.radians(lat)
    bend = 1.0 - _ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    across = _AXIS_M / math.sqrt(bend)
    return (
        math.radians(across * max(math.cos(phi), 1e-9)),
        math.radians(across * (1.0 - _ECCENTRICITY_SQUARED) / bend),
    )


def _distance_m(geometry: BaseGeometry, lon: float, lat: float) -> float:
    scale = np.array(_metres_per_degree(lat))
    here = np.array([lon, lat])

    def on_the_plane(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        plane: NDArray[np.float64] = (degrees - here) * scale
        return plane

    return float(shapely.distance(shapely.transform(geometry, on_the_plane), shapely.points(0.0, 0.0)))


def _widened(bounds: NDArray[Any], by_m: NDArray[Any]) -> NDArray[np.float64]:
    """Boxes (west, south, east, north) in degrees grown by metres, never too little."""
    farthest = np.radians(np.minimum(np.maximum(np.abs(bounds[:, 1]), np.abs(bounds[:, 3])) + 0.1, 89.0))
    tall = by_m * _SLACK / 110_574.0
    wide = by_m * _SLACK / (111_319.0 * np.cos(farthest))
    sides = [bounds[:, 0] - wide, bounds[:, 1] - tall, bounds[:, 2] + wide, bounds[:, 3] + tall]
    return np.stack(sides, axis=1).astype(np.float64)
