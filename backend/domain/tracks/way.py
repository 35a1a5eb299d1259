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

from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.cleaning import Cleaned
from backend.domain.tracks.noise import LEAPING, errors_of, ghosts_of, steady
from backend.domain.tracks.plane import Plane, lengths_m, plane_at
from backend.domain.tracks.points import Bools, Floats, Ints
from backend.domain.tracks.smoothing import smooth
from backend.domain.tracks.speed import over, quantile, speeds, without_noise
from backend.domain.tracks.stops import standing_steps
from backend.rules.track import TrackRules

_AVERAGED_S = 5.0  # fixes so near in time become one place
_FEWEST = 3  # places that can be smoothed
_ROUNDS = 4
_TURNS = 0.3  # turning (m²/s³) is so many times the cube of the speed (m/s): a bend of some ten metres is followed
_PACES_MPS = 0.25, 4.0  # for this purpose
_SLOW_SHARE = 0.6  # of the pace: a way does not stiffen more where it is slower, or it would never turn back
_STANDING = 1e-6  # the turning of who stands
_STANDING_SHARE = 0.35  # of the pace, for which the filter is set that looks for stops
_SPEED_OVER_S = 90.0  # the speed that is compared with the ghosts', over so long


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


@dataclass(frozen=True)
class _Places:
    """Fixes averaged over some seconds: `fixes` (2, n) metres; `told_m` their errors as the phone says; `group` and
    `size`: to which place each point belongs, and how many each has. `broken`, `seconds`: of the steps between."""

    time_s: Floats
    fixes: Floats
    told_m: Floats
    group: Ints
    size: Ints
    broken: Bools
    seconds: Floats


def way_of(cleaned: Cleaned, rules: TrackRules) -> Way:
    """The way behind cleaned points."""
    points = cleaned.points
    middle = len(points) // 2
    plane = plane_at(float(points.lon[middle]), float(points.lat[middle])) if len(points) else plane_at(0.0, 0.0)
    seen = _averaged(cleaned, plane, rules)
    last = np.cumsum(seen.size) - 1
    first = last - seen.size + 1
    if len(seen.size) < _FEWEST:
        places, share, error_m = seen.fixes, np.ones(len(seen.seconds)), seen.told_m
        still = np.zeros(len(seen.seconds), dtype=bool)
    else:
        places, share, still, error_m = _followed(cleaned, seen, rules)
    x, y = places
    lon, lat = plane.to_degrees(x, y)
    return Way(
        plane=plane,
        first_ms=points.time_ms[first],
        last_ms=points.time_ms[last],
        x=x,
        y=y,
        lon=lon,
        lat=lat,
        error_m=error_m,
        step_m=np.where(still | seen.broken, 0.0, lengths_m(lon, lat) * share),
        step_s=np.diff(seen.time_s),
        silent_s=cleaned.time_s[first[1:]] - cleaned.time_s[last[:-1]],
        still=still,
        broken=seen.broken,
    )


def _averaged(cleaned: Cleaned, plane: Plane, rules: TrackRules) -> _Places:
    """Points near in time as one place; the first and the last stay alone, that the track keeps its length."""
    at = cleaned.time_s
    changes = (np.diff(np.floor((at - at[:1]) / _AVERAGED_S)) > 0) | cleaned.broken
    changes[:1] = changes[-1:] = True
    group = np.cumsum(np.concatenate([np.zeros(min(1, len(at)), dtype=bool), changes]))
    size = np.bincount(group)
    columns = (at, *plane.to_metres(cleaned.points.lon, cleaned.points.lat), cleaned.error_m)
    time_s, x, y, error_m = (np.bincount(group, column) / size for column in columns)
    told_m = steady(time_s, error_m) * rules.noise_share
    broken = cleaned.broken[np.cumsum(size)[:-1] - 1]
    return _Places(time_s, np.stack([x, y]), told_m, group, size, broken, np.maximum(np.diff(time_s), 0.05))


def _followed(cleaned: Cleaned, seen: _Places, rules: TrackRules) -> tuple[Floats, Floats, Bools, Floats]:
    """The smoothed places (2, n) in metres, which share of each step is no noise, the steps spent standing, and the
    size of the errors."""
    time_s, seconds = seen.time_s, seen.seconds
    ghosts = ghosts_of(cleaned.time_s, rules.noise_s, seen.group, seen.size)
    wander_m, dice_m = errors_of(time_s, seen.fixes, seen.told_m, seen.size, ghosts, seen.broken, rules.noise_s)
    both = np.concatenate([seen.fixes, ghosts[0] * wander_m + ghosts[1] * dice_m])

    def smoothed(turning: Floats | float) -> Floats:
        return smooth(time_s, both, wander_m, dice_m, rules.noise_s, np.where(seen.broken, LEAPING, turning))

    still = np.zeros(len(seconds), dtype=bool)
    turning: Floats | float = _TURNS
    for rounds_left in range(_ROUNDS)[::-1]:
        places = smoothed(turning)
        moving_s = np.where(still | seen.broken, 1e-9, seconds)
        speed, noise = speeds(places, seconds)
        usual = over(time_s, speed * moving_s, moving_s, _SPEED_OVER_S)
        true = without_noise(usual, over(time_s, noise * moving_s, moving_s, 2 * _SPEED_OVER_S))
        if not rounds_left:
            break
        pace = float(np.clip(quantile(true, seconds, 0.75), *_PACES_MPS))
        if rounds_left == 1:  # once: when those who stand are held, ghosts are held too and tell nothing more
            calm = smoothed(_TURNS * (_STANDING_SHARE * pace) ** 3)
            still = standing_steps(time_s, calm, seconds, pace, wander_m, rules)
        turning = _TURNS * np.clip(true, max(_PACES_MPS[0], _SLOW_SHARE * pace), _PACES_MPS[1]) ** 3
        turning = np.where(still, _STANDING, turning)
    share = np.where(usual > 0, true / np.maximum(usual, 1e-9), 1.0)
    return places[:2], share, still, np.hypot(wander_m, dice_m)
