"""A month's assessment as the pages of a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from backend.domain.actors import ROLE_NAMES
from backend.domain.sheets import Cell, Heading, Sheet

if TYPE_CHECKING:
    from backend.domain.assessments import Month

_LOST = (Heading("名称", 16), Heading("项目"), Heading("扣分", 8), Heading("原因", 60), Heading("依据编号", 50))


def pages(month: Month, title: str) -> list[Sheet]:
    """Townships, chiefs, and every deduction with what it is for. `title` stands on every printed page."""
    return [
        _scores("乡镇", month, "unit", title),
        _scores("河长", month, "chief", title),
        Sheet("扣分明细", "", "", _LOST, _deductions(month), held=1, running=title),
    ]


def _scores(name: str, month: Month, kind: str, title: str) -> Sheet:
    scores = sorted((one for one in month.scores if one.kind == kind), key=lambda one: one.rank)
    parts = [Heading(part["title"], 10) for part in scores[0].parts] if scores else []
    headings = (
        Heading("名次", 7), Heading("名称", 18), Heading("身份", 12), Heading("总分", 8), *parts,
        Heading("更正理由", 30),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [one.rank, one.name, ROLE_NAMES.get(one.role or "", ""), one.total, *(part["points"] for part in one.parts),
         one.reason]
        for one in scores
    ]  # fmt: skip
    return Sheet(name, "", "", headings, rows, running=title)


def _deductions(month: Month) -> Iterator[list[Cell]]:
    for one in month.scores:
        for part in one.parts:
            for less in part["deductions"]:
                yield [one.name, part["title"], less["points"], less["words"], _ids(less)]


def _ids(less: dict[str, Any]) -> str:
    return " ".join(one for ids in less["ids"].values() for one in ids)
