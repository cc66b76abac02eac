"""K(w) of two-layer ReLU networks with uniform inputs on a box, as a fraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, pairwise
from typing import Any

Number = Fraction | int | float
Point = tuple[Fraction, ...]
Affine = tuple[Fraction, ...]
"""Coefficients of the inputs, then the constant."""


def relu_kl(
    model: Mapping[str, Any], truth: Mapping[str, Any], box: Sequence[tuple[Number, Number]]
) -> Fraction:
    r""":math:`K(w) = \frac12 E_x (f(x) - f_0(x))^2` for x uniform on a box in one or two
    dimensions, exactly.

    Both functions are :math:`c + ∑_i q_i \mathrm{ReLU}(⟨w_i, x⟩ + b_i)`, so :math:`K` is the
    divergence between regressions with unit noise. With :math:`r = f - f_0 = ∑_k a_k
    \mathrm{ReLU}(u_k)`, the constant being one more node that is always active,

    .. math:: K = \frac{1}{2 |X|} ∑_{k, l} a_k a_l ∫_{X ∩ \{u_k > 0\} ∩ \{u_l > 0\}} u_k u_l \, dx,

    and each integral is that of a quadratic over an interval or a convex polygon, a rational
    number.

    Args:
        model: ``{"w": H rows of N numbers, "b": H numbers, "q": H numbers, "c": a number}``;
            fractions, whole numbers, or floats, which are taken as the binary fractions they are
            (0.1 is not 1/10).
        truth: the same, of any width.
        box: (lowest, highest) of each input; one or two.

    Returns:
        K as an exact fraction, in nats.

    Raises:
        ValueError: an empty box, more than two inputs, or networks whose parts do not fit together
            or are not finite.

    >>> one = {"w": [[1]], "b": [0], "q": [1], "c": 0}
    >>> other = {"w": [[1]], "b": [Fraction(-1, 2)], "q": [1], "c": 0}
    >>> relu_kl(other, one, [(-1, 1)])   # (N b² - 2b³/3)/(4N) for N = 1, b = 1/2
    Fraction(1, 24)
    """
    corners = _corners(box)
    inputs = len(box)
    nodes = _nodes("model", model, inputs, 1) + _nodes("truth", truth, inputs, -1)
    volume, total = Fraction(1), Fraction(0)
    for low, high in box:
        volume *= Fraction(high) - Fraction(low)
    for (first, a), (second, b) in combinations_with_replacement(nodes, 2):
        twice = 1 if first is second else 2
        total += twice * a * b * _integral(_clip(_clip(corners, first), second), first, second)
    return total / (2 * volume)


def _corners(box: Sequence[tuple[Number, Number]]) -> list[Point]:
    """Ends of an interval, or corners of a rectangle in order around it."""
    if len(box) not in (1, 2):
        raise ValueError(
            f"box: got {len(box)} inputs; the integral is known in closed form for 1 and 2"
        )
    sides = []
    for low, high in box:
        if not low < high:
            raise ValueError(
                f"box: got the side ({low}, {high}); its lowest should be below its highest value"
            )
        sides.append((_fraction("box", low), _fraction("box", high)))
    if len(sides) == 1:
        return [(end,) for end in sides[0]]
    (left, right), (bottom, top) = sides
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _nodes(
    argument: str, network: Mapping[str, Any], inputs: int, sign: int
) -> list[tuple[Affine, Fraction]]:
    """(u, a) of every node that matters, the constant as a node that is always active."""
    if set(network) != {"w", "b", "q", "c"}:
        raise ValueError(
            f"{argument}: got the parts {sorted(network)}; they should be w, b, q and c"
        )
    weights, biases, outgoing = (list(network[part]) for part in ("w", "b", "q"))
    if not len(weights) == len(biases) == len(outgoing):
        raise ValueError(
            f"{argument}: got {len(weights)} w, {len(biases)} b and {len(outgoing)} q; one of each "
            f"makes a node"
        )
    constant: Affine = (Fraction(0),) * inputs + (Fraction(1),)
    nodes = [(constant, sign * _fraction(argument, network["c"]))]
    for weight, bias, q in zip(weights, biases, outgoing, strict=True):
        row = list(weight)
        if len(row) != inputs:
            raise ValueError(
                f"{argument}: got a node with {len(row)} weights; the box has {inputs} inputs"
            )
        affine = tuple(_fraction(argument, number) for number in (*row, bias))
        nodes.append((affine, sign * _fraction(argument, q)))
    return [(affine, a) for affine, a in nodes if a != 0]


def _fraction(argument: str, number: Any) -> Fraction:
    try:
        # .item() of NumPy's numbers and 0-d arrays gives Python's own.
        return Fraction(number.item() if hasattr(number, "item") else number)
    except (ValueError, OverflowError, TypeError):
        raise ValueError(f"{argument}: got {number!r}; it should be a finite number") from None


def _value(affine: Affine, point: Point) -> Fraction:
    return sum((slope * x for slope, x in zip(affine, point, strict=False)), affine[-1])


def _clip(polygon: list[Point], affine: Affine) -> list[Point]:
    """The part of an interval or convex polygon where the affine function is positive."""
    heights = [_value(affine, point) for point in polygon]
    kept: list[Point] = []
    closes = len(polygon) > 2  # an interval has one edge
    for index, (point, height) in enumerate(zip(polygon, heights, strict=True)):
        if height >= 0:
            kept.append(point)
        if index + 1 == len(polygon) and not closes:
            break
        after, height_after = (
            polygon[(index + 1) % len(polygon)],
            heights[(index + 1) % len(polygon)],
        )
        if height * height_after < 0:
            share = height / (height - height_after)
            kept.append(tuple(x + share * (y - x) for x, y in zip(point, after, strict=True)))
    return kept


def _integral(polygon: list[Point], first: Affine, second: Affine) -> Fraction:
    r"""∫ u v over a simplex is its volume times (Σu Σv + Σuv) / ((N+1)(N+2)), sums over its
    corners.
    """
    if not polygon:
        return Fraction(0)
    inputs = len(polygon[0])
    total = Fraction(0)
    simplices = (
        [list(pair) for pair in pairwise(polygon)]
        if inputs == 1
        else [[polygon[0], *pair] for pair in pairwise(polygon[1:])]
    )
    for corners in simplices:
        u, v = (
            [_value(first, corner) for corner in corners],
            [_value(second, corner) for corner in corners],
        )
        products = sum((x * y for x, y in zip(u, v, strict=True)), sum(u) * sum(v))
        total += _volume(corners) * products / ((inputs + 1) * (inputs + 2))
    return total


def _volume(corners: list[Point]) -> Fraction:
    if len(corners) == 2:
        return abs(corners[1][0] - corners[0][0])
    (x0, y0), (x1, y1), (x2, y2) = corners
    return abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2
