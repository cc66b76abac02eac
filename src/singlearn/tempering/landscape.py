"""The landscape of a triple as a search sees it: energies, prior densities and switches of a whole batch, with the gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.tempering.switches import count_switches, scores
from singlearn.triple import Model, Triple

BATCH = 64
# Observations that are held for a batch at once; larger samples are taken in pieces of fewer points.
LARGEST_WORK = 2**17


@dataclass(frozen=True, eq=False)
class Landscape:
    r"""What a search may ask of a triple, ``BATCH`` points at a time, all from one compiled program.

    Attributes:
        triple: whose landscape it is.
        switches: the number of scores, see :mod:`~singlearn.tempering.switches`.
        evaluate: points and weights to the weighted sum of energy, :math:`-\log φ` and scores, its gradient, and energy and
            :math:`-\log φ` by themselves. A weight of 0 leaves its term out.
    """

    triple: Triple
    switches: int
    evaluate: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]

    def weights(self, beta: float, prior: float = 1.0) -> Float[np.ndarray, " terms"]:
        """Weights of the objective β n L_n - log φ."""
        return np.concatenate([[beta, prior], np.zeros(self.switches)])

    def costs(
        self, points: Float[np.ndarray, "points d"], beta: float
    ) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "points d"], Float[np.ndarray, " points"]]:
        """β n L_n - log φ of any number of points, its gradients, and the energies; infinite where any is not a number."""
        found = [self.evaluate(part, self.weights(beta)) for part in batches(points)]
        cost, gradient, energy, surprise = (np.concatenate(parts)[: len(points)] for parts in zip(*found, strict=True))
        cost = np.where(np.isfinite(energy) & np.isfinite(surprise), cost, np.inf)
        return cost, gradient, np.where(np.isnan(energy), np.inf, energy)


def batches(points: Float[np.ndarray, "points d"]) -> list[Float[np.ndarray, "batch d"]]:
    """Points in batches of ``BATCH``; the last is filled up with the first point."""
    short = -len(points) % BATCH
    filled = np.concatenate([points, np.repeat(points[:1], short, axis=0)]) if short else points
    return list(filled.reshape(-1, BATCH, points.shape[1]))


def landscape_of(triple: Triple) -> Landscape:
    """The landscape of ``triple`` in the current precision of JAX."""
    wide = jnp.zeros(()).dtype == jnp.float64
    switches, compiled = _compile(triple.as_model(), wide)
    data = jax.tree.map(jnp.asarray, triple.data)

    def evaluate(
        points: Float[np.ndarray, "batch d"], weights: Float[np.ndarray, "#batch terms"]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        whole = np.broadcast_to(weights, (len(points), switches + 2))
        value, gradient, energy, surprise = compiled(jnp.asarray(points, float), jnp.asarray(whole, float), data)
        return tuple(np.asarray(part, dtype=float) for part in (value, gradient, energy, surprise))  # type: ignore[return-value]

    return Landscape(triple, switches, evaluate)


@lru_cache(maxsize=16)
def _compile(model: Model, wide: bool) -> tuple[int, Callable[..., tuple[Array, Array, Array, Array]]]:
    """The number of switches and the batched objective, shared by all triples of a model."""
    triple = model.triple
    n = 0 if triple.is_population else int(triple.n)
    shape = jax.ShapeDtypeStruct((triple.dimension,), jnp.result_type(float))
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), jnp.asarray(a).dtype), triple.data)

    def program(w: PyTree, data: PyTree) -> Array:
        """The model as a function of the parameter: what the change of coordinates chooses is of no interest."""
        if triple.log_likelihood is not None:
            return triple.log_likelihood(w, data)
        assert triple.kl is not None
        return triple.kl(w) if triple.kl_at is None else triple.kl_at(w, data[1])

    try:
        switches = count_switches(program, n, jax.eval_shape(triple.coordinates.constrain, shape), shapes)
    except Exception:  # noqa: BLE001 - a program that cannot be read is searched without its switches
        switches = 0

    def objective(u: Float[Array, " d"], weights: Float[Array, " terms"], data: object) -> tuple[Array, tuple[Array, Array]]:
        energy, surprise = triple.energy(u, data), -triple.coordinates.log_prob(u)
        terms = jnp.stack([energy, surprise])
        if switches:
            terms = jnp.concatenate([terms, scores(program, n, triple.coordinates.constrain(u), data).astype(terms.dtype)])
        return jnp.sum(jnp.where(weights != 0, weights * terms, 0.0)), (energy, surprise)

    def one(u: Float[Array, " d"], weights: Float[Array, " terms"], data: object) -> tuple[Array, Array, Array, Array]:
        (value, (energy, surprise)), gradient = jax.value_and_grad(objective, has_aux=True)(u, weights, data)
        return value, gradient, energy, surprise

    def batch(u: Float[Array, "batch d"], weights: Float[Array, "batch terms"], data: object) -> tuple[Array, Array, Array, Array]:
        pieces = max(1, min(BATCH, LARGEST_WORK // max(n, 1)))
        if pieces == BATCH:
            return jax.vmap(one, in_axes=(0, 0, None))(u, weights, data)
        return jax.lax.map(lambda own: one(*own, data), (u, weights), batch_size=pieces)

    return switches, jax.jit(batch)
