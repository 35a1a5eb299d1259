"""The rows of an export: as much memory for many as for few, and all of them at any size."""

from __future__ import annotations

import csv
import tracemalloc
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from apiflask import APIFlask
from sqlalchemy import func, select

from backend import sheet_file
from backend.domain import export_rows, exports, ledger
from backend.domain.actors import Actor
from backend.domain.sheets import FileForm
from backend.models import Case
from backend.work import Work, reading, unit_of_work
from tests.build import Build
from tests.ledger_rows import fill

OFFICE = Actor(role="office", unit="530199-office")
OLDEST_FIRST = ledger.Filter(sort="opened", ascending=True)


def written(path: Path, form: FileForm, wanted: ledger.Filter = OLDEST_FIRST) -> int:
    with reading(OFFICE) as work:
        return sheet_file.write(path, form, exports.sheet(work, wanted, 0))


def peak_mb(path: Path, form: FileForm, wanted: ledger.Filter) -> tuple[int, float]:
    tracemalloc.start()
    try:
        rows = written(path, form, wanted)
        return rows, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_many_rows_take_no_more_memory_than_few(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: FileForm
) -> None:
    monkeypatch.setattr(export_rows, "BATCH", 100)
    with unit_of_work() as work:
        fill(work, 1_200)
    lately = replace(OLDEST_FIRST, opened_from=date(2026, 5, 29))
    written(tmp_path / "warm", form, lately)
    few_rows, few = peak_mb(tmp_path / "few", form, lately)
    many_rows, many = peak_mb(tmp_path / "many", form, OLDEST_FIRST)
    assert (100 < few_rows < 200, many_rows) == (True, 1_200)
    assert many < few * 1.25, (few, many)


def test_reading_forgets_what_it_has_written(app: APIFlask, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_rows, "BATCH", 50)
    with unit_of_work() as work:
        fill(work, 120)
    with reading(OFFICE) as work:
        held = [len(work.session.identity_map) for _ in export_rows.rows(work, OLDEST_FIRST)]
        assert len(held) == 120
        assert max(held) < 50 * 10


def test_reading_writes_nothing(build: Build) -> None:
    with pytest.raises(Exception, match="read-only"), reading(OFFICE) as work:
        fill(work, 1)


def numbers(work: Work) -> list[str]:
    return [case.number for case in work.session.scalars(select(Case).order_by(Case.opened_at, Case.id))]


@pytest.mark.large
def test_twenty_thousand_cases_are_all_there_in_both_forms(build: Build, tmp_path: Path) -> None:
    with unit_of_work() as work:
        fill(work, 20_000)
    with unit_of_work() as work:
        expected = numbers(work)
        assert work.session.scalar(select(func.count()).select_from(Case)) == 20_000
    assert written(tmp_path / "t.xlsx", "xlsx") == written(tmp_path / "t.csv", "csv") == 20_000
    page = openpyxl.load_workbook(tmp_path / "t.xlsx", read_only=True).worksheets[0]
    rows = page.iter_rows(min_row=4, max_col=2, values_only=True)
    assert [number for _, number in rows] == expected
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["编号"] for row in csv.DictReader(file)] == expected
