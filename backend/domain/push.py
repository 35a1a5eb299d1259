"""What the timer pushes: finds by index the clocks whose reminder is due, and sends it, one clock at a time.

`Clock.next_push_at` is when the next step is due under the county version `Clock.push_version`. A clock without a
version (new, or its deadline was changed) and one with an older version is planned before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select

from backend.clock import next_working_time
from backend.domain import cases, emergency, events, ladder, reminders, states, supervision
from backend.domain.actors import ROUTING, TIMER
from backend.domain.faults import Conflict, Fault, Forbidden
from backend.models import Case, Clock, Reminder

if TYPE_CHECKING:
    from backend.work import Work

_BATCH = 500
# A clock handed over to its own row of work is left to it for so long: the row is tried again by itself.
_LEASE = timedelta(hours=6)


def waiting(work: Work) -> bool:
    """Whether any clock wants planning or pushing now."""
    return bool(work.session.scalar(select(exists().where(Clock.stopped_at.is_(None), _due(work)))))


def _due(work: Work) -> ColumnElement[bool]:
    return or_(Clock.next_push_at <= work.now, Clock.push_version.is_(None), Clock.push_version < work.county_version,
               Clock.push_version > work.county_version)  # fmt: skip


def due_clocks(work: Work) -> Select[Clock, bool]:
    """A batch of the clocks that want planning or pushing, locked, with the urgency of their cases."""
    return (
        select(Clock, Case.urgent)
        .join(Case, Case.id == Clock.case_id)
        .where(Clock.stopped_at.is_(None), _due(work))
        .limit(_BATCH)
        .with_for_update(of=Clock, skip_locked=True)
    )


def push_due(work: Work) -> None:
    """Plan what is not planned, and give every clock that is due a row of work of its own.

    Rows that somebody else holds are left for the next time, so that this never waits for anybody.
    """
    found = list(work.session.execute(due_clocks(work).execution_options(populate_existing=True)))
    for clock, urgent in found:
        if clock.push_version != work.county_version:
            turn = _turn(work, clock, urgent)
            clock.next_push_at = work.now if turn.send else turn.next_at
            clock.push_version = work.county_version
        if clock.next_push_at is not None and clock.next_push_at <= work.now:
            clock.next_push_at = work.now + _LEASE
            work.defer("push_clock", clock.id)
    if len(found) == _BATCH:
        work.defer("push_due")


def push_clock(work: Work, clock_id: UUID) -> None:
    """Send the highest step that is due for this clock, once. Repeats send nothing twice.

    Looks again now that the case is locked: a clock that was stopped meanwhile is silent, one whose deadline was
    changed has another ladder. Out of working hours, what is not urgent waits for the next opening.
    """
    clock = work.session.get_one(Clock, clock_id)
    case = events.lock(work, clock.case_id)
    work.session.refresh(clock)
    if clock.stopped_at is not None:
        return
    work.actor = TIMER
    turn = _turn(work, clock, case.urgent)
    clock.next_push_at, clock.push_version = turn.next_at, work.county_version
    if turn.send is None:
        return
    rules = work.county.rules.supervision
    at = work.now if case.urgent else next_working_time(work.county.calendar, rules.hours, work.now)
    if at > work.now:
        clock.next_push_at = at
        return
    form = {
        "clock": clock, "step": turn.send, "skipped": turn.skipped, "reason": reminders.words_of(work, case, clock)
    }  # fmt: skip
    states.act(work, case.id, "remind_due", form)
    if any(step.supervise for step in (turn.send, *turn.skipped)):
        supervision.open(work, case, "overdue")


def supervise(work: Work, case_id: UUID, reason: str) -> None:
    """Send the letter that a rule calls for, unless the unit has one already or the case has gone on."""
    case = events.lock(work, case_id)
    work.actor = TIMER
    if case.lead_unit is None or all(row.action != "supervise" for row in states.allowed(work, case, TIMER)):
        return
    if supervision.recurrences(work, case) >= work.county.rules.supervision.recurrences and reason != "overdue":
        reason = "recurrences"
    demands = supervision.demands_by_rule(work, case, reason)
    states.act(work, case.id, "supervise", {"why": reason, "demands": demands})


def follow_case(work: Work, case_id: UUID) -> None:
    """What hangs on a case ends with it, or with the unit that gave it away."""
    case = events.lock(work, case_id)
    work.actor = TIMER
    supervision.follow(work, case, is_open=case.state in states.OPEN)
    emergency.follow(work, case, is_open=case.state in states.OPEN)


def declare_emergency(work: Work, case_id: UUID) -> None:
    """Declare the emergency that a plan calls for by itself, unless somebody has, or the case has ended."""
    case = events.lock(work, case_id)
    work.actor = ROUTING
    plan = emergency.declared_by_itself(work, case)
    if plan is None or all(row.action != "declare_emergency" for row in states.allowed(work, case, ROUTING)):
        return
    form = {"plan": plan.code, "reason": f"符合{plan.name}的自动启动条件。"}
    states.act(work, case.id, "declare_emergency", form)


def remind_all(work: Work, case_ids: Iterable[UUID], reason: str) -> list[dict[str, Any]]:
    """Remind the holders of many cases by hand; says of each whether it was done, and why not.

    A case that somebody else is working on this very moment is not waited for: this holds the locks of many.
    """
    if work.actor.role not in ("office", "county_chief"):
        raise Forbidden("not_yours_to_do", "只有县河长办和县级河长可以催办。")
    return [_remind(work, case_id, reason) for case_id in sorted(set(case_ids))]


def _remind(work: Work, case_id: UUID, reason: str) -> dict[str, Any]:
    told = {"case_id": str(case_id), "number": None, "reminded": False, "code": None, "title": None}
    try:
        told["number"] = cases.get(work, case_id).number
        if not events.lock_at_once(work, case_id):
            raise Conflict("busy", "这个案件正在被别人处理，请稍后再催。")
        with work.session.begin_nested():
            states.act(work, case_id, "remind", {"reason": reason})
    except Fault as fault:
        return {**told, "code": fault.code, "title": fault.title}
    return {**told, "reminded": True}


def _turn(work: Work, clock: Clock, urgent: bool) -> ladder.Turn:
    county = work.county
    running = ladder.Running(clock.kind, clock.in_hours, clock.started_at, clock.due_at, always=urgent)
    planned = ladder.plan(county.rules.supervision, county.calendar, running)
    if not planned:
        return ladder.NOTHING
    sent = work.session.execute(
        select(Reminder.step, Reminder.sent_at).where(Reminder.clock_id == clock.id, Reminder.due_at == clock.due_at)
    ).all()
    last_at = max((at for _, at in sent if at is not None), default=None)
    return ladder.turn(planned, (step for step, _ in sent), last_at, work.now)
