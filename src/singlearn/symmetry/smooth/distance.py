"""Bounds on the largest difference of two smooth networks on a bounded domain."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from flint import arb, ctx
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from singlearn.numbers.rational import Vector
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.smooth.activation import Activation
from singlearn.symmetry.smooth.constant import PRECISION, Constant
from singlearn.symmetry.smooth.form import SmoothForm, Unit, smooth_form
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.two_layer.distance import Distance

SAMPLES = 500
DIRECTIONS = 40

STEEPEST = {
    "tanh": Fraction(1),
    "sigmoid": Fraction(1, 4),
    "erf": Fraction(1129, 1000),
    "silu": Fraction(3, 5),
    "gelu": Fraction(63, 100),
}
"""Bounds on |γ'|: 1, 1/4, 2/√π = 1.12838, and max |σ' - 1/2| = 0.59984 (SiLU), 0.62891 (GELU)."""

LARGEST = {"tanh": Fraction(1), "sigmoid": Fraction(1, 2), "erf": Fraction(1)}
"""Bounds on |γ|; for SiLU and GELU it is at most |u|/2."""


def smooth_distance(a: TwoLayerSmooth, b: TwoLayerSmooth, domain: Domain) -> Distance:
    r"""Bounds on :math:`\sup_{x\in X}\max_j |f_j(x) - g_j(x)|`, proven on both sides.

    From above: units are paired, up to sign, and a pair differs by at most :math:`|A - B|
    \sup|γ(v)| + |A| \sup|γ'| \sup|u - v|`; what is left alone, the line and the constant are added.
    It is small where the networks have nearly equal units, as two that differ by rounding or noise;
    two that are close for other reasons are not seen to be. From below: the difference at the best
    of some 500 points, in certified arithmetic.

    Args:
        a, b: networks of one activation with the same inputs and outputs.
        domain: bounded.

    >>> from singlearn.symmetry.domain import Box
    >>> f, g = (TwoLayerSmooth("tanh", [[s]], [0], [s], 0) for s in (1, -1.001))
    >>> found = smooth_distance(f, g, Box([-1], [1]))
    >>> 0.0011 < found.lower < found.upper < 0.0021
    True
    """
    point, lower = _from_below(a, b, domain)
    return Distance(lower, max(_from_above(a, b, domain), lower), point)


def _from_above(a: TwoLayerSmooth, b: TwoLayerSmooth, domain: Domain) -> Fraction:
    one, other = smooth_form(a), smooth_form(b)
    units = list(one.units.items()), list(other.units.items())
    bounds = [Fraction(0)] * a.outputs
    for i, j in _pairing(*units, domain, a.activation):
        own = units[0][i] if i < len(units[0]) else None
        its = units[1][j] if j < len(units[1]) else None
        bounds = [
            t + v
            for t, v in zip(bounds, _gap(own, its, domain, a.activation, a.outputs), strict=True)
        ]
    for j, rows in enumerate(zip(one.slope, other.slope, strict=True)):
        slope = [x - y for x, y in zip(*rows, strict=True)]
        constant = _level(one, j) - _level(other, j)
        with ctx.workprec(PRECISION):
            ball = constant.enclosure()
            ends = _fraction(ball.lower()), _fraction(ball.upper())
        low, high = domain.span(slope, Fraction(0))
        bounds[j] += max(abs(low + ends[0]), abs(high + ends[1]))
    return max(bounds)


def _level(form: SmoothForm, output: int) -> Constant:
    """The constant of output j where γ stands in the place of σ."""
    kind = form.activation.kind
    terms = (own[output] * (kind.offset + kind.slope * unit.b) for unit, own in form.units.items())
    return form.constant[output] + sum(terms, Fraction(0))


Weighted = tuple[Unit, Vector]


def _gap(
    own: Weighted | None, its: Weighted | None, domain: Domain, activation: Activation, outputs: int
) -> list[Fraction]:
    """A bound on |A γ(u) - B γ(v)| for each output; one of them may be missing."""
    if own is None or its is None:
        alone = own or its
        if alone is None:
            return [Fraction(0)] * outputs
        size = _size(alone[0], domain, activation)
        return [abs(v) * size for v in alone[1]]
    (u, weights), (v, others) = own, its
    size, options = _size(v, domain, activation), []
    for sign in (1, -1):
        low, high = domain.span(
            [x - sign * y for x, y in zip(u.w, v.w, strict=True)], u.b - sign * v.b
        )
        apart = STEEPEST[activation.name] * max(abs(low), abs(high))
        turned = 1 if activation.is_even else sign
        options.append(
            [
                abs(x) * apart + abs(x - turned * y) * size
                for x, y in zip(weights, others, strict=True)
            ]
        )
    return min(options, key=sum)


def _size(unit: Unit, domain: Domain, activation: Activation) -> Fraction:
    """A bound on |γ(u)| on the domain."""
    low, high = domain.span(unit.w, unit.b)
    reach = max(abs(low), abs(high))
    if activation.is_even:
        return reach / 2
    return min(LARGEST[activation.name], STEEPEST[activation.name] * reach)


def _pairing(
    own: list[Weighted], other: list[Weighted], domain: Domain, activation: Activation
) -> list[tuple[int, int]]:
    """Which unit goes with which; an index past the end means "alone". It has to be good, not
    best.
    """
    cost = np.zeros((len(own) + len(other),) * 2)
    for i, one in enumerate(own):
        cost[i, len(other) :] = _rough(one, None, domain, activation)
        for j, its in enumerate(other):
            cost[i, j] = _rough(one, its, domain, activation)
    for j, its in enumerate(other):
        cost[len(own) :, j] = _rough(None, its, domain, activation)
    rows, columns = linear_sum_assignment(cost)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]


def _rough(
    own: Weighted | None, its: Weighted | None, domain: Domain, activation: Activation
) -> float:
    outputs = len((own or its or ((), ()))[1])
    return min(float(max(_gap(own, its, domain, activation, outputs))), 1e300)


def _fraction(exact: arb) -> Fraction:
    """An exact ball as the rational it is."""
    mantissa, exponent = exact.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _from_below(a: TwoLayerSmooth, b: TwoLayerSmooth, domain: Domain) -> tuple[Vector, Fraction]:
    points = list(_points(domain))
    x: Float[np.ndarray, "points inputs"] = np.array(
        [[float(v) for v in point] for point in points]
    )
    with np.errstate(over="ignore", invalid="ignore"):
        gaps = np.abs(a.evaluate(x) - b.evaluate(x)).max(axis=1)
    point = points[int(np.nanargmax(gaps))] if np.isfinite(gaps).any() else points[0]
    for bits in (PRECISION, 8 * PRECISION):
        with ctx.workprec(bits):
            values = zip(a.balls_at(point, bits), b.balls_at(point, bits), strict=True)
            lower = max(_fraction((one - its).abs_lower()) for one, its in values)
        if lower:
            break
    return point, lower


def _points(domain: Domain) -> Iterator[Vector]:
    """The centre, corners, and points between."""
    generator = random.Random(0)
    directions = [
        [Fraction(generator.randint(-9, 9)) for _ in range(domain.inputs)]
        for _ in range(DIRECTIONS)
    ]
    corners = list(dict.fromkeys(domain.highest(direction) for direction in directions))
    yield domain.centre
    yield from corners
    for _ in range(SAMPLES):
        ends = [generator.choice(corners) for _ in range(3)]
        shares = [generator.randint(1, 1024) for _ in ends]
        shares.append(generator.randint(1, 1024))
        total = sum(shares)
        sides = zip(*ends, domain.centre, strict=True)
        yield tuple(
            sum((Fraction(s, total) * v for s, v in zip(shares, own, strict=True)), Fraction(0))
            for own in sides
        )
