"""The Bayes predictive density of a model of one number."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.tempering import Run
from singlearn.triple.predictive import Predictor, predictive


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
    found: Float[np.ndarray, " points"] = np.exp(_predictor(run, draws, seed)(np.asarray(at)))
    return found


def predictive_band(
    run: Run,
    at: Float[np.ndarray, " points"],
    share: float = 0.9,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    r"""Between which values the densities :math:`p(x|w)` of a share of the posterior lie, point by
    point; the predictive density is their mean.

    Args:
        run: as for ``predictive_density``.
        at: where, in the unit of the data.
        share: of the draws, as many left out above as below.
        draws: from the posterior.
        seed: of the draws.

    Returns:
        The lower and the upper end.

    Raises:
        ValueError: as ``predictive_density`` does.
    """
    found = np.exp(_predictor(run, draws, seed).of_each_draw(np.asarray(at)))
    low, high = np.quantile(found, [(1 - share) / 2, (1 + share) / 2], axis=0)
    return low, high


def _predictor(run: Run, draws: int, seed: int) -> Predictor:
    """Refused where the run's triple is not a density on a line."""
    if run.triple is None or not is_density_on_a_line(run):
        raise ValueError(
            f"{run.name}: a predictive density needs a triple whose data are one array of numbers"
        )
    return predictive(run.triple, run.sample(1.0, draws, seed))
