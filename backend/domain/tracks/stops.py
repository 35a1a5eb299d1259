"""Where a walker stood still: the likeliest sequence of standing and moving (Viterbi)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.domain.tracks.points import Bools, Floats
from backend.domain.tracks.speed import over, speeds
from backend.rules.track import TrackRules

_INDEPENDENT_S = 15.0  # filtered speeds so far apart are independent evidence
_CHANGE_COST = 4.0  # nats: nobody stops and goes every few seconds
_NOISE_OVER_S = 300.0
_EDGE_S = 30.0


def standing_steps(
    time_s: Floats, states: Floats, seconds: Floats, pace_mps: float, error_m: Floats, rules: TrackRules
) -> Bools:
    """The steps that were spent standing: the most likely sequence, each stretch long enough and going nowhere.

    The velocity of who stands is noise as the ghosts', that of who moves has the walker's own pace besides.
    """
    speed, noise = speeds(states, seconds)
    noise = np.maximum(over(time_s, noise * seconds, seconds, _NOISE_OVER_S), 1e-4)
    wide = noise + pace_mps**2 / 2.0
    evidence = speed**2 / 2.0 * (1.0 / noise - 1.0 / wide) - np.log(wide / noise)  # in favour of moving
    standing = np.array(_likeliest((evidence * np.minimum(seconds / _INDEPENDENT_S, 1.0)).tolist()), dtype=bool)
    for begin, end in _runs(standing):
        stretch = states[:2, begin : end + 1]
        away = float(np.hypot(*(stretch - stretch.mean(axis=1, keepdims=True))).max())
        farthest = rules.still_radius_m + 2.0 * float(error_m[begin : end + 1].mean())
        if seconds[begin:end].sum() < rules.still_min_s or away > farthest:
            standing[begin:end] = False
    return _to_the_edges(standing, speed < pace_mps / 2.0, time_s)


def _to_the_edges(standing: Bools, slow: Bools, time_s: Floats) -> Bools:
    """Stops drawn out to where the filtered speed is half the walker's pace: the filter has blurred their edges."""
    wider = standing.copy()
    for begin, end in _runs(standing):
        first, last = begin, end
        while first > 0 and slow[first - 1] and time_s[begin] - time_s[first - 1] < _EDGE_S:
            first -= 1
        while last < len(slow) and slow[last] and time_s[last + 1] - time_s[end] < _EDGE_S:
            last += 1
        wider[first:last] = True
    return wider


def _likeliest(evidence: list[float]) -> list[bool]:
    """Standing (true) or moving for each step, when each change costs."""
    standing, moving = 0.0, 0.0
    came: list[tuple[bool, bool]] = []  # was the walker standing before, if standing now; if moving now
    for favour in evidence:
        came.append((standing >= moving - _CHANGE_COST, standing - _CHANGE_COST > moving))
        standing, moving = (
            max(standing, moving - _CHANGE_COST),
            max(moving, standing - _CHANGE_COST) + favour,
        )
    state = standing > moving
    states = []
    for if_standing, if_moving in reversed(came):
        states.append(state)
        state = if_standing if state else if_moving
    return states[::-1]


def _runs(mask: Bools) -> Iterator[tuple[int, int]]:
    """Where the mask is true: (begin, end) of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
