"""The density a fitted model predicts with: an average over parameter draws, or one parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.results.result import Answer
from singlearn.triple.intake import as_data
from singlearn.triple.triple import Model, Triple

# Draws that are evaluated together: more need memory (n' numbers each), fewer waste the vector
# units.
TOGETHER = 16


@dataclass(frozen=True, eq=False)
class Predictor(Answer):
    r"""The predictive density :math:`\hat p(y|x) = \frac1R \sum_r p(y|x,w_r)`; call it with data
    for its logarithm.

    Attributes:
        triple: whose model predicts; its data play no part.
        draws: parameters :math:`w_r`, a pytree whose leaves have a leading axis R; R = 1 for a
            point estimate.
    """

    triple: Triple
    draws: PyTree

    def to_dict(self) -> dict[str, Any]:
        """Whose density it is and of how many draws, for machines."""
        return {"name": self.triple.name, "draws": self.size}

    @property
    def size(self) -> int:
        """R, the number of draws."""
        return int(np.shape(jax.tree.leaves(self.draws)[0])[0])

    def __call__(self, data: PyTree) -> Float[np.ndarray, " n"]:
        """log p̂ of every observation in ``data``, in nats, of shape (n,); -inf where every draw
        gives density zero.

        The average is taken under the logarithm with its maximum removed, so that densities far
        below the smallest float survive.

        Raises:
            ValueError: data that are not finite.
        """
        data = as_data(data)
        with jax.enable_x64(True):
            return np.asarray(
                _compiled(self.triple.as_model())(jax.tree.map(jnp.asarray, self.draws), data)
            )

    def of_each_draw(self, data: PyTree) -> Float[np.ndarray, "draws n"]:
        """log p(y|x, w_r) of every draw and every observation in ``data``, in nats; the predictive
        density is the mean of their exponentials over draws.

        Returns:
            One row per draw, one column per observation.

        Raises:
            ValueError: data that are not finite.
        """
        data = as_data(data)
        with jax.enable_x64(True):
            draws = jax.tree.map(jnp.asarray, self.draws)
            return np.asarray(_log_densities(self.triple.as_model())(draws, data))


def predictive(triple: Triple, draws: PyTree) -> Predictor:
    """The Bayes predictive density of posterior draws, or of any other cloud of parameters.

    Args:
        triple: the model.
        draws: parameters with the structure of the prior, every leaf with a further leading axis R:
            ``run.sample(1.0, R, seed)``, ``laplace(…).sample(R, seed)``, ``nuts(…).draws``.

    Returns:
        A predictor, which gives log densities in nats.

    Raises:
        ValueError: a population triple, a triple from a NumPyro model (whose data are part of the
            model, so that it has no density for others), draws of another structure or shape,
            leaves with different R, or draws that are not finite.

    >>> import numpyro.distributions as dist
    >>> def log_likelihood(w, y):
    ...     return dist.Normal(w, 1.0).log_prob(y)
    >>> triple = Triple(log_likelihood, dist.Normal(0.0, 1.0), np.zeros(3))
    >>> predictor = predictive(triple, np.array([-1.0, 1.0]))

    log φ(1), and log φ(99)/2 without underflow:

    >>> predictor(np.array([0.0, 100.0])).round(4).tolist()
    [-1.4189, -4902.1121]
    """
    if triple.is_population:
        raise ValueError(
            f"triple: {triple.name} is a population triple; it has no density to predict with"
        )
    if not jax.tree.leaves(triple.data):
        raise ValueError(
            f"triple: {triple.name} holds no data arrays: it would predict its own data, whatever "
            f"it is given"
        )
    shapes = triple.coordinates.shapes()
    if jax.tree.structure(draws) != jax.tree.structure(shapes):  # type: ignore[operator]
        raise ValueError(
            f"draws: got structure {jax.tree.structure(draws)}; the prior has "
            f"{jax.tree.structure(shapes)}"
        )
    leading = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(draws)}
    for leaf, shape in zip(jax.tree.leaves(draws), jax.tree.leaves(shapes), strict=True):
        if np.shape(leaf)[1:] != shape.shape or not np.shape(leaf):
            raise ValueError(
                f"draws: a leaf has shape {np.shape(leaf)}; it should be (R, "
                f"{', '.join(map(str, shape.shape))})"
            )
    if len(leading) != 1 or leading == {(0,)}:
        raise ValueError(
            f"draws: leading axes are {sorted(leading)}; all leaves should have the same number of "
            f"draws, at least one"
        )
    undefined = sum(int((~np.isfinite(np.asarray(leaf))).sum()) for leaf in jax.tree.leaves(draws))
    if undefined:
        raise ValueError(f"draws: {undefined} entries are not finite")
    return Predictor(triple, jax.tree.map(np.asarray, draws))


@lru_cache(maxsize=16)
def _log_densities(model: Model) -> Callable[[PyTree, PyTree], Float[Array, "draws n"]]:
    """log p(y|x, w) of every draw, compiled."""
    log_likelihood = model.triple.log_likelihood

    @jax.jit
    def each(draws: PyTree, data: PyTree) -> Float[Array, "draws n"]:
        together = min(TOGETHER, jax.tree.leaves(draws)[0].shape[0])
        found: Float[Array, "draws n"] = jax.lax.map(
            lambda w: log_likelihood(w, data), draws, batch_size=together
        )
        return found

    return each


@lru_cache(maxsize=16)
def _compiled(model: Model) -> Callable[[PyTree, PyTree], Float[Array, " n"]]:
    each_draw = _log_densities(model)

    @jax.jit
    def log_mean(draws: PyTree, data: PyTree) -> Float[Array, " n"]:
        each = each_draw(draws, data)
        return jax.nn.logsumexp(each, axis=0) - jnp.log(each.shape[0])

    return log_mean
