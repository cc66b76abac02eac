"""One point of a phase diagram: one run, read."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.phases import Labeller
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.tempering import Run, temper
from singlearn.transitions.force import forces, within
from singlearn.transitions.whole_estimate import document_of, estimate_from
from singlearn.triple import Triple

KEYS = frozenset(map(str, Reason))


@dataclass(frozen=True)
class PhasePoint(Answer):
    """One phase at one point; ``None`` for what is unknown of an unseen phase. Energies in nats.

    ``force`` is the mean of the force conjugate to the swept parameter within the phase, dF_k/dθ in
    nats per unit, and ``force_deviation`` its standard deviation from particle to particle. Where
    ``has_own_run``, all but shares come from a run restricted to the phase.
    """

    largest_occupancy: float
    occupancy: Estimate | None
    free_energy: Estimate | None
    energy: Estimate | None
    heat_capacity: Estimate | None
    has_own_run: bool = False
    force: Estimate | None = None
    force_deviation: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Everything, replicates too, so that a point read back is the same."""
        return {
            "largest_occupancy": self.largest_occupancy,
            "occupancy": document_of(self.occupancy),
            "free_energy": document_of(self.free_energy),
            "energy": document_of(self.energy),
            "heat_capacity": document_of(self.heat_capacity),
            "has_own_run": self.has_own_run,
            "force": document_of(self.force),
            "force_deviation": self.force_deviation,
        }


@dataclass(frozen=True)
class Point(Answer):
    """One run: F, E and C at its β, and every phase that occurs in it, by name. Energies in
    nats.
    """

    value: float
    n: float
    inverse_temperature: float
    free_energy: Estimate
    energy: Estimate
    heat_capacity: Estimate
    generalisation_error: Estimate | None
    phases: dict[str, PhasePoint]
    cautions: tuple[Caution, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, replicates too, so that a point read back is the same."""
        return {
            "value": self.value,
            "n": self.n,
            "inverse_temperature": self.inverse_temperature,
            "free_energy": document_of(self.free_energy),
            "energy": document_of(self.energy),
            "heat_capacity": document_of(self.heat_capacity),
            "generalisation_error": document_of(self.generalisation_error),
            "phases": {name: phase.to_dict() for name, phase in self.phases.items()},
            "cautions": of_each(self.cautions),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Point:
        """The inverse of ``to_dict``."""
        phases = {
            name: PhasePoint(
                phase["largest_occupancy"],
                estimate_from(phase["occupancy"]),
                estimate_from(phase["free_energy"]),
                estimate_from(phase["energy"]),
                estimate_from(phase["heat_capacity"]),
                phase["has_own_run"],
                estimate_from(phase["force"]),
                phase["force_deviation"],
            )
            for name, phase in document["phases"].items()
        }
        free, energy, heat = (
            estimate_from(document[key]) for key in ("free_energy", "energy", "heat_capacity")
        )
        return cls(
            document["value"],
            document["n"],
            document["inverse_temperature"],
            free,
            energy,
            heat,
            estimate_from(document["generalisation_error"]),
            phases,
            _cautions(document),
        )


def measure_point(
    triple: Triple,
    value: float,
    labeller: Labeller,
    restricted: Sequence[Hashable],
    neighbour: tuple[Triple, float, float],
    beta: float,
    particles: int,
    replicates: int,
    seed: int,
) -> tuple[Point, Float[np.ndarray, "replicates particles d"]]:
    r"""Temper the triple to β and read F, E, C and the phases there; those in ``restricted`` get a
    run of their own besides.

    ``neighbour`` is another triple of the sweep with its value and β, towards which the force is
    taken.

    The generalisation error is what one more observation adds to F: for a population triple
    :math:`F_{n+1} - F_n ≈ dF/dn = β E_w[K]`; for data at β = 1 the mean over i of :math:`F(D_n) -
    F(D_n ∖ i) = -\log p(x_i | D_n ∖ i)`, entropy included as it is in F, by WAIC/n, which is that
    leave-one-out loss up to :math:`O(1/n^2)` [watanabe2010waic]_.

    Returns:
        The point, and the draws from the prior that the run began with.
    """
    # A seed of its own for every value, the same wherever the value stands in a sweep.
    own_seed = int(
        np.random.SeedSequence(
            [seed, *np.frombuffer(np.float64(value).tobytes(), np.uint32).tolist()]
        ).generate_state(1)[0]
    )

    def tempered(index: int, restrict: tuple[Labeller, Hashable] | None) -> Run:
        own = (own_seed + index) % 2**31
        return temper(
            triple,
            beta_max=beta,
            particles=particles,
            replicates=replicates,
            seed=own,
            progress=False,
            restrict=restrict,
        )

    run = tempered(0, None)
    sorted_run = run.phases(labeller)
    readings = sorted_run.at(beta)
    energy = run.energy(beta)
    generalisation = None
    if triple.is_population:
        share = beta / triple.n
        generalisation = Estimate(
            energy.value * share,
            energy.standard_error * share,
            tuple(e * share for e in energy.replicates),
        )
    elif beta == 1 and run.posterior.log_likelihood is not None:
        waic, n = run.waic().waic, triple.n
        generalisation = Estimate(
            waic.value / n, waic.standard_error / n, tuple(value / n for value in waic.replicates)
        )
    there, other_value, other_beta = neighbour

    def force_of(own: Run) -> Float[np.ndarray, "replicates particles"] | None:
        return forces(
            triple,
            there,
            (beta, other_beta),
            other_value - value,
            _coldest(own, own.rungs.particles),
        )

    force = force_of(run)
    phases = {}
    for k, r in enumerate(readings):
        spread = within(force, _coldest(run, sorted_run.index) == k) if r.is_seen else None
        phases[str(r.phase)] = PhasePoint(
            r.largest_occupancy,
            r.occupancy,
            r.free_energy,
            r.energy,
            r.heat_capacity,
            False,
            *(spread or (None, None)),
        )
    cautions = list(run.energy_cautions)
    for index, phase in enumerate(restricted):
        inside, whole = tempered(index + 1, (labeller, phase)), sorted_run.reading(phase, beta)
        spread = within(force_of(inside), np.ones(inside.rungs.particles.shape[1:3], dtype=bool))
        phases[str(phase)] = PhasePoint(
            whole.largest_occupancy,
            whole.occupancy,
            inside.free_energy(beta),
            inside.energy(beta),
            inside.heat_capacity(beta),
            True,
            *(spread or (None, None)),
        )
        cautions += [caution.of(str(phase)) for caution in inside.energy_cautions]
    point = Point(
        value,
        float(triple.n),
        beta,
        run.free_energy(beta),
        energy,
        run.heat_capacity(beta),
        generalisation,
        phases,
        tuple(cautions),
    )
    return point, run.rungs.particles[0]


def _cautions(document: dict[str, Any]) -> tuple[Caution, ...]:
    """Of a stored point; earlier ones hold sentences, each after its reason."""
    if "cautions" in document:
        return tuple(Caution.from_dict(caution) for caution in document["cautions"])
    found = []
    for sentence in document["warnings"]:
        before, _, message = sentence.partition(": ")
        # One of a phase says which before the reason.
        if before not in KEYS:
            key, _, message = message.partition(": ")
            found.append(Caution(Reason(key), message).of(before))
        else:
            found.append(Caution(Reason(before), message))
    return tuple(found)


def _coldest(run: Run, kept: np.ndarray) -> np.ndarray:
    """Of what is known of every kept particle (rungs, replicates, kept, …), what belongs to draws
    at β_max.

    Returns:
        The same, draw by draw: replicates, kept, ….
    """
    rung, place = run.coldest()
    found: np.ndarray = kept[rung, np.arange(len(rung))[:, None], place]
    return found
