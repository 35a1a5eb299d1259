"""`config/county/<name>/` → one frozen, validated County; a bad folder is refused with every fault it has.

Files: `county.toml`, `calendar-YYYY.toml` (one or more), `townships.geojson`, `reaches.geojson` and
`risk_sources.geojson`. The county's outline is the union of its townships with the gaps between them filled, so that
a reservoir which no township contains is still inside the county. GeoJSON is WGS-84 longitude, latitude.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from shapely import STRtree, is_valid_reason, unary_union
from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

from backend.county import (
    Calendar,
    Category,
    County,
    Limits,
    Reach,
    RiskSource,
    Severity,
    SeverityLimits,
    Township,
    Unit,
)
from backend.rules import Rules

COUNTY_TOML = "county.toml"
TOWNSHIPS = "townships.geojson"
REACHES = "reaches.geojson"
RISK_SOURCES = "risk_sources.geojson"
CHINA_LON = (73.0, 136.0)
CHINA_LAT = (3.0, 54.0)
OVERLAP_SHARE = 0.01  # of the smaller township: borders drawn twice differ a little

_TOP_KEYS = {"code", "name", "office", "hotline", "units", "categories", "severities", "limits"}
_WGS84_NAMES = re.compile(r"CRS:?84|EPSG:+(4326|4490)$", re.IGNORECASE)
_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a county's folder: the file, where in it, and why, in Chinese."""

    file: str
    place: str
    reason: str

    def __str__(self) -> str:
        return "：".join(part for part in (self.file, self.place, self.reason) if part)


class CountyFaults(Exception):  # noqa: N818 - it is all of them
    """The folder does not describe a county; `faults` lists everything that is wrong, one per line as text."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


class _Placed(NamedTuple):
    """Something read, and where it stood."""

    place: str
    item: Any


class _Shape(NamedTuple):
    place: str
    properties: dict[str, Any]
    geometry: BaseGeometry
    geojson: dict[str, Any]


def read_county(folder: Path) -> County:
    """Read and check the whole folder. Raises CountyFaults with every fault found."""
    reader = _Reader(folder)
    county = reader.read()
    if reader.faults or county is None:
        raise CountyFaults(reader.faults)
    return county


class _Reader:
    """One reading of one folder; collects faults instead of stopping at the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        self._named: dict[str, set[str]] = {}  # codes that stand in the files, even in items refused for other faults
        self._names_on_map: list[tuple[str, str, str]] = []

    def fault(self, file: str, place: str, reason: str) -> None:
        self.faults.append(Fault(file, place, " ".join(reason.split())))

    def read(self) -> County | None:
        if not self.folder.is_dir():
            self.fault(str(self.folder), "", "没有这个文件夹")
            return None
        text, document = self._toml(COUNTY_TOML)
        lines = _Lines(text)
        units = self._tables(document, lines, "units", Unit)
        categories = self._tables(document, lines, "categories", Category)
        severities = self._tables(document, lines, "severities", Severity)
        limits = self._limits(document, lines)
        calendar = self._calendar()
        townships = self._townships()
        reaches = self._features(REACHES, Reach, {"LineString"})
        sources = self._features(RISK_SOURCES, RiskSource, {"Point"})
        self._check_top(document, lines)
        known = {placed.item.code: placed.item for placed in units}
        if "units" in self._named:
            self._check_units(document, units, lines)
            self._check_categories(categories, known)
            self._check_severities(categories, severities, limits, lines)
            self._check_townships(townships, known)
            self._check_reaches(reaches, known)
            self._check_sources(sources, known)
        rules = self._rules()
        if self.faults or limits is None:
            return None
        county = County(
            code=document["code"],
            name=document["name"],
            office=document["office"],
            hotline=document.get("hotline", ""),
            outline=outline_of(shape(placed.item.geometry) for placed in townships),
            units=_items(units),
            severities=_items(severities),
            categories=_items(categories),
            limits=limits,
            calendar=calendar,
            townships=_items(townships),
            reaches=_items(reaches),
            risk_sources=_items(sources),
            rules=Rules(**rules),
        )
        self._check_rules(county)
        return county

    # Files as such

    def _text(self, name: str) -> str | None:
        try:
            return (self.folder / name).read_text("utf-8-sig")
        except FileNotFoundError:
            self.fault(name, "", "没有这个文件")
        except UnicodeDecodeError as error:
            self.fault(name, f"第 {error.start + 1} 字节", "不是 UTF-8 编码，请另存为 UTF-8")
        except OSError as error:
            self.fault(name, "", f"读不了：{error.strerror}")
        return None

    def _toml(self, name: str) -> tuple[str, dict[str, Any]]:
        text = self._text(name)
        if text is None:
            return "", {}
        try:
            return text, tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.fault(name, _toml_place(str(error), text), f"TOML 写法有误：{_AT_LINE.sub('', str(error)).strip()}")
            return text, {}

    def _json(self, name: str) -> Any:
        text = self._text(name)
        if text is None:
            return None
        try:
            return json.loads(text, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            self.fault(name, f"第 {error.lineno} 行第 {error.colno} 列", f"JSON 写法有误：{error.msg}")
        except ValueError as error:
            self.fault(name, "", str(error))
        except RecursionError:
            self.fault(name, "", "括号嵌套太深，不是 GeoJSON")
        return None

    def _build(
        self, model: type[_Model], values: dict[str, Any], file: str, where: Callable[[str], str]
    ) -> _Model | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            for one in error.errors():
                field = str(one["loc"][0]) if one["loc"] else ""
                self.fault(file, where(field), _reason(dict(one)))
            return None

    # county.toml

    def _check_top(self, document: dict[str, Any], lines: _Lines) -> None:
        if not document:
            return
        for key in document.keys() - _TOP_KEYS:
            self.fault(COUNTY_TOML, lines.top(key), f"不认识的项 {key}")
        for key in ("code", "name", "office"):
            if not isinstance(document.get(key), str) or not document[key]:
                self.fault(COUNTY_TOML, lines.top(key), f"缺少 {key}，应是一段文字")
        if not isinstance(document.get("hotline", ""), str):
            self.fault(COUNTY_TOML, lines.top("hotline"), "hotline 应是一段文字（加引号）")
        code = document.get("code")
        if isinstance(code, str) and code and not re.fullmatch(r"\d{6}", code):
            self.fault(COUNTY_TOML, lines.top("code"), f"县代码 {code} 应是 6 位数字（GB/T 2260）")

    def _tables(self, document: dict[str, Any], lines: _Lines, name: str, model: type[_Model]) -> list[_Placed]:
        """The [[name]] tables; those that are whole, each with its line."""
        tables = document.get(name)
        if not document:
            return []
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self.fault(COUNTY_TOML, lines.top(name), f"缺少 [[{name}]]，至少要有一个")
            return []
        found = []
        self._named[name] = {str(table.get("code")) for table in tables}
        for number, table in enumerate(tables):
            item = self._build(model, table, COUNTY_TOML, lambda key, n=number: lines.of(name, n, key))  # type: ignore[misc]
            if item is not None:
                found.append(_Placed(lines.of(name, number, "code"), item))
        self._check_unique(COUNTY_TOML, found, "code", "代码")
        self._check_unique(COUNTY_TOML, found, "name", "名称")
        return found

    def _limits(self, document: dict[str, Any], lines: _Lines) -> Limits | None:
        table = document.get("limits", {})
        if not isinstance(table, dict):
            self.fault(COUNTY_TOML, lines.top("limits"), "limits 应写成 [limits] 一节")
            return None
        limits = self._build(Limits, table, COUNTY_TOML, lambda key: lines.of("limits", 0, key))
        if limits is not None:
            try:
                time.fromisoformat(limits.day_ends_at)
            except ValueError:
                self.fault(COUNTY_TOML, lines.of("limits", 0, "day_ends_at"), f"没有 {limits.day_ends_at} 这个时刻")
        return limits

    def _check_unique(self, file: str, placed: Iterable[_Placed], field: str, what: str) -> None:
        seen: dict[str, str] = {}
        for place, item in placed:
            value = getattr(item, field)
            if value in seen:
                self.fault(file, place, f"{what} {value} 重复，已用于{seen[value]}")
            seen.setdefault(value, place)

    def _check_units(self, document: dict[str, Any], units: list[_Placed], lines: _Lines) -> None:
        known = {placed.item.code: placed.item for placed in units}
        county, office = document.get("code"), document.get("office")
        if isinstance(office, str) and office:
            if office not in self._named["units"]:
                self.fault(COUNTY_TOML, lines.top("office"), f"没有代码为 {office} 的单位")
            elif office in known and known[office].kind != "county_office":
                self.fault(
                    COUNTY_TOML, lines.top("office"), f"{known[office].name}不是县河长办（kind = county_office）"
                )
        for place, unit in units:
            if isinstance(county, str) and not unit.code.startswith(county):
                self.fault(COUNTY_TOML, place, f"{unit.name}的代码 {unit.code} 应以县代码 {county} 开头")
            if (unit.kind == "township") != ("-" not in unit.code):
                self.fault(
                    COUNTY_TOML, place, f"{unit.name}的代码 {unit.code} 与类型不符：乡镇 9 位数字，其他为县代码加 -英文"
                )

    def _check_categories(self, categories: list[_Placed], known: dict[str, Unit]) -> None:
        for place, category in categories:
            for reason in (*_deadline_reasons(category), *_range_reasons(category)):
                self.fault(COUNTY_TOML, place, f"{category.name}：{reason}")
            leads = () if category.lead_department is None else (category.lead_department,)
            for code in dict.fromkeys((*category.departments, *leads)):
                if code not in self._named["units"]:
                    self.fault(COUNTY_TOML, place, f"{category.name}：没有代码为 {code} 的部门")
                elif code in known and known[code].kind != "department":
                    self.fault(COUNTY_TOML, place, f"{category.name}：{known[code].name}不是部门（kind = department）")

    def _check_severities(
        self, categories: list[_Placed], severities: list[_Placed], limits: Limits | None, lines: _Lines
    ) -> None:
        known = self._named.get("severities", set())
        if limits is not None and limits.intake_severity is not None and limits.intake_severity not in known:
            place = lines.of("limits", 0, "intake_severity")
            self.fault(COUNTY_TOML, place, f"intake_severity：没有代码为 {limits.intake_severity} 的严重程度")
        order = [placed.item.code for placed in severities]
        for place, category in categories:
            for code, special in category.severity.items():
                if code not in known:
                    self.fault(COUNTY_TOML, place, f"{category.name}：没有代码为 {code} 的严重程度")
                for reason in _severity_reasons(category, special):
                    self.fault(COUNTY_TOML, place, f"{category.name}：severity.{code} {reason}")
            for reason in _order_reasons(category, order):
                self.fault(COUNTY_TOML, place, f"{category.name}：{reason}")

    # <noun>.toml

    def _rules(self) -> dict[str, Any]:
        """The rules whose file is there, by noun; the others keep their defaults."""
        found = {}
        for noun, field in Rules.model_fields.items():
            name = f"{noun}.toml"
            if not (self.folder / name).exists():
                continue
            text, document = self._toml(name)
            lines = _Lines(text)
            rules = self._build(field.annotation, document, name, lines.top)  # type: ignore[arg-type]
            if rules is not None:
                found[noun] = rules
        return found

    def _check_rules(self, county: County) -> None:
        for noun in Rules.model_fields:
            faults = getattr(getattr(county.rules, noun), "faults", None)
            if faults is None:
                continue
            name = f"{noun}.toml"
            lines = _Lines((self.folder / name).read_text("utf-8-sig") if (self.folder / name).exists() else "")
            for key, reason in faults(county):
                self.fault(name, lines.top(key) or lines.containing(key), reason)

    # calendar-YYYY.toml

    def _calendar(self) -> Calendar:
        names = sorted(path.name for path in self.folder.glob("calendar-*.toml"))
        if not names:
            self.fault("calendar-YYYY.toml", "", "没有工作日历，至少要有一年")
        years: list[int] = []
        days: dict[str, set[date]] = {"holidays": set(), "workdays": set()}
        for name in names:
            matched = re.fullmatch(r"calendar-(\d{4})\.toml", name)
            if not matched:
                self.fault(name, "", "文件名应是 calendar-四位年份.toml")
                continue
            years.append(int(matched[1]))
            text, document = self._toml(name)
            for key, found in self._calendar_days(name, text, document, int(matched[1])).items():
                days[key] |= found
        return Calendar(years=tuple(years), holidays=frozenset(days["holidays"]), workdays=frozenset(days["workdays"]))

    def _calendar_days(self, name: str, text: str, document: dict[str, Any], year: int) -> dict[str, set[date]]:
        lines = _Lines(text)
        for key in document.keys() - {"holidays", "workdays"}:
            self.fault(name, lines.top(key), f"不认识的项 {key}，只有 holidays 和 workdays")
        found: dict[str, set[date]] = {}
        for key in ("holidays", "workdays"):
            values = document.get(key)
            if document and not isinstance(values, list):
                self.fault(name, lines.top(key), f"缺少 {key} = [日期, …]")
            found[key] = set(self._dates(name, lines, key, values if isinstance(values, list) else [], year))
        for day in sorted(found["holidays"] & found["workdays"]):
            self.fault(name, lines.containing(str(day)), f"{day} 既是放假日又是补班日")
        for day in sorted(found["workdays"]):
            if day.weekday() < 5:
                self.fault(name, lines.containing(str(day)), f"补班日 {day} 不是周末")
        return found

    def _dates(self, name: str, lines: _Lines, key: str, values: list[Any], year: int) -> Iterator[date]:
        seen: set[date] = set()
        for value in values:
            place = lines.containing(str(value)) or lines.top(key)
            if not isinstance(value, date) or isinstance(value, datetime):
                self.fault(name, place, f"{value!r} 不是日期，应写成 {year}-01-01（不加引号）")
            elif value.year != year:
                self.fault(name, place, f"{value} 不在 {year} 年")
            elif value in seen:
                self.fault(name, place, f"{value} 在 {key} 里重复")
            else:
                seen.add(value)
                yield value

    # GeoJSON

    def _shapes(self, name: str, kinds: set[str]) -> Iterator[_Shape]:
        document = self._json(name)
        if document is None:
            return
        features = document.get("features") if isinstance(document, dict) else None
        if not isinstance(features, list) or document.get("type") != "FeatureCollection":
            self.fault(name, "", "不是 GeoJSON 的 FeatureCollection")
            return
        crs = document.get("crs")
        if crs is not None and not _WGS84_NAMES.search(_crs_name(crs)):
            self.fault(name, "crs", f"坐标系是 {_crs_name(crs)}，应是 WGS-84 或 CGCS2000 经纬度")
        self._named[name] = set(_codes(features))
        for number, feature in enumerate(features, 1):
            found = self._shape(name, number, feature, kinds)
            if found is not None:
                yield found

    def _shape(self, name: str, number: int, feature: Any, kinds: set[str]) -> _Shape | None:
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        properties = feature.get("properties") if isinstance(feature, dict) else None
        place = _feature_place(number, properties)
        if not isinstance(properties, dict) or not isinstance(geometry, dict):
            self.fault(name, place, "缺少 properties 或 geometry")
            return None
        if geometry.get("type") not in kinds:
            self.fault(name, place, f"图形是 {geometry.get('type')}，应是 {' 或 '.join(sorted(kinds))}")
            return None
        try:
            positions = list(_positions(geometry.get("coordinates")))
        except ValueError as error:
            self.fault(name, place, str(error))
            return None
        reason = _misplaced(positions)
        if reason:
            self.fault(name, place, reason)
            return None
        drawn = self._valid(name, place, geometry)
        return None if drawn is None else _Shape(place, properties, drawn, _plain(geometry))

    def _valid(self, name: str, place: str, geometry: dict[str, Any]) -> BaseGeometry | None:
        try:
            drawn = shape(geometry)
        except (ShapelyError, ValueError, TypeError, IndexError) as error:
            self.fault(name, place, f"图形读不出来：{error}")
            return None
        if drawn.is_empty:
            self.fault(name, place, "图形是空的")
            return None
        if not drawn.is_valid:
            self.fault(name, place, f"图形无效：{_shape_reason(is_valid_reason(drawn))}")
            return None
        return drawn

    def _features(self, name: str, model: type[_Model], kinds: set[str]) -> list[_Placed]:
        found = []
        for place, properties, _, geojson in self._shapes(name, kinds):
            item = self._build(model, {**properties, "geometry": geojson}, name, lambda _, at=place: at)  # type: ignore[misc]
            if item is not None:
                found.append(_Placed(place, item))
        self._check_unique(name, found, "code", "代码")
        return found

    def _townships(self) -> list[_Placed]:
        found: list[_Placed] = []
        areas: list[BaseGeometry] = []
        for place, properties, drawn, geojson in self._shapes(TOWNSHIPS, {"Polygon", "MultiPolygon"}):
            values = {key: value for key, value in properties.items() if key != "name"}
            item = self._build(Township, {**values, "geometry": geojson}, TOWNSHIPS, lambda _, at=place: at)  # type: ignore[misc]
            if item is not None:
                found.append(_Placed(place, item))
                areas.append(drawn)
                self._names_on_map.append((place, item.unit, str(properties.get("name", ""))))
        self._check_unique(TOWNSHIPS, found, "unit", "乡镇")
        self._check_overlaps(found, areas)
        return found

    def _check_overlaps(self, townships: list[_Placed], areas: list[BaseGeometry]) -> None:
        if not areas:
            return
        for one, two in zip(*STRtree(areas).query(areas, predicate="intersects"), strict=True):
            if one >= two:
                continue
            share = areas[one].intersection(areas[two]).area / min(areas[one].area, areas[two].area)
            if share > OVERLAP_SHARE:
                reason = f"与{townships[one].place}重叠，占较小者面积的 {share:.1%}"
                self.fault(TOWNSHIPS, townships[two].place, reason)

    def _check_townships(self, townships: list[_Placed], known: dict[str, Unit]) -> None:
        for place, township in townships:
            self._check_unit(TOWNSHIPS, place, "unit", township.unit, known, township_only=True)
        for place, code, name in self._names_on_map:
            if name and code in known and known[code].name != name:
                self.fault(TOWNSHIPS, place, f"名称 {name} 与单位 {code} 的名称{known[code].name}不一致")
        if TOWNSHIPS not in self._named:
            return
        drawn = self._named[TOWNSHIPS]
        for unit in known.values():
            if unit.kind == "township" and unit.code not in drawn:
                self.fault(TOWNSHIPS, "", f"{unit.name}（{unit.code}）没有范围")

    def _check_unit(
        self, file: str, place: str, field: str, code: str, known: dict[str, Unit], *, township_only: bool
    ) -> None:
        if code not in self._named["units"]:
            self.fault(file, place, f"{field}：没有代码为 {code} 的单位")
        elif township_only and code in known and known[code].kind != "township":
            self.fault(file, place, f"{field}：{known[code].name}不是乡镇")

    def _check_reaches(self, reaches: list[_Placed], known: dict[str, Unit]) -> None:
        for place, reach in reaches:
            for field in ("left_bank", "right_bank"):
                self._check_unit(REACHES, place, field, getattr(reach, field), known, township_only=True)
            if reach.lead not in (reach.left_bank, reach.right_bank):
                self.fault(REACHES, place, f"lead：牵头乡镇 {reach.lead} 应是左岸或右岸乡镇之一")
            if reach.channel_m > reach.corridor_m:
                self.fault(REACHES, place, "channel_m（水面半宽）不应大于 corridor_m（河道管理宽度）")

    def _check_sources(self, sources: list[_Placed], known: dict[str, Unit]) -> None:
        reaches = self._named.get(REACHES)
        for place, source in sources:
            self._check_unit(RISK_SOURCES, place, "unit", source.unit, known, township_only=False)
            if source.reach is not None and reaches is not None and source.reach not in reaches:
                self.fault(RISK_SOURCES, place, f"reach：没有代码为 {source.reach} 的河段")


def outline_of(areas: Iterable[BaseGeometry]) -> dict[str, Any]:
    """GeoJSON of the union of the townships, gaps between them filled."""
    union = unary_union(list(areas))
    parts = union.geoms if isinstance(union, MultiPolygon) else [union]
    filled = unary_union([Polygon(part.exterior) for part in parts if isinstance(part, Polygon)])
    return _plain(mapping(filled))


def _items(placed: list[_Placed]) -> tuple[Any, ...]:
    return tuple(one.item for one in placed)


# Categories


def _deadline_reasons(category: Category) -> Iterator[str]:
    for name, what in (("accept", "签收"), ("rectify", "整改")):
        days, hours = getattr(category, f"{name}_days"), getattr(category, f"{name}_hours")
        if days is None and hours is None:
            yield f"缺少{what}期限，请写 {name}_days 或 {name}_hours"
        elif days is not None and hours is not None:
            yield f"{what}期限 {name}_days 和 {name}_hours 只能写一个"
        elif category.urgent and hours is None:
            yield f"紧急类别按小时计，{what}期限请写 {name}_hours"


def _severity_reasons(category: Category, special: SeverityLimits) -> Iterator[str]:
    for name, what in (("accept", "签收"), ("rectify", "整改")):
        days, hours = getattr(special, f"{name}_days"), getattr(special, f"{name}_hours")
        if days is not None and hours is not None:
            yield f"的{what}期限 {name}_days 和 {name}_hours 只能写一个"
        elif category.urgent and days is not None:
            yield f"是紧急类别的，{what}期限请写 {name}_hours"


def _order_reasons(category: Category, order: list[str]) -> Iterator[str]:
    """A graver level must not be given more time than a milder one. Days and hours are not compared."""
    for what, title in (("accept", "签收"), ("rectify", "整改")):
        limits = [category.limit(what, code) for code in order]  # type: ignore[arg-type]
        for n, (mild, grave) in enumerate(pairwise(limits)):
            for one, two in zip(mild, grave, strict=True):
                if one is not None and two is not None and two > one:
                    yield f"严重程度 {order[n + 1]} 的{title}期限（{two}）比 {order[n]}（{one}）还长"


def _range_reasons(category: Category) -> Iterator[str]:
    if category.min_photos > category.max_photos:
        yield "min_photos 大于 max_photos"
    for near, far in (("duplicate_certain_m", "duplicate_m"), ("duplicate_certain_hours", "duplicate_hours")):
        if getattr(category, near) > getattr(category, far):
            yield f"{near} 大于 {far}"


# Places in files


class _Lines:
    """Where a key of a TOML text stands; good for files written line by line, silent otherwise."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def top(self, key: str) -> str:
        """The line of a key before the first table, or of the table of that name."""
        for number, line in enumerate(self._lines, 1):
            if re.match(rf"\s*(\[+\s*)?{re.escape(key)}\s*(=|\])", line):
                return f"第 {number} 行"
        return ""

    def of(self, table: str, number: int, key: str) -> str:
        """The line of a key in the n-th table of that name, or of the table itself when it lacks the key."""
        header = re.compile(rf"\s*\[+\s*{re.escape(table)}\s*\]+")
        starts = [n for n, line in enumerate(self._lines, 1) if header.match(line)]
        if number >= len(starts):
            return f"第 {number + 1} 个 {table}"
        for at in range(starts[number], len(self._lines)):
            if re.match(r"\s*\[", self._lines[at]):
                break
            if key and re.match(rf"\s*{re.escape(key)}\s*=", self._lines[at]):
                return f"第 {at + 1} 行"
        return f"第 {starts[number]} 行"

    def containing(self, text: str) -> str:
        found = [number for number, line in enumerate(self._lines, 1) if text in line]
        return f"第 {found[-1]} 行" if found else ""


def _toml_place(message: str, text: str) -> str:
    matched = _AT_LINE.search(message)
    if matched:
        return f"第 {matched[1]} 行第 {matched[2]} 列"
    return f"第 {len(text.splitlines())} 行（文件末尾）" if "end of document" in message else ""


def _codes(features: list[Any]) -> Iterator[str]:
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict):
            yield str(properties.get("code") or properties.get("unit"))


def _feature_place(number: int, properties: Any) -> str:
    known = properties if isinstance(properties, dict) else {}
    name = known.get("name") or known.get("code") or known.get("unit")
    return f"第 {number} 个要素" + (f"（{name}）" if name else "")


# Reasons

_REASONS: dict[str, str] = {
    "missing": "缺少 {field}",
    "extra_forbidden": "不认识的项 {field}",
    "string_type": "{field} 应是文字（加引号）",
    "string_too_short": "{field} 不能为空",
    "int_type": "{field} 应是整数",
    "int_parsing": "{field} 应是整数",
    "int_from_float": "{field} 应是整数",
    "float_type": "{field} 应是数",
    "float_parsing": "{field} 应是数",
    "bool_type": "{field} 应是 true 或 false",
    "bool_parsing": "{field} 应是 true 或 false",
    "tuple_type": "{field} 应是列表 [...]",
    "greater_than_equal": "{field} 不能小于 {ge}",
    "greater_than": "{field} 应大于 {gt}",
    "literal_error": "{field} 只能是 {expected} 之一",
    "string_pattern_mismatch": "{field} 的写法不对，应符合 {pattern}",
}


def _reason(error: dict[str, Any]) -> str:
    field = ".".join(map(str, error["loc"]))
    words = _REASONS.get(error["type"])
    text = words.format(field=field, **error.get("ctx", {})) if words else f"{field} 的值不对：{error['msg']}"
    value = error.get("input")
    shown = error["type"] not in ("missing", "extra_forbidden") and isinstance(value, str | int | float)
    return f"{text}（现在是 {value!r}）" if shown else text


def _shape_reason(reason: str) -> str:
    words = {
        "Self-intersection": "边界自相交",
        "Ring Self-intersection": "环自相交",
        "Too few points in geometry component": "点太少",
        "Hole lies outside shell": "孔洞在外环之外",
        "Holes are nested": "孔洞互相嵌套",
        "Interior is disconnected": "内部不连通",
        "Nested shells": "各部分互相重叠",
        "Duplicate Rings": "环重复",
    }
    name, _, place = reason.partition("[")
    return words.get(name, name) + (f"，位置 {place.rstrip(']')}" if place else "")


# Coordinates


def _no_constant(name: str) -> float:
    raise ValueError(f"坐标里有 {name}，不是数")


def _crs_name(crs: Any) -> str:
    properties = crs.get("properties") if isinstance(crs, dict) else None
    return str(properties.get("name", crs)) if isinstance(properties, dict) else str(crs)


def _positions(coordinates: Any) -> Iterator[tuple[float, float]]:
    """Every position of a geometry. Raises ValueError, in Chinese, where there is none."""
    if not isinstance(coordinates, list) or not coordinates:
        raise ValueError("坐标不完整")
    if isinstance(coordinates[0], list):
        for part in coordinates:
            yield from _positions(part)
        return
    if len(coordinates) < 2 or not all(_is_number(value) for value in coordinates):
        raise ValueError(f"坐标 {coordinates} 应是 [经度, 纬度]")
    yield float(coordinates[0]), float(coordinates[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _misplaced(positions: list[tuple[float, float]]) -> str:
    """Why these positions are not in China; empty when they are."""
    bad = next(((x, y) for x, y in positions if not _in_china(x, y)), None)
    if bad is None:
        return ""
    x, y = bad
    if _in_china(y, x):
        return f"坐标 [{x}, {y}] 经纬度写反了，应是 [经度, 纬度]"
    if abs(x) > 180 or abs(y) > 90:
        return f"坐标 [{x}, {y}] 不是经纬度，像是投影坐标（米），请先转换为 WGS-84 经纬度"
    return f"坐标 [{x}, {y}] 不在中国范围内（经度 73–136，纬度 3–54）"


def _in_china(lon: float, lat: float) -> bool:
    return CHINA_LON[0] <= lon <= CHINA_LON[1] and CHINA_LAT[0] <= lat <= CHINA_LAT[1]


def _plain(geometry: Any) -> dict[str, Any]:
    """A geometry as JSON has it, lists instead of tuples, heights left out."""
    return {"type": geometry["type"], "coordinates": _plain_positions(geometry["coordinates"])}


def _plain_positions(coordinates: Any) -> Any:
    if isinstance(coordinates[0], list | tuple):
        return [_plain_positions(part) for part in coordinates]
    return [coordinates[0], coordinates[1]]
