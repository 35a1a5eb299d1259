"""Set-up: what the county has to have in place, how it stands, and where each is put right."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import g

from backend import calendar_check
from backend.clock import shanghai_day
from backend.desk import pages
from backend.domain import county_changes, imports, roster
from backend.work import unit_of_work

bp = APIBlueprint("setup", __name__, enable_openapi=False)


@bp.get("/setup")
def show() -> Any:
    with unit_of_work(g.actor) as work:
        versions = county_changes.versions(work, 20)
        last = next(iter(imports.listing(work, None, 1)), None)
        return pages.render(
            "setup.html",
            in_force=next((one for one in versions if one.id == work.county_version), None),
            coming=[one for one in versions if one.effective_on > shanghai_day(work.now)],
            people=roster.counts(work),
            boards=len(work.county.rules.patrol.boards),
            years=work.county.calendar.years,
            warnings=calendar_check.warnings(work.county.calendar, shanghai_day(work.now)),
            last=last,
            last_state=imports.STATES[last.state] if last else "",
        )
