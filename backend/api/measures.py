"""Measures 措施 of the plans 一源一策: listed by due date, changed, done on evidence."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select

from backend.api.idempotency import once, required_key
from backend.api.photos import show_photo
from backend.api.schemas import Code, Day, Input, PhotoOut, PhotoRefForm, Words
from backend.api.versions import seen_version
from backend.clock import shanghai_day
from backend.domain import measures, people
from backend.domain.measures import STATES, MeasureForm
from backend.domain.photos import PhotoRef
from backend.models import Measure, Photo
from backend.work import Work, unit_of_work

bp = APIBlueprint("measures", __name__, tag="风险源")


class MeasureInput(Input):
    text: Words
    unit: Code
    person: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=r"^[^\x00]*$")]
    due_on: Day


class MeasureChange(MeasureInput):
    reason: Words


class MeasureActionInput(Input):
    """`finish` needs words and photos; `reopen` and `drop` a reason in words."""

    words: Words
    photos: list[PhotoRefForm] = Field(default_factory=list, max_length=20)


class MeasureQuery(Input):
    state: Literal["open", "done", "dropped"] | None = None
    unit: Code | None = None
    overdue: bool = False
    before: Annotated[str, StringConstraints(max_length=60, pattern=r"^[\w\-~]+$")] | None = None
    limit: int = Field(default=20, ge=1, le=100)


class MeasureOut(BaseModel):
    id: UUID
    version: int
    code: str
    source_name: str
    text: str
    unit: str
    unit_name: str
    person: str
    due_on: date
    state: str
    state_title: str
    overdue: bool
    done_at: datetime | None
    done_by_name: str | None
    done_words: str | None
    photos: list[PhotoOut]


class MeasuresOut(BaseModel):
    items: list[MeasureOut]
    next: str | None


def form_of(form: MeasureInput) -> MeasureForm:
    return MeasureForm(text=form.text, unit_code=form.unit, person=form.person, due_on=form.due_on)


def show_measure(work: Work, measure: Measure) -> dict[str, Any]:
    source = work.county.risk_source_by_code.get(measure.code)
    unit = work.county.unit_by_code.get(measure.unit_code)
    evidence = work.session.scalars(select(Photo).where(Photo.measure_id == measure.id).order_by(Photo.id))
    return {
        "id": measure.id,
        "version": measure.version,
        "code": measure.code,
        "source_name": source.name if source else measure.code,
        "text": measure.text,
        "unit": measure.unit_code,
        "unit_name": unit.name if unit else measure.unit_code,
        "person": measure.person,
        "due_on": measure.due_on,
        "state": measure.state,
        "state_title": STATES[measure.state],
        "overdue": measures.overdue(measure, shanghai_day(work.now)),
        "done_at": measure.done_at,
        "done_by_name": people.name_of(work, measure.done_by),
        "done_words": measure.done_words,
        "photos": [show_photo(photo) for photo in evidence],
    }


@bp.get("/measures")
@bp.input(MeasureQuery, location="query", arg_name="asked")
@bp.output(MeasuresOut)
def listing(asked: MeasureQuery) -> Any:
    """By due date. A unit sees its own."""
    with unit_of_work(g.actor) as work:
        found, more = measures.page(work, asked.state, asked.unit, asked.overdue, asked.before, asked.limit)
        return {"items": [show_measure(work, measure) for measure in found], "next": more}


@bp.get("/measures/<uuid:measure_id>")
@bp.output(MeasureOut)
def show(measure_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_measure(work, measures.get(work, measure_id))


@bp.put("/measures/<uuid:measure_id>")
@bp.input(MeasureChange, arg_name="form")
@bp.output(MeasureOut)
def change(measure_id: UUID, form: MeasureChange) -> Any:
    with unit_of_work(g.actor) as work:
        return show_measure(work, measures.change(work, measure_id, form_of(form), form.reason, seen_version()))


@bp.post("/measures/<uuid:measure_id>/<any(finish, reopen, drop):action>")
@bp.input(MeasureActionInput, arg_name="form")
@bp.output(MeasureOut)
def act(measure_id: UUID, action: str, form: MeasureActionInput) -> Any:
    with unit_of_work(g.actor) as work:
        measures.get(work, measure_id)
        with once(work, f"measures.{action} {measure_id}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                _carry_out(work, measure_id, action, form)
                repeat.outcome = {"done": action}
        return show_measure(work, measures.get(work, measure_id))


def _carry_out(work: Work, measure_id: UUID, action: str, form: MeasureActionInput) -> None:
    if action == "finish":
        refs = [PhotoRef(photo.id, photo.claim) for photo in form.photos]
        measures.finish(work, measure_id, form.words, refs, seen_version())
    elif action == "reopen":
        measures.reopen(work, measure_id, form.words, seen_version())
    else:
        measures.drop(work, measure_id, form.words, seen_version())
