"""Distance, moving time and coverage of simulated walks, against their truth and against a textbook filter."""

from __future__ import annotations

import numpy as np
import pytest

from backend.domain.tracks.cleaning import clean
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judge import judge
from backend.domain.tracks.plane import plane_at
from backend.domain.tracks.smoothing import smooth
from tests.domain.tracks.peer import kalman_rts
from tests.domain.tracks.stories import REACH, RIVER, RULES, judged, points_of
from tests.simulated_walks import GOOD, OLD, USUAL, Phone, Truth, but, gauss_markov, seen, stand, straight_line, walk

EVERY_5_S, EVERY_10_S = but(USUAL, every_s=5.0), but(USUAL, every_s=10.0)
STOPS = ((0.1, 120), (0.3, 300), (0.6, 600), (0.8, 180))


def walks(seed: int) -> dict[str, Truth]:
    return {
        "straight on": walk(RIVER, seed=seed),
        "turning back": walk(RIVER, to=(0.0, 0.7, 0.5, 0.9, 0.1), seed=seed),
        "with stops": walk(RIVER, to=(0.0, 0.9), stops=STOPS, seed=seed),
        "slowly": walk(RIVER, to=(0.2, 0.6), pace_mps=0.6, seed=seed),
        "meandering": walk(RIVER, meander_m=15.0, meander_over_m=120.0, seed=seed),
        "upstream": walk(RIVER, to=(0.8, 0.3), bank_m=-25.0, seed=seed),
    }


@pytest.mark.parametrize("phone", [USUAL, EVERY_5_S, EVERY_10_S, GOOD], ids=["1s", "5s", "10s", "good"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_distance_time_and_coverage_are_near_the_truth(phone: Phone, seed: int) -> None:
    wrong = []
    for story, truth in walks(seed).items():
        found = judged(truth, phone, seed)
        off = (
            found.distance_m / truth.distance_m - 1,
            found.moving_s / truth.moving_s - 1,
            found.coverage["QSH-01"] - truth.coverage,
        )
        most = 0.07 if story == "slowly" else 0.05  # at half the pace the errors weigh twice
        if abs(off[0]) > most or abs(off[1]) > 0.08 or abs(off[2]) > 0.03 or found.doubts:
            wrong.append((story, [f"{one:+.1%}" for one in off], found.doubts))
        assert found.moving_s + found.still_s + found.unseen_s == pytest.approx(found.duration_s)
    assert not wrong


def test_an_old_phone_is_a_little_worse_and_calls_nobody_a_liar() -> None:
    off = []
    for seed in range(6):
        for truth in walks(seed).values():
            found = judged(truth, OLD, seed)
            off.append(found.distance_m / truth.distance_m - 1)
            assert found.coverage["QSH-01"] == pytest.approx(truth.coverage, abs=0.05)
            assert not found.doubts
    assert np.sqrt(np.mean(np.square(off))) < 0.07
    assert abs(np.mean(off)) < 0.05


def test_the_distance_is_as_good_as_a_textbook_filter_that_knows_the_errors() -> None:
    ours, peers = [], []
    for seed in range(3):
        for name, truth in walks(seed).items():
            if name == "with stops":
                continue  # the peer knows nothing of standing
            found = judged(truth, EVERY_5_S, seed)
            cleaned = clean(points_of(truth, EVERY_5_S, seed), RULES)
            plane = plane_at(float(cleaned.points.lon[0]), float(cleaned.points.lat[0]))
            fixes = np.stack(plane.to_metres(cleaned.points.lon, cleaned.points.lat))
            way = kalman_rts(cleaned.time_s, fixes, 8.0, 30.0, 0.03)
            peer = float(np.hypot(*np.diff(way, axis=1)).sum())
            ours.append(found.distance_m / truth.distance_m - 1)
            peers.append(peer / truth.distance_m - 1)
            assert found.distance_m == pytest.approx(peer, rel=0.12)  # slow walkers: the peer follows the errors
    assert np.sqrt(np.mean(np.square(ours))) <= np.sqrt(np.mean(np.square(peers)))


@pytest.mark.parametrize("count", [2, 3, 4, 7, 64, 300])
def test_the_smoother_finds_what_the_textbook_filter_finds(count: int) -> None:
    random = np.random.default_rng(count)
    time_s = np.cumsum(random.uniform(0.5, 8.0, count))
    fixes = np.cumsum(random.normal(0, 4, (2, count)), axis=1) + gauss_markov(time_s, 8.0, 30.0, random)
    fixes += random.normal(0, 2.0, fixes.shape)
    found = smooth(time_s, fixes, np.full(count, 8.0), np.full(count, 2.0), 30.0, 0.05)
    assert np.abs(found - kalman_rts(time_s, fixes, 8.0, 30.0, 0.05, dice_m=2.0)).max() < 0.01


@pytest.mark.parametrize("noise_m", [2.0, 5.0, 14.0])
def test_the_size_of_the_errors_is_measured_whatever_the_phone_says_of_them(noise_m: float) -> None:
    off = []
    for seed in range(4):
        truth = walk(RIVER, seed=seed)
        found = judged(truth, but(USUAL, noise_m=noise_m, accuracy_m=None), seed)
        off.append(found.distance_m / truth.distance_m - 1)
    assert abs(np.mean(off)) < 0.04


@pytest.mark.parametrize("phone", [USUAL, GOOD, OLD, EVERY_10_S], ids=["usual", "good", "old", "10s"])
def test_who_stands_still_walks_no_metres(phone: Phone) -> None:
    for seed in range(3):
        found = judged(stand(102.7, 25.38, 2400), phone, seed)
        assert found.distance_m < (60 if phone is OLD else 30)  # in forty minutes
        assert found.still_s > 0.85 * found.duration_s
        assert found.coverage["QSH-01"] < 0.02


def test_who_looks_closely_and_slowly_is_walking() -> None:
    """A foot a second along an embankment, searched for leaks."""
    line = straight_line(600)
    for seed in range(3):
        truth = walk(line, to=(0.0, 0.5), pace_mps=0.3, bank_m=5.0, seed=seed)
        found = judged(truth, GOOD, seed, ReachLine("R", line, 100.0))
        assert found.still_s < 0.1 * found.duration_s
        assert found.distance_m == pytest.approx(truth.distance_m, rel=0.10)


def test_a_stop_shorter_than_a_minute_is_part_of_walking() -> None:
    truth = walk(RIVER, to=(0.0, 0.4), stops=((0.1, 40), (0.2, 45), (0.3, 200)), seed=3)
    found = judged(truth, GOOD, 3)
    assert found.still_s == pytest.approx(200, abs=20)
    patient = RULES.model_copy(update={"still_min_s": 400.0})
    assert judged(truth, GOOD, 3, rules=patient).still_s == 0


def test_a_short_patrol_is_measured_too() -> None:
    """The shortest that a published rule asks for: five minutes and three hundred metres."""
    line = straight_line(1500)
    off = []
    for seed in range(10):
        truth = walk(line, to=(0.0, 0.25), seed=seed)
        found = judged(truth, USUAL, seed, ReachLine("R", line, 100.0))
        off.append(found.distance_m / truth.distance_m - 1)
        assert found.coverage["R"] == pytest.approx(0.25, abs=0.03)
    assert np.abs(off).max() < 0.10
    assert abs(np.mean(off)) < 0.04


def test_a_hairpin_is_not_walked_by_crossing_its_neck() -> None:
    """Two limbs a hundred and fifty metres apart; only the lower one is walked."""
    east, north = 1.0 / 100_630.0, 1.0 / 110_777.0
    line = np.array([[102.7, 25.38], [102.7 + 1000 * east, 25.38], [102.7 + 1000 * east, 25.38 + 150 * north],
                     [102.7, 25.38 + 150 * north]])  # fmt: skip
    truth = walk(line, to=(0.0, 0.45), bank_m=30.0, seed=3)
    found = judged(truth, USUAL, 3, ReachLine("R", line, 100.0))
    assert found.coverage["R"] == pytest.approx(truth.coverage, abs=0.03)


def test_a_small_loop_of_the_river_is_not_walked_by_crossing_its_neck() -> None:
    """The neck is within the corridor, the head of the loop a hundred and sixty metres away is not."""
    east, north = 1.0 / 100_630.0, 1.0 / 110_777.0
    corners = [(0, 0), (500, 0), (500, 160), (540, 160), (540, 0), (1040, 0)]
    loop = np.array([[102.7 + x * east, 25.38 + y * north] for x, y in corners])
    truth = walk(straight_line(1040), bank_m=-10.0, meander_m=1.0, seed=3)
    found = judged(truth, GOOD, 3, ReachLine("R", loop, 100.0))
    assert found.coverage["R"] == pytest.approx(1040 / 1360, abs=0.08)
    whole = judged(truth, GOOD, 3, ReachLine("R", loop, 180.0))
    assert whole.coverage["R"] > 0.97


def test_a_sharp_bend_walked_on_its_inner_side_is_covered() -> None:
    truth = walk(RIVER, bank_m=60.0, meander_m=10.0, seed=4)
    assert judged(truth, USUAL, 4).coverage["QSH-01"] > 0.97


def test_away_from_the_river_nothing_is_covered() -> None:
    truth = walk(RIVER, seed=5)
    columns = seen(truth, USUAL, 5)
    columns["lat"] = columns["lat"] + 400 / 110_777.0
    found = judged(columns)
    assert found.coverage["QSH-01"] < 0.05
    assert found.along_m < 0.05 * found.distance_m
    assert found.distance_m == pytest.approx(truth.distance_m, rel=0.05)


def test_metres_far_north_are_as_long() -> None:
    """Geodesic: a degree of longitude at the northernmost county is a third shorter than at the demo county."""
    line = straight_line(2000, 122.3, 53.3)
    truth = walk(line, seed=6)
    found = judged(truth, USUAL, 6, ReachLine("R", line, 100.0))
    assert found.distance_m == pytest.approx(truth.distance_m, rel=0.04)
    assert found.covered_m == pytest.approx(2000, rel=0.03)


def test_two_reaches_are_covered_each_by_itself() -> None:
    half = len(RIVER) // 2
    upper, lower = ReachLine("upper", RIVER[: half + 1], 100.0), ReachLine("lower", RIVER[half:], 100.0)
    truth = walk(RIVER, to=(0.0, 0.75), seed=7)
    found = judge(points_of(truth, USUAL, 7), [upper, lower, REACH], RULES)
    assert found.coverage["upper"] > 0.97
    assert found.coverage["lower"] == pytest.approx(0.5, abs=0.05)
    assert found.coverage["QSH-01"] == pytest.approx(0.75, abs=0.03)
