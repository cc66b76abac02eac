"""Test ``singlearn.measure.collapse``: exponents that were put in come out, within their errors."""

import numpy as np
import pytest

from singlearn.measure.collapse import collapse


def curves_of(law, noise=0.02, sizes=(1e2, 1e3, 1e4), c=0.5, b=0.0, a=0.0, critical=0.0):
    generator = np.random.default_rng(0)
    found = {}
    for n in sizes:
        u = np.linspace(-3, 3, 9)
        error = noise * n**b * np.ones(9)
        y = a * np.log(n) + n**b * law(u) + error * generator.normal(size=9)
        found[n] = (critical + u / n**c, y, error)
    return found


def within(estimate, truth, largest):
    assert estimate.standard_error < largest
    assert abs(estimate.value - truth) < 4 * estimate.standard_error


def test_a_crossing_and_its_width():
    found = collapse(curves_of(np.tanh, critical=0.3), critical=None, resamples=8)
    within(found.x_exponent, 0.5, 0.05)
    within(found.critical, 0.3, 1e-3)
    assert found.quality < 2 and found.cautions == () and len(str(found)) < 2000


@pytest.mark.slow
def test_a_height_that_scales_and_a_logarithm():
    found = collapse(curves_of(lambda u: np.exp(-u * u), b=-0.25), y_exponent=None, resamples=8)
    within(found.y_exponent, -0.25, 0.05)
    found = collapse(
        curves_of(lambda u: u + 0.1 * u**2, sizes=(1e4, 1e5, 1e6), c=1 / 3, a=-1 / 3),
        log_slope=None, resamples=8,
    )  # fmt: skip
    within(found.log_slope, -1 / 3, 0.03)
    within(found.x_exponent, 1 / 3, 0.03)


def test_what_does_not_collapse_is_said():
    curves = {
        n: (np.linspace(-1, 1, 9), np.sin(k * np.arange(9)), np.full(9, 0.01))
        for k, n in enumerate((1e2, 1e3, 1e4))
    }
    assert "poor_collapse" in {str(c.reason) for c in collapse(curves, resamples=8).cautions}
    without = {n: own[:2] for n, own in curves_of(np.tanh).items()}
    assert "no errors" in str(collapse(without, resamples=8))


def test_refusals_name_the_argument():
    curves = curves_of(np.tanh)
    with pytest.raises(ValueError, match="x_exponent"):
        collapse(curves, x_exponent=0.5)
    with pytest.raises(ValueError, match="log_slope"):
        collapse(curves, y_exponent=None, log_slope=None)
    with pytest.raises(ValueError, match="curves"):
        collapse({10.0: curves[1e2]})
    with pytest.raises(ValueError, match="errors are not positive"):
        collapse({1e2: (np.arange(3.0), np.arange(3.0), np.zeros(3)), 1e3: curves[1e3]})
