"""Arrays in double precision, with the same numbers as what was given, or refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from singlearn.numbers.rational import rational

CONSECUTIVE = 2**53
"""Every whole number up to this is a float64."""


def float64_array(values: Any, name: str) -> np.ndarray:
    """``values`` as a float64 array of exactly the same numbers.

    Args:
        values: an array of real numbers, or nested lists of them.
        name: of the argument or the array, for the error.

    Raises:
        ValueError: ragged, complex, Boolean or no numbers at all, masked entries, or a number that
            float64 does not hold, such as the integer 2^53 + 1, a long double or the fraction 1/3.

    >>> float64_array([[1, 2.5]], "weights")
    array([[1. , 2.5]])
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name}: it has masked entries; every entry should be a number")
    try:
        array = np.asarray(values) if hasattr(values, "dtype") else np.array(values, dtype=object)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: it is ragged or not numeric ({error})") from None
    if array.dtype == object:
        return _from_objects(array, name)
    kind = array.dtype.kind
    if kind == "c":
        raise ValueError(
            f"{name}: it holds complex numbers ({array.dtype}); a ReLU network has real weights"
        )
    if kind == "b":
        raise ValueError(f"{name}: it holds True and False; every entry should be a number")
    if kind not in "fiu":
        raise ValueError(f"{name}: it is ragged or not numeric (dtype {array.dtype})")
    if kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64)
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float64)
    back = rounded.astype(array.dtype) if kind == "f" else rounded
    doubtful = (
        (back != array) & np.isfinite(array) if kind == "f" else np.abs(rounded) >= CONSECUTIVE
    )
    for where in np.argwhere(doubtful):
        value = array[tuple(where)]
        if kind == "f" or int(rounded[tuple(where)]) != int(value):
            raise _lost(name, value, str(array.dtype))
    return rounded


def _from_objects(array: np.ndarray, name: str) -> np.ndarray:
    flat = array.ravel().tolist()
    if all(type(value) is float for value in flat):
        return array.astype(np.float64)
    numbers = [_one(value, name) for value in flat]
    return np.array(numbers, dtype=np.float64).reshape(array.shape)


def _one(value: Any, name: str) -> float:
    if isinstance(value, (float, np.float32, np.float16)):
        return float(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        raise ValueError(
            f"{name}: it is ragged or not numeric; its rows should have the same length"
        )
    if isinstance(value, (str, bytes)) or value is None:
        raise ValueError(f"{name}: it is ragged or not numeric (got {value!r})")
    if hasattr(value, "item") and not isinstance(value, np.generic):
        value = value.item()
    exact = rational(value, name)
    try:
        rounded = float(exact)
    except OverflowError:
        raise ValueError(
            f"{name}: got a number beyond 1.8e308; it is too large for float64"
        ) from None
    if Fraction(rounded) != exact:
        raise _lost(name, value, type(value).__name__)
    return rounded


def _lost(name: str, value: Any, kind: str) -> ValueError:
    return ValueError(
        f"{name}: {value} ({kind}) is not a float64 number, and its digits would be lost; round it "
        f"yourself, or keep it exact in a "
        "TwoLayerReLU (one hidden layer)"
    )
