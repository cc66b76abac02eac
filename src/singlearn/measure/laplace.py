"""Laplace's approximation of the evidence: what a single Gaussian peak would say, where there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from singlearn.triple import Model, Triple

# A Hessian whose smallest eigenvalue is below this share of its largest belongs to no peak: the mode is a valley floor.
FLAT = 1e-6


@lru_cache(maxsize=8)
def _compiled(model: Model) -> tuple[Callable, Callable]:
    """Minus log posterior with its gradient, and its Hessian."""
    triple = model.triple

    def minus_log_posterior(u: jax.Array, data: object) -> jax.Array:
        return triple.energy(u, data) - triple.coordinates.log_prob(u)

    return jax.jit(jax.value_and_grad(minus_log_posterior)), jax.jit(jax.hessian(minus_log_posterior))


def laplace(triple: Triple, starts: Float[np.ndarray, "starts d"]) -> float | None:
    r"""Laplace's :math:`-\log p(D) ≈ n L_n(\hat w) - \log φ(\hat w) - \frac d2 \log 2π + \frac12 \log\det H`, in nats.

    :math:`\hat w` is the best posterior mode that L-BFGS reaches from the starts, H the Hessian of minus the log posterior there, both
    in the flat coordinates. One mode is counted: where relabelling gives k equal ones, subtract :math:`\log k`.

    Args:
        triple: model, data and prior.
        starts: flat coordinates, of good particles.

    Returns:
        ``None`` where H is not positive definite: a singular model's mode can be a whole valley, and then there is no such number.

    Raises:
        ValueError: the energy is infinite at every start.

    >>> import numpyro.distributions as dist
    >>> triple = Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=99)
    >>> round(laplace(triple, np.array([[0.5]])) - 0.5 * math.log(100), 6)      # exact for a Gaussian
    0.0
    """
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, triple.data)
        value_and_gradient, hessian = _compiled(triple.as_model())

        def guarded(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = value_and_gradient(u, data)
            if not (np.isfinite(value) and np.isfinite(gradient).all()):
                return 1e300, np.zeros_like(u)
            return float(value), np.asarray(gradient, dtype=float)

        found = [minimize(guarded, start.astype(float), jac=True, method="L-BFGS-B", options={"maxiter": 500}) for start in starts]
        best = min(found, key=lambda result: float(result.fun))
        if not best.fun < 1e299:
            raise ValueError(f"the energy of {triple.name!r} is infinite at every start")
        eigenvalues = np.linalg.eigvalsh(np.asarray(hessian(best.x, data), dtype=float))
    if not eigenvalues[0] > FLAT * eigenvalues[-1]:
        return None
    return float(best.fun) - 0.5 * triple.dimension * math.log(2 * math.pi) + 0.5 * float(np.log(eigenvalues).sum())
