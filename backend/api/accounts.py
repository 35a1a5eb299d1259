"""Closing one's own account 注销账号."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.access import sign_in_row
from backend.api.schemas import Input, Short
from backend.domain import accounts
from backend.work import unit_of_work

bp = APIBlueprint("accounts", __name__, tag="登录")


class OutlookOut(BaseModel):
    reports: int
    erased: list[str]
    kept: list[str]
    obstacles: list[str] = Field(description="what has to be finished or handed over first")
    confirmation: str = Field(description="the word to be typed")


class ClosingForm(Input):
    confirm: Short


@bp.get("/account/closing")
@bp.output(OutlookOut)
def outlook() -> Any:
    """What closing the account would erase and keep."""
    with unit_of_work(g.actor) as work:
        return {**vars(accounts.outlook(work, sign_in_row(work))), "confirmation": accounts.CONFIRMATION}


@bp.post("/account/closing")
@bp.input(ClosingForm, arg_name="form")
@bp.output({}, status_code=204)
def close(form: ClosingForm) -> Any:
    """For good. The token is of no more use afterwards, and so is every other one of the account."""
    with unit_of_work(g.actor) as work:
        accounts.close(work, sign_in_row(work), form.confirm)
    return ""
