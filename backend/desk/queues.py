"""What waits for somebody: supervision letters, look-backs, extensions, appeals; worked off with the keyboard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from backend.api.cases import show_allowed
from backend.api.extensions import ExtensionsQuery, show_extension
from backend.api.follow_ups import FollowUpQuery, show_follow_up
from backend.api.idempotency import once
from backend.api.patrol_lists import show_patrol
from backend.api.schemas import Input, Words
from backend.api.supervision import SupervisionsQuery, show_letter, show_letters
from backend.api.verdicts import DecisionInput
from backend.desk import actions, forms, pages
from backend.domain import appeals, extensions, follow_ups, patrol_lists, supervision
from backend.domain.faults import Fault
from backend.models import Case
from backend.work import unit_of_work

bp = APIBlueprint("queues", __name__, enable_openapi=False)

PAGE = 50
APPEALS = 20  # each is shown with everything that the verdict rests on


class LetterForm(Input):
    reason: Words


@bp.get("/supervision")
def letters() -> Any:
    asked = forms.query(SupervisionsQuery)
    with unit_of_work(g.actor) as work:
        wanted = supervision.Asked(**asked.model_dump(exclude={"before", "limit"}))
        items, more = show_letters(work, wanted, asked.before, PAGE)
        full = [show_letter(work, one["id"]) if one["allowed"] else one for one in items]
        return pages.render("letters.html", items=full, more=more, asked=asked, stages=supervision.STAGES)


@bp.post("/supervision/<uuid:letter_id>/<any(reply, accept, send_back, end):how>")
def decide_letter(letter_id: UUID, how: str) -> Any:
    """Answer a letter, or decide the answer that waits, or end it."""
    form = forms.read(LetterForm)
    with (
        unit_of_work(g.actor) as work,
        once(work, f"desk {how} {letter_id}", forms.key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            letter = show_letter(work, letter_id)
            waiting = next((one["id"] for one in reversed(letter["replies"]) if one["decision"] is None), None)
            if how == "reply":
                supervision.reply(work, letter_id, form.reason, [])
            elif how == "end":
                supervision.end(work, letter_id, form.reason)
            elif waiting is None:
                raise Fault("no_reply", "这封督办函没有待审核的答复，请刷新。")
            else:
                supervision.decide(work, letter_id, waiting, how == "accept", form.reason, None)
            repeat.outcome = {"letter": str(letter_id)}
    return pages.go("/desk/supervision", "已办理。")


@bp.get("/follow-ups")
def look_backs() -> Any:
    asked = forms.query(FollowUpQuery)
    with unit_of_work(g.actor) as work:
        wanted = follow_ups.Filter(
            **{**asked.model_dump(exclude={"before", "limit"}), "state": asked.state or "planned"}
        )
        found, more = follow_ups.page(work, wanted, asked.before, PAGE)
        items = []
        for one in found:
            case = work.session.get_one(Case, one.case_id)
            drawn = actions.of_case(work, case, show_allowed(work, case))
            items.append({**show_follow_up(work, one), "version": case.version,
                          "forms": [form for form in drawn if form.action == "assign_follow_up"]})  # fmt: skip
        return pages.render("follow_ups.html", items=items, more=more, asked=asked)


@bp.get("/extensions")
def asked_extensions() -> Any:
    asked = forms.query(ExtensionsQuery)
    with unit_of_work(g.actor) as work:
        wanted = extensions.Filter(asked.state or "open", asked.unit, asked.case_id)
        found = extensions.page(work, wanted, asked.before, PAGE)
        items = []
        for extension, case in found:
            shown = show_extension(work, extension, case)
            items.append({**shown, "forms": actions.of_case(work, case, shown["allowed_actions"])})
        more = found[-1][0].id if len(found) == PAGE else None
        return pages.render("extensions.html", items=items, more=more, asked=asked, states=extensions.STATES)


class AppealsQuery(Input):
    before: str | None = Field(default=None, max_length=80)


@bp.get("/appeals")
def patrol_appeals() -> Any:
    """Appeals of chiefs against the verdict on a patrol, with what it rests on. A reporter's waits in triage."""
    asked = forms.query(AppealsQuery)
    with unit_of_work(g.actor) as work:
        found, more = patrol_lists.page(work, patrol_lists.Filter(appeal_open=True), asked.before, APPEALS)
        return pages.render("appeals.html", items=[show_patrol(work, row.patrol) for row in found], more=more)


@bp.post("/appeals/<uuid:patrol_id>")
def decide_appeal(patrol_id: UUID) -> Any:
    form = forms.read(DecisionInput)
    with (
        unit_of_work(g.actor) as work,
        once(work, f"decide appeal {patrol_id}", forms.key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            appeals.decide(work, patrol_id, form.upheld, form.reason)
            repeat.outcome = {"patrol": str(patrol_id)}
    return pages.go("/desk/appeals", "已答复申诉。")
