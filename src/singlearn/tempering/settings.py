"""What a run was asked for: the record in its checkpoint and in its result."""

from __future__ import annotations

from dataclasses import dataclass

from singlearn.triple import Triple


@dataclass(frozen=True)
class Settings:
    """The triple by name and sizes, and the arguments of ``temper``, which say what they mean."""

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
        triple: Triple,
        beta_max: float,
        particles: int,
        replicates: int,
        seed: int,
        target_ess: float,
        thin: int,
        precision: str,
    ) -> Settings:
        """The settings of a run of this triple."""
        return cls(
            triple.name,
            float(triple.n),
            triple.dimension,
            triple.is_population,
            beta_max,
            particles,
            replicates,
            seed,
            target_ess,
            thin,
            precision,
        )
