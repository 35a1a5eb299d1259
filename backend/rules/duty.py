"""How often who has to patrol 巡河任务, and when it is time to warn: the numbers of `duty.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County

DutyRole = Literal["county_chief", "township_chief", "village_chief", "patroller"]
Per = Literal["quarter", "month", "ten_days", "week", "working_day"]
Level = Literal["yellow", "orange", "red"]
PER_NAMES: dict[str, str] = {"quarter": "季度", "month": "月", "ten_days": "旬", "week": "周", "working_day": "工作日"}
LEVEL_NAMES: dict[str, str] = {"yellow": "黄色", "orange": "橙色", "red": "红色"}


class Duty(Frozen):
    """`times` valid patrols in each period, in the months from `from_month` to `to_month` (over new year where the
    first is the later one). The first entry that names the chief's role holds.

    `scope`: "person", each chief so often; "reach", so often on each reach of the chief's. `min_gap_hours`: a patrol
    that the chief began less than or exactly so long after the last counted one counts no more (阿合奇县).
    """

    roles: tuple[DutyRole, ...] = Field(min_length=1)
    times: int = Field(default=1, ge=1)
    per: Per = "month"
    scope: Literal["person", "reach"] = "person"
    from_month: int = Field(default=1, ge=1, le=12)
    to_month: int = Field(default=12, ge=1, le=12)
    min_gap_hours: float = Field(default=0, ge=0)

    def in_season(self, month: int) -> bool:
        if self.from_month <= self.to_month:
            return self.from_month <= month <= self.to_month
        return month >= self.from_month or month <= self.to_month


class Alert(Frozen):
    """A level of warning 预警; of several that hold the highest is given.

    `missed_periods`: so many ended periods in a row were not fulfilled. `days_left`: the present period ends in so many
    days or fewer and is not fulfilled yet. An entry holds when either that it names does.
    """

    level: Level
    missed_periods: int | None = Field(default=None, ge=1)
    days_left: int | None = Field(default=None, ge=0)


class DutyRules(Frozen):
    """`late_after_days`: what reaches the server later than so many days after its month still counts, and is shown.
    `remind_again_after_hours`: no chief is reminded of a duty by hand twice within these hours.
    """

    duties: tuple[Duty, ...] = ()
    alerts: tuple[Alert, ...] = ()
    late_after_days: int = Field(default=5, ge=0)
    remind_again_after_hours: int = Field(default=24, ge=0)

    def of(self, role: str) -> Duty | None:
        return next((duty for duty in self.duties if role in duty.roles), None)

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for duty in self.duties:
            for role in sorted(seen.intersection(duty.roles)):
                yield role, f"{role} 出现在两条任务里，只有第一条起作用"
            seen.update(duty.roles)
        for alert in self.alerts:
            if alert.missed_periods is None and alert.days_left is None:
                yield alert.level, f"{alert.level} 预警没有写 missed_periods 或 days_left，永远不会发出"
