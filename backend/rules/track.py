"""How a track is judged: which points count, what is a gap, a jump or standing still, what asks a human to look."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.rules.base import Frozen

Mode = Literal["walk", "bike", "boat", "vehicle"]


class TrackRules(Frozen):
    """The numbers behind a judgement 轨迹判定. Metres, seconds, metres per second; shares from 0 to 1."""

    # which points count
    accuracy_max_m: float = Field(default=150, gt=0)
    accuracy_unknown_m: float = Field(default=20, gt=0)
    jump_mps: float = Field(default=55, gt=0)
    burst_step_s: float = Field(default=10, gt=0)

    # gaps: listed from `gap_from_s`, bridged up to `gap_max_s`, shown and not counted beyond
    gap_from_s: float = Field(default=30, gt=0)
    gap_max_s: float = Field(default=300, gt=0)

    # the fastest that still counts as patrolling in each mode
    walk_max_mps: float = Field(default=3.5, gt=0)
    bike_max_mps: float = Field(default=8, gt=0)
    boat_max_mps: float = Field(default=12, gt=0)
    vehicle_max_mps: float = Field(default=25, gt=0)
    too_fast_s: float = Field(default=30, gt=0)
    too_fast_share: float = Field(default=0.3, gt=0, le=1)

    # standing still
    still_radius_m: float = Field(default=15, gt=0)
    still_min_s: float = Field(default=60, gt=0)

    # noise of phones: the error of a fix is like that of the last one for about `noise_s`
    noise_s: float = Field(default=30, gt=0)
    noise_share: float = Field(default=0.6, gt=0)

    # reaches
    corridor_margin_m: float = Field(default=30, ge=0)

    # unnatural regularity
    regular_noise_m: float = Field(default=0.05, ge=0)
    regular_share: float = Field(default=0.9, gt=0, le=1)
    regular_min_points: int = Field(default=60, ge=10)

    # long stays at two places between which nobody can have gone
    two_places_m: float = Field(default=1000, gt=0)
    two_places_s: float = Field(default=120, gt=0)

    # a track that repeats an earlier patrol
    repeat_m: float = Field(default=4, gt=0)
    repeat_share: float = Field(default=0.5, gt=0, le=1)
    repeat_min_s: float = Field(default=240, gt=0)
    repeat_min_m: float = Field(default=200, gt=0)

    # what is kept and shown
    line_points_max: int = Field(default=500, ge=2)
    hidden_ends_m: float = Field(default=200, ge=0)

    def max_mps(self, mode: Mode) -> float:
        """The fastest that still counts as patrolling in this mode."""
        return {
            "walk": self.walk_max_mps,
            "bike": self.bike_max_mps,
            "boat": self.boat_max_mps,
            "vehicle": self.vehicle_max_mps,
        }[mode]
