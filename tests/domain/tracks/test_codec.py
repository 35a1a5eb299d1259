"""Raw points as bytes: what goes in comes out, and damage is told, never returned as a track."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.tracks.codec import CorruptTrack, pack, unpack
from backend.domain.tracks.points import Points, join, make_points

MEASURED = st.none() | st.floats(-1e6, 1e6)
POINT = st.tuples(
    st.integers(-(2**62), 2**62),
    st.floats(-180, 180),
    st.floats(-90, 90),
    MEASURED,
    MEASURED,
    MEASURED,
    st.booleans(),
)


def _two_hours() -> Points:
    """7,200 points with all the noise that a phone can make: nothing repeats, every column is lively."""
    random = np.random.default_rng(4)
    n = 7200
    wander = np.zeros((n, 2))
    for at in range(1, n):
        wander[at] = wander[at - 1] * np.exp(-1 / 30) + random.normal(0, 8 * np.sqrt(1 - np.exp(-2 / 30)), 2)
    return make_points(
        1_780_000_000_000 + np.cumsum(random.normal(1000, 25, n)).astype(int),
        102.7 + (np.arange(n) * 1.2 + wander[:, 0]) / 100_600,
        25.38 + wander[:, 1] / 110_800,
        8 + random.normal(0, 1.5, n),
        np.abs(random.normal(1.2, 0.3, n)),
        1890 + np.cumsum(random.normal(0, 0.4, n)),
    )


@settings(deadline=None)
@given(st.lists(POINT, max_size=60))
def test_what_goes_in_comes_out(rows: list[tuple[float, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * 7
    points = make_points(*(np.array(column, dtype=float if 0 < at < 6 else None) for at, column in enumerate(columns)))
    again = unpack(pack(points))
    assert (again.time_ms == points.time_ms).all()
    assert (again.resumed == points.resumed).all()
    assert np.abs(again.lon - points.lon).max(initial=0) <= 0.51e-7
    assert np.abs(again.lat - points.lat).max(initial=0) <= 0.51e-7
    for name, step in (("accuracy_m", 0.1), ("speed_mps", 0.01), ("altitude_m", 0.1)):
        was, is_now = getattr(points, name), getattr(again, name)
        assert (np.isnan(was) == np.isnan(is_now)).all()
        assert np.nanmax(np.abs(was - is_now), initial=0) <= step * 0.51
    assert pack(again) == pack(points)  # rounding once is rounding for good


def test_two_hours_at_a_point_a_second_fit() -> None:
    points = _two_hours()
    data = pack(points)
    assert len(data) <= 60_000
    assert len(unpack(data)) == 7200


@settings(deadline=None)
@given(st.data())
def test_damage_is_told(data: st.DataObject) -> None:
    whole = pack(_two_hours().take(np.arange(40)))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    # A changed byte of the header's count, or of anything else, must never give other points.
    with pytest.raises(CorruptTrack):
        unpack(bytes(changed))
    with pytest.raises(CorruptTrack):
        unpack(whole[:at])
    with pytest.raises(CorruptTrack):
        unpack(whole + b"x")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_other_bytes_are_told(data: bytes) -> None:
    with pytest.raises(CorruptTrack):
        unpack(data)


def test_a_bomb_is_not_unpacked() -> None:
    honest = pack(_two_hours().take(np.arange(3)))
    with pytest.raises(CorruptTrack, match="cut short or was changed"):
        unpack(honest[:12] + zlib.compress(bytes(50_000_000)))


def test_what_is_no_track_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        make_points([1, 2], [102.0], [25.0])
    with pytest.raises(ValueError, match="no number"):
        make_points([1], [float("nan")], [25.0])
    with pytest.raises(ValueError, match="not on the earth"):
        make_points([1], [102.0], [125.0])
    with pytest.raises(ValueError, match="beyond"):
        pack(make_points([1], [102.0], [25.0], altitude_m=[1e12]))


def test_batches_are_joined_in_their_order() -> None:
    one, two = make_points([5], [102.0], [25.0], [0]), make_points([3], [102.1], [25.1], [7.0])
    both = join([one, two])
    assert both.time_ms.tolist() == [5, 3]
    assert np.isnan(both.accuracy_m[0])
    assert both.accuracy_m[1] == 7.0
    assert len(join([])) == 0
