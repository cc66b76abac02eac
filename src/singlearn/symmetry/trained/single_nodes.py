"""Relations of one node: q = 0, w = 0, dead or always active on the domain."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from singlearn.symmetry.domain import Domain
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.relation import Relation, RelationKind, in_float
from singlearn.symmetry.two_layer.network import Node

ZERO = Fraction(0)


def snap_single_nodes(
    nodes: list[Node], units: BoxUnits, domain: Domain | None, relative_tolerance: Fraction
) -> tuple[list[Node], list[Relation]]:
    """Impose what nearly holds of one node.

    q = 0 where the largest output of the node is negligible beside that of all nodes; w = 0 where
    the preactivation hardly changes over the domain; dead or always active where the boundary
    misses the interior of the domain but for a negligible share of the preactivation.

    Args:
        nodes: the hidden nodes.
        units: of the domain.
        domain: where nodes may be dead or always active; ``None``: nowhere.
        relative_tolerance: share of the size of the terms that are compared.
    """
    sizes = [units.size(node) for node in nodes]
    largest = [
        max((abs(q) for q in node.q), default=ZERO) * size
        for node, size in zip(nodes, sizes, strict=True)
    ]
    total = sum(largest, ZERO)
    result, relations = [], []
    for i, (node, size, own) in enumerate(zip(nodes, sizes, largest, strict=True)):
        snapped, found = _snap_one(
            node, size, own / total if total else ZERO, units, domain, relative_tolerance
        )
        result.append(snapped)
        if found is not None:
            kind, gap = found
            relations.append(Relation(kind, (i,), in_float(gap)))
    return result, relations


def _snap_one(
    node: Node,
    size: Fraction,
    share: Fraction,
    units: BoxUnits,
    domain: Domain | None,
    relative_tolerance: Fraction,
) -> tuple[Node, tuple[RelationKind, Fraction] | None]:
    if not any(node.q):
        return node, (RelationKind.SILENT, ZERO)
    if not any(node.w):
        return node, (RelationKind.CONSTANT, ZERO)
    if share <= relative_tolerance:
        return replace(node, q=(ZERO,) * len(node.q)), (RelationKind.SILENT, share)
    slope = sum((abs(w) * h for w, h in zip(node.w, units.reach, strict=True)), ZERO)
    if slope <= relative_tolerance * size:
        return replace(node, w=(ZERO,) * len(node.w), b=node.preactivation(units.centre)), (
            RelationKind.CONSTANT,
            slope / size,
        )
    if domain is not None:
        low, high = domain.span(node.w, node.b)
        for end, kind, misses in (
            (high, RelationKind.DEAD, high <= 0),
            (low, RelationKind.BYPASSED, low >= 0),
        ):
            if abs(end) <= relative_tolerance * size:
                return (
                    (node, (kind, ZERO) if not end else None)
                    if misses
                    else (replace(node, b=node.b - end), (kind, abs(end) / size))
                )
    return node, None


def idle(node: Node, domain: Domain | None) -> bool:
    """Whether a node has no boundary (in the domain)."""
    if not any(node.q) or not any(node.w):
        return True
    if domain is None:
        return False
    low, high = domain.span(node.w, node.b)
    return high <= 0 or low >= 0


def always_active(node: Node, domain: Domain | None) -> bool:
    """Whether a node adds a slope on all of the domain."""
    return (
        domain is not None and any(node.q) and any(node.w) and domain.span(node.w, node.b)[0] >= 0
    )
