"""One's own account at the desk: role, open sessions, the record of sign-ins; for the office, everybody's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, redirect
from pydantic import Field

from backend.api.schemas import Input, RoleForm
from backend.api.session import show_role
from backend.desk import door, forms, pages
from backend.domain import desk_sessions, people
from backend.models import DeskEntry, Person
from backend.work import Work, unit_of_work

bp = APIBlueprint("account", __name__, enable_openapi=False)


class EntriesQuery(Input):
    before: int | None = Field(default=None, ge=1, le=2**63 - 1)


@bp.get("/account")
def show() -> Any:
    with unit_of_work(g.actor) as work:
        row = door.session_row(work)
        return pages.render(
            "account.html",
            roles=[show_role(work, role) for role in people.roles_in_force(row.person)],
            sessions=desk_sessions.live(work, row.person_id),
            mine=row.id,
            how=desk_sessions.HOW,
            entries=[_entry(work, one) for one in desk_sessions.entries(work, row.person_id, None, 20)],
        )


@bp.post("/account/role")
def choose_role() -> Any:
    form = forms.read(RoleForm)
    with unit_of_work(g.actor) as work:
        desk_sessions.choose_role(work, door.session_row(work), form.role_id)
    return pages.go("/desk/", "身份已切换。")


@bp.post("/account/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        desk_sessions.end_another(work, door.session_row(work).person_id, session_id)
    return pages.go("/desk/account", "那个登录已结束。")


@bp.post("/account/sessions/end-others")
def end_others() -> Any:
    with unit_of_work(g.actor) as work:
        row = door.session_row(work)
        desk_sessions.end_all(work, row.person_id, but=row.id)
    return pages.go("/desk/account", "其他电脑上的登录都已结束。")


@bp.post("/account/sign-out")
def sign_out() -> Any:
    with unit_of_work(g.actor) as work:
        desk_sessions.end(work, door.session_row(work))
    return door.let_out(redirect("/desk/sign-in", 303))  # type: ignore[arg-type]


@bp.get("/sign-ins")
def entries() -> Any:
    asked = forms.query(EntriesQuery)
    with unit_of_work(g.actor) as work:
        found = desk_sessions.entries(work, None, asked.before, 100)
        return pages.render(
            "entries.html",
            entries=[_entry(work, one) for one in found],
            more=found[-1].id if len(found) == 100 else None,
        )


def _entry(work: Work, one: DeskEntry) -> dict[str, Any]:
    person = work.session.get(Person, one.person_id) if one.person_id else None
    return {
        "at": one.at, "name": person.name if person else None, "how": desk_sessions.HOW[one.how],
        "outcome": one.outcome, "words": desk_sessions.OUTCOMES[one.outcome], "browser": one.browser,
        "address": one.address,
    }  # fmt: skip
