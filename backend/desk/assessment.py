"""Assessment 考核 at the desk: table and trend, what is behind each number, publishing, corrections, papers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, g, url_for
from pydantic import Field

from backend.api import assessments as api_assessments
from backend.api.assessments import CorrectionForm, show_month, show_score, show_summons
from backend.api.idempotency import once
from backend.api.schemas import Code, Input
from backend.clock import shanghai_day
from backend.desk import behind, forms, pages, papers
from backend.domain import assessments
from backend.domain.assessments import Month, Score
from backend.domain.duty_periods import Period, period_of
from backend.domain.faults import Fault, NotFound
from backend.domain.ledger import note_use
from backend.work import Work, unit_of_work

bp = APIBlueprint("assessment", __name__, enable_openapi=False)

_OWN_ALONE = frozenset({"village_chief", "patroller"})  # who see nobody's score but their own
PAGE = 200  # chiefs of one page
_TRACED = 60  # links to what was looked at, of one part


class MonthQuery(Input):
    month: str | None = Field(default=None, pattern=r"^20\d\d-(0[1-9]|1[0-2])$")
    kind: Literal["unit", "chief"] | None = Field(default=None, description="None: what the reader is assessed by")
    unit: Code | None = None
    after: str | None = Field(default=None, max_length=200, pattern=r"^[\w:\-]+$")


@bp.get("/assessment")
def show() -> Any:
    asked = forms.query(MonthQuery)
    asked.kind = asked.kind or ("chief" if g.actor.role in _OWN_ALONE else "unit")
    with unit_of_work(g.actor) as work:
        month = _month(work, asked.month)
        shown = show_month(work, month)
        rows, more = _page(shown, asked)
        history = assessments.totals(work, asked.kind, month.period)
        last = history.get(_earlier(month.period).first, {})
        return pages.render(
            "assessment.html",
            asked=asked,
            month=shown,
            earlier=f"{month.period.first - timedelta(days=1):%Y-%m}",
            later=_later(work, month.period),
            rows=[{**row, "change": _change(row, last)} for row in rows],
            more=more,
            parts=next((row["parts"] for row in rows if row["parts"]), []),
            trend=_trend(work, history) if asked.kind == "unit" else None,
            summons=[one for one in show_summons(work, month) if one["subject"].startswith(f"{asked.kind}:")],
            corrections=[one for one in _corrections(work, month, shown["proposed"]) if one["kind"] == asked.kind],
            n_corrections=len(shown["proposed"]),
            units=[(unit.code, unit.name) for unit in work.county.units if unit.kind in ("township", "county_office")],
        )


def _month(work: Work, text: str | None) -> Month:
    """The month that was asked for; else the last one that is over, or the county's first."""
    if text is not None:
        return assessments.show(work, assessments.month_of(text))
    now = period_of("month", shanghai_day(work.now))
    try:
        return assessments.show(work, _earlier(now))
    except Fault as fault:
        if fault.code != "month_before_rules":
            raise
        return assessments.show(work, now)


def _earlier(period: Period) -> Period:
    return period_of("month", period.first - timedelta(days=1))


def _later(work: Work, period: Period) -> str | None:
    return f"{period.last + timedelta(days=1):%Y-%m}" if period.ends_at <= work.now else None


def _page(shown: dict[str, Any], asked: MonthQuery) -> tuple[list[dict[str, Any]], str | None]:
    """One page in the order of the places, and the cursor of the next."""
    rows = shown["units"] if asked.kind == "unit" else shown["chiefs"]
    rows = [row for row in rows if asked.unit is None or row["unit"] == asked.unit]
    rows = sorted(rows, key=lambda row: (row["rank"], row["subject"]))
    begin = next((n + 1 for n, row in enumerate(rows) if row["subject"] == asked.after), 0)
    page = rows[begin : begin + PAGE]
    return page, page[-1]["subject"] if len(rows) > begin + PAGE else None


def _change(row: dict[str, Any], last: dict[str, Score]) -> float | None:
    """By how much the total differs from the published one of the month before."""
    held = last.get(row["subject"])
    return None if held is None else round(row["total"] - held.total, 2)


def _trend(work: Work, history: dict[Any, dict[str, Score]]) -> dict[str, Any]:
    """The published totals as a table, months across, of whom the actor may see."""
    subjects: dict[str, str] = {}
    for scores in history.values():
        subjects |= {one.subject: one.name for one in scores.values() if assessments.sees_total(work.actor, one, True)}
    return {
        "months": [f"{month:%Y-%m}" for month in history],
        "rows": [
            {"subject": subject, "name": name,
             "totals": [one.total if (one := scores.get(subject)) else None for scores in history.values()]}
            for subject, name in subjects.items()
        ],
    }  # fmt: skip


def _corrections(work: Work, month: Month, proposed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is now known beside what holds, for those who may see both."""
    held = {one.subject: one for one in month.scores}
    return [{**new, "before": held.get(new["subject"]), "parts": _differences(held.get(new["subject"]), new["parts"])}
            for new in proposed]  # fmt: skip


def _differences(held: Score | None, parts: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    old = {part["part"]: part for part in held.parts} if held else {}
    return [
        {"title": part["title"], "words": part["words"],
         "before": old[part["part"]]["points"] if part["part"] in old else None, "after": part["points"]}
        for part in parts or [] if part["part"] not in old or old[part["part"]]["points"] != part["points"]
    ]  # fmt: skip


@bp.get("/assessment/<month>/scores/<subject>")
def score(month: str, subject: str) -> Any:
    """One score, part by part, with a link to everything that it was made from."""
    with unit_of_work(g.actor) as work:
        shown, one = _seen(work, month, subject)
        traced = behind.links(work, one.parts, shown.period)
        row = show_score(work, one)
        new = [show_score(work, fresh) for fresh in shown.proposed if fresh.subject == subject]
        period = period_of("month", shanghai_day(work.now))
        trend = [(day, held) for day, held in assessments.trend(work, subject, period)
                 if assessments.sees_total(work.actor, held, published=True)]  # fmt: skip
        return pages.render(
            "score.html",
            month=show_month(work, shown),
            one=row,
            held_in=_unit_name(work, one),
            traced=traced,
            most=_TRACED,
            trend=[{"month": f"{day:%Y-%m}", "total": held.total, "rank": held.rank} for day, held in trend],
            corrections=_corrections(work, shown, new),
        )


def _unit_name(work: Work, one: Score) -> str:
    unit = work.county.unit_by_code.get(one.unit)
    return unit.name if unit else one.unit


def _seen(work: Work, month: str, subject: str) -> tuple[Month, Score]:
    shown = assessments.show(work, assessments.month_of(month))
    one = next((one for one in shown.scores if one.subject == subject), None)
    if one is None or not assessments.sees(work.actor, one):
        raise NotFound("这个月没有这个考核对象，或您无权查看。")
    return shown, one


@bp.post("/assessment/<month>/publish")
def publish(month: str) -> Any:
    with unit_of_work(g.actor) as work:
        period = assessments.month_of(month)
        with once(work, f"publish assessment {period.first}", forms.key(), "") as repeat:
            if repeat.outcome is None:
                assessments.publish(work, period)
                repeat.outcome = {"month": str(period.first)}
    return pages.go(url_for("desk.assessment.show", month=month), f"{period.name}考核已公布，今后只能公开更正。")


@bp.post("/assessment/<month>/corrections")
def correct(month: str) -> Any:
    """Take over what is now known; what stood before stays beside it."""
    form = forms.read(CorrectionForm)
    with unit_of_work(g.actor) as work:
        period = assessments.month_of(month)
        with once(work, f"correct assessment {period.first}", forms.key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                assessments.correct(work, period, form.subject, form.reason)
                repeat.outcome = {"subject": form.subject}
    return pages.go(
        url_for("desk.assessment.score", month=month, subject=form.subject), "已更正，原来的分数和理由都能查到。"
    )


@bp.get("/assessment/<month>/scores.xlsx")
def sheet(month: str) -> Any:
    with unit_of_work(g.actor) as work:
        return api_assessments.book(work, assessments.show(work, assessments.month_of(month)))


@bp.get("/assessment/<month>/paper")
def paper(month: str) -> Any:
    """The month on A4: tables, who is named or summoned, corrections, and every deduction of the townships."""
    with unit_of_work(g.actor) as work:
        shown = assessments.show(work, assessments.month_of(month))
        note_use(work, "assessment_paper", len(shown.scores), {"month": str(shown.period.first)})
        said = papers.of_month(work, show_month(work, shown), show_summons(work, shown))
    named = {"Content-Disposition": f'inline; filename="assessment-{month}.pdf"'}
    return Response(papers.printed("assessment", said), content_type="application/pdf", headers=named)
