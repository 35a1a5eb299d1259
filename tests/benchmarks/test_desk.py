"""How long the desk's pages take on the server with 100,000 cases, and how large the first one is."""

from __future__ import annotations

import gzip
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from apiflask import APIFlask

from backend.desk import static_files
from tests.benchmarks.measure import Row, shown, tell
from tests.build import OFFICE, Build

N = 100_000
PAGES = ("/desk/", "/desk/ledger", "/desk/ledger?state=rectifying&sort=due", "/desk/ledger?text=污水&overdue=true",
         "/desk/triage", "/desk/situation", "/desk/situation/layers.json", "/desk/supervision",
         "/desk/extensions", "/desk/patrols", "/desk/assessment?month=2026-06")  # fmt: skip


def test_pages_over_a_large_ledger(ledger_of: Callable[[int], APIFlask], wechat_url: str) -> None:
    desk = Build(ledger_of(N), None, wechat_url).at_the_desk(OFFICE)
    for path in PAGES:
        desk.get(path)
        taken = []
        for _ in range(7):
            begun = time.perf_counter()
            answer = desk.get(path)
            taken.append(time.perf_counter() - begun)
            assert answer.status_code == 200
        packed = len(gzip.compress(answer.data))
        tell(Row("Desk", f"{N:,} cases: {path}", f"{shown(statistics.median(taken))}, {packed / 1024:.1f} KB packed"))
    first = desk.get("/desk/").text
    named = set(re.findall(r"/desk/static/([\w.]+)", first))
    folder = Path(static_files.FOLDER)
    total = len(gzip.compress(first.encode())) + sum((folder / f"{name}.gz").stat().st_size for name in named)
    tell(Row("Desk", "the first page with all it needs", f"{total / 1024:.0f} KB packed"))
