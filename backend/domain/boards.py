"""The notice board 公示牌 of a reach: whose reach it is, how to reach their offices, the hotline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely
from shapely.geometry import shape
from sqlalchemy import select

from backend.county import Reach
from backend.domain.actors import ROLE_NAMES
from backend.domain.checkpoints import token_of
from backend.domain.faults import NotFound
from backend.models import Person, RosterRole
from backend.rules.patrol import Board
from backend.rules.publication import ChiefRole

if TYPE_CHECKING:
    from backend.work import Work

_CHIEFS: tuple[ChiefRole, ...] = ("county_chief", "township_chief", "village_chief")


@dataclass(frozen=True)
class Chief:
    """A river chief 河长 as a board names one: `phone` is the office's; a person's own is on no board."""

    name: str
    title: str
    unit_name: str
    duty: str
    phone: str


@dataclass(frozen=True)
class Shown:
    """`board` is None when the reach was looked up otherwise. `lon`, `lat`: of the board, or of the reach's middle."""

    reach: Reach
    board: Board | None
    lon: float
    lat: float
    chiefs: list[Chief]


def scanned(work: Work, token: str) -> Shown:
    """The board whose QR code carries this token."""
    found = next((one for one in work.county.rules.patrol.boards if token_of(work.vault, one.code) == token), None)
    if found is None:
        raise NotFound("没有这块公示牌，可能已经更换。可以从河段名单里查。", "unknown_board")
    return Shown(work.county.reach_by_code[found.reach], found, found.lon, found.lat, chiefs(work, found.reach))


def of_reach(work: Work, code: str) -> Shown:
    reach = work.county.reach_by_code.get(code)
    if reach is None:
        raise NotFound("没有这个河段。", "unknown_reach")
    middle = shapely.line_interpolate_point(_longest(reach), 0.5, normalized=True)
    return Shown(reach, None, round(middle.x, 6), round(middle.y, 6), chiefs(work, code))


def named(work: Work, code: str) -> Board:
    found = next((one for one in work.county.rules.patrol.boards if one.code == code), None)
    if found is None:
        raise NotFound("没有这块公示牌，请核对编号。", "unknown_board")
    return found


def chiefs(work: Work, reach: str) -> list[Chief]:
    """The chiefs of a reach who hold office now, the county's first."""
    held = (
        select(RosterRole, Person.name)
        .join(Person, Person.id == RosterRole.person_id)
        .where(RosterRole.ended_at.is_(None), RosterRole.role.in_(_CHIEFS), RosterRole.reaches.contains([reach]))
    )
    found = sorted(work.session.execute(held), key=lambda row: (_CHIEFS.index(row[0].role), row[0].unit_code, row[1]))
    units, duties = work.county.unit_by_code, work.county.rules.publication.duties
    return [
        Chief(
            name=name, title=ROLE_NAMES[role.role], duty=duties.get(role.role, ""),  # type: ignore[call-overload]
            unit_name=units[role.unit_code].name if role.unit_code in units else role.unit_code,
            phone=units[role.unit_code].phone if role.unit_code in units else "",
        )
        for role, name in found
    ]  # fmt: skip


def _longest(reach: Reach) -> shapely.LineString:
    lines = shapely.get_parts(shape(reach.geometry))
    return max(lines, key=lambda line: line.length)  # type: ignore[no-any-return]
