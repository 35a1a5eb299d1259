"""What stands behind a score: the ids of its parts as links that a reader understands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy import select

from backend.desk import pages
from backend.domain.actors import ROLE_NAMES
from backend.domain.duty_periods import Period
from backend.models import Case, Patrol, Person, RosterRole, Supervision
from backend.work import Work


@dataclass(frozen=True)
class Link:
    title: str
    url: str


def links(work: Work, parts: Iterable[Mapping[str, Any]], period: Period) -> dict[str, Link]:
    """id → link, for every case, letter, patrol and office that these parts name; four queries at the most."""
    ids: dict[str, set[UUID]] = {}
    for part in parts:
        for named in (part.get("counted", {}), *(less["ids"] for less in part["deductions"])):
            for kind, found in named.items():
                ids.setdefault(kind, set()).update(map(UUID, found))
    known = {
        **_cases(work, list(ids.get("case", ()))),
        **_patrols(work, list(ids.get("patrol", ()))),
        **_letters(work, list(ids.get("letter", ()))),
        **_roles(work, list(ids.get("role", ())), period),
    }
    return {str(one): link for one, link in known.items()}


def _cases(work: Work, ids: Sequence[UUID]) -> dict[UUID, Link]:
    if not ids:
        return {}
    found = work.session.scalars(select(Case).where(Case.id.in_(ids)))
    return {case.id: Link(f"案件 {case.number}", url_for("desk.cases.show", case_id=case.id)) for case in found}


def _letters(work: Work, ids: Sequence[UUID]) -> dict[UUID, Link]:
    """A letter is read on its case."""
    if not ids:
        return {}
    found = work.session.scalars(select(Supervision).where(Supervision.id.in_(ids)))
    return {one.id: Link(one.number, url_for("desk.cases.show", case_id=one.case_id)) for one in found}


def _patrols(work: Work, ids: Sequence[UUID]) -> dict[UUID, Link]:
    if not ids:
        return {}
    found = work.session.execute(select(Patrol.id, Patrol.began_at).where(Patrol.id.in_(ids)))
    return {one: Link(f"巡河 {pages.moment(at)}", url_for("desk.patrols.show", patrol_id=one)) for one, at in found}


def _roles(work: Work, ids: Sequence[UUID], period: Period) -> dict[UUID, Link]:
    """An office is read as its holder's patrols of the month."""
    if not ids:
        return {}
    query = select(RosterRole.id, RosterRole.role, Person.id, Person.name).join(Person)
    return {
        one: Link(f"{ROLE_NAMES[role]}{name}",
                  url_for("desk.patrols.walked", person=person, since=period.first, until=period.last))
        for one, role, person, name in work.session.execute(query.where(RosterRole.id.in_(ids)))
    }  # fmt: skip
