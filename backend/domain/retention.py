"""What has been kept long enough goes 到期删除: by the county's rules, some hundred at a time, four times a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select

from backend.domain import erasure
from backend.domain.actors import TIMER
from backend.models import (
    BindingCode,
    Case,
    CaseEvent,
    Deferred,
    Delivery,
    DeskSession,
    IdempotencyKey,
    Notice,
    Photo,
    Report,
    SignIn,
)

if TYPE_CHECKING:
    from backend.work import Work

AT_ONCE = 500
# In these a case is over; a closed one can still be disputed.
_OVER = ("archived", "rejected", "transferred")


def carry_out(work: Work) -> int:
    """One round. Defers the next one while there may be more. Returns how many rows and reports it dealt with."""
    rules = work.county.rules.retention
    rounds: tuple[Callable[[], int], ...] = (
        lambda: _rows(work, IdempotencyKey, IdempotencyKey.created_at < _before(work, rules.request_days)),
        lambda: _rows(work, Deferred, Deferred.done_at < _before(work, rules.work_days)),
        lambda: _rows(work, SignIn, _ended(SignIn, _before(work, rules.sign_in_days))),
        lambda: _rows(work, DeskSession, _ended(DeskSession, _before(work, rules.sign_in_days))),
        lambda: _rows(work, BindingCode, BindingCode.expires_at < _before(work, rules.sign_in_days)),
        lambda: _notices(work, _before(work, rules.notice_days)),
        lambda: _identities(work, rules.identity_days),
        lambda: _photos(work, rules.photo_days),
    )
    counts = [one() for one in rounds]
    if max(counts) >= AT_ONCE:
        work.defer("keep_no_longer")
    return sum(counts)


def _before(work: Work, days: int) -> datetime:
    return work.now - timedelta(days=days)


def _ended(kind: type[SignIn | DeskSession], before: datetime) -> ColumnElement[bool]:
    return or_(kind.ended_at < before, kind.expires_at < before)


def _rows(work: Work, kind: Any, which: ColumnElement[bool]) -> int:
    (key,) = kind.__table__.primary_key.columns
    found = list(work.session.scalars(select(key).where(which).limit(AT_ONCE)))
    work.session.execute(delete(kind).where(key.in_(found)))
    return len(found)


def _notices(work: Work, before: datetime) -> int:
    """With what was sent of them. One that is still to be sent stays."""
    waiting = select(Delivery.id).where(Delivery.notice_id == Notice.id, Delivery.state == "waiting").exists()
    old = select(Notice.id).where(Notice.created_at < before, ~waiting).limit(AT_ONCE)
    found = list(work.session.scalars(old))
    work.session.execute(delete(Delivery).where(Delivery.notice_id.in_(found)))
    work.session.execute(delete(Notice).where(Notice.id.in_(found)))
    return len(found)


def _over(before: datetime) -> ColumnElement[bool]:
    """The case has been over since before then: what ended it is the last event that changed its state."""
    ended = select(func.max(CaseEvent.at)).where(
        CaseEvent.case_id == Case.id, CaseEvent.from_state.is_distinct_from(CaseEvent.to_state)
    )
    return Case.state.in_(_OVER) & (ended.scalar_subquery() < before)


def _identities(work: Work, days: int) -> int:
    if not days:
        return 0
    known = or_(Report.contact_sealed.is_not(None), Report.account_id.is_not(None))
    return _erase(work, days, known, f"案件办结满{days}天，按保存期限删除举报人身份。", pictures=False)


def _photos(work: Work, days: int) -> int:
    if not days:
        return 0
    kept = select(Photo.id).where(Photo.report_id == Report.id, Photo.state != "erased").exists()
    return _erase(work, days, kept, f"案件办结满{days}天，按保存期限删除举报照片。", pictures=True)


def _erase(work: Work, days: int, which: ColumnElement[bool], reason: str, pictures: bool) -> int:
    """Through lawful erasure, so that the case's chain tells of it. What chiefs found on patrol is theirs by office."""
    work.actor = TIMER
    query = select(Report.id).join(Case, Case.id == Report.case_id).where(
        Report.source != "patrol", which, _over(_before(work, days))
    )  # fmt: skip
    found: list[UUID] = list(work.session.scalars(query.order_by(Report.id).limit(AT_ONCE)))
    for report_id in found:
        erasure.erase(work, report_id, reason, "identity", pictures=pictures)
    return len(found)
