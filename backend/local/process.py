"""Processes of one local system: started in a group of their own, marked, found again, and stopped for certain.

Every process carries the data folder and its own name in its environment, and its children inherit both. So what a
killed supervisor left behind is recognised by whose folder it belongs to, never by a process number that somebody
else may have by now.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from backend.local.errors import LocalError
from backend.local.folder import CHECKOUT, Folder

FOLDER_MARK = "QINGHE_LOCAL_FOLDER"
NAME_MARK = "QINGHE_LOCAL_PROCESS"


@dataclass(frozen=True)
class Program:
    """How to start one process, how to see that it is ready, and how to stop it."""

    name: str
    """Short and plain, as in the log's name: web, worker-1, postgres."""
    title: str
    """What the user is shown."""
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment of the process; the marks are added."""
    cwd: Path = CHECKOUT
    before: Callable[[], None] = lambda: None
    """Done before each start."""
    ready: Callable[[], bool] = lambda: True
    """Asked again and again until true."""
    prepare: Callable[[], None] = lambda: None
    """Done once it is ready; repeating it must be harmless."""
    cleanup: Callable[[], None] = lambda: None
    """Done once everything is stopped."""
    ready_within_s: float = 60
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10
    account: Mapping[str, Any] = field(default_factory=dict)
    """user, group and extra_groups for subprocess.Popen, when root drops its privileges."""
    ports: tuple[int, ...] = ()


class StartError(LocalError):
    """A process ended, or said nothing, before it was ready."""


def service_env() -> dict[str, str]:
    """A bare environment for servers: PGHOST and the like in the user's shell must not reach ours."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept}


def python_env(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of one of our own Python processes: the user's, with the system's settings on top."""
    return {**os.environ, **env, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def python(*arguments: str) -> tuple[str, ...]:
    """A command line for this interpreter: python("-m", "backend.worker")."""
    return (sys.executable, *arguments)


def marks(folder: Folder, name: str) -> dict[str, str]:
    """What tells a process of this folder from everybody else's."""
    return {FOLDER_MARK: str(folder.path), NAME_MARK: name}


def start(folder: Folder, program: Program) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output appended to its log. Raises LocalError when it cannot."""
    program.before()
    with folder.log(program.name).open("ab") as log:
        try:
            return subprocess.Popen(
                program.command,
                env={**program.env, **marks(folder, program.name)},
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **program.account,
            )
        except FileNotFoundError:
            raise LocalError(f"缺少程序文件：{program.command[0]}；请删除 .venv 后重新运行 make run。") from None
        except PermissionError:
            raise LocalError(f"没有权限执行：{program.command[0]}。") from None


def wait_until_ready(folder: Folder, program: Program, process: subprocess.Popen[bytes]) -> None:
    """Wait for program.ready(). Raises StartError, with the last words of the log, when the process ends first."""
    deadline = time.monotonic() + program.ready_within_s
    while not program.ready():
        if process.poll() is not None:
            raise StartError(
                f"{program.title} 没有启动成功（退出码 {process.returncode}）："
                f"{last_words(folder.log(program.name))}；完整日志：{folder.log(program.name)}"
            )
        if time.monotonic() > deadline:
            raise StartError(
                f"{program.title} 在 {program.ready_within_s:.0f} 秒内没有就绪；日志：{folder.log(program.name)}"
            )
        time.sleep(0.05)


def last_words(log: Path) -> str:
    """The last line of a log that says something, shortened."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 8192))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return "没有日志"
    telling = [line.strip() for line in lines if line.strip()]
    worst = [line for line in telling if any(word in line for word in ("FATAL", "PANIC", "Error:", "rror opening"))]
    return (worst or telling or ["日志是空的"])[-1][:300]


def family(folder: Folder, name: str) -> list[psutil.Process]:
    """All living processes that carry the mark of this folder and name: the process and its descendants."""
    wanted = marks(folder, name).items()
    return [process for process, found in _marked() if wanted <= found.items()]


def leftovers(folder: Folder) -> list[tuple[psutil.Process, str]]:
    """All living processes that carry the mark of this folder, each with the name it was given."""
    ours = ((process, found) for process, found in _marked() if found[FOLDER_MARK] == str(folder.path))
    return [(process, found.get(NAME_MARK, "")) for process, found in ours]


def listens(folder: Folder, name: str, port: int) -> bool:
    """Whether a process of this folder and name, or a child of it, listens on a port."""
    for process in family(folder, name):
        try:
            found = process.net_connections("tcp")
        except psutil.Error:
            continue
        if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found):
            return True
    return False


def _marked() -> Iterable[tuple[psutil.Process, dict[str, str]]]:
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            found = process.environ()
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or somebody else's: not ours in any case
        if FOLDER_MARK in found:
            yield process, found


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """The living children of a process, and theirs."""
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def kill_all(processes: Iterable[psutil.Process], within_s: float = 5) -> None:
    """SIGKILL each, and wait until each is gone."""
    doomed = list(processes)
    for process in doomed:
        try:
            process.kill()
        except psutil.Error:
            continue
    wait_until_gone(doomed, within_s)


def wait_until_gone(processes: Iterable[psutil.Process], within_s: float) -> bool:
    """Wait until each has ended; one that ended and was not yet collected by its parent counts as ended."""
    deadline = time.monotonic() + within_s
    for process in processes:
        while _lives(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def stop_all(stoppable: Iterable[tuple[psutil.Process, signal.Signals]], within_s: float) -> None:
    """Ask each to end by its signal; what still lives after `within_s` seconds, or its descendants, is killed."""
    asked, everyone = [], set()
    for process, how in stoppable:
        everyone |= {process, *descendants(process)}
        try:
            process.send_signal(how)
            asked.append(process)
        except psutil.Error:
            continue
    wait_until_gone(asked, within_s)
    kill_all(one for one in everyone if _lives(one))
