"""The stamp on patrol photos: drawn by the server on the display copy, with the time put right."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta

import pytest
import requests
from PIL import Image
from sqlalchemy import select

from backend.clients.stamping import stamp
from backend.county import County
from backend.extensions import db
from backend.jobs import drain
from backend.models import Photo
from tests.build import Build
from tests.walks import Sender


@pytest.mark.parametrize("photo_first", [True, False])
def test_a_patrol_photo_is_stamped_whatever_comes_first(build: Build, county: County, photo_first: bool) -> None:
    sender = Sender(build, county)
    walk = sender.walk(phone_ahead=timedelta(hours=3))
    lon, lat = walk.places[10]
    claimed = {"claimed_at": walk.by_phone(walk.began_at), "claimed_lon": lon, "claimed_lat": lat}
    photo = build.photo(sender.phone, wait=photo_first, **claimed, coord_type="wgs84")
    attach = (f"/{walk.id}/photos/{uuid.uuid4()}", {"photo": photo})
    if photo_first:
        sender.put(*attach)
        drain()
    sender.send(walk)
    if not photo_first:
        sender.put(*attach)
    drain()
    db.session.rollback()
    kept = db.session.scalars(select(Photo)).one()
    assert kept.stamped is not None
    assert kept.stamped[0] == "2026-06-01 09:00:00"
    assert county.reach_by_code[str(walk.reach)].name in kept.stamped[1]
    assert f"{walk.places[10][0]:.5f}" in kept.stamped[1]
    assert "村级河长" in kept.stamped[2]
    [shown] = sender.phone.get(f"/patrols/{walk.id}").json["photos"]  # type: ignore[index]
    assert "/stamped/" in shown["url"]
    picture = Image.open(io.BytesIO(requests.get(shown["url"], timeout=20).content))
    plain = Image.open(io.BytesIO(build.app.extensions["qinghe"].storage.get(kept.display_key, 10**7)))
    assert picture.size == plain.size
    assert picture.crop((0, 0, 640, 200)).tobytes() != b""
    low, plain_low = (p.convert("L").crop((0, 440, 640, 480)) for p in (picture, plain))
    assert low.tobytes() != plain_low.tobytes()


@pytest.mark.parametrize("size", [(60, 40), (320, 240), (1600, 1200), (1200, 1600), (3000, 200)])
def test_the_stamp_fits_every_picture(size: tuple[int, int]) -> None:
    lines = ["2026-06-01 09:00:00", "清水河清源镇—马蹄乡段　东经102.93775° 北纬25.26002°", "董秀光　村级河长　清源镇"]
    grey = io.BytesIO()
    Image.new("RGB", size, "grey").save(grey, "JPEG")
    stamped = Image.open(io.BytesIO(stamp(grey.getvalue(), lines)))
    assert stamped.size == size
    pixels = stamped.convert("L").tobytes()
    assert max(pixels) > 200  # the writing
    assert min(pixels) < 90  # its ground


def test_chinese_is_drawn_and_not_as_boxes() -> None:
    grey = io.BytesIO()
    Image.new("RGB", (800, 600), "grey").save(grey, "JPEG")
    one, other = (stamp(grey.getvalue(), [sign * 8]) for sign in "河长")
    assert one != other
