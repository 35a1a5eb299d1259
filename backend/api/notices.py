"""The inbox, and consents to subscription messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g

from backend.api import schemas
from backend.api.access import system
from backend.domain import notice_pages, notices
from backend.models import Notice
from backend.work import Work, unit_of_work

bp = APIBlueprint("notices", __name__, tag="消息")


def _show(work: Work, notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "kind": notice.kind,
        "title": notice.title,
        "body": notice.body,
        "urgent": notice.urgent,
        "case_id": notice.case_id,
        "patrol_id": notice.patrol_id,
        "page": notice_pages.page_of(work, notice),
        "created_at": notice.created_at,
        "read_at": notice.read_at,
    }


@bp.get("/notices")
@bp.input(schemas.PageQuery, location="query", arg_name="page")
@bp.output(schemas.NoticesOut)
def listing(page: schemas.PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = notices.inbox(work, page.before, page.limit)
        return {
            "items": [_show(work, one) for one in found],
            "next": found[-1].id if len(found) == page.limit else None,
        }


@bp.post("/notices/<uuid:notice_id>/read")
@bp.output({}, status_code=204)
def read(notice_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        notices.read(work, notice_id)
    return ""


@bp.post("/notices/consents")
@bp.input(schemas.ConsentForm, arg_name="form")
@bp.output({}, status_code=204)
def consent(form: schemas.ConsentForm) -> Any:
    with unit_of_work(g.actor) as work:
        known = system().settings.wechat_templates.values()
        notices.consented(work, g.actor.account_id, dict(form.answers), known)
    return ""
