"""Verification of the ledger 台账校验: every link of every chain is recomputed and held against all that is known.

A chain is held against itself, the row of its case, the words that it has digests of, and what signed roots have
stated, those kept outside the database above all. Whoever owns the database can recompute a chain, but not a root.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Row, Text, func, select, text

from backend.domain import events, roots, word_checks
from backend.domain.discrepancies import Discrepancy, Outcome
from backend.domain.roots import Head
from backend.models import Case, CaseEvent, LedgerHead
from backend.models.cases import number_of

if TYPE_CHECKING:
    from backend.work import Work

_AT_ONCE = 5000


class Read(NamedTuple):
    """An event as it is read: the columns that are hashed, and the hash. Ids and data stay text, because they are only
    written again. Its fields are had at a tenth of what those of a row of SQLAlchemy cost."""

    case_id: str
    seq: int
    action: str
    from_state: str | None
    to_state: str
    at: datetime
    actor: str
    role: str
    unit_code: str | None
    data: str
    text_digest: str | None
    county_version: int
    prev_hash: str
    hash: str


class Stated(NamedTuple):
    """What a root has stated about a case when it had `version` events."""

    root: int
    version: int
    head: str


@dataclass
class Known:
    """What roots have stated about all cases, and the numbers that they know them by."""

    heads: dict[str, dict[tuple[int, str], int]] = field(default_factory=lambda: defaultdict(dict))
    numbers: dict[str, str] = field(default_factory=dict)

    def add(self, root: int, heads: Sequence[Head]) -> None:
        for head in heads:
            self.heads[head.case_id].setdefault((head.version, head.head), root)
            self.numbers.setdefault(head.case_id, head.number)

    def of(self, case_id: str) -> list[Stated]:
        stated = self.heads.pop(case_id, {})
        return sorted(Stated(root, version, head) for (version, head), root in stated.items())


def verify(
    work: Work, known: Known, since: int | None = None, progress: Callable[[int], None] = lambda done: None
) -> Outcome:
    """Recompute every chain and hold it against `known`; with `since`, only what came after that root.

    `work` must see one moment of the database (backend.work.reading). `since` is to be a root that was checked.
    """
    outcome = Outcome()
    anchors = {head.case_id: head for head in roots.heads_at(work, since)} if since else {}
    cases = _cases(work)
    case = next(cases, None)
    for case_id, rows in groupby(_events(work, since), key=itemgetter(0)):
        while case is not None and case.id < case_id:
            _check(outcome, case, [], known, anchors.pop(case.id, None))
            case = next(cases, None)
        of_case = list(rows)
        if case is not None and case.id == case_id:
            _check(outcome, case, of_case, known, anchors.pop(case_id, None))
            case = next(cases, None)
        else:
            _orphans(outcome, case_id, of_case, known)
        outcome.events += len(of_case)
        progress(len(of_case))
    while case is not None:
        _check(outcome, case, [], known, anchors.pop(case.id, None))
        case = next(cases, None)
    for case_id in list(known.heads):
        _gone(outcome, known, case_id)
    word_checks.check(work, outcome, known.numbers)
    _guards(work, outcome)
    return outcome


def count(work: Work) -> int:
    """How many events there are."""
    return work.session.scalar(select(func.count()).select_from(CaseEvent)) or 0


def _cases(work: Work) -> Iterator[Row[Any]]:
    case_id = Case.id.cast(Text).label("id")
    columns = select(case_id, Case.opened_at, Case.serial, Case.state, Case.version, Case.head_hash)
    return _streamed(work, columns.order_by(Case.id))


def _events(work: Work, since: int | None) -> Iterator[Read]:
    c = CaseEvent.__table__.c
    columns = select(*(c[name].cast(Text) if name in ("case_id", "data") else c[name] for name in Read._fields))
    if since:
        anchored = (
            select(LedgerHead.case_id, func.max(LedgerHead.version).label("version"))
            .where(LedgerHead.root <= since)
            .group_by(LedgerHead.case_id)
            .subquery()
        )
        columns = columns.outerjoin(anchored, anchored.c.case_id == c.case_id)
        columns = columns.where(c.seq >= func.coalesce(anchored.c.version, 0))
    return map(Read._make, _streamed(work, columns.order_by(c.case_id, c.seq)))


def _streamed(work: Work, query: Any) -> Iterator[Row[Any]]:
    """Row by row from a cursor that the server keeps, so that a ledger of any size fits."""
    return iter(work.session.execute(query, execution_options={"yield_per": _AT_ONCE}))


def _check(outcome: Outcome, case: Row[Any], rows: list[Read], known: Known, anchor: Head | None) -> None:
    """One case: its chain, then its own row, then what roots have stated. What is broken explains what follows."""
    outcome.cases += 1
    number = number_of(case.opened_at, case.serial)
    stated = known.of(case.id)
    named = known.numbers.get(case.id, number)
    if named != number:
        outcome.discrepancies.append(Discrepancy("number", named, 0, f"现在写作 {number}"))
    found = list(_chain(case.id, rows, anchor))
    own = None if found else _own_row(case, rows)
    if own is not None:
        found.append(own)
    if rows and all(one.kind == "head" for one in found):
        found.extend(_stated(stated, rows, anchor))
    outcome.discrepancies.extend(one._replace(number=named) for one in found)


def _chain(case_id: str, rows: list[Read], anchor: Head | None) -> Iterator[Discrepancy]:
    """Each event that does not follow from the one before, or is not what it was when it was linked."""
    seq, head = 0, events.genesis(case_id)
    for place, row in enumerate(rows):
        if anchor is not None and row.seq == anchor.version:  # hashed when the root was made; compared with it below
            seq, head = row.seq, row.hash
            continue
        whole = _link(row) == row.hash
        if not (whole and row.seq == seq + 1 and row.prev_hash == head):
            yield _named(rows, place, seq, whole)
        seq, head = row.seq, row.hash


def _named(rows: list[Read], place: int, seq: int, whole: bool) -> Discrepancy:
    """What has happened at the event at this place, where `seq` is the number of the one before."""
    row = rows[place]
    if not whole:
        was = next((n for n in range(1, rows[-1].seq + 2) if n != row.seq and _as(row, n) == row.hash), None)
        if was is not None:
            return _discrepancy("moved", row, f"原为第 {was} 条")
        return _discrepancy("edited", row, "重算的摘要与记录不符")
    if row.seq > seq + 1:
        last = f"至第 {row.seq - 1} 条" if row.seq > seq + 2 else ""
        return _discrepancy("removed", row, f"缺第 {seq + 1} 条{last}，接着是")._replace(seq=seq + 1)
    if row.seq <= seq:
        return _discrepancy("inserted", row, f"第 {row.seq} 条有两条")
    if not place:
        return _discrepancy("edited", row, "不是从案件的起点开始")
    before = rows[place - 2].hash if place > 1 else events.genesis(row.case_id)
    if row.prev_hash == before:
        return _discrepancy("inserted", rows[place - 1], f"第 {row.seq} 条接在它前面一条之后")
    return _discrepancy("edited", rows[place - 1], f"被改写并重算，第 {row.seq} 条接不上它")


def _link(row: Read) -> str:
    return events.link(row, events.canonical_data(row.data))


def _as(row: Read, seq: int) -> str:
    """The link of the event if it stood at another place."""
    return _link(row._replace(seq=seq))


def _discrepancy(kind: str, row: Read, what: str) -> Discrepancy:
    return Discrepancy(kind, "", row.seq, what, row.action, row.at)


def _own_row(case: Row[Any], rows: list[Read]) -> Discrepancy | None:
    """A chain that is sound in itself, held against the row of its case."""
    if not rows:
        return Discrepancy("cut", "", 1, f"案件记有 {case.version} 条事件，一条也没有了")
    last = rows[-1]
    if last.seq < case.version:
        return Discrepancy("cut", "", last.seq + 1, f"案件记有 {case.version} 条事件，只剩 {last.seq} 条")
    if last.seq > case.version:
        return _discrepancy("inserted", last, f"案件只记有 {case.version} 条事件")
    if last.hash != case.head_hash:
        return _discrepancy("head", last, "案件所记的摘要不是最后一条事件的")
    if last.to_state != case.state:
        return _discrepancy("head", last, f"案件状态写作 {case.state}，最后一条事件之后应为 {last.to_state}")
    return None


def _stated(stated: list[Stated], rows: list[Read], anchor: Head | None) -> Iterator[Discrepancy]:
    """A chain that is sound in itself, held against what roots have stated of it: the first that does not fit."""
    at = {row.seq: row for row in rows}
    good = anchor.version if anchor else 0
    for one in sorted(stated, key=lambda one: one.version):
        row = at.get(one.version)
        if row is not None and row.hash == one.head:
            good = one.version
        elif row is not None:
            where = f"第 {good + 1} 至 {one.version} 条之间" if one.version > good + 1 else f"第 {one.version} 条"
            what = f"{where}与第 {one.root} 号台账根所记不符"
            yield _discrepancy("rewritten", row, what)._replace(seq=min(good + 1, one.version))
            return
        elif one.version > rows[-1].seq:
            yield Discrepancy("cut", "", rows[-1].seq + 1, f"第 {one.root} 号台账根记有 {one.version} 条事件")
            return


def _orphans(outcome: Outcome, case_id: str, rows: list[Read], known: Known) -> None:
    stated = known.of(case_id)
    number = known.numbers.get(case_id, case_id)
    seen = f"，第 {stated[-1].root} 号台账根记有它" if stated else ""
    outcome.discrepancies.append(
        _discrepancy("orphan", rows[0], f"还有 {len(rows)} 条事件{seen}")._replace(number=number)
    )


def _gone(outcome: Outcome, known: Known, case_id: str) -> None:
    """A case that roots know and the database does not."""
    number, last = known.numbers[case_id], known.of(case_id)[-1]
    outcome.discrepancies.append(
        Discrepancy("case_removed", number, 1, f"第 {last.root} 号台账根记有它的 {last.version} 条事件")
    )


# Table → the triggers that keep it as it is.
GUARDS = {
    "case_events": ("case_events_append_only", "case_events_no_truncate"),
    "ledger_roots": ("ledger_roots_append_only", "ledger_roots_no_truncate"),
    "ledger_heads": ("ledger_heads_append_only", "ledger_heads_no_truncate"),
    "personal_texts": ("personal_texts_erased_only", "personal_texts_no_truncate"),
    "reports": ("reports_words_stay",),
    "supplements": ("supplements_words_stay",),
    "ledger_uses": ("ledger_uses_append_only", "ledger_uses_no_truncate"),
    "identity_looks": ("identity_looks_append_only", "identity_looks_no_truncate"),
}
_WATCHING = """
SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(:table) AND tgenabled IN ('O', 'A') AND NOT tgisinternal
"""


def _guards(work: Work, outcome: Outcome) -> None:
    """Whether the database still refuses what it is to refuse, and whether our own role could get round it."""
    for table, triggers in GUARDS.items():
        watching = set(work.session.scalars(text(_WATCHING), {"table": table}))
        for trigger in triggers:
            if trigger not in watching:
                outcome.discrepancies.append(
                    Discrepancy("guard", what=f"数据表 {table} 的触发器 {trigger} 不在或被停用")
                )
    rights = func.has_table_privilege("case_events", "UPDATE") | func.has_table_privilege("case_events", "DELETE")
    if work.session.scalar(select(rights)):
        outcome.notes.append("当前数据库账号有权改写事件；请让系统使用不拥有数据表的账号（如 qinghe_app）。")
