"""Patrols read: one's own, a township's, the county's; who is out now; one patrol whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select

from backend.api.photos import show_photo
from backend.api.schemas import Code, Day, Input, PhotoOut
from backend.api.verdicts import AppealOut, VerdictLine, VerdictOut, show_appeal, show_verdict
from backend.domain import appeals, checkpoints, findings, patrol_lists, patrols, playback
from backend.domain.actors import ROLE_NAMES
from backend.domain.patrol_lists import Filter, Row
from backend.domain.states import STATES
from backend.models import Case, Finding, Patrol, PatrolCompanion, PatrolEvent, Person, Photo, Verdict
from backend.work import Work, unit_of_work

bp = APIBlueprint("patrol_lists", __name__, tag="巡河")

_PHASES = {"waiting": "等待开始信息", "live": "巡河中", "finished": "已结束"}
_EVENTS = {
    "start": "开始巡河", "start_again": "又一部手机开始", "finish": "结束巡河", "verdict": "判定", "appeal": "申诉",
    "decide_appeal": "答复申诉", "decline": "同行人表示没有参加",
}  # fmt: skip


class PatrolQuery(Input):
    mine: bool = Field(default=False, description="only one's own, and those on which one walked along")
    unit: Code | None = None
    person: UUID | None = None
    reach: Code | None = None
    role: Code | None = None
    phase: Literal["waiting", "live", "finished"] | None = None
    valid: bool | None = None
    practice: bool | None = None
    appeal_open: bool = Field(default=False, description="only those with an appeal to be decided")
    doubtful: bool = Field(default=False, description="only those whose track asks a human to look")
    since: Day | None = Field(default=None, description="day of Asia/Shanghai on which it began, included")
    until: Day | None = None
    before: Annotated[str, StringConstraints(max_length=80, pattern=r"^[\w\-:.~]+$")] | None = Field(
        default=None, description="`next` of the page before, unchanged"
    )
    limit: int = Field(default=20, ge=1, le=100)


class NamedReachOut(BaseModel):
    code: str
    name: str


class PatrolRow(BaseModel):
    id: UUID
    name: str
    role: str | None
    role_title: str | None
    unit: str | None
    unit_name: str | None
    reaches: list[NamedReachOut]
    practice: bool
    mode: str
    phase: str
    phase_title: str
    began_at: datetime
    ended_at: datetime | None
    valid: bool | None
    doubts: int = Field(description="signs in the track that ask a human to look")
    distance_m: float | None
    along_m: float | None = Field(description="metres walked along the chief's own reaches")
    moving_s: float | None
    last_contact_at: datetime


class PatrolsOut(BaseModel):
    items: list[PatrolRow]
    next: str | None


class LiveRow(PatrolRow):
    last_point_at: datetime | None
    lon: float | None
    lat: float | None
    coord_type: Literal["wgs84"] = "wgs84"
    battery: int | None


class LiveOut(BaseModel):
    items: list[LiveRow]


class CompanionOut(BaseModel):
    person: UUID
    name: str
    role_title: str
    declined: bool


class ShotOut(PhotoOut):
    claimed_at: datetime | None = Field(description="by the phone; not proven")
    claimed_lon: float | None
    claimed_lat: float | None


class VisitOut(BaseModel):
    id: UUID
    code: str
    name: str
    kind: str | None
    reach: str | None
    at: datetime = Field(description="by the server's clock")
    reached: bool
    distance_m: float | None
    why_not: str | None


class FindingOut(BaseModel):
    id: UUID
    case: UUID | None
    number: str | None
    state: str | None
    state_title: str | None
    category: str
    category_name: str
    text: str
    observed_at: datetime = Field(description="by the server's clock")
    settled: bool
    not_settled_because: str | None
    lon: float
    lat: float


class PatrolEventOut(BaseModel):
    at: datetime
    action: str
    title: str
    role: str
    text: str | None


class PatrolOut(PatrolRow):
    skew_s: float
    finished_by: str | None
    points: int
    verdict: VerdictOut | None
    verdicts: list[VerdictLine]
    appeals: list[AppealOut]
    companions: list[CompanionOut]
    photos: list[ShotOut]
    findings: list[FindingOut]
    checkpoints: list[VisitOut]
    events: list[PatrolEventOut]
    allowed_actions: list[str]


class PersonNameOut(BaseModel):
    person: UUID
    name: str
    role_title: str
    unit_name: str


class CompanionsOut(BaseModel):
    items: list[PersonNameOut]


def show_row(work: Work, row: Row) -> dict[str, Any]:
    patrol, county = row.patrol, work.county
    unit = county.unit_by_code.get(patrol.unit_code or "")
    names = county.reach_by_code
    return {
        "id": patrol.id,
        "name": row.name,
        "role": patrol.role,
        "role_title": ROLE_NAMES.get(patrol.role or ""),
        "unit": patrol.unit_code,
        "unit_name": unit.name if unit else patrol.unit_code,
        "reaches": [
            {"code": code, "name": names[code].name if code in names else code} for code in patrol.reaches
        ],
        "practice": patrol.practice,
        "mode": patrol.mode,
        "phase": patrol.phase,
        "phase_title": _PHASES[patrol.phase],
        "began_at": patrol.began_at,
        "ended_at": patrol.ended_at,
        "valid": patrol.valid,
        "doubts": patrol.doubts,
        "distance_m": row.distance_m,
        "along_m": row.along_m,
        "moving_s": row.moving_s,
        "last_contact_at": patrol.last_contact_at,
    }  # fmt: skip


@bp.get("/patrols")
@bp.input(PatrolQuery, location="query", arg_name="asked")
@bp.output(PatrolsOut)
def listing(asked: PatrolQuery) -> Any:
    wanted = Filter(**asked.model_dump(exclude={"before", "limit"}))
    with unit_of_work(g.actor) as work:
        found, more = patrol_lists.page(work, wanted, asked.before, asked.limit)
        return {"items": [show_row(work, row) for row in found], "next": more}


@bp.get("/patrols/live")
@bp.output(LiveOut)
def live() -> Any:
    with unit_of_work(g.actor) as work:
        return {"items": [_live(work, row) for row in patrol_lists.live(work)]}


def _live(work: Work, row: Row) -> dict[str, Any]:
    patrol = row.patrol
    last = {"last_point_at": patrol.last_point_at, "lon": patrol.last_lon, "lat": patrol.last_lat}
    return {**show_row(work, row), **last, "battery": patrol.battery}


@bp.get("/patrols/<uuid:patrol_id>")
@bp.output(PatrolOut)
def show(patrol_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_patrol(work, patrol_lists.get(work, patrol_id))


def show_patrol(work: Work, patrol: Patrol) -> dict[str, Any]:
    made = list(
        work.session.scalars(select(Verdict).where(Verdict.patrol_id == patrol.id).order_by(Verdict.seq.desc()))
    )
    events = select(PatrolEvent).where(PatrolEvent.patrol_id == patrol.id).order_by(PatrolEvent.seq)
    taken = select(Photo).where(Photo.patrol_id == patrol.id).order_by(Photo.claimed_at, Photo.id)
    found = appeals.of(work, patrol)
    marks = None if patrol_lists.seen_whole(work, patrol) else {one.id for one in playback.of(work, patrol).marks}
    return {
        **show_row(work, patrol_lists.row_of(work, patrol)),
        "skew_s": patrol.skew_s,
        "finished_by": patrol.finished_by,
        "points": patrol.points,
        "verdict": show_verdict(made[0]) if made else None,
        "verdicts": made,
        "appeals": [show_appeal(one) for one in found],
        "companions": _companions(work, patrol),
        "photos": [_shot(photo) for photo in work.session.scalars(taken) if _may_see(photo, marks)],
        "findings": [_finding(work, patrol, *row) for row in findings.of_patrol(work, patrol)],
        "checkpoints": _visits(work, patrol),
        "events": [
            {"at": e.at, "action": e.action, "title": _EVENTS[e.action], "role": e.role, "text": e.text}
            for e in work.session.scalars(events)
        ],
        "allowed_actions": appeals.allowed(work, patrol, found),
    }


def _may_see(photo: Photo, marks: set[str] | None) -> bool:
    """All photos for whoever sees the patrol whole (`marks` None), for others those on the part of it that is shown."""
    return marks is None or photo.purpose in ("report", "evidence") or str(photo.id) in marks


def _shot(photo: Photo) -> dict[str, Any]:
    claimed = {"claimed_at": photo.claimed_at, "claimed_lon": photo.claimed_lon, "claimed_lat": photo.claimed_lat}
    return {**show_photo(photo), **claimed}


def _finding(work: Work, patrol: Patrol, finding: Finding, case: Case | None) -> dict[str, Any]:
    category = work.county.category_by_code.get(finding.category)
    plain = ("id", "category", "text", "not_settled_because", "lon", "lat")
    return {
        **{name: getattr(finding, name) for name in plain},
        "case": finding.case_id,
        "number": case.number if case else None,
        "state": case.state if case else None,
        "state_title": STATES[case.state] if case else None,
        "category_name": category.name if category else finding.category,
        "observed_at": patrols.put_right(patrol, finding.observed_at),
        "settled": finding.settled_at is not None,
    }


def _visits(work: Work, patrol: Patrol) -> list[dict[str, Any]]:
    known = {one.code: one for one in checkpoints.all_of(work.county)}
    plain = ("id", "reach", "reached", "distance_m", "why_not")
    return [
        {
            **{name: getattr(visit, name) for name in plain},
            "code": visit.checkpoint,
            "name": known[visit.checkpoint].name if visit.checkpoint in known else visit.checkpoint,
            "kind": known[visit.checkpoint].kind if visit.checkpoint in known else None,
            "at": patrols.put_right(patrol, visit.at),
        }
        for visit in checkpoints.visits_of(work, patrol)
    ]


def _companions(work: Work, patrol: Patrol) -> list[dict[str, Any]]:
    query = (
        select(PatrolCompanion, Person.name)
        .join(Person, Person.id == PatrolCompanion.person_id)
        .where(PatrolCompanion.patrol_id == patrol.id)
        .order_by(Person.name, Person.id)
    )
    return [
        {"person": one.person_id, "name": name, "role_title": ROLE_NAMES[one.role], "declined": bool(one.declined_at)}
        for one, name in work.session.execute(query)
    ]


@bp.get("/patrols/companions")
@bp.output(CompanionsOut)
def companions() -> Any:
    """Who may be named as walking along: the chiefs of one's unit and of one's reaches."""
    with unit_of_work(g.actor) as work:
        items = [
            {
                "person": role.person_id,
                "name": role.person.name,
                "role_title": ROLE_NAMES[role.role],
                "unit_name": work.county.unit_by_code[role.unit_code].name,
            }
            for role in patrols.possible_companions(work)
        ]
        return {"items": items}


@bp.post("/patrols/<uuid:patrol_id>/decline")
@bp.output(PatrolOut)
def decline(patrol_id: UUID) -> Any:
    """A companion says that they were not there."""
    with unit_of_work(g.actor) as work:
        patrol = patrol_lists.get(work, patrol_id)
        patrols.decline(work, patrol)
        return show_patrol(work, patrol)
