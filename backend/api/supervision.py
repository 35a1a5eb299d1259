"""Supervision letters 督办函: listed, read, answered by the unit, decided by the office.

A letter is opened by the action `supervise` on its case.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, select

from backend.api import schemas
from backend.api.idempotency import once, required_key
from backend.api.photos import show_photo
from backend.api.schemas import Code, Input, Words
from backend.domain import cases, events, supervision
from backend.domain.actors import ROLE_NAMES
from backend.domain.photos import PhotoRef
from backend.models import Case, Photo, Supervision, SupervisionReply
from backend.work import Work, unit_of_work

bp = APIBlueprint("supervision", __name__, tag="督办")


class SupervisionsQuery(schemas.PageQuery):
    case_id: UUID | None = None
    unit: Code | None = None
    stage: Literal["awaiting_reply", "replied", "accepted", "ended"] | None = None
    why: Literal["hand", "overdue", "failed_follow_up", "recurrences"] | None = None
    overdue: bool = Field(default=False, description="only those whose reply is overdue")
    opened_from: schemas.Day | None = Field(default=None, description="day of Asia/Shanghai, included")
    opened_to: schemas.Day | None = None


class SupervisionsOut(BaseModel):
    items: list[schemas.SupervisionRow]
    next: UUID | None


class SupervisionReplyOut(BaseModel):
    id: UUID
    at: datetime
    text: str | None
    photos: list[schemas.PhotoOut]
    decision: Literal["accepted", "sent_back"] | None
    decided_at: datetime | None
    decision_text: str | None


class SupervisionOut(schemas.SupervisionRow):
    demands: str | None
    replies: list[SupervisionReplyOut]


class LetterReplyForm(Input):
    text: Words
    photos: list[schemas.PhotoRefForm] = Field(default_factory=list, max_length=9)


class AcceptForm(Input):
    reason: schemas.Short = ""


class SendBackForm(Input):
    reason: Words
    reply_days: int | None = Field(default=None, ge=1, le=60, description="working days for the new reply")


class EndForm(Input):
    reason: Words


def _row(work: Work, letter: Supervision, case: Case) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(letter.unit_code)
    return {
        "id": letter.id,
        "number": letter.number,
        "case_id": letter.case_id,
        "case_number": case.number,
        "unit": letter.unit_code,
        "unit_name": unit.name if unit else letter.unit_code,
        "why": letter.why,
        "why_title": supervision.WHY[letter.why],
        "stage": letter.stage,
        "stage_title": supervision.STAGES[letter.stage],
        "by_title": ROLE_NAMES.get(letter.by_role, "系统"),
        "opened_at": letter.opened_at,
        "reply_by": letter.reply_by,
        "overdue": letter.stage == "awaiting_reply" and letter.reply_by < work.now,
        "escalated_at": letter.escalated_at,
        "ended_at": letter.ended_at,
        "ended_how": letter.ended_how,
        "allowed": supervision.allowed(work, letter, work.actor),
    }


def show_letter(work: Work, letter_id: UUID) -> dict[str, Any]:
    letter, case = supervision.get(work, letter_id, _readable(work))
    seqs = [letter.seq, *(seq for one in letter.replies for seq in (one.seq, one.decision_seq))]
    said = events.words(work, case.id, seqs)
    ids = [UUID(photo) for one in letter.replies for photo in one.photos]
    found = {photo.id: photo for photo in work.session.scalars(select(Photo).where(Photo.id.in_(ids)))}
    return {
        **_row(work, letter, case),
        "demands": said.get(letter.seq),
        "replies": [_reply(one, said, found) for one in letter.replies],
    }


def _reply(reply: SupervisionReply, said: dict[int, str], photos: dict[UUID, Photo]) -> dict[str, Any]:
    return {
        "id": reply.id,
        "at": reply.at,
        "text": said.get(reply.seq),
        "photos": [show_photo(photos[UUID(one)]) for one in reply.photos],
        "decision": reply.decision,
        "decided_at": reply.decided_at,
        "decision_text": said.get(reply.decision_seq or 0),
    }


def _readable(work: Work) -> ColumnElement[bool]:
    return supervision.readable(work.actor, cases.visible(work.actor))


def of_case(work: Work, case_id: UUID) -> list[dict[str, Any]]:
    """All letters on a case that the caller may read, the newest first."""
    asked = supervision.Asked(case_id=case_id)
    return [_row(work, letter, case) for letter, case in supervision.page(work, asked, _readable(work), None, None)]


@bp.get("/supervisions")
@bp.input(SupervisionsQuery, location="query", arg_name="page")
@bp.output(SupervisionsOut)
def listing(page: SupervisionsQuery) -> Any:
    with unit_of_work(g.actor) as work:
        asked = supervision.Asked(**page.model_dump(exclude={"before", "limit"}))
        items, more = show_letters(work, asked, page.before, page.limit)
        return {"items": items, "next": more}


def show_letters(
    work: Work, asked: supervision.Asked, before: UUID | None, limit: int
) -> tuple[list[dict[str, Any]], UUID | None]:
    """One page of the letters that the caller may read, and where the next one begins."""
    found = supervision.page(work, asked, _readable(work), before, limit)
    items = [_row(work, letter, case) for letter, case in found]
    return items, items[-1]["id"] if len(items) == limit else None


@bp.get("/supervisions/<uuid:letter_id>")
@bp.output(SupervisionOut)
def show(letter_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_letter(work, letter_id)


@bp.post("/supervisions/<uuid:letter_id>/replies")
@bp.input(LetterReplyForm, arg_name="form")
@bp.output(SupervisionOut, status_code=201)
def reply(letter_id: UUID, form: LetterReplyForm) -> Any:
    """The unit's head answers in writing, with photos if wanted."""
    with unit_of_work(g.actor) as work:
        supervision.get(work, letter_id, _readable(work))
        with once(work, f"letter {letter_id}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                refs = [PhotoRef(photo.id, photo.claim) for photo in form.photos]
                repeat.outcome = {"reply": str(supervision.reply(work, letter_id, form.text, refs).id)}
        return show_letter(work, letter_id)


@bp.post("/supervisions/<uuid:letter_id>/replies/<uuid:reply_id>/accept")
@bp.input(AcceptForm, arg_name="form")
@bp.output(SupervisionOut)
def accept(letter_id: UUID, reply_id: UUID, form: AcceptForm) -> Any:
    return _decide(letter_id, reply_id, "accept", form.model_dump_json(), form.reason, None)


@bp.post("/supervisions/<uuid:letter_id>/replies/<uuid:reply_id>/send-back")
@bp.input(SendBackForm, arg_name="form")
@bp.output(SupervisionOut)
def send_back(letter_id: UUID, reply_id: UUID, form: SendBackForm) -> Any:
    return _decide(letter_id, reply_id, "send_back", form.model_dump_json(), form.reason, form.reply_days)


def _decide(letter_id: UUID, reply_id: UUID, how: str, asked: str, reason: str, reply_days: int | None) -> Any:
    with unit_of_work(g.actor) as work:
        supervision.get(work, letter_id, _readable(work))
        with once(work, f"{how} {reply_id}", required_key(), asked) as repeat:
            if repeat.outcome is None:
                supervision.decide(work, letter_id, reply_id, how == "accept", reason, reply_days)
                repeat.outcome = {"reply": str(reply_id)}
        return show_letter(work, letter_id)


@bp.post("/supervisions/<uuid:letter_id>/end")
@bp.input(EndForm, arg_name="form")
@bp.output(SupervisionOut)
def end(letter_id: UUID, form: EndForm) -> Any:
    with unit_of_work(g.actor) as work:
        supervision.get(work, letter_id, _readable(work))
        with once(work, f"end {letter_id}", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                supervision.end(work, letter_id, form.reason)
                repeat.outcome = {"letter": str(letter_id)}
        return show_letter(work, letter_id)
