"""A coordinate chart of a resolution, with the function, the density and the points that it is
about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from singlearn.exact.read.ring import Poly, Vector, monic, ring, terms_of


@dataclass(frozen=True, eq=False)
class Chart:
    r"""The function :math:`K ≍ \left(∏ x_i^{k_i}\right)^e Σ |g_j|^e` with density :math:`∏
    |x_i|^{h_i} |φ|`.

    The points it is about: all ``local`` coordinates are 0, all ``units`` are real numbers, 0 only
    if ``free``, the ``relations`` hold, and the polynomials ``nonzero`` do not vanish. A relation
    is (variable, polynomial), monic in its variable: it makes that variable a function of the
    others, so that a coordinate may be a polynomial (étale coordinates), real algebraic points
    included.

    Args:
        local: coordinates x that vanish.
        units: coordinates that do not, unless they are free.
        exponents: k, one per local coordinate.
        weights: h, one per local coordinate.
        generators: the g; no monomial in x divides all of them.
        prior: φ, a polynomial.
        power: e, 2 for sums of squares, 1 for a non-negative polynomial taken as it is.
        relations: see above.
        nonzero: see above.
        real: whether the chart is known to have a real point of that kind.
        free: those of the units that may be 0 as well.
    """

    local: tuple[str, ...]
    units: tuple[str, ...]
    exponents: Vector
    weights: Vector
    generators: tuple[Poly, ...]
    prior: Poly
    power: int
    relations: tuple[tuple[str, Poly], ...] = ()
    nonzero: tuple[Poly, ...] = ()
    real: bool = True
    free: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        return self.local + self.units

    @cached_property
    def ring(self) -> Any:
        """The ring of polynomials in the coordinates."""
        return ring(self.names)

    @cached_property
    def free_places(self) -> tuple[int, ...]:
        """Which of the names are free."""
        return tuple(i for i, name in enumerate(self.names) if name in self.free)

    @cached_property
    def base_relations(self) -> tuple[Poly, ...]:
        """The relations where the local coordinates vanish."""
        return tuple(self.at_zero(poly) for _, poly in self.relations)

    def at_zero(self, poly: Poly) -> Poly:
        """The terms without local coordinates."""
        count = len(self.local)
        kept = {e: c for e, c in terms_of(poly).items() if not any(e[:count])}
        found: Poly = self.ring.from_dict(kept)
        return found

    def variable(self, name: str) -> Poly:
        """The coordinate of this name, as a polynomial."""
        found: Poly = self.ring.gens()[self.names.index(name)]
        return found

    def reduce(self, poly: Poly) -> Poly:
        """The remainder modulo the relations."""
        for name, relation in self.relations:
            index = self.names.index(name)
            degree = relation.degrees()[index]
            while True:
                high = {}
                for e, c in terms_of(poly).items():
                    if e[index] >= degree:
                        high[(*e[:index], e[index] - degree, *e[index + 1 :])] = c
                if not high:
                    break
                poly = poly - self.ring.from_dict(high) * relation
        return poly

    def strip_units(self, poly: Poly) -> Poly:
        """Without factors that are monomials in the units that are not 0, monic."""
        terms = terms_of(poly)
        count = len(self.local)
        lowest = [0] * count + [
            0 if name in self.free else min(e[i] for e in terms)
            for i, name in enumerate(self.units, start=count)
        ]
        if any(lowest):
            poly = self.ring.from_dict(
                {tuple(a - b for a, b in zip(e, lowest, strict=True)): c for e, c in terms.items()}
            )
        return monic(poly)

    def normalised(self) -> Chart:
        """Generators reduced, without zeros, without a common monomial; monomials of the prior
        moved to the weights.
        """
        count = len(self.local)
        generators = [self.reduce(g) for g in self.generators]
        generators = [self.strip_units(g) for g in generators if g != 0]
        exponents, weights, prior = self.exponents, self.weights, self.reduce(self.prior)
        if generators:
            common = [min(e[i] for g in generators for e in terms_of(g)) for i in range(count)]
            if any(common):
                shift = (*common, *(0,) * len(self.units))
                generators = [_shift_down(self.ring, g, shift) for g in generators]
                exponents = tuple(a + b for a, b in zip(exponents, common, strict=True))
        if prior != 0:
            prior = self.strip_units(prior)
            low = [min(e[i] for e in terms_of(prior)) for i in range(count)]
            if any(low):
                prior = _shift_down(self.ring, prior, (*low, *(0,) * len(self.units)))
                weights = tuple(a + b for a, b in zip(weights, low, strict=True))
        nonzero = [self.strip_units(p) for p in self.nonzero]
        unique = {str(p): p for p in nonzero if not p.is_constant()}
        kept = {str(g): g for g in generators}
        return replace(
            self,
            exponents=exponents,
            weights=weights,
            generators=tuple(kept.values()),
            prior=prior,
            nonzero=tuple(unique.values()),
        )

    def moved(
        self,
        local: tuple[str, ...],
        units: tuple[str, ...],
        images: Mapping[str, Poly],
        **changes: Any,
    ) -> Chart:
        """The chart in new coordinates: every old coordinate replaced by its image (a polynomial in
        the new ones).
        """
        new = ring(local + units)
        arguments = [images[name] for name in self.names]

        def carry(poly: Poly) -> Poly:
            return poly.compose(*arguments, ctx=new)

        fields: dict[str, Any] = {
            "generators": tuple(carry(g) for g in self.generators),
            "prior": carry(self.prior),
            "relations": tuple((name, carry(p)) for name, p in self.relations),
            "nonzero": tuple(carry(p) for p in self.nonzero),
        }
        fields.update(changes)
        return replace(self, local=local, units=units, **fields)


def _shift_down(context: Any, poly: Poly, shift: Vector) -> Poly:
    found: Poly = context.from_dict(
        {tuple(a - b for a, b in zip(e, shift, strict=True)): c for e, c in terms_of(poly).items()}
    )
    return found
