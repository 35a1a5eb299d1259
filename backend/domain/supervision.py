"""Supervision 督办: a numbered letter to a unit, its reply in writing, and the office's word on the reply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from backend.clock import next_working_time, shanghai_day
from backend.domain import deadlines, events, notices, photos, reminders
from backend.domain.actors import TIMER, UNIT_ROLES, Actor
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.periods import in_period
from backend.domain.photos import PhotoRef
from backend.domain.words import blank
from backend.models import Assignment, Case, CaseEvent, Clock, Supervision, SupervisionReply

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]

WHY = {
    "hand": "人工督办",
    "overdue": "超期未办",
    "failed_follow_up": "回头看不合格",
    "recurrences": "多次反弹",
}
STAGES = {"awaiting_reply": "待回复", "replied": "已回复待审", "accepted": "回复已认可", "ended": "已结束"}
_OFFICE = frozenset({"office"})
_DEMANDS = {
    "overdue": "{late}请立即组织办理，书面说明超期原因、采取的措施和完成时间。",
    "failed_follow_up": "回头看发现问题反弹。请立即重新整改，书面说明反弹原因和防止再次反弹的措施。",
    "recurrences": "此处问题已第{times}次反弹。请查明根源、标本兼治，书面说明原因、责任和长效措施。",
}


def open(work: Work, case: Case, reason: str) -> None:  # noqa: A001  # the word of the field
    """Have a letter sent to the unit that leads the case, by rule: `reason` is a key of WHY.

    For others to call whenever they hold the case: the letter follows in a transaction of its own, and a unit that
    has an open letter on the case already gets no second one.
    """
    if reason not in WHY:
        raise ValueError(f"supervision for no known reason: {reason}")
    work.defer("supervise", case.id, reason)


# ---- guards and effects of the table in states.py --------------------------------------------------------------------


def none_open(work: Work, case: Case, actor: Actor) -> Fault | None:
    letter = _open_letter(work, case, case.lead_unit)
    if letter is None:
        return None
    return Conflict("supervised_already", f"主办单位已在督办中（{letter.number}），请先结束该督办。")


def _open_letter(work: Work, case: Case, unit: str | None) -> Supervision | None:
    return work.session.scalar(
        select(Supervision).where(
            Supervision.case_id == case.id, Supervision.unit_code == unit, Supervision.ended_at.is_(None)
        )
    )


def supervise(work: Work, case: Case, form: Form) -> Data:
    """Send a letter to the lead unit. `form`: the demands, perhaps the working days for the reply, and why."""
    rules, unit = work.county.rules.supervision, case.lead_unit
    if unit is None:
        raise Conflict("no_unit", "案件没有主办单位，不能督办。")
    year = shanghai_day(work.now).year
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("supervision letters"))))
    last = work.session.scalar(select(func.max(Supervision.serial)).where(Supervision.year == year)) or 0
    reply_by = deadlines.after(work, work.now, form.get("reply_days") or rules.reply_days)
    letter = Supervision(
        case_id=case.id, seq=case.version + 1, year=year, serial=last + 1,
        number=f"{rules.letter_name}〔{year}〕{last + 1}号", unit_code=unit, why=form.get("why", "hand"),
        by=work.actor.label, by_role=work.actor.role, opened_at=work.now, reply_by=reply_by,
        county_version=work.county_version,
    )  # fmt: skip
    work.session.add(letter)
    work.session.flush()
    _chase_later(work, case, letter)
    until = deadlines.words(reply_by)
    body = f"{reminders.name_of(work, case)}被督办（{letter.number}），请于{until}前由单位负责人书面回复。"
    _notify(work, case, "supervise", "督办函", body, notices.holders(work, unit, UNIT_ROLES), sms=True)
    if work.actor.role != "office":
        _notify(work, case, "supervise", "已发督办函", body, notices.holders(work, work.county.office, _OFFICE))
    return {"letter": letter.number, "to": unit, "why": letter.why, "reply_by": reply_by}


def demands_by_rule(work: Work, case: Case, reason: str) -> str:
    """What a letter that is sent by rule demands."""
    late = ""
    if reason == "overdue":
        running = select(Clock).where(Clock.case_id == case.id, Clock.stopped_at.is_(None)).order_by(Clock.due_at)
        clocks = [clock for clock in work.session.scalars(running) if clock.overdue(work.now)]
        late = "".join(f"{reminders.said_of(work, clock)}。" for clock in clocks)
    return _DEMANDS[reason].format(late=late, times=recurrences(work, case))


def recurrences(work: Work, case: Case) -> int:
    """How many look-backs have failed on this case, or on all cases of its risk source."""
    same = Case.id == case.id
    if case.risk_source is not None:
        same = Case.risk_source == case.risk_source
    failed = select(func.count()).select_from(CaseEvent).join(Case, Case.id == CaseEvent.case_id)
    return work.session.scalar(failed.where(same, CaseEvent.action == "fail_follow_up")) or 0


def _chase_later(work: Work, case: Case, letter: Supervision) -> None:
    """Look at the letter again when its time is up: for what is not urgent, when offices then open."""
    at = max(letter.reply_by, work.now)
    if not case.urgent:
        at = next_working_time(work.county.calendar, work.county.rules.supervision.hours, at)
    work.defer("chase_letter", letter.id, after=at - work.now)


def _notify(
    work: Work, case: Case, kind: str, title: str, body: str, people: Iterable[UUID], sms: bool = False
) -> None:
    notices.send(work, case, f"{case.id}/{case.version + 1}", kind, title, body, people, sms)


# ---- the letter's own life -------------------------------------------------------------------------------------------


def allowed(work: Work, letter: Supervision, actor: Actor) -> list[str]:
    """What this actor may do with a letter now: reply, accept, send_back, end."""
    found = []
    if letter.stage == "awaiting_reply" and _answers_for(work, letter, actor):
        found.append("reply")
    if _decides(letter, actor):
        found += ["accept", "send_back"] if letter.stage == "replied" else []
        found += ["end"] if letter.stage != "ended" else []
    return found


def _answers_for(work: Work, letter: Supervision, actor: Actor) -> bool:
    """The unit's head, or who stands in for the head; a handler only where the unit has no head."""
    if actor.unit != letter.unit_code or actor.role not in UNIT_ROLES:
        return False
    return actor.heads or not notices.holders(work, letter.unit_code, frozenset({"head"}))


def _decides(letter: Supervision, actor: Actor) -> bool:
    """The office, but nobody who belongs to the supervised unit as well."""
    return actor.role == "office" and all(held.unit != letter.unit_code for held in actor.held)


def _taken(work: Work, letter_id: UUID) -> tuple[Case, Supervision]:
    """The letter and its case, both as they are now, the case locked."""
    case_id = work.session.scalar(select(Supervision.case_id).where(Supervision.id == letter_id))
    if case_id is None:
        raise NotFound("找不到这份督办函。")
    case = events.lock(work, case_id)
    return case, work.session.get_one(Supervision, letter_id, populate_existing=True)


def _check(work: Work, letter: Supervision, action: str, may: bool) -> None:
    if not may:
        raise Forbidden("not_yours_to_do", "您的身份不能对这份督办函做此操作。")
    if action not in allowed(work, letter, work.actor):
        title = f"督办函当前为“{STAGES[letter.stage]}”，不能做此操作，请刷新后再看。"
        raise Conflict("wrong_stage", title, stage=letter.stage)


def reply(work: Work, letter_id: UUID, text: str, refs: Iterable[PhotoRef]) -> SupervisionReply:
    """The unit answers in writing, with photos if it wants."""
    if blank(text):
        raise Fault("missing_field", "请填写回复内容。", field="text")
    case, letter = _taken(work, letter_id)
    _check(work, letter, "reply", _answers_for(work, letter, work.actor))
    taken = [photos.attach_evidence(work, ref, case, "supervision") for ref in refs]
    shown = [{"id": photo.id, "sha256": photo.sha256} for photo in taken]
    event = events.append(work, case, "reply_supervision", case.state, {"letter": letter.number, "photos": shown}, text)
    answer = SupervisionReply(
        supervision_id=letter.id, seq=event.seq, at=work.now, photos=[str(photo.id) for photo in taken],
    )  # fmt: skip
    letter.stage = "replied"
    letter.replies.append(answer)
    work.session.flush()
    return answer


def decide(work: Work, letter_id: UUID, reply_id: UUID, accept: bool, reason: str, reply_days: int | None) -> None:
    """The office accepts a reply, or sends it back with a reason and a new date."""
    case, letter = _taken(work, letter_id)
    action = "accept" if accept else "send_back"
    _check(work, letter, action, _decides(letter, work.actor))
    answer = letter.replies[-1]
    if answer.id != reply_id:
        raise Conflict("newer_reply", "单位又提交了新的回复，请刷新后再审。")
    if not accept and blank(reason):
        raise Fault("missing_field", "退回需要填写理由。", field="reason")
    data: Data = {"letter": letter.number, "to": letter.unit_code}
    if accept:
        letter.stage = "accepted"
    else:
        days = reply_days or work.county.rules.supervision.reply_days
        letter.stage, letter.escalated_at = "awaiting_reply", None
        letter.reply_by = deadlines.after(work, work.now, days)
        data["reply_by"] = letter.reply_by
        _chase_later(work, case, letter)
    event = events.append(work, case, "accept_reply" if accept else "send_back_reply", case.state, data, reason)
    answer.decision = "accepted" if accept else "sent_back"
    answer.decided_at, answer.decision_seq = work.now, event.seq
    title, asked = "督办回复已认可", "。"
    if not accept:
        title, asked = "督办回复被退回", f"，请于{deadlines.words(letter.reply_by)}前重新回复。"
    body = f"{letter.number}（{reminders.name_of(work, case)}）的回复{'已认可' if accept else '被退回'}{asked}"
    people = notices.holders(work, letter.unit_code, UNIT_ROLES)
    notices.send(work, case, f"{case.id}/{event.seq}", event.action, title, body, people, sms=False)


def end(work: Work, letter_id: UUID, reason: str) -> None:
    """The office ends the supervision before the case ends."""
    if blank(reason):
        raise Fault("missing_field", "结束督办需要填写理由。", field="reason")
    case, letter = _taken(work, letter_id)
    _check(work, letter, "end", _decides(letter, work.actor))
    _end(work, case, letter, "office", reason)


def _end(work: Work, case: Case, letter: Supervision, how: str, reason: str | None = None) -> None:
    letter.stage, letter.ended_at, letter.ended_how = "ended", work.now, how
    events.append(work, case, "end_supervision", case.state, {"letter": letter.number, "how": how}, reason)
    body = f"{letter.number}（{reminders.name_of(work, case)}）的督办已结束。"
    people = notices.holders(work, letter.unit_code, UNIT_ROLES)
    notices.send(work, case, f"{case.id}/{case.version}", "end_supervision", "督办结束", body, people, sms=False)


def follow(work: Work, case: Case, is_open: bool) -> None:
    """End the letters of a case that ended, and those to units that hold no part of it any more. Case locked."""
    letters = select(Supervision).where(Supervision.case_id == case.id, Supervision.ended_at.is_(None))
    held = set(
        work.session.scalars(
            select(Assignment.unit_code).where(Assignment.case_id == case.id, Assignment.ended_at.is_(None))
        )
    )
    for letter in list(work.session.scalars(letters)):
        if not is_open:
            _end(work, case, letter, "case")
        elif letter.unit_code not in held:
            _end(work, case, letter, "unit")


def chase(work: Work, letter_id: UUID) -> None:
    """Tell the line of command, up to the county chief, that a reply is overdue. Once per date; repeats do nothing."""
    case, letter = _taken(work, letter_id)
    if letter.stage != "awaiting_reply" or letter.escalated_at is not None or letter.reply_by > work.now:
        return
    rules, calendar = work.county.rules.supervision, work.county.calendar
    if not case.urgent and next_working_time(calendar, rules.hours, work.now) > work.now:
        _chase_later(work, case, letter)
        return
    work.actor = TIMER
    letter.escalated_at = work.now
    unit = work.county.unit_by_code[letter.unit_code].name
    until = deadlines.words(letter.reply_by)
    words = f"{unit}对{letter.number}（{reminders.name_of(work, case)}）逾期未回复，期限为{until}。"
    to = reminders.addressees(work, case, letter.unit_code, ("head", "office", "county_chief"))
    reminders.record(work, case, to, "supervision")
    reminders.notify(work, case, to, "督办逾期未回复", words, sms=True)
    events.append(work, case, "escalate_supervision", case.state, {"letter": letter.number}, words)


# ---- lists -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What of the letters is asked for; None means all. Days are days of Asia/Shanghai, both included."""

    case_id: UUID | None = None
    unit: str | None = None
    stage: str | None = None
    why: str | None = None
    overdue: bool = False
    opened_from: date | None = None
    opened_to: date | None = None


def readable(actor: Actor, cases_readable: ColumnElement[bool]) -> ColumnElement[bool]:
    """A letter is read by its unit, whoever holds the case now, and by those who may see the case."""
    return or_(Supervision.unit_code == actor.unit, cases_readable) if actor.role in UNIT_ROLES else cases_readable


def page(
    work: Work, asked: Asked, may_read: ColumnElement[bool], before: UUID | None, limit: int | None
) -> list[tuple[Supervision, Case]]:
    """The newest first. `may_read`: see readable()."""
    query = select(Supervision, Case).join(Case, Case.id == Supervision.case_id).where(may_read, *_asked(work, asked))
    if before is not None:
        query = query.where(Supervision.id < before)
    return [(letter, case) for letter, case in work.session.execute(query.order_by(Supervision.id.desc()).limit(limit))]


def _asked(work: Work, asked: Asked) -> list[ColumnElement[bool]]:
    pairs = (
        (Supervision.case_id, asked.case_id), (Supervision.unit_code, asked.unit), (Supervision.stage, asked.stage),
        (Supervision.why, asked.why),
    )  # fmt: skip
    found: list[ColumnElement[bool]] = [column == value for column, value in pairs if value is not None]
    if asked.overdue:
        found.append(and_(Supervision.stage == "awaiting_reply", Supervision.reply_by < work.now))
    return found + in_period(Supervision.opened_at, asked.opened_from, asked.opened_to)


def get(work: Work, letter_id: UUID, may_read: ColumnElement[bool]) -> tuple[Supervision, Case]:
    """A letter that the actor may read; others do not exist for them."""
    row = work.session.execute(
        select(Supervision, Case)
        .join(Case, Case.id == Supervision.case_id)
        .where(Supervision.id == letter_id, may_read)
    ).one_or_none()
    if row is None:
        raise NotFound("找不到这份督办函。")
    return row[0], row[1]
