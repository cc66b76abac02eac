"""Numbers as the exact rationals they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import TypeAlias

import numpy as np

Number: TypeAlias = int | float | Fraction | np.integer | np.floating
Vector: TypeAlias = tuple[Fraction, ...]
Matrix: TypeAlias = tuple[Vector, ...]


def rational(value: object, name: str) -> Fraction:
    """The exact rational a number stands for; a float is the binary fraction it is stored as, a
    string such as "1/3" is read.

    Args:
        value: int, float, Fraction, Decimal, NumPy scalar (long doubles with all their digits), or
            a string that ``Fraction`` reads.
        name: of the argument, for the error.

    Returns:
        The fraction.

    Raises:
        ValueError: it is not a number, or not finite.

    >>> rational(0.5, "b"), rational("1/3", "b")
    (Fraction(1, 2), Fraction(1, 3))
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}: got {value!r}; it should be a number")
    if isinstance(value, Integral):
        return Fraction(int(value))
    if isinstance(value, (Real, Decimal)):
        if not math.isfinite(value):
            raise ValueError(f"{name}: got {value}; every entry should be finite")
        # Long doubles have more digits than float() keeps.
        return (
            Fraction(*value.as_integer_ratio())
            if hasattr(value, "as_integer_ratio")
            else Fraction(float(value))
        )
    if isinstance(value, (complex, np.complexfloating)):
        raise ValueError(f"{name}: got the complex number {value}; every entry should be real")
    if isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            pass
    raise ValueError(f"{name}: got {value!r}; it should be an int, a float or a Fraction")


def unit_roundoff(values: object) -> float:
    """The largest relative rounding error of the floats among numbers or nested lists of them; 0
    where they are exact.

    Returns:
        :math:`2^{-53}`, :math:`2^{-24}`, …; 0 where all numbers are exact.

    >>> (
    ...     unit_roundoff([1, Fraction(1, 3)]),
    ...     unit_roundoff([[1, 0.5]]),
    ...     unit_roundoff(np.ones(2, np.float32)),
    ... )
    (0.0, 1.1102230246251565e-16, 5.960464477539063e-08)
    """
    kind = getattr(values, "dtype", None)
    if isinstance(kind, np.dtype) and kind.kind != "O":
        if kind.kind == "f":
            return float(np.finfo(kind).eps) / 2
        return 2.0**-8 if kind.name == "bfloat16" else 0.0
    if isinstance(values, float):
        return 2.0**-53
    if isinstance(values, (list, tuple, np.ndarray)):
        return max((unit_roundoff(value) for value in values), default=0.0)
    return 0.0


def vector(values: object, name: str) -> Vector:
    """A one-dimensional sequence of exact numbers.

    Returns:
        The numbers as fractions.

    Raises:
        ValueError: it is not a flat sequence of finite numbers.
    """
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError(f"{name}: got {values!r}; it should be a flat list of numbers")
    return tuple(rational(value, name) for value in values)


def matrix(rows: object, name: str) -> Matrix:
    """A sequence of rows of equal length.

    Returns:
        The rows as fractions.

    Raises:
        ValueError: the rows are ragged, or hold something that is not a finite number.
    """
    if isinstance(rows, np.ndarray):
        rows = rows.tolist()
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        raise ValueError(f"{name}: got {rows!r}; it should be a list of rows")
    result = tuple(vector(row, name) for row in rows)
    lengths = sorted({len(row) for row in result})
    if len(lengths) > 1:
        raise ValueError(
            f"{name}: its rows have {lengths[0]} to {lengths[-1]} entries; all rows should have "
            f"the same number"
        )
    return result


def dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    """Inner product."""
    return sum((x * y for x, y in zip(a, b, strict=True) if x and y), Fraction(0))


def primitive(values: Sequence[Fraction]) -> tuple[tuple[int, ...], Fraction]:
    """The primitive integer vector on the same ray, and the positive factor that gives the vector
    back.

    Returns:
        The vector, and the factor.

    >>> primitive((Fraction(1, 2), Fraction(-3, 4)))
    ((2, -3), Fraction(1, 4))
    """
    denominator = math.lcm(*(value.denominator for value in values))
    integers = [value.numerator * (denominator // value.denominator) for value in values]
    divisor = math.gcd(*integers)
    if divisor == 0:
        raise ValueError("values: all are zero; a ray needs a direction")
    return tuple(value // divisor for value in integers), Fraction(divisor, denominator)
