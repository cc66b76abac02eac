"""Test ``singlearn.exact.mellin``: zeta functions against closed forms and quadrature."""

from fractions import Fraction
from math import gamma, inf, log, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta, erf

from singlearn.exact import NotSeparableError, rlct, zeta_function

Z = np.array([0.3, -0.1, 1 + 1j, -0.9, 2.0, -1.3 + 0.5j])


def test_a_monomial_is_a_product_of_simple_factors_in_the_whole_plane():
    found = zeta_function("x^2*y^4", prior="|x|", down_to=-2)
    np.testing.assert_allclose(found(Z), 1 / (Z + 1) * 2 / (4 * Z + 1), rtol=1e-11)
    assert [(str(p.location), p.order) for p in found.poles] == [("-1/4", 1), ("-1", 1)]
    assert found.poles[0].residue == pytest.approx(2 / 3)
    assert found(-1.0) == inf and abs(found(-0.75) - 4 * -1.0) < 1e-9  # a candidate that is no pole


def test_leading_constants_that_were_proved_elsewhere():
    # ∫ exp(-N x²y²) ~ √π N^(-1/2) log N and ∫ exp(-N x²y⁴) ~ 2 Γ(1/4) N^(-1/4) on [-1, 1]².
    law = zeta_function("x^2*y^2").laplace_law
    assert (law.exponent, law.multiplicity) == (Fraction(1, 2), 2)
    assert law.constant == pytest.approx(sqrt(pi), rel=1e-10)
    assert zeta_function("x^2*y^4").laplace_law.constant == pytest.approx(
        2 * gamma(0.25), rel=1e-10
    )


def test_all_terms_of_the_cross_are_those_of_its_integral():
    found = zeta_function("x^2*y^2")
    for t in (1e-3, 1e-8):
        assert found.volume_law.expansion(t) == pytest.approx(2 * sqrt(t) * (2 - log(t)), rel=1e-9)
    N = 1e6
    exact = 4 * quad(lambda x: erf(x * sqrt(N)) * sqrt(pi / N) / (2 * x), 0, 1, limit=200)[0]
    assert found.laplace_law.expansion(N) == pytest.approx(exact, rel=1e-6)


def test_zeros_at_both_ends_make_the_beta_function():
    found = zeta_function("x^4*(1-x)^2", domain=(0, 1), down_to=-2)
    z = np.array([0.2, -0.6, -1.1 + 0.3j])
    with np.errstate(all="ignore"):
        expected = [complex(beta(4 * s.real + 1, 2 * s.real + 1)) for s in z[:2]]
    np.testing.assert_allclose(found(z[:2]), expected, rtol=1e-9)
    assert found.laurent("-1/4")[-1] == pytest.approx(0.25)
    assert found.learning_coefficient == Fraction(1, 4)


def test_several_components_add_and_the_prior_moves_the_pole():
    wells = zeta_function("(x^2-1)^2*x^2", domain=(-2, 2))
    exact = 2 * (
        quad(lambda x: ((x * x - 1) ** 2 * x * x) ** -0.3, 0, 1)[0]
        + quad(lambda x: ((x * x - 1) ** 2 * x * x) ** -0.3, 1, 2)[0]
    )
    assert wells(-0.3).real == pytest.approx(exact, rel=1e-7)
    # Near ±1 K is 4 s², near 0 it is s²: residues 1/2, 1/2 and 1.
    assert wells.poles[0].residue == pytest.approx(2.0) and wells.multiplicity == 1
    away = zeta_function("(x^2-1)^2*x^2", domain=(-2, 2), prior="x^2*(x^2-1)^2")
    assert away.learning_coefficient == Fraction(3, 2)
    half = zeta_function("x", domain=(0, 1))
    assert half.learning_coefficient == 1 and half.volume_law(0.01) == pytest.approx(0.01)


def test_a_sum_multiplies_laplace_transforms():
    disc = zeta_function("x^2+y^2")
    assert disc.poles[0].residue == pytest.approx(pi) and disc.multiplicity == 1
    # ∫∫ (x² + y²)^z over the square: ∫ over the angle of R^(2z+2)/(2z+2).
    z = -1.2
    over_angle = 8 * quad(lambda a: np.cos(a) ** (-2 * z - 2), 0, pi / 4)[0] / (2 * z + 2)
    assert disc(z).real == pytest.approx(over_angle, rel=1e-8)
    assert disc(2.0).real == pytest.approx(2 * 4 / 5 + 2 * 4 / 9, rel=1e-10)
    mixed = zeta_function(["x*y", "z"])
    assert (mixed.learning_coefficient, mixed.multiplicity) == (1, 2)
    assert mixed.laplace_law.constant == pytest.approx(pi, rel=1e-7)  # √π log N/√N times √π/√N


@pytest.mark.parametrize("K", ["x^4 + y^6", "x^2*y^6*(z-1)^2", "x^2*(x-1)^4"])
def test_the_largest_pole_is_what_resolution_proves(K):
    found, proved = zeta_function(K), rlct(K, domain="all")
    assert (found.learning_coefficient, found.multiplicity) == (proved.value, proved.multiplicity)


def test_without_a_zero_there_is_no_pole():
    found = zeta_function("x^2 + y^2 + 1")
    assert found.learning_coefficient == inf and found.poles == () and found.volume_law(0.1) == 0.0
    assert found(-1.0).real == pytest.approx(
        4 * quad(lambda x: np.arctan(1 / sqrt(1 + x * x)) / sqrt(1 + x * x), 0, 1)[0], rel=1e-8
    )
    assert zeta_function("x^2", domain=(1, 2)).learning_coefficient == inf


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(NotSeparableError, match="separate"):
        zeta_function("(y^2-x^3)^2")
    for K, prior, word in (
        ("x", None, "changes sign"),
        ("x^2-y^2", None, "negative"),
        ("x^2", "x", "prior"),
    ):
        with pytest.raises(ValueError, match=word):
            zeta_function(K, prior=prior)
    with pytest.raises(ValueError, match="domain"):
        zeta_function("x^2", domain={"y": (0, 1)})
    with pytest.raises(ValueError, match="down_to"):
        zeta_function("x^2")(-5.0)
