"""What commutes with rotary positions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

EXACT = 1e-10
"""How far from what is required a matrix may be, relative to its largest entry."""


def frequency_groups(frequencies: Float[np.ndarray, " planes"]) -> list[np.ndarray]:
    """The planes that are turned at one speed, together.

    >>> [list(group) for group in frequency_groups(np.array([1.0, 0.1, 1.0]))]
    [[np.int64(1)], [np.int64(0), np.int64(2)]]
    """
    return [np.flatnonzero(frequencies == value) for value in np.unique(frequencies)]


def commuting_part(
    matrix: Float[np.ndarray, "k k"], frequencies: Float[np.ndarray, " planes"]
) -> Float[np.ndarray, "k k"]:
    r"""The nearest matrix that commutes with every rotation :math:`R_t = ⊕_i R(t θ_i)`.

    Read entry i and entry i + planes as one complex number; a turn multiplies it by :math:`e^{i t
    θ}`. What commutes with all turns does not mix planes of different speed (speeds from 0 to π,
    both excluded, differ in their turns), and is linear over the complex numbers where the speed is
    not 0: a turn and a scale of each plane where all speeds differ.

    Args:
        matrix: of queries with twice as many entries as there are planes.
        frequencies: θ, in radians per position.

    >>> commuting_part(np.array([[1.0, -3.0], [1.0, 3.0]]), np.array([0.5]))
    array([[ 2., -2.],
           [ 2.,  2.]])
    """
    planes = len(frequencies)
    found = np.zeros_like(matrix)
    for group in frequency_groups(frequencies):
        rows = np.concatenate([group, group + planes])
        block = matrix[np.ix_(rows, rows)]
        if frequencies[group[0]] != 0:
            m = len(group)
            real = (block[:m, :m] + block[m:, m:]) / 2
            imaginary = (block[m:, :m] - block[:m, m:]) / 2
            block = np.block([[real, -imaginary], [imaginary, real]])
        found[np.ix_(rows, rows)] = block
    return found
