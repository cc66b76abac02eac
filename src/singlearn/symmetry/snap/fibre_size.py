"""Components and dimension of the parameters of a network's own width that compute its function."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from singlearn.symmetry.domain import Domain
from singlearn.symmetry.fibre import Fibre
from singlearn.symmetry.kink_form import boundary, kink_form
from singlearn.symmetry.network import TwoLayerReLU

MOST_KINKS = 16


def fibre_size(net: TwoLayerReLU, domain: Domain) -> tuple[int | None, int | None]:
    r"""``(components, dimension)`` on R^N, nodes that are dead on the domain left out; ``None`` for what is not known.

    With p kinks and e further nodes: from e = 3 on there is one component. Where every kink has nodes of one orientation,
    its largest dimension is :math:`p + e (N + 1)` (the classification of :mod:`singlearn.symmetry.fibre_component`). The rest is
    counted up to 16 kinks.

    Args:
        net: the network.
        domain: where nodes may be dead.
    """
    if net.outputs != 1:
        return None, None
    silent = (Fraction(0),)
    alive = [replace(node, q=silent) if any(node.w) and domain.span(node.w, node.b)[1] <= 0 else node for node in net.nodes]
    form = kink_form(net.replaced(alive))
    kinks = len(form.kinks)
    if kinks > MOST_KINKS:
        sides: dict[object, set[bool]] = {}
        for node in alive:
            if any(node.w) and any(node.q):
                plane, factor = boundary(node)
                sides.setdefault(plane, set()).add(factor > 0)
        balanced = all(plane in form.kinks and len(signs) == 1 for plane, signs in sides.items())
        excess = net.width - kinks
        return (1 if excess >= 3 else None), (kinks + excess * (net.inputs + 1) if balanced else None)
    found = Fibre(net.replaced(alive), form, net.width)
    try:
        return found.number, found.dimension if found.components else None
    except ValueError:
        return None, None
