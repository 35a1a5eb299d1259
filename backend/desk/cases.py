"""One case: what was said, photos, evidence, time line, who held it for how long, and what may be done now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request
from pydantic import Field, ValidationError

from backend.api.access import system
from backend.api.cases import action_fields, show_case, show_duplicates, show_events
from backend.api.evidence import show_evidence
from backend.api.idempotency import once
from backend.api.identity import LookForm
from backend.api.schemas import Input
from backend.clients import images
from backend.clients.storage import ObjectMissing
from backend.desk import actions, door, errors, forms, pages, papers, rows
from backend.domain import cases, identity, states
from backend.domain.actors import OUTSIDE_ROLES, ROLE_NAMES
from backend.domain.faults import Conflict, Fault
from backend.models import Case
from backend.work import Work, unit_of_work

bp = APIBlueprint("cases", __name__, enable_openapi=False)

# The page is a fresh one already: what was typed is still there, and may be sent again in sight of the change.
_STALE = "您填写的时候，这个案件刚刚被别人处理过，没有提交。请看下面的变化，确认后再提交一次。"
_BEFORE = frozenset({"report", "before"})


class Seen(Input):
    version: int = Field(ge=0)


@bp.get("/cases/<uuid:case_id>")
def show(case_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return pages.render("case.html", **_page(work, cases.get(work, case_id)))


def _page(work: Work, case: Case, **more: Any) -> dict[str, Any]:
    shown = show_case(work, case)
    text = next((report.forwarded_text for report in actions.case_reports(work, case)), "")
    merged = work.session.get(Case, case.merged_into_id) if case.merged_into_id else None
    return {
        "case": {**shown, "due": rows.due(work, shown["clocks"])},
        "events": [{**event, **_who(work, event)} for event in reversed(show_events(work, case))],
        "evidence": show_evidence(work, case) if work.actor.role in OUTSIDE_ROLES else None,
        "before": _photos(shown, before=True),
        "after": _photos(shown, before=False),
        "duplicates": show_duplicates(work, case),
        "merged": merged,
        "forms": actions.of_case(work, case, shown["allowed_actions"], text),
        "names": {unit.code: unit.name for unit in work.county.units},
        "clock_titles": {
            clock["kind"]: rows.due(work, [clock]) for clock in shown["clocks"] if clock["kind"] != "refuse"
        },
        "states": states.STATES,
        **more,
    }


_SYSTEM = {"routing": "系统分办", "timer": "系统", "resident": "举报人", "receipt": "举报人"}


def _who(work: Work, event: dict[str, Any]) -> dict[str, str]:
    unit = work.county.unit_by_code.get(event["unit"] or "")
    role = ROLE_NAMES.get(event["role"]) or _SYSTEM.get(event["role"], event["role"])
    office = unit is not None and unit.code == work.county.office
    return {"who": " ".join(filter(None, (event["by"], role, unit.name if unit and not office else "")))}


def _photos(shown: dict[str, Any], before: bool) -> list[dict[str, Any]]:
    """Sound photos of the problem, or of how it was put right, the earliest first."""
    reported = [photo for report in shown["reports"] for photo in report["photos"]] if before else []
    hung = [photo for photo in shown["evidence"] if (photo["purpose"] in _BEFORE) == before]
    return [photo for photo in [*reported, *hung] if photo["state"] == "sound"]


@bp.post("/cases/<uuid:case_id>/actions/<action>")
def act(case_id: UUID, action: str) -> Any:
    """One action of the table, at the version that the page showed. What goes wrong is told beside the form."""
    try:
        if action not in states.ACTIONS:
            raise Fault("unknown_action", "没有这种操作。")
        seen = Seen.model_validate({"version": request.form.get("version", "")})
        title = _act(case_id, action, seen.version)
    except (Fault, ValidationError) as wrong:
        fault = wrong if isinstance(wrong, Fault) else errors.fault_of(wrong)
        with unit_of_work(g.actor) as work:
            case = cases.get(work, case_id)
            typed = request.form.to_dict()
            told = _STALE if fault.code == "stale_version" else fault.title
            page = _page(work, case, fault=told, changes=_changes(fault), failed=action, typed=typed,
                         wrong_field=fault.extra.get("field"))  # fmt: skip
            return pages.render("case.html", **page), fault.status
    back = request.form.get("back")
    return pages.go(door.safe_next(back) if back else f"/desk/cases/{case_id}", f"已{title}。")


def _act(case_id: UUID, action: str, version: int) -> str:
    with unit_of_work(g.actor) as work:
        case = cases.get(work, case_id)
        target = actions.target_of(work, request.form.get("target", ""))
    form = actions.sent(target)
    with unit_of_work(g.actor) as work, once(work, f"{action} {case_id}", forms.key(), _typed()) as repeat:
        if repeat.outcome is None:
            case = states.act(work, case_id, action, action_fields(form), version)
            work.session.flush()
            repeat.outcome = {"version": case.version}
    return states.TITLES[action]


def _typed() -> str:
    """What makes a repeat the same: everything typed, but no photo, which is another one at each upload."""
    return repr(sorted((name, value) for name, value in request.form.items(multi=True) if name != "form_token"))


def _changes(fault: Fault) -> list[str]:
    """What others have done meanwhile, in words."""
    if not isinstance(fault, Conflict):
        return []
    return [f"{pages.moment_of(one['at'])}　{states.TITLES[one['action']]}，现在是“{states.STATES[one['to_state']]}”"
            for one in fault.extra.get("changes", [])]  # fmt: skip


@bp.post("/cases/<uuid:case_id>/reports/<uuid:report_id>/identity")
def look(case_id: UUID, report_id: UUID) -> Any:
    """The reporter's name and phone, for a reason that goes on record with whoever looks."""
    form = forms.read(LookForm)
    with unit_of_work(g.actor) as work:
        case = cases.get(work, case_id)
        made, contact = identity.look(work, report_id, form.reason)
        return pages.render("identity.html", case=case, contact=contact, look=made)


@bp.get("/cases/<uuid:case_id>/paper")
def paper(case_id: UUID) -> Any:
    """The case on A4, with its photos and the hash of each event, as whoever asks may read it."""
    with unit_of_work(g.actor) as work:
        case = cases.get(work, case_id)
        page = _page(work, case)
        pictures = papers.pictures_of(work, page)
        said, number = papers.of_case(work, page, pictures), case.number
    pdf = papers.printed("case", said, _fetched(pictures, said))
    headers = {"Content-Disposition": f'inline; filename="{number}.pdf"'}
    return Response(pdf, content_type="application/pdf", headers=headers)


def _fetched(pictures: list[papers.Picture], said: dict[str, Any]) -> dict[str, bytes]:
    """The photos themselves, when the transaction is over: the store may be slow. What is gone there is left out."""
    found = {}
    for one in pictures:
        try:
            found[one.file] = system().storage.get(one.key, images.MAX_BYTES)
        except ObjectMissing:
            said["photos_left"] += 1
    said["photos"] = [shown for shown in said["photos"] if shown["file"] in found]
    return found
