"""The poles that a tree of charts proves, computed again from the leaves up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from singlearn.exact.check import polynomial as p
from singlearn.exact.check.bounds import NEVER, Key, Poles, total
from singlearn.exact.check.charts import Chart, apply, fields, read, require, whole
from singlearn.exact.check.cones import covers
from singlearn.exact.check.faces import contact_on, crossing_on, named_factors, steep_on
from singlearn.exact.check.polyhedron import Polyhedron
from singlearn.exact.check.polynomial import Terms
from singlearn.exact.check.zeros import no_zeros


def poles(chart: Chart, data: Any) -> Poles:
    """Of a node of the tree.

    Raises:
        Refuted: something in the node is not so.
    """
    require(isinstance(data, Mapping) and data.get("kind") in KINDS, "no such kind of node")
    require(isinstance(data.get("moves"), list), "moves should be a list")
    for move in data["moves"]:
        chart = apply(chart, move, inside=True)
    result = KINDS[data["kind"]](chart, data)
    require(data["bound"] == {"low": _key(result.low), "high": _key(result.high)}, "the bound of a chart is another one")
    return result


def _key(key: Key) -> list[Any]:
    return [str(key[0]), key[1]]


def _children(chart: Chart, data: Any) -> list[Poles]:
    require(isinstance(data, list), "children should be a list")
    result = []
    for child in data:
        fields(child, {"move", "node"}, "a child")
        result.append(poles(apply(chart, child["move"], inside=False), child["node"]))
    return result


def _open(chart: Chart, data: Any) -> Poles:
    fields(data, {"kind", "moves", "bound"}, "an open chart")
    require(not data["moves"], "an open chart should have no moves")
    return Poles(_hoelder(chart), NEVER, False)


def _hoelder(chart: Chart) -> Key:
    slowest = max((Fraction(chart.power * k, h + 1) for k, h in zip(chart.exponents, chart.weights, strict=True)), default=Fraction(0))
    slowest += chart.power * min(max(map(sum, g)) for g in chart.generators)
    return NEVER if slowest == 0 else (1 / slowest, -chart.size)


def _sum(chart: Chart, data: Any) -> Poles:
    fields(data, {"kind", "moves", "bound", "children"}, "a sum")
    require(not any(chart.exponents) and chart.unit(chart.prior), "a factor is shared by all summands")
    children = data["children"]
    require(isinstance(children, list) and len(children) > 1, "a sum should have summands")
    generators: list[int] = []
    names: list[str] = []
    for child in children:
        fields(child, {"move", "node"}, "a child")
        require(child["move"].get("move") == "part", "summands should be parts")
        generators += child["move"]["generators"]
        names += child["move"]["names"]
    groups = [child["move"]["generators"] for child in children]
    require(groups == sorted(groups) and all(part == sorted(part) for part in groups), "summands should be in order")
    require(sorted(generators) == list(range(len(chart.generators))), "every generator should be in one summand")
    require(len(names) == len(set(names)), "the summands share a variable")
    for _, relation in chart.relations:
        used = {n for i, n in enumerate(chart.names) if p.degree(relation, i)}
        owners = [child for child in children if used & set(child["move"]["names"])]
        require(len(owners) <= 1 and all(used <= set(o["move"]["names"]) for o in owners), "a relation links summands")
    parts = _children(chart, children)
    return Poles(total([q.low for q in parts]), total([q.high for q in parts]), False)


def _newton(chart: Chart, data: Any) -> Poles:
    allowed = {"kind", "moves", "bound", "faces"}
    fields(data, allowed | ({"factors"} if "factors" in data else set()), "a Newton polyhedron")
    polyhedron = Polyhedron(chart)
    plain = polyhedron.plain()
    result = Poles(plain, plain if chart.real else NEVER, polyhedron.even())
    faces = data["faces"]
    require(isinstance(faces, list), "faces should be a list")
    if all(len(g) == 1 for g in chart.generators):
        require(not faces and "factors" not in data, "monomials need no faces")
        return result
    factors = named_factors(chart, data) if "factors" in data else []
    seen: set[frozenset[tuple[int, ...]]] = set()
    crossed = False
    order: list[tuple[int, list[tuple[int, ...]]]] = []
    for face in faces:
        require(isinstance(face, Mapping) and isinstance(face.get("rays"), list), "a face should have rays")
        cone = frozenset(tuple(ray) for ray in face["rays"])
        require(cone in polyhedron.cones and cone not in seen and len(cone) == len(face["rays"]), "no such face, or twice")
        seen.add(cone)
        order.append((-polyhedron.cones[cone], [tuple(ray) for ray in face["rays"]]))
        crossed = crossed or face.get("method") == "crossing"
        result = result.meet(_face(polyhedron, cone, face, factors))
    require(seen == set(polyhedron.cones), "a compact face is missing")
    require(order == sorted(order) and all(rays == sorted(rays) for _, rays in order), "faces and rays should be in order")
    require(crossed or "factors" not in data, "factors without a crossing")
    return result


def _face(polyhedron: Polyhedron, cone: frozenset[tuple[int, ...]], face: Any, factors: Sequence[tuple[Terms, int]]) -> Poles:
    chart = polyhedron.chart
    rays = sorted(cone)
    weight = tuple(map(sum, zip(*rays, strict=True)))
    method = face.get("method")
    nothing = Poles(NEVER, NEVER, True)
    if method == "excluded":
        fields(face, {"rays", "method"}, "a face")
        require(no_zeros([*polyhedron.system(weight), *chart.base], chart.nonzero), "a face may have a zero")
        return nothing
    if method == "crossing":
        fields(face, {"rays", "method", "crossings"}, "a face")
        return crossing_on(polyhedron, rays, weight, face["crossings"], factors, ())
    if method == "steep":
        fields(face, {"rays", "method", "rank"}, "a face")
        return steep_on(polyhedron, rays, weight, face["rank"], ())
    if method == "contact":
        fields(face, {"rays", "method", "rank"}, "a face")
        return contact_on(polyhedron, rays, weight, face["rank"])
    if method == "charts":
        fields(face, {"rays", "method", "children"}, "a face")
        children = face["children"]
        require(isinstance(children, list), "children should be a list")
        parts = []
        for child in children:
            fields(child, {"move", "node"}, "a child")
            require(isinstance(child["move"], Mapping) and child["move"].get("move") == "toric", "a face is blown up")
            parts.append(tuple(sorted(tuple(ray) for ray in child["move"]["rays"])))
            require(all(type(v) is int and v >= 0 for ray in parts[-1] for v in ray), "rays should be whole, ≥ 0")
        require(covers(parts, cone, polyhedron.cones[cone]), "the charts do not cover the face")
        result = nothing
        for found in _children(chart, children):
            result = result.meet(found)
        return result
    require(method == "open", "no such method")
    fields(face, {"rays", "method"}, "a face")
    return Poles(_hoelder(chart), NEVER, False)


def _cover(chart: Chart, data: Any) -> Poles:
    generator = data.get("generator")
    names = {"kind", "moves", "bound", "generator", "children"}
    if generator == -1:
        names |= {"faces"} | ({"factors"} if "factors" in data else set())
    fields(data, names, "a cover")
    polyhedron = Polyhedron(chart)
    require(len(polyhedron.cones) == 1, "a cover is for a polyhedron with one vertex")
    (cone,) = polyhedron.cones
    plain = polyhedron.plain()
    result = Poles(plain, plain if chart.real else NEVER, polyhedron.even())
    children = data["children"]
    require(isinstance(children, list), "children should be a list")
    pieces = [_piece(chart, child) for child in children]
    require(all(piece not in pieces[:i] for i, piece in enumerate(pieces)), "a piece twice")
    if generator == -1:
        require(isinstance(data["faces"], list) and len(data["faces"]) == 1, "a cover has one face")
        (face,) = data["faces"]
        require(isinstance(face, Mapping) and isinstance(face.get("rays"), list), "a face should have rays")
        require(frozenset(map(tuple, face["rays"])) == cone and len(face["rays"]) == len(cone), "not the face of the vertex")
        rays, weight = sorted(cone), tuple(map(sum, zip(*cone, strict=True)))
        if face.get("method") == "crossing":
            fields(face, {"rays", "method", "crossings"}, "a face")
            require("factors" in data, "a crossing needs factors")
            result = result.meet(crossing_on(polyhedron, rays, weight, face["crossings"], named_factors(chart, data), pieces))
        else:
            fields(face, {"rays", "method", "rank"}, "a face")
            require(face["method"] == "steep" and "factors" not in data, "no such method")
            result = result.meet(steep_on(polyhedron, rays, weight, face["rank"], pieces))
    else:
        index = whole(generator, 0, len(chart.generators), "generator")
        _covered(chart, chart.reduce(chart.on_divisors(chart.generators[index])), pieces)
    for found in _children(chart, children):
        result = result.meet(found)
    return result


def _piece(chart: Chart, child: Any) -> Terms:
    """The polynomial that a child makes a coordinate."""
    fields(child, {"move", "node"}, "a child")
    move = child["move"]
    require(isinstance(move, Mapping) and move.get("move") in ("solve", "etale"), "a piece is straightened")
    if move["move"] == "etale":
        return read(move.get("polynomial"), chart.size)
    require(move.get("variable") in chart.units, "a piece should replace a unit")
    slope, rest = read(move.get("slope"), chart.size), read(move.get("rest"), chart.size)
    piece = p.add(p.multiply(slope, p.coordinate(chart.size, chart.names.index(move["variable"]))), rest)
    require(chart.on_divisors(piece) == piece, "a piece should contain units only")
    return piece


def _covered(chart: Chart, base: Terms, pieces: Sequence[Terms]) -> None:
    """Every zero of ``base`` is one of a piece: what is left after dividing by the pieces has no zero."""
    require(bool(base), "the generator vanishes on the divisors")
    for piece in pieces:
        require(len(piece) > 1, "a piece that is a monomial has no zeros here")
        divided = False
        while True:
            try:
                base = p.divide(base, piece)
                divided = True
            except ValueError:
                break
        require(divided, "a piece that is no factor")
    if chart.relations or len(base) == 1:
        require(chart.unit(base), "zeros are not covered")
        return
    import sympy

    symbols = sympy.symbols(f"s0:{chart.size}")
    _, factors = sympy.factor_list(
        sympy.Poly({e: sympy.Rational(c.numerator, c.denominator) for e, c in base.items()}, *symbols, domain="QQ")
    )
    for factor, _ in factors:
        terms = {e: Fraction(int(c.p), int(c.q)) for e, c in factor.terms()}
        require(no_zeros([terms, *chart.base], chart.nonzero), "zeros are not covered")


KINDS = {"newton": _newton, "sum": _sum, "cover": _cover, "open": _open}
