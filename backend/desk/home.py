"""The first page: how many cases stand where, and what runs out first."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import g

from backend.desk import pages
from backend.desk.rows import rows
from backend.domain import ledger, report_surges, states
from backend.domain.ledger import Filter
from backend.work import unit_of_work

bp = APIBlueprint("home", __name__, enable_openapi=False)

_SHOWN = 12


@bp.get("/")
def show() -> Any:
    with unit_of_work(g.actor) as work:
        counts = ledger.counts(work, Filter())
        late, more = ledger.page(work, Filter(overdue=True, sort="due"), None, _SHOWN)
        due, _ = ledger.page(work, Filter(sort="due"), None, _SHOWN * 2)
        soon = [case for case in due if case not in late][:_SHOWN]
        return pages.render(
            "home.html",
            counts=[(state, states.STATES[state], count) for state, count in counts.items() if state in states.OPEN],
            surges=[
                {
                    "at": one.at,
                    "unit": one.unit_code,
                    "name": work.county.unit_by_code[one.unit_code].name,
                    "words": report_surges.words(one),
                }
                for one in report_surges.recent(work)
                if one.unit_code in work.county.unit_by_code
            ],
            late=rows(work, late),
            more_late=more is not None,
            soon=rows(work, soon),
        )
