"""The Bayes predictive density of a model of one number."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.tempering import Run
from singlearn.triple.predictive import predictive


def is_density_on_a_line(run: Run) -> bool:
    """Whether the run's triple models observations that are single numbers, one array of them."""
    data = None if run.triple is None or run.is_population else run.triple.data
    return isinstance(data, np.ndarray) and data.ndim == 1


def predictive_density(
    run: Run, at: Float[np.ndarray, " points"], draws: int = 1000, seed: int = 0
) -> Float[np.ndarray, " points"]:
    r"""The Bayes predictive density :math:`p(x|D_n) = E_w[p(x|w)]` at β = 1, in one over the unit
    of the data.

    Args:
        run: of a triple whose data are one array of shape (n,).
        at: where, in the unit of the data.
        draws: from the posterior.

    Returns:
        The density, averaged over the draws.

    Raises:
        ValueError: the run's triple is not a density on a line, or the run was loaded without it.
    """
    if run.triple is None or not is_density_on_a_line(run):
        raise ValueError(
            f"{run.name}: a predictive density needs a triple whose data are one array of numbers"
        )
    return np.exp(predictive(run.triple, run.sample(1.0, draws, seed))(np.asarray(at)))
