"""Files that bring cases in: previewed, carried out as previewed, watched, and withdrawn while fresh."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from pydantic import BaseModel, Field, StringConstraints

from backend import hotline_file, old_ledger_file
from backend.api.idempotency import once, required_key
from backend.api.schemas import Input, PageQuery
from backend.domain import imports, withdrawals
from backend.domain.faults import Fault
from backend.models import Case, ImportBatch, ImportRow
from backend.work import Work, unit_of_work

bp = APIBlueprint("imports", __name__, tag="导入")

READERS = {"ledger": old_ledger_file.read, "hotline": hotline_file.read}


class ImportQuery(Input):
    kind: Literal["ledger", "hotline"] = Field(
        default="ledger", description="ledger: the old ledger 原台账; hotline: orders of the 12345 centre"
    )


class CarryOutForm(Input):
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="of the file that was previewed, as the preview told it"
    )
    rows: Literal["all", "good"] = Field(default="all", description="all or nothing, or only the rows without faults")


class RowsQuery(Input):
    outcome: Literal["new", "known", "faulty", "made"] | None = None
    after: int | None = Field(default=None, ge=0, le=2**31 - 1, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=500)


class ImportOut(BaseModel):
    id: UUID
    kind: str
    file_name: str
    digest: str
    state: str
    state_title: str
    rows: int
    new: int
    known: int
    faulty: int
    done: int = Field(description="rows made so far, while it runs")
    good_only: bool
    notes: list[str] = Field(description="what of the file was left aside")
    failure: str | None
    withdrawable: bool
    created_at: datetime
    carried_out_at: datetime | None
    withdrawn_at: datetime | None


class ImportsOut(BaseModel):
    items: list[ImportOut]
    next: UUID | None


class RemarkOut(BaseModel):
    column: str
    reason: str


class RowOut(BaseModel):
    sheet: str
    line: int = Field(description="as the spreadsheet counts")
    number: str
    outcome: str
    outcome_title: str
    faults: list[RemarkOut]
    warnings: list[RemarkOut]
    content: dict[str, Any] | None = Field(description="what would be made; forgotten once it was")
    case_id: UUID | None
    case_number: str | None


class RowsOut(BaseModel):
    items: list[RowOut]
    next: int | None


def show_import(work: Work, import_batch: ImportBatch) -> dict[str, Any]:
    same = ImportOut.model_fields.keys() - {"state_title", "withdrawable"}
    return {
        **{name: getattr(import_batch, name) for name in same},
        "state_title": imports.STATES[import_batch.state],
        "withdrawable": withdrawals.withdrawable(work, import_batch),
    }


def show_row(work: Work, row: ImportRow) -> dict[str, Any]:
    case = work.session.get(Case, row.case_id) if row.case_id else None
    same = ("sheet", "line", "number", "outcome", "faults", "warnings", "content", "case_id")
    shown = {name: value for name, value in (row.content or {}).items() if not name.endswith("_sealed")}
    return {
        **{name: getattr(row, name) for name in same},
        "content": shown or None,
        "outcome_title": imports.OUTCOMES[row.outcome],
        "case_number": case.number if case else None,
    }


@bp.post("/imports")
@bp.input(ImportQuery, location="query", arg_name="asked")
@bp.output(ImportOut, status_code=201)
def preview(asked: ImportQuery) -> Any:
    """Multipart field `file`: .xlsx or .csv. Checks every row and says what would be made; makes nothing."""
    upload = request.files.get("file")
    if upload is None:
        raise Fault("file_missing", "请选择文件（.xlsx 或 .csv）。", field="file")
    with unit_of_work(g.actor) as work:
        return show_import(work, preview_file(work, asked.kind, upload.filename or "", upload.read(), required_key()))


def preview_file(work: Work, kind: imports.Kind, name: str, data: bytes, key: str) -> ImportBatch:
    """The preview of this file: the same one for the same key."""
    digest = hashlib.sha256(data).hexdigest()
    with once(work, "preview import", key, f"{kind} {digest}") as repeat:
        if repeat.outcome is None:
            rows, notes = READERS[kind](data, work)
            repeat.outcome = {"id": str(imports.preview(work, kind, name, digest, rows, notes).id)}
        return imports.get(work, UUID(repeat.outcome["id"]))


@bp.get("/imports")
@bp.input(PageQuery, location="query", arg_name="page")
@bp.output(ImportsOut)
def listing(page: PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = imports.listing(work, page.before, page.limit)
        items = [show_import(work, import_batch) for import_batch in found]
        return {"items": items, "next": found[-1].id if len(found) == page.limit else None}


@bp.get("/imports/<uuid:import_id>")
@bp.output(ImportOut)
def show(import_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_import(work, imports.get(work, import_id))


@bp.get("/imports/<uuid:import_id>/rows")
@bp.input(RowsQuery, location="query", arg_name="page")
@bp.output(RowsOut)
def rows(import_id: UUID, page: RowsQuery) -> Any:
    with unit_of_work(g.actor) as work:
        imports.get(work, import_id)
        found = imports.rows(work, import_id, page.outcome, page.after, page.limit)
        items = [show_row(work, row) for row in found]
        return {"items": items, "next": found[-1].place if len(found) == page.limit else None}


@bp.post("/imports/<uuid:import_id>/carry-out")
@bp.input(CarryOutForm, arg_name="form")
@bp.output(ImportOut)
def carry_out(import_id: UUID, form: CarryOutForm) -> Any:
    """ImportBatch the very file that was previewed. A worker does it; how far it is, is told by GET."""
    with unit_of_work(g.actor) as work:
        return show_import(work, imports.carry_out(work, import_id, form.digest, form.rows == "good"))


@bp.post("/imports/<uuid:import_id>/cancel")
@bp.output(ImportOut)
def cancel(import_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_import(work, imports.cancel(work, import_id))


@bp.post("/imports/<uuid:import_id>/withdraw")
@bp.output(ImportOut)
def withdraw(import_id: UUID) -> Any:
    """Take an import of the old ledger back as a whole, while it is fresh and nobody has acted on its cases."""
    with unit_of_work(g.actor) as work:
        return show_import(work, withdrawals.withdraw(work, import_id))
