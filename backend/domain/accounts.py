"""Closing an account 注销账号: what is in the way, what is erased, what stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from backend.domain import desk_sessions, erasure
from backend.domain.actors import Actor
from backend.domain.effects import OPEN
from backend.domain.faults import Conflict, Fault
from backend.models import Account, Assignment, Case, FollowUp, Patrol, Report, SignIn

if TYPE_CHECKING:
    from backend.work import Work

# What has to be typed, so that no slip of a thumb does it.
CONFIRMATION = "注销"
_REASON = "本人注销账号，身份和联系方式已删除。"


@dataclass(frozen=True)
class Outlook:
    """What closing would do, one sentence each: `obstacles` keep it from being done now."""

    reports: int
    erased: list[str]
    kept: list[str]
    obstacles: list[str]


def outlook(work: Work, row: SignIn) -> Outlook:
    """What closing the account of this sign-in would erase and keep, and what is in the way."""
    account = row.account
    reports = work.session.scalar(select(func.count()).where(Report.account_id == account.id)) or 0
    erased = ["您的微信身份：以后系统认不出是您。", "消息、订阅同意和所有登录，这部手机和别的手机上的都退出。"]
    kept = []
    if reports:
        erased.append(
            f"您 {reports} 份实名、保密举报里的姓名、电话和微信身份，办理单位不能再联系您，也不再给您发进展。"
        )
        kept.append("举报的内容、照片和地点，案件照常办理。请先记下回执码，以后凭码查进展。")
    kept.append("匿名举报本来就没有记您的身份，不受影响，凭回执码照样能查。")
    if account.person_id is not None:
        erased.append("您的微信与名册的绑定。再进来要重新用手机号或绑定码验证。")
        kept.append("名册上的职务，由县河长办管理，注销不等于离任。")
        kept.append("您办理案件、巡河、核查的记录，依法归档。")
    return Outlook(reports, erased, kept, _obstacles(work, account))


def close(work: Work, row: SignIn, typed: str) -> None:
    """Close the account of this sign-in for good. Raises Fault without the word, Conflict when something is open.

    Whoever signs in with the same WeChat afterwards begins anew.
    """
    if typed.strip() != CONFIRMATION:
        raise Fault("not_confirmed", f"请输入“{CONFIRMATION}”两个字来确认。", field="confirm")
    account = work.session.get_one(Account, row.account_id, with_for_update={"of": Account}, populate_existing=True)
    obstacles = _obstacles(work, account)
    if obstacles:
        raise Conflict("hand_over_first", obstacles[0], obstacles=obstacles)
    if account.person_id is not None:
        desk_sessions.end_all(work, account.person_id)
        account.person = None
        work.session.flush()
    # As the reporter, also when it is an official who once reported: the events must not tell.
    work.actor = Actor(role="resident", account_id=account.id)
    erasure.forget_reporter(work, account.id, _REASON)


def _obstacles(work: Work, account: Account) -> list[str]:
    """What an official has to hand over or finish first: without them nobody would see to it."""
    if account.person_id is None:
        return []
    handled = (
        select(func.count(Case.id.distinct()))
        .join(Assignment, Assignment.case_id == Case.id)
        .where(Assignment.handler_id == account.person_id, Assignment.ended_at.is_(None), Case.state.in_(OPEN))
    )
    patrols = select(func.count()).where(Patrol.person_id == account.person_id, Patrol.finished_at.is_(None))
    visits = select(func.count()).where(FollowUp.inspector_id == account.person_id, FollowUp.state == "planned")
    counts = [work.session.scalar(query) or 0 for query in (handled, patrols, visits)]
    said = (
        "您名下还有 {} 件没有办结的案件，请先请单位负责人或县河长办办理移交。",
        "您还有 {} 次没有结束的巡河，请先结束，并把记录传完。",
        "还有 {} 项回头看由您去，请先完成，或请县河长办改派。",
    )
    return [words.format(count) for words, count in zip(said, counts, strict=True) if count]
