"""The built mini program is fit to be uploaded, and what would not be is found: each fault is put in and looked for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.api import boards
from backend.domain import notice_pages

MINI = Path(__file__).parent.parent / "miniprogram"
NODE = Path(sys.executable).parent / "node"


def validate(src: Path = MINI / "src", dist: Path = MINI / "dist") -> subprocess.CompletedProcess[str]:
    assert (MINI / "dist").is_dir(), "小程序还没有构建：make miniprogram"
    command = [str(NODE), str(MINI / "scripts" / "validate.mjs"), str(src), str(dist)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> tuple[Path, Path]:
    """Sources and build, to be spoiled."""
    for name in ("src", "dist"):
        shutil.copytree(MINI / name, tmp_path / name)
    return tmp_path / "src", tmp_path / "dist"


def test_what_was_built_is_fit_and_its_sizes_are_told() -> None:
    told = validate()
    assert told.returncode == 0, told.stderr
    assert "主包" in told.stdout
    assert "packages/resident" in told.stdout


def put(file: Path, change: Callable[[str], str]) -> None:
    text = file.read_text("utf-8")
    changed = change(text)
    assert changed != text
    file.write_text(changed, "utf-8")


def app_json(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")


def test_a_package_that_is_too_large_is_refused(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    (dist / "pages" / "home" / "extra.js").write_text("//" + "x" * 1024 * 1024, "utf-8")
    (dist / "packages" / "resident" / "extra.js").write_text("//" + "x" * 2 * 1024 * 1024, "utf-8")
    told = validate(src, dist)
    assert told.returncode == 1
    assert "分包 主包 有" in told.stderr
    assert "分包 packages/resident 有" in told.stderr


def test_a_template_that_does_not_compile_is_told_with_line_and_column(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    put(dist / "pages" / "home" / "home.wxml", lambda text: text + '\n<view class="{{ a + }}"></view>')
    told = validate(src, dist)
    assert told.returncode == 1
    assert "pages/home/home.wxml 第 " in told.stderr


def test_wechats_own_compiler_finds_what_only_it_knows(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    app_json(dist / "app.json", requiredPrivateInfos=["getLocation", "readMinds"])
    told = validate(src, dist)
    assert told.returncode == 1
    assert "微信编译器" in told.stderr
    assert "requiredPrivateInfos" in told.stderr


def test_a_place_is_asked_only_as_declared(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    app_json(src / "app.json", requiredPrivateInfos=["chooseAddress"])
    told = validate(src, dist)
    assert told.returncode == 1
    assert "requiredPrivateInfos 缺少 getLocation" in told.stderr
    assert "chooseAddress 没有用到" in told.stderr


def test_a_page_that_uses_what_is_private_asks_for_consent(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    for page in ("pages/me/me.wxml", "packages/resident/report/report.wxml"):
        put(src / page, lambda text: text.replace("<privacy-sheet />", ""))
    told = validate(src, dist)
    assert told.returncode == 1
    assert "pages/me/me.wxml：有隐私接口" in told.stderr
    assert "packages/resident/report/report.wxml：有隐私接口" in told.stderr


def test_a_tap_that_leads_to_no_page_is_found_wherever_it_is(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    put(
        src / "pages" / "me" / "me.ts", lambda text: text.replace("/packages/account/closing/closing", "/pages/bye/bye")
    )
    put(src / "services/public.ts", lambda text: text.replace("/packages/resident/report/report", "/packages/lost/it"))
    put(src / "pages" / "home" / "home.wxml", lambda text: text + '\n<navigator url="/pages/home/hmoe?id=1" />\n')
    told = validate(src, dist)
    assert told.returncode == 1
    assert "pages/me/me.ts：app.json 里没有页面 pages/bye/bye" in told.stderr
    assert "services/public.ts：app.json 里没有页面 packages/lost/it" in told.stderr
    assert "pages/home/home.wxml：app.json 里没有页面 pages/home/hmoe" in told.stderr


def test_every_page_that_the_server_names_is_there() -> None:
    app = json.loads((MINI / "src" / "app.json").read_text("utf-8"))
    there = [*app["pages"], *(f"{one['root']}/{page}" for one in app["subPackages"] for page in one["pages"])]
    assert {*notice_pages.PAGES, boards.PAGE} <= set(there)


def test_wx_and_requests_have_one_caller_each(copy: tuple[Path, Path]) -> None:
    src, dist = copy
    put(src / "services" / "county.ts", lambda text: text + "\nwx.vibrateShort()\nvoid platform.request({} as never)\n")
    told = validate(src, dist)
    assert told.returncode == 1
    assert "services/county.ts：只有 platform/ 可以调用 wx" in told.stderr
    assert "services/county.ts：只有 services/http.ts 可以发请求" in told.stderr
