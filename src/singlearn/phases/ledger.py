"""Accuracy against complexity: why a phase wins at this n, and at which n another is predicted
to.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from singlearn.phases.phase_reading import PhaseReading
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import aligned_rows, frame

if TYPE_CHECKING:
    import pandas

LARGEST_N = 1e30
DRAWS = 400
GRID = 600


@dataclass(frozen=True)
class PhaseAccount(Answer):
    r"""One phase: :math:`F_k = β\, n L_n(\hat w_k) + λ_k \log nβ + c_k`.

    Attributes:
        phase: its label.
        free_energy: :math:`F_k(β)`, in nats.
        best_energy: :math:`n L_n(\hat w_k)`, the lowest energy of a particle of the phase, in nats.
        learning_coefficient: :math:`λ_k`, the heat capacity within the phase.
        accuracy: :math:`β\, n L_n(\hat w_k)`, in nats.
        complexity: :math:`λ_k \log nβ`, in nats.
        constant: what is left, in nats: the prior density there, the volume, and - for data -
            fluctuations.
    """

    phase: Hashable
    free_energy: Estimate
    best_energy: float
    learning_coefficient: Estimate
    accuracy: float
    complexity: Estimate
    constant: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "phase": str(self.phase),
            "free_energy": self.free_energy.to_dict(),
            "best_energy": self.best_energy,
            "learning_coefficient": self.learning_coefficient.to_dict(),
            "accuracy": self.accuracy,
            "complexity": self.complexity.to_dict(),
            "constant": self.constant.to_dict(),
        }


@dataclass(frozen=True)
class Crossing(Answer):
    """A predicted change of order: ``after`` has the lower free energy beyond ``n``, and ``before``
    has it below.

    ``low`` and ``high`` enclose the middle 68 % of what the errors of F and λ leave open; infinite
    where some of them give no crossing.
    """

    before: Hashable
    after: Hashable
    n: float
    low: float
    high: float

    def __str__(self) -> str:
        where = f"nβ ≈ {self.n:.3g} ({self.low:.3g} … {self.high:.3g})"
        return f"{self.before} → {self.after} at {where}"

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "before": str(self.before),
            "after": str(self.after),
            "n": self.n,
            "low": self.low,
            "high": self.high,
        }


@dataclass(frozen=True)
class PhaseLedger(Answer):
    r"""Accounts of all phases seen, the one with the lowest free energy first, and where the order
    is predicted to change.

    The prediction carries :math:`F_k(n') = n' L(\hat w_k) + λ_k \log n' + c_k` to other n' with
    what was read at this one. It leaves out :math:`\log\log n` and takes the fluctuations as they
    are: an order of magnitude, to be checked by a run there.
    """

    name: str
    n: float
    inverse_temperature: float
    accounts: tuple[PhaseAccount, ...]
    crossings: tuple[Crossing, ...]

    @property
    def winner(self) -> PhaseAccount:
        """The phase with the lowest free energy at this n."""
        return self.accounts[0]

    def summary(self) -> str:
        """All of it, for people."""
        rows: list[tuple[str, ...]] = [
            ("phase", "F_k", "β n L_n(ŵ_k)", "λ_k log nβ", "constant", "λ_k")
        ]
        for a in self.accounts:
            cells = (a.complexity, a.constant, a.learning_coefficient)
            rows.append((str(a.phase), str(a.free_energy), f"{a.accuracy:.2f}", *map(str, cells)))
        head = (
            f"{self.name}: accuracy and complexity at n = {self.n:g}, "
            f"β = {self.inverse_temperature:.4g}, in nats"
        )
        return "\n".join(
            [
                head,
                "",
                *aligned_rows(rows),
                f"  wins here: {self.winner.phase}",
                *(f"  predicted: {crossing}" for crossing in self.crossings),
            ]
        )

    def table(self) -> pandas.DataFrame:
        """One account per row, the winner first; in nats."""
        return frame(
            {
                "phase": str(a.phase),
                "F_k": a.free_energy,
                "β n L_n(ŵ_k)": a.accuracy,
                "λ_k log nβ": a.complexity,
                "constant": a.constant,
                "λ_k": a.learning_coefficient,
            }
            for a in self.accounts
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "name": self.name,
            "n": self.n,
            "inverse_temperature": self.inverse_temperature,
            "winner": str(self.winner.phase),
            "accounts": of_each(self.accounts),
            "crossings": of_each(self.crossings),
        }


def make_ledger(
    name: str, n: float, beta: float, entries: Sequence[tuple[PhaseReading, Estimate | None, float]]
) -> PhaseLedger:
    """The ledger of phases given their reading at β, their λ and their lowest energy; phases
    without a λ are left out.

    Raises:
        ValueError: no phase is left, or nβ ≤ 1, where log nβ is not a complexity.
    """
    if not n * beta > 1:
        raise ValueError(f"beta: got {beta}; the ledger needs nβ > 1, and n = {n:g}")
    accounts = []
    for reading, coefficient, best in entries:
        if reading.free_energy is None or coefficient is None:
            continue
        free, log_n = reading.free_energy, math.log(n * beta)
        complexity = Estimate(coefficient.value * log_n, coefficient.standard_error * log_n)
        constant = Estimate(
            free.value - beta * best - complexity.value,
            math.hypot(free.standard_error, complexity.standard_error),
        )
        accounts.append(
            PhaseAccount(reading.phase, free, best, coefficient, beta * best, complexity, constant)
        )
    if not accounts:
        raise ValueError(f"no phase of {name!r} was seen at β = {beta:g} and where its λ is read")
    accounts.sort(key=lambda account: account.free_energy.value)
    crossings = [
        crossing
        for i, first in enumerate(accounts)
        for second in accounts[i + 1 :]
        for crossing in predicted_crossings(first, second, n, beta)
    ]
    return PhaseLedger(
        name, n, beta, tuple(accounts), tuple(sorted(crossings, key=lambda crossing: crossing.n))
    )


def predicted_crossings(
    first: PhaseAccount, second: PhaseAccount, n: float, beta: float
) -> list[Crossing]:
    r"""Where :math:`n'ΔL + Δλ \log n' + Δc` vanishes, at most twice; n' > e, because no complexity
    is a logarithm below.
    """
    slope = (second.best_energy - first.best_energy) / n
    coefficient = second.learning_coefficient.value - first.learning_coefficient.value
    gap = second.free_energy.value - first.free_energy.value

    def difference(log_n: float, coefficient: float, gap: float) -> float:
        # Anchored at this n, where the difference is what was measured.
        return (
            gap + slope * (math.exp(log_n) - n * beta) + coefficient * (log_n - math.log(n * beta))
        )

    found = _roots(difference, coefficient, gap)
    generator = np.random.default_rng(0)
    coefficient_error = math.hypot(
        first.learning_coefficient.standard_error, second.learning_coefficient.standard_error
    )
    gap_error = math.hypot(first.free_energy.standard_error, second.free_energy.standard_error)
    draws = generator.normal(size=(DRAWS, 2)) * np.nan_to_num([coefficient_error, gap_error]) + [
        coefficient,
        gap,
    ]
    all_roots = [_roots(difference, float(c), float(g)) for c, g in draws]
    crossings = []
    for root in found:
        rising = difference(root + 1e-3, coefficient, gap) > difference(
            root - 1e-3, coefficient, gap
        )
        nearest = [
            roots[int(np.argmin(np.abs(np.array(roots) - root)))] if roots else math.inf
            for roots in all_roots
        ]
        low, high = np.quantile(nearest, [0.16, 0.84], method="nearest")
        before, after = (second, first) if rising else (first, second)
        crossings.append(
            Crossing(before.phase, after.phase, *(float(np.exp(x)) for x in (root, low, high)))
        )
    return crossings


def _roots(difference: Any, coefficient: float, gap: float) -> list[float]:
    grid: Float[np.ndarray, " points"] = np.linspace(1.0, math.log(LARGEST_N), GRID)
    values = np.array([difference(float(x), coefficient, gap) for x in grid])
    changes = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)
    return [
        float(brentq(lambda x: difference(x, coefficient, gap), grid[i], grid[i + 1]))
        for i in changes
    ]
