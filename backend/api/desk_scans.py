"""The phone's side of signing in at the desk: see whose page it is, let it in, or refuse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.access import sign_in_row
from backend.domain import desk_scans
from backend.models import DeskScan
from backend.work import unit_of_work

bp = APIBlueprint("desk_scans", __name__, tag="电脑端登录")


class DeskScanOut(BaseModel):
    browser: str = Field(description="the browser that shows the code, in words")
    check_digits: str = Field(description="two digits that must stand on both screens")
    created_at: datetime
    expires_at: datetime


def _show(row: DeskScan) -> dict[str, Any]:
    return {name: getattr(row, name) for name in DeskScanOut.model_fields}


@bp.get("/desk-scans/<code>")
@bp.output(DeskScanOut)
def show(code: str) -> Any:
    """Whose page it is, to be compared before it is let in."""
    with unit_of_work(g.actor) as work:
        return _show(desk_scans.by_code(work, code))


@bp.post("/desk-scans/<code>/confirm")
@bp.output(DeskScanOut)
def confirm(code: str) -> Any:
    """Let the page in, in the role that is chosen on the phone; the code is good for one answer."""
    with unit_of_work(g.actor) as work:
        return _show(desk_scans.confirm(work, code, sign_in_row(work).role_id))


@bp.post("/desk-scans/<code>/refuse")
@bp.output({}, status_code=204)
def refuse(code: str) -> Any:
    with unit_of_work(g.actor) as work:
        desk_scans.refuse(work, code)
    return ""
