"""One set of real servers for a whole test session, shared by all pytest-xdist workers.

A keeper process owns the servers. Each worker holds a shared file lock while it tests; when nobody holds one any more,
because the last worker finished or because pytest was killed, the keeper stops the servers, deletes their data and
ends. Each worker has its own database, its own Redis database and its own bucket, so that no test sees another's rows.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import redis
from minio import Minio

from backend.local import postgres_server, process, programs, redis_server, s3_server
from backend.local.errors import LocalError
from backend.local.folder import CHECKOUT, Folder
from backend.local.system import System

_TEMPLATE = "qinghe_template"
_NOWHERE = "http://127.0.0.1:9"  # the discard port: whoever calls WeChat without a stand-in is refused at once


@dataclass(frozen=True)
class Services:
    """What one xdist worker may use. `env` is the whole environment that backend.settings reads."""

    worker: str
    env: Mapping[str, str]
    postgres: postgres_server.Postgres
    folder: Folder

    def new_database(self, name: str = "") -> tuple[str, str]:
        """Make a fresh, migrated database. Returns its address for the application role and for the owner role."""
        name = name or f"qinghe_{self.worker}_{uuid.uuid4().hex[:8]}"
        _copy_template(self.postgres, name, self.folder)
        return self.postgres.url(name), self.postgres.url(name, postgres_server.OWNER)

    def empty_database(self, name: str = "") -> tuple[str, str]:
        """Make a fresh database in which nothing was migrated. Returns the same two addresses."""
        name = name or f"qinghe_{self.worker}_{uuid.uuid4().hex[:8]}"
        self.postgres.create_database(name)
        return self.postgres.url(name), self.postgres.url(name, postgres_server.OWNER)

    def drop_database(self, url: str) -> None:
        """Remove a database that new_database() or empty_database() made, by its address."""
        self.postgres.drop_database(url.rpartition("/")[2])

    @property
    def admin_database_url(self) -> str:
        """The worker's database, as a role that may do everything."""
        return self.postgres.url(self.env["DATABASE_URL"].rpartition("/")[2], "postgres")

    @property
    def redis(self) -> redis.Redis:
        """A new client of the worker's own Redis database; flushdb() on it harms nobody."""
        return redis.Redis.from_url(self.env["REDIS_URL"])

    @property
    def s3(self) -> Minio:
        """A new client of the S3 server; the worker's bucket is env["S3_BUCKET"]."""
        return s3_server.client(self.folder)


@contextlib.contextmanager
def session(key: str, worker: str) -> Iterator[Services]:
    """Join the servers of the test session `key`, booting them if this worker (gw0, gw1, … or main) is the first."""
    root = Path(tempfile.gettempdir()) / f"qinghe-tests-{os.getuid()}-{key}"
    root.mkdir(mode=0o711, exist_ok=True)
    with (root / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper that saw nobody is cleaning up
        with _alone(root):
            facts = _facts(root) or _boot(root)
        folder = Folder(root / "data")
        server = postgres_server.Postgres(port=facts["postgres_port"], secrets=folder.secrets())
        yield _services(folder, server, facts["env"], worker)


def _services(folder: Folder, server: postgres_server.Postgres, env: dict[str, str], worker: str) -> Services:
    database, bucket = f"qinghe_{worker}", f"qinghe-test-{worker}"
    with _alone(folder.path.parent):
        server.drop_database(database)
        _copy_template(server, database, folder)
    client = s3_server.client(folder)
    for name, locked in ((bucket, False), (f"{bucket}-roots", True)):
        if not client.bucket_exists(name):
            client.make_bucket(name, object_lock=locked)
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    own = {
        "DATABASE_URL": server.url(database),
        "MIGRATE_DATABASE_URL": server.url(database, postgres_server.OWNER),
        "REDIS_URL": redis_server.url(folder, number % redis_server.DATABASES),
        "S3_BUCKET": bucket,
        "S3_ROOTS_BUCKET": f"{bucket}-roots",
        "LEDGER_ROOTS_DIR": str(folder.path / f"ledger-roots-{worker}"),
        "PUBLIC_URL": _NOWHERE,
        "WECHAT_BASE_URL": _NOWHERE,
        "SMS_BASE_URL": _NOWHERE,
    }
    return Services(worker=worker, env={**env, **own}, postgres=server, folder=folder)


def _copy_template(server: postgres_server.Postgres, name: str, folder: Folder) -> None:
    """Copy the migrated database, which is made when the first asks for it: migrating takes longer than copying."""
    with _alone(folder.path.parent, "template"):
        if not server.has_database(_TEMPLATE):
            draft = f"{_TEMPLATE}_draft"
            server.drop_database(draft)
            server.create_database(draft)
            if (CHECKOUT / "backend" / "cli.py").exists():
                _migrate(server, draft, folder)
            server.rename_database(draft, _TEMPLATE)
        server.create_database(name, template=_TEMPLATE)


def _migrate(server: postgres_server.Postgres, database: str, folder: Folder) -> None:
    env = {
        **_facts(folder.path.parent)["env"],
        "DATABASE_URL": server.url(database),
        "MIGRATE_DATABASE_URL": server.url(database, postgres_server.OWNER),
    }
    done = subprocess.run(
        process.python(*programs.MIGRATE),
        env=process.python_env(env),
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise LocalError(f"测试数据库迁移失败：\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def _alone(root: Path, name: str = "boot") -> Iterator[None]:
    with (root / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _facts(root: Path) -> dict[str, Any]:
    """What the keeper says about its servers; empty when there is none or it has died."""
    try:
        facts = json.loads((root / "ready.json").read_text("utf-8"))
        os.kill(facts["keeper"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(facts)


def _boot(root: Path) -> dict[str, Any]:
    """Start a keeper and wait until its servers are up. Raises LocalError with its last words when it fails."""
    log = root / "keeper.log"
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            process.python("-m", "backend.local.testing", str(root)),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for pytest; the keeper follows when pytest is gone
        )
    while not (facts := _facts(root)):
        if keeper.poll() is not None:
            raise LocalError(f"测试用的服务没有启动成功：{process.last_words(log)}；日志：{log}")
        time.sleep(0.05)
    return facts


def keep(root: Path) -> None:
    """The keeper's life: boot, say so, wait until nobody holds the lock, stop, and delete everything."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with (
        (root / "users").open("a") as users,
        System.start(root / "data", web=False, workers=0, scheduler=False, wechat=False, setup=()) as system,
    ):
        facts = {
            "keeper": os.getpid(),
            "postgres_port": system.folder.remembered("ports")["postgres"],
            "env": system.settings_env,
        }
        draft = root / "ready.new"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(facts), encoding="utf-8")
        draft.replace(root / "ready.json")
        while not _nobody_left(users):
            time.sleep(0.2)
        (root / "ready.json").unlink()
    system.folder.remove()
    shutil.rmtree(root, ignore_errors=True)


def _nobody_left(users: TextIO) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
