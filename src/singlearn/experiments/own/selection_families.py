"""Families of models of growing order, each with a known truth that was fitted to real data:
replicated data sets are drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.data import fitness, galaxies
from singlearn.models import MixturePrior, gaussian_mixture, reduced_rank_regression
from singlearn.triple import Triple

# The likelihood's maximum with three components on the 82 galaxies, rounded; velocities in 1000
# km/s.
GALAXY_FIT = {
    "weights": (0.09, 0.87, 0.04),
    "means": (9.71, 21.40, 33.04),
    "deviations": (0.42, 2.20, 0.92),
}
TRUE_RANK = 2
# As much as one observation each says about a mean (within the range of the galaxies) and about a
# variance (a galaxy 1000 km/s from the mean of its group, about the spread of velocities in a rich
# cluster). BIC is -log evidence up to a bounded term for priors like that; an inverse gamma prior
# costs 1/v for a narrow component, so that one which expects wide groups is no such prior.
UNIT_INFORMATION = MixturePrior(
    location=20.0, location_scale=10.0, variance_shape=0.5, variance_scale=0.5
)


@dataclass(frozen=True)
class ModelFamily:
    """Models of growing order, and the truth that data sets are drawn from.

    Attributes:
        draw: a data set of n observations from the truth.
        model: order and data to a triple; for one order all share what is compiled.
        real: name, size and values of the data that the truth was fitted to.
    """

    name: str
    true_order: int
    orders: tuple[int, ...]
    draw: Callable[[int, np.random.Generator], Any]
    model: Callable[[int, Any], Triple]
    real: tuple[str, int, Callable[[], Any]]


def _galaxy_like(n: int, generator: np.random.Generator) -> Float[np.ndarray, " n"]:
    component = generator.choice(3, size=n, p=GALAXY_FIT["weights"])
    means, deviations = (np.array(GALAXY_FIT[name])[component] for name in ("means", "deviations"))
    return means + deviations * generator.normal(size=n)


def whitened_fitness() -> tuple[Float[np.ndarray, "20 3"], Float[np.ndarray, "20 3"]]:
    r"""Exercise and physiology in units in which exercise has covariance I and what it leaves of
    physiology too.

    The singular values of the regression are then :math:`ρ/\sqrt{1 - ρ^2}` of the canonical
    correlations ρ.

    >>> x, y = whitened_fitness()
    >>> np.linalg.svd(y.T @ x / 20)[1].round(3).tolist()          # of 0.7956, 0.2006, 0.0726
    [1.313, 0.205, 0.073]
    """
    x, y = (part - part.mean(axis=0) for part in fitness())
    x = x @ _inverse_root(x)
    residual = y - x @ (x.T @ y) / len(x)
    return x, y @ _inverse_root(residual)


def _inverse_root(sample: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "k k"]:
    """The symmetric square root of the inverse of the covariance of a centred sample."""
    values, vectors = np.linalg.eigh(sample.T @ sample / len(sample))
    found: Float[np.ndarray, "k k"] = (vectors / np.sqrt(values)) @ vectors.T
    return found


def _fitness_like(
    n: int, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """Exercise of n men drawn from the 20, physiology by their regression cut to rank 2, the second
    direction weak beside the noise.
    """
    x, y = whitened_fitness()
    left, values, right = np.linalg.svd(y.T @ x / len(x))
    truth = (left[:, :TRUE_RANK] * values[:TRUE_RANK]) @ right[:TRUE_RANK]
    drawn = x[generator.integers(len(x), size=n)]
    return drawn, drawn @ truth.T + generator.normal(size=(n, len(truth)))


@cache
def _mixture(order: int) -> Triple:
    return gaussian_mixture(galaxies(), order, UNIT_INFORMATION)


@cache
def _regression(order: int) -> Triple:
    return reduced_rank_regression(*whitened_fitness(), order)


MIXTURES = ModelFamily(
    "Gaussian mixture",
    3,
    (1, 2, 3, 4),
    _galaxy_like,
    lambda order, data: _mixture(order).with_data(data),
    ("galaxies", 82, galaxies),
)
REDUCED_RANK = ModelFamily(
    "reduced rank",
    TRUE_RANK,
    (1, 2, 3),
    _fitness_like,
    lambda order, data: _regression(order).with_data(data),
    ("fitness club", 20, whitened_fitness),
)
FAMILIES = (REDUCED_RANK, MIXTURES)
