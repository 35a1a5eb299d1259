"""Reports: taken in whole or not at all, and found again by their reporter. What they do then: reporters.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import select
from uuid6 import uuid7

from backend.domain import content, events, photos, states
from backend.domain.actors import Actor
from backend.domain.faults import Fault, NotFound, Unauthenticated
from backend.domain.masking import mask, needs_release
from backend.domain.photos import PhotoRef
from backend.domain.words import blank
from backend.geo import check_point, to_wgs84
from backend.models import Case, Report

if TYPE_CHECKING:
    from backend.work import Work

Privacy = Literal["named", "confidential", "anonymous"]


@dataclass(frozen=True)
class ReportForm:
    """`lon`, `lat` in degrees of the named `coord_type`; `accuracy_m` metres; `observed_at` aware."""

    category: str
    text: str
    lon: float
    lat: float
    coord_type: Literal["wgs84", "gcj02"]
    privacy: Privacy
    photos: tuple[PhotoRef, ...] = ()
    accuracy_m: float | None = None
    address: str = ""
    observed_at: datetime | None = None
    contact_name: str = ""
    contact_phone: str = ""
    accuses_officials: bool = False


def submit(
    work: Work, form: ReportForm, idempotency_key: str, source: str = "resident", risk_source: str | None = None
) -> tuple[Report, str]:
    """Take a report in: report, case, event and the routing to be done, in one transaction.

    `risk_source`: at which it was made, when that is known beforehand.

    Returns the report and its receipt code. Raises Fault for each kind of bad input.
    """
    category = work.county.category_by_code.get(form.category)
    if category is None:
        raise Fault("unknown_category", "没有这种问题类别，请从列表中选择。", field="category")
    if blank(form.text):
        raise Fault("empty_text", "请用一两句话写明看到了什么。", field="text")
    limit = work.county.limits.report_text_max
    if len(form.text) > limit:
        raise Fault("text_too_long", f"文字最多 {limit} 字，现在有 {len(form.text)} 字，请删减。", field="text")
    if "\0" in form.text + form.address:
        raise Fault("bad_text", "文字中有无法识别的字符，请删除后重试。", field="text")
    if len(form.photos) < category.min_photos:
        raise Fault("too_few_photos", f"这类问题至少需要 {category.min_photos} 张照片。", field="photos")
    if len(form.photos) > category.max_photos:
        raise Fault("too_many_photos", f"最多 {category.max_photos} 张照片，请删掉几张。", field="photos")
    if form.privacy != "anonymous" and work.actor.account_id is None:
        raise Unauthenticated("sign_in_to_report", "实名或保密举报需要先登录；不想登录可以选择匿名举报。")
    check_point(form.lon, form.lat)
    lon, lat = to_wgs84(form.lon, form.lat, form.coord_type)
    observed_at = _observed(work, form.observed_at)
    case = Case(
        id=uuid7(), source=source, category=category.code, urgent=category.urgent, lon=lon, lat=lat,
        opened_at=work.now, risk_source=risk_source,
    )  # fmt: skip
    report_id = uuid7()
    code = work.vault.receipt_code(str(report_id), idempotency_key)
    report = Report(
        id=report_id,
        source=source,
        category=category.code,
        text=form.text,
        forwarded_text=mask(form.text),
        forward_released_at=None if needs_release(form.privacy, category.sensitive) else work.now,
        lon=lon,
        lat=lat,
        accuracy_m=form.accuracy_m,
        coord_type=form.coord_type,
        address=form.address,
        observed_at=observed_at,
        submitted_at=work.now,
        privacy=form.privacy,
        account_id=None if form.privacy == "anonymous" else work.actor.account_id,
        contact_sealed=sealed_contact(work, form.privacy, form.contact_name, form.contact_phone),
        receipt_hash=work.vault.digest("receipt", work.vault.normal_receipt(code)),
        extra={"accuses_officials": form.accuses_officials},
    )
    states.open_case(work, case, report, {"category": category.code, "source": source})
    photos.attach_to_report(work, form.photos, report)
    content.ask_of_report(work, report)
    work.defer("route_case", case.id)
    return report, code


def _observed(work: Work, observed_at: datetime | None) -> datetime:
    if observed_at is None:
        return work.now
    if observed_at > work.now + timedelta(minutes=10):
        raise Fault("observed_in_future", "发现时间在将来，请检查手机时间或重新填写。", field="observed_at")
    if observed_at < work.now - timedelta(days=work.county.limits.observed_max_days):
        days = work.county.limits.observed_max_days
        raise Fault("observed_too_old", f"发现时间超过 {days} 天，请填写最近一次看到的时间。", field="observed_at")
    return observed_at


def sealed_contact(work: Work, privacy: Privacy, name: str, phone: str) -> str | None:
    """Name and phone, sealed. An anonymous report keeps neither, whatever was typed."""
    if privacy == "anonymous" or not (name or phone):
        return None
    return work.vault.seal(json.dumps({"name": name, "phone": phone}, ensure_ascii=False))


def by_receipt(work: Work, code: str) -> Report:
    """The report of a receipt code as typed by hand. Unknown codes all look alike."""
    digest = work.vault.digest("receipt", work.vault.normal_receipt(code))
    report = work.session.scalar(select(Report).where(Report.receipt_hash == digest))
    if report is None:
        raise NotFound("没有这个回执码，请检查是否输错。", "unknown_receipt")
    return report


def own(work: Work, report_id: UUID) -> Report:
    """A report of the acting reporter; anybody else's does not exist for them."""
    report = work.session.get(Report, report_id)
    if report is None or not is_own(work.actor, report):
        raise NotFound("找不到这份举报。")
    return report


def is_own(actor: Actor, report: Report) -> bool:
    if actor.role == "receipt":
        return report.id == actor.report_id
    return actor.account_id is not None and report.account_id == actor.account_id


def mine(work: Work, before: UUID | None, limit: int) -> list[Report]:
    """The acting account's reports, newest first, after the cursor `before`."""
    query = select(Report).where(Report.account_id == work.actor.account_id)
    if before is not None:
        query = query.where(Report.id < before)
    return list(work.session.scalars(query.order_by(Report.id.desc()).limit(limit)))


def locked_case(work: Work, report: Report) -> Case:
    """The case of a report, locked; another one when the report was moved there meanwhile."""
    while True:
        case = events.lock(work, report.case_id)
        work.session.refresh(report, ["case_id"])
        if report.case_id == case.id:
            return case
