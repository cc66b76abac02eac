"""What every hidden node does: live, degenerate, dead, always active, or sharing its boundary."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.kink_form import Hyperplane, boundary
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU


class Role(StrEnum):
    """What a node does."""

    LIVE = "live"
    """Alone on an activation boundary."""
    SHARED = "shared"
    """On a boundary with another node of the same orientation."""
    OPPOSITE = "opposite"
    """On a boundary with another node of the opposite orientation."""
    SILENT = "q = 0"
    CONSTANT = "w = 0"
    DEAD = "dead"
    """Never active on the domain."""
    BYPASSED = "always active"
    """Active on all of the domain."""
    UNKNOWN = "not known"
    """In a deep network: neither proved to be dead or always active on the domain, nor seen to be
    neither.
    """


@dataclass(frozen=True)
class Roles:
    """What every node does: the groups in which nodes are free to move, by exact comparison.

    Attributes:
        off: never active (on the domain).
        bypassed: always active on the domain; on all of R^N only constants, w = 0 and b > 0, are.
        sides: the others, by activation boundary and orientation, with the factor ρ of ``(w, b) = ρ
            (normal, offset)``.
    """

    off: tuple[int, ...]
    bypassed: tuple[int, ...]
    sides: dict[Hyperplane, dict[int, list[tuple[int, float]]]]


def roles(net: TwoLayerReLU, domain: Domain | None) -> Roles:
    """Sort the nodes by what they do."""
    off, bypassed = [], []
    sides: dict[Hyperplane, dict[int, list[tuple[int, float]]]] = defaultdict(
        lambda: {1: [], -1: []}
    )
    for i, node in enumerate(net.nodes):
        low, high = _span(node, domain)
        if high is not None and high <= 0:
            off.append(i)
        elif low is not None and low >= 0:
            bypassed.append(i)
        else:
            plane, factor = boundary(node)
            sides[plane][1 if factor > 0 else -1].append((i, abs(float(factor))))
    return Roles(tuple(off), tuple(bypassed), dict(sides))


def node_roles(net: TwoLayerReLU, domain: Domain | None = None) -> tuple[Role, ...]:
    """The role of every node, by exact comparison; a node with q = 0 or w = 0 is that before
    anything else.

    >>> net = TwoLayerReLU([[1], [2], [0], [1]], [0, 0, 1, 5], [1, 1, 1, 0], 0)
    >>> [str(role) for role in node_roles(net)]
    ['shared', 'shared', 'w = 0', 'q = 0']
    """
    loud = [i for i, node in enumerate(net.nodes) if any(node.q) and any(node.w)]
    own = roles(net.replaced([net.nodes[i] for i in loud]), domain)
    found = [Role.SILENT if not any(node.q) else Role.CONSTANT for node in net.nodes]
    for position in own.off:
        found[loud[position]] = Role.DEAD
    for position in own.bypassed:
        found[loud[position]] = Role.BYPASSED
    for members in own.sides.values():
        for sign, same in members.items():
            for position, _ in same:
                found[loud[position]] = (
                    Role.SHARED if len(same) > 1 else Role.OPPOSITE if members[-sign] else Role.LIVE
                )
    return tuple(found)


def _span(node: Node, domain: Domain | None) -> tuple[Fraction | None, Fraction | None]:
    """Lowest and highest preactivation, ``None`` for infinite."""
    if not any(node.w):
        return node.b, node.b
    return (None, None) if domain is None else domain.span(node.w, node.b)
