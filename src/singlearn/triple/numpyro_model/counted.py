"""Which elements of a site count: the ones that no mask hides."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Bool

from singlearn.triple.densities import is_unmasked, parts
from singlearn.triple.numpyro_model.statements import ModelRefusedError


def counted_elements(name: str, distribution: dist.Distribution) -> Bool[Array, "..."]:
    """Where no mask hides a value of the site, in the shape of a value.

    A mask acts on batch elements; inside ``to_event`` and ``expand`` it is followed to the elements
    of the value.

    Args:
        name: of the site, for the refusal.
        distribution: of the site.

    Returns:
        ``True`` where the density of the element is counted.

    Raises:
        ModelRefusedError: a mask inside a transform, a mixture or another distribution, where it
            leaves no density.

    >>> mask = jnp.array([True, False])
    >>> normal = dist.Normal(jnp.zeros((3, 2)), 1.0)
    >>> counted_elements("y", normal.mask(mask).to_event(1)).sum(axis=0)
    Array([3, 0], dtype=int32)
    """
    shape = tuple(distribution.shape())
    if isinstance(distribution, dist.MaskedDistribution):
        mask = jnp.asarray(distribution._mask)
        mask = mask.reshape(mask.shape + (1,) * distribution.event_dim)
        return jnp.broadcast_to(counted_elements(name, distribution.base_dist) & mask, shape)
    if isinstance(distribution, (dist.ExpandedDistribution, dist.Independent)):
        return jnp.broadcast_to(counted_elements(name, distribution.base_dist), shape)
    masks = [
        part._mask for part in parts(distribution) if isinstance(part, dist.MaskedDistribution)
    ]
    if not all(map(is_unmasked, masks)):
        raise ModelRefusedError(
            f"site {name!r}: a mask inside {type(distribution).__name__} leaves no density; mask "
            f"the whole distribution"
        )
    return jnp.ones(shape, bool)
