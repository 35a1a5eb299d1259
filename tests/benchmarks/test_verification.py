"""How long the verification of a million events takes: beside streaming the same rows and hashing each by itself.

`make bench` runs it. BENCH_EVENTS chooses another number of events.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask
from sqlalchemy import select, text
from uuid6 import uuid7

from backend import create_app
from backend.clients.root_places import RootFolder
from backend.counties import load
from backend.county import County
from backend.domain import events, root_checks, roots, verification
from backend.domain.actors import NOBODY
from backend.domain.root_checks import Kept
from backend.extensions import db
from backend.local.testing import Services
from backend.models import CaseEvent
from backend.signing import keyring
from backend.work import reading, unit_of_work
from tests.benchmarks.measure import Row, tell

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
PER_CASE = 10
ACTIONS = ("submit", "assign", "accept", "start", "request_closure", "send_back", "request_closure", "close", "dispute",
           "pass_follow_up")  # fmt: skip
TO = ("submitted", "assigned", "accepted", "rectifying", "in_review", "rectifying", "in_review", "closed", "closed",
      "closed")  # fmt: skip
PHOTO = {"id": str(uuid.uuid4()), "sha256": "0" * 64}
DATA: tuple[dict[str, Any], ...] = (
    {"category": "garbage", "source": "resident"}, {"unit": "530199001", "assisting": ["530199-water"]}, {},
    {"person": "李四", "date": "2026-09-01"}, {"photos": [PHOTO, PHOTO]}, {"round": 1}, {"photos": [PHOTO]}, {}, {},
    {"photos": [PHOTO]},
)  # fmt: skip
WORDS = {1: "位于该乡镇境内。", 3: "清运垃圾并加装围栏", 5: "还有残留", 8: "没有清理干净"}


def chain(serial: int) -> Iterator[tuple[SimpleNamespace, str, str]]:
    """The events of one case as events.append would make them, each with its salt and words."""
    case_id, head = uuid7(), ""
    begun = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=serial)
    for place in range(PER_CASE):
        words, salt = WORDS.get(place, ""), f"{serial:016x}{place:016x}"
        event = SimpleNamespace(
            case_id=case_id, seq=place + 1, action=ACTIONS[place], from_state=TO[place - 1] if place else None,
            to_state=TO[place], at=begun + timedelta(hours=place), actor=f"person:{case_id}", role="handler",
            unit_code="530199001", data=DATA[place], text_id=uuid.UUID(salt) if words else None,
            text_digest=events.text_digest(salt, words) if words else None, county_version=1,
            prev_hash=head or events.genesis(case_id),
        )  # fmt: skip
        head = event.hash = events.link(event)
        yield event, salt, words


def fill(url: str, n: int) -> None:
    """`n` events, ten a case, straight into the tables."""
    columns = ("case_id", "seq", "action", "from_state", "to_state", "at", "actor", "role", "unit_code", "text_id",
               "text_digest", "county_version", "prev_hash", "hash")  # fmt: skip
    with psycopg.connect(url) as owner:
        for table in ("cases", "case_events", "personal_texts"):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        owner.execute("ALTER TABLE case_events DROP CONSTRAINT fk_case_events_text_id_personal_texts")
        owner.execute("CREATE TEMP TABLE texts (LIKE personal_texts)")
        chains = [list(chain(serial)) for serial in range(1, n // PER_CASE + 1)]
        cases = (
            "COPY cases (id, state, version, head_hash, source, category, urgent, lon, lat, opened_at, ever_assigned,"
            " ruled, refusals, rounds, appealed, disputed, outside_county) FROM STDIN"
        )
        with owner.cursor().copy(cases) as copy:
            for one in chains:
                last = one[-1][0]
                copy.write_row((last.case_id, last.to_state, last.seq, last.hash, "resident", "garbage", False, 102.7,
                                25.2, one[0][0].at, True, False, 0, 1, False, True, False))  # fmt: skip
        # As a year writes them: every case's first event, then every case's second …
        with owner.cursor().copy(f"COPY case_events ({', '.join(columns)}, data) FROM STDIN".encode()) as copy:
            for place in range(PER_CASE):
                for one in chains:
                    event = one[place][0]
                    copy.write_row((*(getattr(event, name) for name in columns), json.dumps(event.data)))
        with owner.cursor().copy("COPY personal_texts (id, case_id, salt, text) FROM STDIN") as copy:
            for one in chains:
                for event, salt, words in one:
                    if words:
                        copy.write_row((event.text_id, event.case_id, salt, words))
        for table in ("cases", "case_events", "personal_texts"):
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    with psycopg.connect(url, autocommit=True) as owner:
        for table in ("cases", "case_events", "personal_texts"):
            owner.execute(f"VACUUM ANALYZE {table}".encode())


@pytest.fixture(scope="module")
def full(app: APIFlask, services: Services, county: County, tmp_path_factory: pytest.TempPathFactory) -> Any:
    url, owner_url = services.new_database()
    system = app.extensions["qinghe"]
    address = url.replace("postgresql://", "postgresql+psycopg://")
    folder = RootFolder(tmp_path_factory.mktemp("roots"))
    own = create_app(system.settings.model_copy(update={"database_url": address}), clock=system.clock)
    begun = time.perf_counter()
    fill(owner_url, EVENTS)
    print(f"\n{EVENTS} events filled in: {time.perf_counter() - begun:.1f} s")
    with own.app_context():
        load(db.session(), county, system.clock().date(), system.clock())
        db.session.commit()
        begun = time.perf_counter()
        with unit_of_work() as work:
            root = roots.make(work, system.signer)
            assert root is not None
        made = time.perf_counter() - begun
        with unit_of_work() as work:
            roots.publish(work, root.n, [folder])
        print(f"root over {EVENTS // PER_CASE} cases: made in {made:.1f} s, all in {time.perf_counter() - begun:.1f} s")
    yield own, folder
    with own.app_context():
        db.engine.dispose()
    services.drop_database(url)


def unchained() -> None:
    """Every row in the order of its chain, its columns written out and hashed: the least that one could do."""
    with reading(NOBODY) as work:
        query = select(CaseEvent.__table__).order_by(CaseEvent.case_id, CaseEvent.seq)
        for row in work.session.execute(query, execution_options={"yield_per": 5000}):
            hashlib.sha256(repr(tuple(row)).encode()).hexdigest()


class Took:
    """Seconds by the wall's clock, and of our own processor time: on a busy machine the two have little in common."""

    def __enter__(self) -> Took:
        self.wall, self.own = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.own = time.perf_counter() - self.wall, time.process_time() - self.own

    def __str__(self) -> str:
        return f"{self.wall:.1f} s (processor {self.own:.1f} s)"


def test_a_million_events(full: tuple[APIFlask, RootFolder]) -> None:
    own, folder = full
    keys = keyring(own.extensions["qinghe"].signer.public)
    with own.app_context():
        with Took() as plain:
            unchained()
        with Took() as whole, reading(NOBODY) as work:
            with Took() as at_roots:
                files, _ = roots.read_place(folder)
                checked = root_checks.check(work, [Kept("folder", files)], keys)
            outcome = verification.verify(work, checked.known)
        with Took() as since, reading(NOBODY) as work:
            checked = root_checks.check(work, [Kept("folder", files)], keys, since=1)
            later = verification.verify(work, checked.known, since=1)
    assert (outcome.events, outcome.discrepancies, checked.discrepancies, later.discrepancies) == (EVENTS, [], [], [])
    ratio = whole.own / plain.own
    tell(
        Row(
            "Verification", f"{EVENTS:,} events, processor time", f"{whole}, of which roots {at_roots}",
            f"{plain} streamed and hashed unchained", f"{ratio:.2f} ×", "≤ 2 ×", ratio <= 2,
        )
    )  # fmt: skip
    tell(Row("Verification", "the same since the last root", f"{since}"))


def test_one_event_among_them_is_found(full: tuple[APIFlask, RootFolder], services: Services) -> None:
    own, _ = full
    owner = own.extensions["qinghe"].settings.database_url.rpartition("/")[2]
    with own.app_context(), psycopg.connect(services.postgres.url(owner, "qinghe_owner")) as forger:
        forger.execute("ALTER TABLE case_events DISABLE TRIGGER USER")
        forger.execute("UPDATE case_events SET role = 'office' WHERE id = %s", [EVENTS // 2])
        forger.execute("ALTER TABLE case_events ENABLE TRIGGER USER")
        forger.commit()
        with reading(NOBODY) as work:
            outcome = verification.verify(work, verification.Known())
            wanted = work.session.execute(text("SELECT seq FROM case_events WHERE role = 'office'")).scalar_one()
    assert [(one.kind, one.seq) for one in outcome.discrepancies] == [("edited", wanted)]


def test_proofs_are_short(full: tuple[APIFlask, RootFolder]) -> None:
    own, _ = full
    with own.app_context(), reading(NOBODY) as work:
        begun = time.perf_counter()
        proof = roots.prove(work, f"QH-2026-{EVENTS // PER_CASE // 2:06d}")
        print(f"a proof of {len(proof['path'])} hashes in {time.perf_counter() - begun:.1f} s")
    assert len(proof["path"]) <= (EVENTS // PER_CASE).bit_length()
