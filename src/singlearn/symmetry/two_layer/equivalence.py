"""Whether two networks are the same function, with a proof either way."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from singlearn.numbers.rational import Number, rational
from singlearn.results.caution import Caution, Reason
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.hint import equal_up_to_rounding
from singlearn.symmetry.trained.pair import SnappedPair, snap_pair
from singlearn.symmetry.trained.tolerance import LARGEST
from singlearn.symmetry.two_layer.distance import Distance, require_same_shape, sup_distance
from singlearn.symmetry.two_layer.kink_form import KinkForm, kink_form, short
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.transformation import Transformation, find_transformation
from singlearn.symmetry.two_layer.witness import Witness, find_witness


@dataclass(frozen=True)
class Equivalence(Answer):
    """The answer of :func:`singlearn.symmetry.equivalent`; true or false as a condition.

    Attributes:
        a, b: the networks.
        domain: where they were compared; ``None`` for all of R^N.
        forms: their kink forms there.
        tolerance: up to which they were compared; 0 for exact equality.
        distance: the largest difference, where a tolerance was given.
    """

    a: TwoLayerReLU
    b: TwoLayerReLU
    domain: Domain | None
    forms: tuple[KinkForm, KinkForm]
    tolerance: Fraction = Fraction(0)
    distance: Distance | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the two are exactly the same function."""
        return self.forms[0] == self.forms[1]

    @property
    def is_undecided(self) -> bool:
        """Whether the tolerance lies between the bounds on the distance; the answer then is false,
        for want of a proof.
        """
        return (
            not self.is_exact
            and self.distance is not None
            and self.distance.lower <= self.tolerance < self.distance.upper
        )

    def __bool__(self) -> bool:
        return self.is_exact or (
            self.distance is not None and self.distance.upper <= self.tolerance
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That the tolerance lies between the bounds on the distance, where it does."""
        return (Caution(Reason.UNDECIDED, str(self)),) if self.is_undecided else ()

    def to_dict(self) -> dict[str, Any]:
        """The answer, and the networks and distances that it is about."""
        return {"equivalent": bool(self), "is_exact": self.is_exact, **super().to_dict()}

    @cached_property
    def transformation(self) -> Transformation | None:
        """Steps that turn the first network into the second, where they are exactly equal."""
        return find_transformation(self.a, self.b, self.domain) if self.is_exact else None

    @cached_property
    def snapped(self) -> SnappedPair | None:
        """Where they are equal up to the tolerance but not exactly: networks no further than it
        from them that are one function.
        """
        if self.is_exact or not self or self.distance is None or self.domain is None:
            return None
        sizes = [
            max(abs(q) for q in node.q) * BoxUnits.of(self.domain).size(node)
            for net in (self.a, self.b)
            for node in net.nodes
        ]
        relative = min(self.tolerance / (sum(sizes, Fraction(0)) or Fraction(1)), Fraction(LARGEST))
        for tried in (relative, 16 * relative):
            pair = snap_pair(self.a, self.b, self.domain, min(tried, Fraction(LARGEST)))
            if pair is not None and all(
                distance.upper <= self.tolerance for distance in pair.distances
            ):
                return pair
        return None

    @cached_property
    def witness(self) -> Witness | None:
        """A point where the two differ, and which kink or slope does, where they are not exactly
        equal.
        """
        return None if self.is_exact else find_witness(self.a, self.b, *self.forms, self.domain)

    def __str__(self) -> str:
        where = "" if self.domain is None else " on the domain"
        if self.is_exact:
            return f"the same function{where}\n{self.transformation}"
        if self.distance is None:
            rounding = equal_up_to_rounding(self.a, self.b, self.domain)
            return f"different functions{where}: {self.witness}" + (
                f"\n{rounding}" if rounding else ""
            )
        if self.is_undecided:
            return f"not shown to be equal up to {short(self.tolerance)}{where}: {self.distance}"
        verdict = (
            f"equal up to {short(self.tolerance)}"
            if self
            else f"not equal up to {short(self.tolerance)}"
        )
        exactly = f"\n{self.snapped.sentence}" if self.snapped is not None else ""
        return f"{verdict}{where}: {self.distance}{exactly}"


def equivalent_two_layer(
    a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain | None = None, tolerance: Number | None = None
) -> Equivalence:
    """Decide whether two networks are the same function, on all of R^N or on a domain, in exact
    arithmetic.

    They are exactly when their kink forms agree. Trained networks, whose parameters carry rounding
    or noise, are compared with ``tolerance=``: equal if the largest difference on the (bounded)
    domain is at most that.

    Args:
        a, b: networks with the same inputs and outputs.
        domain: a ``Box`` or ``Polytope``; ``None`` for all of R^N.
        tolerance: ε ≥ 0, in units of the output; needs a domain.

    Raises:
        ValueError: shapes that do not fit together, a negative tolerance, or a tolerance without a
            domain.

    >>> f = TwoLayerReLU(w=[[1], [-1]], b=[1, 1], q=[1, 1], c=0)
    >>> g = TwoLayerReLU(w=[[-1], [1]], b=[-1, -1], q=[1, 1], c=2)
    >>> print(equivalent_two_layer(f, g))
    the same function
    1. reverse node 1
    2. reverse node 0
    the weights that turn round annihilate: (-1) + (1) = 0
    >>> print(equivalent_two_layer(f, TwoLayerReLU([[1]], [1], [1], 0)))
    different functions: at x = (0) the first gives 2, the second 1; the total kink on x - 1 = 0
    is 1 in the first and 0
    in the second
    """
    require_same_shape(a, b)
    forms = kink_form(a, domain), kink_form(b, domain)
    if tolerance is None:
        return Equivalence(a, b, domain, forms)
    bound = rational(tolerance, "tolerance")
    if bound < 0:
        raise ValueError(f"tolerance: got {tolerance}; it should be at least 0")
    if domain is None:
        raise ValueError(
            "tolerance: two networks that differ at all can differ by any amount on all of R^N; "
            "give a domain"
        )
    return Equivalence(a, b, domain, forms, bound, sup_distance(a, b, domain))
