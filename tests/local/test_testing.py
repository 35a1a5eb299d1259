"""The servers that a test session shares."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psycopg

from backend.local import process
from backend.local.folder import CHECKOUT, Folder
from backend.local.testing import Services

JOIN = """
import sys, time
from backend.local import testing
with testing.session(sys.argv[1], sys.argv[2]) as services:
    print(services.env["DATABASE_URL"], services.env["REDIS_URL"], services.env["S3_BUCKET"], flush=True)
    time.sleep(600)
"""


def test_a_worker_has_a_migrated_database_of_its_own(services: Services) -> None:
    address, _ = services.new_database()
    with psycopg.connect(address) as fresh, psycopg.connect(services.env["DATABASE_URL"]) as usual:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert fresh.execute(tables).fetchone() == usual.execute(tables).fetchone()
    services.drop_database(address)
    services.redis.set("mine", 1)
    assert services.redis.delete("mine") == 1
    assert services.s3.bucket_exists(services.env["S3_BUCKET"])


def test_workers_share_servers_and_the_servers_die_with_pytest() -> None:
    key = uuid.uuid4().hex[:12]
    workers = [
        subprocess.Popen([sys.executable, "-c", JOIN, key, name], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        for name in ("gw0", "gw1")
    ]
    try:
        facts = [worker.stdout.readline().split() for worker in workers if worker.stdout is not None]
    finally:
        for worker in workers:
            worker.kill()  # as the kernel does when memory is short: nobody can tidy up after themselves
            worker.communicate()
    one, two = facts
    assert not set(one) & set(two), "nothing is used by both"
    assert one[0].rpartition("/")[0] == two[0].rpartition("/")[0], "the server is"
    root = next(Path(tempfile.gettempdir()).glob(f"qinghe-tests-*-{key}"), None)
    deadline = time.monotonic() + 30
    while root is not None and root.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    if root is not None:
        assert process.leftovers(Folder(root / "data")) == []
