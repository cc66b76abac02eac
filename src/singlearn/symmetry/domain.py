"""Where two networks are compared: a box, or a polytope given by inequalities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from singlearn.numbers.linear_program import InfeasibleError, UnboundedError, maximise
from singlearn.numbers.rational import Matrix, Vector, dot, matrix, vector


class Domain(ABC):
    """A bounded convex set with an interior, on which an affine function's range is known
    exactly.
    """

    @property
    @abstractmethod
    def inputs(self) -> int:
        """N, the dimension."""

    @property
    @abstractmethod
    def centre(self) -> Vector:
        """A point of the interior."""

    @abstractmethod
    def highest(self, slope: Sequence[Fraction]) -> Vector:
        """A vertex where ``<slope, x>`` is largest."""

    @abstractmethod
    def halfspaces(self) -> tuple[Matrix, Vector]:
        """``(A, a)`` with the domain equal to ``{x : A x ≤ a}``."""

    def span(self, slope: Sequence[Fraction], offset: Fraction) -> tuple[Fraction, Fraction]:
        """Exact minimum and maximum of ``<slope, x> + offset``."""
        low = self.highest([-v for v in slope])
        return dot(slope, low) + offset, dot(slope, self.highest(slope)) + offset

    def contains(self, point: Sequence[Fraction]) -> bool:
        """Whether a point lies in the domain, its boundary included."""
        normals, offsets = self.halfspaces()
        return all(
            dot(normal, point) <= offset for normal, offset in zip(normals, offsets, strict=True)
        )


@dataclass(frozen=True, init=False)
class Box(Domain):
    """``[lower_1, upper_1] × … × [lower_N, upper_N]``.

    Args:
        lower: N numbers.
        upper: N numbers, each above its ``lower``.

    Raises:
        ValueError: an empty box, or corners of different dimension.

    >>> box = Box([-1, -1], [1, 1])
    >>> [str(v) for v in box.span([Fraction(2), Fraction(-1)], Fraction(1))]
    ['-2', '4']
    """

    lower: Vector
    upper: Vector

    def __init__(self, lower: Any, upper: Any) -> None:
        low, high = vector(lower, "lower"), vector(upper, "upper")
        if len(low) != len(high) or not low:
            raise ValueError(
                f"upper: got {len(high)} entries and {len(low)} in lower; a box needs the same "
                f"number of both, at least one"
            )
        for i, (a, b) in enumerate(zip(low, high, strict=True)):
            if a >= b:
                raise ValueError(
                    f"upper: entry {i} is {float(b):g}, not above its lower corner {float(a):g}; "
                    f"the box is empty"
                )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @property
    def inputs(self) -> int:
        return len(self.lower)

    @property
    def centre(self) -> Vector:
        return tuple((a + b) / 2 for a, b in zip(self.lower, self.upper, strict=True))

    def highest(self, slope: Sequence[Fraction]) -> Vector:
        return tuple(
            b if v > 0 else a for a, b, v in zip(self.lower, self.upper, slope, strict=True)
        )

    def halfspaces(self) -> tuple[Matrix, Vector]:
        unit = [
            tuple(Fraction(int(i == j)) for j in range(self.inputs)) for i in range(self.inputs)
        ]
        opposite = [tuple(-v for v in row) for row in unit]
        return (*unit, *opposite), (*self.upper, *(-v for v in self.lower))


@dataclass(frozen=True, init=False)
class Polytope(Domain):
    """``{x : A x ≤ a}``, bounded and with an interior.

    Args:
        normals: A, one row per inequality.
        offsets: a, one number per inequality.

    Raises:
        ValueError: the set is empty, flat or unbounded.

    >>> triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    >>> [str(v) for v in triangle.span([Fraction(1), Fraction(2)], Fraction(0))]
    ['0', '2']
    """

    normals: Matrix
    offsets: Vector

    def __init__(self, normals: Any, offsets: Any) -> None:
        rows, right = matrix(normals, "normals"), vector(offsets, "offsets")
        if len(rows) != len(right) or not rows or not rows[0]:
            raise ValueError(
                f"offsets: got {len(right)} for {len(rows)} rows of normals; there should be one "
                f"per row, and at least one row"
            )
        object.__setattr__(self, "normals", rows)
        object.__setattr__(self, "offsets", right)
        _ = self.centre
        for i in range(self.inputs):
            for sign in (1, -1):
                try:
                    self.highest([Fraction(sign * int(i == j)) for j in range(self.inputs)])
                except UnboundedError:
                    raise ValueError(
                        f"normals: the polytope is unbounded along input {i}; it should be bounded"
                    ) from None

    @property
    def inputs(self) -> int:
        return len(self.normals[0])

    @cached_property
    def centre(self) -> Vector:
        # The centre of the largest cross-polytope inside, at most of radius 1: maximise t with
        # <A_i, x> + max|A_i| t ≤ a_i.
        rows = [(*row, max(abs(v) for v in row)) for row in self.normals]
        rows.append((*(Fraction(0),) * self.inputs, Fraction(1)))
        try:
            best = maximise(
                (*(Fraction(0),) * self.inputs, Fraction(1)),
                tuple(rows),
                (*self.offsets, Fraction(1)),
            )
        except InfeasibleError:
            raise ValueError(
                "offsets: the inequalities contradict each other; the polytope is empty"
            ) from None
        except UnboundedError:
            raise AssertionError("the radius is bounded by 1") from None
        if best[-1] <= 0:
            raise ValueError(
                "offsets: the polytope has no interior; two-layer networks are compared on open "
                "sets"
            )
        return best[:-1]

    def highest(self, slope: Sequence[Fraction]) -> Vector:
        return maximise(tuple(slope), self.normals, self.offsets)

    def halfspaces(self) -> tuple[Matrix, Vector]:
        return self.normals, self.offsets
