"""The five predictors, as the text defines them and as the published code computes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.experiments.wei2022.last_layers.cell import INPUTS, RANK, hidden
from singlearn.experiments.wei2022.last_layers.density import (
    SINGLE_PRECISION_ZERO,
    log_last_layer,
    log_mixture,
    log_point,
)
from singlearn.experiments.wei2022.last_layers.first_matrix import log_average, posterior_of_first
from singlearn.experiments.wei2022.last_layers.observations import observations
from singlearn.experiments.wei2022.last_layers.training import WEIGHT_DECAY
from singlearn.generalise import LaplaceRefusedError, laplace
from singlearn.tempering import temper
from singlearn.triple import Triple

BOTH_MCMC = "last two layers (A,B) MCMC"
LAST_MCMC = "last layer only (B) MCMC"
BOTH_LAPLACE = "last two layers (A,B) Laplace"
LAST_LAPLACE = "last layer only (B) Laplace"
MAP = "MAP"
METHODS = (BOTH_MCMC, LAST_MCMC, BOTH_LAPLACE, LAST_LAPLACE, MAP)
# Of each of two replicates; all rungs are reweighted to β = 1, so that more particles than these
# stand behind the draws.
PARTICLES = 64
# Of A; B is averaged over without draws. More would be the same particles again.
DRAWS_OF_FIRST = 250


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network on one data set and its test set, the layers of g applied already.

    Attributes:
        A: trained, 3 × 3.
        B: trained, 3 × 3.
        z: g of the inputs, samples as columns.
        y: outputs.
        z_test: g of the test inputs.
        y_test: test outputs.
        relu: which h.
    """

    A: Float[np.ndarray, "3 3"]
    B: Float[np.ndarray, "3 3"]
    z: Float[np.ndarray, "3 n"]
    y: Float[np.ndarray, "3 n"]
    z_test: Float[np.ndarray, "3 tests"]
    y_test: Float[np.ndarray, "3 tests"]
    relu: bool

    @cached_property
    def hidden(self) -> Float[np.ndarray, "3 n"]:
        """ReLU(A z), or A z."""
        return _hidden(self.A, self.z, self.relu)

    @cached_property
    def hidden_test(self) -> Float[np.ndarray, "3 tests"]:
        """The same at the test inputs."""
        return _hidden(self.A, self.z_test, self.relu)

    @cached_property
    def precision(self) -> Float[np.ndarray, "3 3"]:
        """Of each row of B given A and g, noise and prior of unit variance."""
        found: Float[np.ndarray, "3 3"] = self.hidden @ self.hidden.T + np.eye(RANK)
        return found


@dataclass(frozen=True, eq=False)
class MethodPrediction:
    """log p̂ at the test points, or ``None`` with the reason; a note where there is something to
    doubt.
    """

    log_p: Float[np.ndarray, " tests"] | None
    note: str = ""


def posterior(own: TrainedNetwork) -> Triple:
    """(A, B) given the features of g, prior N(0, 1)."""
    return _head(own.relu).with_data(observations(own.z, own.y, own.relu))


@lru_cache(maxsize=2)
def _head(relu: bool) -> Triple:
    def network(
        w: Mapping[str, Float[Array, "3 3"]], z: Float[Array | np.ndarray, "n 3"]
    ) -> Float[Array, "n 3"]:
        return (w["B"] @ hidden(w["A"], jnp.transpose(z), relu)).T

    matrix = dist.Normal(0.0, 1.0).expand([RANK, INPUTS])
    zeros = np.zeros((2, INPUTS))
    return Triple.regression(
        network, {"A": matrix, "B": matrix}, zeros, zeros, name="last two layers"
    )


def posterior_of_last(own: TrainedNetwork) -> Triple:
    """B given A and the features of g, prior N(0, 1): A z is data, so that all networks share one
    model and what is compiled.
    """
    return _last().with_data((own.hidden.T, own.y.T.astype(float)))


@lru_cache(maxsize=1)
def _last() -> Triple:
    zeros = np.zeros((2, RANK))
    prior = {"B": dist.Normal(0.0, 1.0).expand([INPUTS, RANK])}
    return Triple.regression(lambda w, h: h @ w["B"].T, prior, zeros, zeros, name="last layer")


def both_mcmc(own: TrainedNetwork, seed: int) -> MethodPrediction:
    """Draws of A by tempering, which finds the phase a chain from one start may miss; B is averaged
    over exactly.
    """
    # Single precision halves the time of ReLU at n = 1000 and changes energies by less than a
    # thousandth of a nat.
    triple = posterior_of_first(own.z, own.y, own.relu)
    run = temper(
        triple, particles=PARTICLES, replicates=2, seed=seed, precision="float32", progress=False
    )
    draws = run.sample(1.0, DRAWS_OF_FIRST, seed)
    log_p = log_average(draws, own.z, own.y, own.z_test, own.y_test, own.relu)
    return MethodPrediction(log_p, "; ".join(map(str, run.energy_cautions)))


def last_mcmc(own: TrainedNetwork) -> MethodPrediction:
    """B given A and g has a Gaussian posterior: its average needs no draws, and no chain could do
    better.
    """
    centre = np.linalg.solve(own.precision, own.hidden @ own.y.T).T
    return MethodPrediction(log_last_layer(centre, own.precision, own.hidden_test, own.y_test))


def both_laplace(own: TrainedNetwork, draws: int, seed: int) -> MethodPrediction:
    """Draws from the Gaussian at the trained (A, B) with the exact inverse Hessian of -log
    posterior, where it is one.
    """
    try:
        approximation = laplace(
            posterior(own), {"A": own.A.astype(float), "B": own.B.astype(float)}
        )
    except LaplaceRefusedError as refusal:
        return MethodPrediction(None, str(refusal))
    matrices = approximation.sample(draws, seed)
    return MethodPrediction(
        log_mixture(matrices["A"], matrices["B"], own.z_test, own.y_test, own.relu)
    )


def last_laplace(own: TrainedNetwork) -> MethodPrediction:
    """The Gaussian at the trained B with the exact inverse Hessian: the posterior's own covariance,
    about the trained B.
    """
    return MethodPrediction(
        log_last_layer(own.B.astype(float), own.precision, own.hidden_test, own.y_test)
    )


def as_stated(
    trained: Sequence[TrainedNetwork], draws: int, seed: int
) -> dict[str, list[MethodPrediction]]:
    """All five for every data set."""
    return {
        BOTH_MCMC: [both_mcmc(own, seed + index) for index, own in enumerate(trained)],
        LAST_MCMC: [last_mcmc(own) for own in trained],
        BOTH_LAPLACE: [both_laplace(own, draws, seed + index) for index, own in enumerate(trained)],
        LAST_LAPLACE: [last_laplace(own) for own in trained],
        MAP: [MethodPrediction(log_point(own.B @ own.hidden_test, own.y_test)) for own in trained],
    }


def as_published(
    trained: Sequence[TrainedNetwork],
    untrained: Sequence[tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3 3"]]],
    draws: int,
    seed: int,
) -> dict[str, list[MethodPrediction]]:
    """All five as the code at github.com/suswei/RLCT computes them.

    - The module holds two blocks (A, B), with and without ReLU, and the last-layer code takes the
      second whichever was trained: where h has no ReLU it works with matrices that no data touched.
    - It multiplies by A and B where the network multiplies by their transposes.
    - Laplace's Hessian is that of the *mean* squared norm plus half the weight decay times |w|²,
      not of the sum, and its predictions leave the ReLU out.
    - Probabilities are averaged as numbers of single precision: below 1e-45 they are zero, and G is
      infinite.
    """
    found: dict[str, list[MethodPrediction]] = {name: [] for name in METHODS}
    for index, (own, spare) in enumerate(zip(trained, untrained, strict=True)):
        found[BOTH_MCMC].append(_stored(both_mcmc(own, seed + index)))
        A, B = (own.A, own.B) if own.relu else spare
        transposed = TrainedNetwork(A.T, B.T, own.z, own.y, own.z_test, own.y_test, own.relu)
        hessian = (
            _hessian_of_the_mean(own) if own.relu else WEIGHT_DECAY * np.eye(2 * RANK * INPUTS)
        )
        generator = np.random.default_rng([seed, index])
        found[LAST_MCMC].append(_stored(last_mcmc(transposed)))
        both = _as_numpy_draws(generator, np.concatenate([A.ravel(), B.ravel()]), hessian, draws)
        last = _as_numpy_draws(
            generator, B.ravel(), hessian[RANK * INPUTS :, RANK * INPUTS :], draws
        )
        for name, first, second in (
            (BOTH_LAPLACE, both[:, : RANK * INPUTS], both[:, RANK * INPUTS :]),
            (LAST_LAPLACE, np.broadcast_to(A.ravel(), last.shape), last),
        ):
            matrices = [
                part.reshape(-1, INPUTS, INPUTS).transpose(0, 2, 1) for part in (first, second)
            ]
            log_p = log_mixture(matrices[0], matrices[1], own.z_test, own.y_test, relu=False)
            found[name].append(_stored(MethodPrediction(log_p)))
        found[MAP].append(_stored(MethodPrediction(log_point(own.B @ own.hidden_test, own.y_test))))
    return found


def _as_numpy_draws(
    generator: np.random.Generator,
    mean: Float[np.ndarray, " d"],
    hessian: Float[np.ndarray, "d d"],
    draws: int,
) -> Float[np.ndarray, "draws d"]:
    """NumPy's multivariate normal takes the singular values of a covariance, so that a negative
    variance counts as a positive one.
    """
    covariance = np.linalg.inv(hessian)
    found: Float[np.ndarray, "draws d"] = generator.multivariate_normal(
        mean, covariance, draws, check_valid="ignore", method="svd"
    )
    return found


def _stored(prediction: MethodPrediction) -> MethodPrediction:
    """What is left of it in single precision."""
    assert prediction.log_p is not None
    return MethodPrediction(
        np.where(prediction.log_p < SINGLE_PRECISION_ZERO, -math.inf, prediction.log_p),
        prediction.note,
    )


def _hessian_of_the_mean(own: TrainedNetwork) -> Float[np.ndarray, "18 18"]:
    with jax.enable_x64(True):
        point = jnp.concatenate(
            [jnp.asarray(own.A, float).ravel(), jnp.asarray(own.B, float).ravel()]
        )
        exact = _mean_hessian(
            point, jnp.asarray(own.z, float), jnp.asarray(own.y, float), relu=own.relu
        )
        return np.asarray(exact) + WEIGHT_DECAY * np.eye(len(point))


def _mean_squares(
    w: Float[Array, "18"], z: Float[Array, "3 n"], y: Float[Array, "3 n"], relu: bool
) -> Float[Array, ""]:
    A, B = w[: RANK * INPUTS].reshape(RANK, INPUTS), w[RANK * INPUTS :].reshape(INPUTS, RANK)
    return jnp.mean(jnp.sum((y - B @ hidden(A, z, relu)) ** 2, axis=0))


_mean_hessian = jax.jit(jax.hessian(_mean_squares), static_argnames="relu")


def _hidden(
    A: Float[np.ndarray, "3 3"], z: Float[np.ndarray, "3 n"], relu: bool
) -> Float[np.ndarray, "3 n"]:
    h = A.astype(float) @ z
    found: Float[np.ndarray, "3 n"] = np.maximum(h, 0.0) if relu else h
    return found
