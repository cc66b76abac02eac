"""The poles that a tree of charts proves, computed again from the leaves up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from singlearn.exact.verify import polynomial as p
from singlearn.exact.verify.bounds import NEVER, NOTHING, Key, Poles, total
from singlearn.exact.verify.charts import SIMPLIFICATIONS, CheckedChart, apply
from singlearn.exact.verify.cones import show_cover
from singlearn.exact.verify.data import fields, listed, polynomial, require, whole
from singlearn.exact.verify.faces import (
    contact_on,
    crossing_on,
    named_factors,
    squares_on,
    steep_on,
)
from singlearn.exact.verify.polyhedron import Polyhedron
from singlearn.exact.verify.polynomial import Terms
from singlearn.exact.verify.zeros import factorised


def poles(chart: CheckedChart, data: Any) -> Poles:
    """Of a node of the tree.

    Raises:
        RefutedError: something in the node is not so.
    """
    for move in listed(data["moves"], "moves"):
        chart = apply(chart, move, SIMPLIFICATIONS)
    result = KINDS[data["kind"]](chart, data)
    require(data["bound"] == result.claim(), "the bound of a chart is another one")
    return result


def _children(chart: CheckedChart, data: Any, allowed: Sequence[str]) -> list[Poles]:
    result = []
    for child in listed(data, "children"):
        fields(child, {"move", "node"}, "a child")
        result.append(poles(apply(chart, child["move"], allowed), child["node"]))
    return result


def _open(chart: CheckedChart, data: Any) -> Poles:
    fields(data, {"kind", "moves", "bound"}, "an open chart")
    return Poles(hoelder(chart), NEVER, False)


def hoelder(chart: CheckedChart) -> Key:
    """A lower bound at every point, by Hölder's inequality: 1/λ of a product is at most the sum of
    those of the factors.

    A polynomial of degree d has order at most d everywhere; on the hypersurface of a relation of
    degree r, at most r·d (Bézout).
    """
    slowest = max(
        (
            Fraction(chart.power * k, h + 1)
            for k, h in zip(chart.exponents, chart.weights, strict=True)
        ),
        default=Fraction(0),
    )
    degree = min(map(p.total_degree, chart.generators))
    for _, relation in chart.relations:
        degree *= p.total_degree(relation)
    slowest += chart.power * degree
    return NEVER if slowest == 0 else (1 / slowest, -chart.size)


def _sum(chart: CheckedChart, data: Any) -> Poles:
    fields(data, {"kind", "moves", "bound", "children"}, "a sum")
    require(not any(chart.exponents), "a monomial is shared by all summands")
    require(chart.unit(chart.prior), "the prior may vanish")
    parts = _children(chart, data["children"], ("part",))
    moves = [child["move"] for child in data["children"]]
    generators = [i for move in moves for i in move["generators"]]
    require(
        sorted(generators) == list(range(len(chart.generators))),
        "every generator should be in one summand",
    )
    names = [name for move in moves for name in move["names"]]
    require(len(names) == len(set(names)), "the summands share a variable")
    for link in (*(r for _, r in chart.relations), *chart.nonzero):
        # Else a point that is good for one summand and one that is good for another need not go
        # together.
        owners = [set(move["names"]) for move in moves if chart.used(link) & set(move["names"])]
        require(
            all(chart.used(link) <= own for own in owners),
            "what holds at the points of the chart links summands",
        )
    return Poles(total([q.low for q in parts]), total([q.high for q in parts]), False)


def _newton(chart: CheckedChart, data: Any) -> Poles:
    fields(
        data,
        {"kind", "moves", "bound", "faces", *(["factors"] if "factors" in data else [])},
        "a Newton polyhedron",
    )
    polyhedron = Polyhedron(chart)
    plain = polyhedron.plain()
    result = Poles(plain, plain if chart.real else NEVER, polyhedron.even())
    factors = named_factors(chart, data["factors"]) if "factors" in data else None
    needed = set() if chart.monomial else set(polyhedron.cones)
    seen = []
    for face in listed(data["faces"], "faces"):
        seen.append(_cone(face))
        result = result.meet(_face(polyhedron, seen[-1], face, factors))
    require(set(seen) == needed, "the faces should be the compact ones, all of them")
    return result


def _cone(face: Any) -> frozenset[tuple[int, ...]]:
    return frozenset(tuple(listed(ray, "a ray")) for ray in listed(face["rays"], "rays"))


def _face(
    polyhedron: Polyhedron,
    cone: frozenset[tuple[int, ...]],
    face: Any,
    factors: Sequence[tuple[Terms, int]] | None,
) -> Poles:
    chart = polyhedron.chart
    rays, weight = sorted(cone), tuple(map(sum, zip(*cone, strict=True)))
    method = face["method"]
    if method in ("crossing", "steep"):
        return _zeros(polyhedron, cone, face, factors, ())
    if method == "excluded":
        fields(face, {"rays", "method"}, "a face")
        require(chart.no_zeros(polyhedron.system(weight)), "a face may have a zero")
        return NOTHING
    if method == "squares":
        fields(face, {"rays", "method", "terms"}, "a face")
        return squares_on(polyhedron, weight, face["terms"])
    if method == "contact":
        fields(face, {"rays", "method", "rank"}, "a face")
        return contact_on(polyhedron, rays, weight, face["rank"])
    if method == "charts":
        fields(face, {"rays", "method", "children"}, "a face")
        result = NOTHING
        for found in _children(chart, face["children"], ("toric",)):
            result = result.meet(found)
        show_cover(
            {frozenset(map(tuple, c["move"]["rays"])) for c in face["children"]},
            cone,
            polyhedron.cones[cone],
        )
        return result
    fields(face, {"rays", "method"}, "a face")
    require(method == "open", "no such method")
    return Poles(hoelder(chart), NEVER, False)


def _zeros(
    polyhedron: Polyhedron,
    cone: frozenset[tuple[int, ...]],
    face: Any,
    factors: Sequence[tuple[Terms, int]] | None,
    avoid: Sequence[Terms],
) -> Poles:
    """Of the zeros of a face off those of ``avoid``."""
    rays, weight = sorted(cone), tuple(map(sum, zip(*cone, strict=True)))
    if face["method"] == "crossing":
        fields(face, {"rays", "method", "crossings"}, "a face")
        require(factors is not None, "a crossing needs factors")
        return crossing_on(polyhedron, rays, weight, face["crossings"], factors or (), avoid)
    fields(face, {"rays", "method", "rank"}, "a face")
    require(face["method"] == "steep", "no such method")
    return steep_on(polyhedron, rays, weight, face["rank"], avoid)


def _cover(chart: CheckedChart, data: Any) -> Poles:
    """All zeros are zeros of pieces, each of which is made a coordinate in a child, or (without a
    generator) are good.
    """
    elsewhere = data["generator"] == -1
    names = {
        "kind",
        "moves",
        "bound",
        "generator",
        "children",
        *(["factors"] if "factors" in data else []),
    }
    fields(data, names | ({"faces"} if elsewhere else set()), "a cover")
    polyhedron = Polyhedron(chart)
    (cone,) = polyhedron.cones  # one vertex
    plain = polyhedron.plain()
    result = Poles(plain, plain if chart.real else NEVER, polyhedron.even())
    for found in _children(chart, data["children"], ("solve", "etale")):
        result = result.meet(found)
    pieces = [_piece(chart, child["move"]) for child in data["children"]]
    if elsewhere:
        (face,) = listed(data["faces"], "faces")
        require(_cone(face) == cone, "not the face of the vertex")
        factors = named_factors(chart, data["factors"]) if "factors" in data else None
        return result.meet(_zeros(polyhedron, cone, face, factors, pieces))
    index = whole(data["generator"], 0, len(chart.generators), "generator")
    _show_covered(chart, chart.at_points(chart.generators[index]), pieces)
    return result


def _split(chart: CheckedChart, data: Any) -> Poles:
    """The points where a polynomial in the units vanishes, and those where it does not."""
    fields(data, {"kind", "moves", "bound", "children"}, "a split")
    on, off = listed(data["children"], "children")
    result = reduce(
        Poles.meet,
        [*_children(chart, [on], ("solve", "etale")), *_children(chart, [off], ("apart",))],
    )
    require(
        _piece(chart, on["move"]) == polynomial(off["move"]["polynomial"], chart.size),
        "the two polynomials are not the same",
    )
    return result


def _blow_up(chart: CheckedChart, data: Any) -> Poles:
    """Every point of the exceptional divisor is in the chart of the first coordinate of the centre
    that is not 0 there.
    """
    fields(data, {"kind", "moves", "bound", "children"}, "a blow-up")
    parts = _children(chart, data["children"], ("subspace",))
    moves = [child["move"] for child in data["children"]]
    centre = moves[0]["centre"]
    require(all(move["centre"] == centre for move in moves), "the charts have different centres")
    require(
        [move["pivot"] for move in moves] == list(range(len(centre))),
        "a chart of the blow-up is missing",
    )
    return reduce(Poles.meet, parts)


def _piece(chart: CheckedChart, move: Any) -> Terms:
    """The polynomial that a child makes a coordinate, at the points of the chart."""
    if move["move"] == "etale":
        return polynomial(move["polynomial"], chart.size)
    slope, rest = polynomial(move["slope"], chart.size), polynomial(move["rest"], chart.size)
    return chart.on_divisors(
        p.add(
            p.multiply(slope, p.coordinate(chart.size, chart.names.index(move["variable"]))), rest
        )
    )


def _show_covered(chart: CheckedChart, base: Terms, pieces: Sequence[Terms]) -> None:
    """Every zero of ``base`` is one of a piece: no factor that is left after dividing by the pieces
    has a zero.
    """
    for piece in pieces:
        while piece:
            try:
                base = p.divide(base, piece)
            except ValueError:
                break
    for factor in [factor for factor, _ in factorised(base)] or [base]:
        require(chart.no_zeros([factor]), "zeros are not covered")


KINDS: Mapping[str, Callable[[CheckedChart, Any], Poles]] = {
    "newton": _newton,
    "sum": _sum,
    "cover": _cover,
    "split": _split,
    "blow_up": _blow_up,
    "open": _open,
}
