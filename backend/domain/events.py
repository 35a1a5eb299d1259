"""The chain of a case's events: append, and compute what each link must be."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import select

from backend.domain.faults import NotFound
from backend.models import Case, CaseEvent, PersonalText

if TYPE_CHECKING:
    from backend.work import Work

# Titles of the events that are no action of the table in states.py. Every event has a title here or there.
BESIDE_THE_TABLE = {
    "submit": "提交",
    "reply_reminder": "回复催办",
    "reply_supervision": "回复督办",
    "accept_reply": "认可督办回复",
    "send_back_reply": "退回督办回复",
    "escalate_supervision": "督办逾期上报",
    "end_supervision": "结束督办",
    "call_up": "应急无人应答上报",
}


def genesis(case_id: UUID) -> str:
    """What the first event of a case is chained to."""
    return hashlib.sha256(f"qinghe case {case_id}".encode()).hexdigest()


def link(event: CaseEvent) -> str:
    """SHA-256 over the canonical JSON of everything in the event but its own hash."""
    content = {
        "case": str(event.case_id),
        "seq": event.seq,
        "action": event.action,
        "from": event.from_state,
        "to": event.to_state,
        "at": _time(event.at),
        "actor": event.actor,
        "role": event.role,
        "unit": event.unit_code,
        "data": event.data,
        "text": event.text_digest,
        "county_version": event.county_version,
        "prev": event.prev_hash,
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def text_digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\0{text}".encode()).hexdigest()


def lock(work: Work, case_id: UUID) -> Case:
    """The case as it is now, its row locked until the end of the transaction. Raises NotFound."""
    case = work.session.scalar(
        select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound("找不到这个案件。")
    return case


def lock_at_once(work: Work, case_id: UUID) -> bool:
    """Lock the case's row unless somebody else holds it; whether it is locked now."""
    row = select(Case.id).where(Case.id == case_id).with_for_update(skip_locked=True)
    return work.session.scalar(row) is not None


def words(work: Work, case_id: UUID, seqs: Iterable[int | None]) -> dict[int, str]:
    """What people said in these events of a case; events without words, or with erased ones, are left out."""
    rows = work.session.execute(
        select(CaseEvent.seq, PersonalText.text)
        .join(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == case_id, CaseEvent.seq.in_([seq for seq in seqs if seq is not None]))
    )
    return {seq: text for seq, text in rows if text is not None}


def append(
    work: Work, case: Case, action: str, from_state: str | None, data: dict[str, Any], text: str | None = None
) -> CaseEvent:
    """Append one event to the case's chain; `text` (words of people) enters by salted digest only.

    The caller holds the case's row lock, or has just created it. Afterwards `case.version` is the event's number.
    """
    kept = None
    if text:
        salt = secrets.token_hex(16)
        kept = PersonalText(id=uuid4(), case_id=case.id, salt=salt, text=text)
        work.session.add(kept)
        work.session.flush()
    event = CaseEvent(
        case_id=case.id,
        seq=case.version + 1,
        action=action,
        from_state=from_state,
        to_state=case.state,
        at=work.now,
        actor=work.actor.label,
        role=work.actor.role,
        unit_code=work.actor.unit,
        data=json.loads(json.dumps(data, default=str)),
        text_id=kept.id if kept else None,
        text_digest=text_digest(kept.salt or "", text) if kept and text else None,
        county_version=work.county_version,
        prev_hash=case.head_hash or genesis(case.id),
    )
    event.hash = link(event)
    case.version, case.head_hash, case.updated_at = event.seq, event.hash, work.now
    work.session.add(event)
    work.defer("tell", case.id, event.seq)
    return event
