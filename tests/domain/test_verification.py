"""A forger who owns the database, against the verification of the ledger."""

from __future__ import annotations

import json
import random
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from backend.county import County
from backend.domain import events, verification
from backend.local.testing import Services
from backend.models import CaseEvent
from tests.domain.forgery import FIRST_CASES, Forger, Scene, make_scene


@pytest.fixture(scope="module")
def scene(
    app: APIFlask, services: Services, county: County, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    made = make_scene(app, services, county, tmp_path_factory.mktemp("roots"))
    yield made
    made.owner.dispose()


@pytest.fixture
def forger(scene: Scene) -> Iterator[Forger]:
    with scene.forger() as found:
        yield found


def kinds(forger: Forger, **how: Any) -> list[tuple[str, str, int]]:
    return sorted((one.kind, one.number, one.seq) for one in forger.verified(**how).discrepancies)


def test_an_honest_ledger_is_whole(forger: Forger) -> None:
    for how in ({}, {"since": 1}, {"since": 2}, {"every_tree": True}):
        outcome = forger.verified(**how)  # type: ignore[arg-type]
        assert outcome.discrepancies == []
        assert outcome.cases == 6
    assert forger.verified().events == sum(len(forger.chain(number)) for number in forger.scene.numbers)
    assert forger.verified().texts > 6
    assert forger.verified(since=2).events == 6, "of each case only the event that the root has stated"


# ---- one event -------------------------------------------------------------------------------------------------------

CHANGES: dict[str, dict[str, Any]] = {
    "action": {"action": "start"},
    "from_state": {"from_state": "closed"},
    "to_state": {"to_state": "closed"},
    "actor": {"actor": "person:somebody"},
    "role": {"role": "office"},
    "unit_code": {"unit_code": "530199002"},
    "data": {"data": '{"unit": "530199002", "assisting": []}'},
    "text_digest": {"text_digest": "0" * 64},
    "county_version": {"county_version": 7},
    "prev_hash": {"prev_hash": "0" * 64},
    "hash": {"hash": "0" * 64},
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_edited_event_is_named(forger: Forger, what: str) -> None:
    number = forger.scene.numbers[2]
    event = forger.chain(number)[1]
    forger.change(event, **CHANGES[what])
    first = forger.first()
    assert (first.kind, first.number, first.seq, first.at) == ("edited", number, 2, event.at)


def test_a_unit_taken_out_of_the_record_is_named(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    event = next(event for event in forger.chain(number) if event.unit_code)
    forger.change(event, unit_code=None)
    assert (forger.first().kind, forger.first().seq) == ("edited", event.seq)


def test_a_time_set_back_by_a_microsecond_is_named(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    event = forger.chain(number)[3]
    forger.change(event, at=event.at - timedelta(microseconds=1))
    assert (forger.first().kind, forger.first().seq) == ("edited", 4)


def test_an_edited_event_with_a_new_link_is_named_by_the_one_that_follows(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    forger.change(forger.chain(number)[2], role="office")
    forger.rehash(number, 3, 3)
    assert kinds(forger) == [("edited", number, 3)]


def test_the_last_event_edited_with_all_that_hangs_on_it_is_shown_by_the_root(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    last = len(forger.chain(number))
    forger.change(forger.chain(number)[-1], role="inspector")
    forger.rehash(number, last)
    assert kinds(forger) == [("rewritten", number, 1)]
    assert forger.first().what == f"第 1 至 {last} 条之间与第 1 号台账根所记不符"


@pytest.mark.parametrize("first", [1, 2, 4])
def test_a_chain_recomputed_from_anywhere_is_shown_by_the_root(forger: Forger, first: int) -> None:
    """The clever one: every link of the case and the case's own row fit each other."""
    number = forger.scene.numbers[2]
    forger.change(forger.chain(number)[first - 1], unit_code="530199009")
    forger.rehash(number, first)
    assert kinds(forger) == [("rewritten", number, 1)]


def test_only_what_was_rewritten_since_a_known_root_is_suspected(forger: Forger) -> None:
    """A case under two roots, rewritten after the first: what the first has stated still fits."""
    number, scene = forger.scene.numbers[0], forger.scene
    seen = len(forger.chain(number))
    grow(forger, number, "accept", "accepted")
    grow(forger, number, "start", "rectifying")
    case = forger.case(number)
    forger.sql(
        "INSERT INTO ledger_heads (case_id, root, number, version, head) VALUES (:id, 2, :number, :version, :head)",
        id=case.id, number=number, version=case.version, head=case.head_hash,
    )  # fmt: skip
    forger.change(forger.chain(number)[seen], role="office")
    forger.rehash(number, seen + 1)
    found = [one for one in forger.verified().discrepancies if one.number == number]
    assert [(one.kind, one.seq) for one in found] == [("rewritten", seen + 1)]
    assert f"第 {seen + 1} 至 {seen + 2} 条之间与第 2 号台账根所记不符" in found[0].what
    assert scene.numbers[0] == number


def grow(forger: Forger, number: str, action: str, to_state: str) -> CaseEvent:
    """One more event in the way that events.append makes it, though nobody acted."""
    last = forger.chain(number)[-1]
    event = CaseEvent(
        case_id=last.case_id, seq=last.seq + 1, action=action, from_state=last.to_state, to_state=to_state, at=last.at,
        actor=last.actor, role=last.role, unit_code=last.unit_code, data={}, county_version=last.county_version,
        prev_hash=last.hash,
    )  # fmt: skip
    event.hash = events.link(event)
    forger.work.session.add(event)
    forger.work.session.flush()
    forger.follow(number)
    return event


# ---- removed, inserted, moved, cut -----------------------------------------------------------------------------------


def remove(forger: Forger, number: str, *seqs: int) -> None:
    case_id = forger.case(number).id
    forger.sql("DELETE FROM case_events WHERE case_id = :id AND seq = ANY(:seqs)", id=case_id, seqs=list(seqs))


def renumber(forger: Forger, number: str, after: int, by: int) -> None:
    case_id = forger.case(number).id
    chain = [event for event in forger.chain(number) if event.seq > after]
    for event in chain if by < 0 else reversed(chain):
        forger.sql("UPDATE case_events SET seq = :n WHERE id = :event", event=event.id, n=event.seq + by)
    assert case_id


@pytest.mark.parametrize(("gone", "first"), [((1,), 1), ((3,), 3), ((2, 3), 2), ((2, 4), 2)])
def test_removed_events_leave_a_gap(forger: Forger, gone: tuple[int, ...], first: int) -> None:
    number = forger.scene.numbers[2]
    remove(forger, number, *gone)
    found = forger.first()
    assert (found.kind, found.number, found.seq) == ("removed", number, first)
    assert len(forger.verified().discrepancies) == (2 if gone == (2, 4) else 1)


def test_a_gap_closed_by_numbering_anew_shows(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    remove(forger, number, 3)
    renumber(forger, number, 3, -1)
    forger.follow(number)
    assert (forger.first().kind, forger.first().seq, forger.first().what) == ("moved", 3, "原为第 4 条")


def test_a_gap_closed_with_all_links_recomputed_is_shown_by_the_root(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    remove(forger, number, 3)
    renumber(forger, number, 3, -1)
    forger.rehash(number, 1)
    assert kinds(forger) == [("cut", number, len(forger.chain(number)) + 1)]


def test_an_inserted_event_shows(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    case_id = forger.case(number).id
    renumber(forger, number, 2, 1)
    forger.sql(
        "INSERT INTO case_events (case_id, seq, action, from_state, to_state, at, actor, role, data, county_version,"
        " prev_hash, hash) SELECT case_id, 3, action, from_state, to_state, at, actor, role, '{}', county_version,"
        " hash, '' FROM case_events WHERE case_id = :id AND seq = 2",
        id=case_id,
    )
    forger.rehash(number, 3, 3)
    found = forger.first()
    assert (found.kind, found.number, found.seq) == ("moved", number, 4)
    forger.rehash(number, 4)
    assert kinds(forger) == [("rewritten", number, 1)]


def test_an_event_put_twice_shows_where_the_table_no_longer_forbids_it(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    forger.sql("ALTER TABLE case_events DROP CONSTRAINT uq_case_events_case_id_seq")
    forger.sql(
        "INSERT INTO case_events (case_id, seq, action, from_state, to_state, at, actor, role, unit_code, data,"
        " text_id, text_digest, county_version, prev_hash, hash) SELECT case_id, seq, action, from_state, to_state,"
        " at, actor, role, unit_code, data, text_id, text_digest, county_version, prev_hash, hash FROM case_events"
        " WHERE case_id = :id AND seq = 3",
        id=forger.case(number).id,
    )
    found = forger.first()
    assert (found.kind, found.number, found.seq) == ("inserted", number, 3)


def test_events_that_changed_places_show(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    chain = forger.chain(number)
    for event, seq in ((chain[1], 99), (chain[2], 2), (chain[1], 3)):
        forger.sql("UPDATE case_events SET seq = :n WHERE id = :event", event=event.id, n=seq)
    first = forger.first()
    assert (first.kind, first.number, first.seq, first.what) == ("moved", number, 2, "原为第 3 条")


@pytest.mark.parametrize("left", [0, 1, 4])
def test_a_cut_tail_shows_by_the_version_of_the_case(forger: Forger, left: int) -> None:
    number = forger.scene.numbers[2]
    remove(forger, number, *range(left + 1, 20))
    assert kinds(forger) == [("cut", number, left + 1)]


def test_a_cut_tail_that_the_case_knows_nothing_of_is_shown_by_the_root(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    remove(forger, number, *range(4, 20))
    forger.follow(number)
    assert kinds(forger) == [("cut", number, 4)]
    assert "第 1 号台账根记有" in forger.first().what


def test_a_cut_tail_behind_a_root_shows_even_when_only_later_events_are_verified(forger: Forger) -> None:
    number = forger.scene.numbers[2]
    remove(forger, number, *range(4, 20))
    forger.follow(number)
    assert [one[:2] for one in kinds(forger, since=2)] == [("cut", number)]


def test_an_event_that_was_appended_without_its_case_shows(forger: Forger) -> None:
    number = forger.scene.numbers[0]
    case = forger.case(number)
    version, head, state = case.version, case.head_hash, case.state
    grow(forger, number, "accept", "accepted")
    forger.sql("UPDATE cases SET version = :v, head_hash = :h, state = :s WHERE id = :id",
               v=version, h=head, s=state, id=case.id)  # fmt: skip
    assert kinds(forger) == [("inserted", number, version + 1)]


# ---- the case itself -------------------------------------------------------------------------------------------------


def test_a_state_without_an_event_shows(forger: Forger) -> None:
    number = forger.scene.numbers[0]
    forger.sql("UPDATE cases SET state = 'closed' WHERE id = :id", id=forger.case(number).id)
    assert kinds(forger) == [("head", number, len(forger.chain(number)))]


def test_another_head_shows(forger: Forger) -> None:
    number = forger.scene.numbers[0]
    forger.sql("UPDATE cases SET head_hash = :h WHERE id = :id", id=forger.case(number).id, h="0" * 64)
    assert kinds(forger) == [("head", number, len(forger.chain(number)))]


def test_two_cases_that_exchanged_their_numbers_show(forger: Forger) -> None:
    one, other = forger.scene.numbers[:2]
    first, second = forger.case(one), forger.case(other)
    serials = (first.serial, second.serial)
    forger.sql("ALTER TABLE cases ALTER serial DROP IDENTITY")
    for case_id, serial in ((first.id, 0), (second.id, serials[0]), (first.id, serials[1])):
        forger.sql("UPDATE cases SET serial = :n WHERE id = :id", id=case_id, n=serial)
    assert kinds(forger) == [("number", one, 0), ("number", other, 0)]


def test_a_whole_case_struck_off_is_shown_by_the_root(forger: Forger) -> None:
    number = forger.scene.numbers[1]
    forger.remove_case(number)
    assert kinds(forger) == [("case_removed", number, 1)]
    assert "第 1 号台账根记有它的" in forger.first().what


def test_events_whose_case_is_gone_show(forger: Forger) -> None:
    number = forger.scene.numbers[1]
    case_id, left = forger.case(number).id, len(forger.chain(number))
    forger.sql("ALTER TABLE case_events DROP CONSTRAINT fk_case_events_case_id_cases")
    kept = "CREATE TEMP TABLE kept AS SELECT * FROM case_events WHERE case_id = CAST('{0}' AS uuid)"
    forger.sql(kept.format(case_id))
    forger.sql("UPDATE case_events SET text_id = NULL WHERE case_id = :id", id=case_id)
    forger.remove_case(number)
    forger.sql("INSERT INTO case_events OVERRIDING SYSTEM VALUE SELECT * FROM kept WHERE text_digest IS NULL")
    found = forger.first()
    assert (found.kind, found.number) == ("orphan", number)
    assert left > 1


# ---- words -----------------------------------------------------------------------------------------------------------


def worded(forger: Forger, number: str) -> CaseEvent:
    return next(event for event in forger.chain(number) if event.text_id)


@pytest.mark.parametrize("column", ["text", "salt"])
def test_words_that_were_put_differently_show(forger: Forger, column: str) -> None:
    event = worded(forger, forger.scene.numbers[0])
    forger.sql(f"UPDATE personal_texts SET {column} = '别的话' WHERE id = :id", id=event.text_id)
    assert kinds(forger) == [("text", forger.scene.numbers[0], event.seq)]


def test_words_erased_without_a_record_show(forger: Forger) -> None:
    event = worded(forger, forger.scene.numbers[0])
    forger.sql("UPDATE personal_texts SET text = NULL, salt = NULL, erased_at = now() WHERE id = :id", id=event.text_id)
    assert kinds(forger) == [("text_lost", forger.scene.numbers[0], event.seq)]


def test_words_cut_off_from_their_event_show(forger: Forger) -> None:
    event = worded(forger, forger.scene.numbers[0])
    forger.sql("UPDATE case_events SET text_id = NULL WHERE id = :id", id=event.id)
    assert kinds(forger) == [("text_lost", forger.scene.numbers[0], event.seq)]


def supplemented(forger: Forger) -> tuple[str, CaseEvent]:
    number = forger.scene.numbers[0]
    return number, next(event for event in forger.chain(number) if event.action == "supplement")


@pytest.mark.parametrize("column", ["text", "salt"])
def test_a_supplement_that_was_put_differently_shows(forger: Forger, column: str) -> None:
    number, event = supplemented(forger)
    forger.sql(f"UPDATE supplements SET {column} = '别的话'")
    assert kinds(forger) == [("text", number, event.seq)]


def test_a_supplement_struck_off_shows(forger: Forger) -> None:
    number, event = supplemented(forger)
    forger.sql("DELETE FROM supplements")
    assert kinds(forger) == [("text_lost", number, event.seq)]


REPORT_CHANGES = (
    "text = '没有这回事'", "address = '别处'", "category = 'sand_mining'", "privacy = 'named', text = text || ' '",
    "privacy = 'confidential'", "lon = lon + 0.0000001", "lat = -lat", "accuracy_m = 5", "coord_type = 'gcj02'",
    "observed_at = observed_at - interval '1 microsecond'", "submitted_at = submitted_at - interval '1 day'",
    "salt = '0'",
)  # fmt: skip


@pytest.mark.parametrize("change", REPORT_CHANGES)
def test_a_report_that_was_put_differently_shows(forger: Forger, change: str) -> None:
    number = forger.scene.numbers[1]
    forger.sql(f"UPDATE reports SET {change} WHERE case_id = :id", id=forger.case(number).id)
    assert kinds(forger) == [("report", number, 1)]


@pytest.mark.parametrize("change", ["salt = NULL", "salt = NULL, text = '', erased_at = now()", "erased_at = now()"])
def test_a_report_emptied_without_a_record_shows(forger: Forger, change: str) -> None:
    number = forger.scene.numbers[1]
    forger.sql(f"UPDATE reports SET {change} WHERE case_id = :id", id=forger.case(number).id)
    assert kinds(forger) == [("report_lost", number, 1)]


def test_a_report_struck_off_or_made_up_shows(forger: Forger) -> None:
    one, other = forger.scene.numbers[1], forger.scene.numbers[3]
    forger.sql("UPDATE photos SET report_id = NULL")
    forger.sql("UPDATE reports SET id = gen_random_uuid() WHERE case_id = :id", id=forger.case(one).id)
    assert kinds(forger) == [("report_lost", one, 1), ("unbound", one, 1)]
    assert other not in {one.number for one in forger.verified().discrepancies}


def test_a_report_that_moved_to_another_case_by_a_merge_is_still_its_own(forger: Forger) -> None:
    one, other = (forger.case(number) for number in forger.scene.numbers[1:3])
    forger.sql("UPDATE reports SET case_id = :other WHERE case_id = :one", one=one.id, other=other.id)
    assert kinds(forger) == []


def test_reports_from_before_they_were_bound_are_told_of(forger: Forger) -> None:
    forger.sql(
        "INSERT INTO reports (id, case_id, origin_case_id, source, category, text, forwarded_text, lon, lat,"
        " coord_type, address, observed_at, submitted_at, privacy, receipt_hash, extra)"
        " SELECT gen_random_uuid(), case_id, case_id, source, category,"
        " text, text, lon, lat, coord_type, address, observed_at, submitted_at - interval '1 day', privacy, 'x', extra"
        " FROM reports LIMIT 1"
    )
    assert kinds(forger) == []
    assert any("1 份举报早于" in note for note in forger.verified().notes)


# ---- roots -----------------------------------------------------------------------------------------------------------


def whole_ledger(forger: Forger, **how: Any) -> list[str]:
    outcome = forger.verified(**how)
    assert all(one.kind == "root" for one in outcome.discrepancies), outcome.discrepancies
    return [one.what for one in outcome.discrepancies]


def test_a_root_that_was_taken_back_is_still_outside(forger: Forger) -> None:
    """Case and events and root cut together, the database fits itself: what is outside tells."""
    number = forger.scene.numbers[5]
    remove(forger, number, 3, 4)
    forger.follow(number)
    forger.sql("DELETE FROM ledger_heads WHERE root = 2")
    forger.sql("DELETE FROM ledger_roots WHERE n = 2")
    outcome = forger.verified()
    assert ("cut", number, 3) in [(one.kind, one.number, one.seq) for one in outcome.discrepancies]
    assert "目录有第 2 号台账根，库中没有" in [one.what for one in outcome.discrepancies]


def test_a_case_struck_off_with_every_trace_of_it_in_the_roots_of_the_database(forger: Forger) -> None:
    number = forger.scene.numbers[1]
    case_id = forger.case(number).id
    forger.remove_case(number)
    forger.sql("DELETE FROM ledger_heads WHERE case_id = :id", id=case_id)
    outcome = forger.verified()
    assert (outcome.first.kind, outcome.first.number) == ("case_removed", number)  # type: ignore[union-attr]
    assert "库中记的案件末端与第 2 号台账根不符" in [one.what for one in outcome.discrepancies]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger_roots SET statement = replace(statement, 'cases 4', 'cases 5')", "库中第 1 号台账根的签名不对"),
        ("UPDATE ledger_roots SET statement = statement || ' ' WHERE n = 2", "库中第 2 号台账根的内容被改动"),
        ("UPDATE ledger_roots SET signature = 'AAAA' WHERE n = 2", "库中第 2 号台账根的签名不对"),
        ("UPDATE ledger_roots SET key = 'f00d' WHERE n = 2", "没有第 2 号台账根的公钥 f00d，请用 --public-key 给出"),
        ("UPDATE ledger_roots SET at = at - interval '1 day' WHERE n = 1", "库中第 1 号台账根的编号、种类或时间被改动"),
        ("UPDATE ledger_heads SET head = repeat('0', 64) WHERE root = 2", "库中记的案件末端与第 2 号台账根不符"),
        ("UPDATE ledger_heads SET number = 'QH-2026-999999' WHERE root = 2", "库中记的案件末端与第 2 号台账根不符"),
    ],
)  # fmt: skip
def test_roots_changed_in_the_database_show(forger: Forger, statement: str, what: str) -> None:
    forger.sql(statement)
    assert what in [one.what for one in forger.verified().discrepancies]


def copied(scene: Scene, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scene.folder, tmp_path / "roots"))


def rewrite(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    kept = json.loads(file.read_text())
    change(kept)
    file.write_text(json.dumps(kept))


def test_a_root_changed_outside_shows(forger: Forger, tmp_path: Path) -> None:
    folder = copied(forger.scene, tmp_path)
    file = folder / "hourly/2026/root-00000002.json"
    rewrite(file, lambda kept: kept.update(statement=kept["statement"].replace("cases 6", "cases 7")))
    assert "目录的第 2 号台账根签名不对" in whole_ledger(forger, folder=folder)
    file.write_text("{")
    assert "目录的 hourly/2026/root-00000002.json 不是台账根" in whole_ledger(forger, folder=folder)


def test_a_head_changed_outside_shows(forger: Forger, tmp_path: Path) -> None:
    folder = copied(forger.scene, tmp_path)
    rewrite(folder / "daily/2026/root-00000001.json", lambda kept: kept["heads"].pop())
    assert "目录的台账根不全，或其中记的案件末端被改动" in whole_ledger(forger, folder=folder)


def test_a_root_missing_outside_shows_once_it_had_time_to_arrive(forger: Forger, tmp_path: Path) -> None:
    folder = copied(forger.scene, tmp_path)
    (folder / "hourly/2026/root-00000002.json").unlink()
    assert whole_ledger(forger, folder=folder) == []
    assert "第 2 号台账根还没有写到目录。" in forger.verified(folder=folder).notes
    forger.work.now += timedelta(hours=3)
    assert whole_ledger(forger, folder=folder) == ["目录没有第 2 号台账根"]


def test_a_root_that_another_key_has_signed_is_not_believed(forger: Forger, tmp_path: Path) -> None:
    from backend.signing import Signer, new_private_key

    stranger, folder = Signer(new_private_key()), copied(forger.scene, tmp_path)
    rewrite(
        folder / "hourly/2026/root-00000002.json",
        lambda kept: kept.update(signature=stranger.sign(kept["statement"]), key=stranger.public.fingerprint),
    )
    assert "目录的第 2 号台账根签名不对" in whole_ledger(forger, folder=folder)


@pytest.mark.parametrize("table", verification.GUARDS)
def test_a_guard_that_was_left_switched_off_shows(forger: Forger, table: str) -> None:
    forger.work.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    outcome = forger.verified()
    assert {one.kind for one in outcome.discrepancies} == {"guard"}
    assert all(table in one.what for one in outcome.discrepancies)
    assert len(outcome.discrepancies) == len(verification.GUARDS[table])


# ---- at random -------------------------------------------------------------------------------------------------------


def _edit(forger: Forger, number: str, luck: random.Random) -> None:
    what = luck.choice(list(CHANGES.values()))
    chain = [event for event in forger.chain(number) if any(getattr(event, k) != v for k, v in what.items())]
    forger.change(luck.choice(chain), **what)


def _edit_and_rehash(forger: Forger, number: str, luck: random.Random) -> None:
    place = luck.randrange(len(forger.chain(number)))
    forger.change(forger.chain(number)[place], actor=f"person:{uuid.UUID(int=luck.getrandbits(128))}")
    last = luck.choice([None, luck.randint(place + 1, len(forger.chain(number)))])
    forger.rehash(number, place + 1, last)


def _remove(forger: Forger, number: str, luck: random.Random) -> None:
    length = len(forger.chain(number))
    remove(forger, number, *luck.sample(range(1, length + 1), luck.randint(1, length)))
    if forger.chain(number) and luck.random() < 0.5:
        forger.follow(number)


def _cut(forger: Forger, number: str, luck: random.Random) -> None:
    left = luck.randrange(1, len(forger.chain(number)))
    remove(forger, number, *range(left + 1, 30))
    forger.follow(number)


def _swap(forger: Forger, number: str, luck: random.Random) -> None:
    one, other = luck.sample(forger.chain(number), 2)
    a, b = one.seq, other.seq
    for event, seq in ((one, 99), (other, a), (one, b)):
        forger.sql("UPDATE case_events SET seq = :n WHERE id = :event", event=event.id, n=seq)
    if luck.random() < 0.5:
        forger.rehash(number, 1)


def _strike(forger: Forger, number: str, luck: random.Random) -> None:
    forger.remove_case(number)


def _reword(forger: Forger, number: str, luck: random.Random) -> None:
    event = luck.choice([event for event in forger.chain(number) if event.text_id])
    forger.sql("UPDATE personal_texts SET text = text || '。' WHERE id = :id", id=event.text_id)


FORGERIES = (_edit, _edit_and_rehash, _remove, _cut, _swap, _strike, _reword)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_done_to_a_case_the_case_is_named(scene: Scene, seed: int) -> None:
    """One or two forgeries of one or two cases at random: all of those cases are named, and no other."""
    luck = random.Random(seed)
    victims = luck.sample(scene.numbers, luck.randint(1, 2))
    with scene.forger() as forger:
        for number in victims:
            luck.choice(FORGERIES)(forger, number, luck)
        named = {one.number for one in forger.verified().discrepancies}
        assert named == set(victims)
        first = forger.first()
        assert first.number == min(victims)
        assert 0 <= first.seq <= 10


def test_nothing_of_that_was_kept(scene: Scene) -> None:
    with scene.forger() as forger:
        assert forger.verified().discrepancies == []
        assert len(scene.numbers) == len(FIRST_CASES) + 2
