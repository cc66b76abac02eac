"""One truth of Table 2: its phases at the paper's temperature, and the phase of the true parameters
from inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from singlearn.exact import catalogue
from singlearn.experiments.carroll2021.relu_chart import RunInside
from singlearn.experiments.carroll2021.relu_laplace import (
    DEAD,
    laplace_free_energy,
    reversals,
    turned,
)
from singlearn.experiments.wei2022.table2 import CENTRE, HIDDEN, PRIOR_SCALE
from singlearn.models import star_truth
from singlearn.results.estimate import Estimate

BETA = 1 / math.log(CENTRE)


@dataclass(frozen=True)
class PhaseRow:
    """One phase of one truth at the paper's n, β and prior; energies in nats above n L_n(w_0),
    ``None`` where a phase was not seen.
    """

    phase: str
    share: float | None
    share_bound: float | None
    free_energy: Estimate | None
    energy: Estimate | None
    coefficient: Estimate | None
    exact: float | None
    how: str


@dataclass(frozen=True)
class Truth:
    """Everything about one truth: ``cold`` are runs from inside the phase of the true parameters,
    one for each nβ.
    """

    kinks: int
    rows: tuple[PhaseRow, ...]
    cold: tuple[RunInside, ...]
    dead: Estimate
    crossing: Estimate
    seconds: float
    warnings: tuple[str, ...]

    @property
    def exact(self) -> float:
        """λ of W_0 by the catalogue."""
        return float(catalogue.relu_two_layer(2, 1, self.kinks))

    @cached_property
    def excess(self) -> list[float]:
        """F of W_0 above Laplace's closed form at every nβ, in nats; it falls like 1/√nβ."""
        return excess_over_laplace(self.kinks, self.cold)

    def readings(self, coldest: float) -> dict[str, Estimate]:
        """λ of W_0 from nβ E[K], from the heat capacity, and from the slope of F over log n:
        independent runs, different errors.
        """
        cold = [run for run in self.cold if run.n_beta >= coldest]
        # From the first point whose F has left its largest corrections, of order 1/√nβ, behind.
        start = next((index for index, run in enumerate(self.cold[:-1]) if run.n_beta >= 1e4), 0)
        first, last = self.cold[start], self.cold[-1]
        span = math.log(last.n_beta / first.n_beta)
        # F has corrections that fall like 1/√nβ; how far the ends still are from Laplace's closed
        # form is their share.
        bias = self.excess[start] - self.excess[-1]
        error = math.hypot(first.free_energy.standard_error, last.free_energy.standard_error, bias)
        return {
            "energy": average([run.energy for run in cold]),
            "heat_capacity": average([run.heat_capacity for run in cold]),
            "free_energy": Estimate(
                (last.free_energy.value - first.free_energy.value) / span, error / span
            ),
        }


def average(estimates: list[Estimate]) -> Estimate:
    """The mean of independent estimates, with its error."""
    count = len(estimates)
    return Estimate(
        sum(e.value for e in estimates) / count,
        math.sqrt(sum(e.standard_error**2 for e in estimates)) / count,
    )


def pieces(kinks: int, n_beta: float) -> float:
    """log of how many times the measured piece of W_0 counts, dead excess nodes included, in nats.

    Permutations and choices of the nodes, orientations (weighed by their own Laplace free energy),
    the prior mass of dead excess nodes.
    """
    truth = star_truth(kinks, kinks)
    costs = np.array(
        [laplace_free_energy(n_beta, turned(truth, s), PRIOR_SCALE) for s in reversals(truth)]
    )
    orientations = float(np.logaddexp.reduce(costs[0] - costs))
    return (
        orientations
        + math.log(math.comb(HIDDEN, kinks) * math.factorial(kinks))
        + (HIDDEN - kinks) * math.log(DEAD)
    )


def excess_over_laplace(kinks: int, cold: tuple[RunInside, ...]) -> list[float]:
    """F of the phase at W_0, measured from inside, above Laplace's closed form, in nats."""
    truth = star_truth(kinks, kinks)
    return [
        run.free_energy.value - laplace_free_energy(run.n_beta, truth, PRIOR_SCALE) for run in cold
    ]


def ordered_free_energy(kinks: int, cold: tuple[RunInside, ...]) -> Callable[[float], float]:
    """F of the phase at W_0 as a function of nβ: Laplace's, corrected by what was measured, if
    anything was, interpolated in log nβ.
    """
    truth = star_truth(kinks, kinks)
    log_x = np.log([run.n_beta for run in cold]) if cold else np.zeros(1)
    excess = excess_over_laplace(kinks, cold) if cold else np.zeros(1)
    # Laplace's F is a straight line in log nβ, and so is the count of the pieces (a constant).
    at_one, slope = laplace_free_energy(1.0, truth, PRIOR_SCALE), (3 * kinks + 1) / 2
    weight = pieces(kinks, 1.0)

    def free_energy(n_beta: float) -> float:
        return (
            at_one
            + slope * math.log(n_beta)
            + float(np.interp(math.log(n_beta), log_x, excess))
            - weight
        )

    return free_energy
