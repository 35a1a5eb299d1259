"""Findings 发现问题 of patrols: each opens a case; what was settled on the spot goes straight to review.

Of those settled a configured share is verified on the ground before it may be closed, the rest the office confirms in
a list. In practice 练习 nothing of a finding touches the ledger.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from uuid6 import uuid7

from backend.domain import cases, evidence, patrols, photos, states
from backend.domain.actors import CHIEF_ROLES, Actor
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.photos import PhotoRef
from backend.domain.words import blank
from backend.geo import check_point, to_wgs84
from backend.models import Case, Finding, Patrol, Person, Photo, Report
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

# How long the photos of something settled on the spot are waited for before it goes the way of every report.
PHOTOS_WAIT = timedelta(hours=1)
_LOOK_AGAIN = timedelta(seconds=20)


@dataclass(frozen=True)
class FindingForm:
    """`lon`, `lat` in degrees of `coord_type`; `observed_at` the phone's clock. `photos_after` is empty unless it was
    settled on the spot; `photos` then show it before."""

    category: str
    lon: float
    lat: float
    coord_type: str
    observed_at: datetime
    photos: tuple[PhotoRef, ...]
    text: str = ""
    accuracy_m: float | None = None
    practice: bool = False
    settled: bool = False
    photos_after: tuple[PhotoRef, ...] = ()
    done: str = ""


def take(work: Work, patrol_id: UUID, finding_id: UUID, form: FindingForm) -> tuple[Patrol, Finding]:
    """Keep a finding and open its case, at once, whatever else of the patrol has arrived. Repeats change nothing."""
    patrol = patrols.opened(work, patrol_id)
    there = work.session.get(Finding, (patrol_id, finding_id))
    if there is not None:
        return patrol, there
    lon, lat = _checked(work, form)
    finding = Finding(
        patrol_id=patrol_id, id=finding_id, received_at=work.now, observed_at=form.observed_at, category=form.category,
        text=form.text, lon=lon, lat=lat, coord_type=form.coord_type, accuracy_m=form.accuracy_m,
        practice=form.practice or patrol.practice, role=_role(work, patrol), unit_code=patrol.unit_code,
        claims_settled=form.settled, done=form.done,
    )  # fmt: skip
    work.session.add(finding)
    work.session.flush()
    if finding.practice:
        for ref in (*form.photos, *form.photos_after):
            photos.attach_to_finding(work, ref, patrol_id, None, "practice")
        finding.settled_at = work.now if form.settled else None
        patrols.ask_for_verdict(work, patrol)
        return patrol, finding
    report = _open_case(work, patrol, finding, form)
    for ref in form.photos:
        photos.attach_to_finding(work, ref, patrol_id, report, "report")
    after = [photos.attach_to_finding(work, ref, patrol_id, None, "after") for ref in form.photos_after]
    finding.photos_after = [str(photo.id) for photo in after]
    if form.settled and finding.role in CHIEF_ROLES:
        work.defer("settle_finding", patrol_id, finding_id)
    else:
        work.defer("route_case", report.case_id)
    return patrol, finding


def _checked(work: Work, form: FindingForm) -> tuple[float, float]:
    """The WGS-84 place of a form that is whole. Raises Fault."""
    category = work.county.category_by_code.get(form.category)
    if category is None:
        raise Fault("unknown_category", "没有这种问题类别，请从列表中选择。", field="category")
    if len(form.photos) < max(category.min_photos, 1):
        raise Fault("too_few_photos", f"这类问题至少需要 {max(category.min_photos, 1)} 张照片。", field="photos")
    if len(form.photos) > category.max_photos or len(form.photos_after) > category.max_photos:
        raise Fault("too_many_photos", f"最多 {category.max_photos} 张照片，请删掉几张。", field="photos")
    if len(form.text) > work.county.limits.report_text_max:
        raise Fault("text_too_long", f"文字最多 {work.county.limits.report_text_max} 字，请删减。", field="text")
    if form.settled and not form.photos_after:
        raise Fault("photos_after_missing", "现场办结需要处理前和处理后的照片。", field="photos_after")
    check_point(form.lon, form.lat)
    return to_wgs84(form.lon, form.lat, form.coord_type)


def _role(work: Work, patrol: Patrol) -> str:
    """In which capacity it was found: that of the patrol, before its start has arrived that of the sign-in."""
    if patrol.role is not None:
        return patrol.role
    held = sorted(one.role for one in work.actor.held if one.role in CHIEF_ROLES)
    return work.actor.role if work.actor.role in CHIEF_ROLES or not held else held[0]


def _open_case(work: Work, patrol: Patrol, finding: Finding, form: FindingForm) -> Report:
    """Report and case of a finding: the clocks start now, the time of seeing is the chief's."""
    category = work.county.category_by_code[finding.category]
    case = Case(
        id=uuid7(), source="patrol", category=category.code, urgent=category.urgent, lon=finding.lon, lat=finding.lat,
        opened_at=work.now,
    )  # fmt: skip
    person = work.session.get_one(Person, patrol.person_id)
    contact = {"name": person.name, "phone": work.vault.open(person.phone_sealed)}
    text = f"巡河发现：{category.name}。" if blank(form.text) else form.text
    report = Report(
        id=uuid7(), source="patrol", category=category.code, text=text, forwarded_text=text,
        forward_released_at=work.now, lon=finding.lon, lat=finding.lat, accuracy_m=finding.accuracy_m,
        coord_type=finding.coord_type, observed_at=min(finding.observed_at, work.now), submitted_at=work.now,
        privacy="named", account_id=patrol.account_id or work.actor.account_id,
        contact_sealed=work.vault.seal(json.dumps(contact, ensure_ascii=False)),
        receipt_hash=token_hash(new_token()),  # a chief signs in: nobody follows it by a code
        extra={"patrol": str(patrol.id), "finding": str(finding.id)},
    )  # fmt: skip
    states.open_case(work, case, report, {"category": category.code, "source": "patrol", "patrol": patrol.id})
    finding.case_id, finding.report_id = case.id, report.id
    return report


def settle(work: Work, patrol_id: UUID, finding_id: UUID) -> None:
    """Send a finding that was settled on the spot to review, once its photos have been looked at.

    With photos that cannot be used, or are not looked at in time, it is routed as every report is.
    """
    finding = work.session.get(Finding, (patrol_id, finding_id), with_for_update=True)
    if finding is None or finding.case_id is None or finding.settled_at is not None or finding.not_settled_because:
        return
    case = work.session.get_one(Case, finding.case_id)
    before = list(work.session.scalars(select(Photo).where(Photo.report_id == finding.report_id)))
    after = [work.session.get_one(Photo, UUID(one)) for one in finding.photos_after]
    if case.state != "submitted":
        finding.not_settled_because = "案件已另行处理。"
        return
    if any(photo.state == "refused" for photo in (*before, *after)):
        _route_instead(work, finding, "处理前后的照片有的无法使用，按一般问题交办。")
        return
    if not all(photo.state == "sound" for photo in (*before, *after)):
        if work.now > finding.received_at + PHOTOS_WAIT:
            _route_instead(work, finding, "处理前后的照片没有及时检查完，按一般问题交办。")
        else:
            work.defer("settle_finding", patrol_id, finding_id, after=_LOOK_AGAIN)
        return
    patrol = patrols.locked(work, patrol_id)
    work.actor = Actor(
        role=finding.role, unit=finding.unit_code, account_id=patrol.account_id, person_id=patrol.person_id
    )
    form = {"photos_before": before, "photos": after, "done": finding.done or "现场已处理。"}
    states.act(work, case.id, "settle_on_spot", form)
    finding.settled_at = work.now
    finding.sampled = _drawn(case.id, work.county.rules.patrol.settled_sample_percent)
    patrols.ask_for_verdict(work, patrol)


def _route_instead(work: Work, finding: Finding, why: str) -> None:
    finding.not_settled_because = why
    work.defer("route_case", finding.case_id)


def _drawn(case_id: UUID, percent: float) -> bool:
    """Whether a case is in the sample: by its id alone, so that nobody chooses, and anybody can check."""
    return int.from_bytes(hashlib.sha256(case_id.bytes).digest()[:4], "big") / 2**32 < percent / 100


def of_case(work: Work, case_id: UUID) -> Finding | None:
    return work.session.scalar(select(Finding).where(Finding.case_id == case_id).with_for_update())


def waiting(work: Work, sampled: bool | None, before: UUID | None, limit: int) -> list[tuple[Finding, Case]]:
    """Settled on the spot and not closed yet, the newest first: `sampled` to be seen on the ground, the rest not."""
    query = (
        select(Finding, Case)
        .join(Case, Case.id == Finding.case_id)
        .where(Finding.settled_at.is_not(None), Case.state == "in_review", cases.visible(work.actor))
    )
    if sampled is not None:
        query = query.where((Finding.sampled & Finding.verified_at.is_(None)).is_(sampled))
    if before is not None:
        query = query.where(Case.id < before)
    return [(finding, case) for finding, case in work.session.execute(query.order_by(Case.id.desc()).limit(limit))]


@dataclass(frozen=True)
class Confirmed:
    """What became of one case of a list that was confirmed."""

    case_id: UUID
    fault: Fault | None = None


def confirm(work: Work, wanted: list[tuple[UUID, int]]) -> list[Confirmed]:
    """Close many cases settled on the spot, each by itself: one that cannot be closed does not keep the others."""
    return [Confirmed(case_id, _close_one(work, case_id, version)) for case_id, version in wanted]


def _close_one(work: Work, case_id: UUID, version: int) -> Fault | None:
    try:
        with work.session.begin_nested():
            cases.get(work, case_id)
            finding = of_case(work, case_id)
            if finding is None or finding.settled_at is None:
                raise NotFound("这个案件不是现场办结的。", "not_settled")
            if evidence.unsettled(work, work.session.get_one(Case, case_id)):
                raise Conflict("photos_in_doubt", "照片存疑，请打开案件逐件核查，写明核实情况后销号。")
            states.act(work, case_id, "close", {"reason": "现场办结，经照片核对属实。"}, version)
    except Fault as fault:
        return fault
    return None


def of_patrol(work: Work, patrol: Patrol) -> list[tuple[Finding, Case | None]]:
    """The findings of a patrol with their cases, in the order in which they were seen."""
    query = select(Finding, Case).outerjoin(Case, Case.id == Finding.case_id).where(Finding.patrol_id == patrol.id)
    return [(one, case) for one, case in work.session.execute(query.order_by(Finding.observed_at, Finding.id))]


def settled_on(work: Work, patrol: Patrol) -> int:
    """How many problems of a patrol were settled on the spot."""
    query = select(Finding.id).where(Finding.patrol_id == patrol.id, Finding.settled_at.is_not(None))
    return len(work.session.scalars(query).all())
