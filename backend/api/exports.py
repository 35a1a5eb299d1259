"""Exports of the ledger: short ones as the answer, long ones asked for, watched and fetched."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, send_file
from pydantic import BaseModel, Field

from backend import sheet_file
from backend.api import access
from backend.api.idempotency import once, required_key
from backend.api.ledger import LedgerOrder, filter_of
from backend.api.openapi import a_file
from backend.api.schemas import PageQuery
from backend.domain import exports
from backend.domain.sheets import FileForm
from backend.models import Export
from backend.work import Work, reading, unit_of_work

bp = APIBlueprint("exports", __name__, tag="导出")


class ExportForm(LedgerOrder):
    """The filters of the list. In the order of entering, the oldest first, unless said otherwise."""

    format: FileForm = "xlsx"
    sort: Literal["newest", "opened", "due", "updated"] = "opened"
    order: Literal["asc", "desc"] | None = "asc"


class ExportOut(BaseModel):
    id: UUID
    format: str
    state: str
    state_title: str
    rows_done: int
    rows_total: int | None
    created_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None
    size: int | None
    failure: str | None
    file_name: str
    url: str | None = Field(description="where the file is fetched within minutes; ask again for a fresh one")


class ExportsOut(BaseModel):
    items: list[ExportOut]
    next: UUID | None


def show_export(work: Work, export: Export) -> dict[str, Any]:
    name = exports.file_name(work, export)
    url = None
    if export.key is not None and exports.downloadable(work, export):
        url = access.system().storage.signed_url(export.key, exports.LINK_FOR, save_as=name)
    return {
        "id": export.id,
        "format": export.file_form,
        "state": export.state,
        "state_title": exports.STATES[export.state],
        "rows_done": export.rows_done,
        "rows_total": export.rows_total,
        "created_at": export.created_at,
        "ended_at": export.ended_at,
        "expires_at": export.expires_at,
        "size": export.size,
        "failure": export.failure,
        "file_name": name,
        "url": url,
    }


@bp.get("/cases/export")
@bp.input(ExportForm, location="query", arg_name="asked")
@bp.doc(responses=a_file(*sheet_file.CONTENT_TYPES.values()))
def at_once(asked: ExportForm) -> Any:
    """A short export as the answer itself; a long one is refused with `export_too_long`, ask for it by POST."""
    wanted = filter_of(asked)
    with tempfile.TemporaryDirectory(prefix="qinghe-") as folder:
        path = Path(folder) / "export"
        with reading(g.actor) as work:
            sheet = exports.at_once(work, wanted)
            rows = sheet_file.write(path, asked.format, sheet)
        with unit_of_work(g.actor) as work:
            exports.note(work, asked.format, wanted, rows, path)
        # Open, it outlives its folder, and is gone when the answer was sent.
        file = path.open("rb")
    return send_file(
        file,
        mimetype=sheet_file.CONTENT_TYPES[asked.format],
        as_attachment=True,
        download_name=f"{sheet.name}.{asked.format}",
    )


@bp.post("/exports")
@bp.input(ExportForm, arg_name="asked")
@bp.output(ExportOut, status_code=201)
def ask(asked: ExportForm) -> Any:
    """Have a file made, however long; how far it is, and where it is fetched, is told by GET."""
    with (
        unit_of_work(g.actor) as work,
        once(work, "export", required_key(), asked.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            export = exports.ask(work, asked.format, filter_of(asked))
            repeat.outcome = {"id": str(export.id)}
        return show_export(work, exports.own(work, UUID(repeat.outcome["id"])))


@bp.get("/exports")
@bp.input(PageQuery, location="query", arg_name="page")
@bp.output(ExportsOut)
def listing(page: PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = exports.listing(work, page.before, page.limit)
        items = [show_export(work, export) for export in found]
        return {"items": items, "next": found[-1].id if len(found) == page.limit else None}


@bp.get("/exports/<uuid:export_id>")
@bp.output(ExportOut)
def show(export_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_export(work, exports.own(work, export_id))


@bp.post("/exports/<uuid:export_id>/cancel")
@bp.output(ExportOut)
def cancel(export_id: UUID) -> Any:
    """Stop one that is under way, or remove the finished file before its day is over."""
    with unit_of_work(g.actor) as work:
        return show_export(work, exports.cancel(work, export_id))
