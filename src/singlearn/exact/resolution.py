"""The learning coefficient of a polynomial by resolution of singularities."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import inf
from typing import Any

from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.marked_text import formula
from singlearn.exact.read.inputs import (
    Function,
    function_size,
    rational,
    read_as_it_is,
    read_function,
    read_point,
    read_prior,
    text_of,
    texts_of,
    translated,
    variables_of,
)
from singlearn.exact.read.ring import terms_of
from singlearn.exact.resolution_proof import ResolutionProof
from singlearn.exact.resolve.bound import NEVER, Bound
from singlearn.exact.resolve.centre import bilinear
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.essential import essential_coordinates
from singlearn.exact.resolve.explain import explanation, open_reasons
from singlearn.exact.resolve.limited import LimitError, resolve_in_a_process
from singlearn.exact.resolve.prior_sign import prior_is_shown_nonnegative
from singlearn.exact.resolve.product import product_coordinates
from singlearn.exact.resolve.proof import ProofNode
from singlearn.exact.resolve.proof_charts import proof_charts
from singlearn.exact.resolve.search import OutOfTimeError, Search
from singlearn.exact.resolve.sign import negative_point, never_negative
from singlearn.exact.resolve.squares import sum_of_squares
from singlearn.exact.resolve.summary import summary
from singlearn.exact.resolve.write_certificate import certificate, function_terms
from singlearn.exact.resolve.zero_elsewhere import zero_elsewhere
from singlearn.running.arguments import real_number

MARGIN = 0.75
"""Share of the time that the search may use; a single step of algebra that has begun is not
interrupted.
"""

SHARE_FOR_POLYHEDRA, SHARE_IN_FEW_VARIABLES, FEW_VARIABLES = 0.4, 0.8, 4
"""Of the search, after which coordinate subspaces are blown up instead: polyhedra of few dimensions
are small.
"""

SHARE_FOR_PRODUCTS, SHARE_FOR_A_TRY, SHARE_AFTER_A_TRY = 0.5, 0.2, 0.15
"""Of the search, for which coordinate subspaces are blown up first; of the rest, for polyhedra."""

SHARE_FOR_SQUARES = 0.3
"""Of the time, after which K is taken as it is."""

SMALL_TERMS, SMALL_DEGREE = 300, 60
"""Up to this size a step of algebra takes moments; larger ones are searched in a process that can
be ended.
"""

MOST_CANDIDATES, MOST_ZEROS = 30, 300
"""Points in a box whose λ is found, and zeros of which these are chosen."""

MOST_FOR_EVERYWHERE = 12
"""Variables, where all sets of coordinates that vanish are looked at one by one: 4096 sets."""


def rlct(
    K: Any,
    at: Mapping[Any, Any] | None = None,
    domain: Mapping[Any, Sequence[Any]] | str | None = None,
    prior: Any = None,
    timeout: float | int = 60.0,
) -> ExactCoefficient:
    r"""(λ, m) of a polynomial :math:`K ≥ 0`: the largest pole of :math:`ζ(z) = ∫ K^z φ\,dw` is
    :math:`-λ`, of order m.

    K is carried as an ideal where it is a sum of squares, and resolved by toric blow-ups with real
    centres (Varchenko 1976 [varchenko1976newton]_ where its Newton polyhedron is non-degenerate
    over the reals; Hironaka's theorem as in Watanabe 2009 [watanabe2009algebraic]_ otherwise).
    Where polyhedra have too many faces, as for minors and products of matrices, coordinate
    subspaces are blown up one after the other; entries of a product of matrices minus a constant,
    in linear coordinates of any kind, by the recursion of Aoyagi & Watanabe 2005
    [aoyagi2005reduced]_. Every face of every polyhedron is examined; the
    result is proved, or bounds.

    Args:
        K: a string such as ``"x^2*y^2 + z^4"``, a SymPy expression, or a list of either: generators
            g of :math:`K = Σ g^2`.
        at: a rational point, by variable; coordinates not given are 0. The pole is that of an
            integral near the point.
        domain: ``"all"``, for the smallest λ over all real points, or a box, by variable a pair of
            ends, for the smallest λ over the zeros in the closed box (the prior should be positive
            around it, not only in it, where a zero lies on its boundary). At most one of ``at`` and
            ``domain`` is given; with neither, the point is the origin, and a factor of K that is
            zero elsewhere with a smaller λ is said.
        prior: a factor φ ≥ 0, a polynomial in the variables and their absolute values, such as
            ``"|x|*y^2"``; default 1.
        timeout: seconds. The clock is looked at between steps of algebra, whose size is limited.

    Returns:
        λ, its status and m, with a certificate that :func:`singlearn.exact.verify` checks; bounds
        where time ran out.

    Raises:
        ValueError: K is not a polynomial, is negative somewhere near the point, or an argument does
            not fit.

    >>> print(rlct("(x + y^2)^2 + z^2"))
    λ = 1, m = 1 (proved)
    >>> print(rlct(["x*y", "y*z", "x*z"]))
    λ = 3/4, m = 1 (proved)
    >>> print(rlct("x^2*(x - 1)^4"))
    λ = 1/2, m = 1 (proved; elsewhere λ ≤ 1/4 near x = 1, where x - 1 = 0)
    >>> print(rlct("(x^2 - 2)^2", domain="all"), rlct("x^2 + 1", domain="all"), sep="; ")
    λ = 1/2, m = 1 (proved); λ = ∞ (proved): no real zero there
    """
    begin = time.monotonic()
    seconds = real_number("timeout", timeout, above=0, meaning="a positive number of seconds")
    if at is not None and domain is not None:
        raise ValueError("at, domain: got both; at most one of them should be given")
    texts = texts_of(K)
    size = function_size(texts)
    prior = None if prior is None else text_of(prior, "prior")
    domain = _read_domain(domain, variables_of(texts))
    arguments = {"K": texts, "at": at, "domain": domain, "prior": prior, "timeout": seconds}
    if size.terms <= SMALL_TERMS and size.total <= SMALL_DEGREE:
        return resolve(**arguments)
    try:
        found: ExactCoefficient = resolve_in_a_process(
            arguments, max(1.2 * seconds + begin - time.monotonic(), 0.5)
        )
        return found
    except LimitError as limit:
        return _without_a_search(str(limit), **arguments)


def resolve(
    K: list[str] | str, at: Any, domain: Any, prior: str | None, timeout: float
) -> ExactCoefficient:
    """:func:`rlct` in this process; arguments as there, already read."""
    begin = time.monotonic()
    function = with_squares(read_function(K), begin + SHARE_FOR_SQUARES * timeout)
    end, now = begin + MARGIN * timeout, time.monotonic()
    share = (
        SHARE_IN_FEW_VARIABLES if len(function.variables) <= FEW_VARIABLES else SHARE_FOR_POLYHEDRA
    )
    search = Search(now + share * max(end - now, 0), function.variables)
    linear = Search(end, function.variables, linear=True)
    if domain is None:
        point = read_point(at, function.variables)
        chart = _chart(function, prior, point)
        _refuse_negative(function, point)
        shown = prior_is_shown_nonnegative(prior, function.variables, point, None)
        nodes = [_solved(search, linear, chart, function.power, tuple(point.values()))]
        found = _result(
            function, prior, "point", [_place(point)], nodes, nodes[0].bound, "", point, shown
        )
        if at is not None or prior is not None or found.value is None:
            return found
        other = zero_elsewhere(function, found.value)
        return found if other is None else replace(found, elsewhere=str(other))
    _refuse_negative(function, None)
    shown = prior_is_shown_nonnegative(
        prior, function.variables, None, None if domain == "all" else domain
    )
    places, nodes = _everywhere(
        search, _chart(function, prior, dict.fromkeys(function.variables, Fraction(0)))
    )
    bound = Bound(min(node.bound.low for node in nodes), min(node.bound.high for node in nodes))
    if not bound.proved:
        nodes = [
            _better(node, linear, function.power) if node.bound.low < bound.high else node
            for node in nodes
        ]
        bound = Bound(min(node.bound.low for node in nodes), min(node.bound.high for node in nodes))
    if domain == "all":
        return _result(function, prior, "everywhere", places, nodes, bound, "", None, shown)
    return _in_box(function, linear, places, nodes, bound, domain, prior, shown)


def _solved(
    search: Search, linear: Search, chart: Chart, power: int, point: tuple[Fraction, ...]
) -> ProofNode:
    """From polyhedra; if that is not enough, after blow-ups of coordinate subspaces. These come
    first for products of matrices, and for a moment where there are many variables.
    """
    several = power == 2 and len(chart.generators) > 1
    product = several and bool(bilinear(chart.generators, lower=True))
    if product or (several and len(chart.local) > FEW_VARIABLES):
        last = linear.deadline
        with linear.within(SHARE_FOR_PRODUCTS if product else SHARE_FOR_A_TRY):
            node = _product(linear, chart, point) if product else linear.solve(chart)
        if _settled(node, power):
            return node
        now = time.monotonic()
        search.deadline = now + SHARE_AFTER_A_TRY * max(last - now, 0)
    return _better(_from_polyhedra(search, chart, power), linear, power)


def _product(linear: Search, chart: Chart, point: tuple[Fraction, ...]) -> ProofNode:
    """After the linear changes that make the generators entries of a product, if they are some."""
    moved = chart
    try:
        moves = product_coordinates(chart, point, linear.fresh, linear.check)
    except OutOfTimeError:
        moves = []
    for move in moves:
        moved = move(moved)
    node = linear.solve(moved)
    node.chart, node.moves = chart, [*moves, *node.moves]
    return node


def _better(node: ProofNode, linear: Search, power: int) -> ProofNode:
    """The node, or one from blow-ups of coordinate subspaces, if that says more."""
    if _settled(node, power):
        return node
    other = linear.solve(node.chart)
    if _settled(other, power) or (other.bound.proved and not node.bound.proved):
        return other
    return node if node.bound.proved else max(node, other, key=lambda found: found.bound.low)


def _settled(node: ProofNode, power: int) -> bool:
    return node.bound.low[0] == inf or (
        node.bound.proved and (power == 2 or never_negative([node]))
    )


def _from_polyhedra(search: Search, chart: Chart, power: int) -> ProofNode:
    """In the given coordinates; a K that was not written as squares, if need be, in others that its
    lowest forms suggest.
    """
    node = search.solve(chart)
    if power == 2 or _settled(node, power):
        return node
    moves = essential_coordinates(chart, search.fresh)
    moved = chart
    for move in moves:
        moved = move(moved)
    if not moves:
        return node
    other = search.solve(moved)
    other.chart, other.moves = chart, [*moves, *other.moves]
    if other.bound.proved and never_negative([other]):
        return other
    return max(node, other, key=lambda found: found.bound.low)


def with_squares(function: Function, deadline: float) -> Function:
    """The same with K written as a sum of squares, if it is one and time suffices to find it."""
    if function.power == 2:
        return function
    clock = Search(deadline)
    try:
        found = sum_of_squares(function.whole, clock.check)
    except OutOfTimeError:
        return function
    if found is None:
        return function
    scales, roots = zip(*found, strict=True)
    return replace(function, generators=tuple(roots), scales=tuple(scales), power=2)


def _without_a_search(
    reason: str, K: list[str] | str, at: Any, domain: Any, prior: str | None, timeout: float
) -> ExactCoefficient:
    """What is known by Hölder's inequality alone, where the search was ended."""
    function = read_as_it_is(K)
    search = Search(time.monotonic() + timeout, function.variables)
    point = (
        read_point(at, function.variables)
        if domain is None
        else dict.fromkeys(function.variables, Fraction(0))
    )
    chart = _chart(function, prior, point)
    if domain is None:
        node = search.left_open(chart, reason)
        return _result(function, prior, "point", [_place(point)], [node], node.bound, "", point)
    search.deadline = time.monotonic()
    places, nodes = _everywhere(search, chart)
    bound = Bound(min(node.bound.low for node in nodes), NEVER)
    scope = domain if isinstance(domain, str) else _scope(domain)
    return _result(
        function, prior, "everywhere" if domain == "all" else scope, places, nodes, bound, reason
    )


def _chart(function: Function, prior: Any, point: Mapping[str, Fraction]) -> Chart:
    variables = function.variables
    exponents, factor = read_prior(prior, variables)
    context = factor.context()
    if any(point.values()):
        # Away from a coordinate hyperplane its absolute value is no monomial any more.
        factor = translated(factor, variables, point)
        weights = tuple(
            0 if point[name] else h for name, h in zip(variables, exponents, strict=True)
        )
    else:
        weights = exponents
    generators = tuple(translated(g, variables, point) for g in function.generators)
    count = len(variables)
    return Chart(
        variables,
        (),
        (0,) * count,
        weights,
        generators,
        context.constant(0) + factor,
        function.power,
    ).normalised()


def _refuse_negative(function: Function, point: Mapping[str, Fraction] | None) -> None:
    if function.power == 2:
        return
    centre = point or dict.fromkeys(function.variables, Fraction(0))
    moved = translated(function.whole, function.variables, centre)
    found = negative_point(moved, len(function.variables), everywhere=point is None)
    if (
        found is not None
        and point is not None
        and len(function.variables) == 2
        and _nonnegative_in_the_plane(function, point)
    ):
        # decided, not sampled: the point found lies beyond a zero that has nothing to do with this
        # one
        return
    if found is not None:
        where = ", ".join(
            f"{name} = {centre[name] + x}"
            for name, x in zip(function.variables, found, strict=True)
        )
        near = " near the point" if point is not None else ""
        raise ValueError(
            f"K: it is negative at {where}; it should be ≥ 0{near}. If it is a generator, K being "
            f"its square, give it as a "
            "list of one, [K], or with --squares"
        )


def _place(point: Mapping[str, Fraction]) -> dict[str, Any]:
    return {"point": {name: str(x) for name, x in point.items()}}


def _everywhere(search: Search, chart: Chart) -> tuple[list[dict[str, Any]], list[ProofNode]]:
    """One chart for every set of coordinates that vanish: together all real points."""
    count = len(chart.local)
    if count > MOST_FOR_EVERYWHERE:
        raise ValueError(
            f"domain: got all points or a box for {count} variables; each of the 2^{count} sets of "
            f"coordinates that may "
            f"vanish would be looked at, so at most {MOST_FOR_EVERYWHERE} variables are read. Give "
            f"a point, at=…, "
            "or add up the λ of summands in separate variables"
        )
    places: list[dict[str, Any]] = []
    nodes: list[ProofNode] = []
    ceiling = NEVER
    for size in range(len(chart.local), -1, -1):
        for zero in combinations(range(len(chart.local)), size):
            local = tuple(chart.local[i] for i in zero)
            units = tuple(n for n in chart.local if n not in local)
            stratum = Chart(
                local,
                units,
                (*(chart.exponents[i] for i in zero),),
                (*(chart.weights[i] for i in zero),),
                _moved(chart, local, units),
                _moved(chart, local, units, prior=True)[0],
                chart.power,
            )
            nodes.append(search.solve(stratum.normalised(), ceiling))
            ceiling = min(ceiling, nodes[-1].bound.high)
            places.append({"zero": list(local)})
    return places, nodes


def _moved(
    chart: Chart, local: tuple[str, ...], units: tuple[str, ...], prior: bool = False
) -> tuple[Any, ...]:
    from singlearn.exact.read.ring import ring

    new = ring(local + units)
    gens = dict(zip(local + units, new.gens(), strict=True))
    images = [gens[n] for n in chart.names]
    polys = (chart.prior,) if prior else chart.generators
    if not prior:
        monomial = new.constant(1)
        for name, k in zip(chart.local, chart.exponents, strict=True):
            if name in units:
                monomial = monomial * gens[name] ** k
    return tuple(p.compose(*images, ctx=new) for p in polys)


def _in_box(
    function: Function,
    search: Search,
    places: list[dict[str, Any]],
    nodes: list[ProofNode],
    everywhere: Bound,
    domain: Any,
    prior: Any,
    prior_shown: bool,
) -> ExactCoefficient:
    """The smallest λ in a box: never below that of all points; reached if a point inside with the
    same λ is found.
    """
    box: dict[str, tuple[Fraction, Fraction]] = domain
    best = Bound(everywhere.low, NEVER)
    for point in _candidates(function, box):
        node = search.solve(_chart(function, prior, point))
        places, nodes = [*places, _place(point)], [*nodes, node]
        best = Bound(best.low, min(best.high, node.bound.high))
        if best.proved:
            break
    reason = (
        ""
        if best.proved
        else "the smallest λ over all real points was not found at a point inside the box"
    )
    return _result(function, prior, _scope(box), places, nodes, best, reason, None, prior_shown)


def _scope(box: Mapping[str, tuple[Fraction, Fraction]]) -> dict[str, list[str]]:
    return {name: [str(low), str(high)] for name, (low, high) in box.items()}


def _read_domain(domain: Any, variables: tuple[str, ...]) -> Any:
    """``None``, ``"all"``, or the ends of a box as fractions, by variable."""
    if domain is None or domain == "all":
        return domain
    if not isinstance(domain, Mapping) or {str(k) for k in domain} != set(variables):
        raise ValueError(
            f"domain: got {domain!r}; it should be 'all', or a dictionary with a pair of ends for "
            f"each of {', '.join(variables)}"
        )
    box = {}
    for key, ends in domain.items():
        if isinstance(ends, str) or not isinstance(ends, Sequence) or len(ends) != 2:
            raise ValueError(
                f"domain: got {ends!r} for {key}; it should be a pair of ends, such as (-1, 1)"
            )
        low, high = (rational("domain", end) for end in ends)
        if not low < high:
            raise ValueError(
                f"domain: got {low} to {high} for {key}; the first end should be below the second"
            )
        box[str(key)] = (low, high)
    return {name: box[name] for name in variables}


def _candidates(
    function: Function, box: Mapping[str, tuple[Fraction, Fraction]]
) -> list[dict[str, Fraction]]:
    """Rational zeros in the interior of the box on a coarse grid of simple numbers: those of the
    highest order first.
    """
    every = {Fraction(n, d) for d in (1, 2, 3) for n in range(-3 * d, 3 * d + 1)}
    simple = [q for _, _, q in sorted((abs(q), q.denominator, q) for q in every)]
    values = {name: [q for q in simple if low < q < high] for name, (low, high) in box.items()}
    for name, numbers in values.items():
        often = [(-_divides(function, name, q), place) for place, q in enumerate(numbers)]
        numbers[:] = [numbers[place] for _, place in sorted(often)]
    found: list[dict[str, Fraction]] = []
    points: list[dict[str, Fraction]] = [{}]
    for name in function.variables:
        points = [{**p, name: q} for p in points for q in values[name]][:20000]
    for point in points:
        moved = [g for g in function.generators if _value(g, function.variables, point)]
        if not moved:
            found.append(point)
        if len(found) == MOST_ZEROS:
            break
    if len(found) > MOST_CANDIDATES:
        found.sort(key=lambda point: -_order(function, point))
    return found[:MOST_CANDIDATES]


def _divides(function: Function, name: str, value: Fraction) -> int:
    """How often name - value divides all generators."""
    index = function.variables.index(name)
    point = dict.fromkeys(function.variables, Fraction(0)) | {name: value}
    return min(
        e[index]
        for g in function.generators
        for e in terms_of(translated(g, function.variables, point))
    )


def _order(function: Function, point: Mapping[str, Fraction]) -> int:
    """The least degree of a term of a generator at a point."""
    return min(
        sum(e)
        for g in function.generators
        for e in terms_of(translated(g, function.variables, point))
    )


def _value(poly: Any, variables: Sequence[str], point: Mapping[str, Fraction]) -> Fraction:
    from singlearn.exact.resolve.witness import value_at

    return value_at(poly, tuple(point[name] for name in variables))


def _nonnegative_in_the_plane(function: Function, point: Mapping[str, Fraction]) -> bool:
    """Whether a K of two variables is ≥ 0 near the point, decided."""
    from singlearn.exact.resolve.plane_sign import (
        nonnegative_in_the_plane,  # SymPy takes half a second to import, and is rarely needed here
    )

    moved = terms_of(translated(function.whole, function.variables, point))
    return nonnegative_in_the_plane({e: Fraction(int(c.p), int(c.q)) for e, c in moved.items()})


def _result(
    function: Function,
    prior: Any,
    scope: Any,
    places: list[dict[str, Any]],
    nodes: list[ProofNode],
    bound: Bound,
    reason: str,
    point: Mapping[str, Fraction] | None = None,
    prior_shown: bool = True,
) -> ExactCoefficient:
    reasons = [reason] if reason else open_reasons(nodes)
    proved = bound.proved
    signed = function.power == 2 or bound.low[0] == inf or never_negative(nodes)
    if proved and not signed and point is not None and len(function.variables) == 2:
        if not _nonnegative_in_the_plane(function, point):
            where = ", ".join(f"{name} = {value}" for name, value in point.items())
            raise ValueError(
                f"K: it is negative arbitrarily near {where}; it should be ≥ 0 near the point. If "
                f"it is a generator, K being its "
                "square, give it as a list of one, [K], or with --squares"
            )
        signed = True
    if proved and not signed:
        proved = False
        reasons = ["that K ≥ 0 near its zeros could not be shown; the value is that of |K|"]
    if proved and not prior_shown:
        proved = False
        reasons = [
            "that the prior is ≥ 0 there could not be shown; the value is that of its absolute "
            "value"
        ]
    lower, upper = bound.low[0], bound.high[0]
    if not proved and not reasons:
        reasons = ["a real point where the bound is reached was not found"]
    statement = {
        "K": list(function.texts),
        "squares": function.is_list,
        "variables": list(function.variables),
        "terms": function_terms(function.scales, function.generators),
        "power": function.power,
        "prior": None if prior is None else str(prior),
        "scope": scope,
        "nonnegative": signed,
    }
    why = "" if proved else "; ".join(reasons)
    place = _shifted(point)
    return ExactCoefficient(
        value=lower if lower == upper else None,
        multiplicity=-bound.low[1] if proved else None,
        status="proved" if proved else "bounds",
        lower=lower,
        upper=upper,
        reason=why,
        source="resolution of singularities by singlearn.exact.rlct, with a certificate",
        conditions=_conditions(scope, point, prior),
        certificate=certificate(statement, places, nodes, bound),
        proof=ResolutionProof(
            explanation(nodes, bound, why, place),
            summary(nodes, bound, why, place),
            proof_charts(nodes),
        ),
    )


def _conditions(scope: Any, point: Mapping[str, Fraction] | None, prior: Any) -> str:
    """Where the prior is to be positive and smooth for λ to be the one that was found."""
    density = "prior" if prior is None else f"prior divided by {prior}"
    if scope == "point":
        where = ", ".join(f"{name} = {value}" for name, value in (point or {}).items())
        return f"{density} positive and smooth near {where}"
    if scope == "everywhere":
        return f"{density} positive and smooth at every zero of K"
    return f"{density} positive and smooth at every zero of K in the box and around it"


def _shifted(point: Mapping[str, Fraction] | None) -> str:
    """What the coordinates of the proof are, where the point is not the origin."""
    moved = {name: value for name, value in (point or {}).items() if value}
    if not moved:
        return ""

    def sign(value: Fraction) -> str:
        return "-" if value > 0 else "+"

    names = ", ".join(
        f"{formula(name)} stands for {formula(f'{name} {sign(value)} {abs(value)}')}"
        for name, value in moved.items()
    )
    return f"The point is moved to the origin: below, {names}."
