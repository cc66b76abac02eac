"""Whether λ̂ was read where the asymptotic law holds: what the temperatures beside the window say
of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.measure.ladder_view import LadderView
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate

# Standard errors beyond which a difference is no accident.
BEYOND_CHANCE = 4.0
# C(β) may change by these shares of itself from the window to where it is looked at beside it. A
# regression of 100 observations, whose λ̂ is within a tenth of d/2, changes by 0.05 to colder and
# 0.16 to hotter temperatures.
COLDER_CHANGE = 0.25
HOTTER_CHANGE = 0.45
# A smaller difference than this many standard errors does not join the error of λ̂.
BEYOND_NOISE = 2.0
# Fewer e-folds of the posterior's contraction from the prior than this, per unit of λ̂: the prior
# takes more than an eighth off λ̂.
LEAST_CONTRACTION = 1.8


@dataclass(frozen=True)
class Surroundings:
    """What was seen beside a window.

    Attributes:
        cautions: why λ̂ may be none.
        drift: how far C(β) moves to colder temperatures, where that is more than noise: what the
            window cannot tell.
    """

    cautions: tuple[Caution, ...]
    drift: float


def look_around(
    view: LadderView, betas: Float[np.ndarray, " points"], read: Estimate, dimension: int | None
) -> Surroundings:
    r"""C(β) from β/4 to 4β and up to β = 1, the contraction from the prior, and d/2, against a
    reading of λ.

    - :math:`C(β) → λ` as long as the law :math:`Z(β) ∝ e^{-βE_0}β^{-λ}` holds: where C still climbs
      or falls beside the window, readings made within it agree with each other and not with λ.
    - The posterior has left the prior by :math:`\mathrm{KL}(p^β \| φ) = F(β) - βE(β) ≈ λ \log(nβc)
      - λ`: as many e-folds per λ as the energy has shrunk by. With few of them the shape of the
      prior is what is measured, and C is seldom level; that is said once.
    - :math:`λ ≤ d/2` where the prior is positive around a best parameter (Watanabe 2009, theorem
      7.2 [watanabe2009algebraic]_).

    Args:
        view: the ladder.
        betas: the window, in 1/nats.
        read: λ̂ with its statistical error.
        dimension: d, or ``None`` where λ ≤ d/2 need not hold (a phase, whose best parameter may lie
            on its edge).

    Returns:
        Cautions, and what should join the error.
    """
    cautions = []
    if dimension is not None and read.value - BEYOND_CHANCE * read.standard_error > dimension / 2:
        cautions.append(
            Caution(
                Reason.ABOVE_HALF_DIMENSION,
                f"λ̂ = {read} is above d/2 = {dimension / 2:g}, which λ is not where the prior is "
                f"positive around the best parameter: "
                "this window is not asymptotic, or the best parameter lies where the prior "
                "vanishes (go colder, or take more data)",
            )
        )
    centre = float(np.exp(np.mean(np.log(betas))))
    own = view.heat_capacity(centre)
    hotter = [(beta, view.heat_capacity(beta)) for beta in (centre / 4, centre / 2)]
    top = min(view.coldest, max(1.0, 4 * centre))
    colder = [
        (beta, view.heat_capacity(beta))
        for beta in sorted({2 * centre, 4 * centre, top})
        if centre * 1.2 < beta <= top
    ]
    changed = [c for c in hotter if _changes(own, c[1], HOTTER_CHANGE)] + [
        c for c in colder if _changes(own, c[1], COLDER_CHANGE)
    ]
    seen = ", ".join(
        f"{c.value:.3g} at β = {beta:.3g}"
        for beta, c in sorted([hotter[0], (centre, own), *colder[-1:]])
    )
    level = f"the heat capacity, which tends to λ, is not level around the window: {seen}"
    contraction = (
        view.free_energy(centre).value
        - view.free_energy(0.0).value
        - centre * view.energy(centre).value
    )
    if read.value > 0 and contraction < LEAST_CONTRACTION * read.value:
        # The cause; that C is not level follows from it, and is no second trouble.
        cautions.append(
            Caution(
                Reason.PRIOR_DOMINATED,
                f"at β = {centre:.3g} the posterior is only {contraction:.2g} nats away from the "
                f"prior, {contraction / read.value:.2g} "
                f"per unit of λ̂ where at least {LEAST_CONTRACTION:g} are needed: the prior still "
                f"shapes what was read (more data)" + (f"; {level}" if changed else ""),
            )
        )
    elif changed:
        cautions.append(
            Caution(
                Reason.NOT_LEVEL,
                f"{level}; so λ̂ is its value at this β and not the limit (more data, or "
                "inverse_temperatures= further along a run with a larger beta_max)",
            )
        )
    apart = [
        abs(c.value - own.value)
        for _, c in colder
        if abs(c.value - own.value) > BEYOND_NOISE * _error(c, own)
    ]
    return Surroundings(tuple(cautions), max(apart, default=0.0))


def _error(a: Estimate, b: Estimate) -> float:
    return math.hypot(a.standard_error, b.standard_error)


def _changes(own: Estimate, other: Estimate, share: float) -> bool:
    apart = abs(other.value - own.value)
    return apart > BEYOND_CHANCE * _error(own, other) and apart > share * abs(own.value)
