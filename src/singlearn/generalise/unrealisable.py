"""Truths outside the model: a family in closed form, power laws, and whether n G(n) is level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.result import Answer
from singlearn.running.arguments import real_number, whole_number

LEVEL, SURE = 0.1, 3.0


@dataclass(frozen=True)
class LocationAtN(Answer):
    r"""The normal location model N(w, 1), flat prior, for a truth of mean 0 and variance s²: means
    over data, in nats.

    Attributes:
        n: sample size.
        bayes: :math:`E\,G(n) - L(w_0)`, what the Bayes prediction loses against the best parameter.
        maximum_likelihood: the same of the maximum of the likelihood.
        training: E T(n) - L(w₀), the training loss of the Bayes prediction.
        waic: E WAIC - L(w₀), per observation.
        aic: E AIC - L(w₀), per observation.
        wbic_minus_free_energy: E[WBIC - F].
    """

    n: int
    bayes: float
    maximum_likelihood: float
    training: float
    waic: float
    aic: float
    wbic_minus_free_energy: float

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return dict(vars(self))


def location_model(n: int, variance: float | int, prior_scale: float | int = 1e3) -> LocationAtN:
    r"""Everything in closed form for N(w, 1) and a truth of variance s² ≠ 1, which no w realises.

    The optimum is w₀ = 0, :math:`K(w) - K(w_0) = w^2/2`, λ = 1/2. The Bayes prediction N(ȳ, 1 +
    1/n) loses
    :math:`\frac12\log(1 + 1/n) ≈ λ/n` whatever s² is; the maximum of the likelihood loses
    :math:`s^2/2n`. WAIC estimates the
    first without knowing s², AIC does not:

    .. math:: E\,T ≈ L(w_0) + \frac{\frac12 - s^2}{n}, \qquad E\,V/n ≈ \frac{s^2}{n}, \qquad
    E\,\text{WAIC} ≈ L(w_0) + \frac1{2n}.

    WBIC, the energy at β = 1/log n, is about :math:`n L_n(\hat w) + \frac12\log n` and so is F, up
    to
    :math:`\log τ`, τ the width of the prior, which is what WBIC leaves out in any model.

    Args:
        n: ≥ 2.
        variance: s² > 0 of the truth.
        prior_scale: τ of the prior N(0, τ²), for WBIC and F; wide, so that everything else has a
            flat one.

    Returns:
        Means over data sets.

    Raises:
        ValueError: an argument out of range.

    >>> found = location_model(100, variance=4.0)
    >>> round(100 * found.bayes, 3), round(100 * found.maximum_likelihood, 3)
    (0.498, 2.0)
    >>> round(100 * found.waic, 2), round(100 * found.aic, 2)  # right, and wrong
    (0.5, -1.0)
    """
    n = whole_number("n", n, at_least=2)
    s2 = real_number("variance", variance, above=0, meaning="positive")
    tau = real_number("prior_scale", prior_scale, above=0, meaning="positive")
    widening = 0.5 * math.log1p(1 / n)
    # T = -mean log N(y_i; ȳ, 1 + 1/n); the squares about ȳ have mean s²(1 - 1/n).
    training = widening + 0.5 * s2 * (1 - 1 / n) / (1 + 1 / n) - 0.5 * s2
    waic = training + s2 * (1 - 1 / n) / n + 1 / (2 * n * n)
    aic = -0.5 * s2 / n + 1 / n
    beta = 1 / math.log(n)

    # With w ~ N(0, τ²): energies about the squares, the mean of ȳ² is s²/n.
    def energy(b: float) -> float:
        precision = n * b + tau**-2
        shrink = (tau**-2 / precision) ** 2
        return 0.5 * n * (1 / precision + shrink * s2 / n)

    free = 0.5 * math.log1p(n * tau**2) + 0.5 * s2 / (1 + n * tau**2)
    return LocationAtN(n, widening, 0.5 * s2 / n, training, waic, aic, energy(beta) - free)


def power_law_error(
    n: float | int, truth: float | int, prior: float | int, terms: int = 200000
) -> float:
    r"""E G(n) of infinitely many normal means, a truth that is a power law: outside every finite
    model, and of no λ.

    Observed are :math:`y_k ~ N(θ_k, 1/n)`, k = 1, 2, …; the prior is :math:`θ_k ~ N(0, k^{-1-2p})`,
    the truth
    :math:`θ_k^2 = k^{-1-2t}`. With shrinkage :math:`c_k = 1/(1 + k^{1+2p}/n)` the squared error of
    the posterior mean is
    :math:`∑ (1-c_k)^2 θ_k^2 + c_k^2/n`, and :math:`E\,G ∼ n^{-2\min(t, p, …)/(1+2p)}`: n G(n) rises
    like a power of n.

    Args:
        n: sample size.
        truth: t > 0, smoothness of the truth.
        prior: p > 0, smoothness of the prior.
        terms: how many k are added up.

    Returns:
        Half the mean squared error, in nats per observation of all coordinates.

    Raises:
        ValueError: an argument out of range.

    >>> fall = power_law_error(1e4, 1.0, 1.0) / power_law_error(1e5, 1.0, 1.0)
    >>> round(math.log10(fall), 2)  # 2 t/(1 + 2 t) = 2/3 in the end
    0.66
    """
    n = real_number("n", n, above=0, meaning="positive")
    t = real_number("truth", truth, above=0, meaning="positive")
    p = real_number("prior", prior, above=0, meaning="positive")
    k = np.arange(1, whole_number("terms", terms) + 1, dtype=float)
    keep = 1 / (1 + k ** (1 + 2 * p) / n)
    return float(0.5 * np.sum((1 - keep) ** 2 * k ** (-1 - 2 * t) + keep**2 / n))


@dataclass(frozen=True)
class Level(Answer):
    r"""Whether n G(n) is level, as the law λ/n says.

    Attributes:
        status: ``"level"``, ``"not level"``, or ``"cannot tell"``.
        exponent: g of :math:`n\,(G(n) - G_∞) ∼ n^g`.
        standard_error: of g.
        largest: n (G - G_∞) at the largest n: the estimate of λ where it is level.
        cautions: a sentence where it is not.
    """

    status: Literal["level", "not level", "cannot tell"]
    exponent: float
    standard_error: float
    largest: float
    cautions: tuple[Caution, ...]

    def __str__(self) -> str:
        text = (
            f"n G(n) is {self.status}: it goes as n^({self.exponent:.3f} ± "
            f"{self.standard_error:.3f}), {self.largest:.4g} at the largest n"
        )
        return "\n".join([text, *(f"  caution: {c}" for c in self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "status": self.status,
            "exponent": self.exponent,
            "standard_error": self.standard_error,
            "largest": self.largest,
            "cautions": of_each(self.cautions),
        }


def is_level(
    sizes: Any,
    errors_of_prediction: Any,
    standard_errors: Any = None,
    limit: float | int = 0.0,
) -> Level:
    r"""Fit :math:`\log[n (G(n) - G_∞)] = \text{const} + g \log n` and say whether g is zero.

    Args:
        sizes: n, three or more.
        errors_of_prediction: G(n), in nats.
        standard_errors: of G(n); without them the scatter about the line stands in.
        limit: G_∞, the error of the best parameter: 0 for a truth inside the model.

    Returns:
        Level, not level, or neither where the error of g is too large.

    Raises:
        ValueError: fewer than three sizes, lengths that differ, or G(n) not above its limit.

    >>> n = np.array([100.0, 1000.0, 10000.0])
    >>> is_level(n, 0.5 / n).status, is_level(n, 0.5 / n**0.67).status
    ('level', 'not level')
    """
    n, G = np.asarray(sizes, float), np.asarray(errors_of_prediction, float)
    if n.ndim != 1 or len(n) < 3 or G.shape != n.shape or len(set(n.tolist())) < 3:
        raise ValueError(
            f"sizes: got {n.shape} for errors of shape {G.shape}; three or more different sizes "
            "are needed"
        )
    excess = G - real_number("limit", limit)
    if not (np.isfinite(excess).all() and (excess > 0).all() and (n > 0).all()):
        raise ValueError("errors_of_prediction: each should be finite and above the limit")
    x, y = np.log(n), np.log(n * excess)
    noise = (
        np.full(len(n), np.nan)
        if standard_errors is None
        else np.asarray(standard_errors, float) / excess
    )
    weight = np.ones(len(n)) if standard_errors is None else noise**-2
    centre = np.sum(weight * x) / weight.sum()
    spread = np.sum(weight * (x - centre) ** 2)
    slope = float(np.sum(weight * (x - centre) * y) / spread)
    left = y - np.sum(weight * y) / weight.sum() - slope * (x - centre)
    scatter = float(np.sum(weight * left**2)) / (len(n) - 2)
    variance = scatter / spread if standard_errors is None else max(1.0, scatter) / spread
    error = math.sqrt(variance)
    cautions: tuple[Caution, ...] = ()
    status: Literal["level", "not level", "cannot tell"]
    if abs(slope) > max(SURE * error, LEVEL / 2):
        status = "not level"
        cautions = (
            Caution(
                Reason.NOT_LEVEL,
                f"n G(n) goes as n^{slope:.2f}: there is no λ in λ/n to be read here; the truth "
                "may be outside the model, a power law for "
                "instance, G_∞ may be another, or n too small",
            ),
        )
    else:
        status = "level" if SURE * error < LEVEL else "cannot tell"
    return Level(status, slope, error, float((n * excess)[np.argmax(n)]), cautions)
