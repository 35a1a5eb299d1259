"""The mini program: how much of our script a cold start reads, and what a live track hands to the page each second."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from backend.local.folder import CHECKOUT
from tests.benchmarks.measure import Row, tell

DIST = CHECKOUT / "miniprogram" / "dist"
NODE = CHECKOUT / ".venv" / "bin" / "node"


def test_cold_start() -> None:
    """Everything of the main package that is ours: what WeChat has to fetch and read before the first page."""
    ours = [
        file
        for file in DIST.rglob("*")
        if file.suffix in {".js", ".wxml", ".wxss", ".json"}
        and not {"packages", "miniprogram_npm"}.intersection(file.relative_to(DIST).parts)
    ]
    assert DIST / "pages" / "home" / "home.js" in ours
    script = sum(file.stat().st_size for file in ours if file.suffix == ".js")
    total = sum(file.stat().st_size for file in ours)
    tell(
        Row(
            "Mini program", "the main package without TDesign",
            f"{total / 1024:.0f} KB, of which script {script / 1024:.0f} KB", target="≤ 150 KB of our code",
            met=total <= 150 * 1024,
        )
    )  # fmt: skip


def test_live_track(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(NODE), "tests/benchmarks/live_track.mjs", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    for one in json.loads(done.stdout):
        rate = one["bytes"] / one["every_s"] / 1024
        tell(
            Row(
                "Mini program", f"setData of the lines of a track of {one['seconds']:,} s",
                f"{one['bytes'] / 1024:.1f} KB each {one['every_s']:g} s: {rate:.1f} KB/s", target="≤ 2 KB/s",
                met=rate <= 2,
            )
        )  # fmt: skip
