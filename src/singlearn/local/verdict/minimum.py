"""Whether λ̂ may be read as that of a minimum, from what was found below w*."""

from __future__ import annotations

import math

from singlearn.local.measuring.minimum import Below
from singlearn.local.sampling.mixing import Mixing
from singlearn.results.caution import Caution, Reason

DESCENT_SHARE = 0.5
SADDLE_SHARE = 0.1
WORTH_SAYING = 0.03
A_NAT = 1.0


def is_minimum(below: Below, excess: Mixing) -> bool:
    """Whether λ̂ may be read as that of a minimum.

    It may not if it is significantly negative, if descent from w* accounts for most of it, or if w*
    is a saddle whose sides fall by more than a tenth of it.

    Args:
        below: what was found below w*.
        excess: of nβ (L - L(w*)) along the chains.

    Returns:
        Whether it may.

    >>> seen = Mixing(7.6, 0.1, (), 400.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    >>> is_minimum(Below(0.0), seen), is_minimum(Below(0.0, 3.0, 3.0, -12.0, 1.0), seen)
    (True, False)
    """
    if excess.mean < -2 * excess.standard_error:
        return False
    value = max(excess.mean, 0.0)
    return not (
        below.lower > DESCENT_SHARE * (value + below.lower)
        or (below.saddle and below.beside > SADDLE_SHARE * value)
    )


def minimum_cautions(below: Below, excess: float) -> list[Caution]:
    """What to say of w*; nothing where nothing lower was found that matters.

    Args:
        below: what was found below w*.
        excess: λ̂; NaN where it is withheld.

    Returns:
        One caution at most.

    >>> minimum_cautions(Below(0.0, 3.0, 3.0, -12.0, 1.0), 7.6)[0].message[:80]
    'w* is a saddle: beside it, along curvature nβh = -12, L_n falls by 3 in units of'
    >>> minimum_cautions(Below(0.0), 2.0)
    []
    """
    worth = WORTH_SAYING * max(excess, 0.0) if math.isfinite(excess) else 0.0
    if below.saddle and below.beside > min(worth, A_NAT):
        return [
            Caution(
                Reason.NOT_A_MINIMUM,
                f"w* is a saddle: beside it, along curvature nβh = {below.curvature:.2g}, L_n "
                f"falls by {below.beside:.3g} in units of λ, and λ̂ counts from the height of w*; "
                "train further, until it is a minimum",
            )
        ]
    if below.lower > worth and below.lower > 1e-6:
        return [
            Caution(
                Reason.NOT_A_MINIMUM,
                f"w* lies above the minimum of its basin: λ̂ is too small by about "
                f"{below.lower:.2g}; train further",
            )
        ]
    if excess < 0:
        return [
            Caution(
                Reason.NOT_A_MINIMUM,
                f"the chains meet losses below L_n(w*), by {-excess:.3g} on average in units of λ, "
                "where short descents from w* do not lead: w* is not the minimum of its "
                "neighbourhood; a larger gamma keeps chains nearer to it",
            )
        ]
    if below.from_chains > worth and below.from_chains > A_NAT:
        return [
            Caution(
                Reason.LOWER_NEARBY,
                f"a minimum lower than w* by {below.from_chains:.2g} in units of λ lies within "
                f"reach of the chains, at a distance of {below.distance:.2g}: λ̂ is of that "
                "neighbourhood, not of w* alone; a larger gamma keeps chains nearer to w*",
            )
        ]
    return []
