"""Looks at a reporter's identity by the county office, and the record of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.idempotency import once, required_key
from backend.api.schemas import Input, Words
from backend.domain import identity
from backend.models import IdentityLook, Person, Report
from backend.work import Work, unit_of_work

bp = APIBlueprint("identity", __name__, tag="举报人身份")


class LookForm(Input):
    reason: Words


class ContactOut(BaseModel):
    name: str
    phone: str
    privacy: str
    look: int = Field(description="the number under which this look is on record")


class LookOut(BaseModel):
    id: int
    at: datetime
    report_id: UUID
    case_id: UUID
    name: str = Field(description="who looked")
    role: str
    unit: str | None
    reason: str


class LooksOut(BaseModel):
    items: list[LookOut]
    next: int | None


class LooksQuery(Input):
    report: UUID | None = None
    before: int | None = Field(default=None, ge=1, le=2**31 - 1)
    limit: int = Field(default=20, ge=1, le=100)


@bp.post("/reports/<uuid:report_id>/identity-looks")
@bp.input(LookForm, arg_name="form")
@bp.output(ContactOut, status_code=201)
def look(report_id: UUID, form: LookForm) -> Any:
    """The name and phone that a reporter left, for a reason that is put on record with whoever looks."""
    with unit_of_work(g.actor) as work, once(work, f"look {report_id}", required_key(), form.reason) as repeat:
        if repeat.outcome is None:
            made, contact = identity.look(work, report_id, form.reason)
            repeat.outcome = {"look": made.id}
        else:
            contact = identity.contact_of(work, work.session.get_one(Report, report_id))
        privacy = work.session.get_one(Report, report_id).privacy
        return {"name": contact.name, "phone": contact.phone, "privacy": privacy, "look": repeat.outcome["look"]}


@bp.get("/identity-looks")
@bp.input(LooksQuery, location="query", arg_name="page")
@bp.output(LooksOut)
def listing(page: LooksQuery) -> Any:
    """Who has looked at whose identity, the latest first: for the office and those who watch over it."""
    with unit_of_work(g.actor) as work:
        found = identity.looks(work, page.report, page.before, page.limit)
        return {
            "items": [_look(work, one) for one in found],
            "next": found[-1].id if len(found) == page.limit else None,
        }


def _look(work: Work, one: IdentityLook) -> dict[str, Any]:
    person = work.session.get(Person, one.person_id) if one.person_id else None
    return {
        "id": one.id,
        "at": one.at,
        "report_id": one.report_id,
        "case_id": work.session.get_one(Report, one.report_id).case_id,
        "name": person.name if person else "",
        "role": one.role,
        "unit": one.unit_code,
        "reason": one.reason,
    }
