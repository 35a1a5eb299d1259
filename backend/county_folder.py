"""A county's document written back as the folder it can be read from, and files of a folder laid over it.

So an office changes one file, or one number, and everything that `qinghe county check` knows of is checked again.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from backend.county import County
from backend.county_files import COUNTY_TOML, REACHES, RISK_SOURCES, TOWNSHIPS, CountyFaults, Fault, read_county
from backend.rules import Rules

MAX_UNPACKED = 60 * 1024 * 1024
_CALENDAR = re.compile(r"calendar-\d{4}\.toml")
_KNOWN = frozenset({COUNTY_TOML, REACHES, RISK_SOURCES, TOWNSHIPS, *(f"{noun}.toml" for noun in Rules.model_fields)})
_DAYS_PER_LINE = 6


def files_of(document: dict[str, Any]) -> dict[str, bytes]:
    """File name → content of a county's document (County.model_dump, mode json)."""
    top = {name: document[name] for name in ("code", "name", "office", "hotline")}
    lists = {name: document[name] for name in ("units", "severities", "categories")}
    found = {COUNTY_TOML: _toml({**top, "limits": document["limits"], **lists})}
    names = {unit["code"]: unit["name"] for unit in document["units"]}
    found[TOWNSHIPS] = _features(document["townships"], lambda one: {"name": names.get(one["unit"], "")})
    found[REACHES] = _features(document["reaches"])
    found[RISK_SOURCES] = _features(document["risk_sources"])
    for year in document["calendar"]["years"]:
        days = {name: sorted(day for day in document["calendar"][name] if day[:4] == str(year))
                for name in ("holidays", "workdays")}  # fmt: skip
        found[f"calendar-{year}.toml"] = "\n".join(_day_list(name, some) for name, some in days.items())
    for noun, rules in document["rules"].items():
        found[f"{noun}.toml"] = _toml(rules)
    return {name: text.encode() for name, text in found.items()}


def names_of(county: County) -> list[str]:
    """The names of the files of a county."""
    calendars = [f"calendar-{year}.toml" for year in sorted(county.calendar.years)]
    return [COUNTY_TOML, TOWNSHIPS, REACHES, RISK_SOURCES, *calendars, *(f"{noun}.toml" for noun in Rules.model_fields)]


def read_over(document: dict[str, Any], changed: dict[str, bytes]) -> County:
    """The county of this document with some of its files replaced. Raises CountyFaults with every fault found."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**files_of(document), **changed}.items():
            (Path(folder) / name).write_bytes(content)
        return read_county(Path(folder))


def unpacked(name: str, data: bytes) -> dict[str, bytes]:
    """The county's files in an upload: one file by its name, or a .zip of some. Raises CountyFaults."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return {_named(name): data}
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                raise CountyFaults([Fault(name, "", "解开以后太大，最多 60 MB")])
            for part in packed.infolist():
                base = part.filename.rpartition("/")[2]
                if base.endswith((".toml", ".geojson")) and not part.filename.startswith("__MACOSX"):
                    found[_named(base)] = packed.read(part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise CountyFaults([Fault(name, "", "压缩包不完整或带密码，请重新打包")]) from error
    if not found:
        raise CountyFaults([Fault(name, "", "压缩包里没有配置文件（.toml、.geojson）")])
    return found


def packed(document: dict[str, Any]) -> bytes:
    """The whole folder as a .zip."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files_of(document).items():
            made.writestr(name, content)
    return kept.getvalue()


def _named(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2]
    if base in _KNOWN or _CALENDAR.fullmatch(base):
        return base
    raise CountyFaults([Fault(base, "", "不认识这个文件名，应与下载的配置里同名，或是 calendar-年份.toml")])


# ---- writing ---------------------------------------------------------------------------------------------------------


def _features(items: list[dict[str, Any]], more: Any = lambda one: {}) -> str:
    """A line each, so that two versions can be compared."""
    features = [
        {"type": "Feature", "properties": {**{key: value for key, value in one.items() if key != "geometry"
                                              and value is not None}, **more(one)}, "geometry": one["geometry"]}
        for one in items
    ]  # fmt: skip
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'


def _day_list(name: str, days: list[str]) -> str:
    rows = [", ".join(days[n : n + _DAYS_PER_LINE]) for n in range(0, len(days), _DAYS_PER_LINE)]
    return f"{name} = [\n" + "".join(f"    {row},\n" for row in rows) + "]\n"


def _toml(table: dict[str, Any]) -> str:
    """Plain values, then tables, then lists of tables; what lies deeper stands inline."""
    plain, tables, lists = [], [], []
    for key, value in table.items():
        if value is None:
            continue
        if isinstance(value, dict):
            tables.append(f"\n[{_key(key)}]\n{_lines(value)}")
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            lists += [f"\n[[{_key(key)}]]\n{_lines(one)}" for one in value]
        else:
            plain.append(f"{_key(key)} = {_value(value)}\n")
    return "".join([*plain, *tables, *lists])


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in _said(table))


def _said(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in table.items() if value is not None)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in _said(value))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, date):
        return value.isoformat()
    return repr(value)
