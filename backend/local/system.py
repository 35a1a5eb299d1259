"""One running system: the servers, the web server, the workers, the scheduler, and the eye that restarts them.

`make run` and the fault tests use the same class:

    with System.start(tmp_path / "data", workers=2) as system:
        requests.get(system.url + "/healthz")
        system.kill("redis")        # kill -9; stays down
        system.restart("redis")     # same port, same data
"""

from __future__ import annotations

import contextlib
import functools
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from backend.local import ports, postgres_server, process, programs, redis_server, s3_server
from backend.local.errors import LocalError
from backend.local.folder import CHECKOUT, Folder
from backend.local.process import Program

# What is stopped first takes new work, what is stopped last keeps the data; each row at once.
_STOP_ORDER = (("web",), ("worker", "scheduler", "other"), ("wechat",), ("s3", "redis"), ("postgres",))
_KINDS = ("web", "worker", "scheduler", "wechat", *programs.SERVICES)
_BACK_OFF_S = (1, 2, 4, 8, 15, 30)
_HEALTHY_AFTER_S = 60.0
_LOOK_EVERY_S = 0.2


@dataclass
class Running:
    """One supervised process and how it fares."""

    program: Program
    child: subprocess.Popen[bytes]
    started_at: float
    held: bool = False
    """Stopped on purpose: stays down until restart()."""
    crashes: int = 0
    restart_at: float | None = None


class System:
    """The processes of one data folder. Make it with System.start(); stop() ends every one of them."""

    def __init__(
        self,
        folder: Folder,
        *,
        environ: Mapping[str, str],
        say: Callable[[str], None] = lambda line: None,
        step: Callable[[str], contextlib.AbstractContextManager[None]] = lambda title: contextlib.nullcontext(),
        fast: bool = False,
    ) -> None:
        self.folder = folder
        self.environ = dict(environ)
        """What the user set; a server or secret named there is used instead of ours."""
        self.settings_env: dict[str, str] = {}
        """The environment by which backend.settings finds this system."""
        self._say, self._step, self._fast = say, step, fast
        self._running: dict[str, Running] = {}
        self._cleanups: list[Callable[[], None]] = []
        self._guard = threading.RLock()
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None
        self._lock = contextlib.ExitStack()
        self._opened = False
        self._held_port: socket.socket | None = None
        self.url = ""
        """The web server's address, without a slash at the end."""

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        web: bool = True,
        workers: int = 1,
        scheduler: bool = True,
        wechat: bool = True,
        setup: Sequence[Sequence[str]] = programs.SETUP,
        environ: Mapping[str, str] | None = None,
        fast: bool = True,
        restart_crashed: bool = False,
    ) -> System:
        """Boot a whole system for a test, on free ports and with its data in `folder`; nothing is shared with others.

        web, workers, scheduler, wechat choose our own processes; the three servers always run. `setup` are the
        commands run once the servers are up (migration, county). `environ` adds to the environment of our own
        processes. `restart_crashed` brings crashed processes back as `make run` does.
        """
        system = cls(Folder(folder), environ=environ or {}, fast=fast)
        try:
            system.open()
            system.start_services()
            system.settings_env |= system.environ
            system.choose_port(wanted=None, usual=None)
            for arguments in setup:
                system.call(arguments)
            if wechat:
                system.launch(programs.wechat(system.folder, system.settings_env))
            if web:
                system.launch(programs.web(system.folder, system.settings_env))
            for number in range(1, workers + 1):
                system.launch(programs.worker(number, system.settings_env))
            if scheduler:
                system.launch(programs.scheduler(system.settings_env))
            if restart_crashed:
                system.watch()
        except BaseException:
            system.stop()
            raise
        return system

    def __enter__(self) -> System:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()

    # -- starting

    def open(self) -> None:
        """Take the folder, and stop whatever a supervisor that was killed has left running in it."""
        self.folder.prepare()
        self._lock.enter_context(self.folder.lock())
        self._opened = True
        orphans = process.leftovers(self.folder)
        if orphans:
            self._say(f"上次没有正常停止，先结束遗留的 {len(orphans)} 个进程。")
            how = {"postgres": signal.SIGINT}
            process.stop_all([(orphan, how.get(name, signal.SIGTERM)) for orphan, name in orphans], within_s=20)

    def start_services(self) -> None:
        """Start PostgreSQL, Redis and S3, or take the ones that the environment names; fills settings_env."""
        self.settings_env |= programs.base_env(self.folder, self.environ)
        for name in programs.SERVICES:
            theirs = self.environ.get(programs.SERVICES[name])
            if theirs:
                self.settings_env |= programs.own_server_env(name, self.environ)
                self._say(f"{name}：使用环境变量 {programs.SERVICES[name]} 指定的服务。")
                continue
            with self._step(programs.TITLES[name]):
                self.launch(self._service(name), again=functools.partial(self._service, name))

    def _service(self, name: str) -> Program:
        if name == "postgres":
            program, server = postgres_server.program(self.folder, fast=self._fast)
            self.settings_env["DATABASE_URL"] = server.url()
            self.settings_env["MIGRATE_DATABASE_URL"] = server.url(role=postgres_server.OWNER)
        elif name == "redis":
            program = redis_server.program(self.folder, fast=self._fast)
            self.settings_env["REDIS_URL"] = redis_server.url(self.folder)
        else:
            program = s3_server.program(self.folder, bucket=self.settings_env["S3_BUCKET"])
            secrets = self.folder.secrets()
            self.settings_env |= {
                "S3_ENDPOINT": s3_server.endpoint(self.folder),
                "S3_PUBLIC_URL": self.environ.get("S3_PUBLIC_URL", s3_server.endpoint(self.folder)),
                "S3_ACCESS_KEY": secrets["S3_ACCESS_KEY"],
                "S3_SECRET_KEY": secrets["S3_SECRET_KEY"],
            }
        return program

    def choose_port(self, *, wanted: int | None, usual: int | None) -> None:
        """Settle the web server's address: the wanted port or a LocalError; else the one of last time; else the usual.

        Fills url, and HOST, PORT and PUBLIC_URL of settings_env.
        """
        host = self.environ.get("HOST") or ports.LOOPBACK
        known = self.folder.remembered("ports").get("web")
        self._release_port()
        for port in (wanted,) if wanted is not None else (known, usual, ports.pick(avoid=set())):
            # Held until the web server starts: another checkout may be booting at the same time.
            self._held_port = None if port is None else ports.reserve(port, host)
            if port is not None and self._held_port is not None:
                break
        else:
            if wanted is None:
                raise LocalError("找不到空闲的本机端口，请用 make run PORT=端口 指定一个。")
            raise LocalError(f"端口 {wanted} 已被别的程序占用；换一个再试，例如 make run PORT={wanted + 1}。")
        self.folder.keep_port("web", port)
        shown = ports.LOOPBACK if host in ("0.0.0.0", "::") else host
        self.url = f"http://{shown}:{port}"
        public = self.environ.get("PUBLIC_URL") or self.url
        self.settings_env |= {"HOST": host, "PORT": str(port), "PUBLIC_URL": public}

    def _release_port(self) -> None:
        if self._held_port is not None:
            self._held_port.close()
            self._held_port = None

    def launch(self, program: Program, *, again: Callable[[], Program] | None = None) -> None:
        """Start a program, wait until it is ready, and supervise it from then on.

        `again` makes the program anew with other ports, for when somebody took one of them in the last moment.
        """
        self.folder.rotate_log(program.name)
        if program.name == "web":
            self._release_port()
        for tries_left in (2, 1, 0):
            self._cleanups.append(program.cleanup)  # before: a signal may come between the next two lines
            child = process.start(self.folder, program)
            with self._guard:
                self._running[program.name] = Running(program, child, time.monotonic(), held=True)
            try:
                process.wait_until_ready(self.folder, program, child)
                program.prepare()
            except process.StartError:
                process.kill_all(process.family(self.folder, program.name))
                taken = [port for port in program.ports if not ports.is_free(port)]
                if again is None or not taken or not tries_left:
                    raise
                program = again()
                continue
            self._running[program.name].held = False
            return

    def call(self, arguments: Sequence[str], *, tell: Callable[[str], None] | None = None) -> str:
        """Run one of our Python commands to its end, e.g. ["-m", "backend.cli", "db", "upgrade"]; returns its output.

        Raises LocalError with its last words when it fails. `tell` gets each line as it is written.
        """
        with self.folder.log("setup").open("a", encoding="utf-8") as log:
            child = subprocess.Popen(
                process.python(*arguments),
                env={**process.python_env(self.settings_env), **process.marks(self.folder, "setup")},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
            lines = []
            with child:
                try:
                    for line in child.stdout or ():
                        lines.append(line)
                        log.write(line)
                        log.flush()
                        if tell is not None:
                            tell(line.rstrip("\n"))
                except BaseException:
                    process.kill_all(process.family(self.folder, "setup"))
                    raise
        if child.returncode != 0:
            log_file = self.folder.log("setup")
            raise LocalError(
                f"命令 {' '.join(arguments)} 失败（退出码 {child.returncode}）："
                f"{process.last_words(log_file)}；完整日志：{log_file}"
            )
        return "".join(lines)

    # -- watching

    def watch(self) -> None:
        """Bring back every process that ends without having been told to, later each time it does so again."""
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            with self._guard:
                for running in self._running.values():
                    if not running.held and not self._ended.is_set():
                        self._look_after(running)

    def _look_after(self, running: Running) -> None:
        now, name = time.monotonic(), running.program.name
        if running.restart_at is None:
            code = running.child.poll()
            if code is None:
                return
            if now - running.started_at > _HEALTHY_AFTER_S:
                running.crashes = 0
            wait_s = _BACK_OFF_S[min(running.crashes, len(_BACK_OFF_S) - 1)]
            running.crashes += 1
            running.restart_at = now + wait_s
            why = f"被信号 {-code} 终止" if code < 0 else f"退出码 {code}"
            self._say(f"{running.program.title}（{name}）意外退出，{why}；{wait_s} 秒后第 {running.crashes} 次重启。")
        elif now >= running.restart_at:
            running.restart_at = None
            running.started_at = now
            process.kill_all(process.family(self.folder, name))
            try:
                running.child = process.start(self.folder, running.program)
            except (LocalError, OSError) as error:  # tried again after the next back-off
                self._say(str(error))
                return
            self._say(f"{running.program.title}（{name}）已重启。")

    # -- what tests do to it

    def names(self) -> list[str]:
        """The supervised processes, in the order in which they were started."""
        return list(self._running)

    def pid(self, name: str) -> int:
        """The process number of a supervised process."""
        return self._running[name].child.pid

    def kill(self, name: str, *, tree: bool = False) -> None:
        """`kill -9` one process, with `tree` its children too; it stays down until restart()."""
        with self._guard:
            running = self._running[name]
            running.held = True
            doomed = process.descendants(psutil.Process(running.child.pid)) if tree and self.alive(name) else []
            running.child.kill()
            running.child.wait()
            process.kill_all(doomed)

    def terminate(self, name: str) -> None:
        """Stop one process in the polite way; it stays down until restart()."""
        with self._guard:
            self._running[name].held = True
            self._stop([self._running[name]])

    def restart(self, name: str) -> None:
        """Start one process again on the same port and data, after ending what is left of it; wait until ready."""
        with self._guard:
            running = self._running[name]
            running.held = True
            process.kill_all(process.family(self.folder, name))
            running.child.wait()
            running.child = process.start(self.folder, running.program)
            running.started_at, running.restart_at = time.monotonic(), None
            process.wait_until_ready(self.folder, running.program, running.child)
            running.held = False

    def wait_until_ready(self, name: str) -> None:
        """Wait for a process that was brought back by itself. Raises StartError when it does not get ready."""
        running = self._running[name]
        process.wait_until_ready(self.folder, running.program, running.child)

    def alive(self, name: str) -> bool:
        """Whether a supervised process runs now."""
        return self._running[name].child.poll() is None

    # -- stopping

    def stop(self) -> None:
        """End every process in order: first who takes new work, last who keeps the data. Repeating it is harmless."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join()
        if not self._opened:
            return  # the folder is somebody else's, and so is what runs in it
        remaining = dict(self._running)
        for row in _STOP_ORDER:
            known = {name: name.split("-")[0] for name in remaining}
            chosen = [name for name, kind in known.items() if (kind if kind in _KINDS else "other") in row]
            self._stop([remaining.pop(name) for name in chosen])
        self.kill_everything()  # a command that was running, a process just begun
        for cleanup in self._cleanups:
            cleanup()
        self._cleanups.clear()
        self._release_port()
        self._opened = False
        self._lock.close()

    def kill_everything(self) -> None:
        """`kill -9` every process of this folder at once."""
        process.kill_all(orphan for orphan, _ in process.leftovers(self.folder))

    def _stop(self, chosen: Sequence[Running]) -> None:
        living = []
        for running in chosen:
            running.held = True
            if running.child.poll() is None:
                living.append((psutil.Process(running.child.pid), running.program.stop_signal))
        process.stop_all(living, within_s=max((running.program.stop_within_s for running in chosen), default=0))
        for running in chosen:
            process.kill_all(process.family(self.folder, running.program.name))
            running.child.wait()
