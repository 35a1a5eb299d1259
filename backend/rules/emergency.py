"""Emergency linkage 应急联动: the plans 预案, whom they call, what each does, within how many minutes they answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from backend.rules.base import Frozen
from backend.rules.supervision import LINE, Rung

if TYPE_CHECKING:
    from backend.county import County

# What a task calls the unit that leads the case, whichever that is.
LEAD = "lead"


class Task(Frozen):
    """What one unit does. `unit`: a unit's code, or "lead". `phone`: who is on duty there; empty is the unit's own."""

    unit: str = Field(min_length=1)
    duty: str = Field(min_length=1, max_length=300)
    minutes: int = Field(ge=1, le=24 * 60)
    phone: str = ""


class Plan(Frozen):
    """A plan 预案. `categories`: for which kinds of report, all when empty; `near_intake`: only near a water intake.

    `automatic`: declared by the system itself as soon as such a case is assigned or put before the office.
    """

    code: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str = Field(min_length=1)
    categories: tuple[str, ...] = ()
    near_intake: bool = False
    automatic: bool = False
    tasks: tuple[Task, ...] = Field(min_length=1)

    def fits(self, category: str, near_intake: bool) -> bool:
        return (not self.categories or category in self.categories) and (near_intake or not self.near_intake)


class Climb(Frozen):
    """Whom to call when a unit has not answered, so many minutes after its time was up."""

    to: Rung
    after_min: int = Field(ge=0, le=24 * 60)


class EmergencyRules(Frozen):
    """Minutes run day and night. `own_minutes`, `own_duty`: for units that the office calls in beside the plan."""

    plans: tuple[Plan, ...] = ()
    climb: tuple[Climb, ...] = (
        Climb(to="head", after_min=0),
        Climb(to="office", after_min=5),
        Climb(to="county_chief", after_min=15),
    )
    own_minutes: int = Field(default=30, ge=1, le=24 * 60)
    own_duty: str = Field(default="按本单位职责参加处置，随时续报情况。", min_length=1)

    def plan_for(self, category: str, near_intake: bool, automatic: bool = False) -> Plan | None:
        """The plan that fits a case: one for water intakes goes before a general one, then the first in the file.

        `automatic`: only of those that the system declares by itself.
        """
        plans = [plan for plan in self.plans if plan.automatic or not automatic]
        fitting = [plan for plan in plans if plan.fits(category, near_intake)]
        return min(fitting, key=lambda plan: not plan.near_intake, default=None)

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for plan in self.plans:
            if plan.code in seen:
                yield plan.code, f"预案代码 {plan.code} 重复"
            seen.add(plan.code)
            for category in plan.categories:
                if category not in county.category_by_code:
                    yield category, f"{plan.name}：没有代码为 {category} 的问题类别"
            called: set[str] = set()
            for task in plan.tasks:
                unit = county.unit_by_code.get(task.unit)
                if task.unit != LEAD and unit is None:
                    yield task.unit, f"{plan.name}：没有代码为 {task.unit} 的单位"
                if unit is not None and unit.kind == "county_office":
                    yield task.unit, f"{plan.name}：县河长办统一指挥，不作为参加单位"
                if task.unit in called:
                    yield task.unit, f"{plan.name}：{task.unit} 有两项任务，请合并"
                called.add(task.unit)
        minutes, rungs = [step.after_min for step in self.climb], [LINE.index(step.to) for step in self.climb]
        if minutes != sorted(minutes) or rungs != sorted(set(rungs)):
            yield "climb", "climb 应由下而上、时间由短到长，每一级只写一次"
        if any(step.to == "handler" for step in self.climb):
            yield "climb", "climb 从单位负责人（head）开始，经办人在启动时已经通知"
