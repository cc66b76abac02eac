"""Certificates checked by code of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import inf
from typing import Any

from singlearn.exact.certificate import Certificate
from singlearn.exact.check import polynomial as p
from singlearn.exact.check.bounds import NEVER, Key, Poles
from singlearn.exact.check.charts import Chart, Refuted, fields, read, require
from singlearn.exact.check.polynomial import Terms
from singlearn.exact.check.tree import poles
from singlearn.exact.expression import Expression

BARS = re.compile(r"(?:[Aa]bs\(\s*([A-Za-z_]\w*)\s*\)|\|\s*([A-Za-z_]\w*)\s*\|)")


@dataclass(frozen=True)
class Verdict:
    """Whether a certificate proves what it states; if not, what is wrong with it. True or false as a condition."""

    valid: bool
    reason: str

    def __bool__(self) -> bool:
        return self.valid


def verify(certificate: Any) -> Verdict:
    """Check a certificate from its statement on: read K again, make every chart again, compute every pole again.

    Nothing is shared with the search but the reader of expressions: polynomials are dictionaries here, cones are found in another
    way, zeros are excluded by SymPy. Coordinates, Jacobian determinants, normal crossings, faces, and that the charts cover all
    points, are recomputed; the certificate says only which steps to take.

    Args:
        certificate: a :class:`Certificate`, or what its ``to_dict`` gave, read back from JSON if need be.

    >>> from singlearn.exact import rlct
    >>> verify(rlct("(x^2 - y^3)^2").certificate).valid
    True
    """
    try:
        if not isinstance(certificate, Certificate):
            certificate = Certificate.from_dict(certificate)
        _verify(certificate)
    except Refuted as error:
        return Verdict(False, str(error))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError, OverflowError) as error:
        return Verdict(False, f"the certificate cannot be read: {error}")
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


def _parse(text: Any, variables: list[str]) -> Terms:
    require(isinstance(text, str), "an expression should be a string")
    size = len(variables)
    values = {name: _Element(p.coordinate(size, i), size) for i, name in enumerate(variables)}
    expression = Expression(text)
    require(set(expression.variables) <= set(variables), "a variable is missing")
    found: _Element = expression.evaluate(values, lambda q: _Element(p.constant(size, q), size))
    return found.terms


def _verify(certificate: Certificate) -> None:
    names = {"K", "squares", "variables", "terms", "power", "prior", "scope", "nonnegative", "bound"}
    statement = fields(certificate.statement, names, "the statement")
    variables = statement["variables"]
    require(isinstance(variables, list) and len(set(variables)) == len(variables) > 0, "variables should be a list")
    generators = _function(statement, variables)
    weights, prior = _prior(statement["prior"], variables)
    found = _poles(statement, certificate.proofs, variables, generators, weights, prior)
    claimed = {"low": [str(found.low[0]), found.low[1]], "high": [str(found.high[0]), found.high[1]]}
    require(statement["bound"] == claimed, f"the charts prove {claimed}, not what is stated")
    shown = statement["power"] == 2 or found.low[0] == inf or found.even
    if not shown and statement["scope"] == "point" and len(variables) == 2 and found.low == found.high:
        from singlearn.exact.check.plane import keeps_its_sign  # SymPy is slow to import, and rarely needed here

        shown = keeps_its_sign(_at_the_point(statement, certificate.proofs, variables))
    require(statement["nonnegative"] is shown, "whether K ≥ 0 was shown is stated wrongly")


def _at_the_point(statement: Mapping[str, Any], proofs: Sequence[Any], variables: list[str]) -> Terms:
    """K itself, the point moved to the origin."""
    (text,) = statement["K"]
    point = proofs[0]["place"]["point"]
    size = len(variables)
    images = [p.add(p.coordinate(size, i), p.constant(size, Fraction(point[name]))) for i, name in enumerate(variables)]
    return p.compose(_parse(text, variables), images, size)


def _function(statement: Mapping[str, Any], variables: list[str]) -> list[Terms]:
    texts, power = statement["K"], statement["power"]
    require(isinstance(texts, list) and bool(texts) and type(statement["squares"]) is bool, "K should be a list of expressions")
    require(type(power) is int and power in (1, 2), "the power should be 1 or 2")
    occurring = list(dict.fromkeys(name for text in texts for name in Expression(text).variables))
    require(occurring == variables, "the variables are not those of K")
    size = len(variables)
    polys = [_parse(text, variables) for text in texts]
    if statement["squares"]:
        K: Terms = {}
        for g in polys:
            K = p.add(K, p.multiply(g, g))
    else:
        require(len(polys) == 1, "K should be one expression")
        (K,) = polys
    total: Terms = {}
    generators = []
    require(isinstance(statement["terms"], list) and bool(statement["terms"]), "K should have terms")
    for term in statement["terms"]:
        require(isinstance(term, list) and len(term) == 2, "a term should have a coefficient and a generator")
        c, g = Fraction(term[0]), read(term[1], size)
        require(c > 0 and bool(g), "a coefficient should be positive")
        generators.append(g)
        total = p.add(total, p.power(g, power, size), c)
    require(total == K, "the terms do not add up to K")
    require(power == 2 or len(generators) == 1, "without squares there should be one term")
    return generators


def _prior(text: Any, variables: list[str]) -> tuple[tuple[int, ...], Terms]:
    size = len(variables)
    if text is None:
        return (0,) * size, p.constant(size, 1)
    require(isinstance(text, str), "the prior should be a string")
    marks: list[str] = []

    def mark(match: re.Match) -> str:
        name = match.group(1) or match.group(2)
        if name not in marks:
            marks.append(name)
        return f"absolute_of_{name}"

    marked = BARS.sub(mark, text)
    poly = _parse(marked, [*variables, *(f"absolute_of_{name}" for name in marks)])
    require(bool(poly), "the prior is 0")
    weights = [0] * size
    for index, name in enumerate(marks, start=size):
        powers = {e[index] for e in poly}
        require(len(powers) == 1 and name in variables, "an absolute value should be a factor")
        weights[variables.index(name)] += powers.pop()
    return tuple(weights), {e[:size]: c for e, c in poly.items()}


def _poles(
    statement: Mapping[str, Any], proofs: Any, variables: list[str], generators: list[Terms], weights: tuple[int, ...], prior: Terms
) -> Poles:
    scope = statement["scope"]
    strata: dict[frozenset[str], Poles] = {}
    points: list[tuple[list[Fraction], Poles]] = []
    for proof in proofs:
        fields(proof, {"place", "node"}, "a proof")
        place = proof["place"]
        require(isinstance(place, Mapping) and set(place) in ({"point"}, {"zero"}), "a place is a point or a set of coordinates")
        if "point" in place:
            require(isinstance(place["point"], Mapping) and list(place["point"]) == variables, "a point has all coordinates")
            point = [Fraction(place["point"][name]) for name in variables]
            root = _at_point(variables, generators, weights, prior, statement["power"], point)
            points.append((point, poles(root, proof["node"])))
        else:
            zero = place["zero"]
            require(isinstance(zero, list) and [n for n in variables if n in zero] == zero, "coordinates should be in order")
            require(frozenset(zero) not in strata, "a place twice")
            strata[frozenset(zero)] = poles(_stratum(variables, generators, weights, prior, statement["power"], zero), proof["node"])
    if scope == "point":
        require(len(points) == 1 and not strata, "there should be one point")
        return points[0][1]
    every = {frozenset(c) for k in range(len(variables) + 1) for c in combinations(variables, k)}
    require(set(strata) == every, "the places do not cover all points")
    whole = Poles(min(q.low for q in strata.values()), min(q.high for q in strata.values()), all(q.even for q in strata.values()))
    if scope == "everywhere":
        require(not points, "points are part of the strata")
        return whole
    require(isinstance(scope, Mapping) and set(scope) == set(variables), "the scope is a point, everywhere, or a box")
    high: Key = NEVER
    for point, found in points:
        for name, x in zip(variables, point, strict=True):
            low, top = (Fraction(end) for end in scope[name])
            require(low < x < top, "a point is not inside the box")
        high = min(high, found.high)
    return Poles(whole.low, high, whole.even and all(q.even for _, q in points))


def _at_point(
    variables: list[str], generators: list[Terms], weights: tuple[int, ...], prior: Terms, power: int, point: list[Fraction]
) -> Chart:
    size = len(variables)
    images = [p.add(p.coordinate(size, i), p.constant(size, x)) for i, x in enumerate(point)]
    kept = tuple(0 if x else h for x, h in zip(point, weights, strict=True))
    moved = tuple(p.compose(g, images, size) for g in generators)
    return Chart(tuple(variables), (), (0,) * size, kept, moved, p.compose(prior, images, size), power).normal()


def _stratum(
    variables: list[str], generators: list[Terms], weights: tuple[int, ...], prior: Terms, power: int, zero: list[str]
) -> Chart:
    units = tuple(n for n in variables if n not in zero)
    names = (*zero, *units)
    order = [variables.index(n) for n in names]

    def carry(q: Terms) -> Terms:
        return {tuple(e[i] for i in order): c for e, c in q.items()}

    kept = tuple(weights[variables.index(n)] for n in zero)
    return Chart(tuple(zero), units, (0,) * len(zero), kept, tuple(map(carry, generators)), carry(prior), power).normal()
