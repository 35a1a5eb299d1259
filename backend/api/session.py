"""Signing in with WeChat, binding to the roster, choosing a role, signing out."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import g

from backend.api import schemas
from backend.api.access import sign_in_row, system
from backend.domain import people
from backend.domain.actors import ROLE_NAMES
from backend.models import RosterRole, SignIn
from backend.work import Work, unit_of_work

bp = APIBlueprint("session", __name__, tag="登录")


def show_role(work: Work, role: RosterRole) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(role.unit_code)
    return {
        "id": role.id,
        "role": role.role,
        "title": ROLE_NAMES[role.role],
        "unit": role.unit_code,
        "unit_name": unit.name if unit else role.unit_code,
    }


def show_session(work: Work, row: SignIn, token: str | None = None) -> dict[str, Any]:
    actor = people.actor_of(row)
    roles = [show_role(work, role) for role in people.roles_in_force(row.account.person)]
    chosen = next((r for r in roles if r["role"] == actor.role and r["unit"] == actor.unit), None)
    return {
        "token": token,
        "expires_at": row.expires_at,
        "role": actor.role,
        "role_title": chosen["title"] if chosen else "群众",
        "unit": actor.unit,
        "unit_name": chosen["unit_name"] if chosen else None,
        "name": actor.name,
        "role_id": chosen["id"] if chosen else None,
        "roles": roles,
    }


@bp.post("/session")
@bp.input(schemas.SignInForm, arg_name="form")
@bp.output(schemas.SessionOut, status_code=201)
def sign_in(form: schemas.SignInForm) -> Any:
    openid = system().wechat.code_to_session(form.code).openid
    with unit_of_work() as work:
        row, token = people.sign_in(work, openid)
        return show_session(work, row, token)


@bp.get("/session")
@bp.output(schemas.SessionOut)
def show() -> Any:
    with unit_of_work(g.actor) as work:
        return show_session(work, sign_in_row(work))


@bp.put("/session/role")
@bp.input(schemas.RoleForm, arg_name="form")
@bp.output(schemas.SessionOut)
def choose_role(form: schemas.RoleForm) -> Any:
    with unit_of_work(g.actor) as work:
        row = sign_in_row(work)
        people.choose_role(work, row, form.role_id)
        return show_session(work, row)


@bp.delete("/session")
@bp.output({}, status_code=204)
def sign_out() -> Any:
    with unit_of_work(g.actor) as work:
        people.sign_out(work, sign_in_row(work), everywhere=False)
    return ""


@bp.delete("/sessions")
@bp.output({}, status_code=204)
def sign_out_everywhere() -> Any:
    with unit_of_work(g.actor) as work:
        people.sign_out(work, sign_in_row(work), everywhere=True)
    return ""


@bp.post("/session/phone")
@bp.input(schemas.PhoneForm, arg_name="form")
@bp.output(schemas.SessionOut)
def bind_phone(form: schemas.PhoneForm) -> Any:
    phone = system().wechat.phone_number(form.code)
    with unit_of_work(g.actor) as work:
        row = sign_in_row(work)
        people.bind_by_phone(work, row, phone)
        return show_session(work, row)


@bp.post("/session/binding-code")
@bp.input(schemas.BindingForm, arg_name="form")
@bp.output(schemas.SessionOut)
def bind_code(form: schemas.BindingForm) -> Any:
    with unit_of_work(g.actor) as work:
        row = sign_in_row(work)
        people.bind_by_code(work, row, form.code)
        return show_session(work, row)
