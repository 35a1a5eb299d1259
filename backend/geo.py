"""Points on the earth: the two coordinate systems that phones send, distances, and points nobody can have meant.

Everything is (longitude, latitude) in degrees, in this order. We store WGS-84, equal to CGCS2000 for our purpose;
GCJ-02 火星坐标 is what Chinese maps show, 300 to 700 m away from it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from backend.domain.faults import Fault

CoordType = Literal["wgs84", "gcj02"]

_WGS84 = Geod(ellps="WGS84")

# GCJ-02 shifts points inside this box (west, south, east, north) and leaves all others alone.
_SHIFTED = (72.004, 0.8293, 137.8347, 55.8271)
# Krasovsky 1940, the ellipsoid of the published formula.
_AXIS_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323

# China by a coarse line, widened below: mainland, Bohai, Taiwan and Hainan. Only to tell a slip from a place; a
# county's own outline says what belongs to it.
_CHINA = (
    (73.5, 39.4), (74.8, 40.5), (80.2, 42.1), (80.2, 45.0), (82.5, 45.3), (83.0, 47.2), (85.5, 47.2), (86.8, 49.1),
    (87.8, 49.2), (90.5, 47.5), (91.0, 45.2), (95.3, 44.3), (96.4, 42.7), (101.8, 42.6), (105.0, 41.7), (109.5, 42.5),
    (111.9, 43.7), (111.8, 45.0), (114.5, 45.5), (116.3, 46.4), (119.7, 46.9), (118.3, 48.0), (115.5, 47.8),
    (116.7, 49.9), (119.2, 50.2), (120.0, 52.6), (121.2, 53.4), (123.5, 53.6), (126.0, 52.9), (127.6, 50.3),
    (130.8, 48.9), (131.0, 47.8), (134.7, 48.5), (135.1, 48.4), (133.6, 46.8), (133.1, 45.1), (131.1, 45.0),
    (131.3, 43.5), (130.7, 42.4), (128.1, 42.0), (126.9, 41.7), (124.3, 39.8), (122.2, 39.0), (121.1, 38.7),
    (122.7, 37.4), (122.4, 36.8), (120.4, 36.0), (119.4, 35.0), (120.3, 34.2), (120.9, 33.0), (121.9, 31.9),
    (122.2, 30.9), (122.4, 29.9), (121.9, 28.8), (121.1, 27.8), (120.4, 26.9), (121.6, 25.4), (123.7, 25.9),
    (122.1, 25.0), (121.5, 23.5), (120.9, 21.9), (120.0, 22.6), (117.2, 23.3), (116.4, 22.8), (114.3, 22.1),
    (112.0, 21.5), (110.9, 21.1), (111.1, 19.7), (110.5, 18.5), (109.5, 18.1), (108.6, 18.8), (108.6, 19.5),
    (109.0, 20.3), (109.5, 21.3), (107.9, 21.5), (106.7, 22.0), (106.5, 22.9), (105.3, 23.3), (103.9, 22.5),
    (102.2, 22.4), (101.8, 21.1), (100.1, 21.4), (99.1, 22.1), (97.5, 23.9), (98.5, 25.8), (98.7, 27.5),
    (97.0, 27.7), (95.0, 26.8), (92.1, 26.8), (91.6, 27.7), (88.8, 27.3), (86.9, 27.9), (85.0, 28.3), (81.0, 30.1),
    (78.7, 31.5), (78.7, 34.0), (77.8, 35.5), (75.9, 36.0), (74.5, 37.2),
)  # fmt: skip
_MARGIN_DEG = 0.4
# The islands of the South China Sea 南海诸岛: any point here is taken as meant.
_SOUTH_CHINA_SEA = (109.0, 3.4, 118.5, 18.5)


class PlaceFault(Fault):
    """A point that cannot be a place in the country. Codes: not_a_number, null_island, swapped_coordinates,
    out_of_range, outside_china, unknown_coord_type.
    """


def to_wgs84(lon: float, lat: float, coord_type: str) -> tuple[float, float]:
    """The WGS-84 longitude and latitude in degrees of a point given in `coord_type`, to within a millimetre or so.

    Raises PlaceFault (unknown_coord_type). A point that is no number comes back as it is; `check_point` refuses it.
    """
    if coord_type == "wgs84":
        return lon, lat
    if coord_type != "gcj02":
        raise PlaceFault("unknown_coord_type", "坐标类型只能是 wgs84 或 gcj02。")
    if not _within(_SHIFTED, lon, lat):
        return lon, lat
    # The shift hardly changes over its own length, so each round leaves less than a hundredth of the error.
    guess_lon, guess_lat = lon, lat
    for _ in range(10):
        shift_lon, shift_lat = _shift(guess_lon, guess_lat)
        off_lon, off_lat = guess_lon + shift_lon - lon, guess_lat + shift_lat - lat
        guess_lon, guess_lat = guess_lon - off_lon, guess_lat - off_lat
        if abs(off_lon) < 1e-10 and abs(off_lat) < 1e-10:
            break
    return guess_lon, guess_lat


def to_wgs84_columns(
    lon: NDArray[np.float64], lat: NDArray[np.float64], coord_type: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`to_wgs84` for many points at once, to the same millimetre. Raises PlaceFault (unknown_coord_type)."""
    if coord_type == "wgs84":
        return lon, lat
    if coord_type != "gcj02":
        raise PlaceFault("unknown_coord_type", "坐标类型只能是 wgs84 或 gcj02。")
    west, south, east, north = _SHIFTED
    shifted = (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    guess_lon, guess_lat = lon.copy(), lat.copy()
    for _ in range(10):
        shift_lon, shift_lat = _shift(guess_lon, guess_lat, np)
        guess_lon = np.where(shifted, lon - shift_lon, lon)
        guess_lat = np.where(shifted, lat - shift_lat, lat)
    return guess_lon, guess_lat


def wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """The point as Chinese maps draw it; outside the box in which GCJ-02 shifts points, the point itself."""
    if not _within(_SHIFTED, lon, lat):
        return lon, lat
    shift_lon, shift_lat = _shift(lon, lat)
    return lon + shift_lon, lat + shift_lat


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """The geodesic distance in metres of two points on the WGS-84 ellipsoid."""
    return float(_WGS84.inv(lon1, lat1, lon2, lat2)[2])


def check_point(lon: float, lat: float) -> None:
    """Refuse a WGS-84 point that cannot be a place in the country, saying what is wrong with it.

    Raises PlaceFault. Slips are looked for before ranges, so that exchanged numbers are called by their name.
    """
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise PlaceFault("not_a_number", "经度和纬度必须是数字。")
    if abs(lon) < 1e-3 and abs(lat) < 1e-3:
        raise PlaceFault("null_island", "经度和纬度都是 0，手机没有取得定位，请打开定位后重试或在地图上选点。")
    if _in_china(lon, lat):
        return
    if _in_china(lat, lon):
        raise PlaceFault("swapped_coordinates", "经度和纬度写反了：在我国，经度大约是 73 到 135，纬度大约是 3 到 54。")
    if abs(lon) > 180 or abs(lat) > 90:
        raise PlaceFault("out_of_range", "经度应在 -180 到 180 之间，纬度应在 -90 到 90 之间。")
    raise PlaceFault("outside_china", "位置在境外或远海，请检查定位，或在地图上重新选点。")


def _within(box: tuple[float, float, float, float], lon: float, lat: float) -> bool:
    west, south, east, north = box
    return west <= lon <= east and south <= lat <= north


@cache
def _china() -> shapely.Polygon:
    china = shapely.Polygon(_CHINA).buffer(_MARGIN_DEG)
    assert isinstance(china, shapely.Polygon)
    return china


def _in_china(lon: float, lat: float) -> bool:
    return _within(_SOUTH_CHINA_SEA, lon, lat) or bool(shapely.intersects_xy(_china(), lon, lat))


def _shift(lon: Any, lat: Any, of: Any = math) -> tuple[Any, Any]:
    """The shift of GCJ-02 in degrees at a WGS-84 point, by the formula that became public about 2010.

    Of one point, or with the functions `of` numpy of many at once.
    """
    x, y = lon - 105.0, lat - 35.0
    root, product = of.sqrt(abs(x)), x * y
    ripple = 20.0 * of.sin(6.0 * x * math.pi) + 20.0 * of.sin(2.0 * x * math.pi)
    wave = ripple + 20.0 * of.sin(y * math.pi) + 40.0 * of.sin(y / 3.0 * math.pi)
    wave += 160.0 * of.sin(y / 12.0 * math.pi) + 320.0 * of.sin(y / 30.0 * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * product + 0.2 * root + wave * 2.0 / 3.0
    wave = ripple + 20.0 * of.sin(x * math.pi) + 40.0 * of.sin(x / 3.0 * math.pi)
    wave += 150.0 * of.sin(x / 12.0 * math.pi) + 300.0 * of.sin(x / 30.0 * math.pi)
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * product + 0.1 * root + wave * 2.0 / 3.0
    phi = of.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * of.sin(phi) ** 2
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / magic**1.5
    parallel_m = _AXIS_M / of.sqrt(magic) * of.cos(phi)
    return of.degrees(east / parallel_m), of.degrees(north / meridian_m)
