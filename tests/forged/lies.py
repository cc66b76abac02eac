"""The lies. Each is told where nothing but one guard can notice."""

from __future__ import annotations

from typing import Any

from .make import (
    apart,
    at,
    at_origin,
    blow_up,
    change,
    child,
    combine,
    cover,
    crossing,
    divide,
    etale,
    face,
    faces_of,
    forge,
    honest,
    newton,
    node,
    part,
    poly,
    read_off,
    solve,
    statement,
    subspace,
    toric,
    with_stratum,
)

VERTEX, SQUARE, CUBE = (
    face([[int(i == j) for i in range(n)] for j in reversed(range(n))], "excluded")
    for n in (1, 2, 3)
)
"""The one vertex of a polyhedron that is an orthant, where the generators have no common zero."""

DIAGONAL = [[1, 1]]
EDGES = ([[0, 1], [1, 1]], [[1, 0], [1, 1]])
OTHERS = [face(rays, "excluded") for rays in EDGES]
"""The two vertices of x + y, or of x^k + y^k: monomials."""


def diagonal(method: str, **more: Any) -> Any:
    """The polyhedron of a form in x and y."""
    factors = {"factors": more.pop("factors")} if "factors" in more else {}
    return newton(*OTHERS, face(DIAGONAL, method, **more), **factors)


def top(field: str, value: Any) -> Any:
    return lambda data: data.__setitem__(field, value)


def stated(field: str, value: Any) -> Any:
    return lambda data: data["statement"].__setitem__(field, value)


def the_reader() -> None:
    line = at_origin(["x"], "x", newton())
    forge(
        "top-field",
        "from_dict: set(given)",
        "A field that no reader of this format knows.",
        line,
        top("comment", "trust me"),
    )
    forge(
        "other-version",
        "given['format'] not in READ",
        "Written in an earlier version of the format.",
        line,
        top("format", "singlearn rlct certificate 1"),
    )
    forge(
        "anything",
        "not condition",
        "K = (x - y)^2 has λ = 1 and no zero off the axes; it has λ = 1/2.",
        at_origin(["x - y"], "x y", diagonal("excluded")),
    )
    forge(
        "extra-field",
        "set(data) == names",
        "A node with a field that no reader of this format knows.",
        at_origin(["x"], "x", newton(hint="skip the faces")),
    )
    forge(
        "string-for-list",
        "isinstance(data, list)",
        "K is xy; the proof is one of x^2 + y^2, reading the string as a list of letters.",
        at_origin(["x", "y"], "x y", newton()),
        stated("K", "xy"),
    )
    forge(
        "true-for-one",
        "type(value) is int",
        "The generator number true.",
        at_origin(
            ["x", "y"],
            "x y",
            newton(moves=[combine("x y", True, "3*x", 0), combine("x y", 1, "-x", 0)]),
        ),
    )
    forge(
        "minus-one",
        "low <= value < high",
        "Generator -1 is not generator 1: y is subtracted from itself. λ = 1/2 is claimed; λ = 1.",
        at_origin(["x", "y"], "x y", newton(moves=[combine("x y", -1, "-1", 1)])),
    )
    data = at_origin(["x"], "x", newton())
    data["statement"]["terms"][0][0] = "1.0"
    forge(
        "decimal",
        "RATIONAL",
        "The coefficient 1.0, which some readers would read as a float.",
        data,
    )
    move = solve("x y", "x", "1", "-y^2")
    move["rest"][0][1] = [0, 2, 0]
    forge(
        "exponent-too-many",
        "len(listed(data, 'exponents'))",
        "A monomial in three variables where there are two.",
        at_origin(["x - y^2"], "x y", newton(moves=[move])),
    )
    data = at_origin(["x"], "x", newton())
    data["statement"]["terms"][0][1] = [["5", [1]], ["1", [1]]]
    forge(
        "monomial-twice",
        "e not in poly",
        "The generator 5·x + 1·x, whose square would be 36·x^2, not K.",
        data,
    )
    data = statement(
        ["x^2 + 0*x"],
        "x",
        [
            {"place": {"zero": ["x"]}, "node": newton(VERTEX)},
            {"place": {"zero": []}, "node": newton(face([], "excluded"))},
        ],
        scope="everywhere",
    )
    data["statement"]["terms"][0][1] = [["1", [2]], ["0", [1]]]
    forge(
        "zero-coefficient",
        "bool(poly[e])",
        "The term 0·x counts as the lowest of x^2 + 0·x: λ = 1/2 is claimed; λ = 1/4.",
        data,
    )
    strata = honest(["x*(t^2 + 1)"], domain="all")
    with_stratum(strata, "x", newton(moves=[divide("x t", 0, "t^2*(t^2 + 1)")]))
    forge(
        "inexact-quotient",
        "min(shift, default=0) < 0",
        "t^2·(t^2 + 1) divides t^2 + 1, with quotient t^-2.",
        strata,
    )


def zeros() -> None:
    forge(
        "mixed-parities",
        "_constant_sign: len(parities) == 1",
        "x + y has no zero, because its coefficients are positive: λ = 1; λ = 1/2.",
        at_origin(["x + y"], "x y", diagonal("excluded")),
    )
    forge(
        "mixed-signs",
        "_constant_sign: len(signs) == 1",
        "x^2 - y^2 has no zero, because its exponents are even: m = 1; m = 2.",
        at_origin(["x^2 - y^2"], "x y", diagonal("excluded")),
    )
    forge(
        "roots-of-some",
        "any((line is None for line in lines))",
        "x^2 - y^2 and x^2 + y^2 + z^2 have a common real zero off the planes, because the first "
        "has one: λ = 1 is claimed; λ = 7/4.",
        read_off(
            ["x^2 - y^2", "x^2 + y^2 + z^2"],
            "x y z",
            [[1, 1, 1]],
            {"method": "crossing", "crossings": [crossing([0, 1], [])]},
            prior="x^4",
        ),
    )
    data = read_off(["x - y", "x - 2*z"], "x y z", [[1, 1, 1]], {"method": "excluded"})
    forge(
        "two-directions",
        "len(directions) != 1",
        "x = y and x = 2z have no common solution, because s = 1 and s = 2 have none: λ = 3/2 is "
        "claimed; λ = 1.",
        data,
    )
    data = read_off(["x^2 - y^2 + z^2"], "x y z", [[1, 1, 1]], {"method": "excluded"})
    forge(
        "not-on-a-line",
        "_on_line",
        "x^2 - y^2 + z^2 is a polynomial in one monomial, 1 + s, without a root: the cone is "
        "missing.",
        data,
    )
    forge(
        "indefinite-factor",
        "all((_definite(factor) for factor, _ in factorised(p)))",
        "The factor x - y is definite: λ = 1 is claimed; λ = 1/2.",
        at_origin(["x - y"], "x y", diagonal("excluded")),
        also=("_definite: univariate_roots",),
    )
    data = read_off(["x^2 + y*z + z^2"], "x y z", [[1, 1, 1]], {"method": "excluded"})
    forge(
        "discriminant-of-any-sign",
        "_definite: _even(discriminant)",
        "x^2 + yz + z^2 is definite in x: its zeros with yz < -z^2 are missing.",
        data,
    )
    data = read_off(["x^2 - y^2 - z^2"], "x y z", [[1, 1, 1]], {"method": "excluded"})
    forge(
        "positive-discriminant",
        "discriminant[max(discriminant)] > 0",
        "x^2 - y^2 - z^2 is definite in x: its cone is missing.",
        data,
    )
    data = read_off(
        ["x^2 + y*z*u^2 + y*z*v^2"],
        "x y z u v",
        [[1, 0, 0, 1, 1], [1, 0, 2, 0, 0], [1, 2, 0, 0, 0]],
        {"method": "excluded"},
    )
    forge(
        "odd-discriminant",
        "all((v % 2 == 0 for e in poly for v in e))",
        "x^2 + yz(u^2 + v^2) is definite in x: its zeros with yz < 0 are missing.",
        data,
    )
    data = read_off(["x^2 + y^2 - z^2"], "x y z", [[1, 1, 1]], {"method": "excluded"})
    forge(
        "mixed-discriminant",
        "_even: _constant_sign(poly)",
        "x^2 + y^2 - z^2 is definite in x: its cone is missing.",
        data,
    )


def witnesses() -> None:
    def circle(lie: str, name: str, fragment: str, witness: Any) -> None:
        data = at_origin(
            ["x^2 + y^2"],
            "x y",
            diagonal(
                "crossing",
                crossings=[crossing([0], witness)],
                factors=[[poly("x y", "x^2 + y^2"), 1]],
            ),
        )
        forge(
            name,
            fragment,
            f"x^2 + y^2 has a real zero off the axes: {lie} So m = 2 is claimed; m = 1.",
            data,
        )

    circle("(0, 0).", "witness-on-an-axis", "all(map(all, points))", [["0", "0"]])
    circle("a root of s^2 + 1.", "no-root", "single_variable_roots(polys) > 0", [])
    circle("(1, 1).", "witness-is-no-zero", "not any((p.value(q, points[0])", [["1", "1"]])
    circle(
        "somewhere between (1, 1) and (2, 1), where it is 2 and 5.",
        "no-change-of-sign",
        "p.value(poly, one) * p.value(poly, two) < 0",
        [["1", "1"], ["2", "1"]],
    )

    def sphere(name: str, fragment: str, lie: str, witness: Any, power: int = 2) -> None:
        inside = newton(*faces_of(["x^2 + y^2 + u^2"], "x y u")) if power == 2 else node("open")
        text = f"x^2 + y^2 + (t - 1)^{power}"
        data = honest([text], domain="all")
        off = face([[0, 1], [1, 0]], "crossing", crossings=[crossing([0], witness)])
        below = cover(
            -1,
            child(solve("x y t", "t", "1", "-1"), inside),
            faces=[off],
            factors=[[poly("x y t", text), 1]],
        )
        forge(name, fragment, lie, with_stratum(data, "x y", below))

    sphere(
        "root-in-a-piece",
        "show_real_zero: not nonzero",
        "Off the piece t = 1 there is a real zero, t = 1: λ = 1/2 is claimed; λ = 3/4.",
        [],
    )
    sphere(
        "witness-in-a-piece",
        "all((p.value(q, points[0]) for q in nonzero))",
        "Off the piece t = 1 there is a real zero, (1, 1, 1): λ = 1/2 is claimed; λ = 3/4.",
        [["1", "1", "1"]],
    )
    sphere(
        "change-of-sign-in-a-piece",
        "all((coprime(poly, q) for q in nonzero))",
        "Off the piece t = 1 the polynomial (t - 1)^3 has zeros, because it changes its sign.",
        [["1", "1", "1/2"], ["1", "1", "2"]],
        3,
    )
    data = honest(["x*(v^2 + w^2)"], domain="all")
    below = cover(
        0,
        child(
            etale("x v w", "v", "v^3 + v*w^2", [["1", "1", "1"], ["1", "-1", "1"]]), newton(SQUARE)
        ),
    )
    forge(
        "different-orthants",
        "all((a * b > 0",
        "v^3 + vw^2 has a real zero with v, w not 0, because it changes its sign from v = -1 to v "
        "= 1.",
        with_stratum(data, "x", below),
    )


def names_and_moves() -> None:
    forge(
        "number-for-name",
        "isinstance(n, str)",
        "A coordinate called 5.",
        at_origin(["x - y^2"], "x y", newton(moves=[solve("x y", "x", "1", "-y^2", 5)])),
    )
    forge(
        "name-taken",
        "len({*names, *chart.names})",
        "The new coordinate in the place of x is called y, and taken for y: λ = 1/2; λ = 3/4.",
        at_origin(["x", "y^2"], "x y", newton(moves=[solve("x y", "x", "1", "0", "y")])),
    )
    blow_up = toric([[1, 1]], [[0, 1]])
    blow_up["local"], blow_up["units"] = [], ["s10", "t10"]
    forge(
        "local-called-unit",
        "len(data['local']) == len(rays)",
        "The coordinate of the exceptional divisor is listed with the units.",
        at_origin(
            ["x^2 + y^2"], "x y", diagonal("charts", children=[child(blow_up, newton(VERTEX))])
        ),
    )
    forge(
        "blow-up-inside",
        "data['move'] in allowed",
        "One chart of a blow-up has all points: x = st, y = s. λ = 1 is claimed; λ = 1/2.",
        at_origin(
            ["x - y"],
            "x y",
            newton(
                face([[0, 1], [1, 0]], "excluded"),
                moves=[{**toric([[1, 0], [1, 1]], []), "local": ["s1", "s2"]}],
            ),
        ),
    )
    forge(
        "combined-with-itself",
        "target != source",
        "A generator is subtracted from itself: λ = 1/2 is claimed; λ = 1.",
        at_origin(["x", "y"], "x y", newton(moves=[combine("x y", 1, "-1", 1)])),
    )
    forge(
        "divisor-vanishes",
        "_divide: chart.unit(factor)",
        "x^2 - y^3 has no zero and may be divided out: λ = ∞ is claimed; λ = 5/12.",
        at_origin(["x^2 - y^3"], "x y", newton(moves=[divide("x y", 0, "x^2 - y^3")])),
    )
    for name, fragment, slope, rest in (
        ("slope-with-the-variable", "_solve: p.degree(slope, index) == 0", "v", "-2"),
        ("rest-with-the-variable", "_solve: p.degree(rest, index) == 0", "1", "v^2 - v - 2"),
    ):
        data = honest(["v^2 - 2"], domain="all")
        below = cover(0, child(solve("v", "v", slope, rest), newton(VERTEX)))
        forge(
            name,
            fragment,
            "v^2 - 2 as a coordinate, linear in v, has v = 2 or v = ∞ for its zero: λ = ∞ is "
            "claimed; λ = 1/2.",
            with_stratum(data, "", below),
        )
    data = honest(["v^2 - 2*v + 2 - w", "w - 1"], domain="all")
    tangent = newton(moves=[solve("u1 v w", "w", "1", "-1", "u2")])
    below = cover(0, child(etale("v w", "v", "v^2 - 2*v + 2 - w", [["2", "2"]]), tangent))
    forge(
        "relation-with-the-variable",
        "_solve: all((p.degree(r, index) == 0 for _, r in chart.relations))",
        "The parabola w = (v - 1)^2 + 1 and its tangent w = 1 are two coordinates: λ = 1 is "
        "claimed; λ = 3/4.",
        with_stratum(data, "", below),
    )
    forge(
        "slope-vanishes",
        "_solve: chart.unit(slope)",
        "yx - z^2 is a coordinate in the place of x: m = 2 is claimed; m = 1.",
        at_origin(["x*y - z^2"], "x y z", newton(moves=[solve("x y z", "x", "y", "-z^2")])),
    )
    data = honest(["x + v^2 - 2", "x^2"], domain="all")
    degenerate = newton(
        moves=[
            solve("x u1 v", "x", "v^2 - 2", "0", "u2"),
            combine("u2 u1 v", 1, "u1^2 - u2", 0),
            solve("u2 u1 v", "u2", "1", "u1^2", "u3"),
        ]
    )
    forge(
        "slope-that-is-the-relation",
        "_solve: chart.unit(slope)",
        "Where v^2 - 2 = u is 0, (v^2 - 2)x is a coordinate: λ = 5/8 is claimed; λ = 3/4.",
        with_stratum(data, "x", cover(0, child(etale("x v", "v", "v^2 - 2", []), degenerate))),
    )
    forge(
        "variable-with-a-monomial",
        "chart.exponents[at] == 0",
        "In x(x - y) both factors are made one coordinate: λ = 1/4 is claimed; λ = 1/2.",
        at_origin(["x*(x - y)"], "x y", newton(moves=[solve("x y", "x", "1", "-y")])),
    )
    forge(
        "variable-with-a-weight",
        "chart.weights[at] == 0",
        "The weight of x moves to x - y with it: λ = 2 is claimed; λ = 1/2.",
        at_origin(["x - y"], "x y", newton(moves=[solve("x y", "x", "1", "-y")]), prior="|x|^3"),
    )
    data = honest(["x", "y", "t - 1"], domain="all")
    below = newton(SQUARE, moves=[solve("x y t", "x", "1", "-t"), divide("u1 y t", 0, "u1 + t")])
    forge(
        "coordinate-not-zero",
        "not chart.on_divisors(rest)",
        "Where x = y = 0 the new coordinate x - t is 0 too: λ = ∞ is claimed; λ = 3/2.",
        with_stratum(data, "x y", below),
    )
    data = honest(["(t - 1)*(t - 2)^2"], domain="all")
    below = newton(moves=[solve("t", "t", "1", "-1"), divide("u1", 0, "(u1 - 1)^2")])
    forge(
        "zeros-lost",
        "any((p.monic(g) == p.monic(whole_)",
        "All zeros of (t - 1)(t - 2)^2 are zeros of t - 1: λ = 1/2 is claimed; λ = 1/4.",
        with_stratum(data, "", below),
    )


def real_points() -> None:
    power = "x*(v^2 + 1)^2"
    imaginary = etale("x v", "v", "v^2 + 1")
    false = "v^2 + 1 has a real zero, at which K is x^2·u^4: λ = 1/4 is claimed; λ = 1/2."

    data = honest([power], domain="all")
    forge(
        "etale-without-witness",
        "_etale: known",
        false,
        with_stratum(data, "x", cover(0, child(imaginary, newton()))),
    )
    forge(
        "newton-without-real-point",
        "start: self.chart.real",
        false,
        with_stratum(data, "x", cover(0, child(imaginary, newton()))),
    )
    data = honest([power + "*(w^2 + 1)"], domain="all")
    wide = etale("x v w", "v", "v^2 + 1")
    forge(
        "cover-without-real-point",
        "start: self.chart.real",
        false,
        with_stratum(data, "x", cover(0, child(wide, cover(0)))),
    )
    data = honest([power + "*(y^2 + 1)"], domain="all")
    tall = etale("x y v", "v", "v^2 + 1")
    below = cover(
        0,
        child(
            tall,
            newton(
                moves=[divide("x y u1 v", 0, "y^2 + 1"), solve("x y u1 v", "y", "1", "0", "u2")]
            ),
        ),
    )
    forge("solve-without-real-point", "_solve: moved.real", false, with_stratum(data, "x y", below))

    data = honest(["x^2 + v^2"], domain="all", prior="|v|^9")
    axis = solve("x v", "v", "1", "0")
    faces = newton(
        face([[0, 1], [1, 1]], "excluded"),
        face([[1, 0], [1, 1]], "excluded"),
        face(DIAGONAL, "excluded"),
    )
    forge(
        "replaced-unit-is-zero",
        "_solve: all(nonzero)",
        "There are points with v = 0 among those with v ≠ 0, where |v|^9 does not count: λ = 1/2 "
        "is claimed; λ = 11/4.",
        with_stratum(data, "x", cover(0, child(axis, faces))),
    )
    data = honest(["x^2 - v^2"], domain="all", prior="|v|^9")
    lines = face(DIAGONAL, "crossing", crossings=[crossing([0], [["1", "1"]])])
    faces = newton(
        face([[0, 1], [1, 1]], "excluded"),
        face([[1, 0], [1, 1]], "excluded"),
        lines,
        factors=[[poly("x u1", "x^2 - u1^2"), 1]],
    )
    forge(
        "crossing-without-real-point",
        "crossing_on: chart.real",
        "There are points with v = 0 among those with v ≠ 0, where |v|^9 does not count: m = 2 is "
        "claimed; m = 1.",
        with_stratum(data, "x", cover(0, child(solve("x v", "v", "1", "0"), faces))),
    )


def etale_coordinates() -> None:
    K = "x*(v + 3)"
    for name, fragment, lie, polynomial in (
        (
            "not-monic",
            "lead == {",
            "2v^2 - 1 as a coordinate makes v^2 a function of it; the relation does not say how.",
            "2*v^2 - 1",
        ),
        (
            "etale-with-a-local",
            "chart.on_divisors(poly) == poly",
            "v^2 - 2 + x is smooth where x is not 0; the points are where x = 0.",
            "v^2 - 2 + x",
        ),
    ):
        pieces = (
            child(solve("x v", "v", "1", "3"), newton()),
            child(etale("x v", "v", polynomial, name="u2"), newton(SQUARE)),
        )
        forge(name, fragment, lie, with_stratum(honest([K], domain="all"), "x", cover(0, *pieces)))
    data = honest(["(v - 1)^2"], domain="all")
    forge(
        "critical-point",
        "_etale: chart.no_zeros",
        "(v - 1)^2 is a coordinate: 1/2 ≤ λ is claimed; λ = 1/4.",
        with_stratum(data, "", cover(0, child(etale("v", "v", "(v - 1)^2"), newton()))),
    )
    data = honest(["w - v - 1", "v^2 - 1"], domain="all", prior="|w|^4*(v - 1)^2")
    both = cover(1, child(etale("u1 v", "v", "v^2 - 1", [["1", "1"]], "u2"), newton()))
    forge(
        "reducible",
        "_etale: irreducible(poly)",
        "Where v^2 = 1 and v is not -1 the density (v - 1)^2 is somewhere not 0: λ = 1 is claimed; "
        "λ = 2.",
        with_stratum(data, "", cover(0, child(solve("w v", "w", "1", "-v - 1"), both))),
        also=("irreducible: sum(",),
    )
    data = honest(["x*(v^2 + 1)*(w^2 + 1)"], domain="all")
    below = cover(0, child(etale("x u1 w", "w", "w^2 - 2", [], "u2"), newton(CUBE)))
    forge(
        "etale-without-real-point",
        "_etale: chart.real",
        "There are points with v = 0 among those with v ≠ 0, because there are points with "
        "w^2 = 2.",
        with_stratum(data, "x", cover(0, child(solve("x v w", "v", "1", "0"), below))),
    )
    data = honest(["v^2 - 2", "w^2 - 3", "v - 1"], domain="all")
    third = newton(moves=[solve("u1 u2 v w", "v", "1", "-1", "u3")])
    second = cover(1, child(etale("u1 v w", "w", "w^2 - 3", [], "u2"), third))
    forge(
        "second-relation",
        "not chart.relations",
        "Where v^2 = 2 and w^2 = 3, v may be 1: λ = 3/2 is claimed; K has no zero.",
        with_stratum(
            data,
            "",
            cover(0, child(etale("v w", "v", "v^2 - 2", [["3/2", "1"], ["1", "1"]]), second)),
        ),
    )


def blow_ups() -> None:
    def line(K: str, name: str, fragment: str, lie: str, *children: Any) -> None:
        forge(
            name, fragment, lie, at_origin([K], "x y", diagonal("charts", children=list(children)))
        )

    def vertex(
        name: str, fragment: str, lie: str, *cones: Any, K: Any = "x + y", last: Any = None
    ) -> None:
        """Charts where y is lowest, of the cone from (1, 0) to (1, 1)."""
        children = [
            child(toric(*cone, number=i + 1), newton(SQUARE if len(cone[0]) == 2 else VERTEX))
            for i, cone in enumerate(cones)
        ]
        if last is not None:
            children[-1]["node"] = last
        faces = [OTHERS[0], face(EDGES[1], "charts", children=children), face(DIAGONAL, "excluded")]
        if K == "x + y":
            faces[2] = face(DIAGONAL, "crossing", crossings=[crossing([0], [])])
        K = K if isinstance(K, list) else [K]
        more = {"factors": [[poly("x y", K[0]), 1]]} if len(K) == 1 else {}
        forge(name, fragment, lie, at_origin(K, "x y", newton(*faces, **more)))

    line(
        "x - y",
        "no-charts",
        "bool(full)",
        "All charts of the face, none, are there: λ = 1 is claimed; λ = 1/2.",
    )
    line(
        "x - y",
        "chart-of-another-face",
        "matrix_rank([*cone, *part])",
        "A chart with y = s^2·t shows what is where y/x is not 0: λ = 1; λ = 1/2.",
        child(toric([[1, 2]], [[0, 1]]), newton(VERTEX)),
    )
    line(
        "x - 2*y",
        "curve-for-a-chart",
        "len(rows) == count",
        "x = s, y = s covers the plane: λ = 1 is claimed; λ = 1/2.",
        child(toric([[1, 1]], []), newton()),
    )
    line(
        "x + y",
        "two-to-one",
        "abs(determinant(rows)) == 1",
        "x = st, y = st^3 covers the plane, also where xy < 0: λ = 1 is claimed; λ = 1/2.",
        child(toric([[1, 1]], [[1, 3]]), newton(VERTEX)),
    )
    both = [[1, 0], [1, 1]]
    vertex(
        "chart-beyond",
        "_dot(n, ray) >= 0",
        "A chart of the cone from (0, 1) to (1, 1) is one of the cone from (1, 0) to (1, 1).",
        (both, []),
        ([[1, 2]], [[0, 1]]),
    )
    vertex(
        "ray-missing",
        "all((face in parts",
        "Two cones without the ray where they meet are the whole cone.",
        ([[1, 0], [2, 1]], []),
        ([[1, 1], [2, 1]], []),
    )
    vertex(
        "half-missing",
        "any((_across(",
        "Half of the cone is the whole cone.",
        ([[1, 0], [2, 1]], []),
        ([[2, 1]], [[1, 0]]),
    )
    vertex(
        "folded",
        "_across: ",
        "Cones that go from (1, 0) to (2, 1) and back cover all up to (1, 1).",
        ([[1, 0], [2, 1]], []),
        ([[2, 1], [3, 1]], []),
        ([[1, 0], [3, 1]], []),
        ([[2, 1]], [[1, 0]]),
        ([[3, 1]], [[1, 0]]),
    )
    away = cover(1, child(solve("s20 t20", "t20", "1", "-1"), newton()))
    vertex(
        "away-from-the-point",
        "all((any((ray[i] for ray in rays))",
        "The zero (0, 1) of K lies over the origin: λ = 2/3 is claimed; λ = 1.",
        (both, []),
        ([[1, 0]], [[0, 1]]),
        K=["x", "y*(y - 1)^3"],
        last=away,
    )


def faces() -> None:
    def line(
        name: str,
        fragment: str,
        lie: str,
        K: str,
        method: str,
        prior: Any = None,
        factors: Any = None,
        **more: Any,
    ) -> None:
        named = {"factors": [[poly("x y", f), s] for f, s in factors]} if factors else {}
        forge(
            name,
            fragment,
            lie,
            at_origin([K], "x y", diagonal(method, **more, **named), prior=prior),
        )

    one = [crossing([0], [["1", "1"]])]
    line(
        "wrong-multiplicity",
        "p.monic(product) == p.monic",
        "The factor x - y is there once: λ = 1/2 is claimed; λ = 1/6.",
        "(x - y)^3",
        "crossing",
        factors=[("x - y", 1)],
        crossings=one,
    )
    forge(
        "factors-of-something-else",
        "factors == [(g, 1)",
        "The generators are x - y and x - z, not their squares: λ = 3/4 is claimed; λ = 1/2.",
        read_off(
            ["(x - y)^2", "(x - z)^2"],
            "x y z",
            [[1, 1, 1]],
            {"method": "crossing", "crossings": [crossing([0, 1], [["1", "1", "1"]])]},
            factors=[("x - y", 1), ("x - z", 1)],
        ),
    )
    forge(
        "generator-above-the-face",
        "all(polyhedron.system(weight))",
        "x - y and z^2 - x^2 are of one order and cross: m = 1 is claimed; m = 2.",
        read_off(
            ["x - y", "x^2 - z^2"],
            "x y z",
            [[0, 0, 1], [2, 2, 1]],
            {"method": "crossing", "crossings": [crossing([0, 1], [["1", "1", "1"]])]},
        ),
    )
    line(
        "factors-touch",
        "crossing_on: chart.no_zeros(_minors",
        "The zeros of (x - y)^2 + y^3 cross the divisor normally: λ = 1/2 is claimed; λ = 5/12.",
        "(x - y)^2 + y^3",
        "crossing",
        factors=[("(x - y)^2 + y^3", 1)],
        crossings=one,
    )
    parabola, tangent = "v^2 - 2*v + 2 - w", "w - 1"
    data = honest([f"({parabola})*({tangent})"], domain="all")
    off = face(
        [], "crossing", crossings=[crossing([i], None) for i in (0, 1)] + [crossing([0, 1], None)]
    )
    line_ = face([[1]], "crossing", crossings=[crossing([0], [["1", "1", "1"]])])
    inside = newton(line_, factors=[[poly("u1 v w", tangent), 1]])
    piece = child(etale("v w", "v", parabola, [["2", "2"]]), inside)
    both = [[poly("v w", parabola), 1], [poly("v w", tangent), 1]]
    forge(
        "tangent-to-the-divisor",
        "crossing_on: chart.no_zeros(_minors",
        "The parabola w = (v - 1)^2 + 1 and its tangent cross: λ = 1/2 is claimed; λ = 3/8.",
        with_stratum(data, "", cover(-1, piece, faces=[off], factors=both)),
    )
    line(
        "crossing-not-listed",
        "crossing_on: chart.no_zeros(polys)",
        "No factor meets the face: λ = 1 is claimed; λ = 1/2.",
        "x - y",
        "crossing",
        factors=[("x - y", 1)],
        crossings=[],
    )
    line(
        "prior-vanishes",
        "no_zeros([part, *polys",
        "The density (x - y)^2 is not 0 where x = y: λ = 1/2 is claimed; λ = 3/2.",
        "x - y",
        "crossing",
        prior="(x - y)^2",
        factors=[("x - y", 1)],
        crossings=one,
    )
    line(
        "crossing-without-witness",
        "crossing_on: known",
        "x^2 + y^2 has real zeros off the axes: m = 2 is claimed; m = 1.",
        "x^2 + y^2",
        "crossing",
        factors=[("x^2 + y^2", 1)],
        crossings=[crossing([0], None)],
    )
    line(
        "not-steep",
        "steep_on: chart.no_zeros",
        "(x - y)^2 has a differential where x = y: λ = 1/2 is claimed; λ = 1/4.",
        "(x - y)^2",
        "steep",
        rank=1,
    )
    line(
        "higher-contact",
        "contact_on: chart.no_zeros",
        "(x - y)^3 has order 1 where x = y: λ = 1/3 is claimed; λ = 1/6.",
        "(x - y)^3",
        "contact",
        rank=1,
    )
    line(
        "negative-square",
        "squares_on: c > 0",
        "x^2 - y^2 is a sum of squares, one of them taken -1 times: m = 1 is claimed; m = 2.",
        "(x - y)*(x + y)",
        "squares",
        terms=[["1", poly("x y", "x")], ["-1", poly("x y", "y")]],
    )
    line(
        "squares-of-another-polynomial",
        "squares_on: total == part",
        "x - y is the square of x: λ = 1 is claimed; λ = 1/2.",
        "x - y",
        "squares",
        terms=[["1", poly("x y", "x")]],
    )
    line(
        "squares-with-a-zero",
        "squares_on: chart.no_zeros",
        "(x - y)^2 is a square, and has no zero: λ = 1/2 is claimed; λ = 1/4.",
        "(x - y)^2",
        "squares",
        terms=[["1", poly("x y", "x - y")]],
    )
    line(
        "zeros-excluded",
        "_face: chart.no_zeros",
        "x - y has no zero off the axes: λ = 1 is claimed; λ = 1/2.",
        "x - y",
        "excluded",
    )
    forge(
        "any-method",
        "no_zeros: any(",
        "The line x = y has no point off the axes: λ = 1 is claimed; λ = 1/2.",
        at_origin(["x - y"], "x y", diagonal("excluded")),
        also=("_monomial: any(", "_signs: any(", "_univariate: single", "_groebner: list(basis"),
    )
    line(
        "no-such-method",
        "method == 'open'",
        "A face examined by a method that does not exist.",
        "x - y",
        "obvious",
    )
    line(
        "no-factors",
        "factors is not None",
        "No factor meets the face, for none is named: λ = 1 is claimed; λ = 1/2.",
        "x - y",
        "crossing",
        crossings=[],
    )
    forge(
        "face-missing",
        "set(seen) == needed",
        "The polyhedron of x - y has no edge: λ = 1 is claimed; λ = 1/2.",
        at_origin(["x - y"], "x y", newton(*OTHERS)),
    )


def trees() -> None:
    def below(field: str, value: Any) -> Any:
        return lambda data: data["proofs"][0]["node"].__setitem__(field, value)

    forge(
        "inner-bound",
        "data['bound'] == result.claim()",
        "The chart of K = x^2 has λ = 1, though K has λ = 1/2.",
        at_origin(["x"], "x", newton()),
        below("bound", {"low": ["1", -1], "high": ["1", -1]}),
    )
    forge(
        "shared-monomial",
        "not any(chart.exponents)",
        "In x^2(y^2 + z^2) the factor x^2 does not matter: λ = 1 is claimed; λ = 1/2.",
        at_origin(
            ["x*y", "x*z"],
            "x y z",
            node(
                "sum", children=[child(part([0], "y"), newton()), child(part([1], "z"), newton())]
            ),
        ),
    )
    parts = [child(part([0], "x"), newton()), child(part([1], "y"), newton())]
    forge(
        "shared-prior",
        "_sum: chart.unit(chart.prior)",
        "The density (x + y)^2 is a product: λ = 1 is claimed; λ = 2.",
        at_origin(["x", "y"], "x y", node("sum", children=parts), prior="(x + y)^2"),
    )
    forge(
        "generator-forgotten",
        "sorted(generators)",
        "x^2 + y^2 is the sum of x^2: λ = 1/2 is claimed; λ = 1.",
        at_origin(["x", "y"], "x y", node("sum", children=parts[:1])),
    )
    forge(
        "other-variables",
        "chart.used(g) <= names",
        "y + x does not depend on x: K has no zero, it is claimed; λ = 3/4.",
        at_origin(
            ["x^2", "y + x"],
            "x y",
            node("sum", children=[parts[0], child(part([1], "y"), newton(VERTEX))]),
        ),
    )
    both = newton(*faces_of(["x + y^2"], "x y"), factors=[[poly("x y", "x + y^2"), 1]])
    forge(
        "shared-variable",
        "len(names) == len(set(names))",
        "x^2 and x + y^2 have no variable in common: λ = 3/4 is claimed; λ = 5/8.",
        at_origin(
            ["x^2", "x + y^2"],
            "x y",
            node("sum", children=[parts[0], child(part([1], "x", "y"), both)]),
        ),
    )
    data = honest(["w - a + b", "x*(a - 1)", "y*(b - 1)"], domain="all", prior="|w|^10")
    halves = [
        child(
            part([i + 1], one, unit),
            cover(0, child(solve(f"{one} {unit}", unit, "1", "-1", f"u{i + 2}"), newton())),
        )
        for i, (one, unit) in enumerate((("x", "a"), ("y", "b")))
    ]
    third = child(part([0], "u1"), newton())
    forge(
        "linked-summands",
        "chart.used(link) <= own",
        "Where w is not 0 both a and b may be 1, though w = a - b: m = 3 is claimed, without the "
        "density |w|^10; m = 2.",
        with_stratum(
            data,
            "x y",
            cover(
                0,
                child(
                    solve("x y w a b", "w", "1", "b - a"), node("sum", children=[third, *halves])
                ),
            ),
        ),
    )
    data = honest(["v^2 - w", "x*(v - 1)", "y*(w - 4)"], domain="all")
    halves = [
        child(
            part([i + 1], one, unit),
            cover(0, child(solve(f"{one} {unit}", unit, "1", number, f"u{i + 2}"), newton())),
        )
        for i, (one, unit, number) in enumerate((("x", "v", "-1"), ("y", "w", "-4")))
    ]
    summands = node("sum", children=[child(part([0], "u1"), newton()), *halves])
    move = etale("x y v w", "v", "v^2 - w", [["1", "1", "2", "4"]])
    forge(
        "summands-with-a-relation",
        "chart.used(link) <= own",
        "Where v^2 = w, v may be 1 and w may be 4: m = 3 is claimed; m = 2.",
        with_stratum(data, "x y", cover(0, child(move, summands))),
    )
    data = honest(["t - 1"], domain="all")
    forge(
        "piece-missing",
        "_show_covered",
        "t - 1 has no zero: K has no zero, it is claimed; λ = 1/2.",
        with_stratum(data, "", cover(0)),
    )
    data = honest(["x*(t - 1)"], domain="all")
    off = face([], "steep", rank=1)
    piece = child(solve("x t", "t", "1", "-1"), newton())
    forge(
        "face-of-another-cover",
        "_cone(face) == cone",
        "The one face of the vertex has no rays.",
        with_stratum(data, "x", cover(-1, piece, faces=[off])),
    )
    off = face([[1]], "contact", rank=1)
    forge(
        "no-such-method-in-a-cover",
        "face['method'] == 'steep'",
        "A face of a cover examined by a method that is not for covers.",
        with_stratum(data, "x", cover(-1, piece, faces=[off])),
    )


def statements() -> None:
    x = at_origin(["x"], "x", newton())
    forge(
        "another-result",
        "statement['bound'] == found.claim()",
        "λ = 1; the charts prove λ = 1/2.",
        x,
        stated("bound", {"low": ["1", -1], "high": ["1", -1]}),
    )
    forge(
        "other-variables-stated",
        "statement['variables'] == variables",
        "K = x^2 is a function of x and y.",
        x,
        stated("variables", ["x", "y"]),
    )
    forge(
        "squares-by-number",
        "type(statement['squares']) is bool",
        "Whether K is a list of generators: 1.",
        x,
        stated("squares", 1),
    )
    cusp = "(x^2 - y^3)^2"
    forge(
        "other-terms",
        "total == K",
        "(x^2 - y^3)^2 is x^2: λ = 1/2 is claimed; λ = 5/12.",
        statement(cusp, "x y", at(newton(), "x y"), power=2, terms=[["1", poly("x y", "x")]]),
    )
    forge(
        "terms-that-cancel",
        "power == 2 or len(generators) == 1",
        "|x^2| + |x^4 - x^2| is about x^4, the sum without bars: λ = 1/2; λ = 1/4.",
        statement(
            "x^4",
            "x",
            at(newton(moves=[divide("x", 1, "x^2 - 1")]), "x"),
            terms=[["1", poly("x", "x^2")], ["1", poly("x", "x^4 - x^2")]],
        ),
    )
    forge(
        "negative-coefficient",
        "_function: c > 0",
        "4x^2 = (x^2 + 1)^2 - (x^2 - 1)^2 has no zero, because x^2 + 1 has none; λ = 1/2.",
        statement(
            "4*x^2",
            "x",
            at(newton(VERTEX), "x"),
            power=2,
            terms=[["1", poly("x", "x^2 + 1")], ["-1", poly("x", "x^2 - 1")]],
        ),
    )
    forge(
        "bars-in-a-sum",
        "len(powers) == 1",
        "The density y^2|x| + x^2 is y^2 + x^2: λ = 1/2 is claimed; λ = 1.",
        at_origin(
            ["x + y*x^2"], "x y", newton(moves=[divide("x y", 0, "x*y + 1")]), prior="y^2*|x| + x^2"
        ),
    )
    data = honest(["x - 1"], domain="all")
    data["proofs"] = data["proofs"][:1]
    forge(
        "stratum-missing",
        "set(strata) == every",
        "All points are those with x = 0: K has no zero, it is claimed; λ = 1/2.",
        data,
    )
    data["statement"]["scope"] = "point"
    forge(
        "stratum-for-a-point",
        "isinstance(point, list)",
        "A proof about all points of a line is one about a point, which is not named.",
        data,
    )
    data = honest(["x*(x - 1)^2"], domain={"x": ("-1/2", "1/2")})
    data["proofs"] += at(newton(moves=[divide("x", 0, "x + 1")]), "x", x="1")
    forge(
        "point-outside",
        "low < x < top",
        "x = 1 lies in the box from -1/2 to 1/2: λ = 1/4 is claimed; λ = 1/2.",
        data,
    )

    cube = statement("x^3", "x", at(newton(), "x"))
    lie = "x^3 is not negative near 0."
    forge("sign-of-an-odd-power", "polyhedron.even: all(", lie, cube)
    forge("sign-not-shown", "_nonnegative: shown", lie, cube)
    forge(
        "sign-stated", "statement['nonnegative'] is shown", lie, cube, stated("nonnegative", True)
    )
    forge(
        "negative",
        "K[min(K)] > 0",
        "-x^2 is not negative near 0.",
        statement("-x^2", "x", at(newton(), "x")),
    )
    K, lie = "-x^3 + y^2", "y^2 - x^3 is not negative near 0, because "
    outer = [face([[0, 1], [2, 3]], "excluded"), face([[1, 0], [2, 3]], "excluded")]

    def cusp_of(
        name: str, fragment: str, why: str, method: str, factors: bool = False, **more: Any
    ) -> None:
        named = {"factors": [[poly("x y", K), 1]]} if factors else {}
        forge(
            name,
            fragment,
            lie + why,
            statement(K, "x y", at(newton(*outer, face([[2, 3]], method, **more), **named), "x y")),
        )

    real = [crossing([0], [["1", "1"]])]
    cusp_of(
        "sign-across-a-crossing",
        "crossing_on: together or",
        "its zero is one of even order.",
        "crossing",
        True,
        crossings=real,
    )
    cusp_of(
        "sign-at-a-steep-zero",
        "steep_on: False",
        "it has a differential where it is 0.",
        "steep",
        rank=1,
    )
    cusp_of(
        "sign-at-a-contact",
        "contact_on: False",
        "a derivative is not 0 where it is 0.",
        "contact",
        rank=1,
    )
    cusp_of("sign-at-an-open-face", "_face: False", "nothing is known of a face.", "open")
    cusp_of(
        "sign-in-the-plane",
        "count_roots(-end, end)",
        "on a line y = h it has no zero.",
        "crossing",
        True,
        crossings=real,
    )
    forge(
        "sign-in-an-open-chart",
        "_open: False",
        lie + "nothing is known of it.",
        statement(K, "x y", at(node("open"), "x y")),
    )
    summand = child(part([0], "x", "y"), newton(*outer, face([[2, 3]], "steep", rank=1)))
    inner = statement(K, "x y", at(node("sum", children=[summand]), "x y"))
    forge("sign-of-a-sum", "_sum: False", lie + "it is a sum of one summand.", inner)
    forge(
        "sign-across-an-axis",
        "odd.subs(y, 0) == 0",
        "y(x^2 + y^2) is not negative near 0.",
        statement("x^2*y + y^3", "x y", at(newton(*OTHERS, face(DIAGONAL, "excluded")), "x y")),
    )


def subspaces() -> None:
    """Blow-ups of the subspace x = y = 0: x = s1, y = s1·s2 with s2 free; then y = s2, x = s1·s2
    with s1 local.
    """
    names = "s1 s2 s3"
    line, space = face([[1]], "excluded"), face([[0, 0, 1], [0, 1, 0], [1, 0, 0]], "excluded")

    def both(below: Any, other: Any = None) -> Any:
        last = newton(SQUARE) if other is None else other
        return blow_up(child(subspace("x y", 0), below), child(subspace("x y", 1), last))

    def chart(name: str, fragment: str, lie: str, K: str, below: Any, other: Any = None) -> None:
        forge(name, fragment, lie, at_origin([K], "x y", both(below, other)))

    forge(
        "direction-missing",
        "list(range(len(centre)))",
        "All directions of the plane are those with x ≠ 0: of x(1 + y), λ = 1 is claimed; λ = 1/2.",
        at_origin(["x*(1 + y)"], "x y", blow_up(child(subspace("x y", 0), newton(line)))),
    )
    twice = [child(subspace("x y", 0), newton(line)), child(subspace("y x", 1), newton(SQUARE))]
    forge(
        "two-centres",
        "move['centre'] == centre",
        "In both charts x ≠ 0, the second time as the second name: of x(1 + y), λ = 1 is claimed; "
        "λ = 1/2.",
        at_origin(["x*(1 + y)"], "x y", blow_up(*twice)),
    )
    chart(
        "free-with-a-monomial",
        "_subspace: not any",
        "Where x ≠ 0 the divisor of y does not matter: of xy^2, λ = 1/3 is claimed; λ = 1/4.",
        "x*y^2",
        newton(),
        newton(),
    )
    chart(
        "free-monomial",
        "monomial: all(",
        "The monomial 1 - s2 = u1 has no zero, though u1 may be 0: of x - y, λ = 1 is claimed; λ = "
        "1/2.",
        "x - y",
        newton(moves=[change("s1 s2", "s2", "-1", "1")]),
        newton(moves=[divide("s1 s2", 0, "s1 - 1")]),
    )
    chart(
        "not-homogeneous",
        "len(orders) == 1",
        "Where s2 is 0 the function 1 - s2 is worst: of x - y, λ = 1 is claimed; λ = 1/2.",
        "x - y",
        newton(moves=[{"move": "contract", "weights": {"s2": 1}}, divide("s1 s2", 0, "s2 - 1")]),
        newton(moves=[divide("s1 s2", 0, "s1 - 1")]),
    )
    chart(
        "free-coordinate-excluded",
        "_strict: not all",
        "The monomial 1 - s2 = u1 has one sign, though u1 may be 0: of x - y, λ = 1 is claimed; λ "
        "= 1/2.",
        "x - y",
        newton(line, moves=[change("s1 s2", "s2", "-1", "1")]),
    )
    chart(
        "free-mixed-signs",
        "_strict: _constant_sign",
        "s2^2 - 2 is never 0, for one term has no free coordinate: of y^2 - 2x^2, m = 1 is "
        "claimed; m = 2.",
        "(1 + x)*y^2 - 2*x^2",
        newton(line),
    )
    chart(
        "free-positive-discriminant",
        "_strict_discriminant: found[max(found)] > 0",
        "s2^2 - 2 is definite in s2: of y^2 - 2x^2, m = 1 is claimed; m = 2.",
        "(1 + x)*y^2 - 2*x^2",
        newton(line),
    )
    chart(
        "free-ideal",
        "_groebner_free",
        "s2 - 1 is never 0: of y - x, λ = 1 is claimed; λ = 1/2.",
        "x - y",
        newton(line),
    )
    data = honest(["t*x^2 + y^2"], domain="all")
    forge(
        "free-odd-discriminant",
        "_strict_discriminant: _even(found)",
        "s2^2 + t is definite in s2: its zeros with t < 0 are missing.",
        with_stratum(data, "x y", both(newton(line))),
    )
    three = [
        child(subspace("x y z", 0, names), newton(line)),
        child(subspace("x y z", 1, names), newton(SQUARE)),
        child(subspace("x y z", 2, names), newton(space)),
    ]
    forge(
        "free-discriminant-with-a-zero",
        "_strict_discriminant: _strict",
        "s2^2 + s3^2 is definite in s2, though s3 may be 0: λ = 3/4 is claimed; λ = 1/2.",
        at_origin(["(1 + x)*(y^2 + z^2)"], "x y z", blow_up(*three)),
    )
    for name, fragment, slope, rest in (
        ("changed-slope-with-the-variable", "_change: p.degree(slope", "s2^2 + 1", "0"),
        ("changed-rest-with-the-variable", "_change: p.degree(rest", "1", "s2^2"),
    ):
        chart(
            name,
            fragment,
            "A function of s2 that misses a value is a coordinate: of y - x, λ = 1 is claimed; λ = "
            "1/2.",
            "x - y",
            newton(line, moves=[change("s1 s2", "s2", slope, rest)]),
        )
    data = honest(["t - 1"], domain="all")
    zero = face([], "crossing", crossings=[crossing([0], None)])
    moved = newton(zero, moves=[change("t", "t", "1", "-1")], factors=[[poly("u1", "u1"), 1]])
    forge(
        "unit-changed",
        "_change: v in chart.free",
        "Where t is not 0, t - 1 is a coordinate that may have any value.",
        with_stratum(data, "", moved),
    )
    steep = newton(face([[1]], "steep", rank=1), moves=[change(names, "s3", "s2", "-1")])
    forge(
        "changed-slope-vanishes",
        "_change: chart.unit(slope)",
        "s2·s3 - 1 is a coordinate in the place of s3, where s2 = 0 too.",
        at_origin(
            ["x^2 - y*z", "y^2", "z^2"],
            "x y z",
            blow_up(child(subspace("x y z", 0, names), steep), *three[1:]),
        ),
    )
    data = honest(["v^2 - 2", "x"], domain="all")
    inner = blow_up(
        child(subspace("x u1", 0), newton(line, moves=[change("s1 v s2", "s2", "1", "1", "u2")])),
        child(subspace("x u1", 1), newton()),
    )
    forge(
        "changed-in-a-relation",
        "_change: all((p.degree(r, index)",
        "v^2 - 2 is still s1·u2 when u2 = s2 + 1 has taken the place of s2.",
        with_stratum(data, "x", cover(0, child(etale("x v", "v", "v^2 - 2", []), inner))),
    )
    data = honest(["(v^2 - 2)*x^2 - y^2"], domain="all")
    bent = cover(0, child(etale("s1 v s2", "v", "v^2 - 2 - s2^2"), newton()))
    forge(
        "etale-with-a-free-coordinate",
        "_etale: not chart.used(poly) & chart.free",
        "An étale coordinate that contains a free one.",
        with_stratum(data, "x y", both(bent)),
    )
    data = honest(["t - 1"], domain="all")
    on = child(solve("t", "t", "1", "-2"), newton(line))
    off = child(apart("t", "t - 1"), newton(face([], "excluded")))
    forge(
        "two-pieces",
        "_split",
        "All points are those with t = 2 and those with t ≠ 1: K has no zero, it is claimed; λ = "
        "1/2.",
        with_stratum(data, "", node("split", children=[on, off])),
    )


def everything() -> None:
    the_reader()
    zeros()
    witnesses()
    names_and_moves()
    real_points()
    etale_coordinates()
    blow_ups()
    faces()
    trees()
    subspaces()
    statements()
