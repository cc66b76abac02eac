"""The best parameter that can be reached: where BIC stands, and what every phase is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from singlearn.measure.descent import Descended, descend
from singlearn.measure.landscape import batches, landscape_of
from singlearn.results.prompt import Shown
from singlearn.triple import Triple

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
    with jax.enable_x64(True):
        landscape = landscape_of(triple)
        starts = np.concatenate([cold[:MODE_STARTS], hot]).astype(float)
        scales = _scales(np.concatenate([cold, hot]).astype(float))

        def descended(points: Float[np.ndarray, "starts d"], prior: float) -> Descended:
            """Descents of n L_n, with -log φ or without, from any number of starts."""
            parts = [
                descend(lambda u: landscape.slope(u, 1.0, prior)[:2], part, scales, iterations, tolerance=1e-7) for part in batches(points)
            ]
            count = len(points)
            return Descended(
                np.concatenate([part.points for part in parts])[:count],
                np.concatenate([part.values for part in parts])[:count],
                np.concatenate([part.converged for part in parts])[:count],
                sum(part.evaluations for part in parts),
            )

        modes = descended(starts, 1.0)
        order = [index for index in np.argsort(modes.values) if np.isfinite(modes.values[index])]
        if not order:
            raise ValueError(f"the energy of {triple.name!r} is infinite or flat NaN at every start of the optimiser")
        mode = modes.points[order[0]]
        mode_cost, _, mode_energies = landscape.look(mode[None], 1.0)
        mode_energy = float(mode_energies[0])
        allowed = float(mode_cost[0]) - mode_energy + SPIKE_COST * triple.n
        # The three best modes may order differently once the prior no longer counts.
        below = np.concatenate([modes.points[order[:3]], cold.astype(float)])
        maxima = descended(below, 0.0)
        (cost, _, energies), (top_cost, _, top_energies) = landscape.look(below, 1.0), landscape.look(maxima.points, 1.0)
        # What the prior charges, in the flat coordinates; below the mode, so that at least one start is allowed.
        reached = np.where(np.isfinite(cost) & (cost - energies <= allowed), energies, np.inf)
        top = np.where(maxima.converged, maxima.values, np.inf)
        free = np.isfinite(top_cost) & (top_cost - top_energies <= allowed)
        lowest, best = float(reached.min()), float(np.where(free, top, np.inf).min())
        spike = float(np.where(free, np.inf, top).min())
        spike_energy = spike if np.isfinite(spike) and not spike > best else None
        if best > lowest:
            return Optimum(lowest, below[reached.argmin()], False, mode, mode_energy, spike_energy)
        return Optimum(best, maxima.points[np.where(free, top, np.inf).argmin()], True, mode, mode_energy, spike_energy)


def _scales(points: Float[np.ndarray, "points d"]) -> Float[np.ndarray, " d"]:
    """How far a first step may go in each coordinate: as wide as the particles lie."""
    spread = points.std(axis=0)
    return np.where(spread > 0, spread, 1e-3 * np.maximum(np.abs(points).max(axis=0), 1.0))
