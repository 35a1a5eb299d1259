"""Evidence 证据 of a case as the verifier looks at it: each photo, what is odd about it, the earlier one beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field
from sqlalchemy import select

from backend.api.photos import show_photo
from backend.api.schemas import PhotoOut
from backend.domain import cases, evidence
from backend.models import Case, EvidenceFlag, Photo
from backend.work import Work, unit_of_work

bp = APIBlueprint("evidence", __name__, tag="证据")


class EarlierOut(BaseModel):
    number: str | None = Field(description="of the case of the earlier photo; none when it hangs on no case")
    case_id: UUID | None = Field(description="only for whoever may see that case")
    purpose: str
    photo: PhotoOut | None = Field(description="only for whoever may see it")


class FlagOut(BaseModel):
    kind: str
    red: bool
    words: str
    made_at: datetime
    settled: bool = Field(description="the case was closed or sent back in sight of it")
    earlier: EarlierOut | None


class EvidencePhotoOut(BaseModel):
    photo: PhotoOut
    purpose: str
    taken_at: datetime | None
    time_from: str | None = Field(description="exif or claimed (by the app, unproven)")
    place_from: str | None
    distance_m: int | None = Field(description="from the place of the case")
    flags: list[FlagOut]


class EvidenceOut(BaseModel):
    items: list[EvidencePhotoOut]
    unsettled: int = Field(description="red flags for which closing the case needs a reason")


@bp.get("/cases/<uuid:case_id>/evidence")
@bp.output(EvidenceOut)
def show(case_id: UUID) -> Any:
    """For those who verify; a unit does not learn here what would not have been noticed."""
    with unit_of_work(g.actor) as work:
        return show_evidence(work, cases.get(work, case_id))


def show_evidence(work: Work, case: Case) -> dict[str, Any]:
    """Raises Forbidden for those who do not verify."""
    evidence.check_reader(work.actor)
    flags = evidence.flags_of(work, case)
    taken = work.session.scalars(select(Photo).where(Photo.case_id == case.id).order_by(Photo.id))
    return {
        "items": [_photo(work, case, photo, flags.get(photo.id, [])) for photo in taken],
        "unsettled": len(evidence.unsettled(work, case)),
    }


def _photo(work: Work, case: Case, photo: Photo, flags: list[EvidenceFlag]) -> dict[str, Any]:
    taken = evidence.taken(photo)
    off = evidence.off_the_place_m(case, photo)
    return {
        "photo": show_photo(photo),
        "purpose": photo.purpose,
        "taken_at": taken.at,
        "time_from": taken.at_from,
        "place_from": taken.place_from,
        "distance_m": None if off is None else round(off),
        "flags": [_flag(work, flag) for flag in flags],
    }


def _flag(work: Work, flag: EvidenceFlag) -> dict[str, Any]:
    return {
        "kind": flag.kind,
        "red": flag.red,
        "words": evidence.words(flag),
        "made_at": flag.made_at,
        "settled": flag.settled_seq is not None,
        "earlier": _earlier(work, flag.other_photo_id) if flag.other_photo_id else None,
    }


def _earlier(work: Work, photo_id: UUID) -> dict[str, Any]:
    photo = work.session.get_one(Photo, photo_id)
    on = evidence.case_of(work, photo)
    seen = on is not None and cases.sees(work, on)
    return {
        "number": on.number if on else None,
        "case_id": on.id if on and seen else None,
        "purpose": photo.purpose,
        "photo": show_photo(photo) if cases.sees_photo(work, photo, on) else None,
    }
