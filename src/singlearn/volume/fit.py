"""λ and m as the exponents of V(t): fits over many windows, multiplicities and corrections,
averaged by what they explain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.number import WithError
from singlearn.results.result import Answer

LARGEST_MULTIPLICITY = 4
# log(-log t) knows no unit of t: log(s + log(T/t)) for several s, T the largest threshold.
LOGARITHM_SHIFTS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
CORRECTION_EXPONENTS = (0.1, 0.25, 0.5, 1.0)
POINTS_PER_DECADE = 4
FEWEST_DECADES = 2.0
ENOUGH_DECADES = 4.0
# V is read where less than this share of the prior is left: above, it is the prior's bulk that
# speaks.
LARGEST_VOLUME = math.exp(-1.0)
HOPELESS = 20.0
# Above this weight a multiplicity is given without its rivals; below the other, with a warning.
DECISIVE = 0.99
LIKELY = 0.9
# Where V does not change between two thresholds their errors are one; this share of the variance
# keeps them apart.
RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class VolumeFit(WithError, Answer):
    """λ̂ from the decay of V(t), with everything needed to doubt it.

    Attributes:
        value: λ̂.
        standard_error: one standard deviation, from replicates and from the choice of window,
            correction and multiplicity.
        multiplicity: m of the fits with most weight (or as given).
        multiplicity_probability: their weight; 1 where m was given.
        multiplicity_weights: of every m: how well it explains the data; they add up to 1.
        replicates: λ̂ of every replicate.
        thresholds: t of the best single fit, in nats.
        fitted: log V of the best single fit there.
        cautions: why the value should not be taken at face value.
    """

    value: float
    standard_error: float
    multiplicity: int
    multiplicity_probability: float
    replicates: tuple[float, ...]
    thresholds: Float[np.ndarray, " window"]
    fitted: Float[np.ndarray, " window"]
    cautions: tuple[Caution, ...] = ()
    multiplicity_weights: dict[int, float] = field(default_factory=dict)

    @property
    def estimate(self) -> Estimate:
        """λ̂ as an Estimate."""
        return Estimate(self.value, self.standard_error, self.replicates)

    def plain(self) -> str:
        """One line, without cautions."""
        sure = ""
        if self.multiplicity_probability < DECISIVE:
            others = sorted(self.multiplicity_weights.items(), key=lambda item: -item[1])[1:]
            shown = "".join(f", {m}: {weight:.2f}" for m, weight in others if weight >= 0.01)
            sure = f" (weight {self.multiplicity_probability:.2f}{shown})"
        window = f"t = {self.thresholds[0]:.1e} … {self.thresholds[-1]:.1e}"
        return f"λ = {self.estimate}, m = {self.multiplicity}{sure}, best fit over {window}"

    def summary(self) -> str:
        """All of it, for people."""
        return "\n".join([self.plain(), *said(self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "learning_coefficient": self.value,
            "standard_error": self.standard_error,
            "multiplicity": self.multiplicity,
            "multiplicity_probability": self.multiplicity_probability,
            "multiplicity_weights": {
                str(m): weight for m, weight in self.multiplicity_weights.items()
            },
            "window": [float(self.thresholds[0]), float(self.thresholds[-1])],
            "cautions": of_each(self.cautions),
        }


class _Fit(NamedTuple):
    multiplicity: int
    correction: float | None
    score: float
    standard_error: float
    replicates: Float[np.ndarray, " replicates"]
    thresholds: Float[np.ndarray, " window"]
    fitted: Float[np.ndarray, " window"]


def fit_volume(
    thresholds: Float[np.ndarray, " thresholds"],
    log_volumes: Float[np.ndarray, "replicates thresholds"],
    covariance: Float[np.ndarray, "thresholds thresholds"],
    dimension: int,
    multiplicity: int | None = None,
    cautions: tuple[Caution, ...] = (),
) -> VolumeFit:
    r"""Average over fits of :math:`\log V(t) = \log c + λ\log t + (m-1)\log(s + \log(T/t)) +
    a\,t^δ`.

    Candidates: m = 1 … 4 (or the given one), several s for m > 1 (they absorb the unit of t), with
    and without the term :math:`a\,t^δ` for a few δ (the next pole of ζ is δ further left), over
    every window that ends at the smallest threshold and spans at least two decades. Each is fitted
    by generalised least squares. A candidate with k parameters that leaves out c points and fits
    with χ² has weight :math:`\exp(-(χ^2 + 2k + 2c)/2)` (Jay & Neil 2021 [jay2021averaging]_). The
    error joins the spread between replicates, the spread between fits, and half the distance to the
    farthest of the best fits with another correction, or, where m is not given, with the other
    small m, unless that fit is hopeless: over a few decades the wrong one can win.

    Args:
        thresholds: t, increasing, in nats.
        log_volumes: log V(t) of every replicate.
        covariance: of one replicate had its points been independent; what replicates spread beyond
            it inflates it.
        dimension: d; λ ≤ d/2 wherever K is smooth and the prior positive at a zero of K.
        multiplicity: fix m.
        cautions: of the curve, to be handed on.

    Returns:
        λ̂ with its standard error, m with its probability, and the fitted law.

    Raises:
        ValueError: fewer than two decades of t with V(t) < 1/e.

    >>> t = np.geomspace(1e-10, 1.0, 101)
    >>> V = 0.5 * t**0.75  # K = x² + y⁴: λ = 1/2 + 1/4
    >>> fit = fit_volume(
    ...     t, np.log(V)[None], 1e-6 * np.minimum.outer(-np.log(V), -np.log(V)), 2, multiplicity=1
    ... )
    >>> round(fit.value, 4), fit.cautions
    (0.75, ())
    """
    mean = log_volumes.mean(axis=0)
    used = np.flatnonzero(mean < math.log(LARGEST_VOLUME))
    decades = math.log10(thresholds[used[-1]] / thresholds[0]) if len(used) else 0.0
    if decades < FEWEST_DECADES - 1e-9:
        raise ValueError(
            f"V(t) < 1/e over {decades:.1f} decades of t, down to t = {thresholds[0]:.2g}; λ is a "
            f"limit and needs at least "
            f"{FEWEST_DECADES:g}: go to a smaller t (a smaller smallest=, a larger beta_max)"
        )
    every = max(1, round((len(used) - 1) / decades / POINTS_PER_DECADE))
    used = used[::every]
    log_t = np.log(thresholds[used])
    replicates = len(log_volumes)
    log_largest = math.log(thresholds[-1])
    inflated = (
        covariance[np.ix_(used, used)]
        * _inflation(log_volumes[:, used], covariance[np.ix_(used, used)])
        / replicates
    )
    fits = [
        fit
        for end in range(len(used), 2, -1)
        if log_t[end - 1] - log_t[0] >= (FEWEST_DECADES - 1e-9) * math.log(10)
        for fit in _fits(
            log_t[:end],
            log_volumes[:, used[:end]],
            inflated[:end, :end],
            log_largest,
            len(used) - end,
            multiplicity,
        )
    ]
    top = max(fit.score for fit in fits)
    weight = np.exp([fit.score - top for fit in fits])
    weight /= weight.sum()
    values = np.array([fit.replicates.mean() for fit in fits])
    value = float(weight @ values)
    error = math.sqrt(
        float(weight @ np.square([fit.standard_error for fit in fits]))
        + float(weight @ (values - value) ** 2)
    )
    by_m: dict[int, float] = {}
    for fit, share in zip(fits, weight, strict=True):
        by_m[fit.multiplicity] = by_m.get(fit.multiplicity, 0.0) + float(share)
    found = max(by_m, key=lambda m: by_m[m])
    of_found = [fit for fit in fits if fit.multiplicity == found]
    best = max(of_found, key=lambda fit: fit.score)
    rivals = [
        [fit for fit in of_found if fit.correction == d] for d in (None, *CORRECTION_EXPONENTS)
    ]
    error = math.hypot(error, _half_distance(rivals, value, top))
    if multiplicity is None:
        error = math.hypot(
            error,
            _half_distance(
                [[fit for fit in fits if fit.multiplicity == m] for m in (1, 2)], value, top
            ),
        )
    return VolumeFit(
        value,
        error,
        found,
        by_m[found],
        tuple(float(v) for v in weight @ np.array([fit.replicates for fit in fits])),
        best.thresholds,
        best.fitted,
        (*cautions, *_cautions(value, error, decades, dimension), *_uncertain(by_m)),
        by_m,
    )


def _half_distance(rivals: list[list[_Fit]], value: float, top: float) -> float:
    """Half the distance from λ̂ to the farthest of the best fits of each group, hopeless ones left
    out.

    Returns:
        Half the distance, in units of λ.
    """
    best = [max(group, key=lambda fit: fit.score) for group in rivals if group]
    return 0.5 * max(
        (abs(float(fit.replicates.mean()) - value) for fit in best if top - fit.score < HOPELESS),
        default=0.0,
    )


def _inflation(
    log_volumes: Float[np.ndarray, "replicates points"],
    covariance: Float[np.ndarray, "points points"],
) -> float:
    """By how much the variance between replicates exceeds that of independent points, over steps of
    half a decade; at least 1.

    Returns:
        A factor of at least 1.
    """
    if len(log_volumes) < 2:
        return 1.0
    apart = max(1, POINTS_PER_DECADE // 2)
    steps = log_volumes[:, :-apart] - log_volumes[:, apart:]
    diagonal = np.diag(covariance)
    ideal = diagonal[:-apart] + diagonal[apart:] - 2 * np.diag(covariance, apart)
    some = ideal > 0
    return (
        max(1.0, float(np.mean(steps.var(axis=0, ddof=1)[some] / ideal[some])))
        if some.any()
        else 1.0
    )


def _fits(
    log_t: Float[np.ndarray, " window"],
    log_volumes: Float[np.ndarray, "replicates window"],
    covariance: Float[np.ndarray, "window window"],
    log_largest: float,
    left_out: int,
    multiplicity: int | None,
) -> list[_Fit]:
    """Every candidate over one window; ``covariance`` is that of the mean over replicates."""
    points, replicates = len(log_t), len(log_volumes)
    factor = np.linalg.cholesky(covariance + RIDGE * np.diag(np.diag(covariance)))
    laws = [
        (m, shift, 0.0 * log_t if shift is None else (m - 1) * np.log(shift + log_largest - log_t))
        for m in ([multiplicity] if multiplicity else range(1, LARGEST_MULTIPLICITY + 1))
        for shift in (LOGARITHM_SHIFTS if m > 1 else (None,))
    ]
    offsets = np.array([offset for *_, offset in laws])
    # Whitened once for all laws: the mean over replicates first, then every replicate.
    targets = (
        np.linalg.solve(factor, np.vstack([log_volumes.mean(axis=0), log_volumes]).T)[:, None, :]
        - np.linalg.solve(factor, offsets.T)[:, :, None]
    )
    fits = []
    for correction in (None, *CORRECTION_EXPONENTS):
        extra = [] if correction is None else [np.exp(correction * (log_t - log_t[0]))]
        design = np.stack([log_t, np.ones(points), *extra], axis=1)
        terms = design.shape[1]
        if points <= terms:
            continue
        white = np.linalg.solve(factor, design)
        scale = np.linalg.norm(white, axis=0)
        solve = np.linalg.pinv(white / scale) / scale[:, None]
        own = np.tensordot(solve[0], targets[:, :, 1:], axes=1)
        theta = np.tensordot(solve, targets[:, :, 0], axes=1)
        chi2 = np.sum((targets[:, :, 0] - white @ theta) ** 2, axis=0)
        ideal = np.sqrt(float(solve[0] @ solve[0]) * np.maximum(1.0, chi2 / (points - terms)))
        seen = own.std(axis=1, ddof=1) / math.sqrt(replicates) if replicates > 1 else 0.0 * ideal
        for index, (m, shift, offset) in enumerate(laws):
            score = -0.5 * (
                float(chi2[index]) + 2 * (terms + (m - 1) + (shift is not None)) + 2 * left_out
            )
            fitted = design @ theta[:, index] + offset
            fits.append(
                _Fit(
                    m,
                    correction,
                    score,
                    float(max(ideal[index], seen[index])),
                    own[index],
                    np.exp(log_t),
                    fitted,
                )
            )
    return fits


def _uncertain(weights: dict[int, float]) -> list[Caution]:
    """One warning if no multiplicity explains the data much better than the others."""
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    if ranked[0][1] >= LIKELY:
        return []
    listed = ", ".join(f"m = {m}: {weight:.2f}" for m, weight in ranked if weight >= 0.01)
    sentence = (
        f"{listed} of the weight; the error of λ counts it (smaller t, or multiplicity= if it is "
        "known)"
    )
    return [Caution(Reason.MULTIPLICITY_UNCERTAIN, sentence)]


def _cautions(value: float, error: float, decades: float, dimension: int) -> list[Caution]:
    found = []
    if decades < ENOUGH_DECADES - 1e-9:
        sentence = (
            f"λ was read over {decades:.1f} decades of t; corrections to the limit may still be "
            f"large, {ENOUGH_DECADES:g} are better"
        )
        found.append(Caution(Reason.TOO_FEW_DECADES, sentence))
    if value - 4 * error > dimension / 2:
        found.append(
            Caution(
                Reason.ABOVE_HALF_DIMENSION,
                f"λ is above d/2 = {dimension / 2:g}, which no smooth K allows that is zero where "
                f"the prior is positive: K may have no "
                "zero, or only where the prior vanishes",
            )
        )
    return found
