"""Snapping a deep network, layer by layer: the result is in float64, and what was imposed holds
exactly of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import numpy as np

from singlearn.results.result import Answer
from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.rounding import gamma
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.trained.answers import about
from singlearn.symmetry.trained.boundaries import PAIRS_OF_ROUNDING, clusters_of
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.distance import step_bound
from singlearn.symmetry.trained.relation import Relation, RelationKind, in_float
from singlearn.symmetry.trained.sentences import described, relations_in_words, rounded_up
from singlearn.symmetry.trained.single_nodes import idle, snap_single_nodes
from singlearn.symmetry.trained.tolerance import RelativeTolerance, as_relative_tolerance
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

T = TypeVar("T")

NARROWEST = 2.0**-40
"""Of a box that dead nodes would make flat."""
POINTS = 1000
ONE = Fraction(1)


@dataclass(frozen=True, eq=False)
class DeepSnap(Answer):
    """A deep network beside the one it was snapped to.

    Attributes:
        original: what was given.
        net: the snapped network, in float64; node i of a layer is node i of the original, moved.
        relative_tolerance: relative size of what was taken to be rounding.
        domain: where the networks are compared.
        relations: what holds exactly in ``net``: found already exact, or imposed; each with its
            hidden layer.
        bound: proved to be no smaller than the largest change of an output on the domain.
        seen: the largest change at 1,000 random points of it.
    """

    original: DeepReLU
    net: DeepReLU
    relative_tolerance: float
    domain: Box
    relations: tuple[Relation, ...]
    bound: float
    seen: float

    @property
    def imposed(self) -> tuple[Relation, ...]:
        """The relations that did not hold exactly before."""
        return tuple(relation for relation in self.relations if not relation.was_exact)

    @property
    def changed(self) -> bool:
        """Whether any parameter was moved."""
        return self.net is not self.original

    @property
    def sentence(self) -> str:
        """What is exact about an answer that was given about ``net``."""
        if not self.changed:
            return (
                "Exactly true of your network: nothing had to be moved at a relative tolerance of "
                f"{self.relative_tolerance:.1g}."
            )
        within = rounded_up(Fraction(self.bound))
        return f"Exactly true of a network within {within} of yours {described(self.domain)}."

    def about(self, result: T) -> T:
        """An answer about ``net``, with this beside it."""
        found: T = about(result, self)
        return found

    def __str__(self) -> str:
        if not self.changed:
            first = (
                f"nothing to impose at a relative tolerance of {self.relative_tolerance:.1g}: the "
                f"network is as it was"
            )
        else:
            count = len(self.imposed)
            first = (
                f"{count} relation{'s' * (count != 1)} imposed at a relative tolerance of "
                f"{self.relative_tolerance:.1g}; "
                f"the outputs differ by at most {rounded_up(Fraction(self.bound))} "
                f"{described(self.domain)} (proved), "
                f"by {self.seen:.1g} at {POINTS} points"
            )
        return "\n".join([first, *relations_in_words(self.relations)])


def snap_deep(
    net: DeepReLU, relative_tolerance: RelativeTolerance | None, domain: Domain | None
) -> DeepSnap:
    r"""Impose, layer by layer, what nearly holds of the nodes of a layer on the proven range of the
    layer before.

    q = 0, w = 0, dead and always active nodes, and boundaries that coincide: the later node gets
    the incoming weights of the first one times a power of two, which float64 holds exactly, its
    outgoing weights what is left of the ratio. Sets of weights that annihilate are not looked for.
    The change of the outputs is bounded by the sum over the layers of the change that the next
    layer sees, times :math:`\prod_{l' > l + 1} \|W^{l'}\|_\infty`.

    Args:
        net: the network.
        relative_tolerance: relative, as for two-layer networks.
        domain: a ``Box``.

    Raises:
        ValueError: no domain, or one that is not a box.
    """
    if not isinstance(domain, Box):
        what = "None" if domain is None else type(domain).__name__
        raise ValueError(
            f"domain: got {what}; a deep network is snapped on a Box, where its nodes' ranges are "
            f"bounded"
        )
    if domain.inputs != net.widths[0]:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.widths[0]} inputs"
        )
    relative = max(
        (
            as_relative_tolerance(_layer(net, layer), relative_tolerance)
            for layer in range(net.hidden_layers)
        ),
        default=0.0,
    )
    pairs = (
        PAIRS_OF_ROUNDING
        if relative_tolerance is None or relative_tolerance == "rounding"
        else math.inf
    )
    current, relations, bound = net, [], Fraction(0)
    for layer in range(net.hidden_layers):
        box = reading_box(current, domain, layer)
        own = _layer(current, layer)
        snapped, moved, found = _snap_layer(own, box, Fraction(relative), pairs)
        relations += [replace(one, layer=layer) for one in found]
        if moved:
            change = step_bound(moved, (Fraction(0),) * own.outputs, box)
            bound += change * Fraction(amplification(net, layer))
            w, b, q, _ = snapped.arrays()
            weights, biases = list(current.weights), list(current.biases)
            weights[layer], biases[layer], weights[layer + 1] = w, b, q
            current = DeepReLU(weights, biases)
    points = _points(domain)
    seen = float(np.abs(net(points) - current(points)).max()) if current is not net else 0.0
    above = math.nextafter(float(bound), math.inf) if bound else 0.0
    return DeepSnap(net, current, relative, domain, tuple(relations), above, seen)


def amplification(net: DeepReLU, layer: int) -> float:
    """By how much a change of the preactivations after a hidden layer can grow until the outputs,
    in the largest entry.
    """
    factor = 1.0
    for weight in net.weights[layer + 2 :]:
        factor *= float(np.abs(weight).sum(axis=1).max()) * (1 + 4 * gamma(weight.shape[1] + 4))
    return factor


def reading_box(net: DeepReLU, domain: Box, layer: int) -> Box:
    """The proven range of what a layer reads."""
    if layer == 0:
        return domain
    low, high = preactivation_bounds(net, domain.corners).activations(layer)
    return Box(low, np.maximum(high, low + NARROWEST * np.maximum(1.0, low)))


def _layer(net: DeepReLU, layer: int) -> TwoLayerReLU:
    return TwoLayerReLU(
        net.weights[layer], net.biases[layer], net.weights[layer + 1], net.biases[layer + 1]
    )


def _snap_layer(
    own: TwoLayerReLU, box: Box, relative_tolerance: Fraction, accidents_allowed: float
) -> tuple[TwoLayerReLU, list[tuple[Node, Node]], list[Relation]]:
    """One hidden layer, every number rounded to float64 such that the relations stay exact; the
    nodes that moved, each beside what it was in the same scale.
    """
    scales: dict[int, Fraction] = {}
    units = BoxUnits.of(box)
    nodes, relations = snap_single_nodes(list(own.nodes), units, box, relative_tolerance)
    kinds = {one.nodes[0]: one.kind for one in relations if not one.was_exact}
    for i, kind in kinds.items():
        nodes[i] = _in_float64(nodes[i], kind)
    active = [i for i, node in enumerate(nodes) if not idle(node, box)]
    for cluster, lead, seen in clusters_of(
        nodes, active, units, relative_tolerance, accidents_allowed
    ):
        first, largest = nodes[lead], Fraction(0)
        for i in cluster:
            sign, gap = seen[lead].compared(seen[i]) if i != lead else (1, Fraction(0))
            largest = max(largest, gap)
            if gap:
                ratio = abs(
                    seen[i].factor(seen[lead], sign, exact=True)
                    / seen[lead].factor(seen[lead], 1, exact=True)
                )
                power = Fraction(2) ** round(
                    math.log2(ratio.numerator) - math.log2(ratio.denominator)
                )
                q = tuple(Fraction(float(v * ratio / power)) for v in nodes[i].q)
                scales[i] = power / ratio
                nodes[i] = Node(tuple(sign * power * v for v in first.w), sign * power * first.b, q)
        if len(cluster) > 1:
            relations.append(Relation(RelationKind.BOUNDARY, tuple(cluster), in_float(largest)))
    moved = [
        (node.scaled(scales.get(i, ONE)), nodes[i])
        for i, node in enumerate(own.nodes)
        if node != nodes[i]
    ]
    return own.replaced(nodes), moved, relations


def _in_float64(node: Node, kind: RelationKind) -> Node:
    """The bias rounded to the side on which the relation holds."""
    rounded = float(node.b)
    if kind is RelationKind.DEAD and Fraction(rounded) > node.b:
        rounded = math.nextafter(rounded, -math.inf)
    if kind is RelationKind.BYPASSED and Fraction(rounded) < node.b:
        rounded = math.nextafter(rounded, math.inf)
    return replace(node, b=Fraction(rounded))


def _points(domain: Box) -> np.ndarray:
    low, high = (np.array([float(v) for v in ends]) for ends in (domain.lower, domain.upper))
    found: np.ndarray = low + (high - low) * np.random.default_rng(0).random((POINTS, len(low)))
    return found
