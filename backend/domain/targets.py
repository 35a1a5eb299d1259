"""The county's targets 目标指标: what is to be reached until when, and the values on the way with their sources.

Nothing is overwritten: a target written anew and a value corrected are new rows, and the old ones stay to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from uuid6 import uuid7

from backend.clock import shanghai_day
from backend.domain import people
from backend.domain.actors import UNIT_ROLES
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.words import blank
from backend.models import Target, TargetValue

if TYPE_CHECKING:
    from backend.work import Work

Better = Literal["higher", "lower"]
BETTER: dict[Better, str] = {"higher": "越高越好", "lower": "越低越好"}
_MOST = 10**10


@dataclass(frozen=True)
class Words:
    """What is written of a target. `unit`: code of the unit that answers for it."""

    name: str
    measure: str
    better: Better
    goal: float
    goal_on: date
    unit: str


@dataclass(frozen=True)
class Shown:
    """A target with the values that count, the earliest first, and every value ever entered, the latest entry first.

    `standing`: reached | on_way | missed, by the last value; "none" without one.
    """

    target: Target
    counting: list[TargetValue]
    entered: list[TargetValue]
    standing: str


STANDINGS = {"reached": "已达到目标", "on_way": "还没达到", "missed": "到期没有达到", "none": "还没有数值"}


def write(work: Work, words: Words, code: UUID | None = None) -> Target:
    """Write a target: a new one, or anew the one of this code."""
    _office_only(work)
    if code is not None and _alone(work, code).ended:
        raise Conflict("target_ended", "这个目标已停用。")
    for value, name, title in ((words.name, "name", "名称"), (words.measure, "measure", "计量单位")):
        if blank(value):
            raise Fault("missing_field", f"请填写{title}。", field=name)
    if words.unit not in work.county.unit_by_code:
        raise Fault("unknown_unit", "没有这个责任单位，请从列表中选择。", field="unit")
    _check_number(words.goal, "goal")
    target = Target(
        id=uuid7(), code=code or uuid7(), name=words.name, measure=words.measure, better=words.better, goal=words.goal,
        goal_on=words.goal_on, unit_code=words.unit, made_at=work.now, made_by=work.actor.label,
    )  # fmt: skip
    work.session.add(target)
    work.session.flush()
    return target


def end(work: Work, code: UUID) -> Target:
    """Watch a target no longer; its values stay."""
    _office_only(work)
    old = _alone(work, code)
    if old.ended:
        raise Conflict("target_ended", "这个目标已停用。")
    same = {name: getattr(old, name) for name in ("name", "measure", "better", "goal", "goal_on", "unit_code")}
    ended = Target(code=code, ended=True, made_at=work.now, made_by=work.actor.label, **same)
    work.session.add(ended)
    work.session.flush()
    return ended


def enter(work: Work, code: UUID, on: date, value: float, source: str, reason: str = "") -> TargetValue:
    """Enter the value of a day with its source. Where there is one already, this corrects it, and needs a reason."""
    target = _alone(work, code)
    if not _answers(work, target):
        raise Forbidden("not_yours", "只有县河长办和责任单位可以填写这个目标的数值。")
    if target.ended:
        raise Conflict("target_ended", "这个目标已停用。")
    if on > shanghai_day(work.now):
        raise Fault("day_to_come", "日期不能晚于今天。", field="on")
    if blank(source):
        raise Fault("missing_field", "请写明数据来源。", field="source")
    _check_number(value, "value")
    earlier = work.session.scalar(
        select(TargetValue)
        .where(TargetValue.code == code, TargetValue.on == on)
        .order_by(TargetValue.id.desc())
        .limit(1)
    )
    if earlier is not None and blank(reason):
        raise Fault(
            "reason_needed", f"{on} 已经填过 {float(earlier.value):g}，要更正请写明原因，原来的数值会保留。",
            field="reason",
        )  # fmt: skip
    row = TargetValue(
        id=uuid7(), code=code, on=on, value=value, source=source, reason=reason if earlier is not None else "",
        made_at=work.now, made_by=work.actor.label,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    return row


def get(work: Work, code: UUID) -> Target:
    """The target of this code as last written."""
    found = work.session.scalar(select(Target).where(Target.code == code).order_by(Target.id.desc()).limit(1))
    if found is None:
        raise NotFound("没有这个目标。")
    return found


def _alone(work: Work, code: UUID) -> Target:
    """The same, while nobody else writes to it: rows that are only added to cannot be locked themselves."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"target {code}", 0))))
    return get(work, code)


def written(work: Work, code: UUID) -> list[Target]:
    """A target as it was written over time, the last first."""
    return list(work.session.scalars(select(Target).where(Target.code == code).order_by(Target.id.desc())))


def show(work: Work, code: UUID) -> Shown:
    return _shown(work, get(work, code))


def listing(work: Work, ended: bool = False) -> list[Shown]:
    """The targets that are watched, or those that are no longer, the first set up first."""
    last = select(Target).ext(distinct_on(Target.code)).order_by(Target.code, Target.id.desc())
    return [_shown(work, target) for target in work.session.scalars(last) if target.ended == ended]


def _shown(work: Work, target: Target) -> Shown:
    query = select(TargetValue).where(TargetValue.code == target.code).order_by(TargetValue.id)
    entered = list(work.session.scalars(query))
    counting = sorted({row.on: row for row in entered}.values(), key=lambda row: row.on)
    return Shown(target, counting, entered[::-1], _standing(work, target, counting))


def _standing(work: Work, target: Target, counting: list[TargetValue]) -> str:
    if not counting:
        return "none"
    last = counting[-1].value
    reached = last >= target.goal if target.better == "higher" else last <= target.goal
    if reached:
        return "reached"
    return "missed" if target.goal_on < shanghai_day(work.now) else "on_way"


def may_enter(work: Work, target: Target) -> bool:
    """Whether this actor may enter values of it."""
    return not target.ended and _answers(work, target)


def _answers(work: Work, target: Target) -> bool:
    mine = work.actor.role in UNIT_ROLES and work.actor.unit == target.unit_code
    return work.actor.role == "office" or mine


def name_of(work: Work, label: str) -> str:
    """Who entered a value or wrote a target."""
    return people.name_of(work, label) or "—"


def _office_only(work: Work) -> None:
    if work.actor.role != "office":
        raise Forbidden("office_only", "只有县河长办可以设立和修改目标。")


def _check_number(value: float, name: str) -> None:
    if not -_MOST < value < _MOST:
        raise Fault("number_out_of_range", "数值太大，请检查小数点。", field=name)
