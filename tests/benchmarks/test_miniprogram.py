"""The mini program: how much of our script a cold start reads, and what a live track hands to the page each second."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from backend.local.folder import CHECKOUT
from tests.benchmarks.measure import Row, tell

DIST = CHECKOUT / "miniprogram" / "dist"
NODE = CHECKOUT / ".venv" / "bin" / "node"
ESBUILD = CHECKOUT / "miniprogram" / "node_modules" / "esbuild" / "bin" / "esbuild"


def test_cold_start(tmp_path: Path) -> None:
    """Everything of the main package that is ours: what WeChat has to fetch and read before the first page."""
    ours = [
        file
        for file in DIST.rglob("*")
        if file.suffix in {".js", ".wxml", ".wxss", ".json"}
        and not {"packages", "miniprogram_npm"}.intersection(file.relative_to(DIST).parts)
    ]
    assert DIST / "pages" / "home" / "home.js" in ours
    script = [file for file in ours if file.suffix == ".js"]
    whole = sum(file.stat().st_size for file in script)
    rest = sum(file.stat().st_size for file in ours) - whole
    packed = subprocess.run(
        [str(NODE), str(ESBUILD), "--minify", f"--outdir={tmp_path}", *map(str, script)],
        cwd=CHECKOUT, capture_output=True, check=False,
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    small = sum(file.stat().st_size for file in tmp_path.rglob("*.js"))
    tell(
        Row(
            "Mini program", "the main package without TDesign, minified as WeChat's upload does",
            f"{(small + rest) / 1024:.0f} KB, of which script {small / 1024:.0f} KB ({whole / 1024:.0f} KB as built)",
            target="≤ 150 KB of our code", met=small + rest <= 150 * 1024,
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
