"""The line that a map draws: few vertices, each with its time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from backend.domain.tracks.judgement import Gap
from backend.domain.tracks.way import Way

_FINEST_M = 1.0
_MOST_INPUT = 20_000


def map_line(way: Way, gaps: Sequence[Gap], most: int) -> tuple[tuple[float, float, int], ...]:
    """At most `most` vertices (longitude, latitude, time in ms) of the way, by Douglas and Peucker's method."""
    n = len(way.x)
    if n == 0:
        return ()
    chosen = np.unique(np.linspace(0, n - 1, min(n, _MOST_INPUT)).round().astype(np.int64))
    tolerance = _FINEST_M
    kept = chosen
    while len(kept) > 1:
        vertices = np.stack([way.x[chosen], way.y[chosen], chosen.astype(np.float64)], 1)
        simple = shapely.simplify(shapely.linestrings(vertices), tolerance, preserve_topology=False)
        kept = shapely.get_coordinates(simple, include_z=True)[:, 2].astype(np.int64)
        if len(kept) <= most:
            break
        tolerance *= 1.5
    return tuple((float(way.lon[i]), float(way.lat[i]), int(way.first_ms[i])) for i in kept)
