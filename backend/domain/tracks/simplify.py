"""The line that a map draws: few vertices, each with its time."""

from __future__ import annotations

import numpy as np
import shapely

from backend.domain.tracks.gaps import Counted
from backend.domain.tracks.points import Ints
from backend.domain.tracks.way import Way

_FINEST_M = 1.0
_COARSER = 1.5
_MOST_INPUT = 20_000


def map_line(way: Way, counted: Counted, most: int) -> tuple[tuple[float, float, int], ...]:
    """At most `most` vertices (longitude, latitude, time in ms) of the way, by Douglas and Peucker's method.

    Both ends of what nobody saw stay vertices, so that a map can leave it out.
    """
    n = len(way.x)
    if n == 0:
        return ()
    cuts = np.flatnonzero(counted.unseen | way.broken) + 1
    ends = np.unique(np.concatenate([[0, n - 1], cuts - 1, cuts]))
    even = np.linspace(0, n - 1, min(n, _MOST_INPUT)).round().astype(np.int64)
    chosen = np.unique(np.concatenate([ends, even])) if len(ends) <= most else _thinned(even, most)
    pieces = np.split(chosen, np.searchsorted(chosen, cuts)) if len(ends) <= most else [chosen]
    tolerance_m = _FINEST_M
    kept = chosen
    while len(kept) > most or tolerance_m == _FINEST_M:
        kept = np.concatenate([_simple(way, piece, tolerance_m) for piece in pieces])
        tolerance_m *= _COARSER
    return tuple((float(way.lon[at]), float(way.lat[at]), int(way.first_ms[at])) for at in kept)


def _thinned(indices: Ints, most: int) -> Ints:
    return indices[np.unique(np.linspace(0, len(indices) - 1, most).round().astype(np.int64))]


def _simple(way: Way, piece: Ints, tolerance_m: float) -> Ints:
    if len(piece) < 3:
        return piece
    vertices = np.stack([way.x[piece], way.y[piece], piece.astype(np.float64)], 1)
    simple = shapely.simplify(shapely.linestrings(vertices), tolerance_m, preserve_topology=False)
    return shapely.get_coordinates(simple, include_z=True)[:, 2].astype(np.int64)
