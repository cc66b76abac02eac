"""The local learning coefficient with everything needed to doubt it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.mixing import block_means
from singlearn.local.verdict.shown import number, with_cautions
from singlearn.local.verdict.status import Status
from singlearn.results.caution import Caution
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer

if TYPE_CHECKING:
    import pandas

SHOWN_POINTS = 200


@dataclass(frozen=True)
class LocalLearningCoefficient(Answer):
    r"""λ̂(w*) of one set of parameters, and how it was measured.

    Attributes:
        value: :math:`λ̂ = nβ (E[L_n(w)] - L_n(w^*))`, dimensionless; NaN (withheld) when a chain
            diverged.
        standard_error: Monte Carlo error, one standard deviation.
        status: the verdict.
        per_chain: λ̂ of every chain; even ones started at w*, odd ones away from it.
        effective_sample_size: of all chains together.
        r_hat: split R-hat of λ̂ over the chains.
        acceptance: Metropolis acceptance of the steps, per chain.
        distance: root mean square of |w - w*|, per chain.
        above_minimum: by how much w* lies above the minimum of its basin, in units of λ; λ̂ is too
            small by at least about this.
        heating: by how much minibatch noise raises λ̂, estimated, in units of λ.
        at_twice_gamma: λ̂ where the tie is twice as strong, from a short second run: how much λ̂
            depends on γ.
        at_half_gamma: likewise where it is half as strong.
        half_dimension: d/2, λ of a regular model.
        quadratic: what the same sampler would give on the quadratic model at w*, a yardstick
            (:func:`singlearn.local.measuring.quadratic.quadratic`).
        variance_reading: λ by the variance of the loss, which needs no loss at w*: a second reading
            (:func:`singlearn.local.measuring.variance.variance_reading`).
        samples: n.
        nbeta: nβ, in units of 1/loss.
        gamma: γ, in units of 1/parameter²; 1 where it was given by name, and distances are then in
            units of :math:`γ_i^{-1/2}` (less than 1 where ties by name that were chosen had to be
            weakened).
        loss: L_n(w*), over all samples.
        sampler: ``sgld`` or ``hmc``.
        steps: of every chain, with those that were thrown away.
        draws: of every chain, that count.
        batch: samples of a minibatch.
        step: ε of every chain.
        diverged: the chains that did.
        trace: λ̂ along the counted part of every chain, in blocks.
        distance_trace: |w - w*| likewise.
        cautions: what may be wrong with λ̂.
        gamma_chosen: whether γ was chosen from the size of the weights.
        gamma_by_name: γ of every tensor (the range of it, where entries differ), in units of
            1/parameter²; empty where one number holds for all.
        unfelt: names of parameters that have no effect on the loss.
        excess_over_all: nβ times the excess over all samples where chains end, where minibatches
            cannot have met every sample; else NaN.
        rounding: what rounding of the losses costs λ̂, about, one standard deviation; NaN if it is
            not known.
        reference: ``loss``, or ``self`` for the divergence from the network's own function at w*;
            L_n is that divergence then.
    """

    value: float
    standard_error: float
    status: Status
    per_chain: tuple[float, ...]
    effective_sample_size: float
    r_hat: float
    acceptance: tuple[float, ...]
    distance: tuple[float, ...]
    above_minimum: float
    heating: float
    at_twice_gamma: Estimate
    half_dimension: float
    quadratic: Estimate
    samples: int
    nbeta: float
    gamma: float
    loss: float
    sampler: str
    steps: int
    draws: int
    batch: int
    step: tuple[float, ...]
    diverged: tuple[int, ...]
    trace: Float[np.ndarray, "chains blocks"] = field(repr=False)
    distance_trace: Float[np.ndarray, "chains blocks"] = field(repr=False)
    cautions: tuple[Caution, ...] = ()
    at_half_gamma: Estimate = field(default_factory=lambda: Estimate(math.nan, math.nan))
    variance_reading: Estimate = field(default_factory=lambda: Estimate(math.nan, math.nan))
    gamma_chosen: bool = False
    gamma_by_name: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unfelt: tuple[str, ...] = ()
    excess_over_all: float = math.nan
    rounding: float = math.nan
    reference: str = "loss"

    @property
    def estimate(self) -> Estimate:
        """λ̂ ± s.e. with the chains it was computed from."""
        return Estimate(self.value, self.standard_error, self.per_chain)

    def __str__(self) -> str:
        shown = "withheld" if math.isnan(self.value) else str(self.estimate)
        rows = [
            f"λ̂ = {shown}   {self.status}   (the quadratic model at w*: {self.quadratic}; a "
            f"regular model: d/2 = {self.half_dimension:g})",
            f"  {self._chains()}n = {self.samples}, nβ = {self.nbeta:.6g}, {self.tie}",
        ]
        if self.reference == "self":
            rows.append(
                "  of the network's own function: L_n is its divergence from what it computes at w*"
            )
        if self.steps:
            rows.append(
                f"  ESS {self.effective_sample_size:.0f}, R-hat {self.r_hat:.3f}, acceptance "
                f"{np.mean(self.acceptance):.2f}, "
                f"|w - w*| "
                f"{np.mean(self.distance):.3g}{' of the tie' if self.gamma_by_name else ''}, "
                f"L_n(w*) = {self.loss:.6g}; "
                f"at 2γ λ̂ = {self.at_twice_gamma}, at γ/2 {self.at_half_gamma}"
                f"; by the variance of the loss λ = {self.variance_reading}"
            )
        return with_cautions(rows, self.cautions)

    @property
    def tie(self) -> str:
        """γ in words.

        A γ for every tensor is shown by its range; all of them are in ``gamma_by_name``.
        """
        chosen = ", by the size of the weights" if self.gamma_chosen else ""
        if not self.gamma_by_name:
            return f"γ = {self.gamma:g}{chosen}"
        every = [number for pair in self.gamma_by_name.values() for number in pair]
        return f"γ from {min(every):.3g} to {max(every):.3g} by name{chosen}"

    def _chains(self) -> str:
        if not self.steps:
            return "no chains were run; "
        return (
            f"{len(self.per_chain)} chains × {self.draws} draws counted of {self.steps} steps, "
            f"{self.sampler}, batch {self.batch} of "
        )

    def table(self) -> pandas.DataFrame:
        """A row for every chain.

        Returns:
            ``starts`` (at w* or away from it), ``learning_coefficient`` (NaN for a chain that
            diverged), ``acceptance``, ``distance`` (root mean square of |w - w*|) and ``step`` by
            chain.
        """
        import pandas

        rows = {
            "starts": ["away" if c % 2 else "at w*" for c in range(len(self.per_chain))],
            "learning_coefficient": [v if math.isfinite(v) else math.nan for v in self.per_chain],
            "acceptance": self.acceptance,
            "distance": self.distance,
            "step": self.step,
        }
        return pandas.DataFrame(rows).rename_axis("chain")

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines; what is withheld or undefined is ``None``."""
        plain: dict[str, Any] = {
            "learning_coefficient": number(self.value),
            "standard_error": number(self.standard_error),
            "status": str(self.status),
            "per_chain": [number(v) for v in self.per_chain],
            "effective_sample_size": number(self.effective_sample_size),
            "r_hat": number(self.r_hat),
            "acceptance": [number(v) for v in self.acceptance],
            "distance": [number(v) for v in self.distance],
            "above_minimum": number(self.above_minimum),
            "heating": number(self.heating),
            "at_twice_gamma": {k: number(v) for k, v in self.at_twice_gamma.to_dict().items()},
            "at_half_gamma": {k: number(v) for k, v in self.at_half_gamma.to_dict().items()},
            "half_dimension": self.half_dimension,
            "quadratic": {k: number(v) for k, v in self.quadratic.to_dict().items()},
            "variance_reading": {k: number(v) for k, v in self.variance_reading.to_dict().items()},
            "samples": self.samples,
            "nbeta": self.nbeta,
            "gamma": self.gamma,
            "gamma_chosen": self.gamma_chosen,
            "gamma_by_name": {name: list(pair) for name, pair in self.gamma_by_name.items()},
            "unfelt": list(self.unfelt),
            "excess_over_all": number(self.excess_over_all),
            "rounding": number(self.rounding),
            "loss": self.loss,
            "reference": self.reference,
            "sampler": self.sampler,
            "steps": self.steps,
            "draws": self.draws,
            "batch": self.batch,
            "step": [number(v) for v in self.step],
            "diverged": list(self.diverged),
            "trace": [[number(v) for v in row] for row in self.trace],
            "distance_trace": [[number(v) for v in row] for row in self.distance_trace],
            "cautions": of_each(self.cautions),
        }
        return plain


def shown_trace(trace: Float[np.ndarray, "chains draws"]) -> Float[np.ndarray, "chains blocks"]:
    """A trace short enough to keep and draw."""
    return block_means(trace, SHOWN_POINTS)
