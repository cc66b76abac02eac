"""What users brought to ``exact``: priors with a factor, towers of powers, clocks, spellings of
polynomials.
"""

import time
from fractions import Fraction

import pytest

from singlearn import exact
from singlearn.cli.main import main


@pytest.mark.parametrize(
    ("prior", "constant"), [("2", 4.0), ("1/2", 1.0), ("3*|x|", 3.0), ("5*x^2", 10 / 3)]
)
def test_a_volume_counts_the_priors_factor(prior, constant):
    """V(t) = ∫ φ over |x| < √t, by hand: 4√t, √t, 3t and 10/3 t^{3/2}."""
    assert exact.volume("x^2", prior=prior).constant == pytest.approx(constant, rel=1e-12)


@pytest.mark.parametrize(
    ("K", "prior", "where"),
    [
        ("x^2", "-1", {}),
        ("x^2+y^2", "x-y", {}),
        ("x^2", "x", {}),
        ("x^2*y^2", "x^3+y^2", {}),
        ("(x-1)^2", "x-2", {"at": {"x": 1}}),
        ("x^2", "1-x^2", {"domain": "all"}),
        ("(x-1/2)^2", "x-1/4", {"domain": {"x": (0, 1)}}),
    ],
)
def test_a_prior_that_is_negative_is_refused_with_a_point(K, prior, where):
    """φ ≥ 0 is documented; the poles found are those of |φ|."""
    with pytest.raises(ValueError, match=r"prior: got .* negative"):
        exact.rlct(K, prior=prior, **where)


@pytest.mark.parametrize(
    ("K", "prior", "where", "value"),
    [
        ("x^2*y^2", "x^4-x^2*y^2+y^4", {}, Fraction(1, 2)),
        ("(x-1/2)^2", "x*(1-x)", {"domain": {"x": (0, 1)}}, Fraction(1, 2)),
        ("(x-1)^2", "x", {"at": {"x": 1}}, Fraction(1, 2)),
    ],
)
def test_a_prior_that_is_positive_where_it_counts_is_read(K, prior, where, value):
    found = exact.rlct(K, prior=prior, **where)
    assert (found.status, found.value) == ("proved", value)


def tower(height):
    K = "x"
    for _ in range(height):
        K = f"({K})^100"
    return K


@pytest.mark.parametrize(
    "K",
    ["((x+y+z+w)^100)^20", "(x+y+z+w+v+u+t)^40", f"({tower(10)})^2", "*".join(["(x+y+z)^90"] * 9)],
)
def test_what_cannot_be_multiplied_out_is_refused_at_once(K):
    begin = time.process_time()
    with pytest.raises(ValueError, match="too large"):
        exact.rlct(K, timeout=4)
    assert time.process_time() - begin < 2


def test_a_large_polynomial_is_searched_in_a_process_and_proved():
    """x² times a unit, and y⁴⁰: λ = 1/2 + 1/40 by the sum of separate variables."""
    found = exact.rlct("(x^2+y^3+z^2+x*y*z+1)^20*x^2+y^40", timeout=120)
    assert (found.status, found.value, found.multiplicity) == ("proved", Fraction(21, 40), 1)


def test_a_step_that_does_not_end_leaves_bounds_that_the_checker_accepts(monkeypatch):
    """Time is up before the process has begun: Hölder's inequality alone says λ ≥ 1/40."""
    from singlearn.exact import resolution
    from singlearn.exact.resolve.limited import LimitError

    def never(arguments, seconds):
        raise LimitError("time ran out in one step of algebra")

    monkeypatch.setattr(resolution, "resolve_in_a_process", never)
    found = exact.rlct("(x+y+z)^40 + x^40", timeout=1)
    assert (
        found.status == "bounds"
        and found.lower == Fraction(1, 40)
        and "time ran out" in found.reason
    )
    assert exact.verify(found.certificate).valid


def test_all_sets_of_twenty_coordinates_are_refused():
    with pytest.raises(ValueError, match=r"domain: .*2\^20"):
        exact.rlct("+".join(f"x{i}^2" for i in range(20)), domain="all", timeout=4)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"timeout": float("nan")}, "timeout"),
        ({"domain": {"x": "01"}}, "domain"),
        ({"prior": 0.5}, "prior"),
    ],
)
def test_arguments_are_refused_by_name(arguments, named):
    with pytest.raises(ValueError, match=f"^{named}: got"):
        exact.rlct("x^2", **arguments)


@pytest.mark.parametrize(
    ("formula", "arguments", "value"),
    [
        ("reduced_rank", {"inputs": 2.0, "outputs": 2, "hidden": 2, "rank": 0}, Fraction(3, 2)),
        ("deep_linear", {"widths": [3.0, 3, 3], "rank": 1.0}, None),
        ("tanh_zero_truth", {"hidden": 2.0}, Fraction(2, 3)),
    ],
)
def test_sizes_of_the_catalogue_may_be_floats_that_are_whole(formula, arguments, value):
    found = getattr(exact.catalogue, formula)(**arguments).value
    assert isinstance(found, Fraction) and value in (None, found)


@pytest.mark.parametrize("size", [float("nan"), 2.5, "2", True, None])
def test_other_sizes_are_refused_by_name(size):
    with pytest.raises(ValueError, match=r"^inputs: got"):
        exact.catalogue.reduced_rank(inputs=size, outputs=2, hidden=2, rank=0)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x^2y^2", r"Write 'x\^2\*y\^2'"),
        ("2x + y", r"Write '2\*x \+ y'"),
        ("x(y+1)", r"Write 'x\*\(y\+1\)'"),
        (r"\frac{1}{2}x^2", "LaTeX is not read"),
        ("x^{2}", "LaTeX is not read"),
        ("x²+y²", r"Write 'x\^2\+y\^2'"),
        ("lambda^2+zeta^4", "reserved word"),
        ("sin(x)^2", "sin is not read"),
        ("x^2 = y", "equation"),
        ("x - 1", r"\[K\], or with --squares"),
    ],
)
def test_a_misspelt_polynomial_is_told_how_to_write_it(text, hint):
    with pytest.raises(ValueError, match=hint):
        exact.rlct(text, at={"x": 1} if text == "x - 1" else None)


def test_a_leading_minus_in_the_shell(capsys):
    """-2xy + x² + y² is (x - y)², λ = 1/2."""
    assert main(["exact", "-2*x*y+x^2+y^2"]) == 0
    assert "λ = 1/2" in capsys.readouterr().out


def test_the_summary_counts_charts_and_full_prints_them(capsys):
    found = exact.rlct(["a*b+c*d+e*f", "a*b^3+c*d^3+e*f^3"])
    short = found.summary().splitlines()
    assert len(short) < 20 and any("up to the names and signs" in line for line in short)
    assert len(found.explain().splitlines()) > 200 and short[-1] == found.explain().splitlines()[-1]
    assert main(["exact", "(x + y^2)^2*x^2"]) == 0
    lines = len(capsys.readouterr().out.splitlines())
    assert main(["exact", "(x + y^2)^2*x^2", "--full"]) == 0
    assert len(capsys.readouterr().out.splitlines()) != lines


def test_a_point_that_is_not_the_origin_is_named():
    words = exact.rlct("(x-1)^2*(y+1/2)^2", at={"x": 1, "y": "-1/2"}).explain()
    assert "x stands for x - 1, y stands for y + 1/2" in words
