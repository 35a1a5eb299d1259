"""The life of a case as one table, and the only place that assigns a case's state.

Each row: action, from which states, to which, who may, under which guards, with which effect, what the form must
bring. A state of `None` in `to` means: stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase

from backend.domain import (
    assistance,
    bindings,
    effects,
    emergency,
    events,
    extensions,
    follow_ups,
    guards,
    handlers,
    rejections,
    reminders,
    reporters,
    risk_links,
    severity,
    supervision,
)
from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault, Forbidden
from backend.domain.standing import capacities
from backend.domain.words import blank
from backend.models import Case, CaseEvent, Report

if TYPE_CHECKING:
    from backend.rules.imports import OldState
    from backend.work import Work

Form = dict[str, Any]
Guard = Callable[["Work", Case, Actor], Fault | None]
Effect = Callable[["Work", Case, Form], dict[str, Any]]
# What the form must bring besides because of how the case stands: field → how it is called.
Demand = Callable[["Work", Case], dict[str, str]]

STATES = {
    "submitted": "已提交",
    "triage": "待分办",
    "assigned": "待签收",
    "accepted": "已签收",
    "rectifying": "整改中",
    "in_review": "待核查",
    "closed": "已销号",
    "archived": "已归档",
    "rejected": "不予受理",
    "merged": "已并案",
    "transferred": "已移送",
    "withdrawn": "导入已撤销",
}
OPEN = effects.OPEN


@dataclass(frozen=True)
class Transition:
    action: str
    title: str
    froms: tuple[str, ...]
    to: str | None
    who: tuple[str, ...]
    effect: Effect
    guards: tuple[Guard, ...] = ()
    needs: tuple[str, ...] = ()
    whenever: bool = False  # does not depend on what its actor has seen of the case
    demand: Demand | None = None


_HELD = ("triage", "assigned", "accepted", "rectifying")
_ON_THE_LEDGER = tuple(state for state in STATES if state not in ("submitted", "merged", "withdrawn"))
_WITH_A_UNIT = ("assigned", "accepted", "rectifying", "in_review")

TABLE: tuple[Transition, ...] = (
    Transition("assign", "交办", ("submitted",), "assigned", ("routing",), effects.assign, (guards.never_assigned,)),
    Transition("hold", "转人工分办", ("submitted",), "triage", ("routing",), effects.hold, (guards.never_assigned,)),
    Transition(
        "assign", "交办", ("submitted", "triage"), "assigned", ("office",), effects.assign, (), ("unit", "reason")
    ),
    Transition(
        "reassign", "改派", ("assigned", "accepted", "rectifying"), "assigned", ("office",), effects.assign, (),
        ("unit", "reason"),
    ),
    Transition(
        "rule", "裁定", ("triage",), "assigned", ("office",), effects.rule, (guards.refused_before,), ("unit", "reason")
    ),
    Transition("order", "变更来源期限", _HELD, None, ("office",), effects.order, (), ("ordered_by", "reason")),
    Transition("grade", "定级", _HELD, None, ("office",), severity.grade, (), ("severity", "reason")),
    Transition(
        "return", "退回", ("assigned",), "triage", ("lead_unit",), effects.return_,
        (guards.no_ruling, guards.within_refuse_by), ("reason",),
    ),
    Transition(
        "reject", "不予受理", ("triage", "assigned", "accepted"), "rejected", ("office",), effects.end, (), ("reason",)
    ),
    Transition(
        "appeal", "申诉", ("rejected",), "triage", ("reporter",), effects.appeal,
        (reporters.not_withdrawn, reporters.not_appealed, guards.within_appeal), ("reason",),
    ),
    Transition(
        "merge", "并案", ("submitted",), "merged", ("routing",), effects.merge, (guards.never_assigned,), ("target",)
    ),
    Transition("merge", "并案", ("submitted", *_HELD), "merged", ("office",), effects.merge, (), ("target", "reason")),
    Transition("split", "拆分", ("merged",), "triage", ("office",), effects.split, (), ("reason",)),
    Transition("transfer", "移送", ("triage",), "transferred", ("office",), effects.end, (), ("body", "reason")),
    Transition(
        "accept", "签收", ("assigned",), "accepted", ("lead_unit",), emergency.answering(effects.accept)
    ),
    Transition(
        "start", "开始整改", ("accepted",), "rectifying", ("lead_unit",), effects.start, (),
        ("measure", "person", "date"),
    ),
    Transition(
        "settle_on_spot", "现场办结", ("submitted",), "in_review", ("chief",), effects.settle_on_spot,
        (guards.from_patrol,), ("photos_before", "photos"),
    ),
    Transition(
        "request_closure", "申请销号", ("rectifying",), "in_review", ("lead_unit",), effects.request_closure, (),
        ("photos", "done"),
    ),
    Transition(
        "send_back", "驳回", ("in_review",), "rectifying", ("verifier",), effects.send_back, (), ("reason",)
    ),
    Transition(
        "verify", "实地核查", ("in_review",), None, ("verifier",), effects.verify, (), ("photos",)
    ),
    Transition(
        "close", "销号", ("in_review",), "closed", ("verifier",), effects.close, (guards.seen_on_the_ground,),
        demand=guards.words_on_red_flags,
    ),
    Transition(
        "dispute", "提出异议", ("closed",), None, ("reporter",), effects.dispute,
        (reporters.not_withdrawn, reporters.not_disputed, guards.within_dispute), ("reason",),
    ),
    Transition(
        "pass_follow_up", "回头看合格", ("closed", "archived"), None, ("inspector",), effects.pass_follow_up, (),
        ("photos", "place"),
    ),
    Transition(
        "fail_follow_up", "回头看反弹", ("closed", "archived"), "rectifying", ("inspector",), effects.fail_follow_up,
        (), ("photos", "place", "reason"),
    ),
    Transition(
        "plan_follow_up", "安排回头看", ("closed", "archived"), None, ("office", "timer"), follow_ups.plan,
        (follow_ups.none_planned,), ("reason",),
    ),
    Transition(
        "assign_follow_up", "指派回头看", ("closed", "archived"), None, ("office", "timer"), follow_ups.assign,
        (follow_ups.one_planned,), ("inspector",),
    ),
    Transition(
        "link_source", "关联风险源", _ON_THE_LEDGER, None, ("office",), risk_links.link, (), ("risk_source", "reason")
    ),
    Transition(
        "unlink_source", "取消关联风险源", _ON_THE_LEDGER, None, ("office",), risk_links.unlink, (risk_links.linked,),
        ("reason",),
    ),
    Transition(
        "archive", "归档", ("closed",), "archived", ("timer",), effects.archive,
        (guards.dispute_window_over, follow_ups.none_pending),
    ),
    Transition(
        "acknowledge", "协办确认", _WITH_A_UNIT, None, ("assisting",), assistance.acknowledge,
        (assistance.not_acknowledged, emergency.not_awaited), whenever=True,
    ),
    Transition(
        "note", "补充情况", OPEN[1:], None, ("assisting", "lead_unit", "own_chief", "office"),
        emergency.answering(emergency.note), (), ("note",), whenever=True,
    ),
    Transition(
        "add_assisting", "增加协办", _WITH_A_UNIT, None, ("office",), assistance.add, (), ("assisting", "reason")
    ),
    Transition(
        "release_assisting", "解除协办", _WITH_A_UNIT, None, ("office",), assistance.release,
        (assistance.assisted,), ("assisting", "reason"),
    ),
    Transition(
        "remind", "催办", ("assigned", "accepted", "rectifying"), None, ("office",), reminders.by_hand,
        (reminders.not_just_now,), ("reason",),
    ),
    Transition(
        "remind", "催办", OPEN[1:], None, ("county_chief",), reminders.by_hand, (reminders.not_just_now,), ("reason",)
    ),
    Transition(
        "remind_due", "到期催办", OPEN[1:], None, ("timer",), reminders.by_timer, (), ("clock", "step", "reason")
    ),
    Transition(
        "supervise", "督办", ("assigned", "accepted", "rectifying"), None, ("office", "county_chief", "timer"),
        supervision.supervise, (supervision.none_open,), ("demands",),
    ),
    Transition(
        "declare_emergency", "启动应急联动", OPEN[1:], None, ("office", "routing"), emergency.declare,
        (emergency.none_running,), ("reason",),
    ),
    Transition(
        "call_in", "应急增派", OPEN[1:], None, ("office",), emergency.call_in, (emergency.some_running,),
        ("assisting", "reason"),
    ),
    Transition(
        "respond", "应急应答", OPEN[1:], None, ("assisting", "lead_unit"),
        emergency.answering(assistance.acknowledge), (emergency.awaited,), whenever=True,
    ),
    Transition(
        "stand_down", "解除应急", OPEN[1:], None, ("office",), emergency.stand_down, (emergency.some_running,),
        ("reason",),
    ),
    Transition(
        "propose_rejection", "建议不予受理", ("assigned", "accepted"), None, ("lead_unit",), rejections.propose,
        (rejections.not_proposed,), ("reason",),
    ),
    Transition(
        "decline_rejection", "不采纳建议", ("assigned", "accepted"), None, ("office",), rejections.decline,
        (rejections.proposed,), ("reason",),
    ),
    Transition(
        "ask_extension", "申请延期", ("rectifying",), None, ("lead_unit",), extensions.ask,
        (extensions.none_waiting, extensions.some_left, extensions.before_the_deadline), ("reason", "rectify_by"),
    ),
    Transition(
        "withdraw_extension", "撤回延期申请", ("rectifying",), None, ("lead_unit",), extensions.withdraw,
        (extensions.one_waiting,),
    ),
    Transition(
        "grant_extension", "同意延期", ("rectifying",), None, ("arbiter",), extensions.grant,
        (extensions.one_waiting, extensions.some_left), ("reason",),
    ),
    Transition(
        "refuse_extension", "不同意延期", ("rectifying",), None, ("arbiter",), extensions.refuse,
        (extensions.one_waiting,), ("reason",),
    ),
    Transition("claim", "领办", _WITH_A_UNIT, None, ("unit_member",), handlers.claim, (handlers.unclaimed,)),
    Transition("allocate", "指定经办人", _WITH_A_UNIT, None, ("unit_head",), handlers.allocate, (), ("handler",)),
    Transition(
        "supplement", "补充举报", (*OPEN, "closed", "rejected"), None, ("reporter",), reporters.supplement,
        (reporters.not_withdrawn,), ("text",),
    ),
    Transition(
        "forward", "转办补充内容", (*OPEN[1:], "closed"), None, ("office",), reporters.forward,
        (reporters.some_unreleased,), ("supplement",),
    ),
    Transition("withdraw", "撤回举报", OPEN, None, ("reporter",), reporters.withdraw, (reporters.not_withdrawn,)),
    Transition(
        "rate", "评价", ("closed", "archived"), None, ("reporter",), reporters.rate, (reporters.not_withdrawn,),
        ("stars",),
    ),
    Transition("archive", "归档", ("closed",), "archived", ("timer",), effects.archive, (guards.dispute_window_over,)),
)  # fmt: skip

ACTIONS = tuple(dict.fromkeys(row.action for row in TABLE))
TITLES = {row.action: row.title for row in TABLE} | events.BESIDE_THE_TABLE


def allowed(work: Work, case: Case, actor: Actor) -> list[Transition]:
    """The rows of the table that this actor may take now."""
    standing = capacities(work, case, actor)
    return [
        row
        for row in TABLE
        if case.state in row.froms and standing.intersection(row.who) and not _faults(work, case, row, actor)
    ]


def _faults(work: Work, case: Case, row: Transition, actor: Actor) -> list[Fault]:
    return [fault for guard in row.guards if (fault := guard(work, case, actor)) is not None]


def needs(work: Work, case: Case, row: Transition) -> dict[str, str]:
    """What the form of this row must bring for this case now, and how each field is called."""
    asked = {need: _NEEDS.get(need, need) for need in row.needs}
    return asked | (row.demand(work, case) if row.demand else {})


def act(work: Work, case_id: UUID, action: str, form: Form, version: int | None = None) -> Case:
    """Carry out one action of the table on a case, whole: effect, state, event.

    `version`: what the caller has seen; None is for the system's own actors, which look at the locked row.
    Raises NotFound, Forbidden (another's to do), Conflict (stale, or not in this state) or a guard's Fault.
    """
    _lock_in_order(work, case_id, form.get("target"))
    case = events.lock(work, case_id)
    standing = capacities(work, case, work.actor)
    rows = [row for row in TABLE if row.action == action]
    mine = [row for row in rows if standing.intersection(row.who)]
    if not mine:
        raise Forbidden("not_yours_to_do", "您的身份不能对这个案件做此操作。")
    if version is not None and version != case.version and not any(row.whenever for row in mine):
        raise Conflict("stale_version", "这个案件刚刚被别人处理过，请刷新后再操作。", **_since(work, case, version))
    row = next((row for row in mine if case.state in row.froms), None)
    if row is None:
        title = f"案件当前为“{STATES[case.state]}”，不能{rows[0].title}。"
        raise Conflict("wrong_state", title, state=case.state)
    for fault in _faults(work, case, row, work.actor):
        raise fault
    _check_needs(row, needs(work, case, row), form)
    held_by = case.lead_unit
    data = row.effect(work, case, form)
    text = form.get("reason") or form.get("done") or form.get("measure") or form.get("note")
    text = text or form.get("demands")
    before, after = case.state, row.to or case.state
    if before == "rectifying" and after != before:
        data |= extensions.lapse(work, case)
    case.state = after
    events.append(work, case, action, before, data, text)
    if after not in OPEN or (case.lead_unit != held_by and (held_by is not None or case.urgent)):
        work.defer("follow_case", case.id)
    return case


def _lock_in_order(work: Work, case_id: UUID, target: object) -> None:
    """Lock both cases of a merge, always in the same order: two who merge each into the other wait, and no more."""
    if target is not None:
        both = select(Case.id).where(Case.id.in_([case_id, UUID(str(target))])).order_by(Case.id)
        work.session.execute(both.with_for_update())


def open_case(work: Work, case: Case, report: Report, data: dict[str, Any]) -> None:
    """Put a new case on the ledger in its first state, with the report it comes from, whose words it binds."""
    case.state = "submitted"
    work.session.add(case)
    work.session.flush()
    # Nobody is told of it: they are told of what routing decides.
    events.append(work, case, "submit", None, {**data, **bindings.bind(report)}, told=False)
    report.case_id = case.id
    work.session.add(report)
    work.session.flush()


@dataclass(frozen=True)
class Brought:
    """A case of the ledger that the county kept before, in the state in which it stood there; nothing of it is stored.

    `data` and `text` are those of the event of its import; `beside`: its assignments and clocks.
    """

    case: Case
    report: Report
    state: OldState
    data: dict[str, Any]
    text: str | None
    beside: tuple[DeclarativeBase, ...]


def import_cases(work: Work, brought: Sequence[Brought]) -> None:
    """Put cases of the ledger that the county kept before on this one, many at a time, each table written once."""
    cases, words, rest = [one.case for one in brought], [], []
    for one in brought:
        one.case.state, one.case.version = one.state, 0
        event, text = events.compose(
            work, one.case, "import", None, {**one.data, **bindings.bind(one.report)}, one.text
        )
        one.report.case_id = one.case.id
        words += [text] if text is not None else []
        rest += [event, one.report, *one.beside]
    for rows in (cases, words, rest):  # in this order: each refers to the ones before
        work.session.add_all(rows)
        work.session.flush()


def withdraw_import(work: Work, case: Case, data: dict[str, Any]) -> None:
    """Take back the import of a case on which nobody has acted; its effects are those of domain/withdrawals.py."""
    before, case.state = case.state, "withdrawn"
    events.append(work, case, "withdraw_import", before, data, told=False)


def _check_needs(row: Transition, asked: dict[str, str], form: Form) -> None:
    for need, name in asked.items():
        value = form.get(need)
        if value is None or value == [] or (isinstance(value, str) and blank(value)):
            raise Fault("missing_field", f"{row.title}需要填写：{name}。", field=need)


_NEEDS = {
    "unit": "主办单位", "reason": "理由", "target": "并入的案件", "body": "接收单位", "measure": "整改措施",
    "person": "责任人", "date": "完成日期", "severity": "严重程度", "rectify_by": "希望的期限",
    "photos": "现场照片", "photos_before": "处理前照片", "done": "整改情况", "assisting": "协办单位",
    "note": "情况说明", "place": "您所在的位置", "inspector": "回头看的人员", "risk_source": "风险源",
    "handler": "经办人", "text": "要补充的内容", "supplement": "哪一条补充", "stars": "几颗星",
    "clock": "期限", "step": "催办步骤", "demands": "督办要求", "ordered_by": "来源要求的期限",
}  # fmt: skip


def _since(work: Work, case: Case, version: int) -> dict[str, Any]:
    """What changed after the version that the caller had seen."""
    newer = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.seq > version).order_by(CaseEvent.seq)
    )
    changes = [{"action": e.action, "to_state": e.to_state, "at": e.at.isoformat()} for e in newer]
    return {"version": case.version, "state": case.state, "changes": changes}
