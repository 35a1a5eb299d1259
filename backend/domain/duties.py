"""Duties 巡河任务: what each chief owes now, who has done it, who is behind, and the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, false, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from backend.clock import SHANGHAI, shanghai_day
from backend.domain import notices, patrols
from backend.domain.actors import CHIEF_ROLES, ROLE_NAMES, UNIT_ROLES
from backend.domain.duty_count import Completion, Office, Term, Walked, by_office, complete, level, office_of
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
        duties = [duty for dated in self._known for duty in dated.rules.duties]
        self.by_reach = any(duty.scope == "reach" for duty in duties)
        self.with_gaps = any(duty.min_gap_hours for duty in duties)

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
    wanted = [chosen, RosterRole.ended_at.is_(None), RosterRole.role.in_(bound)]
    if after is not None:
        wanted.append(RosterRole.id > after)
    terms = _terms(work, wanted, limit)
    people = list({term.person_id for term in terms})
    walked = _walked(work, book, people, today - _LOOKED_BACK * _LONGEST, today)
    return [_standing(work, book, term, walked.get(office_of(term), []), today) for term in terms]


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


def completions(
    work: Work, first: date, last: date, chosen: ColumnElement[bool], known_by: datetime | None = None
) -> list[Completion]:
    """Every duty of every chosen term of office, in the periods that end within these days, past chiefs included.

    `known_by`: by what had reached the server, and was decided on, before that moment; None is now. One query for the
    terms and two for the patrols, however many chiefs there are.
    """
    _check_period(first, last)
    book = RuleBook(work)
    kinds = {duty.per for day in (first - _LONGEST, first, last) for duty in book.on(day).rules.duties}
    periods = [period for per in sorted(kinds) for period in periods_in(per, first, last, work.county.calendar)]
    reached = min((period.first for period in periods), default=first)  # the longest may have begun long before
    in_office = or_(RosterRole.ended_at.is_(None), RosterRole.ended_at >= midnight(reached))
    wanted = [chosen, RosterRole.role.in_(CHIEF_ROLES), in_office]
    terms = _terms(work, wanted)
    people = select(RosterRole.person_id).where(*wanted)
    walked = _walked(work, book, people, reached - _LONGEST if book.with_gaps else reached, last, known_by)
    mine = {term.role_id: walked.get(office_of(term), []) for term in terms}
    found = (_complete(book, period, term, mine[term.role_id]) for term in terms for period in periods)
    return [one for one in found if one is not None and one.needed]


def _check_period(first: date, last: date) -> None:
    if first > last:
        raise Fault("bad_period", "起始日期不能晚于截止日期。", field="period")
    if (last - first).days > 400:
        raise Fault("period_too_long", "一次最多查看 400 天，请缩短日期范围。", field="period")


def _terms(work: Work, wanted: Sequence[ColumnElement[bool]], limit: int | None = None) -> list[Term]:
    """The wanted terms of office, by the ids of the roles."""
    query = select(RosterRole, Person.name).join(Person, Person.id == RosterRole.person_id)
    rows = work.session.execute(query.where(*wanted).order_by(RosterRole.id).limit(limit))
    return [
        Term(
            role_id=row.id, person_id=row.person_id, name=name, role=row.role, unit=row.unit_code,
            reaches=tuple(patrols.reaches_of(work, row)), since=row.since, until=row.ended_at,
        )
        for row, name in rows
    ]  # fmt: skip


def _walked(
    work: Work,
    book: RuleBook,
    people: Sequence[UUID] | Select[UUID],
    first: date,
    last: date,
    known_by: datetime | None = None,
) -> dict[Office, list[Walked]]:
    """The valid patrols of these people that began in these days, their own and joint ones; practice never.

    On which reaches they count is read only where some rule asks for it: most counties count by person.
    """
    by = None if known_by is None or known_by >= work.now else known_by
    counts = and_(
        Patrol.valid.is_(True) if by is None else _valid_by(by),
        ~Patrol.practice,
        Patrol.began_at >= midnight(first),
        Patrol.began_at < midnight(last + timedelta(days=1)),
        Patrol.role.is_not(None),
        Patrol.unit_code.is_not(None),
    )
    upheld = aliased(Verdict)
    reaches = Verdict.decision["reaches"] if book.by_reach else literal_column("NULL")
    by_appeal = upheld.decision["reaches"] if book.by_reach else literal_column("NULL")
    arrived = func.coalesce(Patrol.finish_received_at, Patrol.finished_at)
    joins = or_(PatrolCompanion.declined_at.is_(None), false() if by is None else PatrolCompanion.declined_at >= by)
    columns = (Patrol.id, Patrol.began_at, arrived, reaches, by_appeal)
    led = select(Patrol.person_id, Patrol.role, Patrol.unit_code, *columns, literal_column("NULL"))
    led = led.where(counts, Patrol.person_id.in_(people))
    theirs = (PatrolCompanion.person_id, PatrolCompanion.role, PatrolCompanion.unit_code)
    joined = (
        select(*theirs, *columns, PatrolCompanion.own_reaches)
        .join(Patrol, Patrol.id == PatrolCompanion.patrol_id)
        .where(counts, PatrolCompanion.person_id.in_(people), joins)
    )
    held = Patrol.verdict_seq if by is None else _verdict_by(by)
    late_from = _LateFrom(work.county.rules.duty.late_after_days)
    found: list[tuple[Office, Walked]] = []
    for query in (led, joined):
        if book.by_reach:
            query = query.join(Verdict, and_(Verdict.patrol_id == Patrol.id, Verdict.seq == held))
            query = query.outerjoin(upheld, and_(upheld.patrol_id == Patrol.id, upheld.seq == _upheld_by(by)))
        for person, role, unit, patrol_id, began_at, received, judged, granted, own in work.session.execute(query):
            late = received is not None and received >= late_from.of(began_at)
            on = _reaches_on([*(judged or ()), *(granted or ())], own)
            found.append(((person, role, unit), Walked(patrol_id, began_at, on, own is None, late)))
    return by_office(found)


def _verdict_by(moment: datetime) -> ColumnElement[int]:
    """Which verdict on a patrol was the last one before a moment, or the first after it."""
    last = select(func.max(Verdict.seq)).where(Verdict.patrol_id == Patrol.id, Verdict.made_at < moment)
    return func.coalesce(last.correlate(Patrol).scalar_subquery(), 1)


def _upheld_by(moment: datetime | None) -> ScalarSelect[int]:
    """The verdict that upheld an appeal on a patrol: later verdicts by the rules take nothing of it back."""
    by_appeal = [Verdict.patrol_id == Patrol.id, Verdict.made_by == "appeal", Verdict.valid]
    if moment is not None:
        by_appeal.append(Verdict.made_at < moment)
    return select(func.max(Verdict.seq)).where(*by_appeal).correlate(Patrol).scalar_subquery()


def _valid_by(moment: datetime) -> ColumnElement[bool]:
    """Whether a patrol had arrived before a moment and was then valid; an appeal upheld by then is never taken back."""
    valid = aliased(Verdict)
    upheld = and_(valid.made_by == "appeal", valid.made_at < moment)
    return and_(
        func.coalesce(Patrol.finish_received_at, Patrol.finished_at) < moment,
        exists()
        .where(valid.patrol_id == Patrol.id, valid.valid, or_(valid.seq == _verdict_by(moment), upheld))
        .correlate(Patrol),
    )


def _reaches_on(decided: Sequence[Mapping[str, Any]], own: Sequence[str] | None) -> tuple[str, ...]:
    """The reaches that a patrol counts for: by its verdict, or of a companion's own those that were walked."""
    if own is None:
        return tuple(dict.fromkeys(one["reach"] for one in decided if one["counts"]))
    walked_on = {one["reach"] for one in decided if one["coverage"] > 0 or one["counts"]}
    return tuple(sorted(walked_on & set(own)))


class _LateFrom:
    """From when on what was walked on a day has missed its month's cut-off; each month is reckoned once."""

    def __init__(self, after_days: int) -> None:
        self._after, self._known = timedelta(days=after_days), dict[tuple[int, int], datetime]()

    def of(self, began_at: datetime) -> datetime:
        day = shanghai_day(began_at)
        key = (day.year, day.month)
        if key not in self._known:
            self._known[key] = period_of("month", day).ends_at + self._after
        return self._known[key]


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


def coverage(work: Work, found: Sequence[Completion]) -> dict[UUID, float]:
    """How much of their own reaches chiefs walked on the patrols that count in these duties: role → share, 0 to 1.

    Of each reach the patrol that covered most of it; reaches count alike. Who has no reach of their own is left out.
    """
    counted = {patrol for one in found for patrol in one.patrols}
    query = (
        select(Patrol.id, Verdict.judgement["coverage"])
        .join(Verdict, and_(Verdict.patrol_id == Patrol.id, Verdict.seq == Patrol.verdict_seq))
        .where(Patrol.id.in_(counted))
    )
    walked: dict[UUID, dict[str, float]] = dict(work.session.execute(query).all())
    best: dict[UUID, dict[str, float]] = {}
    for one in found:
        mine = best.setdefault(one.term.role_id, dict.fromkeys(one.term.reaches, 0.0))
        for patrol in one.patrols:
            for reach in mine:
                mine[reach] = max(mine[reach], walked.get(patrol, {}).get(reach, 0.0))
    return {role: sum(shares.values()) / len(shares) for role, shares in best.items() if shares}
