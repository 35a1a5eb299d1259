"""Where cases come from 案件来源, and what each source asks for beyond the rules of the category."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County


class Source(Frozen):
    """One source. `deadline_days`: working days from the day the paper came, when it names no deadline itself.

    `entered`: the office enters its cases by hand. `reporter`: somebody who reported stands behind each case, so that
    the ledger says how (named, confidential, anonymous). `numbered`: a case without the source's own number is refused.
    """

    name: str = Field(min_length=1)
    entered: bool = False
    reporter: bool = False
    numbered: bool = False
    deadline_days: int | None = Field(default=None, ge=1)
    urgent: bool = False
    severity: str | None = None


BUILT_IN: dict[str, dict[str, Any]] = {
    "resident": {"name": "群众举报", "reporter": True},
    "patrol": {"name": "巡河发现"},
    "inspection": {"name": "督察交办", "entered": True, "numbered": True},
    "petition": {"name": "信访", "entered": True, "reporter": True, "numbered": True, "deadline_days": 40},
    "superior": {"name": "上级交办", "entered": True},
    "department": {"name": "部门移送", "entered": True},
    "media": {"name": "媒体曝光", "entered": True},
    "hotline": {"name": "12345热线", "reporter": True, "numbered": True, "deadline_days": 5},
    "imported": {"name": "原台账导入", "numbered": True},
}


class SourceRules(Frozen):
    """`kinds` by code. Those that the program itself names are always there; a county changes them or adds its own."""

    kinds: dict[str, Source] = Field(default={}, validate_default=True)

    @field_validator("kinds", mode="before")
    @classmethod
    def _with_built_in(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        merged = {code: dict(source) for code, source in BUILT_IN.items()}
        for code, source in given.items():
            merged[code] = {**merged.get(code, {}), **source} if isinstance(source, dict) else source
        return merged

    def name(self, code: str) -> str:
        """What a source is called; one that the county no longer names, by its code."""
        return self.kinds[code].name if code in self.kinds else code

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        for code, source in self.kinds.items():
            if source.severity is not None and source.severity not in county.severity_by_code:
                yield f"kinds.{code}", f"{source.name}：没有代码为 {source.severity} 的严重程度"
