"""Who answers for a place. The county is drawn in metres around one point, placed on the ellipsoid by pyproj.

      北乡 (with a hole held by 南乡, and the meander 曲溪)
gap   ── 白河: BH-1, BH-2, flowing east ──    东镇
      南乡
"""

from __future__ import annotations

import json
import math
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from backend.county import Calendar, Category, County, Limits, Reach, RiskSource, Township, Unit
from backend.county_files import read_county
from backend.domain.places import Places, places_of
from backend.domain.routing import Decision, decide

GEOD = Geod(ellps="WGS84")
NORTH, SOUTH, EAST = "419999101", "419999102", "419999103"
WATER, POLICE, OFFICE = "419999-water", "419999-police", "419999-office"
NAMES = {NORTH: "北乡", SOUTH: "南乡", EAST: "东镇", WATER: "县水利局", POLICE: "县公安局", OFFICE: "县河长办"}

GARBAGE = Category(code="garbage", name="倾倒垃圾")
SAND = Category(code="sand", name="非法采砂", lead_department=WATER, departments=(WATER, POLICE))
SEWAGE = Category(code="sewage", name="非法排污", departments=(WATER, POLICE))


def at(east: float, north: float) -> tuple[float, float]:
    """Longitude and latitude of a place so many metres east and north of 110° E, 30° N."""
    lon, lat, _ = GEOD.fwd(110.0, 30.0, 0.0, north)
    lon, lat, _ = GEOD.fwd(lon, lat, 90.0, east)
    return lon, lat


def ring(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)]


def line(*places: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [at(*place) for place in places]}


def reach(code: str, name: str, left: str, right: str, lead: str, geometry: dict[str, Any], **more: Any) -> Reach:
    river = name[:2]
    return Reach(
        code=code, name=name, river=river, left_bank=left, right_bank=right, lead=lead, geometry=geometry, **more
    )


def make_county(reaches: tuple[Reach, ...] | None = None, **more: Any) -> County:
    hole = ring(2000, 2000, 3000, 3000)
    unit_kinds = {OFFICE: "county_office", WATER: "department", POLICE: "department"}
    fields: dict[str, Any] = {
        "code": "419999",
        "name": "试验县",
        "office": OFFICE,
        "outline": {"type": "Polygon", "coordinates": [ring(-10000, -5000, 10000, 5000)]},
        "units": tuple(Unit(code=c, name=n, kind=unit_kinds.get(c, "township")) for c, n in NAMES.items()),
        "categories": (GARBAGE, SAND, SEWAGE),
        "limits": Limits(),
        "calendar": Calendar(years=(2026,), holidays=frozenset({date(2026, 1, 1)}), workdays=frozenset()),
        "townships": (
            Township(unit=NORTH, geometry={"type": "Polygon", "coordinates": [ring(-8000, 0, 8000, 5000), hole]}),
            Township(
                unit=SOUTH,
                geometry={"type": "MultiPolygon", "coordinates": [[ring(-8000, -5000, 8000, 0)], [hole]]},
            ),
            Township(unit=EAST, geometry={"type": "Polygon", "coordinates": [ring(8000, -5000, 10000, 5000)]}),
        ),
        "reaches": reaches
        if reaches is not None
        else (
            reach("BH-1", "白河一段", NORTH, SOUTH, NORTH, line((-8000, 0), (-4000, 0), (0, 0))),
            reach("BH-2", "白河二段", NORTH, SOUTH, SOUTH, line((0, 0), (2000, 0), (8000, 0))),
            # a meander: south, then east, then back north; inside it is its left bank
            reach(
                "QX-1",
                "曲溪全段",
                NORTH,
                SOUTH,
                NORTH,
                line((-6000, 4000), (-6000, 2000), (-5700, 2000), (-5700, 4000)),
                corridor_m=200,
            ),
            # along the county's northern border
            reach("JH-1", "界河全段", NORTH, NORTH, NORTH, line((4000, 5000), (6000, 5000))),
            # flows out of the county and is drawn three kilometres too far
            reach("CJ-1", "出境河", EAST, EAST, EAST, line((9000, 4000), (9000, 8000))),
        ),
        "risk_sources": (
            RiskSource(
                code="IN-1",
                name="一水厂取水口",
                kind="water_intake",
                unit=NORTH,
                near_m=300,
                geometry={"type": "Point", "coordinates": at(-3000, 100)},
            ),
            RiskSource(
                code="OUT-1",
                name="排污口",
                kind="outfall",
                unit=NORTH,
                near_m=100,
                geometry={"type": "Point", "coordinates": at(-3000, 200)},
            ),
        ),
    }
    return County(**(fields | more))


COUNTY = make_county()
PLACES = Places(COUNTY)


def ask(
    east: float, north: float, accuracy: float | None = None, category: Category = GARBAGE, places: Places = PLACES
) -> Decision:
    return decide(places, *at(east, north), accuracy, category)


@pytest.mark.parametrize(
    ("east", "north", "accuracy", "rule", "lead", "assisting", "reach_code"),
    [
        # the river flows east: north is left
        (-2000, 60, None, "bank", NORTH, (), "BH-1"),
        (-2000, -60, None, "bank", SOUTH, (), "BH-1"),
        (2000, 60, 20.0, "bank", NORTH, (), "BH-2"),
        (2000, -99, 20.0, "bank", SOUTH, (), "BH-2"),
        # in the channel (10 m) the reach's lead leads, on whichever side
        (-2000, 5, None, "mid_river", NORTH, (SOUTH,), "BH-1"),
        (-2000, -5, None, "mid_river", NORTH, (SOUTH,), "BH-1"),
        (2000, 5, None, "mid_river", SOUTH, (NORTH,), "BH-2"),
        # the phone does not know the bank
        (2000, 60, 80.0, "unclear_bank", SOUTH, (NORTH,), "BH-2"),
        (2000, 60, 5000.0, "unclear_bank", SOUTH, (NORTH,), "BH-2"),
        # out of the corridor the township
        (2000, 101, 500.0, "township", NORTH, (), None),
        (2000, -1000, None, "township", SOUTH, (), None),
        (9500, 0, None, "township", EAST, (), None),
        # the hole of the one is the exclave of the other
        (2500, 2500, None, "township", SOUTH, (), None),
        (1900, 2500, None, "township", NORTH, (), None),
        # where two reaches meet
        (0, 0, None, "reach_border", NORTH, (SOUTH,), "BH-1"),
        (0, 60, None, "bank", NORTH, (), "BH-1"),
        (0, -60, None, "bank", SOUTH, (), "BH-1"),
        # the meander: inside left, outside right, also at its corners
        (-5900, 3000, None, "bank", NORTH, (), "QX-1"),
        (-5800, 3000, None, "bank", NORTH, (), "QX-1"),
        (-5850, 2050, None, "bank", NORTH, (), "QX-1"),
        (-6100, 3000, None, "bank", SOUTH, (), "QX-1"),
        (-5600, 3000, None, "bank", SOUTH, (), "QX-1"),
        (-5850, 1900, None, "bank", SOUTH, (), "QX-1"),
        (-6050, 1950, None, "bank", SOUTH, (), "QX-1"),
        (-5650, 1950, None, "bank", SOUTH, (), "QX-1"),
        # the border river of the county, both sides of the outline
        (5000, 4960, None, "bank", NORTH, (), "JH-1"),
        (5000, 5060, None, "bank", NORTH, (), "JH-1"),
        (9030, 5300, None, "bank", EAST, (), "CJ-1"),
        # water between the townships and the outline
        (-8200, 3000, None, "nearest_township", NORTH, (), None),
        (-8200, -3000, None, "nearest_township", SOUTH, (), None),
        (-8150, 20, None, "nearest_township", NORTH, (), None),
    ],
)
def test_every_rule_by_hand(
    east: float,
    north: float,
    accuracy: float | None,
    rule: str,
    lead: str,
    assisting: tuple[str, ...],
    reach_code: str | None,
) -> None:
    decision = ask(east, north, accuracy)
    assert (decision.outcome, decision.rule, decision.lead, decision.assisting, decision.reach) == (
        "assigned", rule, lead, assisting, reach_code,
    ), decision.reason  # fmt: skip
    assert NAMES[lead] in decision.reason


def test_the_reason_is_a_sentence_with_names_and_distances() -> None:
    assert ask(-2000, 60).reason == "位置在白河一段左岸，离河道中心线约60米，左岸属北乡，由北乡主办。"
    assert ask(2000, 60, 80).reason == (
        "位置离白河二段中心线约60米，在定位误差约80米之内，分不清左右岸，河段牵头单位是南乡，由南乡主办，北乡协办。"
    )
    assert ask(0, 20000).reason == "位置在试验县界外约15.0公里，不在本县辖区，由县河长办登记后按跨界问题移送。"
    assert "界外50公里以上" in ask(0, 900_000).reason
    assert ask(-8900, 3000).reason == "位置在试验县界内，但约500米范围内没有划定的乡镇或河段，由县河长办人工分办。"


@pytest.mark.parametrize(
    ("east", "north"),
    [(0, 5060), (0, 20000), (-10050, 0), (9000, 5600), (9000, 7900), (9500, 5100)],
    ids=["60 m outside", "far", "beside the gap", "drawn too far", "drawn much too far", "out of the corridor"],
)
def test_outside_the_county_is_nobodys(east: float, north: float) -> None:
    decision = ask(east, north, 30, SAND)
    assert (decision.outcome, decision.rule, decision.lead, decision.assisting) == (
        "outside_county", "outside_county", None, (),
    )  # fmt: skip
    assert "界外" in decision.reason


def test_doubt_at_the_countys_border_is_said() -> None:
    assert "定位误差" in ask(0, 5020, 50).reason
    assert "定位误差" not in ask(0, 5020, 10).reason


def test_a_place_near_nothing_goes_to_the_office() -> None:
    decision = ask(-9000, 3000)
    assert (decision.outcome, decision.rule, decision.lead, decision.reach) == ("triage", "none", None, None)


def test_the_nearest_reach_serves_where_no_township_is_near() -> None:
    stream = reach("SK-1", "水库河", NORTH, SOUTH, NORTH, line((-9800, -4000), (-9800, 4000)))
    places = Places(make_county((stream,)))
    west, east = ask(-9950, 0, places=places), ask(-9650, 0, places=places)
    assert (west.rule, west.lead, west.reach) == ("nearest_reach", NORTH, "SK-1"), (
        "the stream flows north: west is left"
    )
    assert (east.rule, east.lead, east.reach) == ("nearest_reach", SOUTH, "SK-1")
    assert "150米" in east.reason


def test_a_point_on_a_shared_border_goes_to_the_smaller_code_and_says_so() -> None:
    places = Places(make_county(()))
    lon, lat = at(8000, 5000)
    south_lon, south_lat = at(8000, 0)
    on_border = decide(places, south_lon, south_lat, None, GARBAGE)
    assert (on_border.rule, on_border.lead) == ("township", NORTH)
    assert set(on_border.assisting) <= {SOUTH, EAST}
    assert "交界" in on_border.reason
    assert decide(places, lon, lat, None, GARBAGE).assisting == (EAST,)
    turned = Places(make_county((), townships=COUNTY.townships[::-1]))
    assert decide(turned, south_lon, south_lat, None, GARBAGE) == on_border


def test_the_order_in_the_files_does_not_matter() -> None:
    turned = Places(make_county(COUNTY.reaches[::-1], townships=COUNTY.townships[::-1]))
    for east in range(-9000, 10000, 900):
        for north in (-60, -5, 0, 5, 60, 2500, 4990):
            assert ask(east, north, places=turned) == ask(east, north)


def test_a_department_leads_its_kind_and_the_township_assists() -> None:
    sand = ask(2000, 5, None, SAND)
    assert (sand.lead, sand.assisting, sand.departments) == (WATER, (SOUTH, NORTH), (POLICE,))
    assert sand.rule == "mid_river"
    assert "“非法采砂”类问题由县水利局主办，南乡、北乡协办，县公安局配合。" in sand.reason
    sewage = ask(2500, 2500, None, SEWAGE)
    assert (sewage.lead, sewage.assisting, sewage.departments) == (SOUTH, (), (WATER, POLICE))


@pytest.mark.parametrize(
    ("north", "source", "intake"),
    [(110, "IN-1", True), (190, "OUT-1", True), (290, "OUT-1", True), (350, "IN-1", True), (450, None, False)],
)
def test_risk_sources_count_within_their_own_distance(north: float, source: str | None, intake: bool) -> None:
    decision = ask(-3000, north)
    assert (decision.risk_source, decision.near_intake) == (source, intake)


def test_a_river_of_one_unit_has_no_banks_to_tell() -> None:
    decision = ask(9005, 4500, 150)
    assert (decision.rule, decision.lead, decision.assisting) == ("bank", EAST, ())
    assert "两岸同属东镇" in decision.reason


def test_a_line_in_parts_flows_on() -> None:
    parts = [line((-4000, 3000), (-4000, 2000)), line((-4000, 2000), (-3000, 2000))]
    joined = {"type": "MultiLineString", "coordinates": [part["coordinates"] for part in reversed(parts)]}
    places = Places(make_county((reach("DH-1", "断河", NORTH, SOUTH, NORTH, joined),)))
    assert ask(-4030, 1970, places=places).lead == SOUTH, "outside a bend to the left is right"
    assert ask(-3950, 2050, places=places).lead == NORTH


def test_parts_that_flow_towards_each_other_are_not_turned() -> None:
    parts = [line((-4000, 3000), (-4000, 2000)), line((-3000, 2000), (-4000, 2000))]
    meeting = {"type": "MultiLineString", "coordinates": [part["coordinates"] for part in parts]}
    places = Places(make_county((reach("DH-1", "断河", NORTH, SOUTH, NORTH, meeting),)))
    found = [ask(*place, places=places).lead for place in ((-4050, 2500), (-3950, 2500), (-3500, 2050), (-3500, 1950))]
    assert found == [SOUTH, NORTH, SOUTH, NORTH]


@pytest.mark.parametrize("before", range(1, 18))
def test_all_around_the_outside_of_a_hairpin_is_one_bank(before: int) -> None:
    """South, then sharply left and back north: below the bend is right, however far round it goes."""
    down = [(-4000.0, 4000 - 2000 * index / before) for index in range(before + 1)]
    up = [(-3900 + index, 3000 + 100.0 * index) for index in range(9)]
    for course, lead in ((down + up, SOUTH), ((down + up)[::-1], NORTH)):
        places = Places(make_county((reach("FJ-1", "发夹河", NORTH, SOUTH, NORTH, line(*course)),)))
        for east in (-4050, -4010, -3999, -3990, -3980):
            decision = ask(east, 1960, places=places)
            assert (decision.rule, decision.lead) == ("bank", lead), (east, decision.reason)


def test_a_county_without_rivers_or_with_doubled_vertices() -> None:
    bare = Places(make_county((), risk_sources=()))
    assert ask(2000, 5, places=bare).rule == "township"
    doubled = line((-2000, 0), (-2000, 0), (0, 0), (0, 0), (2000, 0), (2000, 0))
    places = Places(make_county((reach("BH-1", "白河", NORTH, SOUTH, NORTH, doubled),)))
    assert [ask(0, north, places=places).lead for north in (50, -50)] == [NORTH, SOUTH]


def test_one_index_serves_one_county() -> None:
    assert places_of(COUNTY) is places_of(COUNTY)
    assert places_of(make_county()) is not places_of(COUNTY)


offsets = st.floats(-12000, 12000)


@given(offsets, offsets, st.none() | st.floats(0, 1e6), st.sampled_from((GARBAGE, SAND, SEWAGE)))
@settings(max_examples=300)
def test_every_place_gets_an_answer(east: float, north: float, accuracy: float | None, category: Category) -> None:
    decision = ask(east, north, accuracy, category)
    assert decision.reason.endswith("。")
    assert decision.reason.count("。") == 1
    assert (decision.lead in COUNTY.unit_by_code) == (decision.outcome == "assigned")
    units = [decision.lead, *decision.assisting, *decision.departments]
    assert len(units) == len(set(units))


@given(st.floats(-180, 180), st.floats(-90, 90), st.sampled_from((None, 0.0, math.nan, math.inf, -5.0)))
def test_no_point_of_the_earth_raises(lon: float, lat: float, accuracy: float | None) -> None:
    assert decide(PLACES, lon, lat, accuracy, GARBAGE).reason


steps = st.lists(st.tuples(st.floats(50, 800), st.floats(-500, 500)), min_size=1, max_size=30)


@given(steps, st.floats(0.001, 0.999), st.floats(20, 300), st.booleans())
@settings(max_examples=300)
def test_the_bank_by_height_over_a_river_that_only_runs_east(
    steps: list[tuple[float, float]], share: float, aside: float, above: bool
) -> None:
    """Of a line whose eastings only grow, above is left; mirrored or turned about, the bank changes."""
    course = [(-8000.0, 0.0)]
    for east, north in steps:
        course.append((course[-1][0] + min(east, 500), max(-4000.0, min(4000.0, course[-1][1] + north))))
    x = course[0][0] + share * (course[-1][0] - course[0][0])
    index = min(i for i in range(1, len(course)) if x <= course[i][0])
    (x0, y0), (x1, y1) = course[index - 1], course[index]
    y = y0 + (y1 - y0) * (x - x0) / (x1 - x0) + (aside if above else -aside)

    def bank(drawn: list[tuple[float, float]], point: tuple[float, float]) -> str | None:
        river = reach("R", "大河", NORTH, SOUTH, NORTH, line(*drawn))
        near = Places(make_county((river,))).nearest_reaches(*at(*point), within_m=400)
        assert near, "no more than 300 m away straight north or south"
        assert near[0].distance_m == pytest.approx(geodesic_m(drawn, point), rel=0.005, abs=0.3)
        return near[0].side

    left, right = ("left", "right") if above else ("right", "left")
    assert bank(course, (x, y)) == left
    assert bank(course[::-1], (x, y)) == right
    assert bank([(a, -b) for a, b in course], (x, -y)) == right


def geodesic_m(course: list[tuple[float, float]], point: tuple[float, float]) -> float:
    """The distance along the ellipsoid to the nearest of points every half metre near the point."""
    lon, lat = at(*point)
    best = math.inf
    for (x0, y0), (x1, y1) in pairwise(course):
        (lon0, lat0), (lon1, lat1) = at(x0, y0), at(x1, y1)
        if min(abs(x0 - point[0]), abs(x1 - point[0])) > 1000:
            continue
        pieces = int(math.hypot(x1 - x0, y1 - y0) * 2) + 1
        lons, lats = np.linspace(lon0, lon1, pieces + 1), np.linspace(lat0, lat1, pieces + 1)
        _, _, metres = GEOD.inv(lons, lats, np.full_like(lons, lon), np.full_like(lats, lat))
        best = min(best, float(metres.min()))
    return best


DEMO = Path(__file__).parents[2] / "config" / "county" / "qingyuan"


def test_the_demo_countys_points() -> None:
    county = read_county(DEMO)
    places = places_of(county)
    points: dict[str, dict[str, Any]] = json.loads((DEMO / "demo_points.json").read_text(encoding="utf-8"))
    category = next(category for category in county.categories if category.lead_department is None)
    for name, point in points.items():
        decision = decide(places, point["lon"], point["lat"], 15.0, category)
        assert (decision.lead, decision.reach) == (point["lead"], point["reach"]), f"{name}: {decision.reason}"
        assert (decision.outcome == "outside_county") == (name in {"outside_county", "far"})
