"""A table that leaves the house as a file: what its columns are called and hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

FileForm = Literal["xlsx", "csv"]
# Aware datetimes are moments, dates are days; both are written as days and hours of Asia/Shanghai.
Cell = str | int | float | datetime | date | None

# What Excel, WPS or LibreOffice take for the beginning of a formula, full-width signs included.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Heading:
    """One column: `width` in characters of the spreadsheet's font."""

    title: str
    width: float = 12


@dataclass(frozen=True)
class Sheet:
    """`title` and `note` stand above the header in a spreadsheet, and have no line where they are empty; `name` is
    that of its tab and of the file. The header and the first `held` columns stay in sight, on paper on every page;
    `running` stands at the head of each of these.
    """

    name: str
    title: str
    note: str
    headings: tuple[Heading, ...]
    rows: Iterable[list[Cell]]
    held: int = 2
    running: str = ""


def harmless(text: str) -> str:
    """The text with a quote before what a spreadsheet would carry out as a formula."""
    begun = text.lstrip()
    return f"'{text}" if begun.startswith(_FORMULA) or text.startswith(("\t", "\r", "\n")) else text
