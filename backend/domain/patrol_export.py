"""Patrols handed on 巡河数据上报: a documented archive that another platform takes in. See docs/patrol-export.md."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import and_, select

from backend.clock import SHANGHAI
from backend.domain.actors import ROLE_NAMES
from backend.domain.faults import Fault
from backend.domain.ledger import note_use
from backend.domain.periods import in_period
from backend.domain.sheets import harmless
from backend.models import Patrol, PatrolCompanion, Person, Verdict

if TYPE_CHECKING:
    from backend.work import Work

FORMAT = "qinghe-patrols 1"
CONTENT_TYPE = "application/zip"
_LONGEST_DAYS = 92
_AT_ONCE = 200
COLUMNS = (
    "patrol_id", "county", "chief", "role", "role_name", "unit", "unit_name", "reaches", "companions", "began_at",
    "ended_at", "mode", "valid", "verdict_at", "rule_version", "distance_m", "along_m", "duration_s", "moving_s",
    "covered_m", "received_at",
)  # fmt: skip


def write(work: Work, first: date, last: date, unit: str | None, into: IO[bytes]) -> int:
    """Write the archive of the judged patrols that began in these days of Asia/Shanghai; practice is left out.

    Memory does not grow with their number. Returns how many there are. Raises Fault for a period that cannot be meant.
    """
    if first > last:
        raise Fault("bad_period", "起始日期不能晚于截止日期。", field="period")
    if (last - first).days >= _LONGEST_DAYS:
        raise Fault("period_too_long", f"一次最多导出 {_LONGEST_DAYS} 天，请分几次导出。", field="period")
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("patrols.csv", "w") as table:
            count = _table(work, first, last, unit, table)
        with archive.open("tracks.geojsons", "w") as tracks:
            for patrol, _, verdict in _rows(work, first, last, unit):
                tracks.write((json.dumps(_track(patrol, verdict), ensure_ascii=False) + "\n").encode())
        about = {
            "format": FORMAT, "county": work.county.code, "county_name": work.county.name, "first": str(first),
            "last": str(last), "unit": unit, "patrols": count, "made_at": work.now.astimezone(UTC).isoformat(),
            "coordinates": "WGS-84 (EPSG:4326), longitude latitude",
        }  # fmt: skip
        archive.writestr("about.json", json.dumps(about, ensure_ascii=False, indent=1))
    note_use(work, "patrol_export", count, {"first": str(first), "last": str(last), "unit": unit})
    return count


def _rows(work: Work, first: date, last: date, unit: str | None) -> Iterator[tuple[Patrol, str, Verdict]]:
    query = (
        select(Patrol, Person.name, Verdict)
        .join(Person, Person.id == Patrol.person_id)
        .join(Verdict, and_(Verdict.patrol_id == Patrol.id, Verdict.seq == Patrol.verdict_seq))
        .where(~Patrol.practice, *in_period(Patrol.began_at, first, last))
        .order_by(Patrol.began_at, Patrol.id)
    )
    if unit is not None:
        query = query.where(Patrol.unit_code == unit)
    yield from work.session.execute(query.execution_options(yield_per=_AT_ONCE))


def _table(work: Work, first: date, last: date, unit: str | None, into: IO[bytes]) -> int:
    text = io.TextIOWrapper(into, "utf-8-sig", newline="", write_through=True)
    out = csv.writer(text)
    out.writerow(COLUMNS)
    count = 0
    for patrol, name, verdict in _rows(work, first, last, unit):
        out.writerow(_line(work, patrol, name, verdict))
        count += 1
    text.detach()
    return count


def _line(work: Work, patrol: Patrol, name: str, verdict: Verdict) -> list[Any]:
    units = work.county.unit_by_code
    found = verdict.judgement
    counted = [one["reach"] for one in verdict.decision["reaches"] if one["counts"]]
    return [
        patrol.id, work.county.code, harmless(name), patrol.role, ROLE_NAMES.get(patrol.role or "", ""),
        patrol.unit_code, units[patrol.unit_code].name if patrol.unit_code in units else "", ";".join(counted),
        ";".join(_companions(work, patrol)), _time(patrol.began_at), _time(patrol.ended_at), patrol.mode,
        "1" if patrol.valid else "0", _time(verdict.made_at), verdict.county_version,
        *(round(found[name], 1) for name in ("distance_m", "along_m", "duration_s", "moving_s", "covered_m")),
        _time(patrol.finish_received_at or patrol.finished_at),
    ]  # fmt: skip


def _companions(work: Work, patrol: Patrol) -> list[str]:
    named = select(Person.name).join(PatrolCompanion, PatrolCompanion.person_id == Person.id)
    there = named.where(PatrolCompanion.patrol_id == patrol.id, PatrolCompanion.declined_at.is_(None))
    return [harmless(name) for name in work.session.scalars(there.order_by(Person.name))]


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _track(patrol: Patrol, verdict: Verdict) -> dict[str, Any]:
    """One GeoJSON Feature: the simplified line and the moment of each vertex, milliseconds since 1970 UTC."""
    line = verdict.judgement["line"]
    places = [[lon, lat] for lon, lat, _ in line]
    return {
        "type": "Feature",
        "id": str(patrol.id),
        "geometry": {"type": "LineString", "coordinates": places} if len(places) > 1 else None,
        "properties": {"patrol_id": str(patrol.id), "times_ms": [at for _, _, at in line]},
    }
