"""λ as the limit of λ̂(nβ)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from singlearn.measure.asymptotics import fit_limit
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer

if TYPE_CHECKING:
    from singlearn.local.scan import Curve

FEWEST, DECADES = 4, 2.0


@dataclass(frozen=True)
class LimitOfCurve(Answer):
    """λ extrapolated to large nβ.

    Attributes:
        value: λ.
        standard_error: of it, with the spread between the fits.
        multiplicity_weights: how well each m explains the curve; not more.
        largest: the largest nβ of the curve.
        at_largest: λ̂ there.
        cautions: what may be wrong with it.
    """

    value: float
    standard_error: float
    multiplicity_weights: dict[int, float]
    largest: float
    at_largest: Estimate
    cautions: tuple[Caution, ...] = ()

    def __str__(self) -> str:
        shown = Estimate(self.value, self.standard_error)
        said = "".join(f"\n  {caution}" for caution in self.cautions)
        return f"λ = {shown} as nβ → ∞   (λ̂ = {self.at_largest} at nβ = {self.largest:.4g}){said}"


def limit_of_curve(curve: Curve, multiplicity: int | None = None) -> LimitOfCurve:
    r"""λ as the limit of :math:`\hat λ(nβ)`, by the fits of population triples
    (:func:`singlearn.measure.asymptotics.fit_asymptotics`).

    :math:`\hat λ = λ - (m-1)/(\log nβ + s) + a\,(nβ)^{-δ}`, averaged over m, s, δ and windows by
    what they explain. λ̂ at one nβ lies below λ by what the tie holds and by the corrections.

    Args:
        curve: from ``local.scan(…).curve()``.
        multiplicity: fix m; else it is averaged over 1 to 4.

    Returns:
        λ with its error.

    Raises:
        ValueError: fewer than four values of nβ above e.

    >>> from singlearn.local.scan import Curve
    >>> b = np.geomspace(10, 1e4, 10)
    >>> noise = 0.01 * np.random.default_rng(0).normal(size=(10, 8))
    >>> seen = Curve(1.0, b, (2.0 - 3.0 / b)[:, None] + noise, np.full(10, 0.01 / 8**0.5))
    >>> found = limit_of_curve(seen, multiplicity=1)
    >>> bool(abs(found.value - 2.0) < 4 * found.standard_error < 0.1)
    True
    """
    used = curve.nbeta > math.e
    b, values = curve.nbeta[used], curve.values[used]
    error = curve.standard_error[used]
    if len(b) < FEWEST:
        raise ValueError(
            f"curve: it has {len(b)} values of nβ above e; at least {FEWEST} are needed for a limit"
        )
    floor = max(1e-6 * float(np.abs(values).max()), 1e-12)
    found = fit_limit(b, values, np.maximum(error, floor) ** 2, multiplicity)
    cautions = [
        Caution(
            Reason.EXTRAPOLATED,
            f"λ is the limit of a fit; the largest nβ is {b[-1]:.4g}, where λ̂ is "
            f"{Estimate(float(values[-1].mean()), float(error[-1]))}",
        )
    ]
    decades = math.log10(b[-1] / b[0])
    if decades < DECADES:
        words = f"the curve spans {decades:.1f} decades of nβ; two at least tell corrections apart"
        cautions.append(Caution(Reason.TOO_FEW_DECADES, words))
    return LimitOfCurve(
        found.estimate.value,
        found.estimate.standard_error,
        found.multiplicity_weights,
        float(b[-1]),
        Estimate(float(values[-1].mean()), float(error[-1])),
        tuple(cautions),
    )
