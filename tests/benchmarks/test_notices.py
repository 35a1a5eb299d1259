"""From submission to the notice that tells somebody: twenty reports a second for a minute, one worker process."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from apiflask import APIFlask

from backend.local.testing import Services
from tests.benchmarks import ticks
from tests.benchmarks.conftest import database_of
from tests.benchmarks.measure import Row, percentile, shown, tell
from tests.benchmarks.serving import Connection, Served, free_port
from tests.benchmarks.test_intake import CONNECTIONS, GUNICORN, endless
from tests.build import Build

EACH_SECOND, FOR_S, FLOOR_S = 20, 60, 10
_DUE = "SELECT count(*) FROM deferred WHERE done_at IS NULL AND gave_up_at IS NULL AND run_at <= now()"


def floor(services: Services, own: APIFlask, serve: Callable[..., Served]) -> list[float]:
    """How long jobs that do nothing wait in the queue at the same pace."""
    redis = services.redis
    redis.delete(f"{ticks.NAME}:waited")
    queue = ticks.queue(redis)
    serve(own, "-m", "tests.benchmarks.ticks", "SimpleWorker")
    queue.enqueue(ticks.started, time.time())
    redis.blpop([f"{ticks.NAME}:waited"], timeout=30)  # until the worker is there
    for _ in range(FLOOR_S * EACH_SECOND):
        queue.enqueue(ticks.started, time.time())
        time.sleep(1 / EACH_SECOND)
    while redis.llen(f"{ticks.NAME}:waited") < FLOOR_S * EACH_SECOND:
        time.sleep(0.05)
    return [float(waited) for waited in redis.lrange(f"{ticks.NAME}:waited", 0, -1)]  # type: ignore[union-attr]


class Watch:
    """Sees when a case has its first notice, by looking every few milliseconds."""

    def __init__(self, address: str) -> None:
        self.database = psycopg.connect(address, autocommit=True)
        self.seen: dict[Any, float] = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self) -> None:
        latest = datetime.now(UTC)
        while not self.over.wait(0.02):
            rows = self.database.execute(
                "SELECT n.case_id, c.opened_at, n.created_at FROM notices n JOIN cases c ON c.id = n.case_id"
                " WHERE n.created_at > %s - interval '5 seconds'",
                [latest],
            ).fetchall()
            now = datetime.now(UTC)
            for case_id, opened_at, created_at in rows:
                self.seen.setdefault(case_id, (now - opened_at).total_seconds())
                latest = max(latest, created_at)

    def end(self) -> list[float]:
        self.over.set()
        self.thread.join()
        return list(self.seen.values())


def test_submission_to_notice(
    new_app: Callable[[], APIFlask], serve: Callable[..., Served], services: Services, wechat_url: str
) -> None:
    own = new_app()
    waited = floor(services, own, serve)
    build = Build(own, None, wechat_url)
    requests = endless("/api/v1/reports", [build.resident(f"notice-{n}").token or "" for n in range(CONNECTIONS)])
    web = serve(own, *GUNICORN, "wsgi:app", port=free_port())
    serve(own, "-m", "backend.worker")
    address = database_of(own)
    begun, ends = time.monotonic() + 1, FOR_S * EACH_SECOND

    def send(number: int) -> None:
        connection, mine = Connection(web.port or 0), requests(number)
        for slot in range(number, ends, CONNECTIONS):
            time.sleep(max(0.0, begun + slot / EACH_SECOND - time.monotonic()))
            assert connection.ask(next(mine)) == 201

    watch = Watch(address)
    threads = [threading.Thread(target=send, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(1)
    with psycopg.connect(address, autocommit=True) as database:
        left = database.execute(_DUE).fetchone()[0]  # type: ignore[index]
        until = time.monotonic() + 60
        while database.execute(_DUE).fetchone()[0] and time.monotonic() < until:  # type: ignore[index]
            time.sleep(0.1)
        done = database.execute("SELECT count(*) FROM deferred WHERE done_at IS NOT NULL").fetchone()[0]  # type: ignore[index]
    took = watch.end()
    p95, worst = percentile(took, 0.95), percentile(took, 0.99)
    tell(
        Row(
            "From submission to notice",
            f"{EACH_SECOND} reports/s for {FOR_S} s, one worker ({done} deferred rows carried out)",
            f"median {shown(statistics.median(took))}, p95 {shown(p95)}, p99 {shown(worst)}; "
            f"{len(took)} of {ends} told, {left} rows left a second after the last report",
            f"an empty job starts after {shown(statistics.median(waited))}, p95 {shown(percentile(waited, 0.95))}",
            f"p95 {p95 / percentile(waited, 0.95):.0f} ×", "p95 ≤ 1 s, nothing queued at the end",
            p95 <= 1 and len(took) == ends and not left,
        )
    )  # fmt: skip
