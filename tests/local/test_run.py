"""`make run` as its user meets it: what is printed, what happens on Ctrl-C, and one sentence for each mishap."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from backend.local import process
from backend.local.folder import CHECKOUT, Folder


class Terminal:
    """A `make run` in a terminal of its own: what it prints is in `text`."""

    def __init__(self, folder: Path, output: Path, *arguments: str, **environ: str) -> None:
        self.folder = Folder(folder)
        self._output = output
        names = ("PORT", "HOST", "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT", "COUNTY_DIR", "PUBLIC_URL")
        clean = {name: value for name, value in os.environ.items() if name not in names}
        with output.open("wb") as handle:
            self.child = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("fake_run.py")), str(folder), *arguments],
                env={**clean, "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1", **environ},
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self._output.read_text("utf-8")

    def wait_for(self, words: str, within_s: float = 60) -> None:
        deadline = time.monotonic() + within_s
        while words not in self.text:
            assert self.child.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    @property
    def url(self) -> str:
        return str(self.folder.remembered("running")["url"])

    def press_ctrl_c(self) -> int:
        """To the whole foreground group, as a terminal does."""
        os.killpg(self.child.pid, signal.SIGINT)
        return self.child.wait(60)


@pytest.fixture
def make_run(data_folder: Path, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, folder: Path = data_folder, **environ: str) -> Terminal:
        opened.append(Terminal(folder, tmp_path / f"{len(opened)}.txt", *arguments, **environ))
        return opened[-1]

    yield start
    for terminal in opened:
        if terminal.child.poll() is None:
            terminal.child.send_signal(signal.SIGTERM)
            terminal.child.wait(60)


def answer(url: str) -> bytes:
    with urllib.request.urlopen(url + "/healthz", timeout=5) as response:
        return bytes(response.read())


def test_first_start_shows_everything_and_ctrl_c_stops_everything(make_run: Callable[..., Terminal]) -> None:
    terminal = make_run()
    terminal.wait_for("按 Ctrl-C 停止")
    for words in (
        "PostgreSQL …… ",
        "导入演示名册 …… ",
        "  群众举报非法排污",
        "县河长办：手机号 19900000001",
        "接口说明",
    ):
        assert words in terminal.text
    assert f"网站      {terminal.url}" in terminal.text
    assert answer(terminal.url) == b"ok"

    # A second one in the same checkout says so, and harms nothing.
    second = make_run()
    assert second.child.wait(30) == 1
    assert second.text.strip() == (
        f"清河：这个目录里的清河已经在运行（进程 {terminal.child.pid}）：{terminal.url} ；"
        "要停下它，请在它的终端里按 Ctrl-C。"
    )
    assert answer(terminal.url) == b"ok"

    running = [found for found, _ in process.leftovers(terminal.folder)]
    assert len(running) >= 8
    assert terminal.press_ctrl_c() == 0
    assert terminal.text.endswith("已全部停止，数据已保留。\n")
    assert not [one for one in running if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    # The next start finds its port again, and neither imports nor plays a second time.
    url = url_of(terminal.text)
    third = make_run()
    third.wait_for("按 Ctrl-C 停止")
    assert url_of(third.text) == url
    assert "导入演示名册" not in third.text
    assert "群众举报" not in third.text


def url_of(text: str) -> str:
    return next(line.split()[-1] for line in text.splitlines() if line.strip().startswith("网站  "))


def test_a_demo_that_failed_is_played_again_at_the_next_start(make_run: Callable[..., Terminal]) -> None:
    terminal = make_run("--fail-demo")
    terminal.wait_for("按 Ctrl-C 停止")
    assert "演示没有完成" in terminal.text
    assert "Traceback" not in terminal.text
    terminal.press_ctrl_c()
    again = make_run()
    again.wait_for("按 Ctrl-C 停止")
    assert "  群众举报非法排污" in again.text
    assert "演示没有完成" not in again.text


def test_two_checkouts_run_at_once_and_one_stops_alone(make_run: Callable[..., Terminal], data_folder: Path) -> None:
    one, two = make_run(), make_run(folder=data_folder.with_name("two"))
    one.wait_for("按 Ctrl-C 停止")
    two.wait_for("按 Ctrl-C 停止")
    assert one.url != two.url
    one.child.send_signal(signal.SIGTERM)
    assert one.child.wait(60) == 0
    assert answer(two.url) == b"ok"


def test_ctrl_c_while_booting_stops_what_was_begun(make_run: Callable[..., Terminal]) -> None:
    terminal = make_run()
    terminal.wait_for("S3 对象存储 ……")
    assert terminal.press_ctrl_c() == 0
    assert process.leftovers(terminal.folder) == []
    assert "Traceback" not in terminal.text


def test_after_kill_9_of_the_supervisor_the_next_start_clears_up(make_run: Callable[..., Terminal]) -> None:
    terminal = make_run()
    terminal.wait_for("按 Ctrl-C 停止")
    url = terminal.url
    terminal.child.kill()
    terminal.child.wait()
    assert answer(url) == b"ok", "orphaned, still serving"
    again = make_run()
    again.wait_for("按 Ctrl-C 停止")
    assert "上次没有正常停止" in again.text
    assert again.url == url


def test_mishaps_get_one_sentence(make_run: Callable[..., Terminal], data_folder: Path) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        taken = make_run(PORT=str(port))
        assert taken.child.wait(30) == 1
    assert taken.text.strip().startswith(f"清河：端口 {port} 已被别的程序占用；")

    wrong = make_run(PORT="eighty")
    assert wrong.child.wait(30) == 1
    assert wrong.text.strip() == "清河：PORT=eighty 不是端口号；请给 1 到 65535 之间的整数。"

    data_folder.with_name("file").write_text("not a folder")
    blocked = make_run(folder=data_folder.with_name("file") / "data")
    assert blocked.child.wait(30) == 1
    assert len(blocked.text.strip().splitlines()) == 1
    assert "Traceback" not in blocked.text
