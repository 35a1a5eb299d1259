"""Versions of the county 规则版本: which there are, and what one says that another does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from backend.clock import shanghai_day
from backend.domain.faults import Conflict, Fault, NotFound
from backend.models import CountyVersion

if TYPE_CHECKING:
    from backend.work import Work

LIMITS = {
    "triage_days": "分办期限（工作日）", "triage_urgent_hours": "紧急的分办期限（小时）",
    "refuse_days": "退回期限（工作日）", "refuse_urgent_hours": "紧急的退回期限（小时）",
    "review_days": "核查期限（工作日）", "review_urgent_hours": "紧急的核查期限（小时）",
    "appeal_days": "申诉期（工作日）", "dispute_days": "异议期（工作日）", "extensions_max": "最多延期次数",
    "intake_severity": "取水口附近的严重程度", "day_ends_at": "期限到几点为止", "nearest_m": "就近分办的距离（米）",
    "report_text_max": "举报最多字数", "observed_max_days": "最多补报多少天前的问题",
}  # fmt: skip
_FIELDS = {
    "name": "名称", "phone": "电话", "kind": "类型", "hint": "提示", "icon": "图标", "min_photos": "至少几张照片",
    "max_photos": "最多几张照片", "urgent": "紧急", "sensitive": "敏感", "accept_days": "签收期限（工作日）",
    "rectify_days": "整改期限（工作日）", "accept_hours": "签收期限（小时）", "rectify_hours": "整改期限（小时）",
    "lead_department": "主办部门", "departments": "配合部门", "duplicate_m": "疑似重复的距离（米）",
    "duplicate_hours": "疑似重复的时间（小时）", "duplicate_certain_m": "确定重复的距离（米）",
    "duplicate_certain_hours": "确定重复的时间（小时）", "geometry": "图形", "river": "河流", "left_bank": "左岸",
    "right_bank": "右岸", "lead": "牵头", "corridor_m": "河道管理宽度（米）", "channel_m": "水面半宽（米）",
    "unit": "单位", "reach": "河段", "near_m": "附近的距离（米）", "status": "状况", "hotline": "监督电话",
}  # fmt: skip
_GROUPS = {
    "units": "单位", "severities": "严重程度", "categories": "问题类别", "limits": "全县期限", "calendar": "工作日历",
    "townships": "乡镇边界", "reaches": "河段", "risk_sources": "风险源", "rules": "其他规则",
}  # fmt: skip
_KEYS = ("code", "unit", "name")
_NONE = object()


@dataclass(frozen=True)
class Difference:
    """One thing that two versions say differently; empty on the side where it is not there."""

    group: str
    what: str
    before: str
    after: str


def versions(work: Work, limit: int) -> list[CountyVersion]:
    """The versions, the one that holds longest into the future first; a document is read when it is asked for."""
    last = select(CountyVersion).order_by(CountyVersion.effective_on.desc(), CountyVersion.id.desc()).limit(limit)
    return list(work.session.scalars(last.options(defer(CountyVersion.document))))


def stored(work: Work) -> list[int]:
    """The numbers of all versions, the last stored first."""
    return list(work.session.scalars(select(CountyVersion.id).order_by(CountyVersion.id.desc())))


def version(work: Work, version_id: int) -> CountyVersion:
    found = work.session.get(CountyVersion, version_id)
    if found is None:
        raise NotFound("没有这个版本。")
    return found


def latest(work: Work) -> CountyVersion:
    """The version on which a change is built: the last one that is to hold."""
    return versions(work, 1)[0]


def check_day(work: Work, base: int, effective_on: date) -> None:
    """Raises when a change built on `base` cannot hold from this day. One change at a time, to the end of the work."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("county versions"))))
    newest = latest(work)
    if newest.id != base:
        raise Conflict("county_changed", f"您修改的时候，第 {newest.id} 版已经存入。请在它的基础上重新修改。")
    today = shanghai_day(work.now)
    if effective_on < today:
        raise Fault("day_past", "生效日期不能早于今天：已经发生的事不能用新规则重算。", field="effective_on")
    if effective_on < newest.effective_on:
        raise Fault(
            "before_latest", f"第 {newest.id} 版定于 {newest.effective_on} 生效，新的修改不能早于它。",
            field="effective_on",
        )  # fmt: skip


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """What the second document says differently, in the order of its parts."""
    before, after = dict(_told(old)), dict(_told(new))
    found = []
    for path in dict.fromkeys((*before, *after)):
        one, two = before.get(path, _NONE), after.get(path, _NONE)
        if one != two:
            group = _GROUPS.get(path[0], "本县")
            found.append(Difference(group, _title(path, old, new), _words(one), _words(two)))
    return found


def _told(document: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every single statement of a document by its path."""
    for name, value in document.items():
        if name == "outline":  # made of the townships
            continue
        if name == "calendar":
            yield from (((name, key), sorted(map(str, days))) for key, days in value.items())
        else:
            yield from _flat((name,), value)


def _flat(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if path[-1] == "geometry":
        yield path, "图形 " + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:6]
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _flat((*path, key), one)
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for n, one in enumerate(value):
            key = next((str(one[name]) for name in _KEYS if one.get(name)), str(n + 1))
            yield from _flat((*path, key), one)
    elif value is not None:
        yield path, value


def _title(path: tuple[str, ...], old: dict[str, Any], new: dict[str, Any]) -> str:
    head, *rest = path
    if head == "limits":
        return LIMITS.get(rest[0], rest[0])
    if head == "calendar":
        return {"years": "年份", "holidays": "放假日", "workdays": "补班日"}[rest[0]]
    if head == "rules":
        return f"{rest[0]}.toml　{'.'.join(rest[1:])}"
    if head not in _GROUPS:
        return _FIELDS.get(head, head)
    name = _name(head, rest[0], new) or _name(head, rest[0], old) or rest[0]
    if rest[1:2] == ["severity"] and len(rest) == 4:
        return f"{name}　{_name('severities', rest[2], new) or rest[2]}　{_FIELDS.get(rest[3], rest[3])}"
    return f"{name}　{'.'.join(_FIELDS.get(part, part) for part in rest[1:])}"


def _name(part: str, code: str, document: dict[str, Any]) -> str | None:
    if part == "townships":
        return _name("units", code, document)
    return next((one["name"] for one in document.get(part, []) if one.get("code") == code), None)


def _words(value: Any) -> str:
    if value is _NONE:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(map(str, value)) or "无"
    return str(value)
