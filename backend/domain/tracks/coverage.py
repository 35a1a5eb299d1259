"""Which part of a reach was walked: the way, projected on the line of the reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from backend.domain.tracks.plane import Plane
from backend.domain.tracks.points import Bools, Floats

_CELL_M = 2.0


@dataclass(frozen=True, eq=False)
class ReachLine:
    """The line of a reach 河段 as it is judged: `line` (n, 2) WGS-84 longitude and latitude in degrees, downstream;
    `corridor_m` how far from it a walker is still at this reach.
    """

    code: str
    line: Floats
    corridor_m: float


@dataclass(frozen=True)
class OnReach:
    """A way seen from one reach: which of its places are within the corridor, and where along the line (metres from
    its beginning, NaN outside)."""

    code: str
    length_m: float
    corridor_m: float
    inside: Bools
    along_m: Floats


def project(reach: ReachLine, plane: Plane, x: Floats, y: Floats, tolerance_m: Floats) -> OnReach:
    """The places (x, y in metres on the plane) along a reach; each may be `tolerance_m` outside of the corridor."""
    line = np.asarray(reach.line, dtype=np.float64)
    line_x, line_y = plane.to_metres(line[:, 0], line[:, 1])
    steps = np.hypot(np.diff(line_x), np.diff(line_y))
    begins = np.concatenate([[0.0], np.cumsum(steps)])
    along = np.full(len(x), np.nan)
    widest = reach.corridor_m + float(tolerance_m.max(initial=0.0))
    near = (
        (x >= line_x.min() - widest)
        & (x <= line_x.max() + widest)
        & (y >= line_y.min() - widest)
        & (y <= line_y.max() + widest)
    )
    which = np.flatnonzero(near)
    if len(which) and begins[-1] > 0:
        ends = np.stack([np.stack([line_x[:-1], line_y[:-1]], 1), np.stack([line_x[1:], line_y[1:]], 1)], 1)
        segments = np.asarray(shapely.linestrings(ends))
        (asked, segment), distance = shapely.STRtree(segments).query_nearest(
            shapely.points(x[which], y[which]), max_distance=widest, return_distance=True, all_matches=False
        )
        inside = distance <= reach.corridor_m + tolerance_m[which[asked]]
        place, segment = which[asked[inside]], segment[inside]
        run_x, run_y = line_x[segment + 1] - line_x[segment], line_y[segment + 1] - line_y[segment]
        reached = (x[place] - line_x[segment]) * run_x + (y[place] - line_y[segment]) * run_y
        share = np.clip(reached / np.maximum(steps[segment] ** 2, 1e-12), 0.0, 1.0)
        along[place] = begins[segment] + share * steps[segment]
    return OnReach(reach.code, float(begins[-1]), reach.corridor_m, ~np.isnan(along), along)


def covered_share(on_reach: OnReach, walked: Bools, step_m: Floats) -> float:
    """The share of the reach between neighbouring places of the way, over the steps that were `walked`.

    From one place to the next the line counts up to the step and half a corridor more: between the limbs of a
    hairpin, a step across the neck has not walked round the bend.
    """
    if not on_reach.length_m:
        return 0.0
    cells = int(np.ceil(on_reach.length_m / _CELL_M))
    here, there = on_reach.along_m[:-1], on_reach.along_m[1:]
    # NaN compares false: both ends are within the corridor.
    counts = walked & (np.abs(there - here) <= step_m + on_reach.corridor_m / 2)
    low, high = np.minimum(here, there)[counts], np.maximum(here, there)[counts]
    scale = cells / on_reach.length_m
    begin = np.clip(np.round(low * scale), 0, cells).astype(np.int64)
    end = np.clip(np.round(high * scale), 0, cells).astype(np.int64)
    level = np.bincount(begin, minlength=cells + 1) - np.bincount(end, minlength=cells + 1)
    return float((np.cumsum(level)[:cells] > 0).sum() / cells)
