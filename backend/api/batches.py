"""Pieces of a track, as the phone gets rid of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from backend.api.patrols import SentTime, UploadedOut, show_upload
from backend.api.schemas import CoordTypeName, Input
from backend.domain import batches
from backend.work import unit_of_work

bp = APIBlueprint("batches", __name__, tag="巡河")

Number = float | None


class BatchInput(Input):
    """Columns of one length, as onLocationChange gave them."""

    seq: int = Field(ge=0, le=2**31 - 1, description="the phone's count of its batches of this patrol")
    sent_at: SentTime
    coord_type: CoordTypeName
    time_ms: list[int | None] = Field(description="when each callback ran, ms since 1970 by the phone's clock")
    lon: list[Number]
    lat: list[Number]
    accuracy_m: list[Number] | None = None
    speed_mps: list[Number] | None = None
    altitude_m: list[Number] | None = None
    resumed: list[int] = Field(default_factory=list, description="indices of first callbacks after a background stay")
    battery: int | None = Field(default=None, ge=0, le=100)


@bp.put("/patrols/<uuid:patrol_id>/batches/<uuid:batch_id>")
@bp.input(BatchInput, arg_name="form")
@bp.output(UploadedOut)
def take_batch(patrol_id: UUID, batch_id: UUID, form: BatchInput) -> Any:
    """All or nothing. A batch may come before the start of its patrol, and after its end."""
    with unit_of_work(g.actor) as work:
        return show_upload(work, batches.take(work, patrol_id, batch_id, batches.BatchForm(**form.model_dump())))
