"""What a version of the county that is not in force yet would do to the cases that are open now.

Deadlines that run are not touched by a later rule, and a case that was assigned keeps its unit. So what is told is
what does change, and beside it, for comparison, what the open cases would have got had the new rules held from the
beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from backend.clock import add_working_days, calendar_covers
from backend.county import County
from backend.domain import routing, states
from backend.domain.places import places_of
from backend.models import Case, Clock, Report, RosterRole

if TYPE_CHECKING:
    from backend.work import Work

SHOWN = 50
AT_MOST = 20_000  # open cases looked through; a county has some hundred


@dataclass(frozen=True)
class Moved:
    """A deadline of one open case: as it runs, and as it would be."""

    case: Case
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Rerouted:
    """A case that would be routed to another unit; `waits` when it has none yet, so that it really will be."""

    case: Case
    before: str
    after: str
    waits: bool


@dataclass
class Effects:
    """`open`: how many cases are open, of which the first AT_MOST were looked at. Lists hold all that was found.

    `obstacles` keep the version from being put in force; `warnings` do not. `settled`: provisional deadlines that are
    reckoned anew by themselves. `compared`: running deadlines of rectifying, had the new rules held from the beginning.
    `coming`: cases not assigned yet, whose limits will be the new ones.
    """

    open: int = 0
    obstacles: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settled: list[Moved] = field(default_factory=list)
    compared: list[Moved] = field(default_factory=list)
    coming: list[Case] = field(default_factory=list)
    rerouted: list[Rerouted] = field(default_factory=list)

    @property
    def sooner(self) -> int:
        return sum(one.after < one.before for one in self.compared)

    @property
    def later(self) -> int:
        return sum(one.after > one.before for one in self.compared)


def effects(work: Work, old: County, new: County) -> Effects:
    """What putting `new` in the place of `old` would do, as things stand now."""
    found = Effects(obstacles=obstacles(work, old, new), warnings=warnings(work, new))
    is_open = Case.state.in_(states.OPEN)
    found.open = work.session.scalar(select(func.count()).select_from(Case).where(is_open)) or 0
    if found.obstacles:
        return found
    cases = {case.id: case for case in work.session.scalars(
        select(Case).where(is_open).order_by(Case.id.desc()).limit(AT_MOST))}  # fmt: skip
    running = select(Clock).where(Clock.stopped_at.is_(None), Clock.kind.in_(("accept", "rectify", "review", "triage")))
    for clock in work.session.scalars(running.order_by(Clock.due_at)):
        case = cases.get(clock.case_id)
        if case is not None:
            _settle(found, case, clock, new)
            _compare(found, case, clock, old, new)
    found.coming = [
        case for case in cases.values() if not case.ever_assigned and _limits(old, case) != _limits(new, case)
    ]
    if _routes_differently(old, new):
        found.rerouted = _rerouted(work, list(cases.values()), old, new)
    return found


def obstacles(work: Work, old: County, new: County) -> list[str]:
    """What of the past would have no name any more."""
    said = []
    if (old.code, old.office) != (new.code, new.office):
        said.append("县代码和县河长办的单位代码不能改。")
    for what, column, before, after in (
        ("问题类别", Case.category, old.category_by_code, new.category_by_code),
        ("严重程度", Case.severity, old.severity_by_code, new.severity_by_code),
    ):
        for code in before.keys() - after.keys():
            n = work.session.scalar(select(func.count()).select_from(Case).where(column == code)) or 0
            if n:
                said.append(f"{what}“{before[code].name}”已有 {n} 件案件，不能删除；可以改名称和期限。")
    return said


def warnings(work: Work, new: County) -> list[str]:
    said = []
    holding = select(Case.lead_unit, func.count()).where(Case.state.in_(states.OPEN), Case.lead_unit.is_not(None))
    for unit, n in work.session.execute(holding.group_by(Case.lead_unit)):
        if unit not in new.unit_by_code:
            said.append(
                f"单位“{_unit(work.county, unit)}”在新版本里没有了，手上还有 {n} 件在办案件，生效后请办单位交接。"
            )
    serving = select(RosterRole.unit_code, func.count()).where(RosterRole.ended_at.is_(None))
    for unit, n in work.session.execute(serving.group_by(RosterRole.unit_code)):
        if unit not in new.unit_by_code:
            said.append(f"单位“{_unit(work.county, unit)}”还有 {n} 人在名册上，生效后请更新名册。")
    return sorted(said)


def _settle(found: Effects, case: Case, clock: Clock, new: County) -> None:
    """As deadlines.reckon_again will do once the calendar is there."""
    if not clock.provisional or clock.since is None or clock.days is None:
        return
    due_at = add_working_days(new.calendar, clock.since, clock.days, new.limits.day_ends_at)
    if calendar_covers(new.calendar, clock.since, due_at) and due_at != clock.due_at:
        found.settled.append(Moved(case, clock.due_at, due_at))


def _compare(found: Effects, case: Case, clock: Clock, old: County, new: County) -> None:
    """What the running deadline would be; one that was set by a ruling, an order or an extension is nobody's rule."""
    if clock.kind != "rectify" or clock.set_by is not None or clock.provisional:
        return
    (days, hours), (new_days, new_hours) = _limit(old, case), _limit(new, case)
    if clock.in_hours and hours is not None and new_hours is not None:
        due_at = clock.due_at + timedelta(hours=new_hours - hours)
    elif not clock.in_hours and new_days is not None and clock.since is not None and clock.days is not None:
        # What was left of the old limit when this stretch began, less or more what the new one gives.
        left = max(1, clock.days + new_days - (days or new_days))
        due_at = add_working_days(new.calendar, clock.since, left, new.limits.day_ends_at)
    else:
        return
    if due_at != clock.due_at:
        found.compared.append(Moved(case, clock.due_at, due_at))


def _limit(county: County, case: Case) -> tuple[int | None, int | None]:
    days, hours = county.category_by_code[case.category].limit("rectify", case.severity)
    return (None, hours) if hours is not None and (case.urgent or days is None) else (days, None)


def _limits(county: County, case: Case) -> tuple[object, ...]:
    category = county.category_by_code[case.category]
    return category.limit("accept", case.severity), category.limit("rectify", case.severity)


def _routes_differently(old: County, new: County) -> bool:
    def told(county: County) -> tuple[object, ...]:
        kinds = [(one.code, one.lead_department) for one in county.categories]
        return county.townships, county.reaches, county.limits.nearest_m, kinds

    return told(old) != told(new)


def _rerouted(work: Work, cases: list[Case], old: County, new: County) -> list[Rerouted]:
    first = (
        select(Report.case_id, Report.accuracy_m)
        .where(Report.case_id.in_([case.id for case in cases]))
        .ext(distinct_on(Report.case_id))
        .order_by(Report.case_id, Report.id)
    )
    accuracy: dict[UUID, float | None] = {row.case_id: row.accuracy_m for row in work.session.execute(first)}
    found = []
    for case in cases:
        if case.place_from != "given":
            continue
        before, after = (
            routing.decide(places_of(county), case.lon, case.lat, accuracy.get(case.id),
                           county.category_by_code[case.category]).lead
            for county in (old, new)
        )  # fmt: skip
        if before != after:
            found.append(Rerouted(case, _said(old, before), _said(new, after), not case.ever_assigned))
    return found


def _unit(county: County, code: str | None) -> str:
    known = county.unit_by_code.get(code or "")
    return known.name if known else code or ""


def _said(county: County, unit: str | None) -> str:
    return "县河长办人工分办" if unit is None else _unit(county, unit)
