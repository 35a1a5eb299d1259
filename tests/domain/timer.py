"""What the scheduler and the workers do in a test of the domain: time passes, the timer rings, what is due happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from backend.clock import SHANGHAI
from backend.domain import emergency, push, supervision
from backend.models import Case, CaseEvent, Deferred, Delivery, Notice, Person, Reminder
from backend.work import Work

_CARRIED_OUT: dict[str, Callable[..., None]] = {
    "push_clock": lambda work, clock: push.push_clock(work, UUID(clock)),
    "supervise": lambda work, case, reason: push.supervise(work, UUID(case), reason),
    "chase_letter": lambda work, letter: supervision.chase(work, UUID(letter)),
    "declare_emergency": lambda work, case: push.declare_emergency(work, UUID(case)),
    "chase_dispatch": lambda work, dispatch: emergency.chase(work, UUID(dispatch)),
    "follow_case": lambda work, case: push.follow_case(work, UUID(case)),
}


def at(when: str) -> datetime:
    """A moment of 2026 in Shanghai: "06-04T08:30"."""
    return datetime.fromisoformat(f"2026-{when}").replace(tzinfo=SHANGHAI)


def carry_out(work: Work) -> None:
    """The rows that are due now, and those that they write down."""
    work.session.flush()
    due = select(Deferred).where(
        Deferred.done_at.is_(None), Deferred.name.in_(_CARRIED_OUT), Deferred.run_at <= work.now
    )
    while rows := list(work.session.scalars(due.order_by(Deferred.id))):
        for row in rows:
            row.done_at = work.now
            _CARRIED_OUT[row.name](work, *row.args)
        work.session.flush()


def tick(work: Work, now: datetime) -> None:
    """The timer rings at this moment."""
    work.now = now
    push.push_due(work)
    carry_out(work)


def ticks(work: Work, until: str, every: float = 2) -> None:
    """The timer rings every so many hours until then."""
    end = at(until)
    while work.now < end:
        tick(work, min(work.now + timedelta(hours=every), end))


def sent(work: Work, case: Case) -> list[str]:
    """The reminders sent, as "06-04 08:30 rectify before_2_days: handler head"."""
    rows: dict[tuple[datetime, str, str], list[str]] = {}
    for one in work.session.scalars(select(Reminder).where(Reminder.case_id == case.id).order_by(Reminder.id)):
        if one.sent_at is not None:
            rows.setdefault((one.sent_at, one.clock_kind or "-", one.step), []).append(one.to_role)
    return [
        f"{when.astimezone(SHANGHAI):%m-%d %H:%M} {kind} {step}: {' '.join(roles)}"
        for (when, kind, step), roles in rows.items()
    ]


def told(work: Work, case: Case, kind: str = "remind") -> list[tuple[str, str]]:
    """Whom the notices of a kind went to, by name, with their titles."""
    found = work.session.execute(
        select(Person.name, Notice.title)
        .join(Person, Person.id == Notice.person_id)
        .where(Notice.case_id == case.id, Notice.kind == kind)
        .order_by(Notice.id)
    )
    return [(name, title) for name, title in found]


def by_sms(work: Work, case: Case, kind: str = "remind") -> int:
    """How many notices of a kind went out by SMS too."""
    query = select(func.count()).select_from(Delivery).join(Notice, Notice.id == Delivery.notice_id)
    wanted = (Delivery.channel == "sms", Notice.case_id == case.id, Notice.kind == kind)
    return work.session.scalar(query.where(*wanted)) or 0


def last_event(work: Work, case: Case) -> CaseEvent:
    events = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq.desc())
    return work.session.scalars(events.limit(1)).one()
