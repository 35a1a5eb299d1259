"""Units as the ledger knows them: also those that the county has no more, and who answers for them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import distinct, func, select

from backend.models import Assignment, Case, Handover, Unit

if TYPE_CHECKING:
    from backend.work import Work

OFFICE_KIND = "county_office"


def name(work: Work, code: str) -> str:
    """The name of a unit, also of one that the county has no more."""
    known = work.county.unit_by_code.get(code)
    if known is not None:
        return known.name
    former = work.session.get(Unit, code)
    return former.name if former else code


def successor(work: Work, code: str) -> str:
    """The unit that answers today for what this one answered for: itself, or the last that it was handed over to."""
    seen: set[str] = set()
    while code not in seen:
        seen.add(code)
        to_unit = select(Handover.to_unit).where(Handover.kind == "unit", Handover.from_unit == code)
        code = work.session.scalar(to_unit.order_by(Handover.id.desc()).limit(1)) or code
    return code


def stranded(work: Work, states: tuple[str, ...]) -> list[tuple[Unit, int]]:
    """Units that the county has no more and that still hold cases in these states, with how many."""
    held = (
        select(Assignment.unit_code, func.count(distinct(Case.id)))
        .join(Case, Case.id == Assignment.case_id)
        .where(Assignment.ended_at.is_(None), Case.state.in_(states))
        .where(Assignment.unit_code.not_in(list(work.county.unit_by_code)))
        .group_by(Assignment.unit_code)
        .order_by(Assignment.unit_code)
    )
    return [(work.session.get_one(Unit, code), n) for code, n in work.session.execute(held)]
