"""Assessment 考核: a month's preview or frozen scores with their sources, corrections, trend, summons, the sheet."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from pydantic import BaseModel, Field

from backend.api import files
from backend.api.idempotency import once, required_key
from backend.api.openapi import a_file
from backend.api.schemas import Input, Words
from backend.clock import shanghai_day
from backend.domain import assessment_sheet, assessments
from backend.domain.actors import ROLE_NAMES
from backend.domain.assessments import Month, Score
from backend.domain.duty_periods import period_of
from backend.domain.faults import NotFound
from backend.domain.ledger import note_use
from backend.sheet_file import CONTENT_TYPES
from backend.work import Work, unit_of_work

bp = APIBlueprint("assessments", __name__, tag="考核")


class DeductionOut(BaseModel):
    points: float
    words: str
    ids: dict[str, list[str]] = Field(description="case, patrol, letter or role → ids behind these points")


class PartOut(BaseModel):
    part: str
    title: str
    full: float
    value: float | None = Field(description="None: no data, full marks")
    points: float
    words: str
    deductions: list[DeductionOut]


class TracedPartOut(PartOut):
    counted: dict[str, list[str]] = Field(
        default_factory=dict, description="the ids of everything that was looked at, kept or not"
    )


class VersionOut(BaseModel):
    total: float
    made_at: datetime | None
    reason: str | None


class SubjectOut(BaseModel):
    subject: str
    kind: Literal["unit", "chief"]
    unit: str
    person_id: UUID | None
    role_title: str | None
    name: str
    total: float
    rank: int = Field(description="as it was when the score was written down")
    reason: str | None = Field(description="of the last correction")
    earlier: list[VersionOut] = Field(description="what corrections replaced, the oldest first")


class ScoreOut(SubjectOut):
    parts: list[PartOut] | None = Field(description="None where only the total may be seen")


class TracedScoreOut(SubjectOut):
    parts: list[TracedPartOut]
    proposed: list[TracedPartOut] | None = Field(description="what would have to be corrected; None: nothing")


class MonthOut(BaseModel):
    month: str
    title: str
    words: str = Field(description="how the scores are to be read: what does not count yet, until when")
    over: bool = Field(description="false while the month runs: what can still be done is not counted as missed")
    county_version: int
    cut_off: datetime
    frozen_at: datetime | None = Field(description="since when later arrivals are corrections; None: a preview")
    published_at: datetime | None
    can_publish: bool
    units: list[ScoreOut]
    chiefs: list[ScoreOut]
    proposed: list[ScoreOut] = Field(description="what is known now and differs from what was frozen")


class CorrectionForm(Input):
    subject: str = Field(min_length=1, max_length=200, pattern=r"^[\w:\-]+$")
    reason: Words


class TrendQuery(Input):
    subject: str = Field(min_length=1, max_length=200, pattern=r"^[\w:\-]+$")


class PointOut(BaseModel):
    month: str
    total: float
    rank: int


class TrendOut(BaseModel):
    items: list[PointOut]


class SummonsReasonOut(BaseModel):
    how: Literal["named", "summoned"]
    title: str
    reason: str


class SummonsRow(BaseModel):
    subject: str
    name: str
    unit: str
    total: float
    lost: str = Field(description="where the points went, the most first; empty: none was lost")
    reasons: list[SummonsReasonOut]


class SummonsOut(BaseModel):
    words: str = Field(description="how far these scores are settled")
    items: list[SummonsRow]


def show_score(work: Work, one: Score) -> dict[str, Any]:
    detail = assessments.sees(work.actor, one)
    return {
        "subject": one.subject,
        "kind": one.kind,
        "unit": one.unit,
        "person_id": one.person_id,
        "role_title": ROLE_NAMES.get(one.role or ""),
        "name": one.name,
        "total": one.total,
        "rank": one.rank,
        "reason": one.reason if detail else None,
        "earlier": [{"total": old.total, "made_at": old.made_at, "reason": old.reason} for old in one.earlier],
        "parts": one.parts if detail else None,
    }


def title_of(month: Month) -> str:
    stage = "" if month.published_at else "（待公布）" if month.frozen_at else "（预览）"
    return f"{month.period.name}考核{stage}"


def show_month(work: Work, month: Month) -> dict[str, Any]:
    published = month.published_at is not None
    seen = [one for one in month.scores if assessments.sees_total(work.actor, one, published)]
    office = work.actor.role == "office"
    return {
        "month": f"{month.period.first:%Y-%m}",
        "title": title_of(month),
        "words": month.words,
        "over": month.over,
        "county_version": month.county_version,
        "cut_off": month.cut_off,
        "frozen_at": month.frozen_at,
        "published_at": month.published_at,
        "can_publish": office and not published and work.now >= month.cut_off,
        "units": [show_score(work, one) for one in seen if one.kind == "unit"],
        "chiefs": [show_score(work, one) for one in seen if one.kind == "chief"],
        "proposed": [show_score(work, one) for one in month.proposed if assessments.sees(work.actor, one)],
    }


def show_summons(work: Work, month: Month) -> list[dict[str, Any]]:
    found = assessments.summons(work, month)
    seen = [one for one in month.scores if one.subject in found and assessments.sees(work.actor, one)]
    return [
        {"subject": one.subject, "name": one.name, "unit": one.unit, "total": one.total,
         "lost": assessments.lost_most(one), "reasons": found[one.subject]}
        for one in seen
    ]  # fmt: skip


def book(work: Work, month: Month) -> Response:
    """The month as a spreadsheet: townships, chiefs and every deduction, a page each; who took it is on record."""
    note_use(work, "assessment_export", len(month.scores), {"month": str(month.period.first)})
    pages = assessment_sheet.pages(month, f"{work.county.name}{title_of(month)}")
    return files.book(f"assessment-{month.period.first:%Y-%m}", pages)


@bp.get("/assessments/trend")
@bp.input(TrendQuery, location="query", arg_name="asked")
@bp.output(TrendOut)
def trend(asked: TrendQuery) -> Any:
    """The published totals of one township or chief over the last twelve months."""
    with unit_of_work(g.actor) as work:
        found = assessments.trend(work, asked.subject, period_of("month", shanghai_day(work.now)))
        seen = [(month, one) for month, one in found if assessments.sees_total(work.actor, one, published=True)]
        return {"items": [{"month": f"{month:%Y-%m}", "total": one.total, "rank": one.rank} for month, one in seen]}


@bp.get("/assessments/<month>")
@bp.output(MonthOut)
def show(month: str) -> Any:
    """A preview before the cut-off; afterwards what was known then, with corrections and proposals."""
    with unit_of_work(g.actor) as work:
        return show_month(work, assessments.show(work, assessments.month_of(month)))


@bp.get("/assessments/<month>/scores/<subject>")
@bp.output(TracedScoreOut)
def score(month: str, subject: str) -> Any:
    """One score with the ids of every case, patrol, letter and office that was looked at, part by part."""
    with unit_of_work(g.actor) as work:
        shown = assessments.show(work, assessments.month_of(month))
        one = next((one for one in shown.scores if one.subject == subject), None)
        if one is None or not assessments.sees(work.actor, one):
            raise NotFound("这个月没有这个考核对象，或您无权查看。")
        proposed = next((new.parts for new in shown.proposed if new.subject == subject), None)
        return {**show_score(work, one), "proposed": proposed}


@bp.get("/assessments/<month>/summons")
@bp.output(SummonsOut)
def summons(month: str) -> Any:
    """Who is named 通报 or summoned 约谈 by rule, of those whom the caller may see."""
    with unit_of_work(g.actor) as work:
        shown = assessments.show(work, assessments.month_of(month))
        return {"words": shown.words, "items": show_summons(work, shown)}


@bp.post("/assessments/<month>/publish")
@bp.output(MonthOut)
def publish(month: str) -> Any:
    """After the cut-off, once."""
    with unit_of_work(g.actor) as work:
        period = assessments.month_of(month)
        with once(work, f"publish assessment {period.first}", required_key(), "") as repeat:
            if repeat.outcome is None:
                assessments.publish(work, period)
                repeat.outcome = {"month": str(period.first)}
        return show_month(work, assessments.show(work, period))


@bp.post("/assessments/<month>/corrections")
@bp.input(CorrectionForm, arg_name="form")
@bp.output(MonthOut, status_code=201)
def correct(month: str, form: CorrectionForm) -> Any:
    """Take over what is proposed for one township or chief; the score before stays visible."""
    with unit_of_work(g.actor) as work:
        period = assessments.month_of(month)
        with once(work, f"correct assessment {period.first}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                assessments.correct(work, period, form.subject, form.reason)
                repeat.outcome = {"subject": form.subject}
        return show_month(work, assessments.show(work, period))


@bp.get("/assessments/<month>/scores.xlsx")
@bp.doc(responses=a_file(CONTENT_TYPES["xlsx"]))
def sheet(month: str) -> Response:
    """Townships, chiefs and every deduction, a page each."""
    with unit_of_work(g.actor) as work:
        return book(work, assessments.show(work, assessments.month_of(month)))
