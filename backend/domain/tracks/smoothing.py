"""The most likely way behind noisy fixes: a fixed-interval smoother, solved for all points at once.

Model, for each axis by itself: the walker's velocity changes by white acceleration of density `turning` (m²/s³); the
error of a fix is the sum of one that wanders (a first-order Gauss-Markov process of the fix's own size and of
correlation time `memory_s`) and one thrown for each fix by itself. The most likely path is what a Kalman filter
followed by a Rauch-Tung-Striebel smoother finds; here the normal equations, block-tridiagonal with blocks of place,
velocity and wandering error, are solved by cyclic reduction: linear in the points, and every step of it works on whole
arrays.
"""

from __future__ import annotations

import numpy as np

from backend.domain.tracks.points import Floats

_SHORTEST_S, _LONGEST_S = 0.05, 3600.0  # of a step, as the filter sees it: keeps the equations well conditioned
_ANY_SPEED_MPS = 100.0  # nothing is known of the velocity before the first fix


def smooth(
    time_s: Floats, fixes: Floats, wander_m: Floats, dice_m: Floats, memory_s: float, turning: Floats | float
) -> Floats:
    """The places of the most likely path, (axes, n) metres.

    `time_s` (n), ascending; `fixes` (axes, n) in metres; `wander_m`, `dice_m` (n): standard deviations of both errors
    of each fix per axis, `dice_m` greater than nothing; `turning`: one number, or one per step (n - 1).
    """
    n = len(time_s)
    if n < 2:
        return fixes.copy()
    step = np.clip(np.diff(time_s), _SHORTEST_S, _LONGEST_S)
    # Acceleration: the step to the next state is F = [[1, dt], [0, 1]], its inverse covariance Q = [[a, b], [b, c]].
    a = 12.0 / (turning * step**3)
    b = -6.0 / (turning * step**2)
    c = 4.0 / (turning * step)
    diagonal = np.zeros((3, 3, n))
    lower = np.zeros((3, 3, n))  # lower[..., i] couples state i to state i - 1; the first is unused
    diagonal[1, 1] += 1.0 / _ANY_SPEED_MPS**2
    diagonal[0, 0, 1:] += a
    diagonal[0, 1, 1:] += b
    diagonal[1, 1, 1:] += c
    # F' Q F of the earlier state, and -Q F between the two.
    diagonal[0, 0, :-1] += a
    diagonal[0, 1, :-1] += a * step + b
    diagonal[1, 1, :-1] += a * step**2 + 2.0 * b * step + c
    lower[0, 0, 1:] = -a
    lower[0, 1, 1:] = -(a * step + b)
    lower[1, 0, 1:] = -b
    lower[1, 1, 1:] = -(b * step + c)
    # The wandering error in units of its size: the first is normal, the change u[i + 1] - r u[i] has variance 1 - r².
    r = np.exp(-step / memory_s)
    weight = 1.0 / (1.0 - r**2)
    diagonal[2, 2, 0] += 1.0
    diagonal[2, 2, 1:] += weight
    diagonal[2, 2, :-1] += weight * r**2
    lower[2, 2, 1:] = -weight * r
    # A fix is place + size of the wandering error · u, but for the dice.
    sure = 1.0 / dice_m**2
    diagonal[0, 0] += sure
    diagonal[0, 2] += sure * wander_m
    diagonal[2, 2] += sure * wander_m**2
    diagonal[1, 0], diagonal[2, 0] = diagonal[0, 1], diagonal[0, 2]
    right = np.zeros((3, len(fixes), n))
    right[0], right[2] = sure * fixes, sure * wander_m * fixes
    places: Floats = _solve(diagonal, lower, right)[0]
    return places


def _solve(diagonal: Floats, lower: Floats, right: Floats) -> Floats:
    """The solution of a symmetric block-tridiagonal system, arrays (3, 3, n), (3, 3, n) and (3, axes, n)."""
    n = diagonal.shape[-1]
    if n == 1:
        return _times(_inverse(diagonal), right)
    inverse = _inverse(diagonal[..., 1::2])
    before, after = lower[..., 1::2], _transposed(lower[..., 2::2])  # of the odd rows, to their even neighbours
    count, has_after = before.shape[-1], after.shape[-1]
    to_before = _times(_transposed(before), inverse)
    to_after = _times(_transposed(after), inverse[..., :has_after])
    odd_right = right[..., 1::2]
    fewer, fewer_right = diagonal[..., ::2].copy(), right[..., ::2].copy()
    fewer[..., :count] -= _times(to_before, before)
    fewer_right[..., :count] -= _times(to_before, odd_right)
    fewer[..., 1 : has_after + 1] -= _times(to_after, after)
    fewer_right[..., 1 : has_after + 1] -= _times(to_after, odd_right[..., :has_after])
    fewer_lower = np.zeros_like(fewer)
    fewer_lower[..., 1 : has_after + 1] = -_times(to_after, before[..., :has_after])
    even = _solve(fewer, fewer_lower, fewer_right)
    rest = odd_right - _times(before, even[..., :count])
    rest[..., :has_after] -= _times(after, even[..., 1 : has_after + 1])
    solution = np.empty_like(right)
    solution[..., ::2] = even
    solution[..., 1::2] = _times(inverse, rest)
    return solution


def _times(left: Floats, right: Floats) -> Floats:
    product: Floats = left[:, 0, None] * right[None, 0]
    for inner in (1, 2):
        product += left[:, inner, None] * right[None, inner]
    return product


def _transposed(blocks: Floats) -> Floats:
    return blocks.transpose(1, 0, 2)


def _inverse(blocks: Floats) -> Floats:
    """Of symmetric blocks (3, 3, n)."""
    a, b, c, d, e, f = (blocks[row, column] for row, column in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    inverse = np.empty_like(blocks)
    inverse[0, 0] = d * f - e * e
    inverse[0, 1] = inverse[1, 0] = c * e - b * f
    inverse[0, 2] = inverse[2, 0] = b * e - c * d
    inverse[1, 1] = a * f - c * c
    inverse[1, 2] = inverse[2, 1] = b * c - a * e
    inverse[2, 2] = a * d - b * b
    inverse /= a * inverse[0, 0] + b * inverse[0, 1] + c * inverse[0, 2]
    return inverse
