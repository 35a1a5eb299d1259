"""What a fault test does to a running system, and what it looks at: all from outside, over HTTP and SQL."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psycopg
import requests
from psycopg.rows import dict_row
from redis import Redis

from backend.local.pictures import make_jpeg
from backend.local.system import System

POINTS = json.loads(
    (Path(__file__).parents[2] / "config" / "county" / "qingyuan" / "demo_points.json").read_text("utf-8")
)
RECOVERY_S = 60.0


class Field:
    def __init__(self, system: System) -> None:
        self.system = system
        self.api = f"{system.url}/api/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def mend(self) -> None:
        """Start again what was stopped, and wait until all that is due was done."""
        for name in ("postgres", "redis", "s3", "web", "worker-1", "worker-2", "scheduler"):
            if not self.system.alive(name):
                self.system.restart(name)
        self.until(
            lambda: (
                self.sql("select count(*) as n from deferred where done_at is null and run_at <= now()")[0]["n"] == 0
            )
        )

    def until(self, is_so: Callable[[], Any], within_s: float = RECOVERY_S) -> Any:
        """Wait for a condition, and return what it gave."""
        deadline = time.monotonic() + within_s
        while not (found := is_so()):
            assert time.monotonic() < deadline, f"not within {within_s:.0f} s; {self.last_words()}"
            time.sleep(0.1)
        return found

    def last_words(self) -> str:
        logs = self.system.folder.logs
        return "\n".join(f"{log.name}: {log.read_text('utf-8')[-600:]}" for log in sorted(logs.glob("w*.log")))

    # -- looking

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A connection as the owner of the database."""
        return psycopg.connect(
            self.system.settings_env["MIGRATE_DATABASE_URL"], autocommit=True, row_factory=dict_row, connect_timeout=5
        )

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with self.connect() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def redis(self) -> Redis:
        return Redis.from_url(self.system.settings_env["REDIS_URL"])

    def case_of(self, report: dict[str, Any]) -> dict[str, Any]:
        return self.sql("select c.* from cases c join reports r on r.case_id = c.id where r.id = %s", report["id"])[0]

    def is_assigned(self, report: dict[str, Any]) -> bool:
        return bool(self.case_of(report)["state"] == "assigned")

    def waiting_for_a_lock(self) -> list[int]:
        """The sessions that wait for a lock."""
        return [row["pid"] for row in self.sql("select pid from pg_locks where not granted")]

    def readiness(self) -> requests.Response:
        return requests.get(f"{self.system.url}/readyz", timeout=30)

    # -- doing

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex, **headers}
        return requests.post(f"{self.api}{path}", json=body, headers=headers, timeout=60)

    def photo(self, data: bytes | None = None) -> dict[str, str]:
        """A photo posted to the store and announced."""
        form = self.post("/photos", {"content_type": "image/jpeg"}).json()
        data = data or make_jpeg(320, 240, text="river", seed=uuid.uuid4().int % 10_000)
        sent = requests.post(form["url"], data=form["fields"], files={"file": ("p.jpg", data)}, timeout=30)
        assert sent.status_code < 300, sent.text
        ref = {"id": form["id"], "claim": form["claim"]}
        told = self.post(f"/photos/{ref['id']}/uploaded", {"claim": ref["claim"]})
        assert told.status_code == 202, told.text
        return ref

    def form(self, n: int = 0, **changes: Any) -> dict[str, Any]:
        """An anonymous report of its own place: `n` moves it out of the reach of every duplicate."""
        point = POINTS["inside_township"]
        place = {"lon": point["lon"], "lat": point["lat"] + n * 0.0008, "coord_type": "wgs84"}
        base = {"category": "other", "text": "河边有一处问题。", "place": place, "privacy": "anonymous"}
        return {**base, "photos": [self.photo()], **changes}

    def report(self, n: int = 0, **changes: Any) -> dict[str, Any]:
        answer = self.post("/reports", self.form(n, **changes))
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown
