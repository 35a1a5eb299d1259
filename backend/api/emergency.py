"""Emergency linkage 应急联动: the plans, and the common timeline of all units that take part.

An emergency is declared, answered, reinforced and stood down by actions on its case.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field
from sqlalchemy import select

from backend.api import schemas
from backend.api.idempotency import once, required_key
from backend.api.photos import show_photo
from backend.api.schemas import Code, Input, Words
from backend.domain import cases, emergency, follow_ups, states
from backend.domain.actors import ROLE_NAMES
from backend.domain.photos import PhotoRef
from backend.domain.words import ERASED
from backend.models import Case, CaseEvent, Photo
from backend.rules.emergency import LEAD
from backend.work import Work, unit_of_work

bp = APIBlueprint("emergency", __name__, tag="应急联动")


class PlansQuery(Input):
    category: Code | None = None


class TaskOut(BaseModel):
    unit: str = Field(description='"lead" is the unit that leads the case')
    unit_name: str
    duty: str
    minutes: int
    phone: str


class PlanOut(BaseModel):
    code: str
    name: str
    near_intake: bool
    automatic: bool
    tasks: list[TaskOut]


class PlansOut(BaseModel):
    items: list[PlanOut]


class TimelineQuery(Input):
    after: int = Field(default=0, ge=0, le=2**31 - 1, description="`next` of the answer before: what is newer")
    limit: int = Field(default=50, ge=1, le=200)


class EntryOut(BaseModel):
    seq: int
    at: datetime
    action: str
    title: str
    role_title: str
    unit: str | None
    unit_name: str | None
    text: str | None
    photos: list[schemas.PhotoOut]


class TimelineOut(BaseModel):
    emergency: schemas.EmergencyOut
    items: list[EntryOut]
    next: int = Field(description="ask `after` this for what has come since")
    may_add: bool


class EntryForm(Input):
    text: Words
    photos: list[schemas.PhotoRefForm] = Field(default_factory=list, max_length=9)


def _name(work: Work, code: str | None) -> str | None:
    unit = work.county.unit_by_code.get(code or "")
    return unit.name if unit else code


def of_case(work: Work, case: Case) -> dict[str, Any] | None:
    """The emergency that runs on the case, or the last one that did."""
    found = emergency.latest(work, case)
    if found is None:
        return None
    held = emergency.holding(work, case)
    return {
        "id": found.id,
        "plan": found.plan,
        "plan_name": found.plan_name,
        "by_title": ROLE_NAMES.get(found.by_role, "系统"),
        "declared_at": found.declared_at,
        "stood_down_at": found.stood_down_at,
        "stood_down_how": found.stood_down_how,
        "units": [
            {
                "unit": one.unit_code,
                "unit_name": _name(work, one.unit_code),
                "duty": one.duty,
                "phone": one.phone,
                "called_at": one.called_at,
                "due_at": one.due_at,
                "acknowledged_at": one.acknowledged_at,
                "taking_part": one.unit_code in held,
                "overdue": one.acknowledged_at is None and one.unit_code in held and one.due_at < work.now,
            }
            for one in found.dispatches
        ],
    }


@bp.get("/emergency-plans")
@bp.input(PlansQuery, location="query", arg_name="asked")
@bp.output(PlansOut)
def plans(asked: PlansQuery) -> Any:
    """The plans of the county; with a category those that may fit it, the likeliest being the first that fits."""
    with unit_of_work(g.actor) as work:
        found = [
            plan
            for plan in work.county.rules.emergency.plans
            if asked.category is None or plan.fits(asked.category, near_intake=True)
        ]
        items = [
            {
                **plan.model_dump(include={"code", "name", "near_intake", "automatic"}),
                "tasks": [
                    {**task.model_dump(), "unit_name": "主办单位" if task.unit == LEAD else _name(work, task.unit)}
                    for task in plan.tasks
                ],
            }
            for plan in found
        ]
        return {"items": items}


@bp.get("/cases/<uuid:case_id>/timeline")
@bp.input(TimelineQuery, location="query", arg_name="page")
@bp.output(TimelineOut)
def timeline(case_id: UUID, page: TimelineQuery) -> Any:
    """Everything since the emergency was declared, the oldest first, for every unit that takes part."""
    with unit_of_work(g.actor) as work:
        return _timeline(work, cases.get(work, case_id), page.after, page.limit)


@bp.post("/cases/<uuid:case_id>/timeline")
@bp.input(EntryForm, arg_name="form")
@bp.output(TimelineOut, status_code=201)
def add(case_id: UUID, form: EntryForm) -> Any:
    """Words and photos for all; the same as the action `note`. Answers with this entry and what came after it."""
    with unit_of_work(g.actor) as work:
        case = cases.get(work, case_id)
        emergency.timeline(work, case, 0, 1)
        with once(work, f"timeline {case_id}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                refs = [PhotoRef(photo.id, photo.claim) for photo in form.photos]
                case = states.act(work, case_id, "note", {"note": form.text, "photos": refs})
                work.session.flush()
                repeat.outcome = {"seq": case.version}
            seq = repeat.outcome["seq"]
        return _timeline(work, case, seq - 1, 50)


def _timeline(work: Work, case: Case, after: int, limit: int) -> dict[str, Any]:
    _, rows = emergency.timeline(work, case, after, limit)
    ids = [one for event, _ in rows for one in _taken(event)]
    photos = {photo.id: photo for photo in work.session.scalars(select(Photo).where(Photo.id.in_(ids)))}
    return {
        "emergency": of_case(work, case),
        "items": [
            _entry(work, case, event, text, photos)
            for event, text in rows
            if not follow_ups.hidden(work.actor, event.action)
        ],
        "next": rows[-1][0].seq if rows else after,
        "may_add": any(row.action == "note" for row in states.allowed(work, case, work.actor)),
    }


def _taken(event: CaseEvent) -> list[UUID]:
    """The photos of an event by id. What a reporter adds tells only how many: theirs are seen with the report."""
    told = event.data.get("photos", ())
    return [] if isinstance(told, int) else [UUID(photo["id"]) for photo in told]


def _entry(work: Work, case: Case, event: CaseEvent, text: str | None, photos: dict[UUID, Photo]) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": event.at,
        "action": event.action,
        "title": states.TITLES[event.action],
        "role_title": ROLE_NAMES.get(event.role, "系统"),
        "unit": event.unit_code,
        "unit_name": _name(work, event.unit_code),
        "text": ERASED if text is None and event.text_id else cases.readable_words(work, case, event, text),
        "photos": [show_photo(photos[one]) for one in _taken(event) if one in photos],
    }
