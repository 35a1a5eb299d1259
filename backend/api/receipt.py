"""A report followed without an account, by the receipt code in the `Receipt-Code` header: it never enters a URL."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import request

from backend.api import schemas
from backend.api.reports import add_supplement, give_rating, show_report, take_action
from backend.domain import reports
from backend.domain.actors import Actor
from backend.models import Report
from backend.work import Work, unit_of_work

bp = APIBlueprint("receipt", __name__, tag="回执")


def _followed(work: Work) -> tuple[Report, Actor]:
    report = reports.by_receipt(work, request.headers.get("Receipt-Code", ""))
    actor = Actor(role="receipt", report_id=report.id)
    work.actor = actor
    return report, actor


@bp.get("/receipt")
@bp.output(schemas.ReportOut)
def show() -> Any:
    with unit_of_work() as work:
        report, actor = _followed(work)
        return show_report(work, report, actor)


@bp.post("/receipt/supplements")
@bp.input(schemas.SupplementForm, arg_name="form")
@bp.output(schemas.ReportOut, status_code=201)
def supplement(form: schemas.SupplementForm) -> Any:
    with unit_of_work() as work:
        report, _ = _followed(work)
        return add_supplement(work, report, form)


@bp.put("/receipt/rating")
@bp.input(schemas.RatingForm, arg_name="form")
@bp.output(schemas.ReportOut)
def rate(form: schemas.RatingForm) -> Any:
    with unit_of_work() as work:
        report, _ = _followed(work)
        return give_rating(work, report, form)


@bp.post("/receipt/<any(dispute, appeal):action>")
@bp.input(schemas.ReporterActionForm, arg_name="form")
@bp.output(schemas.ReportOut)
def act(action: str, form: schemas.ReporterActionForm) -> Any:
    with unit_of_work() as work:
        report, _ = _followed(work)
        return take_action(work, report, action, form.model_dump())


@bp.post("/receipt/withdrawal")
@bp.input(schemas.WithdrawalForm, arg_name="form")
@bp.output(schemas.ReportOut)
def withdraw(form: schemas.WithdrawalForm) -> Any:
    with unit_of_work() as work:
        report, _ = _followed(work)
        return take_action(work, report, "withdraw", form.model_dump())
