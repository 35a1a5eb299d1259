"""The errors of a track's fixes: how large they are, and ghosts to compare a walker with.

Ghosts are pure noise of known size at the times of the fixes, the same at every judgement. What a filter makes of them
is what it makes of errors alone.
"""

from __future__ import annotations

import numpy as np

from backend.domain.tracks.points import Bools, Floats, Ints
from backend.domain.tracks.smoothing import smooth

LEAPING = 1e6  # the turning (m²/s³) of a step that nobody can have gone: none of its sides tells of the other

_GHOSTS, _SEED = 8, 20_260_601
_FORGOTTEN = 10.0  # memories
_LOOSE_TURNING = 0.3
_MEASURED, _FIRST_WANDER, _WANDER = 3, 1.0, (0.05, 5.0)  # of what the phone says of its errors
_LEAST_DICE_M, _MOST_DICE_M = 0.3, 50.0
_LEAST_SHARE = 0.05
_STEADY_S, _MUCH_WORSE = 60.0, 2.0


def errors_of(
    time_s: Floats, fixes: Floats, told_m: Floats, size: Ints, ghosts: Floats, broken: Bools, memory_s: float
) -> tuple[Floats, Floats]:
    """How large the errors are that wander, and those thrown for each fix, by axis.

    What a loose filter leaves between fixes and way, in size and in change from one to the next, is compared with what
    it leaves of ghosts of both kinds: so loose a filter follows nearly any way, and leaves errors only.
    """
    wander, dice = _FIRST_WANDER, _LEAST_DICE_M
    averaged = 1.0 / np.sqrt(size)
    if broken.all():
        return told_m * wander, dice * averaged
    both = np.concatenate([fixes, ghosts[0] * told_m, ghosts[1]])
    turning = np.where(broken, LEAPING, _LOOSE_TURNING)
    for _ in range(_MEASURED):
        rest = both - smooth(time_s, both, told_m * wander, dice * averaged, memory_s, turning)
        left = np.stack([(rest**2).mean(axis=1), (np.diff(rest, axis=1)[:, ~broken] ** 2).mean(axis=1)])
        seen, wandering, thrown = (kind.mean(axis=1) for kind in np.split(left, [2, 2 + len(ghosts[0])], axis=1))
        wander_variance, dice_variance = _shares(seen, np.maximum(wandering, 1e-12), np.maximum(thrown, 1e-12))
        wander = float(np.clip(np.sqrt(wander_variance), *_WANDER))
        dice = float(np.clip(np.sqrt(dice_variance), _LEAST_DICE_M, _MOST_DICE_M))
    return told_m * wander, dice * averaged


def _shares(seen: Floats, wandering: Floats, thrown: Floats) -> tuple[float, float]:
    """The variances of both kinds of errors, neither less than nothing, that together look like what was seen.

    Each argument: size, and change from one place to the next.
    """
    most = float((seen / wandering).mean())
    sure = wandering[0] * thrown[1] - wandering[1] * thrown[0]
    if abs(sure) < 1e-6 * wandering[0] * thrown[1]:
        return most, 0.0
    by_wandering = float(seen[0] * thrown[1] - seen[1] * thrown[0]) / sure
    by_dice = float(wandering[0] * seen[1] - wandering[1] * seen[0]) / sure
    if by_dice < 0:
        return most, 0.0
    if by_wandering < _LEAST_SHARE * most:  # errors of phones wander, some more, some less
        return _LEAST_SHARE * most, (1.0 - _LEAST_SHARE) * float((seen / thrown).mean())
    return by_wandering, by_dice


def steady(time_s: Floats, error_m: Floats) -> Floats:
    """What phones say of their error, without its flutter, which is not that of the error; much worse fixes stay so.

    The filter compares neighbouring errors by their sizes: sizes that flutter would be taken for a way.
    """
    sums = np.concatenate([[0.0], np.cumsum(error_m)])
    begin = np.searchsorted(time_s, time_s - _STEADY_S)
    end = np.searchsorted(time_s, time_s + _STEADY_S, side="right")
    usual = (sums[end] - sums[begin]) / (end - begin)
    return np.where(error_m > _MUCH_WORSE * usual, error_m, usual)


def ghosts_of(time_s: Floats, memory_s: float, group: Ints, size: Ints) -> Floats:
    """Pure noise of size one at the times of the points, averaged as they are: (2, ghosts, places).

    The first wander, the others are thrown for each point by itself.
    """
    fresh = np.sqrt(1.0 - np.exp(-2.0 * np.diff(time_s, prepend=time_s[0] - 1e6) / memory_s))
    # What is left of the noise so many points back; each round of adding doubles how far back a point remembers.
    left: list[Floats] = []
    back = 1
    while back < len(time_s):
        far = time_s[back:] - time_s[:-back]
        if far.min() > _FORGOTTEN * memory_s:
            break
        left.append(np.exp(-far / memory_s))
        back *= 2
    ghosts = np.empty((2, _GHOSTS, len(size)))
    for index in range(_GHOSTS):
        ghost, thrown = np.random.default_rng((_SEED, index)).normal(size=(2, len(time_s)))
        ghosts[1, index] = np.bincount(group, thrown) / np.sqrt(size)
        ghost *= fresh
        for power, share in enumerate(left):
            back = 2**power
            ghost[back:] = ghost[back:] + share * ghost[:-back]
        ghosts[0, index] = np.bincount(group, ghost) / size
    return ghosts
