"""Times without positions: short ones are bridged along the reach, long ones shown and not counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.coverage import OnReach
from backend.domain.tracks.judgement import Gap
from backend.domain.tracks.plane import between_m
from backend.domain.tracks.points import Bools, Floats
from backend.domain.tracks.way import Way
from backend.rules.track import Mode, TrackRules

_USUAL = 3.0  # a phone that tells a place every minute has no gap every minute
_DETOUR = 3.0  # along the reach at most so many times the straight line
_MOST_LISTED = 500


@dataclass(frozen=True)
class Counted:
    """What each step of a way counts: metres, whether it was spent standing, whether nobody saw it."""

    step_m: Floats
    still: Bools
    unseen: Bools


def bridge(way: Way, on_reaches: Sequence[OnReach], rules: TrackRules, mode: Mode) -> tuple[tuple[Gap, ...], Counted]:
    """The gaps in order of time (when they are many: those not bridged, and the longest), and what each step counts.

    A gap up to `gap_max_s` counts the way along the reach between its ends, where that is not much longer than the
    straight line and not too far for the time; otherwise the straight line.
    """
    step_m, still = way.step_m.copy(), way.still.copy()
    unseen = way.silent_s > rules.gap_max_s
    if not len(step_m):
        return (), Counted(step_m, still, unseen)
    from_s = max(rules.gap_from_s, _USUAL * float(np.median(way.step_s)))
    gap = np.flatnonzero((way.silent_s > from_s) | unseen | way.broken)
    straight_m = between_m(way.lon[gap], way.lat[gap], way.lon[gap + 1], way.lat[gap + 1])
    bridged = ~unseen[gap] & ~way.broken[gap]
    went = bridged & (straight_m > rules.still_radius_m)
    counted_m = np.where(went, straight_m, 0.0)
    along = np.full(len(gap), -1)
    farthest_m = np.minimum(rules.max_mps(mode) * way.step_s[gap], _DETOUR * straight_m)
    for index, on_reach in enumerate(on_reaches):
        along_m = np.abs(on_reach.along_m[gap + 1] - on_reach.along_m[gap])
        better = went & (along < 0) & (along_m > straight_m) & (along_m <= farthest_m)
        along[better], counted_m[better] = index, along_m[better]
    step_m[gap] = counted_m
    still[gap] = bridged & ~went
    first = np.lexsort((-way.silent_s[gap], bridged))[:_MOST_LISTED]
    gaps = tuple(
        Gap(
            begins_ms=int(way.last_ms[gap[one]]),
            ends_ms=int(way.first_ms[gap[one] + 1]),
            straight_m=float(straight_m[one]),
            bridged=bool(bridged[one]),
            counted_m=float(counted_m[one]),
            along=on_reaches[along[one]].code if along[one] >= 0 else None,
        )
        for one in np.sort(first)
    )
    return gaps, Counted(step_m, still, unseen)
