"""Delegations: who stands in for whom, from when to when; and the colleagues whom one can choose."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.idempotency import once, required_key
from backend.api.schemas import Code, Day, Input, PageQuery, Words
from backend.domain import delegations, deputies, people, units
from backend.domain.actors import ROLE_NAMES
from backend.domain.faults import Fault
from backend.models import Delegation
from backend.work import Work, unit_of_work

bp = APIBlueprint("delegations", __name__, tag="B角")


class DelegationInput(Input):
    person_id: UUID | None = Field(default=None, description="who is away; left out: oneself")
    deputy_id: UUID
    unit: Code | None = Field(default=None, description="left out: one's own unit")
    from_on: Day = Field(description="day of Asia/Shanghai, included")
    to_on: Day
    reason: Words


class DelegationsQuery(PageQuery):
    unit: Code | None = None
    current: bool = Field(default=False, description="only what is in force now or will be")


class DelegationOut(BaseModel):
    id: UUID
    unit: str
    unit_name: str
    person_id: UUID
    person_name: str
    deputy_id: UUID
    deputy_name: str
    from_on: date
    to_on: date
    reason: str
    made_at: datetime
    ended_at: datetime | None
    in_force: bool
    may_end: bool = Field(description="the caller may end it early")


class DelegationsOut(BaseModel):
    items: list[DelegationOut]
    next: UUID | None


class OfficeOut(BaseModel):
    role_id: UUID = Field(description="to hand it over by")
    title: str


class ColleagueOut(BaseModel):
    id: UUID
    name: str
    titles: list[str]
    offices: list[OfficeOut]
    me: bool
    deputy_id: UUID | None = Field(description="who stands in for them today")


class ColleaguesOut(BaseModel):
    heads: bool = Field(description="the caller may name deputies for all of them, and hand over between them")
    items: list[ColleagueOut]


class ColleaguesQuery(Input):
    unit: Code | None = Field(default=None, description="the office names one; others see their own")


def _show(work: Work, delegation: Delegation) -> dict[str, Any]:
    return {
        "id": delegation.id,
        "unit": delegation.unit_code,
        "unit_name": units.name(work, delegation.unit_code),
        "person_id": delegation.person_id,
        "person_name": people.name(work, delegation.person_id),
        "deputy_id": delegation.deputy_id,
        "deputy_name": people.name(work, delegation.deputy_id),
        "from_on": delegation.from_on,
        "to_on": delegation.to_on,
        "reason": delegation.reason,
        "made_at": delegation.made_at,
        "ended_at": delegation.ended_at,
        "in_force": delegations.in_force(work, delegation),
        "may_end": delegations.may_end(work, delegation),
    }


@bp.get("/delegations")
@bp.input(DelegationsQuery, location="query", arg_name="page")
@bp.output(DelegationsOut)
def listing(page: DelegationsQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = delegations.page(work, page.unit, page.current, page.before, page.limit)
        items = [_show(work, delegation) for delegation in found]
        return {"items": items, "next": found[-1].id if len(found) == page.limit else None}


@bp.post("/delegations")
@bp.input(DelegationInput, arg_name="form")
@bp.output(DelegationOut, status_code=201)
def make(form: DelegationInput) -> Any:
    with unit_of_work(g.actor) as work, once(work, "delegations.make", required_key(), form.model_dump_json()) as sent:
        if sent.outcome is None:
            person_id, unit = form.person_id or g.actor.person_id, form.unit or g.actor.unit
            wanted = delegations.DelegationForm(
                person_id, form.deputy_id, unit, form.from_on, form.to_on, form.reason
            )  # fmt: skip
            sent.outcome = {"delegation": str(delegations.make(work, wanted).id)}
        return _show(work, work.session.get_one(Delegation, UUID(sent.outcome["delegation"])))


@bp.post("/delegations/<uuid:delegation_id>/end")
@bp.output(DelegationOut)
def end(delegation_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return _show(work, delegations.end(work, delegation_id))


@bp.get("/colleagues")
@bp.input(ColleaguesQuery, location="query", arg_name="asked")
@bp.output(ColleaguesOut)
def colleagues(asked: ColleaguesQuery) -> Any:
    """Handlers and heads of a unit, to name a handler, a deputy or a successor from."""
    with unit_of_work(g.actor) as work:
        unit = asked.unit or g.actor.unit
        if g.actor.role != "office" and unit != g.actor.unit:
            raise Fault("unknown_unit", "只能查看本单位的人员。", field="unit")
        items = []
        for person_id, offices in deputies.offices(work, unit).items():
            titles = {role.role: ROLE_NAMES[role.role] for role in offices}
            standing_in = deputies.with_deputies(work, [person_id], unit)[1:]
            items.append(
                {
                    "id": person_id,
                    "name": people.name(work, person_id),
                    "titles": [title for role, title in ROLE_NAMES.items() if role in titles],
                    "offices": [{"role_id": role.id, "title": titles[role.role]} for role in offices],
                    "me": person_id == g.actor.person_id,
                    "deputy_id": standing_in[0] if standing_in else None,
                }
            )
        return {"items": items, "heads": g.actor.role == "office" or g.actor.heads}
