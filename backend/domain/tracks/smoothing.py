"""The most likely way behind noisy fixes: a fixed-interval smoother, solved for all points at once.

Model, for each axis by itself: the walker's velocity changes by white acceleration of density `turning` (m²/s³); the
error of a fix is a first-order Gauss-Markov process, of the fix's own size (metres) and of correlation time
`noise_s`. Its most likely path is what a Kalman filter followed by a Rauch-Tung-Striebel smoother finds; here the
normal equations, block-tridiagonal with blocks of position and velocity, are solved by cyclic reduction: linear in
the points, and every step of it works on whole arrays.
"""

from __future__ import annotations

import numpy as np

from backend.domain.tracks.points import Floats

_SHORTEST_S, _LONGEST_S = 0.05, 3600.0  # of a step, as the filter sees it: keeps the equations well conditioned
_ANY_SPEED_MPS = 100.0  # nothing is known of the velocity before the first fix


def smooth(time_s: Floats, fixes: Floats, error_m: Floats, noise_s: float, turning: Floats | float) -> Floats:
    """Positions and velocities of the most likely path.

    `time_s` (n), ascending; `fixes` (axes, n) in metres; `error_m` (n), the standard deviation of each fix per axis;
    `turning`: one number, or one per step (n - 1). Returns (2, axes, n): positions in metres, velocities in m/s.
    """
    n = len(time_s)
    if n < 2:
        return np.stack([fixes, np.zeros_like(fixes)])
    step = np.clip(np.diff(time_s), _SHORTEST_S, _LONGEST_S)
    # Acceleration: the step to the next state is F = [[1, dt], [0, 1]], its inverse covariance Q = [[a, b], [b, c]].
    a = 12.0 / (turning * step**3)
    b = -6.0 / (turning * step**2)
    c = 4.0 / (turning * step)
    diagonal = np.zeros((2, 2, n))
    lower = np.zeros((2, 2, n))  # lower[..., i] couples state i to state i - 1; the first is unused
    right = np.zeros((2, len(fixes), n))
    diagonal[1, 1] += 1.0 / _ANY_SPEED_MPS**2
    diagonal[0, 0, 1:] += a
    diagonal[0, 1, 1:] += b
    diagonal[1, 0, 1:] += b
    diagonal[1, 1, 1:] += c
    # F' Q F of the earlier state, and -Q F between the two.
    diagonal[0, 0, :-1] += a
    diagonal[0, 1, :-1] += a * step + b
    diagonal[1, 0, :-1] += a * step + b
    diagonal[1, 1, :-1] += a * step**2 + 2.0 * b * step + c
    lower[0, 0, 1:] = -a
    lower[0, 1, 1:] = -(a * step + b)
    lower[1, 0, 1:] = -b
    lower[1, 1, 1:] = -(b * step + c)
    # Errors u = (fix - position) / error: the first is normal, the change u[i + 1] - r u[i] has variance 1 - r².
    r = np.exp(-step / noise_s)
    weight = 1.0 / (1.0 - r**2)
    here, there = 1.0 / error_m[1:], r / error_m[:-1]
    change = fixes[:, 1:] * here - fixes[:, :-1] * there
    diagonal[0, 0, 0] += 1.0 / error_m[0] ** 2
    right[0, :, 0] += fixes[:, 0] / error_m[0] ** 2
    diagonal[0, 0, 1:] += weight * here**2
    diagonal[0, 0, :-1] += weight * there**2
    lower[0, 0, 1:] -= weight * here * there
    right[0, :, 1:] += weight * here * change
    right[0, :, :-1] -= weight * there * change
    return _solve(diagonal, lower, right)


def _solve(diagonal: Floats, lower: Floats, right: Floats) -> Floats:
    """The solution of a symmetric block-tridiagonal system, arrays (2, 2, n), (2, 2, n) and (2, k, n)."""
    n = diagonal.shape[-1]
    inverse = _inverse(diagonal[..., 1::2])
    if n == 1:
        return _times(_inverse(diagonal), right)
    before, after = lower[..., 1::2], _transposed(lower[..., 2::2])  # of the odd rows, to their even neighbours
    has_after = after.shape[-1]
    to_before = _times(_transposed(before), inverse)
    to_after = _times(_transposed(after), inverse[..., :has_after])
    odd_right = right[..., 1::2]
    fewer = diagonal[..., ::2].copy()
    fewer_right = right[..., ::2].copy()
    count = before.shape[-1]
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
    product: Floats = left[:, 0, None] * right[None, 0] + left[:, 1, None] * right[None, 1]
    return product


def _transposed(blocks: Floats) -> Floats:
    return blocks.transpose(1, 0, 2)


def _inverse(blocks: Floats) -> Floats:
    determinant = blocks[0, 0] * blocks[1, 1] - blocks[0, 1] * blocks[1, 0]
    inverse = np.empty_like(blocks)
    inverse[0, 0], inverse[1, 1] = blocks[1, 1], blocks[0, 0]
    inverse[0, 1], inverse[1, 0] = -blocks[0, 1], -blocks[1, 0]
    inverse /= determinant
    return inverse
