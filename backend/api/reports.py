"""Reports: submit, follow, supplement, rate, dispute."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from sqlalchemy import select

from backend.api import schemas
from backend.api.access import count_report
from backend.api.idempotency import once, required_key
from backend.api.photos import show_photo
from backend.domain import reports, states
from backend.domain.actors import Actor
from backend.domain.photos import PhotoRef
from backend.domain.reports import ReportForm
from backend.domain.words import ERASED
from backend.models import Case, CaseEvent, PersonalText, Report
from backend.work import Work, unit_of_work

bp = APIBlueprint("reports", __name__, tag="举报")

# What a reporter reads of each event; {unit} is the unit's name. None: a matter between offices, no step of theirs.
_WORDS: dict[str, str | None] = {
    "submit": "举报已收到。",
    "assign": "已交由{unit}办理。",
    "reassign": "已改由{unit}办理。",
    "rule": "县河长办裁定由{unit}办理。",
    "hold": "县河长办正在核对，稍后交办。",
    "return": "县河长办正在重新确定办理单位。",
    "accept": "{unit}已签收。",
    "start": "{unit}已开始整改。",
    "settle_on_spot": "现场已处理，等待县里确认。",
    "verify": "县里已到现场核查。",
    "request_closure": "整改完成，等待县里核查。",
    "send_back": "核查未通过，继续整改。",
    "close": "核查通过，已办结。",
    "reject": "未予受理：{text}",
    "merge": "与同一问题合并办理。",
    "split": "重新单独办理。",
    "transfer": "已移送其他部门办理：{text}",
    "dispute": "您提出了异议，县里将回头看。",
    "appeal": "您提出了申诉，县河长办正在复核。",
    "pass_follow_up": "回头看合格。",
    "fail_follow_up": "回头看发现问题反弹，重新整改。",
    "archive": "已归档。",
    "grade": None,
    "supplement": None,
    "erase": None,
    "link_source": None,
    "unlink_source": None,
    "plan_follow_up": None,
    "assign_follow_up": None,
    "acknowledge": None,
    "note": None,
    "add_assisting": "{helpers}也参加办理。",
    "release_assisting": None,
    "remind": None,
    "remind_due": None,
    "reply_reminder": None,
    "supervise": None,
    "reply_supervision": None,
    "accept_reply": None,
    "send_back_reply": None,
    "escalate_supervision": None,
    "end_supervision": None,
    "declare_emergency": "已启动应急联动，由多个部门共同处置。",
    "call_in": None,
    "respond": None,
    "call_up": None,
    "stand_down": None,
}


def show_report(work: Work, report: Report, actor: Actor, receipt_code: str | None = None) -> dict[str, Any]:
    case = work.session.get_one(Case, report.case_id)
    names = work.county.unit_by_code
    category = work.county.category_by_code.get(report.category)
    return {
        "id": report.id,
        "number": case.number,
        "category": report.category,
        "category_name": category.name if category else report.category,
        "text": report.text,
        "lon": report.lon,
        "lat": report.lat,
        "address": report.address,
        "privacy": report.privacy,
        "observed_at": report.observed_at,
        "submitted_at": report.submitted_at,
        "state": case.state,
        "state_title": states.STATES[case.state],
        "unit_name": names[case.lead_unit].name if case.lead_unit in names else None,
        "reason": case.routing_reason,
        "photos": [show_photo(photo) for photo in report.photos],
        "supplements": [added.text for added in report.supplements],
        "steps": _steps(work, case),
        "rating": report.rating,
        "allowed_actions": [row.action for row in states.allowed(work, case, actor)],
        "receipt_code": receipt_code,
    }


def _steps(work: Work, case: Case) -> list[dict[str, Any]]:
    rows = work.session.execute(
        select(CaseEvent, PersonalText.text)
        .outerjoin(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq)
    )
    steps = []
    unit, names = "办理单位", work.county.unit_by_code
    for event, text in rows:
        if "unit" in event.data and event.action != "return":
            named = names.get(event.data["unit"])
            unit = named.name if named else unit
        words = _WORDS[event.action]
        if words is None:
            continue
        helpers = "、".join(names[code].name for code in event.data.get("assisting", ()) if code in names)
        words = words.format(unit=unit, text=text or (ERASED if event.text_id else ""), helpers=helpers)
        steps.append({"at": event.at, "action": event.action, "words": words})
    return steps


@bp.post("/reports")
@bp.input(schemas.ReportInput, arg_name="form")
@bp.output(schemas.ReportOut, status_code=201)
def submit(form: schemas.ReportInput) -> Any:
    key = required_key()
    anonymous = form.privacy == "anonymous"
    # As a resident, also when it is an official who reports: the event must not tell.
    actor = Actor(role="resident", account_id=None if anonymous else g.actor.account_id)
    body = hashlib.sha256(request.get_data()).hexdigest()
    report_form = ReportForm(
        category=form.category,
        text=form.text,
        lon=form.place.lon,
        lat=form.place.lat,
        coord_type=form.place.coord_type,
        privacy=form.privacy,
        photos=tuple(PhotoRef(photo.id, photo.claim) for photo in form.photos),
        accuracy_m=form.place.accuracy_m,
        address=form.place.address,
        observed_at=form.observed_at,
        contact_name=form.contact_name,
        contact_phone=form.contact_phone,
        accuses_officials=form.accuses_officials,
    )
    with unit_of_work(actor) as work, once(work, "reports.submit", key, body) as repeat:
        if repeat.outcome is None:
            count_report(work.actor)
            report, code = reports.submit(work, report_form, key)
            repeat.outcome = {"report": str(report.id)}
        else:
            report = work.session.get_one(Report, UUID(repeat.outcome["report"]))
            code = work.vault.receipt_code(str(report.id), key)
        work.session.flush()
        reader = Actor(role="receipt", report_id=report.id)
        return show_report(work, report, reader, code)


@bp.get("/reports")
@bp.input(schemas.PageQuery, location="query", arg_name="page")
@bp.output(schemas.ReportsOut)
def listing(page: schemas.PageQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found = reports.mine(work, page.before, page.limit)
        items = [show_report(work, report, g.actor) for report in found]
        return {"items": items, "next": found[-1].id if len(found) == page.limit else None}


@bp.get("/reports/<uuid:report_id>")
@bp.output(schemas.ReportOut)
def show(report_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_report(work, reports.own(work, report_id), g.actor)


@bp.post("/reports/<uuid:report_id>/supplements")
@bp.input(schemas.SupplementForm, arg_name="form")
@bp.output(schemas.ReportOut, status_code=201)
def supplement(report_id: UUID, form: schemas.SupplementForm) -> Any:
    with unit_of_work(g.actor) as work:
        return add_supplement(work, reports.own(work, report_id), form.text, g.actor)


@bp.put("/reports/<uuid:report_id>/rating")
@bp.input(schemas.RatingForm, arg_name="form")
@bp.output(schemas.ReportOut)
def rate(report_id: UUID, form: schemas.RatingForm) -> Any:
    with unit_of_work(g.actor) as work:
        report = reports.own(work, report_id)
        reports.rate(work, report, form.stars, form.text)
        return show_report(work, report, g.actor)


@bp.post("/reports/<uuid:report_id>/<any(dispute, appeal):action>")
@bp.input(schemas.ReporterActionForm, arg_name="form")
@bp.output(schemas.ReportOut)
def act(report_id: UUID, action: str, form: schemas.ReporterActionForm) -> Any:
    with unit_of_work(g.actor) as work:
        return take_action(work, reports.own(work, report_id), action, form.reason, g.actor)


def add_supplement(work: Work, report: Report, text: str, actor: Actor) -> dict[str, Any]:
    """Add once per Idempotency-Key, and show the report."""
    work.actor = _as_reporter(actor, report)
    with once(work, f"supplement {report.id}", required_key(), text) as repeat:
        if repeat.outcome is None:
            repeat.outcome = {"supplement": str(reports.supplement(work, report, text).id)}
    work.session.refresh(report)
    return show_report(work, report, actor)


def _as_reporter(actor: Actor, report: Report) -> Actor:
    """Who acts on their own report is its reporter, whatever office they hold besides."""
    role = "resident" if actor.account_id else "receipt"
    return Actor(role=role, account_id=actor.account_id, report_id=report.id)


def take_action(work: Work, report: Report, action: str, reason: str, actor: Actor) -> dict[str, Any]:
    """A reporter's dispute or appeal, as the same actor who was shown the report."""
    work.actor = _as_reporter(actor, report)
    with once(work, f"{action} {report.id}", required_key(), reason) as repeat:
        if repeat.outcome is None:
            states.act(work, report.case_id, action, {"reason": reason})
            repeat.outcome = {"action": action}
    return show_report(work, report, work.actor)
