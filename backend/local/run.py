"""`make run`: boot everything, show where to look, keep it running, stop it all on Ctrl-C.

`make demo` is the same with `--demo`: it plays the scripted day on the running system, or on one started for it.
`make clean` is `--clean`.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from backend.local import programs
from backend.local.errors import LocalError
from backend.local.folder import CHECKOUT, Folder
from backend.local.system import System

USUAL_PORT = 8000
WORKERS = 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to end; not an Exception, so that no handler of errors takes it for one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the local system until told to stop. Returns the exit code; every failure has been said in one sentence."""
    parser = argparse.ArgumentParser(prog="make run", description="在本机运行清河。")
    parser.add_argument("--folder", type=Path, default=CHECKOUT / ".local", help="数据目录（默认 .local）")
    parser.add_argument("--demo", action="store_true", help="演示一天的工作")
    parser.add_argument("--clean", action="store_true", help="删除数据目录里的全部数据")
    choices = parser.parse_args(arguments)
    folder = Folder(choices.folder)
    for number in _SIGNALS:
        signal.signal(number, _stop)
    try:
        if choices.clean:
            return _clean(folder)
        if choices.demo:
            return _demo(folder)
        return _run(folder)
    except Stopped:
        return 0
    except LocalError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(_in_words(error))


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _refuse(sentence: str) -> int:
    print(f"\n清河：{sentence}", file=sys.stderr, flush=True)
    return 1


def _in_words(error: OSError) -> str:
    name = error.filename or ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"磁盘已满，写不进 {name or '数据目录'}；请腾出空间后重试。"
    if isinstance(error, FileNotFoundError):
        return f"缺少文件 {name}；请确认检出完整（git status），或删除 .venv 后重试。"
    if isinstance(error, PermissionError):
        return f"没有权限访问 {name}。"
    return f"系统错误：{error.strerror or error}{f'（{name}）' if name else ''}。"


def _run(folder: Folder) -> int:
    begun = time.monotonic()
    with _booted(folder) as system:
        _play_demo_once(system)
        _tell_where_to_look(system, time.monotonic() - begun)
        while True:
            signal.pause()


@contextlib.contextmanager
def _booted(folder: Folder) -> Iterator[System]:
    """The whole system, and its orderly end, however the block is left."""
    system = System(folder, environ=os.environ, say=_say_and_keep(folder), step=_step)
    try:
        system.open()
        system.choose_port(wanted=_wanted_port(), usual=USUAL_PORT)
        folder.rotate_log("setup")
        folder.rotate_log("supervisor")
        _tell(f"清河 · 数据目录 {folder.path}")
        system.start_services()
        with _step("迁移数据库"):
            system.call(programs.MIGRATE)
        with _step("载入县域配置"):
            system.call((*programs.LOAD_COUNTY[:-1], system.settings_env["COUNTY_DIR"]))
        if _is_demo_county(system) and not folder.remembered("demo").get("roster"):
            with _step("导入演示名册"):
                system.call(programs.DEMO_SETUP)
            folder.remember("demo", {"roster": True})
        ours = [programs.web(folder, system.settings_env)]
        if programs.needs_stand_in(folder, system.settings_env):
            ours.insert(0, programs.wechat(folder, system.settings_env))
        ours += [programs.worker(number, system.settings_env) for number in range(1, WORKERS + 1)]
        ours.append(programs.scheduler(system.settings_env))
        for program in ours:
            with _step(program.title):
                system.launch(program)
        folder.remember("running", {"pid": os.getpid(), "url": system.url, "env": system.settings_env})
        system.watch()
        yield system
    finally:
        _be_patient_while_stopping(system)
        if system.names():
            _tell("\n正在停止……")
        system.stop()
        if system.names():
            _tell("已全部停止，数据已保留。")


def _be_patient_while_stopping(system: System) -> None:
    """The next Ctrl-C is answered with a word; the one after it kills what still runs."""
    heard = 0

    def again(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        if heard == 1:
            _tell("正在停止，请稍候；再按一次 Ctrl-C 则强行结束。")
        else:
            threading.Thread(target=system.kill_everything, daemon=True).start()

    for number in _SIGNALS:
        signal.signal(number, again)


def _wanted_port() -> int | None:
    text = os.environ.get("PORT", "")
    if not text:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise LocalError(f"PORT={text} 不是端口号；请给 1 到 65535 之间的整数。")
    return int(text)


@contextlib.contextmanager
def _step(title: str) -> Iterator[None]:
    """Say what is being done, and after it how long it took."""
    _tell(f"  {title} ……", end="")
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        _tell(" 失败")
        raise
    _tell(f" {time.monotonic() - begun:.1f} 秒")


def _tell(text: str = "", end: str = "\n") -> None:
    """Print; a terminal that was closed meanwhile is no reason not to stop in order."""
    with contextlib.suppress(OSError):
        print(text, end=end, flush=True)


def _say_and_keep(folder: Folder) -> Callable[[str], None]:
    """What tells the user a line, with the time, and keeps it in the supervisor's log."""

    def say(line: str) -> None:
        _tell(f"{time.strftime('%H:%M:%S')} {line}")
        with contextlib.suppress(OSError), folder.log("supervisor").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    return say


def _is_demo_county(system: System) -> bool:
    return Path(system.settings_env["COUNTY_DIR"]).resolve() == programs.COUNTY.resolve()


def _play_demo_once(system: System) -> None:
    """On the first start of the demo county: one scripted day, so that there is something to look at."""
    known = system.folder.remembered("demo")
    if not _is_demo_county(system) or known.get("played"):
        return
    _tell("\n第一次启动，先演示一天的工作：")
    try:
        system.call(programs.DEMO, tell=lambda line: _tell(f"  {line}"))
    except LocalError as error:
        _tell(f"  演示没有完成：{error}\n  系统照常运行；下次启动会再演示。")
        return
    system.folder.remember("demo", {**known, "played": True})


def _tell_where_to_look(system: System, seconds: float) -> None:
    url = system.url
    _tell(f"\n清河已就绪（用时 {seconds:.0f} 秒）")
    _tell(f"  网站      {url}")
    _tell(f"  小程序    {url}/phone/（右边可换身份、走河段、断网、拍照）")
    _tell(f"  电脑端    {url}/desk/")
    _tell(f"  接口说明  {url}/api/v1/openapi.json")
    _tell(f"  健康检查  {url}/healthz  {url}/readyz")
    _tell(f"  日志      {system.folder.logs}")
    if _is_demo_county(system):
        try:
            lines = system.call(programs.DEMO_SIGN_INS).splitlines()
        except LocalError as error:
            lines = [f"（登录方式没有列出：{error}）"]
        _tell("\n演示账号，各角色这样登录：")
        for line in lines:
            _tell(f"  {line}")
    _tell("\n按 Ctrl-C 停止。")


def _demo(folder: Folder) -> int:
    env = folder.remembered("running").get("env")
    if env and folder.is_held():
        folder.prepare()
        system = System(folder, environ=os.environ)
        system.settings_env = env
        system.call(programs.DEMO, tell=lambda line: _tell(line))
        return 0
    _tell("清河没有在运行：先启动，演示完再停止。")
    with _booted(folder) as system:
        _tell()
        system.call(programs.DEMO, tell=lambda line: _tell(line))
        folder.remember("demo", {**folder.remembered("demo"), "played": True})
    return 0


def _clean(folder: Folder) -> int:
    if not folder.path.exists():
        return 0
    folder.prepare()
    system = System(folder, environ={})
    system.open()
    system.stop()
    folder.remove()
    _tell(f"已删除 {folder.path} 里的数据。")
    return 0


if __name__ == "__main__":
    sys.exit(main())
