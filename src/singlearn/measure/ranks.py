"""Ranks, without ``scipy.stats``, whose import takes longer than many a run."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def ranks(values: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """Ranks from 1 on; equal values share the mean of their ranks, as in ``scipy.stats.rankdata``.

    Args:
        values: numbers; infinite ones are the largest or smallest.

    Returns:
        The rank of each; all NaN where one value is NaN.

    >>> ranks(np.array([2.0, 1.0, 2.0, 5.0])).tolist()
    [2.5, 1.0, 2.5, 4.0]
    """
    if np.isnan(values).any():
        return np.full(len(values), np.nan)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    is_first = np.r_[True, ordered[1:] != ordered[:-1]]
    first = np.flatnonzero(is_first)
    after = np.r_[first[1:], len(values)]
    found = np.empty(len(values))
    found[order] = (0.5 * (first + after + 1))[np.cumsum(is_first) - 1]
    return found
