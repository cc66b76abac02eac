"""An equivalent network of minimal width."""

from __future__ import annotations

from fractions import Fraction

from singlearn.numbers.rational import Vector
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.expansion import Expansion
from singlearn.symmetry.two_layer.kink_form import Hyperplane, boundary, kink_form
from singlearn.symmetry.two_layer.minimal_width import MinimalWidth, minimal_width
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU


def narrowest(net: TwoLayerReLU, domain: Domain | None = None) -> TwoLayerReLU:
    """The same function with as few hidden nodes as :func:`minimal_width` finds, in exact
    arithmetic.

    Where a node of the network lies on a kink its incoming weights are kept, so a trained network
    keeps its scales.

    Args:
        net: the network.
        domain: where the function is to be kept; ``None`` for all of R^N.

    Raises:
        ValueError: the domain has another dimension than the inputs.

    >>> wide = TwoLayerReLU(w=[[1], [2], [0], [-1]], b=[0, 0, 3, 1], q=[1, 1, 2, 0], c=0)
    >>> narrow = narrowest(wide)
    >>> narrow.width, narrow([2]) == wide([2])
    (1, True)
    """
    width = minimal_width(net, domain)
    result = built(net, width)
    if kink_form(result, domain) != width.form or result.width != width.upper:
        raise AssertionError("the compressed network is not the same function")
    return result


def built(net: TwoLayerReLU, width: MinimalWidth) -> TwoLayerReLU:
    """The network that a choice of orientations describes."""
    form, choice = width.form, width.choice
    models: dict[tuple[Hyperplane, bool], Node] = {}
    for node in net.nodes:
        if any(node.w) and any(node.q):
            plane, factor = boundary(node)
            models.setdefault((plane, factor > 0), node)
    nodes: list[Node] = []
    rest = Expansion((), form.linear, form.constant)

    def put(plane: Hyperplane, amount: Vector, sign: int) -> None:
        """Add ``amount ReLU(sign u)``; where it is reversed, :math:`a ReLU(u) = a ReLU(-u) + a u`
        leaves ``a u`` to the rest.
        """
        nonlocal rest
        if not any(amount):
            return
        normal = tuple(Fraction(v) for v in plane.normal)
        model = models.get(
            (plane, sign > 0),
            Node(tuple(sign * v for v in normal), Fraction(sign * plane.offset), amount),
        )
        size = abs(boundary(model)[1])
        nodes.append(Node(model.w, model.b, tuple(v / size for v in amount)))
        if sign < 0:
            rest = rest.plus_affine(Node(normal, Fraction(plane.offset), amount))

    for plane, total in form.kinks.items():
        if plane in choice.pairs:
            half = choice.pairs[plane]
            put(plane, tuple(a / 2 + v for a, v in zip(total, half, strict=True)), 1)
            put(plane, tuple(a / 2 - v for a, v in zip(total, half, strict=True)), -1)
        else:
            put(plane, total, choice.signs[plane])
    for value, normal in choice.terms:
        carriers = _carriers(value, normal, form.kinks, width.domain)
        nodes += carriers
        rest = rest.plus_affine(carriers[0], -1)
    if any(any(row) for row in rest.linear):
        raise AssertionError("a slope is left that no node carries")
    return net.replaced(nodes, rest.constant)


def _carriers(
    value: Vector, normal: Vector, kinks: dict[Hyperplane, Vector], domain: Domain | None
) -> list[Node]:
    """Nodes that add the slope ``value normal^T``: one always active on the domain, or two opposite
    ones on a boundary that is not a kink.
    """
    if domain is not None:
        low, _ = domain.span(normal, Fraction(0))
        return [Node(normal, -low, value)]
    offset = Fraction(0)
    while boundary(Node(normal, offset, value))[0] in kinks:
        offset += 1
    return [
        Node(normal, offset, value),
        Node(tuple(-v for v in normal), -offset, tuple(-v for v in value)),
    ]
