"""The Newton polyhedron of a chart, face by face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb, inf
from typing import Any

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.bound import NEVER, Bound, Key
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.fan import Cone, Fan, Vector, normal_fan
from singlearn.exact.resolve.squares import sum_of_squares
from singlearn.exact.resolve.torus import EXCLUDED, zeros
from singlearn.exact.resolve.witness import ZeroWitness, real_zero
from singlearn.numbers.linear_algebra import rank_of_integers

MOST_FOR_A_FACE = 16
"""Monomials of the roots, where the polynomial of a face is written as a sum of squares."""

LARGEST_MINOR = 6
"""Rows of a minor; larger ones have too many terms to be expanded in time."""

HIGHEST_CONTACT = 12
"""Orders of derivatives that are tried."""


@dataclass(frozen=True)
class TransversalCrossing:
    """Strict transforms that meet transversally at a face: which factors, and evidence that they do
    in a real point.
    """

    factors: tuple[int, ...]
    witness: ZeroWitness | None


class Newton:
    """Rays, faces and the pole that the polyhedron alone would give.

    Args:
        chart: with its generators free of a common monomial.
        check: raises when time is up.
    """

    def __init__(self, chart: Chart, check: Callable[[], None] = lambda: None) -> None:
        self.chart, self.check = chart, check
        self.count = len(chart.local)
        points = {e[: self.count] for g in chart.generators for e in terms_of(g)}
        shifts = {e[: self.count] for e in terms_of(chart.prior)}
        if len(shifts) > 1:
            points = {
                tuple(a + b for a, b in zip(p, s, strict=True)) for p in points for s in shifts
            }
        self.fan: Fan = normal_fan(sorted(points), check)
        self.ratio = {ray: self._ratio(ray) for ray in self.fan.rays}
        self.factors = self._factors()

    def _ratio(self, ray: Vector) -> Fraction | float:
        order = self.order(ray)
        return Fraction(self.density(ray), order) if order else inf

    def density(self, ray: Vector) -> int:
        """1 + the order of the density along the divisor of the ray, the Jacobian included."""
        own = sum(r * (h + 1) for r, h in zip(ray, self.chart.weights, strict=True))
        return own + _order(self.chart.prior, ray)

    def order(self, ray: Vector) -> int:
        """Of K along the divisor of the ray."""
        monomial = sum(r * k for r, k in zip(ray, self.chart.exponents, strict=True))
        return self.chart.power * (monomial + min(_order(g, ray) for g in self.chart.generators))

    def _factors(self) -> list[tuple[Poly, int]]:
        """The factors of a single generator with multiplicities; several generators, each once."""
        if len(self.chart.generators) > 1:
            return [(g, 1) for g in self.chart.generators]
        if self.chart.relations:
            return [(self.chart.generators[0], 1)]
        return [(p, int(s)) for p, s in self.chart.generators[0].factor()[1]]

    def monomial_key(self) -> Key:
        """(λ, -m) that the polyhedron alone gives: never below the true one (K is at most a
        constant times its monomials).
        """
        best = min(self.ratio.values(), default=inf)
        if best == inf:
            return NEVER
        return best, -max(
            self._meeting(cone, best) for cone in self.fan.cones if cone.dimension == self.count
        )

    def cone_key(self, cone: Cone) -> Key:
        """The same for the divisors of one cone."""
        best = min((self.ratio[ray] for ray in cone.rays), default=inf)
        return NEVER if best == inf else (best, -self._meeting(cone, best))

    def _meeting(self, cone: Cone, value: Fraction | float) -> int:
        return rank_of_integers([ray for ray in cone.rays if self.ratio[ray] == value])

    def initial(self, poly: Poly, cone: Cone, lowest: int | None = None) -> Poly:
        """The terms on the face; 0 if the polynomial does not come down to ``lowest``."""
        weight = cone.interior
        order = _order(poly, weight)
        if lowest is not None and order > lowest:
            found: Poly = self.chart.ring.constant(0)
            return found
        terms = {e: c for e, c in terms_of(poly).items() if _dot(weight, e) == order}
        found = self.chart.ring.from_dict(terms)
        return found

    def face_generators(self, cone: Cone) -> list[Poly]:
        """One per generator, 0 for those that do not reach the face."""
        lowest = min(_order(g, cone.interior) for g in self.chart.generators)
        return [self.initial(g, cone, lowest) for g in self.chart.generators]

    def excluded(self, cone: Cone) -> str:
        """How a common zero of the face polynomials was excluded, or ``real`` or ``unknown``."""
        system = [*self.face_generators(cone), *self.chart.base_relations]
        return zeros(self.chart, system)

    def squares(self, cone: Cone) -> list[tuple[Any, Poly]] | None:
        """The face polynomial of a single generator as a sum of squares without a common zero."""
        if len(self.chart.generators) != 1:
            return None
        found = sum_of_squares(self.face_generators(cone)[0], self.check, MOST_FOR_A_FACE)
        if (
            not found
            or zeros(self.chart, [*(g for _, g in found), *self.chart.base_relations])
            not in EXCLUDED
        ):
            return None
        return found

    def singular(self, polys: Sequence[Poly], required: int) -> list[Poly] | None:
        """Equations of the common zeros where the polys have fewer independent differentials; None
        if there are too many minors.
        """
        relations = list(self.chart.base_relations)
        system = [*polys, *relations]
        size = required + len(relations)
        names = [i for i in range(len(self.chart.names)) if any(p.degrees()[i] for p in system)]
        if (
            size > min(len(names), LARGEST_MINOR)
            or comb(len(system), size) * comb(len(names), size) > 300
        ):
            return None
        rows = [[p.derivative(i) for i in names] for p in system]
        minors = []
        for chosen in combinations(range(len(system)), size):
            for columns in combinations(range(len(names)), size):
                minors.append(_determinant([[rows[r][c] for c in columns] for r in chosen]))
        return [*system, *minors]

    def rank_at_least(
        self, polys: Sequence[Poly], required: int, avoid: Sequence[Poly] = ()
    ) -> bool:
        """At every common zero on the torus, off the zeros of ``avoid``, the polys have that many
        independent differentials.
        """
        system = self.singular(polys, required)
        return system is not None and zeros(self.chart, system, avoid) in EXCLUDED

    def subsets(self, cone: Cone) -> list[tuple[int, ...]] | None:
        """Which strict transforms may meet on the face; None where the question does not apply."""
        parts = [self.initial(p, cone) for p, _ in self.factors]
        if len(self.chart.generators) > 1:
            if any(p == 0 for p in self.face_generators(cone)) or len(parts) > self.count + len(
                self.chart.units
            ):
                return None
            return [tuple(range(len(parts)))]
        free = self.chart.free_places
        live = [
            i
            for i, p in enumerate(parts)
            if len(terms_of(p)) > 1 or any(p.degrees()[j] for j in free)
        ]
        if len(live) > 5:
            return None
        return [s for size in range(1, len(live) + 1) for s in combinations(live, size)]

    def crossing(
        self, cone: Cone, avoid: Sequence[Poly] = ()
    ) -> tuple[list[TransversalCrossing], Bound] | None:
        """If the strict transforms cross the divisors of the cone normally, off the zeros of
        ``avoid``: who meets whom, and the pole.
        """
        subsets = self.subsets(cone)
        if subsets is None:
            return None
        chart = self.chart
        whole = len(chart.generators) > 1
        parts = [self.initial(p, cone) for p, _ in self.factors]
        power = chart.power
        bound = Bound(NEVER, NEVER)
        found = []
        empty: list[set[int]] = []
        for subset in subsets:
            self.check()
            if any(known <= set(subset) for known in empty):
                continue
            polys = [parts[i] for i in subset]
            if zeros(chart, [*polys, *chart.base_relations]) in EXCLUDED:
                empty.append(set(subset))
                continue
            if not self.rank_at_least(polys, len(polys), avoid):
                return None
            witness = None
            if chart.real and self._prior_is_unit(cone, polys):
                witness = real_zero(
                    [*polys, *chart.base_relations], len(chart.names), [*chart.nonzero, *avoid]
                )
            strict = (
                [Fraction(len(subset), power)]
                if whole
                else [Fraction(1, power * self.factors[i][1]) for i in subset]
            )
            key = self._crossing_key(cone, strict)
            bound = bound.meet(Bound(key, NEVER if witness is None else key))
            found.append(TransversalCrossing(subset, witness))
        return found, bound

    def _prior_is_unit(self, cone: Cone, polys: Sequence[Poly]) -> bool:
        part = self.initial(self.chart.prior, cone)
        return zeros(self.chart, [part, *polys, *self.chart.base_relations]) in EXCLUDED

    def _crossing_key(self, cone: Cone, strict: Sequence[Fraction]) -> Key:
        best = min([*(self.ratio[ray] for ray in cone.rays), *strict])
        return best, -(self._meeting(cone, best) + sum(s == best for s in strict))

    def steepness(
        self, cone: Cone, ceiling: Key, avoid: Sequence[Poly] = ()
    ) -> tuple[int, Key] | None:
        """r such that r generators have independent differentials at every zero on the face, if r/e
        lies above the ceiling.

        Then Σ|g|^e is at least a constant times the e-th power of the distance to a manifold of
        codimension r, for all nearby values of the other coordinates, so that no pole before r/e
        comes from there, and those of the divisors keep their order.
        """
        polys = [p for p in self.face_generators(cone) if p != 0]
        power = self.chart.power
        for required in range(1, len(polys) + 1):
            if Fraction(required, power) <= ceiling[0]:
                continue
            if self.rank_at_least(polys, required, avoid):
                return required, min(
                    (Fraction(required, power), -len(self.chart.names)), self.cone_key(cone)
                )
            return None
        return None

    def contact(self, cone: Cone, ceiling: Key) -> tuple[int, Key] | None:
        """s such that at every zero on the face some generator has a derivative of order ≤ s along
        a coordinate that is not 0.

        Then the part of that coordinate line where |g| < ε has length at most C ε^(1/s), for all
        nearby values of the others (van der Corput), so that the pole is at worst that of the
        divisors crossed by one s-fold hypersurface. Only given if that is not below the ceiling.
        """
        polys = [p for p in self.face_generators(cone) if p != 0]
        base = self.chart.base_relations
        free = [i for i in range(len(self.chart.names)) if not any(p.degrees()[i] for p in base)]
        system = [*polys, *base]
        latest = [(p, i) for p in polys for i in free]
        for order in range(1, HIGHEST_CONTACT + 1):
            self.check()
            key = self._crossing_key(cone, [Fraction(1, self.chart.power * order)])
            if key < ceiling:
                return None
            latest = [(p.derivative(i), i) for p, i in latest]
            system += [p for p, _ in latest]
            if zeros(self.chart, system) in EXCLUDED:
                return order, key
        return None


def _order(poly: Poly, weight: Vector) -> int:
    return min((_dot(weight, e) for e in terms_of(poly)), default=0)


def _dot(weight: Vector, exponents: Vector) -> int:
    return sum(w * a for w, a in zip(weight, exponents, strict=False))


def _determinant(matrix: list[list[Poly]]) -> Poly:
    if len(matrix) == 1:
        return matrix[0][0]
    total = matrix[0][0] * 0
    for column, entry in enumerate(matrix[0]):
        if entry != 0:
            minor = [[v for c, v in enumerate(row) if c != column] for row in matrix[1:]]
            term = entry * _determinant(minor)
            total = total - term if column % 2 else total + term
    return total
