"""Fixes that no walker can have made from the others: which story of a track is the likeliest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.plane import between_m, roughly_m
from backend.domain.tracks.points import Bools, Floats, Ints, Points
from backend.rules.track import TrackRules

_SLACK_M = 50.0
_BELIEVED_S, _BELIEVED_LEAST = 60.0, 5.0  # fixes that fit no others are believed when they go on for so long
_MOST_LISTED = 1000
_SPIKE_ROUNDS, _SPIKE_LEAST, _SPIKE_TIMES = 3, 10, 4.5
_ROWS = 50_000
_GLOBE_M = 6_371_000.0


@dataclass(frozen=True)
class Jump:
    """A place that no way leads to from the one before. `points` fixes there were left out; none when they went on
    for so long that they are believed, and only the way between is not counted.
    """

    from_ms: int
    to_ms: int
    points: int
    metres: float

    @property
    def lasted_s(self) -> float:
        return (self.to_ms - self.from_ms) / 1000.0


def without_spikes(points: Points, time_s: Floats, error_m: Floats) -> tuple[Bools, list[Jump]]:
    """Which points to keep: not the single fixes that stick out from the line between their neighbours, there and
    back again, much farther than this track's usually do.
    """
    left = np.arange(len(points))
    spikes: list[Jump] = []
    for _ in range(_SPIKE_ROUNDS):
        if len(left) < _SPIKE_LEAST:
            break
        before, here, after = left[:-2], left[1:-1], left[2:]
        share = (time_s[here] - time_s[before]) / np.maximum(time_s[after] - time_s[before], 1e-3)
        lon = points.lon[before] + share * (points.lon[after] - points.lon[before])
        lat = points.lat[before] + share * (points.lat[after] - points.lat[before])
        off = roughly_m(lon, lat, points.lon[here], points.lat[here])
        step = roughly_m(points.lon[left[:-1]], points.lat[left[:-1]], points.lon[left[1:]], points.lat[left[1:]])
        most = np.maximum(_SPIKE_TIMES * np.median(off), error_m[here])
        beside = np.concatenate([[0.0], off, [0.0]])
        spike = (off > most) & (off >= beside[:-2]) & (off > beside[2:]) & (np.minimum(step[:-1], step[1:]) > off / 2)
        if not spike.any():
            break
        spikes += [
            Jump(int(points.time_ms[one]), int(points.time_ms[one]), 1, float(far))
            for one, far in zip(here[spike][:_MOST_LISTED], off[spike][:_MOST_LISTED], strict=True)
        ]
        left = np.delete(left, np.flatnonzero(spike) + 1)
    keep = np.zeros(len(points), dtype=bool)
    keep[left] = True
    return keep, spikes


def without_jumps(
    points: Points, time_s: Floats, error_m: Floats, rules: TrackRules
) -> tuple[Bools, Bools, tuple[Jump, ...]]:
    """The likeliest story: the runs of fixes that lead to each other, with as many fixes and as few leaps as can be.

    Returns which points belong to it, which steps between these are leaps, and all jumps.
    """
    n = len(points)
    told = np.ones(n, dtype=bool)
    if n < 2:
        return told, np.zeros(0, dtype=bool), ()
    lon, lat = points.lon, points.lat
    allowed = _SLACK_M + error_m[1:] + error_m[:-1] + rules.jump_mps * np.diff(time_s)
    apart = roughly_m(lon[:-1], lat[:-1], lon[1:], lat[1:]) > allowed
    if not apart.any():
        return told, np.zeros(n - 1, dtype=bool), ()
    first = np.concatenate([[0], np.flatnonzero(apart) + 1])
    last = np.concatenate([first[1:] - 1, [n - 1]])
    believed = max(_BELIEVED_LEAST, _BELIEVED_S / max(float(np.median(np.diff(time_s))), 1.0))
    story, leaps = _likeliest_story(points, time_s, error_m, first, last, believed, rules.jump_mps)
    run = np.cumsum(np.concatenate([[False], apart]))
    told = np.isin(run, story)
    leaping = np.isin(run, leaps)[told]
    starts = np.concatenate([[True], np.diff(run[told]) > 0])
    jumps = _jumps_out(points, first, last, np.setdiff1d(np.arange(len(first)), story))
    broken = (leaping & starts)[1:]
    jumps += _jumps_on(points.take(told), np.flatnonzero(broken))
    return told, broken, tuple(jumps)


def _jumps_out(points: Points, first: Ints, last: Ints, runs: Ints) -> list[Jump]:
    """The runs that were left out, each measured from the fix before it (or after, for the first)."""
    runs = runs[:_MOST_LISTED]
    beside = np.where(first[runs] > 0, first[runs] - 1, np.minimum(last[runs] + 1, len(points) - 1))
    metres = between_m(points.lon[beside], points.lat[beside], points.lon[first[runs]], points.lat[first[runs]])
    return [
        Jump(int(points.time_ms[begin]), int(points.time_ms[end]), int(end - begin + 1), float(far))
        for begin, end, far in zip(first[runs], last[runs], metres, strict=True)
    ]


def _jumps_on(points: Points, steps: Ints) -> list[Jump]:
    steps = steps[:_MOST_LISTED]
    metres = between_m(points.lon[steps], points.lat[steps], points.lon[steps + 1], points.lat[steps + 1])
    return [
        Jump(int(points.time_ms[step]), int(points.time_ms[step + 1]), 0, float(far))
        for step, far in zip(steps, metres, strict=True)
    ]


def _likeliest_story(
    points: Points, time_s: Floats, error_m: Floats, first: Ints, last: Ints, leap_cost: float, jump_mps: float
) -> tuple[Ints, Ints]:
    """The heaviest chain of runs, each point weighing one (vague ones less), each leap to a run out of reach costing
    `leap_cost`. Returns the runs of the chain, and those of them that were leapt to.
    """
    count = len(first)
    weight = np.add.reduceat(1.0 / (1.0 + (error_m / 100.0) ** 2), first)
    lon, lat = np.radians(points.lon), np.radians(points.lat)
    globe = [_GLOBE_M * np.cos(lat) * np.cos(lon), _GLOBE_M * np.cos(lat) * np.sin(lon), _GLOBE_M * np.sin(lat)]
    columns = [*globe, time_s, error_m]
    came_from, leapt = np.full(count, -1), np.zeros(count, dtype=bool)
    # Each: weight of the heaviest chain that ends with this run, the run, where it ends.
    recent: deque[tuple[float, int, tuple[float, ...]]] = deque(maxlen=max(3, min(64, 1_000_000 // count)))
    best: tuple[float, int, tuple[float, ...]] = (0.0, -1, ())
    for index, (own, begin, end) in enumerate(_rows(weight, columns, first, last)):
        gained = 0.0
        if best[0] > leap_cost:
            gained, came_from[index], leapt[index] = best[0] - leap_cost, best[1], True
        for total, other, there in (best, *recent):
            if total > gained and _in_reach(there, begin, jump_mps):
                gained, came_from[index], leapt[index] = total, other, False
        here = (own + gained, index, end)
        recent.append(here)
        if here[0] > best[0]:
            best = here
    story = [best[1]]
    while came_from[story[-1]] >= 0:
        story.append(int(came_from[story[-1]]))
    return np.array(story[::-1]), np.array([run for run in story if leapt[run]], dtype=np.int64)


def _in_reach(end: tuple[float, ...], begin: tuple[float, ...], jump_mps: float) -> bool:
    allowed = _SLACK_M + begin[4] + end[4] + jump_mps * (begin[3] - end[3])
    return (begin[0] - end[0]) ** 2 + (begin[1] - end[1]) ** 2 + (begin[2] - end[2]) ** 2 <= allowed * allowed


def _rows(
    weight: Floats, columns: list[Floats], first: Ints, last: Ints
) -> Iterator[tuple[float, tuple[float, ...], tuple[float, ...]]]:
    """Weight, begin and end of each run as plain numbers, some at a time: a million runs would fill the memory."""
    for at in range(0, len(first), _ROWS):
        these = slice(at, at + _ROWS)
        begins = zip(*(column[first[these]].tolist() for column in columns), strict=True)
        ends = zip(*(column[last[these]].tolist() for column in columns), strict=True)
        yield from zip(weight[these].tolist(), begins, ends, strict=True)
