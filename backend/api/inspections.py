"""Inspections 巡查 of a risk source: recorded on the spot, listed the last first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field
from sqlalchemy import select

from backend.api.idempotency import once, required_key
from backend.api.photos import show_photo
from backend.api.schemas import Code, Input, Moment, PhotoOut, PhotoRefForm, PlaceForm, Words
from backend.domain import cases, inspections, people, risk_sources
from backend.domain.inspections import InspectionForm
from backend.domain.photos import PhotoRef
from backend.models import Case, Inspection, Photo
from backend.work import Work, unit_of_work

bp = APIBlueprint("inspections", __name__, tag="风险源")


class InspectionInput(Input):
    result: Literal["normal", "problem"]
    words: Words
    photos: list[PhotoRefForm] = Field(min_length=1, max_length=9)
    place: PlaceForm = Field(description="where the inspector stands")
    at: Moment | None = Field(default=None, description="when it was, if not now")
    category: Code | None = Field(default=None, description="needed for a problem: it opens a case of this kind")


class InspectionQuery(Input):
    before: Moment | None = Field(default=None, description="`next` of the page before")
    limit: int = Field(default=20, ge=1, le=100)


class InspectionOut(BaseModel):
    id: UUID
    code: str
    at: datetime
    by_name: str | None
    role: str
    unit: str | None
    result: str
    words: str
    distance_m: int | None
    on_the_spot: bool
    case_id: UUID | None = Field(description="only for whoever may see the case or has opened it")
    photos: list[PhotoOut]


class InspectionsOut(BaseModel):
    items: list[InspectionOut]
    next: datetime | None


@bp.get("/risk-sources/<code>/inspections")
@bp.input(InspectionQuery, location="query", arg_name="page")
@bp.output(InspectionsOut)
def of_source(code: str, page: InspectionQuery) -> Any:
    with unit_of_work(g.actor) as work:
        risk_sources.get(work, code)
        found = inspections.of_source(work, code, page.before, page.limit)
        more = found[-1].at if len(found) == page.limit else None
        return {"items": [_show(work, inspection) for inspection in found], "next": more}


@bp.post("/risk-sources/<code>/inspections")
@bp.input(InspectionInput, arg_name="form")
@bp.output(InspectionOut, status_code=201)
def record(code: str, form: InspectionInput) -> Any:
    key = required_key()
    asked = InspectionForm(
        result=form.result, words=form.words, lon=form.place.lon, lat=form.place.lat, coord_type=form.place.coord_type,
        photos=tuple(PhotoRef(photo.id, photo.claim) for photo in form.photos), at=form.at, category=form.category,
    )  # fmt: skip
    with unit_of_work(g.actor) as work:
        with once(work, f"inspections.record {code}", key, form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                repeat.outcome = {"inspection": str(inspections.record(work, code, asked, key).id)}
        return _show(work, work.session.get_one(Inspection, UUID(repeat.outcome["inspection"])))


def _show(work: Work, inspection: Inspection) -> dict[str, Any]:
    case = work.session.get(Case, inspection.case_id) if inspection.case_id else None
    taken = work.session.scalars(select(Photo).where(Photo.inspection_id == inspection.id).order_by(Photo.id))
    far, mine = inspection.distance_m, inspection.by == work.actor.label
    return {
        "id": inspection.id,
        "code": inspection.code,
        "at": inspection.at,
        "by_name": people.name_of(work, inspection.by),
        "role": inspection.role,
        "unit": inspection.unit_code,
        "result": inspection.result,
        "words": inspection.words,
        "distance_m": None if far is None else round(far),
        "on_the_spot": far is not None and far <= work.county.rules.risk_sources.on_spot_m,
        "case_id": case.id if case and (mine or cases.sees(work, case)) else None,
        "photos": [show_photo(photo) for photo in taken],
    }
