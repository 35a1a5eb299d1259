"""A worker of the web server does not grow over thousands of bad requests: broken, deep and large JSON, guesses."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator

import psutil
from apiflask import APIFlask

from tests.benchmarks.serving import Connection, Served, free_port, post

GUNICORN = ("-m", "gunicorn", "-c", "config/gunicorn.py")
ROUNDS, EACH = 6, 1000
MB = 1 << 20


def bad(chance: random.Random) -> Iterator[bytes]:
    """Requests that anybody can send."""
    deep = b'{"text":' * 3000 + b"1" + b"}" * 3000
    noise = bytes(chance.randrange(256) for _ in range(2000))
    while True:
        key = uuid.uuid4().hex
        yield from (
            post("/api/v1/reports", deep, Idempotency_Key=key),
            post("/api/v1/reports", noise, Idempotency_Key=key),
            post("/api/v1/reports", json.dumps({"text": "涝" * 100_000}).encode(), Idempotency_Key=key),
            post("/api/v1/session", json.dumps({"code": key}).encode()),
            post(f"/api/v1/photos/{uuid.uuid4()}/uploaded", b'{"claim": "x"}'),
            post(f"/api/v1/cases/{uuid.uuid4()}/actions/close", b"{}", Authorization=f"Bearer {key}"),
            post("/desk/sign-in/password", noise),
            f"GET /{key}?{'x' * 3000} HTTP/1.1\r\nHost: bench\r\n\r\n".encode(),
        )


def resident(process: psutil.Process) -> float:
    """Resident memory of the worker below this process, in MB."""
    return max(one.memory_info().rss for one in process.children(recursive=True) or [process]) / MB


def test_bad_requests_leave_nothing_behind(new_app: Callable[[], APIFlask], serve: Callable[..., Served]) -> None:
    web = serve(new_app(), *GUNICORN, "--workers", "1", "--max-requests", "0", "wsgi:app", port=free_port())
    process, requests = psutil.Process(web.process.pid), bad(random.Random(7))
    sizes, slowest = [], 0.0
    for _ in range(ROUNDS):
        connection = Connection(web.port or 0)
        for _ in range(EACH):
            begun = time.perf_counter()
            try:
                status = connection.ask(next(requests))
                assert status < 500, status
            except ConnectionError:
                connection = Connection(web.port or 0)
            slowest = max(slowest, time.perf_counter() - begun)
        sizes.append(resident(process))
    print(f"\n{ROUNDS * EACH:,} bad requests, MB after each {EACH:,}: {', '.join(f'{size:.0f}' for size in sizes)}; "
          f"slowest answer {slowest:.2f} s")  # fmt: skip
    assert sizes[-1] - sizes[1] < 20  # the first rounds fill caches
