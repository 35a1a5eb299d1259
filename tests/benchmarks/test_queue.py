"""Routing through the queue beside the same call in a plain loop, and which class of worker carries it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
from apiflask import APIFlask

from backend.domain import cases, reports
from backend.domain.actors import Actor
from backend.domain.reports import ReportForm
from backend.jobs import drain
from backend.local.testing import Services
from backend.models import Account
from backend.work import unit_of_work
from tests.benchmarks import ticks
from tests.benchmarks.conftest import database_of
from tests.benchmarks.measure import Row, pairs, shown, tell
from tests.benchmarks.serving import Served
from tests.benchmarks.test_intake import report

BACKLOG, AT_ONCE, EMPTY = 1000, 200, 300


def take_in(n: int) -> list[UUID]:
    """`n` reports taken in, each in a transaction of its own. Returns their cases."""
    dice, taken = random.Random(n), []
    with unit_of_work() as work:
        account = Account(openid_digest=uuid4().hex, openid_sealed=work.vault.seal("bench"), created_at=work.now)
        work.session.add(account)
    for number in range(n):
        form = json.loads(report(dice))
        form |= form.pop("place")
        with unit_of_work(Actor(role="resident", account_id=account.id)) as work:
            new, _ = reports.submit(work, ReportForm(**{**form, "photos": ()}), f"key-{number}")
            taken.append(new.case_id)
    return taken


def test_routing_through_the_queue(new_app: Callable[[], APIFlask]) -> None:
    own = new_app()
    with own.app_context():
        plain = iter(take_in(BACKLOG + AT_ONCE))
        with psycopg.connect(database_of(own), autocommit=True) as database:
            database.execute("DELETE FROM deferred")
            take_in(BACKLOG + AT_ONCE)
            database.execute("DELETE FROM deferred WHERE name <> 'route_case'")
            database.execute("ANALYZE")

        def loop() -> None:
            for _ in range(AT_ONCE):
                with unit_of_work() as work:
                    cases.route(work, next(plain))

        both = pairs(loop, lambda: drain(AT_ONCE), BACKLOG // AT_ONCE)
    tell(
        Row(
            "The queue", f"routing at a backlog of {BACKLOG:,}",
            f"{AT_ONCE / both.subject:.0f} jobs/s, {shown(both.subject / AT_ONCE)} a report",
            f"{AT_ONCE / both.floor:.0f} a second in a plain loop, {shown(both.floor / AT_ONCE)} a report",
            f"{both.ratio:.2f} ×", "≤ 1.5 ×", both.ratio <= 1.5,
        )
    )  # fmt: skip


def test_classes_of_workers(services: Services, new_app: Callable[[], APIFlask], serve: Callable[..., Served]) -> None:
    redis, own, found = services.redis, new_app(), {}
    waited = f"{ticks.NAME}:waited"
    for kind in ("SimpleWorker", "Worker"):
        redis.delete(waited)
        begun = time.perf_counter()
        for _ in range(EMPTY + 1):
            ticks.queue(redis).enqueue(ticks.started, time.time())
        enqueued = EMPTY / (time.perf_counter() - begun)
        worker = serve(own, "-m", "tests.benchmarks.ticks", kind)
        while not redis.llen(waited):
            time.sleep(0.001)
        begun = time.perf_counter()
        while redis.llen(waited) <= EMPTY:
            time.sleep(0.001)
        found[kind] = EMPTY / (time.perf_counter() - begun)
        worker.__exit__()
    tell(
        Row(
            "The queue", "the class of worker, with a job for each row that does nothing",
            f"SimpleWorker {found['SimpleWorker']:.0f} jobs/s, forking Worker {found['Worker']:.0f} jobs/s",
            f"{enqueued:.0f} jobs/s put in line", f"{found['SimpleWorker'] / found['Worker']:.1f} ×",
        )
    )  # fmt: skip
