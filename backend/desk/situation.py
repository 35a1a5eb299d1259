"""The situation 一张图: rivers by state, open cases by urgency, patrols under way, risk sources, who is behind."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import g, jsonify, request, url_for
from pydantic import Field

from backend.api.access import system
from backend.api.ledger import LedgerFilter, filter_of
from backend.api.schemas import Input
from backend.desk import forms, pages
from backend.desk.rows import rows
from backend.domain import ledger, patrol_lists, risk_sources, states
from backend.domain.ledger import Filter
from backend.models import Case
from backend.work import Work, unit_of_work

bp = APIBlueprint("situation", __name__, enable_openapi=False)

MOST = 1500  # cases on one map
SOON = timedelta(hours=48)
REFRESH_S = 30


class SituationQuery(Input):
    category: str | None = Field(default=None, max_length=64)
    river: str | None = Field(default=None, max_length=100)
    unit: str | None = Field(default=None, max_length=64)
    overdue: bool = False
    urgent: bool | None = None
    wall: bool = False


@bp.get("/situation")
def show() -> Any:
    asked = forms.query(SituationQuery)
    with unit_of_work(g.actor) as work:
        found = _open_cases(work, asked)
        late = Counter(row["due"]["holder_name"] for row in rows(work, found) if row["due"] and row["due"]["overdue"])
        county = work.county
        return pages.render(
            "situation.html",
            asked=asked,
            n=sum(count.n for state, count in ledger.counts(work, _wanted(asked)).items() if state in states.OPEN),
            shown=len(found),
            late=late.most_common(12),
            n_late=sum(late.values()),
            patrols=patrol_lists.live(work),
            categories=[(one.code, one.name) for one in county.categories],
            rivers=list(dict.fromkeys(reach.river for reach in county.reaches)),
            units=[(one.code, one.name) for one in county.units if one.kind != "county_office"],
            layers=url_for("desk.situation.layers") + f"?{request.query_string.decode()}",
            tiles=system().settings.tianditu_key,
            refresh=REFRESH_S if asked.wall else 0,
        )


@bp.get("/situation/county.json")
def county() -> Any:
    """Boundaries and rivers, the same for everybody who is let in."""
    with unit_of_work(g.actor) as work:
        names = work.county.unit_by_code
        townships = [_feature(one.geometry, code=one.unit, name=names[one.unit].name) for one in work.county.townships]
        reaches = [_feature(one.geometry, code=one.code, name=one.name, lead=one.lead) for one in work.county.reaches]
    response = jsonify(townships=_collection(townships), reaches=_collection(reaches))
    response.headers["Cache-Control"] = "private, max-age=600"
    return response


@bp.get("/situation/layers.json")
def layers() -> Any:
    """What moves: cases, patrols, risk sources, and how each reach stands."""
    asked = forms.query(SituationQuery)
    with unit_of_work(g.actor) as work:
        found = [{**row, "case": case} for row, case in _with_cases(work, _open_cases(work, asked))]
        tones = {"late": 3, "soon": 2, "busy": 1}
        reaches: dict[str, str] = {}
        for row in found:
            if row["reach"] and tones[row["tone"]] > tones.get(reaches.get(row["reach"], ""), 0):
                reaches[row["reach"]] = row["tone"]
        return jsonify(
            reaches=reaches,
            cases=[
                {"lon": row["case"].lon, "lat": row["case"].lat, "tone": row["tone"], "number": row["number"],
                 "category": row["category_name"], "state": row["state_title"], "unit": row["lead_unit_name"],
                 "due": row["due"] and row["due"]["title"] + row["due"]["words"],
                 "url": url_for("desk.cases.show", case_id=row["id"])}
                for row in found
            ],
            patrols=[
                {"lon": one.patrol.last_lon, "lat": one.patrol.last_lat, "name": one.name, "unit": one.patrol.unit_code}
                for one in patrol_lists.live(work) if one.patrol.last_lon is not None
            ],
            sources=[
                {"lon": one.geometry["coordinates"][0], "lat": one.geometry["coordinates"][1], "name": one.name,
                 "kind": risk_sources.KINDS[one.kind]}
                for one in work.county.risk_sources if one.geometry["type"] == "Point"
            ],
        )  # fmt: skip


def _wanted(asked: SituationQuery) -> Filter:
    """Open cases under these filters, what is due first in front."""
    form = LedgerFilter(**asked.model_dump(exclude={"wall"}))
    return replace(filter_of(form), states=states.OPEN, sort="due")


def _open_cases(work: Work, asked: SituationQuery) -> list[Case]:
    return ledger.page(work, _wanted(asked), None, MOST)[0]


def _with_cases(work: Work, found: list[Case]) -> list[tuple[dict[str, Any], Case]]:
    """Each case as a line with its tone: late, soon (within two days, or urgent) or busy."""
    lines = rows(work, found)
    for row in lines:
        due = row["due"]
        soon = row["urgent"] or (due is not None and due["due_at"] - work.now < SOON)
        row["tone"] = "late" if due is not None and due["overdue"] else "soon" if soon else "busy"
    return list(zip(lines, found, strict=True))


def _feature(geometry: dict[str, Any], **properties: str) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}
