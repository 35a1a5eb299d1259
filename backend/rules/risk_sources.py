"""When a risk source is looked at too seldom, and when it calls for attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County

RiskKind = Literal["outfall", "sand_pit", "water_intake", "plant"]


class Alert(Frozen):
    """So many `cases` within so many calendar `days` on one source call for attention; no `kinds` means all."""

    cases: int = Field(ge=2)
    days: int = Field(ge=1)
    kinds: tuple[RiskKind, ...] = ()


class RiskSourceRules(Frozen):
    """`inspect_days`: within how many calendar days a watched source of a kind is to be inspected again.

    `on_spot_m`: how far from it an inspector may stand.
    """

    alerts: tuple[Alert, ...] = (Alert(cases=3, days=90),)
    inspect_days: dict[RiskKind, int] = Field(default_factory=dict)
    on_spot_m: float = Field(default=300, gt=0)

    def alerts_for(self, kind: str) -> list[Alert]:
        return [alert for alert in self.alerts if not alert.kinds or kind in alert.kinds]

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        for kind, days in self.inspect_days.items():
            if days < 1:
                yield kind, f"inspect_days：{kind} 的天数应是 1 以上的整数"
