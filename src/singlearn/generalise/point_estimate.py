"""Maximum likelihood and maximum a posteriori, for one data set or for many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from singlearn.generalise.descent import Descent, Objective, descend, energy, minus_log_posterior
from singlearn.results.document import plain
from singlearn.results.result import Answer
from singlearn.triple import Model, Triple
from singlearn.triple.predictive import Predictor, predictive

# A point counts as stationary where no entry of the gradient exceeds this share of the objective,
# in nats per unit.
STATIONARY = 1e-4


@dataclass(frozen=True, eq=False)
class PointEstimate(Answer):
    """One parameter fitted to one data set.

    Attributes:
        parameter: ŵ, a pytree as the prior's.
        coordinates: the same, flat and unconstrained.
        objective: what was minimised, in nats: n L_n(ŵ) for the MLE, n L_n(ŵ) - log φ(ŵ) for the
            MAP estimate.
        energy: n L_n(ŵ), in nats.
        gradient: largest absolute entry of the objective's gradient at the end, in nats per unit of
            the coordinates.
        is_stationary: whether that is small against the objective; ``False`` where a likelihood
            without a maximum was followed outwards, or a fixed number of epochs was too few.
        triple: model and data.
    """

    parameter: PyTree
    coordinates: Float[np.ndarray, " d"]
    objective: float
    energy: float
    gradient: float
    is_stationary: bool
    triple: Triple

    def to_dict(self) -> dict[str, Any]:
        """For machines; energies in nats."""
        return {
            "name": self.triple.name,
            "parameter": plain(self.parameter),
            "objective": self.objective,
            "energy": self.energy,
            "gradient": self.gradient,
            "is_stationary": self.is_stationary,
        }

    def predictor(self) -> Predictor:
        """The density p(y|x, ŵ)."""
        return predictive(
            self.triple, jax.tree.map(lambda leaf: np.asarray(leaf)[None], self.parameter)
        )


def mle(triple: Triple, how: Descent | None = None, seed: int = 0) -> PointEstimate:
    r"""The maximum likelihood estimate, :math:`\arg\min_w n L_n(w)`, the lowest of several
    descents.

    Args:
        triple: with data.
        how: the optimiser; default full-batch L-BFGS from eight prior draws.
        seed: of starts and minibatches.

    Returns:
        The parameter, its energy in nats, and whether it is stationary.

    Raises:
        ValueError: a population triple, minibatches of a triple from a NumPyro model (whose data
            are part of the model), or an objective that is finite at the end of no descent.

    >>> import numpyro.distributions as dist
    >>> y = np.array([0.5, 1.5, 4.0])
    >>> triple = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), y)
    >>> (
    ...     round(float(mle(triple).parameter), 6),
    ...     round(float(map_estimate(triple).parameter), 6),
    ... )  # ȳ, and n ȳ/(n + 1)
    (2.0, 1.5)
    """
    return mle_each([triple], how, seed)[0]


def map_estimate(triple: Triple, how: Descent | None = None, seed: int = 0) -> PointEstimate:
    r"""The posterior mode in unconstrained coordinates, :math:`\arg\min_u n L_n(u) - \log φ(u)`;
    arguments as for ``mle``.

    Returns:
        The parameter, its energy in nats, and whether it is stationary.
    """
    return map_estimate_each([triple], how, seed)[0]


def mle_each(
    triples: Sequence[Triple], how: Descent | None = None, seed: int = 0
) -> list[PointEstimate]:
    """``mle`` of many data sets of one model and one size at once."""
    return _estimate(triples, energy, how or Descent(), seed)


def map_estimate_each(
    triples: Sequence[Triple], how: Descent | None = None, seed: int = 0
) -> list[PointEstimate]:
    """``map_estimate`` of many data sets of one model and one size at once."""
    return _estimate(triples, minus_log_posterior, how or Descent(), seed)


def _estimate(
    triples: Sequence[Triple], objective: Callable[[Model], Objective], how: Descent, seed: int
) -> list[PointEstimate]:
    same = one_model(triples)
    if how.batch_size is not None and not jax.tree.leaves(same[0].data):
        raise ValueError(
            f"batch_size: {same[0].name} holds no data arrays that could be cut into batches; "
            f"leave it at None"
        )
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1), how.starts)
        starts = np.asarray(jax.vmap(same[0].coordinates.sample)(keys))
    ends = descend(same, objective, starts, how, seed)
    estimates = []
    for triple, values, points, gradients in zip(
        same, ends.objective, ends.coordinates, ends.gradient, strict=True
    ):
        finite = np.isfinite(values)
        if not finite.any():
            cause = (
                "the prior's draws have none that is"
                if how.optimiser is None
                else "lower the learning rate"
            )
            raise ValueError(
                f"{triple.name}: all {how.starts} descents ended where the objective is not "
                f"finite; {cause}"
            )
        best = int(np.argmin(np.where(finite, values, np.inf)))
        with jax.enable_x64(True):
            parameter = jax.tree.map(
                np.asarray, triple.coordinates.constrain(jnp.asarray(points[best]))
            )
            at = float(triple.energy(jnp.asarray(points[best]), triple.data))
        stationary = bool(gradients[best] <= STATIONARY * max(abs(values[best]), 1.0))
        estimates.append(
            PointEstimate(
                parameter,
                points[best],
                float(values[best]),
                at,
                float(gradients[best]),
                stationary,
                triple,
            )
        )
    return estimates


def one_model(triples: Sequence[Triple]) -> list[Triple]:
    """The same data sets under the model of the first, so that they share what is compiled.

    Raises:
        ValueError: none, a population triple, other parameters or another n.
    """
    if not triples:
        raise ValueError("triples: got none; at least one data set is needed")
    first = triples[0]
    for triple in triples:
        if triple.is_population:
            raise ValueError(f"triples: {triple.name} is a population triple; estimates need data")
        if len(triples) > 1 and not jax.tree.leaves(triple.data):
            raise ValueError(
                f"triples: {triple.name} holds no data arrays, so that several cannot be told "
                f"apart; estimate one at a time"
            )
        if triple.n != first.n:
            raise ValueError(
                f"triples: one has n = {triple.n}, another n = {first.n}; they should have one size"
            )
        if (
            triple.coordinates.dimension != first.dimension
            or triple.coordinates.names() != first.coordinates.names()
        ):
            raise ValueError(
                f"triples: {triple.name} has other parameters than {first.name}; they should be "
                f"one model"
            )
    return [triple.with_model_of(first) for triple in triples]
