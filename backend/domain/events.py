"""The chain of a case's events: append, and compute what each link must be."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import or_, select

from backend.domain.faults import NotFound
from backend.models import Assignment, Case, CaseEvent, PersonalText

if TYPE_CHECKING:
    from backend.work import Work

# Titles of the events that are no action of the table in states.py. Every event has a title here or there.
BESIDE_THE_TABLE = {
    "submit": "提交",
    "import": "原台账导入",
    "withdraw_import": "撤销导入",
    "reply_reminder": "回复催办",
    "reply_supervision": "回复督办",
    "accept_reply": "认可督办回复",
    "send_back_reply": "退回督办回复",
    "escalate_supervision": "督办逾期上报",
    "end_supervision": "结束督办",
    "call_up": "应急无人应答上报",
    "erase": "依法删除个人信息",
    "join": "并入",
    "leave": "拆出",
    "hand_over": "移交",
}


_quoted: Callable[[str], str] = encode_basestring
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def genesis(case_id: UUID | str) -> str:
    """What the first event of a case is chained to."""
    return hashlib.sha256(f"qinghe case {case_id}".encode()).hexdigest()


def link(event: Any, data: str | None = None) -> str:
    """SHA-256 over the canonical JSON of everything in the event but its own hash; `data`: see canonical."""
    return hashlib.sha256(canonical(event, data).encode()).hexdigest()


def canonical(event: Any, data: str | None = None) -> str:
    """The text over which an event is hashed: JSON with sorted keys and no spaces, text that is not ASCII as it is.

    `event`: a CaseEvent, or a row with its columns; `data`: its data, when they are canonical JSON already. Written
    out by hand, because a million of them are verified at a time.
    """
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return (
        f'{{"action":{_quoted(event.action)},"actor":{_quoted(event.actor)},"at":"{at}","case":"{event.case_id}",'
        f'"county_version":{event.county_version},"data":{_JSON.encode(event.data) if data is None else data},'
        f'"from":{_or_null(event.from_state)},"prev":{_quoted(event.prev_hash)},"role":{_quoted(event.role)},'
        f'"seq":{event.seq},"text":{_or_null(event.text_digest)},"to":{_quoted(event.to_state)},'
        f'"unit":{_or_null(event.unit_code)}}}'
    )


def _or_null(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


@lru_cache(8192)  # most of a ledger's data are a few texts over and over
def canonical_data(stored: str) -> str:
    """The canonical JSON of data as the database writes them."""
    return _JSON.encode(json.loads(stored))


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


def _as_stored(data: dict[str, Any]) -> dict[str, Any]:
    """The data as JSONB will give them back: ids and times as text, and numbers that come back as they went in."""
    found: dict[str, Any] = json.loads(json.dumps(data, default=str), parse_float=_number)
    return found


def _number(digits: str) -> float | int:
    """JSONB knows no negative zero, and writes 1e+16 and above as whole numbers."""
    number = float(digits) + 0.0
    return int(number) if abs(number) >= 1e16 and number.is_integer() else number


def _for_whom(work: Work, case: Case) -> dict[str, Any]:
    """For which absent person a deputy B角 acts: the handler of the case in the deputy's unit.

    Also when the assignment ended by this very action.
    """
    away = [one.person_id for one in work.actor.stands_in]
    handled = select(Assignment.handler_id).where(
        Assignment.case_id == case.id,
        Assignment.unit_code == work.actor.unit,
        Assignment.handler_id.in_(away),
        or_(Assignment.ended_at.is_(None), Assignment.ended_at == work.now),
    )
    absent = work.session.scalar(handled.limit(1))
    return {"for_person": absent} if absent is not None else {}


def append(
    work: Work,
    case: Case,
    action: str,
    from_state: str | None,
    data: dict[str, Any],
    text: str | None = None,
    told: bool = True,
) -> CaseEvent:
    """Append one event to the case's chain; `text` (words of people) enters by salted digest only.

    `told`: whether somebody may be told of it; thousands of old cases that are imported concern nobody's inbox.

    The caller holds the case's row lock, or has just created it. Afterwards `case.version` is the event's number.
    """
    if work.actor.stands_in:
        data = _for_whom(work, case) | data
    event, kept = compose(work, case, action, from_state, data, text)
    if kept is not None:
        work.session.add(kept)
        work.session.flush()
    work.session.add(event)
    if told:
        work.defer("tell", case.id, event.seq)
    return event


def compose(
    work: Work, case: Case, action: str, from_state: str | None, data: dict[str, Any], text: str | None = None
) -> tuple[CaseEvent, PersonalText | None]:
    """The next event of the case's chain and the words that belong to it, both yet to be stored, the words first.

    For whoever stores those of many cases at once; everybody else calls `append`.
    """
    kept = None
    if text:
        salt = secrets.token_hex(16)
        kept = PersonalText(id=uuid4(), case_id=case.id, report_id=work.actor.report_id, salt=salt, text=text)
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
        data=_as_stored(data),
        text_id=kept.id if kept else None,
        text_digest=text_digest(kept.salt or "", text) if kept and text else None,
        county_version=work.county_version,
        prev_hash=case.head_hash or genesis(case.id),
    )
    event.hash = link(event)
    case.version, case.head_hash, case.updated_at = event.seq, event.hash, work.now
    return event, kept
