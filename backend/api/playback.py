"""A patrol played back: GeoJSON for the map, GPX for other programs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from backend.domain import patrol_lists, playback
from backend.work import unit_of_work

bp = APIBlueprint("playback", __name__, tag="巡河回放")


_GEOJSON: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "FeatureCollection", "content": {"application/geo+json": {}}}
}
_GPX: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "GPX 1.1", "content": {"application/gpx+xml": {}}}
}


@bp.get("/patrols/<uuid:patrol_id>/track.geojson")
@bp.doc(responses=_GEOJSON)
def as_geojson(patrol_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        seen = playback.of(work, patrol_lists.get(work, patrol_id))
        return playback.geojson(seen), 200, {"Content-Type": "application/geo+json"}


@bp.get("/patrols/<uuid:patrol_id>/track.gpx")
@bp.doc(responses=_GPX)
def as_gpx(patrol_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        seen = playback.of(work, patrol_lists.get(work, patrol_id))
        named = {"Content-Disposition": f'attachment; filename="patrol-{seen.patrol.began_at:%Y%m%d-%H%M}.gpx"'}
        return Response(playback.gpx(seen), content_type="application/gpx+xml", headers=named)
