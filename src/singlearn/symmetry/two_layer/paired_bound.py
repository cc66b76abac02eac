"""An upper bound on the largest difference of two networks, for any number of inputs."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.optimize import linear_sum_assignment

from singlearn.numbers.rational import Vector, dot
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.float_form import unit
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm

Kink = tuple[Vector, Fraction, Vector]
"""Normal, offset and total, the largest entry of the normal ±1."""


def paired_bound(a: KinkForm, b: KinkForm, domain: Domain) -> Fraction:
    r"""An upper bound on :math:`\sup |f - g|`: kinks are paired, the largest differences of the
    pairs and the rest added.

    The pairing only has to be good (it minimises a floating-point estimate); the bound it gives is
    exact arithmetic.
    """
    own, other = list(a.kinks.items()), list(b.kinks.items())
    linear = [
        [x - y for x, y in zip(p, q, strict=True)] for p, q in zip(a.linear, b.linear, strict=True)
    ]
    constant = [x - y for x, y in zip(a.constant, b.constant, strict=True)]
    bound = Fraction(0)
    for i, j in _pairing(own, other, _radius(domain)):
        first = _kink(*own[i]) if i < len(own) else None
        second = _kink(*other[j]) if j < len(other) else None
        if first is not None and second is not None and dot(first[0], second[0]) < 0:
            # ReLU(u) = ReLU(-u) + u: turn the second kink round, its affine part joins the rest.
            normal, offset, total = second
            linear = [
                [x - v * y for x, y in zip(row, normal, strict=True)]
                for row, v in zip(linear, total, strict=True)
            ]
            constant = [d - v * offset for d, v in zip(constant, total, strict=True)]
            second = (tuple(-v for v in normal), -offset, total)
        bound += _pair_gap(first, second, domain)
    spans = [domain.span(row, d) for row, d in zip(linear, constant, strict=True)]
    return bound + max(max(abs(low), abs(high)) for low, high in spans)


def _pairing(
    own: list[tuple[Hyperplane, Vector]], other: list[tuple[Hyperplane, Vector]], radius: float
) -> list[tuple[int, int]]:
    """Which kink goes with which; an index past the end means "alone"."""
    units_a, units_b = [unit(*item) for item in own], [unit(*item) for item in other]
    cost = np.zeros((len(own) + len(other),) * 2)
    for i, (n, o, t) in enumerate(units_a):
        cost[i, len(other) :] = np.max(np.abs(t)) * (abs(o) + radius)
        for j, (m, p, s) in enumerate(units_b):
            sign = 1.0 if n @ m >= 0 else -1.0
            moved = np.linalg.norm(n - sign * m) * radius + abs(o - sign * p)
            cost[i, j] = np.max(np.abs(t)) * moved + np.max(np.abs(t - s)) * (abs(p) + radius)
    for j, (_, p, s) in enumerate(units_b):
        cost[len(own) :, j] = np.max(np.abs(s)) * (abs(p) + radius)
    rows, columns = linear_sum_assignment(cost)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]


def _kink(plane: Hyperplane, total: Vector) -> Kink:
    size = max(abs(v) for v in plane.normal)
    return (
        tuple(Fraction(v, size) for v in plane.normal),
        Fraction(plane.offset, size),
        tuple(t * size for t in total),
    )


def _pair_gap(first: Kink | None, second: Kink | None, domain: Domain) -> Fraction:
    r""":math:`\sup |t\,ReLU(u) - s\,ReLU(v)| \le |t| \sup|u - v| + |t - s| \sup ReLU(v)`."""
    if first is None or second is None:
        alone = first or second
        return (
            Fraction(0)
            if alone is None
            else max(abs(t) for t in alone[2])
            * max(domain.span(alone[0], alone[1])[1], Fraction(0))
        )
    (n, o, t), (m, p, s) = first, second
    # A kink may be scaled freely: the second in units of the first, so that nearly equal ones
    # nearly cancel. Any ratio gives a valid bound.
    ratio = Fraction(float(dot(n, m) / dot(m, m)))
    if ratio > 0:
        m, p, s = tuple(ratio * v for v in m), ratio * p, tuple(v / ratio for v in s)
    low, high = domain.span(tuple(x - y for x, y in zip(n, m, strict=True)), o - p)
    apart = max(abs(low), abs(high))
    active = max(domain.span(m, p)[1], Fraction(0))
    return max(abs(x) * apart + abs(x - y) * active for x, y in zip(t, s, strict=True))


def _radius(domain: Domain) -> float:
    """A bound on |x| over the domain."""
    axes = [
        tuple(Fraction(int(i == j)) for j in range(domain.inputs)) for i in range(domain.inputs)
    ]
    return math.sqrt(
        sum(float(max(abs(v) for v in domain.span(axis, Fraction(0)))) ** 2 for axis in axes)
    )
