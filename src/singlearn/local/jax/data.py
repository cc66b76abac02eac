"""Data of a JAX function: a pair of inputs and targets, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from singlearn.local.jax.leaves import as_array, path_name

FEWEST = 3
PAIR = (
    "for a JAX function it should be the pair (x, target), arrays or pytrees of arrays with one "
    "row per sample"
)
LOST = 1e-3
"""Rounding of inputs, relative to their spread, that is worth a word."""


def as_pair(data: Any) -> tuple[Any, Any]:
    """Inputs and targets as arrays of JAX, with the same number of samples in every part.

    Args:
        data: ``(x, target)``, arrays or pytrees of them; or a list of such pairs, one per sample.

    Returns:
        The same numbers as arrays of JAX; the caller's own are not changed.

    Raises:
        ValueError: no pair, parts without samples or of different lengths, masked entries, numbers
            that JAX has no type for.

    >>> x, target = as_pair([(np.zeros(2), 0.0), (np.ones(2), 1.0), (np.ones(2), 3.0)])
    >>> x.shape, target.tolist()
    ((3, 2), [0.0, 1.0, 3.0])
    """
    if (
        isinstance(data, list)
        and len(data) >= FEWEST
        and all(isinstance(one, tuple | list) and len(one) == 2 for one in data)
    ):
        data = _stacked(data)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ValueError(f"data: got {_what(data)}; {PAIR}")
    given, structure = jax.tree_util.tree_flatten_with_path(tuple(data))
    if not given:
        raise ValueError(f"data: its parts hold no arrays; {PAIR}")
    arrays = [as_array(leaf, f"data: {_part(path)}") for path, leaf in given]
    lengths = {
        _part(path): leaf.shape[0] if leaf.ndim else None
        for (path, _), leaf in zip(given, arrays, strict=True)
    }
    single = next((name for name, length in lengths.items() if length is None), None)
    if single is not None:
        raise ValueError(
            f"data: {single} is a single number; it should be an array with one row per sample (a "
            f"list is a tree of numbers for JAX)"
        )
    if len(set(lengths.values())) != 1:
        listed = ", ".join(f"{name} has {length} samples" for name, length in lengths.items())
        raise ValueError(f"data: {listed}; all should have the same number")
    (samples,) = set(lengths.values())
    if samples is None or samples < FEWEST:
        raise ValueError(f"data: got {samples} samples; there should be at least {FEWEST}")
    pair: tuple[Any, Any] = jax.tree.unflatten(structure, arrays)
    return pair


def not_a_number(pair: tuple[Any, Any], sample: int) -> str:
    """What is said of a sample whose loss is not finite: whether its own numbers are to blame."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(pair)[0]:
        if jnp.issubdtype(leaf.dtype, jnp.inexact) and not bool(jnp.isfinite(leaf[sample]).all()):
            return f"; {_part(path)} of that sample has entries that are not finite"
    return ""


def digits_lost(data: Any, pair: tuple[Any, Any]) -> list[str]:
    """A sentence where double-precision inputs lose in single precision what distinguishes one
    sample from another.

    Args:
        data: as it was given.
        pair: of :func:`as_pair`.

    Returns:
        Sentences, mostly none.
    """
    given = (
        jax.tree_util.tree_flatten_with_path(tuple(data))[0]
        if isinstance(data, tuple | list) and len(data) == 2
        else []
    )
    kept = jax.tree.leaves(pair)
    if len(given) != len(kept):
        return []
    found = []
    for (path, leaf), now in zip(given, kept, strict=True):
        if not isinstance(leaf, np.ndarray) or leaf.dtype != np.float64 or now.dtype != jnp.float32:
            continue
        columns = leaf.reshape(len(leaf), -1)
        with np.errstate(all="ignore"):
            spread = np.nanstd(columns, axis=0)
            rounding = np.nanmax(np.abs(columns), axis=0) * np.finfo(np.float32).eps / 2
        lost = np.flatnonzero((spread > 0) & (rounding > LOST * spread))
        if len(lost):
            column = int(lost[0])
            found.append(
                f"data: in float32, column {column} of {_part(path)} is rounded to "
                f"{2 * rounding[column]:.2g}, and its values differ by "
                f"{spread[column]:.2g} only; subtract its mean, or switch on jax_enable_x64"
            )
    return found


def _stacked(data: Sequence[Any]) -> tuple[Any, Any]:
    structure: Any = jax.tree.structure(tuple(data[0]))
    for number, one in enumerate(data):
        if jax.tree.structure(tuple(one)) != structure:
            raise ValueError(
                f"data: sample {number} of the list is built otherwise than sample 0; {PAIR}"
            )
    rows = [jax.tree.leaves(tuple(one)) for one in data]
    parts = []
    for column, leaves in enumerate(zip(*rows, strict=True)):
        shapes = {np.shape(leaf) for leaf in leaves}
        if len(shapes) != 1:
            raise ValueError(
                f"data: part {column} of the samples in the list has the shapes {sorted(shapes)}; "
                f"all should have one shape"
            )
        parts.append(
            np.ma.stack(leaves)
            if any(isinstance(leaf, np.ma.MaskedArray) for leaf in leaves)
            else np.stack(leaves)
        )
    pair: tuple[Any, Any] = jax.tree.unflatten(structure, parts)
    return pair


def _what(data: Any) -> str:
    if isinstance(data, Mapping):
        return f"a dictionary with the keys {', '.join(map(str, list(data)[:6]))}"
    if isinstance(data, tuple | list):
        more = (
            "; a weight belongs to the target, (x, (target, weight)), and to loss(output, (target, "
            "weight))"
            if len(data) == 3
            else ""
        )
        return f"a {type(data).__name__} of {len(data)}{more}"
    return type(data).__name__


def _part(path: Any) -> str:
    first = ("x", "the target")[path[0].idx]
    return f"{first}.{path_name(path[1:])}" if len(path) > 1 else first
