"""The way behind the points: smoothed, with its steps, and where the walker stood still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.cleaning import Cleaned
from backend.domain.tracks.plane import Plane, lengths_m, plane_at
from backend.domain.tracks.points import Bools, Floats, Ints
from backend.domain.tracks.smoothing import smooth
from backend.rules.track import TrackRules

_TURNING = 0.03  # m²/s³, acceleration of a walker along a winding bank


@dataclass(frozen=True)
class Way:
    """The most likely way, a place for each point that counts, and a step between each two of them.

    `x`, `y` metres on the `plane`; `step_m` geodesic, zero while `still`; `step_s` seconds.
    """

    plane: Plane
    time_ms: Ints
    x: Floats
    y: Floats
    lon: Floats
    lat: Floats
    step_m: Floats
    step_s: Floats
    still: Bools


def way_of(cleaned: Cleaned, rules: TrackRules) -> Way:
    """The way behind cleaned points."""
    points = cleaned.points
    middle = len(points) // 2
    plane = plane_at(float(points.lon[middle]), float(points.lat[middle])) if len(points) else plane_at(0.0, 0.0)
    fixes = np.stack(plane.to_metres(points.lon, points.lat))
    states = smooth(cleaned.time_s, fixes, cleaned.error_m * rules.noise_share, rules.noise_s, _TURNING)
    x, y = states[0]
    lon, lat = plane.to_degrees(x, y)
    step_s = np.diff(cleaned.time_s)
    still = _still(cleaned.time_s, x, y, rules)
    step_m = np.where(still, 0.0, lengths_m(lon, lat))
    return Way(plane, points.time_ms, x, y, lon, lat, step_m, step_s, still)


def _still(time_s: Floats, x: Floats, y: Floats, rules: TrackRules) -> Bools:
    """Which steps were spent standing: those within a time in which the walker got nowhere."""
    n = len(time_s)
    if n < 2:
        return np.zeros(0, dtype=bool)
    begin = np.searchsorted(time_s, time_s - rules.still_min_s / 2)
    end = np.searchsorted(time_s, time_s + rules.still_min_s / 2, side="right")
    spread = np.zeros(n)
    for axis in (x, y):
        sums = np.concatenate([[0.0], np.cumsum(axis)])
        squares = np.concatenate([[0.0], np.cumsum(axis**2)])
        mean = (sums[end] - sums[begin]) / (end - begin)
        spread += np.maximum(0.0, (squares[end] - squares[begin]) / (end - begin) - mean**2)
    quiet = np.sqrt(spread) * np.sqrt(3.0) < rules.still_radius_m
    still: Bools = quiet[:-1] & quiet[1:]
    return still
