"""Directions in which a network's parameters can move without changing the function, from what its
symmetries are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float
from scipy.linalg import null_space

from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer
from singlearn.symmetry.two_layer.parameters import ParameterLayout
from singlearn.symmetry.two_layer.roles import Roles, roles
from singlearn.symmetry.two_layer.slides import slides


class Field(StrEnum):
    """Which symmetry a direction belongs to."""

    SCALING = "scaling"
    SILENT = "q = 0"
    CONSTANT = "w = 0"
    DEAD = "dead on the domain"
    TRANSFER = "shared boundary"
    TURN = "opposite nodes"
    SLIDE = "cancelling nodes"
    EXCHANGE = "opposite and always active nodes"
    BYPASSED = "always active on the domain"
    CANCELLING = "nodes that cancel"


@dataclass(frozen=True)
class Generator(Answer):
    """One direction tangent to a curve of equal functions.

    Attributes:
        field: the symmetry.
        nodes: the hidden nodes that move.
        direction: in the parameter vector ``(w row by row, b, q output by output, c)``.
    """

    field: Field
    nodes: tuple[int, ...]
    direction: Float[np.ndarray, " parameters"]


def generators(net: TwoLayerReLU, domain: Domain | None = None) -> list[Generator]:
    r"""Directions along which the function does not change, from the symmetries of a two-layer ReLU
    network.

    - every node: scaling, :math:`\sum_k w_k \partial_{w_k} + b\,\partial_b - \sum_j q_j
      \partial_{q_j}` (Lemma 1 of Wei et al. 2022 [wei2022deep]_);
    - q = 0: w and b are free; dead on the domain: everything is free;
    - w = 0: b or q trade with the output bias;
    - two nodes on one oriented boundary: outgoing weight passes between them;
    - opposite nodes on several boundaries: amounts turn round as long as :math:`\sum_k τ_k n_k^T =
      0`, or on a domain as far as always active nodes take the slope;
    - nodes on one boundary whose kinks cancel leave it together
      (:mod:`singlearn.symmetry.two_layer.slides`);
    - k always active nodes: with :math:`\tilde W = (W, b)`, the fields :math:`(X\tilde W, -QX)` of
      GL(k), :math:`n a^T` with :math:`Q n = 0`, :math:`l` with :math:`l W = 0`, and constants that
      trade with the output bias.

    They span the tangent directions but are not independent of each other. Which nodes cancel is a
    SUBSET SUM problem: up to 18 nodes with q ≠ 0 on one boundary all sets are found, with more
    those of up to three nodes.

    Args:
        net: the network; boundaries are compared exactly.
        domain: where the inputs are; ``None`` for all of R^N.

    >>> [(str(g.field), g.direction.tolist()) for g in generators(TwoLayerReLU([[1]], [2], [3], 0))]
    [('scaling', [1.0, 2.0, -3.0, 0.0])]
    """
    require_two_layer(net, "generators")
    return generators_and_whether_all(net, domain)[0]


def generators_and_whether_all(
    net: TwoLayerReLU, domain: Domain | None
) -> tuple[list[Generator], bool]:
    """The directions of :func:`generators`, and whether every way in which nodes on one boundary
    cancel was looked for.
    """
    layout = ParameterLayout.of(net)
    w, b, q, _ = net.arrays()
    own = roles(net, domain)
    found: list[Generator] = []
    for i, node in enumerate(net.nodes):
        scaling = np.zeros(layout.size)
        scaling[layout.w(i)], scaling[layout.b(i)], scaling[layout.q(i)] = w[i], b[i], -q[:, i]
        if np.any(scaling):
            found.append(Generator(Field.SCALING, (i,), scaling))
        if not any(node.q):
            found += [
                Generator(Field.SILENT, (i,), _unit(layout, place))
                for place in (*_places(layout, layout.w(i)), layout.b(i))
            ]
        if domain is None and not any(node.w):
            found += [
                Generator(Field.CONSTANT, (i,), d)
                for d in _constant_node(layout, i, float(node.b), q[:, i])
            ]
    for i in own.off:
        if domain is not None:
            places = (*_places(layout, layout.w(i)), layout.b(i), *_places(layout, layout.q(i)))
            found += [Generator(Field.DEAD, (i,), _unit(layout, place)) for place in places]
    for members in own.sides.values():
        for same in members.values():
            for (i, first), (j, second) in itertools.pairwise(same):
                found += [
                    Generator(Field.TRANSFER, (i, j), d)
                    for d in _transfer(layout, i, j, second / first)
                ]
    found += [Generator(Field.TURN, nodes, d) for nodes, d in _turns(layout, own)]
    sliding, exchanges, complete = slides(net, own, domain is not None)
    found += [
        Generator(Field.SLIDE, one.nodes, one.direction)
        for one in sliding
        if not _is_silent(net, one.nodes)
    ]
    found += [Generator(Field.EXCHANGE, one.nodes, one.direction) for one in exchanges]
    if domain is not None and own.bypassed:
        found += [
            Generator(Field.BYPASSED, own.bypassed, d)
            for d in _bypassed(layout, own.bypassed, w, b, q)
        ]
    return found, complete


def _is_silent(net: TwoLayerReLU, nodes: tuple[int, ...]) -> bool:
    """Whether it is one node with q = 0, which SILENT names already."""
    return len(nodes) == 1 and not any(net.nodes[nodes[0]].q)


def _places(layout: ParameterLayout, part: slice) -> list[int]:
    return list(range(layout.size)[part])


def _unit(layout: ParameterLayout, place: int) -> Float[np.ndarray, " parameters"]:
    direction = np.zeros(layout.size)
    direction[place] = 1.0
    return direction


def _constant_node(
    layout: ParameterLayout, i: int, height: float, q: Float[np.ndarray, " outputs"]
) -> Iterator[Float[np.ndarray, " parameters"]]:
    """``q ReLU(b)`` is a constant and trades with c; where b ≤ 0 it is zero."""
    trade = _unit(layout, layout.b(i))
    if height > 0:
        trade[layout.c] = -q
    if height != 0:
        yield trade
    for out, bias in zip(_places(layout, layout.q(i)), _places(layout, layout.c), strict=True):
        trade = _unit(layout, out)
        trade[bias] = -max(height, 0.0)
        yield trade


def _transfer(
    layout: ParameterLayout, i: int, j: int, ratio: float
) -> Iterator[Float[np.ndarray, " parameters"]]:
    """``u_j = ratio u_i``: what q_j gains, q_i loses ``ratio`` times."""
    for own, other in zip(_places(layout, layout.q(i)), _places(layout, layout.q(j)), strict=True):
        direction = _unit(layout, other)
        direction[own] = -ratio
        yield direction


def _turns(
    layout: ParameterLayout, own: Roles
) -> Iterator[tuple[tuple[int, ...], Float[np.ndarray, " parameters"]]]:
    """``τ ReLU(u) - τ ReLU(-u) = τ u``: amounts τ_k turn round on several boundaries, their slopes
    cancel, c takes the constant.
    """
    both = [
        (plane, members[1][0], members[-1][0])
        for plane, members in own.sides.items()
        if members[1] and members[-1]
    ]
    if not both:
        return
    sizes = [float(max(abs(v) for v in plane.normal)) for plane, _, _ in both]
    normals = np.array(
        [[v / size for v in plane.normal] for (plane, _, _), size in zip(both, sizes, strict=True)]
    )
    for amounts in null_space(normals.T).T:
        nodes = tuple(sorted(n for _, (i, _), (j, _) in both for n in (i, j)))
        for output in range(layout.outputs):
            direction = np.zeros(layout.size)
            for (plane, (i, up), (j, down)), amount, size in zip(both, amounts, sizes, strict=True):
                direction[_places(layout, layout.q(i))[output]] += amount / (up * size)
                direction[_places(layout, layout.q(j))[output]] -= amount / (down * size)
                direction[_places(layout, layout.c)[output]] -= amount * float(plane.offset) / size
            yield nodes, direction


def _bypassed(
    layout: ParameterLayout,
    nodes: tuple[int, ...],
    w: Float[np.ndarray, "nodes inputs"],
    b: Float[np.ndarray, " nodes"],
    q: Float[np.ndarray, "outputs nodes"],
) -> Iterator[Float[np.ndarray, " parameters"]]:
    """The symmetries of the linear network ``Q (W x + b) + c`` that always active nodes are."""
    members = list(nodes)
    affine, outgoing = np.concatenate([w, b[:, None]], axis=1)[members], q[:, members]
    zero_affine, zero_outgoing = np.zeros_like(affine), np.zeros_like(outgoing)

    def direction(
        moved: Float[np.ndarray, "k affine"],
        out: Float[np.ndarray, "outputs k"],
        bias: Float[np.ndarray, " outputs"],
    ) -> Float[np.ndarray, " parameters"]:
        result = np.zeros(layout.size)
        for position, i in enumerate(members):
            result[layout.w(i)], result[layout.b(i)] = moved[position, :-1], moved[position, -1]
            result[layout.q(i)] = out[:, position]
        result[layout.c] = bias
        return result

    for i in range(len(members)):
        for j in range(len(members)):
            mix = np.zeros((len(members), len(members)))
            mix[i, j] = 1.0
            yield direction(mix @ affine, -outgoing @ mix, np.zeros(layout.outputs))
        lift = zero_affine.copy()
        lift[i, -1] = 1.0
        yield direction(lift, zero_outgoing, -outgoing[:, i])
    for kernel in null_space(outgoing).T:
        for column in range(affine.shape[1]):
            moved = zero_affine.copy()
            moved[:, column] = kernel
            yield direction(moved, zero_outgoing, np.zeros(layout.outputs))
    for kernel in null_space(affine[:, :-1].T).T:
        for output in range(layout.outputs):
            out, bias = zero_outgoing.copy(), np.zeros(layout.outputs)
            out[output], bias[output] = kernel, -kernel @ affine[:, -1]
            yield direction(zero_affine, out, bias)
