"""The picture of a patrol: river, way, what was not seen, what was met; with its ends hidden."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pytest

from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.picture import MarkKind, Piece, draw
from backend.domain.tracks.points import make_points
from tests.domain.tracks.stories import REACH, RIVER, judged
from tests.simulated_walks import USUAL, but, walk

FOUND = judged(walk(RIVER, to=(0.0, 0.9, 0.1), seed=1), but(USUAL, lost=((600, 1500), (2400, 2500))), 1)
(LONG,) = (gap for gap in FOUND.gaps if not gap.bridged)
SVG = "{http://www.w3.org/2000/svg}"


class Mark(NamedTuple):
    kind: MarkKind
    name: str
    lon: float
    lat: float


def mark(kind: MarkKind, index: int, name: str = "照片") -> Mark:
    return Mark(kind, name, *FOUND.line[index][:2])


MARKS = [mark("photo", 40), mark("finding", 60, "排污 <口>"), mark("checkpoint", -1, "取水口")]


def pieces(found: Judgement) -> list[Piece]:
    """The line cut at the one long gap."""
    before = [vertex for vertex in found.line if vertex[2] <= LONG.begins_ms]
    return [before, [vertex for vertex in found.line if vertex[2] >= LONG.ends_ms]]


def words(drawn: str) -> set[str]:
    return {element.text or "" for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")}


def test_the_picture_shows_way_gap_and_marks() -> None:
    drawn = draw(FOUND, pieces(FOUND), [REACH], "清水河 & 支流", MARKS)
    assert {"清水河 & 支流", "排污 <口>", "取水口", "没有定位", "起点", "北"} <= words(drawn)
    assert any("里程" in line and "1 段没有定位" in line for line in words(drawn))
    assert drawn.count("stroke-dasharray") == 2  # on the map and in the legend
    assert draw(FOUND, pieces(FOUND), [REACH], "清水河 & 支流", MARKS) == drawn
    paths = [path.attrib["d"] for path in ElementTree.fromstring(drawn).iter(f"{SVG}path")]
    lines = [path for path in paths if path.count("L") > 20]
    for line in lines:
        numbers = np.array([pair.split(",") for pair in line[1:].split("L")], dtype=float)
        assert numbers.shape[1] == 2
        assert (numbers > -2000).all()
        assert (numbers < 3000).all()
    assert len(lines) >= 4


def test_a_picture_with_hidden_ends_draws_no_ends() -> None:
    drawn = draw(FOUND, pieces(FOUND), [REACH], "清水河", MARKS, ends_hidden=True)
    assert any("起点和终点附近已隐去" in line for line in words(drawn))
    assert not {"起点", "终点"} & words(drawn)
    assert "<circle" not in drawn


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_nothing_is_drawn_too(count: int) -> None:
    found = judged(make_points([0, 9000][:count], [102.7, 102.7002][:count], [25.38, 25.38][:count]))
    for shown in ([found.line] if found.line else [], []):
        for reaches in ([REACH], []):
            ElementTree.fromstring(draw(found, shown, reaches, "短"))
