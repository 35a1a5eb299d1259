"""One row of a file that brings cases in: its cells understood, and what is wrong or had to be guessed in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from backend import cells
from backend.cells import NotUnderstood
from backend.county import County
from backend.domain.imports import Remark
from backend.geo import PlaceFault, check_point
from backend.table_file import Line, Table

_SHORT_MAX = 500
_T = TypeVar("_T")


class Numbers:
    """The numbers of one file: each stands for one row; said twice, the second is a fault."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, object]] = {}

    def once(self, row: FileRow, noun: str, content: object) -> None:
        """`noun`: what the file calls its numbers. `content`: what two rows of a number are compared by."""
        where = f"第 {row.line.number} 行"
        where = f"工作表“{row.table.sheet}”{where}" if row.table.sheet else where
        first, said = self._seen.setdefault(row.number, (where, content))
        if first != where:
            alike = "，内容相同" if said == content else "，内容不同"
            row.fault("number", f"{noun}“{row.number}”与{first}重复{alike}")


class FileRow:
    """Reads the cells that the old ledger and the orders of the hotline have in common."""

    def __init__(self, county: County, table: Table, line: Line) -> None:
        self.county, self.rules = county, county.rules.imports
        self.table, self.line = table, line
        self.faults: list[Remark] = []
        self.warnings: list[Remark] = []
        self.number = ""

    def fault(self, field: str, reason: str) -> None:
        self.faults.append(Remark(self.table.title(field), reason))

    def warn(self, field: str, reason: str) -> None:
        self.warnings.append(Remark(self.table.title(field), reason))

    def text(self, field: str, most: int = _SHORT_MAX) -> str:
        said = cells.text(self.table.cell(self.line, field))
        if len(said) > most:
            self.fault(field, f"文字最多 {most} 字，现在有 {len(said)} 字")
        return said[:most]

    def read(self, field: str, understand: Callable[[cells.Raw], _T]) -> _T | None:
        raw = self.table.cell(self.line, field)
        if cells.is_blank(raw):
            return None
        try:
            return understand(raw)
        except NotUnderstood as error:
            self.fault(field, str(error))
            return None

    def category(self, within: str = "") -> str | None:
        """The code of the kind of problem; where its column says nothing that is known, by the words `within`."""
        said = self.text("category")
        by_name = {category.name: category.code for category in self.county.categories}
        for code in (by_name.get(said), said if said in self.county.category_by_code else None):
            if code is not None:
                return code
        words = {**by_name, **self.rules.categories}
        for word in sorted(words, key=len, reverse=True):
            if said and word in said and words[word] in self.county.category_by_code:
                return words[word]
        for word in sorted(words, key=len, reverse=True):
            if word in within and words[word] in self.county.category_by_code:
                name = self.county.category_by_code[words[word]].name
                self.warn("category", f"类别“{said}”没有对应，按内容里的“{word}”归为“{name}”")
                return words[word]
        other = self.rules.other_category
        if other is None:
            self.fault("category", f"类别“{said}”不认识，应为：{'、'.join(by_name)}" if said else "缺少类别")
            return None
        name = self.county.category_by_code[other].name
        self.warn("category", f"类别“{said}”没有对应，按“{name}”导入" if said else f"没有类别，按“{name}”导入")
        return other

    def reach(self) -> str | None:
        said, river = self.text("reach"), self.text("river")
        if not said:
            return None
        if said in self.county.reach_by_code:
            return said
        named = [r for r in self.county.reaches if said in (r.name, r.river + r.name) and river in ("", r.river)]
        if len(named) == 1:
            return named[0].code
        self.warn("reach", f"河段“{said}”{'不认识' if not named else '不止一个'}，没有采用")
        return None

    def point(self) -> dict[str, Any]:
        lon, lat = self.read("lon", cells.degrees), self.read("lat", cells.degrees)
        if lon is None or lat is None:
            return {}
        if self.rules.coord_type is None:
            self.warn("lon", "没有说明坐标系，坐标没有采用；请在 imports.toml 写明 coord_type")
            return {}
        try:
            check_point(lon, lat)
        except PlaceFault as fault:
            swapped = "，经度和纬度可能写反了" if 3 <= lon <= 54 and 73 <= lat <= 136 else ""
            self.fault("lon", f"{fault.title.rstrip('。')}{swapped}")
            return {}
        return {"lon": lon, "lat": lat, "coord_type": self.rules.coord_type}
