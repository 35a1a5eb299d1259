"""Reminding 催办 and supervising 督办: when, whom, and by when a letter wants its reply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.clock import Hours
    from backend.county import County

# The line of command, from below: who handles, who heads the unit, the county office, the county chief.
Rung = Literal["handler", "head", "office", "county_chief"]
LINE: tuple[Rung, ...] = ("handler", "head", "office", "county_chief")
# Clocks that the office itself runs: nobody below it can be reminded of them.
OF_THE_OFFICE = ("triage", "review")
_UNITS = ("days", "hours", "minutes")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Step(Frozen):
    """One step of a ladder: so long before a deadline, on its day (due), or so long after it, remind `to`.

    Of a clock that counts in days, days are working days (at the opening) and hours working hours; of one that counts
    in hours, hours and minutes run day and night and due is the very moment. `supervise`: open a supervision 督办 too.
    """

    clock: Literal["triage", "accept", "rectify", "review"]
    when: Literal["before", "due", "after"]
    days: int | None = Field(default=None, ge=1, le=250)
    hours: int | None = Field(default=None, ge=1, le=1000)
    minutes: int | None = Field(default=None, ge=1, le=1000)
    to: tuple[Rung, ...] = Field(min_length=1)
    supervise: bool = False

    @property
    def code(self) -> str:
        """What a record calls the step, whatever else the ladder has: before_2_days, due, after_1_days."""
        return "_".join([self.when, *(f"{n}_{unit}" for unit in _UNITS if (n := getattr(self, unit)) is not None)])

    @property
    def span(self) -> timedelta:
        """The hours or minutes of the step."""
        return timedelta(hours=self.hours or 0, minutes=self.minutes or 0)


def _step(clock: str, when: str, to: str, supervise: bool = False, **span: int) -> Step:
    return Step(clock=clock, when=when, to=tuple(to.split()), supervise=supervise, **span)  # type: ignore[arg-type]


class SupervisionRules(Frozen):
    """`steps` are the ladders of clocks that count in working days, `hour_steps` of those that count in hours.

    `reply_days`: working days that a unit has for its reply to a letter when the office names no other number.
    `recurrences`: so many failed look-backs on one case or risk source are named as the reason of the letter.
    `again_after_min`: a case is not reminded of by hand twice within these minutes.
    """

    working_hours: tuple[str, ...] = ("08:30-12:00", "14:00-17:30")
    steps: tuple[Step, ...] = (
        _step("triage", "due", "office"),
        _step("triage", "after", "county_chief", days=1),
        _step("accept", "due", "handler"),
        _step("accept", "after", "handler head", days=1),
        _step("accept", "after", "office", days=2),
        _step("accept", "after", "county_chief", days=3),
        _step("rectify", "before", "handler", days=2),
        _step("rectify", "due", "handler head"),
        _step("rectify", "after", "handler head office", days=1),
        _step("rectify", "after", "county_chief", days=3),
        _step("rectify", "after", "head office", supervise=True, days=5),
        _step("review", "due", "office"),
        _step("review", "after", "county_chief", days=2),
    )
    hour_steps: tuple[Step, ...] = (
        _step("triage", "before", "office", minutes=30),
        _step("triage", "due", "office"),
        _step("triage", "after", "county_chief", hours=1),
        _step("accept", "before", "handler", minutes=30),
        _step("accept", "due", "handler head"),
        _step("accept", "after", "office", minutes=30),
        _step("accept", "after", "county_chief", hours=2),
        _step("rectify", "before", "handler", hours=12),
        _step("rectify", "before", "handler head", hours=2),
        _step("rectify", "due", "handler head office"),
        _step("rectify", "after", "county_chief", supervise=True, hours=4),
        _step("review", "due", "office"),
        _step("review", "after", "county_chief", hours=12),
    )
    reply_days: int = Field(default=3, ge=1, le=60)
    letter_name: str = Field(default="清督", min_length=1, max_length=20)
    supervise_failed_follow_up: bool = True
    recurrences: int = Field(default=2, ge=1)
    again_after_min: int = Field(default=30, ge=0)

    @cached_property
    def hours(self) -> Hours:
        """`working_hours` as times."""
        return tuple((time.fromisoformat(span[:5]), time.fromisoformat(span[6:])) for span in self.working_hours)

    def ladder(self, clock: str, in_hours: bool) -> tuple[Step, ...]:
        """The steps for a clock of this kind."""
        return tuple(step for step in (self.hour_steps if in_hours else self.steps) if step.clock == clock)

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        yield from self._bad_hours()
        for key in ("steps", "hour_steps"):
            seen: set[tuple[str, str]] = set()
            for number, step in enumerate(getattr(self, key), 1):
                for reason in _reasons(step, in_hours=key == "hour_steps"):
                    yield key, f"第 {number} 个 {key}：{reason}"
                if (step.clock, step.code) in seen:
                    yield key, f"第 {number} 个 {key}：{step.clock} 的 {step.code} 重复，请合并到同一步的 to"
                seen.add((step.clock, step.code))

    def _bad_hours(self) -> Iterator[tuple[str, str]]:
        if not self.working_hours:
            yield "working_hours", "working_hours 至少要有一段工作时间"
        edges: list[str] = []
        for span in self.working_hours:
            if not _SPAN.fullmatch(span):
                yield "working_hours", f"工作时间 {span} 的写法不对，应像 08:30-12:00"
                return
            edges += [span[:5], span[6:]]
        if any(later <= earlier for earlier, later in pairwise(edges)):
            yield "working_hours", "working_hours 各段应先后有序、互不相连"


def _reasons(step: Step, in_hours: bool) -> Iterator[str]:
    given = [unit for unit in _UNITS if getattr(step, unit) is not None]
    if step.when == "due" and given:
        yield f"到期当时（due）的一步不写 {'、'.join(given)}"
    if step.when != "due" and len(given) != 1:
        yield "before、after 的一步要写 days、hours、minutes 中的一个"
    if in_hours and "days" in given:
        yield "按小时计时的期限不能写 days"
    below = [rung for rung in step.to if rung in ("handler", "head")]
    if step.clock in OF_THE_OFFICE and below:
        yield f"分办和核查由县河长办负责，to 不能写 {'、'.join(below)}"
    if step.clock in OF_THE_OFFICE and step.supervise:
        yield "分办和核查由县河长办负责，不能自动督办"
