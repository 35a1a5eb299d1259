"""Emergency linkage 应急联动: all units of a plan called at once, by day and night, until they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, update

from backend.domain import assistance, events, notices, reminders
from backend.domain.actors import TIMER, UNIT_ROLES, Actor
from backend.domain.faults import Conflict, Fault, NotFound
from backend.models import Assignment, Case, CaseEvent, Clock, Dispatch, Emergency, PersonalText
from backend.rules.emergency import LEAD, Plan
from backend.rules.supervision import LINE

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]
Effect = Callable[["Work", Case, Form], Data]

_OFFICE = frozenset({"office"})


@dataclass(frozen=True)
class Call:
    """What one unit is called for."""

    unit: str
    duty: str
    minutes: int
    phone: str


def near_intake(case: Case) -> bool:
    """Whether routing found a drinking-water intake near the place."""
    return bool((case.routing or {}).get("near_intake"))


def running(work: Work, case: Case) -> Emergency | None:
    return work.session.scalar(select(Emergency).where(Emergency.case_id == case.id, Emergency.stood_down_at.is_(None)))


def latest(work: Work, case: Case) -> Emergency | None:
    """The emergency that runs on the case, or the last one that did."""
    query = select(Emergency).where(Emergency.case_id == case.id).order_by(Emergency.id.desc())
    return work.session.scalar(query.limit(1))


def called(work: Work, case: Case) -> set[str]:
    """The units that an emergency on the case has called; reassigning the case does not send them home."""
    emergency = running(work, case) if case.urgent else None
    return {dispatch.unit_code for dispatch in emergency.dispatches} if emergency else set()


def holding(work: Work, case: Case) -> set[str]:
    """The units that hold a part of the case now."""
    held = select(Assignment.unit_code).where(Assignment.case_id == case.id, Assignment.ended_at.is_(None))
    return set(work.session.scalars(held))


def declared_by_itself(work: Work, case: Case) -> Plan | None:
    """The plan that the system declares for such a case without asking anybody."""
    return work.county.rules.emergency.plan_for(case.category, near_intake(case), automatic=True)


# ---- guards of the table in states.py --------------------------------------------------------------------------------


def none_running(work: Work, case: Case, actor: Actor) -> Fault | None:
    return Conflict("emergency_runs", "这个案件已经启动应急联动。") if running(work, case) else None


def some_running(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if running(work, case) else Conflict("no_emergency", "这个案件没有在进行的应急联动。")


def awaited(work: Work, case: Case, actor: Actor) -> Fault | None:
    """The actor's unit was called and has not answered."""
    if _mine(work, case, actor) is None:
        return Conflict("not_called", "本单位没有待应答的应急通知。")
    return None


def not_awaited(work: Work, case: Case, actor: Actor) -> Fault | None:
    """Nobody is offered two ways of saying that they know."""
    if _mine(work, case, actor) is None:
        return None
    return Conflict("respond_instead", "应急联动中，请用“应急应答”。")


def _mine(work: Work, case: Case, actor: Actor) -> Dispatch | None:
    emergency = running(work, case)
    waiting = (dispatch for dispatch in emergency.dispatches if dispatch.acknowledged_at is None) if emergency else ()
    return next((dispatch for dispatch in waiting if dispatch.unit_code == actor.unit), None)


# ---- effects of the table in states.py -------------------------------------------------------------------------------


def declare(work: Work, case: Case, form: Form) -> Data:
    """Call all units of the plan, and those that the office names besides, at once."""
    plan = _chosen(work, case, form.get("plan"))
    calls = _calls(work, case, plan)
    own = _own_calls(work, [code for code in _units(work, form) if code not in {call.unit for call in calls}])
    if not calls and not own:
        raise Fault("no_plan", "没有适用这个案件的应急预案，请选择预案或指定参加单位。", field="plan")
    emergency = Emergency(
        case_id=case.id, seq=case.version + 1, plan=plan.code if plan else None,
        plan_name=plan.name if plan else "应急联动", by=work.actor.label, by_role=work.actor.role,
        declared_at=work.now, county_version=work.county_version,
    )  # fmt: skip
    work.session.add(emergency)
    case.urgent = True
    # From now on its deadlines are spoken of by day and night.
    ticking = update(Clock).where(Clock.case_id == case.id, Clock.stopped_at.is_(None))
    work.session.execute(ticking.values(push_version=None, next_push_at=None))
    work.session.flush()
    _dispatch(work, case, emergency, [*calls, *own])
    body = f"{reminders.name_of(work, case)}已启动{emergency.plan_name}，共通知{len(calls) + len(own)}个单位。"
    above = [one for rung in ("office", "county_chief") for one in reminders.addressees(work, case, "", (rung,))]
    people = {person for one in above for person in one.people} - {work.actor.person_id}
    _tell(work, case, "declare_emergency", "启动应急联动", body, people, sms=True)
    return {"plan": emergency.plan, "name": emergency.plan_name, "called": _shown([*calls, *own])}


def _chosen(work: Work, case: Case, code: str | None) -> Plan | None:
    rules = work.county.rules.emergency
    if code is None:
        return rules.plan_for(case.category, near_intake(case))
    plan = next((plan for plan in rules.plans if plan.code == code), None)
    if plan is None:
        raise Fault("unknown_plan", "没有这个预案，请从列表中选择。", field="plan")
    return plan


def _units(work: Work, form: Form) -> list[str]:
    return assistance.check(work, form.get("assisting") or [], None)


def _calls(work: Work, case: Case, plan: Plan | None) -> list[Call]:
    """The plan's tasks, each unit once: the lead unit may have a task under its own name as well."""
    found: dict[str, Call] = {}
    for task in plan.tasks if plan else ():
        code = case.lead_unit if task.unit == LEAD else task.unit
        unit = work.county.unit_by_code.get(code or "")
        if unit is None:  # nobody leads yet: whoever does is called when that is decided
            continue
        call = Call(unit.code, task.duty, task.minutes, task.phone or unit.phone)
        before = found.get(unit.code)
        if before is not None:
            call = Call(unit.code, f"{before.duty}{task.duty}", min(before.minutes, task.minutes), before.phone)
        found[unit.code] = call
    return list(found.values())


def _own_calls(work: Work, units: Iterable[str]) -> list[Call]:
    rules, known = work.county.rules.emergency, work.county.unit_by_code
    return [Call(code, rules.own_duty, rules.own_minutes, known[code].phone) for code in units]


def _dispatch(work: Work, case: Case, emergency: Emergency, calls: list[Call]) -> None:
    """Call these units: each holds a part of the case from now on, and has its minutes to answer."""
    held = holding(work, case)
    for call in calls:
        if call.unit not in held:
            assistance.open_for(work, case, [call.unit], f"{emergency.plan_name}：{call.duty}")
        dispatch = Dispatch(
            emergency_id=emergency.id, case_id=case.id, unit_code=call.unit, duty=call.duty, phone=call.phone,
            called_at=work.now, due_at=work.now + timedelta(minutes=call.minutes),
        )  # fmt: skip
        emergency.dispatches.append(dispatch)
        work.session.flush()
        work.defer("chase_dispatch", dispatch.id, after=timedelta(minutes=call.minutes))
        task = f"你单位任务：{call.duty}请在{call.minutes}分钟内应答。"
        body = f"{reminders.name_of(work, case)}启动{emergency.plan_name}。{task}"
        people = notices.holders(work, call.unit, UNIT_ROLES)
        _tell(work, case, "call_in", "应急联动：请立即应答", body, people, sms=True)


def _tell(work: Work, case: Case, kind: str, title: str, body: str, people: Iterable[UUID], sms: bool = False) -> None:
    notices.send(work, case, f"{case.id}/{case.version + 1}", kind, title, body, people, sms)


def _shown(calls: Iterable[Call]) -> list[Data]:
    return [{"unit": call.unit, "minutes": call.minutes} for call in calls]


def call_in(work: Work, case: Case, form: Form) -> Data:
    """The office calls further units into a running emergency."""
    emergency = running(work, case)
    new = [code for code in _units(work, form) if code not in called(work, case)]
    if emergency is None or not new:
        raise Conflict("called_already", "所选单位已经参加应急联动。")
    calls = _own_calls(work, new)
    _dispatch(work, case, emergency, calls)
    return {"called": _shown(calls)}


def answering(effect: Effect) -> Effect:
    """An effect by which a unit that was called answers the call too: whoever works on it knows of it."""

    def answered(work: Work, case: Case, form: Form) -> Data:
        mine = _mine(work, case, work.actor) if case.urgent else None
        if mine is not None:
            mine.acknowledged_at = work.now
        return effect(work, case, form)

    return answered


def note(work: Work, case: Case, form: Form) -> Data:
    """Words and photos for the record; in an emergency for the common timeline, of which all who take part are told."""
    taking_part = called(work, case)
    if taking_part:
        units = (taking_part & holding(work, case)) - {work.actor.unit}
        people = {person for unit in units for person in notices.holders(work, unit, UNIT_ROLES)}
        people |= set(notices.holders(work, work.county.office, _OFFICE))
        body = f"{reminders.name_of(work, case)}的应急联动有新的续报，请查看。"
        _tell(work, case, "note", "应急续报", body, people - {work.actor.person_id})
    return assistance.note(work, case, form)


def stand_down(work: Work, case: Case, form: Form) -> Data:
    """The office ends the emergency; the units go on assisting with the case until they are released."""
    emergency = running(work, case)
    if emergency is None:
        raise Conflict("no_emergency", "这个案件没有在进行的应急联动。")
    return _stand_down(work, case, emergency, "office")


def _stand_down(work: Work, case: Case, emergency: Emergency, how: str) -> Data:
    emergency.stood_down_at, emergency.stood_down_how = work.now, how
    units = {dispatch.unit_code for dispatch in emergency.dispatches}
    people = {person for unit in units for person in notices.holders(work, unit, UNIT_ROLES)}
    body = f"{reminders.name_of(work, case)}的应急联动已解除。"
    _tell(work, case, "stand_down", "应急联动已解除", body, people)
    return {"plan": emergency.plan, "how": how}


# ---- what the timer does ---------------------------------------------------------------------------------------------


def follow(work: Work, case: Case, is_open: bool) -> None:
    """An emergency ends with its case; a new lead unit is called for what the plan wants of the lead. Case locked."""
    emergency = running(work, case)
    if emergency is None:
        return
    if not is_open:
        data = _stand_down(work, case, emergency, "case")
        events.append(work, case, "stand_down", case.state, data)
        return
    lead, plans = case.lead_unit, work.county.rules.emergency.plans
    plan = next((plan for plan in plans if plan.code == emergency.plan), None)
    if lead is None or plan is None or lead in called(work, case):
        return
    calls = [call for call in _calls(work, case, plan) if call.unit == lead]
    if calls:
        _dispatch(work, case, emergency, calls)
        events.append(work, case, "call_in", case.state, {"called": _shown(calls)})


def chase(work: Work, dispatch_id: UUID) -> None:
    """Call the line of command above a unit that has not answered: everybody whose turn has come, each once."""
    dispatch = work.session.get_one(Dispatch, dispatch_id)
    case = events.lock(work, dispatch.case_id)
    work.session.refresh(dispatch)
    emergency = work.session.get_one(Emergency, dispatch.emergency_id, populate_existing=True)
    gone = dispatch.unit_code not in holding(work, case)
    if dispatch.acknowledged_at is not None or emergency.stood_down_at is not None or gone:
        return
    work.actor = TIMER
    done = LINE.index(dispatch.climbed_to) if dispatch.climbed_to else 0
    left = [step for step in work.county.rules.emergency.climb if LINE.index(step.to) > done]
    at = [dispatch.due_at + timedelta(minutes=step.after_min) for step in left]
    due = [step.to for step, moment in zip(left, at, strict=True) if moment <= work.now]
    later = next((moment for moment in at if moment > work.now), None)
    if later is not None:
        work.defer("chase_dispatch", dispatch.id, after=later - work.now)
    if not due:
        return
    dispatch.climbed_to = due[-1]
    unit = work.county.unit_by_code[dispatch.unit_code].name
    late = int((work.now - dispatch.due_at) / timedelta(minutes=1))
    words = (
        f"{reminders.name_of(work, case)}的应急通知，{unit}{f'超时{late}分钟' if late else '到时'}未应答，"
        f"值班电话{dispatch.phone or '未登记'}，请立即联系。"
    )
    to = reminders.addressees(work, case, dispatch.unit_code, due)
    reminders.record(work, case, to, "emergency")
    reminders.notify(work, case, to, "应急通知无人应答", words, sms=True)
    data = {"unanswered": dispatch.unit_code, "to": reminders.shown(to)}
    events.append(work, case, "call_up", case.state, data, words)


# ---- the common timeline ---------------------------------------------------------------------------------------------


def timeline(work: Work, case: Case, after: int, limit: int) -> tuple[Emergency, list[tuple[CaseEvent, str | None]]]:
    """Everything on the case since its last emergency was declared, in order, with the words. Raises NotFound."""
    emergency = latest(work, case)
    if emergency is None:
        raise NotFound("这个案件没有启动过应急联动。", "no_emergency")
    rows = work.session.execute(
        select(CaseEvent, PersonalText.text)
        .outerjoin(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == case.id, CaseEvent.seq >= emergency.seq, CaseEvent.seq > after)
        .order_by(CaseEvent.seq)
        .limit(limit)
    )
    return emergency, [(event, text) for event, text in rows]
