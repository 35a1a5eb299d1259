"""Reports: submit, follow, supplement, rate, dispute, appeal, withdraw."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request

from backend.api import schemas
from backend.api.access import count_report
from backend.api.idempotency import once, required_key
from backend.api.photos import show_photo
from backend.domain import progress, reports, states, units
from backend.domain.actors import Actor
from backend.domain.photos import PhotoRef
from backend.domain.reports import ReportForm
from backend.models import Case, Report, Supplement
from backend.work import Work, unit_of_work

bp = APIBlueprint("reports", __name__, tag="举报")


def show_report(work: Work, report: Report, actor: Actor, receipt_code: str | None = None) -> dict[str, Any]:
    case = work.session.get_one(Case, report.case_id)
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
        "unit_name": units.name(work, case.lead_unit) if case.lead_unit else None,
        "reason": case.routing_reason,
        "photos": [show_photo(photo) for photo in report.photos if photo.supplement_id is None],
        "supplements": [_supplement(added) for added in report.supplements],
        "standing": progress.standing(work, report, case),
        "steps": [asdict(step) for step in progress.steps(work, report)],
        "rating": report.rating,
        "withdrawn_at": report.withdrawn_at,
        "disputed_at": report.disputed_at,
        "appealed_at": report.appealed_at,
        "allowed_actions": [row.action for row in states.allowed(work, case, reader_of(report, actor))],
        "receipt_code": receipt_code,
    }


def _supplement(added: Supplement) -> dict[str, Any]:
    return {
        "text": added.text,
        "created_at": added.created_at,
        "photos": [show_photo(photo) for photo in added.photos],
    }


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
        return add_supplement(work, reports.own(work, report_id), form)


@bp.put("/reports/<uuid:report_id>/rating")
@bp.input(schemas.RatingForm, arg_name="form")
@bp.output(schemas.ReportOut)
def rate(report_id: UUID, form: schemas.RatingForm) -> Any:
    with unit_of_work(g.actor) as work:
        return give_rating(work, reports.own(work, report_id), form)


@bp.post("/reports/<uuid:report_id>/<any(dispute, appeal):action>")
@bp.input(schemas.ReporterActionForm, arg_name="form")
@bp.output(schemas.ReportOut)
def act(report_id: UUID, action: str, form: schemas.ReporterActionForm) -> Any:
    with unit_of_work(g.actor) as work:
        return take_action(work, reports.own(work, report_id), action, form.model_dump())


@bp.post("/reports/<uuid:report_id>/withdrawal")
@bp.input(schemas.WithdrawalForm, arg_name="form")
@bp.output(schemas.ReportOut)
def withdraw(report_id: UUID, form: schemas.WithdrawalForm) -> Any:
    with unit_of_work(g.actor) as work:
        return take_action(work, reports.own(work, report_id), "withdraw", form.model_dump())


def reader_of(report: Report, actor: Actor) -> Actor:
    """The reporter as the one of this very report, whatever offices they hold besides."""
    role = "resident" if actor.account_id else "receipt"
    return Actor(role=role, account_id=actor.account_id, report_id=report.id)


def add_supplement(work: Work, report: Report, form: schemas.SupplementForm) -> dict[str, Any]:
    refs = [PhotoRef(photo.id, photo.claim) for photo in form.photos]
    return take_action(work, report, "supplement", {"text": form.text, "photos": refs})


def give_rating(work: Work, report: Report, form: schemas.RatingForm) -> dict[str, Any]:
    """The last rating counts, so that the same one sent again changes nothing."""
    work.actor = reader_of(report, work.actor)
    if (report.rating, report.rating_text) != (form.stars, form.text):
        states.act(work, reports.locked_case(work, report).id, "rate", {"stars": form.stars, "note": form.text or None})
    return show_report(work, report, work.actor)


def take_action(work: Work, report: Report, action: str, form: dict[str, Any]) -> dict[str, Any]:
    """A reporter's action on the case of their report, once per Idempotency-Key; shows the report."""
    work.actor = reader_of(report, work.actor)
    with once(work, f"{action} {report.id}", required_key(), repr(sorted(form.items()))) as repeat:
        if repeat.outcome is None:
            states.act(work, reports.locked_case(work, report).id, action, form)
            repeat.outcome = {"action": action}
    return show_report(work, report, work.actor)
