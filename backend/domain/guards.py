"""The guards of the table in states.py: each gives None, or the Fault that says why this actor may not now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from backend.domain import deadlines, evidence
from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault
from backend.models import Case, Finding

if TYPE_CHECKING:
    from backend.work import Work


def never_assigned(work: Work, case: Case, actor: Actor) -> Fault | None:
    return Conflict("assigned_before", "案件已经交办过，不再自动分办。") if case.ever_assigned else None


def refused_before(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if case.refusals else Conflict("never_refused", "案件没有被退回过，不需要裁定，请直接交办。")


def no_ruling(work: Work, case: Case, actor: Actor) -> Fault | None:
    return Conflict("ruled", "县河长办已裁定由本单位办理，不能再退回。") if case.ruled else None


def within_refuse_by(work: Work, case: Case, actor: Actor) -> Fault | None:
    clock = deadlines.running(work, case, "refuse")
    if clock is None or work.now > clock.due_at:
        return Conflict("too_late_to_return", "已超过退回期限，请办理；确有困难可联系县河长办改派。")
    return None


def within_appeal(work: Work, case: Case, actor: Actor) -> Fault | None:
    if case.closed_at is None or work.now > deadlines.after(work, case.closed_at, work.county.limits.appeal_days):
        return Conflict("too_late_to_appeal", "申诉期限已过。情况有变化的，可以重新举报。")
    return None


def within_dispute(work: Work, case: Case, actor: Actor) -> Fault | None:
    if dispute_over(work, case):
        return Conflict("too_late_to_dispute", "异议期限已过。问题再次出现的，请重新举报。")
    return None


def dispute_window_over(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if dispute_over(work, case) else Conflict("dispute_window_open", "异议期限未满，暂不能归档。")


def dispute_over(work: Work, case: Case) -> bool:
    limit = work.county.limits.dispute_days
    return case.closed_at is None or work.now > deadlines.after(work, case.closed_at, limit)


def seen_on_the_ground(work: Work, case: Case, actor: Actor) -> Fault | None:
    """What was settled on the spot and drawn into the sample is closed only after somebody has been there."""
    drawn = exists().where(Finding.case_id == case.id, Finding.sampled, Finding.verified_at.is_(None))
    if case.source == "patrol" and work.session.scalar(select(drawn)):
        return Conflict("verify_first", "这起现场办结被抽中实地核查，请先到现场核查并上传照片。")
    return None


def from_patrol(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if case.source == "patrol" else Conflict("not_from_patrol", "只有巡河发现的问题可以现场办结。")


def words_on_red_flags(work: Work, case: Case) -> dict[str, str]:
    """Whoever closes a case in spite of what is odd about its evidence says in writing why."""
    flags = evidence.unsettled(work, case)
    return {"reason": f"核实情况（{len(flags)} 处照片存疑）"} if flags else {}
