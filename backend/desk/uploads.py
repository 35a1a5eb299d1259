"""Photos chosen in a form of the desk: through here into storage, and looked at before anything rests on them."""

from __future__ import annotations

from flask import request
from werkzeug.datastructures import FileStorage

from backend.api.access import system
from backend.clients import images
from backend.clients.storage import ObjectMissing, ObjectTooLarge
from backend.domain import photos
from backend.domain.faults import Fault
from backend.domain.photos import PhotoRef
from backend.work import unit_of_work

# A form may carry a handful of photos; everything else of the desk is small.
MAX_FORM_BYTES = 64 * 1024 * 1024
_AT_MOST = 9
_REFUSALS = (images.BadPicture, ObjectMissing, ObjectTooLarge)


def allow_photos() -> None:
    """Let this request be as large as a form with photos. Before its form is read."""
    request.max_content_length = MAX_FORM_BYTES


def chosen(name: str) -> list[dict[str, str]]:
    """The photos of one field as the API's forms name them. Raises Fault for a file that is no photo."""
    files = [file for file in request.files.getlist(name) if file.filename]
    if len(files) > _AT_MOST:
        raise Fault("too_many_photos", f"一次最多选 {_AT_MOST} 张照片。", field=name)
    refs = [_take(file, name) for file in files]
    return [{"id": str(ref.id), "claim": ref.claim} for ref in refs]


def _take(file: FileStorage, field: str) -> PhotoRef:
    data = file.read(images.MAX_BYTES + 1)
    kind = file.mimetype if file.mimetype in images.CONTENT_TYPES else "image/jpeg"
    with unit_of_work() as work:
        photo, claim = photos.request(work, content_type=kind)
        ref, key = PhotoRef(photo.id, claim), photo.original_key
    system().storage.put(key, data, kind)
    with unit_of_work() as work:
        photos.uploaded(work, ref)
    with unit_of_work() as work:
        photos.verify(work, ref.id, system().storage, images.examine, _REFUSALS)
        photo = photos.claimed(work, ref)
        if photo.state != "sound":
            raise Fault("bad_photo", f"“{file.filename}”不能用：{photo.refusal_title}", field=field)
    return ref
