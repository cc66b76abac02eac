"""Where λ̂ is carried by few excursions: an error that is as honest as what was seen of them."""

from __future__ import annotations

import math

from singlearn.local.sampling.mixing import Mixing
from singlearn.results.caution import Caution, Reason

ENOUGH = 50.0
"""Excursions, from which their number is no worry."""


def excursions(excess: Mixing, distance: Mixing) -> float:
    r"""About how many independent excursions to higher losses λ̂ is a mean over: λ̂ times the
    effective sample size.

    Under the posterior :math:`nβ ΔL` is a few nats where it is not 0, as a Gamma variable of shape
    λ̂ is, whose variance is λ̂ too. The effective size of rare peaks says nothing, for peaks look
    independent; that of the distance from w* counts as well.

    Args:
        excess: of nβ (L - L(w*)).
        distance: of |w - w*|².
    """
    return max(excess.mean, 0.0) * min(excess.effective_sample_size, distance.effective_sample_size)


def error_of_few(excess: Mixing, distance: Mixing) -> float:
    r"""Least standard error of λ̂, :math:`\sqrt{(λ̂ + 1/N)/N}` with N the effective sample size,
    where excursions are few; else 0.

    The spread of what was seen is no error where most of what counts was not seen: chains that met
    no wall at all agree perfectly. 1/N stands for the one excursion of a nat that may have been
    missed.

    >>> nothing, distance = (
    ...     Mixing(mean, 1e-9, (), 400.0, 1.0, 0.0, 0.0, 0.0, 0.0) for mean in (0.0, 1.0)
    ... )
    >>> error_of_few(nothing, distance), error_of_few(distance, distance)
    (0.0025, 0.0)
    """
    if excursions(excess, distance) >= ENOUGH:
        return 0.0
    count = max(min(excess.effective_sample_size, distance.effective_sample_size), 1.0)
    return math.sqrt((max(excess.mean, 0.0) + 1 / count) / count)


def excursion_cautions(excess: Mixing, distance: Mixing, tolerance: float) -> list[Caution]:
    """A caution where λ̂ is not 0 and its error is more than asked for because excursions are few.

    Args:
        excess: of nβ (L - L(w*)).
        distance: of |w - w*|².
        tolerance: wanted relative standard error.
    """
    seen, error = excursions(excess, distance), error_of_few(excess, distance)
    if excess.mean < 0 or error <= max(tolerance * excess.mean, 1e-9):
        return []
    return [
        Caution(
            Reason.RARE_EXCURSIONS,
            "λ̂ rests on rare excursions to higher losses, as at a wall at the edge of a flat "
            f"place: there were about {seen:.2g} independent ones; raise max_steps to see more",
        )
    ]
