"""How long the desk's pages take on the server with 100,000 cases, and how large the first one is."""

from __future__ import annotations

import gzip
import re
import statistics
import time
from pathlib import Path

from backend.desk import static_files
from backend.work import unit_of_work
from tests.build import OFFICE, Build
from tests.ledger_rows import fill

N = 100_000
PAGES = ("/desk/", "/desk/ledger", "/desk/ledger?state=rectifying&sort=due", "/desk/ledger?text=污水&overdue=true",
         "/desk/triage", "/desk/situation", "/desk/situation/layers.json", "/desk/supervision",
         "/desk/extensions")  # fmt: skip


def test_pages_over_a_large_ledger(build: Build) -> None:
    with build.app.app_context(), unit_of_work() as work:
        fill(work, N)
    desk = build.at_the_desk(OFFICE)
    print(f"\n{N:,} cases")
    for path in PAGES:
        desk.get(path)
        taken = []
        for _ in range(7):
            begun = time.perf_counter()
            answer = desk.get(path)
            taken.append(time.perf_counter() - begun)
            assert answer.status_code == 200
        packed = len(gzip.compress(answer.data))
        print(f"{path:50} {statistics.median(taken) * 1000:6.0f} ms  {packed / 1024:5.1f} KB packed")
    first = desk.get("/desk/").text
    named = set(re.findall(r"/desk/static/([\w.]+)", first))
    folder = Path(static_files.FOLDER)
    total = len(gzip.compress(first.encode())) + sum((folder / f"{name}.gz").stat().st_size for name in named)
    print(f"first page with all it needs: {total / 1024:.0f} KB packed")
