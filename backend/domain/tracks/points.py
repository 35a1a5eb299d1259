"""The raw points of a track, as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_POINTS = 1_000_000


@dataclass(frozen=True, eq=False)
class Points:
    """What WeChat's `onLocationChange` gave, in the order in which it gave it; all arrays of one length n.

    `time_ms`: when the callback ran, by the phone's clock corrected for its skew, milliseconds since 1970 UTC.
    `lon`, `lat`: WGS-84 degrees. `accuracy_m`, `speed_mps`, `altitude_m`: NaN where the phone told none.
    `resumed`: the first callback after the mini program came back from the background.
    """

    time_ms: Ints
    lon: Floats
    lat: Floats
    accuracy_m: Floats
    speed_mps: Floats
    altitude_m: Floats
    resumed: Bools

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, field.name)) for field in fields(self)}
        if len(lengths) > 1:
            raise ValueError(f"columns of a track differ in length: {sorted(lengths)}")
        if lengths.pop() > MAX_POINTS:
            raise ValueError(f"a track has at most {MAX_POINTS} points")
        if not (np.isfinite(self.lon).all() and np.isfinite(self.lat).all()):
            raise ValueError("a track has a point that is no number")
        if len(self.lon) and (np.abs(self.lon).max() > 180 or np.abs(self.lat).max() > 90):
            raise ValueError("a track has a point that is not on the earth")

    def __len__(self) -> int:
        return len(self.time_ms)

    def take(self, which: Ints | Bools) -> Points:
        """The points chosen by index or by mask, in the order asked for."""
        return Points(*(getattr(self, field.name)[which] for field in fields(self)))


def make_points(
    time_ms: ArrayLike,
    lon: ArrayLike,
    lat: ArrayLike,
    accuracy_m: ArrayLike | None = None,
    speed_mps: ArrayLike | None = None,
    altitude_m: ArrayLike | None = None,
    resumed: ArrayLike | None = None,
) -> Points:
    """Points of plain sequences; a column left out, or None in one, is unknown.

    WeChat says "unknown" by a negative speed or an accuracy of zero or less: both become NaN.
    Raises ValueError for columns of different lengths, places that are no numbers or not on the earth, and more
    than MAX_POINTS points.
    """
    times = np.asarray(time_ms, dtype=np.int64)
    unknown = np.full(len(times), np.nan)
    accuracy = unknown if accuracy_m is None else np.asarray(accuracy_m, dtype=np.float64)
    speed = unknown if speed_mps is None else np.asarray(speed_mps, dtype=np.float64)
    altitude = unknown if altitude_m is None else np.asarray(altitude_m, dtype=np.float64)
    return Points(
        time_ms=times,
        lon=np.asarray(lon, dtype=np.float64),
        lat=np.asarray(lat, dtype=np.float64),
        accuracy_m=np.where(np.isfinite(accuracy) & (accuracy > 0), accuracy, np.nan),
        speed_mps=np.where(np.isfinite(speed) & (speed >= 0), speed, np.nan),
        altitude_m=np.where(np.isfinite(altitude), altitude, np.nan),
        resumed=np.zeros(len(times), dtype=bool) if resumed is None else np.asarray(resumed, dtype=bool),
    )


def join(parts: list[Points]) -> Points:
    """Several batches as one track, in the order given."""
    if not parts:
        return make_points([], [], [])
    return Points(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Points)))
