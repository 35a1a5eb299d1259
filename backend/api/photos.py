"""Photos: an upload form for the phone, word that it is uploaded, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import request

from backend.api import schemas
from backend.api.access import system
from backend.domain import photos
from backend.domain.faults import Fault
from backend.domain.photos import PhotoRef
from backend.geo import check_point, to_wgs84
from backend.models import Photo
from backend.work import unit_of_work

bp = APIBlueprint("photos", __name__, tag="照片")

URL_LIFE = timedelta(minutes=15)


def show_photo(photo: Photo) -> dict[str, Any]:
    """A photo as others see it: never the original, addresses that last minutes."""
    shown: dict[str, Any] = {
        "id": photo.id,
        "state": photo.state,
        "refusal": photo.refusal,
        "title": photo.refusal_title,
        "purpose": photo.purpose,
        "taken_at": photo.taken_at if photo.purpose not in ("report", "supplement") else None,
    }
    if photo.state == "sound":
        storage = system().storage
        display = photo.display_key if photo.stamped is None else photo.stamped_key
        shown["url"] = storage.signed_url(display, expires=URL_LIFE)
        shown["thumbnail_url"] = storage.signed_url(photo.thumbnail_key, expires=URL_LIFE)
    return shown


@bp.post("/photos")
@bp.input(schemas.UploadRequest, arg_name="form")
@bp.output(schemas.UploadOut, status_code=201)
def request_upload(form: schemas.UploadRequest) -> Any:
    claimed = None
    if form.claimed_lon is not None and form.claimed_lat is not None:
        if form.coord_type is None:
            raise Fault("coord_type_missing", "请说明位置的坐标类型（wgs84 或 gcj02）。", field="coord_type")
        check_point(form.claimed_lon, form.claimed_lat)
        claimed = to_wgs84(form.claimed_lon, form.claimed_lat, form.coord_type)
    with unit_of_work() as work:
        photo, claim = photos.request(work, form.claimed_at, claimed, form.content_type)
        # The store judges the form by its own clock, which no test moves.
        upload = system().storage.upload_form(
            photo.original_key, form.content_type, photos.MAX_BYTES, expires=photos.FORM_LIFE, now=datetime.now(UTC)
        )
        return {
            "id": photo.id,
            "claim": claim,
            "url": upload.url,
            "fields": upload.fields,
            "max_bytes": photos.MAX_BYTES,
            "expires_at": work.now + photos.FORM_LIFE,
        }


@bp.post("/photos/<uuid:photo_id>/uploaded")
@bp.input(schemas.ClaimForm, arg_name="form")
@bp.output(schemas.PhotoOut, status_code=202)
def tell_uploaded(photo_id: UUID, form: schemas.ClaimForm) -> Any:
    with unit_of_work() as work:
        return show_photo(photos.uploaded(work, PhotoRef(photo_id, form.claim)))


@bp.get("/photos/<uuid:photo_id>")
@bp.output(schemas.PhotoOut)
def show(photo_id: UUID) -> Any:
    with unit_of_work() as work:
        return show_photo(photos.claimed(work, PhotoRef(photo_id, request.headers.get("Photo-Claim", ""))))
