"""The record of a ladder: what every rung left behind."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from singlearn.results.prompt import Shown
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Rung(Shown):
    """One rung: R replicates of N equally weighted particles at one β."""

    inverse_temperature: float
    particles: Float[np.ndarray, "replicates kept d"]
    kept: Int[np.ndarray, " kept"]
    ancestor: Int[np.ndarray, "replicates particles"]
    energies: Float[np.ndarray, "replicates particles"]
    log_evidence_step: Float[np.ndarray, " replicates"]
    effective_sample_size: Float[np.ndarray, " replicates"]
    acceptance: float
    moves: int
    gradients: int
    rank_correlation: float
    stuck_share: float
    hamiltonian_step: float
    leapfrog_steps: int
    seconds: float


@dataclass(frozen=True)
class Rungs(Answer):
    r"""All rungs, stacked; the first is the prior, β = 0.

    ``particles`` are flat unconstrained coordinates of the particles ``kept``, whose numbers within
    a population they are; everything else is for all particles. ``ancestor`` is the number, on the
    rung before, of the particle that each descends from; on the first rung its own.
    ``log_evidence_step`` is :math:`\log(Z_{β_k}/Z_{β_{k-1}})` from the incremental weights,
    ``effective_sample_size`` what those weights left of each population as a share of N,
    ``rank_correlation`` what the energies remember of the rung before after ``moves`` moves,
    ``stuck_share`` the particles that no move moved.
    """

    inverse_temperature: Float[np.ndarray, " rungs"]
    particles: Float[np.ndarray, "rungs replicates kept d"]
    kept: Int[np.ndarray, "rungs kept"]
    ancestor: Int[np.ndarray, "rungs replicates particles"]
    energies: Float[np.ndarray, "rungs replicates particles"]
    log_evidence_step: Float[np.ndarray, "rungs replicates"]
    effective_sample_size: Float[np.ndarray, "rungs replicates"]
    acceptance: Float[np.ndarray, " rungs"]
    moves: Int[np.ndarray, " rungs"]
    gradients: Int[np.ndarray, " rungs"]
    rank_correlation: Float[np.ndarray, " rungs"]
    stuck_share: Float[np.ndarray, " rungs"]
    hamiltonian_step: Float[np.ndarray, " rungs"]
    leapfrog_steps: Int[np.ndarray, " rungs"]
    seconds: Float[np.ndarray, " rungs"]

    @classmethod
    def stack(cls, rungs: list[Rung]) -> Rungs:
        """Rungs in order, one array per field."""
        return cls(
            *(np.stack([np.asarray(getattr(rung, f.name)) for rung in rungs]) for f in fields(Rung))
        )

    def __len__(self) -> int:
        return len(self.inverse_temperature)

    def to_dict(self) -> dict[str, Any]:
        """One number per rung, for machines; not the particles and their energies."""
        return {
            f.name: values.tolist()
            for f in fields(self)
            if (values := getattr(self, f.name)).ndim == 1
        }

    @property
    def replicates(self) -> int:
        """How many independent replicates there are."""
        found: int = self.energies.shape[1]
        return found

    def of_kept(
        self, values: Float[np.ndarray, "rungs replicates particles"]
    ) -> Float[np.ndarray, "rungs replicates kept"]:
        """Of numbers that belong to all particles, those of the kept ones, in their order."""
        return np.take_along_axis(values, self.kept[:, None, :], axis=2)

    @property
    def kept_energies(self) -> Float[np.ndarray, "rungs replicates kept"]:
        """The energies of ``particles``, in nats."""
        return self.of_kept(self.energies)

    @property
    def is_infinite(self) -> Bool[np.ndarray, "rungs replicates particles"]:
        """Particles whose energy is infinite (or was not a number)."""
        found: Bool[np.ndarray, "rungs replicates particles"] = ~np.isfinite(self.energies)
        return found
