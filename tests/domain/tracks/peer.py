"""A peer for the smoother: Kalman's filter and the smoother of Rauch, Tung and Striebel, step by step, as in textbooks.

Three states for each axis: place, velocity, and the phone's error, which is a first-order Gauss-Markov process. It is
told the true size and memory of the errors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def kalman_rts(
    time_s: Floats, fixes: Floats, error_m: float, memory_s: float, turning: float, dice_m: float = 1e-3
) -> Floats:
    """Smoothed places (axes, n) of fixes (axes, n) in metres."""
    return np.stack([_axis(time_s, axis, error_m, memory_s, turning, dice_m) for axis in fixes])


def _axis(time_s: Floats, fixes: Floats, error_m: float, memory_s: float, turning: float, dice_m: float) -> Floats:
    seen = np.array([[1.0, 0.0, 1.0]])
    state = np.array([fixes[0], 0.0, 0.0])
    cover = np.diag([1e8, 1e4, error_m**2])
    states, covers, ahead, ahead_covers, moves = [], [], [], [], []
    for index, fix in enumerate(fixes):
        if index:
            step = time_s[index] - time_s[index - 1]
            kept = np.exp(-step / memory_s)
            move = np.array([[1.0, step, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, kept]])
            fresh = np.zeros((3, 3))
            fresh[:2, :2] = turning * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
            fresh[2, 2] = error_m**2 * (1 - kept**2)
            state, cover = move @ state, move @ cover @ move.T + fresh
            moves.append(move)
            ahead.append(state)
            ahead_covers.append(cover)
        gain = cover @ seen.T / (seen @ cover @ seen.T + dice_m**2)
        state = state + (gain * (fix - seen @ state)).ravel()
        rest = np.eye(3) - gain @ seen
        cover = rest @ cover @ rest.T + dice_m**2 * gain @ gain.T
        states.append(state)
        covers.append(cover)
    smoothed = [states[-1]]
    for index in range(len(fixes) - 2, -1, -1):
        back = covers[index] @ moves[index].T @ np.linalg.inv(ahead_covers[index])
        smoothed.append(states[index] + back @ (smoothed[-1] - ahead[index]))
    return np.array([state[0] for state in smoothed[::-1]])
