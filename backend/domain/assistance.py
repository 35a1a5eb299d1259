"""Assistance 协办: units that acknowledge and add to the record of another unit's case, and decide nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select

from backend.domain import photos
from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault
from backend.domain.units import successor
from backend.models import Assignment, Case

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]


def _open(case: Case) -> tuple[Any, ...]:
    return Assignment.case_id == case.id, Assignment.part == "assist", Assignment.ended_at.is_(None)


def assists(work: Work, case: Case, unit: str | None) -> bool:
    """Whether this unit assists with the case now."""
    return bool(work.session.scalar(select(exists().where(*_open(case), Assignment.unit_code == unit))))


def units(work: Work, case: Case) -> dict[str, Assignment]:
    """The open assisting assignments of a case by unit."""
    found = work.session.scalars(select(Assignment).where(*_open(case)).order_by(Assignment.id))
    return {assignment.unit_code: assignment for assignment in found}


def check(work: Work, codes: list[str], lead: str | None) -> list[str]:
    """The units of a form, each once, without the lead unit. Raises Fault for one that cannot assist."""
    codes = [successor(work, code) for code in codes]
    for code in codes:
        unit = work.county.unit_by_code.get(code)
        if unit is None or unit.kind == "county_office":
            raise Fault("unknown_unit", "没有这个协办单位，请从列表中选择。", field="assisting")
    return [code for code in dict.fromkeys(codes) if code != lead]


def open_for(work: Work, case: Case, codes: Iterable[str], reason: str) -> None:
    """Open an assignment for each unit, which has to acknowledge it."""
    work.session.add_all(
        Assignment(case_id=case.id, unit_code=code, part="assist", reason=reason, opened_at=work.now) for code in codes
    )
    work.session.flush()


def pass_on(work: Work, case: Case, lead: str) -> None:
    """Assisting units that were dissolved are followed by those that answer for them; the lead unit needs no help."""
    for code, held in units(work, case).items():
        now = successor(work, code)
        if now == code != lead:
            continue
        held.ended_at, held.ended_by = work.now, "handed_over"
        work.session.flush()
        if now != lead and now not in units(work, case):
            open_for(work, case, [now], held.reason)


# ---- guards and effects of the table in states.py --------------------------------------------------------------------


def not_acknowledged(work: Work, case: Case, actor: Actor) -> Fault | None:
    mine = units(work, case).get(actor.unit or "")
    if mine is not None and mine.acknowledged_at is not None:
        return Conflict("acknowledged_before", "本单位已经确认过协办。")
    return None


def assisted(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if units(work, case) else Conflict("not_assisted", "这个案件没有协办单位。")


def acknowledge(work: Work, case: Case, form: Form) -> Data:
    """The unit knows that it assists: said by somebody of it, or seen from what it adds."""
    mine = units(work, case).get(work.actor.unit or "")
    if mine is not None and mine.acknowledged_at is None:
        mine.acknowledged_at = work.now
    return {}


def note(work: Work, case: Case, form: Form) -> Data:
    """Words and photos for the record. Whoever adds as an assisting unit has acknowledged by that."""
    acknowledge(work, case, form)
    taken = [photos.attach_evidence(work, ref, case, "note") for ref in form.get("photos") or []]
    return {"photos": [{"id": photo.id, "sha256": photo.sha256} for photo in taken]}


def add(work: Work, case: Case, form: Form) -> Data:
    new = [code for code in check(work, form["assisting"], case.lead_unit) if code not in units(work, case)]
    if not new:
        raise Conflict("assists_already", "所选单位已经在主办或协办这个案件。")
    open_for(work, case, new, form["reason"])
    return {"assisting": new}


def release(work: Work, case: Case, form: Form) -> Data:
    helping = units(work, case)
    gone = list(dict.fromkeys(form["assisting"]))
    if not set(gone) <= helping.keys():
        raise Conflict("not_assisting", "所选单位没有在协办这个案件，请刷新后再操作。")
    for code in gone:
        helping[code].ended_at, helping[code].ended_by = work.now, "released"
    return {"assisting": gone}
