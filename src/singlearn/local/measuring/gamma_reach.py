"""Whether the loss feels the tie that was chosen from the weights, and a weaker one if it does
not.
"""

from __future__ import annotations

import numpy as np

from singlearn.local.measuring.quadratic import Spectrum, spectrum
from singlearn.local.target import Target, Tempering

STIFF, SOFT = 0.5, 0.125
"""-d log λ̂₂ / d log γ: from where a tie hides the model, and what it is weakened to."""
STEP, LARGEST = 4.0, 20
"""By what a tie is divided, and how often at most."""
MOST_POSITIONS, NUMBERS, SAMPLES = 32, 2**18, 1024
"""Where the loss is looked at: so many positions, fewer where their numbers would be more."""
NEGLIGIBLE = 1.0
"""Of nβ times the loss: what no λ̂ would notice."""


def weakened(target: Target, nbeta: float, seed: int) -> float:
    r"""The factor, at most 1, by which γ of ``target`` is multiplied so that the tie does not hide
    the loss.

    The size of the weights is no guide where it is below the precision with which the data
    determine them (a regression with weights of 0.01 and noise of 1), nor where weights are nearly
    zero: the tie then is stiffer than every direction, and λ̂ depends on γ alone. This is seen in
    the quadratic model (:meth:`Spectrum.dependence` above a half, or no curvature). Then γ is
    divided by four, until the dependence is at most an eighth, and as long as chains that go as far
    as the tie lets them, :math:`w^* + N(0, 1/γ)`, meet no more than twice the loss of the quadratic
    model and one nat (beyond, the network is another one).

    Args:
        target: the model at w*, with the tie of :func:`singlearn.local.gamma.choose_gamma`.
        nbeta: nβ.
        seed: of the directions.

    Returns:
        A power of 1/4; 1 where the loss is felt, where it does not change at all, or where the
        curvature cannot be computed.
    """
    try:
        curved = spectrum(target, nbeta, 0, seed)
    except (RuntimeError, TypeError):
        return 1.0
    gamma, factor = target.gamma, 1.0
    if curved.dependence(gamma) <= STIFF:
        return factor
    for _ in range(LARGEST):
        if not _is_quadratic(target, nbeta, gamma * factor / STEP, curved, seed):
            break
        factor /= STEP
        if curved.dependence(gamma * factor) <= SOFT:
            break
    return factor


def _is_quadratic(target: Target, nbeta: float, gamma: float, curved: Spectrum, seed: int) -> bool:
    """Whether the loss at w* + N(0, 1/γ) is what the quadratic model says, or not worth speaking
    of, and not simply constant.
    """
    count = max(4, min(MOST_POSITIONS, NUMBERS // target.dimension))
    state = target.begin(np.full(count, gamma**-0.5), seed)
    still = np.full(count, 1e-30)
    excess = target.walk(state, still, min(SAMPLES, target.samples), 1, Tempering(nbeta, gamma))[
        1
    ].excess
    return bool(0 < np.abs(excess).mean() <= 2 * curved.excess(gamma) + NEGLIGIBLE)
