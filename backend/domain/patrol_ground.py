"""What a chief's phone has to know to go on patrol where there is no signal: the reaches, and what is asked there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.county import Reach
from backend.domain import patrols
from backend.domain.checkpoints import Checkpoint, all_of
from backend.models import RosterRole
from backend.rules.patrol import Minimum

if TYPE_CHECKING:
    from backend.work import Work


@dataclass(frozen=True)
class RoleGround:
    """A role in which somebody may patrol, and each of its reaches with what a patrol there must reach."""

    role: RosterRole
    reaches: tuple[tuple[str, Minimum | None], ...]


@dataclass(frozen=True)
class ReachGround:
    """A reach to be walked. `corridor_m`: how far from the line (WGS-84) a walker is still at it."""

    reach: Reach
    corridor_m: float
    checkpoints: tuple[Checkpoint, ...]

    @property
    def line(self) -> list[tuple[float, float]]:
        return [(point[0], point[1]) for point in self.reach.geometry["coordinates"]]


def of(work: Work) -> tuple[list[RoleGround], list[ReachGround]]:
    """The ground of all roles in force in which the acting person may patrol."""
    rules = work.county.rules
    held = work.session.scalars(
        select(RosterRole)
        .where(
            RosterRole.person_id == work.actor.person_id, RosterRole.ended_at.is_(None),
            RosterRole.role.in_(patrols.PATROL_ROLES),
        )
        .order_by(RosterRole.role, RosterRole.unit_code)
    ).all()  # fmt: skip
    known = work.county.reach_by_code
    roles = [
        RoleGround(
            role,
            tuple(
                (code, rules.patrol.minimum(role.role, code))
                for code in patrols.reaches_of(work, role)
                if code in known
            ),
        )
        for role in held
    ]
    wanted = {code for role in roles for code, _ in role.reaches}
    places: dict[str, list[Checkpoint]] = {}
    for one in all_of(work.county):
        places.setdefault(one.reach, []).append(one)
    margin = rules.track.corridor_margin_m
    reaches = [
        ReachGround(known[code], known[code].corridor_m + margin, tuple(places.get(code, ())))
        for code in sorted(wanted)
    ]
    return roles, reaches
