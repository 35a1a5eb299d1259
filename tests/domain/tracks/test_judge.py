"""Tracks with known truth, judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backend.county_files import read_county
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judge import judge
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.points import Points, make_points
from backend.rules.track import TrackRules

RULES = TrackRules()
EAST_M, NORTH_M = 100_630.0, 110_777.0  # metres in a degree at 25.38 north
LINE = ReachLine("QSH-01", np.array([[102.70, 25.38], [102.70 + 3000 / EAST_M, 25.38]]), 100)


def straight(metres: float, mps: float = 1.2, every_s: float = 1.0, seed: int = 1) -> Points:
    """A walk eastwards on the line from its beginning, with the correlated noise of a phone (8 m, 30 s)."""
    random = np.random.default_rng(seed)
    time_s = np.arange(0, metres / mps, every_s)
    noise = random.normal(0, 8, (2, len(time_s)))
    r = np.exp(-every_s / 30)
    for at in range(1, len(time_s)):
        noise[:, at] = r * noise[:, at - 1] + np.sqrt(1 - r * r) * noise[:, at]
    east, north = mps * time_s + noise[0], noise[1]
    return make_points(
        1_780_000_000_000 + (time_s * 1000).astype(int),
        102.70 + east / EAST_M,
        25.38 + north / NORTH_M,
        np.full(len(time_s), 12.0),
    )


@pytest.mark.parametrize("every_s", [1.0, 5.0, 10.0])
def test_half_a_reach_is_walked(every_s: float) -> None:
    found = judge(straight(1500, every_s=every_s), [LINE], RULES)
    assert found.distance_m == pytest.approx(1500, rel=0.05)
    assert found.coverage["QSH-01"] == pytest.approx(0.5, abs=0.03)
    assert found.moving_s == pytest.approx(1250, rel=0.05)
    assert not found.gaps
    assert not found.doubts
    assert len(found.line) <= RULES.line_points_max


def test_nothing_is_judged_too() -> None:
    found = judge(make_points([], [], []), [LINE], RULES)
    assert (found.distance_m, found.duration_s, found.coverage) == (0, 0, {"QSH-01": 0})


def test_a_judgement_comes_back_from_storage_as_it_was() -> None:
    found = judge(straight(900), [LINE], RULES)
    assert Judgement.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_demo_county_writes_the_defaults_down() -> None:
    county = read_county(Path(__file__).parents[3] / "config" / "county" / "qingyuan")
    assert county.rules.track == RULES
