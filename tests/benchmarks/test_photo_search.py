"""How long it takes to find the same picture among a million photos on the ledger."""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from backend.domain import likeness
from backend.local.testing import Services
from backend.models import Photo
from tests.benchmarks.measure import Row, shown, tell

N = 1_000_000
CASE = """
INSERT INTO cases (id, state, version, head_hash, source, category, urgent, lon, lat, opened_at, ever_assigned, ruled,
    refusals, rounds, appealed, disputed, outside_county)
VALUES ('00000000-0000-7000-8000-000000000001', 'closed', 1, '', 'resident', 'garbage', false, 102.7, 25.2, now(), true,
    false, 0, 0, false, false, false)
"""
PHOTOS = """
INSERT INTO photos (id, claim_hash, state, created_at, case_id, purpose, sha256, phash)
SELECT gen_random_uuid(), '-', 'sound', now(), '00000000-0000-7000-8000-000000000001', 'evidence', md5(n::text),
    ((random() * 4294967295)::bigint << 32) | (random() * 4294967295)::bigint
FROM generate_series(1, %s) AS n
"""


class _Work:
    def __init__(self, session: Session) -> None:
        self.session = session


def test_a_million_photos(services: Services) -> None:
    url, owner = services.new_database()
    try:
        with psycopg.connect(owner) as database:
            database.execute(CASE)
            database.execute(PHOTOS, (N,))
        with psycopg.connect(owner, autocommit=True) as database:
            database.execute("VACUUM ANALYZE photos")
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with Session(engine) as session:
            for within in (3, 6, 11):
                _measure(_Work(session), within)
        engine.dispose()
    finally:
        services.drop_database(url)


def _measure(work: Any, within: int) -> None:
    dice = random.Random(within)
    known = [row for (row,) in work.session.query(Photo.phash).limit(200)]
    times, missed = [], 0
    for phash in known:
        for place in dice.sample(range(63), within):
            phash ^= 1 << place
        begun = time.perf_counter()
        asked = Photo(sha256="-", phash=phash, phash_mirrored=dice.randrange(-(1 << 63), 1 << 63))
        found = likeness.alike(work, asked, within, 40, [], 3)
        times.append(time.perf_counter() - begun)
        missed += not found
    tell(
        Row(
            "Same picture", f"{N:,} photos, within {within} bits, by bytes, picture and mirrored picture",
            f"median {shown(statistics.median(times))}, worst {shown(max(times))}; missed {missed} of {len(known)}",
        )
    )  # fmt: skip
    assert not missed
