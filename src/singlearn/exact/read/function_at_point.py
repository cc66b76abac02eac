"""Function and density of a statement, with the point that it is about moved to the origin."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.read.inputs import read_prior, translated
from singlearn.exact.read.ring import Poly, ring, terms_of

Exponents = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class FunctionAtPoint:
    r"""K near a point: :math:`K = Σ c_j g_j^e` in coordinates that vanish there.

    Args:
        names: of the coordinates.
        point: where they vanish, in the coordinates of the user.
        generators: the g.
        whole: K.
        weights: h of the density :math:`∏ |x_i|^{h_i}`, times something positive.
    """

    names: tuple[str, ...]
    point: tuple[Fraction, ...]
    generators: tuple[Poly, ...]
    whole: Poly
    weights: Exponents

    @property
    def support(self) -> frozenset[Exponents]:
        """Exponents of the terms of K."""
        return frozenset(terms_of(self.whole))

    def order(self, weight: Exponents) -> int:
        """k of the divisor of a weight: the lowest weighted degree of a term."""
        return min(sum(w * e for w, e in zip(weight, term, strict=True)) for term in self.support)

    def density(self, weight: Exponents) -> int:
        """h of that divisor, the Jacobian of the blow-up included."""
        return sum(w * (h + 1) for w, h in zip(weight, self.weights, strict=True)) - 1

    @property
    def curves(self) -> tuple[Poly, ...]:
        """Irreducible factors of what all generators have in common: K vanishes on their zeros."""
        common = self.generators[0]
        for generator in self.generators[1:]:
            common = common.gcd(generator)
        return tuple(factor for factor, _ in common.factor()[1])


def function_at_point(result: ExactCoefficient) -> FunctionAtPoint:
    """What a coefficient of :func:`singlearn.exact.rlct` is about.

    Raises:
        ValueError: a coefficient without a certificate, one of all points or of a box, or a prior
            that is not a monomial near the point.

    >>> from singlearn.exact import rlct
    >>> sorted(function_at_point(rlct("(x - 1)^2 + y^4", at={"x": 1})).support)
    [(0, 4), (2, 0)]
    """
    if result.certificate is None:
        raise ValueError(f"result: {result} has no function; one of exact.rlct has")
    statement = result.certificate.statement
    if statement["scope"] != "point":
        raise ValueError(
            "result: it is about many points; a picture of K near one needs a result of "
            "exact.rlct(K, at=...)"
        )
    names = tuple(statement["variables"])
    place = {
        name: Fraction(x) for name, x in result.certificate.proofs[0]["place"]["point"].items()
    }
    context = ring(names)
    generators, whole = [], context.constant(0)
    for scale, terms in statement["terms"]:
        generator = translated(
            context.from_dict({tuple(e): _number(c) for c, e in terms}), names, place
        )
        generators.append(generator)
        whole += _number(scale) * generator ** statement["power"]
    return FunctionAtPoint(
        names,
        tuple(place[name] for name in names),
        tuple(generators),
        whole,
        _weights(statement["prior"], names, place),
    )


def _weights(prior: str | None, names: tuple[str, ...], place: dict[str, Fraction]) -> Exponents:
    """Exponents of the prior at the point."""
    exponents, factor = read_prior(prior, names)
    moved = terms_of(translated(factor, names, place))
    lowest = tuple(min(e[i] for e in moved) for i in range(len(names)))
    if lowest not in moved:
        raise ValueError(
            f"result: its prior {prior} is not a monomial near the point; a picture of K needs one"
        )
    return tuple(
        (0 if place[name] else h) + e for name, h, e in zip(names, exponents, lowest, strict=True)
    )


def _number(text: str) -> Any:
    from flint import fmpq

    value = Fraction(text)
    return fmpq(value.numerator, value.denominator)
