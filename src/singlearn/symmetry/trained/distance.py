"""How far a network is from another with the same nodes, each moved a little: the difference
without cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Vector
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.distance import Distance, _solutions, _subsets
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

MOST_VERTICES = 3_000_000
POINTS = 64
LARGEST = Fraction(10) ** 250
FAR = Fraction(1, 10**6)
Moved = tuple[Node, Node]


def moved_distance(
    a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain, *, exact: bool = True
) -> Distance:
    r""":math:`\sup_X \max_j |f_j - g_j|` of two networks whose i-th nodes are nearly equal.

    The difference :math:`\sum_i q_i ReLU(u_i) - q_i' ReLU(u_i')` is piecewise affine; its largest
    value is at a vertex of the arrangement of the boundaries of the nodes that moved and the walls
    of the domain. Up to three inputs all vertices are ranked by bounds in floats in which u_i -
    u_i' is formed exactly first, and those that may be largest are evaluated exactly. Beyond, the
    upper bound is :math:`\sum_i |q_i| \sup|u_i - u_i'| + |q_i - q_i'| \sup ReLU(u_i')`.

    Args:
        a, b: networks of the same width.
        domain: bounded.
        exact: for up to three inputs, whether the largest vertex is found exactly; if not, the
            upper bound is that of the bounds in floats, a little above.
    """
    large = max(
        (abs(q * v) for node in (*a.nodes, *b.nodes) for q in node.q for v in (*node.w, node.b)),
        default=Fraction(0),
    )
    if large > LARGEST:  # outputs beyond floats are measured in other units
        one, other = (
            net.replaced(
                [replace(n, q=tuple(q / large for q in n.q)) for n in net.nodes],
                tuple(v / large for v in net.c),
            )
            for net in (a, b)
        )
        found = moved_distance(one, other, domain, exact=exact)
        return Distance(found.lower * large, found.upper * large, found.point)
    nodes = [(one, other) for one, other in zip(a.nodes, b.nodes, strict=True) if one != other]
    moved = _kept_pairs(nodes, domain)
    constant = tuple(x - y for x, y in zip(a.c, b.c, strict=True))
    if not nodes:
        value = max(abs(v) for v in constant)
        return Distance(value, value, domain.centre)
    planes = _planes(moved, domain)
    walls, _ = domain.halfspaces()
    if a.inputs <= 3 and math.comb(len(planes) + len(walls), a.inputs) <= MOST_VERTICES:
        point, above = _largest_vertex(moved, constant, planes, domain, exact=exact)
        value = _size(moved, constant, point)
        return Distance(value, max(value, above), point)
    point = _high_point(moved, constant, domain)
    lower = _size(moved, constant, point)
    return Distance(lower, max(lower, step_bound(nodes, constant, domain)), point)


def _kept_pairs(moved: Sequence[Moved], domain: Domain) -> list[Moved]:
    """Pairs as far as they are useful: nodes that moved far, or whose outgoing weights change sign,
    become two, each paired with nothing. What lies between 0 and ``q u - q' u'`` where just one of
    a pair is active then holds for all.
    """
    result = []
    for one, other in moved:
        low, high = domain.span(
            [x - y for x, y in zip(one.w, other.w, strict=True)], one.b - other.b
        )
        far = max(abs(low), abs(high)) > FAR * (max(map(abs, domain.span(one.w, one.b))))
        if not far and all(p * q >= 0 for p, q in zip(one.q, other.q, strict=True)):
            result.append((one, other))
        else:
            nothing = (Fraction(0),) * len(one.q)
            result += [(one, replace(one, q=nothing)), (replace(other, q=nothing), other)]
    return [(one, other) for one, other in result if any(one.q) or any(other.q)]


def step_bound(moved: Sequence[Moved], constant: Vector, domain: Domain) -> Fraction:
    """The upper bound for any number of inputs, in exact arithmetic."""
    outputs = len(constant)
    totals = [abs(v) for v in constant]
    for one, other in moved:
        low, high = domain.span(
            [x - y for x, y in zip(one.w, other.w, strict=True)], one.b - other.b
        )
        apart = max(abs(low), abs(high))
        active = max(domain.span(other.w, other.b)[1], Fraction(0))
        for j in range(outputs):
            totals[j] += abs(one.q[j]) * apart + abs(one.q[j] - other.q[j]) * active
    return max(totals)


def _difference(moved: Sequence[Moved], constant: Vector, point: Vector) -> Vector:
    values = list(constant)
    for one, other in moved:
        for node, sign in ((one, 1), (other, -1)):
            height = node.preactivation(point)
            if height > 0:
                values = [v + sign * q * height for v, q in zip(values, node.q, strict=True)]
    return tuple(values)


def _size(moved: Sequence[Moved], constant: Vector, point: Vector) -> Fraction:
    return max(abs(v) for v in _difference(moved, constant, point))


def _planes(moved: Sequence[Moved], domain: Domain) -> list[tuple[Vector, Fraction]]:
    """Boundaries of both networks' moved nodes that meet the domain, ``<n, x> = o``, equal ones
    once.
    """
    found: dict[Vector, tuple[Vector, Fraction]] = {}
    for pair in moved:
        for node in pair:
            if any(node.w) and any(node.q):
                low, high = domain.span(node.w, node.b)
                if low > 0 or high < 0:
                    continue
                lead = next(v for v in node.w if v)
                own = tuple(v / lead for v in (*node.w, node.b))
                found.setdefault(own, (own[:-1], -own[-1]))
    return list(found.values())


def _largest_vertex(
    moved: Sequence[Moved],
    constant: Vector,
    planes: list[tuple[Vector, Fraction]],
    domain: Domain,
    *,
    exact: bool,
) -> tuple[Vector, Fraction]:
    """The vertex with the largest difference, and, if it need not be exact, a bound on what larger
    ones there may be.
    """
    normals, offsets = domain.halfspaces()
    rows = [*(n for n, _ in planes), *normals]
    right = [*(o for _, o in planes), *offsets]
    sizes = [max(abs(v) for v in row) for row in rows]
    floats = np.array([[float(v / s) for v in row] for row, s in zip(rows, sizes, strict=True)])
    heights = np.array([float(v / s) for v, s in zip(right, sizes, strict=True)])
    walls, wall_heights = floats[len(planes) :], heights[len(planes) :]
    scale = float(np.max(np.abs(wall_heights))) + 1.0
    bounds = _Bounds(moved, constant)
    starts = [domain.centre, *_corners(domain)]
    likely = bounds.reach(np.array([[float(v) for v in p] for p in starts]), np.zeros(len(starts)))
    best_point = starts[int(np.argmax(likely))]
    best, above = _size(moved, constant, best_point), Fraction(0)
    for chosen in _subsets(len(rows), domain.inputs):
        points, error = _solutions(floats[chosen], heights[chosen], scale)
        near = np.all(
            points @ walls.T <= wall_heights + (error[:, None] + 1e-12 * scale) * domain.inputs,
            axis=1,
        )
        reach = bounds.reach(points, error)
        if not exact:
            finite = reach[near & np.isfinite(reach)]
            above = max(above, Fraction(float(finite.max(initial=0.0)) * (1 + 1e-9)))
            near &= ~np.isfinite(reach)
        order = np.flatnonzero(near & (reach > float(best) * (1 - 1e-12)))
        for index in order[np.argsort(-reach[order], kind="stable")]:
            if reach[index] < float(best) * (1 - 1e-12):
                break
            point = _meeting([rows[i] for i in chosen[index]], [right[i] for i in chosen[index]])
            if (
                point is not None
                and domain.contains(point)
                and (size := _size(moved, constant, point)) > best
            ):
                best, best_point = size, point
    return best_point, above


def _corners(domain: Domain) -> list[Vector]:
    generator = np.random.default_rng(0)
    return [
        domain.highest([Fraction(float(v)) for v in generator.normal(size=domain.inputs)])
        for _ in range(8)
    ]


def _meeting(rows: list[Vector], right: list[Fraction]) -> Vector | None:
    """The exact point where planes meet."""
    matrix = flint.fmpq_mat([[flint.fmpq(v.numerator, v.denominator) for v in row] for row in rows])
    try:
        found = matrix.solve(
            flint.fmpq_mat([[flint.fmpq(v.numerator, v.denominator)] for v in right])
        )
    except ZeroDivisionError:
        return None
    return tuple(Fraction(int(found[i, 0].p), int(found[i, 0].q)) for i in range(len(rows)))


class _Bounds:
    """Upper bounds on the difference at points that are known up to an error.

    Where a pair of nodes is active, the pair adds ``q u - q' u'``, an affine function whose
    coefficients are rounded once; where it is not, nothing; where the point is too close to its
    boundary to say, something between, off by at most ``|q| |u - u'| + |q - q'| |u'|``.
    """

    def __init__(self, moved: Sequence[Moved], constant: Vector) -> None:
        outputs = len(constant)
        both = [
            [
                [q * v - p * t for v, t in zip((*one.w, one.b), (*other.w, other.b), strict=True)]
                for q, p in zip(one.q, other.q, strict=True)
            ]
            for one, other in moved
        ]
        self.unit = max(
            (abs(v) for node in both for row in node for v in row), default=Fraction(1)
        ) or Fraction(1)
        self.unit = max(self.unit, *(abs(v) for v in constant)) if constant else self.unit
        self.affine = np.array(
            [[[float(v / self.unit) for v in row] for row in node] for node in both]
        ).reshape(len(moved), outputs, -1)
        self.constant = np.array([float(v / self.unit) for v in constant])
        heights, slacks = [], []
        for one, other in moved:
            own = one if any(one.w) else other
            size = max((abs(v) for v in (*own.w, own.b)), default=Fraction(1)) or Fraction(1)
            heights.append([float(v / size) for v in (*own.w, own.b)])
            ratio = [
                (x - y) / size for x, y in zip((*one.w, one.b), (*other.w, other.b), strict=True)
            ]
            slacks.append([float(v) for v in ratio])
        self.heights = np.array(heights)
        self.slacks = np.array(slacks)

    def reach(
        self, points: Float[np.ndarray, "points inputs"], error: Float[np.ndarray, " points"]
    ) -> Float[np.ndarray, " points"]:
        """Bounds in the units of the outputs; infinite where the point is not known."""
        extended = np.concatenate([points, np.ones((len(points), 1))], axis=1)
        size = np.abs(extended).max(axis=1)
        height = extended @ self.heights.T
        with np.errstate(invalid="ignore", over="ignore"):
            blur = error[:, None] * np.abs(self.heights[:, :-1]).sum(axis=1)
            blur += 1e-14 * size[:, None] * np.abs(self.heights).sum(axis=1)
            blur += np.abs(extended) @ np.abs(self.slacks).T
            pieces = np.einsum("pk,nok->pno", extended, self.affine)
            loose = 1e-13 * np.einsum(
                "pk,nok->pno", np.abs(extended) + error[:, None], np.abs(self.affine)
            )
            loose += error[:, None, None] * np.abs(self.affine[..., :-1]).sum(axis=2)
            active, unsure = height > blur, np.abs(height) <= blur
            total = np.abs(self.constant + (pieces * active[..., None]).sum(axis=1))
            # Near a boundary both |q u - q' u'| and the strip between the two boundaries are small.
            strip = np.abs(pieces) + loose
            found = (
                total
                + (loose * (active | unsure)[..., None]).sum(axis=1)
                + (strip * unsure[..., None]).sum(axis=1)
            )
            result: np.ndarray = np.where(np.isfinite(error), found.max(axis=1), np.inf) * float(
                self.unit
            )
        return result


def _high_point(moved: Sequence[Moved], constant: Vector, domain: Domain) -> Vector:
    """The best of corners and of points between them."""
    generator = np.random.default_rng(0)
    corners = [
        domain.highest([Fraction(float(v)) for v in generator.normal(size=domain.inputs)])
        for _ in range(POINTS)
    ]
    centre = domain.centre
    halfway = [
        tuple((p + c) / 2 for p, c in zip(corner, centre, strict=True))
        for corner in corners[: POINTS // 4]
    ]
    return max([centre, *corners, *halfway], key=lambda p: _size(moved, constant, p))
