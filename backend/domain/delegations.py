"""Delegations: a deputy B角 of the same unit stands in for a handler or head who is away, gets their notices and acts.

Nobody who is away stands in for another, so that a notice always reaches somebody who is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import or_, select

from backend.clock import shanghai_day
from backend.domain import notices, people
from backend.domain.actors import Actor
from backend.domain.deadlines import day_words
from backend.domain.deputies import colleagues
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.words import blank
from backend.models import Delegation, Person

if TYPE_CHECKING:
    from backend.work import Work


@dataclass(frozen=True)
class DelegationForm:
    """Days are days of Asia/Shanghai, both included."""

    person_id: UUID
    deputy_id: UUID
    unit: str
    from_on: date
    to_on: date
    reason: str


def make(work: Work, form: DelegationForm) -> Delegation:
    """Name a deputy. Raises Fault for what cannot be: other units, days that are past, somebody who is away as well."""
    _may_manage(work, form.person_id, form.unit)
    there = colleagues(work, form.unit)
    if form.person_id not in there:
        raise Fault("not_in_unit", "这个人不是该单位的经办人或负责人，不能设置B角。", field="person_id")
    if form.deputy_id not in there:
        raise Fault("deputy_not_in_unit", "B角应是本单位的经办人或负责人，请从名单中选择。", field="deputy_id")
    if form.deputy_id == form.person_id:
        raise Fault("deputy_is_the_person", "B角不能是本人，请选择另一位同事。", field="deputy_id")
    if blank(form.reason):
        raise Fault("missing_field", "请写明原因，例如“年休假”“住院”。", field="reason")
    _check_days(work, form)
    # Both rows, in one order: two who name each other at the same moment wait for each other here.
    both = select(Person.id).where(Person.id.in_([form.person_id, form.deputy_id])).order_by(Person.id)
    work.session.execute(both.with_for_update())
    for other in _overlapping(work, form):
        raise _clash(work, form, other)
    delegation = Delegation(
        person_id=form.person_id, deputy_id=form.deputy_id, unit_code=form.unit, from_on=form.from_on,
        to_on=form.to_on, reason=form.reason.strip(), made_by=work.actor.label, made_at=work.now,
    )  # fmt: skip
    work.session.add(delegation)
    work.session.flush()
    _tell(work, delegation, "made")
    return delegation


def _tell(work: Work, delegation: Delegation, what: str) -> None:
    """The deputy learns of it, and so does the person when somebody else decided."""
    days = f"{day_words(delegation.from_on)}至{day_words(delegation.to_on)}"
    absent, deputy = people.name(work, delegation.person_id), people.name(work, delegation.deputy_id)
    words = {
        "made": ("设置B角", f"{days}由{deputy}代{absent}收件、办理。"),
        "ended": ("B角已结束", f"{deputy}不再代{absent}办理（原定{days}）。"),
    }[what]
    for person_id in (delegation.deputy_id, delegation.person_id):
        if person_id != work.actor.person_id:
            key = f"delegation/{delegation.id}/{what}/p{person_id}"
            notices.to_person(work, key, person_id, f"delegation_{what}", *words)


def _check_days(work: Work, form: DelegationForm) -> None:
    limit = work.county.rules.delegations.max_days
    if form.from_on < shanghai_day(work.now):
        raise Fault("days_past", "开始日期不能早于今天。", field="from_on")
    if form.to_on < form.from_on:
        raise Fault("days_reversed", "结束日期不能早于开始日期。", field="to_on")
    if (form.to_on - form.from_on).days >= limit:
        raise Fault("too_many_days", f"一次最多代 {limit} 天；时间更长的请办理移交。", field="to_on")


def _overlapping(work: Work, form: DelegationForm) -> list[Delegation]:
    """What stands in the way: of the person themselves, the deputy being away, the person standing in for another."""
    query = select(Delegation).where(
        Delegation.ended_at.is_(None),
        Delegation.unit_code == form.unit,
        Delegation.from_on <= form.to_on,
        Delegation.to_on >= form.from_on,
        or_(Delegation.person_id.in_([form.person_id, form.deputy_id]), Delegation.deputy_id == form.person_id),
    )
    return list(work.session.scalars(query.order_by(Delegation.id)))


def _clash(work: Work, form: DelegationForm, other: Delegation) -> Conflict:
    days = f"{day_words(other.from_on)}至{day_words(other.to_on)}"
    if other.person_id == form.person_id:
        return Conflict("delegated_already", f"{days}已经设置了B角，请先结束原来的。")
    if other.person_id == form.deputy_id:
        return Conflict("deputy_is_away", f"所选的B角{days}也不在岗，请另选一位同事。")
    name = work.session.get_one(Person, other.person_id).name
    return Conflict("stands_in_already", f"{days}正在代{name}办理，请先为{name}改定B角。")


def in_force(work: Work, delegation: Delegation) -> bool:
    """Whether the deputy stands in today."""
    return delegation.ended_at is None and delegation.from_on <= shanghai_day(work.now) <= delegation.to_on


def end(work: Work, delegation_id: UUID) -> Delegation:
    """End a delegation early. Raises NotFound for one that the actor may not see, Conflict when it has ended."""
    delegation = work.session.get(Delegation, delegation_id, with_for_update=True)
    if delegation is None or not _sees(work.actor, delegation.unit_code):
        raise NotFound("找不到这条B角设置。")
    _may_manage(work, delegation.person_id, delegation.unit_code)
    if delegation.ended_at is not None or delegation.to_on < shanghai_day(work.now):
        raise Conflict("delegation_ended", "这条B角设置已经结束。")
    delegation.ended_at, delegation.ended_by = work.now, work.actor.label
    _tell(work, delegation, "ended")
    return delegation


def may_end(work: Work, delegation: Delegation) -> bool:
    """Whether the actor may end it now."""
    over = delegation.ended_at is not None or delegation.to_on < shanghai_day(work.now)
    return not over and _manages(work.actor, delegation.person_id, delegation.unit_code)


def _sees(actor: Actor, unit: str) -> bool:
    return actor.role == "office" or actor.unit == unit


def _may_manage(work: Work, person_id: UUID, unit: str) -> None:
    """One's own delegation, any of one's unit as its head or in the head's stead, and every one for the office."""
    if not _manages(work.actor, person_id, unit):
        raise Forbidden("not_yours_to_do", "只有本人、本单位负责人或县河长办可以设置B角。")


def _manages(actor: Actor, person_id: UUID, unit: str) -> bool:
    return actor.role == "office" or (actor.unit == unit and (actor.person_id == person_id or actor.heads))


def page(
    work: Work, unit: str | None, current: bool, before: UUID | None, limit: int
) -> list[Delegation]:  # fmt: skip
    """Delegations that the actor may see, the latest first: the office all, others those of their unit."""
    query = select(Delegation)
    if work.actor.role != "office":
        query = query.where(Delegation.unit_code == work.actor.unit)
    if unit is not None:
        query = query.where(Delegation.unit_code == unit)
    if current:
        query = query.where(Delegation.ended_at.is_(None), Delegation.to_on >= shanghai_day(work.now))
    if before is not None:
        query = query.where(Delegation.id < before)
    return list(work.session.scalars(query.order_by(Delegation.id.desc()).limit(limit)))
