"""Cases: routed by the worker, listed and read by those whom they concern."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import exists, func, select

from backend.domain import emergency, placement, routing, states
from backend.domain.actors import OUTSIDE_ROLES, ROUTING, UNIT_ROLES, Actor
from backend.domain.faults import NotFound
from backend.domain.masking import mask, needs_release
from backend.domain.visibility import visible as visible
from backend.geo import distance_m
from backend.models import Case, CaseEvent, DuplicateProposal, Photo, Report, Supplement

if TYPE_CHECKING:
    from backend.work import Work

_METRES_PER_DEGREE = 111_000.0
_FOR_VERIFIERS = frozenset({"flags", "follow_up"})


def route(work: Work, case_id: UUID) -> None:
    """Decide where a newly submitted case goes. Acts only on cases never assigned before; repeats do nothing."""
    case = work.session.get(Case, case_id, with_for_update=True, populate_existing=True)
    if case is None or case.state != "submitted" or case.ever_assigned:
        return
    work.actor = ROUTING
    report = work.session.scalars(select(Report).where(Report.case_id == case.id).order_by(Report.id).limit(1)).one()
    decision = placement.locate(work, case)
    _decide(work, case, report, decision)


def _decide(work: Work, case: Case, report: Report, decision: routing.Decision) -> None:
    if report.extra.get("accuses_officials"):
        _hold(work, case, "accuses_officials", "举报涉及工作人员，由县河长办直接处理。")
        return
    if decision.outcome == "outside_county":
        _hold(work, case, "outside_county", decision.reason)
        return
    certain, likely = find_duplicates(work, case) if case.place_from == "given" else (None, [])
    if certain is not None and report.forward_released_at is not None:
        reason = f"与已受理的案件 {certain.number} 是同一问题，合并办理。"
        states.act(work, case.id, "merge", {"target": certain.id, "reason": reason})
        return
    if certain is not None:
        likely.insert(0, (certain, distance_m(case.lon, case.lat, certain.lon, certain.lat)))
    if likely:
        numbers = "、".join(other.number for other, _ in likely)
        for other, metres in likely:
            work.session.add(
                DuplicateProposal(case_id=case.id, other_id=other.id, distance_m=metres, created_at=work.now)
            )
        _hold(work, case, "possible_duplicate", f"可能与 {numbers} 重复，由县河长办核对。")
        return
    if report.forward_released_at is None:
        _hold(work, case, "sensitive", "敏感问题的保密或匿名举报，由县河长办先行审核再转办。")
    elif decision.lead is None:
        _hold(work, case, "no_unit", decision.reason)
    else:
        # The other units that hold the place, and the departments that the kind of report calls in.
        helpers = [*decision.assisting, *decision.departments]
        form = {"unit": decision.lead, "assisting": helpers, "reason": decision.reason}
        states.act(work, case.id, "assign", form)
    if emergency.declared_by_itself(work, case) is not None:
        work.defer("declare_emergency", case.id)


def _hold(work: Work, case: Case, why: str, reason: str) -> None:
    if case.routing_reason != reason:
        case.routing_reason = f"{case.routing_reason or ''}{reason}"
    states.act(work, case.id, "hold", {"why": why, "reason": reason})


def find_duplicates(work: Work, case: Case) -> tuple[Case | None, list[tuple[Case, float]]]:
    """Open cases of the same kind, near and recent: one that is certainly the same, and the likely ones.

    One category is searched by one worker at a time, so that two reports of one thing cannot miss each other.
    """
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"duplicates {case.category}"))))
    kind = work.county.category_by_code[case.category]
    reach_deg = kind.duplicate_m / _METRES_PER_DEGREE
    candidates = work.session.scalars(
        select(Case)
        .where(
            Case.category == case.category,
            Case.id != case.id,
            Case.place_from == "given",
            Case.state.in_(states.OPEN[1:]),
            Case.opened_at >= work.now - timedelta(hours=kind.duplicate_hours),
            Case.lat.between(case.lat - reach_deg, case.lat + reach_deg),
            Case.lon.between(case.lon - 2 * reach_deg, case.lon + 2 * reach_deg),
        )
        .order_by(Case.opened_at)
        .limit(50)
    )
    certain, likely = None, []
    for other in candidates:
        metres = distance_m(case.lon, case.lat, other.lon, other.lat)
        recent = other.opened_at >= work.now - timedelta(hours=kind.duplicate_certain_hours)
        if metres <= kind.duplicate_certain_m and recent and certain is None:
            certain = other
        elif metres <= kind.duplicate_m:
            likely.append((other, metres))
    return certain, likely[:5]


def get(work: Work, case_id: UUID) -> Case:
    """A case that the actor may see; others do not exist for them."""
    case = work.session.scalar(select(Case).where(Case.id == case_id, visible(work.actor)))
    if case is None:
        raise NotFound("找不到这个案件。")
    return case


def sees(work: Work, case: Case) -> bool:
    """Whether the actor may see this case."""
    return bool(work.session.scalar(select(exists().where(Case.id == case.id, visible(work.actor)))))


def sees_photo(work: Work, photo: Photo, on: Case | None) -> bool:
    """Whether the actor may see a photo of the case `on`: a reporter's own only once what it came with was released."""
    if on is None or not sees(work, on):
        return False
    if photo.report_id is None or work.actor.role == "office":
        return True
    if work.session.get_one(Report, photo.report_id).forward_released_at is None:
        return False
    return photo.supplement_id is None or work.session.get_one(Supplement, photo.supplement_id).released_at is not None


def readable_text(actor: Actor, report: Report) -> dict[str, Any]:
    """What of a report's words this official reads: the office the original, units the forwarded text."""
    if actor.role == "office":
        return {"text": report.text, "forwarded": False}
    if report.forward_released_at is None:
        return {"text": "（举报内容由县河长办审核后转办）", "forwarded": True}
    return {"text": report.forwarded_text, "forwarded": True}


def readable_address(actor: Actor, report: Report) -> str:
    """The place in the reporter's words: units read it masked, and not before they may read what it belongs to."""
    if actor.role == "office":
        return report.address
    return mask(report.address) if report.forward_released_at is not None else ""


def readable_words(work: Work, case: Case, event: CaseEvent, text: str | None) -> str | None:
    """The words of an event. Those of a reporter, units read masked, and not at all where the office reads first."""
    if text is None or work.actor.role == "office" or event.role not in ("resident", "receipt"):
        return text
    kind = work.county.category_by_code.get(case.category)
    sensitive = kind is not None and kind.sensitive
    named = [UUID(report) for report in event.data.get("reports", ())]
    privacies = work.session.scalars(select(Report.privacy).where(Report.id.in_(named)))
    if any(needs_release(privacy, sensitive) for privacy in privacies):
        return "（由县河长办审核后转告）"
    return mask(text)


def readable_data(actor: Actor, event: CaseEvent) -> dict[str, Any]:
    """An event's data as an official reads it: what gave a photo away and who comes to look is for those who verify."""
    if actor.role in OUTSIDE_ROLES:
        return event.data
    return {key: value for key, value in event.data.items() if key not in _FOR_VERIFIERS}


def names_contact(actor: Actor, case: Case, report: Report) -> bool:
    """实名: the lead unit may call the reporter, those who assist not. 保密: nobody below the office, and there only by
    a logged look."""
    return report.privacy == "named" and actor.role in UNIT_ROLES and actor.unit == case.lead_unit


def suggested(work: Work, case: Case) -> dict[str, Any] | None:
    """To the office, while it has to assign: where routing would have sent the case."""
    found = case.routing or {}
    if work.actor.role != "office" or case.state != "triage" or found.get("lead") not in work.county.unit_by_code:
        return None
    return {"unit": found["lead"], "assisting": [*found["assisting"], *found["departments"]]}
