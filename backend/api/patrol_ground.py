"""The ground of a chief's patrols, for the phone to keep: reaches, checkpoints, and what makes a patrol valid."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, ConfigDict, Field

from backend.domain import patrol_ground
from backend.domain.actors import ROLE_NAMES
from backend.domain.checkpoints import KINDS
from backend.domain.patrol_ground import RoleGround
from backend.work import Work, unit_of_work

bp = APIBlueprint("patrol_ground", __name__, tag="巡河")


class NeededOut(BaseModel):
    """What a patrol must reach to be valid; zero asks for nothing."""

    model_config = ConfigDict(from_attributes=True)

    scope: Literal["patrol", "reach"]
    min_minutes: float
    min_moving_minutes: float
    min_metres: float = Field(description="along the river")
    min_coverage: float
    min_checkpoints: float
    from_hour: str
    to_hour: str
    settled_counts: bool = Field(description="a problem settled on the spot stands for minutes, metres and coverage")


class ReachOfRoleOut(BaseModel):
    reach: str
    needed: NeededOut | None


class RoleGroundOut(BaseModel):
    role_id: UUID
    role: str
    title: str
    unit: str
    unit_name: str
    reaches: list[ReachOfRoleOut]


class PlaceToVisitOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    kind: str
    kind_title: str
    lon: float
    lat: float
    near_m: float


class ReachGroundOut(BaseModel):
    code: str
    name: str
    river: str
    line: list[tuple[float, float]] = Field(description="longitude, latitude; downstream")
    coord_type: Literal["wgs84"] = "wgs84"
    corridor_m: float = Field(description="how far from the line a walker is still at this reach")
    checkpoints: list[PlaceToVisitOut]


class GroundOut(BaseModel):
    person: UUID | None
    roles: list[RoleGroundOut]
    reaches: list[ReachGroundOut]


@bp.get("/patrols/ground")
@bp.output(GroundOut)
def show() -> Any:
    """All that a phone needs to start and walk a patrol without signal."""
    with unit_of_work(g.actor) as work:
        roles, reaches = patrol_ground.of(work)
        return {
            "person": work.actor.person_id,
            "roles": [_role(work, one) for one in roles],
            "reaches": [
                {
                    "code": one.reach.code,
                    "name": one.reach.name,
                    "river": one.reach.river,
                    "line": one.line,
                    "corridor_m": one.corridor_m,
                    "checkpoints": [{**vars(place), "kind_title": KINDS[place.kind]} for place in one.checkpoints],
                }
                for one in reaches
            ],
        }


def _role(work: Work, one: RoleGround) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(one.role.unit_code)
    return {
        "role_id": one.role.id,
        "role": one.role.role,
        "title": ROLE_NAMES[one.role.role],
        "unit": one.role.unit_code,
        "unit_name": unit.name if unit else one.role.unit_code,
        "reaches": [{"reach": code, "needed": needed} for code, needed in one.reaches],
    }
