"""Extensions: the list of what was asked for and decided. Asking and deciding are actions on the case."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.cases import show_allowed
from backend.api.schemas import AllowedOut, Code, PageQuery
from backend.domain import deadlines, extensions
from backend.models import Case, Extension
from backend.work import Work, unit_of_work

bp = APIBlueprint("extensions", __name__, tag="延期")

_ACTIONS = ("grant_extension", "refuse_extension", "withdraw_extension")


class ExtensionsQuery(PageQuery):
    state: Literal["open", "granted", "refused", "withdrawn", "lapsed"] | None = None
    unit: Code | None = None
    case_id: UUID | None = None


class ExtensionOut(BaseModel):
    id: UUID
    case_id: UUID
    number: str
    version: int = Field(description="of the case, for If-Match")
    category_name: str
    unit: str
    unit_name: str
    state: str
    state_title: str
    asked_at: datetime
    reason: str
    due_before: datetime = Field(description="the deadline when it was asked for")
    wished_by: datetime
    granted_until: datetime | None
    decided_at: datetime | None
    decision: str | None = Field(description="why the office decided so")
    first_rectify_by: datetime | None = Field(description="the very first deadline of the case")
    overdue: bool = Field(description="the deadline has passed while nobody decided")
    allowed_actions: list[AllowedOut]


class ExtensionsOut(BaseModel):
    items: list[ExtensionOut]
    next: UUID | None


def show_extension(work: Work, extension: Extension, case: Case) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(extension.unit_code)
    category = work.county.category_by_code.get(case.category)
    waits = extension.state == "open"
    clock = deadlines.running(work, case, "rectify") if waits else None
    return {
        "id": extension.id,
        "case_id": case.id,
        "number": case.number,
        "version": case.version,
        "category_name": category.name if category else case.category,
        "unit": extension.unit_code,
        "unit_name": unit.name if unit else extension.unit_code,
        "state": extension.state,
        "state_title": extensions.STATES[extension.state],
        "asked_at": extension.asked_at,
        "reason": extension.reason,
        "due_before": extension.due_before,
        "wished_by": extension.wished_by,
        "granted_until": extension.granted_until,
        "decided_at": extension.decided_at,
        "decision": extension.decision,
        "first_rectify_by": case.first_rectify_by,
        "overdue": clock is not None and clock.overdue(work.now),
        "allowed_actions": [row for row in show_allowed(work, case) if row["action"] in _ACTIONS] if waits else [],
    }


@bp.get("/extensions")
@bp.input(ExtensionsQuery, location="query", arg_name="page")
@bp.output(ExtensionsOut)
def listing(page: ExtensionsQuery) -> Any:
    with unit_of_work(g.actor) as work:
        wanted = extensions.Filter(page.state, page.unit, page.case_id)
        found = extensions.page(work, wanted, page.before, page.limit)
        items = [show_extension(work, extension, case) for extension, case in found]
        return {"items": items, "next": found[-1][0].id if len(found) == page.limit else None}
