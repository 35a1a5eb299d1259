"""The completion table of patrols as the pages of a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from backend.domain.actors import ROLE_NAMES
from backend.domain.duty_count import Completion
from backend.domain.sheets import Cell, Heading, Sheet

if TYPE_CHECKING:
    from backend.work import Work

_COLUMNS = (
    Heading("姓名", 10), Heading("身份", 11), Heading("单位", 16), Heading("周期", 18), Heading("起", 11),
    Heading("止", 11), Heading("应巡", 7), Heading("已巡", 7), Heading("完成", 7), Heading("迟到", 7),
    Heading("间隔不足", 9), Heading("按天折算", 9), Heading("还差的河段", 27),
)  # fmt: skip
_SUMS = (Heading("人数", 8), Heading("应巡", 8), Heading("已巡", 8), Heading("完成率%", 10))


def pages(
    work: Work, found: Sequence[Completion], sums: Mapping[str, list[dict[str, object]]], first: date, last: date
) -> list[Sheet]:
    """The table, then the sums by unit, role and reach."""
    title = f"{work.county.name}巡河完成情况（{first} 至 {last}）"
    table = Sheet("巡河完成情况", title, "", _COLUMNS, _rows(work, found), held=1)
    kinds = (("units", "按单位"), ("roles", "按身份"), ("reaches", "按河段"))
    return [table, *(_sums(name, title, sums[key]) for key, name in kinds)]


def _rows(work: Work, found: Sequence[Completion]) -> Iterator[list[Cell]]:
    units, reaches = work.county.unit_by_code, work.county.reach_by_code
    for one in found:
        unit = units[one.term.unit].name if one.term.unit in units else one.term.unit
        lacking = "、".join(reaches[code].name if code in reaches else code for code, _ in one.lacking)
        yield [
            one.term.name, ROLE_NAMES[one.term.role], unit, one.period.name, one.period.first, one.period.last,
            one.needed, one.done, "是" if one.fulfilled else "否", one.late, one.too_soon, "是" if one.prorated else "",
            lacking,
        ]  # fmt: skip


def _sums(name: str, running: str, rows: list[dict[str, object]]) -> Sheet:
    headings = (Heading(name.removeprefix("按"), 24), *_SUMS)
    keys = ("chiefs", "needed", "done", "percent")
    cells: list[list[Cell]] = [[str(row["title"]), *(float(str(row[key])) for key in keys)] for row in rows]
    return Sheet(name, "", "", headings, cells, held=0, running=running)
