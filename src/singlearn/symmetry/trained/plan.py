"""Which relations a network is to satisfy, whatever they cost, and the network that does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from singlearn.numbers.rational import Matrix
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.trained.boundaries import Boundary, Seen, cancelled, gathered
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.relation import RelationKind
from singlearn.symmetry.trained.slopes import Slopes
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

ZERO = Fraction(0)
ANY_SIZE = Fraction(1)

Circuit = frozenset[int]
"""Leading nodes of the boundaries whose weights annihilate."""


@dataclass
class Plan:
    """Relations to impose.

    Attributes:
        silent: nodes whose outgoing weights become 0.
        shifted: nodes whose bias moves until they are dead or always active on the domain.
        clusters: nodes on one boundary, by the node whose boundary it is.
        cancelled: leading nodes of the boundaries whose kinks cancel.
        circuits: boundaries whose weights annihilate.
        bypassed: nodes that are always active already.
    """

    silent: set[int] = field(default_factory=set)
    shifted: dict[int, RelationKind] = field(default_factory=dict)
    clusters: dict[int, list[int]] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)
    circuits: list[Circuit] = field(default_factory=list)
    bypassed: tuple[int, ...] = ()

    def imposed(
        self, net: TwoLayerReLU, units: BoxUnits, domain: Domain, seen: dict[int, Seen]
    ) -> tuple[Slopes, list[int], list[Circuit]]:
        """The boundaries and nodes that satisfy the plan, the leading node of every boundary, and
        the circuits that could be imposed.

        Args:
            net: the network.
            units: of the domain.
            domain: bounded.
            seen: the nodes that have a boundary in the domain, in units of the box.
        """
        nodes = list(net.nodes)
        for i in self.silent:
            nodes[i] = replace(nodes[i], q=(ZERO,) * len(nodes[i].q))
        for i, kind in self.shifted.items():
            nodes[i] = shifted(nodes[i], kind, domain)
        boundaries: list[Boundary] = []
        leads = []
        for lead, cluster in self.clusters.items():
            boundaries.append(gathered(nodes, cluster, lead, seen, units)[0])
            leads.append(lead)
        for lead, boundary in zip(leads, boundaries, strict=True):
            if lead in self.cancelled:
                cancelled(nodes, boundary, ANY_SIZE)
        bypassed = [
            *self.bypassed,
            *(i for i, kind in self.shifted.items() if kind is RelationKind.BYPASSED),
        ]
        slopes = Slopes(nodes, boundaries, bypassed, units)
        accepted: list[tuple[RelationKind, Matrix]] = []
        kept: list[Circuit] = []
        place = {leads[g]: k for k, g in enumerate(slopes.kinked)}
        for circuit in self.circuits:
            if circuit <= place.keys():
                row = (
                    RelationKind.ANNIHILATE,
                    slopes.coefficients(sorted(place[lead] for lead in circuit), with_rest=False),
                )
                if slopes.impose([*accepted, row], ANY_SIZE / 4):
                    accepted.append(row)
                    kept.append(circuit)
        return slopes, leads, kept


def shifted(node: Node, kind: RelationKind, domain: Domain) -> Node:
    """Dead, or always active, on the domain: the boundary moves to where it touches it."""
    low, high = domain.span(node.w, node.b)
    return replace(node, b=node.b - (high if kind is RelationKind.DEAD else low))
