"""Figures of `make bench`: each measured beside its floor in the same run, gathered as rows, written to the docs.

A machine is never quiet, so the seconds of a subject alone say little. Floor and subject take turns, and what is told
is the median of the ratios of such pairs. `python -m tests.benchmarks.measure` writes what was gathered below the text
in docs/performance.md that people wrote.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
ROWS = CHECKOUT / ".local" / "bench" / "rows.jsonl"
PAGE = CHECKOUT / "docs" / "performance.md"
MARK = "<!-- `make bench` writes everything below this line. -->"
SECTIONS = (
    "Report intake", "From submission to notice", "The queue", "Routing a nation", "Photo", "Patrol", "Ledger", "Desk",
    "Export", "Assessment", "Duties", "Verification", "Same picture", "Mini program",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table. `met`: whether the target is; None where there is none."""

    section: str
    what: str
    measured: str
    floor: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Pairs:
    """Seconds of floor and subject, taken in turns."""

    floors: Sequence[float]
    subjects: Sequence[float]

    @property
    def floor(self) -> float:
        return statistics.median(self.floors)

    @property
    def subject(self) -> float:
        return statistics.median(self.subjects)

    @property
    def ratio(self) -> float:
        """How many times the floor's time the subject takes."""
        return statistics.median(one / other for one, other in zip(self.subjects, self.floors, strict=True))


def seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def pairs(floor: Callable[[], object], subject: Callable[[], object], times: int = 7, warm: int = 1) -> Pairs:
    """Floor and subject in turns, each `warm` times beforehand without being counted."""
    for _ in range(warm):
        floor(), subject()
    floors, subjects = [], []
    for turn in range(times):
        # Which of the two comes first changes, so that what one leaves behind does not always burden the other.
        for one, taken in ((floor, floors), (subject, subjects))[:: -1 if turn % 2 else 1]:
            taken.append(seconds(one))
    return Pairs(floors, subjects)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def shown(taken: float) -> str:
    """Seconds as people read them."""
    if taken < 0.001:
        return f"{taken * 1e6:.0f} µs"
    return f"{taken * 1000:.3g} ms" if taken < 1 else f"{taken:.3g} s"


def tell(row: Row) -> None:
    """Print a row and keep it for the page."""
    if row.section not in SECTIONS:
        raise ValueError(f"no such section: {row.section}")
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    parts = (
        row.measured,
        row.floor and f"floor {row.floor}",
        row.ratio,
        row.target and f"target {row.target}",
        verdict,
    )
    print(f"\n{row.section}: {row.what}: " + "; ".join(filter(None, parts)), flush=True)
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def tables(rows: Sequence[Row]) -> str:
    """The rows as Markdown, a table for each section."""
    written = []
    for section in SECTIONS:
        own = [row for row in rows if row.section == section]
        if not own:
            written.append(f"### {section}\n\nNot measured in this run.\n")
            continue
        lines = ["| What | Measured | Floor | Ratio | Target | |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.measured} | {row.floor} | {row.ratio} | {row.target} "
            f"| {({True: 'met', False: '**missed**', None: ''})[row.met]} |"
            for row in own
        ]
        written.append(f"### {section}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(written)


def machine() -> str:
    """On what the figures were taken."""
    cpus = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    ).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    load = os.getloadavg()[2]
    return (
        f"Taken {datetime.now(UTC):%Y-%m-%d %H:%M} UTC at commit {commit or 'unknown'}: {os.cpu_count()} cores "
        f"({cpus[0] if cpus else platform.machine()}), {memory:.0f} GB, Python {platform.python_version()}; "
        f"load of the last 15 minutes {load:.1f}."
    )


def _cpu_lines() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text("utf-8").splitlines() if info.exists() else []


def main() -> int:
    """Write the page from the rows of this run. Returns how many sections are empty, so that `make` notices."""
    lines = ROWS.read_text("utf-8").splitlines() if ROWS.exists() else []
    rows = [Row(**json.loads(line)) for line in lines]
    by_hand = PAGE.read_text("utf-8").partition(MARK)[0]
    PAGE.write_text(f"{by_hand}{MARK}\n\n## Figures\n\n{machine()}\n\n{tables(rows)}", encoding="utf-8")
    print(tables(rows))
    return len(set(SECTIONS) - {row.section for row in rows})


if __name__ == "__main__":
    sys.exit(main())
