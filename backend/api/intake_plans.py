"""The plan of a drinking-water intake 一源一策, its earlier versions and its measures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints

from backend.api.idempotency import once, required_key
from backend.api.measures import MeasureInput, MeasureOut, form_of, show_measure
from backend.api.schemas import Code, Input
from backend.domain import intake_plans, measures, people, risk_sources
from backend.models import IntakePlan, Measure
from backend.work import Work, unit_of_work

bp = APIBlueprint("intake_plans", __name__, tag="风险源")


class PlanInput(Input):
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50_000, pattern=r"^[^\x00]+$")]
    responsible: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50, pattern=r"^[^\x00]+$")]
    responsible_unit: Code


class IntakePlanOut(BaseModel):
    id: UUID
    text: str
    responsible: str
    responsible_unit: str
    responsible_unit_name: str
    made_at: datetime
    made_by_name: str | None


class IntakePlansOut(BaseModel):
    plan: IntakePlanOut | None = Field(description="the one that counts")
    earlier: list[IntakePlanOut]
    measures: list[MeasureOut]


@bp.get("/risk-sources/<code>/plan")
@bp.output(IntakePlansOut)
def show(code: str) -> Any:
    with unit_of_work(g.actor) as work:
        risk_sources.get(work, code)
        plans = [_plan(work, plan) for plan in intake_plans.of_source(work, code)]
        items = [show_measure(work, measure) for measure in measures.of_source(work, code)]
        return {"plan": plans[0] if plans else None, "earlier": plans[1:], "measures": items}


@bp.post("/risk-sources/<code>/plan")
@bp.input(PlanInput, arg_name="form")
@bp.output(IntakePlanOut, status_code=201)
def write(code: str, form: PlanInput) -> Any:
    """Write the plan anew; the one before stays as its history."""
    with unit_of_work(g.actor) as work:
        with once(work, f"intake_plans.write {code}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                plan = intake_plans.write(work, code, form.text, form.responsible, form.responsible_unit)
                repeat.outcome = {"plan": str(plan.id)}
        return _plan(work, work.session.get_one(IntakePlan, UUID(repeat.outcome["plan"])))


@bp.post("/risk-sources/<code>/measures")
@bp.input(MeasureInput, arg_name="form")
@bp.output(MeasureOut, status_code=201)
def add_measure(code: str, form: MeasureInput) -> Any:
    with unit_of_work(g.actor) as work:
        with once(work, f"measures.add {code}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                repeat.outcome = {"measure": str(measures.add(work, code, form_of(form)).id)}
        return show_measure(work, work.session.get_one(Measure, UUID(repeat.outcome["measure"])))


def _plan(work: Work, plan: IntakePlan) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(plan.responsible_unit)
    return {
        "id": plan.id,
        "text": plan.text,
        "responsible": plan.responsible,
        "responsible_unit": plan.responsible_unit,
        "responsible_unit_name": unit.name if unit else plan.responsible_unit,
        "made_at": plan.made_at,
        "made_by_name": people.name_of(work, plan.made_by),
    }
