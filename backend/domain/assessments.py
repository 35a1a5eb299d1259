"""Assessment 考核 of a month: reckoned from the ledger and the duties, published, and corrected only in the open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from backend.clock import shanghai_day
from backend.counties import Version
from backend.domain import duties
from backend.domain.actors import CHIEF_ROLES, ROLE_NAMES, UNIT_ROLES, Actor
from backend.domain.assessment_score import Fact, ranks, score, summoned, total
from backend.domain.duty_count import Completion
from backend.domain.duty_periods import Period, period_of
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.words import blank
from backend.models import (
    Assessment,
    AssessmentScore,
    Assignment,
    Case,
    CaseEvent,
    Clock,
    Person,
    Report,
    RosterRole,
    Supervision,
)

if TYPE_CHECKING:
    from backend.work import Work

Facts = dict[tuple[str, str], list[Fact]]  # (unit, part) → what counts


@dataclass(frozen=True)
class Score:
    """One subject's score. `earlier`: what corrections replaced, the oldest first; `reason`: of the last one."""

    subject: str
    kind: str
    unit: str
    person_id: UUID | None
    role: str | None
    name: str
    parts: list[dict[str, Any]]
    total: float
    rank: int
    reason: str | None = None
    made_at: datetime | None = None
    earlier: tuple[Score, ...] = ()


@dataclass(frozen=True)
class Month:
    """A month as it is shown. `proposed`: what is now known and differs from what was published."""

    period: Period
    county_version: int
    cut_off: datetime
    published_at: datetime | None
    scores: list[Score]
    proposed: list[Score]


def month_of(text: str) -> Period:
    """The month "2026-06". Raises NotFound."""
    try:
        return period_of("month", date.fromisoformat(f"{text}-01"))
    except ValueError:
        raise NotFound("月份的写法应像 2026-06。") from None


def _rules(work: Work, period: Period) -> Version:
    return work.county_on(period.begins_at)


def show(work: Work, period: Period) -> Month:
    """A preview until it is published; then what was published and corrected, and what would have to be corrected."""
    if period.begins_at > work.now:
        raise Fault("month_ahead", "这个月还没有开始，请选择以前的月份。", field="month")
    row = work.session.get(Assessment, period.first)
    version = _rules(work, period) if row is None else work.county_of(row.county_version)
    cut_off = period.ends_at + timedelta(days=version.county.rules.assessment.cut_off_days)
    fresh = _reckon(work, period, version)
    if row is None:
        return Month(period, version.id, cut_off, None, fresh, [])
    held = _stored(work, AssessmentScore.month == period.first)[period.first]
    proposed = [one for one in fresh if _differs(one, held.get(one.subject))]
    return Month(period, version.id, cut_off, row.published_at, list(held.values()), proposed)


def _differs(fresh: Score, held: Score | None) -> bool:
    return held is None or [(p["part"], p["points"]) for p in fresh.parts] != [
        (p["part"], p["points"]) for p in held.parts
    ]


def publish(work: Work, period: Period) -> None:
    """Write down everybody's score; from now on it changes by corrections alone. Raises Conflict before the cut-off."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"assessment {period.first}"))))
    month = show(work, period)
    if month.published_at is not None:
        raise Conflict("already_published", "这个月的考核已经公布，只能更正。")
    if work.now < month.cut_off:
        day = shanghai_day(month.cut_off)
        raise Conflict("before_cut_off", f"这个月要到{day.month}月{day.day}日截止，之前只能预览，请到时再公布。")
    work.session.add(
        Assessment(
            month=period.first, county_version=month.county_version, published_at=work.now,
            published_by=work.actor.label,
        )
    )  # fmt: skip
    work.session.flush()
    for one in month.scores:
        _write(work, period, month.county_version, one, 1, None)
    work.session.flush()


def correct(work: Work, period: Period, subject: str, reason: str) -> None:
    """Take over, for one subject, what is now known. The published score stays to be seen beside it."""
    if blank(reason):
        raise Fault("missing_field", "更正需要填写理由。", field="reason")
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"assessment {period.first}"))))
    month = show(work, period)
    if month.published_at is None:
        raise Conflict("not_published", "这个月还没有公布，不需要更正。")
    new = next((one for one in month.proposed if one.subject == subject), None)
    if new is None:
        raise Conflict("nothing_to_correct", "这个对象的分数与现有记录一致，没有需要更正的内容。")
    held = next((one for one in month.scores if one.subject == subject), None)
    same_kind = {one.subject: one.total for one in month.scores if one.kind == new.kind} | {subject: new.total}
    seq = 1 if held is None else len(held.earlier) + 2
    ranked = Score(**{**new.__dict__, "rank": ranks(same_kind)[subject]})
    _write(work, period, month.county_version, ranked, seq, reason)
    work.session.flush()


def _write(work: Work, period: Period, version: int, one: Score, seq: int, reason: str | None) -> None:
    work.session.add(
        AssessmentScore(
            month=period.first, subject=one.subject, seq=seq, kind=one.kind, unit_code=one.unit,
            person_id=one.person_id, role=one.role, name=one.name, parts={"parts": one.parts}, total=one.total,
            rank=one.rank, county_version=version, made_at=work.now, made_by=work.actor.label, reason=reason,
        )
    )  # fmt: skip


def _stored(work: Work, *chosen: Any) -> dict[date, dict[str, Score]]:
    """The scores that count, by month and subject, those that they replaced in `earlier`."""
    rows = work.session.scalars(select(AssessmentScore).where(*chosen).order_by(AssessmentScore.seq))
    found: dict[date, dict[str, Score]] = defaultdict(dict)
    for row in rows:
        before = found[row.month].get(row.subject)
        earlier = () if before is None else (*before.earlier, before)
        found[row.month][row.subject] = Score(
            row.subject, row.kind, row.unit_code, row.person_id, row.role, row.name, row.parts["parts"], row.total,
            row.rank, row.reason, row.made_at, earlier,
        )  # fmt: skip
    return found


def trend(work: Work, subject: str, last: Period) -> list[tuple[date, Score]]:
    """The published totals of one subject over twelve months, those without any left out."""
    first = last.first.replace(year=last.first.year - 1)
    chosen = (
        AssessmentScore.subject == subject, AssessmentScore.month > first, AssessmentScore.month <= last.first,
    )  # fmt: skip
    return [(month, found[subject]) for month, found in sorted(_stored(work, *chosen).items())]


def summons(work: Work, month: Month) -> dict[str, list[dict[str, str]]]:
    """Who is named 通报 or summoned 约谈 by the month's rules: subject → how and why."""
    rules = work.county_of(month.county_version).county.rules.assessment
    first = month.period.first.replace(year=month.period.first.year - 1)
    past = _stored(work, AssessmentScore.month > first, AssessmentScore.month < month.period.first)
    found: dict[str, list[dict[str, str]]] = {}
    for kind in ("unit", "chief"):
        history: dict[str, Sequence[float]] = {}
        for one in month.scores:
            if one.kind != kind:
                continue
            totals, day = [one.total], month.period.first
            while (held := past.get(day := (day - timedelta(days=1)).replace(day=1), {}).get(one.subject)) is not None:
                totals.insert(0, held.total)
            history[one.subject] = totals
        found |= summoned(rules, kind, history)
    return found


def sees(actor: Actor, one: Score) -> bool:
    """Whether the actor may read this score in detail."""
    if actor.role in ("office", "inspector", "county_chief"):
        return True
    if actor.role in UNIT_ROLES or actor.role == "township_chief":
        return one.unit == actor.unit
    return one.person_id is not None and one.person_id == actor.person_id


def sees_total(actor: Actor, one: Score, published: bool) -> bool:
    """Whether the total is shown: townships see everybody's once it is published."""
    return sees(actor, one) or (published and (actor.role in UNIT_ROLES or actor.role == "township_chief"))


# ---- reckoning: a few queries for the whole county -------------------------------------------------------------------


def _reckon(work: Work, period: Period, version: Version) -> list[Score]:
    rules, county = version.county.rules.assessment, version.county
    done = duties.completions(work, period.first, period.last, RosterRole.id.is_not(None))
    facts: Facts = defaultdict(list)
    for one in done:
        facts[one.term.unit, "patrol"].append(_patrolled(one))
    _clocks(work, period, facts)
    _recurrences(work, period, rules.recurrence_costs, facts)
    _ratings(work, period, facts)
    _letters(work, period, rules.letter_costs, rules.overdue_reply_costs, facts)
    _refusals(work, period, rules.refusal_costs, facts)
    found = []
    for unit in (unit for unit in county.units if unit.kind == "township"):
        parts = [score(part, full, facts[unit.code, part]).stored() for part, full in rules.units.given.items()]
        found.append(Score(f"unit:{unit.code}", "unit", unit.code, None, None, unit.name, parts, total(parts), 0))
    found += _chiefs(work, period, rules.chiefs.given, done)
    places: dict[str, int] = {}
    for kind in ("unit", "chief"):
        places |= ranks({one.subject: one.total for one in found if one.kind == kind})
    return [Score(**{**one.__dict__, "rank": places[one.subject]}) for one in found]


def _chiefs(work: Work, period: Period, given: dict[str, float], done: Sequence[Completion]) -> list[Score]:
    """Everybody who was a chief in the month, by their own patrols alone."""
    mine: dict[tuple[UUID, str, str], list[Fact]] = defaultdict(list)
    for one in done:
        mine[one.term.person_id, one.term.role, one.term.unit].append(_patrolled(one))
    rows = work.session.execute(
        select(RosterRole.person_id, RosterRole.role, RosterRole.unit_code, Person.name)
        .join(Person, Person.id == RosterRole.person_id)
        .where(
            RosterRole.role.in_(CHIEF_ROLES),
            RosterRole.since < period.ends_at,
            or_(RosterRole.ended_at.is_(None), RosterRole.ended_at >= period.begins_at),
        )
        .distinct()
        .order_by(RosterRole.unit_code, RosterRole.role, Person.name, RosterRole.person_id)
    )
    found = []
    for person, role, unit, name in rows:
        parts = [score(part, full, mine[person, role, unit]).stored() for part, full in given.items()]
        found.append(Score(f"chief:{person}:{role}:{unit}", "chief", unit, person, role, name, parts, total(parts), 0))
    return found


def _patrolled(one: Completion) -> Fact:
    ids = {"role": [str(one.term.role_id)], "patrol": [str(patrol) for patrol in one.patrols]}
    words = f"{ROLE_NAMES[one.term.role]}{one.term.name}：{one.words}"
    return Fact(words, ids, owed=one.needed, done=min(one.done, one.needed))


def _numbered(case: Case) -> str:
    return f"案件{case.number}"


def _within(period: Period, at: Any) -> Any:
    return and_(at >= period.begins_at, at < period.ends_at, ~Case.outside_county, Case.state != "transferred")


def _clocks(work: Work, period: Period, facts: Facts) -> None:
    """Each stretch belongs to the month in which it was decided: kept by its stop, or broken by its deadline.

    What a holder took over after the deadline is broken at once, for its own stretch. What ended in time without the
    unit's own act, by a reassignment or a merge, is neither merit nor fault.
    """
    decided = func.greatest(Clock.started_at, func.least(Clock.due_at, func.coalesce(Clock.stopped_at, Clock.due_at)))
    late = Clock.due_at < func.coalesce(Clock.stopped_at, work.now)
    own = (
        select(CaseEvent.id)
        .where(
            CaseEvent.case_id == Clock.case_id,
            CaseEvent.at == Clock.stopped_at,
            CaseEvent.action.in_(("accept", "request_closure")),
        )
        .exists()
    )
    rows = work.session.execute(
        select(Clock, Case, late)
        .join(Case, Case.id == Clock.case_id)
        .where(Clock.kind.in_(("accept", "rectify")), _within(period, decided), or_(late, own))
        .order_by(Clock.id)
    )
    worst: dict[tuple[str, str, UUID], tuple[Case, bool]] = {}
    for clock, case, is_late in rows:
        key = (clock.holder, clock.kind, case.id)
        worst[key] = (case, is_late or worst.get(key, (case, False))[1])
    for (holder, kind, case_id), (case, is_late) in worst.items():
        what = "签收" if kind == "accept" else "整改"
        words = f"{_numbered(case)}{'逾期' if is_late else '按时'}{what}。"
        facts[holder, kind].append(Fact(words, {"case": [str(case_id)]}, done=0 if is_late else 1))


def _led_at(at: Any, query: Any) -> Any:
    """Join the unit that had led the case for some time at this moment."""
    return query.join(
        Assignment,
        and_(
            Assignment.case_id == Case.id,
            Assignment.part == "lead",
            Assignment.opened_at < at,
            or_(Assignment.ended_at.is_(None), Assignment.ended_at > at),
        ),
    )


def _recurrences(work: Work, period: Period, costs: float, facts: Facts) -> None:
    failed = select(Case, Assignment.unit_code).join(CaseEvent, CaseEvent.case_id == Case.id)
    failed = failed.where(CaseEvent.action == "fail_follow_up", _within(period, CaseEvent.at)).order_by(CaseEvent.id)
    for case, unit in work.session.execute(_led_at(CaseEvent.at, failed)):
        facts[unit, "recurrence"].append(
            Fact(f"{_numbered(case)}回头看不合格，问题反弹。", {"case": [str(case.id)]}, costs=costs)
        )


def _ratings(work: Work, period: Period, facts: Facts) -> None:
    """Five stars are the whole; named by case, never by report: who was unhappy is nobody's business."""
    rated = select(Case, Assignment.unit_code, Report.rating).join(Report, Report.case_id == Case.id)
    rated = rated.where(Report.rating.is_not(None), _within(period, Report.rated_at)).order_by(Report.id)
    for case, unit, stars in work.session.execute(_led_at(Report.rated_at, rated)):
        words = f"{_numbered(case)}群众评价{stars}星。"
        facts[unit, "satisfaction"].append(Fact(words, {"case": [str(case.id)]}, owed=5, done=stars))


def _letters(work: Work, period: Period, letter_costs: float, late_costs: float, facts: Facts) -> None:
    """Letters that follow a recurrence cost nothing more: the recurrence has been counted."""
    opened = select(Supervision, Case).join(Case, Case.id == Supervision.case_id)
    opened = opened.where(
        _within(period, Supervision.opened_at), Supervision.why.not_in(("failed_follow_up", "recurrences"))
    )
    for letter, case in work.session.execute(opened.order_by(Supervision.id)):
        ids = {"letter": [str(letter.id)], "case": [str(case.id)]}
        words = f"{_numbered(case)}被督办（{letter.number}）。"
        facts[letter.unit_code, "supervision"].append(Fact(words, ids, costs=letter_costs))
    late = (
        select(Supervision, Case)
        .join(Case, Case.id == Supervision.case_id)
        .join(
            CaseEvent,
            and_(
                CaseEvent.case_id == Case.id,
                CaseEvent.action == "escalate_supervision",
                CaseEvent.data["letter"].astext == Supervision.number,
            ),
        )
        .where(_within(period, CaseEvent.at))
        .order_by(CaseEvent.id)
    )
    for letter, case in work.session.execute(late):
        ids = {"letter": [str(letter.id)], "case": [str(case.id)]}
        words = f"{letter.number}逾期未回复。"
        facts[letter.unit_code, "supervision"].append(Fact(words, ids, costs=late_costs))


def _refusals(work: Work, period: Period, costs: float, facts: Facts) -> None:
    """A unit that returned a case and was then ruled to take it: by the last return before the ruling."""
    returned = (
        select(CaseEvent.data["unit"].astext)
        .where(CaseEvent.action == "return")
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )
    ruling = CaseEvent.__table__.alias("ruling")
    last = returned.where(CaseEvent.case_id == ruling.c.case_id, CaseEvent.seq < ruling.c.seq).scalar_subquery()
    rows = work.session.execute(
        select(Case, ruling.c.data["unit"].astext)
        .join(ruling, ruling.c.case_id == Case.id)
        .where(ruling.c.action == "rule", _within(period, ruling.c.at), ruling.c.data["unit"].astext == last)
        .order_by(ruling.c.id)
    )
    for case, unit in rows:
        words = f"{_numbered(case)}退回后仍裁定由本单位办理。"
        facts[unit, "refusal"].append(Fact(words, {"case": [str(case.id)]}, costs=costs))
