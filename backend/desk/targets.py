"""The targets board 目标看板: how far the county is, each value with its day, source and author."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from pydantic import Field, ValidationError

from backend.api.idempotency import once
from backend.api.schemas import Code, Day, Input, Short
from backend.clock import shanghai_day
from backend.desk import errors, forms, pages
from backend.domain import targets
from backend.domain.faults import Fault
from backend.domain.targets import Shown
from backend.models import TargetValue
from backend.work import Work, unit_of_work

bp = APIBlueprint("targets", __name__, enable_openapi=False)


class BoardQuery(Input):
    ended: bool = False


class TargetForm(Input):
    name: Short
    measure: Short
    better: targets.Better
    goal: float = Field(allow_inf_nan=False)
    goal_on: Day
    unit: Code


class ValueForm(Input):
    on: Day
    value: float = Field(allow_inf_nan=False)
    source: Short
    reason: Short = ""


@dataclass(frozen=True)
class Curve:
    """A curve over time in its own box: points as SVG takes them, and how high the goal stands."""

    width: int
    height: int
    line: str
    dots: list[tuple[float, float, str]]
    goal_y: float


def curve(shown: Shown, width: int, height: int) -> Curve | None:
    """The values that count; None while there are fewer than two to be joined."""
    values = shown.counting
    if len(values) < 2:
        return None
    goal = shown.target.goal
    low = min(goal, *(one.value for one in values))
    high = max(goal, *(one.value for one in values))
    first, last = values[0].on.toordinal(), values[-1].on.toordinal()
    edge = 6

    def y(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(height - edge - share * (height - 2 * edge), 1)

    dots = [
        (round(edge + (one.on.toordinal() - first) / (last - first) * (width - 2 * edge), 1), y(one.value),
         f"{one.on}：{one.value:g}{shown.target.measure}")
        for one in values
    ]  # fmt: skip
    return Curve(width, height, " ".join(f"{x},{up}" for x, up, _ in dots), dots, y(goal))


def _card(work: Work, shown: Shown, width: int = 260, height: int = 64) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(shown.target.unit_code)
    return {
        "target": shown.target,
        "last": shown.counting[-1] if shown.counting else None,
        "counting": shown.counting[::-1],
        "standing": shown.standing,
        "standing_title": targets.STANDINGS[shown.standing],
        "unit_name": unit.name if unit else shown.target.unit_code,
        "curve": curve(shown, width, height),
    }


@bp.get("/targets")
def show() -> Any:
    asked = forms.query(BoardQuery)
    with unit_of_work(g.actor) as work:
        return pages.render(
            "targets.html",
            cards=[_card(work, one) for one in targets.listing(work, asked.ended)],
            asked=asked,
            **_choices(work),
        )


def _choices(work: Work) -> dict[str, Any]:
    return {"better": targets.BETTER, "units": [(unit.code, unit.name) for unit in work.county.units],
            "may_write": work.actor.role == "office"}  # fmt: skip


@bp.get("/targets/<uuid:code>")
def one(code: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return pages.render("target.html", **_page(work, code))


def _page(work: Work, code: UUID, **more: Any) -> dict[str, Any]:
    shown = targets.show(work, code)
    counting = {row.id for row in shown.counting}
    return {
        **_card(work, shown, 720, 200),
        **_choices(work),
        "entered": [{"row": row, "by": targets.name_of(work, row.made_by), "counts": row.id in counting}
                    for row in shown.entered],
        "written": [{"row": row, "by": targets.name_of(work, row.made_by)} for row in targets.written(work, code)],
        "may_enter": targets.may_enter(work, shown.target),
        "today": shanghai_day(work.now),
        "typed": {},
        **more,
    }  # fmt: skip


@bp.post("/targets")
def make() -> Any:
    form = forms.read(TargetForm)
    with unit_of_work(g.actor) as work, once(work, "make target", forms.key(), form.model_dump_json()) as repeat:
        if repeat.outcome is None:
            repeat.outcome = {"code": str(targets.write(work, targets.Words(**form.model_dump())).code)}
    return pages.go(f"/desk/targets/{repeat.outcome['code']}", "目标已设立。")


@bp.post("/targets/<uuid:code>")
def rewrite(code: UUID) -> Any:
    """Write a target anew; what it was before stays in its history."""
    form = forms.read(TargetForm)
    with unit_of_work(g.actor) as work, once(work, f"target {code}", forms.key(), form.model_dump_json()) as repeat:
        if repeat.outcome is None:
            targets.write(work, targets.Words(**form.model_dump()), code)
            repeat.outcome = {"code": str(code)}
    return pages.go(f"/desk/targets/{code}", "已保存。")


@bp.post("/targets/<uuid:code>/end")
def end(code: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        targets.end(work, code)
    return pages.go("/desk/targets", "目标已停用，数值都还在“已停用”里。")


@bp.post("/targets/<uuid:code>/values")
def enter(code: UUID) -> Any:
    """A value of a day; what keeps it from being entered is told beside the form, with what was typed."""
    try:
        form = forms.read(ValueForm)
        with unit_of_work(g.actor) as work, once(work, f"value {code}", forms.key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                row: TargetValue = targets.enter(work, code, form.on, form.value, form.source, form.reason)
                repeat.outcome = {"id": str(row.id)}
    except (Fault, ValidationError) as wrong:
        fault = wrong if isinstance(wrong, Fault) else errors.fault_of(wrong)
        if fault.status in (403, 404):
            raise fault from None
        with unit_of_work(g.actor) as work:
            page = _page(work, code, typed=request.form.to_dict(), fault=fault.title,
                         wrong_field=fault.extra.get("field"))  # fmt: skip
            return pages.render("target.html", **page), fault.status
    return pages.go(f"/desk/targets/{code}", "数值已记下。")
