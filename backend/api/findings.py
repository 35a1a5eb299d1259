"""Findings of patrols: uploaded with them; what was settled on the spot is verified on the ground or confirmed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints

from backend.api.idempotency import once, required_key
from backend.api.patrols import PhoneTime, UploadedOut, show_upload
from backend.api.photos import show_photo
from backend.api.schemas import Code, CoordTypeName, Input, PageQuery, PhotoOut, PhotoRefForm, Short
from backend.domain import findings
from backend.domain.findings import FindingForm
from backend.domain.photos import PhotoRef
from backend.models import Case, Finding, Patrol, Person, Photo
from backend.work import Work, unit_of_work

bp = APIBlueprint("findings", __name__, tag="巡河发现")

Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000, pattern=r"^[^\x00]*$")]


class SettledInput(Input):
    """Settled on the spot 现场办结: `photos` of the finding show it before, these after."""

    photos: list[PhotoRefForm] = Field(max_length=20)
    done: Short = ""


class FindingInput(Input):
    category: Code
    lon: float = Field(description="degrees")
    lat: float = Field(description="degrees")
    coord_type: CoordTypeName
    accuracy_m: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    observed_at: PhoneTime
    photos: list[PhotoRefForm] = Field(max_length=20)
    text: Said = ""
    practice: bool = False
    settled: SettledInput | None = None


class FoundOut(UploadedOut):
    number: str | None = Field(description="of the case; none in practice")
    report: UUID | None = Field(description="followed under /reports")


class WaitingQuery(PageQuery):
    sampled: bool | None = Field(default=None, description="true: to be verified on the ground; false: to be confirmed")


class WaitingOut(BaseModel):
    case: UUID
    version: int
    number: str
    patrol: UUID
    finding: UUID
    chief: str
    unit: str | None
    category: str
    category_name: str
    text: str
    done: str
    observed_at: datetime
    settled_at: datetime
    sampled: bool
    verified_at: datetime | None
    lon: float
    lat: float
    before: list[PhotoOut]
    after: list[PhotoOut]


class WaitingListOut(BaseModel):
    items: list[WaitingOut]
    next: UUID | None


class CaseRef(Input):
    case: UUID
    version: int = Field(ge=1, description="as it was seen")


class ConfirmInput(Input):
    cases: list[CaseRef] = Field(min_length=1, max_length=200)


class ConfirmedOut(BaseModel):
    case: UUID
    closed: bool
    code: str | None = None
    title: str | None = None


class ConfirmedListOut(BaseModel):
    items: list[ConfirmedOut]


def _refs(photos: list[PhotoRefForm]) -> tuple[PhotoRef, ...]:
    return tuple(PhotoRef(photo.id, photo.claim) for photo in photos)


@bp.put("/patrols/<uuid:patrol_id>/findings/<uuid:finding_id>")
@bp.input(FindingInput, arg_name="form")
@bp.output(FoundOut)
def take(patrol_id: UUID, finding_id: UUID, form: FindingInput) -> Any:
    """Three taps: kind, photo, send. The case is opened at once, whatever else of the patrol has arrived."""
    plain = form.model_dump(exclude={"photos", "settled"})
    settled = form.settled
    found = FindingForm(
        **plain, photos=_refs(form.photos), settled=settled is not None,
        photos_after=_refs(settled.photos) if settled else (), done=settled.done if settled else "",
    )  # fmt: skip
    with unit_of_work(g.actor) as work:
        patrol, finding = findings.take(work, patrol_id, finding_id, found)
        case = work.session.get(Case, finding.case_id) if finding.case_id else None
        number = case.number if case else None
        return {**show_upload(work, patrol), "number": number, "report": finding.report_id}


@bp.get("/findings")
@bp.input(WaitingQuery, location="query", arg_name="asked")
@bp.output(WaitingListOut)
def waiting(asked: WaitingQuery) -> Any:
    """Settled on the spot and not yet closed."""
    with unit_of_work(g.actor) as work:
        found = findings.waiting(work, asked.sampled, asked.before, asked.limit)
        items = [_waiting(work, finding, case) for finding, case in found]
        return {"items": items, "next": found[-1][1].id if len(found) == asked.limit else None}


def _waiting(work: Work, finding: Finding, case: Case) -> dict[str, Any]:
    patrol = work.session.get_one(Patrol, finding.patrol_id)
    category = work.county.category_by_code.get(finding.category)
    before = work.session.query(Photo).filter_by(report_id=finding.report_id).order_by(Photo.id)
    after = [work.session.get_one(Photo, UUID(one)) for one in finding.photos_after]
    plain = ("category", "text", "done", "observed_at", "settled_at", "sampled", "verified_at", "lon", "lat")
    return {
        **{name: getattr(finding, name) for name in plain},
        "case": case.id,
        "version": case.version,
        "number": case.number,
        "patrol": patrol.id,
        "finding": finding.id,
        "chief": work.session.get_one(Person, patrol.person_id).name,
        "unit": finding.unit_code,
        "category_name": category.name if category else finding.category,
        "before": [show_photo(photo) for photo in before],
        "after": [show_photo(photo) for photo in after],
    }


@bp.post("/findings/confirm")
@bp.input(ConfirmInput, arg_name="form")
@bp.output(ConfirmedListOut)
def confirm(form: ConfirmInput) -> Any:
    """Close those of the list that nobody has to see on the ground. Each stands by itself."""
    with (
        unit_of_work(g.actor) as work,
        once(work, "findings.confirm", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            done = findings.confirm(work, [(one.case, one.version) for one in form.cases])
            items = [
                {
                    "case": str(one.case_id),
                    "closed": one.fault is None,
                    "code": one.fault.code if one.fault else None,
                    "title": one.fault.title if one.fault else None,
                }
                for one in done
            ]
            repeat.outcome = {"items": items}
        return repeat.outcome
