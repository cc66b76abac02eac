"""One type of λ: it is a number, writes itself in LaTeX, and says what is not known of it."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from math import inf

import numpy as np
import pytest
import sympy

from singlearn import exact
from singlearn.exact import ExactCoefficient, catalogue, rlct
from singlearn.exact.marked_text import BEGIN, END, latex, latex_of_formula
from singlearn.results.caution import Reason

HALF = ExactCoefficient(Fraction(1, 2), 2, "someone", "somewhere")
BOUNDS = ExactCoefficient(
    None, None, "someone", "somewhere", "bounds", Fraction(1, 4), Fraction(1, 2), "time ran out"
)


@pytest.fixture(scope="module")
def pair_of_nodes():
    """Two charts of it are equal up to names, and one has a chart above it."""
    return rlct(["a1*b1+a2*b2", "a1*b1^2+a2*b2^2"])


def test_a_formula_and_a_resolution_are_of_one_type() -> None:
    found, formula = rlct("x^2*y^2"), catalogue.reduced_rank(1, 1, 1, 0)
    assert type(found) is type(formula) is ExactCoefficient
    assert found == formula == Fraction(1, 2) and hash(found) == hash(Fraction(1, 2))
    assert found != rlct("x^2")  # the same λ, another m


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda c: Fraction(c), Fraction(1, 2)),
        (lambda c: c + c, Fraction(1)),
        (lambda c: 3 - 2 * c / 1, Fraction(2)),
        (lambda c: 1 / c, Fraction(2)),
        (lambda c: c**2, Fraction(1, 4)),
        (lambda c: 2**c * 2**c, pytest.approx(2)),
        (lambda c: -c + abs(c), Fraction(0)),
        (lambda c: sum([c, c, c]), Fraction(3, 2)),
        (lambda c: np.array([2.0, 4.0]).mean() * float(c), 1.5),
        (lambda c: sorted([c, Fraction(1, 3)])[0], Fraction(1, 3)),
        (lambda c: f"{c:.2f}", "0.50"),
        (lambda c: sympy.sympify(c), sympy.Rational(1, 2)),
        (lambda c: c + sympy.Symbol("z"), sympy.Symbol("z") + sympy.Rational(1, 2)),
        (lambda c: sympy.Symbol("z") * c, sympy.Symbol("z") / 2),
        (lambda c: c * sympy.Rational(2, 3), sympy.Rational(1, 3)),
    ],
)
def test_it_computes_as_the_fraction_that_it_is(made, expected) -> None:
    assert made(HALF) == expected


def test_an_infinite_one_is_infinite_and_no_fraction() -> None:
    found = rlct("x^2 + 1", domain="all")
    assert float(found) == inf and sympy.sympify(found) is sympy.oo
    assert found.latex() == r"\lambda = \infty" and found > 10**9
    assert found != Fraction(1, 2) != found
    with pytest.raises(OverflowError, match=r"infinite"):
        Fraction(found)


@pytest.mark.parametrize(
    "use", [float, Fraction, sympy.sympify, lambda c: c + 1, lambda c: c < 1, lambda c: 2 * c]
)
def test_bounds_are_no_number(use) -> None:
    with pytest.raises(ValueError, match=r"between 1/4 and 1/2, because time ran out"):
        use(BOUNDS)


def test_what_is_not_proved_says_so() -> None:
    assert HALF.cautions == ()
    (caution,) = BOUNDS.cautions
    assert caution.reason is Reason.ONLY_BOUNDS and "1/4 ≤ λ ≤ 1/2" in caution.message
    (caution,) = ExactCoefficient(Fraction(1, 2), 1, "someone", "", "conjectured").cautions
    assert caution.reason is Reason.NOT_PROVED
    assert BOUNDS.latex() == r"\tfrac{1}{4} \leq \lambda \leq \tfrac{1}{2}"
    assert BOUNDS != Fraction(1, 2) != BOUNDS
    with pytest.raises(ValueError, match="only known to lie between"):
        assert Fraction(1, 2) < BOUNDS
    assert pickle.loads(pickle.dumps(BOUNDS)) == BOUNDS


@pytest.mark.parametrize("status", ["proved", "conjectured"])
def test_fields_that_contradict_each_other_are_refused(status) -> None:
    for value, m in ((None, None), (Fraction(1), None)):
        with pytest.raises(ValueError, match=r"^status: got"):
            ExactCoefficient(value, m, "someone", "somewhere", status)
    with pytest.raises(ValueError, match=r"^status: got 'bounds' with value 1/2"):
        ExactCoefficient(Fraction(1, 2), 1, "someone", "somewhere", "bounds")


def test_document_and_text_of_a_resolution(pair_of_nodes) -> None:
    document = json.loads(json.dumps(pair_of_nodes.to_dict()))
    assert document["value"] == "3/4" and document["status"] == "proved"
    assert document["certificate"]["format"].startswith("singlearn rlct certificate")
    assert exact.verify(exact.Certificate.from_dict(document["certificate"])).valid
    assert str(pair_of_nodes) == "λ = 3/4, m = 1 (proved)"
    assert pair_of_nodes._repr_latex_() == r"$\lambda = \tfrac{3}{4},\ m = 1$"
    json.dumps(pair_of_nodes.proof.to_dict())


def test_tree_has_equal_charts_once_with_their_divisors(pair_of_nodes) -> None:
    tree = pair_of_nodes.tree()
    assert tree.count("2 × blow-up") == 1 and len(tree.splitlines()) < 14
    # By hand: along (1, 0, 0, 1) of s1^2 s2^2 s3^2 (u1^2 + s1^2), density |s1 s2 s3|, the order of
    # K is 2 + 2, that of the density 1 + 1 of s1 and u1 and 1 of the blow-up, less 1.
    assert "(1,0,0,1): h = 2, k = 4, λ = 3/4" in tree
    (root,) = pair_of_nodes.proof.charts
    for _, chart in root.walk():
        assert min(d.value for d in chart.divisors) in (Fraction(3, 4), Fraction(1))
    assert sum(child.count for child in root.children) == 3
    with pytest.raises(ValueError, match=r"only those of exact.rlct have charts"):
        catalogue.reduced_rank(2, 2, 2, 1).tree()


def test_divisor_of_the_cusp_is_the_one_in_the_books() -> None:
    # x = st^2..., the last of three blow-ups: K = u^12, Jacobian u^4.
    (root,) = rlct("(y^2 - x^3)^2").proof.charts
    assert ("(3,2)", 4, 12) in {(d.name, d.h, d.k) for d in root.divisors}


def test_latex_of_proof_and_charts(pair_of_nodes) -> None:
    for written in (pair_of_nodes.latex("proof"), pair_of_nodes.latex("charts")):
        assert written.count(r"\begin{itemize}") == written.count(r"\end{itemize}") > 1
        assert (
            written.count("$") % 2 == 0
            and "$$" not in written
            and BEGIN not in written
            and END not in written
        )
        assert "λ" not in written and "≠" not in written and "×" not in written
        assert r"s_{1}^{2}\,s_{2}^{2}" in written and "*" not in written
    assert BEGIN not in pair_of_nodes.explain() + pair_of_nodes.tree() + pair_of_nodes.summary()
    with pytest.raises(ValueError, match=r"^of: got 'poem'"):
        pair_of_nodes.latex("poem")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-3/2*x^10*y_2", r"-\tfrac{3}{2} x^{10} y_{2}"),
        ("(u1)^2 + (s + t)^2", "u_{1}^{2} + (s + t)^{2}"),
        ("theta*w", r"\theta  w"),
        ("λ ≥ 1/2", r"\lambda \geq \tfrac{1}{2}"),
        ("rate*a", r"\mathit{rate} a"),
    ],
)
def test_formulas_in_latex(text, written) -> None:
    assert latex_of_formula(text).split() == written.split()


def test_text_around_formulas_is_safe_for_latex() -> None:
    assert latex("50 % of a_b & {c} ∞") == r"50 \% of a\_b \& \{c\} $\infty$"


def test_a_parser_of_tex_takes_every_formula(pair_of_nodes) -> None:
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    page = pair_of_nodes.latex("proof") + pair_of_nodes.latex("charts")
    page = page.replace("tfrac", "frac")  # the only word that mathtext does not have
    formulas = set(page.split("$")[1::2])
    assert len(formulas) > 20
    for written in formulas:
        parser.parse(f"${written}$")
