"""The completion table of patrols as a spreadsheet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import xlsxwriter

from backend.domain.actors import ROLE_NAMES
from backend.domain.duty_count import Completion

if TYPE_CHECKING:
    from backend.work import Work

_COLUMNS = (
    ("姓名", 10), ("身份", 12), ("单位", 18), ("周期", 20), ("起", 12), ("止", 12), ("应巡", 8), ("已巡", 8),
    ("完成", 8), ("迟到", 8), ("间隔不足", 10), ("按天折算", 10), ("还差的河段", 40),
)  # fmt: skip
_SUMS = (("", 24), ("人数", 8), ("应巡", 8), ("已巡", 8), ("完成率%", 10))


def write(
    work: Work, found: Sequence[Completion], sums: Mapping[str, list[dict[str, object]]], first: date, last: date
) -> bytes:
    """The workbook: the table, then the sums by unit, role and reach."""
    memory = io.BytesIO()
    book = xlsxwriter.Workbook(memory, {"in_memory": True})
    title = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bg_color": "#D9EDF0", "border": 1, "text_wrap": True, "valign": "vcenter"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("巡河完成情况")
    sheet.write_string(0, 0, f"{work.county.name}巡河完成情况（{first} 至 {last}）", title)
    for column, (name, width) in enumerate(_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(1, column, name, head)
    units = work.county.unit_by_code
    reaches = work.county.reach_by_code
    for line, one in enumerate(found, 2):
        unit = units[one.term.unit].name if one.term.unit in units else one.term.unit
        for column, text in enumerate((one.term.name, ROLE_NAMES[one.term.role], unit, one.period.name)):
            sheet.write_string(line, column, text)
        sheet.write_datetime(line, 4, one.period.first, day)
        sheet.write_datetime(line, 5, one.period.last, day)
        sheet.write_number(line, 6, one.needed)
        sheet.write_number(line, 7, one.done)
        sheet.write_string(line, 8, "是" if one.fulfilled else "否")
        sheet.write_number(line, 9, one.late)
        sheet.write_number(line, 10, one.too_soon)
        sheet.write_string(line, 11, "是" if one.prorated else "")
        lacking = "、".join(reaches[code].name if code in reaches else code for code, _ in one.lacking)
        sheet.write_string(line, 12, lacking)
    sheet.freeze_panes(2, 1)
    sheet.autofilter(1, 0, max(2, len(found) + 1), len(_COLUMNS) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.repeat_rows(1)
    sheet.fit_to_pages(1, 0)
    for key, name in (("units", "按单位"), ("roles", "按身份"), ("reaches", "按河段")):
        _write_sums(book.add_worksheet(name), head, name.removeprefix("按"), sums[key])
    book.close()
    return memory.getvalue()


def _write_sums(
    sheet: xlsxwriter.worksheet.Worksheet, head: xlsxwriter.format.Format, what: str, rows: list[dict[str, object]]
) -> None:
    for column, (name, width) in enumerate(_SUMS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name or what, head)
    for line, row in enumerate(rows, 1):
        sheet.write_string(line, 0, str(row["title"]))
        for column, key in enumerate(("chiefs", "needed", "done", "percent"), 1):
            sheet.write_number(line, column, float(str(row[key])))
    sheet.freeze_panes(1, 0)
