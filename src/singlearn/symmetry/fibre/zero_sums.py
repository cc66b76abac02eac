"""Which groups of nodes on one boundary cancel: the minimal sets of amounts that add up to zero."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Vector
from singlearn.symmetry.fibre.balance import packed

MOST_SUMMED = 18
"""Amounts whose 2^n sums are all formed; finding the sets is SUBSET SUM, which has no fast way."""

LARGEST_SET = 3
"""Of more amounts than that, only sets up to this size are looked for."""


def zero_sums(amounts: Sequence[Vector]) -> tuple[list[tuple[int, ...]], bool]:
    r"""The minimal sets S with :math:`\sum_{i \in S} a_i = 0`, in exact arithmetic, and whether
    these are all of them.

    Every set that adds up to zero is a disjoint union of minimal ones. An amount that is zero is a
    set by itself.

    Args:
        amounts: one vector of M numbers per node.

    >>> one = Fraction(1)
    >>> zero_sums([(one,), (-one,), (2 * one,), (-one,)])
    ([(0, 1), (0, 3), (1, 2, 3)], True)
    """
    loud = [i for i, amount in enumerate(amounts) if any(amount)]
    integers, _ = (
        packed([amounts[i] for i in loud], tuple(Fraction(0) for _ in amounts[0]))
        if loud
        else ([], 0)
    )
    found = [(i,) for i in range(len(amounts)) if i not in set(loud)]
    if len(loud) <= MOST_SUMMED:
        sums = [0]
        for integer in integers:
            sums += [total + integer for total in sums]
        masks = np.flatnonzero(
            np.fromiter((total == 0 for total in sums), dtype=bool, count=len(sums))
        )
        return found + _named(_minimal(masks), loud), True
    small = [
        chosen
        for size in range(2, LARGEST_SET + 1)
        for chosen in combinations(range(len(loud)), size)
        if not sum(integers[i] for i in chosen)
    ]
    return found + _named(
        _minimal(np.array([sum(1 << i for i in chosen) for chosen in small], dtype=object)), loud
    ), False


def nearly_zero_sums(
    amounts: Float[np.ndarray, "nodes outputs"], tolerance: float
) -> tuple[list[tuple[int, ...]], bool]:
    """The same for amounts in float64: a sum counts as zero if in every output it is at most
    ``tolerance`` times the sum of the sizes of its own terms there.

    What else is on the boundary says nothing: a small kink beside a large one is a kink.

    >>> nearly_zero_sums(np.array([[0.1], [0.2], [-0.3], [1e14]]), 1e-12)
    ([(0, 1, 2)], True)
    """
    loud = np.flatnonzero(np.any(amounts != 0, axis=1))
    found = [(int(i),) for i in range(len(amounts)) if i not in set(loud.tolist())]
    if len(loud) > MOST_SUMMED:
        small = [
            chosen
            for size in range(2, LARGEST_SET + 1)
            for chosen in combinations(range(len(loud)), size)
            if np.all(
                np.abs(amounts[loud[list(chosen)]].sum(axis=0))
                <= tolerance * np.abs(amounts[loud[list(chosen)]]).sum(axis=0)
            )
        ]
        masks = np.array([sum(1 << i for i in chosen) for chosen in small], dtype=object)
        return found + _named(_minimal(masks), loud.tolist()), False
    # One column decides for most sets that they do not add up; the other columns are asked for the
    # rest only.
    masks = np.arange(1, 2 ** len(loud))
    for column in amounts[loud].T:
        sums, sizes = np.zeros(len(masks)), np.zeros(len(masks))
        for bit, amount in enumerate(column):
            chosen = (masks >> bit & 1).astype(bool)
            sums[chosen] += amount
            sizes[chosen] += abs(amount)
        masks = masks[np.abs(sums) <= tolerance * sizes]
    return found + _named(_minimal(masks), loud.tolist()), True


def _minimal(masks: np.ndarray) -> list[int]:
    """The sets, as bits, that contain no other one; the empty set is left out."""
    left = [int(mask) for mask in masks if mask]
    result = []
    by_size = sorted(left, key=int.bit_count)
    remaining = np.array(
        by_size, dtype=object if by_size and by_size[-1].bit_length() > 62 else np.int64
    )
    while len(remaining):
        smallest = remaining[0]
        result.append(int(smallest))
        remaining = remaining[(remaining & smallest) != smallest]
    return sorted(result, key=lambda mask: [i for i in range(mask.bit_length()) if mask >> i & 1])


def _named(masks: list[int], names: Sequence[int]) -> list[tuple[int, ...]]:
    return [
        tuple(int(names[i]) for i in range(mask.bit_length()) if mask >> i & 1) for mask in masks
    ]
