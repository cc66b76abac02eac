"""The affine group of nodes that are always active."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, overload

import numpy as np

from singlearn.numbers.linear_algebra import rank, solve
from singlearn.numbers.rational import Matrix, Vector, dot, matrix, vector
from singlearn.symmetry.deep.linear_relaxation import functional_bounds, preactivation_bounds
from singlearn.symmetry.deep.network import DeepReLU, check_layer, check_nodes
from singlearn.symmetry.domain import Domain, DomainLike, as_bounded, as_box
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

SLACK = 1e-6
"""Nodes of a float network stay above 0 by this share of their range, so that rounding cannot
switch them off.
"""


@overload
def mix_bypassed(
    net: TwoLayerReLU, layer: int, T: Any, domain: DomainLike, *, shift: Any = None
) -> TwoLayerReLU: ...
@overload
def mix_bypassed(
    net: DeepReLU, layer: int, T: Any, domain: DomainLike, *, shift: Any = None
) -> DeepReLU: ...


def mix_bypassed(
    net: TwoLayerReLU | DeepReLU, layer: int, T: Any, domain: DomainLike, *, shift: Any = None
) -> TwoLayerReLU | DeepReLU:
    r"""Another network that computes the same on a domain: its k always active nodes of a layer are
    mixed by an invertible matrix.

    Where the nodes are active they are affine, :math:`h = A x + b`, and the next layer reads
    :math:`B h + c`. For every invertible T and every t that keeps the new nodes active,

    .. math:: A' = T^{-1} A, \quad b' = T^{-1} b + t, \quad B' = B T, \quad c' = c - B T t

    compute the same: the affine group of :math:`R^k`, as far as it respects :math:`A'x + b' ≥ 0`.

    Args:
        net: the network; exact for two layers, in float64 for deeper ones.
        layer: of the nodes, from 0; its always active nodes are those proved so on the domain.
        T: k × k, invertible, for the always active nodes in their order.
        domain: where they are always active; a ``Box`` for deep networks.
        shift: t, k numbers; if not given, 0 for a node that stays active without it and the least
            that keeps it active for the others.

    Returns:
        A network of the kind that was given.

    Raises:
        ValueError: no always active nodes, a matrix of another size or not invertible, or a shift
            that lets a node become inactive.

    >>> from singlearn.symmetry import Box
    >>> net = TwoLayerReLU([[1], [1], [1]], [2, 3, 0], [1, 1, 1], 0)
    >>> mixed = mix_bypassed(net, 0, [[1, 1], [0, 1]], Box([-1], [1]))
    >>> [str(v) for node in mixed.nodes for v in (*node.w, node.b, *node.q)], str(mixed.c[0])
    (['0', '0', '1', '1', '3', '2', '1', '0', '1'], '-1')
    """
    domain = as_bounded(domain, net.widths[0] if isinstance(net, DeepReLU) else net.inputs)
    if isinstance(net, DeepReLU):
        return _mix_deep(net, layer, T, domain, shift)
    if layer != 0:
        raise ValueError(f"layer: got {layer}; a two-layer network has one hidden layer, number 0")
    members = [i for i, node in enumerate(net.nodes) if _lowest(node, domain) >= 0]
    square = _square(T, len(members))
    columns = list(zip(*square, strict=True))
    rows = [(*net.nodes[i].w, net.nodes[i].b) for i in members]
    mixed = [
        solve([list(row) for row in square], [row[entry] for row in rows])
        for entry in range(net.inputs + 1)
    ]
    q = [[net.nodes[i].q[j] for i in members] for j in range(net.outputs)]
    outgoing = [tuple(dot(row, column) for row in q) for column in columns]
    nodes, constant = list(net.nodes), list(net.c)
    lifts = None if shift is None else _shift(shift, len(members))
    for position, i in enumerate(members):
        w, b = tuple(mixed[entry][position] for entry in range(net.inputs)), mixed[-1][position]
        lowest = _lowest(Node(w, b, ()), domain)
        lift = max(-lowest, Fraction(0)) if lifts is None else lifts[position]
        if lowest + lift < 0:
            raise ValueError(
                f"shift: entry {position} is {float(lift):g}; node {i} stays active from "
                f"{float(-lowest):g} on"
            )
        nodes[i] = Node(w, b + lift, outgoing[position])
        constant = [c - q * lift for c, q in zip(constant, outgoing[position], strict=True)]
    return net.replaced(nodes, tuple(constant))


def _mix_deep(net: DeepReLU, layer: int, T: Any, domain: Domain, shift: Any) -> DeepReLU:
    check_layer(net, layer)
    ends = as_box(domain, net.widths[0]).corners
    bounds = preactivation_bounds(net, ends)
    members = np.flatnonzero(bounds.lower[layer] >= 0)
    _square(T, len(members))
    check_nodes(net, layer, members.tolist())
    square = np.array(T, dtype=np.float64)
    weights, biases = list(net.weights), list(net.biases)
    incoming = np.linalg.solve(
        square, np.concatenate([weights[layer][members], biases[layer][members, None]], axis=1)
    )
    outgoing = weights[layer + 1][:, members] @ square
    lower, upper = functional_bounds(net, bounds, layer, incoming[:, :-1], incoming[:, -1])
    slack = SLACK * (np.abs(lower) + np.abs(upper))
    lift = np.where(lower >= 0, 0.0, slack - lower)
    if shift is not None:
        lift = np.array([float(v) for v in _shift(shift, len(members))])
        short = np.flatnonzero(lower + lift < 0)
        if len(short):
            at = int(short[0])
            raise ValueError(
                f"shift: entry {at} is {lift[at]:g}; node {int(members[at])} is proved to stay "
                f"active from {-lower[at]:g} on"
            )
    weights[layer], biases[layer] = weights[layer].copy(), biases[layer].copy()
    weights[layer][members], biases[layer][members] = incoming[:, :-1], incoming[:, -1] + lift
    weights[layer + 1] = weights[layer + 1].copy()
    weights[layer + 1][:, members] = outgoing
    biases[layer + 1] = biases[layer + 1] - outgoing @ lift
    return DeepReLU(weights, biases)


def _lowest(node: Node, domain: Domain) -> Fraction:
    """The least pre-activation on the domain."""
    if domain.inputs != len(node.w):
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {len(node.w)} inputs"
        )
    return dot(node.w, domain.highest([-v for v in node.w])) + node.b


def _square(T: Any, size: int) -> Matrix:
    if not size:
        raise ValueError(
            "net: no node of this layer is proved to be always active on the domain; there is "
            "nothing to mix"
        )
    rows = matrix(T, "T")
    if len(rows) != size or len(rows[0]) != size:
        raise ValueError(
            f"T: got {len(rows)} × {len(rows[0]) if rows else 0}; the layer has {size} always "
            f"active nodes, so {size} × {size}"
        )
    if rank(rows) < size:
        raise ValueError("T: its rows are linearly dependent; it should be invertible")
    return rows


def _shift(shift: Any, size: int) -> Vector:
    lifts = vector(shift, "shift")
    if len(lifts) != size:
        raise ValueError(
            f"shift: got {len(lifts)} numbers; the layer has {size} always active nodes, one "
            f"number each"
        )
    return lifts
