"""The best parameter that can be reached: where BIC stands, and what every phase is compared
with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.results.result import Answer
from singlearn.tempering.descent import Descended, descend, one_by_one
from singlearn.tempering.landscape import QUICKLY_COMPILED, numbers_of
from singlearn.triple import Model, Triple

# A maximum of the likelihood where the prior costs this many nats per observation more than at the
# mode is set aside. On the galaxy data the fit of three components that everybody reports costs 1.3
# of them, components on two neighbouring observations cost 130 and 800.
SPIKE_COST = 10.0
MODE_STARTS = 4
# Up to so many numbers per evaluation, a thousand evaluations cost less than what a faster program
# takes longer to compile.
QUICK_WORK = 2**10

Slope = tuple[float, Float[np.ndarray, " d"]]


@dataclass(frozen=True)
class Optimum(Answer):
    """The lowest energy found, n L_n(ŵ) in nats, where it is (flat coordinates), and whether it is
    a maximum of the likelihood.

    ``mode`` is the best posterior mode reached (flat coordinates), ``mode_energy`` n L_n there, the
    lowest energy the posterior goes to as it cools. ``is_likelihood_maximum`` is False when the
    likelihood has no maximum that could be reached; the parameter is then the one of lowest energy
    among the posterior mode and the starts. ``spike_energy`` is the energy of a higher maximum of
    the likelihood that was set aside because the prior all but forbids it - a mixture component on
    two neighbouring observations, say - or ``None``.
    """

    energy: float
    coordinates: Float[np.ndarray, " d"]
    is_likelihood_maximum: bool
    mode: Float[np.ndarray, " d"]
    mode_energy: float
    spike_energy: float | None


@lru_cache(maxsize=8)
def _compile(model: Model, quickly: bool) -> Callable[..., tuple[Array, Array, Array, Array]]:
    """Energy and minus the log prior density with the gradient of each, compiled once for all data
    sets of a model.
    """
    triple = model.triple

    def both(u: Float[Array, " d"], data: PyTree) -> tuple[Array, Array, Array, Array]:
        energy, slope = jax.value_and_grad(triple.energy)(u, data)
        surprise, pull = jax.value_and_grad(lambda u: -triple.coordinates.log_prob(u))(u)
        return energy, slope, surprise, pull

    return jax.jit(both, compiler_options=QUICKLY_COMPILED if quickly else None)


def find_optimum(
    triple: Triple,
    cold: Float[np.ndarray, "starts d"],
    hot: Float[np.ndarray, "more d"],
    evaluations: int = 500,
) -> Optimum:
    """Minimise -log posterior from a few of the coldest particles and hotter ones, then n L_n from
    all the coldest and the best modes.

    Hot starts matter: from a phase where the gradient vanishes - all nodes dead, say - no optimiser
    leaves. So do descents of n L_n that start at the particles: the mode of a mixture with too many
    components has components that coincide, a saddle of the likelihood. No particle of ``cold``
    that the prior allows has a lower energy than the optimum found.

    Args:
        cold: flat coordinates of particles, the lowest energies first.
        hot: of particles at smaller β.
        evaluations: of each descent, at most.

    Returns:
        The lowest maximum of the likelihood that the prior allows, and the best posterior mode.

    Raises:
        ValueError: the energy is infinite at every start.
    """
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, triple.data)
        compiled = _compile(triple.as_model(), numbers_of(triple) <= QUICK_WORK)

        def energy(u: Float[np.ndarray, " d"]) -> Slope:
            value, slope, _, _ = compiled(u, data)
            return float(value), np.asarray(slope, dtype=float)

        def penalised(u: Float[np.ndarray, " d"]) -> Slope:
            value, slope, surprise, pull = compiled(u, data)
            return float(value) + float(surprise), np.asarray(slope, dtype=float) + np.asarray(
                pull, dtype=float
            )

        def ends(
            objective: Callable[..., Slope], starts: Float[np.ndarray, "starts d"]
        ) -> Descended:
            return descend(
                one_by_one(objective, starts.shape), starts, np.ones(triple.dimension), evaluations
            )

        def prior_cost(u: Float[np.ndarray, " d"]) -> float:
            """-log φ in nats, in the flat coordinates."""
            return float(compiled(u, data)[2])

        found = ends(penalised, np.concatenate([cold[:MODE_STARTS], hot]).astype(float))
        modes = sorted(
            (
                (float(value), where)
                for value, where in zip(found.values, found.points, strict=True)
                if np.isfinite(value)
            ),
            key=lambda mode: mode[0],
        )
        if not modes:
            raise ValueError(
                f"the energy of {triple.name!r} is infinite or flat NaN at every start of the "
                f"optimiser"
            )
        mode = modes[0][1]
        allowed = prior_cost(mode) + SPIKE_COST * triple.n
        # The three best modes may order differently once the prior no longer counts.
        below = [where for _, where in modes[:3]] + list(cold.astype(float))
        costs = ((compiled(where, data), where) for where in below)
        reached = [
            (float(value), where) for (value, _, cost, _), where in costs if float(cost) <= allowed
        ]
        lowest, lowest_at = min(
            ((value, where) for value, where in reached if np.isfinite(value)),
            key=lambda start: start[0],
        )
        found = ends(energy, np.stack(below))
        maxima = [
            (float(value), where)
            for value, where, converged in zip(
                found.values, found.points, found.converged & ~found.stuck, strict=True
            )
            if converged and np.isfinite(value)
        ]
        forbidden = [prior_cost(where) > allowed for _, where in maxima]
        kept = [
            maximum for maximum, is_spike in zip(maxima, forbidden, strict=True) if not is_spike
        ]
        spike = min(
            (value for (value, _), is_spike in zip(maxima, forbidden, strict=True) if is_spike),
            default=None,
        )
        mode_energy = energy(mode)[0]
        best, best_at = min(kept, key=lambda maximum: maximum[0], default=(np.inf, mode))
        if spike is not None and spike > best:
            spike = None
        if best > lowest:
            return Optimum(lowest, lowest_at, False, mode, mode_energy, spike)
        return Optimum(best, best_at, True, mode, mode_energy, spike)
