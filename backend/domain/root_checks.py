"""Whether the roots of the ledger fit each other, in the database and outside, and what they state about each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Text, select

from backend.domain import roots
from backend.domain.discrepancies import Discrepancy
from backend.domain.roots import FIRST, BadRoot, Head, RootFile, Statement
from backend.domain.verification import Known
from backend.models import LedgerHead, LedgerRoot
from backend.signing import PublicKey

if TYPE_CHECKING:
    from backend.work import Work

# A root that is younger than this may be on its way to a place outside.
ON_ITS_WAY = timedelta(hours=2)


@dataclass(frozen=True)
class Kept:
    """What a place outside has: its roots by number, the names of files that are none, and of those written over.

    `copy`: somebody's copy of a place, which may end earlier and begin later than the place itself.
    """

    title: str
    files: Sequence[RootFile]
    bad: Sequence[str] = ()
    touched: Sequence[str] = ()
    copy: bool = False

    @property
    def whole(self) -> bool:
        """Whether the files follow one another from the first root, so that together they name every case."""
        reached = 0
        for file in self.files:
            if file.since > reached:
                return False
            reached = file.statement.root
        return True


@dataclass
class Checked:
    """`known` holds what the roots state about cases, from the database and from outside."""

    known: Known = field(default_factory=Known)
    roots: int = 0
    discrepancies: list[Discrepancy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        self.discrepancies.append(Discrepancy("root", what=what))


def check(
    work: Work, places: Sequence[Kept], keys: dict[str, PublicKey], since: int | None = None, every_tree: bool = False
) -> Checked:
    """Check all roots: their signatures, their chain, the latest tree (with `every_tree` each) and that of `since`."""
    found = Checked()
    rows = list(work.session.scalars(select(LedgerRoot).order_by(LedgerRoot.n)))
    found.roots = len(rows)
    statements = _chain(found, rows, keys)
    _trees(work, found, statements, since, every_tree)
    for place in places:
        _outside(work, found, place, rows, keys)
    return found


def _signed(root: LedgerRoot | RootFile, statement: str, keys: dict[str, PublicKey]) -> bool:
    key = keys.get(root.key)
    return key is not None and key.signed(statement, root.signature)


def _chain(found: Checked, rows: list[LedgerRoot], keys: dict[str, PublicKey]) -> dict[int, Statement]:
    """The statements in the database by number, each of which must follow from the one before."""
    statements: dict[int, Statement] = {}
    n, previous = 0, FIRST
    for row in rows:
        if row.n != n + 1:
            found.wrong(f"库中缺第 {n + 1} 号台账根")
        n = row.n
        try:
            said = Statement.read(row.statement)
        except BadRoot:
            found.wrong(f"库中第 {n} 号台账根的内容被改动")
            previous = ""
            continue
        if row.key not in keys:
            found.wrong(f"没有第 {n} 号台账根的公钥 {row.key}，请用 --public-key 给出")
        elif not _signed(row, row.statement, keys):
            found.wrong(f"库中第 {n} 号台账根的签名不对")
        if (said.root, said.kind, said.at) != (row.n, row.kind, row.at):
            found.wrong(f"库中第 {n} 号台账根的编号、种类或时间被改动")
        if said.previous != previous:
            found.wrong(f"第 {n} 号台账根接不上第 {n - 1} 号")
        if said.broken:
            found.notes.append(f"第 {n} 号台账根生成时已有 {said.broken} 个案件接不上此前的台账根。")
        statements[n], previous = said, said.hash
    return statements


def _trees(work: Work, found: Checked, statements: dict[int, Statement], since: int | None, every_tree: bool) -> None:
    """The heads that the database keeps, against the trees that were signed; and what they state about cases."""
    if since is not None and since not in statements:
        found.wrong(f"库中没有第 {since} 号台账根")
    wanted = set(statements) if every_tree else {max(statements, default=0), since or 0}
    heads: dict[str, Head] = {}
    h = LedgerHead
    rows = select(h.case_id.cast(Text), h.number, h.version, h.head, h.root).order_by(h.root)
    streamed = work.session.execute(rows, execution_options={"yield_per": 5000})
    row = next(streamed, None)
    for n, said in sorted(statements.items()):
        new = []
        while row is not None and row.root <= n:
            new.append(Head(*row[:4]))
            row = next(streamed, None)
        found.known.add(n, new)
        heads.update((head.case_id, head) for head in new)
        if n in wanted and not _fits(said, heads):
            found.wrong(f"库中记的案件末端与第 {n} 号台账根不符")


def _fits(said: Statement, heads: dict[str, Head]) -> bool:
    listed = sorted(heads.values())
    events = sum(head.version for head in listed)
    return (said.cases, said.events, said.tree) == (len(listed), events, roots.tree_of(listed))


def _outside(work: Work, found: Checked, place: Kept, rows: list[LedgerRoot], keys: dict[str, PublicKey]) -> None:
    """What a place outside has, against the database: it is the place that is believed when it is signed."""
    for name in place.bad:
        found.wrong(f"{place.title}的 {name} 不是台账根")
    for name in place.touched:
        found.wrong(f"{place.title}的 {name} 被人改写或删除过（最初的一份还在）")
    own = {row.n: row.statement for row in rows}
    heads: dict[str, Head] = {}
    last: Statement | None = None
    for file in place.files:
        n = file.statement.root
        if not _signed(file, file.statement.text, keys):
            found.wrong(f"{place.title}的第 {n} 号台账根签名不对")
            continue
        if n not in own:
            found.wrong(f"{place.title}有第 {n} 号台账根，库中没有")
        elif own[n] != file.statement.text:
            found.wrong(f"库中第 {n} 号台账根与{place.title}的不同")
        found.known.add(n, file.heads)
        heads.update((head.case_id, head) for head in file.heads)
        last = file.statement
    if last is None:
        found.notes.append(f"{place.title}中没有台账根。")
    elif not place.whole and place.copy:
        found.notes.append(f"{place.title}只有一部分台账根，只核对其中记的案件。")
    elif not place.whole or not _fits(last, heads):
        found.wrong(f"{place.title}的台账根不全，或其中记的案件末端被改动")
    if not place.copy:
        _missing(work, found, place, rows)


def _missing(work: Work, found: Checked, place: Kept, rows: list[LedgerRoot]) -> None:
    """Every daily root is to be outside, and every hourly one since."""
    there = {file.statement.root for file in place.files}
    newest = max((row.n for row in rows if row.kind == "daily"), default=0)
    for row in rows:
        if row.n in there or (row.kind != "daily" and row.n < newest):
            continue
        if row.at > work.now - ON_ITS_WAY:
            found.notes.append(f"第 {row.n} 号台账根还没有写到{place.title}。")
        else:
            found.wrong(f"{place.title}没有第 {row.n} 号台账根")
