"""Assessment 考核 of a month: a preview, frozen at its cut-off, published, and corrected only in the open."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import load_only

from backend.clock import shanghai_day
from backend.counties import Version
from backend.domain import assessment_facts, duties, notices
from backend.domain.actors import CHIEF_ROLES, TIMER, UNIT_ROLES, Actor
from backend.domain.assessment_facts import Asked
from backend.domain.assessment_score import Fact, ranks, score, summoned, total
from backend.domain.duty_count import Completion
from backend.domain.duty_periods import Period, period_of
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.words import blank
from backend.models import Assessment, AssessmentScore, Case, CountyVersion, Patrol, Person, RosterRole

if TYPE_CHECKING:
    from backend.work import Work

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)
_AN_INSTANT = timedelta(microseconds=1)
_WITHOUT_PARTS = (
    AssessmentScore.month, AssessmentScore.subject, AssessmentScore.kind, AssessmentScore.unit_code,
    AssessmentScore.person_id, AssessmentScore.role, AssessmentScore.name, AssessmentScore.total, AssessmentScore.rank,
)  # fmt: skip


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
    """A month as it is shown. `proposed`: what is now known and differs from what was known at the cut-off.

    `over`: whether the month itself is over; until then nothing that can still be done counts as missed.
    """

    period: Period
    county_version: int
    cut_off: datetime
    frozen_at: datetime | None
    published_at: datetime | None
    over: bool
    scores: list[Score]
    proposed: list[Score]

    @property
    def words(self) -> str:
        """How the scores are to be read, in a sentence or two."""
        name, day = self.period.name, shanghai_day(self.cut_off)
        until = f"{day.year}年{day.month}月{day.day}日零时"
        if self.published_at is not None:
            return f"{name}考核已公布，分数只能公开更正。截止后补传、变更的列为“待更正”，原分数一直可查。"
        if self.frozen_at is not None:
            return f"{name}考核已于{until}截止，等待公布。截止后补传、变更的列为“待更正”，不直接改分。"
        if self.over:
            return f"{name}已经结束，{until}截止。截止前补传的巡河仍会计入，分数还会变动。"
        return f"{name}还没有结束：没有结束的巡河周期、没有到期的案件都不计入，不算缺失，分数还会变动。"


def month_of(text: str) -> Period:
    """The month "2026-06". Raises NotFound."""
    if not _MONTH.fullmatch(text):
        raise NotFound("月份的写法应像 2026-06。")
    return period_of("month", date.fromisoformat(f"{text}-01"))


def _rules(work: Work, period: Period) -> Version:
    return work.county_on(period.begins_at)


def _cut_off(period: Period, version: Version) -> datetime:
    return period.ends_at + timedelta(days=version.county.rules.assessment.cut_off_days)


def show(work: Work, period: Period) -> Month:
    """A preview until the cut-off; then what was known at that moment, and what would have to be corrected since.

    Between the cut-off and the timer's coming nothing is written down yet, and the same is shown. Raises Fault for a
    month that has not begun, or in which the county had no rules yet.
    """
    _check(work, period)
    row = work.session.get(Assessment, period.first)
    version = _rules(work, period) if row is None else work.county_of(row.county_version)
    cut_off = _cut_off(period, version) if row is None else row.cut_off
    over, until_now = work.now >= period.ends_at, work.now + _AN_INSTANT  # what happens at this moment is known
    if work.now < cut_off:
        return Month(period, version.id, cut_off, None, None, over, _reckon(work, period, version, until_now), [])
    if row is None:
        held = {one.subject: one for one in _reckon(work, period, version, cut_off)}
    else:
        held = _stored(work, AssessmentScore.month == period.first)[period.first]
    fresh = _reckon(work, period, version, until_now)
    proposed = [one for one in fresh if _differs(one, held.get(one.subject))]
    frozen_at = cut_off if row is None else row.frozen_at
    published_at = None if row is None else row.published_at
    return Month(period, version.id, cut_off, frozen_at, published_at, over, list(held.values()), proposed)


def _check(work: Work, period: Period) -> None:
    if period.begins_at > work.now:
        raise Fault("month_ahead", "这个月还没有开始，请选择以前的月份。", field="month")
    first = work.session.scalar(select(func.min(CountyVersion.effective_on)))
    if first is not None and period.last < first:
        day = f"{first.year}年{first.month}月"
        raise Fault("month_before_rules", f"本县从{day}开始考核，请选择以后的月份。", field="month")


def _differs(fresh: Score, held: Score | None) -> bool:
    return held is None or [(p["part"], p["points"]) for p in fresh.parts] != [
        (p["part"], p["points"]) for p in held.parts
    ]


# ---- the cut-off, publishing, corrections ----------------------------------------------------------------------------


def due(work: Work) -> list[date]:
    """The months past their cut-off of which nothing is written down, the oldest first.

    They begin with the first month of which there are cases or patrols: before, nobody worked with this.
    """
    begun = select(func.least(select(func.min(Case.opened_at)).scalar_subquery(),
                              select(func.min(Patrol.began_at)).scalar_subquery()))  # fmt: skip
    first = work.session.scalar(begun)
    rules_from = work.session.scalar(select(func.min(CountyVersion.effective_on)))
    if first is None or rules_from is None:
        return []
    frozen = set(work.session.scalars(select(Assessment.month)))
    period, found = period_of("month", max(shanghai_day(first), rules_from)), []
    while work.now >= _cut_off(period, _rules(work, period)):
        if period.first not in frozen:
            found.append(period.first)
        period = period_of("month", period.last + timedelta(days=1))
    return found


def freeze(work: Work, month: date) -> None:
    """Write down everybody's score as it was known at the cut-off, and tell the office. Repeats change nothing."""
    period = period_of("month", month)
    _lock(work, period)
    if work.session.get(Assessment, period.first) is None:
        _freeze(work, period)


def _freeze(work: Work, period: Period) -> Assessment:
    version = _rules(work, period)
    cut_off = _cut_off(period, version)
    if work.now < cut_off:
        day = shanghai_day(cut_off)
        raise Conflict("before_cut_off", f"这个月要到{day.month}月{day.day}日截止，之前只能预览，请到时再公布。")
    row = Assessment(month=period.first, county_version=version.id, cut_off=cut_off, frozen_at=work.now)
    work.session.add(row)
    work.session.flush()
    for one in _reckon(work, period, version, cut_off):
        _write(work, period, version.id, one, 1, None, TIMER)
    work.session.flush()
    body = f"{period.name}考核已经截止，分数已定，请核对后公布。"
    notices.to_office(work, f"assessment/{period.first}/frozen", "assessment", "月度考核已截止", body)
    return row


def _lock(work: Work, period: Period) -> None:
    """One at a time for each month."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"assessment {period.first}"))))


def _frozen(work: Work, period: Period) -> Assessment:
    """The month's row, written now when the timer has not come yet. Raises Conflict before the cut-off."""
    _check(work, period)
    _lock(work, period)
    return work.session.get(Assessment, period.first) or _freeze(work, period)


def publish(work: Work, period: Period) -> None:
    """Let everybody see the frozen scores; they change by corrections alone. Raises Conflict before the cut-off."""
    row = _frozen(work, period)
    if row.published_at is not None:
        raise Conflict("already_published", "这个月的考核已经公布，只能更正。")
    row.published_at, row.published_by = work.now, work.actor.label
    work.session.flush()


def correct(work: Work, period: Period, subject: str, reason: str) -> None:
    """Take over, for one subject, what is now known. The score before stays to be seen beside it."""
    if blank(reason):
        raise Fault("missing_field", "更正需要填写理由。", field="reason")
    _frozen(work, period)
    month = show(work, period)
    new = next((one for one in month.proposed if one.subject == subject), None)
    if new is None:
        raise Conflict("nothing_to_correct", "这个对象的分数与现有记录一致，没有需要更正的内容。")
    held = next((one for one in month.scores if one.subject == subject), None)
    same_kind = {one.subject: one.total for one in month.scores if one.kind == new.kind} | {subject: new.total}
    seq = 1 if held is None else len(held.earlier) + 2
    ranked = replace(new, rank=ranks(same_kind)[subject])
    _write(work, period, month.county_version, ranked, seq, reason, work.actor)
    work.session.flush()


def _write(work: Work, period: Period, version: int, one: Score, seq: int, reason: str | None, by: Actor) -> None:
    work.session.add(
        AssessmentScore(
            month=period.first, subject=one.subject, seq=seq, kind=one.kind, unit_code=one.unit,
            person_id=one.person_id, role=one.role, name=one.name, parts={"parts": one.parts}, total=one.total,
            rank=one.rank, county_version=version, made_at=work.now, made_by=by.label, reason=reason,
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
    published = select(Assessment.month).where(Assessment.published_at.is_not(None))
    chosen = (
        AssessmentScore.subject == subject, AssessmentScore.month > first, AssessmentScore.month <= last.first,
        AssessmentScore.month.in_(published),
    )  # fmt: skip
    return [(month, found[subject]) for month, found in sorted(_stored(work, *chosen).items())]


def totals(work: Work, kind: str, last: Period) -> dict[date, dict[str, Score]]:
    """The published totals of everybody of a kind over twelve months: month → subject → score, without its parts."""
    first = last.first.replace(year=last.first.year - 1)
    held = (
        select(AssessmentScore)
        .options(load_only(*_WITHOUT_PARTS))
        .join(Assessment, Assessment.month == AssessmentScore.month)
        .where(
            Assessment.published_at.is_not(None), AssessmentScore.kind == kind, AssessmentScore.month > first,
            AssessmentScore.month <= last.first,
        )
        .ext(distinct_on(AssessmentScore.subject, AssessmentScore.month))
        .order_by(AssessmentScore.subject, AssessmentScore.month, AssessmentScore.seq.desc())
    )  # fmt: skip
    found: dict[date, dict[str, Score]] = defaultdict(dict)
    for row in work.session.scalars(held):
        found[row.month][row.subject] = Score(
            row.subject, row.kind, row.unit_code, row.person_id, row.role, row.name, [], row.total, row.rank
        )
    return dict(sorted(found.items()))


def summons(work: Work, month: Month) -> dict[str, list[dict[str, str]]]:
    """Who is named 通报 or summoned 约谈 by the month's rules: subject → how and why."""
    rules = work.county_of(month.county_version).county.rules.assessment
    past = _totals_before(work, month.period)
    found: dict[str, list[dict[str, str]]] = {}
    for kind in ("unit", "chief"):
        history: dict[str, Sequence[float]] = {}
        for one in month.scores:
            if one.kind != kind:
                continue
            totals, day = [one.total], month.period.first
            while (held := past.get((one.subject, day := (day - timedelta(days=1)).replace(day=1)))) is not None:
                totals.append(held)
            history[one.subject] = totals[::-1]
        found |= summoned(rules, kind, history)
    return found


def _totals_before(work: Work, period: Period) -> dict[tuple[str, date], float]:
    """The totals that count, of the eleven months before."""
    first = period.first.replace(year=period.first.year - 1)
    held = (
        select(AssessmentScore.subject, AssessmentScore.month, AssessmentScore.total)
        .where(AssessmentScore.month > first, AssessmentScore.month < period.first)
        .ext(distinct_on(AssessmentScore.subject, AssessmentScore.month))
        .order_by(AssessmentScore.subject, AssessmentScore.month, AssessmentScore.seq.desc())
    )
    return {(subject, month): total for subject, month, total in work.session.execute(held)}


def lost_most(one: Score) -> str:
    """Where the points of a score went, the most first: what somebody who is summoned is asked about."""
    lost = [(round(part["full"] - part["points"], 2), part["title"]) for part in one.parts]
    lost = sorted((pair for pair in lost if pair[0] > 0), key=lambda pair: -pair[0])
    return "，".join(f"{title}扣{points:g}分" for points, title in lost[:3])


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


def _reckon(work: Work, period: Period, version: Version, known_by: datetime) -> list[Score]:
    rules, county = version.county.rules.assessment, version.county
    done = _walked(work, period, known_by)
    facts = assessment_facts.of_cases(work, Asked(period, known_by), rules)
    mine: dict[tuple[UUID, str, str], list[Fact]] = defaultdict(list)
    for one, fact in zip(done, assessment_facts.of_patrols(done), strict=True):
        facts[one.term.unit, "patrol"].append(fact)
        mine[one.term.person_id, one.term.role, one.term.unit].append(fact)
    found = []
    for unit in (unit for unit in county.units if unit.kind == "township"):
        parts = [score(part, full, facts[unit.code, part]).stored() for part, full in rules.units.given.items()]
        found.append(Score(f"unit:{unit.code}", "unit", unit.code, None, None, unit.name, parts, total(parts), 0))
    for person, role, code, name in _chiefs(work, period):
        own = mine[person, role, code]
        parts = [score(part, full, own).stored() for part, full in rules.chiefs.given.items()]
        found.append(Score(f"chief:{person}:{role}:{code}", "chief", code, person, role, name, parts, total(parts), 0))
    places: dict[str, int] = {}
    for kind in ("unit", "chief"):
        places |= ranks({one.subject: one.total for one in found if one.kind == kind})
    return [replace(one, rank=places[one.subject]) for one in found]


def _walked(work: Work, period: Period, known_by: datetime) -> list[Completion]:
    """The duties of the month whose periods are over: what can still be walked has not been missed."""
    last = min(period.last, shanghai_day(known_by) - timedelta(days=1))
    if last < period.first:
        return []
    return duties.completions(work, period.first, last, RosterRole.id.is_not(None), known_by)


def _chiefs(work: Work, period: Period) -> Sequence[tuple[UUID, str, str, str]]:
    """Everybody who was a chief in the month."""
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
    return rows.all()
