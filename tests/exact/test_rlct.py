"""Learning coefficients of polynomials: known values, traps, invariance, refusals."""

import json
import random
import statistics
import subprocess
import sys
import time
from fractions import Fraction
from math import inf
from pathlib import Path

import pytest
import sympy

from singlearn.exact import Expression, catalogue, rlct, verify, volume, zeta
from singlearn.exact.read.inputs import read_function
from singlearn.exact.read.ring import terms_of
from singlearn.exact.resolve.plane_sign import nonnegative_in_the_plane
from singlearn.exact.verify.plane import keeps_its_sign
from singlearn.results.caution import Reason
from sliced_volume import slope

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "polynomials.json").read_text())[
    "polynomials"
]

TWO_VARIABLES = [
    # λ by hand: weights, tangent cones, and the number of branches through the origin.
    ("(x^2 - y^3)^2", "5/12", 1),
    ("((x^2 - 2*y^2)^2 + y^5)^2", "1/4", 2),
    ("((x^3 - 2*y^3)^2 - x*y^6)^2", "1/6", 1),
    ("(((x^2 - 2*y^2)^2 - 2*y^6)^2 - y^13)^2", "1/8", 2),
    ("((x^2 - y^3)^2 - x*y^5)^2", "5/24", 1),
    ("(((x^2 - y^3)^2 - x*y^5)^2 - x*y^11)^2", "5/48", 1),
    ("((y - x - x^2)^2 - x^7*y)^2", "5/16", 1),
    ("(y + x*y + x^2)^6*(x + y)^2", "1/6", 1),
    ("x^4 - 2*x^2*y^3 + y^6 + x^10", "5/12", 1),
    ("(x^2 + y^2)*(x - y)^2", "1/2", 2),
    ("(x^4 - x^2*y^2 + y^4)*(x - y)^2", "1/3", 1),
    ("(x^2 - 2*y^2)^4 + y^10", "1/4", 2),
    ("x^2 + x*y + y^2", "1", 1),
]


def exact(result):
    return result.status, str(result.value), result.multiplicity


@pytest.mark.parametrize("case", TRUTH, ids=lambda case: case["id"])
def test_truth(case):
    prior = (
        "*".join(
            f"|{v}|^{h}"
            for v, h in zip(case["variables"], case["prior_exponents"] or (), strict=False)
            if h
        )
        or None
    )
    assert exact(rlct(case["K"], prior=prior)) == ("proved", case["lam"], case["m"])


@pytest.mark.parametrize("K, value, multiplicity", TWO_VARIABLES, ids=lambda v: str(v))
def test_two_variables_end_proved(K, value, multiplicity):
    assert exact(rlct(K)) == ("proved", value, multiplicity)


@pytest.mark.parametrize(
    "K, value, multiplicity",
    [
        ("(x + y^2)^2 + z^2", "1", 1),  # facet-only tests say 5/4
        ("x^2 + y^2 + z^2", "3/2", 1),  # the complex threshold is 1
        ("(-9*x - 38*y^2*z)^2", "1/2", 1),
        ("(x^2 + y^2)*(x - y)^2", "1/2", 2),
        (["x + y - 2*x*y*z", "x - y"], "1", 1),
        (["x*(w^2 + 3*z^2)", "2*w^2 + 2*x*y*z"], "2/3", 1),
    ],
)
def test_traps(K, value, multiplicity):
    assert exact(rlct(K)) == ("proved", value, multiplicity)


def test_no_real_zero_is_infinite_and_says_so():
    for result in (
        rlct("x^2 + 1"),
        rlct("x^2 + y^2 + 1", domain="all"),
        rlct(["x - 1", "x + 1"], domain="all"),
    ):
        assert result.value == inf and result.status == "proved"
        assert "no real zero" in result.explain() and "no real zero" in str(result)


@pytest.mark.parametrize("K", ["x*y", "x^2 - y^4", "x^2*y^2 - x^5", "(x - y)^2 - z^6", "-x^2"])
def test_a_function_that_is_negative_near_the_point_is_refused_with_a_point(K):
    sentence = (
        r"^K: it is negative at x = .*; it should be ≥ 0 near the point\. If it is a generator, .*$"
    )
    with pytest.raises(ValueError, match=sentence) as refusal:
        rlct(K)
    words = str(refusal.value).removeprefix("K: it is negative at ").split(";")[0]
    point = {part.split(" = ")[0]: Fraction(part.split(" = ")[1]) for part in words.split(", ")}
    context = read_function(K)
    value = sum(
        Fraction(str(c))
        * _product(point[n] ** e for n, e in zip(context.variables, exponents, strict=True))
        for exponents, c in terms_of(context.whole).items()
    )
    assert value < 0


def _product(factors):
    total = Fraction(1)
    for factor in factors:
        total *= factor
    return total


def test_points_and_domains():
    K = "(x^2 + y^2 - 1)^2"
    assert rlct(K).value == inf
    assert exact(rlct(K, at={"x": "3/5", "y": "4/5"})) == ("proved", "1/2", 1)
    assert exact(rlct("(y^2 - x^2*(x + 1))^2", domain="all")) == ("proved", "1/2", 2)
    assert exact(rlct("(x*y)^2*(x - 1)^4", domain={"x": (-1, 2), "y": (-1, 1)})) == (
        "proved",
        "1/4",
        1,
    )
    inside = rlct("(x*y)^2*(x - 1)^4", domain={"x": (-0.5, 0.5), "y": (-1, 1)})
    assert (
        inside.status == "bounds"
        and inside.lower <= Fraction(1, 2) == inside.upper
        and inside.reason
    )


def test_priors():
    assert exact(rlct("x^4*y^2", prior="Abs(x)*y^2")) == ("proved", "1/2", 1)
    assert exact(rlct("(x - y)^2", prior="(x - y)^2")) == ("proved", "3/2", 1)
    assert exact(rlct("(x - 1)^2", at={"x": 1}, prior="|x|")) == ("proved", "1/2", 1)
    with pytest.raises(ValueError, match="prior: got w"):
        rlct("x^2", prior="w^2")


def test_sympy_expressions_are_read():
    sympy = pytest.importorskip("sympy")
    x, y = sympy.symbols("x y")
    assert exact(rlct((x - y**2) ** 2 + y**6)) == ("proved", "2/3", 1)
    assert exact(rlct([x * y, x + y], prior=abs(x))) == exact(rlct(["x*y", "x + y"], prior="|x|"))


def test_reduced_rank_from_its_generators():
    generators = ["a*e + b*g", "a*f + b*h", "c*e + d*g", "c*f + d*h"]
    begin = time.process_time()
    result = rlct(generators)
    known = catalogue.reduced_rank(inputs=2, outputs=2, hidden=2, rank=0)
    assert exact(result) == ("proved", str(known.value), known.multiplicity)
    assert time.process_time() - begin < 60


def random_polynomial(generator, names, degree, terms, lowest=1):
    parts = []
    for _ in range(terms):
        monomial = "*".join(
            generator.choice(names) for _ in range(generator.randint(lowest, degree))
        )
        parts.append(f"({generator.choice([-3, -2, -1, 1, 2, 3])})*{monomial}")
    return " + ".join(parts)


def substituted(text, images):
    return "".join(f"({images[c]})" if c in images else c for c in text)


@pytest.mark.parametrize("seed", range(12))
def test_invariance_under_changes_of_coordinates_and_units(seed):
    generator = random.Random(seed)
    names = ["x", "y"] if seed % 2 else ["x", "y", "z"]
    generators = [
        random_polynomial(generator, names, 3, 2, 2) for _ in range(generator.randint(1, 2))
    ]
    if all(g == 0 for g in map(read_zero, generators)):
        pytest.skip("the random terms cancelled")
    plain = rlct(generators, timeout=10)
    shear = {n: n for n in names} | {
        "x": f"x + {generator.choice([-2, 1, 3])}*y^{generator.randint(1, 2)}"
    }
    linear = {"x": "x + 2*y", "y": "3*x - y"} | ({"z": "z - x + y"} if "z" in names else {})
    units = [f"({g})*(1 + {generator.choice(names)} + 2*y^2)" for g in generators]
    assert plain.status == "proved"
    for changed in (
        [substituted(g, shear) for g in generators],
        [substituted(g, linear) for g in generators],
        units,
    ):
        other = rlct(changed, timeout=20)
        if other.status == "proved":
            assert exact(other) == exact(plain)
        else:
            assert len(names) > 2  # two variables always end with a proof
            assert other.lower <= plain.value <= other.upper


def read_zero(text):
    try:
        return len(terms_of(read_function(text).whole))
    except ValueError:
        return 0


@pytest.mark.parametrize("seed", range(6))
def test_separate_variables_add(seed):
    generator = random.Random(100 + seed)
    one = random_polynomial(generator, ["x", "y"], 3, 3, 2)
    two = random_polynomial(generator, ["z", "w"], 3, 3, 2)
    a, b, both = rlct([one]), rlct([two]), rlct([one, two])
    assert {a.status, b.status, both.status} == {"proved"}
    assert (
        both.value == a.value + b.value and both.multiplicity == a.multiplicity + b.multiplicity - 1
    )
    product = rlct([f"({one})*({two})"])
    expected = min(a.value, b.value)
    assert product.value == expected
    assert product.multiplicity == sum(r.multiplicity for r in (a, b) if r.value == expected)


@pytest.mark.parametrize("seed", range(12))
def test_proved_values_agree_with_measured_volumes(seed):
    generator = random.Random(200 + seed)
    names = ["x", "y"] if seed % 3 else ["x", "y", "z"]
    text = random_polynomial(generator, names, 3, 3, 1 + seed % 2)
    result = rlct([text])
    assert result.status == "proved"
    polynomial = {
        e: float(Fraction(str(c))) for e, c in terms_of(read_function([text]).generators[0]).items()
    }
    measured, error = slope([polynomial], result.multiplicity, 1e-20, 1e-13, log2_points=10)
    assert abs(measured - float(result.value)) < 0.03 + 3 * error


def test_median_time_of_two_variables():
    seconds = []
    for K in [case["K"] for case in TRUTH if len(case["variables"]) == 2] + [
        K for K, *_ in TWO_VARIABLES
    ]:
        begin = time.process_time()
        rlct(K)
        seconds.append(time.process_time() - begin)
    assert statistics.median(seconds) < 0.2


def test_time_runs_out_with_bounds():
    generators = ["x*y*w + z*v^2 + x*z", "y*z*v + x^2*w - v*w", "x*v*w + y^2*z", "z^2*w - x*y*v"]
    begin = time.process_time()
    result = rlct(generators, timeout=0.5)
    assert time.process_time() - begin < 0.75
    assert result.status == "proved" or (0 < result.lower < result.upper and result.reason)


def test_zeta_and_volume():
    assert [(p.location, p.order) for p in zeta("4*x^2*y^2", prior="|x|")] == [
        (Fraction(-1, 2), 1),
        (Fraction(-1), 1),
    ]
    law = volume("x^2*y^2")
    t = 1e-60
    exact_volume = 4 * t**0.5 * (1 + 0.5 * 60 * 2.302585092994046)
    assert law(t) == pytest.approx(exact_volume, rel=0.02)
    assert volume("(x - y)^2").constant is None
    with pytest.raises(ValueError, match="no zero"):
        volume("x^2 + 1")
    with pytest.raises(ValueError, match="sum"):
        zeta("x^2 + y^2")


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"K": "0"}, "K: got a constant"),
        ({"K": "x - x"}, "K: got 0"),
        ({"K": []}, "empty list"),
        ({"K": 1.5}, "K: got float"),
        ({"K": "x^2", "at": {"q": 1}}, "at: got q"),
        ({"K": "x^2", "at": {"x": "a"}}, "at: got 'a'"),
        ({"K": "x^2", "at": {"x": 0}, "domain": "all"}, "got both"),
        ({"K": "x^2", "domain": {"y": (0, 1)}}, "domain: got"),
        ({"K": "x^2", "domain": {"x": (1, 0)}}, "first end"),
        ({"K": "x^2", "timeout": 0}, "timeout: got 0"),
        ({"K": "(x + 1)/x"}, "division"),
    ],
)
def test_refusals(arguments, words):
    with pytest.raises(ValueError, match=words):
        rlct(**arguments)


def test_the_room_imports_nothing_heavy():
    code = (
        "import sys; import singlearn.exact; "
        "print(sorted({'jax', 'torch', 'sympy', 'scipy'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


SIGNS = [
    ("(x^2 - 2*y^2)^2 + x^5*y^3 + 3*x^8 + 3*y^8", True),
    ("(y - x^2)^2 + x^8", True),
    ("(x^2 + y^4)*(1 - x)", True),
    ("x^2*(1 - 100*y)", True),
    ("(y - x^2)^2 + x^7", False),
    ("(y - x^2)*(y - 2*x^2)", False),
    ("y^2*(x^2 + y^2) + x^9", False),
]


@pytest.mark.parametrize(("text", "nonnegative"), SIGNS)
def test_the_sign_in_two_variables_is_decided(text, nonnegative):
    """Both deciders, on vertical and on horizontal lines, and rlct: proved where K ≥ 0, refused
    where it is not.
    """
    expression = Expression(text)
    x, y = sympy.symbols("x y")
    polynomial = sympy.Poly(
        expression.evaluate({"x": x, "y": y}, lambda q: sympy.Rational(q.numerator, q.denominator)),
        x,
        y,
    )
    terms = {e: Fraction(int(c.p), int(c.q)) for e, c in polynomial.terms()}
    assert nonnegative_in_the_plane(terms) is nonnegative
    assert (keeps_its_sign(terms) and terms[min(terms)] > 0) is nonnegative
    if nonnegative:
        found = rlct(text)
        assert found.status == "proved" and verify(found.certificate).valid
    else:
        with pytest.raises(ValueError, match="negative"):
            rlct(text)


@pytest.mark.parametrize(
    ("K", "elsewhere"),
    [
        ("x^2*(x - 1)^4", "λ ≤ 1/4 near x = 1, where x - 1 = 0"),
        ("(x - 3)^8", "λ ≤ 1/8 near x = 3, where x - 3 = 0"),
        (["x*(x*y - 1)^2", "y*(x*y - 1)^2"], "where x*y - 1 = 0"),
        (["x^2 + y^2 + z^2 - x^3"], "λ ≤ 1/2"),  # an isolated point at the origin, and a surface
    ],
)
def test_a_smaller_coefficient_elsewhere_is_said(K, elsewhere):
    """λ at the origin is right, and is not that of a posterior over all points."""
    found, smallest = rlct(K), rlct(K, domain="all")
    assert elsewhere in found.elsewhere and found.elsewhere in str(found)
    assert [c.reason for c in found.cautions] == [Reason.SMALLER_ELSEWHERE]
    assert smallest.value < found.value and smallest.elsewhere == ""


@pytest.mark.parametrize("K", ["x^2*(x^2 + 1)^4", "x^4*(x - 1)^2", "x^2*y^4", "(x + y^2)^2 + z^2"])
def test_other_zeros_that_do_not_lower_it_are_not_said(K):
    assert rlct(K).cautions == () and rlct(K, at={"x": 0}).elsewhere == ""
