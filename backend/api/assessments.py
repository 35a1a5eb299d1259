"""Assessment 考核: a month's preview or published scores with their sources, corrections, trend, summons, the sheet."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import xlsxwriter
from apiflask import APIBlueprint
from flask import Response, g
from pydantic import BaseModel, Field

from backend.api.idempotency import once, required_key
from backend.api.schemas import Input, Words
from backend.clock import shanghai_day
from backend.domain import assessments
from backend.domain.actors import ROLE_NAMES
from backend.domain.assessments import Month, Score
from backend.domain.duty_periods import period_of
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


class VersionOut(BaseModel):
    total: float
    made_at: datetime | None
    reason: str | None


class ScoreOut(BaseModel):
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
    parts: list[PartOut] | None = Field(description="None where only the total may be seen")


class MonthOut(BaseModel):
    month: str
    title: str
    county_version: int
    cut_off: datetime
    published_at: datetime | None
    can_publish: bool
    units: list[ScoreOut]
    chiefs: list[ScoreOut]
    proposed: list[ScoreOut] = Field(description="what is known now and differs from what was published")


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
    reasons: list[SummonsReasonOut]


class SummonsOut(BaseModel):
    items: list[SummonsRow]


def _score(work: Work, one: Score) -> dict[str, Any]:
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


def _month(work: Work, month: Month) -> dict[str, Any]:
    published = month.published_at is not None
    seen = [one for one in month.scores if assessments.sees_total(work.actor, one, published)]
    office = work.actor.role == "office"
    return {
        "month": f"{month.period.first:%Y-%m}",
        "title": f"{month.period.name}考核{'' if published else '（预览）'}",
        "county_version": month.county_version,
        "cut_off": month.cut_off,
        "published_at": month.published_at,
        "can_publish": office and not published and work.now >= month.cut_off,
        "units": [_score(work, one) for one in seen if one.kind == "unit"],
        "chiefs": [_score(work, one) for one in seen if one.kind == "chief"],
        "proposed": [_score(work, one) for one in month.proposed if assessments.sees(work.actor, one)],
    }


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
    """A preview before the month is published; afterwards what was published, with corrections and proposals."""
    with unit_of_work(g.actor) as work:
        return _month(work, assessments.show(work, assessments.month_of(month)))


@bp.get("/assessments/<month>/summons")
@bp.output(SummonsOut)
def summons(month: str) -> Any:
    """Who is named 通报 or summoned 约谈 by rule, of those whom the caller may see."""
    with unit_of_work(g.actor) as work:
        shown = assessments.show(work, assessments.month_of(month))
        found = assessments.summons(work, shown)
        seen = [one for one in shown.scores if one.subject in found and assessments.sees(work.actor, one)]
        rows = [
            {"subject": one.subject, "name": one.name, "unit": one.unit, "total": one.total,
             "reasons": found[one.subject]}
            for one in seen
        ]  # fmt: skip
        return {"items": rows}


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
        return _month(work, assessments.show(work, period))


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
        return _month(work, assessments.show(work, period))


@bp.get("/assessments/<month>/scores.xlsx")
def sheet(month: str) -> Response:
    """Townships, chiefs and every deduction, a sheet each."""
    with unit_of_work(g.actor) as work:
        shown = assessments.show(work, assessments.month_of(month))
        note_use(work, "assessment_export", len(shown.scores), {"month": str(shown.period.first)})
        data = _workbook(shown)
    answer = Response(data, content_type=CONTENT_TYPES["xlsx"])
    answer.headers["Content-Disposition"] = f"attachment; filename=assessment-{shown.period.first:%Y-%m}.xlsx"
    return answer


def _workbook(shown: Month) -> bytes:
    memory = io.BytesIO()
    book = xlsxwriter.Workbook(memory, {"in_memory": True, "strings_to_formulas": False})
    head = book.add_format({"bold": True, "bg_color": "#D9EDF0", "border": 1})
    for kind, name in (("unit", "乡镇"), ("chief", "河长")):
        scores = sorted((one for one in shown.scores if one.kind == kind), key=lambda one: one.rank)
        titles = [part["title"] for part in scores[0].parts] if scores else []
        rows: list[list[Any]] = [
            [one.rank, one.name, ROLE_NAMES.get(one.role or "", ""), one.total, *(part["points"] for part in one.parts),
             one.reason or ""]
            for one in scores
        ]  # fmt: skip
        _fill(book.add_worksheet(name), head, ["名次", "名称", "身份", "总分", *titles, "更正理由"], rows)
    lost: list[list[Any]] = [
        [one.name, part["title"], less["points"], less["words"], _ids(less)]
        for one in shown.scores
        for part in one.parts
        for less in part["deductions"]
    ]  # fmt: skip
    _fill(book.add_worksheet("扣分明细"), head, ["名称", "项目", "扣分", "原因", "依据编号"], lost)
    book.close()
    return memory.getvalue()


def _ids(less: dict[str, Any]) -> str:
    return " ".join(one for ids in less["ids"].values() for one in ids)


def _fill(sheet: xlsxwriter.worksheet.Worksheet, head: Any, titles: list[str], rows: list[list[Any]]) -> None:
    for column, title in enumerate(titles):
        sheet.write_string(0, column, title, head)
    sheet.set_column(0, len(titles) - 1, 14)
    for line, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, column, value)
            else:
                sheet.write_number(line, column, value)
    sheet.freeze_panes(1, 0)
