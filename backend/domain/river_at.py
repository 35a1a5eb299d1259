"""Where a case lies at its river: the line of the reach, the bank, whose each bank is; for the map of whoever goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely
from shapely.geometry import shape

from backend.domain.places import places_of

if TYPE_CHECKING:
    from backend.models import Case
    from backend.work import Work

BANKS = {"left": "左岸", "right": "右岸"}


@dataclass(frozen=True)
class RiverAt:
    """`lines`: WGS-84, longitude and latitude, downstream. `words`: the bank and its distance, as the map is read."""

    lines: list[list[tuple[float, float]]]
    words: str


def of(work: Work, case: Case) -> RiverAt | None:
    """None when the case has no reach, or the county as it is now has this one no more."""
    reach = work.county.reach_by_code.get(case.reach or "")
    if reach is None:
        return None
    lines = [
        [(lon, lat) for lon, lat in shapely.get_coordinates(part).tolist()]
        for part in shapely.get_parts(shape(reach.geometry)).tolist()
    ]
    units = work.county.unit_by_code
    sides = {side: units[code].name for side, code in (("left", reach.left_bank), ("right", reach.right_bank))}
    whose = "两岸都归" + sides["left"] if sides["left"] == sides["right"] else "，".join(
        f"{BANKS[side]}归{name}" for side, name in sides.items()
    )  # fmt: skip
    seen = places_of(work.county).around(case.lon, case.lat).reaches
    near = next((one for one in seen if one.reach.code == reach.code), None)
    if near is None:
        return RiverAt(lines, f"{whose}。")
    where = f"问题在{BANKS[near.side]}" if near.side else "问题在河道中心线上"
    return RiverAt(lines, f"{where}，离河道中心线约{near.distance_m:.0f}米；{whose}。")
