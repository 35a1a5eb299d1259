"""A patrol played back: its line with the photos, findings and visits on it, as GeoJSON or GPX.

Whoever does not see a patrol whole (another township on whose bank it went) is not shown where it began and ended:
chiefs start at home. What lies within the county's `hidden_ends_m` of either end is left out, problems excepted: where
a problem is, is public.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import gpxpy.gpx
from sqlalchemy import select

from backend.domain import checkpoints, findings, judging, patrol_lists, patrols
from backend.domain.tracks.judgement import Judgement
from backend.geo import distance_m
from backend.models import Patrol, Person, Photo, Verdict

if TYPE_CHECKING:
    from backend.work import Work

Kind = Literal["photo", "finding", "checkpoint"]
Vertex = tuple[float, float, int]  # longitude, latitude (WGS-84 degrees), milliseconds since 1970


@dataclass(frozen=True)
class Mark:
    """Something on the line, WGS-84. `id` is of the photo, the finding or the visit; `at` by the server's clock."""

    kind: Kind
    id: str
    name: str
    lon: float
    lat: float
    at: datetime | None


@dataclass(frozen=True)
class Playback:
    """`pieces`: the line, cut where it was not seen and not bridged. `hidden`: the ends are left out."""

    patrol: Patrol
    name: str
    pieces: tuple[tuple[Vertex, ...], ...]
    marks: tuple[Mark, ...]
    distance_m: float
    hidden: bool


def of(work: Work, patrol: Patrol) -> Playback:
    """What the actor may see of a patrol; of one that is not judged yet, what has arrived."""
    judgement = _judgement(work, patrol)
    whole = patrol_lists.seen_whole(work, patrol)
    seen = Playback(
        patrol=patrol,
        name=work.session.get_one(Person, patrol.person_id).name,
        pieces=tuple(_pieces(judgement)),
        marks=tuple(_marks(work, patrol)),
        distance_m=judgement.distance_m,
        hidden=not whole,
    )
    return seen if whole else without_ends(seen, work.county.rules.track.hidden_ends_m)


def _judgement(work: Work, patrol: Patrol) -> Judgement:
    verdict = work.session.get(Verdict, (patrol.id, patrol.verdict_seq))
    if verdict is not None:
        return Judgement.from_json(verdict.judgement)
    return judging.judged_so_far(work, patrol)


def _pieces(judgement: Judgement) -> Iterator[tuple[Vertex, ...]]:
    """The line of the map, cut at the gaps that are not bridged."""
    cuts = {gap.begins_ms for gap in judgement.gaps if not gap.bridged}
    piece: list[Vertex] = []
    for vertex in judgement.line:
        if piece and any(piece[-1][2] <= cut < vertex[2] for cut in cuts):
            yield tuple(piece)
            piece = []
        piece.append(vertex)
    if piece:
        yield tuple(piece)


def _marks(work: Work, patrol: Patrol) -> Iterator[Mark]:
    shots = select(Photo).where(Photo.patrol_id == patrol.id, Photo.purpose == "patrol", Photo.state == "sound")
    for photo in work.session.scalars(shots.order_by(Photo.claimed_at, Photo.id)):
        if photo.claimed_lon is not None and photo.claimed_lat is not None:
            at = None if photo.claimed_at is None else patrols.put_right(patrol, photo.claimed_at)
            yield Mark("photo", str(photo.id), "照片", photo.claimed_lon, photo.claimed_lat, at)
    for finding, case in findings.of_patrol(work, patrol):
        category = work.county.category_by_code.get(finding.category)
        name = category.name if category else finding.category
        at = patrols.put_right(patrol, finding.observed_at)
        shown = f"{name} {case.number}" if case else name
        yield Mark("finding", str(finding.id), shown, finding.lon, finding.lat, at)
    known = {one.code: one for one in checkpoints.all_of(work.county)}
    for visit in checkpoints.visits_of(work, patrol):
        point = known.get(visit.checkpoint)
        if visit.reached and point is not None:
            yield Mark(
                "checkpoint", str(visit.id), point.name, point.lon, point.lat, patrols.put_right(patrol, visit.at)
            )


def without_ends(seen: Playback, hidden_m: float) -> Playback:
    """The same without what lies within `hidden_m` of where it began or ended, problems excepted."""
    if not seen.pieces:
        return seen
    ends = seen.pieces[0][0][:2], seen.pieces[-1][-1][:2]

    def far(lon: float, lat: float) -> bool:
        return all(distance_m(lon, lat, *end) > hidden_m for end in ends)

    pieces: list[tuple[Vertex, ...]] = []
    for piece in seen.pieces:
        shown: list[Vertex] = []
        for vertex in piece:
            if far(*vertex[:2]):
                shown.append(vertex)
            elif shown:
                pieces.append(tuple(shown))
                shown = []
        if shown:
            pieces.append(tuple(shown))
    marks = tuple(mark for mark in seen.marks if mark.kind == "finding" or far(mark.lon, mark.lat))
    return replace(seen, pieces=tuple(pieces), marks=marks)


def geojson(seen: Playback) -> dict[str, Any]:
    """A FeatureCollection: a LineString for each piece with `times` beside its coordinates, a Point for each mark."""
    patrol = seen.patrol
    lines = [
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": [[lon, lat] for lon, lat, _ in piece]},
            "properties": {"kind": "track", "times": [_moment(at).isoformat() for _, _, at in piece]},
        }
        for piece in seen.pieces
        if len(piece) > 1
    ]
    points = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [mark.lon, mark.lat]},
            "properties": {
                "kind": mark.kind,
                "id": mark.id,
                "name": mark.name,
                "time": None if mark.at is None else mark.at.isoformat(),
            },
        }
        for mark in seen.marks
    ]
    return {
        "type": "FeatureCollection",
        "properties": {
            "patrol": str(patrol.id),
            "chief": seen.name,
            "began_at": patrol.began_at.isoformat(),
            "ended_at": None if patrol.ended_at is None else patrol.ended_at.isoformat(),
            "distance_m": round(seen.distance_m, 1),
            "valid": patrol.valid,
            "practice": patrol.practice,
            "ends_hidden": seen.hidden,
        },
        "features": [*lines, *points],
    }


def gpx(seen: Playback) -> str:
    """GPX 1.1: one track with a segment for each piece, a waypoint for each mark."""
    made = gpxpy.gpx.GPX()
    made.creator = "Qinghe"
    made.name = f"{patrols.day_words(seen.patrol)} {seen.name} 巡河"
    made.time = seen.patrol.began_at.astimezone(UTC)
    walked = gpxpy.gpx.GPXTrack(name=made.name)
    for piece in seen.pieces:
        points = [gpxpy.gpx.GPXTrackPoint(lat, lon, time=_moment(at)) for lon, lat, at in piece]
        walked.segments.append(gpxpy.gpx.GPXTrackSegment(points))
    made.tracks.append(walked)
    for mark in seen.marks:
        at = None if mark.at is None else mark.at.astimezone(UTC)
        made.waypoints.append(gpxpy.gpx.GPXWaypoint(mark.lat, mark.lon, time=at, name=mark.name, type=mark.kind))
    text: str = made.to_xml(version="1.1")
    return text


def _moment(at_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
