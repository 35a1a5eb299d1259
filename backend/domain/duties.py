"""Duties 巡河任务: what each chief owes now, who has done it, who is behind, and the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from backend.clock import SHANGHAI, shanghai_day
from backend.domain import notices, patrols
from backend.domain.actors import CHIEF_ROLES, ROLE_NAMES, UNIT_ROLES
from backend.domain.duty_count import Completion, Term, Walked, by_term, complete, level
from backend.domain.duty_periods import Period, before, period_of, periods_in
from backend.domain.faults import Fault, Forbidden
from backend.domain.periods import midnight
from backend.models import CountyVersion, Patrol, PatrolCompanion, Person, RosterRole, Verdict
from backend.rules.duty import LEVEL_NAMES, DutyRules

if TYPE_CHECKING:
    from backend.work import Work

# How many ended periods are looked back on to count those missed in a row.
_LOOKED_BACK = 4
_LONGEST = timedelta(days=92)  # a quarter
_FIRST_HOUR, _LAST_HOUR = 8, 20


@dataclass(frozen=True)
class Dated:
    """Rules and the day from which they hold."""

    rules: DutyRules
    since: date


class RuleBook:
    """The rules of all times. Read anew for each question: a version may be loaded for a day in the past."""

    def __init__(self, work: Work) -> None:
        versions = select(CountyVersion.effective_on, CountyVersion.document["rules"]["duty"])
        rows = work.session.execute(versions.order_by(CountyVersion.effective_on, CountyVersion.id))
        newest: dict[date, dict[str, Any] | None] = dict(rows.all())  # of several of one day the last loaded one
        self._known = [Dated(DutyRules.model_validate(duty or {}), since) for since, duty in newest.items()]

    def on(self, day: date) -> Dated:
        """The rules in force on a day; before the first ones, those first ones."""
        return next((dated for dated in reversed(self._known) if dated.since <= day), self._known[0])

    def of(self, period: Period) -> Dated:
        """The rules of a period: those of its first day. The county's very first may begin within it."""
        return self.on(period.first)


@dataclass(frozen=True)
class Standing:
    """A chief's duty now: the present period, how many before it were missed in a row, and the warning, if any."""

    now: Completion
    missed: int
    level: str | None


def standings(work: Work, chosen: ColumnElement[bool], limit: int, after: UUID | None = None) -> list[Standing]:
    """The duties of the chosen chiefs in office, in the order of their roles' ids, from after the cursor on."""
    today, book = shanghai_day(work.now), RuleBook(work)
    bound = {role for duty in book.on(today).rules.duties for role in duty.roles}
    query = select(RosterRole).where(chosen, RosterRole.ended_at.is_(None), RosterRole.role.in_(bound))
    if after is not None:
        query = query.where(RosterRole.id > after)
    terms = _terms(work, list(work.session.scalars(query.order_by(RosterRole.id).limit(limit))))
    walked = _walked(work, terms, today - _LOOKED_BACK * _LONGEST, today)
    return [_standing(work, book, term, walked.get((term.person_id, term.role), []), today) for term in terms]


def _standing(work: Work, book: RuleBook, term: Term, walked: Sequence[Walked], today: date) -> Standing:
    dated = book.on(today)
    duty = dated.rules.of(term.role)
    assert duty is not None  # only bound roles are asked for
    period = period_of(duty.per, today)
    # Rules that have just changed the length of the period hold for the present one all the same.
    now = _complete(book, period, term, walked) or complete(duty, period, term, walked, dated.since)
    missed, earlier = 0, before(period, work.county.calendar)
    while missed < _LOOKED_BACK:
        past = _complete(book, earlier, term, walked)
        if past is None or not past.needed or past.fulfilled:
            break
        missed, earlier = missed + 1, before(earlier, work.county.calendar)
    return Standing(now, missed, level(dated.rules.alerts, now, missed, today))


def _complete(book: RuleBook, period: Period, term: Term, walked: Sequence[Walked]) -> Completion | None:
    """The duty in a period; None where the rules of its time had none, or counted by another kind of period."""
    dated = book.of(period)
    duty = dated.rules.of(term.role)
    return None if duty is None or duty.per != period.per else complete(duty, period, term, walked, dated.since)


def completions(work: Work, first: date, last: date, chosen: ColumnElement[bool]) -> list[Completion]:
    """Every duty of every chosen term of office, in the periods that end within these days, past chiefs included.

    One query for the terms and two for the patrols, however many chiefs there are.
    """
    _check_period(first, last)
    book = RuleBook(work)
    reached = first - _LONGEST  # a period that ends on `first` may have begun so long before
    in_office = or_(RosterRole.ended_at.is_(None), RosterRole.ended_at >= midnight(reached))
    query = select(RosterRole).where(chosen, RosterRole.role.in_(CHIEF_ROLES), in_office).order_by(RosterRole.id)
    terms = _terms(work, list(work.session.scalars(query)))
    walked = _walked(work, terms, reached - _LONGEST, last)
    kinds = {duty.per for day in (reached, first, last) for duty in book.on(day).rules.duties}
    periods = [period for per in sorted(kinds) for period in periods_in(per, first, last, work.county.calendar)]
    mine = {term.role_id: walked.get((term.person_id, term.role), []) for term in terms}
    found = (_complete(book, period, term, mine[term.role_id]) for term in terms for period in periods)
    return [one for one in found if one is not None and one.needed]


def _check_period(first: date, last: date) -> None:
    if first > last:
        raise Fault("bad_period", "起始日期不能晚于截止日期。", field="period")
    if (last - first).days > 400:
        raise Fault("period_too_long", "一次最多查看 400 天，请缩短日期范围。", field="period")


def _terms(work: Work, rows: list[RosterRole]) -> list[Term]:
    people = select(Person.id, Person.name).where(Person.id.in_({row.person_id for row in rows}))
    names = dict(work.session.execute(people).all())
    return [
        Term(
            role_id=row.id, person_id=row.person_id, name=names[row.person_id], role=row.role, unit=row.unit_code,
            reaches=tuple(patrols.reaches_of(work, row)), since=row.since, until=row.ended_at,
        )
        for row in rows
    ]  # fmt: skip


def _walked(work: Work, terms: Sequence[Term], first: date, last: date) -> dict[tuple[UUID, str], list[Walked]]:
    """The valid patrols of these people that began in these days, their own and joint ones; practice never."""
    begins, ends = midnight(first), midnight(last + timedelta(days=1))
    people = {term.person_id for term in terms}
    counts = and_(
        Patrol.valid.is_(True),
        ~Patrol.practice,
        Patrol.began_at >= begins,
        Patrol.began_at < ends,
        Patrol.role.is_not(None),
    )
    columns = (Patrol.id, Patrol.began_at, Patrol.finish_received_at, Patrol.finished_at, Verdict.decision["reaches"])
    decided = and_(Verdict.patrol_id == Patrol.id, Verdict.seq == Patrol.verdict_seq)
    led = (
        select(Patrol.person_id, Patrol.role, *columns)
        .join(Verdict, decided)
        .where(counts, Patrol.person_id.in_(people))
    )
    joined = (
        select(PatrolCompanion.person_id, PatrolCompanion.role, *columns, PatrolCompanion.own_reaches)
        .join(Patrol, Patrol.id == PatrolCompanion.patrol_id)
        .join(Verdict, decided)
        .where(counts, PatrolCompanion.person_id.in_(people), PatrolCompanion.declined_at.is_(None))
    )
    late_after = work.county.rules.duty.late_after_days
    found: list[tuple[UUID, str, Walked]] = []
    for person, role, patrol_id, began_at, received, finished, reaches in work.session.execute(led):
        counted = tuple(one["reach"] for one in reaches if one["counts"])
        late = _late(began_at, received or finished, late_after)
        found.append((person, role, Walked(patrol_id, began_at, counted, True, late)))
    for person, role, patrol_id, began_at, received, finished, reaches, own in work.session.execute(joined):
        walked_on = {one["reach"] for one in reaches if one["coverage"] > 0 or one["counts"]}
        late = _late(began_at, received or finished, late_after)
        found.append((person, role, Walked(patrol_id, began_at, tuple(sorted(walked_on & set(own))), False, late)))
    return by_term(found)


def _late(began_at: datetime, received_at: datetime | None, after_days: int) -> bool:
    """Whether it came after its month's cut-off."""
    month = period_of("month", shanghai_day(began_at))
    return received_at is not None and received_at >= month.ends_at + timedelta(days=after_days)


def visible(work: Work) -> ColumnElement[bool]:
    """Whose duties the actor may see: the county all, a township its own chiefs', every chief their own."""
    actor = work.actor
    if actor.role in ("office", "inspector", "county_chief"):
        return RosterRole.id.is_not(None)
    if actor.role in UNIT_ROLES or actor.role == "township_chief":
        return RosterRole.unit_code == actor.unit
    if actor.role in CHIEF_ROLES:
        return RosterRole.person_id == actor.person_id
    raise Forbidden("officials_only", "只有河长和工作人员可以查看巡河任务。")


def warn(work: Work) -> int:
    """Warn every chief who is behind, once per period and level, and their unit's heads of red ones. By day only.

    Returns how many warnings hold now.
    """
    if not _FIRST_HOUR <= work.now.astimezone(SHANGHAI).hour < _LAST_HOUR:
        return 0
    warned, after = 0, None
    while True:
        found = standings(work, RosterRole.id.is_not(None), 500, after)
        for one in found:
            if one.level is not None:
                warned += 1
                _warn(work, one)
        ids = [one.now.term.role_id for one in found]
        if not ids:
            return warned
        after = max(ids)


def _warn(work: Work, one: Standing) -> None:
    now, name = one.now, LEVEL_NAMES[one.level or "yellow"]
    key = f"duty/{now.term.role_id}/{now.period.per}/{now.period.first}/{one.level}"
    body = now.words + (f"此前已连续{one.missed}个周期没有完成。" if one.missed else "")
    notices.to_person(work, f"{key}/chief", now.term.person_id, "duty_alert", f"巡河{name}预警", body)
    if one.level != "red":
        return
    words = f"{ROLE_NAMES[now.term.role]}{now.term.name}：{body}"
    for person_id in notices.holders(work, now.term.unit, frozenset({"head"})):
        notices.to_person(work, f"{key}/head/{person_id}", person_id, "duty_alert", f"巡河{name}预警", words)
    notices.to_office(work, f"{key}/office", "duty_alert", f"巡河{name}预警", words)


def summary(work: Work, found: Sequence[Completion]) -> dict[str, list[dict[str, object]]]:
    """Sums per unit, role and reach. A reach is done by what its chiefs owe and did on it as a whole."""
    units = {unit.code: unit.name for unit in work.county.units}
    reaches = {reach.code: reach.name for reach in work.county.reaches}
    return {
        "units": _sums(((one.term.unit, one) for one in found), units),
        "roles": _sums(((one.term.role, one) for one in found), ROLE_NAMES),
        "reaches": _sums(((reach, one) for one in found for reach in one.term.reaches), reaches),
    }


def _sums(found: Iterable[tuple[str, Completion]], names: Mapping[str, str]) -> list[dict[str, object]]:
    groups: dict[str, list[Completion]] = {}
    for key, one in found:
        groups.setdefault(key, []).append(one)
    return [
        {
            "key": key,
            "title": names.get(key, key),
            "chiefs": len({one.term.role_id for one in ones}),
            "needed": sum(one.needed for one in ones),
            "done": sum(min(one.done, one.needed) for one in ones),
            "fulfilled": sum(one.fulfilled for one in ones),
            "owed": len(ones),
            "percent": round(100 * sum(min(one.done, one.needed) for one in ones) / sum(one.needed for one in ones), 1),
        }
        for key, ones in sorted(groups.items())
    ]
