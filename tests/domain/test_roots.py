"""Roots of the ledger: when they are made, what they state, how one case is proven by them."""

from __future__ import annotations

import base64
import copy
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backend.clients.root_places import RootDiffers, RootFolder
from backend.domain import events, merkle, roots
from backend.domain.faults import Fault, NotFound
from backend.domain.roots import FIRST, BadRoot, RootFile, Statement
from backend.models import Case, CaseEvent, Deferred, LedgerRoot
from backend.signing import Signer, new_private_key
from backend.work import Work
from tests.domain.ledger import HANDLER, OFFICE, act, case_in, submitted, undone

SIGNER = Signer(new_private_key())
CHECK = Path(__file__).parents[2] / "docs" / "check_proof.py"


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def make(work: Work, **how: Any) -> Statement:
    made = roots.make(work, SIGNER, **how)
    assert made is not None
    return Statement.read(made.statement)


# ---- the tree --------------------------------------------------------------------------------------------------------


def by_the_rfc(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + by_the_rfc(leaves[:k]) + by_the_rfc(leaves[k:])).digest()


def test_the_tree_has_the_published_values() -> None:
    """From the test vectors of the reference implementation of RFC 6962: leaves "", 00, 10, 2021 …"""
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [sha256(b"\0" + bytes.fromhex(text)).digest() for text in data]
    assert merkle.root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.data())
def test_every_leaf_climbs_to_the_root_by_a_short_path(leaves: list[bytes], data: st.DataObject) -> None:
    assert merkle.root(leaves) == by_the_rfc(leaves)
    if not leaves:
        return
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle.path(leaves, index)
    assert merkle.climb(leaves[index], path) == merkle.root(leaves)
    assert len(path) <= (len(leaves) - 1).bit_length()


# ---- the statement ---------------------------------------------------------------------------------------------------

SAID = Statement("530199", 3, datetime(2026, 6, 1, 2, 0, tzinfo=UTC), "hourly", 812, 6031, 0, "4a" * 32, FIRST)


def test_a_statement_is_text_that_anybody_can_read() -> None:
    assert SAID.text == (
        "qinghe-ledger-root/1\ncounty 530199\nroot 3\nat 2026-06-01T02:00:00Z\nkind hourly\ncases 812\nevents 6031\n"
        f"broken 0\ntree {'4a' * 32}\nprevious {'0' * 64}\n"
    )
    assert Statement.read(SAID.text) == SAID


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ledger-root/1", "ledger-root/2"), ("root 3", "root 03"), ("root 3", "root three"), ("\nkind hourly", ""),
        ("cases 812", "events 812"), ("02:00:00Z", "02:00:00+00:00"), ("previous", "\nprevious"), ("0\n", "0"),
    ],
)  # fmt: skip
def test_nothing_but_a_statement_is_read_as_one(old: str, new: str) -> None:
    with pytest.raises(BadRoot):
        Statement.read(new.join(SAID.text.rsplit(old, 1)))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": "other"}', b'{"format": "qinghe-ledger-root-file/1"}'])
def test_a_file_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadRoot):
        RootFile.read(data)


# ---- making ----------------------------------------------------------------------------------------------------------


def test_one_root_an_hour_and_the_first_of_a_day_is_the_days(work: Work) -> None:
    case_in(work, "assigned")
    first = make(work)  # 09:00 on Monday in Shanghai
    assert (first.root, first.kind, first.cases, first.events, first.previous) == (1, "daily", 1, 2, FIRST)
    work.now += timedelta(minutes=59)
    assert roots.make(work, SIGNER) is None, "the hour has one"
    work.now += timedelta(minutes=1)
    second = make(work)
    assert (second.root, second.kind, second.previous) == (2, "hourly", first.hash)
    assert make(work, extra=True).kind == "extra"
    work.now += timedelta(hours=14, minutes=-1)  # a minute to midnight
    assert make(work).kind == "hourly"
    work.now += timedelta(minutes=1)
    assert make(work).kind == "daily"
    due = work.session.scalars(select(Deferred).where(Deferred.name == "publish_root").order_by(Deferred.id))
    assert [row.args for row in due] == [["1"], ["2"], ["3"], ["4"], ["5"]]


def test_an_empty_ledger_has_a_root_too(work: Work) -> None:
    said = make(work)
    assert (said.cases, said.events, said.tree) == (0, 0, sha256(b"").hexdigest())


def test_the_tree_is_over_the_heads_of_all_cases_and_each_root_keeps_only_what_is_new(work: Work) -> None:
    one, other = case_in(work, "assigned"), case_in(work, "triage")
    make(work)
    before = {head.case_id: head for head in roots.heads_at(work, 1)}
    assert {(head.number, head.version, head.head) for head in before.values()} == {
        (case.number, case.version, case.head_hash) for case in (one, other)
    }
    act(work, one, HANDLER, "accept")
    work.now += timedelta(hours=1)
    said = make(work)
    assert [head.case_id for head in roots.heads_at(work, 2, since=1)] == [str(one.id)]
    whole = roots.heads_at(work, 2)
    assert [head.version for head in sorted(whole, key=lambda head: head.number)] == [3, other.version]
    lines = [f"{h.case_id} {h.number} {h.version} {h.head}" for h in sorted(whole, key=lambda head: str(head.case_id))]
    assert said.tree == by_the_rfc([sha256(b"\0" + line.encode()).digest() for line in lines]).hex()
    assert {head.case_id: head for head in roots.heads_at(work, 1)} == before, "the first root states what it stated"


def test_a_root_never_takes_back_what_was_signed(work: Work) -> None:
    """A case that shows less than before is stated as it was, and counted."""
    case = case_in(work, "accepted")
    before = make(work)
    case.version, case.head_hash = 1, "0" * 64
    work.session.flush()
    work.now += timedelta(hours=1)
    after = make(work)
    assert (after.broken, after.tree, after.events) == (1, before.tree, before.events)


# ---- outside ---------------------------------------------------------------------------------------------------------


def test_the_daily_files_alone_name_every_case(work: Work, tmp_path: Path) -> None:
    place = RootFolder(tmp_path)
    cases = []
    for hours in (0, 1, 1, 23, 1):
        work.now += timedelta(hours=hours)
        cases.append(case_in(work, "assigned"))
        make(work)
    for n in range(1, 6):
        roots.publish(work, n, [place])
        roots.publish(work, n, [place])
    assert place.names() == [
        "daily/2026/root-00000001.json", "daily/2026/root-00000004.json", "hourly/2026/root-00000002.json",
        "hourly/2026/root-00000003.json", "hourly/2026/root-00000005.json",
    ]  # fmt: skip
    files, bad = roots.read_place(place)
    assert [(file.statement.root, file.since, len(file.heads)) for file in files] == [(1, 0, 1), (4, 1, 3), (5, 4, 1)]
    assert bad == []
    known = {head.case_id for file in files for head in file.heads}
    assert known == {str(case.id) for case in cases}
    assert all(SIGNER.public.signed(file.statement.text, file.signature) for file in files)


def test_a_root_is_never_written_over_another(work: Work, tmp_path: Path) -> None:
    make(work)
    place = RootFolder(tmp_path)
    roots.publish(work, 1, [place])
    root = work.session.get_one(LedgerRoot, 1)
    case_in(work, "assigned")
    work.session.expunge(root)
    root.signature = "AAAA"
    with pytest.raises(RootDiffers):
        place.put(roots.name_of(root), roots.file_of(work, root).write())


# ---- proofs ----------------------------------------------------------------------------------------------------------


def checked(tmp_path: Path, proof: dict[str, Any], pem: str = SIGNER.public.pem) -> tuple[int, str]:
    """What a stranger sees who runs the published script on the proof."""
    (tmp_path / "proof.json").write_text(json.dumps(proof, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "key.pem").write_text(pem)
    command = [sys.executable, "-I", str(CHECK), "proof.json", "key.pem"]
    done = subprocess.run(
        command, cwd=tmp_path, check=False, capture_output=True, encoding="utf-8", env={"PYTHONUTF8": "1"}
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def proven(work: Work) -> tuple[Case, dict[str, Any]]:
    case = case_in(work, "in_review")
    for _ in range(4):
        submitted(work)
    make(work)
    return case, roots.prove(work, case.number, words=True)


def test_a_stranger_can_check_a_proof(proven: tuple[Case, dict[str, Any]], tmp_path: Path) -> None:
    case, proof = proven
    assert len(proof["path"]) <= 3
    code, said = checked(tmp_path, proof)
    assert code == 0, said
    assert f"案件 {case.number} 的 5 条事件" in said
    assert {words["text"] for words in proof["words"].values()} == {"位于该乡镇境内。", "清运垃圾", "已清理"}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="this machine has no openssl")
def test_the_statement_can_be_checked_by_hand(proven: tuple[Case, dict[str, Any]], tmp_path: Path) -> None:
    """The command of docs/ledger-proof.md."""
    (tmp_path / "root.txt").write_text(proven[1]["statement"], newline="")
    (tmp_path / "root.sig").write_bytes(base64.b64decode(proven[1]["signature"]))
    (tmp_path / "county.pem").write_text(SIGNER.public.pem)
    command = "openssl pkeyutl -verify -pubin -inkey county.pem -rawin -in root.txt -sigfile root.sig"
    assert command in (CHECK.parent / "ledger-proof.md").read_text("utf-8")
    done = subprocess.run(command.split(), cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FORGED = {
    "签名": lambda proof: proof.update(statement=proof["statement"].replace("cases 5", "cases 6")),
    "不在这个台账根之下": lambda proof: proof["case"].update(number="QH-2026-999999"),
    "事件条数": lambda proof: proof["events"].pop(),
    "第 3 条事件不属于这个位置": lambda proof: proof["events"].insert(2, proof["events"].pop(3)),
    "第 4 条事件接不上前一条": lambda proof: proof["events"].insert(
        2, proof["events"].pop(2).replace("handler", "office")
    ),
    "最后一条事件": lambda proof: proof["events"].append(proof["events"].pop().replace("handler", "office")),
    "文字被改动": lambda proof: proof["words"]["2"].update(text="位于邻镇境内。"),
}


@pytest.mark.parametrize("complaint", FORGED)
def test_a_forged_proof_is_refused(proven: tuple[Case, dict[str, Any]], tmp_path: Path, complaint: str) -> None:
    proof = copy.deepcopy(proven[1])
    FORGED[complaint](proof)
    code, said = checked(tmp_path, proof)
    assert code == 1
    assert complaint in said


def test_a_proof_by_another_key_is_refused(proven: tuple[Case, dict[str, Any]], tmp_path: Path) -> None:
    code, said = checked(tmp_path, proven[1], Signer(new_private_key()).public.pem)
    assert code == 1
    assert "签名与公钥不符" in said


def test_a_proof_by_an_earlier_root_has_the_events_of_then(work: Work) -> None:
    case = case_in(work, "assigned")
    make(work)
    act(work, case, HANDLER, "accept")
    work.now += timedelta(hours=1)
    make(work)
    assert len(roots.prove(work, case.number)["events"]) == 3
    assert len(roots.prove(work, case.number, 1)["events"]) == 2


def test_what_cannot_be_proven_is_said(work: Work) -> None:
    case = case_in(work, "in_review")
    with pytest.raises(NotFound):
        roots.prove(work, case.number)
    make(work)
    with pytest.raises(NotFound):
        roots.prove(work, "QH-2026-999999")
    with pytest.raises(NotFound):
        roots.prove(work, case.number, 2)
    act(work, case, OFFICE, "close")
    root = work.session.get_one(LedgerRoot, 1)
    work.session.expunge(root)
    said = Statement.read(root.statement)
    root = LedgerRoot(
        n=2, at=root.at, kind="extra", statement=Statement(**{**vars(said), "root": 2, "tree": "0" * 64}).text,
        signature="", key="",
    )  # fmt: skip
    work.session.add(root)
    work.session.flush()
    with pytest.raises(Fault, match="root_does_not_fit"):
        roots.prove(work, case.number)


# ---- the link of an event --------------------------------------------------------------------------------------------

NUMBERS = (
    0, -1, 2**70, -(2**70), 0.0, -0.0, 0.1, 1.0, -1.5, 1e15, 9007199254740993.0, 1e16, 1.5e16, -1e16, 1e22, 1.7e308,
    1e-7, 5e-324, 2.2250738585072014e-308, 102.71929600000001,
)  # fmt: skip
WORDS = ("", "河", '"引号"\\', "a\tb\r\n\x01\x1f\x7f", "\u2028\ufeff😀", "</script>", "null")


def anything(luck: random.Random, depth: int = 3) -> Any:
    """JSON of every kind, numbers of every size among it."""
    kind = luck.randrange(7 if depth else 5)
    if kind < 2:
        return luck.choice(NUMBERS) if kind else luck.uniform(-1, 1) * 10.0 ** luck.randint(-300, 300)
    if kind < 5:
        return (luck.choice(WORDS), luck.choice((True, False, None)), luck.randint(-(10**18), 10**18))[kind - 2]
    parts = [anything(luck, depth - 1) for _ in range(luck.randint(0, 4))]
    return parts if kind == 5 else {luck.choice(WORDS) + luck.choice("aZé水"): part for part in parts}


def test_what_an_event_carries_comes_back_from_the_database_as_it_was_hashed(work: Work) -> None:
    luck, case = random.Random(7), submitted(work)
    made = [
        events.append(work, case, "grade", case.state, {"numbers": NUMBERS, "words": WORDS, "some": anything(luck)})
        for _ in range(200)
    ]
    work.session.flush()
    hashed = [event.hash for event in made]
    work.session.expire_all()
    assert [events.link(event) for event in made] == hashed


def test_the_canonical_text_is_json_with_sorted_keys(work: Work) -> None:
    case = case_in(work, "accepted")
    for event in work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id)):
        text = events.canonical(event)
        assert text == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert events.canonical_data(json.dumps(event.data)) in text
