"""Indices among the data that point beyond the axis they index, which JAX moves to the nearest
entry without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

MOST_INDICES = 1_000_000
"""Of larger arrays nothing is followed."""
CALLS = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "checkpoint",
    "remat",
}


def out_of_bounds(traced: ClosedJaxpr, known: Sequence[Any]) -> str | None:
    """A sentence where an array is indexed beyond its end by data; ``None`` where none is.

    Plain indexing ``a[index]`` promises that indices are within bounds; where the promise is
    broken, compiled code takes the last entry. Labels of groups that count from 1 are read so, as
    if the last two groups were one. What says how it wants to be read (``jnp.take``,
    ``a.at[index].get(mode="clip")``) is left alone.

    Args:
        traced: a function, with its constants.
        known: its inputs that are known, flat; ``None`` for the others.

    Returns:
        The sentence, with the index and the length of the axis.

    >>> import jax.numpy as jnp
    >>> groups = np.array([1, 2, 1])
    >>> print(out_of_bounds(jax.make_jaxpr(lambda a: a[groups])(jnp.zeros(2)), [None]))
    index 2 is out of bounds for an axis of length 2, 0 … 1 (do labels count from 1?)
    """
    if "gather[" not in str(traced.jaxpr):
        return None
    found: list[str] = []
    _follow(traced.jaxpr, traced.consts, known, found)
    return found[0] if found else None


def _follow(
    jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Any], found: list[str]
) -> list[Any]:
    """Values of the outputs, as far as whole numbers that depend on known ones go; what is wrong is
    added to ``found``.
    """
    values: dict[Any, Any] = dict(
        zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *inputs], strict=True)
    )

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values.get(atom)

    for equation in jaxpr.eqns:
        given = [read(atom) for atom in equation.invars]
        name = equation.primitive.name
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        if name == "gather" and given[1] is not None:
            _check(equation, np.asarray(given[1]), found)
        results: Sequence[Any] = [None] * len(equation.outvars)
        if name in CALLS and inner is not None:
            closed = hasattr(inner, "consts")
            results = _follow(
                inner.jaxpr if closed else inner, inner.consts if closed else (), given, found
            )
        elif _is_simple(equation) and all(value is not None for value in given):
            result = equation.primitive.bind(*given, **equation.params)
            results = result if equation.primitive.multiple_results else [result]
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _is_simple(equation: Any) -> bool:
    """Whether it holds no function, as loops and branches do, and makes whole numbers."""
    holds = any(
        hasattr(part, "eqns") or hasattr(part, "jaxpr")
        for part in jax.tree.leaves(list(equation.params.values()))
    )
    return not holds and all(_is_index(own.aval) for own in equation.outvars)


def _is_index(aval: Any) -> bool:
    dtype = getattr(aval, "dtype", None)
    if dtype is None or jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
        return False
    return np.dtype(dtype).kind in "iub" and aval.size <= MOST_INDICES


def _check(equation: Any, indices: np.ndarray, found: list[str]) -> None:
    if "PROMISE" not in str(equation.params["mode"]) or not indices.size:
        return
    shape, slices = equation.invars[0].aval.shape, equation.params["slice_sizes"]
    for place, axis in enumerate(equation.params["dimension_numbers"].start_index_map):
        own, last = indices[..., place], shape[axis] - slices[axis]
        if own.max() > last or own.min() < 0:
            worst = int(own.max() if own.max() > last else own.min() - shape[axis])
            hint = " (do labels count from 1?)" if worst == shape[axis] else ""
            found.append(
                f"index {worst} is out of bounds for an axis of length {shape[axis]}, 0 … "
                f"{shape[axis] - 1}{hint}"
            )
