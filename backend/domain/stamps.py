"""What the stamp 水印 on a patrol photo says; drawn when the photo was looked at and the start has arrived.

The shutter's time and place are what the app claimed; the time is put right by the patrol's skew, and drawn anew when
that is known better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from backend.clock import SHANGHAI
from backend.domain.actors import ROLE_NAMES
from backend.domain.photos import MAX_BYTES, Shelf
from backend.domain.places import places_of
from backend.models import Patrol, Person, Photo

if TYPE_CHECKING:
    from backend.work import Work

_FAR_M = 5_000.0


def ask(work: Work, patrol: Patrol) -> None:
    """Have the stamps drawn of all sound photos of a patrol whose stamp is missing or says something else now."""
    if patrol.started_at is None:
        return
    for photo in work.session.scalars(select(Photo).where(Photo.patrol_id == patrol.id, Photo.state == "sound")):
        if photo.stamped != lines_of(work, photo, patrol):
            work.defer("stamp_photo", photo.id)


def draw(work: Work, photo_id: UUID, shelf: Shelf, stamp: Callable[[bytes, Sequence[str]], bytes]) -> None:
    """Draw the stamp of one photo on a copy of its display version. Repeats draw nothing twice."""
    photo = work.session.get(Photo, photo_id, with_for_update=True)
    if photo is None or photo.state != "sound" or photo.patrol_id is None:
        return
    patrol = work.session.get_one(Patrol, photo.patrol_id)
    lines = lines_of(work, photo, patrol)
    if patrol.started_at is None or photo.stamped == lines:
        return
    shelf.put(photo.stamped_key, stamp(shelf.get(photo.display_key, MAX_BYTES), lines), "image/jpeg")
    photo.stamped = lines


def lines_of(work: Work, photo: Photo, patrol: Patrol) -> list[str]:
    """Time, place and chief, a line each."""
    person = work.session.get_one(Person, patrol.person_id)
    unit = work.county.unit_by_code.get(patrol.unit_code or "")
    who = f"{person.name}　{ROLE_NAMES.get(patrol.role or '', '')}　{unit.name if unit else ''}"
    when = "拍摄时间未知"
    if photo.claimed_at is not None:
        taken = (photo.claimed_at - timedelta(seconds=patrol.skew_s)).astimezone(SHANGHAI)
        when = f"{taken:%Y-%m-%d %H:%M:%S}"
    return [when, _where(work, photo, patrol), who.strip("　")]


def _where(work: Work, photo: Photo, patrol: Patrol) -> str:
    names = {code: reach.name for code, reach in work.county.reach_by_code.items() if code in patrol.reaches}
    if photo.claimed_lon is None or photo.claimed_lat is None:
        return f"{'、'.join(names.values())}　没有定位".strip("　")
    near = places_of(work.county).nearest_reaches(photo.claimed_lon, photo.claimed_lat, _FAR_M)
    name = next((one.reach.name for one in near if one.reach.code in names), "")
    return f"{name}　东经{photo.claimed_lon:.5f}° 北纬{photo.claimed_lat:.5f}°".strip("　")
