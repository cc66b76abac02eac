"""Functions traced once and kept: what they were traced with cannot change, and tracing needs no
Python of the model again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jaxtyping import PyTree

from singlearn.triple.numpyro_model.dependence import Labels, dependence


class Frozen:
    """A function of pytrees as JAX traced it, in the precision that was on."""

    def __init__(self, function: Callable[..., PyTree], *examples: PyTree) -> None:
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*examples)
        # Own copies: JAX shares the memory of NumPy arrays, which may be changed later.
        constants = [np.array(c) if isinstance(c, np.ndarray) else c for c in traced.consts]
        self.traced = ClosedJaxpr(traced.jaxpr, constants)
        self.structure = jax.tree.structure(shapes)

    def __call__(self, *inputs: PyTree) -> PyTree:
        """The function's value; differentiable and vectorisable as any JAX function."""
        leaves = [
            leaf if _is_key(expected) else jnp.asarray(leaf, expected.dtype)
            for leaf, expected in zip(jax.tree.leaves(inputs), self.traced.in_avals, strict=True)
        ]
        return jax.tree.unflatten(self.structure, jaxpr_as_fun(self.traced)(*leaves))

    def reads_like(self, other: Frozen) -> bool:
        """Whether both were traced to the same equations and constants."""
        texts = [re.sub(r"0x[0-9a-f]+", "", str(own.traced.jaxpr)) for own in (self, other)]
        pairs = zip(self.traced.consts, other.traced.consts, strict=False)
        same = (
            a is b or np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)
            for a, b in pairs
            if not _is_key(a)
        )
        return texts[0] == texts[1] and all(same)

    def depends(self, inputs: Sequence[Labels]) -> PyTree:
        """For every output, the labels of the inputs that it depends on, one label set per input
        leaf.
        """
        return jax.tree.unflatten(self.structure, dependence(self.traced.jaxpr, inputs))


def _is_key(array: Any) -> bool:
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)
