"""Verdicts made, kept and explained again: the facts of a patrol gathered, its track judged, the outcome appended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, Text, and_, exists, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY

from backend.county import County
from backend.domain import checkpoints, findings, notices, patrol_track, patrols, stamps
from backend.domain.actors import TIMER
from backend.domain.faults import NotFound
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judge import judge
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.signature import Signature, signature
from backend.domain.verdicts import Decision, Facts, decide
from backend.models import Patrol, Verdict

if TYPE_CHECKING:
    from backend.counties import Version
    from backend.rules.track import Mode
    from backend.work import Work

_EARLIER_MAX = 300


def make(work: Work, patrol_id: UUID) -> Verdict | None:
    """Judge a finished patrol by what is there, by the rules in force when it began. Repeats change nothing.

    A verdict is appended whenever facts or track differ from those of the last one; the rules stay those of the first.
    """
    patrol = patrols.locked(work, patrol_id)
    work.actor = TIMER
    patrol.judge_at = None
    if patrol.finished_at is None:
        return None
    patrol_track.reckon_times(work, patrol)
    stamps.ask(work, patrol)
    version = _rules_of(work, patrol)
    track = patrol_track.track(work, patrol, version.county.rules.patrol.future_tolerance_s)
    known_before = _earlier(work, patrol, version.county)
    facts = _facts(work, patrol, version.county, track)
    inputs = {
        "batches": track.digest,
        "skew_s": patrol.skew_s,
        "earlier": {one.patrol_id: _digest(one.data) for one in known_before},
    }
    last = last_by_rules(work, patrol)
    if last is not None and (last.inputs, last.facts) == (inputs, facts.to_json()):
        return None
    lines, mode = _lines(version.county, facts.reaches), cast("Mode", patrol.mode)
    judgement = judge(track.points, lines, version.county.rules.track, known_before, mode)
    if last is not None and (last.judgement, last.facts) == (judgement.to_json(), facts.to_json()):
        return None
    patrol.doubts = len(judgement.doubts)
    decision = decide(version.county.rules.patrol, _names(version.county), facts, judgement)
    verdict = _append(work, patrol, version.id, facts, judgement, decision, inputs)
    _remember(work, patrol, track, version.county)
    _tell(work, patrol, decision, verdict)
    judge_overlapped(work, patrol)
    return verdict


def last_by_rules(work: Work, patrol: Patrol) -> Verdict | None:
    query = select(Verdict).where(Verdict.patrol_id == patrol.id, Verdict.made_by == "rules")
    return work.session.scalar(query.order_by(Verdict.seq.desc()).limit(1))


def _rules_of(work: Work, patrol: Patrol) -> Version:
    """The county as it was when the patrol began; once judged, the one by which it was judged."""
    first = work.session.scalar(
        select(Verdict.county_version).where(Verdict.patrol_id == patrol.id).order_by(Verdict.seq).limit(1)
    )
    return work.county_of(first) if first is not None else work.county_on(patrol.began_at)


def _facts(work: Work, patrol: Patrol, county: County, track: patrol_track.Track) -> Facts:
    own = set(patrol.own_reaches)
    return Facts(
        role=patrol.role,
        role_in_force=patrol.role_in_force,
        practice=patrol.practice,
        reaches={
            code: "unknown" if code not in county.reach_by_code else "own" if code in own else "others"
            for code in patrol.reaches
        },
        began_at=patrol.began_at,
        ended_at=patrol.ended_at or patrol.began_at,
        finished_by=patrol.finished_by or "timer",
        missing=len(patrol_track.missing(work, patrol)),
        no_fix=track.no_fix,
        in_future=track.in_future,
        skew_s=patrol.skew_s,
        settled=findings.settled_on(work, patrol),
        checkpoints=checkpoints.visited(work, patrol, county),
        overlaps=_overlapped(work, patrol, county.rules.patrol.overlap_ignored_min),
    )


def _lines(county: County, reaches: Mapping[str, str]) -> list[ReachLine]:
    own = [county.reach_by_code[code] for code, whose in reaches.items() if whose == "own"]
    return [ReachLine(reach.code, np.array(reach.geometry["coordinates"])[:, :2], reach.corridor_m) for reach in own]


def _names(county: County) -> dict[str, str]:
    return {reach.code: reach.name for reach in county.reaches}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _earlier(work: Work, patrol: Patrol, county: County) -> list[Signature]:
    """The tracks that this one might repeat: by the same chief or on the same reaches, begun before it."""
    days = county.rules.patrol.repeats_within_days
    rows = work.session.execute(
        select(Patrol.id, Patrol.signature)
        .where(
            Patrol.id != patrol.id,
            Patrol.began_at.between(patrol.began_at - timedelta(days=days), patrol.began_at),
            Patrol.signature.is_not(None),
            _might_be_alike(patrol),
        )
        .order_by(Patrol.began_at.desc(), Patrol.id)
        .limit(_EARLIER_MAX)
    )
    return [Signature(str(patrol_id), data) for patrol_id, data in rows if data is not None]


def _remember(work: Work, patrol: Patrol, track: patrol_track.Track, county: County) -> None:
    """Keep what recognises this track, and have those judged again that began later and may turn out to repeat it."""
    data = signature(track.points, str(patrol.id), county.rules.track).data
    if data == patrol.signature:
        return
    patrol.signature = data
    days = timedelta(days=county.rules.patrol.repeats_within_days)
    later = (
        select(Patrol.id)
        .where(
            Patrol.id != patrol.id, Patrol.began_at.between(patrol.began_at, patrol.began_at + days),
            Patrol.verdict_seq > 0, _might_be_alike(patrol),
        )
        .order_by(Patrol.began_at)
        .limit(_EARLIER_MAX)
    )  # fmt: skip
    for other in work.session.scalars(later):
        work.defer("judge_patrol", other)


def _might_be_alike(patrol: Patrol) -> ColumnElement[bool]:
    shared = Patrol.reaches.op("?|")(sql_cast(patrol.reaches, ARRAY(Text())))
    return or_(Patrol.person_id == patrol.person_id, shared)


def _overlapped(work: Work, patrol: Patrol, ignored_min: float) -> str | None:
    """The earlier begun, valid patrol of the same chief that this one runs beside, if there is one."""
    ignored = timedelta(minutes=ignored_min)
    begun_before = or_(
        Patrol.began_at < patrol.began_at, and_(Patrol.began_at == patrol.began_at, Patrol.id < patrol.id)
    )
    found = work.session.scalar(
        select(Patrol.id)
        .where(
            Patrol.person_id == patrol.person_id, Patrol.valid.is_(True), Patrol.practice.is_(False), begun_before,
            Patrol.ended_at > patrol.began_at + ignored,
        )
        .order_by(Patrol.began_at, Patrol.id)
        .limit(1)
    )  # fmt: skip
    longer = patrol.ended_at is not None and patrol.ended_at > patrol.began_at + ignored
    return str(found) if found is not None and longer and not patrol.practice else None


def judge_overlapped(work: Work, patrol: Patrol) -> None:
    """Have the patrols judged again that began during this one and may no longer, or now again, count beside it."""
    if patrol.practice or patrol.ended_at is None:
        return
    query = select(Patrol.id).where(
        Patrol.person_id == patrol.person_id, Patrol.id != patrol.id, Patrol.verdict_seq > 0,
        Patrol.began_at.between(patrol.began_at, patrol.ended_at),
    )  # fmt: skip
    for other in work.session.scalars(query):
        work.defer("judge_patrol", other)


def _append(
    work: Work, patrol: Patrol, version: int, facts: Facts, judgement: Judgement, decision: Decision,
    inputs: dict[str, Any],
) -> Verdict:  # fmt: skip
    patrol.verdict_seq += 1
    verdict = Verdict(
        patrol_id=patrol.id, seq=patrol.verdict_seq, made_at=work.now, made_by="rules", valid=decision.valid,
        county_version=version, facts=facts.to_json(), judgement=judgement.to_json(), decision=decision.to_json(),
        inputs=inputs,
    )  # fmt: skip
    work.session.add(verdict)
    patrol.valid = decision.valid or _upheld(work, patrol)
    patrols.note(work, patrol, "verdict", {"seq": verdict.seq, "valid": decision.valid})
    return verdict


def _upheld(work: Work, patrol: Patrol) -> bool:
    """Whether the office has declared the patrol valid: no later verdict by the rules takes that back."""
    decided = exists().where(Verdict.patrol_id == patrol.id, Verdict.made_by == "appeal", Verdict.valid)
    return bool(work.session.scalar(select(decided)))


def _tell(work: Work, patrol: Patrol, decision: Decision, verdict: Verdict) -> None:
    """Tell the chief, once for each change of the outcome."""
    before = work.session.scalar(
        select(Verdict.valid)
        .where(Verdict.patrol_id == patrol.id, Verdict.seq < verdict.seq)
        .order_by(Verdict.seq.desc())
        .limit(1)
    )
    if patrol.practice or before == decision.valid or (patrol.valid and not decision.valid):
        return
    title = "巡河有效" if decision.valid else "巡河未达到要求"
    why = "已计入您的巡河任务。" if decision.valid else "".join(decision.remedies or decision.against)
    notices.to_person(
        work, f"{patrol.id}/verdict/{verdict.seq}", patrol.person_id, "patrol_verdict", title,
        f"{patrols.day_words(patrol)}的巡河：{why}", patrol.id,
    )  # fmt: skip


def judged_so_far(work: Work, patrol: Patrol) -> Judgement:
    """What can be said of a track that is still arriving; nothing of it is kept."""
    version = _rules_of(work, patrol)
    track = patrol_track.track(work, patrol, version.county.rules.patrol.future_tolerance_s)
    own = {code: "own" for code in patrol.own_reaches if code in version.county.reach_by_code}
    lines = _lines(version.county, {code: own[code] for code in patrol.reaches if code in own})
    return judge(track.points, lines, version.county.rules.track, (), cast("Mode", patrol.mode))


@dataclass(frozen=True)
class Explained:
    """A stored verdict made once more from stored data. `same`: it came out as it was stored.

    `same_track`: judging the stored points once more gave the stored judgement; None when points of this patrol or of
    one that it was compared with came later.
    """

    verdict: Verdict
    decision: Decision
    same: bool
    same_track: bool | None


def explain(work: Work, patrol: Patrol, seq: int) -> Explained:
    """Explain a verdict from what is stored: its facts, its judgement, the rules of its county version, the points."""
    verdict = work.session.get(Verdict, (patrol.id, seq))
    if verdict is None or verdict.made_by != "rules":
        raise NotFound("找不到这次判定。")
    county = work.county_of(verdict.county_version).county
    facts, stored = Facts.from_json(verdict.facts), Judgement.from_json(verdict.judgement)
    decision = decide(county.rules.patrol, _names(county), facts, stored)
    same = decision.to_json() == verdict.decision
    track = patrol_track.track(work, patrol, county.rules.patrol.future_tolerance_s, facts.skew_s)
    if track.digest != verdict.inputs["batches"]:
        return Explained(verdict, decision, same, None)
    now = {one.patrol_id: one for one in _earlier(work, patrol, county)}
    then = verdict.inputs["earlier"]
    if any(code not in now or _digest(now[code].data) != digest for code, digest in then.items()):
        return Explained(verdict, decision, same, None)
    earlier = [now[code] for code in then]
    again = judge(track.points, _lines(county, facts.reaches), county.rules.track, earlier, cast("Mode", patrol.mode))
    return Explained(verdict, decision, same, again.to_json() == verdict.judgement)
