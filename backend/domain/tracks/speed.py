"""The speed of a smoothed way, without what is noise in it."""

from __future__ import annotations

import numpy as np

from backend.domain.tracks.points import Floats


def over(time_s: Floats, amount: Floats, seconds: Floats, window_s: float) -> Floats:
    """The amount per second, for each step over a window of time round it."""
    sums, times = (np.concatenate([[0.0], np.cumsum(column)]) for column in (amount, seconds))
    middle = (time_s[1:] + time_s[:-1]) / 2
    begin = np.searchsorted(time_s, middle - window_s / 2).clip(0, None)
    end = np.searchsorted(time_s, middle + window_s / 2, side="right") - 1
    begin, end = np.minimum(begin, np.arange(len(middle))), np.maximum(end, np.arange(len(middle)) + 1)
    rate: Floats = (sums[end] - sums[begin]) / np.maximum(times[end] - times[begin], 1e-9)
    return rate


def without_noise(speed: Floats, variance: Floats) -> Floats:
    """The speed of a walker whose speed looks like this under noise of this variance per axis.

    Noise along the way averages out, noise across makes it longer: seen = true + variance / (2 true).
    """
    rest = speed**2 - 2.0 * variance
    walked = (speed + np.sqrt(np.maximum(rest, 0.0))) / 2.0
    return np.where(rest > 0, walked, speed / 2.0 * np.minimum(1.0, speed**2 / np.maximum(2.0 * variance, 1e-12)))


def speeds(states: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """The speed of each step, and the variance per axis of the ghosts' velocities in it."""
    velocity = np.diff(states, axis=1) / seconds
    return np.hypot(velocity[0], velocity[1]), (velocity[2:] ** 2).mean(axis=0)


def quantile(values: Floats, weights: Floats, share: float) -> float:
    """The value below which so great a share of the weight lies."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1]).clip(0, len(values) - 1)])
