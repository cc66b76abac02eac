"""What float32 costs the losses of a JAX function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from singlearn.local.checks.rounding import rounding_of_mean

LOOKED_AT = 256
"""Samples whose losses are computed in float64 as well, at most: operation by operation, nothing is
compiled for them.
"""


def measured_rounding(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    parameters: Any,
    data: tuple[Any, Any],
    reference: Float[Array, " samples"],
    at_once: int,
) -> float:
    """Error of L_n(w) - L_n(w*) by rounding, against float64 where the function computes in it.

    Double precision is switched on inside a context, for this evaluation alone.

    Args:
        model, loss: the caller's.
        parameters: w*.
        data: inputs and targets.
        reference: losses of all samples at w*.
        at_once: samples that fit into memory in float32.

    Returns:
        The error in units of the loss, as :func:`singlearn.local.checks.rounding.rounding_of_mean`
        defines it.
    """
    count = len(reference)
    index = np.unique(
        np.linspace(0, count - 1, min(LOOKED_AT, count, max(2, at_once // 2))).astype(np.int64)
    )
    share = math.sqrt(len(index) / count)
    rounded = np.asarray(np.asarray(reference)[index], dtype=np.float64)
    digit = float(jnp.finfo(reference.dtype).eps)
    if reference.dtype == jnp.float64:
        return rounding_of_mean(rounded, digit=digit) * share
    try:
        host = jax.tree.map(lambda leaf: np.asarray(leaf)[index], data)
        at = jax.tree.map(np.asarray, parameters)
        with jax.enable_x64(True):
            x, target = jax.tree.map(_doubled, host)
            exact = loss(model(jax.tree.map(_doubled, at), x), target)
            if exact.dtype != jnp.float64:
                return rounding_of_mean(rounded, digit=digit) * share
            fine = np.asarray(exact, dtype=np.float64).reshape(-1)
    # whatever a function does that was written for one number type: then its last digit is all that
    # is known
    except Exception:
        return rounding_of_mean(rounded, digit=digit) * share
    return (
        rounding_of_mean(rounded, fine) * share
        if fine.shape == rounded.shape
        else rounding_of_mean(rounded, digit=digit) * share
    )


def _doubled(leaf: Any) -> Any:
    kinds = {np.dtype(np.float32): np.float64, np.dtype(np.complex64): np.complex128}
    return jnp.asarray(leaf, kinds.get(leaf.dtype, leaf.dtype))
