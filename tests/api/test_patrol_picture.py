"""The map of a patrol in the README: drawn from what the server plays back."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from backend.county import County
from backend.domain import patrol_lists, playback
from backend.domain.actors import Actor
from backend.domain.tracks import picture
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judgement import Judgement
from backend.jobs import drain
from backend.models import Verdict
from backend.work import unit_of_work
from tests.build import Build
from tests.walks import Sender, Walk

PICTURE = Path(__file__).parents[2] / "docs/pictures/patrol.svg"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(walk: Walk, county: County) -> str:
    reach = county.reach_by_code[walk.reach or ""]
    line = ReachLine(reach.code, np.array(reach.geometry["coordinates"], dtype=float)[:, :2], reach.corridor_m)
    with unit_of_work(Actor(role="office", unit=county.office)) as work:
        patrol = patrol_lists.get(work, uuid.UUID(walk.id))
        seen = playback.of(work, patrol)
        found = Judgement.from_json(work.session.get_one(Verdict, (patrol.id, patrol.verdict_seq)).judgement)
        title = f"{reach.name}　{'有效' if patrol.valid else '无效'}"
    return picture.draw(found, seen.pieces, [line], title, seen.marks, seen.hidden)


def test_a_patrol_is_drawn_from_its_playback(build: Build, county: County) -> None:
    sender = Sender(build, county)
    walk = sender.walk(metres=3000, seed=7)
    sender.send(walk)
    drain()
    svg = drawn(walk, county)
    drawing = ElementTree.fromstring(svg)
    assert "有效" in str(drawing.findtext(f"{SVG}title"))
    lines = [path.get("d", "") for path in drawing.iter(f"{SVG}path")]
    long = [line for line in lines if line.count("L") >= 10]
    assert len(long) >= 3  # corridor, river, way
    if os.environ.get("QINGHE_SCREENSHOTS"):
        PICTURE.write_text(svg, "utf-8")
