"""What a run was asked for: the record in its checkpoint and in its result."""

from __future__ import annotations

from dataclasses import dataclass

from singlearn.tempering.path import Path


@dataclass(frozen=True)
class Settings:
    """Name and sizes of what was tempered, and the arguments passed to ``temper``."""

    name: str
    n: float
    dimension: int
    is_population: bool
    beta_max: float
    particles: int
    replicates: int
    seed: int
    target_ess: float
    thin: int
    precision: str

    @classmethod
    def of(
        cls,
        path: Path,
        beta_max: float,
        particles: int,
        replicates: int,
        seed: int,
        target_ess: float,
        thin: int,
        precision: str,
    ) -> Settings:
        """The settings of a run along this path."""
        return cls(
            path.name,
            float(path.n),
            path.dimension,
            path.is_population,
            beta_max,
            particles,
            replicates,
            seed,
            target_ess,
            thin,
            precision,
        )
