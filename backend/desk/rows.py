"""A case as a line of a list: what the API tells of it, and the words of the clock that runs out first."""

from __future__ import annotations

from typing import Any

from backend.api.cases import show_rows
from backend.desk import pages
from backend.domain import deadlines
from backend.models import Case
from backend.work import Work


def rows(work: Work, found: list[Case]) -> list[dict[str, Any]]:
    """Each case with `due`: the clock that runs out first, in words; None when none runs."""
    return [{**row, "due": due(work, row["clocks"])} for row in show_rows(work, found)]


def due(work: Work, clocks: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A lapsed right to refuse is nobody's delay, and is not told."""
    running = [clock for clock in clocks if clock["kind"] != "refuse"]
    if not running:
        return None
    first = min(running, key=lambda clock: clock["due_at"])
    holder = work.county.unit_by_code.get(first["holder"])
    return {
        **first,
        "title": deadlines.KINDS[first["kind"]],
        "holder_name": holder.name if holder else first["holder"],
        "words": pages.left(first["due_at"], work.now),
    }
