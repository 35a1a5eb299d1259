"""Papers: what is printed and filed, set by typst with the packaged Chinese font."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from backend.desk import pages
from backend.domain.actors import ROLE_NAMES
from backend.models import Photo
from backend.work import Work

_FOLDER = Path(__file__).parent / "papers"
_FONTS = str(files("pylopdf_fonts_zh_cn"))
_PHOTOS = 6  # of the problem, and as many of how it was put right


@dataclass(frozen=True)
class Picture:
    """A photo that a paper shows: the file it has there, where it is stored, and what stands below it."""

    file: str
    key: str
    words: str


def printed(name: str, said: Mapping[str, Any], pictures: Mapping[str, bytes] | None = None) -> bytes:
    """The paper of this name as PDF. All of `said` is text and none of it markup; `pictures` are files it names."""
    with tempfile.TemporaryDirectory(prefix="qinghe-") as folder:
        place = Path(folder)
        (place / "paper.typ").write_bytes((_FOLDER / f"{name}.typ").read_bytes())
        for file, data in (pictures or {}).items():
            (place / file).write_bytes(data)
        compiled = typst.compile(str(place / "paper.typ"), root=folder, font_paths=[_FONTS], ignore_system_fonts=True,
                                 sys_inputs={"data": json.dumps(said, ensure_ascii=False)})  # fmt: skip
    assert isinstance(compiled, bytes)
    return compiled


def pictures_of(work: Work, page: dict[str, Any]) -> list[Picture]:
    """The photos that the page of a case shows, the first of the problem and the last of how it was put right."""
    found = []
    sides = (("现场", page["before"][:_PHOTOS]), ("整改后", page["after"][-_PHOTOS:]))
    for side, shown in sides:
        for n, one in enumerate(shown, 1):
            photo = work.session.get_one(Photo, one["id"])
            taken = f"，{pages.clock_time(one['taken_at'])} 拍摄" if one["taken_at"] else ""
            key = photo.display_key if photo.stamped is None else photo.stamped_key
            found.append(Picture(f"{photo.id}.jpg", key, f"{side}照片 {n}{taken}"))
    return found


def of_case(work: Work, page: dict[str, Any], pictures: list[Picture]) -> dict[str, Any]:
    """What the form of one case says, from what its page shows."""
    case = page["case"]
    facts = {
        "案件编号": case["number"], "当前状态": case["state_title"], "问题类别": case["category_name"],
        "严重程度": case["severity_name"], "来源": f"{case['source_name']} {case['source_number'] or ''}".strip(),
        "河段": case["reach_name"] or "—", "主办单位": case["lead_unit_name"] or "—",
        "协办单位": "、".join(page["names"].get(code, code) for code in case["assisting"]) or "—",
        "收到时间": pages.clock_time(case["opened_at"]), "首次整改期限": pages.clock_time(case["first_rectify_by"]),
        "销号时间": pages.clock_time(case["closed_at"]), "位置（WGS-84）": f"{case['lon']:.6f}, {case['lat']:.6f}",
    }  # fmt: skip
    left = len(page["before"]) + len(page["after"]) - len(pictures)
    return {
        **_frame(work),
        "photos": [{"file": one.file, "words": one.words} for one in pictures],
        "photos_left": left,
        "facts": list(facts.items()),
        "routing": case["routing_reason"] or "",
        "reports": [{"at": pages.clock_time(one["submitted_at"]), "text": one["text"]} for one in case["reports"]],
        "holders": [
            [one["holder_name"], one["kind_title"], f"{one['used_days']} 个工作日",
             ("是" if one["charged"] else "是（不计该单位）") if one["overdue"] else "否",
             pages.clock_time(one["due_at"])]
            for one in case["holders"]
        ],
        "events": [
            {"seq": str(one["seq"]), "at": pages.clock_time(one["at"]), "title": one["title"], "who": one["who"],
             "text": one["text"] or "", "hash": one["hash"]}
            for one in reversed(page["events"])
        ],
    }  # fmt: skip


def _frame(work: Work) -> dict[str, str]:
    """What stands on every paper: whose it is, who printed it and when."""
    by = f"{work.actor.name}（{ROLE_NAMES[work.actor.role]}）"
    return {"county": work.county.name, "printed": pages.clock_time(work.now), "by": by}


def of_month(work: Work, month: dict[str, Any], summons: list[dict[str, Any]]) -> dict[str, Any]:
    """What the paper of a month's assessment says."""
    units, chiefs = (sorted(month[kind], key=lambda one: one["rank"]) for kind in ("units", "chiefs"))
    names = {unit.code: unit.name for unit in work.county.units}
    changed = [one for one in (*units, *chiefs) if one["earlier"]]
    return {
        **_frame(work),
        "title": f"{work.county.name}{month['title']}",
        "words": month["words"],
        "parts": [f"{part['title']}（{part['full']:g}）" for part in (units[0]["parts"] if units else [])],
        "units": [
            [str(one["rank"]), one["name"], f"{one['total']:.2f}", *(f"{part['points']:.2f}" for part in one["parts"])]
            for one in units
        ],
        "chiefs": [
            [str(one["rank"]), one["name"], one["role_title"] or "", names.get(one["unit"], one["unit"]),
             f"{one['total']:.2f}"]
            for one in chiefs
        ],
        "summons": [
            [one["name"], "、".join(reason["title"] for reason in one["reasons"]),
             "".join(reason["reason"] for reason in one["reasons"]), one["lost"]]
            for one in summons
        ],
        "changed": [
            [one["name"], " → ".join(f"{total:.2f}" for total in (*(old["total"] for old in one["earlier"]),
                                                                one["total"])), one["reason"] or ""]
            for one in changed
        ],
        "lost": [
            [one["name"], part["title"], f"{less['points']:.2f}", less["words"]]
            for one in units for part in one["parts"] for less in part["deductions"]
        ],
    }  # fmt: skip
