"""Whether λ by the loss above w* and λ by the variance of the loss agree."""

from __future__ import annotations

import math

from singlearn.local.measuring.quadratic import Spectrum
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate

SLACK = 0.2
"""Of λ̂, for losses that are not quadratic."""
SIGNIFICANT = 4.0


def reading_cautions(
    value: float, spread: float, second: Estimate, curved: Spectrum | None, gamma: float
) -> list[Caution]:
    r"""Nothing where the two readings agree, as far as a tie lets them.

    The variance reads :math:`λ̂ - dλ̂/d\log nβ`. A soft direction, of :math:`s = nβh/(nβh + γ)`,
    counts s/2 in λ̂ and s²/2 in the variance, so that the second may be lower by
    :math:`-dλ̂/d\log γ`, which the quadratic model knows.

    Args:
        value: λ̂.
        spread: its standard error.
        second: the variance reading.
        curved: the spectrum at w*; ``None`` where it is not known.
        gamma: γ.

    Returns:
        One caution at most.

    >>> agree, apart = Estimate(1.9, 0.1), Estimate(7.5, 0.3)
    >>> [len(reading_cautions(2.0, 0.05, one, None, 1.0)) for one in (agree, apart)]
    [0, 1]
    """
    if not math.isfinite(second.value) or not math.isfinite(second.standard_error):
        return []
    soft = 0.0
    if curved is not None:
        soft = max(curved.coefficient(gamma).value * curved.dependence(gamma), 0.0)
    error = SIGNIFICANT * math.hypot(spread, second.standard_error) + SLACK * abs(value)
    if value - soft - error <= second.value <= value + error:
        return []
    words = (
        f"the variance of the loss reads λ = {second}, and the loss above w* {value:.3g}: λ̂ is not "
        "level in nβ, or the chains do not stay around w*"
    )
    return [Caution(Reason.READINGS_DISAGREE, words)]
