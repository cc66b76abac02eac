"""A phase from inside: its free energy from a bridge that starts at a known parameter, also where
no draw of the prior ever gets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from singlearn.measure.ladder_view import LadderView
from singlearn.phases.of_a_run import phase_moments
from singlearn.phases.restriction import Restrict, Restriction, draw_inside, restricted
from singlearn.results.caution import Caution, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import pairs
from singlearn.running.arguments import real_number
from singlearn.running.progress import Progress
from singlearn.tempering.anneal import anneal
from singlearn.tempering.arguments import check_precision, population_arguments
from singlearn.tempering.bridge import build_bridge
from singlearn.tempering.markov_moves import compile_moves
from singlearn.tempering.mixing_warnings import mixing_warnings
from singlearn.tempering.path import Path
from singlearn.tempering.prior_cautions import cautions_of_density
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.settings import Settings
from singlearn.tempering.traces import trace_in
from singlearn.triple import Triple
from singlearn.triple.intake import check_parameter_matches


@dataclass(frozen=True, eq=False)
class RunFrom(Answer):
    r"""What a run from a known parameter says about its phase at one temperature.

    Attributes:
        name: of the triple.
        phase: in words.
        inverse_temperature: β, in 1/nats.
        free_energy: :math:`F_k(β) = -\log ∫_k e^{-βnL_n} φ\,dw`, in nats, over the part of the
            phase that was reached.
        energy: :math:`E_k(β)`, in nats.
        heat_capacity: :math:`C_k(β)`, which tends to λ of the phase.
        lowest_energy: of any particle on the way, in nats.
        particles: draws from the posterior at β within the phase, flat coordinates.
        rungs: of the bridge; its "inverse temperature" runs from 0, the reference, to 1, the
            posterior, and its particles are in coordinates in which the reference is N(0, I).
        cautions: what is wrong with the bridge.
    """

    name: str
    phase: str
    inverse_temperature: float
    free_energy: Estimate
    energy: Estimate
    heat_capacity: Estimate
    lowest_energy: float
    particles: Float[np.ndarray, "replicates particles d"] = field(repr=False)
    rungs: Rungs = field(repr=False)
    cautions: tuple[Caution, ...] = ()

    def summary(self) -> str:
        """All of it, for people."""
        head = (
            f"{self.name}: run from a known parameter, {self.phase}, "
            f"β = {self.inverse_temperature:.4g}"
        )
        rows = [
            ("F_k", f"{self.free_energy} nats"),
            ("E_k", f"{self.energy} nats"),
            ("C_k", str(self.heat_capacity)),
        ]
        return "\n".join([head, *pairs(rows), *said(self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the particles, for machines."""
        return {
            "name": self.name,
            "phase": self.phase,
            "inverse_temperature": self.inverse_temperature,
            "free_energy": self.free_energy.to_dict(),
            "energy": self.energy.to_dict(),
            "heat_capacity": self.heat_capacity.to_dict(),
            "lowest_energy": self.lowest_energy,
            "rungs": len(self.rungs),
            "cautions": of_each(self.cautions),
        }


def temper_from(
    triple: Triple,
    start: PyTree,
    restrict: Restrict,
    beta: float | int = 1.0,
    particles: int = 1024,
    replicates: int = 4,
    seed: int = 0,
    target_ess: float = 0.6,
    precision: str = "float64",
    progress: Progress = None,
) -> RunFrom:
    r"""The free energy of one phase, from a known parameter of it.

    A Gaussian reference :math:`r` around the start, as wide as the curvature of :math:`βnL_n - \log
    φ` there allows, not wider than the prior, cut off at the edge of the phase, is carried to the
    posterior along :math:`p_t ∝ 1_k\, r^{1-t} (e^{-βnL_n}φ)^t` by the same adaptive sequential
    Monte Carlo as ``temper``. The mass of :math:`r` inside the phase is counted, so that

    .. math:: F_k(β) = -\log ∫_k e^{-βnL_n} φ\, dw = -\log ∫_k r\, dw - \log \frac{Z_1}{Z_0}

    whatever the reference. Nothing has to be found by draws from the prior: metastable phases and
    phases with hardly any prior mass get their free energy as well. A phase in several pieces
    (permuted copies, say) is reached as far as the bridge spreads: choose ``restrict`` so that the
    phase is one piece, and subtract :math:`\log` of the number of equal pieces. Runs of one model
    with the same ``restrict`` share what is compiled, whatever β, n and the start.

    Args:
        triple: model, truth and prior.
        start: a parameter inside the phase, constrained, best one that fits well.
        restrict: the phase: a predicate or ``(labeller, phase)``, as for ``temper``.
        beta: inverse temperature > 0, in 1/nats.
        particles, replicates, seed, target_ess, precision, progress: as for ``temper``.

    Returns:
        The free energy in nats with its error, and the particles it was measured with.

    Raises:
        ValueError: an argument out of range, or a start that is outside the phase or has infinite
            energy.
        PhaseTooSmallError: the start lies on the edge of the phase, so that no neighbourhood of it
            is inside.

    >>> import math
    >>> import numpyro.distributions as dist
    >>> triple = Triple.population(lambda w: 0.5 * (w - 8.0) ** 2, dist.Normal(0.0, 1.0), n=1)
    >>> run = temper_from(triple, 8.0, lambda w: w > 6.0, beta=10.0, particles=256)

    The posterior is N(80/11, 1/11), and ∫ = N(8; 0, 1 + 1/10) √(2π/10) P(w > 6):

    >>> from scipy.stats import norm
    >>> exact = -norm.logpdf(8, scale=1.1**0.5) - 0.5 * math.log(2 * math.pi / 10)
    >>> exact = exact - norm.logsf(6, 80 / 11, 11**-0.5)
    >>> bool(abs(run.free_energy.value - exact) < 0.1)
    True
    """
    beta = real_number("beta", beta, above=0, meaning="a positive inverse temperature")
    particles, replicates, seed, target_ess = population_arguments(
        particles, replicates, seed, target_ess
    )
    check_precision(triple, precision)
    check_parameter_matches("start", start, triple.coordinates.shapes())
    with jax.enable_x64(precision == "float64"):
        trace_in(precision == "float64")
        restriction = Restriction.of(restrict, triple.coordinates)
        centre = np.asarray(triple.coordinates.unconstrain(start))
        bridge = build_bridge(triple, centre, float(beta), restriction)
        key = jax.random.fold_in(jax.random.key(seed), 0)
        mass = draw_inside(
            bridge.draw,
            restriction.description,
            key,
            particles,
            replicates,
            what="reference around the start",
        )
    settings = Settings.of(bridge.path, 1.0, particles, replicates, seed, target_ess, 1, precision)
    rungs = anneal(bridge.path, settings, None, progress, lambda: mass.population)
    view = LadderView(
        rungs.inverse_temperature,
        rungs.energies,
        rungs.ancestor,
        mass.free_energies,
        mass.floor,
    )
    with jax.enable_x64(precision == "float64"):
        own = restricted(triple, restriction)
        flat = bridge.coordinates(rungs.particles.reshape(-1, triple.dimension))
        energies = np.asarray(
            compile_moves(Path.of(own), len(flat)).energies(jnp.asarray(flat)), dtype=float
        )
    energies = np.moveaxis(energies.reshape(rungs.energies.shape), 1, 0)
    weights = np.stack([r.weights(1.0) for r in view.replicates])
    energy, heat_capacity = phase_moments(
        float(beta),
        weights,
        energies,
        np.ones(replicates),
        lambda directs: np.sqrt(view.variances_of(1.0, list(directs.swapaxes(0, 1)))),
    )
    return RunFrom(
        triple.name,
        restriction.description,
        float(beta),
        view.free_energy(1.0),
        energy,
        heat_capacity,
        float(energies.min()),
        flat.reshape(rungs.particles.shape)[-1],
        rungs,
        (*mixing_warnings(rungs), *cautions_of_density(triple)),
    )
