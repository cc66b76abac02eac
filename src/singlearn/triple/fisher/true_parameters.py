"""True parameters of a population triple: zeros of K, found by descent from draws of the prior."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from singlearn.triple.fisher.scores import quickly
from singlearn.triple.triple import Triple

ZERO_DIVERGENCE = 1e-12
"""A parameter is true when K there is no larger than this share of what it is at draws of the
prior.
"""

NEWTON_STEPS = 150
ON_THE_EDGE = 1e-6


@dataclass(frozen=True)
class ZerosFound:
    """What descents of K found.

    Attributes:
        found: flat coordinates of zeros of K.
        on_the_edge: of those where the prior's support ends, which coordinates send to infinity.
        smallest: K at the best parameter, in nats.
        typical: the median of K over draws of the prior.
    """

    found: list[Float[np.ndarray, " d"]]
    on_the_edge: list[Float[np.ndarray, " d"]]
    smallest: float
    typical: float


def zeros_of_divergence(triple: Triple, starts: Float[np.ndarray, "starts d"]) -> ZerosFound:
    """Descents of K from every start: L-BFGS, then damped Newton steps, which end on degenerate
    zeros too.
    """
    setting = jax.tree.map(jnp.asarray, triple.data)

    def divergence(u: jnp.ndarray) -> jnp.ndarray:
        return triple.energy(u, setting) / triple.n

    both = quickly(jax.value_and_grad(divergence))
    hessian = quickly(jax.hessian(divergence))
    values = np.array([float(both(jnp.asarray(u))[0]) for u in starts])
    finite = values[np.isfinite(values)]
    typical = float(np.median(finite)) if len(finite) else np.inf
    jacobian = quickly(
        jax.jacfwd(
            lambda u: jnp.concatenate(
                [jnp.ravel(x) for x in jax.tree.leaves(triple.coordinates.constrain(u))]
            )
        )
    )
    usual = np.median(
        [np.abs(np.asarray(jacobian(jnp.asarray(u)))).max(axis=0) for u in starts], axis=0
    )
    found: list[np.ndarray] = []
    edge: list[np.ndarray] = []
    smallest = np.inf
    with threadpool_limits(1, user_api="blas"):
        for start in starts:
            u = _descended(both, hessian, start)
            value = float(both(jnp.asarray(u))[0])
            smallest = min(smallest, value) if np.isfinite(value) else smallest
            if not (np.isfinite(value) and value <= ZERO_DIVERGENCE * max(typical, 1e-300)):
                continue
            moves = np.abs(np.asarray(jacobian(jnp.asarray(u)))).max(axis=0)
            inside = bool((moves > ON_THE_EDGE * usual).all())
            (found if inside else edge).append(u)
    return ZerosFound(found, edge, smallest, typical)


def _descended(both, hessian, start: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:  # type: ignore[no-untyped-def]
    def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = both(jnp.asarray(u))
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return 1e300, np.zeros_like(u)
        return float(value), np.asarray(slope)

    options = {"maxiter": 500, "ftol": 1e-30, "gtol": 1e-30}
    u = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    value, slope = objective(u)
    damping = 1e-3
    for _ in range(NEWTON_STEPS):
        if value < 1e-280:
            break
        curvature = np.asarray(hessian(jnp.asarray(u)))
        size = np.abs(np.diag(curvature)).max()
        if not np.isfinite(size) or size == 0:
            break
        try:
            step = np.linalg.solve(curvature + damping * size * np.eye(len(u)), -slope)
        except np.linalg.LinAlgError:
            break
        then, steeper = objective(u + step)
        if then < value:
            u, value, slope, damping = u + step, then, steeper, max(damping / 10, 1e-14)
        elif damping > 1e6:
            break
        else:
            damping *= 10
    found: Float[np.ndarray, " d"] = u
    return found
