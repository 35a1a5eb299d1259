"""A photo of twelve megapixels made into what others see, beside libvips making the same with one thread."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.clients import images, stamping
from backend.local import process
from backend.local.folder import CHECKOUT
from backend.local.pictures import make_jpeg
from tests.benchmarks.measure import Row, pairs, shown, tell

WIDTH, HEIGHT = 4000, 3000
LINES = ("2026-11-24 10:21:33", "青水河上游段　东经102.71234° 北纬25.31234°", "王河　村级河长　清源镇")
FONT = stamping._FONT


def ours(data: bytes) -> tuple[bytes, bytes]:
    """As the worker does: looked at, then stamped."""
    found = images.examine(data)
    return stamping.stamp(found.display, LINES), found.thumbnail


def by_libvips(data: bytes) -> tuple[bytes, bytes]:
    """The same pictures: scaled while decoding, upright, without EXIF, a band with the same lines, two sizes.

    libvips stops at a broken stream because it is told to; hashes of pictures it makes none.
    """
    import pyvips  # only here: threads are counted when it is loaded

    small = pyvips.Image.thumbnail_buffer(data, images.DISPLAY_SIDE, height=images.DISPLAY_SIDE, fail_on="error")
    small = small.copy_memory()
    size = min(small.width, small.height) // 28
    words = pyvips.Image.text("\n".join(LINES), font=f"Noto Sans SC {size}", fontfile=str(FONT), dpi=72)
    band = small.crop(0, small.height - size * 6, small.width, size * 6).linear(0.5, 0).cast("uchar")
    band = words.embed(size, size, band.width, band.height).ifthenelse([255, 255, 255], band, blend=True)
    stamped = small.insert(band, 0, small.height - size * 6)
    thumbnail = small.thumbnail_image(images.THUMBNAIL_SIDE, height=images.THUMBNAIL_SIDE)
    # The display copy without stamp is kept as well, as ours is.
    small.jpegsave_buffer(Q=85, keep="none", optimize_coding=True, interlace=True)
    return (
        stamped.jpegsave_buffer(Q=85, keep="none", optimize_coding=True, interlace=True),
        thumbnail.jpegsave_buffer(Q=80, keep="none", optimize_coding=True, interlace=True),
    )


def peak_mb(which: str, path: Path) -> float:
    """The memory that a process of its own needs at most for one photo, less what it needs for a tiny one."""
    peaks = []
    for photo in ("", str(path)):
        done = subprocess.run(
            process.python("-m", "tests.benchmarks.test_photo", which, photo), cwd=CHECKOUT, capture_output=True,
            text=True, check=True, env={**os.environ, "VIPS_CONCURRENCY": "1"},
        )  # fmt: skip
        peaks.append(float(done.stdout))
    return peaks[1] - peaks[0]


def test_a_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPS_CONCURRENCY", "1")
    data = make_jpeg(
        WIDTH, HEIGHT, text="river", orientation=6, gps=(102.7, 25.3), taken_at=datetime(2026, 11, 24, tzinfo=UTC)
    )
    (tmp_path / "photo.jpg").write_bytes(data)
    taken = pairs(lambda: by_libvips(data), lambda: ours(data), 9)
    memory, floor_memory = (peak_mb(which, tmp_path / "photo.jpg") for which in ("ours", "libvips"))
    tell(
        Row(
            "Photo", f"{WIDTH} × {HEIGHT}, {len(data) / 1e6:.1f} MB, one thread",
            f"{shown(taken.subject)}, {memory:.0f} MB more than for a tiny one",
            f"{shown(taken.floor)}, {floor_memory:.0f} MB libvips", f"{taken.ratio:.2f} ×", "≤ 1.3 ×",
            taken.ratio <= 1.3,
        )
    )  # fmt: skip


if __name__ == "__main__":
    make = {"ours": ours, "libvips": by_libvips}[sys.argv[1]]
    small = make_jpeg(64, 64, text="")
    make(Path(sys.argv[2]).read_bytes() if sys.argv[2] else small)
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text("utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
