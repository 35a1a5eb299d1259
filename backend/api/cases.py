"""Cases on the ledger: list, read, act."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from sqlalchemy import select

from backend.api import emergency, reminders, schemas, supervision
from backend.api.idempotency import once, required_key
from backend.api.ledger import LedgerQuery, filter_of
from backend.api.photos import show_photo
from backend.api.versions import seen_version
from backend.domain import cases, content, deadlines, deputies, follow_ups, holdings, ledger, people, river_at, states
from backend.domain.faults import Fault
from backend.domain.photos import PhotoRef
from backend.domain.words import ERASED
from backend.models import (
    Assignment,
    Case,
    CaseEvent,
    Clock,
    DuplicateProposal,
    PersonalText,
    Photo,
    Report,
    Supplement,
)
from backend.work import Work, unit_of_work

bp = APIBlueprint("cases", __name__, tag="案件")


def _clocks(work: Work, found: list[Case]) -> dict[UUID, list[dict[str, Any]]]:
    running = select(Clock).where(Clock.case_id.in_([case.id for case in found]), Clock.stopped_at.is_(None))
    shown: dict[UUID, list[dict[str, Any]]] = {case.id: [] for case in found}
    for clock in work.session.scalars(running.order_by(Clock.due_at)):
        shown[clock.case_id].append(
            {
                "kind": clock.kind,
                "holder": clock.holder,
                "due_at": clock.due_at,
                "overdue": clock.overdue(work.now),
                "provisional": clock.provisional,
                "set_by": clock.set_by,
            }
        )
    return shown


def _row(work: Work, case: Case, clocks: list[dict[str, Any]]) -> dict[str, Any]:
    category = work.county.category_by_code.get(case.category)
    unit = work.county.unit_by_code.get(case.lead_unit or "")
    reach = work.county.reach_by_code.get(case.reach or "")
    severity = work.county.severity_by_code.get(case.severity)
    return {
        "id": case.id,
        "number": case.number,
        "version": case.version,
        "state": case.state,
        "state_title": states.STATES[case.state],
        "category": case.category,
        "category_name": category.name if category else case.category,
        "urgent": case.urgent,
        "severity": case.severity,
        "severity_name": severity.name if severity else case.severity,
        "lead_unit": case.lead_unit,
        "lead_unit_name": unit.name if unit else case.lead_unit,
        "source": case.source,
        "source_name": work.county.rules.sources.name(case.source),
        "source_number": case.source_number,
        "reach": case.reach,
        "reach_name": reach.name if reach else None,
        "opened_at": case.opened_at,
        "updated_at": case.updated_at,
        "closed_at": case.closed_at,
        "clocks": clocks,
    }


def show_rows(work: Work, found: list[Case]) -> list[dict[str, Any]]:
    """Cases as lines of a list, with their running clocks."""
    clocks = _clocks(work, found)
    return [_row(work, case, clocks[case.id]) for case in found]


def show_case(work: Work, case: Case) -> dict[str, Any]:
    held = select(Assignment).where(Assignment.case_id == case.id, Assignment.ended_at.is_(None))
    assignments = list(work.session.scalars(held.order_by(Assignment.part.desc(), Assignment.id)))
    evidence = select(Photo).where(Photo.case_id == case.id).order_by(Photo.id)
    source = work.county.risk_source_by_code.get(case.risk_source or "")
    hanging = select(Report).where(Report.case_id == case.id).order_by(Report.id)
    return {
        **_row(work, case, _clocks(work, [case])[case.id]),
        "lon": case.lon,
        "lat": case.lat,
        "place_from": case.place_from,
        "risk_source": case.risk_source,
        "risk_source_name": source.name if source else None,
        "recurrences": case.recurrences,
        "routing_reason": case.routing_reason,
        "river": river_at.of(work, case),
        "assisting": [held.unit_code for held in assignments if held.part == "assist"],
        "assignments": [_assignment(work, held) for held in assignments],
        "suggested": cases.suggested(work, case),
        "merged_into": case.merged_into_id,
        "first_rectify_by": case.first_rectify_by,
        "rule_rectify_by": case.rule_rectify_by,
        "ordered_by": case.ordered_by,
        "holders": [_holder(work, held) for held in holdings.of_case(work, case.id)],
        "reports": [_report(work, case, report) for report in work.session.scalars(hanging)],
        "evidence": [show_photo(photo) for photo in work.session.scalars(evidence)],
        "reminders": reminders.of_case(work, case.id),
        "supervisions": supervision.of_case(work, case.id),
        "emergency": emergency.of_case(work, case),
        "allowed_actions": show_allowed(work, case),
    }


def show_allowed(work: Work, case: Case) -> list[dict[str, Any]]:
    """What the actor may do with the case now."""
    return [
        {"action": row.action, "title": row.title, "needs": list(states.needs(work, case, row))}
        for row in states.allowed(work, case, work.actor)
    ]


def _assignment(work: Work, held: Assignment) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(held.unit_code)
    return {
        "unit": held.unit_code,
        "unit_name": unit.name if unit else held.unit_code,
        "part": held.part,
        "opened_at": held.opened_at,
        "accepted_at": held.accepted_at,
        "acknowledged_at": held.acknowledged_at,
        "handler": _handler(work, held),
        "rejection": _rejection(held),
    }


def _handler(work: Work, held: Assignment) -> dict[str, Any] | None:
    if held.handler_id is None:
        return None
    standing_in = deputies.with_deputies(work, [held.handler_id], held.unit_code)[1:]
    return {
        "id": held.handler_id,
        "name": people.name(work, held.handler_id),
        "deputy_name": people.name(work, standing_in[0]) if standing_in else None,
    }


def _rejection(held: Assignment) -> str | None:
    if held.rejection_proposed_at is None:
        return None
    return "declined" if held.rejection_declined_at else "proposed"


def _holder(work: Work, held: holdings.Holding) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(held.holder)
    return {
        **asdict(held),
        "holder_name": unit.name if unit else held.holder,
        "kind_title": deadlines.KINDS[held.kind],
    }


def _report(work: Work, case: Case, report: Report) -> dict[str, Any]:
    """A report as an official reads it: the office the original words, units the forwarded ones."""
    office = work.actor.role == "office"
    released = office or report.forward_released_at is not None
    contact = None
    if cases.names_contact(work.actor, case, report) and report.contact_sealed:
        contact = json.loads(work.vault.open(report.contact_sealed))
    return {
        "id": report.id,
        **cases.readable_text(work.actor, report),
        "privacy": report.privacy,
        "address": cases.readable_address(work.actor, report),
        "observed_at": report.observed_at,
        "submitted_at": report.submitted_at,
        "contact": contact,
        "supplements": [
            _supplement(added, office) for added in report.supplements if office or (released and added.released_at)
        ],
        "photos": [show_photo(one) for one in report.photos if one.supplement_id is None] if released else [],
        "rating": report.rating,
        "why_look": content.why_look(report) if office else [],
        "withdrawn_at": report.withdrawn_at,
        "disputed_at": report.disputed_at,
        "appealed_at": report.appealed_at,
    }


def _supplement(added: Supplement, office: bool) -> dict[str, Any]:
    return {
        "id": added.id,
        "text": added.text if office else added.forwarded_text,
        "created_at": added.created_at,
        "photos": [show_photo(photo) for photo in added.photos],
        "released": added.released_at is not None,
    }


@bp.get("/cases")
@bp.input(LedgerQuery, location="query", arg_name="page")
@bp.output(schemas.CasesOut)
def listing(page: LedgerQuery) -> Any:
    with unit_of_work(g.actor) as work:
        found, more = ledger.page(work, filter_of(page), page.before, page.limit)
        return {"items": show_rows(work, found), "next": more}


@bp.get("/cases/<uuid:case_id>")
@bp.output(schemas.CaseOut)
def show(case_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return show_case(work, cases.get(work, case_id))


def _named(work: Work, person_id: str | None) -> str | None:
    return people.name(work, UUID(person_id)) if person_id else None


def show_events(work: Work, case: Case) -> list[dict[str, Any]]:
    """The chain of a case as the actor may read it."""
    rows = work.session.execute(
        select(CaseEvent, PersonalText.text)
        .outerjoin(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq)
    )
    return [
        {
            "seq": event.seq,
            "action": event.action,
            "title": states.TITLES[event.action],
            "from_state": event.from_state,
            "to_state": event.to_state,
            "at": event.at,
            "role": event.role,
            "unit": event.unit_code,
            "by": _named(work, event.actor.removeprefix("person:")) if event.actor.startswith("person:") else None,
            "for_person": _named(work, event.data.get("for_person")),
            "text": ERASED if text is None and event.text_id else cases.readable_words(work, case, event, text),
            "data": cases.readable_data(work.actor, event),
            "hash": event.hash,
        }
        for event, text in rows
        if not follow_ups.hidden(work.actor, event.action)
    ]


@bp.get("/cases/<uuid:case_id>/events")
@bp.output(schemas.EventsOut)
def events(case_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return {"items": show_events(work, cases.get(work, case_id))}


def show_duplicates(work: Work, case: Case) -> list[dict[str, Any]]:
    """The likely duplicates that the actor may see, the nearest first."""
    proposed = work.session.execute(
        select(DuplicateProposal, Case)
        .join(Case, Case.id == DuplicateProposal.other_id)
        .where(DuplicateProposal.case_id == case.id, cases.visible(work.actor))
        .order_by(DuplicateProposal.distance_m)
    )
    return [
        {"case_id": other.id, "number": other.number, "distance_m": proposal.distance_m, "state": other.state}
        for proposal, other in proposed
    ]


@bp.get("/cases/<uuid:case_id>/duplicates")
@bp.output(schemas.DuplicatesOut)
def duplicates(case_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        return {"items": show_duplicates(work, cases.get(work, case_id))}


def action_fields(form: schemas.ActionForm) -> dict[str, Any]:
    """A form as the table of states takes it."""
    fields: dict[str, Any] = form.model_dump(exclude_none=True)
    for name in ("photos", "photos_before"):
        fields[name] = [PhotoRef(photo.id, photo.claim) for photo in getattr(form, name)]
    return fields


@bp.post("/cases/<uuid:case_id>/actions/<action>")
@bp.input(schemas.ActionForm, arg_name="form")
@bp.output(schemas.CaseOut)
def act(case_id: UUID, action: str, form: schemas.ActionForm) -> Any:
    """One action of the table in domain/states.py; `If-Match` names the version that the caller has seen."""
    if action not in states.ACTIONS:
        raise Fault("unknown_action", "没有这种操作。")
    fields = action_fields(form)
    request_text = form.model_dump_json()
    with unit_of_work(g.actor) as work:
        case = cases.get(work, case_id)
        with once(work, f"{action} {case_id}", required_key(), request_text) as repeat:
            if repeat.outcome is None:
                case = states.act(work, case_id, action, fields, seen_version("案件"))
                work.session.flush()
                repeat.outcome = {"version": case.version}
        return show_case(work, case)
