"""Who handles cases in a unit today: its people, and for those who are away their deputies B角. Only read here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from backend.clock import shanghai_day
from backend.domain.actors import UNIT_ROLES, Actor, StandIn
from backend.models import Delegation, RosterRole

if TYPE_CHECKING:
    from backend.work import Work


def colleagues(work: Work, unit: str) -> dict[UUID, set[str]]:
    """Who handles cases in a unit now: person → the roles held there, of handler and head."""
    return {person_id: {office.role for office in held} for person_id, held in offices(work, unit).items()}


def offices(work: Work, unit: str) -> dict[UUID, list[RosterRole]]:
    """The offices of handler and head in a unit that are in force, by who holds them."""
    held = select(RosterRole).where(
        RosterRole.unit_code == unit, RosterRole.role.in_(UNIT_ROLES), RosterRole.ended_at.is_(None)
    )
    found: dict[UUID, list[RosterRole]] = {}
    for office in work.session.scalars(held.order_by(RosterRole.person_id, RosterRole.role)):
        found.setdefault(office.person_id, []).append(office)
    return found


def _today(work: Work) -> tuple[Any, ...]:
    today = shanghai_day(work.now)
    return Delegation.ended_at.is_(None), Delegation.from_on <= today, Delegation.to_on >= today


def with_stand_ins(work: Work, actor: Actor) -> Actor:
    """The actor with those for whom they stand in today, in the unit and under the office that they act in."""
    if actor.role not in UNIT_ROLES or actor.person_id is None or actor.unit is None:
        return actor
    away = (
        select(RosterRole.person_id, RosterRole.role)
        .join(Delegation, Delegation.person_id == RosterRole.person_id)
        .where(
            Delegation.deputy_id == actor.person_id,
            Delegation.unit_code == actor.unit,
            *_today(work),
            RosterRole.unit_code == actor.unit,
            RosterRole.role.in_(UNIT_ROLES),
            RosterRole.ended_at.is_(None),
        )
    )
    found = frozenset(StandIn(person_id, role) for person_id, role in work.session.execute(away))
    return replace(actor, stands_in=found) if found else actor


def with_deputies(work: Work, people: Iterable[UUID], unit: str) -> list[UUID]:
    """These people, and the deputies of those who are away today; each once, and only who is still in the unit."""
    wanted = list(dict.fromkeys(people))
    deputies = select(Delegation.deputy_id).where(
        Delegation.person_id.in_(wanted), Delegation.unit_code == unit, *_today(work)
    )
    there = colleagues(work, unit)
    found = [deputy for deputy in work.session.scalars(deputies.order_by(Delegation.id)) if deputy in there]
    return list(dict.fromkeys([*wanted, *found]))
