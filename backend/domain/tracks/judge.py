"""The judgement of a track: one walk through cleaning, smoothing, gaps, reaches, signs of doubt and the map line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.domain.tracks import signs
from backend.domain.tracks.cleaning import clean
from backend.domain.tracks.coverage import ReachLine, covered_share, project
from backend.domain.tracks.gaps import bridge
from backend.domain.tracks.judgement import VERSION, Beside, Judgement, Kept, Quantiles
from backend.domain.tracks.plane import lengths_m
from backend.domain.tracks.points import Floats, Points
from backend.domain.tracks.signature import Signature
from backend.domain.tracks.simplify import map_line
from backend.domain.tracks.way import way_of
from backend.rules.track import Mode, TrackRules


def judge(
    points: Points,
    reaches: Sequence[ReachLine],
    rules: TrackRules,
    earlier: Sequence[Signature] = (),
    mode: Mode = "walk",
) -> Judgement:
    """What can be seen in the points of one patrol, walked along these reaches.

    The same set of points gives the same judgement, whatever the order and however often each was sent. Never raises
    for what `make_points` accepts.
    """
    cleaned = clean(points, rules)
    way = way_of(cleaned, rules)
    tolerance_m = np.minimum(way.error_m, rules.corridor_margin_m)
    on_reaches = [project(reach, way.plane, way.x, way.y, tolerance_m) for reach in reaches]
    gaps, counted = bridge(way, on_reaches, rules, mode)

    seen_s = np.where(counted.unseen, 0.0, way.step_s)
    still_s = float(seen_s[counted.still].sum())
    duration_s = float(way.step_s.sum())
    unseen_s = float(way.step_s[counted.unseen].sum())
    walked = ~counted.unseen & ~way.broken
    anywhere = np.zeros(len(walked), dtype=bool)
    beside: dict[str, Beside] = {}
    coverage: dict[str, float] = {}
    for on_reach in on_reaches:
        here = on_reach.inside[:-1] & on_reach.inside[1:]
        anywhere |= here
        beside[on_reach.code] = Beside(float(counted.step_m[here].sum()), float(seen_s[here].sum()))
        coverage[on_reach.code] = covered_share(on_reach, walked, counted.step_m)
    return Judgement(
        version=VERSION,
        mode=mode,
        distance_m=float(counted.step_m.sum()),
        along_m=float(counted.step_m[anywhere].sum()),
        duration_s=duration_s,
        moving_s=max(0.0, duration_s - still_s - unseen_s),
        still_s=still_s,
        unseen_s=unseen_s,
        coverage=coverage,
        beside=beside,
        covered_m=sum(coverage[reach.code] * _length_m(reach) for reach in reaches),
        gaps=gaps,
        flags=signs.find(cleaned, way, gaps, counted, rules, mode, earlier),
        kept=Kept(len(cleaned.points), len(points), cleaned.dropped),
        line=map_line(way, counted, rules.line_points_max),
        first_ms=int(cleaned.points.time_ms[0]) if len(cleaned.points) else None,
        last_ms=int(cleaned.points.time_ms[-1]) if len(cleaned.points) else None,
        accuracy_m=_quantiles(cleaned.points.accuracy_m),
        interval_s=_quantiles(np.diff(cleaned.time_s)),
        fast_m=float(counted.step_m[signs.too_fast(way, counted, rules, mode)].sum()),
    )


def _length_m(reach: ReachLine) -> float:
    line = np.asarray(reach.line, dtype=np.float64)
    return float(lengths_m(line[:, 0], line[:, 1]).sum())


def _quantiles(values: Floats) -> Quantiles | None:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    return Quantiles(*(float(q) for q in np.quantile(known, [0.1, 0.5, 0.9])))
