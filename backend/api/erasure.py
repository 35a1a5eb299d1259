"""Lawful erasure of a reporter's identity and words, by the county office."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.idempotency import once, required_key
from backend.api.schemas import Input, Words
from backend.domain import erasure
from backend.work import unit_of_work

bp = APIBlueprint("erasure", __name__, tag="依法删除")


class ErasureForm(Input):
    reason: Words
    scope: Literal["identity", "report", "reporter"] = Field(
        description="identity: contact and account · report: this report's words too · reporter: all of their reports"
    )
    photos: bool = Field(default=False, description="the photos of the reports as well")
    events: list[int] = Field(
        default_factory=list, max_length=100, description="events of the report's case whose words are to go besides"
    )


class ErasedOut(BaseModel):
    report_id: UUID
    case_id: UUID
    number: str
    version: int
    identity: bool
    reports: int
    supplements: int
    texts: int
    photos: int


class ErasureOut(BaseModel):
    items: list[ErasedOut]


@bp.post("/reports/<uuid:report_id>/erasure")
@bp.input(ErasureForm, arg_name="form")
@bp.output(ErasureOut, status_code=201)
def erase(report_id: UUID, form: ErasureForm) -> Any:
    """Erase for good. Each case concerned gets an event with the reason; the chains stay whole."""
    with (
        unit_of_work(g.actor) as work,
        once(work, f"erase {report_id}", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            done = erasure.erase(
                work, report_id, form.reason, form.scope, pictures=form.photos, seqs=dict.fromkeys(form.events)
            )
            repeat.outcome = {"items": [_erased(one) for one in done]}
        return repeat.outcome


def _erased(one: erasure.Erased) -> dict[str, Any]:
    return {
        "report_id": str(one.report.id),
        "case_id": str(one.case.id),
        "number": one.case.number,
        "version": one.case.version,
        "identity": one.identity,
        **{name: len(getattr(one, name)) for name in ("reports", "supplements", "texts", "photos")},
    }
