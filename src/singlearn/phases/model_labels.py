"""Labellers of reduced rank regression and of mixtures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from singlearn.phases.labeller import Labeller


def numerical_rank(tolerance: float | int) -> Labeller:
    """How many singular values of BA are above ``tolerance``.

    Args:
        tolerance: > 0, in the unit of the entries of BA.

    Returns:
        A labeller whose labels are whole numbers.

    Raises:
        ValueError: a tolerance that is not positive.

    >>> int(numerical_rank(0.1)({"A": jnp.eye(2), "B": jnp.diag(jnp.array([1.0, 0.01]))}))
    1
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance: got {tolerance}; it should be positive")

    def numerical_rank(w: Mapping[str, Float[Array, "_ _"]]) -> Any:
        return jnp.sum(jnp.linalg.svd(w["B"] @ w["A"], compute_uv=False) > tolerance)

    return numerical_rank


def occupied_components(smallest_weight: float, distance: float | int) -> Labeller:
    """How many components of a mixture are in use: with a weight above ``smallest_weight``, and
    means closer than ``distance`` once.

    Args:
        smallest_weight: in (0, 1); 1/n is one observation.
        distance: ≥ 0, between means, in the unit of the data; chains of near means count once.

    Returns:
        A labeller whose labels are whole numbers.

    Raises:
        ValueError: an argument out of range.

    >>> w = {
    ...     "weights": jnp.array([0.5, 0.3, 0.199, 0.001]),
    ...     "means": jnp.array([0.0, 0.1, 5.0, 9.0]),
    ... }
    >>> int(occupied_components(0.01, distance=0.2)(w))
    2
    """
    if not 0 < smallest_weight < 1:
        raise ValueError(f"smallest_weight: got {smallest_weight}; it should be between 0 and 1")
    if not distance >= 0:
        raise ValueError(f"distance: got {distance}; it should not be negative")

    def occupied_components(w: Mapping[str, Float[Array, "components ..."]]) -> Any:
        means = jnp.asarray(w["means"])
        count = means.shape[0]
        used = w["weights"] > smallest_weight if "weights" in w else jnp.ones(count, dtype=bool)
        apart = jnp.linalg.norm((means[:, None] - means[None, :]).reshape(count, count, -1), axis=2)
        linked = ((apart < distance) & used[:, None] & used[None, :]) | jnp.eye(count, dtype=bool)
        for _ in range(int(np.ceil(np.log2(max(count, 2))))):
            linked = (linked[:, :, None] & linked[None, :, :]).any(axis=1)
        first = jnp.argmax(linked, axis=1) == jnp.arange(count)
        return jnp.sum(first & used)

    return occupied_components
