"""Which objects in storage the rows speak of: what a backup takes along, and what storage and database agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.models import Export, Photo

_AT_ONCE = 1000


class Named(NamedTuple):
    """An object that a row speaks of. `needed`: it has to be there; else it may be, as while it is being uploaded."""

    key: str
    needed: bool


def named(session: Session) -> Iterator[Named]:
    """Every object of every row."""
    for photo in session.scalars(select(Photo).order_by(Photo.id).execution_options(yield_per=_AT_ONCE)):
        yield from _of_photo(photo)
    for export in session.scalars(select(Export).where(Export.key.is_not(None)).order_by(Export.id)):
        yield Named(export.key or "", export.state == "done")


def _of_photo(photo: Photo) -> Iterator[Named]:
    sound = photo.state == "sound"
    yield Named(photo.original_key, sound)
    yield Named(photo.display_key, sound)
    yield Named(photo.thumbnail_key, sound)
    yield Named(photo.stamped_key, sound and photo.stamped is not None)
