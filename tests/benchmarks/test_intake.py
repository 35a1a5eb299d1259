"""Taking reports in through HTTP: two gunicorn processes, sixteen connections, beside a bare INSERT and COMMIT."""

from __future__ import annotations

import json
import random
import statistics
import uuid
from collections.abc import Callable, Iterator

import psycopg
from apiflask import APIFlask

from backend.local.testing import Services
from tests.benchmarks.conftest import database_of
from tests.benchmarks.measure import Row, tell
from tests.benchmarks.serving import Served, free_port, post, rate
from tests.build import Build

CONNECTIONS, EACH_S, TURNS = 16, 4.0, 5
GUNICORN = ("-m", "gunicorn", "-c", "config/gunicorn.py")


def report(dice: random.Random) -> bytes:
    """A report without photos, somewhere in the county."""
    form = {
        "category": "sand_mining",
        "text": f"第{dice.randrange(10**6)}号浮标下游有采砂船夜间作业，已经连续三个晚上，岸边停着两辆装满砂石的货车。",
        "privacy": "named",
        "place": {"lon": dice.uniform(102.66, 103.17), "lat": dice.uniform(25.12, 25.48), "coord_type": "wgs84",
                  "accuracy_m": 20.0, "address": "清水河桥下游约三百米右岸"},
        "photos": [],
    }  # fmt: skip
    return json.dumps(form, ensure_ascii=False).encode()


def endless(path: str, tokens: list[str]) -> Callable[[int], Iterator[bytes]]:
    """Ever new reports, each with a key of its own, by the account of the connection."""

    def of(number: int) -> Iterator[bytes]:
        dice = random.Random(number)
        while True:
            yield post(path, report(dice), Authorization=f"Bearer {tokens[number]}", Idempotency_Key=uuid.uuid4().hex)

    return of


def test_intake(
    new_app: Callable[[], APIFlask], serve: Callable[..., Served], services: Services, wechat_url: str
) -> None:
    own = new_app()
    build = Build(own, None, wechat_url)
    tokens = [build.resident(f"intake-{n}").token or "" for n in range(CONNECTIONS)]
    with psycopg.connect(services.postgres.url(database_of(own).rpartition("/")[2], "postgres")) as admin:
        admin.execute("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)")
        admin.execute("GRANT ALL ON bare TO PUBLIC")
    bare = serve(own, *GUNICORN, "tests.benchmarks.bare:app", port=free_port())
    ours = serve(own, *GUNICORN, "wsgi:app", port=free_port())
    assert bare.port
    assert ours.port
    floors, subjects = [], []
    for turn in range(TURNS + 1):
        floor = rate(bare.port, CONNECTIONS, EACH_S, endless("/bare", tokens))
        subject = rate(ours.port, CONNECTIONS, EACH_S, endless("/api/v1/reports", tokens))
        if turn:  # the first turn is for warming up
            floors.append(floor), subjects.append(subject)
    ratio = statistics.median(one / other for one, other in zip(subjects, floors, strict=True))
    tell(
        Row(
            "Report intake", "2 gunicorn processes, 16 connections", f"{statistics.median(subjects):.0f} reports/s",
            f"{statistics.median(floors):.0f} bare inserts/s", f"{ratio:.2f} of it", "≥ 0.5 of it", ratio >= 0.5,
        )
    )  # fmt: skip
