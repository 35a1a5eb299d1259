"""The county's files: the demo county is whole, and every kind of fault is named with its place, all at once."""

from __future__ import annotations

import csv
import filecmp
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import Point, Polygon, shape
from shapely.geometry.base import BaseGeometry

from backend.county import County
from backend.county_files import CountyFaults, Fault, read_county
from backend.local import demo_county

DEMO = Path(__file__).parents[1] / "config" / "county" / "qingyuan"
GENERATED = ("townships.geojson", "reaches.geojson", "risk_sources.geojson", "demo_points.json", "roster.csv")
TO_METRES = Transformer.from_crs("EPSG:4326", "EPSG:4545", always_xy=True).transform  # CGCS2000, 102°E
ROLES = {"县河长办", "单位负责人", "经办人", "县级河长", "乡级河长", "村级河长", "巡河员", "督查员"}


@pytest.fixture(scope="module")
def county() -> County:
    return read_county(DEMO)


@pytest.fixture(scope="module")
def points() -> dict[str, dict[str, Any]]:
    return json.loads((DEMO / "demo_points.json").read_text("utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "county"))


def _metres(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.transform(geometry, TO_METRES, interleaved=False)


def _faults(folder: Path) -> list[Fault]:
    with pytest.raises(CountyFaults) as caught:
        read_county(folder)
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    return caught.value.faults


def _swap(path: Path, old: str, new: str) -> int:
    """Replace the one occurrence of `old`; its line."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{text.count(old)} × {old}"
    path.write_text(text.replace(old, new), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def _edit(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    document = json.loads(path.read_text("utf-8"))
    change(document["features"])
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")


# The demo county


def test_the_demo_county_has_what_was_promised(county: County) -> None:
    kinds = Counter(unit.kind for unit in county.units)
    assert kinds == {"county_office": 1, "department": 6, "township": 12}
    assert len(county.townships) == 12
    assert len({reach.river for reach in county.reaches}) == 5
    assert 35 <= len(county.reaches) <= 45
    assert len(county.categories) == 10
    assert {source.kind for source in county.risk_sources} == {"outfall", "sand_pit", "water_intake", "plant"}
    assert 20 <= len(county.risk_sources) <= 30
    assert county.category_by_code["sand_mining"].departments == ("530199-water", "530199-police")


def test_the_script_writes_the_same_bytes_again(tmp_path: Path) -> None:
    demo_county.write_county(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert set(GENERATED) < set(names)
    assert filecmp.cmpfiles(DEMO, tmp_path, names, shallow=False) == (names, [], [])
    assert sum((DEMO / name).stat().st_size for name in names) < 1_000_000


def test_the_script_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo_county.main([]) == 2
    assert "用法" in capsys.readouterr().err


def test_townships_share_borders_and_do_not_overlap(county: County) -> None:
    areas = [shape(township.geometry) for township in county.townships]
    assert all(one.intersection(two).area < 1e-12 for one, two in combinations(areas, 2))
    assert _metres(shape(county.outline)).area == pytest.approx(1.45e9, rel=0.15)


def test_the_outline_has_no_gaps_where_the_reservoir_is(county: County, points: dict[str, Any]) -> None:
    outline = shape(county.outline)
    reservoir = _point(points["reservoir_outside_polygons"])
    assert outline.contains(reservoir)
    assert not any(shape(township.geometry).intersects(reservoir) for township in county.townships)
    assert isinstance(outline, Polygon)
    assert not outline.interiors


def test_a_border_reach_runs_exactly_on_the_border_and_its_banks_are_right(county: County) -> None:
    areas = {township.unit: _metres(shape(township.geometry)) for township in county.townships}
    borders = [reach for reach in county.reaches if reach.left_bank != reach.right_bank]
    assert len(borders) > 15
    for reach in borders:
        line = _metres(shape(reach.geometry))
        for bank in (reach.left_bank, reach.right_bank):
            assert line.hausdorff_distance(line.intersection(areas[bank].boundary.buffer(0.01))) < 1
        for bank, side in ((reach.left_bank, 1), (reach.right_bank, -1)):
            strip = line.buffer(15 * side, single_sided=True)
            assert strip.intersection(areas[bank]).area > 0.8 * strip.area, reach.name


def test_rivers_flow_from_reach_to_reach(county: County) -> None:
    for one, two in zip(county.reaches, county.reaches[1:], strict=False):
        if one.river == two.river:
            assert one.geometry["coordinates"][-1] == two.geometry["coordinates"][0]


def test_the_demo_points_are_where_they_say(county: County, points: dict[str, Any]) -> None:
    areas = {township.unit: shape(township.geometry) for township in county.townships}
    assert set(points) == {
        "bank_left", "bank_right", "mid_river_border", "inside_township", "exclave", "hole",
        "reservoir_outside_polygons", "outside_county", "far",
    }  # fmt: skip
    for name in ("bank_left", "bank_right", "inside_township", "exclave", "hole"):
        holds = [unit for unit, area in areas.items() if area.contains(_point(points[name]))]
        assert holds == [points[name]["lead"]], name
    for name in ("outside_county", "far"):
        assert points[name]["lead"] is None
        away = _metres(_point(points[name])).distance(_metres(shape(county.outline)))
        assert away > 2 * county.limits.nearest_m


def test_the_demo_points_at_the_border_river(county: County, points: dict[str, Any]) -> None:
    reach = county.reach_by_code[points["mid_river_border"]["reach"]]
    line = _metres(shape(reach.geometry))
    assert points["bank_left"]["lead"] == reach.left_bank != reach.right_bank == points["bank_right"]["lead"]
    assert points["mid_river_border"]["lead"] == reach.lead
    assert _metres(_point(points["mid_river_border"])).distance(line) < 1
    for name in ("bank_left", "bank_right"):
        away = _metres(_point(points[name])).distance(line)
        assert reach.channel_m + 20 < away < reach.corridor_m


def test_the_demo_point_in_the_reservoir_has_one_nearest_answer(county: County, points: dict[str, Any]) -> None:
    point, lead = _metres(_point(points["reservoir_outside_polygons"])), points["reservoir_outside_polygons"]["lead"]
    near = [
        reach for reach in county.reaches if point.distance(_metres(shape(reach.geometry))) < county.limits.nearest_m
    ]
    assert near
    assert {unit for reach in near for unit in (reach.left_bank, reach.right_bank, reach.lead)} == {lead}
    assert all(point.distance(_metres(shape(reach.geometry))) > reach.corridor_m for reach in near)
    areas = {t.unit: point.distance(_metres(shape(t.geometry))) for t in county.townships}
    assert min(areas, key=lambda unit: areas[unit]) == lead
    assert 0 < areas[lead] < county.limits.nearest_m


def test_exclave_and_hole(county: County, points: dict[str, Any]) -> None:
    geometry = {township.unit: shape(township.geometry) for township in county.townships}
    for name in ("exclave", "hole"):
        assert geometry[points[name]["lead"]].geom_type == "MultiPolygon"
    hole = _point(points["hole"])
    around = [
        unit
        for unit, area in geometry.items()
        for part in getattr(area, "geoms", [area])
        if any(Polygon(ring).contains(hole) for ring in part.interiors)
    ]
    assert len(around) == 1
    assert around != [points["hole"]["lead"]]


def test_risk_sources_lie_in_their_unit_and_by_their_reach(county: County) -> None:
    areas = {township.unit: shape(township.geometry) for township in county.townships}
    for source in county.risk_sources:
        where = shape(source.geometry)
        assert source.reach is not None
        line = _metres(shape(county.reach_by_code[source.reach].geometry))
        assert _metres(where).distance(line) < 700
        if source.code != "FX-900":  # on the reservoir
            assert areas[source.unit].contains(where), source.name


def test_the_roster_names_only_what_exists(county: County) -> None:
    with (DEMO / "roster.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["姓名", "手机号", "角色", "单位", "河段"]
    phones = [row["手机号"] for row in rows]
    assert len(set(phones)) == len(phones)
    assert all(re.fullmatch(r"199\d{8}", phone) for phone in phones)
    assert {row["角色"] for row in rows} == ROLES
    for row in rows:
        assert row["单位"] in county.unit_by_code
        assert set(filter(None, row["河段"].split("、"))) <= set(county.reach_by_code)
    held = Counter((row["单位"], row["角色"]) for row in rows)
    for unit in county.units:
        if unit.kind != "county_office":
            assert held[unit.code, "单位负责人"] == held[unit.code, "经办人"] == 1
        if unit.kind == "township":
            assert held[unit.code, "乡级河长"] == 1


def _point(named: dict[str, Any]) -> Point:
    return Point(named["lon"], named["lat"])


# Faults


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert [fault.reason for fault in _faults(tmp_path / "nowhere")] == ["没有这个文件夹"]


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    assert {fault.file for fault in _faults(tmp_path)} == {
        "county.toml", "calendar-YYYY.toml", "townships.geojson", "reaches.geojson", "risk_sources.geojson",
    }  # fmt: skip


def test_all_faults_of_all_files_come_at_once(folder: Path) -> None:
    office = _swap(folder / "county.toml", 'office = "530199-office"', 'office = "530199-nobody"')
    _swap(folder / "calendar-2026.toml", "2026-01-04,", "2026-01-05,")
    _edit(folder / "reaches.geojson", lambda features: features[1]["properties"].update(left_bank="530199099"))
    _edit(folder / "risk_sources.geojson", lambda features: features[2]["properties"].update(reach="NO-99"))
    found = _faults(folder)
    assert len({fault.file for fault in found}) == 4
    assert Fault("county.toml", f"第 {office} 行", "没有代码为 530199-nobody 的单位") in found
    assert any(fault.place.startswith("第 2 个要素（") and "530199099" in fault.reason for fault in found)
    assert any(fault.place.startswith("第 3 个要素（") and "NO-99" in fault.reason for fault in found)
    assert any("2026-01-05" in fault.reason and "不是周末" in fault.reason for fault in found)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name = "水务局"', 'name = "水务局', "TOML 写法有误"),
        ('name = "水务局"', 'nmae = "水务局"', "不认识的项 nmae"),
        ('name = "水务局"', "name = 7", "name 应是文字"),
        ('name = "水务局"', 'name = "公安局"', "名称 公安局 重复"),
        ('code = "530199-water"', 'code = "530199-police"', "代码 530199-police 重复"),
        ('code = "530199-water"', 'code = "530198-water"', "应以县代码 530199 开头"),
        ('code = "530199-water"', 'code = "water"', "code 的写法不对"),
        ('code = "530199"', 'code = "53019"', "应是 6 位数字"),
        ('hotline = "0871-00012345"', "hotline = 12345", "hotline 应是一段文字"),
        ('hotline = "0871-00012345"', 'hotlin = "0871-00012345"', "不认识的项 hotlin"),
        ("rectify_hours = 48", "rectify_hours = 0", "rectify_hours 不能小于 1"),
        ("rectify_hours = 48", "", "缺少整改期限"),
        ("rectify_hours = 48", "rectify_days = 2", "紧急类别按小时计"),
        ("rectify_hours = 48", "rectify_hours = 48\nrectify_days = 2", "只能写一个"),
        ("rectify_days = 20", 'rectify_days = "20天"', "rectify_days 应是整数"),
        ("accept_days = 1\nrectify_days = 3", "rectify_days = 3", "缺少签收期限"),
        ('lead_department = "530199-water"', 'lead_department = "530199-nobody"', "没有代码为 530199-nobody 的部门"),
        ('lead_department = "530199-water"', 'lead_department = "530199001"', "不是部门"),
        ("duplicate_m = 150", "duplicate_m = 5", "duplicate_certain_m 大于 duplicate_m"),
        ('day_ends_at = "23:59:59"', 'day_ends_at = "24:00:00"', "没有 24:00:00 这个时刻"),
        ('day_ends_at = "23:59:59"', 'day_ends_at = "五点"', "day_ends_at 的写法不对"),
    ],
)
def test_faults_of_county_toml_have_a_line(folder: Path, old: str, new: str, reason: str) -> None:
    line = _swap(folder / "county.toml", f"\n{old}\n", f"\n{new}\n") + 1
    found = [fault for fault in _faults(folder) if fault.file == "county.toml" and reason in fault.reason]
    assert len(found) == 1
    place = re.match(r"第 (\d+) 行", found[0].place)
    assert place is not None
    assert abs(int(place[1]) - line) <= 12  # a fault of a whole table is shown at its code


def test_a_broken_file_hides_no_other(folder: Path) -> None:
    (folder / "county.toml").write_text("code = ", "utf-8")
    (folder / "townships.geojson").write_text('{"type": "FeatureCollection",\n "features": [}', "utf-8")
    (folder / "reaches.geojson").write_bytes("河".encode("gbk"))
    (folder / "risk_sources.geojson").write_text("[]", "utf-8")
    found = {fault.file: fault for fault in _faults(folder)}
    assert "第 1 行" in found["county.toml"].place
    assert found["townships.geojson"].place == "第 2 行第 15 列"
    assert "UTF-8" in found["reaches.geojson"].reason
    assert "FeatureCollection" in found["risk_sources.geojson"].reason


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    for name in ("county.toml", "reaches.geojson"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert read_county(folder) == read_county(DEMO)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2026-01-01, ", '"2026-01-01", ', "不是日期"),
        ("2026-01-01, ", "2025-01-01, ", "不在 2026 年"),
        ("2026-01-01, ", "2026-01-02, ", "重复"),
        ("2026-01-01, ", "2026-01-04, ", "既是放假日又是补班日"),
        ("holidays = [", "holiday = [", "不认识的项 holiday"),
        ("workdays = [", "workday = [", "缺少 workdays"),
    ],
)
def test_faults_of_a_calendar(folder: Path, old: str, new: str, reason: str) -> None:
    _swap(folder / "calendar-2026.toml", old, new)
    assert any(fault.file == "calendar-2026.toml" and reason in fault.reason for fault in _faults(folder))


def test_a_calendar_needs_its_year_in_its_name(folder: Path) -> None:
    (folder / "calendar-2025.toml").rename(folder / "calendar-next.toml")
    assert [fault.file for fault in _faults(folder)] == ["calendar-next.toml"]


def _flip(feature: dict[str, Any]) -> None:
    feature["geometry"]["coordinates"] = [[lat, lon] for lon, lat in feature["geometry"]["coordinates"]]


def _set_coordinates(value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda feature: feature["geometry"].update(coordinates=value)


def _set(**properties: Any) -> Callable[[dict[str, Any]], None]:
    return lambda feature: feature["properties"].update(properties)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_flip, "经纬度写反了"),
        (_set_coordinates([[2.3, 48.8], [2.4, 48.9]]), "不在中国范围内"),
        (_set_coordinates([[34567890.0, 2799000.0], [34567990.0, 2799100.0]]), "投影坐标"),
        (_set_coordinates([]), "坐标不完整"),
        (_set_coordinates([["102.9", "25.3"], [102.8, 25.3]]), "应是 [经度, 纬度]"),
        (_set_coordinates([[102.9, 25.3], [float("nan"), 25.3]]), "NaN"),
        (_set_coordinates([[102.9, 25.3]]), "图形"),
        (_set_coordinates([[[102.9, 25.3], [102.8, 25.3]]]), "图形读不出来"),
        (lambda feature: feature["geometry"].update(type="Polygon"), "应是 LineString"),
        (lambda feature: feature.update(geometry=None), "缺少 properties 或 geometry"),
        (lambda feature: feature["properties"].pop("lead"), "缺少 lead"),
        (_set(corridor=5), "不认识的项 corridor"),
        (_set(corridor_m=-5), "corridor_m 应大于 0"),
        (_set(channel_m=5000), "channel_m"),
        (_set(right_bank="530199-water"), "right_bank：水务局不是乡镇"),
        (_set(lead="530199-water"), "应是左岸或右岸乡镇之一"),
        (_set(code="QSH-02"), "代码 QSH-02 重复"),
    ],
)
def test_faults_of_a_reach_name_the_feature(folder: Path, change: Callable[..., None], reason: str) -> None:
    _edit(folder / "reaches.geojson", lambda features: change(features[0]))
    found = [fault for fault in _faults(folder) if fault.file == "reaches.geojson" and reason in fault.reason]
    assert len(found) == 1
    if reason not in ("NaN", "代码 QSH-02 重复"):
        assert found[0].place.startswith("第 1 个要素")


def _bow_tie(features: list[dict[str, Any]]) -> None:
    ring = [[102.9, 25.3], [103.0, 25.4], [103.0, 25.3], [102.9, 25.4], [102.9, 25.3]]
    features[0]["geometry"] = {"type": "Polygon", "coordinates": [ring]}


def _widen(features: list[dict[str, Any]]) -> None:
    features[1]["geometry"] = _mapping(shape(features[1]["geometry"]).buffer(0.01))


def _mapping(geometry: BaseGeometry) -> dict[str, Any]:
    return json.loads(json.dumps(geometry.__geo_interface__))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_bow_tie, "图形无效：边界自相交，位置 "),
        (_widen, "重叠，占较小者面积的 "),
        (lambda features: features.pop(), "翠屏乡（530199012）没有范围"),
        (lambda features: features.append(features[0]), "乡镇 530199001 重复"),
        (lambda features: features[0]["properties"].update(unit="530199-water"), "unit：水务局不是乡镇"),
        (lambda features: features[0]["properties"].update(unit="530199088"), "没有代码为 530199088 的单位"),
        (lambda features: features[0]["properties"].update(name="石门镇"), "与单位 530199001 的名称清源镇不一致"),
    ],
)
def test_faults_of_townships(folder: Path, change: Callable[[list[dict[str, Any]]], object], reason: str) -> None:
    _edit(folder / "townships.geojson", change)
    assert any(fault.file == "townships.geojson" and reason in fault.reason for fault in _faults(folder))


def test_a_map_in_another_system_of_coordinates_is_refused(folder: Path) -> None:
    path = folder / "reaches.geojson"
    for name, fine in (
        ("urn:ogc:def:crs:OGC:1.3:CRS84", True),
        ("urn:ogc:def:crs:EPSG::4490", True),
        ("EPSG:3857", False),
    ):
        document = json.loads((DEMO / "reaches.geojson").read_text("utf-8"))
        document["crs"] = {"type": "name", "properties": {"name": name}}
        path.write_text(json.dumps(document), "utf-8")
        if fine:
            read_county(folder)
        else:
            assert [fault.place for fault in _faults(folder)] == ["crs"]


def test_a_county_without_units_is_told_once(folder: Path) -> None:
    path = folder / "county.toml"
    path.write_text(path.read_text("utf-8").replace("[[units]]", "[[unit]]"), "utf-8")
    assert [fault.reason for fault in _faults(folder)] == ["缺少 [[units]]，至少要有一个", "不认识的项 unit"]


def test_one_mistake_is_told_once(folder: Path) -> None:
    """An item refused for one fault is still there for those that name it."""
    _swap(folder / "county.toml", 'name = "水务局"', "name = 7")
    _edit(folder / "reaches.geojson", lambda features: _flip(features[0]))
    _edit(folder / "townships.geojson", lambda features: features[3].update(geometry=None))
    assert sorted(fault.file for fault in _faults(folder)) == ["county.toml", "reaches.geojson", "townships.geojson"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('reach = "QSH-10"', 'reach = "QSH-99"', "没有河段 QSH-99"),
        ('code = "GSP-QSH-10"', 'code = "FX-021"', "编号 FX-021 重复"),
        ('"too_regular"]', '"too_regluar"]', "too_fast"),
        ('roles = ["county_chief"]', 'roles = ["mayor"]', "village_chief"),
        ("appeal_days = 10", "appeal_days = 0", "1"),
    ],
)
def test_faults_of_the_patrol_rules_are_named(folder: Path, old: str, new: str, reason: str) -> None:
    path = folder / "patrol.toml"
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    [fault] = _faults(folder)
    assert fault.file == "patrol.toml"
    assert reason in fault.reason
