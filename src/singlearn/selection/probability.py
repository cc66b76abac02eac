"""Posterior probabilities of models from their free energies, with the error the free energies
leave.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from singlearn.results.estimate import Estimate


def probabilities(free_energies: Sequence[Estimate]) -> list[Estimate]:
    r""":math:`P(K) = e^{-F_K} / \sum_j e^{-F_j}`, posterior probabilities under equal prior ones.

    The standard error is the spread over replicates, and at least what the standard errors
    :math:`s_j` of the free energies propagate to: :math:`P_K \sqrt{(1-P_K)^2 s_K^2 + \sum_{j≠K}
    P_j^2 s_j^2}`.

    Args:
        free_energies: of the models, in nats, from the same number of replicates.

    >>> [
    ...     round(p.value, 3)
    ...     for p in probabilities([Estimate(10.0, 0.1), Estimate(10.0 + np.log(3), 0.1)])
    ... ]
    [0.75, 0.25]
    """
    values = softmax([-f.value for f in free_energies])
    errors = np.array([f.standard_error for f in free_energies])
    sensitivity = values[:, None] * (np.eye(len(values)) - values[None, :])
    floors = np.sqrt(np.sum((sensitivity * errors) ** 2, axis=1))
    counts = {len(f.replicates) for f in free_energies}
    if len(counts) > 1 or not counts or min(counts) < 2:
        return [Estimate(float(p), float(s)) for p, s in zip(values, floors, strict=True)]
    each = softmax(-np.array([f.replicates for f in free_energies]), axis=0)
    found = [
        Estimate.from_replicates(list(own), floor=float(floor))
        for own, floor in zip(each, floors, strict=True)
    ]
    # The value belongs to the free energies that are reported, not to the mean of the replicates'
    # probabilities.
    return [
        Estimate(float(p), f.standard_error, f.replicates)
        for p, f in zip(values, found, strict=True)
    ]
