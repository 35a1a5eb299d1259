"""Triage and arbitration 分办: what no rule could send on, one by one, with its likely duplicates beside it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from sqlalchemy import select

from backend.api.cases import show_case, show_duplicates
from backend.api.schemas import Input
from backend.desk import actions, forms, pages
from backend.desk.rows import rows
from backend.domain import cases, ledger
from backend.domain.ledger import Filter
from backend.models import Case, CaseEvent
from backend.work import Work, unit_of_work

bp = APIBlueprint("triage", __name__, enable_openapi=False)

MOST = 100
WHY = {
    "no_unit": "没有对应单位", "outside_county": "在县界外", "possible_duplicate": "疑似重复",
    "sensitive": "敏感，先审核", "accuses_officials": "涉及工作人员", "return": "单位退回", "appeal": "举报人申诉",
    "split": "从并案拆出",
}  # fmt: skip


class TriageQuery(Input):
    case: UUID | None = None
    why: str | None = None


@bp.get("/triage")
def show() -> Any:
    asked = forms.query(TriageQuery)
    with unit_of_work(g.actor) as work:
        found, more = ledger.page(work, Filter(states=("triage",), sort="due"), None, MOST)
        why = _why(work, found)
        lines = [{**row, "why": why.get(row["id"], "")} for row in rows(work, found)]
        shown = [row for row in lines if not asked.why or row["why"] == asked.why]
        chosen = asked.case or (shown[0]["id"] if shown else None)
        return pages.render(
            "triage.html", rows=shown, all=len(lines), more=more, words=WHY, asked=asked,
            kinds={kind: sum(row["why"] == kind for row in lines) for kind in WHY},
            chosen=_chosen(work, cases.get(work, chosen)) if chosen else None,
        )  # fmt: skip


def _why(work: Work, found: list[Case]) -> dict[UUID, str]:
    """Why each case waits here: the last event that brought it to triage."""
    came = (
        select(CaseEvent.case_id, CaseEvent.action, CaseEvent.data)
        .where(CaseEvent.case_id.in_([case.id for case in found]), CaseEvent.to_state == "triage")
        .where(CaseEvent.from_state.is_distinct_from("triage"))
        .order_by(CaseEvent.seq)
    )
    return {case_id: data.get("why") or action for case_id, action, data in work.session.execute(came)}


def _chosen(work: Work, case: Case) -> dict[str, Any]:
    """The case at hand, and each likely duplicate as one looks at it beside."""
    shown = show_case(work, case)
    text = next((report.forwarded_text for report in actions.case_reports(work, case)), "")
    others = [
        {**proposed, "case": show_case(work, cases.get(work, proposed["case_id"]))}
        for proposed in show_duplicates(work, case)
    ]
    return {
        "case": shown,
        "others": others,
        "forms": actions.of_case(work, case, shown["allowed_actions"], text),
    }
