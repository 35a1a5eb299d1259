"""Look-backs 回头看: an inspector's list, the office's queue, those of a case, and the draws with how they came out.

They are planned, assigned and carried out by actions on the case (api/cases.py).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints

from backend.api.schemas import Code, Day, Input
from backend.domain import cases, follow_up_draws, follow_ups, people
from backend.models import Case, FollowUp, FollowUpDraw, Person
from backend.work import Work, unit_of_work

bp = APIBlueprint("follow_ups", __name__, tag="回头看")

STATES = {"planned": "待回头看", "passed": "合格", "failed": "反弹", "superseded": "已另行安排"}
METHOD = (
    "每件的签号是“种子:案件编号”这段文字的 SHA-256（64 位十六进制，小写）；按签号从小到大排队，"
    "取前若干件：总件数乘以抽查比例，向上取整，且不少于规定的最少件数。"
)


class FollowUpQuery(Input):
    state: Literal["planned", "passed", "failed", "superseded"] | None = None
    origin: Literal["rule", "sample", "dispute", "office", "own"] | None = None
    unit: Code | None = Field(default=None, description="lead unit of the case")
    mine: bool = False
    unassigned: bool = Field(default=False, description="planned, and nobody serving is to carry it out")
    overdue: bool = False
    before: Annotated[str, StringConstraints(max_length=90, pattern=r"^[\w\-:.~+]+$")] | None = None
    limit: int = Field(default=20, ge=1, le=100)


class FollowUpOut(BaseModel):
    id: UUID
    case_id: UUID
    number: str
    category_name: str
    lead_unit: str | None
    lead_unit_name: str | None
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    reach_name: str | None
    origin: str
    origin_title: str
    reason: str
    state: str
    state_title: str
    planned_at: datetime
    from_on: date
    due_at: datetime
    overdue: bool
    inspector: UUID | None
    inspector_name: str | None
    ended_at: datetime | None
    ended_by_name: str | None
    distance_m: int | None = Field(description="how far from the case's place the inspector stood")
    draw: UUID | None


class FollowUpsOut(BaseModel):
    items: list[FollowUpOut]
    next: str | None


class DrawQuery(Input):
    month: Day = Field(description="any day of the month in which the cases were closed")


class DrawRow(BaseModel):
    id: UUID
    month: date
    unit: str
    unit_name: str
    drawn_at: datetime
    cases: int
    picked: list[str]


class DrawsOut(BaseModel):
    items: list[DrawRow]


class TicketOut(BaseModel):
    number: str
    ticket: str
    picked: bool


class DrawOut(DrawRow):
    seed: str
    share: float
    at_least: int
    method: str
    tickets: list[TicketOut] = Field(description="in the order of the draw, reckoned anew from the seed")


def show_follow_up(work: Work, follow_up: FollowUp) -> dict[str, Any]:
    case = work.session.get_one(Case, follow_up.case_id)
    inspector = work.session.get(Person, follow_up.inspector_id) if follow_up.inspector_id else None
    category = work.county.category_by_code.get(case.category)
    unit = work.county.unit_by_code.get(case.lead_unit or "")
    reach = work.county.reach_by_code.get(case.reach or "")
    return {
        "id": follow_up.id,
        "case_id": case.id,
        "number": case.number,
        "category_name": category.name if category else case.category,
        "lead_unit": case.lead_unit,
        "lead_unit_name": unit.name if unit else case.lead_unit,
        "lon": case.lon,
        "lat": case.lat,
        "reach_name": reach.name if reach else None,
        "origin": follow_up.origin,
        "origin_title": follow_ups.ORIGINS[follow_up.origin],
        "reason": follow_up.reason,
        "state": follow_up.state,
        "state_title": STATES[follow_up.state],
        "planned_at": follow_up.planned_at,
        "from_on": follow_up.from_on,
        "due_at": follow_up.due_at,
        "overdue": follow_up.overdue(work.now),
        "inspector": follow_up.inspector_id,
        "inspector_name": inspector.name if inspector else None,
        "ended_at": follow_up.ended_at,
        "ended_by_name": people.name_of(work, follow_up.ended_by),
        "distance_m": None if follow_up.distance_m is None else round(follow_up.distance_m),
        "draw": follow_up.draw_id,
    }


@bp.get("/follow-ups")
@bp.input(FollowUpQuery, location="query", arg_name="asked")
@bp.output(FollowUpsOut)
def listing(asked: FollowUpQuery) -> Any:
    """By due date, the most urgent first. An inspector sees their own; the office and county chiefs all."""
    wanted = follow_ups.Filter(**asked.model_dump(exclude={"before", "limit"}))
    with unit_of_work(g.actor) as work:
        found, more = follow_ups.page(work, wanted, asked.before, asked.limit)
        return {"items": [show_follow_up(work, one) for one in found], "next": more}


@bp.get("/cases/<uuid:case_id>/follow-ups")
@bp.output(FollowUpsOut)
def of_case(case_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        found = follow_ups.of_case(work, cases.get(work, case_id))
        return {"items": [show_follow_up(work, one) for one in found], "next": None}


@bp.get("/follow-up-draws")
@bp.input(DrawQuery, location="query", arg_name="asked")
@bp.output(DrawsOut)
def draws(asked: DrawQuery) -> Any:
    with unit_of_work(g.actor) as work:
        return {"items": [_draw(work, held) for held in follow_up_draws.of_month(work, asked.month)]}


@bp.get("/follow-up-draws/<uuid:draw_id>")
@bp.output(DrawOut)
def draw(draw_id: UUID) -> Any:
    """One draw, drawn again: whoever has seed and numbers gets the same."""
    with unit_of_work(g.actor) as work:
        held = follow_up_draws.get(work, draw_id)
        picked = set(follow_up_draws.pick(held.seed, held.numbers, held.share, held.at_least))
        tickets = sorted((follow_up_draws.ticket(held.seed, number), number) for number in held.numbers)
        return {
            **_draw(work, held),
            "seed": held.seed,
            "share": held.share,
            "at_least": held.at_least,
            "method": METHOD,
            "tickets": [{"number": n, "ticket": ticket, "picked": n in picked} for ticket, n in tickets],
        }


def _draw(work: Work, held: FollowUpDraw) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(held.unit_code)
    return {
        "id": held.id,
        "month": held.month,
        "unit": held.unit_code,
        "unit_name": unit.name if unit else held.unit_code,
        "drawn_at": held.drawn_at,
        "cases": len(held.numbers),
        "picked": held.picked,
    }
