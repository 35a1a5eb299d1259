"""Appeals 申诉 against an invalid verdict: made by the chief, decided by the office by a verdict of its own."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from backend.clock import add_working_days
from backend.domain import judging, notices, patrols, photos
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.photos import PhotoRef
from backend.domain.verdicts import Reason
from backend.domain.words import blank
from backend.models import Patrol, PatrolAppeal, Verdict

if TYPE_CHECKING:
    from backend.work import Work


def make(work: Work, patrol_id: UUID, text: str, refs: tuple[PhotoRef, ...]) -> PatrolAppeal:
    """Appeal against the verdict in force. Raises Conflict when it is valid, appealed already or too long ago."""
    patrol = patrols.locked(work, patrols.own(work, patrol_id).id)
    if blank(text):
        raise Fault("missing_field", "申诉需要填写：理由。", field="text")
    if patrol.valid is not False:
        raise Conflict("not_invalid", "只有判为无效的巡河可以申诉。")
    verdict = work.session.get_one(Verdict, (patrol.id, patrol.verdict_seq))
    if work.now > _until(work, verdict):
        days = work.county.rules.patrol.appeal_days
        raise Conflict("too_late_to_appeal", f"申诉期限（{days}个工作日）已过，请联系县河长办。")
    for before in of(work, patrol):
        if before.decided_at is None:
            raise Conflict("appealed_already", "已经申诉，正在等县河长办答复。")
        if before.verdict_seq == verdict.seq:
            raise Conflict("appealed_before", "对这次判定已经申诉过一次。")
    appeal = PatrolAppeal(patrol_id=patrol.id, verdict_seq=verdict.seq, text=text, made_at=work.now)
    work.session.add(appeal)
    work.session.flush()
    for ref in refs:
        photos.attach_to_appeal(work, ref, patrol.id)
    patrols.note(work, patrol, "appeal", {"verdict": verdict.seq, "photos": [str(ref.id) for ref in refs]}, text)
    words = f"{work.actor.name}对{patrols.day_words(patrol)}的巡河判定提出申诉，请核对后答复。"
    notices.to_office(work, f"{appeal.id}/appeal", "patrol_appeal", "巡河申诉", words, patrol.id)
    return appeal


def of(work: Work, patrol: Patrol) -> list[PatrolAppeal]:
    query = select(PatrolAppeal).where(PatrolAppeal.patrol_id == patrol.id)
    return list(work.session.scalars(query.order_by(PatrolAppeal.id)))


def allowed(work: Work, patrol: Patrol, made: list[PatrolAppeal]) -> list[str]:
    """Which of "appeal" and "decide_appeal" the actor may take now."""
    waiting = any(one.decided_at is None for one in made)
    own = work.actor.person_id is not None and work.actor.person_id == patrol.person_id
    if own and patrol.valid is False and not waiting:
        verdict = work.session.get_one(Verdict, (patrol.id, patrol.verdict_seq))
        fresh = all(one.verdict_seq != verdict.seq for one in made)
        return ["appeal"] if fresh and work.now <= _until(work, verdict) else []
    return ["decide_appeal"] if waiting and work.actor.role == "office" and not own else []


def _until(work: Work, verdict: Verdict) -> datetime:
    """The last moment for an appeal against a verdict."""
    days = work.county.rules.patrol.appeal_days
    return add_working_days(work.county.calendar, verdict.made_at, days, work.county.limits.day_ends_at)


def decide(work: Work, patrol_id: UUID, upheld: bool, reason: str) -> PatrolAppeal:
    """Decide the open appeal. Upheld, the patrol is valid by decision, for all of the chief's own reaches it named."""
    if work.session.get(Patrol, patrol_id) is None:
        raise NotFound("找不到这次巡河。")
    patrol = patrols.locked(work, patrol_id)
    appeal = next((one for one in of(work, patrol) if one.decided_at is None), None)
    if appeal is None:
        raise Conflict("no_open_appeal", "这次巡河没有待答复的申诉。")
    if blank(reason):
        raise Fault("missing_field", "答复申诉需要填写：理由。", field="reason")
    if work.actor.person_id == patrol.person_id:
        raise Forbidden("own_appeal", "不能答复自己的申诉，请由其他同事办理。")
    appeal.decided_at, appeal.decided_by = work.now, work.actor.label
    appeal.upheld, appeal.reason = upheld, reason
    patrols.note(work, patrol, "decide_appeal", {"upheld": upheld, "verdict": appeal.verdict_seq}, reason)
    if upheld:
        _declare_valid(work, patrol, reason)
    title = "申诉成立，巡河有效" if upheld else "申诉未获支持"
    words = f"{patrols.day_words(patrol)}的巡河：{reason}"
    notices.to_person(work, f"{appeal.id}/decided", patrol.person_id, "patrol_appeal", title, words, patrol.id)
    return appeal


def _declare_valid(work: Work, patrol: Patrol, reason: str) -> None:
    last = judging.last_by_rules(work, patrol)
    if last is None:
        raise Conflict("not_judged", "这次巡河还没有判定。")
    decision: dict[str, Any] = dict(last.decision)
    own = {code for code, whose in last.facts["reaches"].items() if whose == "own"}
    decision["valid"], decision["remedies"] = True, []
    decision["reasons"] = [
        asdict(Reason("appeal_upheld", True, f"申诉成立，县河长办认定有效：{reason}")),
        *({**one, "ok": None if one["ok"] is False else one["ok"]} for one in decision["reasons"]),
    ]
    decision["reaches"] = [{**one, "counts": one["counts"] or one["reach"] in own} for one in decision["reaches"]]
    patrol.verdict_seq += 1
    work.session.add(
        Verdict(
            patrol_id=patrol.id, seq=patrol.verdict_seq, made_at=work.now, made_by="appeal", valid=True,
            county_version=last.county_version, facts=last.facts, judgement=last.judgement, decision=decision,
            inputs=last.inputs,
        )
    )  # fmt: skip
    patrol.valid = True
    judging.judge_overlapped(work, patrol)
