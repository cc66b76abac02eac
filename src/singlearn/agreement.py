"""λ by algebra, by volume and by tempering, side by side in one call.

The module is also its function: ``singlearn.agreement(K)`` is
:func:`singlearn.agreement.agreement`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from types import ModuleType
from typing import TYPE_CHECKING, Any

from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import Column, aligned
from singlearn.running.progress import Progress

if TYPE_CHECKING:
    import numpyro.distributions as dist

    from singlearn.exact import ExactCoefficient
    from singlearn.measure.learning_coefficient import LearningCoefficient
    from singlearn.volume.fit import VolumeFit

# A chance of one in sixteen thousand for a Gaussian; replicates are few, their errors' tails a
# little longer.
AGREEMENT = 4.0
BY_ALGEBRA = "algebra, all real points"


@dataclass(frozen=True)
class Reading(Answer):
    """One way of measuring λ, what it found, and what it cost.

    Attributes:
        name: how it was measured.
        value: λ̂.
        standard_error: one standard deviation.
        multiplicity: m, as assumed or found.
        seconds: of wall time, compilation included.
        cautions: what may be wrong with it.
    """

    name: str
    value: float
    standard_error: float
    multiplicity: int | None
    seconds: float
    cautions: tuple[Caution, ...] = ()

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
            "cautions": [
                {"reason": str(caution.reason), "message": caution.message}
                for caution in self.cautions
            ],
        }


@dataclass(frozen=True)
class Agreement(Answer):
    """λ of a polynomial by algebra, beside what was measured.

    Attributes:
        exact: by algebra, over all real points: a proof, or bounds.
        readings: λ measured, each in another way.
    """

    exact: ExactCoefficient
    readings: tuple[Reading, ...]

    @property
    def agrees(self) -> bool | None:
        """Whether every reading has the proven λ within four standard errors; ``None`` where λ is
        not proved.
        """
        each = [self.verdict(reading) for reading in self.readings]
        return None if None in each else all(each)

    def verdict(self, reading: Reading) -> bool | None:
        """Whether one reading agrees with the proven λ; ``None`` where λ is not proved."""
        return reading.agrees_with(float(self.exact)) if self.exact.status == "proved" else None

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Readings that do not agree with the proof, and what may be wrong with each."""
        found = list(self.exact.cautions)
        for reading in self.readings:
            if self.verdict(reading) is False:
                distance = abs(reading.value - float(self.exact)) / reading.standard_error
                found.append(
                    Caution(
                        Reason.READINGS_DISAGREE,
                        f"{reading.name}: λ̂ is {distance:.1f} standard errors from the proven "
                        f"{self.exact.value}; take more particles, or a larger beta_max",
                    )
                )
            found += [Caution(own.reason, f"{reading.name}: {own}") for own in reading.cautions]
        return tuple(found)

    def rows(self) -> list[dict[str, Any]]:
        """One row per reading for machines; the first is the algebra."""
        exact = self.exact
        rows: list[dict[str, Any]] = [
            {
                "reading": BY_ALGEBRA,
                "learning_coefficient": str(exact.value),
                "multiplicity": exact.multiplicity,
                "status": exact.status,
                "lower": str(exact.lower),
                "upper": str(exact.upper),
            }
        ]
        return rows + [
            {**reading.to_dict(), "agrees": self.verdict(reading)} for reading in self.readings
        ]

    def to_dict(self) -> dict[str, Any]:
        """The rows, whether they agree, and the cautions, for machines."""
        return {
            "agrees": self.agrees,
            "readings": self.rows(),
            "cautions": [
                {"reason": str(caution.reason), "message": caution.message}
                for caution in self.cautions
            ],
        }

    def __str__(self) -> str:
        exact = self.exact
        proved = exact.status == "proved"
        value = f"{exact.value}" if proved else f"{exact.lower} … {exact.upper}"
        names = [BY_ALGEBRA, *(reading.name for reading in self.readings)]
        measured = [str(Estimate(one.value, one.standard_error)) for one in self.readings]
        orders = [exact.multiplicity, *(reading.multiplicity for reading in self.readings)]
        seconds = ["", *(f"{reading.seconds:.0f}" for reading in self.readings)]
        doubted = [self.verdict(reading) is False for reading in self.readings]
        notes = ["", *("does not agree" if doubt else "" for doubt in doubted)]
        columns = [
            Column("reading", names),
            Column("λ", [value, *measured], align="right"),
            Column("m", [f"{m or '?'}" for m in orders], align="right"),
            Column("seconds", seconds, align="right"),
            *([Column("", notes)] if any(doubted) else []),
        ]
        lines = aligned(columns)
        for reading in self.readings:
            lines += [f"    warning: {reading.name}: {caution}" for caution in reading.cautions]
        return "\n".join(lines)


def agreement(
    K: str | Sequence[str],
    exact: ExactCoefficient | None = None,
    prior: dist.Distribution | None = None,
    smallest: float | int = 1e-10,
    beta_max: float | int = 1e8,
    live: int = 2000,
    particles: int = 1024,
    seed: int = 0,
    progress: Progress = None,
) -> Agreement:
    r"""λ by algebra beside three measurements of it: V(t) by nested sampling, V(t) by a tempered
    run, and the energy of that run.

    The algebra shares nothing with the measurements, and nested sampling nothing with tempering,
    but K. Measured is the λ of the whole prior, which is the smallest of all local ones, so the
    algebra takes the smallest over all real points.

    Args:
        K: a polynomial, such as ``"x^2*y^2 + z^4"``, or several whose squares are added.
        exact: λ and m over all real points, where they are known; default:
            ``exact.rlct(K, domain="all")``. A proven m makes the measurements much sharper.
        prior: of every variable, positive at the zeros of K; N(0, 1) by default.
        smallest: t in nats down to which nested sampling goes.
        beta_max: of the tempered run, in 1/nats.
        live: points of each replicate of nested sampling.
        particles: of each replicate of the tempered run.
        seed: same seed, same numbers (on one machine).
        progress: as for ``temper``.

    Returns:
        All of them, with what may be wrong.

    Raises:
        ValueError: K is no polynomial, negative somewhere or without a real zero, or V(t) reaches
            too few decades.

    >>> from singlearn.exact import rlct
    >>> known = rlct("x^2*y^2", domain="all")
    >>> Agreement(known, (Reading("energy", 0.49, 0.02, 2, 1.0),)).agrees
    True
    """
    from singlearn.exact import rlct
    from singlearn.models.polynomial import polynomial
    from singlearn.tempering import temper
    from singlearn.volume.by_nested_sampling import volume_by_nested_sampling

    text = K if isinstance(K, str) else " + ".join(f"({g})^2" for g in K)
    exact = rlct(text, domain="all") if exact is None else exact
    if exact.value == inf:
        raise ValueError("K: it has no real zero, so there is no λ to measure")
    known = exact if exact.status == "proved" else None
    multiplicity = known.multiplicity if known is not None else None
    triple = polynomial(text, prior=prior, known=known)
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
    return Agreement(
        exact,
        tuple(
            Reading(
                name,
                read.value,
                read.standard_error,
                read.multiplicity,
                seconds,
                read.cautions,
            )
            for name, read, seconds in readings
        ),
    )


class _Callable(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Agreement:
        return agreement(*arguments, **options)


# Importing the module puts it into singlearn under its own name, where users write
# sl.agreement(K).
sys.modules[__name__].__class__ = _Callable
