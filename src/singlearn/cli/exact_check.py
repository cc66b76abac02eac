"""λ of a polynomial by measurement, to stand beside the exact one: ``singlearn exact "K"
--check``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpyro.distributions as dist

    from singlearn.exact.coefficient import ExactCoefficient
    from singlearn.measure.learning_coefficient import LearningCoefficient
    from singlearn.volume.fit import VolumeFit

# A chance of one in sixteen thousand for a Gaussian; replicates are few, their errors' tails a
# little longer.
AGREEMENT = 4.0


@dataclass(frozen=True)
class Reading:
    """One way of measuring λ, what it found, and what it cost.

    Attributes:
        name: how it was measured.
        value: λ̂.
        standard_error: one standard deviation.
        multiplicity: m, as assumed or found.
        seconds: of wall time, compilation included.
        warnings: in words.
    """

    name: str
    value: float
    standard_error: float
    multiplicity: int | None
    seconds: float
    warnings: tuple[str, ...] = ()

    def agrees_with(self, exact: float) -> bool:
        """Whether an exact λ lies within four standard errors."""
        return abs(self.value - exact) <= AGREEMENT * self.standard_error

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "reading": self.name,
            "learning_coefficient": self.value,
            "standard_error": self.standard_error,
            "multiplicity": self.multiplicity,
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }


def check(
    K: str,
    exact: ExactCoefficient | None = None,
    prior: dist.Distribution | None = None,
    smallest: float = 1e-10,
    beta_max: float = 1e8,
    live: int = 2000,
    particles: int = 1024,
    seed: int = 0,
    progress: bool | None = None,
) -> list[Reading]:
    """Measure λ of a polynomial three times: V(t) by nested sampling, V(t) by a tempered run, and
    the energy of that run.

    The first shares nothing with the others but K. Measured is the λ of the whole prior, which is
    the smallest of all local ones.

    Args:
        K: the polynomial, such as ``"x^2*y^2 + z^4"``.
        exact: where given, its multiplicity is used, which makes the measurements much sharper.
        prior: of every variable; N(0, 1) by default.
        smallest: t in nats down to which nested sampling goes.
        beta_max: of the tempered run, in 1/nats.
        live: points of each replicate of nested sampling.
        particles: of each replicate of the tempered run.
        seed: same seed, same numbers (on one machine).
        progress: show progress bars on standard error; default: if it is a terminal.

    Raises:
        ValueError: K is no polynomial, or negative somewhere, or V(t) reaches too few decades.
    """
    from singlearn.models.polynomial import polynomial
    from singlearn.tempering import temper
    from singlearn.volume.by_nested_sampling import volume_by_nested_sampling

    known = exact if exact is not None and exact.status == "proved" else None
    multiplicity = known.multiplicity if known is not None else None
    triple = polynomial(K, prior=prior, known=known)
    started = time.monotonic()
    curve = volume_by_nested_sampling(
        triple, live=live, smallest=smallest, seed=seed, progress=progress
    )
    nested = curve.learning_coefficient(multiplicity)
    nested_seconds = time.monotonic() - started
    started = time.monotonic()
    run = temper(
        triple, beta_max=beta_max, particles=particles, thin=particles, seed=seed, progress=progress
    )
    tempered_seconds = time.monotonic() - started
    volume = run.volume().learning_coefficient(multiplicity)
    energy = run.learning_coefficient(multiplicity=multiplicity)
    readings: list[tuple[str, VolumeFit | LearningCoefficient, float]] = [
        ("volume, nested sampling", nested, nested_seconds),
        ("volume, tempering", volume, tempered_seconds),
        ("energy, tempering", energy, tempered_seconds),
    ]
    return [
        Reading(
            name,
            read.value,
            read.standard_error,
            read.multiplicity,
            seconds,
            tuple(str(w) for w in read.warnings),
        )
        for name, read, seconds in readings
    ]
