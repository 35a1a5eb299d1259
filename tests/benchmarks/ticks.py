"""The floor of the queue: jobs that do nothing, and a worker of either class that carries them out.

`python -m tests.benchmarks.ticks SimpleWorker` is such a worker; it ends when it is told to.
"""

from __future__ import annotations

import os
import sys
import time

import rq
from redis import Redis

NAME = "bench-ticks"


def started(pushed_at: float) -> None:
    """Write down how many seconds this job waited."""
    redis().rpush(f"{NAME}:waited", time.time() - pushed_at)


def redis() -> Redis:
    return Redis.from_url(os.environ["REDIS_URL"])


def queue(connection: Redis) -> rq.Queue:
    return rq.Queue(NAME, connection=connection)


def main(kind: str) -> None:
    connection = redis()
    worker: rq.Worker = getattr(rq, kind)([queue(connection)], connection=connection)
    worker.work(logging_level="ERROR")


if __name__ == "__main__":
    main(sys.argv[1])
