"""Reminders 催办: up the line of command, in words that are on the record, and answered in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import aliased

from backend.clock import working_days_between
from backend.domain import deadlines, events, handlers, notices
from backend.domain.actors import UNIT_ROLES, Actor
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.words import blank
from backend.models import Case, CaseEvent, Clock, PersonalText, Reminder, RosterRole
from backend.rules.supervision import LINE, Rung, Step

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]

BY_HAND = "hand"


@dataclass(frozen=True)
class Addressee:
    """One rung of the line as it is now: the role, its unit, and who holds it."""

    role: Rung
    unit: str
    people: tuple[UUID, ...]


def addressees(work: Work, case: Case, unit: str, rungs: Iterable[Rung]) -> list[Addressee]:
    """Who stands on these rungs above `unit`, each once. A rung that nobody holds is taken by the next one up.

    The office has no handlers and heads of its own: for what it holds itself, it stands on those rungs.
    """
    found: dict[tuple[str, str], Addressee] = {}
    for wanted in rungs:
        for rung in LINE[LINE.index(wanted) :]:
            role: Rung = "office" if unit == work.county.office and rung in UNIT_ROLES else rung
            where = unit if role in UNIT_ROLES else work.county.office
            people = _on(work, case, role, where)
            if people or rung == LINE[-1]:
                found.setdefault((role, where), Addressee(role, where, tuple(people)))
                break
    return list(found.values())


def _on(work: Work, case: Case, role: Rung, unit: str) -> list[UUID]:
    if role == "county_chief":
        return _chiefs(work, case)
    if role == "handler":
        return handlers.recipients(work, case, unit, handlers_only=True)
    return notices.holders(work, unit, frozenset({role}))


def _chiefs(work: Work, case: Case) -> list[UUID]:
    """The county chiefs of the case's reach, or all of them where it has none."""
    roles = list(
        work.session.scalars(select(RosterRole).where(RosterRole.role == "county_chief", RosterRole.ended_at.is_(None)))
    )
    mine = [role for role in roles if case.reach is not None and case.reach in role.reaches]
    return list(dict.fromkeys(role.person_id for role in mine or roles))


# ---- effects of the table in states.py -------------------------------------------------------------------------------


def by_hand(work: Work, case: Case, form: Form) -> Data:
    """The office or a county chief reminds whoever holds the case now, in words of their own."""
    holder = case.lead_unit if case.lead_unit and case.state != "in_review" else work.county.office
    rungs: tuple[Rung, ...] = ("handler", "head")
    to = addressees(work, case, holder, rungs)
    record(work, case, to, BY_HAND)
    body = f"{name_of(work, case)}被催办，请打开案件查看，抓紧办理并回复。"
    notify(work, case, to, "催办", body, sms=case.urgent or _overdue(work, case))
    return {"step": BY_HAND, "to": shown(to)}


def not_just_now(work: Work, case: Case, actor: Actor) -> Fault | None:
    pause = work.county.rules.supervision.again_after_min
    since = work.now - timedelta(minutes=pause)
    lately = select(Reminder.id).where(Reminder.case_id == case.id, Reminder.step == BY_HAND, Reminder.sent_at > since)
    if work.session.scalar(lately.limit(1)) is None:
        return None
    return Conflict("reminded_just_now", f"这个案件{pause}分钟内已经催办过，请稍后再催。")


def by_timer(work: Work, case: Case, form: Form) -> Data:
    """One step of the ladder of the clock `form["clock"]`; the lower ones that fell due with it are passed over."""
    clock: Clock = form["clock"]
    step: Step = form["step"]
    skipped: tuple[Step, ...] = form.get("skipped", ())
    for lower in skipped:
        record(work, case, addressees(work, case, clock.holder, lower.to), lower.code, clock, sent=False)
    to = addressees(work, case, clock.holder, step.to)
    record(work, case, to, step.code, clock)
    title = f"催办：{deadlines.KINDS[clock.kind]}{'已超期' if clock.overdue(work.now) else '期限将到'}"
    notify(work, case, to, title, form["reason"], sms=case.urgent or clock.overdue(work.now))
    return {
        "step": step.code, "clock": clock.kind, "due_at": clock.due_at, "to": shown(to),
        "skipped": [lower.code for lower in skipped],
    }  # fmt: skip


def words_of(work: Work, case: Case, clock: Clock) -> str:
    """What the timer says of a clock now: 清源镇办理的 …，整改期限为 …，还剩2个工作日，请抓紧办理。"""
    holder = work.county.unit_by_code.get(clock.holder)
    ask = "请立即办理" if clock.overdue(work.now) else "请抓紧办理"
    by = holder.name if holder else clock.holder
    return f"{by}办理的{name_of(work, case)}，{said_of(work, clock)}，{ask}。"


def said_of(work: Work, clock: Clock) -> str:
    """A clock in words: 整改期限为2026年6月8日 23:59，还剩2个工作日."""
    left = _hours_left(work, clock) if clock.in_hours else _days_left(work, clock)
    return f"{deadlines.KINDS[clock.kind]}期限为{deadlines.words(clock.due_at)}，{left}"


def _days_left(work: Work, clock: Clock) -> str:
    calendar = work.county.calendar
    if clock.overdue(work.now):
        late = working_days_between(calendar, max(clock.due_at, clock.started_at), work.now)
        return f"已超期{late}个工作日" if late else "已超期"
    left = working_days_between(calendar, work.now, clock.due_at)
    return f"还剩{left}个工作日" if left else "今天到期"


def _hours_left(work: Work, clock: Clock) -> str:
    if clock.overdue(work.now):
        return f"已超期{_span(work.now - max(clock.due_at, clock.started_at))}"
    return f"还剩{_span(clock.due_at - work.now)}"


def _span(span: timedelta) -> str:
    """A span of time in words, to the minute, at least one."""
    minutes = max(1, round(span / timedelta(minutes=1)))
    hours, rest = divmod(minutes, 60)
    return "".join((f"{hours}小时" if hours else "", f"{rest}分钟" if rest else ""))


def record(
    work: Work, case: Case, to: list[Addressee], step: str, clock: Clock | None = None, sent: bool = True
) -> None:
    """Write down who was reminded; the words are those of the event that is appended next."""
    work.session.add_all(
        Reminder(
            case_id=case.id, seq=case.version + 1, step=step, to_unit=one.unit, to_role=one.role,
            clock_id=clock.id if clock else None, clock_kind=clock.kind if clock else None,
            due_at=clock.due_at if clock else None, by=work.actor.label, by_role=work.actor.role,
            county_version=work.county_version, sent_at=work.now if sent else None,
            skipped_at=None if sent else work.now,
        )
        for one in to
    )  # fmt: skip
    work.session.flush()


def notify(work: Work, case: Case, to: list[Addressee], title: str, body: str, sms: bool) -> None:
    """Tell everybody on these rungs, once each."""
    people = dict.fromkeys(person for one in to for person in one.people)
    notices.send(work, case, f"{case.id}/{case.version + 1}", "remind", title, body, people, sms)


def shown(to: list[Addressee]) -> list[dict[str, str]]:
    """How an event names them."""
    return [{"unit": one.unit, "role": one.role} for one in to]


def name_of(work: Work, case: Case) -> str:
    """A case as notices call it: QH-2026-000001（垃圾倾倒）."""
    return f"{case.number}（{work.county.category_by_code[case.category].name}）"


def _overdue(work: Work, case: Case) -> bool:
    return case.next_due_at is not None and case.next_due_at < work.now


# ---- replies and lists -----------------------------------------------------------------------------------------------


def may_reply(actor: Actor, reminder: Reminder) -> bool:
    """Those who were reminded answer, once; in a unit its handlers and heads for one another."""
    if reminder.sent_at is None or reminder.replied_at is not None or actor.person_id is None:
        return False
    return _reminded(actor, reminder)


def _reminded(actor: Actor, reminder: Reminder) -> bool:
    if reminder.to_role in UNIT_ROLES:
        return actor.role in UNIT_ROLES and actor.unit == reminder.to_unit
    return actor.role == reminder.to_role


def reply(work: Work, reminder_id: UUID, text: str, readable: ColumnElement[bool]) -> Reminder:
    """Answer a reminder in words. `readable`: which cases the actor may see (cases.visible)."""
    if blank(text):
        raise Fault("missing_field", "请填写回复内容。", field="text")
    case = work.session.scalar(
        select(Case).join(Reminder, Reminder.case_id == Case.id).where(Reminder.id == reminder_id, readable)
    )
    if case is None:
        raise NotFound("找不到这条催办。")
    events.lock(work, case.id)
    reminder = work.session.get_one(Reminder, reminder_id, populate_existing=True)
    if not _reminded(work.actor, reminder):
        raise Forbidden("not_yours_to_do", "这条催办不是发给您的，不能回复。")
    if reminder.replied_at is not None:
        raise Conflict("replied_before", "这条催办已经回复过了。")
    if reminder.sent_at is None:
        raise Conflict("never_sent", "这条催办没有发出，不需要回复。")
    event = events.append(work, case, "reply_reminder", case.state, {"reminder": reminder.id}, text)
    reminder.reply_seq, reminder.replied_at = event.seq, work.now
    return reminder


@dataclass(frozen=True)
class Asked:
    """What of the reminders is asked for; None means all. `mine`: those that I may answer or have to know of."""

    case_id: UUID | None = None
    unit: str | None = None
    answered: bool | None = None
    by_hand: bool | None = None
    mine: bool = False
    skipped: bool = False


@dataclass(frozen=True)
class Shown:
    """A reminder with the words of both sides."""

    reminder: Reminder
    case: Case
    words: str | None
    reply: str | None


def get(work: Work, reminder_id: UUID) -> Shown:
    """One reminder with its words."""
    return Shown(*work.session.execute(_worded().where(Reminder.id == reminder_id)).one())


def page(
    work: Work, asked: Asked, readable: ColumnElement[bool], before: UUID | None, limit: int | None
) -> list[Shown]:
    """The newest first."""
    query = _worded().where(readable, *_conditions(work, asked))
    if before is not None:
        query = query.where(Reminder.id < before)
    return [Shown(*row) for row in work.session.execute(query.order_by(Reminder.id.desc()).limit(limit))]


def _worded() -> Select[Reminder, Case, str | None, str | None]:
    said, said_text = aliased(CaseEvent), aliased(PersonalText)
    answer, answer_text = aliased(CaseEvent), aliased(PersonalText)
    return (
        select(Reminder, Case, said_text.text, answer_text.text)
        .join(Case, Case.id == Reminder.case_id)
        .join(said, and_(said.case_id == Reminder.case_id, said.seq == Reminder.seq))
        .outerjoin(said_text, said_text.id == said.text_id)
        .outerjoin(answer, and_(answer.case_id == Reminder.case_id, answer.seq == Reminder.reply_seq))
        .outerjoin(answer_text, answer_text.id == answer.text_id)
    )


def _conditions(work: Work, asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.case_id is not None:
        found.append(Reminder.case_id == asked.case_id)
    if asked.unit is not None:
        found.append(Reminder.to_unit == asked.unit)
    if asked.answered is not None:
        found.append(Reminder.replied_at.is_not(None) if asked.answered else Reminder.replied_at.is_(None))
    if asked.by_hand is not None:
        found.append(Reminder.step == BY_HAND if asked.by_hand else Reminder.step != BY_HAND)
    if not asked.skipped:
        found.append(Reminder.sent_at.is_not(None))
    if asked.mine:
        actor = work.actor
        unit = and_(Reminder.to_role.in_(UNIT_ROLES), Reminder.to_unit == actor.unit)
        found.append(unit if actor.role in UNIT_ROLES else Reminder.to_role == actor.role)
    return found
