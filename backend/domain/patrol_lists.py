"""Which patrols somebody may see, and lists of them: the chief's own, a township's, the county's; who is out now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, exists, or_, select, true, tuple_
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY

from backend.clock import end_of_day
from backend.domain.actors import UNIT_ROLES
from backend.domain.faults import Fault, Forbidden, NotFound
from backend.models import Patrol, PatrolAppeal, PatrolCompanion, Person, Verdict

if TYPE_CHECKING:
    from backend.work import Work

_OF_A_TOWNSHIP = UNIT_ROLES | {"township_chief"}
# A phone that has been silent for longer is not shown as being out.
LIVE_FOR = timedelta(hours=12)


@dataclass(frozen=True)
class Filter:
    """`since`, `until`: days of Asia/Shanghai in which the patrol began, both included. `mine`: the actor's own, and
    those on which the actor was named as walking along."""

    mine: bool = False
    unit: str | None = None
    person: UUID | None = None
    reach: str | None = None
    role: str | None = None
    phase: str | None = None
    valid: bool | None = None
    practice: bool | None = None
    appeal_open: bool = False
    doubtful: bool = False
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Row:
    """A patrol in a list: with the chief's name and the figures of the verdict in force."""

    patrol: Patrol
    name: str
    distance_m: float | None
    along_m: float | None
    moving_s: float | None


def visible(work: Work) -> ColumnElement[bool]:
    """The county sees all, a township its own chiefs' and those on its banks, every chief their own and joint ones."""
    close = _close(work)
    actor = work.actor
    if actor.role not in _OF_A_TOWNSHIP:
        return close
    banks = [
        reach.code for reach in work.county.reaches if actor.unit in (reach.lead, reach.left_bank, reach.right_bank)
    ]
    return or_(close, _on(banks))


def _close(work: Work) -> ColumnElement[bool]:
    """The patrols that the actor may see whole, to the door of the chief's house."""
    actor = work.actor
    if actor.role in ("office", "inspector", "county_chief"):
        return true()
    if not actor.official:
        raise Forbidden("officials_only", "只有河长和工作人员可以查看巡河记录。")
    mine = _mine(work)
    return or_(mine, Patrol.unit_code == actor.unit) if actor.role in _OF_A_TOWNSHIP else mine


def _mine(work: Work) -> ColumnElement[bool]:
    person = work.actor.person_id
    along = exists().where(PatrolCompanion.patrol_id == Patrol.id, PatrolCompanion.person_id == person)
    return or_(Patrol.person_id == person, along)


def _on(reaches: list[str]) -> ColumnElement[bool]:
    return Patrol.reaches.op("?|")(sql_cast(reaches, ARRAY(Text())))


def seen_whole(work: Work, patrol: Patrol) -> bool:
    """Whether the actor sees where it began and ended: another township on whose bank it went does not."""
    return work.session.scalar(select(Patrol.id).where(Patrol.id == patrol.id, _close(work))) is not None


def get(work: Work, patrol_id: UUID) -> Patrol:
    """A patrol that the actor may see; others do not exist for them."""
    patrol = work.session.scalar(select(Patrol).where(Patrol.id == patrol_id, visible(work)))
    if patrol is None:
        raise NotFound("找不到这次巡河。", "unknown_patrol")
    return patrol


def page(work: Work, wanted: Filter, before: str | None, limit: int) -> tuple[list[Row], str | None]:
    """One page, those begun last first, and the cursor of the next."""
    query = _rows().where(visible(work), *_conditions(work, wanted))
    if before is not None:
        query = query.where(tuple_(Patrol.began_at, Patrol.id) < tuple_(*_place(before)))
    query = query.order_by(Patrol.began_at.desc(), Patrol.id.desc()).limit(limit + 1)
    found = [Row(*row) for row in work.session.execute(query)]
    more = found[limit - 1].patrol if len(found) > limit else None
    return found[:limit], None if more is None else _cursor(more)


def row_of(work: Work, patrol: Patrol) -> Row:
    return Row(*work.session.execute(_rows().where(Patrol.id == patrol.id)).one())


def live(work: Work) -> list[Row]:
    """Who is on the river now, those heard of last first. Only the county and their own township are told."""
    query = _rows().where(
        _close(work), Patrol.finished_at.is_(None), Patrol.started_at.is_not(None),
        Patrol.last_contact_at > work.now - LIVE_FOR,
    )  # fmt: skip
    return [Row(*row) for row in work.session.execute(query.order_by(Patrol.last_contact_at.desc()).limit(500))]


def _rows() -> Select[Any]:
    figures = (Verdict.judgement[name].as_float() for name in ("distance_m", "along_m", "moving_s"))
    return (
        select(Patrol, Person.name, *figures)
        .join(Person, Person.id == Patrol.person_id)
        .outerjoin(Verdict, and_(Verdict.patrol_id == Patrol.id, Verdict.seq == Patrol.verdict_seq))
    )


def _conditions(work: Work, wanted: Filter) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = [_mine(work)] if wanted.mine else []
    if wanted.unit is not None:
        asked.append(Patrol.unit_code == wanted.unit)
    if wanted.person is not None:
        asked.append(Patrol.person_id == wanted.person)
    if wanted.role is not None:
        asked.append(Patrol.role == wanted.role)
    if wanted.reach is not None:
        asked.append(_on([wanted.reach]))
    if wanted.valid is not None:
        asked.append(Patrol.valid.is_(wanted.valid))
    if wanted.practice is not None:
        asked.append(Patrol.practice.is_(wanted.practice))
    if wanted.phase is not None:
        finished, started = Patrol.finished_at.is_not(None), Patrol.started_at.is_not(None)
        asked.append({"finished": finished, "live": ~finished & started, "waiting": ~finished & ~started}[wanted.phase])
    if wanted.appeal_open:
        asked.append(exists().where(PatrolAppeal.patrol_id == Patrol.id, PatrolAppeal.decided_at.is_(None)))
    if wanted.doubtful:
        asked.append(Patrol.doubts > 0)
    if wanted.since is not None:
        asked.append(Patrol.began_at >= end_of_day(wanted.since, "00:00:00"))
    if wanted.until is not None:
        asked.append(Patrol.began_at < end_of_day(wanted.until + timedelta(days=1), "00:00:00"))
    return asked


def _cursor(patrol: Patrol) -> str:
    return f"{patrol.began_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z~{patrol.id}"


def _place(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _, patrol_id = cursor.rpartition("~")
        began_at = datetime.fromisoformat(at)
        if began_at.tzinfo is None:
            raise ValueError(at)
        return began_at, UUID(patrol_id)
    except ValueError:
        raise Fault("bad_cursor", "翻页信息无效，请从第一页重新查看。", field="before") from None
