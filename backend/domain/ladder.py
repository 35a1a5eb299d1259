"""When each step of a ladder of reminders falls due for one clock. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backend.clock import (
    add_working_days,
    add_working_time,
    is_working_day,
    last_opening,
    next_working_time,
    opening,
    shanghai_day,
    working_days_before,
)
from backend.county import Calendar
from backend.rules.supervision import Step, SupervisionRules


@dataclass(frozen=True)
class Running:
    """What of a running clock the ladder asks for. `always`: an urgent case is spoken of by day and night."""

    kind: str
    in_hours: bool
    started_at: datetime
    due_at: datetime
    always: bool


@dataclass(frozen=True)
class Planned:
    step: Step
    at: datetime


def plan(rules: SupervisionRules, calendar: Calendar, clock: Running) -> list[Planned]:
    """The steps that this clock has, in the order of their time; of two at once the later in the rules comes last.

    What lies before the clock's start is left out: a limit of one day has no reminder two days before its end. What
    lies after the deadline is counted from the clock's start when that is later: who takes over what is overdue
    already is charged with no delay of others, and is still reminded.
    """
    steps = rules.ladder(clock.kind, clock.in_hours)
    moment = _plain if clock.in_hours else _worked
    found = [Planned(step, moment(rules, calendar, clock, step)) for step in steps]
    return sorted((one for one in found if one.at > clock.started_at), key=lambda one: one.at)


def _plain(rules: SupervisionRules, calendar: Calendar, clock: Running, step: Step) -> datetime:
    """Hours that run day and night; what is not urgent moves into working hours, away from the deadline."""
    at = clock.due_at - step.span if step.when == "before" else _end(clock, step) + step.span
    if clock.always:
        return at
    return (last_opening if step.when == "before" else next_working_time)(calendar, rules.hours, at)


def _worked(rules: SupervisionRules, calendar: Calendar, clock: Running, step: Step) -> datetime:
    """Working days, at the opening of the day; or working hours."""
    if step.days is None and step.when != "due":
        by = -step.span if step.when == "before" else step.span
        return add_working_time(calendar, rules.hours, _end(clock, step), by)
    if step.when == "after":
        day = add_working_days(calendar, _end(clock, step), step.days or 1, "00:00:00").date()
    else:
        day = shanghai_day(clock.due_at)
        if not is_working_day(calendar, day):  # somebody set a date on a day off: the working day before it counts
            day = working_days_before(calendar, day, 1)
        day = working_days_before(calendar, day, step.days or 0)
    return opening(day, rules.hours)


def _end(clock: Running, step: Step) -> datetime:
    """From when the step counts: the deadline, for what follows it not before the clock began."""
    return max(clock.due_at, clock.started_at) if step.when != "before" else clock.due_at


@dataclass(frozen=True)
class Turn:
    """What is to be done now: `send` the highest step that is due, pass over the lower ones, come again at `next_at`.

    `send` is None when nothing is due.
    """

    send: Step | None
    skipped: tuple[Step, ...]
    next_at: datetime | None


NOTHING = Turn(None, (), None)


def turn(planned: Iterable[Planned], done: Iterable[str], last_at: datetime | None, now: datetime) -> Turn:
    """Whose turn it is. `done`: codes of steps sent or skipped for this deadline, `last_at`: when the last was sent.

    A step that lies before one that was sent is never sent after it, even if the rules got it later.
    """
    handled = set(done)
    left = [one for one in planned if one.step.code not in handled and (last_at is None or one.at > last_at)]
    due = [one.step for one in left if one.at <= now]
    return Turn(
        send=due[-1] if due else None,
        skipped=tuple(due[:-1]),
        next_at=next((one.at for one in left if one.at > now), None),
    )
