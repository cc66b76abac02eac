"""Is K ≥ 0? Points where it is not, and proofs that it is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.newton import Newton
from singlearn.exact.resolve.proof import ProofNode
from singlearn.exact.resolve.witness import value_at

SAMPLES = 400
SCALES = 14
"""Halvings of the distance to the point."""

NEAR = 7
"""Halvings after which a point counts as near: what K does farther away is no matter of the point.
"""


def negative_point(poly: Poly, size: int, everywhere: bool = False) -> tuple[Fraction, ...] | None:
    """A rational point near the origin (or anywhere) where the polynomial is negative, if sampling
    finds one.

    Points are r^w c with many distances r, weights w and directions c, so that narrow negative
    horns are met too.
    """
    generator = np.random.default_rng(0)
    directions = generator.choice([-1, 1], (SAMPLES, size)) * generator.integers(
        0, 9, (SAMPLES, size)
    )
    weights = np.where(
        generator.random((SAMPLES, 1)) < 0.3, 1, generator.integers(1, 5, (SAMPLES, size))
    )
    terms = [(e, float(Fraction(int(c.p), int(c.q)))) for e, c in terms_of(poly).items()]
    for scale in range(-4 if everywhere else NEAR, SCALES):
        points = directions / 8.0 * 2.0 ** (-scale * weights)
        values = sum(
            (c * np.prod(points ** np.array(e), axis=1) for e, c in terms), np.zeros(SAMPLES)
        )
        for index in np.argsort(values)[:3]:
            point = tuple(Fraction(float(x)) for x in points[index])
            if values[index] < 0 and value_at(poly, point) < 0:
                return point
    return None


def never_negative(nodes: Sequence[ProofNode]) -> bool:
    """Whether the resolution shows that K has one sign: every divisor has even order, the strict
    transforms too.

    K can change sign only across a hypersurface where it vanishes to odd order; above the point,
    such a hypersurface is a divisor of some chart or passes through a zero that some chart
    examines.
    """
    return all(_even(node) for node in nodes)


def _even(node: ProofNode) -> bool:
    if node.kind in ("split", "blow_up"):
        return all(_even(child.node) for child in node.children)
    if node.kind not in ("newton", "cover"):
        return False
    newton = node.newton or Newton(node.simplified)
    if any(newton.order(ray) % 2 for ray in newton.fan.rays):
        return False
    for face in node.faces:
        if face.method in ("steep", "contact", "open"):
            return False
        for crossing in face.crossings:
            if any(node.factors[i][1] % 2 for i in crossing.factors):
                return False
        if not all(_even(child.node) for child in face.children):
            return False
    return all(_even(child.node) for child in node.children)
