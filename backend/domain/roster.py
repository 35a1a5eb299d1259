"""The roster 名册 as a whole: looked through, and compared with a file before the file takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import exists, or_, select

from backend.domain.actors import ROLE_NAMES
from backend.domain.people import RosterRow
from backend.models import Account, Person, RosterRole

if TYPE_CHECKING:
    from backend.work import Work

What = Literal["added", "ended", "reaches", "renamed"]
TITLES: dict[What, str] = {"added": "新增", "ended": "离任", "reaches": "河段变化", "renamed": "改名"}


@dataclass(frozen=True)
class Change:
    """What a roster file would change for one person: `before` and `after` in words, either may be empty."""

    what: What
    name: str
    role: str
    unit: str
    before: str = ""
    after: str = ""


def changes(work: Work, rows: list[RosterRow]) -> list[Change]:
    """What importing these rows would do, those who would lose an office first."""
    held = {
        (person.phone_digest, role.role, role.unit_code): (person, role)
        for role, person in work.session.execute(
            select(RosterRole, Person)
            .join(Person, Person.id == RosterRole.person_id)
            .where(RosterRole.ended_at.is_(None))
            .order_by(RosterRole.id)
        )
    }
    names = {person.phone_digest: person.name for person, _ in held.values()}
    found: list[Change] = []
    wanted: set[tuple[str, str, str]] = set()
    for row in rows:
        digest = work.vault.digest("phone", row.phone)
        key = (digest, row.role, row.unit)
        wanted.add(key)
        said = (row.name, ROLE_NAMES[row.role], _unit(work, row.unit))
        if key not in held:
            found.append(Change("added", *said, after=_reaches(work, row.reaches)))
        elif set(held[key][1].reaches) != set(row.reaches):
            before, after = _reaches(work, tuple(held[key][1].reaches)), _reaches(work, row.reaches)
            found.append(Change("reaches", *said, before, after))
        old = names.get(digest, row.name)
        if old != row.name:
            names[digest] = row.name
            found.append(Change("renamed", *said, old, row.name))
    for key, (person, role) in held.items():
        if key not in wanted:
            said = (person.name, ROLE_NAMES[role.role], _unit(work, role.unit_code))
            found.append(Change("ended", *said, before=_reaches(work, tuple(role.reaches))))
    order = {"ended": 0, "added": 1, "renamed": 2, "reaches": 3}
    return sorted(found, key=lambda change: order[change.what])


def locks_out(work: Work, rows: list[RosterRow]) -> bool:
    """Whether whoever imports this would no longer be of the office."""
    person = work.session.get(Person, work.actor.person_id) if work.actor.person_id else None
    if person is None:
        return False
    return not any(
        row.role == work.actor.role and work.vault.digest("phone", row.phone) == person.phone_digest for row in rows
    )


def page(work: Work, words: str | None, unit: str | None, before: UUID | None, limit: int) -> list[Person]:
    """People on the roster, the latest first: `words` is a part of a name, or a whole phone number."""
    query = select(Person).order_by(Person.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Person.id < before)
    if words:
        phone = "".join(sign for sign in words if sign.isdigit())
        query = query.where(
            or_(Person.name.contains(words, autoescape=True), Person.phone_digest == work.vault.digest("phone", phone))
        )
    if words or unit:
        holds = exists().where(RosterRole.person_id == Person.id, RosterRole.ended_at.is_(None))
        query = query.where(holds.where(RosterRole.unit_code == unit) if unit else holds)
    return list(work.session.scalars(query))


def bound(work: Work, people: list[UUID]) -> set[UUID]:
    """Those of these people who have bound a WeChat account."""
    query = select(Account.person_id).where(Account.person_id.in_(people))
    return {person_id for person_id in work.session.scalars(query) if person_id is not None}


def _unit(work: Work, code: str) -> str:
    known = work.county.unit_by_code.get(code)
    return known.name if known else code


def _reaches(work: Work, codes: tuple[str, ...]) -> str:
    known = work.county.reach_by_code
    return "、".join(known[code].name if code in known else code for code in codes)


@dataclass(frozen=True)
class Counts:
    """How many people hold an office, and how many of them have bound no WeChat account."""

    people: int
    unbound: int


def counts(work: Work) -> Counts:
    query = select(RosterRole.person_id).where(RosterRole.ended_at.is_(None)).distinct()
    holding = set(work.session.scalars(query))
    have = set(work.session.scalars(select(Account.person_id).where(Account.person_id.is_not(None))))
    return Counts(len(holding), len(holding - have))
