"""The poles that a tree of charts proves, computed again from the leaves up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import inf
from typing import Any

from singlearn.exact.check import polynomial as p
from singlearn.exact.check.charts import Chart, Refuted, apply, fields, read, real_zero, require, whole
from singlearn.exact.check.cones import compact_cones, covers, matrix_rank
from singlearn.exact.check.polynomial import Terms
from singlearn.exact.check.zeros import no_zeros

Key = tuple[Fraction | float, int]
NEVER: Key = (inf, 0)


class Poles:
    """Lower and upper bound on (λ, -m), and whether K was shown to have one sign."""

    def __init__(self, low: Key, high: Key, even: bool) -> None:
        self.low, self.high, self.even = low, high, even

    def meet(self, other: Poles) -> Poles:
        return Poles(min(self.low, other.low), min(self.high, other.high), self.even and other.even)


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
    return Poles(_total([q.low for q in parts]), _total([q.high for q in parts]), False)


def _total(keys: Sequence[Key]) -> Key:
    if any(key[0] == inf for key in keys):
        return NEVER
    return sum((Fraction(key[0]) for key in keys), Fraction(0)), sum(key[1] for key in keys) + len(keys) - 1


class _Polyhedron:
    """Normal cones and pole ratios of a chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart, self.count = chart, len(chart.local)
        points = {e[: self.count] for g in chart.generators for e in g}
        shifts = {e[: self.count] for e in chart.prior} if chart.prior else set()
        if len(shifts) > 1:
            points = {tuple(map(sum, zip(a, b, strict=True))) for a in points for b in shifts}
        self.cones = compact_cones(sorted(points))

    def order(self, weight: Sequence[int]) -> int:
        chart = self.chart
        low = min(self.height(e, weight) for g in chart.generators for e in g)
        return chart.power * (low + sum(w * k for w, k in zip(weight, chart.exponents, strict=True)))

    def height(self, e: Sequence[int], weight: Sequence[int]) -> int:
        return sum(w * a for w, a in zip(weight, e, strict=False))

    def ratio(self, ray: Sequence[int]) -> Fraction | float:
        order = self.order(ray)
        density = sum(r * (h + 1) for r, h in zip(ray, self.chart.weights, strict=True))
        density += min((self.height(e, ray) for e in self.chart.prior), default=0)
        return Fraction(density, order) if order else inf

    def key(self, rays: Sequence[tuple[int, ...]], strict: Sequence[Fraction] = ()) -> Key:
        ratios = [self.ratio(ray) for ray in rays]
        best = min([*ratios, *strict], default=inf)
        if best == inf:
            return NEVER
        level = [ray for ray, r in zip(rays, ratios, strict=True) if r == best]
        return best, -((matrix_rank(level) if level else 0) + sum(s == best for s in strict))

    def plain(self) -> Key:
        return min((self.key(sorted(cone)) for cone, dimension in self.cones.items() if dimension == self.count), default=NEVER)

    def even(self) -> bool:
        return all(self.order(ray) % 2 == 0 for cone in self.cones for ray in cone)

    def face(self, poly: Terms, weight: Sequence[int], level: int | None = None) -> Terms:
        low = min(self.height(e, weight) for e in poly)
        if level is not None and low > level:
            return {}
        return {e: c for e, c in poly.items() if self.height(e, weight) == low}

    def system(self, weight: Sequence[int]) -> list[Terms]:
        level = min(self.height(e, weight) for g in self.chart.generators for e in g)
        return [self.face(g, weight, level) for g in self.chart.generators]


def _newton(chart: Chart, data: Any) -> Poles:
    allowed = {"kind", "moves", "bound", "faces"}
    fields(data, allowed | ({"factors"} if "factors" in data else set()), "a Newton polyhedron")
    polyhedron = _Polyhedron(chart)
    plain = polyhedron.plain()
    result = Poles(plain, plain if chart.real else NEVER, polyhedron.even())
    faces = data["faces"]
    require(isinstance(faces, list), "faces should be a list")
    if all(len(g) == 1 for g in chart.generators):
        require(not faces and "factors" not in data, "monomials need no faces")
        return result
    factors = _factors(chart, data) if "factors" in data else []
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


def _factors(chart: Chart, data: Any) -> list[tuple[Terms, int]]:
    """The factors that the certificate names; they should multiply up to the generator, or be the generators."""
    require(isinstance(data["factors"], list) and bool(data["factors"]), "factors should be a list")
    require(all(isinstance(f, list) and len(f) == 2 for f in data["factors"]), "a factor should have a multiplicity")
    factors = [(read(f, chart.size), whole(s, 1, 1000, "a multiplicity")) for f, s in data["factors"]]
    require(all(f for f, _ in factors), "a factor should not be 0")
    if len(chart.generators) > 1 or chart.relations:
        require([f for f, _ in factors] == list(chart.generators) and all(s == 1 for _, s in factors), "not the generators")
        return factors
    product = p.constant(chart.size, 1)
    for f, s in factors:
        product = p.multiply(product, p.power(f, s, chart.size))
    require(p.monic(product) == p.monic(chart.generators[0]), "the factors do not multiply up to the generator")
    require(all(p.monic(f) == f or len(f) == 1 or _integral(f) for f, _ in factors), "a factor should be primitive or monic")
    return factors


def _integral(poly: Terms) -> bool:
    from math import gcd

    return all(c.denominator == 1 for c in poly.values()) and gcd(*(int(c) for c in poly.values())) == 1


def _face(polyhedron: _Polyhedron, cone: frozenset[tuple[int, ...]], face: Any, factors: Sequence[tuple[Terms, int]]) -> Poles:
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
        return _crossing(polyhedron, rays, weight, face["crossings"], factors, ())
    if method == "steep":
        fields(face, {"rays", "method", "rank"}, "a face")
        return _steep(polyhedron, rays, weight, face["rank"], ())
    if method == "contact":
        fields(face, {"rays", "method", "rank"}, "a face")
        return _contact(polyhedron, rays, weight, face["rank"])
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


def _minors(chart: Chart, polys: Sequence[Terms], required: int) -> list[Terms]:
    """The system of the common zeros where the polys and the relations have fewer independent differentials."""
    system = [*polys, *chart.base]
    size = required + len(chart.base)
    live = [i for i in range(chart.size) if any(p.degree(q, i) for q in system)]
    minors = []
    for chosen in combinations(system, size):
        for columns in combinations(live, size):
            minors.append(_determinant([[p.derivative(q, i) for i in columns] for q in chosen]))
    require(bool(minors), "more differentials than variables")
    return [*system, *minors]


def _determinant(rows: list[list[Terms]]) -> Terms:
    if len(rows) == 1:
        return rows[0][0]
    total: Terms = {}
    for i, entry in enumerate(rows[0]):
        if entry:
            minor = [row[:i] + row[i + 1 :] for row in rows[1:]]
            total = p.add(total, p.multiply(entry, _determinant(minor)), -1 if i % 2 else 1)
    return total


def _crossing(
    polyhedron: _Polyhedron,
    rays: Sequence[tuple[int, ...]],
    weight: Sequence[int],
    data: Any,
    factors: Sequence[tuple[Terms, int]],
    avoid: Sequence[Terms],
) -> Poles:
    chart = polyhedron.chart
    require(bool(factors) and isinstance(data, list) and bool(data), "a crossing should say which factors meet")
    claimed: dict[tuple[int, ...], Any] = {}
    for crossing in data:
        fields(crossing, {"factors", "witness"}, "a crossing")
        require(isinstance(crossing["factors"], list), "factors of a crossing should be a list")
        subset = tuple(whole(i, 0, len(factors), "a factor") for i in crossing["factors"])
        require(list(subset) == sorted(set(subset)) and subset not in claimed, "factors of a crossing in order, none twice")
        claimed[subset] = crossing["witness"]
    together = len(chart.generators) > 1
    if together:
        require(all(polyhedron.system(weight)), "a generator does not reach the face")
    parts = [polyhedron.face(f, weight) for f, _ in factors]
    subsets = [tuple(range(len(parts)))] if together else [
        s for k in range(1, len(parts) + 1) for s in combinations(range(len(parts)), k)
    ]  # fmt: skip
    empty: list[set[int]] = []
    result = Poles(NEVER, NEVER, True)
    for subset in subsets:
        if any(e <= set(subset) for e in empty):
            require(subset not in claimed, "a crossing that is none")
            continue
        polys = [parts[i] for i in subset]
        if subset not in claimed:
            require(no_zeros([*polys, *chart.base], chart.nonzero), "factors may meet that are not listed")
            empty.append(set(subset))
            continue
        require(no_zeros(_minors(chart, polys, len(polys)), [*chart.nonzero, *avoid]), "factors may touch")
        strict = [Fraction(len(subset), chart.power)] if together else [Fraction(1, chart.power * factors[i][1]) for i in subset]
        key = polyhedron.key(rays, strict)
        known = claimed[subset] is not None
        if known:
            require(chart.real and real_zero([*polys, *chart.base], chart, claimed[subset], avoid), "the witness is none")
            part = polyhedron.face(chart.prior, weight)
            require(no_zeros([part, *polys, *chart.base], chart.nonzero), "the prior may vanish there")
        even = together or all(factors[i][1] % 2 == 0 for i in subset)
        result = result.meet(Poles(key, key if known else NEVER, even))
    return result


def _steep(
    polyhedron: _Polyhedron, rays: Sequence[tuple[int, ...]], weight: Sequence[int], rank: Any, avoid: Sequence[Terms]
) -> Poles:
    chart = polyhedron.chart
    polys = [q for q in polyhedron.system(weight) if q]
    required = whole(rank, 1, len(polys) + 1, "rank")
    require(no_zeros(_minors(chart, polys, required), [*chart.nonzero, *avoid]), "the differentials may be dependent")
    low = min((Fraction(required, chart.power), -chart.size), polyhedron.key(rays))
    return Poles(low, NEVER, False)


def _contact(polyhedron: _Polyhedron, rays: Sequence[tuple[int, ...]], weight: Sequence[int], order: Any) -> Poles:
    """At every zero of the face a derivative of at most that order, along one coordinate, does not vanish."""
    chart = polyhedron.chart
    polys = [q for q in polyhedron.system(weight) if q]
    highest = whole(order, 1, 100, "the order")
    free = [i for i in range(chart.size) if not any(p.degree(r, i) for r in chart.base)]
    system = [*polys, *chart.base]
    for q in polys:
        for i in free:
            current = q
            for _ in range(highest):
                current = p.derivative(current, i)
                system.append(current)
    require(no_zeros(system, chart.nonzero), "the zeros may have a higher order")
    return Poles(polyhedron.key(rays, [Fraction(1, chart.power * highest)]), NEVER, False)


def _cover(chart: Chart, data: Any) -> Poles:
    generator = data.get("generator")
    names = {"kind", "moves", "bound", "generator", "children"}
    if generator == -1:
        names |= {"faces"} | ({"factors"} if "factors" in data else set())
    fields(data, names, "a cover")
    polyhedron = _Polyhedron(chart)
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
            result = result.meet(_crossing(polyhedron, rays, weight, face["crossings"], _factors(chart, data), pieces))
        else:
            fields(face, {"rays", "method", "rank"}, "a face")
            require(face["method"] == "steep" and "factors" not in data, "no such method")
            result = result.meet(_steep(polyhedron, rays, weight, face["rank"], pieces))
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

__all__ = ["NEVER", "Key", "Poles", "Refuted", "poles"]
