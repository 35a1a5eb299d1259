"""Our processes with a clock that can be put wrong: by how many seconds stands in a file, read at each look.

gunicorn serves `tests.faults.clocked:app()`; `python -m tests.faults.clocked` is a worker.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apiflask import APIFlask
from redis import Redis
from rq import Queue

from backend import create_app
from backend.queue import QUEUE
from backend.settings import load_settings
from backend.worker import DoorbellWorker

FILE_VARIABLE = "QINGHE_FAULTS_CLOCK"


def clock() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ[FILE_VARIABLE]).read_text("utf-8")))


def app() -> APIFlask:
    return create_app(clock=clock)


def main() -> None:
    redis = Redis.from_url(load_settings().redis_url)
    with app().app_context():
        DoorbellWorker([Queue(QUEUE, connection=redis)], connection=redis).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
