"""The Bayes predictive density of a model of one number."""

from __future__ import annotations

import jax
import jax.numpy as jnp
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
    found: Float[np.ndarray, " points"] = np.exp(
        predictive(run.triple, run.sample(1.0, draws, seed))(np.asarray(at))
    )
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
    found = _densities(run, at, draws, seed)
    low, high = np.quantile(found, [(1 - share) / 2, (1 + share) / 2], axis=0)
    return low, high


def _densities(
    run: Run, at: Float[np.ndarray, " points"], draws: int, seed: int
) -> Float[np.ndarray, "draws points"]:
    """The density of every draw."""
    triple = run.triple
    if triple is None or triple.log_likelihood is None or not is_density_on_a_line(run):
        raise ValueError(
            f"{run.name}: a predictive density needs a triple whose data are one array of numbers"
        )
    log_likelihood = triple.log_likelihood
    parameters = run.sample(1.0, draws, seed)
    with jax.enable_x64(True):
        points = jnp.asarray(at)
        density = jax.jit(
            lambda ws: jax.lax.map(lambda w: jnp.exp(log_likelihood(w, points)), ws, batch_size=64)
        )
        return np.asarray(density(jax.tree.map(jnp.asarray, parameters)))
