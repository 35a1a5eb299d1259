"""`make licences`: docs/licences.md, the licence of everything that the locks name. The test compares it with them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs" / "licences.md"
NPM = {"小程序": "miniprogram/package-lock.json", "电脑端": "backend/desk/assets/package-lock.json"}
UNSAID = "没有写明"
ELSEWHERE = "只在其他系统上安装"
# What only the package's own papers say, and its description does not.
READ = {"pyrage": "MIT"}
# What the packages call it in their own ways.
_SAME = {
    "MIT License": "MIT", "Apache Software License": "Apache-2.0", "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0", "BSD License": "BSD-3-Clause", "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "The Unlicense (Unlicense)": "Unlicense",
    "Python Software Foundation License": "PSF-2.0", "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "DFSG approved": "",
}  # fmt: skip


def locked(lock: str) -> dict[str, str]:
    """Python package → version, as a lock of pip names them."""
    text = (ROOT / lock).read_text("utf-8")
    return dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)", text))


def licence_of(package: str) -> str:
    """What the installed package says of itself."""
    try:
        said: Any = metadata(package)
    except PackageNotFoundError:
        return ELSEWHERE
    if said["License-Expression"]:
        return str(said["License-Expression"])
    classes = [c.rpartition("::")[2].strip() for c in said.get_all("Classifier") or [] if c.startswith("License ::")]
    named = [name for name in (_SAME.get(one, one) for one in classes) if name]
    if not named and said["License"]:
        text = str(said["License"]).strip()
        first = text.splitlines()[0].strip()
        if "Permission is hereby granted, free of charge" in text:
            named = ["MIT"]
        elif len(first) < 40 and first != "UNKNOWN":
            named = [_SAME.get(first, first)]
    return " OR ".join(dict.fromkeys(named)) or READ.get(package, UNSAID)


def python() -> Iterator[tuple[str, str, str]]:
    """(where, licence, "name version") of each Python package."""
    shipped = locked("requirements.lock")
    for name, version in {**locked("requirements-dev.lock"), **shipped}.items():
        yield ("服务器" if name in shipped else "开发与测试"), licence_of(name), f"{name} {version}"


def npm() -> Iterator[tuple[str, str, str]]:
    for part, lock in NPM.items():
        packages: dict[str, dict[str, Any]] = json.loads((ROOT / lock).read_text("utf-8"))["packages"]
        for place, one in packages.items():
            if place:
                name = place.rpartition("node_modules/")[2]
                where = f"{part}的构建" if one.get("dev") else part
                yield where, str(one.get("license") or UNSAID), f"{name} {one['version']}"


def found() -> dict[str, dict[str, list[str]]]:
    """where → licence → the packages under it."""
    parts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for where, licence, package in [*python(), *npm()]:
        parts[where][licence].add(package)
    return {
        where: {one: sorted(names) for one, names in sorted(licences.items())}
        for where, licences in sorted(parts.items())
    }


def text() -> str:
    lines = [
        "# 第三方软件的许可证",
        "",
        "由 `make licences` 按锁定文件生成，不要手工修改。清河自己的许可证是 Apache-2.0。",
    ]
    for where, licences in found().items():
        lines += ["", f"## {where}（{sum(map(len, licences.values()))} 个）"]
        for licence, names in licences.items():
            lines += ["", f"**{licence}**：{'、'.join(names)}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    LIST.write_text(text(), "utf-8")
    print(f"已写入 {LIST.relative_to(ROOT)}")
