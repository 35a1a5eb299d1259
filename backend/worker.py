"""The worker process: `python -m backend.worker`."""

from __future__ import annotations

from redis import Redis
from rq import Queue, SimpleWorker

from backend import jobs
from backend.queue import QUEUE
from backend.settings import load_settings


class DoorbellWorker(SimpleWorker):
    """Drains in its own process: one job carries out hundreds of rows, so a fork per job would gain nothing,
    and a row that kills the process is tried again by the sweep. Comes back soon after Redis does."""

    max_connection_wait_time = 5.0


def main() -> None:
    redis = Redis.from_url(load_settings().redis_url)
    with jobs.worker_app().app_context():
        DoorbellWorker([Queue(QUEUE, connection=redis)], connection=redis).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
