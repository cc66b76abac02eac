"""Whether a divergence that was brought is one: nowhere below 0."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason

# Below 0 by less than this share of a thermal energy, 1/β, at the coldest rung: rounding, which no
# reading sees.
UNSEEN = 0.05


def negative_warnings(
    energies: Float[np.ndarray, "rungs replicates particles"],
    inverse_temperatures: Float[np.ndarray, " rungs"],
    n: float,
) -> list[Caution]:
    """One warning if n K is below 0 by enough to be seen at the coldest rung of a population
    run.
    """
    lowest = float(energies.min())
    if -lowest * float(inverse_temperatures[-1]) <= UNSEEN:
        return []
    rungs = np.flatnonzero((energies < 0).any(axis=(1, 2)))
    return [
        Caution(
            Reason.NEGATIVE_ENERGY,
            f"K is negative, down to {lowest / n:.3g} (at {len(rungs)} of {len(energies)} rungs, "
            f"β = "
            f"{inverse_temperatures[rungs[0]]:.3g} … {inverse_temperatures[rungs[-1]]:.3g}); a "
            "Kullback–Leibler divergence is ≥ 0, and λ is read as if 0 were its minimum (subtract "
            "the "
            "minimum, or write K as a sum of squares where it is rounding)",
        )
    ]
