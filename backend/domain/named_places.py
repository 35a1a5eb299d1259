"""Places that are named and not pointed at: a letter says 清水河某段 or 清源镇, and a case needs a point on the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shapely.geometry import shape

from backend.county import County
from backend.domain.faults import Fault

PlaceFrom = Literal["given", "reach", "township", "county"]


@dataclass(frozen=True)
class NamedPlace:
    """What a paper says of the place: the codes of a reach, a township, both, or neither: somewhere in the county."""

    reach: str | None = None
    township: str | None = None


NOWHERE = NamedPlace()


@dataclass(frozen=True)
class Standing:
    """A point that stands for a named place: WGS-84 degrees, and what it stands for."""

    lon: float
    lat: float
    place_from: PlaceFrom


def standing_for(county: County, named: NamedPlace) -> Standing:
    """The middle of the reach's line, or a point within the township or the county. Raises Fault for unknown codes."""
    township = next((area for area in county.townships if area.unit == named.township), None)
    if named.township is not None and township is None:
        raise Fault("unknown_township", "没有这个乡镇，请从列表中选择。", field="township")
    if named.reach is not None:
        reach = county.reach_by_code.get(named.reach)
        if reach is None:
            raise Fault("unknown_reach", "没有这个河段，请从列表中选择。", field="reach")
        middle = shape(reach.geometry).interpolate(0.5, normalized=True)
        return Standing(middle.x, middle.y, "reach")
    area = county.outline if township is None else township.geometry
    inside = shape(area).representative_point()
    return Standing(inside.x, inside.y, "county" if township is None else "township")
