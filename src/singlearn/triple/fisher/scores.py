"""Rows whose Gram matrix is the Fisher information: what each observation says about every
coordinate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro import handlers

from singlearn.triple.gaussian import gaussian
from singlearn.triple.stated_by_model import StatedByModel
from singlearn.triple.triple import Triple

Kind = Literal["predictions", "replicates", "data", "divergence"]

REPLICATES = 4
"""Outcomes that are drawn for each observation of a NumPyro model."""

EXPECTATIONS: dict[Kind, str] = {
    "predictions": "exact over the outcomes, mean over the {n} inputs",
    "replicates": "{r} outcomes drawn from the model for each of the {n} observations",
    "data": "mean over the {n} observations at hand (the Fisher information where the truth is)",
    "divergence": "the Hessian of K (the Fisher information where K = 0)",
}


def quickly(function: Callable[..., Any]) -> Callable[..., Any]:
    """``jax.jit`` for a few calls: most of their time is compilation, which is not to optimise."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


@dataclass(frozen=True)
class Scores:
    r"""Rows :math:`r_i` at flat coordinates u, with :math:`I(u) = ∑_i r_i r_i^T`.

    Attributes:
        rows: from u to an array (rows, d).
        values: from u to the numbers of which rows are the derivative: equal for two parameters of
            one
            density. ``None`` for a population triple.
        kind: where the expectation comes from.
        count: number of rows; the rank of their Gram matrix is no larger.
        expectation: the same in words.
        in_single: whether the model computes in single precision somewhere.
    """

    rows: Callable[[Float[np.ndarray, " d"]], Float[np.ndarray, "rows d"]]
    values: Callable[[Float[Array, " d"]], Float[Array, " rows"]] | None
    kind: Kind
    count: int
    expectation: str
    in_single: bool


def scores_of(triple: Triple, reference: Float[np.ndarray, " d"], seed: int) -> Scores:
    """The rows of a triple; of a NumPyro model with outcomes drawn at each parameter.

    ``Triple.regression`` has the Gaussian outcome integrated out. For a NumPyro model outcomes are
    drawn from the model itself. For another log likelihood it is not known which part of the data
    is the outcome, so the mean over the observations at hand takes the place of the expectation.

    Args:
        triple: any triple.
        reference: flat coordinates at which outcomes of ``values`` are drawn.
        seed: of these outcomes.

    Returns:
        The rows as functions of flat coordinates, in double precision.
    """
    if triple.is_population:
        return _of_divergence(triple)
    regression = regression_of(triple)
    if regression is not None:
        return _finished(triple, _predictions(triple, *regression), "predictions")
    replicated = _replicated(triple, reference, seed)
    if replicated is not None:
        return replicated
    data = jax.tree.map(jnp.asarray, triple.data)
    return _finished(triple, lambda u: triple.pointwise(u, data), "data")


def regression_of(triple: Triple) -> tuple[Callable[..., Array], Any] | None:
    """f and σ of a triple made by ``Triple.regression``; ``None`` for any other."""
    found = triple.log_likelihood
    if isinstance(found, partial) and found.func is gaussian and len(found.args) == 2:
        return found.args
    return None


def _predictions(
    triple: Triple, f: Callable[..., Array], scale: float | None
) -> Callable[[Float[Array, " d"]], Float[Array, " rows"]]:
    x, y, *own = jax.tree.map(jnp.asarray, triple.data)
    sigma = own[0] if scale is None else scale

    def values(u: Float[Array, " d"]) -> Float[Array, " rows"]:
        return jnp.ravel(f(triple.coordinates.constrain(u), x).reshape(y.shape) / sigma)

    return values


def _finished(
    triple: Triple, values: Callable[[Float[Array, " d"]], Float[Array, " rows"]], kind: Kind
) -> Scores:
    d = triple.dimension
    size = int(jax.eval_shape(values, jax.ShapeDtypeStruct((d,), jnp.float64)).size)
    derivative = quickly(jax.jacfwd(values) if d <= size else jax.jacrev(values))
    n = triple.n

    def rows(u: Float[np.ndarray, " d"]) -> Float[np.ndarray, "rows d"]:
        found: Float[np.ndarray, "rows d"] = np.asarray(derivative(jnp.asarray(u))) / np.sqrt(n)
        return found

    words = EXPECTATIONS[kind].format(n=int(n), r=REPLICATES)
    return Scores(rows, values, kind, size, words, _in_single(values, d))


def _in_single(values: Callable[..., Any], d: int) -> bool:
    traced = str(jax.make_jaxpr(values)(jax.ShapeDtypeStruct((d,), jnp.float64)))
    return "new_dtype=float32" in traced or "new_dtype=bfloat16" in traced


def _of_divergence(triple: Triple) -> Scores:
    setting = jax.tree.map(jnp.asarray, triple.data)

    def divergence(u: Float[Array, " d"]) -> Float[Array, ""]:
        return triple.energy(u, setting) / triple.n

    hessian = quickly(jax.hessian(divergence))

    def rows(u: Float[np.ndarray, " d"]) -> Float[np.ndarray, "rows d"]:
        matrix = np.asarray(hessian(jnp.asarray(u)))
        if not np.isfinite(matrix).all():
            return np.full(matrix.shape, np.nan)
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        found: Float[np.ndarray, "rows d"] = np.sqrt(np.abs(values))[:, None] * vectors.T
        return found

    d = triple.dimension
    return Scores(
        rows, None, "divergence", d, EXPECTATIONS["divergence"], _in_single(divergence, d)
    )


def _replicated(triple: Triple, reference: Float[np.ndarray, " d"], seed: int) -> Scores | None:
    """Scores at outcomes that are drawn from the model; ``None`` where the model cannot be run
    so.
    """
    if not isinstance(triple.prior, StatedByModel) or not triple.sites.observed:
        return None
    model, args, kwargs = triple.prior.model, triple.prior.args, triple.prior.kwargs
    observed = triple.sites.observed

    def distributions(u: Float[Array, " d"]) -> dict[str, Any]:
        w = triple.coordinates.constrain(u)
        seeded = handlers.seed(handlers.substitute(model, data=w), jax.random.key(0))
        trace = handlers.trace(seeded).get_trace(*args, **kwargs)
        return {site.name: trace[site.name]["fn"] for site in observed}

    def drawn(u: Float[Array, " d"], key: Array) -> dict[str, Array]:
        found = distributions(u)
        keys = jax.random.split(key, len(found))
        return {
            name: fn.sample(k, (REPLICATES,))
            for k, (name, fn) in zip(keys, found.items(), strict=True)
        }

    def log_densities(u: Float[Array, " d"], outcomes: dict[str, Array]) -> Float[Array, " rows"]:
        parts = []
        for site, fn in zip(observed, distributions(u).values(), strict=True):
            each = jax.vmap(fn.log_prob)(outcomes[site.name]).reshape(REPLICATES, -1)
            kept = slice(None) if site.kept is None else np.array(site.kept, int)
            parts.append(each[:, kept].reshape(-1))
        return jnp.concatenate(parts)

    d = triple.dimension
    try:
        fixed = quickly(drawn)(jnp.asarray(reference), jax.random.key(seed))
        size = int(
            jax.eval_shape(log_densities, jax.ShapeDtypeStruct((d,), jnp.float64), fixed).size
        )
        differentiate = jax.jacfwd if d <= size else jax.jacrev

        def both(u: Float[Array, " d"]) -> Float[Array, "rows d"]:
            outcomes = jax.lax.stop_gradient(drawn(u, jax.random.key(seed)))
            found: Float[Array, "rows d"] = differentiate(lambda v: log_densities(v, outcomes))(u)
            return found

        derivative = quickly(both)
        derivative(jnp.asarray(reference))
    except Exception:
        # A distribution without sample, a model that branches on its outcome: the data at hand
        # stand in.
        return None
    n = triple.n

    def rows(u: Float[np.ndarray, " d"]) -> Float[np.ndarray, "rows d"]:
        found: Float[np.ndarray, "rows d"] = np.asarray(derivative(jnp.asarray(u))) / np.sqrt(
            REPLICATES * n
        )
        return found

    def values(u: Float[Array, " d"]) -> Float[Array, " rows"]:
        return log_densities(u, fixed)

    words = EXPECTATIONS["replicates"].format(n=int(n), r=REPLICATES)
    # Drawing outcomes rounds; only what the density computes counts.
    return Scores(rows, values, "replicates", size, words, _in_single(values, d))
