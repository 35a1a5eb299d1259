"""Photos: asked for, uploaded by the phone, verified by a worker, attached to a report or as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import select

from backend.domain.faults import Fault
from backend.models import Case, Photo, Report
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

MAX_BYTES = 15 * 1024 * 1024
FORM_LIFE = timedelta(minutes=30)
ORPHAN_AGE = timedelta(days=1)
CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp")


@dataclass(frozen=True)
class PhotoRef:
    """How a form names a photo: its id and the claim that was handed out with its upload form."""

    id: UUID
    claim: str


class Shelf(Protocol):
    """What verifying needs of object storage (backend.clients.storage.Storage)."""

    def get(self, key: str, limit_bytes: int) -> bytes: ...
    def put(self, key: str, data: bytes, content_type: str) -> None: ...
    def delete(self, key: str) -> None: ...


class Examiner(Protocol):
    """backend.clients.images: examine(data) gives the display versions, or raises the `refusal` type."""

    def __call__(self, data: bytes) -> Any: ...


def request(
    work: Work, claimed_at: datetime | None = None, claimed: tuple[float, float] | None = None
) -> tuple[Photo, str]:
    """A new photo, not yet uploaded, and the claim that its holder must show. `claimed`: WGS-84 lon, lat."""
    claim = new_token()
    photo = Photo(claim_hash=token_hash(claim), created_at=work.now, claimed_at=claimed_at)
    if claimed is not None:
        photo.claimed_lon, photo.claimed_lat = claimed
    work.session.add(photo)
    work.session.flush()
    return photo, claim


def claimed(work: Work, ref: PhotoRef) -> Photo:
    """The photo of a reference. A wrong claim and an unknown id look the same to the caller."""
    photo = work.session.get(Photo, ref.id)
    if photo is None or photo.claim_hash != token_hash(ref.claim):
        raise Fault("unknown_photo", "有照片不是由您上传的，或已过期，请重新选择照片。", photo=str(ref.id))
    return photo


def uploaded(work: Work, ref: PhotoRef) -> Photo:
    """The phone says that the upload is done; a worker will look."""
    photo = claimed(work, ref)
    if photo.state == "requested":
        photo.state = "uploaded"
        work.defer("verify_photo", photo.id)
    return photo


def verify(work: Work, photo_id: UUID, shelf: Shelf, examine: Examiner, refusal: type[Exception]) -> None:
    """Examine the upload; sound → display and thumbnail versions are written, bad → refused with the reason."""
    photo = work.session.get(Photo, photo_id, with_for_update=True)
    if photo is None or photo.state in ("sound", "refused", "erased"):
        return
    data = shelf.get(photo.original_key, MAX_BYTES)
    try:
        found = examine(data)
    except refusal as bad:
        photo.state = "refused"
        photo.refusal = getattr(bad, "code", "bad_picture")
        photo.refusal_title = getattr(bad, "title", str(bad))
        return
    shelf.put(photo.display_key, found.display, "image/jpeg")
    shelf.put(photo.thumbnail_key, found.thumbnail, "image/jpeg")
    photo.state = "sound"
    photo.sha256, photo.phash = found.sha256, _signed(found.phash)
    photo.width, photo.height, photo.taken_at = found.width, found.height, found.taken_at
    if found.gps is not None:
        photo.lon, photo.lat = found.gps
    _ask_for_stamp(work, photo)


def _ask_for_stamp(work: Work, photo: Photo) -> None:
    if photo.patrol_id is not None and photo.state == "sound":
        work.defer("stamp_photo", photo.id)


def _signed(value: int) -> int:
    """An unsigned 64-bit hash as PostgreSQL's bigint."""
    return value - (1 << 64) if value >= 1 << 63 else value


def attach_to_report(work: Work, ref: PhotoRef, report: Report, supplement_id: UUID | None = None) -> None:
    """Hang a photo on a report, or on what was added to it later."""
    photo = _free(work, ref)
    photo.report_id, photo.supplement_id = report.id, supplement_id
    photo.purpose = "report" if supplement_id is None else "supplement"


def sound(work: Work, ref: PhotoRef) -> Photo:
    """A photo that was looked at and found sound, for somebody who has no other use of it yet."""
    photo = _free(work, ref)
    if photo.state != "sound":
        raise Fault("photo_not_ready", "照片还在检查中，请稍候几秒再提交。", photo=str(photo.id))
    return photo


def attach_evidence(work: Work, ref: PhotoRef | Photo, case: Case, purpose: str = "evidence") -> Photo:
    """Evidence must have been looked at: a closure must not rest on a file that turns out unreadable.

    `purpose`: "evidence", or "note" for a photo that only adds to the record. A `Photo` is one that the caller holds
    already, as of a finding that was settled on the spot.
    """
    photo = ref if isinstance(ref, Photo) else sound(work, ref)
    photo.case_id, photo.purpose = case.id, purpose
    return photo


def attach_to_patrol(work: Work, ref: PhotoRef, patrol_id: UUID, shot_id: UUID) -> Photo:
    """A photo of a patrol, known by the phone's own id of the shot; a shot that is there already stays as it is."""
    query = select(Photo).where(Photo.patrol_id == patrol_id, Photo.shot_id == shot_id)
    there = work.session.scalar(query)
    if there is not None:
        return there
    photo = _free(work, ref)
    photo.patrol_id, photo.shot_id, photo.purpose = patrol_id, shot_id, "patrol"
    work.session.flush()
    _ask_for_stamp(work, photo)
    return photo


def attach_to_finding(work: Work, ref: PhotoRef, patrol_id: UUID, report: Report | None, purpose: str) -> Photo:
    """A photo of a problem found on a patrol: of its report, or kept until it becomes evidence."""
    photo = _free(work, ref)
    photo.patrol_id, photo.report_id, photo.purpose = patrol_id, report.id if report else None, purpose
    _ask_for_stamp(work, photo)
    return photo


def attach_to_appeal(work: Work, ref: PhotoRef, patrol_id: UUID) -> Photo:
    photo = _free(work, ref)
    photo.patrol_id, photo.purpose = patrol_id, "appeal"
    return photo


def _free(work: Work, ref: PhotoRef) -> Photo:
    photo = claimed(work, ref)
    if photo.state == "requested":
        raise Fault("photo_not_uploaded", "有照片还没有上传完成，请等上传完成后再提交。", photo=str(photo.id))
    if photo.state == "refused":
        raise Fault("photo_refused", photo.refusal_title or "照片无法使用，请重新选择。", photo=str(photo.id))
    if photo.report_id is not None or photo.case_id is not None or photo.patrol_id is not None:
        raise Fault("photo_used", "这张照片已经用过了，请重新拍摄或选择。", photo=str(photo.id))
    return photo


def erase(work: Work, photo: Photo) -> None:
    """Take the pictures away for good, and what they told of time and place; the row stays, with its hashes."""
    photo.state, photo.refusal, photo.refusal_title = "erased", "erased", "照片已依法删除。"
    photo.taken_at = photo.lon = photo.lat = None
    photo.claimed_at = photo.claimed_lon = photo.claimed_lat = None
    work.defer("remove_pictures", photo.id)


def remove_pictures(work: Work, photo_id: UUID, shelf: Shelf) -> None:
    """Delete the files of a photo that was erased."""
    photo = work.session.get(Photo, photo_id)
    if photo is None or photo.state != "erased":
        return
    for key in (photo.original_key, photo.display_key, photo.stamped_key, photo.thumbnail_key):
        shelf.delete(key)


def remove_orphans(work: Work, shelf: Shelf) -> int:
    """Delete photos that nothing refers to after a day. Returns how many."""
    orphans = work.session.scalars(
        select(Photo)
        .where(
            Photo.report_id.is_(None),
            Photo.case_id.is_(None),
            Photo.patrol_id.is_(None),
            Photo.created_at < work.now - ORPHAN_AGE,
        )
        .limit(500)
        .with_for_update(skip_locked=True)
    ).all()
    for photo in orphans:
        for key in (photo.original_key, photo.display_key, photo.thumbnail_key):
            shelf.delete(key)
        work.session.delete(photo)
    return len(orphans)
