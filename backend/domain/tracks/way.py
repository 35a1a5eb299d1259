"""The way behind the points: averaged, smoothed, where the walker stood still, and how many metres each step is.

A phone's errors wander like a walker does, so the filter cannot be set once for all: too stiff it cuts the corners,
too loose it walks along with the noise. Three things are therefore measured in the track itself, in a few rounds:

- how large the errors are, those that wander and those thrown for each fix: what a loose filter leaves between fixes
  and way, compared with what it leaves of ghosts, which are pure noise of known size at the same times;
- how freely the way may turn: a person's path is bent in space, so that the acceleration grows with speed;
- how many metres of the smoothed way are still noise: as many as the ghosts walk through the same filter.

Decision 0023 has the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.cleaning import Cleaned
from backend.domain.tracks.plane import Plane, lengths_m, plane_at
from backend.domain.tracks.points import Bools, Floats, Ints
from backend.domain.tracks.smoothing import smooth
from backend.rules.track import TrackRules

_AVERAGED_S = 5.0  # fixes so near in time become one place
_GHOSTS, _SEED = 8, 20_260_601  # the same ghosts at every judgement
_FORGOTTEN = 10.0  # memories
_ROUNDS = 4
_TURNS = 0.3  # turning (m²/s³) is so many times the cube of the speed (m/s): a bend of some ten metres is followed
_PACES_MPS = 0.25, 4.0  # for this purpose
_LOOSE_TURNING, _STANDING_TURNING, _LEAPING_TURNING = 0.3, 1e-6, 1e6
_SLOW_SHARE = 0.6
_SPEED_OVER_S = 90.0  # the speed that is compared with the ghosts', over so long
_MEASURED, _FIRST_WANDER, _WANDER = 3, 1.0, (0.05, 5.0)  # of what the phone says of its errors
_LEAST_DICE_M, _MOST_DICE_M = 0.3, 50.0
_LEAST_SHARE = 0.05
_NOISE_OVER_S = 300.0
_EDGE_S = 30.0
_STEADY_S, _MUCH_WORSE = 60.0, 2.0

# Standing or moving, by the most likely sequence of the two (Viterbi):
_STANDING_SHARE = 0.35  # of the walker's pace, for which the filter is set that looks for stops
_INDEPENDENT_S = 15.0  # filtered speeds so far apart are independent evidence
_CHANGE_COST = 4.0  # nats: nobody stops and goes every few seconds


@dataclass(frozen=True)
class Way:
    """The most likely way, as places with a step between each two of them.

    `x`, `y` metres on the `plane`; `lon`, `lat` the same in degrees. A place stands for the points from `first_ms` to
    `last_ms`. `step_m` geodesic, corrected for noise, zero while `still`; `step_s` its time; `silent_s` how long no
    point was seen in it; `broken` where nobody can have gone it. `error_m`: the size of a fix's error per axis, as
    measured.
    """

    plane: Plane
    first_ms: Ints
    last_ms: Ints
    x: Floats
    y: Floats
    lon: Floats
    lat: Floats
    error_m: Floats
    step_m: Floats
    step_s: Floats
    silent_s: Floats
    still: Bools
    broken: Bools


def way_of(cleaned: Cleaned, rules: TrackRules) -> Way:
    """The way behind cleaned points."""
    points = cleaned.points
    middle = len(points) // 2
    plane = plane_at(float(points.lon[middle]), float(points.lat[middle])) if len(points) else plane_at(0.0, 0.0)
    group, size = _groups(cleaned.time_s, cleaned.broken)

    def averaged(values: Floats) -> Floats:
        means: Floats = np.bincount(group, values) / size
        return means

    time_s = averaged(cleaned.time_s)
    fixes = (
        np.stack([averaged(axis) for axis in plane.to_metres(points.lon, points.lat)])
        if len(size)
        else np.zeros((2, 0))
    )
    told_m = _steady(time_s, averaged(cleaned.error_m)) * rules.noise_share if len(size) else np.zeros(0)
    last = np.cumsum(size) - 1
    first_ms, last_ms = points.time_ms[last - size + 1], points.time_ms[last]
    silent_s = cleaned.time_s[(last - size + 1)[1:]] - cleaned.time_s[last[:-1]]
    step_s = np.diff(time_s)
    broken = cleaned.broken[last[:-1]]
    if len(size) < 3:
        lon, lat = plane.to_degrees(*fixes)
        step_m = np.where(broken, 0.0, lengths_m(lon, lat))
        still = np.zeros(len(step_s), dtype=bool)
        return Way(
            plane, first_ms, last_ms, fixes[0], fixes[1], lon, lat, told_m, step_m, step_s, silent_s, still, broken
        )

    seconds = np.maximum(step_s, 0.05)
    ghosts = _ghosts(cleaned.time_s, rules.noise_s, group, size)
    wander_m, dice_m = _errors(time_s, fixes, told_m, size, ghosts, broken, rules.noise_s)
    both = np.concatenate([fixes, ghosts[0] * wander_m + ghosts[1] * dice_m])

    def smoothed(turning: Floats | float) -> Floats:
        return smooth(time_s, both, wander_m, dice_m, rules.noise_s, np.where(broken, _LEAPING_TURNING, turning))

    still = np.zeros(len(step_s), dtype=bool)
    turning: Floats | float = _TURNS
    for rounds_left in range(_ROUNDS)[::-1]:
        places = smoothed(turning)
        moving_s = np.where(still | broken, 1e-9, seconds)
        speed, noise = _speeds(places, seconds)
        usual = over(time_s, speed * moving_s, moving_s, _SPEED_OVER_S)
        true = _without_noise(usual, over(time_s, noise * moving_s, moving_s, 2 * _SPEED_OVER_S))
        if not rounds_left:
            break
        pace = float(np.clip(_quantile(true, seconds, 0.75), *_PACES_MPS))
        if rounds_left == 1:
            calm = smoothed(_TURNS * (_STANDING_SHARE * pace) ** 3)
            still = _standing(time_s, calm, seconds, pace, wander_m, rules)
        turning = _TURNS * np.clip(true, max(_PACES_MPS[0], _SLOW_SHARE * pace), _PACES_MPS[1]) ** 3
        turning = np.where(still, _STANDING_TURNING, turning)
    share = np.where(usual > 0, true / np.maximum(usual, 1e-9), 1.0)
    x, y = places[:2]
    lon, lat = plane.to_degrees(x, y)
    step_m = np.where(still | broken, 0.0, lengths_m(lon, lat) * share)
    error_m = np.hypot(wander_m, dice_m)
    return Way(plane, first_ms, last_ms, x, y, lon, lat, error_m, step_m, step_s, silent_s, still, broken)


def _errors(
    time_s: Floats, fixes: Floats, told_m: Floats, size: Ints, ghosts: Floats, broken: Bools, memory_s: float
) -> tuple[Floats, Floats]:
    """How large the errors are that wander, and those thrown for each fix, by axis.

    What a loose filter leaves between fixes and way, in size and in change from one to the next, is compared with what
    it leaves of ghosts of both kinds: so loose a filter follows nearly any way, and leaves errors only.
    """
    wander, dice = _FIRST_WANDER, _LEAST_DICE_M
    averaged = 1.0 / np.sqrt(size)
    both = np.concatenate([fixes, ghosts[0] * told_m, ghosts[1]])
    for _ in range(_MEASURED):
        turning = np.where(broken, _LEAPING_TURNING, _LOOSE_TURNING)
        rest = both - smooth(time_s, both, told_m * wander, dice * averaged, memory_s, turning)
        left = np.stack([(rest**2).mean(axis=1), (np.diff(rest, axis=1)[:, ~broken] ** 2).mean(axis=1)])
        seen, wandering, thrown = left[:, :2].mean(axis=1), *np.split(left[:, 2:], 2, axis=1)
        wandering, thrown = wandering.mean(axis=1), thrown.mean(axis=1)
        variances = np.linalg.solve(np.stack([wandering, thrown], axis=1), seen)
        # Errors of phones wander, some more, some less; where the comparison says something else, it is chance.
        most = (seen / wandering).mean()
        if variances[1] < 0:
            variances = np.array([most, 0.0])
        elif variances[0] < _LEAST_SHARE * most:
            variances = np.array([_LEAST_SHARE * most, (1.0 - _LEAST_SHARE) * (seen / thrown).mean()])
        wander = float(np.clip(np.sqrt(variances[0]), *_WANDER))
        dice = float(np.clip(np.sqrt(variances[1]), _LEAST_DICE_M, _MOST_DICE_M))
    return told_m * wander, dice * averaged


def _groups(time_s: Floats, broken: Bools) -> tuple[Ints, Ints]:
    """The place that each point belongs to, and how many points each has; the first and the last stay alone."""
    if not len(time_s):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    cut = np.floor((time_s - time_s[0]) / _AVERAGED_S)
    changes = (np.diff(cut) > 0) | broken
    changes[:1] = changes[-1:] = True
    group = np.concatenate([[0], np.cumsum(changes)])
    return group, np.bincount(group)


def _steady(time_s: Floats, error_m: Floats) -> Floats:
    """What phones say of their error, without its flutter, which is not that of the error; much worse fixes stay so.

    The filter compares neighbouring errors by their sizes: sizes that flutter would be taken for a way.
    """
    sums = np.concatenate([[0.0], np.cumsum(error_m)])
    begin = np.searchsorted(time_s, time_s - _STEADY_S)
    end = np.searchsorted(time_s, time_s + _STEADY_S, side="right")
    usual = (sums[end] - sums[begin]) / (end - begin)
    return np.where(error_m > _MUCH_WORSE * usual, error_m, usual)


def _ghosts(time_s: Floats, memory_s: float, group: Ints, size: Ints) -> Floats:
    """Pure noise of size one at the times of the points, averaged as they are: (2, ghosts, places).

    The first wander, the others are thrown for each point by itself.
    """
    fresh = np.sqrt(1.0 - np.exp(-2.0 * np.diff(time_s, prepend=time_s[0] - 1e6) / memory_s))
    # What is left of the noise so many points back; each round of adding doubles how far back a point remembers.
    left: list[Floats] = []
    back = 1
    while back < len(time_s):
        far = time_s[back:] - time_s[:-back]
        if far.min() > _FORGOTTEN * memory_s:
            break
        left.append(np.exp(-far / memory_s))
        back *= 2
    ghosts = np.empty((2, _GHOSTS, len(size)))
    for index in range(_GHOSTS):
        ghost, thrown = np.random.default_rng((_SEED, index)).normal(size=(2, len(time_s)))
        ghosts[1, index] = np.bincount(group, thrown) / np.sqrt(size)
        ghost *= fresh
        for power, share in enumerate(left):
            back = 2**power
            ghost[back:] = ghost[back:] + share * ghost[:-back]
        ghosts[0, index] = np.bincount(group, ghost) / size
    return ghosts


def over(time_s: Floats, amount: Floats, seconds: Floats, window_s: float) -> Floats:
    """Amount per second, for each step over a window of time round it."""
    sums, times = (np.concatenate([[0.0], np.cumsum(column)]) for column in (amount, seconds))
    middle = (time_s[1:] + time_s[:-1]) / 2
    begin = np.searchsorted(time_s, middle - window_s / 2).clip(0, None)
    end = np.searchsorted(time_s, middle + window_s / 2, side="right") - 1
    begin, end = np.minimum(begin, np.arange(len(middle))), np.maximum(end, np.arange(len(middle)) + 1)
    rate: Floats = (sums[end] - sums[begin]) / np.maximum(times[end] - times[begin], 1e-9)
    return rate


def _without_noise(speed: Floats, variance: Floats) -> Floats:
    """The speed of a walker whose speed looks like this under noise of this variance per axis.

    Noise along the way averages out, noise across makes it longer: seen = true + variance / (2 true).
    """
    rest = speed**2 - 2.0 * variance
    walked = (speed + np.sqrt(np.maximum(rest, 0.0))) / 2.0
    return np.where(rest > 0, walked, speed / 2.0 * np.minimum(1.0, speed**2 / np.maximum(2.0 * variance, 1e-12)))


def _speeds(states: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """The speed of each step, and the variance per axis of the ghosts' velocities in it."""
    velocity = np.diff(states, axis=1) / seconds
    return np.hypot(velocity[0], velocity[1]), (velocity[2:] ** 2).mean(axis=0)


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """The value below which so great a share of the weight lies."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1]).clip(0, len(values) - 1)])


def _standing(
    time_s: Floats, states: Floats, seconds: Floats, pace_mps: float, error_m: Floats, rules: TrackRules
) -> Bools:
    """The steps that were spent standing: the most likely sequence, each stretch long enough and going nowhere.

    The velocity of who stands is noise as the ghosts', that of who moves has the walker's own pace besides.
    """
    speed, noise = _speeds(states, seconds)
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
