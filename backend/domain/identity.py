"""Who a reporter is: sealed at rest, shown to the county office with a reason, each look put on record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.words import blank
from backend.models import IdentityLook, Report

if TYPE_CHECKING:
    from backend.work import Work

# Who may see that somebody looked: the office itself, and those who watch over it.
MAY_SEE_LOOKS = frozenset({"office", "inspector", "county_chief"})


@dataclass(frozen=True)
class Contact:
    """What the reporter left; either may be empty."""

    name: str
    phone: str


def look(work: Work, report_id: UUID, reason: str) -> tuple[IdentityLook, Contact]:
    """Open the sealed contact of a 实名 or 保密 report for the acting official of the office, and put it on record.

    Raises Forbidden, NotFound, Fault when the report is anonymous, Conflict when its identity was erased.
    """
    if work.actor.role != "office" or work.actor.person_id is None:
        raise Forbidden("office_only", "只有县河长办的工作人员可以查看举报人身份。")
    if blank(reason):
        raise Fault("missing_field", "请写明查看举报人身份的理由。", field="reason")
    report = work.session.get(Report, report_id)
    if report is None:
        raise NotFound("找不到这份举报。")
    if report.privacy == "anonymous":
        raise Fault("anonymous", "这是匿名举报，系统没有保存举报人的身份。")
    if report.contact_sealed is None:
        if report.account_id is None:
            raise Conflict("identity_erased", "举报人的身份信息已依法删除。")
        raise Conflict("no_contact", "举报人没有留下姓名和电话。")
    made = IdentityLook(
        at=work.now, report_id=report.id, person_id=work.actor.person_id, role=work.actor.role,
        unit_code=work.actor.unit, reason=reason,
    )  # fmt: skip
    work.session.add(made)
    work.session.flush()
    return made, contact_of(work, report)


def contact_of(work: Work, report: Report) -> Contact:
    """For whoever has a right to it: everybody else goes through `look`."""
    return contact_in(work, report.contact_sealed)


def contact_in(work: Work, sealed: str | None) -> Contact:
    """What reports.sealed_contact sealed."""
    left = json.loads(work.vault.open(sealed)) if sealed else {}
    return Contact(left.get("name") or "", left.get("phone") or "")


def looks(work: Work, report_id: UUID | None, before: int | None, limit: int) -> list[IdentityLook]:
    """Who has looked, the latest first: at one report, or at any."""
    if work.actor.role not in MAY_SEE_LOOKS:
        raise Forbidden("overseers_only", "您的身份不能查看这份记录。")
    query = select(IdentityLook).order_by(IdentityLook.id.desc()).limit(limit)
    if report_id is not None:
        query = query.where(IdentityLook.report_id == report_id)
    return list(work.session.scalars(query if before is None else query.where(IdentityLook.id < before)))
