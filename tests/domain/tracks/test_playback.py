"""A patrol shown: in pieces, with its marks, with its ends hidden; as GeoJSON, as GPX, as a picture."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import gpxpy
import numpy as np
import pytest
import shapely

from backend.domain.tracks.formats import geojson, gpx
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.picture import draw
from backend.domain.tracks.playback import Mark, Playback, playback
from backend.domain.tracks.points import make_points
from backend.geo import distance_m
from tests.domain.tracks.stories import REACH, RIVER, judged
from tests.simulated_walks import USUAL, but, walk

TRUTH = walk(RIVER, to=(0.0, 0.9, 0.1), seed=1)
FOUND = judged(TRUTH, but(USUAL, lost=((600, 1500), (2400, 2500))), 1)
LONG = FOUND.gaps[0]


def mark(kind: str, index: int, title: str = "") -> Mark:
    lon, lat, at = FOUND.line[index]
    return Mark(kind, lon, lat, at, title)  # type: ignore[arg-type]


MARKS = [mark("photo", 0), mark("photo", 40), mark("finding", 0, "排污 <口>"), mark("checkpoint", -1, "取水口")]


def test_the_line_is_in_pieces_where_nobody_saw_it() -> None:
    shown = playback(FOUND)
    assert [gap.bridged for gap in FOUND.gaps] == [False, True]
    before, after = shown.pieces  # a gap that is bridged does not cut
    assert before[-1][2] <= LONG.begins_ms
    assert after[0][2] == LONG.ends_ms
    assert shown.vertices == FOUND.line
    whole = playback(judged(TRUTH, USUAL, 1))
    assert len(whole.pieces) == 1


@pytest.mark.parametrize("metres", [200.0, 700.0])
def test_hidden_ends_hide_all_that_is_near_them(metres: float) -> None:
    shown = playback(FOUND, MARKS, hidden_ends_m=metres)
    homes = (FOUND.line[0], FOUND.line[-1])
    assert shown.pieces
    for lon, lat, _ in (*shown.vertices, *((m.lon, m.lat, 0) for m in shown.marks if m.kind == "photo")):
        assert min(distance_m(lon, lat, home[0], home[1]) for home in homes) > metres
    assert {one.kind for one in shown.marks} >= {"finding", "checkpoint"}
    assert shown.ends_hidden
    # The way passes the end again on its way back: cut there, never drawn straight across.
    for piece in shown.pieces:
        places = [vertex[2] for vertex in piece]
        within = [vertex for vertex in FOUND.line if places[0] <= vertex[2] <= places[-1]]
        assert len(within) == len(piece)


def test_a_patrol_that_never_left_home_shows_nothing() -> None:
    shown = playback(FOUND, MARKS, hidden_ends_m=50_000.0)
    assert (shown.pieces, shown.gaps) == ((), ())
    assert {one.kind for one in shown.marks} == {"finding", "checkpoint"}


def test_geojson_is_geojson_with_a_time_for_each_vertex() -> None:
    written = json.loads(json.dumps(geojson(playback(FOUND, MARKS), {"patrol": "p1"}), allow_nan=False))
    assert written["type"] == "FeatureCollection"
    assert written["properties"] == {"patrol": "p1"}
    kinds = [feature["properties"]["kind"] for feature in written["features"]]
    assert kinds == ["track", "track", "gap", "photo", "photo", "finding", "checkpoint"]
    for feature in written["features"]:
        assert shapely.from_geojson(json.dumps(feature["geometry"])).is_valid
        if feature["properties"]["kind"] == "track":
            times = [datetime.fromisoformat(at) for at in feature["properties"]["times"]]
            assert len(times) == len(feature["geometry"]["coordinates"])
            assert times == sorted(times)
            assert all(at.tzinfo for at in times)
    gap = written["features"][2]
    assert gap["geometry"]["coordinates"][0] == written["features"][0]["geometry"]["coordinates"][-1]
    assert gap["properties"]["straight_m"] == pytest.approx(LONG.straight_m, abs=0.1)


def test_gpx_comes_back_as_it_was() -> None:
    read = gpxpy.parse(gpx(playback(FOUND, MARKS), "清水河巡河", "一次巡河"))
    (track,) = read.tracks
    assert (track.name, read.description) == ("清水河巡河", "一次巡河")
    assert len(track.segments) == 2
    vertices = [point for segment in track.segments for point in segment.points]
    assert len(vertices) == len(FOUND.line)
    for point, (lon, lat, at) in zip(vertices, FOUND.line, strict=True):
        assert (point.longitude, point.latitude) == pytest.approx((lon, lat), abs=1e-6)
        assert point.time is not None
        assert abs(point.time.timestamp() * 1000 - at) < 1
    assert [waypoint.name for waypoint in read.waypoints] == ["照片", "照片", "排污 <口>", "取水口"]
    assert read.time == datetime.fromtimestamp(FOUND.line[0][2] / 1000, UTC)


def test_the_picture_is_svg_that_shows_way_gap_and_marks() -> None:
    drawn = draw(FOUND, playback(FOUND, MARKS), [REACH], "清水河 & 支流")
    root = ElementTree.fromstring(drawn)
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"清水河 & 支流", "排污 <口>", "没有定位", "起点", "北"} <= words
    assert any("里程" in (one or "") and "1 段没有定位" in (one or "") for one in words)
    assert draw(FOUND, playback(FOUND, MARKS), [REACH], "清水河 & 支流") == drawn
    numbers = [float(one) for path in root.iter("{http://www.w3.org/2000/svg}path")
               for one in path.attrib["d"].replace("M", "L").replace(",", "L").split("L")
               if one.replace(".", "").replace("-", "").isdigit()]  # fmt: skip
    assert np.isfinite(numbers).all()
    hidden = draw(FOUND, playback(FOUND, MARKS, 300.0), [REACH], "清水河")
    assert "起点和终点附近已隐去" in hidden
    assert ">起点<" not in hidden


@pytest.mark.parametrize("points", [0, 1, 2])
def test_next_to_nothing_is_shown_too(points: int) -> None:
    found: Judgement = judged(make_points([0, 9000][:points], [102.7, 102.7002][:points], [25.38, 25.38][:points]))
    for shown in (playback(found), playback(found, hidden_ends_m=100.0)):
        assert isinstance(shown, Playback)
        ElementTree.fromstring(draw(found, shown, [REACH], "短"))
        ElementTree.fromstring(draw(found, shown, [], "短"))
        gpxpy.parse(gpx(shown, "短"))
        json.dumps(geojson(shown), allow_nan=False)
