"""Whether fixes are too regular for a phone that somebody carries.

A receiver's errors wander: neighbouring fixes are off by nearly the same, and never by nothing. A line played by an
app has no errors, or has dice thrown for each fix by itself. The clock, the speed and the accuracy of such apps are
often constant besides; a poor but honest phone may have any one of these, so that none of them counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.cleaning import Cleaned
from backend.domain.tracks.plane import plane_at
from backend.domain.tracks.points import Bools, Floats, Points
from backend.rules.track import TrackRules

_LONGEST_STEP_S = 20.0
_WALKING_MPS = 0.3
_DICE = -0.4  # correlation of neighbouring steps: -0.5 for errors that know nothing of each other
_EXACT_MS = 1
_STEADY = 0.03  # of the speed
_DIGITS = 3, 4, 5, 6, 7
_DEGREE_M = 111_320.0
_COARSE_M = 0.5
_SMOOTHED_STEPS = 9
_TOLD_SPEED = "自报速度始终不变"


@dataclass(frozen=True)
class Regularity:
    """`share` of the fixes in motion that lie on the curve of their neighbours; `signs` of mockery, in Chinese."""

    share: float
    signs: tuple[str, ...]


def regularity(cleaned: Cleaned, rules: TrackRules) -> Regularity:
    """What is too regular in the points that count; no signs where that is nothing, or too few points move."""
    points, time_s = cleaned.points, cleaned.time_s
    if len(points) < rules.regular_min_points:
        return Regularity(0.0, ())
    middle = len(points) // 2
    plane = plane_at(float(points.lon[middle]), float(points.lat[middle]))
    fixes = np.stack(plane.to_metres(points.lon, points.lat))
    step_s = np.diff(time_s)
    velocity = np.diff(fixes, axis=1) / np.maximum(step_s, 1e-3)
    short = (step_s > 0) & (step_s <= _LONGEST_STEP_S) & ~cleaned.broken
    moving = short & (np.hypot(*velocity) > _WALKING_MPS)
    both = moving[:-1] & moving[1:]
    amid = both[:-2] & both[2:]
    if amid.sum() < rules.regular_min_points:
        return Regularity(0.0, ())
    off = _off_the_curve(fixes, time_s)
    grid_m = _grid_m(points)
    smooth = off <= np.hypot(rules.regular_noise_m, grid_m)
    # On a coarse grid everything lies on lines.
    flawless = float(smooth[amid].mean()) if grid_m < _COARSE_M else 0.0
    if flawless >= rules.regular_share:
        return Regularity(flawless, ("走动中几乎没有定位误差", *_constant(cleaned, moving)))
    constant = _constant(cleaned, moving)
    # Two things that never change, and a speed that does not: no walker and no phone has all of these.
    if len(constant) >= 2 and _dice(velocity, both) and (_TOLD_SPEED in constant or _steady(fixes, time_s)):
        return Regularity(flawless, ("定位误差像是人为加上的", *constant))
    return Regularity(flawless, ())


def _off_the_curve(fixes: Floats, time_s: Floats) -> Floats:
    """How far each fix is from where the smooth curve through its four neighbours has it at its time (all but the
    first two and the last two)."""
    n = len(time_s)
    beside = (0, 1, 3, 4)
    times = [time_s[one : n - 4 + one] for one in range(5)]
    curve = np.zeros((2, n - 4))
    for one in beside:
        weight = np.ones(n - 4)
        for other in beside:
            if other != one:
                gap = times[one] - times[other]
                weight *= (times[2] - times[other]) / np.where(gap == 0, 1e-3, gap)
        curve += weight * fixes[:, one : n - 4 + one]
    off: Floats = np.hypot(*(fixes[:, 2:-2] - curve))
    return off


def _grid_m(points: Points) -> float:
    """The step of the grid to which the phone rounds its places."""
    for digits in _DIGITS:
        scaled = np.stack([points.lon, points.lat]) * 10.0**digits
        if np.abs(scaled - np.rint(scaled)).max() < 1e-3:
            return float(_DEGREE_M * 10.0**-digits)
    return 0.0


def _constant(cleaned: Cleaned, moving: Bools) -> tuple[str, ...]:
    """Which of the things that a phone tells never change."""
    points = cleaned.points
    interval_ms = np.diff(points.time_ms)
    usual = np.median(interval_ms)
    found = []
    if (np.abs(interval_ms - usual) <= _EXACT_MS).mean() > 0.95:
        found.append("时间间隔分毫不差")
    for values, words in (
        (points.accuracy_m, "自报误差始终不变"),
        (points.altitude_m, "海拔始终不变"),
        (points.speed_mps[1:][moving], _TOLD_SPEED),
    ):
        known = values[np.isfinite(values)]
        if len(known) > len(values) / 2 and len(known) and np.ptp(known) < 1e-6:
            found.append(words)
    return tuple(found)


def _dice(velocity: Floats, both: Bools) -> bool:
    """Whether the errors of neighbouring fixes know nothing of each other."""
    around = np.ones(_SMOOTHED_STEPS) / _SMOOTHED_STEPS
    change = velocity - np.stack([np.convolve(axis, around, "same") for axis in velocity])
    here, there = change[:, :-1][:, both], change[:, 1:][:, both]
    spread = float((here**2).mean())
    return spread > 0 and float((here * there).mean()) / spread < _DICE


def _steady(fixes: Floats, time_s: Floats) -> bool:
    """Whether one and the same speed is kept, over legs long enough for errors to be small beside them."""
    leg = max(1, len(time_s) // 40)
    legs_m = np.hypot(*(fixes[:, leg::leg] - fixes[:, :-leg:leg]))
    speed = legs_m / np.maximum(time_s[leg::leg] - time_s[:-leg:leg], 1e-3)
    usual = float(np.median(speed))
    return usual > _WALKING_MPS and float((np.abs(speed - usual) < _STEADY * usual).mean()) > 0.8
