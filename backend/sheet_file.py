"""A table as the file that officials open: .xlsx in the form they print, .csv for other programs.

Rows are written as they come, and nothing of them is kept: the memory used does not grow with the table.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from backend.clock import SHANGHAI
from backend.domain.sheets import Cell, FileForm, Sheet, harmless

CONTENT_TYPES: dict[FileForm, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
MAX_ROWS = 1_000_000  # a sheet of Excel has 1,048,576
TELL_EVERY = 500
_CELL_MAX = 32_767  # characters in a cell of Excel
_FONT = "宋体"
_A4, _TALL_PT = 9, 30
_PAGE_WIDTH = 150  # characters across a page of A4 landscape that are still read without glasses


def write(path: Path, form: FileForm, sheet: Sheet, tell: Callable[[int], None] = lambda rows: None) -> int:
    """Write the sheet to `path`; `tell` hears now and then how many rows are done. Returns how many there were."""
    return (_write_xlsx if form == "xlsx" else _write_csv)(path, sheet, tell)


def _write_csv(path: Path, sheet: Sheet, tell: Callable[[int], None]) -> int:
    """UTF-8 with the mark that Excel needs to see, CRLF, the header as the first line."""
    done = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file, lineterminator="\r\n")
        lines.writerow([heading.title for heading in sheet.headings])
        for done, row in enumerate(sheet.rows, start=1):
            lines.writerow([_plain(cell) for cell in row])
            if done % TELL_EVERY == 0:
                tell(done)
    return done


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return harmless(cell) if isinstance(cell, str) else str(cell)


def _write_xlsx(path: Path, sheet: Sheet, tell: Callable[[int], None]) -> int:
    return write_book(path, [sheet], tell)


def write_book(path: Path, sheets: Sequence[Sheet], tell: Callable[[int], None] = lambda rows: None) -> int:
    """Write a spreadsheet of several pages, one after the other. Returns how many rows there were on all of them."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    done = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        styles = _Styles(book)
        for sheet in sheets:
            done = _write_page(book.add_worksheet(_tab(sheet.name)), styles, sheet, done, tell)
    return done


def _write_page(page: Any, styles: _Styles, sheet: Sheet, done: int, tell: Callable[[int], None]) -> int:
    """Title, note, header (frozen, filtered, repeated on every printed page), one row each, in this order.

    `done`: rows of the pages before. Returns how many they are with those of this page.
    """
    last = len(sheet.headings) - 1
    for number, heading in enumerate(sheet.headings):
        page.set_column(number, number, heading.width)
    above = [(sheet.title, styles.title, _TALL_PT), (sheet.note, styles.note, None)]
    above = [one for one in above if one[0]]
    for line, (text, style, height) in enumerate(above):
        page.set_row(line, height)
        page.merge_range(line, 0, line, last, text, style)
    head = len(above)
    page.set_row(head, _TALL_PT)
    for number, heading in enumerate(sheet.headings):
        page.write_string(head, number, heading.title, styles.head)
    line = head
    for line, row in enumerate(sheet.rows, start=head + 1):
        _write_row(page, styles, line, row)
        done += 1
        if done % TELL_EVERY == 0:
            tell(done)
    page.freeze_panes(head + 1, sheet.held)
    page.autofilter(head, 0, line, last)
    page.set_landscape()
    page.set_paper(_A4)
    page.repeat_rows(head)
    if sheet.held:
        page.repeat_columns(0, sheet.held - 1)
    page.print_area(0, 0, line, last)
    page.fit_to_pages(math.ceil(sum(heading.width for heading in sheet.headings) / _PAGE_WIDTH), 0)
    page.print_across()
    page.set_margins(left=0.4, right=0.4, top=0.8 if sheet.running else 0.5, bottom=0.6)
    if sheet.running:
        page.set_header(f"&C&14{sheet.running.replace('&', '&&')}")
    page.set_footer("&C第 &P 页，共 &N 页")
    return done


class _Styles:
    """The formats of a book, each kind of cell in its own."""

    def __init__(self, book: Any) -> None:
        def style(**properties: Any) -> Any:
            return book.add_format({"font_name": _FONT, "font_size": 11, "valign": "vcenter", **properties})

        self.title = style(bold=True, font_size=18, align="center")
        self.note = style(align="left")
        self.head = style(bold=True, align="center", text_wrap=True, border=1, bg_color="#DDEBF7")
        self.text = style(text_wrap=True, border=1)
        self.number = style(border=1, align="center")
        self.day = style(border=1, align="center", num_format="yyyy-mm-dd")
        self.moment = style(border=1, align="center", num_format="yyyy-mm-dd hh:mm")


def _write_row(page: Any, styles: _Styles, line: int, row: list[Cell]) -> None:
    for number, cell in enumerate(row):
        if cell is None or cell == "":
            page.write_blank(line, number, None, styles.text)
        elif isinstance(cell, str):
            page.write_string(line, number, cell[:_CELL_MAX], styles.text)
        elif isinstance(cell, datetime):
            page.write_datetime(line, number, cell.astimezone(SHANGHAI).replace(tzinfo=None), styles.moment)
        elif isinstance(cell, date):
            page.write_datetime(line, number, cell, styles.day)
        else:
            page.write_number(line, number, cell, styles.number)


def _tab(name: str) -> str:
    """A name that a tab may bear: no signs of references, at most 31 characters."""
    return "".join(sign for sign in name if sign not in "[]:*?/\\'")[:31] or "台账"
