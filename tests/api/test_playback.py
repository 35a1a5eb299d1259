"""A patrol played back: line, photos, findings and visits; the ends hidden from other townships."""

from __future__ import annotations

import uuid
from typing import Any

import gpxpy
import pytest

from backend.county import County
from backend.geo import distance_m
from backend.jobs import drain
from tests.build import Build, phone_of
from tests.walks import Sender, Walk


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def told(sender: Sender) -> Walk:
    """A walk with a photo, a finding and a visit half-way, and a photo at the door."""
    build, walk = sender.build, sender.walk(metres=1600)
    for n in (2, len(walk.places) // 2):
        lon, lat = walk.places[n]
        claimed = {"claimed_at": walk.by_phone(walk.began_at), "claimed_lon": lon, "claimed_lat": lat}
        photo = build.photo(sender.phone, **claimed, coord_type="wgs84")
        assert sender.put(f"/{walk.id}/photos/{uuid.uuid4()}", {"photo": photo}).status_code == 200
    found = {
        "category": "garbage", "lon": lon, "lat": lat, "coord_type": "wgs84", "photos": [build.photo(sender.phone)],
        "observed_at": walk.by_phone(walk.began_at),
    }  # fmt: skip
    assert sender.put(f"/{walk.id}/findings/{uuid.uuid4()}", found).status_code == 200
    sender.send(walk)
    drain()
    return walk


def played(phone: Any, walk: Walk) -> tuple[dict[str, Any], list[list[list[float]]], list[dict[str, Any]]]:
    answer = phone.get(f"/patrols/{walk.id}/track.geojson")
    assert answer.status_code == 200, answer.json
    assert answer.mimetype == "application/geo+json"
    features = answer.get_json(force=True)["features"]
    lines = [one["geometry"]["coordinates"] for one in features if one["properties"]["kind"] == "track"]
    marks = [one for one in features if one["geometry"]["type"] == "Point"]
    return answer.get_json(force=True)["properties"], lines, marks


def test_the_chief_plays_the_whole_walk_back(sender: Sender) -> None:
    walk = told(sender)
    about, lines, marks = played(sender.phone, walk)
    assert len(lines) == 1
    assert distance_m(*lines[0][0], *walk.places[0]) < 25
    assert distance_m(*lines[0][-1], *walk.places[-1]) < 25
    assert sorted(mark["properties"]["kind"] for mark in marks) == ["finding", "photo", "photo"]
    assert about["ends_hidden"] is False
    assert about["distance_m"] == pytest.approx(1600, rel=0.06)


def test_a_lost_signal_is_a_gap_in_the_line(sender: Sender) -> None:
    walk = sender.walk(metres=2000)
    messages = walk.messages(sender.build.clock())
    for one in (*messages[:3], *messages[5:]):
        sender.put(*one)
    sender.build.clock.move(minutes=2)
    drain()
    _, lines, _ = played(sender.phone, walk)
    assert len(lines) == 2


def test_other_townships_on_the_bank_do_not_see_where_it_began_and_ended(
    build: Build, county: County, sender: Sender
) -> None:
    walk = told(sender)
    reach = county.reach_by_code[str(walk.reach)]
    across = next(unit for unit in (reach.left_bank, reach.right_bank) if unit != sender.chief.unit)
    hidden_m = county.rules.track.hidden_ends_m
    about, lines, marks = played(build.official(phone_of(across)), walk)
    assert about["ends_hidden"] is True
    shown = [place for line in lines for place in line]
    assert shown
    for end in (walk.places[0], walk.places[-1]):
        assert min(distance_m(*place, *end) for place in shown) > hidden_m - 25
    assert sorted(mark["properties"]["kind"] for mark in marks) == ["finding", "photo"]
    photos = build.official(phone_of(across)).get(f"/patrols/{walk.id}").json["photos"]  # type: ignore[index]
    assert len([one for one in photos if one["purpose"] == "patrol"]) == 1
    for phone in (build.office(), build.official(phone_of(sender.chief.unit))):
        assert played(phone, walk)[0]["ends_hidden"] is False


def test_as_gpx_it_is_read_by_other_programs(sender: Sender) -> None:
    walk = told(sender)
    answer = sender.phone.get(f"/patrols/{walk.id}/track.gpx")
    assert answer.mimetype == "application/gpx+xml"
    read = gpxpy.parse(answer.text)
    assert read.tracks[0].segments[0].points[0].time == walk.began_at
    assert read.length_2d() == pytest.approx(1600, rel=0.06)
    assert {point.type for point in read.waypoints} == {"photo", "finding"}


def test_what_has_arrived_of_a_patrol_under_way_is_shown(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    for one in walk.messages(build.clock())[:3]:
        sender.put(*one)
    _, lines, _ = played(build.office(), walk)
    assert distance_m(*lines[0][-1], *walk.places[2 * walk.batch_points - 1]) < 25


def test_nobody_else_plays_it_back(build: Build, sender: Sender) -> None:
    walk = told(sender)
    far_off = build.official(phone_of("530199003"))
    assert far_off.get(f"/patrols/{walk.id}/track.geojson").status_code == 404
    assert build.resident().get(f"/patrols/{walk.id}/track.gpx").status_code == 403
