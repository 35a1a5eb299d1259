"""Handovers: everything open of a person or a unit, to a successor; tried first, if wished, without doing it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.idempotency import once, required_key
from backend.api.schemas import Code, Input, PageQuery, Words
from backend.domain import handovers, people, units
from backend.models import Handover
from backend.work import Work, unit_of_work

bp = APIBlueprint("handovers", __name__, tag="移交")


class PersonHandoverForm(Input):
    role_id: UUID = Field(description="the office on the roster that is handed over")
    to_person: UUID
    leaves: bool = Field(description="the office ends with the handover")
    reason: Words
    dry_run: bool = Field(default=False, description="only tell what would move")


class UnitHandoverForm(Input):
    from_unit: Code
    to_unit: Code
    reason: Words
    dry_run: bool = False


class HandoverOut(BaseModel):
    id: UUID | None = Field(description="None when it was only tried")
    kind: str
    from_person_name: str | None
    to_person_name: str | None
    role: str | None
    from_unit: str
    from_unit_name: str
    to_unit: str
    to_unit_name: str
    reason: str
    made_at: datetime
    cases: list[UUID]
    roles: int = Field(description="offices on the roster that moved with a unit")
    reaches: list[str]
    left: bool = Field(description="the person's office ended")


class HandoversOut(BaseModel):
    items: list[HandoverOut]
    next: UUID | None


class StrandedOut(BaseModel):
    unit: str
    unit_name: str
    cases: int


class StrandedListOut(BaseModel):
    items: list[StrandedOut]


def _show(work: Work, handover: Handover, tried: bool = False) -> dict[str, Any]:
    moved = handover.moved
    return {
        "id": None if tried else handover.id,
        "kind": handover.kind,
        "from_person_name": people.name(work, handover.from_person) if handover.from_person else None,
        "to_person_name": people.name(work, handover.to_person) if handover.to_person else None,
        "role": handover.role,
        "from_unit": handover.from_unit,
        "from_unit_name": units.name(work, handover.from_unit),
        "to_unit": handover.to_unit,
        "to_unit_name": units.name(work, handover.to_unit),
        "reason": handover.reason,
        "made_at": handover.made_at,
        "cases": moved.get("cases", []),
        "roles": len(moved.get("roles", [])),
        "reaches": moved.get("reaches", []),
        "left": moved.get("left", False),
    }


@bp.get("/handovers")
@bp.input(PageQuery, location="query", arg_name="page")
@bp.output(HandoversOut)
def listing(page: PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = handovers.page(work, page.before, page.limit)
        items = [_show(work, handover) for handover in found]
        return {"items": items, "next": found[-1].id if len(found) == page.limit else None}


@bp.get("/handovers/stranded")
@bp.output(StrandedListOut)
def stranded() -> Any:
    """Units that the county has no more and that still hold cases: each waits for a handover."""
    with unit_of_work(g.actor) as work:
        return {
            "items": [{"unit": unit.code, "unit_name": unit.name, "cases": n} for unit, n in handovers.stranded(work)]
        }


@bp.post("/handovers/person")
@bp.input(PersonHandoverForm, arg_name="form")
@bp.output(HandoverOut, status_code=201)
def of_person(form: PersonHandoverForm) -> Any:
    wanted = handovers.PersonForm(form.role_id, form.to_person, form.leaves, form.reason)
    with unit_of_work(g.actor) as work:
        return _carry_out(work, "person", form, lambda: handovers.of_person(work, wanted))


@bp.post("/handovers/unit")
@bp.input(UnitHandoverForm, arg_name="form")
@bp.output(HandoverOut, status_code=201)
def of_unit(form: UnitHandoverForm) -> Any:
    wanted = handovers.UnitForm(form.from_unit, form.to_unit, form.reason)
    with unit_of_work(g.actor) as work:
        return _carry_out(work, "unit", form, lambda: handovers.of_unit(work, wanted))


def _carry_out(work: Work, kind: str, form: Any, act: Any) -> dict[str, Any]:
    """Once per Idempotency-Key; a trial is undone and needs none."""
    if form.dry_run:
        trial = work.session.begin_nested()
        shown = _show(work, act(), tried=True)
        trial.rollback()
        work.deferred.clear()
        return shown
    with once(work, f"handovers.{kind}", required_key(), form.model_dump_json()) as sent:
        if sent.outcome is None:
            sent.outcome = {"handover": str(act().id)}
            work.session.flush()
        return _show(work, work.session.get_one(Handover, UUID(sent.outcome["handover"])))
