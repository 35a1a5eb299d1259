"""Which raw points count: put in order of time, without doubles, without what no walker can have done.

What is found depends on the set of points alone, never on the order in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.plane import between_m
from backend.domain.tracks.points import Floats, Ints, Points
from backend.rules.track import TrackRules

_LONGEST_MS = 36 * 3600 * 1000  # from the middle of a track: farther points have another day's clock
_NULL_DEG = 1e-3
_BURST_MS = 100  # callbacks that follow each other faster were kept waiting
_JUMP_SLACK_M = 50.0
_BEST_ERROR_M = 3.0


@dataclass(frozen=True)
class Jump:
    """Fixes that no way from the others leads to: from when to when, how many, how far off."""

    from_ms: int
    to_ms: int
    points: int
    metres: float


@dataclass(frozen=True)
class Cleaned:
    """The points that count, ascending in time; all arrays of one length.

    `time_s` counts from `begin_ms`, ascending: callbacks that came in one burst are spread over the
    silence before them. `error_m` is one number for how far off each fix may be, told by the phone or assumed.
    """

    begin_ms: int
    points: Points
    time_s: Floats
    error_m: Floats
    dropped: dict[str, int]
    jumps: tuple[Jump, ...]
    bursts: int


def clean(points: Points, rules: TrackRules) -> Cleaned:
    """The points that count, and why the others do not."""
    dropped: dict[str, int] = {}

    def drop(reason: str, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        nonlocal points
        if not keep.all():
            dropped[reason] = int((~keep).sum())
            points = points.take(keep)

    drop("no_position", (np.abs(points.lon) > _NULL_DEG) | (np.abs(points.lat) > _NULL_DEG))
    drop("inaccurate", ~(points.accuracy_m > rules.accuracy_max_m))
    drop("other_day", _same_days(points.time_ms))
    order = np.lexsort((points.altitude_m, points.speed_mps, points.accuracy_m, points.lat, points.lon, points.time_ms))
    points = points.take(order)
    drop("duplicate", ~_repeats(points))
    points = points.take(_order_in_bursts(points))
    time_s, bursts = _times(points, rules)
    error_m = np.clip(
        np.where(np.isnan(points.accuracy_m), rules.accuracy_unknown_m, points.accuracy_m),
        _BEST_ERROR_M,
        rules.accuracy_max_m,
    )
    keep, jumps = _without_jumps(points, time_s, error_m, rules)
    if not keep.all():
        dropped["jump"] = int((~keep).sum())
    begin_ms = int(points.time_ms[0]) if len(points) else 0
    return Cleaned(begin_ms, points.take(keep), time_s[keep], error_m[keep], dropped, jumps, bursts)


def _same_days(time_ms: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not len(time_ms):
        return np.ones(0, dtype=bool)
    middle = np.partition(time_ms, len(time_ms) // 2)[len(time_ms) // 2]
    # As floats: the difference of two absurd times does not fit into an integer.
    near: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.abs(time_ms.astype(np.float64) - float(middle)) <= _LONGEST_MS
    return near


def _repeats(points: Points) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
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
    away = between_m(lon[before], lat[before], points.lon, points.lat)
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
    return np.maximum.accumulate(np.where(burst[group], spread, time_s)), int(burst.sum())


def _without_jumps(
    points: Points, time_s: Floats, error_m: Floats, rules: TrackRules
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], tuple[Jump, ...]]:
    """The longest story: of all runs of fixes, those in reach of each other that hold the most fixes together."""
    n = len(points)
    keep = np.ones(n, dtype=bool)
    if n < 2:
        return keep, ()
    lon, lat = points.lon, points.lat
    allowed = _JUMP_SLACK_M + error_m[1:] + error_m[:-1] + rules.jump_mps * np.diff(time_s)
    broken = between_m(lon[:-1], lat[:-1], lon[1:], lat[1:]) > allowed
    if not broken.any():
        return keep, ()
    first = np.concatenate([[0], np.flatnonzero(broken) + 1])
    last = np.concatenate([first[1:] - 1, [n - 1]])
    weight = np.add.reduceat(1.0 / (1.0 + (error_m / 100.0) ** 2), first)
    story = _longest_story(lon, lat, time_s, error_m, first, last, weight, rules.jump_mps)
    told = np.zeros(len(first), dtype=bool)
    told[story] = True
    run = np.cumsum(np.concatenate([[False], broken]))
    keep = told[run]
    jumps = []
    for index in np.flatnonzero(~told)[:1000]:
        begin, end = int(first[index]), int(last[index])
        beside = np.flatnonzero(keep[:begin])[-1:] if keep[:begin].any() else np.flatnonzero(keep)[:1]
        metres = between_m(lon[beside], lat[beside], lon[begin : begin + 1], lat[begin : begin + 1])
        jumps.append(Jump(int(points.time_ms[begin]), int(points.time_ms[end]), end - begin + 1, float(metres[0])))
    return keep, tuple(jumps)


def _longest_story(
    lon: Floats, lat: Floats, time_s: Floats, error_m: Floats, first: Ints, last: Ints, weight: Floats, jump_mps: float
) -> list[int]:
    """Indices of the runs of the heaviest chain in which each run can be reached from the one before."""
    count = len(first)
    window = max(4, min(64, 2_000_000 // count))
    total = weight.tolist()
    came_from = [-1] * count
    x = np.cos(np.radians(lat)) * np.cos(np.radians(lon)) * 6_371_000.0
    y = np.cos(np.radians(lat)) * np.sin(np.radians(lon)) * 6_371_000.0
    z = np.sin(np.radians(lat)) * 6_371_000.0
    ends = list(zip(*(a[last].tolist() for a in (x, y, z, time_s, error_m)), strict=True))
    begins = zip(*(a[first].tolist() for a in (x, y, z, time_s, error_m)), strict=True)
    best = 0
    for index, (bx, by, bz, bt, be) in enumerate(begins):
        weights, found, source = total[index], 0.0, -1
        for other in (best, *range(max(0, index - window), index)):
            if other == index or total[other] <= found:
                continue
            ex, ey, ez, et, ee = ends[other]
            allowed = _JUMP_SLACK_M + be + ee + jump_mps * (bt - et)
            if (bx - ex) ** 2 + (by - ey) ** 2 + (bz - ez) ** 2 <= allowed * allowed:
                found, source = total[other], other
        total[index] = weights + found
        came_from[index] = source
        if total[index] > total[best]:
            best = index
    story = []
    while best >= 0:
        story.append(best)
        best = came_from[best]
    return story[::-1]
