"""The roster: imported by the office, and one-time binding codes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from apiflask.fields import UploadFile
from flask import g
from pydantic import ConfigDict, Field

from backend.api import schemas
from backend.api.session import show_role
from backend.domain import people, roster
from backend.domain.faults import Fault
from backend.models import Person
from backend.roster_file import RosterFaults, read_roster
from backend.work import Work, unit_of_work

bp = APIBlueprint("roster", __name__, tag="名册")


@bp.get("/roster")
@bp.input(schemas.PageQuery, location="query", arg_name="page")
@bp.output(schemas.PeopleOut)
def listing(page: schemas.PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = roster.page(work, None, None, page.before, page.limit)
        items = show_people(work, found)
        return {"items": items, "next": found[-1].id if len(found) == page.limit else None}


def show_people(work: Work, found: list[Person]) -> list[dict[str, Any]]:
    bound = roster.bound(work, [person.id for person in found])
    return [
        {
            "id": person.id,
            "name": person.name,
            "phone": work.vault.open(person.phone_sealed),
            "roles": [show_role(work, role) for role in people.roles_in_force(person)],
            "bound": person.id in bound,
        }
        for person in found
    ]


class RosterUpload(schemas.Input):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: UploadFile = Field(description=".xlsx or .csv")


class ImportQuery(schemas.Input):
    dry_run: bool = Field(default=False, description="only tell what would change")


@bp.post("/roster")
@bp.input(RosterUpload, location="files", arg_name="upload")
@bp.input(ImportQuery, location="query", arg_name="how")
@bp.output(schemas.ImportOut)
def import_file(upload: RosterUpload, how: ImportQuery) -> Any:
    """Make the roster what the file says. A faulty row stops the whole import."""
    with unit_of_work(g.actor) as work:
        try:
            rows = read_roster(upload.file.read(), work.county)
        except RosterFaults as bad:
            faults = [{"line": fault.line, "reason": fault.reason} for fault in bad.faults[:500]]
            raise Fault("bad_roster", f"名册有 {len(bad.faults)} 处错误，没有导入任何人。", faults=faults) from bad
        trial = work.session.begin_nested()
        done = people.import_roster(work, rows)
        work.session.flush()
        if how.dry_run:
            trial.rollback()
        return {**done, "dry_run": how.dry_run}


@bp.post("/roster/<uuid:person_id>/binding-code")
@bp.output(schemas.BindingCodeOut, status_code=201)
def new_binding_code(person_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        code = people.new_binding_code(work, person_id)
        return {"code": code, "expires_in_days": people.BINDING_CODE_LIFE.days}
