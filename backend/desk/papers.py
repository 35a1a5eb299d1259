"""Papers: what is printed and filed, set by typst with the packaged Chinese font."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from backend.desk import pages
from backend.domain.actors import ROLE_NAMES
from backend.work import Work

_FOLDER = Path(__file__).parent / "papers"
_FONTS = str(files("pylopdf_fonts_zh_cn"))


def case_paper(work: Work, page: dict[str, Any]) -> bytes:
    """The form of one case, from what its page shows."""
    case = page["case"]
    facts = {
        "案件编号": case["number"], "当前状态": case["state_title"], "问题类别": case["category_name"],
        "严重程度": case["severity_name"], "来源": f"{case['source_name']} {case['source_number'] or ''}".strip(),
        "河段": case["reach_name"] or "—", "主办单位": case["lead_unit_name"] or "—",
        "协办单位": "、".join(page["names"].get(code, code) for code in case["assisting"]) or "—",
        "收到时间": pages.clock_time(case["opened_at"]), "首次整改期限": pages.clock_time(case["first_rectify_by"]),
        "销号时间": pages.clock_time(case["closed_at"]), "位置（WGS-84）": f"{case['lon']:.6f}, {case['lat']:.6f}",
    }  # fmt: skip
    said = {
        "county": work.county.name,
        "facts": list(facts.items()),
        "routing": case["routing_reason"] or "",
        "reports": [{"at": pages.clock_time(one["submitted_at"]), "text": one["text"]} for one in case["reports"]],
        "holders": [
            [one["holder_name"], one["kind_title"], f"{one['used_days']} 个工作日", "是" if one["overdue"] else "否",
             pages.clock_time(one["due_at"])]
            for one in case["holders"]
        ],
        "events": [
            {"seq": str(one["seq"]), "at": pages.clock_time(one["at"]), "title": one["title"], "who": one["who"],
             "text": one["text"] or "", "hash": one["hash"]}
            for one in reversed(page["events"])
        ],
        "printed": pages.clock_time(work.now),
        "by": f"{work.actor.name}（{ROLE_NAMES[work.actor.role]}）",
    }  # fmt: skip
    compiled = typst.compile(str(_FOLDER / "case.typ"), font_paths=[_FONTS], ignore_system_fonts=True,
                             sys_inputs={"data": json.dumps(said, ensure_ascii=False)})  # fmt: skip
    assert isinstance(compiled, bytes)
    return compiled
