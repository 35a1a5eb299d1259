"""The roster file 名册 (.xlsx or .csv), checked row by row; every bad row is named."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import openpyxl

from backend.county import County
from backend.domain.actors import ROLE_NAMES, UNIT_ROLES
from backend.domain.people import RosterRow
from backend.table_file import UNREADABLE, decoded

COLUMNS = ("姓名", "手机号", "角色", "单位", "河段")
MAX_ROWS = 20_000
# Mainland mobile numbers: 13x-19x, so 16x and 19x as well; landlines are refused because nobody can bind by one.
_MOBILE = re.compile(r"1[3-9]\d{9}")


@dataclass(frozen=True)
class RowFault:
    """`line`: as the spreadsheet counts, the header being 1. `reason`: Chinese. `column` and `value`: the cell's."""

    line: int
    reason: str
    column: str = ""
    value: str = ""


class RosterFaults(Exception):  # noqa: N818
    def __init__(self, faults: list[RowFault]) -> None:
        super().__init__("；".join(f"第 {fault.line} 行：{fault.reason}" for fault in faults))
        self.faults = faults


def read_roster(data: bytes, county: County) -> list[RosterRow]:
    """Rows of a roster file. Raises RosterFaults with every fault found; nothing is taken from a faulty file."""
    lines = list(_lines(data))
    if not lines or tuple(cell for cell in lines[0][1] if cell) not in (COLUMNS, COLUMNS[:4]):
        raise RosterFaults([RowFault(1, f"第一行应为表头：{'、'.join(COLUMNS)}")])
    roles = {name: role for role, name in ROLE_NAMES.items()}
    units = {unit.name: unit.code for unit in county.units} | {unit.code: unit.code for unit in county.units}
    kinds = {unit.code: unit.kind for unit in county.units}
    rows: list[RosterRow] = []
    faults: list[RowFault] = []
    seen: dict[tuple[str, str, str], int] = {}
    names: dict[str, str] = {}
    for line, cells in lines[1:]:
        if not any(cells):
            continue
        name, phone, role, unit, reaches = (*cells[:5], *[""] * (5 - len(cells[:5])))
        phone = re.sub(r"[\s\-]", "", phone).removeprefix("+86")
        wanted = tuple(code for code in re.split(r"[;；、,，\s]+", reaches) if code)
        wrong = [
            RowFault(line, reason, column, value)
            for bad, column, value, reason in (
                (not name, "姓名", name, "缺少姓名"),
                (not _MOBILE.fullmatch(phone), "手机号", phone, f"手机号“{phone}”不是 11 位手机号"),
                (role not in roles, "角色", role, f"角色“{role}”不认识，应为：{'、'.join(roles)}"),
                (unit not in units, "单位", unit, f"单位“{unit}”不在本县配置中"),
            )
            if bad
        ]
        wrong += [
            RowFault(line, f"河段“{code}”不在本县配置中", "河段", code)
            for code in wanted
            if code not in county.reach_by_code
        ]
        if role in roles and unit in units and not _fits(roles[role], kinds[units[unit]]):
            wrong.append(RowFault(line, f"角色“{role}”不能属于“{unit}”", "单位", unit))
        if names.setdefault(phone, name) != name:
            wrong.append(RowFault(line, f"手机号 {phone} 已登记为“{names[phone]}”", "姓名", name))
        if not wrong:
            key = (phone, roles[role], units[unit])
            if key in seen:
                wrong.append(RowFault(line, f"与第 {seen[key]} 行重复"))
            seen.setdefault(key, line)
        faults += wrong
        if not wrong:
            rows.append(RosterRow(line, name, phone, roles[role], units[unit], wanted))
    if not faults and not rows:
        faults.append(RowFault(2, "名册里没有一个人"))
    if rows and not faults and all(row.role != "office" for row in rows):
        faults.append(RowFault(1, f"名册里没有“{ROLE_NAMES['office']}”人员，导入后将没有人能管理系统"))
    if faults:
        raise RosterFaults(faults)
    return rows


def _fits(role: str, kind: str) -> bool:
    """The office's powers belong to the county office alone; a unit that handles cases is not the one that verifies."""
    if role == "office":
        return kind == "county_office"
    return role not in UNIT_ROLES or kind != "county_office"


def _lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    table = _excel(data) if data[:2] == b"PK" else _csv(data)
    for line, cells in enumerate(table, start=1):
        if line > MAX_ROWS:
            raise RosterFaults([RowFault(line, f"名册最多 {MAX_ROWS} 行，请分开导入")])
        yield line, [unicodedata.normalize("NFKC", cell).strip() for cell in cells]


def _excel(data: bytes) -> Iterator[list[str]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for row in sheet.iter_rows(values_only=True):
            yield [_cell(value) for value in row]
    except UNREADABLE as error:
        raise RosterFaults([RowFault(1, "文件不是完整的 Excel 表格，请重新另存为 .xlsx")]) from error


def _cell(value: object) -> str:
    """Excel keeps phone numbers as numbers: 13800000000.0 is a phone, not a fraction."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _csv(data: bytes) -> Iterator[list[str]]:
    text = decoded(data)
    if text is None:
        raise RosterFaults([RowFault(1, "文件编码无法识别，请另存为 UTF-8 的 CSV 或 .xlsx")])
    try:
        yield from csv.reader(io.StringIO(text.replace("\0", "")))
    except csv.Error as error:
        raise RosterFaults([RowFault(1, "文件不是完整的 CSV 表格")]) from error
