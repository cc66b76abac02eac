"""Whether w* is a minimum: descents from w*, from beside it along negative curvature, and from
where the chains are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.sampled import Sampled
from singlearn.local.target import Target, Tempering

STEPS = 20
"""Of a descent from w*."""
BOLD_STEPS = 12
"""Of a descent from beside it: its rate grows a hundredfold meanwhile."""
KRYLOV = 12
"""Products with the Hessian, at most, from which its lowest curvature is read."""
SHARE = 0.1
"""Of the run's gradients that may be spent, beside a descent from w*."""
SMALL = 100_000_000
"""Samples × multiplications of one loss, up to which nothing is left out to save time."""
LONGER, SHORTER = 1.6, 0.25
"""Factors of a descent's rate after a step down and after one that was not."""
REACH = 10.0
"""Times d/γ: squared distances at which no chain is."""


@dataclass(frozen=True)
class Below:
    """What was found below L_n(w*), all in units of λ: nβ (L_n(w*) - L_n).

    Attributes:
        from_centre: lowest on a short descent from w*.
        beside: lowest on descents that begin beside w* along its direction of lowest curvature; 0
            where there was no time to look.
        from_chains: lowest on descents from where the chains are.
        curvature: nβ times the lowest curvature at w* that was met.
        distance: |w - w*| of the lowest place that was reached from the chains.
    """

    from_centre: float
    beside: float = 0.0
    from_chains: float = 0.0
    curvature: float = math.nan
    distance: float = math.nan

    @property
    def lower(self) -> float:
        """The lowest that belongs to w* itself: by at least about this λ̂ is too small."""
        return max(self.from_centre, self.beside)

    @property
    def saddle(self) -> bool:
        """Whether w* has a direction of negative curvature that leads down, and a gradient that
        does not.
        """
        return self.curvature < 0 and self.beside > max(2 * self.from_centre, 0.0)


def look_below(
    target: Target, tempering: Tempering, sampled: Sampled, rate: float, seed: int
) -> Below:
    r"""Descend from w*, and from places near it where a descent can begin.

    At a saddle the gradient is 0 and a descent from w* stays. So the lowest curvature is looked for
    by Lanczos' method, with differences of gradients for products with the Hessian, and descents
    begin on both sides along its direction, at its natural distance :math:`1/\sqrt{nβ|h|}`, or that
    of the tie. Chains have gone in random directions already, as far as the posterior goes:
    descents begin there too, which finds shelves and other basins.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        sampled: the run, whose cost bounds what may be spent here.
        rate: of a first step of descent, in parameter²/loss; a step of Langevin dynamics times nβ
            is stable.
        seed: of the first vector of Lanczos' method.

    Returns:
        What was found below L_n(w*).
    """
    reach = REACH * max(target.dimension, 10) / tempering.gamma
    at_centre = _plain(target, rate)
    spent = SHARE * len(sampled.step) * sampled.steps * sampled.batch / target.samples
    if target.samples * target.cost <= SMALL:
        spent = math.inf
    chains = (
        target.offset(sampled.state)
        if sampled.state is not None
        else np.zeros((0, target.dimension))
    )
    chains = chains[np.isfinite(chains).all(axis=1) & ((chains**2).sum(axis=1) <= reach)]
    curvature, beside, from_chains, distance = math.nan, 0.0, 0.0, math.nan
    if spent >= KRYLOV + 2 * BOLD_STEPS:
        curvature, direction = lowest_curvature(target, math.sqrt(rate / tempering.nbeta), seed)
        curvature *= tempering.nbeta
        if curvature < 0:
            side = direction / math.sqrt(max(-curvature, tempering.gamma))
            beside, _ = _bold(target, np.stack([side, -side]), rate, reach)
    if spent >= KRYLOV + (2 + len(chains)) * BOLD_STEPS and len(chains):
        from_chains, distance = _bold(target, chains, rate, reach)
    at_centre, beside, from_chains = (
        tempering.nbeta * gain for gain in (at_centre, beside, from_chains)
    )
    return Below(at_centre, beside, from_chains, curvature, distance)


def lowest_curvature(
    target: Target, width: float, seed: int
) -> tuple[float, Float[np.ndarray, " d"]]:
    r"""The lowest eigenvalue of the Hessian of L_n at w*, or what 12 products show of it, with its
    unit vector.

    Args:
        target: the model at w*.
        width: of the differences :math:`(∇L_n(w^* + δ v) - ∇L_n(w^*))/δ`.
        seed: of the first vector.
    """
    rng = np.random.default_rng([seed, 3])
    zero = np.zeros((1, target.dimension))
    first = np.nan_to_num(target.full(zero)[1][0])
    basis = [rng.normal(size=target.dimension)]
    basis[0] /= np.linalg.norm(basis[0])
    products = []
    for _ in range(min(KRYLOV, target.dimension)):
        products.append(np.nan_to_num(target.full(width * basis[-1][None])[1][0] - first) / width)
        left = products[-1].copy()
        for _ in range(2):  # twice, so that rounding leaves no old direction in the new one
            for vector in basis:
                left = left - (vector @ left) * vector
        size = np.linalg.norm(left)
        if (
            len(basis) == target.dimension
            or size <= 1e-6 * np.linalg.norm(products[-1])
            or size == 0.0
        ):
            break
        basis.append(left / size)
    some = np.array(basis[: len(products)])
    projected = some @ np.array(products).T
    values, vectors = np.linalg.eigh(0.5 * (projected + projected.T))
    return float(values[0]), vectors[:, 0] @ some


def _plain(target: Target, rate: float) -> float:
    """How far the loss falls below that at w* on a short descent at one rate."""
    offset, lowest = np.zeros((1, target.dimension)), 0.0
    for _ in range(STEPS):
        value, gradient = target.full(offset)
        if not math.isfinite(value[0]):
            break
        lowest = min(lowest, float(value[0]))
        offset = offset - rate * np.nan_to_num(gradient)
    return 0.0 - lowest


def _bold(
    target: Target, offset: Float[np.ndarray, "k d"], rate: float, reach: float
) -> tuple[float, float]:
    """How far the loss falls below that at w* on descents whose rates grow while they lead down,
    and how far from w* that is.
    """
    value, gradient = target.full(offset)
    rates = np.full(len(offset), rate)
    for _ in range(BOLD_STEPS):
        with np.errstate(over="ignore", invalid="ignore"):
            there = offset - rates[:, None] * np.nan_to_num(gradient)
            value_there, gradient_there = target.full(there)
            down = (value_there <= value) & ((there**2).sum(axis=1) <= reach)
        offset, gradient = (
            np.where(down[:, None], there, offset),
            np.where(down[:, None], gradient_there, gradient),
        )
        value, rates = (
            np.where(down, value_there, value),
            np.where(down, LONGER * rates, SHORTER * rates),
        )
    value = np.nan_to_num(value, nan=0.0, posinf=0.0, neginf=0.0)
    best = int(np.argmin(value))
    return max(0.0 - float(value[best]), 0.0), float(np.linalg.norm(offset[best]))
