"""Tracks as river banks, old phones and cheats make them, judged."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from backend.county import County
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.points import make_points
from tests.domain.tracks.stories import REACH, RIVER, RULES, codes, judged, points_of
from tests.simulated_walks import (
    BEGIN_MS,
    GOOD,
    OLD,
    USUAL,
    but,
    drive,
    seen,
    stand,
    straight_line,
    walk,
)

TRUTH = walk(RIVER, seed=1)


def together(*parts: dict[str, Any]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


# ---- signal lost -----------------------------------------------------------------------------------------------------


def test_a_tunnel_is_bridged_along_the_reach() -> None:
    found = judged(TRUTH, but(USUAL, lost=((600, 800),)))
    (gap,) = found.gaps
    assert (gap.bridged, gap.along) == (True, "QSH-01")
    assert gap.counted_m == pytest.approx(TRUTH.metres((600, 800)), rel=0.15)
    assert gap.ends_ms - gap.begins_ms == pytest.approx(201_000, abs=2000)
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert found.coverage["QSH-01"] == pytest.approx(TRUTH.coverage, abs=0.03)
    assert found.unseen_s == 0
    assert codes(found, "shown") == {"bridged"}


def test_a_long_loss_is_shown_and_not_counted() -> None:
    found = judged(TRUTH, but(USUAL, lost=((600, 1500),)))
    (gap,) = found.gaps
    assert (gap.bridged, gap.along, gap.counted_m) == (False, None, 0.0)
    assert gap.straight_m > 500
    assert found.unseen_s == pytest.approx(900, abs=15)
    assert found.distance_m == pytest.approx(TRUTH.distance_m - TRUTH.metres((600, 1500)), rel=0.05)
    lost = TRUTH.along_m[1500] - TRUTH.along_m[600]
    assert found.coverage["QSH-01"] == pytest.approx(TRUTH.coverage - lost / TRUTH.reach_m, abs=0.03)
    assert codes(found, "shown") == {"gap"}
    assert not found.doubts


def test_a_gap_while_standing_adds_no_metres() -> None:
    truth = walk(RIVER, to=(0.0, 0.6), stops=((0.3, 400),), seed=2)
    begin = float(np.flatnonzero(truth.step_m < 0.02)[0])
    found = judged(truth, but(USUAL, lost=((begin + 60, begin + 340),)), 2)
    (gap,) = found.gaps
    assert gap.counted_m < 25
    assert found.distance_m == pytest.approx(truth.distance_m, rel=0.05)
    assert found.moving_s == pytest.approx(truth.moving_s, rel=0.08)


def test_gaps_all_along_are_an_honest_patrol_too() -> None:
    """A gorge: every four minutes without signal for three."""
    lost = tuple((float(at), float(at + 180)) for at in range(240, 2200, 420))
    found = judged(TRUTH, but(OLD, lost=lost), 1)
    assert len(found.gaps) >= 4
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.10)
    assert found.coverage["QSH-01"] == pytest.approx(TRUTH.coverage, abs=0.05)
    assert not found.doubts


def test_a_phone_that_tells_a_place_a_minute_has_no_gaps() -> None:
    found = judged(TRUTH, but(USUAL, every_s=60.0))
    assert not found.gaps
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.10)


def test_a_battery_that_dies_ends_the_track_and_no_more() -> None:
    found = judged(TRUTH, but(USUAL, dies_at_s=1200))
    assert found.duration_s == pytest.approx(1200, abs=3)
    assert found.distance_m == pytest.approx(TRUTH.metres((0, 1200)), rel=0.05)


# ---- poor phones -----------------------------------------------------------------------------------------------------


def test_callbacks_that_waited_in_the_background_are_spread_over_the_silence() -> None:
    found = judged(TRUTH, but(USUAL, asleep=((300, 600), (900, 1000))))
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert found.moving_s == pytest.approx(TRUTH.moving_s, rel=0.02)
    assert not found.gaps
    assert codes(found, "shown") == {"burst"}


def test_callbacks_of_one_and_the_same_millisecond_are_a_way_as_well() -> None:
    truth = walk(RIVER, to=(0.9, 0.5), seed=1)  # westwards: sorted by place, it would be walked backwards
    columns = seen(truth, but(USUAL, asleep=((300, 700),)))
    burst = (columns["time_ms"] >= BEGIN_MS + 699_000) & (columns["time_ms"] <= BEGIN_MS + 702_000)
    columns["time_ms"][burst] = BEGIN_MS + 700_000
    assert burst.sum() > 300
    found = judged(columns)
    assert found.distance_m == pytest.approx(truth.distance_m, rel=0.08)
    assert "leap" not in codes(found, "shown")
    assert not found.doubts


@pytest.mark.parametrize("seconds", [30, 200])
def test_a_fix_that_is_stuck_while_the_walker_walks_on_is_left_out(seconds: int) -> None:
    found = judged(TRUTH, but(USUAL, stuck=((900, 900 + seconds),)))
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert found.coverage["QSH-01"] == pytest.approx(TRUTH.coverage, abs=0.03)
    assert not found.doubts


def test_a_stale_first_fix_from_home_is_left_out() -> None:
    columns = seen(TRUTH, USUAL)
    columns["lon"][:20], columns["lat"][:20] = 102.5, 25.2
    found = judged(columns)
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert found.kept.dropped == {"frozen": 19, "jump": 1}
    assert not found.doubts


def test_fixes_of_a_distant_mast_among_true_ones_are_left_out() -> None:
    columns = seen(TRUTH, USUAL)
    columns["lat"][::4] += 900 / 110_777.0
    found = judged(columns)
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert found.kept.dropped["jump"] == pytest.approx(len(columns["lat"]) / 4, abs=2)
    assert not found.doubts


def test_a_fix_that_creeps_away_under_a_cliff_and_leaps_back_costs_only_the_leap() -> None:
    columns = seen(TRUTH, USUAL)
    columns["lat"][400:600] += np.linspace(0, 250, 200) / 110_777.0
    found = judged(columns)
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.08)
    assert found.kept.points == found.kept.of
    assert codes(found, "shown") == {"leap"}


def test_doubles_spikes_and_zeros_change_little() -> None:
    found = judged(TRUTH, but(USUAL, zeros=0.1, doubles=0.3, spikes=0.03, spike_m=400.0))
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert found.coverage["QSH-01"] == pytest.approx(TRUTH.coverage, abs=0.03)
    assert found.kept.dropped.keys() == {"no_position", "duplicate", "jump"}
    assert found.kept.of == found.kept.points + sum(found.kept.dropped.values())
    assert not found.doubts


def test_spikes_nobody_would_call_impossible_change_little() -> None:
    found = judged(TRUTH, but(USUAL, every_s=5.0, spikes=0.05, spike_m=70.0))
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.07)


def test_a_point_of_another_year_does_not_make_a_patrol_of_a_year() -> None:
    columns = seen(TRUTH, USUAL)
    columns["time_ms"][5] = 0
    found = judged(columns)
    assert found.kept.dropped == {"other_day": 1}
    assert found.duration_s == pytest.approx(TRUTH.duration_s, abs=2)


def test_the_same_patrol_on_two_phones_at_once_is_one_way() -> None:
    found = judged(together(seen(TRUTH, USUAL, 1), seen(TRUTH, OLD, 2)))
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)
    assert not found.doubts


@pytest.mark.parametrize("seed", range(6))
def test_an_honest_chief_with_a_poor_phone_is_not_doubted(seed: int) -> None:
    random = np.random.default_rng(seed)
    phone = but(
        OLD,
        every_s=float(random.uniform(5, 10)),
        noise_m=float(random.uniform(10, 25)),
        accuracy_m=None if seed % 2 else float(random.uniform(30, 60)),
        lost=((300, 500), (900, 1500)),
        stuck=((600, 700),),
        asleep=((1600, 1700),),
        doubles=0.2,
        zeros=0.05,
        digits=5,
    )
    columns = seen(walk(RIVER, stops=((0.2, 300),), seed=seed), phone, seed)
    if seed % 2 == 0:  # many phones tell the same accuracy and no altitude all the time
        columns["accuracy_m"][:], columns["altitude_m"][:] = 30.0, 0.0
    assert not judged(columns).doubts


# ---- what asks a human -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [USUAL, OLD], ids=["usual", "old"])
def test_a_car_along_the_river_is_doubted(phone: Any) -> None:
    found = judged(drive(RIVER, pace_mps=9.0), phone)
    assert codes(found, "doubt") == {"too_fast"}
    assert found.fast_m > 0.8 * found.distance_m


def test_half_by_car_is_doubted_and_the_half_is_told() -> None:
    on_foot = seen(walk(RIVER, to=(0.0, 0.5), seed=1), USUAL)
    by_car = seen(drive(RIVER, to=(0.5, 1.0)), USUAL, begin_ms=int(on_foot["time_ms"][-1]) + 20_000)
    found = judged(together(on_foot, by_car))
    (flag,) = found.doubts
    assert flag.code == "too_fast"
    assert flag.share == pytest.approx(0.5, abs=0.1)
    assert flag.from_ms == pytest.approx(int(by_car["time_ms"][0]), abs=60_000)


def test_a_boat_is_no_car() -> None:
    found = judged(drive(RIVER, pace_mps=5.0), USUAL, mode="boat")
    assert not found.doubts
    assert found.fast_m == 0
    assert found.coverage["QSH-01"] > 0.95


def test_a_runner_is_no_car() -> None:
    assert not judged(walk(RIVER, pace_mps=2.6, seed=3)).doubts


def test_home_and_river_at_the_same_time_are_doubted() -> None:
    """A position app is switched on after twenty minutes at home."""
    at_home = seen(stand(102.5, 25.2, 1200), USUAL)
    found = judged(together(at_home, seen(TRUTH, USUAL, begin_ms=BEGIN_MS + 1_201_000)))
    assert codes(found, "doubt") == {"two_places"}
    assert found.distance_m == pytest.approx(TRUTH.distance_m, rel=0.05)  # nothing for the leap


def test_sitting_by_the_river_is_told() -> None:
    found = judged(stand(102.7, 25.38, 2400))
    assert codes(found, "shown") == {"standing"}
    assert not found.doubts


def test_words_are_chinese_sentences() -> None:
    found = judged(TRUTH, but(OLD, lost=((300, 500), (900, 1500)), zeros=0.1, asleep=((1600, 1900),)), 3)
    assert len(found.flags) >= 4
    for flag in found.flags:
        assert flag.words.endswith("。")
        assert not any(letter.isascii() and letter.isalpha() for letter in flag.words)


# ---- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_a_few_points_are_judged_too(count: int) -> None:
    found = judged(points_of(TRUTH).take(np.arange(count)))
    assert found.kept.points == found.kept.of == count
    assert found.distance_m < 60
    assert found.coverage.keys() == {"QSH-01"}
    assert "few_points" in codes(found, "shown")
    assert len(found.line) == min(count, len(found.line))
    assert (found.first_ms is None) == (count == 0)


def test_the_map_line_is_short_and_near_the_way() -> None:
    truth = walk(RIVER, to=(0.0, 1.0, 0.0), seed=8)
    found = judged(truth, USUAL, 8, rules=RULES.model_copy(update={"line_points_max": 60}))
    assert 20 < len(found.line) <= 60
    times = [at for _, _, at in found.line]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (found.first_ms, found.last_ms)
    for lon, lat, _ in found.line:
        off = np.hypot((truth.lon - lon) * 100_630, (truth.lat - lat) * 110_777).min()
        assert off < 40


def test_both_ends_of_a_gap_are_on_the_map_line() -> None:
    line = straight_line(3000)
    phone = but(GOOD, lost=((600, 1500),))
    reach = ReachLine("R", line, 100.0)
    found = judged(walk(line, seed=3), phone, reach=reach, rules=RULES.model_copy(update={"line_points_max": 6}))
    (gap,) = found.gaps
    times = [at for _, _, at in found.line]
    assert gap.ends_ms in times
    assert 0 <= gap.begins_ms - max(at for at in times if at <= gap.begins_ms) <= 6000


def test_a_judgement_comes_back_from_storage_as_it_was() -> None:
    found = judged(together(seen(TRUTH, but(OLD, lost=((600, 1500),)), 3), seen(drive(RIVER), GOOD, 3)))
    assert found.flags
    assert found.gaps
    assert Judgement.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    empty = judged(make_points([], [], []))
    assert Judgement.from_json(json.loads(json.dumps(empty.to_json(), allow_nan=False))) == empty


def test_the_demo_county_writes_the_defaults_down(county: County) -> None:
    assert county.rules.track == RULES


def test_a_reach_without_length_covers_nothing() -> None:
    for line in (straight_line(0.0), RIVER[:1]):
        assert judged(TRUTH, reach=ReachLine("QSH-01", line, 100.0)).coverage == {"QSH-01": 0.0}
    assert judged(TRUTH, reach=REACH).coverage["QSH-01"] > 0.9
