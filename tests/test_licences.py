"""The list of licences is whole, and nothing that the county runs is under one that would bind it."""

from __future__ import annotations

import re

from backend.local import licences

# Free to use in a closed installation. psycopg is LGPL: used as a library, unchanged; certifi is MPL: a file of keys.
FREE = {
    "MIT", "MIT-0", "MIT-CMU", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "PSF-2.0", "Unlicense",
    "OFL-1.1", "MPL-2.0", "LGPL-3.0-only", "Zlib", "CC0-1.0",
}  # fmt: skip


def test_every_locked_package_stands_on_the_list_and_nothing_else() -> None:
    text = licences.LIST.read_text("utf-8")
    listed = {
        name for line in text.splitlines() if line.startswith("**") for name in line.partition("：")[2].split("、")
    }
    locked = {package for _, _, package in (*licences.python(), *licences.npm())}
    assert listed == locked, "run `make licences`"


def test_what_is_delivered_is_under_licences_that_bind_nobody() -> None:
    wrong = []
    for where, licence, package in (*licences.python(), *licences.npm()):
        named = set(re.split(r" AND | OR ", licence.strip("()")))
        if where in ("服务器", "小程序", "电脑端") and licence != licences.ELSEWHERE and not named <= FREE:
            wrong.append(f"{package}: {licence}")
    assert not wrong


def test_every_python_package_says_its_licence() -> None:
    assert not [package for _, licence, package in licences.python() if licence == licences.UNSAID]
