"""Refusals: shapes that do not fit, and what they should be."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from singlearn.running.arguments import real_number


def leading_lengths(data: PyTree) -> dict[str, int]:
    """The leading axis of every array that has one, by its place in the data.

    Returns:
        Lengths by the name of the place.

    >>> leading_lengths((np.zeros(3), np.zeros((3, 2)), 1.0))
    {'data[0]': 3, 'data[1]': 3}
    """
    leaves = jax.tree_util.tree_leaves_with_path(data)
    return {
        "data" + jax.tree_util.keystr(path): leaf.shape[0]
        for path, leaf in leaves
        if np.ndim(leaf) > 0
    }


def check_pointwise_shape(shape: Any, lengths: dict[str, int]) -> int:
    """n, after checking that the log likelihood returns one real number per observation.

    Args:
        shape: what ``jax.eval_shape`` says of the log likelihood.
        lengths: of the data arrays, as :func:`leading_lengths` gives them.

    Returns:
        n, the number of observations.

    Raises:
        ValueError: a sum over observations, complex numbers, or a length that no data array has.

    >>> check_pointwise_shape(jax.ShapeDtypeStruct((1,), float), {"data[0]": 3, "data[1]": 5})
    Traceback (most recent call last):
    ValueError: log_likelihood: returned an array of shape (1,); it should be pointwise, one log \
density per observation and not their sum: of the length of a data array \
(data[0] has 3, data[1] has 5)
    """
    got = getattr(shape, "shape", None)
    described = f"an array of shape {got}" if got is not None else f"{shape}"
    distinct = sorted(set(lengths.values()))
    if len(distinct) <= 1:
        expected = f"({distinct[0]},)" if distinct else "(n,)"
        if got is None or len(got) != 1 or (distinct and got != (distinct[0],)):
            raise ValueError(
                f"log_likelihood: returned {described}; it should be pointwise, of shape "
                f"{expected}: "
                "one log density per observation, not their sum"
            )
    # A length of one beside longer arrays is what a sum or a shared constant has, not a sample.
    elif got is None or len(got) != 1 or got[0] not in distinct or got[0] == 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(
            f"log_likelihood: returned {described}; it should be pointwise, one log density per "
            f"observation and not their sum: "
            f"of the length of a data array ({listed})"
        )
    if got[0] == 0:
        raise ValueError("data: n = 0 observations; at least one is needed")
    if not (jnp.issubdtype(shape.dtype, np.floating) or jnp.issubdtype(shape.dtype, np.integer)):
        raise ValueError(f"log_likelihood: returned {shape.dtype}; it should be real log densities")
    return int(got[0])


def check_population_size(n: Any) -> float:
    """``n`` as a float.

    Returns:
        n.

    Raises:
        ValueError: it is not a positive finite number.
    """
    return real_number("n", n, above=0, meaning="a positive sample size")


def check_parameter_matches(argument: str, value: PyTree, shapes: PyTree) -> None:
    """Compare the shape of a value, leaf by leaf, with that of a parameter.

    Raises:
        ValueError: they differ; it names the first leaf in which they do.
    """
    got, expected = _shapes_by_path(value), _shapes_by_path(shapes)
    for path in expected:
        if path not in got:
            raise ValueError(
                f"{argument}{path} is missing; the parameter has shape {expected[path]} there"
            )
        if got[path] != expected[path]:
            raise ValueError(
                f"{argument}{path}: got shape {got[path]}; it should be {expected[path]}, as the "
                f"prior draws it"
            )
    for path in got:
        if path not in expected:
            raise ValueError(
                f"{argument}{path} is not a parameter; the prior draws {sorted(expected)}"
            )
    if jax.tree.structure(value) != jax.tree.structure(shapes):  # type: ignore[operator]
        raise ValueError(
            f"{argument}: got {jax.tree.structure(value)}; it should be "
            f"{jax.tree.structure(shapes)}"
        )


def _shapes_by_path(tree: PyTree) -> dict[str, tuple[int, ...]]:
    return {
        jax.tree_util.keystr(path): np.shape(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
