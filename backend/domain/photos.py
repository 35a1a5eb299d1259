"""Photos: asked for, uploaded by the phone, verified by a worker, attached to a report or as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import select

from backend.domain import content
from backend.domain.faults import Fault
from backend.models import Case, Inspection, Measure, Photo, Report
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

MAX_BYTES = 15 * 1024 * 1024
FORM_LIFE = timedelta(minutes=30)
ORPHAN_AGE = timedelta(days=1)
MAX_STRIPPED_BYTES = 64 * 1024 * 1024
_AT_ONCE = 500


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
    """backend.clients.images: examine(data, declared=…) gives the display versions, or raises."""

    def __call__(self, data: bytes, *, declared: str | None) -> Any: ...


def request(
    work: Work,
    claimed_at: datetime | None = None,
    claimed: tuple[float, float] | None = None,
    content_type: str = "image/jpeg",
) -> tuple[Photo, str]:
    """A new photo, not yet uploaded, and the claim that its holder must show. `claimed`: WGS-84 lon, lat."""
    claim = new_token()
    photo = Photo(claim_hash=token_hash(claim), created_at=work.now, claimed_at=claimed_at, content_type=content_type)
    if claimed is not None:
        photo.claimed_lon, photo.claimed_lat = claimed
    work.session.add(photo)
    work.session.flush()
    return photo, claim


def claimed(work: Work, ref: PhotoRef, lock: bool = False) -> Photo:
    """The photo of a reference. A wrong claim and an unknown id look the same to the caller."""
    photo = work.session.get(Photo, ref.id, with_for_update=lock or None, populate_existing=lock)
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


def verify(work: Work, photo_id: UUID, shelf: Shelf, examine: Examiner, refusals: tuple[type[Exception], ...]) -> None:
    """Examine the upload; sound → display and thumbnail versions are written, bad → refused with the reason.

    Each of `refusals` has a stable `code` and a `title`, one sentence for the reporter.
    """
    photo = work.session.get(Photo, photo_id, with_for_update=True)
    if photo is None or photo.state in ("sound", "refused", "erased"):
        return
    try:
        found = examine(shelf.get(photo.original_key, MAX_BYTES), declared=photo.content_type)
    except refusals as bad:
        refused: Any = bad
        photo.state, photo.refusal, photo.refusal_title = "refused", refused.code, refused.title
        work.defer("clean_original", photo.id)
        return
    shelf.put(photo.display_key, found.display, "image/jpeg")
    shelf.put(photo.thumbnail_key, found.thumbnail, "image/jpeg")
    photo.state = "sound"
    photo.sha256, photo.phash = found.sha256, _signed(found.phash)
    photo.phash_mirrored = _signed(found.phash_mirrored)
    photo.fine, photo.fine_mirrored = found.fine, found.fine_mirrored
    photo.width, photo.height, photo.taken_at = found.width, found.height, found.taken_at
    if found.gps is not None:
        photo.lon, photo.lat = found.gps
    _ask_for_stamp(work, photo)
    report = work.session.get(Report, photo.report_id) if photo.report_id else None
    if report is not None:
        _settle(work, photo, report)


def _settle(work: Work, photo: Photo, report: Report) -> None:
    """What a photo on its report calls for: of 匿名 the phone's whereabouts are forgotten, others are checked."""
    if report.privacy == "anonymous":
        photo.lon = photo.lat = photo.claimed_lon = photo.claimed_lat = None
    if photo.state == "sound" and report.privacy == "anonymous":
        work.defer("clean_original", photo.id)
    elif photo.state == "sound" and report.account_id is not None:
        content.ask_of_photo(work, photo)


def clean_original(work: Work, photo_id: UUID, shelf: Shelf, strip: Callable[[bytes], bytes]) -> None:
    """Keep of an anonymous photo's original the pixels alone, of a refused one nothing. Repeats change nothing."""
    photo = work.session.get(Photo, photo_id, with_for_update=True)
    if photo is not None and photo.state == "refused":
        shelf.delete(photo.original_key)
    elif photo is not None and photo.state == "sound":
        shelf.put(photo.original_key, strip(shelf.get(photo.original_key, MAX_STRIPPED_BYTES)), "image/jpeg")


def _ask_for_stamp(work: Work, photo: Photo) -> None:
    if photo.patrol_id is not None and photo.state == "sound":
        work.defer("stamp_photo", photo.id)


def _signed(value: int) -> int:
    """An unsigned 64-bit hash as PostgreSQL's bigint."""
    return value - (1 << 64) if value >= 1 << 63 else value


def attach_to_report(work: Work, refs: Sequence[PhotoRef], report: Report, supplement_id: UUID | None = None) -> None:
    """Hang the photos on the report, or on what was added to it later.

    They are locked in one order, so that two reports never share one nor wait in a ring.
    """
    for ref in sorted(refs, key=lambda ref: ref.id):
        photo = _free(work, ref)
        photo.report_id, photo.supplement_id = report.id, supplement_id
        photo.purpose = "report" if supplement_id is None else "supplement"
        _settle(work, photo, report)


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


def attach_to_inspection(work: Work, ref: PhotoRef, inspection: Inspection) -> None:
    photo = _free(work, ref)
    photo.inspection_id, photo.purpose = inspection.id, "inspection"


def attach_to_measure(work: Work, ref: PhotoRef, measure: Measure) -> None:
    photo = _free(work, ref)
    photo.measure_id, photo.purpose = measure.id, "measure"


def _free(work: Work, ref: PhotoRef) -> Photo:
    photo = claimed(work, ref, lock=True)
    if photo.state == "requested":
        raise Fault("photo_not_uploaded", "有照片还没有上传完成，请等上传完成后再提交。", photo=str(photo.id))
    if photo.state == "refused":
        raise Fault("photo_refused", photo.refusal_title or "照片无法使用，请重新选择。", photo=str(photo.id))
    if photo.used:
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
    """Delete photos that nothing refers to after a day, some hundred at a time. Returns how many."""
    orphans = work.session.scalars(
        select(Photo)
        .where(~Photo.held(), Photo.created_at < work.now - ORPHAN_AGE)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for photo in orphans:
        for key in (photo.original_key, photo.display_key, photo.thumbnail_key):
            shelf.delete(key)
        work.session.delete(photo)
    if len(orphans) == _AT_ONCE:
        work.defer("remove_orphans")
    return len(orphans)
