"""What each action of the table in states.py does besides changing the state. Returns the event's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import or_, select, update

from backend.clock import shanghai_day
from backend.domain import (
    assistance,
    deadlines,
    emergency,
    events,
    evidence,
    follow_ups,
    photos,
    placement,
    reporters,
    severity,
    supervision,
    units,
)
from backend.domain.faults import Conflict, Fault
from backend.domain.photos import PhotoRef
from backend.models import Assignment, Case, DuplicateProposal, Finding, Photo, Report

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]

_PURPOSES: dict[evidence.Stage, str] = {
    "closure": "evidence", "verification": "verification", "follow_up": "follow_up",
}  # fmt: skip
_OPEN_LEAD = (Assignment.part == "lead", Assignment.ended_at.is_(None))
# The states in which a case is being dealt with; others can be merged into it then.
OPEN = ("submitted", "triage", "assigned", "accepted", "rectifying", "in_review")


def assign(work: Work, case: Case, form: Form) -> Data:
    """Open an assignment to `form["unit"]`, end the old one, start its clocks; the first starts the rectifying."""
    unit = _answering(work, form["unit"])
    if unit not in work.county.unit_by_code or work.county.unit_by_code[unit].kind == "county_office":
        raise Fault("unknown_unit", "没有这个主办单位，请从列表中选择乡镇或部门。", field="unit")
    if form.get("severity"):
        severity.set_level(work, case, form["severity"])
    assisting = assistance.check(work, form.get("assisting") or [], unit)
    helping = {*assisting, *emergency.called(work, case)} - {unit}
    staying = [code for code in assistance.units(work, case) if code in helping]
    _end_assignments(work, case, "reassigned" if case.lead_unit else "assigned", staying)
    deadlines.stop(work, case, "triage", "refuse", "accept")
    _open_assignments(work, case, unit, [code for code in assisting if code not in staying], form["reason"])
    deadlines.start(work, case, "accept", unit)
    if not case.ruled:
        deadlines.start(work, case, "refuse", unit)
    deadlines.hand_over_rectify(work, case, unit)
    if form.get("severity"):
        deadlines.regrade(work, case)
    if work.actor.role == "office":
        _release(work, case, form.get("forwarded_text"))
    return {"unit": unit, "assisting": assisting}


def _open_assignments(work: Work, case: Case, unit: str, assisting: Iterable[str], reason: str) -> None:
    work.session.add(Assignment(case_id=case.id, unit_code=unit, ruled=case.ruled, reason=reason, opened_at=work.now))
    assistance.open_for(work, case, assisting, reason)
    case.lead_unit = unit
    case.ever_assigned = True


def _answering(work: Work, unit: str) -> str:
    """The unit that answers for this one today. Whoever chooses by hand is told when it is another."""
    now = units.successor(work, unit)
    if now != unit and work.actor.role != "routing":
        names = units.name(work, unit), units.name(work, now)
        raise Fault("unit_succeeded", f"{names[0]}已经移交给{names[1]}，请选择{names[1]}。", field="unit")
    return now


def _release(work: Work, case: Case, forwarded_text: str | None) -> None:
    """The office, by assigning, lets the units read the forwarded text 转办, perhaps after mending it."""
    for report in work.session.scalars(
        select(Report).where(Report.case_id == case.id, Report.forward_released_at.is_(None))
    ):
        report.forward_released_at = work.now
        for added in report.supplements:
            added.released_at = added.released_at or work.now
        if forwarded_text:
            report.forwarded_text = forwarded_text


def _end_assignments(work: Work, case: Case, how: str, staying: Sequence[str] = ()) -> None:
    """End what is open; the assisting units that are `staying` have acknowledged and need not do so again."""
    work.session.execute(
        update(Assignment)
        .where(Assignment.case_id == case.id, Assignment.ended_at.is_(None))
        .where(or_(Assignment.part == "lead", Assignment.unit_code.not_in(staying)))
        .values(ended_at=work.now, ended_by=how)
    )


def hold(work: Work, case: Case, form: Form) -> Data:
    deadlines.start(work, case, "triage", work.county.office)
    return {"why": form["why"]}


def rule(work: Work, case: Case, form: Form) -> Data:
    """A ruling cannot be refused; it may set a later end of the rectifying, the first one stays visible."""
    case.ruled = True
    data = assign(work, case, form)
    clock = deadlines.running(work, case, "rectify")
    if form.get("rectify_by") is None or clock is None:
        return data
    before = deadlines.postpone(work, clock, form["rectify_by"], "ruling")
    return {**data, "rectify_by": clock.due_at, "rectify_by_before": before}


def return_(work: Work, case: Case, form: Form) -> Data:
    unit = case.lead_unit
    case.refusals += 1
    _end_assignments(work, case, "returned", sorted(emergency.called(work, case)))
    deadlines.stop(work, case, "refuse", "accept")
    deadlines.hand_over_rectify(work, case, work.county.office)
    case.lead_unit = None
    deadlines.start(work, case, "triage", work.county.office)
    return {"unit": unit}


def end(work: Work, case: Case, form: Form) -> Data:
    """Rejection and transfer: nobody holds the case any more."""
    _end_assignments(work, case, "ended")
    deadlines.stop_all(work, case)
    case.closed_at = work.now
    case.lead_unit = None
    return {"body": form["body"]} if form.get("body") else {}


def appeal(work: Work, case: Case, form: Form) -> Data:
    case.appealed = True
    case.closed_at = None
    deadlines.start(work, case, "triage", work.county.office)
    return reporters.appeal(work, case)


def merge(work: Work, case: Case, form: Form) -> Data:
    """Join this case to an open one; its reports, and so its reporters, follow the target."""
    # As it is now that it is locked, not as routing saw it when it looked for duplicates.
    target = work.session.get(Case, UUID(str(form["target"])), with_for_update=True, populate_existing=True)
    if target is None or target.id == case.id or target.state not in OPEN:
        raise Conflict("target_not_open", "要并入的案件不存在或已办结，请重新选择。")
    _end_assignments(work, case, "merged")
    deadlines.stop_all(work, case)
    case.merged_into_id = target.id
    case.lead_unit = None
    moved = list(work.session.scalars(select(Report.id).where(Report.case_id == case.id)))
    work.session.execute(update(Report).where(Report.case_id == case.id).values(case_id=target.id))
    _forget_proposals(work, case)
    events.append(work, target, "join", target.state, {"case": case.id, "reports": moved})
    return {"target": target.id, "reports": moved}


def _forget_proposals(work: Work, case: Case) -> None:
    for proposal in work.session.scalars(select(DuplicateProposal).where(DuplicateProposal.case_id == case.id)):
        work.session.delete(proposal)


def split(work: Work, case: Case, form: Form) -> Data:
    """Undo a merge: the reports that came with this case come back, and the office assigns anew."""
    from backend.models import CaseEvent  # events are only read here

    merged = work.session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.action == "merge")
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    ).one()
    report_ids = [UUID(r) for r in merged.data["reports"]]
    # Where they are now: the target may have been merged further, or have been split off with them, and one that came
    # to this case by an earlier merge may have been split off already and is then left where it is.
    came = [Report.id.in_(report_ids), Report.case_id.in_(_merged_into(work, case))]
    left: dict[UUID, list[UUID]] = {}
    for report_id, holder_id in work.session.execute(select(Report.id, Report.case_id).where(*came)):
        left.setdefault(holder_id, []).append(report_id)
    work.session.execute(update(Report).where(*came).values(case_id=case.id))
    for holder in work.session.scalars(select(Case).where(Case.id.in_(left)).order_by(Case.id).with_for_update()):
        events.append(work, holder, "leave", holder.state, {"case": case.id, "reports": left[holder.id]})
    case.merged_into_id = None
    deadlines.start(work, case, "triage", work.county.office)
    return {"reports": [report_id for reports in left.values() for report_id in reports]}


def _merged_into(work: Work, case: Case) -> list[UUID]:
    """The cases that this one was merged into, one after the other."""
    found: list[UUID] = []
    here: Case | None = case
    while here is not None and here.merged_into_id is not None and here.merged_into_id not in found:
        found.append(here.merged_into_id)
        here = work.session.get(Case, here.merged_into_id)
    return found


def order(work: Work, case: Case, form: Form) -> Data:
    """What the source of the case orders, from now on; the earlier of it and the rules rules the rectifying."""
    before = case.ordered_by
    clock = deadlines.order(work, case, form["ordered_by"])
    changed = {"rectify_by": clock.due_at} if clock else {}
    return {"ordered_by": case.ordered_by, "ordered_by_before": before, **changed}


def accept(work: Work, case: Case, form: Form) -> Data:
    deadlines.stop(work, case, "accept", "refuse")
    work.session.execute(
        update(Assignment).where(Assignment.case_id == case.id, *_OPEN_LEAD).values(accepted_at=work.now)
    )
    return {}


def start(work: Work, case: Case, form: Form) -> Data:
    planned = form["date"]
    if isinstance(planned, date) and planned < shanghai_day(work.now):
        raise Fault("date_past", "计划完成日期不能早于今天。", field="date")
    return {"person": form["person"], "date": str(planned)}


def settle_on_spot(work: Work, case: Case, form: Form) -> Data:
    placement.locate(work, case)
    deadlines.start(work, case, "review", work.county.office)
    return _photos(work, case, form, "closure")


def request_closure(work: Work, case: Case, form: Form) -> Data:
    deadlines.stop(work, case, "rectify")
    deadlines.start(work, case, "review", work.county.office)
    return _photos(work, case, form, "closure")


def send_back(work: Work, case: Case, form: Form) -> Data:
    deadlines.stop(work, case, "review")
    case.rounds += 1
    if case.lead_unit is not None:
        deadlines.resume_rectify(work, case, case.lead_unit)
        return {"round": case.rounds, **evidence.settle(work, case)}
    return {"round": case.rounds, **evidence.settle(work, case), **_give_to_somebody(work, case)}


def _give_to_somebody(work: Work, case: Case) -> Data:
    """What a chief settled on the spot was never assigned: not settled after all, it goes to whom its place names.

    Where the place names nobody the office holds the clock, and assigns by hand.
    """
    if case.routing is None:
        placement.locate(work, case)
    decided = case.routing or {}
    lead = units.successor(work, decided["lead"]) if decided.get("lead") else None
    assisting = decided.get("assisting", [])
    if lead not in work.county.unit_by_code:
        deadlines.hand_over_rectify(work, case, work.county.office)
        return {}
    _open_assignments(work, case, lead, assisting, decided["reason"])
    deadlines.hand_over_rectify(work, case, lead)
    return {"unit": lead, "assisting": assisting}


def verify(work: Work, case: Case, form: Form) -> Data:
    """Somebody has been there; of what was settled on the spot it is noted that it was seen."""
    unseen = select(Finding).where(Finding.case_id == case.id, Finding.verified_at.is_(None))
    for finding in work.session.scalars(unseen):
        finding.verified_at, finding.verified_by = work.now, work.actor.label
    return _photos(work, case, form, "verification")


def close(work: Work, case: Case, form: Form) -> Data:
    deadlines.stop_all(work, case)
    case.closed_at = work.now
    return {**evidence.settle(work, case), **follow_ups.plan_by_rule(work, case)}


def dispute(work: Work, case: Case, form: Form) -> Data:
    case.disputed = True
    return {**reporters.dispute(work, case), **follow_ups.plan_after_dispute(work, case)}


def pass_follow_up(work: Work, case: Case, form: Form) -> Data:
    return {**_photos(work, case, form, "follow_up"), **follow_ups.carry_out(work, case, form, "passed")}


def fail_follow_up(work: Work, case: Case, form: Form) -> Data:
    """The case comes back 反弹 with all its history; the unit that has it gets a new rectifying clock."""
    data = {**_photos(work, case, form, "follow_up"), **follow_ups.carry_out(work, case, form, "failed")}
    case.closed_at = None
    case.recurrences += 1
    moved = _give_to_successors(work, case)
    if work.county.rules.supervision.supervise_failed_follow_up:
        supervision.open(work, case, "failed_follow_up")
    if case.lead_unit is None:
        return {**data, **_give_to_somebody(work, case)}
    deadlines.start(work, case, "rectify", case.lead_unit)
    return {**data, **moved}


def _give_to_successors(work: Work, case: Case) -> Data:
    """A case that comes back after a unit of it was dissolved goes to the unit that answers for it now."""
    lead = case.lead_unit
    if lead is None:
        return {}
    now = units.successor(work, lead)
    assistance.pass_on(work, case, now)
    if now == lead:
        return {}
    held = work.session.scalars(select(Assignment).where(Assignment.case_id == case.id, *_OPEN_LEAD)).one()
    held.ended_at, held.ended_by = work.now, "handed_over"
    work.session.flush()
    _open_assignments(work, case, now, [], f"接替{units.name(work, lead)}。")
    return {"unit": now}


def archive(work: Work, case: Case, form: Form) -> Data:
    return {}


def _photos(work: Work, case: Case, form: Form, stage: evidence.Stage) -> Data:
    """Attach what the form brings and examine it. What the event says of each photo, and what is odd about them."""
    taken = [photos.attach_evidence(work, ref, case, _PURPOSES[stage]) for ref in form["photos"]]
    before = [_before(work, ref, case) for ref in form.get("photos_before") or []]
    said: Data = {"photos": [_said(photo) for photo in taken]}
    if before:
        said["photos_before"] = [_said(photo) for photo in before]
    flags = evidence.examine(work, case, stage, taken, before)
    return {**said, "flags": flags} if flags else said


def _before(work: Work, ref: PhotoRef | Photo, case: Case) -> Photo:
    """A photo of the problem, which may belong to the report already."""
    if isinstance(ref, Photo) and ref.report_id is not None:
        return ref
    return photos.attach_evidence(work, ref, case, "before")


def _said(photo: Photo) -> Data:
    return {"id": photo.id, "sha256": photo.sha256}
