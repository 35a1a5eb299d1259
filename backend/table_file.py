"""Tables that people send (.xlsx or .csv), read with limits: whatever the file holds, the worst that comes is a fault.

A workbook may have several sheets, titles above the header, headers of two lines, blank and repeated lines. Formulas
are read as the values that were last seen; what is hidden is read like the rest.
"""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from backend.cells import Raw, heading_words, is_blank
from backend.domain.faults import Fault

MAX_BYTES = 8 * 1024 * 1024
MAX_UNPACKED = 100 * 1024 * 1024
MAX_STRINGS = 40 * 1024 * 1024  # these are held in memory all at once
MAX_PARTS = 1_000
MAX_SHEETS = 30
MAX_ROWS = 50_000  # that say something
MAX_LINES = 1_100_000  # with the blank ones; a sheet of Excel has no more
MAX_COLUMNS = 100
_HEADER_WITHIN = 15
_LEAST_COLUMNS = 3
_OLE = b"\xd0\xcf\x11\xe0"
# What openpyxl and what it reads with have been seen to raise over damaged files.
UNREADABLE = (
    zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, OSError, SyntaxError, TypeError,
    AttributeError, NotImplementedError, EOFError, RuntimeError, MemoryError, OverflowError, zlib.error, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line that says something: its number as the spreadsheet counts, and its cells."""

    number: int
    cells: tuple[Raw, ...]


@dataclass(frozen=True)
class Table:
    """One sheet whose header was recognised: field → where it stands (from 0) and what it is called there."""

    sheet: str
    fields: dict[str, int]
    titles: dict[str, str]
    lines: tuple[Line, ...]

    def cell(self, line: Line, field: str) -> Raw:
        place = self.fields.get(field)
        return line.cells[place] if place is not None and place < len(line.cells) else None

    def title(self, field: str) -> str:
        return self.titles.get(field, field)


@dataclass(frozen=True)
class Book:
    """The tables of a file, and in words what of it was left aside."""

    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def read(data: bytes, columns: Mapping[str, tuple[str, ...]], needed: tuple[str, ...]) -> Book:
    """The tables of a file by the headings that each field may have; `needed` fields must stand in a header.

    Raises Fault, with a title fit to show, for what is no table, too large, or has no header that is known.
    """
    if not data:
        raise Fault("empty_file", "文件是空的，请重新选择。", field="file")
    if len(data) > MAX_BYTES:
        raise Fault("file_too_large", f"文件最大 {MAX_BYTES // 1024 // 1024} MB，请分成几个文件。", field="file")
    known = {heading_words(word): field for field, words in columns.items() for word in words}
    tables, notes = [], []
    for sheet, lines in _sheets(data):
        table, said = _table(sheet, lines, known, needed)
        notes += said
        if table is not None:
            tables.append(table)
    if not tables:
        headings = "、".join(columns[field][0] for field in needed)
        raise Fault("no_header", f"没有认出表头，表头至少要有：{headings}。", field="file", notes=notes)
    return Book(tuple(tables), tuple(notes))


def _sheets(data: bytes) -> Iterator[tuple[str, list[Line]]]:
    if data.startswith(_OLE):
        raise Fault(
            "old_excel", "这是旧版 .xls 或加了密码的文件，请用 Excel 或 WPS 另存为 .xlsx 再导入。", field="file"
        )
    if data.startswith(b"PK"):
        yield from _excel(data)
    else:
        yield "", _said(_csv(data))


def _excel(data: bytes) -> Iterator[tuple[str, list[Line]]]:
    broken = Fault("broken_file", "文件不是完整的 Excel 表格，请重新另存为 .xlsx。", field="file")
    try:
        _check_parts(data)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except UNREADABLE as error:
        raise broken from error
    sheets = book.worksheets
    if len(sheets) > MAX_SHEETS:
        raise Fault("too_many_sheets", f"工作表超过 {MAX_SHEETS} 张，请分成几个文件。", field="file")
    left = MAX_ROWS
    for sheet in sheets:
        try:
            lines = _said(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), left)
        except UNREADABLE as error:
            raise broken from error
        left -= len(lines)
        yield str(sheet.title), lines


def _check_parts(data: bytes) -> None:
    """The archive's own list of sizes is binding: what is read never grows beyond it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        strings = sum(part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml"))
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED or strings > MAX_STRINGS:
            raise Fault("file_too_large", "文件展开后太大，请删去图片和多余的工作表后重试。", field="file")


def _said(rows: Iterator[Any], left: int = MAX_ROWS) -> list[Line]:
    found: list[Line] = []
    for number, row in enumerate(rows, start=1):
        cells = tuple(row)
        if number > MAX_LINES or len(found) >= left:
            raise Fault("too_many_rows", f"文件超过 {MAX_ROWS} 行，请分成几个文件。", field="file")
        if any(cells) and not all(map(is_blank, cells)):
            found.append(Line(number, cells))
    return found


def decoded(data: bytes) -> str | None:
    """A text file in the encodings that spreadsheets write; None for what is no text."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _csv(data: bytes) -> Iterator[list[str]]:
    text = decoded(data)
    if text is None or "\0" in text:
        raise Fault("unknown_encoding", "文件无法识别，请另存为 UTF-8 的 CSV 或 .xlsx。", field="file")
    try:
        yield from (row[:MAX_COLUMNS] for row in csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise Fault("broken_file", "文件不是完整的 CSV 表格，请另存为 .xlsx。", field="file") from error


def _table(
    sheet: str, lines: list[Line], known: dict[str, str], needed: tuple[str, ...]
) -> tuple[Table | None, list[str]]:
    """The sheet as a table, or None; and in words what of it was not taken."""
    where = f"工作表“{sheet}”" if sheet else "文件"
    header = _header(lines, known, needed)
    if header is None:
        return None, [f"{where}没有认出表头，没有导入。"] if lines else []
    last, titles, fields, notes = header
    notes = [f"{where}{note}" for note in notes]
    taken = []
    heading = [heading_words(title) for title in titles.values()]
    for line in lines:
        if line.number <= last:
            continue
        said = [cell for cell in line.cells if not is_blank(cell)]
        if [heading_words(str(cell)) for cell in said][: len(heading)] == heading:
            continue  # the header, printed again on every page
        first = heading_words(str(said[0]))
        if len(said) == 1 or first in ("合计", "总计", "小计"):
            notes.append(f"{where}第 {line.number} 行“{str(said[0])[:20]}”不是案件，没有导入。")
            continue
        taken.append(line)
    return Table(sheet, fields, titles, tuple(taken)), notes


_Header = tuple[int, dict[str, str], dict[str, int], list[str]]


def _header(lines: list[Line], known: dict[str, str], needed: tuple[str, ...]) -> _Header | None:
    """The last line of the header, what its fields are called and where they stand; of one line or of two."""
    best: _Header | None = None
    for index, line in enumerate(lines[:_HEADER_WITHIN]):
        candidates = [(line.number, [str(cell or "") for cell in line.cells])]
        if index + 1 < len(lines) and lines[index + 1].number == line.number + 1:
            below = lines[index + 1]
            joined = [str(low or up or "") for up, low in zip(line.cells, below.cells, strict=True)]
            candidates.append((below.number, joined))
        for last, cells in candidates:
            found = _fields(cells, known)
            enough = len(found) >= _LEAST_COLUMNS and all(field in found for field in needed)
            if enough and (best is None or len(found) > len(best[2])):
                twice = _twice(cells, known, found)
                best = (last, {field: cells[place].strip() for field, place in found.items()}, found, twice)
    return best


def _fields(cells: list[str], known: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        field = known.get(heading_words(cell))
        if field is not None:
            found.setdefault(field, place)
    return found


def _twice(cells: list[str], known: dict[str, str], found: dict[str, int]) -> list[str]:
    """A field that two columns claim is read from the first."""
    return [
        f"有两列都像“{cells[found[field]].strip()}”，只采用第一列，没有采用“{cell.strip()}”。"
        for place, cell in enumerate(cells)
        if (field := known.get(heading_words(cell))) is not None and found[field] != place
    ]
