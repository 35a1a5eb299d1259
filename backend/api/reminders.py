"""Reminders 催办: listed, sent by hand for one case or many, answered."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api import schemas
from backend.api.idempotency import once, required_key
from backend.api.schemas import Code, Input, Words
from backend.domain import cases, deadlines, push, reminders
from backend.domain.actors import ROLE_NAMES
from backend.work import Work, unit_of_work

bp = APIBlueprint("reminders", __name__, tag="催办")


class RemindersQuery(schemas.PageQuery):
    case_id: UUID | None = None
    unit: Code | None = Field(default=None, description="the unit that was reminded")
    answered: bool | None = None
    by: Literal["hand", "timer"] | None = None
    mine: bool = Field(default=False, description="only those addressed to my unit, or to my role")
    skipped: bool = Field(default=False, description="also steps that were passed over for a higher one")


class RemindersOut(BaseModel):
    items: list[schemas.ReminderOut]
    next: UUID | None


class RemindForm(Input):
    case_ids: list[UUID] = Field(min_length=1, max_length=100)
    reason: Words


class RemindedOut(BaseModel):
    case_id: UUID
    number: str | None
    reminded: bool
    code: str | None = Field(description="why not")
    title: str | None


class RemindedAllOut(BaseModel):
    items: list[RemindedOut]


class ReplyForm(Input):
    text: Words


def show_reminder(work: Work, shown: reminders.Shown) -> dict[str, Any]:
    reminder = shown.reminder
    unit = work.county.unit_by_code.get(reminder.to_unit)
    return {
        "id": reminder.id,
        "case_id": reminder.case_id,
        "number": shown.case.number,
        "clock": reminder.clock_kind,
        "clock_title": deadlines.KINDS.get(reminder.clock_kind or ""),
        "due_at": reminder.due_at,
        "step": reminder.step,
        "by_title": ROLE_NAMES.get(reminder.by_role, "系统"),
        "to_unit": reminder.to_unit,
        "to_unit_name": unit.name if unit else reminder.to_unit,
        "to_role": reminder.to_role,
        "to_role_title": ROLE_NAMES[reminder.to_role],
        "words": shown.words,
        "sent_at": reminder.sent_at,
        "skipped_at": reminder.skipped_at,
        "reply": shown.reply,
        "replied_at": reminder.replied_at,
        "allowed": ["reply"] if reminders.may_reply(work.actor, reminder) else [],
    }


def of_case(work: Work, case_id: UUID) -> list[dict[str, Any]]:
    """All reminders of a case that the caller may read, the newest first."""
    asked = reminders.Asked(case_id=case_id)
    return [show_reminder(work, one) for one in reminders.page(work, asked, cases.visible(work.actor), None, None)]


@bp.get("/reminders")
@bp.input(RemindersQuery, location="query", arg_name="page")
@bp.output(RemindersOut)
def listing(page: RemindersQuery) -> Any:
    with unit_of_work(g.actor) as work:
        asked = reminders.Asked(
            case_id=page.case_id,
            unit=page.unit,
            answered=page.answered,
            by_hand=None if page.by is None else page.by == "hand",
            mine=page.mine,
            skipped=page.skipped,
        )
        found = reminders.page(work, asked, cases.visible(g.actor), page.before, page.limit)
        last = found[-1].reminder.id if len(found) == page.limit else None
        return {"items": [show_reminder(work, one) for one in found], "next": last}


@bp.post("/reminders")
@bp.input(RemindForm, arg_name="form")
@bp.output(RemindedAllOut, status_code=201)
def remind(form: RemindForm) -> Any:
    """Remind 催办 the holders of many cases in the same words; what cannot be reminded of is told case by case."""
    with (
        unit_of_work(g.actor) as work,
        once(work, "remind", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"items": push.remind_all(work, form.case_ids, form.reason)}
        return repeat.outcome


@bp.post("/reminders/<uuid:reminder_id>/reply")
@bp.input(ReplyForm, arg_name="form")
@bp.output(schemas.ReminderOut)
def reply(reminder_id: UUID, form: ReplyForm) -> Any:
    with unit_of_work(g.actor) as work:
        with once(work, f"reply {reminder_id}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                reminders.reply(work, reminder_id, form.text, cases.visible(g.actor))
                repeat.outcome = {"reminder": str(reminder_id)}
        return show_reminder(work, reminders.get(work, reminder_id))
