"""A network seen from a domain: preactivations in coordinates in which the domain fills the cube
from -1 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from singlearn.numbers.rational import Vector, dot
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

MARGIN = Fraction(3, 2)
OUTLYING = 1000


@dataclass(frozen=True)
class BoxUnits:
    """Centre and half-widths of the smallest box around a domain."""

    centre: Vector
    reach: Vector

    @classmethod
    def of(cls, domain: Domain) -> BoxUnits:
        """Of a box or a polytope."""
        axes = [[Fraction(int(i == j)) for j in range(domain.inputs)] for i in range(domain.inputs)]
        ends = [domain.span(axis, Fraction(0)) for axis in axes]
        return cls(tuple((a + b) / 2 for a, b in ends), tuple((b - a) / 2 for a, b in ends))

    def coordinates(self, node: Node) -> Vector:
        """``(w_1 h_1, …, w_N h_N, u(centre))``: the preactivation as an affine function on the
        cube.
        """
        return (
            *(w * h for w, h in zip(node.w, self.reach, strict=True)),
            node.preactivation(self.centre),
        )

    def size(self, node: Node) -> Fraction:
        r""":math:`\sum_k |w_k| \max|x_k| + |b|`: what the rounding of the preactivation is relative
        to.
        """
        far = (abs(c) + h for c, h in zip(self.centre, self.reach, strict=True))
        return dot([abs(w) for w in node.w], list(far)) + abs(node.b)


def box_around_kinks(net: TwoLayerReLU) -> Box:
    """The cube around the origin, half as wide again as activation boundaries need to pass through
    it.

    Boundaries more than :data:`OUTLYING` times as far away as the median are left out: nearly
    constant nodes have one anywhere, and would make all others look alike.
    """
    reach = sorted(
        abs(node.b) / max(abs(v) for v in node.w)
        for node in net.nodes
        if any(node.w) and any(node.q) and node.b
    )
    usual = [r for r in reach if r <= OUTLYING * reach[(len(reach) - 1) // 2]]
    side = MARGIN * max(usual, default=Fraction(1))
    # Two digits are enough, and are printed.
    power = Fraction(10) ** (
        math.floor(math.log10(side.numerator) - math.log10(side.denominator)) - 1
    )
    side = -(-side // power) * power
    return Box([-side] * net.inputs, [side] * net.inputs)
