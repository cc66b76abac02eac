"""Refusing what is not a symmetry, and checking what is."""

from __future__ import annotations

from typing import Any

import numpy as np

from singlearn.running.arguments import whole_number
from singlearn.symmetry.transformer.model import Transformer

TOLERANCE = 1e-9
"""Relative to the largest logit; a transformation that changes the logits by more is not returned.
"""


class NotASymmetryError(ValueError):
    """The transformation would change what the transformer computes; the message says why."""


def checked(before: Transformer, after: Transformer, what: str) -> Transformer:
    """``after``, once both give the same outputs on random inputs.

    Raises:
        NotASymmetryError: they differ by more than 1e-9 of the largest output: a matrix too close
            to singular for double precision.
    """
    inputs = random_inputs(before, 4, 8)
    expected, found = before(inputs), after(inputs)
    change = float(np.max(np.abs(found - expected)))
    if not change <= TOLERANCE * max(float(np.max(np.abs(expected))), 1e-300):
        raise NotASymmetryError(
            f"{what}: in double precision it changes the logits by {change:.2g}; use a better "
            f"conditioned matrix"
        )
    return after


def random_inputs(model: Transformer, batch: int, length: int, seed: int = 0) -> np.ndarray:
    """Tokens, no more in a row than there are positions; or vectors, where the model reads such."""
    random = np.random.default_rng(seed)
    if not model.reads_tokens:
        return random.standard_normal((batch, length, model.width))
    length = min(length, len(model.weights.get("position", np.zeros((length, 0)))))
    return random.integers(len(model.weights["embedding"]), size=(batch, length))


def square_matrix(matrix: np.ndarray, size: int, name: str) -> np.ndarray:
    """``matrix`` as float64, if it is ``size`` by ``size`` and finite.

    Raises:
        ValueError: otherwise.
    """
    array = real_array(matrix, name, f"{size} by {size}")
    if array.shape != (size, size) or not np.all(np.isfinite(array)):
        raise ValueError(
            f"{name}: got shape {array.shape}; it should be {size} by {size}, of finite numbers"
        )
    return array


def real_array(given: Any, name: str, shape: str) -> np.ndarray:
    """``given`` as float64; NumPy would drop the imaginary part of a complex number.

    Raises:
        ValueError: something else than real numbers.
    """
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.asarray(None)  # rows of several lengths
    if array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name}: got {str(given)[:60]}; it should be {shape}, of finite real numbers"
        )
    return array.astype(np.float64)


def permutation(given: Any, size: int, what: str) -> np.ndarray:
    """An order of 0, …, size - 1, as whole numbers.

    Raises:
        ValueError: something else.
    """
    array = np.asarray(given)
    if (
        array.shape != (size,)
        or (array.dtype.kind not in "iu" and size)
        or sorted(array.tolist()) != list(range(size))
    ):
        raise ValueError(
            f"order: got {str(given)[:60]}; it should be a permutation of 0, …, {size - 1}, the "
            f"{what}, in whole numbers"
        )
    return array.astype(np.int64)


def block_number(model: Transformer, block: Any) -> int:
    """The number of a block.

    Raises:
        ValueError: there is no such block.
    """
    if not model.blocks:
        raise ValueError(f"block: got {block}; there are no blocks")
    return whole_number(
        "block", block, at_least=0, at_most=model.blocks - 1, why="the number of a block"
    )


def require_invertible(matrix: np.ndarray, name: str) -> None:
    """Refuse a matrix without a usable inverse.

    Raises:
        NotASymmetryError: its condition number is above 1e8.
    """
    condition = float(np.linalg.cond(matrix))
    if not condition < 1e8:
        raise NotASymmetryError(
            f"{name}: its condition number is {condition:.2g}; an invertible matrix, with one "
            f"below 1e8, is needed"
        )
