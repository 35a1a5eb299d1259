"""Rules and boundaries at the desk: versions and what changed, deadlines edited, files uploaded, looked at, in force.

A change is a draft until it is confirmed with its day and reason; whatever way it came, it is read as a whole folder
is (backend.county_folder), so that there is one list of what is wrong.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request
from pydantic import ValidationError

from backend import counties, county_folder
from backend.api.idempotency import once
from backend.api.schemas import Day, Input, Words
from backend.clock import shanghai_day
from backend.county import County
from backend.county_files import CountyFaults
from backend.desk import errors, forms, pages, sheets
from backend.desk.imports import chosen_file
from backend.domain import county_changes, county_edits, county_effects, drafts, people
from backend.domain.faults import Conflict, Fault
from backend.domain.sheets import Heading, Sheet
from backend.models import CountyVersion, Draft
from backend.work import Work, unit_of_work

bp = APIBlueprint("rules", __name__, enable_openapi=False)

_SHOWN = 300


class ConfirmForm(Input):
    effective_on: Day
    reason: Words


@bp.get("/setup/rules")
def versions() -> Any:
    with unit_of_work(g.actor) as work:
        return pages.render(
            "rules.html",
            versions=[_shown(work, one) for one in county_changes.versions(work, 50)],
            county=work.county,
            files=county_folder.names_of(work.county),
        )


def _shown(work: Work, one: CountyVersion) -> dict[str, Any]:
    today = shanghai_day(work.now)
    state = "现行" if one.id == work.county_version else "待生效" if one.effective_on > today else "已被替代"
    by = people.name_of(work, one.made_by) or "服务器上导入"
    return {"id": one.id, "effective_on": one.effective_on, "loaded_at": one.loaded_at, "state": state, "by": by,
            "reason": one.reason or ""}  # fmt: skip


@bp.get("/setup/rules/versions/<int:version_id>")
def version(version_id: int) -> Any:
    """What this version changed against the one that was stored before it."""
    with unit_of_work(g.actor) as work:
        one = county_changes.version(work, version_id)
        earlier = next((other for other in county_changes.stored(work) if other < version_id), None)
        before = county_changes.version(work, earlier) if earlier is not None else None
        changed = county_changes.differences(before.document, one.document) if before else []
        return pages.render("rules_version.html", one=_shown(work, one), before=before, differences=changed[:_SHOWN],
                            n=len(changed), newest=county_changes.latest(work).id)  # fmt: skip


@bp.get("/setup/rules/versions/<int:version_id>/folder.zip")
def folder(version_id: int) -> Any:
    """The files of a version: to be kept, changed and uploaded again."""
    with unit_of_work(g.actor) as work:
        made = county_folder.packed(county_changes.version(work, version_id).document)
    saved = sheets.saved_as(f"本县配置-第{version_id}版.zip")
    return Response(made, content_type="application/zip", headers=saved)


@bp.post("/setup/rules/versions/<int:version_id>/restore")
def restore(version_id: int) -> Any:
    """Begin a change that takes everything back to what an older version says."""
    with unit_of_work(g.actor) as work, once(work, "restore rules", forms.key(), str(version_id)) as repeat:
        if repeat.outcome is None:
            old = county_changes.version(work, version_id)
            repeat.outcome = {"id": str(_keep(work, f"恢复第 {version_id} 版", old.document, []).id)}
        where = f"/desk/setup/rules/drafts/{repeat.outcome['id']}"
    return pages.go(where)


@bp.get("/setup/rules/edit")
def edit() -> Any:
    with unit_of_work(g.actor) as work:
        return pages.render("rules_edit.html", **_form(county_changes.latest(work).document, {}, []))


def _form(document: dict[str, Any], typed: dict[str, str], faults: list[str]) -> dict[str, Any]:
    """The numbers as a table: two rows per category, a column per severity; what was typed instead, when it was."""
    levels = [("", "各种程度"), *((one["code"], one["name"]) for one in document["severities"])]

    def cell(category: dict[str, Any], severity: str, what: str) -> dict[str, str]:
        holder = category["severity"].get(severity, {}) if severity else category
        number, unit = county_edits.limit_of(holder, what)
        key = f"{category['code']}.{severity}.{what}"
        said = typed.get(key, "" if number is None else str(number))
        usual, usual_unit = county_edits.limit_of(category, what)
        return {"key": key, "value": said, "unit": typed.get(f"{key}.unit", unit or usual_unit),
                "usual": str(usual or "")}  # fmt: skip

    rows = [
        {"name": category["name"], "what": title, "first": what == "accept",
         "cells": [cell(category, severity, what) for severity, _ in levels]}
        for category in document["categories"]
        for what, title in county_edits.WHATS.items()
    ]  # fmt: skip
    limits = [
        (key := f"limits.{name}", county_changes.LIMITS[name], typed.get(key, str(document["limits"][name])))
        for name in county_edits.NUMBERS
    ]
    return {"rows": rows, "limits": limits, "units": county_edits.UNITS, "faults": faults,
            "levels": [name for _, name in levels]}  # fmt: skip


@bp.post("/setup/rules/edit")
def write() -> Any:
    """Keep the numbers of the form as a draft, or show what is wrong with them beside what was typed."""
    typed = {name: value for name, value in request.form.items() if name not in forms.OURS}
    with unit_of_work(g.actor) as work:
        base = county_changes.latest(work).document
        document, faults = county_edits.edited(base, typed)
        if not faults:
            try:
                document = county_folder.read_over(document, {}).model_dump(mode="json")
            except CountyFaults as bad:
                faults = [_in_names(base, fault.reason) for fault in bad.faults]
        if not faults and not county_changes.differences(base, document):
            faults = ["没有改动任何数字。"]
        if faults:
            return pages.render("rules_edit.html", **_form(base, typed, faults)), 422
        with once(work, "edit rules", forms.key(), repr(sorted(typed.items()))) as repeat:
            if repeat.outcome is None:
                repeat.outcome = {"id": str(_keep(work, "修改期限", document, []).id)}
            where = f"/desk/setup/rules/drafts/{repeat.outcome['id']}"
    return pages.go(where)


def _in_names(document: dict[str, Any], reason: str) -> str:
    """A reason that is told beside a form, where nobody sees codes."""
    for one in document["severities"]:
        reason = re.sub(rf" ?\b{one['code']}\b ?", f"“{one['name']}”", reason)
    return reason


@bp.post("/setup/rules/file")
def upload() -> Any:
    """Read a file of the county, or a .zip of several, over the version that holds last."""
    name, data = chosen_file()
    with unit_of_work(g.actor) as work, once(work, "rules file", forms.key(), name) as repeat:
        if repeat.outcome is None:
            document, faults = {}, []
            try:
                base = county_changes.latest(work).document
                document = county_folder.read_over(base, county_folder.unpacked(name, data)).model_dump(mode="json")
            except CountyFaults as bad:
                faults = [[fault.file, fault.place, fault.reason] for fault in bad.faults]
            repeat.outcome = {"id": str(_keep(work, name, document, faults).id)}
        where = f"/desk/setup/rules/drafts/{repeat.outcome['id']}"
    return pages.go(where)


def _keep(work: Work, name: str, document: dict[str, Any], faults: list[list[str]]) -> Draft:
    base = county_changes.latest(work).id
    return drafts.keep(work, "county", name, {"document": document, "faults": faults, "base": base})


@bp.get("/setup/rules/drafts/<uuid:draft_id>")
def draft(draft_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return pages.render("rules_draft.html", **_draft(work, draft_id))


def _draft(work: Work, draft_id: UUID, **more: Any) -> dict[str, Any]:
    kept, content = drafts.opened(work, "county", draft_id)
    if content["faults"]:
        return {"draft": kept, "faults": content["faults"]}
    base = county_changes.version(work, content["base"])
    changed = county_changes.differences(base.document, content["document"])
    found = county_effects.effects(work, work.county_of(base.id).county, County.model_validate(content["document"]))
    tomorrow = shanghai_day(work.now) + timedelta(days=1)
    return {
        "draft": kept,
        "faults": [],
        "base": base,
        "differences": changed[:_SHOWN],
        "n": len(changed),
        "effects": found,
        "shown": county_effects.SHOWN,
        "effective_on": max(tomorrow, base.effective_on),
        "earliest": max(shanghai_day(work.now), base.effective_on),
        "category_names": {one.code: one.name for one in work.county.categories},
        "reason": "",
        **more,
    }


@bp.get("/setup/rules/drafts/<uuid:draft_id>/faults.xlsx")
def faults(draft_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        kept, content = drafts.opened(work, "county", draft_id)
        headings = (Heading("文件", 22), Heading("位置", 24), Heading("问题和怎么改", 80))
        sheet = Sheet("错误清单", "本县配置的错误清单", kept.file_name, headings, content["faults"])
        return sheets.download([sheet], "配置错误清单")


@bp.post("/setup/rules/drafts/<uuid:draft_id>/confirm")
def confirm(draft_id: UUID) -> Any:
    """Put the draft in force from its day; what keeps it from that is told beside the form."""
    try:
        form = forms.read(ConfirmForm)
        said = _put_in_force(draft_id, form)
    except (Fault, ValidationError) as wrong:
        fault = wrong if isinstance(wrong, Fault) else errors.fault_of(wrong)
        if fault.code in ("draft_over", "not_found"):
            raise fault from None
        typed = {name: request.form.get(name, "") for name in ("effective_on", "reason")}
        with unit_of_work(g.actor) as work:
            page = _draft(work, draft_id, fault=fault.title, wrong_field=fault.extra.get("field"), **typed)
            return pages.render("rules_draft.html", **page), fault.status
    return pages.go("/desk/setup/rules", said)


def _put_in_force(draft_id: UUID, form: ConfirmForm) -> str:
    with unit_of_work(g.actor) as work:
        kept, content = drafts.opened(work, "county", draft_id)
        if content["faults"]:
            raise Conflict("draft_has_faults", "这份文件有错误，请改好后重新上传。")
        county_changes.check_day(work, content["base"], form.effective_on)
        county = County.model_validate(content["document"])
        found = county_effects.obstacles(work, work.county_of(content["base"]).county, county)
        if found:
            raise Conflict("county_obstacle", found[0])
        made = counties.load(work.session, county, form.effective_on, work.now, work.actor.label, form.reason)
        if made is None:
            raise Conflict("nothing_changed", "和现行的规则一样，没有可以生效的修改。")
        drafts.end(kept, "used")
        return f"第 {made.id} 版已存入，{made.effective_on} 起生效。"


@bp.post("/setup/rules/drafts/<uuid:draft_id>/drop")
def drop(draft_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        kept, _ = drafts.opened(work, "county", draft_id)
        drafts.end(kept, "dropped")
    return pages.go("/desk/setup/rules", "已放弃，规则没有变。")
