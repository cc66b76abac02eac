"""Divergences between two tables of probabilities that are written out in full."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

MOST_CELLS = 2**16


def all_words(letters: int, length: int, what: str) -> Int[np.ndarray, "cells length"]:
    """Every sequence of ``length`` letters.

    Returns:
        One row per sequence.

    Raises:
        ValueError: there are too many of them to be written out.

    >>> all_words(2, 2, "features").tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if letters**length > MOST_CELLS:
        raise ValueError(
            f"{what}: {letters}^{length} outcomes are too many to write out; at most {MOST_CELLS}"
        )
    return np.array(list(itertools.product(range(letters), repeat=length)), dtype=int)


def divergence(
    truth: Float[np.ndarray, " cells"], log_model: Float[Array, " cells"]
) -> Float[Array, ""]:
    r""":math:`K = ∑ q \log(q/p)`, summed as :math:`∑ q\, (e^{-r} - 1 + r)`, :math:`r = \log q/p`.

    Both are equal where p and q each sum to one; every term of the second is ≥ 0, so that small K
    keep their digits.

    Returns:
        K in nats.
    """
    q = jnp.asarray(truth)
    positive = q > 0
    r = jnp.where(positive, jnp.log(jnp.where(positive, q, 1.0)) - log_model, 0.0)
    # Cells that the truth forbids cost the model what it spends there.
    return jnp.sum(jnp.where(positive, q * (jnp.expm1(-r) + r), jnp.exp(log_model)))


def letters_in(
    name: str, data: object, at_least: int, letters: int | None = None
) -> tuple[Int[np.ndarray, "n length"], int]:
    """Data of letters 0, 1, … as a table, and how many letters there are.

    Returns:
        The table as whole numbers, and how many letters there are.

    Raises:
        ValueError: not a table of whole numbers ≥ 0, rows too short, or a letter beyond the
            alphabet.
    """
    table = np.asarray(data)
    if (
        table.ndim != 2
        or not table.size
        or not np.all(np.equal(np.floor(table), table))
        or table.min() < 0
    ):
        raise ValueError(
            f"{name}: got shape {table.shape}; it should be a table (n, length) of whole numbers "
            "from 0"
        )
    if table.shape[1] < at_least:
        raise ValueError(
            f"{name}: got rows of length {table.shape[1]}; they should have at least {at_least}"
        )
    found = int(table.max()) + 1 if letters is None else letters
    if table.max() >= found:
        raise ValueError(
            f"{name}: got the letter {int(table.max())}; with {found} letters they run from 0 to "
            f"{found - 1}"
        )
    return table.astype(int), found


def rows_of_probabilities(
    name: str, value: object, shape: Sequence[int]
) -> Float[np.ndarray, "*shape"]:
    """An array whose last axis sums to one.

    Returns:
        The array as given.

    Raises:
        ValueError: another shape, a negative entry, or rows that do not sum to one.
    """
    array = np.asarray(value, float)
    if array.shape != tuple(shape):
        raise ValueError(f"{name}: got shape {array.shape}; it should be {tuple(shape)}")
    if array.min() < 0 or not np.allclose(array.sum(axis=-1), 1.0, atol=1e-9):
        raise ValueError(f"{name}: its rows should be probabilities that sum to one")
    return array
