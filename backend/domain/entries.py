"""Cases that come to the office on paper or by another's system 录入: inspections, petitions, orders from above.

The words of the source become a report, immutable like any other; the office adds the number under which the source
knows it, and the deadline that it named. From then on the case takes the way of every other, or the office assigns it
at once.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from uuid6 import uuid7

from backend.clock import end_of_day, shanghai_day
from backend.domain import deadlines, photos, placement, severity, states
from backend.domain.faults import Conflict, Fault
from backend.domain.masking import mask, needs_release
from backend.domain.named_places import NOWHERE, NamedPlace, Standing, standing_for
from backend.domain.photos import PhotoRef
from backend.domain.reports import Privacy, sealed_contact
from backend.domain.words import source_number
from backend.geo import CoordType, check_point, to_wgs84
from backend.models import Case, Report
from backend.rules.sources import Source

if TYPE_CHECKING:
    from backend.work import Work


@dataclass(frozen=True)
class Point:
    """Degrees in the named `coord_type`."""

    lon: float
    lat: float
    coord_type: CoordType
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Entry:
    """What a paper says. `issuer` is who sent it; days are days of Asia/Shanghai, a day ends at the county's hour.

    `ordered_by`, `sign_by`: until when the source wants it done, and signed for. `observed_at`: when it was told.
    """

    source: str
    category: str
    text: str
    number: str = ""
    issuer: str = ""
    point: Point | None = None
    named: NamedPlace = NOWHERE
    address: str = ""
    received_on: date | None = None
    ordered_by: date | datetime | None = None
    sign_by: date | datetime | None = None
    observed_at: datetime | None = None
    privacy: Privacy = "confidential"
    contact_name: str = ""
    contact_phone: str = ""
    severity: str | None = None
    urgent: bool = False
    accuses_officials: bool = False
    forwarded_text: str | None = None
    photos: tuple[PhotoRef, ...] = ()


@dataclass(frozen=True)
class Direct:
    """To whom the office assigns the case at once, instead of leaving it to routing."""

    unit: str
    reason: str
    assisting: tuple[str, ...] = ()


def enter(work: Work, entry: Entry, direct: Direct | None = None) -> Case:
    """Put a case of another source on the ledger. Raises Fault for what cannot be meant or is there already."""
    source = work.county.rules.sources.kinds.get(entry.source)
    if source is None or not source.entered:
        raise Fault("unknown_source", "这种来源不能由县河长办录入，请从列表中选择。", field="source")
    _check(work, entry)
    if source_number(entry.number):
        refuse_known(work, entry.source, source_number(entry.number))
    case = put_on_ledger(work, entry, source)
    if direct is None:
        work.defer("route_case", case.id)
        return case
    placement.locate(work, case)
    form: dict[str, Any] = {"unit": direct.unit, "assisting": list(direct.assisting), "reason": direct.reason}
    if entry.forwarded_text:
        form["forwarded_text"] = entry.forwarded_text
    return states.act(work, case.id, "assign", form)


def _check(work: Work, entry: Entry) -> None:
    today = shanghai_day(work.now)
    if entry.received_on is not None and entry.received_on > today:
        raise Fault("received_in_future", "收件日期不能晚于今天。", field="received_on")
    if entry.ordered_by is not None and deadlines.moment(work, entry.ordered_by) <= work.now:
        raise Fault("deadline_past", "来源要求的期限已经过去，请核对日期。", field="ordered_by")


def put_on_ledger(work: Work, entry: Entry, source: Source) -> Case:
    """The case and its report, in the first state and not yet routed; used for what is typed and for what is imported.

    A deadline in the past is kept and shown, and rules nothing. Raises Fault for unknown codes; that the number is not
    on the ledger yet, the caller knows.
    """
    category = work.county.category_by_code.get(entry.category)
    if category is None:
        raise Fault("unknown_category", "没有这种问题类别，请从列表中选择。", field="category")
    if len(entry.text) > work.county.limits.report_text_max:
        limit = work.county.limits.report_text_max
        raise Fault("text_too_long", f"文字最多 {limit} 字，现在有 {len(entry.text)} 字，请删减。", field="text")
    number = source_number(entry.number)
    if not number and source.numbered:
        raise Fault("number_missing", f"{source.name}必须填写来源的编号。", field="number")
    standing = _standing(work, entry)
    received_on = entry.received_on or shanghai_day(work.now)
    case = Case(
        id=uuid7(),
        source=entry.source,
        source_number=number or None,
        ordered_by=_ordered_by(work, entry, source, received_on),
        sign_by=deadlines.moment(work, entry.sign_by) if entry.sign_by is not None else None,
        category=category.code,
        urgent=category.urgent or source.urgent or entry.urgent,
        lon=standing.lon,
        lat=standing.lat,
        place_from=standing.place_from,
        opened_at=work.now,
    )
    for level in (source.severity, entry.severity):
        if level is not None:
            severity.set_level(work, case, level)
    data = {"category": category.code, "source": entry.source, "number": number, "received_on": received_on}
    report = _report(work, entry, case, received_on)
    report.forward_released_at = None if needs_release(entry.privacy, category.sensitive) else work.now
    states.open_case(work, case, report, {**data, "ordered_by": case.ordered_by})
    photos.attach_to_report(work, entry.photos, report)
    return case


def _report(work: Work, entry: Entry, case: Case, received_on: date) -> Report:
    return Report(
        id=uuid7(),
        source=entry.source,
        category=case.category,
        text=entry.text,
        forwarded_text=entry.forwarded_text or mask(entry.text),
        lon=case.lon,
        lat=case.lat,
        accuracy_m=entry.point.accuracy_m if entry.point else None,
        coord_type=entry.point.coord_type if entry.point else "wgs84",
        address=entry.address,
        observed_at=entry.observed_at or work.now,
        submitted_at=work.now,
        privacy=entry.privacy,
        contact_sealed=sealed_contact(work, entry.privacy, entry.contact_name, entry.contact_phone),
        # Nobody is given this receipt: whoever wrote to another body hears from that body.
        receipt_hash=work.vault.digest("receipt", uuid.uuid4().hex),
        extra={
            "accuses_officials": entry.accuses_officials,
            "reach": entry.named.reach,
            "township": entry.named.township,
            "issuer": entry.issuer,
            "received_on": str(received_on),
        },
    )


def refuse_known(work: Work, source: str, number: str) -> None:
    """Raise Conflict when the source's number is on the ledger; who asks at the same moment waits for the other."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"{source} {number}"))))
    known = work.session.scalar(select(Case).where(Case.source == source, Case.source_number == number))
    if known is not None:
        title = f"编号 {number} 已经录入过，案件是 {known.number}。"
        raise Conflict("already_entered", title, case_id=str(known.id), number=known.number)


def _standing(work: Work, entry: Entry) -> Standing:
    if entry.point is None:
        return standing_for(work.county, entry.named)
    check_point(entry.point.lon, entry.point.lat)
    return Standing(*to_wgs84(entry.point.lon, entry.point.lat, entry.point.coord_type), "given")


def _ordered_by(work: Work, entry: Entry, source: Source, received_on: date) -> datetime | None:
    """What the paper says, or else what this source gives from the day the paper came."""
    if entry.ordered_by is not None:
        return deadlines.moment(work, entry.ordered_by)
    if source.deadline_days is None:
        return None
    return deadlines.after(work, end_of_day(received_on, "12:00:00"), source.deadline_days)
