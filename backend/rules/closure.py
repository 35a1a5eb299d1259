"""Closing and after: what is odd about a photo that is shown as evidence, and which cases are looked back at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County


class LookBack(Frozen):
    """A rule by which a closed case is looked back at 回头看: it fits when all that it names is so.

    `after_days` working days after the closing it begins to count; what it leaves empty does not matter to it.
    """

    name: str = Field(min_length=1)
    after_days: int = Field(ge=1)
    categories: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    urgent: bool | None = None
    recurrent: bool | None = None
    near_intake: bool | None = None


class ClosureRules(Frozen):
    """When evidence 证据 is flagged to the verifier, and when a closed case is looked back at 回头看.

    `away_m`: farther than this from the case's place, besides how sure that place is; `away_m_of` per category.
    `clock_slack_min`: so much may a phone's clock be wrong. `same_bits`: two photos whose perceptual hashes differ in
    so many of 64 bits or fewer are the same picture, if their finer ones differ in `same_fine_bits` of 256 or fewer.
    `earlier_shown`: how many earlier photos are told of at most.
    Look-backs: working days to carry one out in (`look_back_within_days`, after a dispute `dispute_within_days`), how
    far from the place the inspector may stand (`on_spot_m`), and of the cases that a unit closed in a month the share
    that is drawn, no fewer than `sample_at_least`.
    """

    away_m: float = Field(default=300, gt=0)
    away_m_of: dict[str, float] = Field(default_factory=dict)
    clock_slack_min: float = Field(default=10, ge=0)
    # The search promises to miss nothing up to 11 (domain/likeness.py).
    same_bits: int = Field(default=6, ge=0, le=11)
    same_fine_bits: int = Field(default=40, ge=0, le=256)
    earlier_shown: int = Field(default=3, ge=1, le=20)
    look_back: tuple[LookBack, ...] = ()
    look_back_within_days: int = Field(default=5, ge=1)
    dispute_within_days: int = Field(default=3, ge=1)
    on_spot_m: float = Field(default=200, gt=0)
    sample_share: float = Field(default=0.1, ge=0, le=1)
    sample_at_least: int = Field(default=1, ge=0)

    def away(self, category: str) -> float:
        """How many metres off the place is away, for this category."""
        return self.away_m_of.get(category, self.away_m)

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        for code, metres in self.away_m_of.items():
            if code not in county.category_by_code:
                yield code, f"away_m_of：没有代码为 {code} 的问题类别"
            elif metres <= 0:
                yield code, f"away_m_of：{code} 的距离应大于 0"
        for rule in self.look_back:
            for code in rule.categories:
                if code not in county.category_by_code:
                    yield code, f"look_back“{rule.name}”：没有代码为 {code} 的问题类别"
            for code in rule.severities:
                if code not in county.severity_by_code:
                    yield code, f"look_back“{rule.name}”：没有代码为 {code} 的严重程度"
