"""A simulator of patrols: a known true way along a river, and what a phone makes of it. Seeded; knows no backend.

    truth = walk(line, to=(0.0, 0.6, 0.4), stops=((0.3, 180),), seed=1)     # on, and a little back again
    points = seen(truth, OLD, seed=1)                                       # columns for `make_points`

A walk goes along a path beside the line of a reach (WGS-84 longitude, latitude), meanders and has a pace that varies
as people's does. A `Phone` sees it with correlated noise (Gauss-Markov), at its own rhythm, through tunnels, with
stuck fixes, callbacks kept waiting in the background, doubles, an empty battery and a wrong clock. `drive`, `mock` and
`replay` are what nobody walked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod

Floats = NDArray[np.float64]

GEOD = Geod(ellps="WGS84")
BEGIN_MS = 1_780_275_600_000  # 2026-06-01 09:00 in Shanghai
Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Truth:
    """What was really walked: one place a second, `along_m` where along the line of the reach it was."""

    time_s: Floats
    lon: Floats
    lat: Floats
    along_m: Floats
    reach_m: float

    @property
    def step_m(self) -> Floats:
        return np.asarray(GEOD.inv(self.lon[:-1], self.lat[:-1], self.lon[1:], self.lat[1:])[2])

    @property
    def distance_m(self) -> float:
        return float(self.step_m.sum())

    @property
    def duration_s(self) -> float:
        return float(self.time_s[-1])

    @property
    def moving_s(self) -> float:
        return float((self.step_m > 0.02).sum())

    @property
    def coverage(self) -> float:
        """The share of the reach that was walked along."""
        return float((self.along_m.max() - self.along_m.min()) / self.reach_m)

    def metres(self, span: tuple[float, float]) -> float:
        """The metres walked from one second to another."""
        inside = (self.time_s[:-1] >= span[0]) & (self.time_s[:-1] < span[1])
        return float(self.step_m[inside].sum())


def walk(
    line: ArrayLike,
    to: Sequence[float] = (0.0, 1.0),
    stops: Sequence[tuple[float, float]] = (),
    pace_mps: float = 1.2,
    pace_varies: float = 0.1,
    bank_m: float = 20.0,
    meander_m: float = 4.0,
    meander_over_m: float = 60.0,
    seed: int = 0,
    pace_seed: int | None = None,
) -> Truth:
    """A walk from one share of the reach's length to the next, standing still at (share, seconds) when first there.

    The same `seed` is the same footpath; another `pace_seed`, another day on it.
    """
    random = np.random.default_rng(seed)
    degrees = np.asarray(line, dtype=np.float64)
    scale = _metres_per_degree(float(degrees[:, 1].mean()))
    metres = (degrees - degrees[0]) * scale
    reach_m = float(np.hypot(*np.diff(metres, axis=0).T).sum())
    path = _path(metres, reach_m, bank_m, meander_m, meander_over_m, random)
    grid = np.linspace(0.0, reach_m, len(path))
    tour = [np.array([to[0] * reach_m])]
    for begin, end in pairwise(to):
        steps = max(2, round(abs(end - begin) * reach_m))
        tour.append(np.linspace(begin * reach_m, end * reach_m, steps + 1)[1:])
    along = np.concatenate(tour)
    places = np.stack([np.interp(along, grid, path[:, axis]) for axis in (0, 1)], 1)
    odometer = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))])
    random = np.random.default_rng((seed if pace_seed is None else pace_seed, 5))
    stand_at = [(share * reach_m, seconds) for share, seconds in stops]
    walked = _odometer_by_second(along, odometer, stand_at, pace_mps, pace_varies, random)
    x, y = (np.interp(walked, odometer, places[:, axis]) for axis in (0, 1))
    return Truth(
        np.arange(len(walked), dtype=np.float64),
        degrees[0, 0] + x / scale[0],
        degrees[0, 1] + y / scale[1],
        np.interp(walked, odometer, along),
        reach_m,
    )


def stand(lon: float, lat: float, seconds: float) -> Truth:
    """Somebody who sits at one place all the time."""
    n = int(seconds) + 1
    return Truth(np.arange(n, dtype=float), np.full(n, lon), np.full(n, lat), np.zeros(n), 1.0)


def drive(line: ArrayLike, to: Sequence[float] = (0.0, 1.0), pace_mps: float = 11.0, seed: int = 0) -> Truth:
    """The reach seen through the window of a car."""
    return walk(line, to, (), pace_mps, 0.2, 40.0, 1.0, 100.0, seed)


@dataclass(frozen=True)
class Phone:
    """How a phone tells places. Spans are (from, to) in seconds of the walk; shares are of its callbacks."""

    every_s: float = 1.0
    late_s: float = 0.03  # callbacks come a little late, each differently
    noise_m: float = 8.0  # per axis, correlated over `noise_s`
    noise_s: float = 30.0
    white_m: float = 0.3
    accuracy_m: float | None = 12.0  # what it says about itself; None: nothing
    tells_speed: bool = True
    lost: Spans = ()  # no fixes
    asleep: Spans = ()  # the fixes come all at once when it wakes
    stuck: Spans = ()  # the last fix again and again
    spikes: float = 0.0  # share of fixes that are off by `spike_m`
    spike_m: float = 80.0
    doubles: float = 0.0  # share of callbacks that are stored twice
    zeros: float = 0.0  # share of callbacks at 0, 0
    dies_at_s: float | None = None
    clock_off_s: float = 0.0
    digits: int = 6


GOOD = Phone(noise_m=3.0, accuracy_m=5.0)
USUAL = Phone()
OLD = Phone(every_s=7.0, late_s=1.5, noise_m=18.0, white_m=2.0, accuracy_m=40.0, tells_speed=False, spikes=0.01,
            doubles=0.05, digits=5)  # fmt: skip


def seen(truth: Truth, phone: Phone = USUAL, seed: int = 0, begin_ms: int = BEGIN_MS) -> dict[str, Any]:
    """The callbacks of a phone carried along, as columns (`time_ms`, `lon`, `lat`, `accuracy_m`, `speed_mps`,
    `altitude_m`, `resumed`), in the order of the callbacks.
    """
    random = np.random.default_rng((seed, 1))
    at = np.arange(0.0, truth.duration_s + 1e-9, phone.every_s)
    measured = np.clip(at + random.uniform(0, 0.2, len(at)) * phone.every_s * (at > 0), 0, truth.duration_s)
    if phone.dies_at_s is not None:
        measured = measured[measured < phone.dies_at_s]
    measured = measured[~_within(measured, phone.lost)]
    scale = _metres_per_degree(float(truth.lat.mean()))
    error = gauss_markov(measured, phone.noise_m, phone.noise_s, random)
    error += random.normal(0, phone.white_m, error.shape)
    spiked = random.random(len(measured)) < phone.spikes
    angle = random.uniform(0, 2 * np.pi, len(measured))
    error += spiked * phone.spike_m * np.stack([np.cos(angle), np.sin(angle)])
    places = [
        np.interp(measured, truth.time_s, degrees) + error[axis] / scale[axis]
        for axis, degrees in enumerate((truth.lon, truth.lat))
    ]
    speed = np.interp(measured, truth.time_s[:-1] + 0.5, truth.step_m) + random.normal(0, 0.15, len(measured))
    for begin, end in phone.stuck:
        frozen = np.flatnonzero((measured >= begin) & (measured < end))
        for column in places:
            column[frozen] = column[frozen[:1]]
    told = measured + np.abs(random.normal(0, phone.late_s, len(measured)))
    resumed = np.zeros(len(measured), dtype=bool)
    for begin, end in phone.asleep:
        waiting = np.flatnonzero((measured >= begin) & (measured < end))
        told[waiting] = end + 0.004 * np.arange(len(waiting))
        resumed[waiting[:1]] = True
    missing = random.random(len(measured)) < phone.zeros
    accuracy = np.full(len(measured), np.nan)
    if phone.accuracy_m is not None:
        accuracy = np.round(phone.accuracy_m * np.exp(random.normal(0, 0.15, len(measured))), 1)
    columns: dict[str, Any] = {
        "time_ms": begin_ms + np.round((np.maximum.accumulate(told) + phone.clock_off_s) * 1000).astype(np.int64),
        "lon": np.where(missing, 0.0, np.round((places[0] + 180) % 360 - 180, phone.digits)),
        "lat": np.where(missing, 0.0, np.round(places[1], phone.digits)),
        "accuracy_m": accuracy,
        "speed_mps": np.abs(speed) if phone.tells_speed else np.full(len(measured), np.nan),
        "altitude_m": 1900 + np.cumsum(random.normal(0, 0.1, len(measured))),
        "resumed": resumed,
    }
    again = np.flatnonzero(random.random(len(measured)) < phone.doubles)
    again = np.sort(np.concatenate([np.arange(len(measured)), again]))
    return {name: column[again] for name, column in columns.items()}


def mock(
    line: ArrayLike, to: Sequence[float] = (0.0, 1.0), pace_mps: float = 1.3, every_s: float = 1.0,
    jitter_m: float = 0.0, seed: int = 0, begin_ms: int = BEGIN_MS,
) -> dict[str, Any]:  # fmt: skip
    """A position app plays a line: straight pieces, one speed, one interval, no noise but what it adds to look real."""
    random = np.random.default_rng((seed, 2))
    truth = walk(line, to, (), pace_mps, 0.0, 0.0, 0.0, seed=seed)
    at = np.arange(0.0, truth.duration_s, every_s)
    jitter = random.uniform(-jitter_m, jitter_m, (2, len(at)))
    scale = _metres_per_degree(float(truth.lat.mean()))
    return {
        "time_ms": begin_ms + np.round(at * 1000).astype(np.int64),
        "lon": np.interp(at, truth.time_s, truth.lon) + jitter[0] / scale[0],
        "lat": np.interp(at, truth.time_s, truth.lat) + jitter[1] / scale[1],
        "accuracy_m": np.full(len(at), 1.0),
        "speed_mps": np.full(len(at), pace_mps),
        "altitude_m": np.zeros(len(at)),
        "resumed": np.zeros(len(at), dtype=bool),
    }


def replay(
    columns: dict[str, Any], jitter_m: float = 2.0, later_s: float = 7 * 86400.0, backwards: bool = False,
    pace: float = 1.0, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """An earlier patrol sent again: days later, moved a little, perhaps faster, perhaps from its end."""
    random = np.random.default_rng((seed, 3))
    order = slice(None, None, -1) if backwards else slice(None)
    lon, lat = columns["lon"][order], columns["lat"][order]
    elapsed = columns["time_ms"] - columns["time_ms"][0]
    elapsed = (elapsed[-1] - elapsed)[::-1] if backwards else elapsed
    scale = _metres_per_degree(float(np.median(lat)))
    jitter = random.uniform(-jitter_m, jitter_m, (2, len(lon)))
    return columns | {
        "time_ms": columns["time_ms"][0] + round(later_s * 1000) + np.round(elapsed / pace).astype(np.int64),
        "lon": lon + jitter[0] / scale[0],
        "lat": lat + jitter[1] / scale[1],
        **{name: columns[name][order] for name in ("accuracy_m", "speed_mps", "altitude_m", "resumed")},
    }


def gauss_markov(time_s: Floats, size: float, memory_s: float, random: np.random.Generator, axes: int = 2) -> Floats:
    """Noise (axes, n) of one size that is like itself for `memory_s`, at ascending times."""
    gain = np.exp(-np.diff(time_s, prepend=-np.inf) / memory_s)
    noise = random.normal(0, size, (axes, len(time_s))) * np.sqrt(1.0 - gain**2)
    for index in range(1, len(time_s)):
        noise[:, index] += gain[index] * noise[:, index - 1]
    return noise


def straight_line(metres: float, lon: float = 102.7, lat: float = 25.38) -> Floats:
    """A line eastwards of so many metres."""
    return np.array([[lon, lat], [lon + metres / _metres_per_degree(lat)[0], lat]])


def winding_line(metres: float, seed: int = 0, lon: float = 102.7, lat: float = 25.38) -> Floats:
    """A river that winds eastwards, drawn with a vertex about every hundred metres as maps do."""
    random = np.random.default_rng((seed, 4))
    heading = gauss_markov(np.arange(0, metres, 100.0), 0.7, 300.0, random, 1)[0]
    steps = 100.0 * np.stack([np.cos(heading), np.sin(heading)], 1)
    return np.array([lon, lat]) + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)]) / _metres_per_degree(lat)


def but(phone: Phone, **changes: Any) -> Phone:
    """The same phone with something else about it."""
    return replace(phone, **changes)


def _path(
    metres: Floats, reach_m: float, bank_m: float, meander_m: float, meander_over_m: float, random: np.random.Generator
) -> Floats:
    """A footpath at the bank: the line with its corners worn round, moved aside, meandering; about a place a metre."""
    n = max(2, int(reach_m) + 1)
    corners = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))])
    at = np.linspace(0.0, reach_m, n)
    place = np.stack([np.interp(at, corners, metres[:, axis]) for axis in (0, 1)], 1)
    place = _worn(place, 15)
    ahead = np.gradient(place, axis=0)
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    # A meander is smooth: noise of noise.
    aside = gauss_markov(at, 1.0, meander_over_m / 2, random, 1)[0]
    aside = _worn(aside[:, None], max(1, int(meander_over_m / 6)))[:, 0]
    aside = bank_m + meander_m * aside / max(float(aside.std()), 1e-9) if meander_m else np.full(n, bank_m)
    return _worn(place + np.stack([-ahead[:, 1], ahead[:, 0]], 1) * aside[:, None], 5)


def _worn(columns: Floats, half: int) -> Floats:
    """A running mean over 2 half + 1 places, twice; narrower towards the ends, which stay where they are."""
    n = len(columns)
    room = np.minimum(np.minimum(np.arange(n), np.arange(n)[::-1]), half)
    for _ in range(2):
        sums = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)])
        columns = (sums[np.arange(n) + room + 1] - sums[np.arange(n) - room]) / (2 * room + 1)[:, None]
    return columns


def _odometer_by_second(
    along: Floats, odometer: Floats, stops: list[tuple[float, float]], pace_mps: float, varies: float,
    random: np.random.Generator,
) -> Floats:  # fmt: skip
    """Metres walked at each second, at a pace that varies over a minute, standing still where the stops say."""
    seconds = np.arange(0.0, odometer[-1] / pace_mps * 2 + 120)
    pace = np.full(len(seconds), float(pace_mps))
    if varies:
        pace *= np.exp(gauss_markov(seconds, varies, 60.0, random, 1)[0])
    walked = np.concatenate([[0.0], np.cumsum(pace)])
    walked = np.append(walked[walked < odometer[-1]], odometer[-1])
    for place, length_s in sorted(stops, key=lambda stop: stop[0]):
        passed = np.flatnonzero((along[:-1] - place) * (along[1:] - place) <= 0)
        second = int(np.searchsorted(walked, odometer[passed[0]]))
        walked = np.insert(walked, second, np.full(int(length_s), walked[second]))
    return walked


def _within(time_s: Floats, spans: Spans) -> NDArray[np.bool_]:
    inside = np.zeros(len(time_s), dtype=bool)
    for begin, end in spans:
        inside |= (time_s >= begin) & (time_s < end)
    return inside


def _metres_per_degree(lat: float) -> Floats:
    east = GEOD.inv(100.0, lat, 100.001, lat)[2] * 1000
    north = GEOD.inv(100.0, lat - 0.0005, 100.0, lat + 0.0005)[2] * 1000
    return np.array([east, north])
