"""The ledger 台账 as officials file it: one row per case, every date, every deadline, days per holder.

Read in batches, so that the memory used does not grow with the ledger. Words of reporters are the forwarded ones
转办 for everybody, the office too: a file goes from hand to hand. Who reported is never in it, only how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from backend.domain import deadlines, holdings, ledger, states
from backend.domain.holdings import Holding
from backend.domain.masking import mask
from backend.domain.periods import midnight
from backend.domain.sheets import Cell, Heading
from backend.models import Assignment, Case, CaseEvent, Clock, PersonalText, ReachName, Report, RiskSourceVersion, Unit

if TYPE_CHECKING:
    from backend.work import Work

BATCH = 500
# What the days of an imported case were called as events here.
_OLD_DAYS = {
    "assigned": "assign",
    "accepted": "accept",
    "started": "start",
    "asked": "request_closure",
    "closed": "close",
}
PRIVACY = {"named": "实名", "confidential": "保密", "anonymous": "匿名"}
_RISK_SOURCES = select(RiskSourceVersion.code, RiskSourceVersion.name).order_by(
    RiskSourceVersion.effective_on, RiskSourceVersion.id
)
_REACHES = select(ReachName.code, ReachName.name, ReachName.river)
UNRELEASED = "（举报内容由县河长办审核后转办）"


class Names:
    """What codes are called: by the county in force, and what it has dissolved by its last name."""

    def __init__(self, work: Work) -> None:
        county = work.county
        self.unit = {unit.code: unit.name for unit in work.session.scalars(select(Unit))}
        self.unit |= {unit.code: unit.name for unit in county.units}
        self.township = {unit.code for unit in county.units if unit.kind == "township"}
        self.reach = {code: (name, river) for code, name, river in work.session.execute(_REACHES)}
        self.reach |= {reach.code: (reach.name, reach.river) for reach in county.reaches}
        self.category = {category.code: category.name for category in county.categories}
        self.sources = county.rules.sources
        self.severity = {severity.code: severity.name for severity in county.severities}
        self.risk_source = {version.code: version.name for version in work.session.execute(_RISK_SOURCES)}
        self.risk_source |= {source.code: source.name for source in county.risk_sources}

    def units(self, codes: list[str]) -> str:
        return "、".join(self.unit.get(code, code) for code in dict.fromkeys(codes))


@dataclass(frozen=True)
class Moment:
    """When an action was last taken on a case, and what it left."""

    at: datetime | date
    data: dict[str, Any]
    text_id: UUID | None = None


@dataclass(frozen=True)
class Line:
    """All that a row is made of."""

    place: int
    case: Case
    reports: list[Report]
    assignments: list[Assignment]
    clocks: dict[str, list[Clock]]
    held: list[Holding]
    first: dict[str, Moment]
    last: dict[str, Moment]
    times: dict[str, int]
    merged_into: str
    result: str
    measure: str
    names: Names
    now: datetime


def rows(work: Work, wanted: ledger.Filter) -> Iterator[list[Cell]]:
    """The rows of the cases that are asked for and that the actor may see, in the order that is asked for.

    Read with a cursor of the server; what a row was made of is forgotten when its batch is over.
    """
    for line in _lines(work, wanted):
        yield [column(line) for _, column in COLUMNS]


def _lines(work: Work, wanted: ledger.Filter) -> Iterator[Line]:
    query = ledger.ordered(select(Case).where(*ledger.conditions(work, wanted)), wanted)
    names, place = Names(work), 0
    found = work.session.scalars(query.execution_options(yield_per=BATCH))
    for batch in found.partitions(BATCH):
        yield from _batch(work, names, list(batch), place)
        place += len(batch)


def _batch(work: Work, names: Names, cases: list[Case], place: int) -> Iterator[Line]:
    ids = [case.id for case in cases]
    reports = _by_case(work, select(Report).where(Report.case_id.in_(ids)).order_by(Report.id), ids)
    assignments = _by_case(
        work, select(Assignment).where(Assignment.case_id.in_(ids)).order_by(Assignment.opened_at, Assignment.id), ids
    )
    clocks = _by_case(work, select(Clock).where(Clock.case_id.in_(ids)).order_by(Clock.id), ids)
    first, last, times = _lives(work, ids)
    targets = _numbers(work, [case.merged_into_id for case in cases if case.merged_into_id is not None])
    results = {case.id: _result_of(case, last[case.id]) for case in cases}
    told = [moment for _, moment in results.values()] + [last[case.id].get("start") for case in cases]
    texts = _texts(work, [moment.text_id for moment in told if moment and moment.text_id])
    for number, case in enumerate(cases, start=place + 1):
        said, moment = results[case.id]
        words = texts.get(moment.text_id, "") if moment and moment.text_id else ""
        begun = last[case.id].get("start")
        measure = texts.get(begun.text_id, "") if begun and begun.text_id else ""
        merged_into = targets.get(case.merged_into_id, "") if case.merged_into_id else ""
        yield Line(
            place=number,
            case=case,
            reports=reports[case.id],
            assignments=assignments[case.id],
            clocks=_by_kind(clocks[case.id]),
            held=holdings.charge(work.county.calendar, clocks[case.id], work.now),
            first=first[case.id],
            last=last[case.id],
            times=times[case.id],
            merged_into=merged_into,
            result="：".join(part for part in (said + merged_into, mask(words)) if part),
            measure=mask(measure),
            names=names,
            now=work.now,
        )


def _by_case(work: Work, query: Any, ids: list[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {case_id: [] for case_id in ids}
    for row in work.session.scalars(query):
        found[row.case_id].append(row)
    return found


def _by_kind(clocks: list[Clock]) -> dict[str, list[Clock]]:
    return {kind: [clock for clock in clocks if clock.kind == kind] for kind in deadlines.KINDS}


_Moments = dict[UUID, dict[str, Moment]]


def _lives(work: Work, ids: list[UUID]) -> tuple[_Moments, _Moments, dict[UUID, dict[str, int]]]:
    """Of each case and action: the first and the last time, and how often."""
    first: _Moments = {case_id: {} for case_id in ids}
    last: _Moments = {case_id: {} for case_id in ids}
    times: dict[UUID, dict[str, int]] = {case_id: {} for case_id in ids}
    events = (
        select(CaseEvent.case_id, CaseEvent.action, CaseEvent.at, CaseEvent.data, CaseEvent.text_id)
        .where(CaseEvent.case_id.in_(ids))
        .order_by(CaseEvent.case_id, CaseEvent.seq)
    )
    for case_id, action, at, data, text_id in work.session.execute(events):
        moment = Moment(at, data, text_id)
        if action == "import":  # the old ledger's days stand for the events that it had
            for name, said in data["dates"].items():
                old = Moment(date.fromisoformat(said), data, text_id)
                first[case_id][_OLD_DAYS.get(name, name)] = last[case_id][_OLD_DAYS.get(name, name)] = old
        first[case_id].setdefault(action, moment)
        last[case_id][action] = moment
        times[case_id][action] = times[case_id].get(action, 0) + 1
    return first, last, times


def _numbers(work: Work, ids: list[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    return {case.id: case.number for case in work.session.scalars(select(Case).where(Case.id.in_(ids)))}


def _texts(work: Work, ids: list[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    wanted = select(PersonalText.id, PersonalText.text).where(PersonalText.id.in_(ids))
    return {text_id: text or "" for text_id, text in work.session.execute(wanted)}


def _result_of(case: Case, last: dict[str, Moment]) -> tuple[str, Moment | None]:
    """How a case ended in words, and the event whose text says more."""
    if case.state in ("closed", "archived"):
        done = last.get("request_closure") or last.get("import")
        return ("", done) if done else ("现场办结" if "settle_on_spot" in last else "", None)
    if case.state == "rejected":
        return "不予受理", last.get("reject") or last.get("import")
    if case.state == "transferred":
        moment = last.get("transfer")
        return f"移送{moment.data.get('body', '')}" if moment else "移送", moment
    return ("并入", None) if case.state == "merged" else ("", None)


# ---- the columns -----------------------------------------------------------------------------------------------------


def _reach(line: Line) -> tuple[str, str]:
    return line.names.reach.get(line.case.reach or "", (line.case.reach or "", ""))


def _township(line: Line) -> str:
    """The township in which the place lies: that which routing found, or else the first that held the case."""
    routed = line.case.routing or {}
    named = [routed.get("lead"), *routed.get("assisting", ()), line.case.lead_unit]
    named += [held.unit_code for held in line.assignments]
    return next((line.names.unit[code] for code in named if code in line.names.township), "")


def _assisting(line: Line) -> str:
    return line.names.units([a.unit_code for a in line.assignments if a.part == "assist" and a.ended_at is None])


def _text(line: Line) -> str:
    return "；".join(r.forwarded_text if r.forward_released_at else UNRELEASED for r in line.reports[:3])


def _place(line: Line) -> str:
    """The place in words; what was written before its release stays unsaid."""
    said = [mask(r.address) for r in line.reports if r.address and r.forward_released_at]
    return "；".join(dict.fromkeys(said))


def _risk_source(line: Line) -> Cell:
    code = line.case.risk_source
    return line.names.risk_source.get(code, code) if code else None


def _privacy(line: Line) -> str:
    kinds = line.names.sources.kinds
    people = [r for r in line.reports if r.source in kinds and kinds[r.source].reporter]
    return "、".join(dict.fromkeys(PRIVACY[r.privacy] for r in people))


def _rating(line: Line) -> Cell:
    stars = [r.rating for r in line.reports if r.rating is not None]
    return round(sum(stars) / len(stars), 1) if stars else None


def _first(*actions: str) -> Callable[[Line], Cell]:
    return lambda line: min((line.first[a].at for a in actions if a in line.first), key=_when, default=None)


def _last(*actions: str) -> Callable[[Line], Cell]:
    return lambda line: max((line.last[a].at for a in actions if a in line.last), key=_when, default=None)


def _when(at: datetime | date) -> datetime:
    """Days of old ledgers among moments: a day is its beginning."""
    return at if isinstance(at, datetime) else midnight(at)


def _opened(line: Line) -> Cell:
    return line.first["opened"].at if "opened" in line.first else line.case.opened_at


def _count(*actions: str) -> Callable[[Line], Cell]:
    return lambda line: sum(line.times.get(action, 0) for action in actions)


def _person(line: Line) -> Cell:
    """Who answers for the measure, as the unit named them when it began."""
    person = line.last["start"].data.get("person") if "start" in line.last else None
    return str(person) if person else None


def _planned(line: Line) -> Cell:
    said = line.last["start"].data.get("date") if "start" in line.last else None
    return date.fromisoformat(said) if said else None


def _closed(line: Line) -> Cell:
    if line.case.state not in ("closed", "archived"):
        return None
    return line.last["close"].at if "close" in line.last else line.case.closed_at


def _first_due(kind: str) -> Callable[[Line], Cell]:
    def due(line: Line) -> Cell:
        if kind == "rectify" and line.case.first_rectify_by is not None:
            return line.case.first_rectify_by
        return line.clocks[kind][0].due_at if line.clocks[kind] else None

    return due


def _present_due(kind: str) -> Callable[[Line], Cell]:
    return lambda line: line.clocks[kind][-1].due_at if line.clocks[kind] else None


def _late(kind: str) -> Callable[[Line], Cell]:
    def late(line: Line) -> Cell:
        if not line.clocks[kind]:
            return None
        return "是" if any(clock.overdue(line.now) for clock in line.clocks[kind]) else "否"

    return late


def _overdue_now(line: Line) -> Cell:
    late = [
        deadlines.KINDS[kind]
        for kind, clocks in line.clocks.items()
        if any(clock.stopped_at is None and clock.overdue(line.now) for clock in clocks)
    ]
    return f"{'、'.join(late)}逾期" if late else "否"


def _holders(line: Line) -> str:
    """Every holder's own days of every clock: 清源镇整改3天，逾期1天."""
    return "；".join(_holder(line, held) for held in line.held)


def _holder(line: Line, held: Holding) -> str:
    used = f"{held.used_hours:g}小时" if held.used_hours is not None else f"{held.used_days}天"
    said = f"{line.names.units([held.holder])}{deadlines.KINDS[held.kind]}{used}"
    if not held.overdue:
        return said
    late = f"{held.overdue_hours:g}小时" if held.overdue_hours is not None else f"{held.overdue_days}天"
    return f"{said}，逾期{late}" if held.charged else f"{said}，接手时限内案件逾期{late}（不计该单位）"


def _lead_days(line: Line) -> Cell:
    mine = [h.used_days for h in line.held if h.kind == "rectify" and h.holder == line.case.lead_unit]
    return sum(mine) if mine else None


def _late_days(line: Line) -> Cell:
    return sum(held.overdue_days for held in line.held)


_Column = tuple[Heading, Callable[[Line], Cell]]

COLUMNS: tuple[_Column, ...] = (
    (Heading("序号", 6), lambda line: line.place),
    (Heading("编号", 17), lambda line: line.case.number),
    (Heading("原编号", 16), lambda line: line.case.source_number),
    (Heading("状态", 9), lambda line: states.STATES[line.case.state]),
    (Heading("来源", 10), lambda line: line.names.sources.name(line.case.source)),
    (Heading("类别", 12), lambda line: line.names.category.get(line.case.category, line.case.category)),
    (Heading("严重程度", 8), lambda line: line.names.severity.get(line.case.severity, line.case.severity)),
    (Heading("紧急", 6), lambda line: "是" if line.case.urgent else "否"),
    (Heading("问题描述", 40), _text),
    (Heading("位置", 24), _place),
    (Heading("河流", 10), lambda line: _reach(line)[1]),
    (Heading("河段", 14), lambda line: _reach(line)[0]),
    (Heading("所在乡镇", 12), _township),
    (Heading("主办单位", 16), lambda line: line.names.units([line.case.lead_unit]) if line.case.lead_unit else None),
    (Heading("协办单位", 20), _assisting),
    (Heading("风险源", 16), _risk_source),
    (Heading("整改措施", 30), lambda line: line.measure or None),
    (Heading("责任人", 9), _person),
    (Heading("计划完成", 12), _planned),
    (Heading("举报方式", 9), _privacy),
    (Heading("举报份数", 6), lambda line: len(line.reports)),
    (Heading("登记时间", 17), _opened),
    (Heading("转人工分办", 17), _last("hold")),
    (Heading("首次交办", 17), _first("assign", "reassign", "rule")),
    (Heading("最近交办", 17), _last("assign", "reassign", "rule")),
    (Heading("最近退回", 17), _last("return")),
    (Heading("裁定", 17), _last("rule")),
    (Heading("签收", 17), _last("accept")),
    (Heading("开始整改", 17), _last("start")),
    (Heading("最近申请延期", 17), _last("ask_extension")),
    (Heading("最近同意延期", 17), _last("grant_extension")),
    (Heading("最近催办", 17), _last("remind", "remind_due")),
    (Heading("最近督办", 17), _last("supervise")),
    (Heading("督办最近回复", 17), _last("reply_supervision")),
    (Heading("应急联动启动", 17), _last("declare_emergency")),
    (Heading("应急联动解除", 17), _last("stand_down")),
    (Heading("申请销号", 17), _last("request_closure", "settle_on_spot")),
    (Heading("最近驳回", 17), _last("send_back")),
    (Heading("销号", 17), _closed),
    (Heading("异议", 17), _last("dispute")),
    (Heading("最近回头看", 17), _last("pass_follow_up", "fail_follow_up")),
    (Heading("归档", 17), _last("archive")),
    (Heading("不予受理", 17), _last("reject")),
    (Heading("申诉", 17), _last("appeal")),
    (Heading("并案", 17), _last("merge")),
    (Heading("移送", 17), _last("transfer")),
    *(
        (Heading(f"{deadlines.KINDS[kind]}期限（{said}）", width), column(kind))
        for kind in ("triage", "refuse", "accept", "rectify", "review")
        for said, width, column in (("首次", 17, _first_due), ("现在", 17, _present_due), ("逾期过", 8, _late))
        if not (kind == "refuse" and said == "逾期过")
    ),
    (Heading("整改期限（按规则）", 17), lambda line: line.case.rule_rectify_by),
    (Heading("来源要求签收", 17), lambda line: line.case.sign_by),
    (Heading("来源要求期限", 17), lambda line: line.case.ordered_by),
    (Heading("现在逾期", 12), _overdue_now),
    (Heading("各单位用时（工作日）", 36), _holders),
    (Heading("主办单位整改天数", 9), _lead_days),
    (Heading("逾期天数合计", 8), _late_days),
    (Heading("退回次数", 6), lambda line: line.case.refusals),
    (Heading("驳回次数", 6), lambda line: line.case.rounds),
    (Heading("申请延期次数", 6), _count("ask_extension")),
    (Heading("延期次数", 6), _count("grant_extension")),
    (Heading("回头看次数", 6), _count("pass_follow_up", "fail_follow_up")),
    (Heading("反弹次数", 6), _count("fail_follow_up")),
    (Heading("催办次数", 6), _count("remind", "remind_due")),
    (Heading("督办次数", 6), _count("supervise")),
    (Heading("办理结果", 40), lambda line: line.result or None),
    (Heading("评价（星）", 7), _rating),
)  # fmt: skip
