"""The county in force: read from the database once per version, shared by all threads."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Date, bindparam, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from backend.county import County, RiskSource
from backend.domain.faults import Fault
from backend.models import CountyVersion, ReachName, RiskSourceEvent, RiskSourceVersion, Unit

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991


class NoCounty(Fault):
    status = 503

    def __init__(self) -> None:
        super().__init__("no_county", "系统尚未导入本县的配置，请联系管理员运行 qinghe county load。")


@dataclass(frozen=True)
class Version:
    id: int
    county: County


class Counties:
    """A cache of parsed county documents by version id, and of what the register of risk sources makes of them."""

    def __init__(self) -> None:
        self._parsed: dict[int, Version] = {}
        self._completed: OrderedDict[tuple[int, int, int], Version] = OrderedDict()
        self._lock = threading.Lock()

    def current(self, session: Session, now: datetime) -> Version:
        """The version in force at `now`, with the risk sources that are then on the register.

        Raises NoCounty when none was ever loaded.
        """
        today = now.astimezone(SHANGHAI).date()
        version_id, rows, last = session.execute(_IN_FORCE, {"today": today}).one()
        if version_id is None:
            raise NoCounty
        plain = self.at(session, version_id)
        return self._complete(session, plain, today, rows, last) if rows else plain

    def _complete(self, session: Session, plain: Version, today: date, rows: int, last: int) -> Version:
        """The version with the register's risk sources: the same object as long as nothing has changed."""
        key = (plain.id, rows, last)
        with self._lock:
            known = self._completed.get(key)
            if known is not None:
                self._completed.move_to_end(key)
                return known
        counting = (
            select(RiskSourceVersion)
            .where(RiskSourceVersion.effective_on <= today)
            .ext(distinct_on(RiskSourceVersion.code))
            .order_by(RiskSourceVersion.code, RiskSourceVersion.effective_on.desc(), RiskSourceVersion.id.desc())
        )
        sources = tuple(_risk_source(row) for row in session.scalars(counting))
        # Not model_copy: it would carry over what the county has worked out of its own sources.
        fields = {name: getattr(plain.county, name) for name in County.model_fields}
        made = Version(plain.id, County.model_construct(**{**fields, "risk_sources": sources}))
        with self._lock:
            self._completed[key] = made = self._completed.get(key, made)
            if len(self._completed) > _KEPT:
                self._completed.popitem(last=False)
        return made

    def at(self, session: Session, version_id: int) -> Version:
        parsed = self._parsed.get(version_id)
        if parsed is not None:
            return parsed
        with self._lock:
            if version_id not in self._parsed:
                row = session.get_one(CountyVersion, version_id)
                self._parsed[version_id] = Version(version_id, County.model_validate(row.document))
            return self._parsed[version_id]


_TODAY = bindparam("today", type_=Date)
_NEWEST = (
    select(CountyVersion.id)
    .where(CountyVersion.effective_on <= _TODAY)
    .order_by(CountyVersion.effective_on.desc(), CountyVersion.id.desc())
    .limit(1)
)
# A row is never changed, so that how many count and which is the last says whether the register has moved.
_REGISTER = select(func.count(), func.coalesce(func.max(RiskSourceVersion.id), 0)).where(
    RiskSourceVersion.effective_on <= _TODAY
)
_IN_FORCE = select(_NEWEST.scalar_subquery(), *_REGISTER.subquery().c)  # asked at every request: put together once

_KEPT = 4  # days and registers in use at once


def _risk_source(row: RiskSourceVersion) -> RiskSource:
    return RiskSource(
        code=row.code, name=row.name, kind=row.kind, unit=row.unit_code, reach=row.reach,  # type: ignore[arg-type]
        near_m=row.near_m, status=row.status,  # type: ignore[arg-type]
        geometry={"type": "Point", "coordinates": [row.lon, row.lat]},
    )  # fmt: skip


def load(
    session: Session, county: County, effective_on: date, now: datetime, made_by: str | None = None, reason: str = ""
) -> CountyVersion | None:
    """Store a county as the version from `effective_on`. Returns None when that is what is in force already.

    `made_by` and `reason`: who of the office puts it in force and why; nobody when it is loaded on the server.
    """
    document: dict[str, Any] = county.model_dump(mode="json")
    for name in ("holidays", "workdays"):  # sets have no order, the digest needs one
        document["calendar"][name] = sorted(document["calendar"][name])
    digest = hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    newest = session.scalar(
        select(CountyVersion)
        .where(CountyVersion.effective_on <= effective_on)
        .order_by(CountyVersion.effective_on.desc(), CountyVersion.id.desc())
        .limit(1)
    )
    for unit in county.units:
        statement = insert(Unit).values(code=unit.code, name=unit.name, kind=unit.kind)
        session.execute(
            statement.on_conflict_do_update(index_elements=["code"], set_={"name": unit.name, "kind": unit.kind})
        )
    for reach in county.reaches:
        named = insert(ReachName).values(code=reach.code, name=reach.name, river=reach.river)
        session.execute(
            named.on_conflict_do_update(index_elements=["code"], set_={"name": reach.name, "river": reach.river})
        )
    _register(session, county, effective_on, now)
    if newest is not None and newest.digest == digest:
        return None
    version = CountyVersion(
        effective_on=effective_on, loaded_at=now, digest=digest, document=document, made_by=made_by,
        reason=reason or None,
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version


def _register(session: Session, county: County, effective_on: date, now: datetime) -> None:
    """Enter the risk sources of the files: those that are new, and those that have changed there while nobody else has.

    What the office has written is the office's: the files only begin the register, and take nothing from it.
    """
    known: dict[str, RiskSourceVersion] = {}
    for row in session.scalars(select(RiskSourceVersion).order_by(RiskSourceVersion.id)):
        if known.get(row.code) is None or known[row.code].origin == "file":
            known[row.code] = row
    for source in county.risk_sources:
        before = known.get(source.code)
        if before is not None and (before.origin == "office" or _risk_source(before) == source):
            continue
        lon, lat = source.geometry["coordinates"]
        row = RiskSourceVersion(
            code=source.code, effective_on=effective_on, recorded_at=now, recorded_by="file", origin="file",
            reason="县配置文件导入", name=source.name, kind=source.kind, status=source.status, unit_code=source.unit,
            reach=source.reach, near_m=source.near_m, lon=lon, lat=lat,
        )  # fmt: skip
        session.add(row)
        session.flush()
        what = "registered" if before is None else "changed"
        data = {"version": row.id, "effective_on": str(effective_on), "reason": row.reason}
        session.add(
            RiskSourceEvent(code=row.code, at=now, kind=what, actor="file", role="file", unit_code=None, data=data)
        )
    session.flush()
