"""Duties 巡河任务: mine, everybody's by chief and period, who is behind, sums, and the table as a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, and_

from backend.api import files
from backend.api.idempotency import once, required_key
from backend.api.openapi import a_file
from backend.api.schemas import Code, Day, Input, Words
from backend.domain import duties, duty_reminders, duty_sheet
from backend.domain.actors import ROLE_NAMES
from backend.domain.duties import Standing
from backend.domain.duty_count import Completion
from backend.domain.ledger import note_use
from backend.models import RosterRole
from backend.rules.duty import LEVEL_NAMES
from backend.sheet_file import CONTENT_TYPES
from backend.work import Work, unit_of_work

bp = APIBlueprint("duties", __name__, tag="巡河任务")


class DutyPage(Input):
    unit: Code | None = None
    role: Code | None = None
    after: UUID | None = Field(default=None, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class PeriodQuery(Input):
    first: Day = Field(description="periods that end from this day of Asia/Shanghai on")
    last: Day = Field(description="to this day, included")
    unit: Code | None = None
    role: Code | None = None
    person: UUID | None = None


class LackingOut(BaseModel):
    reach: str
    reach_name: str
    times: int


class CompletionOut(BaseModel):
    role_id: UUID
    person_id: UUID
    name: str
    role: str
    role_title: str
    unit: str
    unit_name: str
    period: str
    first: date
    last: date
    needed: int
    done: int
    fulfilled: bool
    late: int = Field(description="counted, but arrived after the month's cut-off")
    too_soon: int = Field(description="valid, but too soon after the one before to count")
    prorated: bool
    patrols: list[UUID]
    lacking: list[LackingOut]
    words: str


class StandingOut(CompletionOut):
    next_from: datetime | None = Field(description="a patrol begun before this moment would not count")
    missed: int = Field(description="periods before this one, in a row, that were not fulfilled")
    level: str | None
    level_title: str | None


class StandingsOut(BaseModel):
    items: list[StandingOut]
    next: UUID | None = None


class CompletionsOut(BaseModel):
    items: list[CompletionOut]


class DutyRemindForm(Input):
    role_ids: list[UUID] = Field(min_length=1, max_length=duty_reminders.MOST, description="of chiefs in office")
    reason: Words


class DutyRemindedOut(BaseModel):
    role_id: UUID
    name: str | None
    reminded: bool
    code: str | None = Field(description="why not")
    title: str | None


class DutyRemindedAllOut(BaseModel):
    items: list[DutyRemindedOut]


class SumOut(BaseModel):
    key: str
    title: str
    chiefs: int
    needed: int
    done: int
    fulfilled: int
    owed: int
    percent: float


class SummaryOut(BaseModel):
    units: list[SumOut]
    roles: list[SumOut]
    reaches: list[SumOut]


def show_completion(work: Work, one: Completion) -> dict[str, Any]:
    units, reaches = work.county.unit_by_code, work.county.reach_by_code
    term = one.term
    return {
        "role_id": term.role_id,
        "person_id": term.person_id,
        "name": term.name,
        "role": term.role,
        "role_title": ROLE_NAMES[term.role],
        "unit": term.unit,
        "unit_name": units[term.unit].name if term.unit in units else term.unit,
        "period": one.period.name,
        "first": one.period.first,
        "last": one.period.last,
        "needed": one.needed,
        "done": one.done,
        "fulfilled": one.fulfilled,
        "late": one.late,
        "too_soon": one.too_soon,
        "prorated": one.prorated,
        "patrols": list(one.patrols),
        "lacking": [
            {"reach": code, "reach_name": reaches[code].name if code in reaches else code, "times": times}
            for code, times in one.lacking
        ],
        "words": one.words,
    }


def show_standing(work: Work, one: Standing) -> dict[str, Any]:
    return {
        **show_completion(work, one.now),
        "next_from": one.now.next_from,
        "missed": one.missed,
        "level": one.level,
        "level_title": LEVEL_NAMES.get(one.level or ""),
    }


def chosen(work: Work, asked: DutyPage | PeriodQuery) -> ColumnElement[bool]:
    """The chiefs whom the caller may see and asked for."""
    wanted = [duties.visible(work)]
    if asked.unit:
        wanted.append(RosterRole.unit_code == asked.unit)
    if asked.role:
        wanted.append(RosterRole.role == asked.role)
    if isinstance(asked, PeriodQuery) and asked.person:
        wanted.append(RosterRole.person_id == asked.person)
    return and_(*wanted)


@bp.get("/duties/mine")
@bp.output(StandingsOut)
def mine() -> Any:
    with unit_of_work(g.actor) as work:
        found = duties.standings(work, RosterRole.person_id == work.actor.person_id, 20)
        return {"items": [show_standing(work, one) for one in found]}


@bp.get("/duties")
@bp.input(DutyPage, location="query", arg_name="page")
@bp.output(StandingsOut)
def listing(page: DutyPage) -> Any:
    return _standings(page, lambda one: True)


@bp.get("/duties/behind")
@bp.input(DutyPage, location="query", arg_name="page")
@bp.output(StandingsOut)
def behind(page: DutyPage) -> Any:
    """Those with a warning on this page of chiefs; follow `next` until it is null."""
    return _standings(page, lambda one: one.level is not None)


def _standings(page: DutyPage, wanted: Callable[[Standing], bool]) -> dict[str, Any]:
    with unit_of_work(g.actor) as work:
        found = duties.standings(work, chosen(work, page), page.limit, page.after)
        more = found[-1].now.term.role_id if len(found) == page.limit else None
        return {"items": [show_standing(work, one) for one in found if wanted(one)], "next": more}


@bp.get("/duties/completion")
@bp.input(PeriodQuery, location="query", arg_name="asked")
@bp.output(CompletionsOut)
def completion(asked: PeriodQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = duties.completions(work, asked.first, asked.last, chosen(work, asked))
        return {"items": [show_completion(work, one) for one in found]}


@bp.get("/duties/summary")
@bp.input(PeriodQuery, location="query", arg_name="asked")
@bp.output(SummaryOut)
def summary(asked: PeriodQuery) -> Any:
    with unit_of_work(g.actor) as work:
        return duties.summary(work, duties.completions(work, asked.first, asked.last, chosen(work, asked)))


@bp.get("/duties/completion.xlsx")
@bp.input(PeriodQuery, location="query", arg_name="asked")
@bp.doc(responses=a_file(CONTENT_TYPES["xlsx"]))
def sheet(asked: PeriodQuery) -> Response:
    """The completion table as officials keep it: one row per chief and period, the sums on a sheet of their own."""
    with unit_of_work(g.actor) as work:
        found = duties.completions(work, asked.first, asked.last, chosen(work, asked))
        return book(work, found, asked.first, asked.last)


def book(work: Work, found: Sequence[Completion], first: date, last: date) -> Response:
    """These duties as a spreadsheet; who took it is on record."""
    note_use(work, "duty_export", len(found), {"first": str(first), "last": str(last)})
    pages = duty_sheet.pages(work, found, duties.summary(work, found), first, last)
    return files.book(f"duties-{first}-{last}", pages)


@bp.post("/duties/reminders")
@bp.input(DutyRemindForm, arg_name="form")
@bp.output(DutyRemindedAllOut, status_code=201)
def remind(form: DutyRemindForm) -> Any:
    """Remind chiefs of what they owe now, in the same words; who cannot be reminded is told one by one."""
    with (
        unit_of_work(g.actor) as work,
        once(work, "remind of duties", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"items": duty_reminders.remind_all(work, form.role_ids, form.reason)}
        return repeat.outcome
