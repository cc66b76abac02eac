"""Sums of squares that were multiplied out, lowest forms, and factors: λ by Newton polyhedra in
coordinates that we chose.
"""

from fractions import Fraction

import pytest
import sympy
from flint import fmpq

from singlearn.exact import rlct, verify
from singlearn.exact.read.expression import Expression
from singlearn.exact.read.ring import ring
from singlearn.exact.resolve.squares import _decomposed, sum_of_squares

x, y, z, w = sympy.symbols("x y z w")


def polynomial(text, names="xyz"):
    context = ring(names)
    return context.constant(0) + Expression(text).evaluate(
        dict(zip(names, context.gens(), strict=True)),
        lambda q: context.constant(fmpq(q.numerator, q.denominator)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "(x - 2*y)^4 + 3*(x + y + z)^2",
        "(x*y - z^2)^2 + (x - 3*y)^4",
        "(2*x + y)^2 + ((x + y)^2*(2*x + y))^2",
        "5*x^4 + 4*x^3*y + 6*x^2*y^2 + 2*y^4",
        "1/2*x^2 - x*y + y^2",
    ],
)
def test_a_sum_of_squares_is_found_again(text):
    K = polynomial(text)
    found = sum_of_squares(K)
    total = K * 0
    for scale, root in found:
        assert scale > 0
        total = total + scale * root * root
    assert total == K


@pytest.mark.parametrize(
    "text",
    [
        "x^4*y^2 + x^2*y^4 + 1 - 3*x^2*y^2",  # Motzkin's: never negative, and no sum of squares
        "x^2 - y^2",
        "x^2 + y^2 - 3*x*y",
        "x*y",
        "-x^2",
        "x^2 + y^3",
        "x^4 - 2*x^2 + 1 - 1/1000*x^2",
    ],
)
def test_what_is_no_sum_of_squares_is_not_taken_for_one(text):
    assert sum_of_squares(polynomial(text)) is None


def test_only_positive_semidefinite_matrices_are_decomposed():
    def matrix(rows):
        return [[fmpq(v) for v in row] for row in rows]

    assert _decomposed(matrix([[1, 2], [2, 3]])) is None
    assert _decomposed(matrix([[0, 1], [1, 0]])) is None
    assert _decomposed(matrix([[-1, 0], [0, 1]])) is None
    rows, diagonal = _decomposed(matrix([[2, 2], [2, 2]]))
    assert rows == matrix([[1, 1]]) and diagonal == [2]


CASES = [
    # Even powers of linear forms: λ = Σ 1/(2a).
    ("(x + y + z)^20", Fraction(1, 20), 1),
    ((x - y) ** 4 + y**4 + (y - z) ** 8, Fraction(5, 8), 1),
    ((x + 2 * y - z) ** 4 + (y - z) ** 6, Fraction(5, 12), 1),
    # The same with terms of higher weight, so that K is no sum of squares.
    ((x - y) ** 2 + (1 + x) * (y + z) ** 4 + 2 * z**6, Fraction(11, 12), 1),
    ((x - y) ** 4 + x**4 + y**4 * (1 + z) + z**2, Fraction(1), 1),
    # Squares of monomials in bent coordinates: a linear program.
    ((x + y**2) ** 2 * y**2 + (x + y**2) ** 4, Fraction(1, 2), 2),
    (((x - y) * z) ** 2 + ((x - y) * (z + x) * x) ** 2, Fraction(1, 2), 1),
    (((x + z**2) * y) ** 2 + z**4, Fraction(3, 4), 2),
    # Sums and products of functions of separate variables, mixed afterwards.
    ((x - y) ** 2 * (x + y) ** 2 + (z + x) ** 6, Fraction(2, 3), 2),
    (((x - y) ** 2 + (x + y) ** 4) * (z + x) ** 4, Fraction(1, 4), 1),
]


@pytest.mark.parametrize(("K", "value", "multiplicity"), CASES)
def test_a_polynomial_that_was_multiplied_out(K, value, multiplicity):
    found = rlct(K if isinstance(K, str) else str(sympy.expand(K)), timeout=60)
    assert (found.status, found.value, found.multiplicity) == ("proved", value, multiplicity)
    assert verify(found.certificate).valid


def test_a_factor_of_the_prior_becomes_a_coordinate():
    found = rlct("x^4 - 12*x^3*y + 54*x^2*y^2 - 108*x*y^3 + 81*y^4", prior="x^2 - 6*x*y + 9*y^2")
    assert (found.status, found.value, found.multiplicity) == ("proved", Fraction(3, 4), 1)
    assert verify(found.certificate).valid


def test_a_sum_of_thousands_of_terms_is_read():
    text = str(sympy.expand((x + 2 * y - 3 * z + w) ** 8 - (x - y * z) ** 6))
    assert len(text) > 3000
    values = {"x": 1, "y": 2, "z": 3, "w": 1}
    assert Expression(text).evaluate(values, int) == (1 + 4 - 9 + 1) ** 8 - (1 - 6) ** 6
    assert len(Expression("+".join(["x"] * 3000)).summands()) == 3000
    with pytest.raises(ValueError, match="'if' is a reserved word"):
        Expression("x + " * 600 + "y if x")
    with pytest.raises(ValueError, match="more digits than a float keeps"):
        Expression("x + " * 600 + "0.12345678901234567890")
