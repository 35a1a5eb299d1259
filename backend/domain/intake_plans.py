"""One plan per drinking-water source 一源一策: its text and who answers for it, each version kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.domain import risk_sources
from backend.domain.faults import Conflict, Fault
from backend.domain.words import blank
from backend.models import IntakePlan

if TYPE_CHECKING:
    from backend.work import Work


def write(work: Work, code: str, text: str, responsible: str, unit: str) -> IntakePlan:
    """Write the plan of an intake anew; what was there before stays as its history."""
    source = risk_sources.get(work, code)
    if source.kind != "water_intake":
        raise Conflict("not_an_intake", "只有饮用水取水口需要“一源一策”方案。")
    for value, name, title in ((text, "text", "方案内容"), (responsible, "responsible", "责任人")):
        if blank(value):
            raise Fault("missing_field", f"请填写{title}。", field=name)
    if unit not in work.county.unit_by_code:
        raise Fault("unknown_unit", "没有这个责任单位，请从列表中选择。", field="unit")
    plan = IntakePlan(
        code=code, text=text, responsible=responsible, responsible_unit=unit, made_at=work.now, made_by=work.actor.label
    )
    work.session.add(plan)
    work.session.flush()
    risk_sources.note(work, code, "plan_written", {"plan": plan.id, "responsible": responsible, "unit": unit})
    return plan


def of_source(work: Work, code: str) -> list[IntakePlan]:
    """The plans of an intake, the one that counts first."""
    query = select(IntakePlan).where(IntakePlan.code == code).order_by(IntakePlan.id.desc())
    return list(work.session.scalars(query))
