"""Components and dimension of the parameters of a network's own width that compute its function."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import replace
from fractions import Fraction

from singlearn.symmetry.fibre.balance import SlopeBalance
from singlearn.symmetry.fibre.fibre import Fibre
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, boundary, kink_form
from singlearn.symmetry.two_layer.network import TwoLayerReLU

MOST_KINKS_MINIMAL = 20
MOST_KINKS_WIDER = 10
"""With one or two nodes beyond one per kink the orientation patterns are listed."""


def fibre_size(net: TwoLayerReLU, dead: Set[int]) -> tuple[int | None, int | None]:
    r"""``(components, dimension)`` on R^N, nodes that are dead on the domain left out; ``None`` for
    what is not known.

    With p kinks and e further nodes: for e = 0 there are :math:`p!\,|Σ_0|` components of dimension
    p, from e = 3 on there is one. Where every kink has nodes of one orientation, the largest
    dimension is :math:`p + e (N + 1)` (the classification of
    :mod:`singlearn.symmetry.fibre.components`).

    Args:
        net: the network.
        dead: nodes that are left out.
    """
    if net.outputs != 1:
        return None, None
    silent = (Fraction(0),)
    alive = [replace(node, q=silent) if i in dead else node for i, node in enumerate(net.nodes)]
    form = kink_form(net.replaced(alive))
    kinks = len(form.kinks)
    excess = net.width - kinks
    if excess == 0:
        balanced = SlopeBalance.of(form).solutions(()) if kinks <= MOST_KINKS_MINIMAL else None
        return None if balanced is None else math.factorial(kinks) * len(balanced), kinks
    if excess < 3 and kinks <= MOST_KINKS_WIDER:
        found = Fibre(net.replaced(alive), form, net.width)
        return found.number, found.dimension
    return (1 if excess >= 3 else None), _largest_dimension(net.replaced(alive), form)


def _largest_dimension(net: TwoLayerReLU, form: KinkForm) -> int | None:
    kinks, idle = len(form.kinks), net.inputs + 1
    excess = net.width - kinks
    sides: dict[Hyperplane, set[bool]] = {}
    for node in net.nodes:
        if any(node.w) and any(node.q):
            plane, factor = boundary(node)
            sides.setdefault(plane, set()).add(factor > 0)
    # On one side alone, what cancels adds nothing and what is left is one node per kink.
    if all(len(signs) == 1 for signs in sides.values()):
        return kinks + excess * idle
    if kinks > MOST_KINKS_MINIMAL or excess < 3:
        return None
    balance = SlopeBalance.of(form)
    if balance.solutions(()):
        return kinks + excess * idle
    if any(balance.solutions((k,)) for k in range(kinks)):
        return kinks + 1 + (excess - 1) * idle
    return kinks + 3 + (excess - 2) * idle
