"""How the slope of a function is paid for by the orientations of the nodes on its kinks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TypeAlias

from singlearn.numbers.linear_algebra import echelon
from singlearn.numbers.rational import Vector, dot
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm
from singlearn.symmetry.two_layer.signed_sums import every_sign_vector, signs_with_sum

Pattern: TypeAlias = tuple[int, ...]
"""One entry per kink: +1 all its nodes point along the normal, -1 all against it, 0 there are nodes
of both orientations.
"""

ZERO = Fraction(0)


@dataclass(frozen=True)
class Splits:
    """The solutions ``particular + span(directions)`` of a linear system."""

    particular: Vector
    directions: tuple[Vector, ...]

    def fixed(self, index: int) -> Fraction | None:
        """The value of one unknown if all solutions agree on it."""
        return (
            self.particular[index]
            if all(not direction[index] for direction in self.directions)
            else None
        )


@dataclass(frozen=True)
class SlopeBalance:
    r"""The equation :math:`\sum_{k \notin T} s_k A_k n_k/2 + \sum_{k \in T} v_k n_k + V = G` that
    orientations must satisfy.

    A kink with nodes of one orientation :math:`s_k` carries the slope :math:`s_k A_k n_k/2`; a kink
    with both (the set T) any :math:`v_k n_k`, with the amounts :math:`A_k/2 + v_k` along its normal
    and :math:`A_k/2 - v_k` against it; V comes from linear pairs on hyperplanes without kink.

    Attributes:
        planes: the p kinks.
        totals: their total kinks A_k, for the integer normals of ``planes``.
        slope: G, N numbers.
    """

    planes: tuple[Hyperplane, ...]
    totals: Vector
    slope: Vector

    @classmethod
    def of(cls, form: KinkForm) -> SlopeBalance:
        """Of a function with one output."""
        return cls(
            tuple(form.kinks), tuple(total[0] for total in form.kinks.values()), form.slope[0]
        )

    @property
    def normals(self) -> tuple[tuple[int, ...], ...]:
        """The integer normals n_k."""
        return tuple(plane.normal for plane in self.planes)

    def half(self, k: int) -> Vector:
        """``A_k n_k / 2``."""
        return tuple(self.totals[k] * n / 2 for n in self.planes[k].normal)

    def residual(self, pattern: Pattern) -> Vector:
        r""":math:`R = G - \sum_k s_k A_k n_k/2`, the slope that kinks of both orientations (entry
        0) and linear pairs have to carry.
        """
        rest = list(self.slope)
        for sign, total, normal in zip(pattern, self.totals, self.normals, strict=True):
            if sign:
                for i, n in enumerate(normal):
                    if n:
                        rest[i] -= sign * total * n / 2
        return tuple(rest)

    def splits(self, pattern: Pattern) -> Splits | None:
        r"""The :math:`(v_k)_{k \in T}` with :math:`\sum_T v_k n_k = R`, T the zeros of the pattern;
        ``None`` if there are none.
        """
        both = [k for k, sign in enumerate(pattern) if not sign]
        rows = [
            [Fraction(self.planes[k].normal[i]) for k in both] + [r]
            for i, r in enumerate(self.residual(pattern))
        ]
        reduced, pivots = echelon(rows)
        if len(both) in pivots:
            return None
        particular = [ZERO] * len(both)
        for row, pivot in zip(reduced, pivots, strict=True):
            particular[pivot] = row[-1]
        directions = []
        for free in sorted(set(range(len(both))) - set(pivots)):
            direction = [ZERO] * len(both)
            direction[free] = Fraction(1)
            for row, pivot in zip(reduced, pivots, strict=True):
                direction[pivot] = -row[free]
            directions.append(tuple(direction))
        return Splits(tuple(particular), tuple(directions))

    def patterns(self) -> Iterator[Pattern]:
        """All ``2^p`` patterns without zeros, + first."""
        return product((1, -1), repeat=len(self.planes))

    def solutions(self, both: Sequence[int]) -> list[Pattern]:
        """The patterns with exactly the zeros ``both`` whose residual lies in the span of those
        normals; the empty ``both`` gives Σ_0.
        """
        single, columns, target = self._modulo(both)
        result = []
        for signs in signs_with(columns, target):
            pattern = [0] * len(self.planes)
            for k, sign in zip(single, signs, strict=True):
                pattern[k] = sign
            result.append(tuple(pattern))
        return result

    def solvable(self, both: Sequence[int]) -> bool:
        """Whether there is one of the :meth:`solutions`."""
        _, columns, target = self._modulo(both)
        integers, goal = packed(columns, target)
        return bool(signs_with_sum(integers, goal, first=True)) if any(integers) else not goal

    def _modulo(self, both: Sequence[int]) -> tuple[list[int], list[Vector], Vector]:
        """The other kinks, what they carry off the span of these normals, and G there."""
        single = [k for k in range(len(self.planes)) if k not in both]
        functionals = annihilator([self.normals[k] for k in both], len(self.slope))
        columns = [
            tuple(dot(functional, self.half(k)) for functional in functionals) for k in single
        ]
        return single, columns, tuple(dot(functional, self.slope) for functional in functionals)


def parallel(vector: Sequence[Fraction], normal: Sequence[int]) -> bool:
    """Whether a vector is a multiple of a normal; zero is."""
    lead = next(i for i, n in enumerate(normal) if n)
    return all(v * normal[lead] == vector[lead] * n for v, n in zip(vector, normal, strict=True))


def annihilator(rows: Sequence[Sequence[int]], size: int) -> list[Vector]:
    """A basis of the vectors of length ``size`` that are orthogonal to all rows."""
    reduced, pivots = echelon([[Fraction(v) for v in row] for row in rows])
    basis = []
    for free in sorted(set(range(size)) - set(pivots)):
        functional = [ZERO] * size
        functional[free] = Fraction(1)
        for row, pivot in zip(reduced, pivots, strict=True):
            functional[pivot] = -row[free]
        basis.append(tuple(functional))
    return basis


def signs_with(columns: Sequence[Vector], target: Vector) -> list[Pattern]:
    r"""All sign vectors with :math:`\sum_k s_k c_k = t`, + first: the two halves are summed apart
    and matched, :math:`2^{p/2}` sums
    instead of :math:`2^p`.

    >>> one = Fraction(1)
    >>> signs_with([(one,), (one,), (2 * one,)], (Fraction(0),))
    [(1, 1, -1), (-1, -1, 1)]
    """
    integers, goal = packed(columns, target)
    if any(integers):
        return signs_with_sum(integers, goal)
    return [] if goal else every_sign_vector(len(columns))


def packed(columns: Sequence[Vector], target: Vector) -> tuple[list[int], int]:
    """Vectors as single integers: denominators cleared, then the entries are digits in a base no
    signed sum can overflow.

    So two sums of them, each with coefficients -1, 0 or 1, are equal exactly if the sums of the
    vectors are.
    """
    values, base = [0] * (len(columns) + 1), 1
    for entries in zip(*columns, target, strict=True):
        denominator = math.lcm(*(entry.denominator for entry in entries))
        digits = [entry.numerator * (denominator // entry.denominator) for entry in entries]
        values = [value + base * digit for value, digit in zip(values, digits, strict=True)]
        base *= 2 * sum(abs(digit) for digit in digits) + 1
    return values[:-1], values[-1]
