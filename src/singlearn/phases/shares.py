"""Shares of weighted populations, with the error that was seen, and bounds for what was not."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate

CONFIDENCE = 0.95


def ratio_estimate(
    numerators: Float[np.ndarray, " replicates"],
    denominators: Float[np.ndarray, " replicates"],
    floor: float = 0.0,
) -> Estimate:
    r"""A mean within a phase, :math:`a = Σ_r A_r / Σ_r B_r`: pooled, because a replicate that
    hardly saw the phase should hardly count.

    Its error is the spread of the linearised replicates :math:`a + (A_r - a B_r)/\bar B` (delta
    method), or ``floor`` if that is larger.

    >>> ratio_estimate(np.array([1.0, 2.0]), np.array([0.5, 1.0])).value
    2.0
    """
    value = float(numerators.sum() / denominators.sum())
    linearised = value + (numerators - value * denominators) / denominators.mean()
    return Estimate.from_replicates([float(x) for x in linearised], floor)


def largest_share(seen: float, effective: float) -> float:
    """Upper 95 % bound (Clopper and Pearson) of a share of which ``seen`` of ``effective`` draws
    were seen; 3/``effective`` for none.

    >>> round(largest_share(0.0, 300.0), 4)
    0.0099
    """
    if seen >= effective:
        return 1.0
    # Late, for its import takes longer than many a run.
    from scipy.stats import beta

    return float(beta.ppf(CONFIDENCE, seen + 1, effective - seen))
