"""What every hidden node of a smooth network does."""

from __future__ import annotations

from collections import defaultdict

from singlearn.symmetry.domain import Domain
from singlearn.symmetry.smooth.form import Unit, check_domain, unit_of
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.two_layer.roles import Role


def groups_of(net: TwoLayerSmooth) -> dict[Unit, dict[int, list[int]]]:
    """The nodes with q ≠ 0 and w ≠ 0 of every unit, by orientation."""
    found: dict[Unit, dict[int, list[int]]] = defaultdict(lambda: {1: [], -1: []})
    for i, node in enumerate(net.nodes):
        if any(node.q) and any(node.w):
            unit, sign = unit_of(node)
            found[unit][sign].append(i)
    return dict(found)


def smooth_roles(net: TwoLayerSmooth, domain: Domain | None = None) -> tuple[Role, ...]:
    """The role of every node, by exact comparison: live, shared, opposite, q = 0 or w = 0.

    Shared and opposite mean equal or opposite (w, b), scale included. No node is ever dead or
    always active on a domain.

    Args:
        net: the network.
        domain: changes nothing.

    Returns:
        One role per node.

    Raises:
        ValueError: a domain of another dimension.

    >>> net = TwoLayerSmooth("gelu", [[1], [-1], [2], [0]], [3, -3, 6, 1], [1, 1, 1, 1], 0)
    >>> [str(role) for role in smooth_roles(net)]
    ['opposite', 'opposite', 'live', 'w = 0']
    """
    check_domain(net, domain)
    found = [Role.SILENT if not any(node.q) else Role.CONSTANT for node in net.nodes]
    for members in groups_of(net).values():
        for sign, same in members.items():
            for i in same:
                found[i] = (
                    Role.SHARED if len(same) > 1 else Role.OPPOSITE if members[-sign] else Role.LIVE
                )
    return tuple(found)
