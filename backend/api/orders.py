"""Orders of the 12345 hotline and the files that answer them."""

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
from backend.api.idempotency import once, required_key
from backend.api.openapi import a_file
from backend.api.schemas import Input, PageQuery, Short, Words
from backend.domain import answers, states
from backend.domain.answers import OrderLine
from backend.domain.faults import Fault
from backend.domain.sheets import FileForm
from backend.models import AnswerFile
from backend.work import Work, unit_of_work

bp = APIBlueprint("orders", __name__, tag="12345工单")


class OrdersQuery(Input):
    show: Literal["open", "waiting", "answered", "all"] = Field(
        default="waiting", description="open: not over yet; waiting: over, and the centre does not know it"
    )
    number: Short | None = Field(default=None, description="the centre's number of one order")
    after: UUID | None = Field(default=None, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class OrderOut(BaseModel):
    case_id: UUID = Field(description="the case that the order opened")
    number: str
    kind: str
    called_at: datetime
    sign_by: datetime | None
    answer_by: datetime | None
    held_by_id: UUID = Field(description="the case that answers for it: another one after a merge")
    held_by_number: str
    state: str
    state_title: str
    lead_unit: str | None
    waiting: bool = Field(description="whether the centre has to be told of an end that it does not know")
    result: str | None = Field(description="how the case ended, in a word")
    ended_at: datetime | None
    proposed: str = Field(description="what the centre would be told")
    told: str | None = Field(description="what it was told last")
    told_times: int


class OrdersOut(BaseModel):
    items: list[OrderOut]
    next: UUID | None
    waiting: int = Field(description="how many orders are to be answered in all")


class AnswerForm(Input):
    case_id: UUID = Field(description="the case that the order opened")
    words: Words | None = Field(default=None, description="what the centre is told; without it, as proposed")


class AnswersForm(Input):
    answers: list[AnswerForm] = Field(
        default=[], max_length=answers.MOST_ROWS, description="without any, all orders that are to be answered"
    )


class AnswerFileOut(BaseModel):
    id: UUID
    made_at: datetime
    rows: int
    corrections: int = Field(description="how many of the rows correct an earlier answer")


class AnswerFilesOut(BaseModel):
    items: list[AnswerFileOut]
    next: UUID | None


class FileQuery(Input):
    format: FileForm = "xlsx"


def _order(work: Work, line: OrderLine) -> dict[str, Any]:
    order, case, end, told = line.order, line.case, line.end, line.told
    return {
        **{name: getattr(order, name) for name in ("case_id", "number", "kind", "called_at", "sign_by", "answer_by")},
        "held_by_id": case.id,
        "held_by_number": case.number,
        "state": case.state,
        "state_title": states.STATES[case.state],
        "lead_unit": case.lead_unit,
        "waiting": line.waiting,
        "result": answers.RESULTS[end.action] if end is not None else None,
        "ended_at": end.at if end is not None else None,
        "proposed": answers.proposed(work, line),
        "told": told.content["answer"] if told is not None else None,
        "told_times": told.seq if told is not None else 0,
    }


def _file(file: AnswerFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in AnswerFileOut.model_fields}


@bp.get("/orders")
@bp.input(OrdersQuery, location="query", arg_name="asked")
@bp.output(OrdersOut)
def listing(asked: OrdersQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = answers.listing(work, asked.show, asked.number, asked.after, asked.limit)
        return {
            "items": [_order(work, line) for line in found],
            "next": found[-1].order.case_id if len(found) == asked.limit else None,
            "waiting": answers.waiting(work),
        }


@bp.post("/answer-files")
@bp.input(AnswersForm, arg_name="form")
@bp.output(AnswerFileOut, status_code=201)
def answer(form: AnswersForm) -> Any:
    """Answer orders: what the file says of them is kept, and they wait no longer."""
    written = {one.case_id: one.words for one in form.answers}
    if len(written) < len(form.answers):
        raise Fault("order_twice", "同一个工单写了两次答复，请只留一次。", field="answers")
    with (
        unit_of_work(g.actor) as work,
        once(work, "answer orders", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            file = answers.answer(work, written)
            repeat.outcome = {"id": str(file.id)}
        return _file(answers.get(work, UUID(repeat.outcome["id"])))


@bp.get("/answer-files")
@bp.input(PageQuery, location="query", arg_name="page")
@bp.output(AnswerFilesOut)
def files(page: PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = answers.files(work, page.before, page.limit)
        return {
            "items": [_file(file) for file in found],
            "next": found[-1].id if len(found) == page.limit else None,
        }


@bp.get("/answer-files/<uuid:file_id>/file")
@bp.input(FileQuery, location="query", arg_name="asked")
@bp.doc(responses=a_file(*sheet_file.CONTENT_TYPES.values()))
def fetch(file_id: UUID, asked: FileQuery) -> Any:
    """The file for the centre, the same whenever it is fetched. Each time is put on record."""
    with tempfile.TemporaryDirectory(prefix="qinghe-") as folder:
        path = Path(folder) / "answers"
        with unit_of_work(g.actor) as work:
            kept = answers.get(work, file_id)
            sheet = answers.sheet(work, kept)
            sheet_file.write(path, asked.format, sheet)
            answers.note_fetched(work, kept, asked.format)
        # Open, it outlives its folder, and is gone when the answer was sent.
        file = path.open("rb")
    return send_file(
        file,
        mimetype=sheet_file.CONTENT_TYPES[asked.format],
        as_attachment=True,
        download_name=f"{sheet.name}.{asked.format}",
    )
