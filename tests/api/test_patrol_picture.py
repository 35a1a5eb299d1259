"""The map of a patrol in the README: drawn from what the server plays back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

from backend.county import County
from backend.jobs import drain
from backend.local.patrol_picture import draw
from tests.build import QINGYUAN, Build
from tests.walks import Sender

PICTURE = Path(__file__).parents[2] / "docs/pictures/patrol.svg"


def test_a_patrol_is_drawn_from_its_playback(build: Build, county: County) -> None:
    sender = Sender(build, county)
    walk = sender.walk(metres=3000, seed=7)
    sender.send(walk)
    drain()
    track = json.loads(build.office().get(f"/patrols/{walk.id}/track.geojson").data)
    reaches = json.loads((QINGYUAN / "reaches.geojson").read_text("utf-8"))["features"]
    svg = draw(track, next(one for one in reaches if one["properties"]["code"] == walk.reach))
    drawing = ElementTree.fromstring(svg)
    assert "有效" in str(drawing.findtext("{http://www.w3.org/2000/svg}title"))
    lines = drawing.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) >= 3  # corridor, river, way
    assert len(lines[2].get("points", "").split()) > 10
    if os.environ.get("QINGHE_SCREENSHOTS"):
        PICTURE.write_text(svg, "utf-8")
