"""Which part of a reach was walked: the way, projected on the line of the reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from backend.domain.tracks.plane import Plane
from backend.domain.tracks.points import Bools, Floats

_CELL_M = 2.0  # how finely the line is divided for counting
_FARTHEST_HOP = 4.0  # corridors along the line
_HOP_SAMPLES = 20


@dataclass(frozen=True, eq=False)
class ReachLine:
    """The line of a reach 河段 as it is judged: `line` (n, 2) WGS-84 longitude and latitude in degrees, downstream;
    `corridor_m` how far from it a walker is still at this reach.
    """

    code: str
    line: Floats
    corridor_m: float


@dataclass(frozen=True, eq=False)
class OnReach:
    """A way seen from one reach: which of its places are within the corridor, and where along the line (metres from
    its beginning, NaN outside). `line_x`, `line_y`: the vertices on the way's plane, `begins_m` where each is.
    """

    code: str
    corridor_m: float
    line_x: Floats
    line_y: Floats
    begins_m: Floats
    x: Floats
    y: Floats
    inside: Bools
    along_m: Floats

    @property
    def length_m(self) -> float:
        return float(self.begins_m[-1])


def project(reach: ReachLine, plane: Plane, x: Floats, y: Floats, tolerance_m: Floats) -> OnReach:
    """The places (x, y in metres on the plane) along a reach; each may be `tolerance_m` outside of the corridor."""
    line = np.asarray(reach.line, dtype=np.float64)
    line_x, line_y = plane.to_metres(line[:, 0], line[:, 1])
    run_x, run_y = np.diff(line_x), np.diff(line_y)
    steps = np.hypot(run_x, run_y)
    begins = np.concatenate([[0.0], np.cumsum(steps)])
    along = np.full(len(x), np.nan)
    widest = reach.corridor_m + float(tolerance_m.max(initial=0.0))
    near = (x >= line_x.min() - widest) & (x <= line_x.max() + widest)
    near &= (y >= line_y.min() - widest) & (y <= line_y.max() + widest)
    asked = np.flatnonzero(near)
    if len(asked) and len(steps):
        corners = np.stack([line_x, line_y], 1)
        tree = shapely.STRtree(np.asarray(shapely.linestrings(np.stack([corners[:-1], corners[1:]], 1))))
        (which, segment), distance = tree.query_nearest(
            np.asarray(shapely.points(x[asked], y[asked])),
            max_distance=widest,
            return_distance=True,
            all_matches=False,
        )
        place = asked[which]
        inside = distance <= reach.corridor_m + tolerance_m[place]
        place, segment = place[inside], segment[inside]
        reached = (x[place] - line_x[segment]) * run_x[segment] + (y[place] - line_y[segment]) * run_y[segment]
        share = np.clip(reached / np.maximum(steps[segment] ** 2, 1e-12), 0.0, 1.0)
        along[place] = begins[segment] + share * steps[segment]
    return OnReach(reach.code, reach.corridor_m, line_x, line_y, begins, x, y, ~np.isnan(along), along)


def covered_share(on_reach: OnReach, walked: Bools, step_m: Floats) -> float:
    """The share of the reach between neighbouring places of the way, over the steps that were `walked`.

    From one place to the next the line counts as far as the step may reach along it. A hop along the line that is
    longer than that counts where all of it is within the corridor of the step, as inside a sharp bend, and not
    across the neck of a hairpin, whose limbs were not both walked.
    """
    if not on_reach.length_m:
        return 0.0
    cells = int(np.ceil(on_reach.length_m / _CELL_M))
    here, there = on_reach.along_m[:-1], on_reach.along_m[1:]
    hop = np.abs(there - here)  # NaN, which compares false, unless both ends are within the corridor
    near = hop <= step_m + on_reach.corridor_m / 4
    far = np.flatnonzero(walked & ~near & (hop <= step_m + _FARTHEST_HOP * on_reach.corridor_m))
    near[far] = _within(on_reach, far)
    near &= walked
    scale = cells / on_reach.length_m
    begin = np.clip(np.round(np.minimum(here, there)[near] * scale), 0, cells).astype(np.int64)
    end = np.clip(np.round(np.maximum(here, there)[near] * scale), 0, cells).astype(np.int64)
    level = np.bincount(begin, minlength=cells + 1) - np.bincount(end, minlength=cells + 1)
    return float((np.cumsum(level)[:cells] > 0).sum() / cells)


def _within(on_reach: OnReach, steps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Bools:
    """Whether all of the line between the ends of each of these steps is within the corridor of one of them."""
    all_near = np.ones(len(steps), dtype=bool)
    for share in np.linspace(0.0, 1.0, _HOP_SAMPLES + 1):
        at = on_reach.along_m[steps] + share * (on_reach.along_m[steps + 1] - on_reach.along_m[steps])
        line_x = np.interp(at, on_reach.begins_m, on_reach.line_x)
        line_y = np.interp(at, on_reach.begins_m, on_reach.line_y)
        nearest = np.minimum(
            np.hypot(line_x - on_reach.x[steps], line_y - on_reach.y[steps]),
            np.hypot(line_x - on_reach.x[steps + 1], line_y - on_reach.y[steps + 1]),
        )
        all_near &= nearest <= on_reach.corridor_m
    return all_near
