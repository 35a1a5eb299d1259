"""Coordinate systems, distances, and points that cannot be meant."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.geo import PlaceFault, check_point, distance_m, to_wgs84, to_wgs84_columns, wgs84_to_gcj02

# WGS-84 longitude, latitude, then GCJ-02 longitude, latitude.
KNOWN_PAIRS = [
    # googollee/eviltransform, python/test.py: Shanghai, Shenzhen, Beijing
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    # wandergis/coordtransform, test/app.js, and hutool, CoordinateUtilTest
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
    # hujiulong/gcoord, test/unit/crs/GCJ02.spec.js
    (122.99395597, 44.99804071, 123.0, 45.0),
]

longitudes = st.floats(73.5, 135.0)
latitudes = st.floats(3.9, 53.5)


@pytest.mark.parametrize(("lon", "lat", "gcj_lon", "gcj_lat"), KNOWN_PAIRS)
def test_known_points_of_other_libraries(lon: float, lat: float, gcj_lon: float, gcj_lat: float) -> None:
    assert distance_m(*wgs84_to_gcj02(lon, lat), gcj_lon, gcj_lat) < 0.1
    assert distance_m(*to_wgs84(gcj_lon, gcj_lat, "gcj02"), lon, lat) < 0.1


@given(longitudes, latitudes)
def test_round_trip_is_within_a_metre(lon: float, lat: float) -> None:
    there = wgs84_to_gcj02(lon, lat)
    assert distance_m(*to_wgs84(*there, "gcj02"), lon, lat) < 0.01
    assert 10 < distance_m(*there, lon, lat) < 2000, "the two systems are never the same inside the country"


def test_many_points_at_once_come_out_as_one_by_one() -> None:
    lon, lat = (
        np.array([*(pair[2] for pair in KNOWN_PAIRS), 0.0, 151.2]),
        np.array([*(pair[3] for pair in KNOWN_PAIRS), 0.0, -33.9]),
    )
    for coord_type in ("gcj02", "wgs84"):
        many = to_wgs84_columns(lon, lat, coord_type)
        single = [to_wgs84(*point, coord_type) for point in zip(lon, lat, strict=True)]
        assert np.allclose(np.transpose(many), single, rtol=0, atol=1e-9)
    with pytest.raises(PlaceFault):
        to_wgs84_columns(lon, lat, "bd09")


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 0.0), (-74.0, 40.7), (151.2, -33.9), (183.0, 45.0), (100.0, 60.0)])
def test_outside_the_box_nothing_is_shifted(lon: float, lat: float) -> None:
    assert wgs84_to_gcj02(lon, lat) == (lon, lat)
    assert to_wgs84(lon, lat, "gcj02") == (lon, lat)


def test_wgs84_stays_as_it_is_and_other_systems_are_refused() -> None:
    assert to_wgs84(116.4, 39.9, "wgs84") == (116.4, 39.9)
    with pytest.raises(PlaceFault) as refusal:
        to_wgs84(116.4, 39.9, "bd09")
    assert refusal.value.code == "unknown_coord_type"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_passes_the_conversion_and_is_refused_by_the_check(value: float) -> None:
    to_wgs84(value, 30.0, "gcj02")
    to_wgs84(110.0, value, "gcj02")
    for lon, lat in ((value, 30.0), (110.0, value)):
        with pytest.raises(PlaceFault) as refusal:
            check_point(lon, lat)
        assert refusal.value.code == "not_a_number"


def test_distance_of_one_degree() -> None:
    """WGS-84: a degree of the equator is 111,319.49 m; of latitude from it 110,574.39 m."""
    assert distance_m(0, 0, 1, 0) == pytest.approx(111_319.49, abs=0.01)
    assert distance_m(0, 0, 0, 1) == pytest.approx(110_574.39, abs=0.01)


CITIES = {
    "北京": (116.40, 39.90), "上海": (121.49, 31.24), "舟山普陀": (122.30, 29.95), "三亚": (109.51, 18.25),
    "三沙": (112.34, 16.83), "台北": (121.56, 25.04), "高雄": (120.30, 22.62), "喀什": (75.99, 39.47),
    "漠河": (122.54, 52.97), "抚远": (134.30, 48.37), "丹东": (124.39, 40.12), "瑞丽": (97.85, 24.01),
    "阿合奇": (78.45, 40.94), "泗县": (117.89, 33.48), "威海": (122.12, 37.51), "大连": (121.61, 38.91),
    "亚东": (88.91, 27.48), "墨脱": (95.33, 29.32), "二连浩特": (111.98, 43.65), "珲春": (130.37, 42.86),
    "满洲里": (117.38, 49.60), "阿勒泰": (88.14, 47.85), "塔城": (82.98, 46.75), "霍尔果斯": (80.42, 44.20),
    "普兰": (81.18, 30.29), "日土": (79.73, 33.38), "北海": (109.12, 21.48), "东兴": (107.97, 21.54),
}  # fmt: skip


@pytest.mark.parametrize(("lon", "lat"), CITIES.values(), ids=CITIES.keys())
def test_places_of_the_country_are_accepted_and_their_exchange_is_recognised(lon: float, lat: float) -> None:
    check_point(lon, lat)
    with pytest.raises(PlaceFault) as refusal:
        check_point(lat, lon)
    assert refusal.value.code == "swapped_coordinates"
    assert "写反" in refusal.value.title


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (0.0, 0.0, "null_island"),
        (200.0, 30.0, "out_of_range"),
        (110.0, -95.0, "out_of_range"),
        (30.0, 95.0 + 60, "out_of_range"),
        (1e308, -1e308, "out_of_range"),
        (125.0, 30.0, "outside_china"),  # East China Sea
        (123.9, 35.0, "outside_china"),  # Yellow Sea
        (150.0, 20.0, "outside_china"),  # Pacific
        (139.7, 35.7, "outside_china"),  # Tokyo
        (127.0, 37.55, "outside_china"),  # Seoul
        (106.9, 47.9, "outside_china"),  # Ulaanbaatar
        (105.8, 21.0, "outside_china"),  # Hanoi
        (-0.1, 51.5, "outside_china"),  # London
        (0.5, 0.5, "outside_china"),
    ],
)
def test_points_that_nobody_can_mean(lon: float, lat: float, code: str) -> None:
    with pytest.raises(PlaceFault) as refusal:
        check_point(lon, lat)
    assert refusal.value.code == code
    assert refusal.value.status == 422
    assert refusal.value.title.endswith("。")
