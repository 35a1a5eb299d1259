"""What counts in a month's assessment, read from the ledger: a few queries for the whole county.

Everything is reckoned as it was known before one moment, so that a month can be closed at its cut-off to the minute,
however late the timer came to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Integer, Text, and_, case, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from backend.domain.actors import ROLE_NAMES
from backend.domain.assessment_score import Fact
from backend.domain.duty_count import Completion
from backend.domain.duty_periods import Period
from backend.models import Assignment, Case, CaseEvent, Clock, Report, Supervision
from backend.models.cases import number_of
from backend.rules.assessment import AssessmentRules

if TYPE_CHECKING:
    from backend.work import Work

Facts = dict[tuple[str, str], list[Fact]]  # (unit, part) → what counts

# Nobody answers for what was another county's, no matter for the river, part of another case, or entered by mistake.
NOT_SCORED = ("transferred", "rejected", "merged", "withdrawn")


@dataclass(frozen=True)
class Asked:
    """A month, as it was known before the moment `known_by`."""

    period: Period
    known_by: datetime

    def holds(self, at: Any) -> ColumnElement[bool]:
        """What happened at `at` in the month, to a case that then counted."""
        return and_(
            at >= self.period.begins_at,
            at < min(self.period.ends_at, self.known_by),
            ~Case.outside_county,
            self._state().not_in(NOT_SCORED),
        )

    def _state(self) -> ColumnElement[str]:
        """The state of the case before `known_by`; None when nobody had heard of it."""
        event = aliased(CaseEvent)
        then = (
            select(event.to_state)
            .where(event.case_id == Case.id, event.at < self.known_by)
            .order_by(event.seq.desc())
            .limit(1)
            .correlate(Case)
            .scalar_subquery()
        )
        return case((Case.updated_at < self.known_by, Case.state), else_=then)


def of_cases(work: Work, asked: Asked, rules: AssessmentRules) -> Facts:
    """Everything that counts besides patrols."""
    facts: Facts = defaultdict(list)
    _clocks(work, asked, facts)
    _recurrences(work, asked, rules.recurrence_costs, facts)
    _ratings(work, asked, facts)
    _letters(work, asked, rules.letter_costs, rules.overdue_reply_costs, facts)
    _refusals(work, asked, rules.refusal_costs, facts)
    return facts


def of_patrols(done: Sequence[Completion]) -> list[Fact]:
    return [_patrolled(one) for one in done]


def _patrolled(one: Completion) -> Fact:
    ids = {"role": [str(one.term.role_id)], "patrol": [str(patrol) for patrol in one.patrols]}
    # What was done loses no points, and so needs no words.
    words = "" if one.fulfilled else f"{ROLE_NAMES[one.term.role]}{one.term.name}：{one.words}"
    return Fact(words, ids, owed=one.needed, done=min(one.done, one.needed))


def _clocks(work: Work, asked: Asked, facts: Facts) -> None:
    """Each stretch belongs to the month in which it was decided: kept by its stop, or broken by its deadline.

    Who took a case over has at least the days that the rules give anybody, less those it had it before (Clock.own_by).
    What ended in time without the
    unit's own act, by a reassignment or a merge, is neither merit nor fault. A case counts once for a holder and kind.
    """
    ended = func.coalesce(Clock.stopped_at, func.greatest(Clock.due_at, Clock.own_by))
    due_at = func.greatest(Clock.due_at, Clock.own_by)
    decided = func.greatest(Clock.started_at, func.least(due_at, ended))
    late = due_at < func.coalesce(Clock.stopped_at, asked.known_by)
    own = (
        select(true())
        .where(
            CaseEvent.case_id == Clock.case_id,
            CaseEvent.at == Clock.stopped_at,
            CaseEvent.unit_code == Clock.holder,
            CaseEvent.action == case((Clock.kind == "accept", "accept"), else_="request_closure"),
        )
        .exists()
    )
    each = (
        select(Clock.holder, Clock.kind, Case.id, Case.serial, Case.opened_at, func.bool_or(late).label("late"))
        .join(Case, Case.id == Clock.case_id)
        .where(Clock.kind.in_(("accept", "rectify")), asked.holds(decided), or_(late, own))
        .group_by(Clock.holder, Clock.kind, Case.id)
        .subquery()
    )
    # Those kept come as one row for a holder and kind, the late ones one by one.
    serial = case((each.c.late, each.c.serial))
    opened_at = case((each.c.late, each.c.opened_at))
    ids = func.array_agg(aggregate_order_by(cast(each.c.id, Text), each.c.serial))
    rows = work.session.execute(
        select(each.c.holder, each.c.kind, each.c.late, cast(serial, Integer), opened_at, ids)
        .group_by(each.c.holder, each.c.kind, each.c.late, serial, opened_at)
        .order_by(each.c.holder, each.c.kind, serial)
    )
    for holder, kind, is_late, number, opened, cases in rows:
        what = "签收" if kind == "accept" else "整改"
        words = f"案件{number_of(opened, number)}逾期{what}。" if is_late else f"{len(cases)}件按时{what}。"
        done = 0 if is_late else len(cases)
        facts[holder, kind].append(Fact(words, {"case": cases}, owed=len(cases), done=done))


def _led_at(at: Any) -> ColumnElement[bool]:
    """The unit that had led the case for some time at this moment."""
    return and_(
        Assignment.case_id == Case.id,
        Assignment.part == "lead",
        Assignment.opened_at < at,
        or_(Assignment.ended_at.is_(None), Assignment.ended_at > at),
    )


def _recurrences(work: Work, asked: Asked, costs: float, facts: Facts) -> None:
    failed = (
        select(Case.id, Case.serial, Case.opened_at, Assignment.unit_code)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .join(Assignment, _led_at(CaseEvent.at))
        .where(CaseEvent.action == "fail_follow_up", asked.holds(CaseEvent.at))
        .order_by(CaseEvent.id)
    )
    for case_id, serial, opened_at, unit in work.session.execute(failed):
        words = f"案件{number_of(opened_at, serial)}回头看不合格，问题反弹。"
        facts[unit, "recurrence"].append(Fact(words, {"case": [str(case_id)]}, costs=costs))


def _ratings(work: Work, asked: Asked, facts: Facts) -> None:
    """Five stars are the whole; named by case, never by report: who was unhappy is nobody's business."""
    rated = (
        select(Case.id, Case.serial, Case.opened_at, Assignment.unit_code, Report.rating)
        .join(Report, Report.case_id == Case.id)
        .join(Assignment, _led_at(Report.rated_at))
        .where(Report.rating.is_not(None), asked.holds(Report.rated_at))
        .order_by(Report.id)
    )
    for case_id, serial, opened_at, unit, stars in work.session.execute(rated):
        words = f"案件{number_of(opened_at, serial)}群众评价{stars}星。"
        facts[unit, "satisfaction"].append(Fact(words, {"case": [str(case_id)]}, owed=5, done=stars or 0))


def _letters(work: Work, asked: Asked, letter_costs: float, late_costs: float, facts: Facts) -> None:
    """Letters that follow a recurrence cost nothing more: the recurrence has been counted.

    Nor does one that came by rule while whoever had taken the case over was not late on its own account.
    """
    columns = (
        Supervision.id, Supervision.number, Supervision.unit_code, Case.id, Case.serial, Case.opened_at,
    )  # fmt: skip
    opened = select(*columns).join(Case, Case.id == Supervision.case_id)
    of_others = (
        select(true())
        .where(
            Supervision.why == "overdue",
            Clock.case_id == Supervision.case_id,
            Clock.kind == "rectify",
            Clock.holder == Supervision.unit_code,
            Clock.started_at <= Supervision.opened_at,
            or_(Clock.stopped_at.is_(None), Clock.stopped_at > Supervision.opened_at),
            Clock.own_by > Supervision.opened_at,
        )
        .exists()
    )
    opened = opened.where(
        ~of_others, asked.holds(Supervision.opened_at), Supervision.why.not_in(("failed_follow_up", "recurrences"))
    )
    for letter, number, unit, case_id, serial, opened_at in work.session.execute(opened.order_by(Supervision.id)):
        ids = {"letter": [str(letter)], "case": [str(case_id)]}
        words = f"案件{number_of(opened_at, serial)}被督办（{number}）。"
        facts[unit, "supervision"].append(Fact(words, ids, costs=letter_costs))
    escalated = and_(
        CaseEvent.case_id == Case.id,
        CaseEvent.action == "escalate_supervision",
        CaseEvent.data["letter"].astext == Supervision.number,
    )
    late = select(*columns).join(Case, Case.id == Supervision.case_id).join(CaseEvent, escalated)
    for letter, number, unit, case_id, _, _ in work.session.execute(
        late.where(asked.holds(CaseEvent.at)).order_by(CaseEvent.id)
    ):
        ids = {"letter": [str(letter)], "case": [str(case_id)]}
        facts[unit, "supervision"].append(Fact(f"{number}逾期未回复。", ids, costs=late_costs))


def _refusals(work: Work, asked: Asked, costs: float, facts: Facts) -> None:
    """A unit that returned a case and was then ruled to take it, whoever else had it in between; once for each case."""
    ruling = aliased(CaseEvent)
    unit = ruling.data["unit"].astext

    def before(action: str) -> ColumnElement[bool]:
        """Whether the unit itself did so, or was ruled to take the case, earlier."""
        event = aliased(CaseEvent)
        same = (event.case_id == ruling.case_id, event.seq < ruling.seq, event.data["unit"].astext == unit)
        return select(true()).where(event.action == action, *same).correlate(ruling).exists()

    rows = work.session.execute(
        select(Case.id, Case.serial, Case.opened_at, unit)
        .join(ruling, ruling.case_id == Case.id)
        .where(ruling.action == "rule", asked.holds(ruling.at), before("return"), ~before("rule"))
        .order_by(ruling.id)
    )
    for case_id, serial, opened_at, held_by in rows:
        words = f"案件{number_of(opened_at, serial)}退回后仍裁定由本单位办理。"
        facts[held_by, "refusal"].append(Fact(words, {"case": [str(case_id)]}, costs=costs))
