"""Which photos on the ledger show the same picture 同一张照片, found among millions without looking at each.

A perceptual hash has 64 bits, cut into four bands of 16. Two hashes that differ in d bits differ in one of the bands by
d // 4 bits at most (else the four would add up to more), so it is enough to look, in each band, for all values within
d // 4 bits of the one searched: 1, 17 or 137 values a band for d up to 3, 7 or 11. What the index finds is then
measured, so nothing is missed up to d and nothing beyond it is found. Pictures laid out alike, river below and sky
above, may come that near by chance; a second hash of 256 bits tells those apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, cast, func, literal, select
from sqlalchemy.dialects.postgresql import BIT

from backend.models import Photo

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from backend.work import Work

_BAND_BITS, _BANDS = 16, 4
_MASK = (1 << _BAND_BITS) - 1
_LOOKED_AT = 200  # of those whose coarse hash is near, the nearest


@cache
def _changes(bits: int) -> tuple[int, ...]:
    """Every change of up to so many bits of a band."""
    return tuple(
        sum(1 << place for place in places)
        for changed in range(bits + 1)
        for places in combinations(range(_BAND_BITS), changed)
    )


def keys(phash: int, within: int) -> list[int]:
    """Band values, numbered by place as in `Photo.bands`: any hash `within` so many bits has at least one of them."""
    changes = _changes(within // _BANDS)
    return [
        (((phash >> (_BAND_BITS * band)) & _MASK) ^ change) | band << _BAND_BITS
        for band in range(_BANDS)
        for change in changes
    ]


@dataclass(frozen=True)
class Alike:
    """Another photo of the same picture: `bits` of 64 by which the hashes differ, 0 for the same bytes."""

    photo: Photo
    bits: int


def alike(work: Work, photo: Photo, within: int, fine: int, but: Collection[UUID], limit: int) -> list[Alike]:
    """The photos on the ledger with the same bytes, or the same picture, also turned left to right; nearest first.

    The same picture is one whose hash differs `within` so many of 64 bits and, where both have the finer one, in `fine`
    of 256 at most. Photos that nothing refers to, and those of `but`, do not count.
    """
    found: dict[UUID, Alike] = {}
    for condition, bits, finer in _conditions(photo, within):
        nearest = (
            select(Photo, bits).where(condition, Photo.held(), Photo.id != photo.id, Photo.id.not_in(but))
            .order_by(bits, Photo.id).limit(_LOOKED_AT)
        )  # fmt: skip
        for other, apart in work.session.execute(nearest):
            known = found.get(other.id)
            if _bits_apart(finer, other.fine) <= fine and (known is None or apart < known.bits):
                found[other.id] = Alike(other, apart)
    return sorted(found.values(), key=lambda one: (one.bits, one.photo.id))[:limit]


def _bits_apart(one: bytes | None, other: bytes | None) -> int:
    """0 when either is not known: then the coarse hash must do."""
    if one is None or other is None:
        return 0
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def _conditions(photo: Photo, within: int) -> list[tuple[ColumnElement[bool], ColumnElement[int], bytes | None]]:
    asked: list[tuple[ColumnElement[bool], ColumnElement[int], bytes | None]] = []
    if photo.sha256 is not None:
        asked.append((Photo.sha256 == photo.sha256, literal(0), None))
    for phash, finer in ((photo.phash, photo.fine), (photo.phash_mirrored, photo.fine_mirrored)):
        if phash is not None:
            bits = func.bit_count(cast(Photo.phash.op("#")(phash), BIT(64)))
            asked.append((Photo.bands.overlap(keys(phash, within)) & (bits <= within), bits, finer))
    return asked
