"""Certificates checked by code of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import combinations
from math import inf
from typing import Any

from singlearn.exact.certificate import Certificate
from singlearn.exact.read.expression import Expression
from singlearn.exact.verify import polynomial as p
from singlearn.exact.verify.bounds import NEVER, NOTHING, Key, Poles
from singlearn.exact.verify.charts import CheckedChart
from singlearn.exact.verify.data import (
    RefutedError,
    fields,
    listed,
    polynomial,
    rational,
    require,
    whole,
)
from singlearn.exact.verify.polynomial import Terms
from singlearn.exact.verify.tree import poles
from singlearn.results.result import Answer

BARS = re.compile(r"(?:\b[Aa]bs\(\s*([A-Za-z_]\w*)\s*\)|\|\s*([A-Za-z_]\w*)\s*\|)")


@dataclass(frozen=True)
class Verdict(Answer):
    """Whether a certificate proves what it states; if not, what is wrong with it. True or false as
    a condition.
    """

    valid: bool
    reason: str

    def __bool__(self) -> bool:
        return self.valid


def verify(certificate: Any) -> Verdict:
    """Check a certificate from its statement on: read K again, make every chart again, compute
    every pole again.

    Nothing is shared with the search but the reader of expressions: polynomials are dictionaries
    here, cones are found in another way, zeros are excluded by SymPy. Coordinates, Jacobian
    determinants, normal crossings, faces, and that the charts cover all points, are recomputed; the
    certificate says only which steps to take.

    Args:
        certificate: a :class:`Certificate`, or what its ``to_dict`` gave, read back from JSON if
            need be.

    Returns:
        Whether every step holds, and else the first step that does not.

    >>> from singlearn.exact import rlct
    >>> verify(rlct("(x^2 - y^3)^2").certificate).valid
    True
    """
    try:
        if not isinstance(certificate, Certificate):
            certificate = Certificate.from_dict(certificate)
        _check(certificate)
    except RefutedError as error:
        return Verdict(False, str(error))
    except Exception as error:  # whatever cannot be followed to its end proves nothing
        return Verdict(False, f"the certificate cannot be read: {error or type(error).__name__}")
    return Verdict(True, "every step holds")


class _Element:
    """A polynomial with operators, for the reader of expressions."""

    def __init__(self, terms: Terms, size: int) -> None:
        self.terms, self.size = terms, size

    def _other(self, other: Any) -> Terms:
        terms: Terms = other.terms
        return terms

    def __add__(self, other: Any) -> _Element:
        return _Element(p.add(self.terms, self._other(other)), self.size)

    def __sub__(self, other: Any) -> _Element:
        return _Element(p.add(self.terms, self._other(other), -1), self.size)

    def __neg__(self) -> _Element:
        return _Element(p.add({}, self.terms, -1), self.size)

    def __mul__(self, other: Any) -> _Element:
        return _Element(p.multiply(self.terms, self._other(other)), self.size)

    def __pow__(self, exponent: int) -> _Element:
        return _Element(p.power(self.terms, exponent, self.size), self.size)


def _parse(text: str, variables: list[str]) -> Terms:
    size = len(variables)
    values = {name: _Element(p.coordinate(size, i), size) for i, name in enumerate(variables)}
    found: _Element = Expression(text).evaluate(
        values, lambda q: _Element(p.constant(size, q), size)
    )
    return found.terms


@dataclass(frozen=True)
class _Function:
    """K = Σ c |g|^power with density ∏ |x|^weight |prior|."""

    variables: list[str]
    whole: Terms
    generators: list[Terms]
    power: int
    weights: tuple[int, ...]
    prior: Terms

    def at(self, point: list[Fraction]) -> CheckedChart:
        """The chart around a point."""
        size = len(point)
        images = self.around(point)
        kept = tuple(0 if x else h for x, h in zip(point, self.weights, strict=True))
        moved = tuple(p.compose(g, images, size) for g in self.generators)
        return CheckedChart(
            tuple(self.variables),
            (),
            (0,) * size,
            kept,
            moved,
            p.compose(self.prior, images, size),
            self.power,
        ).normal()

    def around(self, point: list[Fraction]) -> list[Terms]:
        size = len(point)
        return [p.add(p.coordinate(size, i), p.constant(size, x)) for i, x in enumerate(point)]

    def stratum(self, zero: frozenset[str]) -> CheckedChart:
        """The chart of all points where just these coordinates are 0."""
        local, units = (
            tuple(n for n in self.variables if (n in zero) is side) for side in (True, False)
        )
        order = [self.variables.index(n) for n in (*local, *units)]

        def carry(q: Terms) -> Terms:
            return {tuple(e[i] for i in order): c for e, c in q.items()}

        weights = tuple(self.weights[i] for i in order[: len(local)])
        return CheckedChart(
            local,
            units,
            (0,) * len(local),
            weights,
            tuple(map(carry, self.generators)),
            carry(self.prior),
            self.power,
        ).normal()


def _check(certificate: Certificate) -> None:
    names = {
        "K",
        "squares",
        "variables",
        "terms",
        "power",
        "prior",
        "scope",
        "nonnegative",
        "bound",
    }
    statement = fields(certificate.statement, names, "the statement")
    function = _function(statement)
    places = []
    for proof in certificate.proofs:
        fields(proof, {"place", "node"}, "a proof")
        places.append(_place(proof["place"], function, proof["node"]))
    found = _scope(statement["scope"], function, places)
    require(
        statement["bound"] == found.claim(), f"the charts prove {found.claim()}, not what is stated"
    )
    shown = _nonnegative(function, statement["scope"], places, found)
    require(statement["nonnegative"] is shown, "whether K ≥ 0 was shown is stated wrongly")


def _function(statement: Mapping[str, Any]) -> _Function:
    texts, power = listed(statement["K"], "K"), whole(statement["power"], 1, 3, "the power")
    variables = list(dict.fromkeys(name for text in texts for name in Expression(text).variables))
    require(statement["variables"] == variables, "the variables are not those of K")
    size = len(variables)
    polys = [_parse(text, variables) for text in texts]
    require(type(statement["squares"]) is bool, "squares should be true or false")
    if statement["squares"]:
        polys = [reduce(p.add, (p.multiply(g, g) for g in polys))]
    (K,) = polys
    total: Terms = {}
    generators = []
    for coefficient, generator in listed(statement["terms"], "terms"):
        c, g = rational(coefficient), polynomial(generator, size)
        require(c > 0, "a coefficient should be positive")
        generators.append(g)
        total = p.add(total, p.power(g, power, size), c)
    require(total == K, "the terms do not add up to K")
    require(power == 2 or len(generators) == 1, "without squares there should be one term")
    return _Function(variables, K, generators, power, *_prior(statement["prior"], variables))


def _prior(text: Any, variables: list[str]) -> tuple[tuple[int, ...], Terms]:
    """Weights and polynomial; the absolute value of a variable becomes a variable of its own, with
    a name that nothing else has.
    """
    size = len(variables)
    if text is None:
        return (0,) * size, p.constant(size, 1)
    marks: list[str] = []

    def mark(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if name not in marks:
            marks.append(name)
        return f"({prefix}{name})"

    prefix = "absolute_of_"
    while any(prefix in name for name in (text, *variables)):
        prefix += "_"
    poly = _parse(BARS.sub(mark, text), [*variables, *(prefix + name for name in marks)])
    weights = [0] * size
    for index, name in enumerate(marks, start=size):
        powers = {e[index] for e in poly}
        require(len(powers) == 1, "an absolute value should be a factor")
        weights[variables.index(name)] += powers.pop()
    return tuple(weights), {e[:size]: c for e, c in poly.items()}


Place = tuple[list[Fraction] | frozenset[str], Poles]
"""A point, or the coordinates that are 0 in a stratum; and what was proved there."""


def _place(place: Any, function: _Function, node: Any) -> Place:
    if "point" in place:
        coordinates = fields(
            fields(place, {"point"}, "a place")["point"], set(function.variables), "a point"
        )
        point = [rational(coordinates[name]) for name in function.variables]
        return point, poles(function.at(point), node)
    zero = frozenset(listed(fields(place, {"zero"}, "a place")["zero"], "zero"))
    return zero, poles(function.stratum(zero), node)


def _scope(scope: Any, function: _Function, places: list[Place]) -> Poles:
    if scope == "point":
        ((point, found),) = places
        require(isinstance(point, list), "the place should be a point")
        return found
    strata = {zero: found for zero, found in places if isinstance(zero, frozenset)}
    every = {
        frozenset(c)
        for k in range(len(function.variables) + 1)
        for c in combinations(function.variables, k)
    }
    require(set(strata) == every, "the places do not cover all points")
    whole = reduce(Poles.meet, strata.values(), NOTHING)
    if scope == "everywhere":
        return whole
    box = {
        name: [rational(end) for end in ends]
        for name, ends in fields(scope, set(function.variables), "a box").items()
    }
    high: Key = NEVER
    for point, found in places:
        if isinstance(point, list):
            for name, x in zip(function.variables, point, strict=True):
                low, top = box[name]
                require(low < x < top, "a point is not inside the box")
            high = min(high, found.high)
    return Poles(whole.low, high, whole.even)


def _nonnegative(function: _Function, scope: Any, places: list[Place], found: Poles) -> bool:
    """Whether K ≥ 0 near the places was shown: it is a sum of squares; or it keeps its sign, and is
    positive somewhere.
    """
    if function.power == 2:
        return True
    place = places[0][0]
    point = (
        place
        if isinstance(place, list) and scope == "point"
        else [Fraction(0)] * len(function.variables)
    )
    K = p.compose(function.whole, function.around(point), len(function.variables))
    shown = found.low[0] == inf or found.even
    if not shown and scope == "point" and len(function.variables) == 2 and found.low == found.high:
        from singlearn.exact.verify.plane import (
            keeps_its_sign,  # SymPy is slow to import, and rarely needed here
        )

        shown = keeps_its_sign(K)
    # The lexicographically least monomial is the largest one near the point along some curve (t^a,
    # t^b, …).
    return shown and K[min(K)] > 0
