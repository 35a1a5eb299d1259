"""Tracks that come again, tracks that nobody walked, and honest ones that only look like them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backend.domain.tracks.points import make_points
from backend.domain.tracks.signature import Signature, signature
from tests.domain.tracks.stories import RIVER, codes, judged
from tests.simulated_walks import (
    BEGIN_MS,
    GOOD,
    OLD,
    USUAL,
    Phone,
    but,
    drive,
    mock,
    replay,
    seen,
    stand,
    straight_line,
    walk,
)  # fmt: skip

LAST_WEEK = BEGIN_MS - 7 * 86_400_000
BEST = but(GOOD, noise_m=1.5, accuracy_m=3.0)
PHONES = {"usual": USUAL, "good": GOOD, "best": BEST, "old": OLD, "10s": but(USUAL, every_s=10.0)}
WALKS: dict[str, dict[str, Any]] = {
    "a long walk": {"line": RIVER},
    "a short walk": {"line": straight_line(400)},
    "there and back": {"line": RIVER, "to": (0.0, 0.3, 0.0)},
    "with stops": {"line": RIVER, "to": (0.0, 0.5), "stops": ((0.1, 200), (0.4, 300))},
}


def earlier(columns: dict[str, Any], patrol_id: str = "last week") -> Signature:
    return signature(make_points(**columns), patrol_id)


@pytest.mark.parametrize("phone", PHONES.values(), ids=PHONES.keys())
@pytest.mark.parametrize("story", WALKS)
def test_the_same_footpath_every_week_is_no_copy(story: str, phone: Phone) -> None:
    for seed in range(2):
        old = [
            earlier(seen(walk(**WALKS[story], seed=seed, pace_seed=week), phone, 100 + week, LAST_WEEK), str(week))
            for week in range(3)
        ]
        today = walk(**WALKS[story], seed=seed, pace_seed=9)
        assert not judged(seen(today, phone, 109), earlier=old).doubts


@pytest.mark.parametrize("phone", PHONES.values(), ids=PHONES.keys())
@pytest.mark.parametrize(
    "disguise",
    [{"jitter_m": 0.0}, {"jitter_m": 3.0}, {"backwards": True}, {"pace": 1.3}, {"pace": 0.8, "later_s": 3600.0}],
    ids=["as it was", "jittered", "backwards", "faster", "slower"],
)
def test_a_copied_track_is_doubted_whatever_its_disguise(disguise: dict[str, Any], phone: Phone) -> None:
    columns = seen(walk(RIVER, to=(0.0, 0.6), seed=4), phone, 4, LAST_WEEK)
    others = [earlier(seen(walk(RIVER, seed=one), phone, one, LAST_WEEK), f"other {one}") for one in (5, 6)]
    found = judged(replay(columns, **disguise), earlier=[*others, earlier(columns)])
    assert codes(found, "doubt") == {"repeated"}
    (flag,) = found.doubts
    assert flag.patrol_id == "last week"
    assert flag.share is not None
    assert flag.share > 0.6
    assert "5月25日" in flag.words
    assert ("方向相反" in flag.words) == disguise.get("backwards", False)


def test_most_of_a_copy_is_a_copy() -> None:
    columns = seen(walk(RIVER, to=(0.0, 0.6), seed=4), USUAL, 4, LAST_WEEK)
    copy = replay(columns)
    fresh = seen(walk(RIVER, to=(0.6, 0.85), seed=4), USUAL, 7, int(copy["time_ms"][-1]) + 1000)
    both = {name: np.concatenate([copy[name], fresh[name]]) for name in copy}
    assert codes(judged(both, earlier=[earlier(columns)]), "doubt") == {"repeated"}
    half = {name: column[len(column) // 3 :] for name, column in copy.items()}
    assert codes(judged(half, earlier=[earlier(columns)]), "doubt") == {"repeated"}


def test_two_chiefs_who_walk_together_with_two_phones_are_honest() -> None:
    truth = walk(RIVER, to=(0.0, 0.6), seed=5)
    for phone in PHONES.values():
        assert not judged(seen(truth, phone, 1), earlier=[earlier(seen(truth, phone, 2))]).doubts


def test_one_phone_for_two_chiefs_is_doubted_in_other_words() -> None:
    columns = seen(walk(RIVER, to=(0.0, 0.6), seed=5), USUAL, 1)
    (flag,) = judged(replay(columns, later_s=2.0, jitter_m=0.5), earlier=[earlier(columns)]).doubts
    assert "一部手机" in flag.words


def test_sitting_twice_at_the_same_place_is_no_copy() -> None:
    columns = seen(stand(102.7, 25.38, 1800), USUAL, 1, LAST_WEEK)
    assert not judged(replay(columns), earlier=[earlier(columns)]).doubts


def test_a_signature_is_small_and_told_when_damaged() -> None:
    columns = seen(walk(RIVER, to=(0.0, 1.0, 0.0, 1.0), seed=6), USUAL, 6)
    made = earlier(columns)
    assert len(columns["time_ms"]) > 7000
    assert len(made.data) < 3000
    assert Signature("x", bytes(made.data)) == Signature("x", made.data)
    today = seen(walk(RIVER, seed=7), USUAL, 7)
    for data in (b"", made.data[:20], made.data[:-5], b"x" + made.data[1:], made.data[:20] + b"x" * 300):
        with pytest.raises(ValueError, match=r"signature|few"):
            judged(today, earlier=[Signature("x", data)])


# ---- mock positions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "app",
    [{}, {"every_s": 5.0}, {"jitter_m": 2.0}, {"jitter_m": 4.0, "every_s": 5.0}, {"pace_mps": 2.0}],
    ids=["plain", "5s", "jittered", "jittered 5s", "fast"],
)
@pytest.mark.parametrize("line", [RIVER, straight_line(2500)], ids=["river", "straight"])
def test_a_line_played_by_an_app_is_doubted(line: Any, app: dict[str, Any]) -> None:
    found = judged(mock(line, **app))
    assert codes(found, "doubt") == {"too_regular"}
    assert "模拟定位" in found.doubts[0].words


def test_a_recorded_route_played_without_errors_is_doubted_though_its_app_varies_the_rest() -> None:
    columns = mock(RIVER)
    random = np.random.default_rng(1)
    n = len(columns["time_ms"])
    columns["time_ms"] = columns["time_ms"] + random.integers(0, 3, n)
    columns["accuracy_m"], columns["altitude_m"] = random.uniform(4, 9, n), random.uniform(1880, 1890, n)
    assert codes(judged(columns), "doubt") == {"too_regular"}


@pytest.mark.parametrize("phone", PHONES.values(), ids=PHONES.keys())
def test_a_steady_walk_of_an_honest_phone_is_not_too_regular(phone: Phone) -> None:
    """One speed, one interval, one accuracy, no altitude: the errors of the receiver still wander."""
    columns = seen(walk(straight_line(2500), pace_varies=0.0, seed=2), but(phone, late_s=0.0), 2)
    columns["accuracy_m"][:], columns["altitude_m"][:] = 10.0, 0.0
    assert not judged(columns).doubts


@pytest.mark.parametrize("digits", [5, 6, 7])
def test_the_smoothest_of_honest_phones_is_not_too_regular(digits: int) -> None:
    """Half a metre of error that changes by nine centimetres a second, as phones that smooth their places have."""
    phone = but(GOOD, noise_m=0.5, noise_s=60.0, white_m=0.0, digits=digits)
    for seed in range(3):
        assert not judged(seen(walk(RIVER, seed=seed), phone, seed)).doubts


def test_errors_thrown_like_dice_are_no_proof_by_themselves() -> None:
    columns = seen(walk(RIVER, seed=3), but(USUAL, noise_m=2.0, white_m=6.0), 3)
    columns["accuracy_m"][:] = 30.0
    assert not judged(columns).doubts


def test_places_rounded_to_a_metre_are_not_too_regular() -> None:
    columns = seen(walk(straight_line(2500), seed=4), but(GOOD, noise_m=0.8, digits=5), 4)
    assert not judged(columns).doubts


def test_a_smooth_drive_is_fast_and_not_regular() -> None:
    assert codes(judged(seen(drive(RIVER), GOOD, 5)), "doubt") == {"too_fast"}
