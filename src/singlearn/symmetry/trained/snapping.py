"""The nearest network found in which relations that nearly hold are exactly true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar, overload

from singlearn.results.result import Answer
from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.domain import Domain, DomainLike, as_domain
from singlearn.symmetry.trained.answers import about
from singlearn.symmetry.trained.boundaries import PAIRS_OF_ROUNDING, snap_boundaries, snap_kinks
from singlearn.symmetry.trained.box_units import BoxUnits, box_around_kinks
from singlearn.symmetry.trained.distance import moved_distance
from singlearn.symmetry.trained.relation import Relation
from singlearn.symmetry.trained.sentences import described, relations_in_words, rounded_up
from singlearn.symmetry.trained.single_nodes import always_active, idle, snap_single_nodes
from singlearn.symmetry.trained.slopes import Slopes, snap_slopes
from singlearn.symmetry.trained.snapping_deep import DeepSnap, snap_deep
from singlearn.symmetry.trained.tolerance import RelativeTolerance, as_relative_tolerance
from singlearn.symmetry.trained.vanishing_sums import VanishingSums
from singlearn.symmetry.two_layer.distance import Distance
from singlearn.symmetry.two_layer.network import TwoLayerReLU

T = TypeVar("T")

ACCIDENTS_OF_ROUNDING = 1e-4
ACCIDENTS_ASKED_FOR = 0.05


@dataclass(frozen=True)
class Snap(Answer):
    """A network beside the one it was snapped to.

    Attributes:
        original: what was given.
        net: the snapped network, in exact rationals; node i is node i of the original, moved.
        relative_tolerance: relative size of what was taken to be rounding.
        domain: where the networks are compared; the box around the kinks if none was given.
        on_domain: whether nodes may be dead or always active there, that is, whether a domain was
            given.
        relations: what holds exactly in ``net``: found already exact, or imposed.
        distance: the certified largest difference of the two networks' outputs on the domain.
        accidents: subsets of weights that annihilate within the tolerance, of a size of which
            chance makes as many; not imposed.
        subset_sizes: sizes of subset of which all were searched for annihilation.
    """

    original: TwoLayerReLU
    net: TwoLayerReLU
    relative_tolerance: float
    domain: Domain
    on_domain: bool
    relations: tuple[Relation, ...]
    distance: Distance
    accidents: int
    subset_sizes: tuple[int, ...]

    @property
    def imposed(self) -> tuple[Relation, ...]:
        """The relations that did not hold exactly before."""
        return tuple(relation for relation in self.relations if not relation.was_exact)

    @property
    def changed(self) -> bool:
        """Whether any parameter was moved."""
        return self.original != self.net

    @property
    def sentence(self) -> str:
        """What is exact about an answer that was given about ``net``."""
        where = described(self.domain)
        left_out = (
            f" {self.accidents} subset{'s' * (self.accidents != 1)} of weights annihilate within "
            f"the tolerance too, as many as chance "
            "makes: not imposed."
            if self.accidents
            else ""
        )
        if not self.changed:
            return (
                f"Exactly true of your network: nothing had to be moved at a relative "
                f"tolerance of {self.relative_tolerance:.1g}.{left_out}"
            )
        return (
            f"Exactly true of a network within {rounded_up(self.distance.upper)} of yours "
            f"{where}.{left_out}"
        )

    def about(self, result: T) -> T:
        """An answer about ``net``, with this beside it."""
        found: T = about(result, self)
        return found

    def __str__(self) -> str:
        if not self.changed:
            lines = [
                f"nothing to impose at a relative tolerance of {self.relative_tolerance:.1g}: the "
                "network is as it was"
            ]
        else:
            lines = [
                f"{len(self.imposed)} relation{'s' * (len(self.imposed) != 1)} imposed at a "
                f"relative tolerance of {self.relative_tolerance:.1g}; "
                f"the outputs differ by at most {rounded_up(self.distance.upper)} "
                f"{described(self.domain)}"
            ]
        lines += relations_in_words(self.relations)
        if self.accidents:
            lines.append(
                f"  {self.accidents} subset{'s' * (self.accidents != 1)} of weights annihilate "
                f"within the tolerance, "
                "no more than by chance: not imposed"
            )
        return "\n".join(lines)


@overload
def snap(
    net: TwoLayerReLU,
    relative_tolerance: RelativeTolerance | None = None,
    domain: DomainLike | None = None,
) -> Snap: ...
@overload
def snap(
    net: DeepReLU,
    relative_tolerance: RelativeTolerance | None = None,
    domain: DomainLike | None = None,
) -> DeepSnap: ...


def snap(
    net: TwoLayerReLU | DeepReLU,
    relative_tolerance: RelativeTolerance | None = None,
    domain: DomainLike | None = None,
) -> Snap | DeepSnap:
    r"""The nearest network found in which approximate relations hold exactly, and how far its
    outputs are.

    Looked for, in this order: q = 0; w = 0; nodes dead or always active on the domain; boundaries
    that coincide; kinks that cancel on a boundary; weights that annihilate, :math:`\sum_S A_k z_k =
    0`, and slopes that cancel; parallel boundaries. A relation is imposed where it misses by at
    most ``relative_tolerance`` times the size of the terms it compares: the preactivation's
    :math:`|w||x| + |b|` on the domain, the sum of the |q| on a boundary, the sum of the :math:`|A_k
    z_k|`. Subsets that annihilate are imposed only where chance would not make as many; what is
    imposed is solved in rational arithmetic.

    Args:
        net: the network; a deep one is snapped layer by layer on a ``Box``, without sets of weights
            that annihilate.
        relative_tolerance: by default, or with "rounding", 64 units of rounding of the float type
            of the weights: 7e-15 in float64, 4e-6 in float32, 0 for exact weights, where nothing
            is moved.
        domain: where outputs are compared and nodes may be dead or always active. Without one
            relations are those on all of R^N, and outputs are compared on a box around the kinks.

    Returns:
        The snapped network, the relations, and the certified largest difference: exact for up to
        three inputs, a proven bound beyond.

    Raises:
        ValueError: another dimension of the domain, a deep network without a box, or a tolerance
            that is none.

    >>> import numpy as np
    >>> from singlearn.symmetry import Box
    >>> angle = np.pi / 3 + 2 * np.pi * np.arange(3) / 3
    >>> w = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> found = snap(
    ...     TwoLayerReLU(w, np.full(3, -1 / 3), np.ones(3), 0.0), domain=Box([-1, -1], [1, 1])
    ... )
    >>> [str(relation.kind) for relation in found.imposed], float(found.distance.upper) < 1e-15
    (['weights annihilate'], True)
    """
    domain = as_domain(domain, net.widths[0] if isinstance(net, DeepReLU) else net.inputs)
    if isinstance(net, DeepReLU):
        return snap_deep(net, relative_tolerance, domain)
    if domain is not None and not isinstance(domain, Domain):
        raise ValueError(f"domain: got {type(domain).__name__}; it should be a Box or a Polytope")
    if domain is not None and domain.inputs != net.inputs:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.inputs} inputs"
        )
    if isinstance(relative_tolerance, Domain):
        raise ValueError(
            "relative_tolerance: got a domain; the order is snap(net, relative_tolerance, domain), "
            "or write domain="
        )
    relative = as_relative_tolerance(net, relative_tolerance)
    accidents = (
        ACCIDENTS_OF_ROUNDING
        if relative_tolerance is None or relative_tolerance == "rounding"
        else ACCIDENTS_ASKED_FOR
    )
    where = box_around_kinks(net) if domain is None else domain
    return snapped_on(net, Fraction(relative), domain, where, accidents)


def snapped_on(
    net: TwoLayerReLU,
    relative_tolerance: Fraction,
    domain: Domain | None,
    where: Domain,
    accidents: float,
) -> Snap:
    """:func:`snap` with everything said: where nodes may be dead, where outputs are compared, how
    many accidents are allowed.
    """
    snapped, relations, sums = structured(net, relative_tolerance, domain, where, accidents)
    distance = moved_distance(net, snapped, where)
    return Snap(
        net,
        snapped,
        float(relative_tolerance),
        where,
        domain is not None,
        relations,
        distance,
        sums.accidents,
        sums.sizes,
    )


def structured(
    net: TwoLayerReLU,
    relative_tolerance: Fraction,
    domain: Domain | None,
    where: Domain,
    accidents: float,
) -> tuple[TwoLayerReLU, tuple[Relation, ...], VanishingSums]:
    """The snapped network and its relations, without how far it is."""
    units = BoxUnits.of(where)
    pairs = PAIRS_OF_ROUNDING if accidents < PAIRS_OF_ROUNDING else math.inf
    nodes, relations = snap_single_nodes(list(net.nodes), units, domain, relative_tolerance)
    active = [i for i, node in enumerate(nodes) if not idle(node, domain)]
    nodes, boundaries, found = snap_boundaries(nodes, active, units, relative_tolerance, pairs)
    relations += found
    nodes, found = snap_kinks(nodes, boundaries, relative_tolerance)
    relations += found
    bypassed = [i for i, node in enumerate(nodes) if always_active(node, domain)]
    slopes = Slopes(nodes, boundaries, bypassed, units)
    found, sums = snap_slopes(slopes, relative_tolerance, accidents)
    relations += found
    return net.replaced(slopes.nodes).after_snapping(None), tuple(relations), sums
