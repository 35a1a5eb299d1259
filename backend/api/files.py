"""Spreadsheets that are the answer itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from flask import Response, send_file

from backend import sheet_file
from backend.domain.sheets import Sheet


def book(name: str, pages: Sequence[Sheet]) -> Response:
    """A spreadsheet of these pages, to be saved as `name`.xlsx. The rows are taken here, one by one."""
    with tempfile.TemporaryDirectory(prefix="qinghe-") as folder:
        path = Path(folder) / "book.xlsx"
        sheet_file.write_book(path, pages)
        # Open, it outlives its folder, and is gone when the answer was sent.
        file = path.open("rb")
    return send_file(file, mimetype=sheet_file.CONTENT_TYPES["xlsx"], as_attachment=True, download_name=f"{name}.xlsx")
