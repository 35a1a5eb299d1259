"""Cases hang on risk sources 风险源: set by routing, changed by the office, with an event of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from backend.domain.faults import Conflict, Fault
from backend.models import Case

if TYPE_CHECKING:
    from backend.work import Work


def hang(work: Work, case: Case, code: str | None) -> None:
    """Hang the case on the source that its place names, and have somebody look whether that is one too many."""
    case.risk_source = code
    if code is not None:
        work.defer("watch_risk_source", case.id)


def recurrent(work: Work, case: Case) -> bool:
    """Whether the case came back before, or another one at its source did."""
    if case.recurrences or case.risk_source is None:
        return case.recurrences > 0
    other = select(Case.id).where(Case.risk_source == case.risk_source, Case.recurrences > 0).limit(1)
    return work.session.scalar(other) is not None


# ---- guards and effects of the table in states.py --------------------------------------------------------------------


def linked(work: Work, case: Case, *_: Any) -> Fault | None:
    return None if case.risk_source else Conflict("not_linked", "案件没有关联风险源。")


def link(work: Work, case: Case, form: dict[str, Any]) -> dict[str, Any]:
    """Hang a case on a source where routing did not, or on another."""
    code = form["risk_source"]
    if code not in work.county.risk_source_by_code:
        raise Fault("unknown_risk_source", "没有这个风险源，请从列表中选择。", field="risk_source")
    before = case.risk_source
    if before == code:
        raise Conflict("linked_already", "案件已经关联到这个风险源。")
    hang(work, case, code)
    return {"risk_source": code, "before": before}


def unlink(work: Work, case: Case, form: dict[str, Any]) -> dict[str, Any]:
    before, case.risk_source = case.risk_source, None
    return {"risk_source": None, "before": before}
