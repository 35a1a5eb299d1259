"""One track of all the pieces of a patrol, by the server's clock.

What the phone sent is kept as it was. Its clock is compared with the server's by the send time of every message; the
track that is judged has corrected times and WGS-84 places, and leaves out what cannot be meant (no fix, the future).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Select, select

from backend.domain.tracks.codec import unpack
from backend.domain.tracks.points import Bools, Points, join
from backend.geo import to_wgs84_columns
from backend.models import Patrol, TrackBatch

if TYPE_CHECKING:
    from backend.work import Work

_NO_FIX_DEG = 1e-3


@dataclass(frozen=True)
class Track:
    """All of a patrol's points that can be judged, and how many were left out, by reason."""

    points: Points
    no_fix: int
    in_future: int
    digest: str  # of the batches it was made from


def fixes(points: Points) -> Bools:
    """Which points are not the 0, 0 of a phone without a fix."""
    found: Bools = (np.abs(points.lon) > _NO_FIX_DEG) | (np.abs(points.lat) > _NO_FIX_DEG)
    return found


def missing(work: Work, patrol: Patrol) -> list[str]:
    """The pieces that the phone made and the server has not."""
    there = {str(one) for one in work.session.scalars(_of(patrol, TrackBatch.id))}
    return [made for made in patrol.batches_made if made not in there]


def _of(patrol: Patrol, *columns: Any) -> Select[Any]:
    return select(*columns).where(TrackBatch.patrol_id == patrol.id)


def reckon_times(work: Work, patrol: Patrol) -> None:
    """Estimate the phone's skew from all messages so far and set the patrol's times by the server's clock.

    The middle of all differences between receipt and sending is taken: a message that waited long, or one sent while
    the clock was being set, moves it as little as any other.
    """
    rows = work.session.execute(
        _of(
            patrol, TrackBatch.sent_at, TrackBatch.received_at, TrackBatch.last_ms, TrackBatch.last_lon,
            TrackBatch.last_lat, TrackBatch.battery, TrackBatch.points,
        ).order_by(TrackBatch.last_ms, TrackBatch.seq, TrackBatch.id)
    ).all()  # fmt: skip
    contacts = [(row.sent_at, row.received_at) for row in rows]
    contacts += [
        (sent, got)
        for sent, got in (
            (patrol.start_sent_at, patrol.started_at),
            (patrol.finish_sent_at, patrol.finish_received_at),
        )
        if sent is not None and got is not None
    ]
    patrol.skew_s = skew(contacts, work.county.rules.patrol.skew_ignored_s)
    ahead = timedelta(seconds=patrol.skew_s)
    if patrol.device_started_at is not None:
        patrol.began_at = patrol.device_started_at - ahead
    patrol.points = sum(row.points for row in rows)
    patrol.battery = rows[-1].battery if rows else None
    placed = next((row for row in reversed(rows) if row.last_lon is not None), None)
    if placed is not None:
        patrol.last_point_at = _moment(placed.last_ms) - ahead
        patrol.last_lon, patrol.last_lat = placed.last_lon, placed.last_lat
    if patrol.finished_at is not None:
        own_end = None if patrol.device_ended_at is None else patrol.device_ended_at - ahead
        patrol.ended_at = own_end or patrol.last_point_at or patrol.began_at


def skew(contacts: Sequence[tuple[datetime, datetime]], ignored_s: float) -> float:
    """How many seconds a phone's clock is ahead, from pairs of (sent by its clock, received by ours); 0 if few."""
    if not contacts:
        return 0.0
    ahead = median((sent - received).total_seconds() for sent, received in contacts)
    return 0.0 if abs(ahead) < ignored_s else round(ahead, 3)


def _moment(at_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)


def track(work: Work, patrol: Patrol, future_tolerance_s: float, skew_s: float | None = None) -> Track:
    """The whole track by the server's clock and in WGS-84, without what cannot be meant.

    Batches stand in the order in which the phone made them; when two phones wrote one patrol, their points are put
    in the order of time. `skew_s`: another than the patrol's present estimate.
    """
    found = work.session.execute(
        _of(
            patrol, TrackBatch.seq, TrackBatch.received_at, TrackBatch.coord_type, TrackBatch.data, TrackBatch.digest
        ).order_by(TrackBatch.seq, TrackBatch.first_ms, TrackBatch.id)
    ).all()
    ahead_ms = round((patrol.skew_s if skew_s is None else skew_s) * 1000)
    digest = hashlib.sha256("".join(row.digest for row in found).encode()).hexdigest()
    parts, no_fix, in_future = [], 0, 0
    for row in found:
        raw = unpack(row.data)
        fixed = fixes(raw)
        times = raw.time_ms - ahead_ms
        past = times <= round((row.received_at.timestamp() + future_tolerance_s) * 1000)
        no_fix += int((~fixed).sum())
        in_future += int((fixed & ~past).sum())
        lon, lat = to_wgs84_columns(raw.lon, raw.lat, row.coord_type)
        whole = Points(times, lon, lat, raw.accuracy_m, raw.speed_mps, raw.altitude_m, raw.resumed)
        parts.append(whole.take(fixed & past))
    points = join(parts)
    if len({row.seq for row in found}) < len(found):
        points = points.take(np.argsort(points.time_ms, kind="stable"))
    return Track(points, no_fix, in_future, digest)
