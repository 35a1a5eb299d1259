"""Verdicts on patrols: explained from what is stored, appealed against, decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, ConfigDict, Field

from backend.api.idempotency import once, required_key
from backend.api.schemas import Input, PhotoRefForm, Words
from backend.domain import appeals, judging, patrol_lists
from backend.domain.photos import PhotoRef
from backend.models import PatrolAppeal, Verdict
from backend.work import unit_of_work

bp = APIBlueprint("verdicts", __name__, tag="巡河判定")


class ReasonOut(BaseModel):
    code: str
    ok: bool | None = Field(description="false speaks against the patrol, null is only told")
    words: str
    needed: float | str | None
    found: float | str | None
    reach: str | None
    remedy: str = Field(description="what would have made it good")


class OnReachOut(BaseModel):
    reach: str
    name: str
    counts: bool
    coverage: float
    metres: float
    minutes: float
    why: str


class GapOut(BaseModel):
    begins_ms: int
    ends_ms: int
    straight_m: float
    bridged: bool
    counted_m: float
    along: str | None


class VerdictLine(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    seq: int
    made_at: datetime
    made_by: str
    valid: bool
    county_version: int = Field(description="the version of the county's rules by which it was made")


class VerdictOut(VerdictLine):
    reasons: list[ReasonOut]
    remedies: list[str]
    reaches: list[OnReachOut]
    distance_m: float
    along_m: float
    duration_s: float
    moving_s: float
    still_s: float
    unseen_s: float
    gaps: list[GapOut]


class ExplainedOut(BaseModel):
    verdict: VerdictOut
    same: bool = Field(description="made once more from its stored facts and rules, it came out the same")
    same_track: bool | None = Field(description="so did the judgement of the stored points; null: points came later")


class AppealInput(Input):
    text: Words
    photos: list[PhotoRefForm] = Field(default_factory=list, max_length=9)


class DecisionInput(Input):
    upheld: bool
    reason: Words


class AppealOut(BaseModel):
    id: UUID
    verdict: int
    text: str
    made_at: datetime
    decided_at: datetime | None
    upheld: bool | None
    reason: str | None


def show_verdict(verdict: Verdict) -> dict[str, Any]:
    line = {name: getattr(verdict, name) for name in ("seq", "made_at", "made_by", "valid", "county_version")}
    decision = {name: verdict.decision[name] for name in ("reasons", "remedies", "reaches")}
    figures = ("distance_m", "along_m", "duration_s", "moving_s", "still_s", "unseen_s", "gaps")
    return {**line, **decision, **{name: verdict.judgement[name] for name in figures}}


def show_appeal(appeal: PatrolAppeal) -> dict[str, Any]:
    plain = ("id", "text", "made_at", "decided_at", "upheld", "reason")
    return {**{name: getattr(appeal, name) for name in plain}, "verdict": appeal.verdict_seq}


@bp.get("/patrols/<uuid:patrol_id>/verdicts/<int:seq>")
@bp.output(ExplainedOut)
def explain(patrol_id: UUID, seq: int) -> Any:
    """A stored verdict explained again, years later as well, from what was stored with it."""
    with unit_of_work(g.actor) as work:
        found = judging.explain(work, patrol_lists.get(work, patrol_id), seq)
        return {"verdict": show_verdict(found.verdict), "same": found.same, "same_track": found.same_track}


@bp.post("/patrols/<uuid:patrol_id>/appeal")
@bp.input(AppealInput, arg_name="form")
@bp.output(AppealOut, status_code=201)
def appeal(patrol_id: UUID, form: AppealInput) -> Any:
    refs = tuple(PhotoRef(photo.id, photo.claim) for photo in form.photos)
    with (
        unit_of_work(g.actor) as work,
        once(work, f"appeal {patrol_id}", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            made = appeals.make(work, patrol_id, form.text, refs)
            repeat.outcome = {"appeal": str(made.id)}
        return show_appeal(work.session.get_one(PatrolAppeal, UUID(repeat.outcome["appeal"])))


@bp.post("/patrols/<uuid:patrol_id>/appeal/decision")
@bp.input(DecisionInput, arg_name="form")
@bp.output(AppealOut)
def decide(patrol_id: UUID, form: DecisionInput) -> Any:
    with (
        unit_of_work(g.actor) as work,
        once(work, f"decide appeal {patrol_id}", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"appeal": str(appeals.decide(work, patrol_id, form.upheld, form.reason).id)}
        return show_appeal(work.session.get_one(PatrolAppeal, UUID(repeat.outcome["appeal"])))
