"""Patrols: started, uploaded piece by piece, finished. Every message may be sent again; the answer names what is held.

All are PUT under ids that the phone made, so a repetition is the same request and needs no Idempotency-Key.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from backend.api.schemas import Code, Input, PhotoRefForm
from backend.domain import batches, patrols, photos
from backend.domain.photos import PhotoRef
from backend.models import Patrol
from backend.work import Work, unit_of_work

bp = APIBlueprint("patrols", __name__, tag="巡河")


def _of_a_phone(at: datetime) -> datetime:
    """A phone without battery begins in 1970; what lies beyond 2200 is no time."""
    if not 0 <= at.timestamp() * 1000 < batches.LATEST_MS:
        raise ValueError("not a time that a phone shows")
    return at


PhoneTime = Annotated[AwareDatetime, AfterValidator(_of_a_phone), Field(description="by the phone's own clock")]


SentTime = Annotated[
    AwareDatetime,
    AfterValidator(_of_a_phone),
    Field(description="when this very request is sent, by the phone's own clock, which is put right by it"),
]


class StartInput(Input):
    role: Code
    unit: Code
    reaches: list[Code] = Field(min_length=1, max_length=50)
    started_at: PhoneTime
    sent_at: SentTime
    mode: Literal["walk", "bike", "boat", "vehicle"] = "walk"
    practice: bool = Field(default=False, description="练习: kept apart from ledger and scores")
    companions: list[UUID] = Field(default_factory=list, max_length=20, description="persons who walk along")


class ShotInput(Input):
    """A photo that is uploaded already (/photos); when and where it was taken was said there, as the app saw it."""

    photo: PhotoRefForm


class FinishInput(Input):
    ended_at: PhoneTime
    sent_at: SentTime
    batches: list[UUID] = Field(default_factory=list, max_length=20_000, description="all that the phone has made")


class HeldOut(BaseModel):
    started: bool
    finished: bool
    batches: list[UUID]
    photos: list[UUID] = Field(description="ids of shots")
    findings: list[UUID]
    checkpoints: list[UUID] = Field(description="ids of visits")


class UploadedOut(BaseModel):
    id: UUID
    phase: str
    valid: bool | None = Field(description="the verdict in force; none before it is judged")
    held: HeldOut = Field(description="kept for good: the phone may forget it")


class StartedOut(UploadedOut):
    grant: str | None = Field(description="send it as Patrol-Grant; none when the start came with one")


def show_upload(work: Work, patrol: Patrol) -> dict[str, Any]:
    work.session.flush()
    held = patrols.held(work, patrol)
    return {"id": patrol.id, "phase": patrol.phase, "valid": patrol.valid, "held": held}


@bp.put("/patrols/<uuid:patrol_id>")
@bp.input(StartInput, arg_name="form")
@bp.output(StartedOut)
def start(patrol_id: UUID, form: StartInput) -> Any:
    fields = form.model_dump() | {"reaches": tuple(form.reaches), "companions": tuple(form.companions)}
    with unit_of_work(g.actor) as work:
        by_grant = "Patrol-Grant" in request.headers
        patrol, token = patrols.start(work, patrol_id, patrols.StartForm(**fields), by_grant)
        return {**show_upload(work, patrol), "grant": token}


@bp.put("/patrols/<uuid:patrol_id>/photos/<uuid:shot_id>")
@bp.input(ShotInput, arg_name="form")
@bp.output(UploadedOut)
def attach_photo(patrol_id: UUID, shot_id: UUID, form: ShotInput) -> Any:
    with unit_of_work(g.actor) as work:
        patrol = patrols.opened(work, patrol_id)
        photos.attach_to_patrol(work, PhotoRef(form.photo.id, form.photo.claim), patrol_id, shot_id)
        return show_upload(work, patrol)


@bp.put("/patrols/<uuid:patrol_id>/finish")
@bp.input(FinishInput, arg_name="form")
@bp.output(UploadedOut)
def finish(patrol_id: UUID, form: FinishInput) -> Any:
    with unit_of_work(g.actor) as work:
        done = patrols.FinishForm(form.ended_at, form.sent_at, tuple(form.batches))
        return show_upload(work, patrols.finish(work, patrol_id, done))


@bp.get("/patrols/<uuid:patrol_id>/held")
@bp.output(UploadedOut)
def held(patrol_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_upload(work, patrols.own(work, patrol_id))
