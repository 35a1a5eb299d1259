"""Risk sources 风险源: the register, each source with what hangs on it, and its history."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints

from backend.api.idempotency import once, required_key
from backend.api.schemas import Code, CoordTypeName, Day, Input, Words
from backend.api.versions import seen_version
from backend.county import RiskSource
from backend.domain import inspections, people, risk_alerts, risk_sources
from backend.domain.risk_sources import KINDS, STATUSES, SourceForm, Tally
from backend.models import RiskSourceVersion
from backend.work import Work, unit_of_work

bp = APIBlueprint("risk_sources", __name__, tag="风险源")

Kind = Literal["outfall", "sand_pit", "water_intake", "plant"]
Status = Literal["watched", "closed"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class SourceInput(Input):
    name: Name
    kind: Kind
    unit: Code
    reach: Code | None = None
    lon: float = Field(description="degrees", allow_inf_nan=False)
    lat: float = Field(description="degrees", allow_inf_nan=False)
    coord_type: CoordTypeName
    near_m: float = Field(default=100, gt=0, le=5000, allow_inf_nan=False)
    status: Status = "watched"
    effective_on: Day | None = Field(default=None, description="from this day of Asia/Shanghai on, else today")
    reason: Words


class NewSourceInput(SourceInput):
    code: Code


class SourceQuery(Input):
    kind: Kind | None = None
    status: Status | None = None
    unit: Code | None = None
    reach: Code | None = None
    inspection_overdue: bool = False


class SourceRow(BaseModel):
    code: str
    name: str
    kind: str
    kind_title: str
    status: str
    status_title: str
    unit: str
    unit_name: str
    reach: str | None
    reach_name: str | None
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    near_m: float
    cases: int = Field(description="of those that the reader may see")
    open_cases: int
    recurrences: int
    reports: int
    last_case_at: datetime | None
    inspected_at: datetime | None
    inspection_due_on: date | None
    inspection_overdue: bool


class SourcesOut(BaseModel):
    items: list[SourceRow]


class AlertOut(BaseModel):
    id: UUID
    at: datetime
    cases: int
    days: int


class SourceOut(SourceRow):
    version: int = Field(description="of the newest entry in the register, for If-Match")
    alerts: list[AlertOut]


class VersionOut(BaseModel):
    id: int
    code: str
    effective_on: date
    recorded_at: datetime
    recorded_by_name: str | None = Field(description="none for the county's files")
    origin: str
    reason: str
    name: str
    kind: str
    status: str
    unit: str
    reach: str | None
    near_m: float
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"


class EventOut(BaseModel):
    at: datetime
    kind: str
    role: str
    by_name: str | None
    unit: str | None
    data: dict[str, Any]


class HistoryOut(BaseModel):
    versions: list[VersionOut]
    events: list[EventOut]


class _Looked:
    """What a list of sources shows of each besides the register, read once for all."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.tallies = risk_sources.tallies(work)
        self.inspected = inspections.last_of(work)
        self.since = risk_sources.registered_at(work)

    def row(self, source: RiskSource) -> dict[str, Any]:
        work = self.work
        unit = work.county.unit_by_code.get(source.unit)
        reach = work.county.reach_by_code.get(source.reach or "")
        last = self.inspected.get(source.code)
        due_on = inspections.due_on(work, source, last, self.since.get(source.code, work.now))
        lon, lat = source.geometry["coordinates"]
        return {
            "code": source.code,
            "name": source.name,
            "kind": source.kind,
            "kind_title": KINDS[source.kind],
            "status": source.status,
            "status_title": STATUSES[source.status],
            "unit": source.unit,
            "unit_name": unit.name if unit else source.unit,
            "reach": source.reach,
            "reach_name": reach.name if reach else None,
            "lon": lon,
            "lat": lat,
            "near_m": source.near_m,
            **vars(self.tallies.get(source.code, Tally())),
            "inspected_at": last,
            "inspection_due_on": due_on,
            "inspection_overdue": inspections.overdue(work, due_on),
        }


@bp.get("/risk-sources")
@bp.input(SourceQuery, location="query", arg_name="asked")
@bp.output(SourcesOut)
def listing(asked: SourceQuery) -> Any:
    """The register as it counts today, by code; a county has hundreds, they come in one page."""
    wanted = asked.model_dump(exclude_none=True, exclude={"inspection_overdue"})
    with unit_of_work(g.actor) as work:
        looked = _Looked(work)
        found = [s for s in work.county.risk_sources if all(getattr(s, name) == v for name, v in wanted.items())]
        rows = [looked.row(source) for source in sorted(found, key=lambda s: s.code)]
        return {"items": [row for row in rows if row["inspection_overdue"] or not asked.inspection_overdue]}


@bp.get("/risk-sources/<code>")
@bp.output(SourceOut)
def show(code: str) -> Any:
    """One source. Its cases: GET /cases?risk_source=code."""
    with unit_of_work(g.actor) as work:
        source = risk_sources.get(work, code)
        alerts = [
            {"id": alert.id, "at": alert.at, "cases": len(alert.cases), "days": alert.days}
            for alert in risk_alerts.of_source(work, code)
        ]
        version = risk_sources.versions(work, code)[-1].id
        return {**_Looked(work).row(source), "version": version, "alerts": alerts}


@bp.post("/risk-sources")
@bp.input(NewSourceInput, arg_name="form")
@bp.output(VersionOut, status_code=201)
def register(form: NewSourceInput) -> Any:
    with unit_of_work(g.actor) as work:
        with once(work, "risk_sources.register", required_key(), form.model_dump_json()) as repeat:
            if repeat.outcome is None:
                entered = risk_sources.register(work, form.code, _form(form))
                repeat.outcome = {"version": entered.id}
        return _version(work, work.session.get_one(RiskSourceVersion, repeat.outcome["version"]))


@bp.put("/risk-sources/<code>")
@bp.input(SourceInput, arg_name="form")
@bp.output(VersionOut)
def change(code: str, form: SourceInput) -> Any:
    """The source as it is from a day on, whole; `If-Match` names the newest version that the caller has seen."""
    with unit_of_work(g.actor) as work:
        return _version(work, risk_sources.change(work, code, _form(form), seen_version()))


def _form(form: SourceInput) -> SourceForm:
    return SourceForm(**form.model_dump(exclude={"code"}))


@bp.get("/risk-sources/<code>/history")
@bp.output(HistoryOut)
def history(code: str) -> Any:
    """Every entry in the register, future ones included, and everything that happened, oldest first."""
    with unit_of_work(g.actor) as work:
        entries = risk_sources.versions(work, code)
        if not entries:
            risk_sources.get(work, code)
        events = [
            {
                "at": event.at,
                "kind": event.kind,
                "role": event.role,
                "by_name": people.name_of(work, event.actor),
                "unit": event.unit_code,
                "data": event.data,
            }
            for event in risk_sources.history(work, code)
        ]
        return {"versions": [_version(work, entry) for entry in entries], "events": events}


def _version(work: Work, entry: RiskSourceVersion) -> dict[str, Any]:
    names = ("id", "code", "effective_on", "recorded_at", "origin", "reason", "name", "kind", "status", "reach",
             "near_m", "lon", "lat")  # fmt: skip
    shown = {name: getattr(entry, name) for name in names}
    return {**shown, "unit": entry.unit_code, "recorded_by_name": people.name_of(work, entry.recorded_by)}
