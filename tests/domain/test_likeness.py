"""The same picture found again: nothing within the promised distance is missed, nothing beyond it is found."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from backend.domain import likeness, photos
from backend.models import Photo
from backend.work import Work
from tests.domain.ledger import MONDAY, photo, submitted, undone

HASHES = st.integers(-(1 << 63), (1 << 63) - 1)


def flipped(phash: int, places: set[int]) -> int:
    """The hash with these bits changed, signed as PostgreSQL has it."""
    for place in places:
        phash ^= 1 << place
    phash &= (1 << 64) - 1
    return phash - (1 << 64) if phash >= 1 << 63 else phash


def near(apart: dict[uuid.UUID, int], within: int) -> dict[uuid.UUID, int]:
    return {id_: bits for id_, bits in apart.items() if bits <= within}


def bands_of(phash: int) -> set[int]:
    """What models.Photo.bands holds, worked out by hand: four numbers of 16 bits, told apart by their place."""
    digits = f"{phash & ((1 << 64) - 1):064b}"
    return {int(digits[48 - 16 * place : 64 - 16 * place], 2) + 65536 * place for place in range(4)}


@given(HASHES, st.sets(st.integers(0, 63), max_size=11), st.data())
def test_no_hash_within_the_distance_escapes_the_keys(phash: int, places: set[int], data: st.DataObject) -> None:
    within = data.draw(st.integers(len(places), 11))
    keys = likeness.keys(phash, within)
    assert len(keys) == len(set(keys)) == 4 * {0: 1, 1: 17, 2: 137}[within // 4]
    assert bands_of(flipped(phash, places)) & set(keys)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


@pytest.mark.parametrize("within", [0, 3, 6, 11])
def test_the_index_finds_what_looking_at_every_photo_finds(work: Work, within: int) -> None:
    """A thousand photos at distances from 0 to 24 of one, in all its bands, among them hashes with the sign bit set."""
    dice = random.Random(within)
    asked = photo(work, phash_mirrored=None)
    mine = work.session.get_one(Photo, asked.id)
    case = submitted(work)
    report_id = work.session.scalars(select(Photo.report_id).where(Photo.report_id.is_not(None)).limit(1)).one()
    hashes = [flipped(mine.phash or 0, set(dice.sample(range(64), n % 25))) for n in range(1000)]
    rows = [
        {"id": uuid.uuid4(), "claim_hash": "-", "state": "sound", "created_at": MONDAY, "purpose": "report",
         "report_id": report_id, "phash": phash, "sha256": uuid.uuid4().hex}
        for phash in hashes
    ]  # fmt: skip
    work.session.execute(insert(Photo), rows)
    found = {one.photo.id: one.bits for one in likeness.alike(work, mine, within, 40, [], 200)}
    apart = {row["id"]: ((row["phash"] ^ mine.phash) & ((1 << 64) - 1)).bit_count() for row in rows}  # type: ignore[operator]
    assert found == dict(sorted(near(apart, within).items(), key=lambda pair: (pair[1], pair[0]))[:200])
    assert list(found.values()) == sorted(found.values())
    assert case.id  # the photos hang on its report


def test_the_database_cuts_a_hash_as_the_search_does(work: Work) -> None:
    for phash in (0, -1, 1, -(1 << 63), (1 << 63) - 1, 0x0123_4567_89AB_CDEF, -0x0123_4567_89AB_CDEF):
        ref = photo(work, phash=phash)
        bands = work.session.scalars(select(Photo.bands).where(Photo.id == ref.id)).one()
        assert set(bands or []) == bands_of(phash) == set(likeness.keys(phash, 0))


def test_the_same_bytes_and_a_mirrored_picture_are_found_too(work: Work) -> None:
    old = submitted(work, photos=(photo(work, sha256="same", phash=5), photo(work, phash=99)))
    same = work.session.get_one(Photo, photo(work, sha256="same", phash=-5).id)
    turned = work.session.get_one(Photo, photo(work, phash=12345, phash_mirrored=98).id)
    assert [(one.photo.sha256, one.bits) for one in likeness.alike(work, same, 3, 40, [], 9)] == [("same", 0)]
    assert [(one.photo.phash, one.bits) for one in likeness.alike(work, turned, 3, 40, [], 9)] == [(99, 1)]
    assert old.id


def test_photos_that_nothing_refers_to_and_those_of_the_same_form_do_not_count(work: Work) -> None:
    photo(work, phash=7)  # uploaded, never sent
    sent = photo(work, phash=7)
    submitted(work, photos=(sent,))
    mine = work.session.get_one(Photo, photo(work, phash=7, phash_mirrored=None).id)
    assert [one.photo.id for one in likeness.alike(work, mine, 3, 40, [], 9)] == [sent.id]
    assert likeness.alike(work, mine, 3, 40, [sent.id], 9) == []


def test_a_photo_not_yet_looked_at_is_like_nothing(work: Work) -> None:
    made, _ = photos.request(work)
    submitted(work, photos=(photo(work, phash=7),))
    assert likeness.alike(work, made, 11, 40, [], 9) == []


@pytest.mark.parametrize(("bits", "seen"), [(40, True), (41, False)])
def test_pictures_laid_out_alike_are_told_apart_by_the_finer_hash(work: Work, bits: int, seen: bool) -> None:
    old = bytes(32)
    new = ((1 << bits) - 1).to_bytes(32)
    submitted(work, photos=(photo(work, phash=7, fine=old),))
    mine = work.session.get_one(Photo, photo(work, phash=7, phash_mirrored=None, fine=new).id)
    assert bool(likeness.alike(work, mine, 6, 40, [], 9)) is seen
    mine.fine = None  # looked at before there was a finer one
    assert likeness.alike(work, mine, 6, 40, [], 9)
