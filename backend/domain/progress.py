"""What a reporter reads of a case: each step in plain words, and where it stands now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from backend.domain import deadlines, units
from backend.domain.words import ERASED
from backend.models import Case, CaseEvent, PersonalText, Report

if TYPE_CHECKING:
    from backend.work import Work

# What a reporter reads of each event. None: a matter between offices, no step of theirs. Every action that an event can
# have stands here, which a test holds. Filled in: {unit} the unit that leads then, {helpers} the units that assist,
# {text} the words of the event (name them only where an official writes to the reporter), {until} the deadline that was
# set or asked for, {day} the planned day, {body} who received the case.
WORDS: dict[str, str | None] = {
    "submit": "举报已收到。",
    "hold": "县河长办正在核对，稍后交办。",
    "assign": "已交由{unit}办理。",
    "reassign": "已改由{unit}办理。",
    "rule": "县河长办裁定由{unit}办理。",
    "grade": None,
    "order": None,
    "claim": None,
    "allocate": None,
    "hand_over": "办理单位调整，改由{unit}办理。",
    "return": "县河长办正在重新确定办理单位。",
    "accept": "{unit}已签收。",
    "start": "{unit}已开始整改，计划{day}完成。",
    "propose_rejection": None,
    "decline_rejection": None,
    "reject": "未予受理：{text}",
    "appeal": "有举报人提出申诉，县河长办正在复核。",
    "merge": "与同一问题合并办理。",
    "join": None,
    "leave": None,
    "split": "重新单独办理，县河长办正在核对。",
    "transfer": "已移送{body}办理：{text}",
    "ask_extension": "{unit}申请延长整改时间，等县河长办决定。",
    "withdraw_extension": "{unit}撤回了延长整改时间的申请。",
    "grant_extension": "县河长办同意整改时间延长到{until}：{text}",
    "refuse_extension": "县河长办不同意延长整改时间，仍应在{until}前完成。",
    "acknowledge": None,
    "note": None,
    "add_assisting": "{helpers}也参加办理。",
    "release_assisting": None,
    "settle_on_spot": "现场已处理，等待县里确认。",
    "verify": "县里已到现场核查。",
    "remind": None,
    "remind_due": None,
    "reply_reminder": None,
    "supervise": None,
    "reply_supervision": None,
    "accept_reply": None,
    "send_back_reply": None,
    "escalate_supervision": None,
    "end_supervision": None,
    "declare_emergency": "已启动应急联动，由多个部门共同处置。",
    "call_in": None,
    "respond": None,
    "call_up": None,
    "stand_down": None,
    "request_closure": "整改完成，等待县里核查。",
    "send_back": "核查未通过，继续整改。",
    "close": "核查通过，已办结。",
    "dispute": "有举报人对办理结果提出异议，县里将回头看。",
    "rate": None,
    "supplement": None,
    "forward": None,
    "erase": None,
    "link_source": None,
    "unlink_source": None,
    "plan_follow_up": None,
    "assign_follow_up": None,
    "import": None,
    "withdraw_import": None,
    "withdraw": None,
    "pass_follow_up": "回头看合格。",
    "fail_follow_up": "回头看发现问题反弹，重新整改。",
    "archive": "已归档。",
}
# The same, where the event is the reader's own doing.
OWN_WORDS = {
    "appeal": "您提出了申诉，县河长办正在复核。",
    "dispute": "您对办理结果提出了异议，县里将回头看。",
    "rate": "您作了评价。",
    "supplement": "您补充了情况。",
    "withdraw": "您撤回了举报，案件会继续办理。",
}
# Where the case stands now. {unit} {until} as above; {end} is the last day to dispute or appeal.
STANDING = {
    "submitted": "举报已收到，正在确定由谁办理。",
    "triage": "县河长办正在核对，确定由谁办理。",
    "assigned": "等待{unit}签收，应在{until}前整改完成。",
    "accepted": "{unit}已签收，正在安排整改，应在{until}前完成。",
    "rectifying": "{unit}正在整改，应在{until}前完成。",
    "in_review": "整改完成，县里正在核查。",
    "closed": "已办结。问题没有解决的，可以在{end}前提出异议。",
    "archived": "已办结归档。问题再次出现的，请重新举报。",
    "rejected": "未予受理。有不同意见的，可以在{end}前申诉一次。",
    "merged": "与同一问题合并办理。",
    "transferred": "不归本县管理，已移送有关部门办理。",
    "withdrawn": "这条记录是误导入的，已经收回。",
}
_LATE = "{unit}没有在期限（{until}）前完成整改，县里正在督促。"


@dataclass(frozen=True)
class Step:
    """One step of the way, as its reporter reads it."""

    at: datetime
    action: str
    words: str


def steps(work: Work, report: Report) -> list[Step]:
    """The way of a report: through its own case and, from when it was merged, through the one it was merged into."""
    found: list[Step] = []
    unit = "办理单位"
    came_from: UUID | None = None
    case: Case | None = work.session.get_one(Case, report.origin_case_id)
    seen = set[UUID]()
    while case is not None and case.id not in seen:
        seen.add(case.id)
        here: list[Step] = []
        for event, text in _events(work, case):
            unit = _lead(work, event) or unit
            words = _words(report, event)
            if event.action == "join" and event.data["case"] == str(came_from):
                here = []  # what was before concerned other reports
            if words is not None:
                here.append(Step(event.at, event.action, words.format(unit=unit, **_filled_in(work, event, text))))
        found += here
        came_from = case.id
        case = work.session.get(Case, case.merged_into_id) if case.merged_into_id else None
    return found


def _events(work: Work, case: Case) -> Iterator[tuple[CaseEvent, str | None]]:
    rows = work.session.execute(
        select(CaseEvent, PersonalText.text)
        .outerjoin(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq)
    )
    return ((event, text) for event, text in rows)


def _words(report: Report, event: CaseEvent) -> str | None:
    if event.action in OWN_WORDS and str(report.id) in event.data.get("reports", ()):
        return OWN_WORDS[event.action]
    if event.action == "hand_over" and "unit" not in event.data:
        return None  # another handler or assisting unit; the lead unit is the same
    return WORDS[event.action]


def _lead(work: Work, event: CaseEvent) -> str | None:
    """The unit to which this event gives the case."""
    return units.name(work, event.data["unit"]) if "unit" in event.data and event.action != "return" else None


def _filled_in(work: Work, event: CaseEvent, text: str | None) -> dict[str, str]:
    until, day = event.data.get("rectify_by"), event.data.get("date")
    return {
        "text": text or (ERASED if event.text_id else ""),
        "helpers": "、".join(units.name(work, code) for code in event.data.get("assisting", ())),
        "until": deadlines.words(datetime.fromisoformat(until)) if until else "",
        "day": deadlines.day_words(date.fromisoformat(day)) if day else "",
        "body": event.data.get("body", ""),
    }


def standing(work: Work, report: Report, case: Case) -> str:
    """Where the case of a report stands now, in one or two sentences."""
    words = _standing(work, report, case)
    return words if report.withdrawn_at is None else f"您已撤回举报。{words}"


def _standing(work: Work, report: Report, case: Case) -> str:
    limits = work.county.limits
    words, end = STANDING[case.state], ""
    if case.state == "closed" and case.closed_at is not None:
        if report.disputed_at is not None and report.disputed_at >= case.closed_at:
            return "已办结。您提出了异议，县里将回头看。"
        last = deadlines.after(work, case.closed_at, limits.dispute_days)
        words, end = (words, deadlines.words(last)) if work.now <= last else ("已办结。", "")
    elif case.state == "rejected" and case.closed_at is not None:
        last = deadlines.after(work, case.closed_at, limits.appeal_days)
        open_still = work.now <= last and report.appealed_at is None
        words, end = (words, deadlines.words(last)) if open_still else ("未予受理。", "")
    unit = units.name(work, case.lead_unit) if case.lead_unit else "办理单位"
    clock = deadlines.running(work, case, "rectify")
    if clock is not None and clock.overdue(work.now) and case.state in ("assigned", "accepted", "rectifying"):
        words = _LATE
    return words.format(unit=unit, until=deadlines.words(clock.due_at) if clock else "规定的期限", end=end)
