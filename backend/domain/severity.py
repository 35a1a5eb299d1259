"""How grave a case is 严重程度: set by routing or the office, and with it the limits of accepting and rectifying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend.domain import deadlines
from backend.domain.faults import Conflict, Fault
from backend.models import Case

if TYPE_CHECKING:
    from backend.work import Work


def set_level(work: Work, case: Case, code: str) -> None:
    """Set the level of a case whose clocks are yet to be started. Raises Fault for a level the county lacks."""
    if code not in work.county.severity_by_code:
        raise Fault("unknown_severity", "没有这种严重程度，请从列表中选择。", field="severity")
    case.severity = code


def graver(work: Work, one: str, other: str) -> str:
    """The graver of two levels; the county lists them from mild to grave."""
    order = list(work.county.severity_by_code)
    return max(one, other, key=lambda code: order.index(code) if code in order else -1)


def grade(work: Work, case: Case, form: dict[str, Any]) -> dict[str, Any]:
    """Grade 定级 a case at work: the running rectifying clock gets the limit of the new level, less what was used."""
    before = case.severity
    set_level(work, case, form["severity"])
    if case.severity == before:
        raise Conflict("same_severity", "案件已经是这个严重程度。")
    clock = deadlines.regrade(work, case)
    changed = {"rectify_by": clock.due_at} if clock else {}
    return {"severity": case.severity, "before": before, **changed}
