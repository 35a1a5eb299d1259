"""Cases of the ledger that the county kept before 原台账, put on this one as they stand there.

What is over enters as over, with an event that says so. What is open gets its clocks with the deadlines of the file:
the days up to now are one stretch, charged to who had the case then; the stretch that runs begins now.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from uuid6 import uuid7

from backend.clock import end_of_day
from backend.domain import deadlines, routing
from backend.domain.deadlines import Reckoned
from backend.domain.masking import mask
from backend.domain.named_places import NamedPlace, Standing, standing_for
from backend.domain.places import places_of
from backend.domain.states import Brought
from backend.geo import CoordType, to_wgs84
from backend.models import Assignment, Case, Clock, Report
from backend.rules.imports import OldState

if TYPE_CHECKING:
    from backend.work import Work

SOURCE = "imported"
REASON = "原台账导入"
# The file has days and no hours: what was found came in the morning, what was done was done by noon.
_MORNING, _NOON = "09:00:00", "12:00:00"
_WITH_A_UNIT: tuple[OldState, ...] = ("assigned", "accepted", "rectifying", "in_review", "closed", "archived")
_OVER: tuple[OldState, ...] = ("closed", "archived", "rejected")


class OldCase(BaseModel):
    """One checked row. `number` is the old one; codes are the county's; days are those of the file."""

    model_config = ConfigDict(frozen=True)

    number: str
    text: str
    category: str
    state: OldState
    opened_on: date
    severity: str | None = None
    source_words: str = ""
    state_words: str = ""
    address: str = ""
    lon: float | None = None
    lat: float | None = None
    coord_type: CoordType | None = None
    reach: str | None = None
    township: str | None = None
    lead_unit: str | None = None
    assisting: tuple[str, ...] = ()
    person: str = ""
    assigned_on: date | None = None
    accepted_on: date | None = None
    started_on: date | None = None
    due_on: date | None = None
    extended_on: date | None = None
    asked_on: date | None = None
    closed_on: date | None = None
    measure: str = ""
    result: str = ""
    note: str = ""

    @property
    def present_due_on(self) -> date | None:
        return self.extended_on or self.due_on


def brought(work: Work, old: OldCase, batch: UUID, sheet: str, line: int) -> Brought:
    """The case with its report, assignments and clocks, and what the event of its import says."""
    standing = _standing(work, old)
    case = Case(
        id=uuid7(),
        source=SOURCE,
        source_number=old.number,
        category=old.category,
        urgent=work.county.category_by_code[old.category].urgent and old.state not in _OVER,
        severity=old.severity or next(iter(work.county.severity_by_code)),
        lon=standing.lon,
        lat=standing.lat,
        place_from=standing.place_from,
        reach=old.reach,
        opened_at=end_of_day(old.opened_on, _MORNING),
        closed_at=end_of_day(old.closed_on, _NOON) if old.closed_on and old.state in _OVER else None,
        lead_unit=old.lead_unit if old.state in _WITH_A_UNIT else None,
        ever_assigned=old.lead_unit is not None,
        routing=_routing(work, old),
        routing_reason=f"{REASON}，按原台账登记的单位办理。",
    )
    beside = (*_assignments(old, case), *_clocks(work, old, case))
    told = _told(old, batch, sheet, line)
    return Brought(case, _report(work, old, case), old.state, told, _words(old), beside)


def _routing(work: Work, old: OldCase) -> dict[str, Any]:
    """What the place that the file names says, in the shape in which routing writes it."""
    category = work.county.category_by_code[old.category]
    decision = routing.decide_named(places_of(work.county), NamedPlace(old.reach, old.township), category)
    return {**asdict(decision), "county_version": work.county_version}


def _told(old: OldCase, batch: UUID, sheet: str, line: int) -> dict[str, Any]:
    """What the event says; no words of people, those enter by digest."""
    dates = {
        name: getattr(old, f"{name}_on")
        for name in ("opened", "assigned", "accepted", "started", "due", "extended", "asked", "closed")
        if getattr(old, f"{name}_on") is not None
    }
    return {
        "import": batch, "sheet": sheet, "line": line, "number": old.number, "dates": dates, "unit": old.lead_unit,
        "assisting": list(old.assisting),
    }  # fmt: skip


def _words(old: OldCase) -> str | None:
    said = (
        ("原来源", old.source_words), ("原状态", old.state_words), ("责任人", old.person), ("整改措施", old.measure),
        ("整改结果", old.result), ("备注", old.note),
    )  # fmt: skip
    return "\n".join(f"{name}：{words}" for name, words in said if words) or None


def _standing(work: Work, old: OldCase) -> Standing:
    if old.lon is not None and old.lat is not None and old.coord_type is not None:
        return Standing(*to_wgs84(old.lon, old.lat, old.coord_type), "given")
    return standing_for(work.county, NamedPlace(old.reach, old.township))


def _report(work: Work, old: OldCase, case: Case) -> Report:
    return Report(
        id=uuid7(),
        source=SOURCE,
        category=case.category,
        text=old.text,
        forwarded_text=mask(old.text),
        forward_released_at=work.now,
        lon=case.lon,
        lat=case.lat,
        coord_type=old.coord_type or "wgs84",
        address=old.address,
        observed_at=case.opened_at,
        submitted_at=case.opened_at,
        privacy="named",
        receipt_hash=work.vault.digest("receipt", uuid.uuid4().hex),
        extra={"reach": old.reach, "township": old.township},
    )


def _assignments(old: OldCase, case: Case) -> Iterator[Assignment]:
    if case.lead_unit is None:
        return
    opened_at = _at(old.assigned_on) or case.opened_at
    accepted_at = _at(old.accepted_on) if old.accepted_on else opened_at if old.state != "assigned" else None
    common = {"case_id": case.id, "reason": REASON, "opened_at": opened_at}
    yield Assignment(**common, unit_code=case.lead_unit, accepted_at=accepted_at)
    for unit in old.assisting:
        if unit != case.lead_unit:  # they have known of it for long: nothing to acknowledge
            yield Assignment(**common, unit_code=unit, part="assist", acknowledged_at=opened_at)


def _at(day: date | None) -> datetime | None:
    return end_of_day(day, _MORNING) if day is not None else None


def _clocks(work: Work, old: OldCase, case: Case) -> Iterator[Clock]:
    due_at = deadlines.moment(work, old.present_due_on) if old.present_due_on else None
    case.first_rectify_by = deadlines.moment(work, old.due_on) if old.due_on else due_at
    if old.state == "triage":
        case.ordered_by, case.first_rectify_by = due_at, None
        yield deadlines.begun(work, case, "triage", work.county.office)
        return
    if case.lead_unit is None:
        return
    began = _at(old.assigned_on) or case.opened_at
    running = old.state in ("assigned", "accepted", "rectifying")
    if due_at is not None:
        asked_on = old.asked_on or old.closed_on
        asked_at = end_of_day(asked_on, _NOON) if asked_on else min(due_at, work.now)
        ended = work.now if running else asked_at
        yield _stretch(case, began, max(ended, began), due_at)
    if old.state == "assigned":
        yield deadlines.begun(work, case, "accept", case.lead_unit)
        yield deadlines.begun(work, case, "refuse", case.lead_unit)
    if running:
        goes_on = Reckoned(due_at, set_by=SOURCE) if due_at else None
        clock = deadlines.begun(work, case, "rectify", case.lead_unit, goes_on)
        case.first_rectify_by = case.first_rectify_by or clock.due_at
        yield clock
    elif old.state == "in_review":
        yield deadlines.begun(work, case, "review", work.county.office)


def _stretch(case: Case, began: datetime, ended: datetime, due_at: datetime) -> Clock:
    """The days that the unit has used before this ledger knew of the case."""
    if ended <= began:
        ended = began + timedelta(seconds=1)
    return Clock(
        case_id=case.id, kind="rectify", holder=case.lead_unit, started_at=began, stopped_at=ended, due_at=due_at,
        set_by=SOURCE,
    )  # fmt: skip
