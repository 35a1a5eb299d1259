"""Roots of the ledger 台账根: signed statements about the heads of all cases, kept inside and outside the database.

A root's statement is text, so that a stranger can check it with tools that every system has. Its lines, in order:

    qinghe-ledger-root/1
    county 530199             the county's code
    root 123                  counted from 1
    at 2026-06-01T02:00:00Z
    kind hourly               or daily, extra
    cases 812                 leaves of the tree
    events 6031               the sum of the cases' events
    broken 0                  cases that do not continue what an earlier root has stated
    tree 4ae1…                root of the Merkle tree (domain/merkle.py) over the cases, sorted by id;
                              a leaf is the text "id number events head"
    previous 83b0…            SHA-256 of the statement before, zeros for the first

What is signed, and hashed for the next one, are exactly these lines, each with its line feed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import Text, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from backend.clock import shanghai_day
from backend.domain import events, merkle
from backend.domain.faults import Fault, NotFound
from backend.models import Case, CaseEvent, LedgerHead, LedgerRoot, PersonalText
from backend.models.cases import number_of
from backend.signing import Signer

if TYPE_CHECKING:
    from backend.work import Work

Kind = Literal["hourly", "daily", "extra"]
FIRST = "0" * 64
_FORMAT = "qinghe-ledger-root/1"
_FILE_FORMAT = "qinghe-ledger-root-file/1"
_PROOF_FORMAT = "qinghe-ledger-proof/1"
_LINES = ("county", "root", "at", "kind", "cases", "events", "broken", "tree", "previous")


class BadRoot(ValueError):  # noqa: N818
    """This is no statement of a root, or no file of one."""


class Place(Protocol):
    """A place outside the database where roots are kept: backend.clients.root_places."""

    title: str

    def put(self, name: str, data: bytes) -> None:
        """Keep it; what is kept already under this name stays, and other content for it is refused."""

    def names(self) -> list[str]: ...
    def get(self, name: str) -> bytes: ...


class Head(NamedTuple):
    """The head of a case's chain. Ids are text throughout: a hundred thousand of them are only sorted and written."""

    case_id: str
    number: str
    version: int
    head: str

    @property
    def leaf(self) -> str:
        return f"{self.case_id} {self.number} {self.version} {self.head}"


@dataclass(frozen=True)
class Statement:
    county: str
    root: int
    at: datetime
    kind: str
    cases: int
    events: int
    broken: int
    tree: str
    previous: str

    @property
    def text(self) -> str:
        values = {**vars(self), "at": f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        return "".join(f"{line}\n" for line in (_FORMAT, *(f"{name} {values[name]}" for name in _LINES)))

    @property
    def hash(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    @classmethod
    def read(cls, text: str) -> Statement:
        """Raises BadRoot for a text that is not, sign by sign, what a statement looks like."""
        lines = [line.partition(" ") for line in text.split("\n")]
        if (lines[0][0], *(name for name, _, _ in lines[1:])) != (_FORMAT, *_LINES, ""):
            raise BadRoot("not the lines of a root's statement")
        values: dict[str, Any] = {name: value for name, _, value in lines[1:-1]}
        try:
            values |= {name: int(values[name]) for name in ("root", "cases", "events", "broken")}
            values["at"] = datetime.fromisoformat(values["at"])
            found = cls(**values)
            same = found.text == text
        except ValueError as error:
            raise BadRoot(str(error)) from error
        if not same:
            raise BadRoot("written otherwise than a root's statement is")
        return found


@dataclass(frozen=True)
class RootFile:
    """A root as it is kept outside: with the heads that are new since the root `since`."""

    statement: Statement
    signature: str
    key: str
    since: int
    heads: tuple[Head, ...]

    def write(self) -> bytes:
        kept = {
            "format": _FILE_FORMAT,
            "statement": self.statement.text,
            "signature": self.signature,
            "key": self.key,
            "since": self.since,
            "heads": self.heads,
        }
        return json.dumps(kept, separators=(",", ":")).encode()

    @classmethod
    def read(cls, data: bytes) -> RootFile:
        try:
            kept = json.loads(data)
            if kept["format"] != _FILE_FORMAT:
                raise BadRoot(f"not {_FILE_FORMAT}")
            heads = tuple(Head(*head) for head in kept["heads"])
            if not all(tuple(map(type, head)) == (str, str, int, str) for head in heads):
                raise BadRoot("not the heads of cases")
            return cls(Statement.read(kept["statement"]), kept["signature"], kept["key"], kept["since"], heads)
        except (ValueError, KeyError, TypeError) as error:
            raise BadRoot(str(error)) from error


def tree_of(heads: Iterable[Head]) -> str:
    """The root of the tree over heads that are sorted by case."""
    return merkle.root([merkle.leaf(head.leaf) for head in heads]).hex()


def heads_at(work: Work, n: int, since: int = 0) -> list[Head]:
    """Each case's head as root `n` states it, sorted by case; with `since`, only those new after that root."""
    latest = (
        select(LedgerHead.case_id.cast(Text), LedgerHead.number, LedgerHead.version, LedgerHead.head)
        .where(LedgerHead.root <= n, LedgerHead.root > since)
        .ext(distinct_on(LedgerHead.case_id))
        .order_by(LedgerHead.case_id, LedgerHead.root.desc())
    )
    return [Head(*row) for row in work.session.execute(latest)]


def page(work: Work, before: int | None, limit: int) -> list[LedgerRoot]:
    """Roots, the latest first."""
    query = select(LedgerRoot).order_by(LedgerRoot.n.desc()).limit(limit)
    return list(work.session.scalars(query if before is None else query.where(LedgerRoot.n < before)))


def _last(work: Work, *kinds: Kind) -> LedgerRoot | None:
    query = select(LedgerRoot).order_by(LedgerRoot.n.desc()).limit(1)
    return work.session.scalar(query.where(LedgerRoot.kind.in_(kinds)) if kinds else query)


def make(work: Work, signer: Signer, extra: bool = False) -> LedgerRoot | None:
    """Make this hour's root, the day's when it is the first of the day; None when there is one. `extra`: one besides.

    A case that is gone, or shows less than an earlier root has stated, keeps the head of that root, and is counted as
    broken: a root never takes back what was signed.
    """
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("ledger roots"))))
    kind = "extra" if extra else _due(work)
    if kind is None:
        return None
    last = _last(work)
    known = {head.case_id: head for head in heads_at(work, last.n)} if last else {}
    grown, broken = _grown(work, known)
    heads = sorted((known | {head.case_id: head for head in grown}).values())
    statement = Statement(
        county=work.county.code,
        root=last.n + 1 if last else 1,
        at=work.now.replace(microsecond=0),
        kind=kind,
        cases=len(heads),
        events=sum(head.version for head in heads),
        broken=broken,
        tree=tree_of(heads),
        previous=Statement.read(last.statement).hash if last else FIRST,
    )
    made = LedgerRoot(
        n=statement.root, at=statement.at, kind=kind, statement=statement.text, signature=signer.sign(statement.text),
        key=signer.public.fingerprint,
    )  # fmt: skip
    work.session.add(made)
    work.session.flush()
    if grown:
        work.session.execute(
            insert(LedgerHead), [{**head._asdict(), "root": made.n, "case_id": UUID(head.case_id)} for head in grown]
        )
    work.defer("publish_root", made.n)
    return made


def _due(work: Work) -> Kind | None:
    daily, last = _last(work, "daily"), _last(work, "daily", "hourly")
    if daily is None or shanghai_day(daily.at) != shanghai_day(work.now):
        return "daily"
    hour = work.now.replace(minute=0, second=0, microsecond=0)
    return "hourly" if last is None or last.at < hour else None


def _grown(work: Work, known: dict[str, Head]) -> tuple[list[Head], int]:
    """The heads that have moved on since they were known, and how many cases do not go on from where they were."""
    grown, missing, broken = [], set(known), 0
    rows = select(Case.id.cast(Text), Case.opened_at, Case.serial, Case.version, Case.head_hash)
    for case_id, opened_at, serial, version, head in work.session.execute(rows):
        missing.discard(case_id)
        before = known.get(case_id)
        if before is None or version > before.version:
            # A number, once stated, stays: another one is for the verification to find.
            grown.append(Head(case_id, before.number if before else number_of(opened_at, serial), version, head))
        elif (version, head) != (before.version, before.head):
            broken += 1
    return grown, broken + len(missing)


def publish(work: Work, n: int, places: Iterable[Place]) -> None:
    """Write a root to every place outside the database. Repeats change nothing."""
    root = work.session.get_one(LedgerRoot, n)
    data = file_of(work, root).write()
    for place in places:
        place.put(name_of(root), data)


def file_of(work: Work, root: LedgerRoot) -> RootFile:
    """With the heads since the root before; the day's with those since the day's before, so that the daily files
    alone are whole."""
    since = root.n - 1
    if root.kind == "daily":
        earlier = select(func.max(LedgerRoot.n)).where(LedgerRoot.n < root.n, LedgerRoot.kind == "daily")
        since = work.session.scalar(earlier) or 0
    heads = tuple(heads_at(work, root.n, since))
    return RootFile(Statement.read(root.statement), root.signature, root.key, since, heads)


def name_of(root: LedgerRoot) -> str:
    return f"{'daily' if root.kind == 'daily' else 'hourly'}/{root.at.astimezone(UTC):%Y}/root-{root.n:08d}.json"


def read_place(place: Place) -> tuple[list[RootFile], list[str]]:
    """The daily roots of a place and the hourly ones after the last of them; and the names of what is no root."""
    names = {name: _number_in(name) for name in place.names()}
    newest = max((n for name, n in names.items() if name.startswith("daily/")), default=0)
    found, bad = [], []
    for name, n in sorted(names.items(), key=lambda named: (named[1], named[0])):
        if name.startswith("hourly/") and n < newest:
            continue
        try:
            found.append(RootFile.read(place.get(name)))
        except BadRoot:
            bad.append(name)
    return sorted(found, key=lambda file: file.statement.root), bad


def _number_in(name: str) -> int:
    digits = PurePosixPath(name).stem.removeprefix("root-")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def prove(work: Work, number: str, n: int | None = None, words: bool = False) -> dict[str, Any]:
    """What shows a stranger that this case, with exactly these events, is under root `n` (the latest that has it).

    With `words`, the words of people in the events as well, each with its salt, so far as they are not erased.
    Raises NotFound, or Fault when the database no longer fits that root.
    """
    newest = _last(work)
    n = newest.n if n is None and newest else n
    root = work.session.get(LedgerRoot, n) if n else None
    if root is None:
        raise NotFound("没有这个台账根。请先等每小时的台账根生成，或运行 qinghe ledger root。", "no_root")
    heads = heads_at(work, root.n)
    index = next((i for i, head in enumerate(heads) if head.number == number), None)
    if index is None:
        raise NotFound(f"第 {root.n} 号台账根中没有案件 {number}。", "not_under_root")
    head, statement = heads[index], Statement.read(root.statement)
    if tree_of(heads) != statement.tree:
        raise Fault("root_does_not_fit", f"库中的记录与第 {root.n} 号台账根不符，请运行 qinghe ledger verify。")
    rows = work.session.execute(
        select(CaseEvent, PersonalText.salt, PersonalText.text)
        .outerjoin(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == head.case_id, CaseEvent.seq <= head.version)
        .order_by(CaseEvent.seq)
    ).all()
    leaves = [merkle.leaf(one.leaf) for one in heads]
    proof = {
        "format": _PROOF_FORMAT,
        "case": {"id": head.case_id, "number": head.number, "events": head.version, "head": head.head},
        "path": [{"side": step.side, "hash": step.hash.hex()} for step in merkle.path(leaves, index)],
        "statement": statement.text,
        "signature": root.signature,
        "key": root.key,
        "genesis": events.genesis(head.case_id),
        "events": [events.canonical(event) for event, _, _ in rows],
    }
    if words:
        proof["words"] = {str(event.seq): {"salt": salt, "text": text} for event, salt, text in rows if salt}
    return proof
