"""The pieces on which a network is affine: open sets between its kinks, as exact polytopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import TypeAlias

from singlearn.numbers.linear_algebra import rank
from singlearn.numbers.rational import Matrix, Vector, dot, matrix, vector
from singlearn.results.result import Answer
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.domain import Domain, DomainLike, as_bounded
from singlearn.symmetry.polytope_cells import Cell, cut, halfspaces, in_order, whole
from singlearn.symmetry.two_layer.kink_form import KinkForm, kink_form, short
from singlearn.symmetry.two_layer.network import TwoLayerReLU

NodeName: TypeAlias = int | tuple[int, int]

MOST_DOMAINS = 20_000


@dataclass(frozen=True)
class LinearDomain(Answer):
    r"""A maximal connected open set of inputs on which a network is affine, :math:`f(x) =
    \text{gradient}\, x + \text{offset}`.

    Attributes:
        vertices: of its closure: N numbers each; in the plane in the order round it, where it is
            one piece.
        pieces: the convex polytopes it is made of, by their vertices: one, except in deep networks.
        gradient: M rows of N numbers.
        offset: the value of the affine function at x = 0, M numbers.
        active: the hidden nodes that are active on all of it; (layer, node) in deep networks.
        partly_active: nodes whose boundary passes through it without a kink, because others cancel
            them or q = 0.
    """

    vertices: Matrix
    pieces: tuple[Matrix, ...]
    gradient: Matrix
    offset: Vector
    active: tuple[NodeName, ...]
    partly_active: tuple[NodeName, ...]

    @property
    def centre(self) -> Vector:
        """The mean of the vertices of the first piece, a point of the domain."""
        return _mean(self.pieces[0])

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
        return (
            f"gradient {slopes}, offset {', '.join(map(short, self.offset))}; "
            f"active {nodes}{partly}; vertices {corners}{more}"
        )


def linear_domains(net: TwoLayerReLU | DeepReLU, domain: DomainLike) -> tuple[LinearDomain, ...]:
    r"""The linear domains of a network on a box or a polytope, in exact arithmetic.

    With one hidden layer they are the cells that the kinks :math:`A_k ≠ 0` cut the domain into:
    across a kink the gradient changes by :math:`A_k n_k^T`, across the boundary of nodes that
    cancel it does not. Every kink splits the cells it passes through, a polytope given by its
    vertices; two vertices are joined by an edge where the inequalities tight at both have rank N -
    1 and no third vertex shares them.

    In a deeper network every layer cuts the cells of the layers below, where its nodes are affine;
    neighbours with the same affine function are one domain. Floats are taken as the binary
    fractions they are, so a kink that cancels up to rounding does cut.

    With one hidden layer and p kinks in general position that all cross inside the domain there are
    :math:`\sum_{i \le N} \binom{p}{i}` of them.

    Args:
        net: the network; of any depth.
        domain: a bounded ``Box`` or ``Polytope``.

    Returns:
        One domain per affine piece, with its vertices, gradient and offset in exact arithmetic.

    Raises:
        ValueError: the domain has another dimension than the inputs, or there are more than 20,000
            linear domains.

    >>> from singlearn.symmetry import Box
    >>> star = TwoLayerReLU([[1, 0], [0, 1], [-1, -1]], [-1, -1, -1], [1, 1, 1], 0)
    >>> domains = linear_domains(star, Box([-4, -4], [4, 4]))
    >>> len(domains), sorted(len(one.active) for one in domains)
    (7, [0, 1, 1, 1, 2, 2, 2])
    >>> print(
    ...     linear_domains(
    ...         TwoLayerReLU([[1], [1], [1]], [0, -1, -1], [2, 1, -1], 0), Box([-1], [2])
    ...     )[1]
    ... )
    gradient 2, offset 0; active 0, partly 1, 2; vertices (0) (2)
    """
    domain = as_bounded(domain, net.widths[0] if isinstance(net, DeepReLU) else net.inputs)
    inputs = net.widths[0] if isinstance(net, DeepReLU) else net.inputs
    if domain.inputs != inputs:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {inputs} inputs"
        )
    if isinstance(net, DeepReLU):
        return _of_deep(net, domain)
    form = kink_form(net, domain)
    inequalities = halfspaces(domain)
    cells = [whole(inequalities, net.inputs)]
    for plane in form.kinks:
        row, offset = tuple(Fraction(n) for n in plane.normal), Fraction(plane.offset)
        inequalities.append((row, offset))
        cells = [
            part
            for cell in cells
            for part in cut(cell, row, offset, len(inequalities) - 1, inequalities)
        ]
        _refuse_many(len(cells))
    return tuple(
        sorted((_described(net, form, cell) for cell in cells), key=lambda one: one.centre)
    )


def _described(net: TwoLayerReLU, form: KinkForm, cell: Cell) -> LinearDomain:
    vertices = in_order(cell.vertices)
    active: list[int] = []
    partly: list[int] = []
    for i, node in enumerate(net.nodes):
        heights = [node.preactivation(vertex) for vertex in vertices]
        if max(heights) > 0:
            (active if min(heights) >= 0 else partly).append(i)
    # From the kink form: a boundary that is no kink may pass through the centre.
    centre = LinearDomain(vertices, (vertices,), (), (), (), ()).centre
    gradient, offset = [list(row) for row in form.linear], list(form.constant)
    for plane, total in form.kinks.items():
        if plane.at(centre) > 0:
            for j, a in enumerate(total):
                offset[j] += a * plane.offset
                gradient[j] = [v + a * n for v, n in zip(gradient[j], plane.normal, strict=True)]
    return LinearDomain(
        vertices,
        (vertices,),
        tuple(map(tuple, gradient)),
        tuple(offset),
        tuple(active),
        tuple(partly),
    )


def _of_deep(net: DeepReLU, domain: Domain) -> tuple[LinearDomain, ...]:
    """Cells of equal activation pattern, cut layer by layer, then joined where nothing shows."""
    inputs = net.widths[0]
    inequalities = halfspaces(domain)
    identity = tuple(tuple(Fraction(int(i == j)) for j in range(inputs)) for i in range(inputs))
    # A cell, what the next layer reads there as affine functions, and the nodes active so far.
    Piece: TypeAlias = tuple[Cell, Matrix, Vector, tuple[NodeName, ...]]
    pieces: list[Piece] = [(whole(inequalities, inputs), identity, (Fraction(0),) * inputs, ())]
    for layer, (weights, biases) in enumerate(zip(net.weights, net.biases, strict=True)):
        w, b = matrix(weights, "weights"), vector(biases, "biases")
        following: list[Piece] = []
        for cell, rows, offsets, active in pieces:
            columns = list(zip(*rows, strict=True)) if rows else [()] * inputs
            slopes = tuple(tuple(dot(row, column) for column in columns) for row in w)
            heights = tuple(dot(row, offsets) + bias for row, bias in zip(w, b, strict=True))
            if layer == net.hidden_layers:
                following.append((cell, slopes, heights, active))
                continue
            parts = [cell]
            for slope, height in zip(slopes, heights, strict=True):
                inequalities.append((slope, height))
                number = len(inequalities) - 1
                parts = [
                    new for part in parts for new in cut(part, slope, height, number, inequalities)
                ]
            for part in parts:
                centre = _mean(part.vertices)
                on = [
                    dot(slope, centre) + height > 0
                    for slope, height in zip(slopes, heights, strict=True)
                ]
                zero = (Fraction(0),) * inputs
                following.append(
                    (
                        part,
                        tuple(s if is_on else zero for s, is_on in zip(slopes, on, strict=True)),
                        tuple(h if i else Fraction(0) for h, i in zip(heights, on, strict=True)),
                        (*active, *((layer, node) for node, is_on in enumerate(on) if is_on)),
                    )
                )
        pieces = following
        _refuse_many(len(pieces))
    return _joined(pieces, inputs)


def _joined(
    pieces: Sequence[tuple[Cell, Matrix, Vector, tuple[NodeName, ...]]], inputs: int
) -> tuple[LinearDomain, ...]:
    """Pieces of one affine function that share a facet are one domain."""
    groups: dict[tuple[Matrix, Vector], list[int]] = {}
    for i, (_, gradient, offset, _) in enumerate(pieces):
        groups.setdefault((gradient, offset), []).append(i)
    leader = list(range(len(pieces)))

    def head(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for members in groups.values():
        for i, j in combinations(members, 2):
            # Pre-activations are continuous, so that both sides of a facet are cut alike.
            common = list(set(pieces[i][0].vertices) & set(pieces[j][0].vertices))
            edges = [tuple(a - b for a, b in zip(v, common[0], strict=True)) for v in common[1:]]
            if common and rank(edges) == inputs - 1:
                leader[head(i)] = head(j)
    domains: dict[int, list[int]] = {}
    for i in range(len(pieces)):
        domains.setdefault(head(i), []).append(i)
    found = []
    for members in domains.values():
        shapes = tuple(in_order(pieces[i][0].vertices) for i in members)
        corners = (
            shapes[0] if len(shapes) == 1 else tuple(dict.fromkeys(v for s in shapes for v in s))
        )
        active = [set(pieces[i][3]) for i in members]
        always = set.intersection(*active)
        _, gradient, offset, _ = pieces[members[0]]
        found.append(
            LinearDomain(
                corners,
                shapes,
                gradient,
                offset,
                tuple(sorted(always)),
                tuple(sorted(set.union(*active) - always)),
            )
        )
    return tuple(sorted(found, key=lambda one: one.centre))


def _mean(vertices: Matrix) -> Vector:
    return tuple(
        sum(entries, Fraction(0)) / len(vertices) for entries in zip(*vertices, strict=True)
    )


def _refuse_many(count: int) -> None:
    if count > MOST_DOMAINS:
        raise ValueError(
            f"net: it has more than {MOST_DOMAINS} linear domains here; take a smaller domain"
        )
