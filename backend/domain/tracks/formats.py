"""A patrol as GeoJSON (RFC 7946) and as GPX 1.1, with times; for playback 回放, export and other programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from gpxpy.gpx import GPX, GPXTrack, GPXTrackPoint, GPXTrackSegment, GPXWaypoint

from backend.domain.tracks.playback import Mark, Playback, Vertex

_DIGITS = 6  # about 10 cm
_KINDS = {"photo": "照片", "finding": "发现问题", "checkpoint": "巡查点"}


def geojson(shown: Playback, properties: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A FeatureCollection: a LineString for each piece of the line, with a time for each of its vertices in `times`;
    a dashed one for each gap that is not bridged; a Point for each mark. `properties` are the patrol's own.
    """
    features = [_piece(piece) for piece in shown.pieces]
    features += [
        _feature(
            _line([before[:2], after[:2]]),
            kind="gap",
            begins_at=_at(gap.begins_ms),
            ends_at=_at(gap.ends_ms),
            straight_m=round(gap.straight_m, 1),
        )
        for gap in shown.gaps
        if not gap.bridged
        for before, after in _around(shown, gap.ends_ms)
    ]
    features += [
        _feature(
            {"type": "Point", "coordinates": _place(mark.lon, mark.lat)},
            kind=mark.kind,
            title=mark.title,
            at=None if mark.at_ms is None else _at(mark.at_ms),
        )
        for mark in shown.marks
    ]
    return {"type": "FeatureCollection", "properties": dict(properties or {}), "features": features}


def gpx(shown: Playback, name: str, description: str = "") -> str:
    """GPX of one track, a segment for each piece of the line, with marks as waypoints."""
    document = GPX()
    document.creator = "Qinghe 清河"
    document.name, document.description = name, description or None
    if shown.vertices:
        document.time = _moment(shown.vertices[0][2])
    document.waypoints = [_waypoint(mark) for mark in shown.marks]
    track = GPXTrack(name=name)
    for piece in shown.pieces:
        points = [GPXTrackPoint(round(lat, _DIGITS), round(lon, _DIGITS), time=_moment(at)) for lon, lat, at in piece]
        track.segments.append(GPXTrackSegment(points))
    document.tracks.append(track)
    written: str = document.to_xml(version="1.1")
    return written


def _piece(piece: tuple[Vertex, ...]) -> dict[str, Any]:
    places = [vertex[:2] for vertex in piece]
    geometry = _line(places) if len(places) > 1 else {"type": "Point", "coordinates": _place(*places[0])}
    return _feature(geometry, kind="track", times=[_at(vertex[2]) for vertex in piece])


def _around(shown: Playback, ends_ms: int) -> list[tuple[Vertex, Vertex]]:
    """The vertices before and after a gap, where both are shown."""
    return [
        (before[-1], after[0]) for before, after in pairwise(shown.pieces) if before[-1][2] < ends_ms <= after[0][2]
    ]


def _waypoint(mark: Mark) -> GPXWaypoint:
    time = None if mark.at_ms is None else _moment(mark.at_ms)
    kind = _KINDS[mark.kind]
    return GPXWaypoint(
        round(mark.lat, _DIGITS), round(mark.lon, _DIGITS), time=time, name=mark.title or kind, type=kind
    )


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _line(places: list[tuple[float, float]]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [_place(*place) for place in places]}


def _place(lon: float, lat: float) -> list[float]:
    return [round(lon, _DIGITS), round(lat, _DIGITS)]


def _moment(at_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)


def _at(at_ms: int) -> str:
    return _moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
