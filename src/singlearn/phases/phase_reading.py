"""One phase at one temperature."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer


@dataclass(frozen=True)
class PhaseReading(Answer):
    r"""What a run says about one phase at one inverse temperature.

    Attributes:
        phase: its label.
        inverse_temperature: β, in 1/nats.
        effective_particles: of the phase, Kish's number, from all rungs reweighted to β.
        largest_occupancy: 95 % upper bound of the occupancy; all that is known of an unseen phase.
            It holds only if the sampler moves between phases; ``temper_from`` finds metastable
            phases that it does not reach.
        occupancy: P(k), its share of the tempered posterior; ``None`` for a phase too rare to have
            been seen.
        free_energy: :math:`F_k(β) = F(β) - \log P(k)`, in nats, or ``None``.
        energy: :math:`E_k(β)`, mean of n L_n within the phase, in nats, or ``None``.
        heat_capacity: :math:`C_k(β) = β^2 \mathrm{Var}_k[n L_n]`, which tends to the phase's own λ,
            or ``None``.
        smallest_free_energy: lower 95 % bound of F_k, from ``largest_occupancy``, in nats.
    """

    phase: Hashable
    inverse_temperature: float
    effective_particles: float
    largest_occupancy: float
    smallest_free_energy: float
    occupancy: Estimate | None = None
    free_energy: Estimate | None = None
    energy: Estimate | None = None
    heat_capacity: Estimate | None = None

    @property
    def is_seen(self) -> bool:
        """Whether enough particles of the phase were seen for a number; otherwise there is only a
        bound.
        """
        return self.occupancy is not None

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        numbers = ("occupancy", "free_energy", "energy", "heat_capacity")
        found = of_each(getattr(self, name) for name in numbers)
        return {
            "phase": str(self.phase),
            "inverse_temperature": self.inverse_temperature,
            "is_seen": self.is_seen,
            "effective_particles": self.effective_particles,
            "largest_occupancy": self.largest_occupancy,
            "smallest_free_energy": self.smallest_free_energy,
            **dict(zip(numbers, found, strict=True)),
        }
