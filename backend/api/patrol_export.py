"""Patrols as an archive for another platform, for the county office and its inspectors."""

from __future__ import annotations

import tempfile
from typing import Any

from apiflask import APIBlueprint
from flask import g, send_file
from pydantic import Field

from backend.api.openapi import a_file
from backend.api.schemas import Code, Day, Input
from backend.domain import patrol_export
from backend.work import unit_of_work

bp = APIBlueprint("patrol_export", __name__, tag="巡河数据")

_IN_MEMORY = 4 * 1024 * 1024


class ExportQuery(Input):
    first: Day = Field(description="first day of Asia/Shanghai on which patrols began")
    last: Day
    unit: Code | None = None


@bp.get("/patrols/export.zip")
@bp.input(ExportQuery, location="query", arg_name="asked")
@bp.doc(responses=a_file(patrol_export.CONTENT_TYPE))
def archive(asked: ExportQuery) -> Any:
    """The format is described in docs/patrol-export.md. Each use is put on record."""
    with unit_of_work(g.actor) as work:
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed by the answer that sends it
        patrol_export.write(work, asked.first, asked.last, asked.unit, file)
    file.seek(0)
    name = f"patrols-{asked.first}-{asked.last}.zip"
    return send_file(file, patrol_export.CONTENT_TYPE, as_attachment=True, download_name=name)
