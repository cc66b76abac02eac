"""Where two networks are compared: a box, or a polytope given by inequalities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

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
        """N, the dimension."""
        return len(self.lower)

    @cached_property
    def corners(self) -> tuple[Float[np.ndarray, " inputs"], Float[np.ndarray, " inputs"]]:
        """The lower and the upper corner in float64, rounded outwards.

        >>> low, high = Box(["1/3"], [1]).corners
        >>> bool(Fraction(low[0]) < Fraction(1, 3) < Fraction(np.nextafter(low[0], 1)))
        True
        """
        return _outwards(self.lower, -1), _outwards(self.upper, 1)

    def to_dict(self) -> dict[str, list[str]]:
        """Its corners as text for machines."""
        return {"lower": [str(v) for v in self.lower], "upper": [str(v) for v in self.upper]}

    @property
    def centre(self) -> Vector:
        """The middle of every side."""
        return tuple((a + b) / 2 for a, b in zip(self.lower, self.upper, strict=True))

    def highest(self, slope: Sequence[Fraction]) -> Vector:
        """The largest value of a linear function on the domain."""
        return tuple(
            b if v > 0 else a for a, b, v in zip(self.lower, self.upper, slope, strict=True)
        )

    def halfspaces(self) -> tuple[Matrix, Vector]:
        """The inequalities whose solutions are the domain."""
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

    def to_dict(self) -> dict[str, Any]:
        """Its inequalities as text for machines."""
        return {
            "normals": [[str(v) for v in row] for row in self.normals],
            "offsets": [str(v) for v in self.offsets],
        }

    @property
    def inputs(self) -> int:
        """N, the dimension."""
        return len(self.normals[0])

    @cached_property
    def centre(self) -> Vector:
        """A point inside."""
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
        """The largest value of a linear function on the domain."""
        return maximise(tuple(slope), self.normals, self.offsets)

    def halfspaces(self) -> tuple[Matrix, Vector]:
        """The inequalities whose solutions are the domain."""
        return self.normals, self.offsets


DomainLike: TypeAlias = Domain | Sequence[Any] | Mapping[Any, Any]
"""What a user may give for a domain, see :func:`as_domain`."""


def as_domain(given: Any, inputs: int, argument: str = "domain") -> Domain | None:
    """The domain that is meant, whatever the notation; ``None`` stays ``None``, all of R^N.

    Args:
        given: a ``Box`` or ``Polytope``; or a box as ``(lower, upper)``, each a number for all
            inputs or one number per input; as a pair of ends for every input; or as a mapping from
            the numbers of the inputs, 0 to N - 1, to pairs.
        inputs: N.
        argument: its name, for the error.

    Raises:
        ValueError: another dimension, an empty box, or two pairs that can be read in two ways.

    >>> as_domain((-1, 1), 2) == as_domain([(-1, 1), (-1, 1)], 2) == Box([-1, -1], [1, 1])
    True
    >>> as_domain(([0, 1], [2, 3]), 2)
    Traceback (most recent call last):
    ValueError: domain: got ([0, 1], [2, 3]), which may be two corners or a pair of ends for each
    input; write Box(lower, upper)
    """
    if given is None:
        return None
    found = given if isinstance(given, Domain) else _read_box(given, inputs, argument)
    if found.inputs != inputs:
        raise ValueError(
            f"{argument}: it has dimension {found.inputs}; the network has {inputs} inputs"
        )
    return found


def as_bounded(given: Any, inputs: int, argument: str = "domain") -> Domain:
    """The same where all of R^N is not an answer.

    Raises:
        ValueError: as :func:`as_domain`, or ``None``.
    """
    found = as_domain(given, inputs, argument)
    if found is None:
        raise ValueError(
            f"{argument}: got None; it should be a Box, a Polytope, or (lower, upper), each a "
            f"number or one number per input"
        )
    return found


def as_box(given: Any, inputs: int, argument: str = "domain") -> Box:
    """The same where a box is needed.

    Raises:
        ValueError: as :func:`as_domain`, or no box.
    """
    found = as_domain(given, inputs, argument)
    if not isinstance(found, Box):
        kind = "None" if found is None else type(found).__name__
        raise ValueError(f"{argument}: got {kind}; deep networks are looked at on a bounded Box")
    return found


def _read_box(given: Any, inputs: int, argument: str) -> Box:
    if isinstance(given, Mapping):
        if set(given) != set(range(inputs)):
            raise ValueError(
                f"{argument}: got the inputs {list(given)}; there should be a pair of ends for "
                f"each of the inputs 0 to {inputs - 1}"
            )
        given = [given[i] for i in range(inputs)]
    if isinstance(given, (str, bytes)) or not isinstance(given, (Sequence, np.ndarray)):
        raise ValueError(
            f"{argument}: got {given!r}; it should be a Box, a Polytope, or (lower, upper), each a "
            f"number or one number per input"
        )
    items = list(given)
    corners = _as_corners(items, inputs)
    # A pair of arrays is made of corners, as x.min(axis=0), x.max(axis=0).
    arrays = any(isinstance(item, np.ndarray) for item in items)
    pairs = None if arrays else _as_pairs(items, inputs)
    if corners is None and pairs is None:
        raise ValueError(
            f"{argument}: got {given!r}; it should be a Box, a Polytope, or (lower, upper), each a "
            f"number or one number per input, of {inputs}"
        )
    boxes = [box for ends in (corners, pairs) if ends and (box := _box_or_none(*ends, argument))]
    if len(boxes) == 2 and boxes[0] != boxes[1]:
        raise ValueError(
            f"{argument}: got {given!r}, which may be two corners or a pair of ends for each "
            f"input; write Box(lower, upper)"
        )
    if boxes:
        return boxes[0]
    lower, upper = corners or pairs or ((), ())
    for i, (low, high) in enumerate(zip(lower, upper, strict=True)):
        if low >= high:
            raise ValueError(
                f"{argument}: input {i} runs from {float(low):g} to {float(high):g}; lower should "
                f"be below upper"
            )
    raise AssertionError("a box with a side above 0 on every input is one")


def _as_corners(items: list[Any], inputs: int) -> tuple[Any, Any] | None:
    """Lower and upper corner, if the items can be that."""
    if len(items) != 2:
        return None
    ends = []
    for item in items:
        if isinstance(item, np.ndarray) and not item.ndim:
            item = item[()]
        numbers = [item] * inputs if _is_number(item) else item
        if not _are_numbers(numbers) or len(numbers) != inputs:
            return None
        ends.append(list(numbers))
    return ends[0], ends[1]


def _as_pairs(items: list[Any], inputs: int) -> tuple[Any, Any] | None:
    """The same from a pair of ends for every input."""
    if len(items) != inputs or not all(_are_numbers(i) and len(i) == 2 for i in items):
        return None
    return [low for low, _ in items], [high for _, high in items]


def _box_or_none(lower: Any, upper: Any, argument: str) -> Box | None:
    """The box, or ``None`` where it is empty."""
    for name, end in (("lower", lower), ("upper", upper)):
        if not all(_is_finite(v) for v in end):
            raise ValueError(f"{argument}: its {name} end is not finite; give a bounded box")
    low, high = vector(lower, argument), vector(upper, argument)
    return Box(low, high) if all(a < b for a, b in zip(low, high, strict=True)) else None


def _is_finite(value: Any) -> bool:
    return isinstance(value, str) or bool(np.isfinite(float(value)))


def _is_number(item: Any) -> bool:
    return isinstance(item, (Real, Decimal, str)) and not isinstance(item, (bool, np.bool_))


def _are_numbers(items: Any) -> bool:
    return (
        isinstance(items, (Sequence, np.ndarray))
        and not isinstance(items, (str, bytes))
        and all(_is_number(item) for item in items)
    )


def _outwards(values: Vector, sign: int) -> Float[np.ndarray, " inputs"]:
    """In float64, not above the values for sign -1, not below them for sign 1."""
    found = []
    for value in values:
        near = float(value)
        inside = sign * (Fraction(near) - value) < 0
        found.append(np.nextafter(near, sign * np.inf) if inside else near)
    return np.array(found)
