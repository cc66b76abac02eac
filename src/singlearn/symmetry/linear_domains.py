"""The pieces on which a two-layer network is affine: open sets between its kinks, as exact
polytopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from singlearn.results.prompt import Shown
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.kink_form import kink_form, short
from singlearn.symmetry.linear_algebra import rank, solve
from singlearn.symmetry.network import TwoLayerReLU, require_two_layer
from singlearn.symmetry.rational import Matrix, Vector, dot

MOST_DOMAINS = 20_000


@dataclass(frozen=True)
class LinearDomain(Shown):
    r"""A maximal connected open set of inputs on which a network is affine, :math:`f(x) =
    \text{gradient}\, x + \text{offset}`.

    Attributes:
        vertices: of its closure, a convex polytope: N numbers each; in the plane in the order round
            it.
        gradient: M rows of N numbers.
        offset: the value of the affine function at x = 0, M numbers.
        active: the hidden nodes that are active on all of it.
        partly_active: nodes whose boundary passes through it without a kink, because others cancel
            them or q = 0.
    """

    vertices: Matrix
    gradient: Matrix
    offset: Vector
    active: tuple[int, ...]
    partly_active: tuple[int, ...]

    @property
    def centre(self) -> Vector:
        """The mean of the vertices, a point of the domain."""
        return tuple(
            sum(entries, Fraction(0)) / len(self.vertices)
            for entries in zip(*self.vertices, strict=True)
        )

    def value(self, point: Sequence[Fraction]) -> Vector:
        """The affine function at a point, M numbers."""
        return tuple(dot(row, point) + d for row, d in zip(self.gradient, self.offset, strict=True))

    def __str__(self) -> str:
        corners = " ".join(
            "(" + ", ".join(map(short, vertex)) + ")" for vertex in self.vertices[:8]
        )
        more = f" and {len(self.vertices) - 8} more" if len(self.vertices) > 8 else ""
        slopes = "; ".join(", ".join(map(short, row)) for row in self.gradient)
        nodes = ", ".join(map(str, self.active)) or "none"
        partly = f", partly {', '.join(map(str, self.partly_active))}" if self.partly_active else ""
        return f"gradient {slopes}, offset {', '.join(map(short, self.offset))}; active {nodes}{partly}; vertices {corners}{more}"


@dataclass(frozen=True)
class _Cell:
    """A polytope by its vertices, and for each vertex the inequalities that are tight there."""

    vertices: tuple[Vector, ...]
    tight: tuple[frozenset[int], ...]


def linear_domains(net: TwoLayerReLU, domain: Domain) -> tuple[LinearDomain, ...]:
    r"""The linear domains of a network on a box or a polytope, in exact arithmetic.

    They are the cells that the kinks :math:`A_k ≠ 0` cut the domain into: across a kink the
    gradient changes by :math:`A_k n_k^T`, across the boundary of nodes that cancel it does not.
    Every kink splits the cells it passes through, a polytope given by its vertices; two vertices
    are joined by an edge where the inequalities tight at both have rank N - 1 and no third vertex
    shares them.

    With p kinks in general position that all cross inside the domain there are :math:`\sum_{i \le
    N} \binom{p}{i}` of them.

    Args:
        net: the network.
        domain: a bounded ``Box`` or ``Polytope``.

    Raises:
        ValueError: the domain has another dimension than the inputs, or there are more than 20,000
            linear domains.

    >>> from singlearn.symmetry import Box
    >>> star = TwoLayerReLU([[1, 0], [0, 1], [-1, -1]], [-1, -1, -1], [1, 1, 1], 0)
    >>> domains = linear_domains(star, Box([-4, -4], [4, 4]))
    >>> len(domains), sorted(len(one.active) for one in domains)
    (7, [0, 1, 1, 1, 2, 2, 2])
    >>> print(linear_domains(TwoLayerReLU([[1], [1], [1]], [0, -1, -1], [2, 1, -1], 0), Box([-1], [2]))[1])
    gradient 2, offset 0; active 0, partly 1, 2; vertices (0) (2)
    """
    require_two_layer(net, "linear_domains")
    form = kink_form(net, domain)
    rows, right = domain.halfspaces()
    inequalities: list[tuple[Vector, Fraction]] = [
        (tuple(-v for v in row), a) for row, a in zip(rows, right, strict=True)
    ]
    cells = [_whole(inequalities, net.inputs)]
    for plane in form.kinks:
        row, offset = tuple(Fraction(n) for n in plane.normal), Fraction(plane.offset)
        inequalities.append((row, offset))
        cells = [
            part
            for cell in cells
            for part in _cut(cell, row, offset, len(inequalities) - 1, inequalities)
        ]
        if len(cells) > MOST_DOMAINS:
            raise ValueError(
                f"net: it has more than {MOST_DOMAINS} linear domains on the domain; take a smaller one"
            )
    return tuple(sorted((_described(net, cell) for cell in cells), key=lambda one: one.centre))


def _whole(inequalities: Sequence[tuple[Vector, Fraction]], inputs: int) -> _Cell:
    """The vertices of the domain: the feasible points among the solutions of N of its equations."""
    found: dict[Vector, frozenset[int]] = {}
    for chosen in combinations(range(len(inequalities)), inputs):
        normals = [inequalities[i][0] for i in chosen]
        if rank(normals) < inputs:
            continue
        point = tuple(solve(normals, [-inequalities[i][1] for i in chosen]))
        heights = [dot(row, point) + offset for row, offset in inequalities]
        if point not in found and all(height >= 0 for height in heights):
            found[point] = frozenset(i for i, height in enumerate(heights) if not height)
    return _Cell(tuple(found), tuple(found.values()))


def _cut(
    cell: _Cell,
    row: Vector,
    offset: Fraction,
    number: int,
    inequalities: Sequence[tuple[Vector, Fraction]],
) -> list[_Cell]:
    """The parts of a cell on both sides of a hyperplane; the cell itself if it does not pass
    through the interior.
    """
    heights = [dot(row, vertex) + offset for vertex in cell.vertices]
    if not (min(heights) < 0 < max(heights)):
        tight = tuple(
            known | {number} if not height else known
            for known, height in zip(cell.tight, heights, strict=True)
        )
        return [_Cell(cell.vertices, tight)]
    sides: dict[int, dict[Vector, frozenset[int]]] = {1: {}, -1: {}}
    for vertex, known, height in zip(cell.vertices, cell.tight, heights, strict=True):
        for sign, own in sides.items():
            if sign * height >= 0:
                own[vertex] = known | {number} if not height else known
    for (a, high), (b, low) in combinations(enumerate(heights), 2):
        if high * low < 0 and _joined(cell, a, b, inequalities, len(row)):
            share = high / (high - low)
            point = tuple(
                x + share * (y - x) for x, y in zip(cell.vertices[a], cell.vertices[b], strict=True)
            )
            for own in sides.values():
                own[point] = cell.tight[a] & cell.tight[b] | {number}
    return [_Cell(tuple(own), tuple(own.values())) for own in sides.values()]


def _joined(
    cell: _Cell, a: int, b: int, inequalities: Sequence[tuple[Vector, Fraction]], inputs: int
) -> bool:
    """Whether two vertices are the ends of an edge."""
    common = cell.tight[a] & cell.tight[b]
    if any(common <= known for i, known in enumerate(cell.tight) if i not in (a, b)):
        return False
    return inputs == 1 or rank([inequalities[i][0] for i in common]) == inputs - 1


def _described(net: TwoLayerReLU, cell: _Cell) -> LinearDomain:
    vertices = cell.vertices
    if net.inputs == 1:
        vertices = tuple(sorted(vertices))
    elif net.inputs == 2:
        vertices = _round(vertices)
    active: list[int] = []
    partly: list[int] = []
    for i, node in enumerate(net.nodes):
        heights = [node.preactivation(vertex) for vertex in vertices]
        if max(heights) > 0:
            (active if min(heights) >= 0 else partly).append(i)
    # On the side of any node that cancels the affine function is the same; the node is counted
    # where the centre is.
    centre = LinearDomain(vertices, (), (), (), ()).centre
    on = [node for node in net.nodes if node.preactivation(centre) > 0]
    gradient = tuple(
        tuple(sum((node.q[j] * node.w[i] for node in on), Fraction(0)) for i in range(net.inputs))
        for j in range(net.outputs)
    )
    offset = tuple(
        net.c[j] + sum((node.q[j] * node.b for node in on), Fraction(0)) for j in range(net.outputs)
    )
    return LinearDomain(vertices, gradient, offset, tuple(active), tuple(partly))


def _round(vertices: tuple[Vector, ...]) -> tuple[Vector, ...]:
    """The corners of a convex polygon in their order, by exact cross products round the lowest
    one.
    """
    first = min(vertices, key=lambda v: (v[1], v[0]))

    def slope(vertex: Vector) -> tuple[int, Fraction]:
        x, y = vertex[0] - first[0], vertex[1] - first[1]
        return (-1, -x) if not y else (0, -x / y)

    return (first, *sorted((vertex for vertex in vertices if vertex != first), key=slope))
