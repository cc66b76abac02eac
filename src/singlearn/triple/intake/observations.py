"""A log likelihood and its data: what is wrong with them is said before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.triple.intake.arrays import as_data
from singlearn.triple.intake.functions import explained
from singlearn.triple.intake.indexing import out_of_bounds
from singlearn.triple.intake.shapes import check_pointwise_shape, leading_lengths
from singlearn.triple.kinds import Observations


def observed(
    log_likelihood: Callable[[PyTree, PyTree], Float[Array, " n"]],
    shapes: Callable[[], PyTree],
    data: PyTree,
) -> Observations:
    """Observations under a log likelihood.

    Args:
        log_likelihood: ``log_likelihood(w, data) -> (n,)``, in nats.
        shapes: of a parameter, a function without arguments that returns them in the precision of
            the moment.
        data: as the user brought them.

    Returns:
        The data as NumPy arrays, the function, and n.

    Raises:
        ValueError: no function, data that are refused, a function that fails or is not pointwise,
            or indices out of bounds.
    """
    if log_likelihood is None:
        raise ValueError(
            "log_likelihood: got None; it should be a function log_likelihood(w, data) -> (n,)"
        )
    data = as_data(data)
    with jax.enable_x64(True):
        w = shapes()
        try:
            shape = jax.eval_shape(log_likelihood, w, data)
        except Exception as error:
            raise explained("log_likelihood", error, data) from error
        _refuse_indices_out_of_bounds(log_likelihood, w, data)
        n = check_pointwise_shape(shape, leading_lengths(data))
    return Observations(log_likelihood, data, n)


def _refuse_indices_out_of_bounds(
    log_likelihood: Callable[..., Any], shapes: PyTree, data: PyTree
) -> None:
    leaves = jax.tree.leaves(data)
    if not any(
        leaf.dtype.kind in "iuf" and np.array_equal(leaf, np.floor(leaf)) for leaf in leaves
    ):
        return
    traced = jax.make_jaxpr(log_likelihood)(shapes, data)
    sentence = out_of_bounds(traced, [*[None] * len(jax.tree.leaves(shapes)), *leaves])
    if sentence:
        raise ValueError(
            f"data: {sentence}; JAX would take the nearest entry in its place. Indices and "
            f"labels of groups should count from 0"
        )
