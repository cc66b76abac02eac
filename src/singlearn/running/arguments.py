"""One validator for numbers that a caller gives: understood, or refused by name in one sentence."""

from __future__ import annotations

import math
import operator
from typing import Any

LARGEST_SEED = 2**63 - 1


def whole_number(
    name: str, value: Any, at_least: int = 1, at_most: int | None = None, why: str = ""
) -> int:
    """A whole number within bounds, as an ``int``; ``100.0`` and NumPy's integers are whole numbers
    too.

    Args:
        name: what the caller calls it.
        value: what was given.
        at_least: the smallest that is allowed.
        at_most: the largest that is allowed; ``None``: no limit.
        why: what the bound is for, added to the sentence.

    Returns:
        ``value`` as a Python ``int``.

    Raises:
        ValueError: not a whole number (``True`` is none), or out of bounds.

    >>> whole_number("particles", 128.0)
    128
    >>> whole_number("particles", 100.5, at_least=16)
    Traceback (most recent call last):
    ValueError: particles: got 100.5; it should be a whole number, at least 16
    """
    bounds = f"at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
    refusal = ValueError(
        f"{name}: got {value!r}; it should be a whole number, {bounds}{f' ({why})' if why else ''}"
    )
    if isinstance(value, bool) or type(value).__name__ == "bool":
        raise refusal
    try:
        number = operator.index(value)
    except TypeError:
        try:
            as_float = float(value)
        except (TypeError, ValueError):
            raise refusal from None
        if isinstance(value, str) or not as_float.is_integer():
            raise refusal from None
        number = int(as_float)
    if number < at_least or (at_most is not None and number > at_most):
        raise refusal
    return number


def real_number(
    name: str,
    value: Any,
    above: float | int = -math.inf,
    below: float | int = math.inf,
    meaning: str = "a finite number",
) -> float:
    """A finite real number with ``above < value < below``, as a ``float``.

    Args:
        name: what the caller calls it.
        value: what was given: a number, or an array of one element.
        above: excluded lower bound.
        below: excluded upper bound.
        meaning: what it should be, in words, for the sentence.

    Returns:
        ``value`` as a Python ``float``.

    Raises:
        ValueError: not a number, not finite, or out of bounds.

    >>> real_number("beta_max", 1, above=0)
    1.0
    >>> real_number("beta_max", "1", above=0, meaning="a positive inverse temperature")
    Traceback (most recent call last):
    ValueError: beta_max: got '1'; it should be a positive inverse temperature
    """
    refusal = ValueError(f"{name}: got {value!r}; it should be {meaning}")
    if isinstance(value, (bool, str, bytes, complex)) or type(value).__name__ == "bool":
        raise refusal
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise refusal from None
    if not (math.isfinite(number) and above < number < below):
        raise refusal
    return number


def random_seed(value: Any, name: str = "seed") -> int:
    """A seed from 0 to 2⁶³ - 1, the ones that both JAX and NumPy take.

    Returns:
        The seed as an ``int``.

    Raises:
        ValueError: not a whole number, or out of these bounds.

    >>> random_seed(7.0)
    7
    >>> random_seed(2**63)
    Traceback (most recent call last):
    ValueError: seed: got 9223372036854775808; it should be a whole number, from 0 to \
9223372036854775807
    """
    return whole_number(name, value, at_least=0, at_most=LARGEST_SEED)
