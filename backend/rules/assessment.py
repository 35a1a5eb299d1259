"""Assessment 考核: full marks per part, what each failing costs, when a month closes, and who is summoned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County

PART_NAMES: dict[str, str] = {
    "patrol": "巡河完成", "accept": "按时签收", "rectify": "按时整改", "recurrence": "反弹", "satisfaction": "群众满意",
    "supervision": "督办", "refusal": "退回不当",
}  # fmt: skip
Kind = Literal["unit", "chief"]


class Marks(Frozen):
    """Full marks of each part; 0 leaves the part out."""

    patrol: float = Field(default=0, ge=0, le=100)
    accept: float = Field(default=0, ge=0, le=100)
    rectify: float = Field(default=0, ge=0, le=100)
    recurrence: float = Field(default=0, ge=0, le=100)
    satisfaction: float = Field(default=0, ge=0, le=100)
    supervision: float = Field(default=0, ge=0, le=100)
    refusal: float = Field(default=0, ge=0, le=100)

    @property
    def given(self) -> dict[str, float]:
        """The parts that count, in their order."""
        return {part: full for part in PART_NAMES if (full := float(getattr(self, part)))}


class Summons(Frozen):
    """When somebody is named 通报 or summoned 约谈: below a total, falling so many months in a row, or the last few."""

    kind: Kind
    how: Literal["named", "summoned"]
    below: float | None = Field(default=None, ge=0, le=100)
    falling_months: int | None = Field(default=None, ge=1, le=11)
    lowest: int | None = Field(default=None, ge=1)


class AssessmentRules(Frozen):
    """`units`: townships. `chiefs`: every chief, by patrols alone unless a county decides otherwise.

    Each recurrence, letter, overdue reply and wrong refusal costs so many points, never more than its part has.
    """

    cut_off_days: int = Field(default=5, ge=0, le=27)
    units: Marks = Marks(
        patrol=25, accept=15, rectify=25, recurrence=10, satisfaction=10, supervision=10, refusal=5
    )  # fmt: skip
    chiefs: Marks = Marks(patrol=100)
    recurrence_costs: float = Field(default=5, ge=0)
    letter_costs: float = Field(default=3, ge=0)
    overdue_reply_costs: float = Field(default=5, ge=0)
    refusal_costs: float = Field(default=2.5, ge=0)
    summons: tuple[Summons, ...] = (
        Summons(kind="unit", how="summoned", below=60),
        Summons(kind="unit", how="named", falling_months=3),
        Summons(kind="unit", how="named", lowest=1),
        Summons(kind="chief", how="named", below=60),
    )

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        for key in ("units", "chiefs"):
            total = sum(getattr(self, key).given.values())
            if abs(total - 100) > 1e-9:
                yield key, f"{key} 各项满分合计应为 100，现为 {total:g}"
        if set(self.chiefs.given) - {"patrol"}:
            yield "chiefs", "河长个人只按巡河完成（patrol）计分"
        for number, one in enumerate(self.summons, 1):
            if [one.below, one.falling_months, one.lowest].count(None) != 2:
                yield "summons", f"第 {number} 个 summons：要写 below、falling_months、lowest 中的一个"
