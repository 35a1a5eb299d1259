"""Checkpoints of a reach, and visits to them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.patrols import PhoneTime, UploadedOut, show_upload
from backend.api.schemas import Code, CoordTypeName, Input
from backend.domain import checkpoints
from backend.domain.checkpoints import Checkpoint, VisitForm
from backend.models import CheckpointVisit
from backend.work import Work, unit_of_work

bp = APIBlueprint("checkpoints", __name__, tag="打卡点")


class VisitInput(Input):
    checkpoint: Code | None = Field(default=None, description="left out: the board whose code was scanned")
    at: PhoneTime
    lon: float | None = Field(default=None, description="degrees; left out where the phone had no place")
    lat: float | None = None
    coord_type: CoordTypeName
    accuracy_m: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    token: str = Field(default="", max_length=64, pattern=r"^\w*$", description="from the QR code of a notice board")


class VisitedOut(UploadedOut):
    checkpoint: str | None = Field(description="the one that was meant; None for a code that is of no board")
    name: str | None
    reached: bool
    distance_m: float | None
    why_not: str | None


class CheckpointOut(BaseModel):
    code: str
    name: str
    kind: str
    kind_title: str
    reach: str
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    near_m: float
    token: str | None = Field(description="what the board's QR code carries; for the office alone, to print it")


class CheckpointsOut(BaseModel):
    items: list[CheckpointOut]


@bp.get("/reaches/<reach>/checkpoints")
@bp.output(CheckpointsOut)
def listing(reach: str) -> Any:
    with unit_of_work(g.actor) as work:
        return {"items": [_shown(work, one) for one in checkpoints.of_reach(work.county, reach)]}


def _shown(work: Work, one: Checkpoint) -> dict[str, Any]:
    printed = one.kind == "board" and g.actor.role == "office"
    token = checkpoints.token_of(work.vault, one.code) if printed else None
    return {**vars(one), "kind_title": checkpoints.KINDS[one.kind], "token": token}


@bp.put("/patrols/<uuid:patrol_id>/checkpoints/<uuid:visit_id>")
@bp.input(VisitInput, arg_name="form")
@bp.output(VisitedOut)
def visit(patrol_id: UUID, visit_id: UUID, form: VisitInput) -> Any:
    """Kept whether near enough or not; the answer says which, and why."""
    with unit_of_work(g.actor) as work:
        patrol = checkpoints.visit(work, patrol_id, visit_id, VisitForm(**form.model_dump()))
        made = work.session.get_one(CheckpointVisit, (patrol_id, visit_id))
        meant = checkpoints.named(work.county, made.checkpoint)
        told = {
            "checkpoint": made.checkpoint or None,
            "name": meant.name if meant else None,
            "reached": made.reached,
            "distance_m": made.distance_m,
            "why_not": made.why_not,
        }
        return {**show_upload(work, patrol), **told}
