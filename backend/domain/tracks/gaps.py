"""Times without positions: short ones are bridged along the reach, long ones shown and not counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.domain.tracks.coverage import OnReach
from backend.domain.tracks.judgement import Gap
from backend.domain.tracks.plane import between_m
from backend.domain.tracks.points import Bools, Floats
from backend.domain.tracks.way import Way
from backend.rules.track import Mode, TrackRules

_USUAL = 3.0  # a phone that tells a place every minute has no gap every minute
_DETOUR = 3.0  # along the reach at most so many times the straight line


def bridge(
    way: Way, on_reaches: Sequence[OnReach], rules: TrackRules, mode: Mode
) -> tuple[tuple[Gap, ...], Floats, Bools]:
    """The gaps, the metres that each step of the way counts, and which steps nobody saw."""
    counted_m = way.step_m.copy()
    unseen = way.step_s > rules.gap_max_s
    counted_m[unseen] = 0.0
    if not len(counted_m):
        return (), counted_m, unseen
    from_s = max(rules.gap_from_s, _USUAL * float(np.median(way.step_s)))
    gaps = []
    for step in np.flatnonzero((way.step_s > from_s) | unseen):
        here, there = slice(step, step + 1), slice(step + 1, step + 2)
        straight_m = float(between_m(way.lon[here], way.lat[here], way.lon[there], way.lat[there])[0])
        bridged, along = not unseen[step], None
        if bridged:
            counted_m[step] = straight_m if straight_m > rules.still_radius_m else 0.0
            farthest_m = rules.max_mps(mode) * float(way.step_s[step])
            for on_reach in on_reaches:
                along_m = float(abs(on_reach.along_m[step + 1] - on_reach.along_m[step]))
                if counted_m[step] and straight_m < along_m <= min(farthest_m, _DETOUR * straight_m):
                    counted_m[step], along = along_m, on_reach.code
                    break
        ends = int(way.time_ms[step]), int(way.time_ms[step + 1])
        gaps.append(Gap(*ends, straight_m, bridged, float(counted_m[step]), along))
    return tuple(gaps), counted_m, unseen
