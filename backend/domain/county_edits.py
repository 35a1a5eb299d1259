"""The commonly changed numbers of a county, written into its document as a form says them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

What = Literal["accept", "rectify"]
WHATS: dict[What, str] = {"accept": "签收", "rectify": "整改"}
UNITS = {"days": "工作日", "hours": "小时"}
# What of the county's limits a form asks for; the rest is changed in the file.
NUMBERS = (
    "triage_days", "triage_urgent_hours", "refuse_days", "refuse_urgent_hours", "review_days", "review_urgent_hours",
    "appeal_days", "dispute_days", "extensions_max",
)  # fmt: skip
_MOST = 999


def limit_of(holder: Mapping[str, Any], what: str) -> tuple[int | None, str]:
    """The number and its unit, "days" or "hours", that a category or a severity of it says; None for nothing."""
    for unit in UNITS:
        if holder.get(f"{what}_{unit}") is not None:
            return holder[f"{what}_{unit}"], unit
    return None, ""


def edited(document: dict[str, Any], said: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The document with what the form says, and what of it is no number, in Chinese.

    `said`: "limits.<name>" → number; "<category>.<severity or empty>.<accept|rectify>" → number, the same with ".unit"
    → days or hours. An empty number of a severity leaves it the category's; what is not said stays as it is.
    """
    made, faults = copy.deepcopy(document), []
    titles = {one["code"]: one["name"] for one in document["severities"]}
    for name in NUMBERS:
        text = said.get(f"limits.{name}")
        if text is not None:
            number = _number(text, 0 if name == "extensions_max" else 1)
            if number is None:
                faults.append(f"全县期限“{text}”应是整数，不能小于 1。" if name != "extensions_max" else
                              f"最多延期次数“{text}”应是整数。")  # fmt: skip
            else:
                made["limits"][name] = number
    for category in made["categories"]:
        for severity in ("", *titles):
            for what, title in WHATS.items():
                key = f"{category['code']}.{severity}.{what}"
                if key not in said:
                    continue
                where = f"{category['name']}{'（' + titles[severity] + '）' if severity else ''}的{title}期限"
                faults += _set(category, severity, what, said[key], said.get(f"{key}.unit", "days"), where)
    return made, faults


def _set(category: dict[str, Any], severity: str, what: str, text: str, unit: str, where: str) -> list[str]:
    holder = category["severity"].setdefault(severity, {}) if severity else category
    if not text.strip() and severity:
        number = None
    else:
        number = _number(text, 1)
        if number is None:
            return [f"{where}“{text}”应是 1 到 {_MOST} 的整数。"]
    for one in UNITS:
        holder[f"{what}_{one}"] = number if one == unit else None
    if severity and not any(value is not None for value in holder.values()):
        del category["severity"][severity]
    return []


def _number(text: str, least: int) -> int | None:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and least <= int(plain) <= _MOST else None
