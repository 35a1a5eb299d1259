"""What a case's place says of it: reach, risk source, who answers. Written on the case once, kept as it was given."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.domain import risk_links, routing, severity
from backend.domain.named_places import NamedPlace
from backend.domain.places import places_of
from backend.models import Case, Report

if TYPE_CHECKING:
    from backend.work import Work


def locate(work: Work, case: Case) -> routing.Decision:
    """Decide by the case's point, or the place it names, who answers for it; write that on the case, assign nothing."""
    category, places = work.county.category_by_code[case.category], places_of(work.county)
    first = select(Report.accuracy_m, Report.extra).where(Report.case_id == case.id).order_by(Report.id).limit(1)
    accuracy_m, extra = work.session.execute(first).one()
    if case.place_from == "given":
        decision = routing.decide(places, case.lon, case.lat, accuracy_m, category)
    else:
        named = NamedPlace(reach=extra.get("reach"), township=extra.get("township"))
        decision = routing.decide_named(places, named, category)
    case.reach = decision.reach
    risk_links.hang(work, case, case.risk_source or decision.risk_source)
    case.outside_county = decision.outcome == "outside_county"
    case.urgent = case.urgent or decision.near_intake
    if decision.near_intake and work.county.limits.intake_severity is not None:
        case.severity = severity.graver(work, case.severity, work.county.limits.intake_severity)
    case.routing_reason = decision.reason
    case.routing = {**asdict(decision), "county_version": work.county_version}
    return decision
