"""The best parameter that can be reached: where BIC stands, and what every phase is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from singlearn.triple import Model, Triple


@dataclass(frozen=True)
class Optimum:
    """The lowest energy found, n L_n(ŵ) in nats, where it is (flat coordinates), and whether it is a maximum of the likelihood.

    ``mode_energy`` is n L_n at the best posterior mode, the lowest energy the posterior goes to as it cools.
    ``is_likelihood_maximum`` is False when the likelihood has no maximum that could be reached (a component collapsing on one
    observation, say); the parameter is then the posterior mode.
    """

    energy: float
    coordinates: Float[np.ndarray, " d"]
    is_likelihood_maximum: bool
    mode_energy: float


@lru_cache(maxsize=8)
def _objectives(model: Model) -> tuple[Callable, Callable]:
    """Energy and minus log posterior with their gradients, compiled once for all data sets of a model."""
    triple = model.triple
    return (
        jax.jit(jax.value_and_grad(lambda u, data: triple.energy(u, data))),
        jax.jit(jax.value_and_grad(lambda u, data: triple.energy(u, data) - triple.coordinates.log_prob(u))),
    )


def find_optimum(
    triple: Triple, cold: Float[np.ndarray, "starts d"], hot: Float[np.ndarray, "more d"], iterations: int = 300
) -> Optimum:
    """Minimise first -log posterior, then n L_n, by L-BFGS from the coldest particles and from hotter ones.

    Hot starts matter: from a phase where the gradient vanishes - all nodes dead, say - no optimiser leaves.

    Raises:
        ValueError: the energy is infinite at every start.
    """
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, triple.data)
        compiled = _objectives(triple.as_model())
        energy, penalised = (partial(objective, data=data) for objective in compiled)

        def descend(objective: object, start: Float[np.ndarray, " d"]) -> tuple[float, Float[np.ndarray, " d"], bool]:
            def guarded(u: np.ndarray) -> tuple[float, np.ndarray]:
                value, gradient = objective(u)  # type: ignore[operator]
                value, gradient = float(value), np.asarray(gradient, dtype=float)
                if not (np.isfinite(value) and np.isfinite(gradient).all()):
                    return 1e300, np.zeros_like(u)
                return value, gradient

            result = minimize(guarded, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations})
            return float(result.fun), np.asarray(result.x), bool(result.success)

        modes = [descend(penalised, start) for start in np.concatenate([cold, hot]).astype(float)]
        modes = [mode for mode in modes if mode[0] < 1e299]
        if not modes:
            raise ValueError(f"the energy of {triple.name!r} is infinite or flat NaN at every start of the optimiser")
        # The three best modes may order differently once the prior no longer counts.
        best = min(modes, key=lambda mode: mode[0])
        at_mode = float(energy(best[1])[0])
        found = Optimum(at_mode, best[1], False, at_mode)
        for _, mode, _ in sorted(modes, key=lambda mode: mode[0])[:3]:
            value, where, converged = descend(energy, mode)
            start_energy = float(energy(mode)[0])
            # A prior costs the best fit about a nat a parameter where it is strong. A longer descent has fallen into a spike of the
            # likelihood, one component on a few observations, which is no fit.
            bounded = converged and start_energy - value < 1.5 * triple.dimension
            if bounded and (value < found.energy or not found.is_likelihood_maximum):
                found = Optimum(value, where, True, at_mode)
        return found
