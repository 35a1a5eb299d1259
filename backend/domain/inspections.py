"""Inspections 巡查 of risk sources: what somebody saw there, and the case that it opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import func, select

from backend.clock import shanghai_day
from backend.county import RiskSource
from backend.domain import photos, reports, risk_sources
from backend.domain.actors import CHIEF_ROLES, OUTSIDE_ROLES, Actor
from backend.domain.faults import Fault, Forbidden
from backend.domain.photos import PhotoRef
from backend.domain.words import blank
from backend.geo import check_point, distance_m, to_wgs84
from backend.models import Inspection

if TYPE_CHECKING:
    from backend.work import Work

_CLOCK_SLACK = timedelta(minutes=10)


@dataclass(frozen=True)
class InspectionForm:
    """What was seen. `lon`, `lat` in degrees of `coord_type`: where the inspector stood; `at` aware, None is now.

    `category`: of which kind the problem is; a case is opened with the words and photos.
    """

    result: Literal["normal", "problem"]
    words: str
    photos: tuple[PhotoRef, ...]
    lon: float
    lat: float
    coord_type: Literal["wgs84", "gcj02"]
    at: datetime | None = None
    category: str | None = None


def may_inspect(work: Work, actor: Actor, source: RiskSource) -> bool:
    """The county's people and departments everywhere; a township's where it answers for the source, chiefs also where
    it has a bank of the reach."""
    unit = work.county.unit_by_code.get(actor.unit or "")
    if actor.role in OUTSIDE_ROLES or (unit is not None and unit.kind == "department"):
        return True
    reach = work.county.reach_by_code.get(source.reach or "")
    banks = (reach.left_bank, reach.right_bank) if reach is not None and actor.role in CHIEF_ROLES else ()
    return actor.unit is not None and actor.unit in (source.unit, *banks)


def record(work: Work, code: str, form: InspectionForm, key: str) -> Inspection:
    """Take down an inspection; a problem is put on the ledger, and routing says whose it is. `key`: of idempotency."""
    source = risk_sources.get(work, code)
    if not may_inspect(work, work.actor, source):
        raise Forbidden("not_yours_to_inspect", "这个风险源不在您的职责范围内。")
    if blank(form.words):
        raise Fault("missing_field", "请写下巡查情况。", field="words")
    if not form.photos:
        raise Fault("missing_field", "请至少上传一张现场照片。", field="photos")
    check_point(form.lon, form.lat)
    lon, lat = to_wgs84(form.lon, form.lat, form.coord_type)
    there_lon, there_lat = source.geometry["coordinates"]
    inspection = Inspection(
        code=code, at=_seen_at(work, form.at), by=work.actor.label, role=work.actor.role, unit_code=work.actor.unit,
        result=form.result, words=form.words, lon=lon, lat=lat,
        distance_m=distance_m(lon, lat, there_lon, there_lat),
    )  # fmt: skip
    work.session.add(inspection)
    work.session.flush()
    if form.result == "problem":
        inspection.case_id = _open_case(work, source, form, inspection.at, key)
    else:
        for ref in form.photos:
            photos.attach_to_inspection(work, ref, inspection)
    data = {"inspection": inspection.id, "result": form.result, "case": inspection.case_id}
    risk_sources.note(work, code, "inspected", data)
    return inspection


def _seen_at(work: Work, at: datetime | None) -> datetime:
    if at is None:
        return work.now
    if at > work.now + _CLOCK_SLACK:
        raise Fault("observed_in_future", "巡查时间在将来，请检查手机时间。", field="at")
    days = work.county.limits.observed_max_days
    if at < work.now - timedelta(days=days):
        raise Fault("observed_too_old", f"巡查时间超过 {days} 天，不能补录。", field="at")
    return at


def _open_case(work: Work, source: RiskSource, form: InspectionForm, at: datetime, key: str) -> UUID:
    if form.category is None:
        raise Fault("missing_field", "发现问题的，请选择问题类别。", field="category")
    lon, lat = source.geometry["coordinates"]
    report_form = reports.ReportForm(
        category=form.category, text=form.words, lon=lon, lat=lat, coord_type="wgs84", privacy="named",
        photos=form.photos, address=source.name, observed_at=at,
    )  # fmt: skip
    report, _ = reports.submit(work, report_form, key, source="inspection", risk_source=source.code)
    return report.case_id


def last_of(work: Work) -> dict[str, datetime]:
    """When each source was looked at last."""
    query = select(Inspection.code, func.max(Inspection.at)).group_by(Inspection.code)
    return dict(work.session.execute(query).all())


def due_on(work: Work, source: RiskSource, last: datetime | None, since: datetime) -> date | None:
    """By which day a watched source is to be looked at again; None when nothing is asked. `since`: on the register."""
    days = work.county.rules.risk_sources.inspect_days.get(source.kind)
    if days is None or source.status != "watched":
        return None
    return shanghai_day(max(last or since, since)) + timedelta(days=days)


def overdue(work: Work, due_on: date | None) -> bool:
    return due_on is not None and due_on < shanghai_day(work.now)


def of_source(work: Work, code: str, before: datetime | None, limit: int) -> list[Inspection]:
    """The inspections of a source, the last first."""
    query = select(Inspection).where(Inspection.code == code)
    if before is not None:
        query = query.where(Inspection.at < before)
    return list(work.session.scalars(query.order_by(Inspection.at.desc(), Inspection.id.desc()).limit(limit)))
