"""A patrol's map as an SVG picture: `python -m backend.local.patrol_picture TRACK.geojson REACH OUT.svg`.

TRACK.geojson is what `GET /api/v1/patrols/{id}/track.geojson` answers; REACH is a reach code of the demo county.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from backend.local.programs import COUNTY

_WIDTH, _HEIGHT, _MARGIN = 900, 560, 76
_METRES_PER_DEGREE = 111_195.0
_MARKS = {"photo": ("#0b6b78", "照片"), "finding": ("#b3261e", "发现问题"), "checkpoint": ("#8a5300", "打卡点")}
Place = Sequence[float]


def draw(track: dict[str, Any], reach: dict[str, Any]) -> str:
    """The reach with its corridor in blue, the way walked on it, its photos, findings and checkpoints.

    `track`: a FeatureCollection as the server plays a patrol back; `reach`: a Feature of reaches.geojson. WGS-84.
    """
    ways = [one["geometry"]["coordinates"] for one in track["features"] if one["geometry"]["type"] == "LineString"]
    marks = [one for one in track["features"] if one["geometry"]["type"] == "Point"]
    river = reach["geometry"]["coordinates"]
    plane = _Plane([place for way in ways for place in way] or river)
    told = track["properties"]
    about = (
        f"{reach['properties']['name']}　{told['distance_m'] / 1000:.2f} 公里　{'有效' if told['valid'] else '无效'}"
    )
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif">',
        f"<title>{escape(about)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f2f6f7"/>',
        _line(plane, river, "#cfe6ea", 2 * reach["properties"].get("corridor_m", 100) / plane.metres_per_pixel),
        _line(plane, river, "#5aa9b8", 6),
        *(_line(plane, way, "#d9480f", 4) for way in ways),
    ]
    for mark in marks:
        x, y = plane.pixel(mark["geometry"]["coordinates"])
        colour, kind = _MARKS[mark["properties"]["kind"]]
        name = escape(f"{kind}：{mark['properties']['name']}")
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="9" fill="{colour}" stroke="#fff" stroke-width="3"><title>{name}</title>'
        )
        parts.append("</circle>")
    if ways:
        for place, words in ((ways[0][0], "起"), (ways[-1][-1], "止")):
            x, y = plane.pixel(place)
            parts.append(f'<circle cx="{x}" cy="{y}" r="14" fill="#17262a"/>')
            parts.append(f'<text x="{x}" y="{y + 6}" font-size="16" text-anchor="middle" fill="#fff">{words}</text>')
    parts.append(f'<text x="24" y="40" font-size="24" fill="#17262a">{escape(about)}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


class _Plane:
    """Degrees on a sheet, north up, the same scale both ways, all the places on it."""

    def __init__(self, places: Iterable[Place]) -> None:
        found = list(places)
        lons, lats = [place[0] for place in found], [place[1] for place in found]
        self.lon, self.lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
        self.squeeze = math.cos(math.radians(self.lat))
        across = max((max(lons) - min(lons)) * self.squeeze, 1e-4) / (_WIDTH - 2 * _MARGIN)
        down = max(max(lats) - min(lats), 1e-4) / (_HEIGHT - 2 * _MARGIN)
        self.degrees_per_pixel = max(across, down)

    @property
    def metres_per_pixel(self) -> float:
        return self.degrees_per_pixel * _METRES_PER_DEGREE

    def pixel(self, place: Place) -> tuple[int, int]:
        x = _WIDTH / 2 + (place[0] - self.lon) * self.squeeze / self.degrees_per_pixel
        y = _HEIGHT / 2 - (place[1] - self.lat) / self.degrees_per_pixel
        return round(x), round(y)


def _line(plane: _Plane, places: Iterable[Place], colour: str, width: float) -> str:
    points = " ".join(f"{x},{y}" for x, y in map(plane.pixel, places))
    style = f'fill="none" stroke="{colour}" stroke-width="{width:.0f}" stroke-linecap="round" stroke-linejoin="round"'
    return f'<polyline points="{points}" {style}/>'


def main() -> None:
    track, code, out = sys.argv[1:4]
    reaches = json.loads((COUNTY / "reaches.geojson").read_text("utf-8"))["features"]
    reach = next(one for one in reaches if one["properties"]["code"] == code)
    Path(out).write_text(draw(json.loads(Path(track).read_text("utf-8")), reach), "utf-8")


if __name__ == "__main__":
    main()
