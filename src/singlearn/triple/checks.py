"""Refusals: what is wrong with what was brought, and what would be right."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


def check_finite_data(data: PyTree) -> None:
    """Raise ``ValueError`` naming the array and the first entry that is not finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(data):
        where = "data" + jax.tree_util.keystr(path)
        if not (np.issubdtype(leaf.dtype, np.number) or leaf.dtype == bool):
            raise ValueError(f"{where}: got dtype {leaf.dtype}; it should be numbers")
        bad = np.argwhere(~np.isfinite(leaf))
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            raise ValueError(f"{where}: {len(bad)} of {leaf.size} entries are not finite, the first at {index}; drop or impute them")


def sample_size_of(data: PyTree) -> int | None:
    """The common leading axis of the data arrays, or ``None`` when they do not share one."""
    leading = {leaf.shape[0] for leaf in jax.tree.leaves(data) if leaf.ndim > 0}
    return leading.pop() if len(leading) == 1 else None


def check_pointwise_shape(shape: Any, sample_size: int | None) -> int:
    """n, after checking that the log likelihood returns one number per observation."""
    got = getattr(shape, "shape", None)
    expected = "(n,)" if sample_size is None else f"({sample_size},)"
    if got is None or len(got) != 1 or (sample_size is not None and got != (sample_size,)):
        described = f"an array of shape {got}" if got is not None else f"{shape}"
        raise ValueError(
            f"log_likelihood: returned {described}; it should be pointwise, of shape {expected}: "
            "one log density per observation, not their sum"
        )
    if got[0] == 0:
        raise ValueError("data: n = 0 observations; at least one is needed")
    return int(got[0])


def check_population_size(n: float | int) -> None:
    """Raise ``ValueError`` unless ``n`` is a positive finite number."""
    if not (n > 0 and math.isfinite(n)):
        raise ValueError(f"n: got {n}; it should be a positive sample size")


def check_parameter_matches(argument: str, value: PyTree, shapes: PyTree) -> None:
    """Raise ``ValueError`` naming the first leaf in which ``value`` differs from the parameter pytree."""
    got, expected = _shapes_by_path(value), _shapes_by_path(shapes)
    for path in expected:
        if path not in got:
            raise ValueError(f"{argument}{path} is missing; the parameter has shape {expected[path]} there")
        if got[path] != expected[path]:
            raise ValueError(f"{argument}{path}: got shape {got[path]}; it should be {expected[path]}, as the prior draws it")
    for path in got:
        if path not in expected:
            raise ValueError(f"{argument}{path} is not a parameter; the prior draws {sorted(expected)}")
    if jax.tree.structure(value) != jax.tree.structure(shapes):  # type: ignore[operator]
        raise ValueError(f"{argument}: got {jax.tree.structure(value)}; it should be {jax.tree.structure(shapes)}")


def _shapes_by_path(tree: PyTree) -> dict[str, tuple[int, ...]]:
    return {jax.tree_util.keystr(path): np.shape(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
