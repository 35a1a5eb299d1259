"""Supervision: crashed processes come back, stopped ones stay away, and their children go with them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from backend.local import process, system
from backend.local.errors import LocalError
from backend.local.folder import Folder
from backend.local.process import Program
from backend.local.system import System


def program(name: str, code: str, **choices: object) -> Program:
    """A fake child that runs a few lines of Python."""
    return Program(
        name=name,
        title=f"替身 {name}",
        command=(sys.executable, "-c", code),
        env=process.python_env({}),
        **choices,  # type: ignore[arg-type]
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def empty(tmp_path: Path, said: list[str]) -> Iterator[System]:
    """A system without servers, to try fake children in."""
    made = System(Folder(tmp_path / "data"), environ={}, say=said.append)
    made.open()
    yield made
    made.stop()


def eventually(is_so: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def test_a_crashed_child_is_restarted_later_each_time_and_visibly(
    empty: System, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "_BACK_OFF_S", (0.1, 0.2, 0.4))
    empty.launch(program("worker-1", "print('here I am', flush=True); raise SystemExit(3)"))
    empty.watch()
    eventually(lambda: len([line for line in said if "意外退出" in line]) >= 3)
    crashes = [line for line in said if "意外退出" in line]
    assert "替身 worker-1（worker-1）意外退出，退出码 3；0.1 秒后第 1 次重启" in crashes[0]
    assert "0.2 秒后第 2 次" in crashes[1]
    assert "0.4 秒后第 3 次" in crashes[2]
    assert empty.folder.log("worker-1").read_text().count("here I am") >= 3


def test_a_child_killed_from_outside_comes_back(empty: System, said: list[str]) -> None:
    empty.launch(program("worker-1", "import time; time.sleep(600)"))
    empty.watch()
    pid = empty.pid("worker-1")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: empty.pid("worker-1") != pid and empty.alive("worker-1"))
    assert "被信号 9 终止" in said[0]


def test_a_child_killed_by_a_test_stays_down_until_restarted(empty: System) -> None:
    empty.launch(program("worker-1", "import time; time.sleep(600)"))
    empty.watch()
    empty.kill("worker-1")
    time.sleep(1.5)
    assert not empty.alive("worker-1")
    empty.restart("worker-1")
    assert empty.alive("worker-1")


def test_stop_ends_children_of_children_even_in_sessions_of_their_own(empty: System) -> None:
    empty.launch(
        program("worker-1", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\ntime.sleep(600)")
    )
    eventually(lambda: len(process.leftovers(empty.folder)) == 3)
    found = [one for one, _ in process.leftovers(empty.folder)]
    empty.stop()
    assert not [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_stop_kills_a_child_that_does_not_listen(empty: System) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    empty.launch(program("worker-1", deaf, stop_within_s=0.5))
    eventually(lambda: "deaf" in empty.folder.log("worker-1").read_text())
    empty.stop()
    assert process.leftovers(empty.folder) == []


def test_what_takes_work_is_stopped_before_what_keeps_data(empty: System, tmp_path: Path) -> None:
    names = ["postgres", "redis", "wechat", "web", "worker-1", "scheduler"]
    order_file = str(tmp_path / "order")
    for name in names:
        ready = tmp_path / f"{name}.ready"
        code = (
            "import signal, sys, time\n"
            "def end(*_):\n"
            f"    open({order_file!r}, 'a').write('{name} ')\n"
            "    sys.exit()\n"
            "signal.signal(signal.SIGTERM, end)\n"
            f"open({str(ready)!r}, 'w').close()\n"
            "time.sleep(600)"
        )
        empty.launch(program(name, code, ready=ready.exists))
    empty.stop()
    order = (tmp_path / "order").read_text().split()
    assert order[0] == "web"
    assert set(order[1:3]) == {"worker-1", "scheduler"}
    assert order[3:] == ["wechat", "redis", "postgres"]


def test_a_child_that_ends_before_it_is_ready_is_quoted(empty: System) -> None:
    with pytest.raises(
        LocalError, match=r"替身 web 没有启动成功（退出码 1）：ZeroDivisionError: .*；完整日志：.*web\.log"
    ):
        empty.launch(program("web", "1 / 0", ready=lambda: False))


def test_a_child_that_never_gets_ready_is_given_up(empty: System) -> None:
    with pytest.raises(LocalError, match="替身 web 在 0 秒内没有就绪"):
        empty.launch(program("web", "import time; time.sleep(600)", ready=lambda: False, ready_within_s=0.3))


def test_a_command_is_told_line_by_line_and_its_failure_quoted(empty: System) -> None:
    told: list[str] = []
    assert empty.call(["-c", "print('甲'); print('乙')"], tell=told.append) == "甲\n乙\n"
    assert told == ["甲", "乙"]
    with pytest.raises(LocalError, match=r"退出码 1）：ValueError: 县域配置有误"):
        empty.call(["-c", "raise ValueError('县域配置有误')"])


def test_a_second_supervisor_leaves_the_first_ones_processes_alone(empty: System) -> None:
    empty.launch(program("worker-1", "import time; time.sleep(600)"))
    second = System(Folder(empty.folder.path), environ={})
    with pytest.raises(LocalError, match="已经在运行"):
        second.open()
    second.stop()
    assert empty.alive("worker-1")


def test_an_asked_port_in_use_is_said_in_one_sentence(empty: System) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        with pytest.raises(LocalError, match=rf"^端口 {port} 已被别的程序占用；[^\n]*PORT={port + 1}。$"):
            empty.choose_port(wanted=port, usual=None)
        empty.choose_port(wanted=None, usual=port)
        assert not empty.url.endswith(f":{port}")
    chosen = empty.url
    empty.choose_port(wanted=None, usual=port)
    assert empty.url == chosen, "the port of last time is kept"
