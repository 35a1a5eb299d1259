"""A table as the file that officials open: .xlsx in the form they print, .csv for other programs.

Rows are written as they come, and nothing of them is kept: the memory used does not grow with the table.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from backend.clock import SHANGHAI
from backend.domain.sheets import Cell, FileForm, Heading, Sheet, harmless

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
    """One page: title, note, header (frozen, filtered, repeated on every page), one row each."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    done = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        page = book.add_worksheet(_tab(sheet.name))
        last = len(sheet.headings) - 1
        for number, heading in enumerate(sheet.headings):
            page.set_column(number, number, heading.width)
        page.set_row(0, _TALL_PT)
        page.merge_range(0, 0, 0, last, sheet.title, _style(book, bold=True, font_size=18, align="center"))
        page.merge_range(1, 0, 1, last, sheet.note, _style(book, align="left"))
        page.set_row(2, _TALL_PT)
        head = _style(book, bold=True, align="center", text_wrap=True, border=1, bg_color="#DDEBF7")
        for number, heading in enumerate(sheet.headings):
            page.write_string(2, number, heading.title, head)
        writer = _Writer(book, page)
        for done, row in enumerate(sheet.rows, start=1):
            writer.write(2 + done, row, sheet.headings)
            if done % TELL_EVERY == 0:
                tell(done)
        page.freeze_panes(3, 2)
        page.autofilter(2, 0, 2 + done, last)
        page.set_landscape()
        page.set_paper(_A4)
        page.repeat_rows(2)
        page.repeat_columns(0, 1)
        page.print_area(0, 0, 2 + done, last)
        page.fit_to_pages(math.ceil(sum(heading.width for heading in sheet.headings) / _PAGE_WIDTH), 0)
        page.print_across()
        page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        page.set_footer("&C第 &P 页，共 &N 页")
    return done


class _Writer:
    """Puts cells in their places, each kind in its format."""

    def __init__(self, book: Any, page: Any) -> None:
        self._page = page
        self._text = _style(book, text_wrap=True, border=1)
        self._number = _style(book, border=1, align="center")
        self._day = _style(book, border=1, align="center", num_format="yyyy-mm-dd")
        self._moment = _style(book, border=1, align="center", num_format="yyyy-mm-dd hh:mm")

    def write(self, line: int, row: list[Cell], headings: tuple[Heading, ...]) -> None:
        for number, (cell, _) in enumerate(zip(row, headings, strict=True)):
            if cell is None or cell == "":
                self._page.write_blank(line, number, None, self._text)
            elif isinstance(cell, str):
                self._page.write_string(line, number, cell[:_CELL_MAX], self._text)
            elif isinstance(cell, datetime):
                local = cell.astimezone(SHANGHAI).replace(tzinfo=None)
                self._page.write_datetime(line, number, local, self._moment)
            elif isinstance(cell, date):
                self._page.write_datetime(line, number, cell, self._day)
            else:
                self._page.write_number(line, number, cell, self._number)


def _style(book: Any, **properties: Any) -> Any:
    return book.add_format({"font_name": _FONT, "font_size": 11, "valign": "vcenter", **properties})


def _tab(name: str) -> str:
    """A name that a tab may bear: no signs of references, at most 31 characters."""
    return "".join(sign for sign in name if sign not in "[]:*?/\\'")[:31] or "台账"
