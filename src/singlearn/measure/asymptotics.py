"""λ and m as limits: fits of βE over many windows and corrections, averaged by what they
explain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate

LARGEST_MULTIPLICITY = 4
CORRECTION_EXPONENTS = (0.25, 0.5, 1.0)
COLDEST_DECADES = 2.0
HOPELESS = 50.0
# log b knows no unit of K: λ - (m-1)/(log b + s) for several s. Where m is given, s = 0 and the
# corrections are left to the error.
LOGARITHM_SHIFTS = (0.0, 1.0, 2.0, 4.0, 8.0)
# A multiplicity with less weight than this is not given: on x²y² and x²y²z² the wrong one gets up
# to 0.9 over eight decades.
DECISIVE = 0.99


@dataclass(frozen=True)
class Asymptotics:
    """λ̂ averaged over fits, and the weight of the fits with each multiplicity.

    Attributes:
        estimate: λ̂.
        multiplicity_weights: by m; they add up to 1, and say how well each m explains the data, not
            more.
    """

    estimate: Estimate
    multiplicity_weights: dict[int, float]

    @property
    def multiplicity(self) -> int | None:
        """The multiplicity whose weight is decisive (at least 0.99), or ``None``."""
        best = max(self.multiplicity_weights, key=lambda m: self.multiplicity_weights[m])
        return best if self.multiplicity_weights[best] >= DECISIVE else None


def fit_asymptotics(
    scaled_inverse_temperatures: Float[np.ndarray, " rungs"],
    energies: Float[np.ndarray, "rungs replicates particles"],
    multiplicity: int | None = None,
) -> Asymptotics:
    r"""Average over fits of :math:`b\,E_K(b) → λ`, :math:`b = nβ`, from population rungs.

    Candidates: :math:`λ - (m-1)/(\log b + s)` for m = 1 … 4 and several s (the unit of K is not
    known), each also with a term :math:`a\,b^{-δ}` for a few δ (the next pole of ζ is δ further
    left), over every window that ends at the coldest rung and spans at least two decades. A
    candidate with k parameters (m beyond 1 counted among them) that leaves out c rungs and fits
    with χ² has weight :math:`\exp(-(χ^2 + 2k + 2c)/2)` (Jay & Neil 2021 [jay2021averaging]_); λ̂ is
    the weighted mean and its error joins the spread between replicates, inflated where no fit is
    good, and the spread between fits.

    Args:
        scaled_inverse_temperatures: nβ of the rungs, starting at 0.
        energies: K of the particles.
        multiplicity: fix m instead of averaging over it.

    Returns:
        λ̂ with its error, and the weight of each multiplicity.

    Raises:
        ValueError: fewer than three rungs with nβ > e.
    """
    used = scaled_inverse_temperatures > math.e
    b = scaled_inverse_temperatures[used]
    if len(b) < 3:
        raise ValueError(
            f"beta_max: only {len(b)} rungs have nβ > e; at least three are needed for a limit, "
            f"raise beta_max"
        )
    values = b[:, None] * energies[used].mean(axis=2)
    particle_error = (
        b**2 * energies[used].var(axis=2).mean(axis=1) / (energies.shape[2] * values.shape[1])
    )
    # Where K is 0 at all particles of a rung but not of all rungs, its error is small, not nothing.
    particle_error = np.maximum(particle_error, 1e-9 * max(float(particle_error.max()), 1e-12))
    return fit_limit(b, values, particle_error, multiplicity)


def fit_limit(
    b: Float[np.ndarray, " rungs"],
    values: Float[np.ndarray, "rungs replicates"],
    particle_error: Float[np.ndarray, " rungs"],
    multiplicity: int | None = None,
) -> Asymptotics:
    r"""The fits of :func:`fit_asymptotics`, of :math:`b\,E_K(b)` as it was measured by other means.

    Args:
        b: nβ, above e, growing.
        values: of every replicate.
        particle_error: variances of their means, inflated where the replicates spread more.
        multiplicity: fix m instead of averaging over it.

    Returns:
        λ̂ and the weights of the multiplicities.

    >>> b = np.geomspace(10, 1e4, 8)
    >>> found = fit_limit(b, np.outer(1.5 - 2.0 / b, np.ones(4)), np.full(8, 1e-4), multiplicity=1)
    >>> round(found.estimate.value, 2)
    1.5
    """
    replicates = values.shape[1]
    spread = values.var(axis=1, ddof=1) / replicates if replicates > 1 else particle_error
    # Three degrees of freedom say little about a single rung; the ladder as a whole says how much
    # correlation inflates the error.
    inflation = max(1.0, float(np.mean(spread / particle_error)))
    variance = particle_error * inflation
    mean, logb = values.mean(axis=1), np.log(b)

    starts = [
        s
        for s in range(len(b) - 2)
        if logb[-1] - logb[s] >= min(COLDEST_DECADES * math.log(10), logb[-1] - logb[-3])
    ]
    multiplicities = [multiplicity] if multiplicity else list(range(1, LARGEST_MULTIPLICITY + 1))
    shifts = {m: (0.0,) if multiplicity or m == 1 else LOGARITHM_SHIFTS for m in multiplicities}
    scores, estimates, stds, models = [], [], [], []
    for start in starts:
        window = slice(start, None)
        candidates = [
            (m, (m - 1) / (logb[window] + shift), extra, shift > 0)
            for m in multiplicities
            for shift in shifts[m]
            for extra in ([], *([(b[window] / b[-1]) ** -d] for d in CORRECTION_EXPONENTS))
        ]
        for m, offset, extra, is_shifted in candidates:
            if len(b) - start < 2 + len(extra):
                continue
            design = (
                np.stack([np.ones(len(b) - start), *extra], axis=1)
                / np.sqrt(variance[window])[:, None]
            )
            hat = np.linalg.pinv(design) / np.sqrt(variance[window])
            per_replicate = hat[0] @ (values[window] + offset[:, None])
            theta = hat @ (mean[window] + offset)
            residual = (mean[window] + offset) / np.sqrt(variance[window]) - design @ theta
            chi2 = float(residual @ residual)
            freedom = max(len(b) - start - design.shape[1], 1)
            fit_error = math.sqrt(
                float(np.sum(hat[0] ** 2 * variance[window])) * max(1.0, chi2 / freedom)
            )
            seen = (
                float(per_replicate.std(ddof=1) / math.sqrt(replicates)) if replicates > 1 else 0.0
            )
            scores.append(-0.5 * (chi2 + 2 * (design.shape[1] + m - 1 + is_shifted) + 2 * start))
            estimates.append(per_replicate)
            stds.append(max(fit_error, seen))
            models.append(m)
    weight = np.exp(np.array(scores) - max(scores))
    weight /= weight.sum()
    per_fit = np.array([e.mean() for e in estimates])
    value = float(weight @ per_fit)
    error = math.sqrt(float(weight @ np.square(stds)) + float(weight @ (per_fit - value) ** 2))
    by_m = {m: float(weight[np.array(models) == m].sum()) for m in multiplicities}
    if multiplicity is None:
        # Over a few decades of b a wrong m can fit as well as the right one. Half the distance to
        # the best fit of the other small multiplicity joins the error, unless that fit is hopeless.
        best_of = {
            m: max(
                (score, value)
                for score, value, own in zip(scores, per_fit, models, strict=True)
                if own == m
            )
            for m in (1, 2)
        }
        top = max(scores)
        rivals = [abs(other - value) for score, other in best_of.values() if top - score < HOPELESS]
        error = math.hypot(error, 0.5 * max(rivals, default=0.0))
    replicate_values = weight @ np.array(estimates)
    return Asymptotics(Estimate(value, error, tuple(float(v) for v in replicate_values)), by_m)
