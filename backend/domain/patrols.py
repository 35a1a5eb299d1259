"""Patrols from their first message to their end, whatever arrives first, late, twice or never."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from backend.clock import SHANGHAI
from backend.domain import notices, patrol_track, stamps
from backend.domain.actors import CHIEF_ROLES, INSPECTOR_ROLES, TIMER, Actor
from backend.domain.faults import Forbidden, NotFound, Unauthenticated
from backend.models import (
    CheckpointVisit,
    Finding,
    Patrol,
    PatrolCompanion,
    PatrolEvent,
    PatrolGrant,
    Person,
    Photo,
    RosterRole,
    TrackBatch,
)
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

PATROL_ROLES = CHIEF_ROLES | INSPECTOR_ROLES
# While pieces of a finished patrol are still missing, a verdict waits this long for the next ones.
LATE = timedelta(minutes=1)
_STUCK = timedelta(hours=1)
_AT_ONCE = 200


@dataclass(frozen=True)
class StartForm:
    """`started_at`, `sent_at`: the phone's clock. `reaches`: as the chief named them, known or not."""

    role: str
    unit: str
    reaches: tuple[str, ...]
    started_at: datetime
    sent_at: datetime
    mode: str = "walk"
    practice: bool = False
    companions: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class FinishForm:
    """`batches`: all that the phone has made, sent or not, so that missing ones are known."""

    ended_at: datetime
    sent_at: datetime
    batches: tuple[UUID, ...] = ()


def holder_of_grant(work: Work, patrol_id: UUID, token: str) -> Actor:
    """The chief of a patrol by its grant. Raises Unauthenticated for a token that is not this very patrol's."""
    found = work.session.execute(
        select(Patrol, Person.name)
        .join(PatrolGrant, PatrolGrant.patrol_id == Patrol.id)
        .join(Person, Person.id == Patrol.person_id)
        .where(PatrolGrant.token_hash == token_hash(token), Patrol.id == patrol_id)
    ).one_or_none()
    if found is None:
        raise Unauthenticated("bad_grant", "这次巡河的上传凭证无效，请登录后再上传。")
    patrol, name = found
    return Actor(
        role=patrol.role or "patroller", unit=patrol.unit_code, account_id=patrol.account_id,
        person_id=patrol.person_id, name=name,
    )  # fmt: skip


def opened(work: Work, patrol_id: UUID) -> Patrol:
    """The patrol of a message, locked; known from now on if this is the first one. Raises Forbidden for another's."""
    first = insert(Patrol).values(
        id=patrol_id, person_id=work.actor.person_id, account_id=work.actor.account_id, first_contact_at=work.now,
        last_contact_at=work.now, began_at=work.now,
    )  # fmt: skip
    work.session.execute(first.on_conflict_do_nothing(index_elements=["id"]))
    patrol = locked(work, patrol_id)
    if patrol.person_id != work.actor.person_id:
        raise Forbidden("not_your_patrol", "这是别人的巡河记录，不能上传到里面。")
    patrol.last_contact_at = max(patrol.last_contact_at, work.now)
    return patrol


def locked(work: Work, patrol_id: UUID) -> Patrol:
    query = select(Patrol).where(Patrol.id == patrol_id).with_for_update()
    return work.session.scalars(query.execution_options(populate_existing=True)).one()


def own(work: Work, patrol_id: UUID) -> Patrol:
    """A patrol of the acting chief; anybody else's does not exist for them."""
    patrol = work.session.get(Patrol, patrol_id)
    if patrol is None or patrol.person_id != work.actor.person_id:
        raise NotFound("还没有收到这次巡河的任何内容。", "unknown_patrol")
    return patrol


def start(work: Work, patrol_id: UUID, form: StartForm, by_grant: bool = False) -> tuple[Patrol, str | None]:
    """Take the start in; the first one holds. Returns a grant for this phone, unless it came with one."""
    patrol = opened(work, patrol_id)
    if patrol.started_at is None:
        _begin(work, patrol, form)
        ask_for_verdict(work, patrol)
    else:
        _note_other_start(work, patrol, form)
    if by_grant:
        return patrol, None
    token = new_token()
    work.session.add(PatrolGrant(token_hash=token_hash(token), patrol_id=patrol.id, issued_at=work.now))
    return patrol, token


def _begin(work: Work, patrol: Patrol, form: StartForm) -> None:
    terms = work.session.scalars(
        select(RosterRole).where(
            RosterRole.person_id == patrol.person_id, RosterRole.role == form.role, RosterRole.unit_code == form.unit
        )
    ).all()
    began_at = min(form.started_at, work.now)

    def in_force(term: RosterRole) -> bool:
        return term.ended_at is None or term.ended_at > began_at

    # Of several terms of one office the one it was walked in; else that which was in force last.
    held = max(terms, key=lambda term: (in_force(term), term.since <= began_at, term.since), default=None)
    if held is None or held.role not in PATROL_ROLES:
        raise Forbidden("not_your_role", "您没有这个河长身份，请在“我的”里换成巡河用的身份再开始。")
    patrol.role, patrol.unit_code, patrol.role_in_force = held.role, held.unit_code, in_force(held)
    patrol.reaches = list(dict.fromkeys(form.reaches))
    patrol.own_reaches = reaches_of(work, held)
    patrol.practice, patrol.mode = form.practice, form.mode
    patrol.device_started_at, patrol.start_sent_at, patrol.started_at = form.started_at, form.sent_at, work.now
    patrol_track.reckon_times(work, patrol)
    unknown = _take_companions(work, patrol, form.companions)
    stamps.ask(work, patrol)
    note(work, patrol, "start", {**asdict(form), **({"unknown_companions": unknown} if unknown else {})})


def _note_other_start(work: Work, patrol: Patrol, form: StartForm) -> None:
    """A second, different start of the same patrol (two phones) changes nothing, but is on record."""
    said = _plain({name: value for name, value in asdict(form).items() if name != "sent_at"})
    starts = select(PatrolEvent.data).where(
        PatrolEvent.patrol_id == patrol.id, PatrolEvent.action.in_(("start", "start_again"))
    )
    if not any(said.items() <= data.items() for data in work.session.scalars(starts)):
        note(work, patrol, "start_again", said)


def reaches_of(work: Work, held: RosterRole) -> list[str]:
    """The reaches a role answers for: those the roster names, else all of its unit, for the county's all."""
    if held.reaches:
        return list(held.reaches)
    county = work.county
    if held.unit_code == county.office:
        return [reach.code for reach in county.reaches]
    return [reach.code for reach in county.reaches if held.unit_code in (reach.lead, reach.left_bank, reach.right_bank)]


def _take_companions(work: Work, patrol: Patrol, named: tuple[UUID, ...]) -> list[str]:
    """Those of the named who are chiefs now are companions; returns the others."""
    unknown = []
    for person_id in dict.fromkeys(named):
        roles = work.session.scalars(
            select(RosterRole)
            .where(RosterRole.person_id == person_id, RosterRole.role.in_(PATROL_ROLES), RosterRole.ended_at.is_(None))
            .order_by(RosterRole.role, RosterRole.unit_code)
        ).all()
        best = max(roles, key=lambda role: len({*reaches_of(work, role)} & {*patrol.reaches}), default=None)
        if best is None or person_id == patrol.person_id:
            unknown.append(str(person_id))
            continue
        work.session.add(
            PatrolCompanion(
                patrol_id=patrol.id, person_id=person_id, role=best.role, unit_code=best.unit_code,
                own_reaches=reaches_of(work, best),
            )
        )  # fmt: skip
        if not patrol.practice:
            _tell_companion(work, patrol, person_id)
    return unknown


def _tell_companion(work: Work, patrol: Patrol, person_id: UUID) -> None:
    key, title = f"{patrol.id}/companion/{person_id}", "共同巡河"
    words = f"{work.actor.name}登记您一同参加{day_words(patrol)}的巡河。没有参加的，请打开这条记录说明。"
    notices.to_person(work, key, person_id, "patrol_companion", title, words, patrol.id)


def possible_companions(work: Work) -> list[RosterRole]:
    """The chiefs of the actor's unit and of the reaches that are the actor's, one role each, by name."""
    chiefs = work.session.scalars(
        select(RosterRole)
        .join(Person, Person.id == RosterRole.person_id)
        .where(
            RosterRole.role.in_(PATROL_ROLES), RosterRole.ended_at.is_(None),
            RosterRole.person_id != work.actor.person_id,
        )
        .order_by(Person.name, RosterRole.person_id, RosterRole.role)
    ).all()  # fmt: skip
    mine = work.session.scalars(
        select(RosterRole).where(RosterRole.person_id == work.actor.person_id, RosterRole.ended_at.is_(None))
    )
    reaches = {code for role in mine for code in reaches_of(work, role)}
    near = (role for role in chiefs if role.unit_code == work.actor.unit or reaches & {*reaches_of(work, role)})
    return list({role.person_id: role for role in near}.values())


def decline(work: Work, patrol: Patrol) -> None:
    """The acting companion was not there: the patrol does not count for them."""
    patrol = locked(work, patrol.id)
    named = work.session.get(PatrolCompanion, (patrol.id, work.actor.person_id))
    if named is None:
        raise Forbidden("not_a_companion", "这次巡河没有把您登记为同行人。")
    if named.declined_at is None:
        named.declined_at = work.now
        note(work, patrol, "decline", {})


def finish(work: Work, patrol_id: UUID, form: FinishForm) -> Patrol:
    """Take the end in. From two phones the later end holds, and the pieces of both are waited for."""
    patrol = opened(work, patrol_id)
    if patrol.finish_received_at is None:
        patrol.finish_sent_at, patrol.finish_received_at = form.sent_at, work.now
        patrol.finished_at, patrol.finished_by = patrol.finished_at or work.now, "chief"
        note(work, patrol, "finish", {"ended_at": form.ended_at, "batches": len(form.batches)})
    patrol.device_ended_at = max(patrol.device_ended_at or form.ended_at, form.ended_at)
    patrol.batches_made = sorted({*patrol.batches_made, *(str(one) for one in form.batches)})
    patrol_track.reckon_times(work, patrol)
    ask_for_verdict(work, patrol)
    return patrol


def finish_silent(work: Work) -> int:
    """End the patrols of which nothing was heard for the county's limit; what comes later is still taken in."""
    work.actor = TIMER
    limit = timedelta(hours=work.county.rules.patrol.finish_after_hours)
    silent = work.session.scalars(
        select(Patrol)
        .where(Patrol.finished_at.is_(None), Patrol.last_contact_at < work.now - limit)
        .order_by(Patrol.last_contact_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if len(silent) == _AT_ONCE:
        work.defer("finish_silent_patrols")
    for patrol in silent:
        patrol.finished_at, patrol.finished_by = work.now, "timer"
        note(work, patrol, "finish", {"by": "timer"})
        patrol_track.reckon_times(work, patrol)
        ask_for_verdict(work, patrol)
    return len(silent)


def ask_for_verdict(work: Work, patrol: Patrol) -> None:
    """Have a finished patrol judged: at once when all its pieces are there, else after a pause for the next ones."""
    if patrol.finished_at is None:
        return
    due = work.now if not patrol_track.missing(work, patrol) else work.now + LATE
    if patrol.judge_at is not None and patrol.judge_at <= due and work.now < patrol.judge_at + _STUCK:
        return
    patrol.judge_at = due
    work.defer("judge_patrol", patrol.id, after=due - work.now)


def held(work: Work, patrol: Patrol) -> dict[str, Any]:
    """What of this patrol is kept for good, so that the phone can forget it."""
    of = {
        "batches": select(TrackBatch.id).where(TrackBatch.patrol_id == patrol.id),
        "photos": select(Photo.shot_id).where(Photo.patrol_id == patrol.id, Photo.shot_id.is_not(None)),
        "findings": select(Finding.id).where(Finding.patrol_id == patrol.id),
        "checkpoints": select(CheckpointVisit.id).where(CheckpointVisit.patrol_id == patrol.id),
    }
    found = {name: sorted(map(str, work.session.scalars(query))) for name, query in of.items()}
    return {"started": patrol.started_at is not None, "finished": patrol.finish_received_at is not None, **found}


def put_right(patrol: Patrol, at: datetime) -> datetime:
    """A time of the phone's clock by the server's."""
    return at - timedelta(seconds=patrol.skew_s)


def day_words(patrol: Patrol) -> str:
    """When a patrol began, in words: 6月1日 09:05."""
    began = patrol.began_at.astimezone(SHANGHAI)
    return f"{began.month}月{began.day}日 {began:%H:%M}"


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(data, default=str))
    return plain


def note(work: Work, patrol: Patrol, action: str, data: dict[str, Any], text: str | None = None) -> None:
    """Append to the patrol's record. The caller holds its lock."""
    last = work.session.scalar(select(func.max(PatrolEvent.seq)).where(PatrolEvent.patrol_id == patrol.id)) or 0
    work.session.add(
        PatrolEvent(
            patrol_id=patrol.id, seq=last + 1, at=work.now, action=action, actor=work.actor.label,
            role=work.actor.role, data=_plain(data), text=text,
        )
    )  # fmt: skip
    work.session.flush()
