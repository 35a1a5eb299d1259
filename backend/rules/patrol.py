"""When a patrol 巡河 is valid, and what surrounds it: the numbers of `patrol.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County

# The signs in a track that ask a human to look (backend.domain.tracks.signs).
Doubt = Literal["too_fast", "too_regular", "repeated", "two_places"]
PatrolRole = Literal["county_chief", "township_chief", "village_chief", "patroller", "inspector"]


class Minimum(Frozen):
    """What a patrol of these roles on these reaches must reach to be valid; an empty list means all of them.

    The first entry that fits a role and a reach holds. `scope`: whether minutes and metres are asked of the "patrol"
    as a whole or of each "reach" by itself (泗县丁湖镇). Metres are those walked along the river. `min_coverage` is the
    share of the reach's length, `min_checkpoints` of its checkpoints, always of each reach. `settled_counts`: a patrol
    on which a problem was settled on the spot 现场办结 needs no minutes, metres or coverage (广州 2021).
    """

    roles: tuple[PatrolRole, ...] = ()
    reaches: tuple[str, ...] = ()
    scope: Literal["patrol", "reach"] = "patrol"
    min_minutes: float = Field(default=0, ge=0)
    min_moving_minutes: float = Field(default=0, ge=0)
    min_metres: float = Field(default=0, ge=0)
    min_coverage: float = Field(default=0, ge=0, le=1)
    from_hour: str = Field(default="00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    to_hour: str = Field(default="24:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")
    min_checkpoints: float = Field(default=0, ge=0, le=1)
    settled_counts: bool = False

    def fits(self, role: str, reach: str) -> bool:
        return (not self.roles or role in self.roles) and (not self.reaches or reach in self.reaches)

    def within_hours(self, begun: time) -> bool:
        """Whether a patrol may begin at this hour of Asia/Shanghai; the hours may run over midnight."""
        at = f"{begun:%H:%M}"
        if self.from_hour <= self.to_hour:
            return self.from_hour <= at < self.to_hour
        return at >= self.from_hour or at < self.to_hour


class Board(Frozen):
    """A notice board 公示牌 to visit, WGS-84 degrees. Its QR code carries a token that the server derives."""

    code: str = Field(pattern=r"^[\w\-]+$", max_length=64)
    name: str = Field(min_length=1)
    reach: str
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class PatrolRules(Frozen):
    """Validity of patrols. Defaults are lenient, so that a county without the file counts every real walk.

    `invalidating` names the doubts of a judgement (backend.domain.tracks.signs) that make a patrol invalid; other flags
    are only shown. A phone's clock that is off by less than `skew_ignored_s` is taken as right.
    """

    minimums: tuple[Minimum, ...] = (Minimum(min_minutes=10, min_metres=300),)
    invalidating: tuple[Doubt, ...] = ()
    finish_after_hours: float = Field(default=24, gt=0)
    skew_ignored_s: float = Field(default=30, ge=0)
    future_tolerance_s: float = Field(default=300, ge=0)
    overlap_ignored_min: float = Field(default=3, ge=0)
    repeats_within_days: int = Field(default=180, ge=0)
    appeal_days: int = Field(default=10, ge=1)
    settled_sample_percent: float = Field(default=20, ge=0, le=100)
    checkpoint_near_m: float = Field(default=50, gt=0)
    boards: tuple[Board, ...] = ()

    def minimum(self, role: str, reach: str) -> Minimum | None:
        """The entry that holds for a chief of this role on this reach; None when patrols there are not asked for."""
        return next((one for one in self.minimums if one.fits(role, reach)), None)

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        known = {reach.code for reach in county.reaches}
        named = {code for one in self.minimums for code in one.reaches} | {board.reach for board in self.boards}
        for code in sorted(named - known):
            yield code, f"没有河段 {code}"
        taken = {source.code for source in county.risk_sources}
        for board in self.boards:
            if board.code in taken:
                yield board.code, f"编号 {board.code} 重复"
            taken.add(board.code)
