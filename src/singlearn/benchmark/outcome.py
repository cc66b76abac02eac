"""What a sampler hands back, and how often it asked for the likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from singlearn.benchmark.problem import Problem
from singlearn.results.caution import Caution
from singlearn.results.result import Answer

Draws = Literal["chains", "replicates", "independent"]


@dataclass(frozen=True)
class ClaimedNumber(Answer):
    """A number that a sampler claims, and the error that it claims for it.

    Attributes:
        quantity: as :data:`singlearn.benchmark.truth.QUANTITIES`, or
            ``local_learning_coefficient``.
        inverse_temperature: β.
        value: in nats for F and E.
        claimed_error: one standard error; ``None`` where the sampler claims none.
        of: which parameter or phase.
    """

    quantity: str
    inverse_temperature: float
    value: float
    claimed_error: float | None
    of: str = ""


@dataclass(frozen=True)
class Outcome(Answer):
    """Draws, or evidence with its error, or both, and what they cost.

    Attributes:
        log_evidence: log Z at β = 1, in nats; ``None`` where the sampler has none.
        log_evidence_error: one standard error of it, as the sampler claims.
        draws: posterior draws at β = 1 by parameter, (groups, draws, …), or ``None``.
        draws_are: ``"chains"``: each group is a chain, whose autocorrelation is measured;
            ``"replicates"``: groups are independent of each other, and draws within one are not;
            ``"independent"``: all draws are independent.
        readings: further numbers with their errors.
        likelihood_evaluations: of all observations at one parameter; ``None`` where nobody counted.
        gradient_evaluations: the same of gradients.
        cautions: what the sampler says may be wrong.
    """

    log_evidence: float | None = None
    log_evidence_error: float | None = None
    draws: Mapping[str, Float[np.ndarray, "groups draws ..."]] | None = None
    draws_are: Draws = "chains"
    readings: tuple[ClaimedNumber, ...] = ()
    likelihood_evaluations: int | None = None
    gradient_evaluations: int | None = None
    cautions: tuple[Caution, ...] = ()

    def all_readings(self) -> tuple[ClaimedNumber, ...]:
        """The readings, with the evidence as F at β = 1."""
        if self.log_evidence is None:
            return self.readings
        evidence = ClaimedNumber("free_energy", 1.0, -self.log_evidence, self.log_evidence_error)
        return (evidence, *self.readings)


class CountedLikelihood:
    """The likelihood of a problem in NumPy, that counts.

    >>> from singlearn.benchmark.problem import load
    >>> likelihood = CountedLikelihood(load("polynomial-w4"))
    >>> _ = likelihood.on_cube(np.array([0.5])); likelihood.evaluations
    1
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.evaluations = 0

    def on_cube(self, u: Float[np.ndarray, " d"]) -> float:
        """The log likelihood at a point of the unit cube."""
        return float(self.on_cubes(np.asarray(u)[None])[0])

    def on_cubes(self, u: Float[np.ndarray, "batch d"]) -> Float[np.ndarray, " batch"]:
        """The same of many points; what is no number is as unlikely as anything can be."""
        self.evaluations += len(u)
        inside = np.clip(np.asarray(u, float), 1e-300, 1 - 1e-16)
        with np.errstate(all="ignore"):
            found = self.problem.log_likelihoods(self.problem.from_unit_cube(inside))
        return np.where(np.isfinite(found), found, -1e300)
