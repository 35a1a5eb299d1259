"""What breaks: drawn from a seed, struck one after the other, mended after a while."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import requests

from backend.local.errors import LocalError
from backend.local.system import System

KILLED = ("web", "worker-1", "worker-2", "scheduler", "redis", "redis with its data lost", "postgres", "s3")
WECHAT = ("slow", "error", "busy", "down", "rate_limited")
CLOCK_S = {"clock ahead": 3 * 3600.0, "clock behind": -600.0}
_TREES = ("web", "worker-1", "worker-2", "postgres", "s3")


@dataclass
class Troubles:
    """Strikes a system. `counts` says what was done how often."""

    system: System
    clock: Path
    chance: Random
    disk: Path | None = None
    """A small disk under the whole system's data, where one could be made."""
    counts: Counter[str] = field(default_factory=Counter)

    def plan(self, kills: int) -> list[str]:
        """So many kills, every kind equally often, and between them WeChat, the clock and the disk."""
        kinds = [KILLED[n % len(KILLED)] for n in range(kills)]
        others = [f"WeChat {WECHAT[n % len(WECHAT)]}" for n in range(max(1, kills // 5))]
        others += list(CLOCK_S) * max(1, kills // 25)
        if self.disk is not None:
            others += ["disk full"] * max(1, kills // 25)
        planned = [*kinds, *others]
        self.chance.shuffle(planned)
        return planned

    def strike(self, what: str, for_s: float) -> None:
        """Break it, wait, mend it."""
        self.counts[what] += 1
        with self._broken(what):
            time.sleep(for_s)

    def _broken(self, what: str) -> contextlib.AbstractContextManager[None]:
        if what in KILLED:
            return self._killed(what)
        if what in CLOCK_S:
            return self._clock_wrong(CLOCK_S[what])
        if what == "disk full":
            return self._disk_full()
        return self._wechat_in_mode(what.removeprefix("WeChat "))

    @contextlib.contextmanager
    def _killed(self, what: str) -> Iterator[None]:
        name = what.split(" ")[0]
        self.system.kill(name, tree=name in _TREES)
        if what == "redis with its data lost":
            for path in (self.system.folder.path / "redis").glob("appendonly*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield
        self.started(name)

    def started(self, name: str, within_s: float = 90) -> None:
        """Start it until it stays: what it needs may be away too."""
        until = time.monotonic() + within_s
        while True:
            try:
                self.system.restart(name)
                return
            except LocalError:
                if time.monotonic() > until:
                    raise
                time.sleep(1)

    @contextlib.contextmanager
    def _clock_wrong(self, by_s: float) -> Iterator[None]:
        set_clock(self.clock, by_s)
        try:
            yield
        finally:
            set_clock(self.clock, 0)

    @contextlib.contextmanager
    def _wechat_in_mode(self, mode: str) -> Iterator[None]:
        self._tell_wechat(mode, seconds=7, times=30 if mode == "rate_limited" else None)
        try:
            yield
        finally:
            self._tell_wechat("ok")

    def _tell_wechat(self, mode: str, **more: object) -> None:
        url = self.system.settings_env["WECHAT_BASE_URL"]
        requests.post(f"{url}/_stand-in/mode", json={"mode": mode, **more}, timeout=10).raise_for_status()

    @contextlib.contextmanager
    def _disk_full(self) -> Iterator[None]:
        assert self.disk is not None
        ballast = self.disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(b"\0" * 1_000_000)
                file.flush()
        try:
            yield
        finally:
            ballast.unlink()
            self.heal()
            # SeaweedFS looks only each minute whether there is room again.
            self.started("s3")

    def heal(self) -> None:
        """Everything runs again, WeChat answers, the clock is right."""
        set_clock(self.clock, 0)
        for name in ("postgres", "redis", "s3", "wechat", "web", "worker-1", "worker-2", "scheduler"):
            if not self.system.alive(name):
                self.started(name)
        self._tell_wechat("ok")


def set_clock(file: Path, by_s: float) -> None:
    """Put the clock of all our processes wrong, at once and whole."""
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(str(by_s), "utf-8")
    draft.replace(file)


@contextlib.contextmanager
def small_disk(place: Path, size_mb: int, tell: Callable[[str], None]) -> Iterator[Path | None]:
    """A disk of so many megabytes under `place`; None, and a word, where this account may not make one."""
    place.mkdir(mode=0o711)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0711", "none", str(place)],
        capture_output=True, text=True, check=False,
    ) if os.geteuid() == 0 else None  # fmt: skip
    if made is None or made.returncode != 0:
        tell("a small disk could not be mounted by this account: filling one was left out")
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
