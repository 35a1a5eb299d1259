"""The roster at the desk: people looked up, the file that replaces it looked through first, one-time binding codes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from backend.api.idempotency import once
from backend.api.roster import show_people
from backend.api.schemas import Code, PageQuery, Short
from backend.desk import forms, pages, sheets
from backend.desk.imports import chosen_file
from backend.domain import drafts, people, roster
from backend.domain.actors import ROLE_NAMES
from backend.domain.faults import Conflict, Fault
from backend.domain.people import RosterRow
from backend.domain.sheets import Heading, Sheet
from backend.models import Person
from backend.roster_file import COLUMNS, RosterFaults, read_roster
from backend.work import Work, unit_of_work

bp = APIBlueprint("roster", __name__, enable_openapi=False)

PAGE = 50


class PeopleQuery(PageQuery):
    words: Short = ""
    unit: Code | None = None
    limit: int = Field(default=PAGE, ge=1, le=100)


@bp.get("/setup/roster")
def listing() -> Any:
    asked = forms.query(PeopleQuery)
    with unit_of_work(g.actor) as work:
        found = roster.page(work, asked.words, asked.unit, asked.before, asked.limit)
        codes = people.binding_codes(work, [person.id for person in found])
        items = [
            {**one, "code": codes.get(one["id"]), "masked": f"{one['phone'][:3]}****{one['phone'][-4:]}"}
            for one in show_people(work, found)
        ]
        return pages.render(
            "roster.html",
            items=items,
            asked=asked,
            more=found[-1].id if len(found) == asked.limit else None,
            units=[(unit.code, unit.name) for unit in work.county.units],
        )


@bp.post("/setup/roster/<uuid:person_id>/code")
def issue(person_id: UUID) -> Any:
    """A new code, shown this once: it is kept as a digest only."""
    with unit_of_work(g.actor) as work, once(work, "issue code", forms.key(), str(person_id)) as repeat:
        if repeat.outcome is not None:
            raise Conflict("code_shown_once", "绑定码只显示一次。没有记下的，请回到名册重新签发一个。")
        code = people.new_binding_code(work, person_id)
        repeat.outcome = {"person": str(person_id)}
        person = work.session.get_one(Person, person_id)
        [shown] = show_people(work, [person])
        page = pages.render("binding_code.html", person=shown, code=code, days=people.BINDING_CODE_LIFE.days,
                            until=work.now + people.BINDING_CODE_LIFE)  # fmt: skip
    return page, 200, {"Cache-Control": "no-store"}


@bp.post("/setup/roster/<uuid:person_id>/code/revoke")
def revoke(person_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        ended = people.revoke_binding_codes(work, person_id)
    return pages.go("/desk/setup/roster", "绑定码已作废。" if ended else "这个人没有还能用的绑定码。")


@bp.get("/setup/roster/template.xlsx")
def template() -> Any:
    """The empty roster, with the words that its columns take on pages beside it."""
    with unit_of_work(g.actor) as work:
        county = work.county
        table = Sheet("名册", "", "", tuple(Heading(title, 18) for title in COLUMNS), [])
        roles = Sheet("角色", "", "", (Heading("角色", 20),), [[name] for name in ROLE_NAMES.values()], held=0)
        units = Sheet("单位", "", "", (Heading("单位", 30),), [[unit.name] for unit in county.units], held=0)
        reaches = Sheet("河段", "", "", (Heading("河段编号", 16), Heading("名称", 30)),
                        [[reach.code, reach.name] for reach in county.reaches], held=0)  # fmt: skip
        return sheets.download([table, roles, units, reaches], "名册样表")


@bp.post("/setup/roster/file")
def upload() -> Any:
    """Read a roster file and keep what was found; nobody's office changes yet."""
    name, data = chosen_file()
    with unit_of_work(g.actor) as work, once(work, "roster file", forms.key(), name) as repeat:
        if repeat.outcome is None:
            content: dict[str, Any] = {"rows": [], "faults": [], "version": work.county_version}
            try:
                content["rows"] = [asdict(row) for row in read_roster(data, work.county)]
            except RosterFaults as bad:
                content["faults"] = [asdict(fault) for fault in bad.faults]
            repeat.outcome = {"id": str(drafts.keep(work, "roster", name, content).id)}
        where = f"/desk/setup/roster/file/{repeat.outcome['id']}"
    return pages.go(where, "文件已检查，名册还没有变。请看下面的结果。")


@bp.get("/setup/roster/file/<uuid:draft_id>")
def preview(draft_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        draft, content = drafts.opened(work, "roster", draft_id)
        rows = _rows(content)
        found = roster.changes(work, rows) if not content["faults"] else []
        return pages.render(
            "roster_file.html",
            draft=draft,
            rows=rows,
            faults=content["faults"],
            changes=found,
            titles=roster.TITLES,
            locks_out=bool(rows) and roster.locks_out(work, rows),
        )


@bp.get("/setup/roster/file/<uuid:draft_id>/faults.xlsx")
def faults(draft_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        draft, content = drafts.opened(work, "roster", draft_id)
        headings = (Heading("行", 8), Heading("列", 12), Heading("现在的内容", 24), Heading("问题和怎么改", 70))
        listed = [[one["line"], one["column"], one["value"], one["reason"]] for one in content["faults"]]
        return sheets.download([Sheet("错误清单", "名册的错误清单", draft.file_name, headings, listed)], "名册错误清单")


@bp.post("/setup/roster/file/<uuid:draft_id>/<any(use, drop):how>")
def decide(draft_id: UUID, how: str) -> Any:
    """Make the roster what the file says, or leave it as it is."""
    with unit_of_work(g.actor) as work:
        draft, content = drafts.opened(work, "roster", draft_id)
        if how == "drop":
            drafts.end(draft, "dropped")
            said = "已放弃，名册没有变。"
        else:
            said = _use(work, content)
            drafts.end(draft, "used")
    return pages.go("/desk/setup/roster", said)


def _use(work: Work, content: dict[str, Any]) -> str:
    if content["faults"]:
        raise Fault("bad_roster", f"名册有 {len(content['faults'])} 处错误，请改好文件后重新上传。")
    if content["version"] != work.county_version:
        raise Conflict("county_changed", "检查以后本县的单位或河段有变化，请重新上传名册。")
    done = people.import_roster(work, _rows(content))
    return f"名册已更新：新增 {done['added']} 个职务，结束 {done['ended']} 个。"


def _rows(content: dict[str, Any]) -> list[RosterRow]:
    return [RosterRow(**{**row, "reaches": tuple(row["reaches"])}) for row in content["rows"]]
