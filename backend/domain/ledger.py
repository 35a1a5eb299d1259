"""The ledger 台账 as a list: what is asked for, page by page, and how many cases are in each state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, not_, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from backend.domain import cases, states
from backend.domain.faults import Fault
from backend.domain.periods import in_period
from backend.domain.words import source_number
from backend.models import Assignment, Case, CaseTally, CaseWords, Clock, Extension, LedgerUse

if TYPE_CHECKING:
    from backend.work import Work

Sort = Literal["newest", "opened", "due", "updated"]
# Counts are exact up to here; a screen shows "10000+" beyond.
COUNTED_TO = 10_000
# As many cases as this are counted together; of more, each state by itself, so that the cost stays bounded.
_IN_ONE_PASS = 100_000

_NUMBER = re.compile(r"QH-(\d{4})-(\d{6,9})", re.IGNORECASE)
_SERIAL = re.compile(r"\d{1,9}")
_COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "opened": Case.opened_at,
    "due": Case.next_due_at,
    "updated": Case.updated_at,
}


@dataclass(frozen=True)
class Filter:
    """What of the ledger is asked for. Days are days of Asia/Shanghai, both ends included; empty means: all.

    `part`: whether `unit` leads 主办 or assists 协办. `clock` narrows `overdue` to one kind of clock.
    `outside`: the problem lies outside the county 跨界. `awaiting`: what somebody still has to answer: the office an
    extension or a proposed rejection, an assisting unit that it knows, the actor's unit who handles the case.
    `mine`: handled by the actor, or by somebody for whom they stand in today.
    `sort`: "newest" is by the time of entering, latest first, "due" shows only cases with a running clock.
    """

    states: tuple[str, ...] = ()
    unit: str | None = None
    part: Literal["lead", "assist", "any"] = "lead"
    river: str | None = None
    reach: str | None = None
    category: str | None = None
    source: str | None = None
    risk_source: str | None = None
    overdue: bool = False
    clock: str | None = None
    urgent: bool | None = None
    outside: bool | None = None
    awaiting: Literal["extension", "rejection", "acknowledgement", "handler"] | None = None
    mine: bool = False
    opened_from: date | None = None
    opened_to: date | None = None
    closed_from: date | None = None
    closed_to: date | None = None
    number: str | None = None
    text: str | None = None
    sort: Sort = "newest"
    ascending: bool | None = None


def page(work: Work, wanted: Filter, before: str | None, limit: int) -> tuple[list[Case], str | None]:
    """One page of what the actor may see, and the cursor behind it, None on the last page.

    The cursor names the place in the order, not a row number: what is added meanwhile moves nothing.
    Raises Fault for a cursor or filter that cannot be meant.
    """
    query = ordered(_after(select(Case).where(*conditions(work, wanted)), wanted, before), wanted)
    found = list(work.session.scalars(query.limit(limit)))
    return found, (_cursor(found[-1], wanted) if len(found) == limit else None)


def conditions(work: Work, wanted: Filter) -> list[ColumnElement[bool]]:
    """The filter in SQL, what the actor may see included."""
    asked: list[ColumnElement[bool]] = [cases.visible(work.actor)]
    if wanted.states:
        unknown = set(wanted.states) - states.STATES.keys()
        if unknown:
            raise Fault("unknown_state", f"没有这种状态：{'、'.join(sorted(unknown))}。", field="state")
        asked.append(Case.state.in_(wanted.states))
    if wanted.unit:
        asked.append(_of_unit(wanted.unit, wanted.part))
    if wanted.river:
        asked.append(Case.reach.in_([r.code for r in work.county.reaches if r.river == wanted.river]))
    equal = (
        (Case.reach, wanted.reach), (Case.category, wanted.category), (Case.source, wanted.source),
        (Case.risk_source, wanted.risk_source),
    )  # fmt: skip
    for column, value in equal:
        if value:
            asked.append(column == value)
    if wanted.urgent is not None:
        # Said as the index of the urgent ones says it: "urgent", not "urgent is true".
        asked.append(and_(Case.urgent) if wanted.urgent else not_(Case.urgent))
    if wanted.outside is not None:
        asked.append(Case.outside_county.is_(wanted.outside))
    if wanted.awaiting:
        asked.append(_awaiting(work, wanted.awaiting))
    if wanted.mine:
        me = [work.actor.person_id, *(one.person_id for one in work.actor.stands_in)]
        asked.append(
            exists().where(Assignment.case_id == Case.id, Assignment.ended_at.is_(None), Assignment.handler_id.in_(me))
        )
    if wanted.clock:
        asked.append(_late_clock(work, wanted.clock))
    elif wanted.overdue:
        asked.append(and_(Case.next_due_at.is_not(None), Case.next_due_at < work.now))
    asked += in_period(Case.opened_at, wanted.opened_from, wanted.opened_to)
    asked += in_period(Case.closed_at, wanted.closed_from, wanted.closed_to)
    if wanted.number:
        asked.append(_numbered(wanted.number))
    if wanted.text:
        asked += _worded(work, wanted.text)
    return asked


def _of_unit(unit: str, part: str) -> ColumnElement[bool]:
    helps = exists().where(
        Assignment.case_id == Case.id,
        Assignment.unit_code == unit,
        Assignment.part == "assist",
        Assignment.ended_at.is_(None),
    )
    if part == "assist":
        return helps
    return Case.lead_unit == unit if part == "lead" else or_(Case.lead_unit == unit, helps)


def _awaiting(work: Work, what: str) -> ColumnElement[bool]:
    if what == "extension":
        return exists().where(Extension.case_id == Case.id, Extension.state == "open")
    held = exists().where(Assignment.case_id == Case.id, Assignment.ended_at.is_(None))
    if what == "handler":
        nobody = held.where(Assignment.handler_id.is_(None))
        if work.actor.role != "office":
            nobody = nobody.where(Assignment.unit_code == work.actor.unit)
        return and_(Case.state.in_(("assigned", "accepted", "rectifying", "in_review")), nobody)
    if what == "acknowledgement":
        mute = held.where(Assignment.part == "assist", Assignment.acknowledged_at.is_(None))
        return and_(Case.state.in_(states.OPEN), mute)
    proposed = Assignment.rejection_proposed_at.is_not(None), Assignment.rejection_declined_at.is_(None)
    return and_(Case.state.in_(("assigned", "accepted")), held.where(*proposed))


def _late_clock(work: Work, kind: str) -> ColumnElement[bool]:
    return exists().where(
        Clock.case_id == Case.id, Clock.kind == kind, Clock.stopped_at.is_(None), Clock.due_at < work.now
    )


def _numbered(number: str) -> ColumnElement[bool]:
    """Our number, whole or its last digits, or the number that the source gave."""
    number = source_number(number)
    whole = _NUMBER.fullmatch(number)
    if whole:
        begins = datetime(int(whole[1]), 1, 1, tzinfo=UTC) if int(whole[1]) else datetime.min.replace(tzinfo=UTC)
        year = and_(Case.opened_at >= begins, Case.opened_at < begins.replace(year=min(begins.year + 1, 9999)))
        return and_(Case.serial == int(whole[2]), year)
    if _SERIAL.fullmatch(number):
        return or_(Case.serial == int(number), Case.source_number == number)
    return Case.source_number == number


def _worded(work: Work, text: str) -> list[ColumnElement[bool]]:
    """Every word of the text, found by its pairs of characters, and then as it is written.

    Only the office may search the original words; everybody else finds what they may read.
    """
    words = text.split()
    if not words or min(map(len, words)) < 2:
        raise Fault("text_too_short", "请至少输入两个字再搜索。", field="text")
    office = work.actor.role == "office"
    pairs, body = (
        (CaseWords.office_pairs, CaseWords.office_text) if office else (CaseWords.unit_pairs, CaseWords.unit_text)
    )
    # An IN and not an EXISTS, so that a rare word is looked up first and a common one is probed row by row.
    found = select(CaseWords.case_id)
    for word in words:
        found = found.where(
            pairs.contains(func.search_pairs(word)), func.position(func.search_text(word).op("IN")(body)) > 0
        )
    return [Case.id.in_(found)]


def ordered(query: Select[Any], wanted: Filter) -> Select[Any]:
    """The query in the order that is asked for; ties are broken by id."""
    up = _ascending(wanted)
    columns: list[Any] = [Case.id] if wanted.sort == "newest" else [_COLUMNS[wanted.sort], Case.id]
    if wanted.sort == "due":
        query = query.where(Case.next_due_at.is_not(None))
    return query.order_by(*(column.asc() if up else column.desc() for column in columns))


def _ascending(wanted: Filter) -> bool:
    """What is due first comes first; of the rest, the latest."""
    return wanted.sort == "due" if wanted.ascending is None else wanted.ascending


def _after(query: Select[Any], wanted: Filter, before: str | None) -> Select[Any]:
    if before is None:
        return query
    try:
        at_text, _, id_text = before.rpartition("~")
        row_id = UUID(id_text)
        at = datetime.fromisoformat(at_text) if wanted.sort != "newest" else None
    except ValueError:
        raise Fault("bad_cursor", "翻页信息无效，请从第一页重新查看。", field="before") from None
    if (at is None) != (at_text == "") or (at is not None and at.tzinfo is None):
        raise Fault("bad_cursor", "翻页信息与排序不符，请从第一页重新查看。", field="before")
    here: Any = Case.id if at is None else tuple_(_COLUMNS[wanted.sort], Case.id)
    there: Any = row_id if at is None else tuple_(at, row_id)
    return query.where(here > there if _ascending(wanted) else here < there)


def _cursor(case: Case, wanted: Filter) -> str:
    if wanted.sort == "newest":
        return str(case.id)
    at: datetime = getattr(case, _COLUMNS[wanted.sort].key)
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z~{case.id}"


@dataclass(frozen=True)
class Count:
    """How many cases; `more`: there are more than were counted."""

    n: int
    more: bool


def counts(work: Work, wanted: Filter) -> dict[str, Count]:
    """The cases that the actor may see, by state, the filter's own states left aside.

    The whole ledger, or one lead unit's, is read from kept tallies and always exact. Any other filter is counted, at
    most COUNTED_TO per state, so that the cost does not grow with the ledger.
    """
    if _is_tallied(work, wanted):
        return _tallied(work, wanted.unit)
    asked = conditions(work, _without_states(wanted))
    few = select(Case.state).where(*asked).limit(_IN_ONE_PASS + 1).subquery()
    rows = work.session.execute(select(few.c.state, func.count()).group_by(few.c.state))
    kept = {state: int(n) for state, n in rows}
    if sum(kept.values()) <= _IN_ONE_PASS:
        return {s: Count(min(kept.get(s, 0), COUNTED_TO), kept.get(s, 0) > COUNTED_TO) for s in states.STATES}
    found: dict[str, Count] = {}
    for state in states.STATES:
        some = select(Case.id).where(*asked, Case.state == state).limit(COUNTED_TO + 1).subquery()
        n = work.session.scalar(select(func.count()).select_from(some)) or 0
        found[state] = Count(min(n, COUNTED_TO), n > COUNTED_TO)
    return found


def _without_states(wanted: Filter) -> Filter:
    return Filter(**{**vars(wanted), "states": (), "sort": "newest"})


def _is_tallied(work: Work, wanted: Filter) -> bool:
    """Whether the actor sees the whole ledger and asks for all of it, or for one lead unit's part."""
    plain = Filter(unit=wanted.unit, states=wanted.states, sort=wanted.sort, ascending=wanted.ascending)
    return wanted == plain and cases.visible(work.actor).compare(true())


def _tallied(work: Work, unit: str | None) -> dict[str, Count]:
    query = select(CaseTally.state, func.sum(CaseTally.n)).group_by(CaseTally.state)
    if unit:
        query = query.where(CaseTally.lead_unit == unit)
    kept = {state: int(n) for state, n in work.session.execute(query)}
    return {state: Count(kept.get(state, 0), False) for state in states.STATES}


def fold_tallies(work: Work) -> None:
    """Sum up the changes, so that reading them stays cheap. Changes made meanwhile are summed up next time."""
    gone = work.session.execute(delete(CaseTally).returning(CaseTally.lead_unit, CaseTally.state, CaseTally.n))
    sums: dict[tuple[str | None, str], int] = {}
    for unit, state, n in gone:
        sums[unit, state] = sums.get((unit, state), 0) + n
    work.session.add_all(CaseTally(lead_unit=u, state=s, n=n) for (u, s), n in sums.items() if n)


def note_use(work: Work, kind: str, rows: int, detail: dict[str, Any]) -> None:
    """Write down who took the ledger out, or brought one in."""
    work.session.add(
        LedgerUse(
            at=work.now, kind=kind, actor=work.actor.label, role=work.actor.role, unit_code=work.actor.unit, rows=rows,
            detail=detail,
        )
    )  # fmt: skip
