"""A table written as .xlsx and as .csv, and read back with openpyxl and the csv module."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from backend import sheet_file
from backend.domain.sheets import Cell, Heading, Sheet

HEADINGS = (Heading("编号", 17), Heading("说明", 40), Heading("时间", 17), Heading("日期"), Heading("天数", 6))
NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
NASTY = [
    "=1+1", "+86", "-2", "@SUM(A1)", "＝1+1", "\t=1", "  =HYPERLINK(\"http://x\")", "=cmd|' /C calc'!A0", "'quoted",
    "a\x00b\x1f\x0b￾", "_x0041_", "两行\n文字", '逗号,引号"', "http://example.com", "007", "1E5", "长" * 40_000,
]  # fmt: skip


def sheet_of(*rows: list[Cell], name: str = "台账") -> Sheet:
    return Sheet(name, "清源县台账（2026年）", "共 几 件", HEADINGS, rows)


def written(path: Path, sheet: Sheet) -> openpyxl.worksheet.worksheet.Worksheet:
    sheet_file.write(path, "xlsx", sheet)
    return openpyxl.load_workbook(path).worksheets[0]


def test_a_spreadsheet_is_ready_to_be_printed_and_filed(tmp_path: Path) -> None:
    page = written(
        tmp_path / "t.xlsx", sheet_of(["甲", "乙", NOON, date(2026, 6, 2), 3], ["丙", None, None, None, None])
    )
    assert page["A1"].value == "清源县台账（2026年）"
    assert page["A2"].value == "共 几 件"
    assert {str(merged) for merged in page.merged_cells.ranges} == {"A1:E1", "A2:E2"}
    assert [cell.value for cell in page[3]] == ["编号", "说明", "时间", "日期", "天数"]
    assert page.freeze_panes == "C4"
    assert page.auto_filter.ref == "A3:E5"
    assert page.print_title_rows == "$3:$3"
    assert (page.page_setup.orientation, int(page.page_setup.paperSize)) == ("landscape", 9)
    assert [cell.value for cell in page[4]] == ["甲", "乙", datetime(2026, 6, 1, 12, 0), datetime(2026, 6, 2), 3]  # noqa: DTZ001
    assert page["C4"].number_format == "yyyy-mm-dd hh:mm"
    assert page["D4"].number_format == "yyyy-mm-dd"
    assert page["A4"].font.name == page["A1"].font.name == "宋体"
    assert page.column_dimensions["B"].width > 30
    assert [cell.value for cell in page[5]] == ["丙", None, None, None, None]


def test_an_empty_table_still_has_its_header(tmp_path: Path) -> None:
    page = written(tmp_path / "t.xlsx", sheet_of())
    assert page.max_row == 3
    sheet_file.write(tmp_path / "t.csv", "csv", sheet_of())
    assert (tmp_path / "t.csv").read_bytes() == "\ufeff编号,说明,时间,日期,天数\r\n".encode()


def test_what_people_typed_is_text_in_a_spreadsheet_and_never_carried_out(tmp_path: Path) -> None:
    page = written(tmp_path / "t.xlsx", sheet_of(*([text, text, None, None, None] for text in NASTY)))
    read = [page.cell(4 + n, 1) for n in range(len(NASTY))]
    assert {cell.data_type for cell in read} == {"s"}
    assert page.cell(4, 1).hyperlink is None
    for cell, text in zip(read, NASTY, strict=True):
        if "\x00" not in text:
            assert cell.value.replace("_x005F_", "_") == text[:32_767], text


def test_a_csv_has_its_mark_and_line_ends_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    sheet_file.write(path, "csv", sheet_of(*([text, "好", NOON, date(2026, 6, 2), -3] for text in NASTY)))
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == len(NASTY) + 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [heading.title for heading in HEADINGS]
    for (first, *rest), text in zip(rows, NASTY, strict=True):
        assert first in (text, "'" + text)
        assert not first.lstrip().startswith(("=", "+", "-", "@", "＝"))
        assert rest == ["好", "2026-06-01 12:00", "2026-06-02", "-3"]


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_rows_are_taken_one_by_one_and_progress_is_told(tmp_path: Path, form: sheet_file.FileForm) -> None:
    heard: list[int] = []

    def rows() -> Iterator[list[Cell]]:
        for n in range(1200):
            assert n - (heard[-1] if heard else 0) <= sheet_file.TELL_EVERY
            yield [str(n), "乙", NOON, date(2026, 6, 2), n]

    assert sheet_file.write(tmp_path / "t", form, Sheet("台账", "题", "注", HEADINGS, rows()), heard.append) == 1200
    assert heard == [500, 1000]


@pytest.mark.parametrize("name", ["a[b]:c*d?e/f\\g'", "长" * 50, "'''"])
def test_any_name_can_be_that_of_a_tab(tmp_path: Path, name: str) -> None:
    assert len(written(tmp_path / "t.xlsx", sheet_of(name=name)).title) in range(1, 32)


def test_a_book_has_its_pages_one_after_the_other_with_or_without_title(tmp_path: Path) -> None:
    heard: list[int] = []
    first = sheet_of(*([str(n), "乙", NOON, date(2026, 6, 2), n] for n in range(400)))
    second = Sheet("汇总", "", "", HEADINGS[:2], [["=1+1", "甲"] for _ in range(200)], held=0, running="清源县 A&B")
    assert sheet_file.write_book(tmp_path / "t.xlsx", [first, second], heard.append) == 600
    assert heard == [500]
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["台账", "汇总"]
    assert (book["台账"].max_row, book["汇总"].max_row) == (403, 201)
    page = book["汇总"]
    assert [cell.value for cell in page[1]] == ["编号", "说明"]
    assert (page["A2"].value, page["A2"].data_type) == ("=1+1", "s")
    assert (page.freeze_panes, page.auto_filter.ref, page.print_title_rows) == ("A2", "A1:B201", "$1:$1")
    assert page.oddHeader.center.text == "清源县 A&&B"
    assert list(page.merged_cells.ranges) == []
