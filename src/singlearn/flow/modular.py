"""Linear algebra modulo one prime, exact in float64."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from jaxtyping import Float, Shaped

PRIME = 1048573
"""2²⁰ - 3: a product of two residues is below 2⁴⁰, so that float64 adds 2¹³ of them without
rounding."""

MOST_TERMS = 2**13


def residues(values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Whole numbers modulo the prime, from 0 to ``PRIME`` - 1.

    >>> residues(np.array([-1.0, 1048573.0, 5.0]))
    array([1.048572e+06, 0.000000e+00, 5.000000e+00])
    """
    found: Float[np.ndarray, "*shape"] = values - PRIME * np.floor(values / PRIME)
    return found


def product(
    left: Float[np.ndarray, "... a b"], right: Float[np.ndarray, "... b c"]
) -> Float[np.ndarray, "... a c"]:
    """A matrix product of residues; long sums are taken in parts that float64 adds exactly.

    >>> product(np.array([[1048572.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[5.]])
    """
    length = left.shape[-1]
    if length <= MOST_TERMS:
        return residues(np.matmul(left, right))
    total = np.zeros(())
    for start in range(0, length, MOST_TERMS):
        part = slice(start, start + MOST_TERMS)
        total = residues(total + residues(np.matmul(left[..., part], right[..., part, :])))
    return total


def inverse(number: int) -> int:
    """1 / ``number`` modulo the prime.

    >>> inverse(2) * 2 % PRIME
    1
    """
    return pow(number, PRIME - 2, PRIME)


def residue(number: Fraction | int) -> int:
    """A rational number modulo the prime.

    >>> residue(Fraction(1, 2)) == inverse(2)
    True

    Raises:
        ZeroDivisionError: the prime divides the denominator.
    """
    fraction = Fraction(number)
    if fraction.denominator % PRIME == 0:
        raise ZeroDivisionError(f"number: the denominator of {number} is a multiple of {PRIME}")
    return fraction.numerator * inverse(fraction.denominator % PRIME) % PRIME


def as_residues(values: object) -> Float[np.ndarray, "..."]:
    """Whole or rational numbers of an array modulo the prime.

    >>> as_residues([[-1, Fraction(1, 2)]])
    array([[1048572.,  524287.]])
    """
    array = np.asarray(values)
    if array.dtype != object:
        return residues(array.astype(float))
    return np.array([residue(x) for x in array.reshape(-1)], dtype=float).reshape(array.shape)


def whole_numbers(values: Shaped[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "*shape"]:
    """Whole numbers, held as floats or as fractions, as Python's; other fractions stay."""
    entries = [int(x) if x == int(x) else x for x in values.reshape(-1)]
    found = np.empty(len(entries), dtype=object)
    found[:] = entries
    return found.reshape(values.shape)


def _matrix(rows: Float[np.ndarray, "rows columns"]) -> flint.nmod_mat:
    height, width = rows.shape
    return flint.nmod_mat(height, width, [int(x) for x in rows.ravel()], PRIME)


def rank(rows: Float[np.ndarray, "rows columns"]) -> int:
    """Rank of a matrix of residues.

    >>> rank(np.array([[1.0, 2.0], [2.0, 4.0]]))
    1
    """
    return _matrix(rows).rank() if rows.size else 0


def row_space(rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rank columns"]:
    """A basis of the row space, in reduced echelon form."""
    if not rows.size:
        return np.zeros((0, rows.shape[1]))
    reduced, count = _matrix(rows).rref()
    return _array(reduced.entries(), rows.shape)[:count]


def null_space(rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "nullity columns"]:
    """A basis of the vectors that every row is orthogonal to, in reduced echelon form.

    >>> null_space(np.array([[1.0, 1.0, 0.0]]))
    array([[1.000000e+00, 1.048572e+06, 0.000000e+00],
           [0.000000e+00, 0.000000e+00, 1.000000e+00]])
    """
    columns = rows.shape[1]
    if not rows.size:
        return np.eye(columns)
    vectors, count = _matrix(rows).nullspace()
    return row_space(_array(vectors.entries(), (columns, columns))[:, :count].T)


def _array(entries: Iterable[Any], shape: tuple[int, ...]) -> Float[np.ndarray, "rows columns"]:
    return np.array([float(int(x)) for x in entries]).reshape(shape)
