"""Small tables that a page hands out as an Excel file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from flask import Response

from backend import sheet_file
from backend.domain.sheets import Sheet


def download(sheets: Sequence[Sheet], name: str) -> Response:
    """The sheets as one .xlsx, saved under this name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheets.xlsx"
        sheet_file.write_book(path, sheets)
        data = path.read_bytes()
    return Response(data, content_type=sheet_file.CONTENT_TYPES["xlsx"], headers=saved_as(f"{name}.xlsx"))


def saved_as(name: str, inline: bool = False) -> dict[str, str]:
    """The header by which a browser saves under this name, or with `inline` shows it first."""
    return {"Content-Disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(name)}"}
