"""Units by the names that people give them: 清源镇, 清源镇人民政府, 清源, 县水务局, and what the county adds."""

from __future__ import annotations

import re
from collections import defaultdict

from backend.county import County

_BODIES = ("人民政府", "党委政府", "政府", "党委", "河长制办公室", "河长办", "办事处")
_KINDS = ("街道", "镇", "乡", "管理局", "分局", "局")
_SPLIT = re.compile(r"[、,，;；/\n]+|\s+")


class UnitNames:
    """The units of one county that can hold a case, found by whatever name means exactly one of them."""

    def __init__(self, county: County) -> None:
        self._county = county
        self._found: dict[str, set[str]] = defaultdict(set)
        for unit in county.units:
            if unit.kind == "county_office":
                continue
            whole = self._plain(unit.name)
            others = county.rules.imports.units.get(unit.code, ())
            for name in (unit.code, unit.name, whole, self._short(whole), *others):
                self._found[self._plain(name)].add(unit.code)

    def one(self, said: str) -> str | None:
        """The code of the unit that is meant; None when no unit, or more than one, could be."""
        plain = self._plain(said)
        for name in (plain, self._without_body(plain)):
            if len(self._found.get(name, ())) == 1:
                return next(iter(self._found[name]))
        return None

    def several(self, said: str) -> tuple[list[str], list[str]]:
        """The units of a cell that may name several, in their order, and the names that mean none."""
        if not said.strip():
            return [], []
        whole = self.one(said)
        if whole is not None:
            return [whole], []
        parts = [part for part in _SPLIT.split(said) if part]
        codes = {part: self.one(part) for part in parts}
        known = [code for code in codes.values() if code is not None]
        return list(dict.fromkeys(known)), [part for part, code in codes.items() if code is None]

    def _plain(self, name: str) -> str:
        """Without spaces and without the county before it."""
        plain = re.sub(r"\s+", "", name)
        for prefix in (self._county.name, "县", "我县", "本县"):
            if plain.startswith(prefix) and len(plain) > len(prefix) + 1:
                return plain.removeprefix(prefix)
        return plain

    @staticmethod
    def _without_body(plain: str) -> str:
        for body in _BODIES:
            if plain.endswith(body) and len(plain) > len(body):
                return plain.removesuffix(body)
        return plain

    @staticmethod
    def _short(whole: str) -> str:
        """清源镇 → 清源, 水务局 → 水务."""
        for kind in _KINDS:
            if whole.endswith(kind) and len(whole) > len(kind) + 1:
                return whole.removesuffix(kind)
        return whole
