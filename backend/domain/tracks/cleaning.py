"""Which raw points count: put in order of time, without doubles, without what no walker can have done.

What is found depends on the set of points alone, never on the order in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.jumps import Jump, without_jumps, without_spikes
from backend.domain.tracks.plane import roughly_m
from backend.domain.tracks.points import Bools, Floats, Ints, Points
from backend.rules.track import TrackRules

_LONGEST_MS = 36 * 3600 * 1000  # from the middle of a track: farther points have another day's clock
_NULL_DEG = 1e-3
_BURST_MS = 100  # callbacks that follow each other faster were kept waiting
_BURST_LEAST = 3  # fewer may be chance: they are spread as well, but not told of
_FROZEN_M, _FROZEN_LEAST = 30.0, 3
_BEST_ERROR_M = 3.0


@dataclass(frozen=True)
class Cleaned:
    """The points that count, ascending in time; all arrays of one length.

    `time_s` counts from `begin_ms`, ascending: callbacks that came in one burst are spread over the
    silence before them. `error_m` is one number for how far off each fix may be, told by the phone or assumed.
    `broken`: the steps between points (one fewer) that nobody can have gone.
    """

    begin_ms: int
    points: Points
    time_s: Floats
    error_m: Floats
    broken: Bools
    dropped: dict[str, int]
    jumps: tuple[Jump, ...]
    bursts: int


def clean(points: Points, rules: TrackRules) -> Cleaned:
    """The points that count, and why the others do not."""
    dropped: dict[str, int] = {}

    def keep(reason: str, these: Bools) -> Bools:
        nonlocal points
        if not these.all():
            dropped[reason] = int((~these).sum())
            points = points.take(these)
        return these

    order = np.lexsort((points.altitude_m, points.speed_mps, points.accuracy_m, points.lat, points.lon, points.time_ms))
    points = points.take(order)
    keep("duplicate", ~_repeats(points))
    keep("no_position", (np.abs(points.lon) > _NULL_DEG) | (np.abs(points.lat) > _NULL_DEG))
    keep("inaccurate", ~(points.accuracy_m > rules.accuracy_max_m))
    keep("other_day", _same_days(points.time_ms))
    points = points.take(_order_in_bursts(points))
    time_s, bursts = _times(points, rules)
    time_s = time_s[keep("frozen", ~_frozen(points, time_s, rules))]
    error_m = np.where(np.isnan(points.accuracy_m), rules.accuracy_unknown_m, points.accuracy_m)
    error_m = np.clip(error_m, _BEST_ERROR_M, rules.accuracy_max_m)
    near, spikes = without_spikes(points, time_s, error_m)
    told, broken, jumps = without_jumps(points.take(near), time_s[near], error_m[near], rules)
    near[near] = told
    keep("jump", near)
    begin_ms = int(points.time_ms[0]) if len(points) else 0
    return Cleaned(begin_ms, points, time_s[near], error_m[near], broken, dropped, (*spikes, *jumps), bursts)


def _frozen(points: Points, time_s: Floats, rules: TrackRules) -> Bools:
    """Fixes that only repeat an old one while the walker walks on: the next true one is farther than can be walked.

    The phone of somebody who stands may repeat a fix as well; the next one is then near, and all are kept.
    """
    n = len(points)
    fresh = np.ones(n, dtype=bool)
    fresh[1:] = (np.diff(points.lon) != 0) | (np.diff(points.lat) != 0)
    first = np.flatnonzero(fresh)
    size = np.diff(np.append(first, n))
    last = first + size - 1
    leap_m = roughly_m(points.lon[last[:-1]], points.lat[last[:-1]], points.lon[first[1:]], points.lat[first[1:]])
    seconds = np.maximum(time_s[first[1:]] - time_s[last[:-1]], 1e-3)
    leaps = (leap_m > _FROZEN_M) & (leap_m > rules.walk_max_mps * seconds) & (size[:-1] >= _FROZEN_LEAST)
    frozen: Bools = ~fresh & np.repeat(np.append(leaps, False)[: len(first)], size)
    return frozen


def _same_days(time_ms: Ints) -> Bools:
    if not len(time_ms):
        return np.ones(0, dtype=bool)
    middle = np.partition(time_ms, len(time_ms) // 2)[len(time_ms) // 2]
    # As floats: the difference of two absurd times does not fit into an integer.
    near: Bools = np.abs(time_ms.astype(np.float64) - float(middle)) <= _LONGEST_MS
    return near


def _repeats(points: Points) -> Bools:
    """Which sorted points tell the same time and place as the one before."""
    same = np.zeros(len(points), dtype=bool)
    same[1:] = (np.diff(points.time_ms) == 0) & (np.diff(points.lon) == 0) & (np.diff(points.lat) == 0)
    return same


def _order_in_bursts(points: Points) -> Ints:
    """Points of one and the same time, nearest first to where the walker was before: the likeliest order."""
    n = len(points)
    fresh = np.ones(n, dtype=bool)
    fresh[1:] = np.diff(points.time_ms) > 0
    group = np.cumsum(fresh) - 1
    if n == 0 or group[-1] == n - 1:
        return np.arange(n)
    size = np.bincount(group)
    lon, lat = np.bincount(group, points.lon) / size, np.bincount(group, points.lat) / size
    before = np.maximum(group - 1, 0)
    away = roughly_m(lon[before], lat[before], points.lon, points.lat)
    return np.lexsort((points.lat, points.lon, np.where(group == 0, 0.0, away), group))


def _times(points: Points, rules: TrackRules) -> tuple[Floats, int]:
    """Seconds from the first point, ascending, and the number of bursts.

    k callbacks at once end a silence in which the phone went on measuring; nobody knows when. They are spread evenly
    over it, but no farther apart than `burst_step_s`: a phone buffers seconds, not a whole silence.
    """
    n = len(points)
    if n < 2:
        return np.zeros(n), 0
    time_s = (points.time_ms - points.time_ms[0]) / 1000.0
    starts = np.ones(n, dtype=bool)
    starts[1:] = np.diff(points.time_ms) > _BURST_MS
    group = np.cumsum(starts) - 1
    size = np.bincount(group)
    last = np.cumsum(size) - 1
    ends = time_s[last]
    silence = np.diff(ends, prepend=ends[0] - 1.0)
    step = np.minimum(silence / size, rules.burst_step_s)
    burst = (size > 1) & (time_s[last] - time_s[last - size + 1] < silence)
    spread = ends[group] - (last[group] - np.arange(n)) * step[group]
    return np.maximum.accumulate(np.where(burst[group], spread, time_s)), int((burst & (size >= _BURST_LEAST)).sum())
