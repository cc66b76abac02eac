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
from threadpoolctl import threadpool_limits

from singlearn.results.prompt import Shown
from singlearn.triple import Model, Triple

# A maximum of the likelihood where the prior costs this many nats an observation more than at the mode is set aside. On the galaxy data
# the fit of three components that everybody reports costs 1.3 of them, components on two neighbouring observations cost 130 and 800.
SPIKE_COST = 10.0
MODE_STARTS = 4


@dataclass(frozen=True)
class Optimum(Shown):
    """The lowest energy found, n L_n(ŵ) in nats, where it is (flat coordinates), and whether it is a maximum of the likelihood.

    ``mode`` is the best posterior mode reached (flat coordinates), ``mode_energy`` n L_n there, the lowest energy the posterior goes to
    as it cools.
    ``is_likelihood_maximum`` is False when the likelihood has no maximum that could be reached; the parameter is then the one of
    lowest energy among the posterior mode and the starts.
    ``spike_energy`` is the energy of a higher maximum of the likelihood that was set aside because the prior all but forbids it - a
    mixture component on two neighbouring observations, say - or ``None``.
    """

    energy: float
    coordinates: Float[np.ndarray, " d"]
    is_likelihood_maximum: bool
    mode: Float[np.ndarray, " d"]
    mode_energy: float
    spike_energy: float | None


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
    """Minimise -log posterior from a few of the coldest particles and hotter ones, then n L_n from all the coldest and the best modes.

    Hot starts matter: from a phase where the gradient vanishes - all nodes dead, say - no optimiser leaves. So do descents of
    n L_n that start at the particles: the mode of a mixture with too many components has components that coincide, a saddle of the
    likelihood. No particle of
    ``cold`` that the prior allows has a lower energy than the optimum found.

    Args:
        cold: flat coordinates of particles, the lowest energies first.
        hot: of particles at smaller β.
        iterations: of each descent.

    Raises:
        ValueError: the energy is infinite at every start.
    """
    # L-BFGS-B multiplies matrices of ten columns: measured thirteen times slower where BLAS spreads that over busy cores.
    with jax.enable_x64(True), threadpool_limits(1, user_api="blas"):
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

        def prior_cost(u: Float[np.ndarray, " d"]) -> float:
            """-log φ in nats, in the flat coordinates."""
            return float(penalised(u)[0]) - float(energy(u)[0])

        starts = np.concatenate([cold[:MODE_STARTS], hot]).astype(float)
        modes = sorted((descend(penalised, start) for start in starts), key=lambda mode: mode[0])
        modes = [mode for mode in modes if mode[0] < 1e299]
        if not modes:
            raise ValueError(f"the energy of {triple.name!r} is infinite or flat NaN at every start of the optimiser")
        mode = modes[0][1]
        allowed = prior_cost(mode) + SPIKE_COST * triple.n
        # The three best modes may order differently once the prior no longer counts.
        below = [where for _, where, _ in modes[:3]] + list(cold.astype(float))
        reached = [(float(energy(where)[0]), where) for where in below if prior_cost(where) <= allowed]
        lowest, lowest_at = min(((value, where) for value, where in reached if np.isfinite(value)), key=lambda start: start[0])
        maxima = [(value, where) for value, where, converged in (descend(energy, where) for where in below) if converged and value < 1e299]
        kept = [(value, where) for value, where in maxima if prior_cost(where) <= allowed]
        spike = min((value for value, where in maxima if prior_cost(where) > allowed), default=None)
        mode_energy = float(energy(mode)[0])
        best, best_at = min(kept, key=lambda maximum: maximum[0], default=(np.inf, mode))
        if spike is not None and spike > best:
            spike = None
        if best > lowest:
            return Optimum(lowest, lowest_at, False, mode, mode_energy, spike)
        return Optimum(best, best_at, True, mode, mode_energy, spike)
