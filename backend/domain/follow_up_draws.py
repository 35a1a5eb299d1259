"""Draws 抽查 for look-backs: of the cases that a unit closed in a month, some are looked at again.

How a draw chooses, so that anybody can do it again with paper and `sha256sum`: to each case number belongs the SHA-256
(as 64 hexadecimal digits) of the text "seed:number"; the cases are put in the order of these digits, and the first are
picked, as many as the county's share of all, rounded up, and no fewer than its least number. The seed is drawn when
the month is over and kept with the numbers, so that nobody knows beforehand who is picked, and nobody draws twice.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import exists, func, select

from backend.clock import SHANGHAI, shanghai_day
from backend.domain import states
from backend.domain.actors import OUTSIDE_ROLES, TIMER
from backend.domain.faults import Forbidden, NotFound
from backend.models import Case, FollowUp, FollowUpDraw

if TYPE_CHECKING:
    from backend.work import Work


def ticket(seed: str, number: str) -> str:
    """The digits by which a case takes its place in the draw."""
    return hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()


def pick(seed: str, numbers: Iterable[str], share: float, at_least: int) -> list[str]:
    """The picked numbers, in the order of the draw. Pure: the same seed and numbers give the same answer."""
    order = sorted(numbers, key=lambda number: ticket(seed, number))
    # The share as it is written: a tenth of thirty is three, not a little more.
    wanted = math.ceil(Fraction(str(share)) * len(order))
    return order[: max(wanted, at_least)]


def draw_due(work: Work) -> list[FollowUpDraw]:
    """Hold the draws of the month before this one, for each unit that closed something and has had none. Repeatable."""
    first = shanghai_day(work.now).replace(day=1)
    month = (first - timedelta(days=1)).replace(day=1)
    held = set(work.session.scalars(select(FollowUpDraw.unit_code).where(FollowUpDraw.month == month)))
    closed = _closed(work, _midnight(month), _midnight(first))
    return [_draw(work, month, unit, cases) for unit, cases in sorted(closed.items()) if unit not in held]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=SHANGHAI)


def _closed(work: Work, begins: datetime, ends: datetime) -> dict[str, list[Case]]:
    """The cases closed in a time that nobody looks back at already, by the unit that answers for them.

    What a chief settled on the spot counts for the unit that its place names.
    """
    unit = func.coalesce(Case.lead_unit, Case.routing["lead"].astext)
    looked_at = exists().where(FollowUp.case_id == Case.id, FollowUp.planned_at >= Case.closed_at)
    query = (
        select(unit, Case)
        .where(Case.state.in_(("closed", "archived")), Case.closed_at >= begins, Case.closed_at < ends, ~looked_at)
        .order_by(Case.opened_at, Case.serial)
    )
    found: dict[str, list[Case]] = {}
    for code, case in work.session.execute(query):
        if code in work.county.unit_by_code:
            found.setdefault(code, []).append(case)
    return found


def _draw(work: Work, month: date, unit: str, cases: list[Case]) -> FollowUpDraw:
    rules = work.county.rules.closure
    by_number = {case.number: case for case in cases}
    seed = secrets.token_hex(16)
    held = FollowUpDraw(
        month=month, unit_code=unit, seed=seed, share=rules.sample_share, at_least=rules.sample_at_least,
        numbers=list(by_number), picked=pick(seed, by_number, rules.sample_share, rules.sample_at_least),
        drawn_at=work.now, county_version=work.county_version,
    )  # fmt: skip
    work.session.add(held)
    work.session.flush()
    work.actor = TIMER
    reason = f"{month.year}年{month.month}月办结案件抽查抽中，{len(held.picked)}/{len(held.numbers)}。"
    for number in held.picked:
        states.act(work, by_number[number].id, "plan_follow_up", {"reason": reason, "draw_id": held.id})
    return held


def get(work: Work, draw_id: UUID) -> FollowUpDraw:
    _check_reader(work)
    held = work.session.get(FollowUpDraw, draw_id)
    if held is None:
        raise NotFound("找不到这次抽查。")
    return held


def of_month(work: Work, month: date) -> list[FollowUpDraw]:
    """The draws about the cases closed in a month, by unit."""
    _check_reader(work)
    query = select(FollowUpDraw).where(FollowUpDraw.month == month.replace(day=1)).order_by(FollowUpDraw.unit_code)
    return list(work.session.scalars(query))


def _check_reader(work: Work) -> None:
    if work.actor.role not in OUTSIDE_ROLES:
        raise Forbidden("inspectors_only", "只有县河长办、县级河长和督查员可以查看抽查情况。")
