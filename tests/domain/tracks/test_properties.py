"""What holds for every track, however mad."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.tracks.cleaning import clean
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judge import judge
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.points import MAX_POINTS, Points, join, make_points
from backend.domain.tracks.signature import signature
from tests.domain.tracks.stories import REACH, RULES, judged, points_of
from tests.simulated_walks import BEGIN_MS, OLD, USUAL, Phone, but, stand, walk

FULL = os.environ.get("TEST_SIZE") == "full"
EXAMPLES = 400 if FULL else 40
SHORT = walk(REACH.line, to=(0.2, 0.4), stops=((0.3, 90),), seed=3)
PHONES = st.sampled_from([USUAL, OLD, but(USUAL, every_s=5.0, asleep=((100, 160),), zeros=0.1, spikes=0.05)])

FINITE = st.floats(-1e6, 1e6)
TIMES = st.integers(BEGIN_MS, BEGIN_MS + 7_200_000) | st.integers(-(2**62), 2**62)
LON = st.floats(102.69, 102.73) | st.floats(-180, 180)
LAT = st.floats(25.37, 25.39) | st.floats(-90, 90)
ROWS = st.lists(st.tuples(TIMES, LON, LAT, FINITE | st.none(), FINITE | st.none(), FINITE, st.booleans()), max_size=80)


def walked(phone: Phone, seed: int) -> Points:
    return points_of(SHORT, phone, seed)


def later(found: Judgement, by_ms: int) -> dict[str, Any]:
    """The judgement as stored, all its times moved."""
    plain = found.to_json()

    def moved(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: moved(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [[*one[:2], one[2] + by_ms] if key == "line" else moved(one) for one in value]
        return value + by_ms if key.endswith("_ms") and value is not None else value

    result = moved(plain)
    assert isinstance(result, dict)
    return result


@settings(max_examples=EXAMPLES, deadline=None)
@given(PHONES, st.integers(0, 1000), st.integers(-(10**12), 10**12))
def test_another_day_is_the_same_judgement(phone: Phone, seed: int, by_ms: int) -> None:
    points = walked(phone, seed)
    moved = points.take(np.arange(len(points)))
    object.__setattr__(moved, "time_ms", points.time_ms + by_ms)
    assert judged(moved).to_json() == later(judged(points), by_ms)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PHONES, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_any_order_is_the_same_judgement(phone: Phone, seed: int, chance: Any) -> None:
    points = walked(phone, seed)
    # Callbacks of one burst may have the very same time.
    same = (points.time_ms // 20_000) * 20_000 if seed % 2 else points.time_ms
    object.__setattr__(points, "time_ms", same)
    order = list(range(len(points)))
    chance.shuffle(order)
    assert judged(points.take(np.array(order))) == judged(points)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PHONES, st.integers(0, 1000), st.data())
def test_points_sent_twice_change_nothing(phone: Phone, seed: int, data: st.DataObject) -> None:
    points = walked(phone, seed)
    which = data.draw(st.lists(st.integers(0, len(points) - 1), max_size=50))
    twice, once = (
        judged(join([points, points.take(np.array(which, dtype=np.int64))])).to_json(),
        judged(points).to_json(),
    )
    assert twice.pop("kept")["points"] == once.pop("kept")["points"]
    assert twice == once


@settings(max_examples=EXAMPLES, deadline=None)
@given(PHONES, st.integers(0, 1000), st.floats(0, 1), st.floats(400, 1e6), st.floats(0, 360))
def test_one_jump_changes_nothing_much(phone: Phone, seed: int, when: float, far_m: float, angle: float) -> None:
    points = walked(phone, seed)
    at = int(when * (len(points) - 1))
    lon = points.lon[at] + far_m * np.cos(np.radians(angle)) / 100_630
    lat = np.clip(points.lat[at] + far_m * np.sin(np.radians(angle)) / 110_777, -90, 90)
    jump = make_points([points.time_ms[at] + 150], [(lon + 180) % 360 - 180], [lat])
    with_jump, without = judged(join([points, jump])), judged(points)
    assert with_jump.distance_m == pytest.approx(without.distance_m, rel=0.03, abs=10)
    assert with_jump.coverage["QSH-01"] == pytest.approx(without.coverage["QSH-01"], abs=0.02)
    assert not with_jump.doubts


@settings(max_examples=EXAMPLES, deadline=None)
@given(ROWS, st.sampled_from([REACH, ReachLine("far", np.array([[-179.9, 10.0], [179.9, 10.5]]), 5.0)]))
def test_no_points_are_too_mad_to_be_judged(rows: list[tuple[Any, ...]], reach: ReachLine) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * 7
    points = make_points(*(np.array(column, dtype=float if 0 < at < 6 else None) for at, column in enumerate(columns)))
    found = judge(points, [reach], RULES, [signature(points, "itself"), signature(walked(USUAL, 1), "other")])
    json.dumps(found.to_json(), allow_nan=False)
    assert Judgement.from_json(found.to_json()) == found
    assert found.distance_m >= 0
    assert 0 <= found.along_m <= found.distance_m + 1e-6
    assert min(found.moving_s, found.still_s, found.unseen_s) >= 0
    assert found.moving_s + found.still_s + found.unseen_s == pytest.approx(found.duration_s)
    assert all(0 <= share <= 1 for share in found.coverage.values())
    assert found.kept.of == len(points) == found.kept.points + sum(found.kept.dropped.values())
    assert len(found.line) <= RULES.line_points_max
    assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat, _ in found.line)


@settings(max_examples=EXAMPLES, deadline=None)
@given(ROWS)
def test_what_counts_is_ascending_in_time(rows: list[tuple[Any, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * 7
    points = make_points(*(np.array(column, dtype=float if 0 < at < 6 else None) for at, column in enumerate(columns)))
    cleaned = clean(points, RULES)
    assert (np.diff(cleaned.time_s) >= 0).all()
    assert len(cleaned.time_s) == len(cleaned.points) == len(cleaned.error_m)
    assert len(cleaned.broken) == max(0, len(cleaned.points) - 1)


def test_a_track_of_leaps_only_is_judged_too() -> None:
    """Three places a kilometre apart, six fixes at each within a second: all believed, no step is."""
    place = np.repeat([0, 1, 2], 6)
    time_ms = BEGIN_MS + place * 1500 + np.tile(np.arange(6) * 200, 3)
    lon = 102.7 + place * 0.01 + np.tile(np.arange(6) * 1e-6, 3)
    found = judged(make_points(time_ms, lon, np.full(18, 25.38)))
    assert found.distance_m < 10
    json.dumps(found.to_json(), allow_nan=False)


def test_across_the_date_line_the_world_is_round() -> None:
    found = judged(stand(179.9999, -17.0, 600), reach=ReachLine("R", np.array([[179.99, -17.0], [180.0, -17.0]]), 50.0))
    assert found.distance_m < 50


@pytest.mark.skipif(not FULL, reason="minutes, in `make test-full`")
@pytest.mark.parametrize("what", ["a walk of ten points a second", "chance", "one millisecond", "one place"])
def test_a_million_points_are_judged(what: str) -> None:
    n = MAX_POINTS
    random = np.random.default_rng(1)
    time_ms = BEGIN_MS + np.arange(n) * 100
    lon, lat = 102.7 + random.normal(0, 0.05, n), 25.38 + random.normal(0, 0.05, n)
    if what.startswith("a walk"):
        lon = 102.7 + np.arange(n) * 1.2e-6 + random.normal(0, 3e-5, n)
        lat = 25.38 + random.normal(0, 3e-5, n)
    elif what == "one millisecond":
        time_ms = np.full(n, BEGIN_MS)
    elif what == "one place":
        lon, lat = np.full(n, 102.7), np.full(n, 25.38)
    found = judged(make_points(time_ms, lon, lat))
    assert found.kept.of == n
    assert len(found.gaps) <= 500
    json.dumps(found.to_json(), allow_nan=False)
