"""The search for a resolution: simplify, split, read the polyhedron, blow up where it is not
enough.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, Literal

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.bound import NEVER, Bound, Key
from singlearn.exact.resolve.centre import centres, product_centre
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.eliminate import eliminants
from singlearn.exact.resolve.fan import Cone, Vector
from singlearn.exact.resolve.lattice import completed, unimodular_cones
from singlearn.exact.resolve.moves import Apart, BlowUp, Etale, Keep, Move, Part, Solve, Toric, used
from singlearn.exact.resolve.newton import Newton
from singlearn.exact.resolve.proof import Child, Face, ProofNode
from singlearn.exact.resolve.simplify import is_unit, linear_parts, simplified
from singlearn.exact.resolve.torus import EXCLUDED, zeros
from singlearn.exact.resolve.witness import real_zero

DEEPEST = 40
"""Nested charts; no polynomial of reasonable size needs so many."""


FEW_COORDINATES = 5
"""Local ones, up to which the polyhedron is looked at before a blow-up."""


MOST_FOR_FEWER, SHARE_FOR_FEWER = 8, 0.5
"""Local coordinates, up to which fewer generators are tried; the share of the time for that."""


class OutOfTimeError(Exception):
    """Time is up; caught at the next open chart."""


class Search:
    """One search with a deadline.

    Args:
        deadline: in the clock of :func:`time.monotonic`.
        taken: names of variables that must not be used again.
        linear: blow up coordinate subspaces, in charts with free coordinates, before whole
            polyhedra.
    """

    def __init__(self, deadline: float, taken: tuple[str, ...] = (), linear: bool = False) -> None:
        self.deadline = deadline
        self.taken = frozenset(taken)
        self.last: dict[str, int] = {}
        self.linear = linear
        self.charts = 0

    def check(self) -> None:
        """Stop where the time is up."""
        if time.monotonic() > self.deadline:
            raise OutOfTimeError

    @contextmanager
    def within(self, share: float) -> Iterator[None]:
        """A try that may take this share of the time that is left."""
        last, now = self.deadline, time.monotonic()
        self.deadline = now + share * max(last - now, 0)
        try:
            yield
        finally:
            self.deadline = last

    def fresh(self, letter: str) -> str:
        """A name that nothing has; numbers that were passed once are not tried again."""
        number = self.last.get(letter, 0) + 1
        while f"{letter}{number}" in self.taken:
            number += 1
        self.last[letter] = number
        return f"{letter}{number}"

    def solve(self, chart: Chart, ceiling: Key = NEVER, depth: int = 0) -> ProofNode:
        """The proof tree of a chart; charts that time or means did not suffice for are ``open`` in
        it.

        Args:
            chart: normalised.
            ceiling: an upper bound for the whole; nothing above it matters.
            depth: of nesting.
        """
        try:
            self.check()
            self.charts += 1
            if depth > DEEPEST:
                return self.left_open(chart, "charts nested too deeply")
            current, moves = simplified(chart, self.fresh, self.check, self.linear)
            node = self._sum(current, depth)
            if node is None and self.linear:
                node = self._linear(current, ceiling, depth)
            if node is None:
                newton = Newton(current, self.check)
                node = self._cover(current, newton, ceiling, depth) or self._newton(
                    current, newton, ceiling, depth
                )
                node.newton = newton
            node.chart, node.moves, node.after = chart, list(moves), current
            return node
        except OutOfTimeError:
            return self.left_open(chart, "time ran out")

    def left_open(self, chart: Chart, reason: str) -> ProofNode:
        """A chart that is not looked into, with what is known of it without a look."""
        return ProofNode(chart, [], "open", Bound(lowest(chart), NEVER), reason=reason)

    def _sum(self, chart: Chart, depth: int) -> ProofNode | None:
        """Separate variables, if the generators fall into groups."""
        if any(chart.exponents) or not is_unit(chart, chart.prior) or len(chart.generators) < 2:
            return None
        groups: list[tuple[set[str], list[int]]] = []
        # What holds at the points of the chart links variables: a point good for one summand need
        # not go with one good for another.
        links = [used(chart, p) for p in (*(p for _, p in chart.relations), *chart.nonzero)]
        for index, g in enumerate(chart.generators):
            names = used(chart, g)
            for _ in links:
                for link in links:
                    if names & link:
                        names |= link
            merged = [index]
            rest = []
            for other, members in groups:
                if other & names:
                    names |= other
                    merged += members
                else:
                    rest.append((other, members))
            groups = [*rest, (names, sorted(merged))]
        if len(groups) < 2:
            return None
        children = []
        total: Bound | None = None
        for names, members in sorted(groups, key=lambda group: group[1]):
            part = Part(tuple(members), tuple(n for n in chart.names if n in names))
            child = self.solve(part(chart), NEVER, depth + 1)
            children.append(Child(part, child))
            total = child.bound if total is None else total.plus(child.bound)
        assert total is not None
        return ProofNode(chart, [], "sum", total, children=children)

    def _linear(self, chart: Chart, ceiling: Key, depth: int) -> ProofNode | None:
        """The polyhedron, if that is enough; else the places where a coefficient vanishes and the
        others; else a blow-up.
        """
        product = product_centre(chart)
        if product:
            names = tuple(self.fresh("s") for _ in product)
            charts = [BlowUp(product, i, names) for i in range(len(product))]
            return self._branches(chart, "blow_up", charts, ceiling, depth)
        fewer = self._fewer(chart, ceiling, depth)
        if fewer is not None:
            return fewer
        offered = centres(chart)
        if not offered or len(chart.local) <= FEW_COORDINATES:
            found = self._without_charts(chart, ceiling, depth)
            if found is not None:
                return found
        pieces = self._coefficients(chart, not offered)
        if pieces is not None:
            return self._branches(chart, "split", pieces, ceiling, depth)
        if not offered:
            return None
        best: tuple[int, list[BlowUp]] | None = None
        for centre in offered:
            left, moves = self._charts(chart, centre)
            if best is None or (left, len(moves)) < (best[0], len(best[1])):
                best = left, moves
            if left == 0:
                break
        assert best is not None
        return self._branches(chart, "blow_up", best[1], ceiling, depth)

    def _fewer(self, chart: Chart, ceiling: Key, depth: int) -> ProofNode | None:
        """From the generators that are least along the divisors of the smallest λ, where these
        alone have that λ.
        """
        if len(chart.generators) < 2 or len(chart.local) > MOST_FOR_FEWER:
            return None
        if not chart.units and not any(chart.exponents):  # the first chart
            return None
        newton = Newton(chart, self.check)
        plain = newton.monomial_key()
        rays = [ray for ray in newton.fan.rays if newton.ratio[ray] == plain[0]]
        kept = []
        for index, g in enumerate(chart.generators):
            heights = [min(_dot(ray, e) for e in terms_of(g)) for ray in rays]
            least = [
                min(_dot(ray, e) for p in chart.generators for e in terms_of(p)) for ray in rays
            ]
            if any(h == low for h, low in zip(heights, least, strict=True)):
                kept.append(index)
        if plain == NEVER or not 0 < len(kept) < len(chart.generators):
            return None
        move = Keep(tuple(kept))
        smaller = move(chart)
        goal = min(ceiling, plain if chart.real else NEVER)
        if Newton(smaller, self.check).monomial_key() < goal:
            return None
        with self.within(SHARE_FOR_FEWER):
            child = self.solve(smaller, goal, depth + 1)
        if child.bound.low < goal:
            return None
        bound = Bound(child.bound.low, plain if chart.real else NEVER)
        return ProofNode(chart, [], "fewer", bound, children=[Child(move, child)], newton=newton)

    def _charts(self, chart: Chart, centre: tuple[str, ...]) -> tuple[int, list[BlowUp]]:
        """The charts of a blow-up, and how many terms are left in the first one."""
        names = tuple(self.fresh("s") for _ in centre)
        moves = [BlowUp(centre, i, names) for i in range(len(centre))]
        after, _ = simplified(moves[0](chart), self.fresh, self.check, True)
        return sum(len(terms_of(g)) for g in after.generators if len(terms_of(g)) > 1), moves

    def _branches(
        self,
        chart: Chart,
        kind: Literal["split", "blow_up"],
        moves: Sequence[Move],
        ceiling: Key,
        depth: int,
    ) -> ProofNode:
        node = ProofNode(chart, [], kind, Bound(NEVER, NEVER))
        # The points off a piece are most of them: what is found there is a ceiling for the others.
        for move in reversed(moves) if kind == "split" else moves:
            below = self.solve(move(chart), min(ceiling, node.bound.high), depth + 1)
            node.children.append(Child(move, below))
            node.bound = node.bound.meet(below.bound)
        if kind == "split":
            node.children.reverse()
        return node

    def _without_charts(self, chart: Chart, ceiling: Key, depth: int) -> ProofNode | None:
        """From the polyhedron alone, or from a cover if it has one vertex."""
        newton = Newton(chart, self.check)
        node = self._cover(chart, newton, ceiling, depth) or self._newton(
            chart, newton, ceiling, depth, charts=False
        )
        if node is not None:
            node.newton = newton
        return node

    def _coefficients(self, chart: Chart, slopes_too: bool) -> tuple[Solve | Etale, Apart] | None:
        """A factor of a coefficient of the generators that may vanish: of those in the most
        coefficients, the simplest.

        If there is none that can be a coordinate, one of a coefficient of a coordinate, and last a
        free coordinate itself.
        """
        if not chart.units:
            return None
        count = len(chart.local)
        parts: list[Poly] = []
        for g in (*chart.generators, chart.prior):
            coefficients: dict[Vector, dict[Vector, Any]] = {}
            for e, c in terms_of(g).items():
                coefficients.setdefault(e[:count], {})[(*(0,) * count, *e[count:])] = c
            parts += [chart.ring.from_dict(part) for part in coefficients.values()]
        slopes = [
            chart.at_zero(g.derivative(i))
            for g in chart.generators
            for i, degree in enumerate(g.degrees())
            if degree == 1
        ]
        free = [
            chart.variable(n)
            for n in chart.units
            if n in chart.free and any(n in used(chart, g) for g in chart.generators)
        ]
        for polys in (parts, slopes, free) if slopes_too else (parts,):
            found: dict[str, tuple[int, Poly]] = {}
            for poly in polys:
                self.check()
                if poly == 0 or poly.is_constant():
                    continue
                for factor, _ in poly.factor()[1]:
                    found[str(factor)] = (found.get(str(factor), (0, factor))[0] + 1, factor)
            options = [
                (len(terms_of(factor)) > 1, -times, len(terms_of(factor)), text, factor)
                for text, (times, factor) in found.items()
                if zeros(chart, [factor, *chart.base_relations]) not in EXCLUDED
            ]
            for *_, factor in sorted(options, key=lambda option: option[:4]):
                piece = self._piece(chart, factor)
                if isinstance(piece, Solve):
                    return piece, Apart(polynomial(chart, piece))
        return None

    def _newton(
        self, chart: Chart, newton: Newton, ceiling: Key, depth: int, charts: bool = True
    ) -> Any:
        plain = newton.monomial_key()
        high = plain if chart.real else NEVER
        bound = Bound(plain, high)
        ceiling = min(ceiling, high)
        node = ProofNode(chart, [], "newton", bound, factors=newton.factors)
        if all(
            len(terms_of(g)) == 1 and not any(g.degrees()[i] for i in chart.free_places)
            for g in chart.generators
        ):
            return node
        waiting: list[tuple[Cone, Face]] = []
        for cone in newton.fan.cones:
            self.check()
            face = Face(cone.rays, newton.excluded(cone))
            node.faces.append(face)
            if face.method in EXCLUDED:
                continue
            if face.method == "unknown" and chart.power == 1:
                squares = newton.squares(cone)
                if squares is not None:
                    face.method, face.squares = "squares", squares
                    continue
            crossing = newton.crossing(cone)
            if crossing is not None:
                face.method, face.crossings = "crossing", tuple(crossing[0])
                bound = bound.meet(crossing[1])
                ceiling = min(ceiling, bound.high)
                continue
            waiting.append((cone, face))
        for cone, face in waiting:
            if not charts and not self._level(chart, newton, cone, face, min(ceiling, bound.high)):
                return None
            bound = bound.meet(
                self._degenerate(chart, newton, cone, face, min(ceiling, bound.high), depth)
            )
        node.bound = bound
        return node

    def _level(self, chart: Chart, newton: Newton, cone: Cone, face: Face, ceiling: Key) -> bool:
        """Whether a face needs no charts."""
        return newton.steepness(cone, ceiling) is not None or (
            chart.power == 2 and newton.contact(cone, ceiling) is not None
        )

    def _degenerate(
        self, chart: Chart, newton: Newton, cone: Cone, face: Face, ceiling: Key, depth: int
    ) -> Bound:
        steep = newton.steepness(cone, ceiling)
        if steep is not None:
            face.method, face.rank = "steep", steep[0]
            return Bound(steep[1], NEVER)
        # Charts would also tell the sign of K; a sum of squares needs no sign.
        contact = newton.contact(cone, ceiling) if chart.power == 2 else None
        if contact is not None:
            face.method, face.rank = "contact", contact[0]
            return Bound(contact[1], NEVER)
        bound = Bound(NEVER, NEVER)
        face.method = "charts"
        if (
            newton.count == cone.dimension
            and newton.count == len(chart.local)
            and _is_orthant(cone)
        ):
            face.method = "open"
            return Bound(lowest(chart), NEVER)
        for rays in unimodular_cones(cone, self.check):
            complement = tuple(completed(rays))
            toric = Toric(
                rays,
                complement,
                tuple(self.fresh("s") for _ in rays),
                tuple(self.fresh("t") for _ in complement),
            )
            child = self.solve(toric(chart), min(ceiling, bound.high), depth + 1)
            face.children.append(Child(toric, child))
            bound = bound.meet(child.bound)
        return bound

    def _cover(self, chart: Chart, newton: Newton, ceiling: Key, depth: int) -> ProofNode | None:
        """Where the polyhedron is an orthant and its vertex has zeros: a chart around every piece
        of the zero set that needs one.
        """
        if len(newton.fan.cones) != 1 or not chart.units:
            return None
        (cone,) = newton.fan.cones
        if (
            newton.excluded(cone) in EXCLUDED
            or newton.crossing(cone) is not None
            or newton.steepness(cone, ceiling) is not None
        ):
            return None
        # Where the generators do not vanish, only the divisors of the chart count.
        key = newton.monomial_key()
        bound = Bound(key, key if chart.real else NEVER)
        node = ProofNode(chart, [], "cover", bound, factors=newton.factors)
        choice = self._factors(chart)
        if choice is None or any(isinstance(move, Etale) for move in choice[1]):
            locus = self._locus(chart, newton, cone, min(ceiling, bound.high))
            if locus is not None:
                face, rest, pieces = locus
                bound = bound.meet(rest)
                node.faces, node.generator, choice = [face], -1, (-1, pieces)
        if choice is None:
            return None
        node.generator, pieces = choice
        for move in pieces:
            child = self.solve(move(chart), min(ceiling, bound.high), depth + 1)
            node.children.append(Child(move, child))
            bound = bound.meet(child.bound)
        node.bound = bound
        return node

    def _locus(
        self, chart: Chart, newton: Newton, cone: Cone, ceiling: Key
    ) -> tuple[Face, Bound, list[Solve | Etale]] | None:
        """The zero set is smooth enough except on the zeros of a few polynomials: how it is
        elsewhere, and the moves there.
        """
        systems = []
        for subset in newton.subsets(cone) or ():
            system = newton.singular(
                [newton.initial(newton.factors[i][0], cone) for i in subset], len(subset)
            )
            if system is None:
                break
            if zeros(chart, system) not in EXCLUDED:
                systems.append(system)
        else:
            pieces = self._pieces(chart, systems)
            if pieces:
                crossing = newton.crossing(cone, [polynomial(chart, move) for move in pieces])
                if crossing is not None:
                    return (
                        Face(cone.rays, "crossing", crossings=tuple(crossing[0])),
                        crossing[1],
                        pieces,
                    )
        polys = newton.face_generators(cone)
        for required in range(1, len(polys) + 1):
            if Fraction(required, chart.power) <= ceiling[0]:
                continue
            system = newton.singular([p for p in polys if p != 0], required)
            pieces = None if system is None else self._pieces(chart, [system])
            if pieces:
                steep = newton.steepness(
                    cone, ceiling, [polynomial(chart, move) for move in pieces]
                )
                if steep is not None:
                    return Face(cone.rays, "steep", rank=steep[0]), Bound(steep[1], NEVER), pieces
        return None

    def _pieces(self, chart: Chart, systems: list[list[Poly]]) -> list[Solve | Etale] | None:
        moves: list[Solve | Etale] = []
        for system in systems:
            best: tuple[int, list[Solve | Etale]] | None = None
            for element in eliminants(chart, system, self.check):
                found = [
                    self._piece(chart, factor)
                    for factor, _ in element.factor()[1]
                    if len(terms_of(factor)) > 1
                ]
                if any(move is None for move in found):
                    continue
                pieces = [move for move in found if move is not None]
                cost = sum(1 if isinstance(move, Solve) else 10 for move in pieces)
                if best is None or cost < best[0]:
                    best = (cost, pieces)
            if best is None:
                return None
            moves += best[1]
        unique = {str(polynomial(chart, move)): move for move in moves}
        return list(unique.values())

    def _factors(self, chart: Chart) -> tuple[int, list[Solve | Etale]] | None:
        """A generator, and for each factor of it on the divisors that has zeros the move that makes
        it a coordinate.
        """
        best: tuple[int, int, list[Solve | Etale]] | None = None
        for index, g in enumerate(chart.generators):
            self.check()
            base = chart.reduce(chart.at_zero(g))
            if base == 0:
                continue
            moves: list[Solve | Etale] = []
            cost = 0
            for factor, _ in base.factor()[1]:
                if zeros(chart, [factor, *chart.base_relations]) in EXCLUDED:
                    continue
                move = self._piece(chart, factor)
                if move is None:
                    break
                cost += 1 if isinstance(move, Solve) else 10
                moves.append(move)
            else:
                if best is None or cost < best[0]:
                    best = (cost, index, moves)
        return None if best is None else (best[1], best[2])

    def _piece(self, chart: Chart, factor: Poly) -> Solve | Etale | None:
        options = []
        for v in chart.units:
            parts = linear_parts(chart, factor, v)
            if parts is not None:
                options.append((len(terms_of(parts[0])), len(terms_of(parts[1])), v, parts))
        if options:
            _, _, v, (slope, rest) = min(options, key=lambda option: option[:3])
            return Solve(v, slope, rest, self.fresh("u"))
        gradient = [factor.derivative(i) for i in range(len(chart.local), len(chart.names))]
        if (
            chart.relations
            or zeros(chart, [factor, *gradient]) not in EXCLUDED
            or any(factor.degrees()[i] for i in chart.free_places)
        ):
            return None
        for v in chart.units:
            degree = factor.degrees()[chart.names.index(v)]
            lead = {e: c for e, c in terms_of(factor).items() if e[chart.names.index(v)] == degree}
            if degree > 1 and len(lead) == 1 and sum(next(iter(lead))) == degree:
                scaled = factor / next(iter(lead.values()))
                witness = real_zero([scaled], len(chart.names), chart.nonzero)
                return Etale(v, scaled, self.fresh("u"), witness)
        return None


def polynomial(chart: Chart, move: Solve | Etale) -> Poly:
    """The polynomial that a move makes a coordinate."""
    return (
        move.polynomial
        if isinstance(move, Etale)
        else move.slope * chart.variable(move.variable) + move.rest
    )


def _dot(ray: Vector, e: Vector) -> int:
    return sum(a * b for a, b in zip(ray, e, strict=False))


def _is_orthant(cone: Cone) -> bool:
    return all(sum(ray) == 1 for ray in cone.rays)


def lowest(chart: Chart) -> Key:
    r"""A lower bound at every point of the chart, by Hölder's inequality.

    The generators have order at most s = their least degree at every point, so :math:`Σ|g|^e` alone
    has λ ≥ 1/(es), the monomial alone the least ratio r, and 1/λ adds at most. On the hypersurface
    of a relation of degree r the order is at most rs (Bézout).
    """
    slowest = Fraction(0)
    for k, h in zip(chart.exponents, chart.weights, strict=True):
        slowest = max(slowest, Fraction(chart.power * k, h + 1))
    degree = min(int(g.total_degree()) for g in chart.generators)
    for _, relation in chart.relations:
        degree *= int(relation.total_degree())
    slowest += chart.power * degree
    key = NEVER if slowest == 0 else (1 / slowest, -len(chart.names))
    return key
