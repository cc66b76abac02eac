"""The kink form: all that a two-layer ReLU network computes, and nothing else about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from singlearn.numbers.rational import Matrix, Vector, dot, primitive
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU, require_two_layer


@dataclass(frozen=True)
class Hyperplane(Answer):
    """``{x : <normal, x> + offset = 0}`` with coprime integers, the first non-zero entry of
    ``normal`` positive.
    """

    normal: tuple[int, ...]
    offset: int

    def at(self, point: Sequence[Fraction]) -> Fraction:
        """``u(x) = <normal, x> + offset``."""
        return sum(
            (n * x for n, x in zip(self.normal, point, strict=True) if n), Fraction(self.offset)
        )

    @property
    def is_short(self) -> bool:
        """Whether its integers have few enough digits to be read; else people see it with a normal
        of length one.
        """
        return max(abs(n) for n in (*self.normal, self.offset)) < LONGEST_INTEGER

    def total_for_people(self, total: Vector) -> Vector:
        """A total kink in the units in which the hyperplane is printed."""
        if self.is_short:
            return total
        size, length = self._length
        return tuple(rounded(value * size) * Fraction(length) for value in total)

    @property
    def _length(self) -> tuple[int, float]:
        """The largest entry of the normal, and the normal's length in units of it."""
        size = max(abs(n) for n in self.normal)
        return size, math.hypot(*(n / size for n in self.normal))

    def __str__(self) -> str:
        names = [f"x{i + 1}" if len(self.normal) > 1 else "x" for i in range(len(self.normal))]
        if self.is_short:
            whole = zip((*self.normal, self.offset), (*names, ""), strict=True)
            terms = [
                _term("" if abs(n) == 1 and name else f"{abs(n)}", n < 0, name)
                for n, name in whole
                if n
            ]
        else:
            size, length = self._length
            shares = [float(Fraction(n, size)) / length for n in self.normal]
            offset = Fraction(self.offset, size) / Fraction(length)
            digits = [f"{abs(v):.6g}" for v in shares]
            terms = [
                _term("" if d == "1" else d, v < 0, name)
                for v, d, name in zip(shares, digits, names, strict=True)
                if abs(v) > NO_SHARE
            ]
            if offset:
                terms.append(_term(short(abs(rounded(offset))), offset < 0, ""))
        text = " ".join(terms)
        return (text[2:] if text.startswith("+ ") else "-" + text[2:]) + " = 0"


LONGEST_INTEGER = 10**6
NO_SHARE = 1e-12
"""An entry of a unit normal that no digit of a printed boundary depends on."""


def _term(digits: str, negative: bool, name: str) -> str:
    return f"{'-' if negative else '+'} {digits}{name}"


def rounded(value: Fraction) -> Fraction:
    """To 53 binary digits, whatever the exponent."""
    if not value:
        return value
    power = Fraction(2) ** (value.numerator.bit_length() - value.denominator.bit_length() - 53)
    return round(value / power) * power


@dataclass(frozen=True)
class KinkForm(Answer):
    r""":math:`f(x) = d + L x + \sum_k A_k\,\mathrm{ReLU}(u_k(x))`, :math:`A_k \ne 0`, one term for
    each hyperplane where f has a kink.

    Two networks are the same function exactly when their kink forms are equal.

    Attributes:
        kinks: total kink A_k (M numbers) of each hyperplane, sorted by hyperplane.
        linear: L, M rows of N numbers.
        constant: d, M numbers.
    """

    kinks: dict[Hyperplane, Vector]
    linear: Matrix
    constant: Vector
    snapped: Any = field(default=None, compare=False, repr=False)
    """The :class:`~singlearn.symmetry.Snap` whose network it is the form of, where a
    tolerance was given.
    """

    def __hash__(self) -> int:
        return hash((tuple(self.kinks.items()), self.linear, self.constant))

    @property
    def slope(self) -> Matrix:
        r""":math:`G = L + \sum_k A_k n_k^T/2`, free of orientations: :math:`f = \sum_k
        \tfrac{A_k}{2}|u_k| + G x + \mathrm{const}`.
        """
        rows = [list(row) for row in self.linear]
        for plane, totals in self.kinks.items():
            for row, total in zip(rows, totals, strict=True):
                for i, n in enumerate(plane.normal):
                    if n and total:
                        row[i] += total * n / 2
        return tuple(tuple(row) for row in rows)

    def values_at(self, point: Vector) -> Vector:
        """The M outputs at an exact point."""
        values = [d + dot(row, point) for d, row in zip(self.constant, self.linear, strict=True)]
        for plane, totals in self.kinks.items():
            height = plane.at(point)
            if height > 0:
                values = [
                    value + total * height for value, total in zip(values, totals, strict=True)
                ]
        return tuple(values)

    def __str__(self) -> str:
        kinks = [
            f"  total kink {_numbers(plane.total_for_people(totals))} on {plane}"
            for plane, totals in self.kinks.items()
        ]
        lines = [f"{len(self.kinks)} kinks"]
        lines += [shortened("\n".join(kinks), LONG_LIST, "kinks has all")] if kinks else []
        lines.append(
            "  linear part "
            + "; ".join(_numbers(row) for row in self.linear)
            + f", constant {_numbers(self.constant)}"
        )
        return "\n".join(lines if self.snapped is None else [*lines, self.snapped.sentence])


def _numbers(values: Vector) -> str:
    return ", ".join(short(v) for v in values)


def short(value: Fraction, digits: int = 6) -> str:
    """An exact number for people: the fraction where it is short, else so many digits of it, of any
    exponent.

    >>> short(Fraction(1, 3)), short(Fraction(0.1)), short(Fraction(1, 10**400))
    ('1/3', '0.1', '1.00000e-400')
    """
    text = str(value) if value.numerator.bit_length() + value.denominator.bit_length() < 99 else ""
    if text and len(text) <= 12:
        return text
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if digits <= 15 and (SMALLEST_NORMAL <= abs(number) < math.inf or not value):
        return f"{number:.{digits}g}"
    with localcontext() as context:
        context.prec = max(digits, 28)
        quotient = Decimal(value.numerator) / Decimal(value.denominator)
        in_reach = 1e-5 < abs(quotient) < 10**digits
        return f"{quotient:.{digits}g}" if in_reach else f"{quotient:.{digits - 1}e}"


SMALLEST_NORMAL = 2.0**-1022


def told_apart(a: Vector, b: Vector) -> tuple[str, str]:
    """Two rows of numbers that are not equal, with enough digits to see it; the second as a
    difference where 24 do not do.

    >>> told_apart((Fraction(0.1),), (Fraction(0.1) + Fraction(1, 10**15),))
    ('0.100000000000000006', '0.100000000000001006')
    """
    for digits in (6, 12, 18, 24):
        one, other = (", ".join(short(v, digits) for v in row) for row in (a, b))
        if one != other or a == b:
            return one, other
    gap = ", ".join(short(x - y) for x, y in zip(a, b, strict=True))
    return ", ".join(short(v) for v in a), f"the same less {gap}"


def boundary(node: Node) -> tuple[Hyperplane, Fraction]:
    """The activation boundary of a node with w ≠ 0, and the factor ρ with ``(w, b) = ρ (normal,
    offset)``; ρ < 0 if it is reversed.

    >>> plane, factor = boundary(Node((Fraction(-1, 2),), Fraction(3), (Fraction(1),)))
    >>> str(plane), factor
    ('x - 6 = 0', Fraction(-1, 2))
    """
    integers, factor = primitive((*node.w, node.b))
    if next(v for v in integers if v) < 0:
        integers, factor = tuple(-v for v in integers), -factor
    return Hyperplane(integers[:-1], integers[-1]), factor


def kink_form(net: TwoLayerReLU, domain: Domain | None = None) -> KinkForm:
    r"""The kink form of a network, on all of :math:`R^N` or on a domain.

    A node with :math:`(w, b) = ρ\,(n_k, o_k)` adds :math:`a = q|ρ|` to the total kink :math:`A_k`;
    where ρ < 0, :math:`a\,\mathrm{ReLU}(-u) = a\,\mathrm{ReLU}(u) - a u` also adds to the affine
    part. Nodes with w = 0 are constants. On a domain, a node whose boundary misses the interior is
    dead and vanishes, or always active (bypassed) and joins the affine part.

    Args:
        net: the network.
        domain: a ``Box`` or ``Polytope``; ``None`` for all of R^N.

    Raises:
        ValueError: the domain has another dimension than the inputs.

    >>> form = kink_form(TwoLayerReLU([[1], [-2]], [1, 2], [1, 1], 0))
    >>> print(form)
    2 kinks
      total kink 2 on x - 1 = 0
      total kink 1 on x + 1 = 0
      linear part -2, constant 2
    """
    require_two_layer(net, "kink_form")
    if domain is not None and domain.inputs != net.inputs:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.inputs} inputs"
        )
    totals: dict[Hyperplane, list[Fraction]] = {}
    linear = [[Fraction(0)] * net.inputs for _ in range(net.outputs)]
    constant = list(net.c)
    for node in net.nodes:
        if not any(node.q):
            continue
        if not any(node.w):
            if node.b > 0:
                constant = [d + q * node.b for d, q in zip(constant, node.q, strict=True)]
            continue
        if domain is not None:
            low, high = domain.span(node.w, node.b)
            if high <= 0:
                continue
            if low >= 0:
                _add_affine(linear, constant, node, 1)
                continue
        plane, factor = boundary(node)
        own = totals.setdefault(plane, [Fraction(0)] * net.outputs)
        size = abs(factor)
        for j, q in enumerate(node.q):
            own[j] += q * size
        if factor < 0:  # q ReLU(v) = q ReLU(-v) + q v, and v is the node's own preactivation
            _add_affine(linear, constant, node, 1)
    kinks = {plane: tuple(own) for plane, own in totals.items() if any(own)}
    ordered = dict(sorted(kinks.items(), key=lambda item: (item[0].normal, item[0].offset)))
    return KinkForm(ordered, tuple(tuple(row) for row in linear), tuple(constant))


def _add_affine(
    linear: list[list[Fraction]], constant: list[Fraction], node: Node, sign: int
) -> None:
    """Add ``sign · q (<w, x> + b)``."""
    for j, q in enumerate(node.q):
        if q:
            constant[j] += sign * q * node.b
            for i, w in enumerate(node.w):
                if w:
                    linear[j][i] += sign * q * w
