"""An export of 100,000 cases to .xlsx, beside XlsxWriter writing the same cells in constant memory."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import xlsxwriter
from apiflask import APIFlask

from backend import sheet_file
from backend.clock import SHANGHAI
from backend.domain import exports, ledger
from backend.domain.actors import Actor
from backend.domain.sheets import Cell
from backend.work import reading
from tests.benchmarks.measure import Row, pairs, seconds, shown, tell

N, SAMPLE, PART = 100_000, 5_000, 5_000
OFFICE = Actor(role="office", unit="530199-office")


def export(path: Path, most: int) -> None:
    """The export as a worker makes it, of the first `most` cases."""
    with reading(OFFICE) as work:
        sheet = exports.sheet(work, ledger.Filter(), most)
        sheet_file.write(path, "xlsx", replace(sheet, rows=islice(sheet.rows, most)))


def plain(path: Path, rows: Iterable[list[Cell]], most: int) -> None:
    """The same cells by XlsxWriter alone, bordered as ours: without a format it leaves empty cells out."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        page, text = book.add_worksheet(), book.add_format({"border": 1})
        moment = book.add_format({"border": 1, "num_format": "yyyy-mm-dd hh:mm"})
        for line, row in enumerate(islice(rows, most)):
            for place, cell in enumerate(row):
                if cell is None or cell == "":
                    page.write_blank(line, place, None, text)
                elif isinstance(cell, str):
                    page.write_string(line, place, cell, text)
                elif isinstance(cell, datetime):
                    page.write_datetime(line, place, cell.astimezone(SHANGHAI).replace(tzinfo=None), moment)
                elif isinstance(cell, date):
                    page.write_datetime(line, place, cell, moment)
                else:
                    page.write_number(line, place, cell, text)


def over_and_over(sample: list[list[Cell]]) -> Iterator[list[Cell]]:
    while True:
        yield from sample


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_export(ledger_of: Callable[[int], APIFlask], tmp_path: Path) -> None:
    own = ledger_of(N)
    with own.app_context():
        with reading(OFFICE) as work:
            sample = list(islice(exports.sheet(work, ledger.Filter(), N).rows, SAMPLE))
        part = pairs(
            lambda: plain(tmp_path / "plain.xlsx", over_and_over(sample), PART),
            lambda: export(tmp_path / "export.xlsx", PART), 3,
        )  # fmt: skip
        gc.collect()
        before = peak_mb()
        whole = seconds(lambda: export(tmp_path / "export.xlsx", N))
        grown = peak_mb() - before
        floor = seconds(lambda: plain(tmp_path / "plain.xlsx", over_and_over(sample), N))
    columns = len(sample[0])
    tell(
        Row(
            "Export", f"{N:,} cases, {columns} columns",
            f"{shown(whole)} ({N / whole:.0f} rows/s), {grown:.0f} MB more than a twentieth of it took",
            f"{shown(floor)} XlsxWriter alone", f"{whole / floor:.1f} × (three pairs of {PART:,}: {part.ratio:.1f} ×)",
            "≤ 1.5 ×, memory flat", whole / floor <= 1.5 and grown < 30,
        )
    )  # fmt: skip
