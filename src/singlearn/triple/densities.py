"""What a NumPyro distribution is made of, and which of its makings have no density that integrates
to one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpyro.distributions as dist
from jax import errors


def parts(distribution: dist.Distribution) -> Iterator[dist.Distribution]:
    """The distribution and every distribution inside it: bases, components, whatever it keeps."""
    yield distribution
    for value in vars(distribution).values():
        for inner in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(inner, dist.Distribution):
                yield from parts(inner)


def is_unmasked(mask: object) -> bool:
    """Whether a mask is known to hide nothing."""
    try:
        return bool(np.all(np.asarray(mask)))
    except errors.TracerArrayConversionError:
        return False


def innermost(distribution: dist.Distribution) -> dist.Distribution:
    """What is left when expansion, masks, reinterpreted dimensions and transforms are taken off."""
    wrappers = (
        dist.ExpandedDistribution,
        dist.Independent,
        dist.MaskedDistribution,
        dist.TransformedDistribution,
    )
    while isinstance(distribution, wrappers):
        distribution = distribution.base_dist
    return distribution


def why_not_a_density(distribution: dist.Distribution) -> str | None:
    """Why the distribution is no density over its support, masks aside; ``None`` for one that is.

    ``Unit`` and ``Delta`` carry a number and no randomness, ``ImproperUniform`` has no total mass;
    each also where it is expanded, masked, made an event or transformed.

    Args:
        distribution: what a sample statement or a prior names.

    Returns:
        A phrase that goes on "it is …", or ``None``.

    >>> flat = dist.ImproperUniform(dist.constraints.real, (), ())
    >>> why_not_a_density(flat.expand([2]).to_event(1))
    'improper (ImproperUniform), without a total mass'
    >>> why_not_a_density(dist.Normal(0.0, 1.0)) is None
    True
    """
    if any(isinstance(part, dist.ImproperUniform) for part in parts(distribution)):
        return "improper (ImproperUniform), without a total mass"
    core = innermost(distribution)
    if isinstance(core, dist.Unit):
        return "a factor (Unit), which has a number and no density"
    if isinstance(core, dist.Delta):
        return "a Delta, a point and no density"
    return None
