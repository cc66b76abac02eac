r"""Signs with :math:`\sum_k s_k c_k = t`, by meeting in the middle: :math:`2^{p/2}` sums instead of
:math:`2^p`.

Finding them is PARTITION, which is NP-hard: p/2 in the exponent is what is known to be possible in
general. The sums of either half are compared modulo a prime, in arrays; what agrees there is added
up exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Int

PRIME = 2**61 - 1
MULTIPLIER = 1_152_921_504_606_846_883
"""Below the prime; spreads sums of small numbers over all residues."""

MOST_BITS = 24
"""Of the table by which most sums of the second half are passed over."""

MOST_SOLUTIONS = 2**18
"""That are listed."""


class TooManyError(ValueError):
    """There are more solutions than are listed."""


def signs_with_sum(values: Sequence[int], goal: int, first: bool = False) -> list[tuple[int, ...]]:
    """All sign vectors with ``Σ s_k values_k = goal``, + first; with ``first`` at most one of them.

    Args:
        values: whole numbers of any size.
        goal: a whole number.
        first: whether one is enough.

    Raises:
        TooManyError: there are more than 2^18 of them.

    >>> signs_with_sum([1, 1, 2], 0)
    [(1, 1, -1), (-1, -1, 1)]
    """
    middle = len(values) // 2
    left, right = values[:middle], values[middle:]
    wanted = _residues_of_sums([-v for v in left], goal)
    given = _residues_of_sums(right, 0)
    bits = min(MOST_BITS, len(right) + 5)
    for shift in (0, bits):
        mask = (1 << bits) - 1
        table = np.zeros(1 << bits, dtype=bool)
        if shift == 0:
            places, others = np.arange(len(wanted)), np.arange(len(given))
        table[(wanted[places] >> shift) & mask] = True
        others = others[table[(given[others] >> shift) & mask]]
        table[:] = False
        table[(given[others] >> shift) & mask] = True
        places = places[table[(wanted[places] >> shift) & mask]]
    order = others[np.argsort(given[others], kind="stable")]
    ordered = given[order]
    begin = np.searchsorted(ordered, wanted[places], side="left")
    end = np.searchsorted(ordered, wanted[places], side="right")
    if not first and int((end - begin).sum()) > MOST_SOLUTIONS:
        raise TooManyError(
            f"more than {MOST_SOLUTIONS} sign patterns balance the slope; so many are not listed"
        )
    found = []
    for place, low, high in zip(places, begin, end, strict=True):
        start = _signs(int(place), len(left))
        for other in order[low:high]:
            signs = (*start, *_signs(int(other), len(right)))
            if sum(s * v for s, v in zip(signs, values, strict=True)) == goal:
                found.append(signs)
                if first:
                    return found
    return found


def _residues_of_sums(values: Sequence[int], start: int) -> Int[np.ndarray, " sums"]:
    """``start`` plus all signed sums, times the multiplier, modulo the prime, in the order of
    ``product((1, -1), …)``.
    """
    sums = np.array([start * MULTIPLIER % PRIME], dtype=np.int64)
    for value in values:
        step = value * MULTIPLIER % PRIME
        both = np.empty((len(sums), 2), dtype=np.int64)
        np.add(sums, step, out=both[:, 0])
        np.subtract(sums, step, out=both[:, 1])
        both[:, 0] -= PRIME * (both[:, 0] >= PRIME)
        both[:, 1] += PRIME * (both[:, 1] < 0)
        sums = both.ravel()
    return sums


def _signs(index: int, count: int) -> tuple[int, ...]:
    """The entry of ``product((1, -1), …)`` with that number."""
    return tuple(1 - 2 * (index >> (count - 1 - i) & 1) for i in range(count))


def every_sign_vector(count: int) -> list[tuple[int, ...]]:
    """All 2^count of them, + first.

    Raises:
        TooManyError: these are more than 2^18.
    """
    if 2**count > MOST_SOLUTIONS:
        raise TooManyError(f"2^{count} sign patterns balance the slope; so many are not listed")
    return list(product((1, -1), repeat=count))
