"""The county in force: read from the database once per version, shared by all threads."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.county import County
from backend.domain.faults import Fault
from backend.models import CountyVersion, ReachName, Unit

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
    """A cache of parsed county documents by version id."""

    def __init__(self) -> None:
        self._parsed: dict[int, Version] = {}
        self._lock = threading.Lock()

    def current(self, session: Session, now: datetime) -> Version:
        """The version in force at `now`. Raises NoCounty when none was ever loaded."""
        newest = (
            select(CountyVersion.id)
            .where(CountyVersion.effective_on <= now.astimezone(SHANGHAI).date())
            .order_by(CountyVersion.effective_on.desc(), CountyVersion.id.desc())
            .limit(1)
        )
        version_id = session.scalar(newest)
        if version_id is None:
            raise NoCounty
        return self.at(session, version_id)

    def at(self, session: Session, version_id: int) -> Version:
        parsed = self._parsed.get(version_id)
        if parsed is not None:
            return parsed
        with self._lock:
            if version_id not in self._parsed:
                row = session.get_one(CountyVersion, version_id)
                self._parsed[version_id] = Version(version_id, County.model_validate(row.document))
            return self._parsed[version_id]


def load(session: Session, county: County, effective_on: date, now: datetime) -> CountyVersion | None:
    """Store a county as the version from `effective_on`. Returns None when that is what is in force already."""
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
    if newest is not None and newest.digest == digest:
        return None
    version = CountyVersion(effective_on=effective_on, loaded_at=now, digest=digest, document=document)
    session.add(version)
    session.flush()
    return version
