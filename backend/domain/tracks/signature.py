"""What is remembered of a track to recognise it when it comes again.

Who walks the same footpath every week walks it at another pace and with other errors of the phone each time. A copied
track has the old errors and the old pace, even when it was moved about, played faster or backwards. So two tracks are
laid over each other in time, as well as a straight relation of their clocks can do it, and compared place by place.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import shapely

from backend.domain.tracks.cleaning import clean
from backend.domain.tracks.points import Bools, Floats, Points
from backend.domain.tracks.way import Way, way_of
from backend.rules.track import TrackRules

_HEAD = struct.Struct("<3sBqII")  # magic, version, begin in ms, places, bytes unpacked
_MAGIC, _VERSION = b"QHS", 1
_STEP_S = 10.0
_MOST_PLACES = 36 * 360  # of two half days: no track is longer
_DEGREE_STEP = 1e-6
_USUAL = TrackRules()
_MOVING_M = 3.0  # in a step
_PACES = 0.2, 5.0  # a replay may be so much slower or faster
_LEG = 12  # steps, over which the two clocks are compared
_NEAR = 4.0  # times the limit: places so near are worth comparing
_SAME_TIME_S = 60.0
_AVERAGING = np.ones(3) / 3.0
_ALIKE_ERRORS = 0.5  # errors of two walks differ by more than this share of their size


@dataclass(frozen=True)
class Signature:
    """The places of an earlier patrol, one every ten seconds, as bytes to be stored."""

    patrol_id: str
    data: bytes


@dataclass(frozen=True)
class Likeness:
    """How much of a track is an earlier one: `share` of its moving time, backwards or not, or at the very same time."""

    patrol_id: str
    begin_ms: int
    share: float
    backwards: bool
    same_time: bool


def signature(points: Points, patrol_id: str = "", rules: TrackRules = _USUAL) -> Signature:
    """What to keep of a track for the judgement of later ones; store `data` with the patrol's id."""
    begin_ms, lon, lat = _places(way_of(clean(points, rules), rules))
    steps = [np.rint(degrees / _DEGREE_STEP).astype(np.int64) for degrees in (lon, lat)]
    raw = b"".join(np.diff(column, prepend=0).astype("<i4").tobytes() for column in steps)
    return Signature(patrol_id, _HEAD.pack(_MAGIC, _VERSION, begin_ms, len(lon), len(raw)) + zlib.compress(raw, 6))


def likeness(way: Way, error_m: float, earlier: Signature, rules: TrackRules) -> Likeness | None:
    """How much a way, whose fixes have errors of this size, is like an earlier track; None where too little is.

    Raises ValueError for bytes that `signature` did not make.
    """
    begin_ms, lon, lat = _places(way)
    old_begin_ms, old_lon, old_lat = _unpack(earlier.data)
    if len(lon) <= _LEG or len(old_lon) <= _LEG:
        return None
    new = np.stack(way.plane.to_metres(lon, lat))
    old = np.stack(way.plane.to_metres(old_lon, old_lat))
    limit_m = min(rules.repeat_m, max(1.0, _ALIKE_ERRORS * error_m))
    step_m = np.hypot(*np.diff(new, axis=1))
    moving = np.append(step_m > _MOVING_M, False)
    if moving.sum() * _STEP_S < rules.repeat_min_s or step_m[moving[:-1]].sum() < rules.repeat_min_m:
        return None
    clocks = _clocks(new, old, moving, _NEAR * limit_m, rules.repeat_share)
    if clocks is None:
        return None
    pace, offset_s = clocks
    time_s = np.arange(new.shape[1]) * _STEP_S
    same_time = abs(pace - 1.0) < 0.05 and abs(begin_ms - old_begin_ms - offset_s * 1000.0) < _SAME_TIME_S * 1000.0
    share = 0.0
    for shift_s in np.arange(-6.0, 7.0, 2.0):
        at = (pace * time_s + offset_s + shift_s) / _STEP_S
        there = np.stack([np.interp(at, np.arange(old.shape[1]), axis) for axis in old])
        # Jitter that was thrown over a copy averages out; errors of two walks wander and do not.
        apart = [np.convolve(axis, _AVERAGING, "same") for axis in new - there]
        near = (np.hypot(*apart) <= limit_m) & (at >= 0) & (at <= old.shape[1] - 1)
        share = max(share, float(near[moving].mean()))
    return Likeness(earlier.patrol_id, old_begin_ms, share, pace < 0, same_time)


def _clocks(new: Floats, old: Floats, moving: Bools, near_m: float, least_share: float) -> tuple[float, float] | None:
    """The pace and the offset in seconds with which the new track follows the old one: old = pace · new + offset."""
    corners = old.T
    segments = np.asarray(shapely.linestrings(np.stack([corners[:-1], corners[1:]], 1)))
    asked = np.flatnonzero(moving)
    (which, segment), _ = shapely.STRtree(segments).query_nearest(
        np.asarray(shapely.points(new.T[asked])), max_distance=near_m, return_distance=True, all_matches=False
    )
    if len(which) < least_share * len(asked):
        return None
    run = corners[segment + 1] - corners[segment]
    share = ((new.T[asked[which]] - corners[segment]) * run).sum(axis=1) / np.maximum((run**2).sum(axis=1), 1e-9)
    new_s = asked[which] * _STEP_S
    old_s = (segment + np.clip(share, 0.0, 1.0)) * _STEP_S
    leg = min(_LEG, len(which) // 2)
    paces = (old_s[leg:] - old_s[:-leg]) / (new_s[leg:] - new_s[:-leg])
    pace = float(np.median(paces))
    if not _PACES[0] <= abs(pace) <= _PACES[1]:
        return None
    offset = float(np.median(old_s - pace * new_s))
    for within_s in (60.0, 20.0):
        close = np.abs(old_s - pace * new_s - offset) < within_s
        if close.sum() < least_share * len(which) / 2:
            return None
        if np.ptp(new_s[close]) > 0:
            pace, offset = (float(one) for one in np.polyfit(new_s[close], old_s[close], 1))
    return (pace, offset) if abs(pace) <= _PACES[1] else None


def _places(way: Way) -> tuple[int, Floats, Floats]:
    """When a way begins, and its longitudes and latitudes every ten seconds."""
    if len(way.x) < 2:
        return 0, np.zeros(0), np.zeros(0)
    begin_ms = int(way.first_ms[0])
    time_s = (way.first_ms - begin_ms + (way.last_ms - way.first_ms) / 2) / 1000.0
    at = np.arange(time_s[0], time_s[-1], _STEP_S)[:_MOST_PLACES]
    return begin_ms, *way.plane.to_degrees(np.interp(at, time_s, way.x), np.interp(at, time_s, way.y))


def _unpack(data: bytes) -> tuple[int, Floats, Floats]:
    if len(data) < _HEAD.size:
        raise ValueError("these bytes are too few for a signature")
    magic, version, begin_ms, count, size = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != _VERSION or count > _MOST_PLACES or size != 8 * count:
        raise ValueError("these bytes are no signature of a track")
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(data[_HEAD.size :], size + 1)
    except zlib.error as error:
        raise ValueError(f"the signature does not unpack: {error}") from error
    if len(raw) != size or not inflate.eof:
        raise ValueError("the signature is cut short")
    columns = np.cumsum(np.frombuffer(raw, dtype="<i4").reshape(2, count).astype(np.int64), axis=1) * _DEGREE_STEP
    return begin_ms, columns[0], columns[1]
