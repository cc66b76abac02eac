"""Which kinks to reverse so that as little slope as possible is left to pay for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Int

from singlearn.numbers.linear_algebra import coordinates, echelon, factorise, independent_rows, rank
from singlearn.numbers.rational import Matrix, Vector
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm
from singlearn.symmetry.two_layer.signed_sums import signs_with_sum

PRIME = 2**31 - 1
CHUNK = 2**15

MOST_SUMS = 2**28
"""Signed sums of halves that are formed in all, about ten seconds: the first halves of 40 kinks
have 2^20.
"""


@dataclass(frozen=True)
class SignChoice:
    r"""How the slope of a kink form is paid for:

    .. math:: G = \sum_{k \notin T} s_k A_k n_k^T/2 + \sum_{k \in T} v_k n_k^T + \sum_j v_j m_j^T.

    Attributes:
        signs: s_k of the kinks with one node, +1 or -1.
        pairs: v_k of the kinks with two opposite nodes, the set T.
        terms: ``(v_j, m_j)``, the slopes of rank one that need nodes of their own.
        cost: nodes beyond one for every kink.
    """

    signs: dict[Hyperplane, int]
    pairs: dict[Hyperplane, Vector]
    terms: tuple[tuple[Vector, Vector], ...]
    cost: int


def half_kink(plane: Hyperplane, total: Vector) -> Matrix:
    """``A_k n_k^T / 2``, M rows of N numbers: the slope of a single node on a kink, up to its
    sign.
    """
    return tuple(tuple(value * n / 2 for n in plane.normal) for value in total)


def completed(
    form: KinkForm, signs: dict[Hyperplane, int], pairs: Sequence[Hyperplane], term_cost: int
) -> SignChoice:
    """The choice with given signs and given set T: the slope that is left goes to the pairs, then
    to terms of rank one.
    """
    left = [list(row) for row in form.slope]
    for plane, sign in signs.items():
        for row, own in zip(left, half_kink(plane, form.kinks[plane]), strict=True):
            row[:] = [value - sign * v for value, v in zip(row, own, strict=True)]
    normals = [[Fraction(v) for v in plane.normal] for plane in pairs]
    basis = _basis(normals)
    # Split every row into a part in the span of the pairs' normals and a part in a fixed complement
    # (unit vectors without a pivot).
    _, pivots = echelon(normals)
    complement = [
        [Fraction(int(i == j)) for j in range(len(left[0]))]
        for i in range(len(left[0]))
        if i not in pivots
    ]
    values: dict[Hyperplane, list[Fraction]] = {plane: [] for plane in pairs}
    rest = []
    for row in left:
        shares = coordinates(row, [*(normals[i] for i in basis), *complement])
        assert shares is not None, "basis and complement span the space"
        for position, plane in enumerate(pairs):
            values[plane].append(
                shares[basis.index(position)] if position in basis else Fraction(0)
            )
        outside = shares[len(basis) :]
        rest.append(
            [
                sum((s * c[i] for s, c in zip(outside, complement, strict=True)), Fraction(0))
                for i in range(len(row))
            ]
        )
    terms = tuple((tuple(v), tuple(n)) for v, n in factorise(rest))
    return SignChoice(
        dict(signs),
        {plane: tuple(own) for plane, own in values.items()},
        terms,
        len(pairs) + term_cost * len(terms),
    )


def choose_signs(form: KinkForm, on_domain: bool) -> SignChoice:
    """The cheapest choice, by exhaustion: costs in increasing order, for each every T, every s that
    leaves no more than the allowed rank.

    Where no slope may be left the signs solve a subset-sum problem, by meeting in the middle; where
    a rank may be left all sign patterns are tried modulo a prime, which can only lower a rank, and
    the survivors are checked exactly.
    """
    planes = list(form.kinks)
    if on_domain:
        for left in range(len(form.constant) + 1):
            found = _signs_leaving(form, planes, (), left)
            if found is not None:
                return completed(form, found, (), 1)
        raise AssertionError("a matrix with M rows has rank at most M")
    for cost in itertools.count():
        for left in range(cost // 2 + 1):
            for pairs in itertools.combinations(planes, cost - 2 * left):
                found = _signs_leaving(form, [p for p in planes if p not in pairs], pairs, left)
                if found is not None:
                    return completed(form, found, pairs, 2)
    raise AssertionError("unreachable: a cost of 2 M is always enough")


def choose_signs_by_sums(
    form: KinkForm, on_domain: bool, known: SignChoice
) -> tuple[int, SignChoice]:
    """A lower bound of the cost and the cheapest choice found, for more kinks than
    :func:`choose_signs` can take.

    Costs in increasing order, as there. Where no slope may be left the signs are a subset sum, and
    are found or excluded by meeting in the middle; where as much rank may be left as there is, all
    signs do. Where a smaller rank may be left nothing is known that is faster than all 2^p signs:
    the search ends there, as it does when :data:`MOST_SUMS` were formed.

    Args:
        form: the kink form.
        on_domain: whether it is that on a bounded domain.
        known: a choice; cheaper ones are looked for.
    """
    planes = list(form.kinks)
    outputs, inputs = len(form.constant), len(form.linear[0])
    sums, term_cost = 0, 1 if on_domain else 2
    spanning = independent_rows([[Fraction(v) for v in p.normal] for p in planes], inputs)
    if not on_domain and spanning is not None and inputs < known.cost:
        # Two opposite nodes on each of these kinks carry any slope.
        carriers = [planes[i] for i in spanning]
        known = completed(form, {p: 1 for p in planes if p not in carriers}, carriers, term_cost)
    for cost in range(known.cost):
        rest: list[tuple[Hyperplane, ...]] = []
        undecided = False
        for left in range(cost // term_cost + 1):
            if on_domain and left != cost:
                continue
            sizes = itertools.combinations(planes, cost - term_cost * left)
            if left and left < min(outputs, inputs):
                undecided = True
            elif left:
                pairs = next(sizes)
                signs = {plane: 1 for plane in planes if plane not in pairs}
                return cost, completed(form, signs, pairs, term_cost)
            else:
                work = math.comb(len(planes), cost) * 2 ** ((len(planes) - cost) // 2 + 2)
                sums += work
                if sums > MOST_SUMS:
                    undecided = True
                else:
                    rest += sizes
        for pairs in rest:
            found = _signs_leaving(form, [p for p in planes if p not in pairs], pairs, 0)
            if found is not None:
                return cost, completed(form, found, pairs, term_cost)
        if undecided:
            return cost, known
    return known.cost, known


def _signs_leaving(
    form: KinkForm, planes: list[Hyperplane], pairs: Sequence[Hyperplane], left: int
) -> dict[Hyperplane, int] | None:
    """Signs that leave a slope of at most the given rank modulo the pairs' normals, or ``None``."""
    directions = _annihilator(pairs, len(form.linear[0]))
    target = _projected(form.slope, directions)
    steps = [_projected(half_kink(plane, form.kinks[plane]), directions) for plane in planes]
    if left >= min(len(form.constant), len(directions)):
        return dict.fromkeys(planes, 1)
    whole = math.lcm(*(v.denominator for m in (target, *steps) for row in m for v in row))
    goal = [int(v * whole) for row in target for v in row]
    moves = [[int(v * whole) for row in step for v in row] for step in steps]
    if left == 0:
        signs = _one_sum(goal, moves)
        return None if signs is None else dict(zip(planes, signs, strict=True))
    shape = (len(form.constant), len(directions))
    for signs in _patterns_of_low_rank(goal, moves, shape, left):
        exact = [
            g - sum(s * m[i] for s, m in zip(signs, moves, strict=True)) for i, g in enumerate(goal)
        ]
        rows = [
            [Fraction(v) for v in exact[r * shape[1] : (r + 1) * shape[1]]] for r in range(shape[0])
        ]
        if rank(rows) <= left:
            return dict(zip(planes, signs, strict=True))
    return None


def _one_sum(goal: list[int], moves: list[list[int]]) -> tuple[int, ...] | None:
    """Signs with ``Σ s_k moves_k = goal``, or ``None``. The entries of a vector are digits of one
    number, in a base that no signed sum can overflow.
    """
    values, base, whole = [0] * len(moves), 1, 0
    for i, g in enumerate(goal):
        digits = [move[i] for move in moves]
        values = [v + base * d for v, d in zip(values, digits, strict=True)]
        whole += base * g
        base *= 2 * (sum(map(abs, digits)) + abs(g)) + 1
    found = signs_with_sum(values, whole, first=True)
    return found[0] if found else None


def _patterns_of_low_rank(
    goal: list[int], moves: list[list[int]], shape: tuple[int, int], left: int
) -> Iterator[tuple[int, ...]]:
    """Sign patterns whose left slope has at most the given rank modulo a prime."""
    residues = np.array([[v % PRIME for v in move] for move in moves], dtype=np.int64).reshape(
        len(moves), len(goal)
    )
    start = np.array([v % PRIME for v in goal], dtype=np.int64)
    low = min(len(moves), CHUNK.bit_length() - 1)
    signs_low = 1 - 2 * ((np.arange(2**low)[:, None] >> np.arange(low)) & 1)
    sums_low = (signs_low @ residues[:low]) % PRIME
    for signs_high in itertools.product((1, -1), repeat=len(moves) - low):
        fixed = (
            (start - np.array(signs_high, dtype=np.int64) @ residues[low:]) % PRIME
            if signs_high
            else start
        )
        matrices = ((fixed - sums_low) % PRIME).reshape(-1, *shape)
        for index in np.flatnonzero(_has_low_rank(matrices, left)):
            yield (*(int(s) for s in signs_low[index]), *signs_high)


def _has_low_rank(
    matrices: Int[np.ndarray, "patterns rows columns"], left: int
) -> Bool[np.ndarray, " patterns"]:
    """Rank at most ``left`` modulo the prime: subtracting a column times a row through a pivot
    lowers the rank by exactly one.
    """
    work = matrices
    count, _, columns = work.shape
    for _ in range(left):
        pivot = np.argmax(work.reshape(count, -1) != 0, axis=1)
        i, j = pivot // columns, pivot % columns
        every = np.arange(count)
        row, column, lead = work[every, i, :], work[every, :, j], work[every, i, j]
        work = (
            work * lead[:, None, None] % PRIME - column[:, :, None] * row[:, None, :] % PRIME
        ) % PRIME
    found: Bool[np.ndarray, " patterns"] = ~np.any(work.reshape(count, -1), axis=1)
    return found


def _basis(normals: Sequence[Sequence[Fraction]]) -> list[int]:
    """Indices of a maximal independent subset."""
    return independent_rows(normals, rank(normals)) or []


def _annihilator(pairs: Sequence[Hyperplane], inputs: int) -> list[list[Fraction]]:
    """A basis of the directions that all the pairs' normals annihilate."""
    reduced, pivots = echelon([[Fraction(v) for v in plane.normal] for plane in pairs])
    free = [j for j in range(inputs) if j not in pivots]
    basis = []
    for j in free:
        direction = [Fraction(int(i == j)) for i in range(inputs)]
        for row, pivot in zip(reduced, pivots, strict=True):
            direction[pivot] = -row[j]
        basis.append(direction)
    return basis


def _projected(rows: Matrix, directions: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """Rows applied to every direction: what is left of a slope modulo the annihilated normals."""
    return [
        [sum((a * b for a, b in zip(row, d, strict=True)), Fraction(0)) for d in directions]
        for row in rows
    ]
