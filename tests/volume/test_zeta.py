"""Test ``singlearn.volume.zeta``: ζ from V(t) against closed forms."""

import numpy as np
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.volume.curve import VolumeCurve, threshold_grid


def curve_of(volume, dimension, smallest=1e-10):
    t = threshold_grid(smallest, 1.0)
    return VolumeCurve(
        t, np.log(volume(t))[None], 1e-12 * np.eye(len(t)), dimension, "nested_sampling", "exact"
    )


def test_the_mellin_transform_of_a_known_curve():
    # K = x²y² on [-1, 1]² with density 1/4: V = √t (2 - log t)/2 and ζ = 1/(2z + 1)².
    found = sl.zeta(curve_of(lambda t: np.sqrt(t) * (2 - np.log(t)) / 2, 2), multiplicity=2)
    for z in (1.0, 0.3 + 1j, -0.3):
        assert found(z) == pytest.approx(1 / (2 * z + 1) ** 2, rel=2e-3)
    assert found.multiplicity == 2
    assert found.learning_coefficient.value == pytest.approx(0.5, abs=0.02)
    assert "truncated" in {str(c.reason) for c in found.cautions}
    with pytest.raises(ValueError, match="left of the pole"):
        found(-0.8)
    with pytest.raises(TypeError, match="multiplicity"):
        sl.zeta("x^2", multiplicity=1)


@pytest.mark.slow
def test_a_cusp_whose_variables_do_not_separate():
    cusp = sl.models.polynomial("(y^2-x^3)^2", prior=dist.Uniform(-1, 1))
    found = sl.zeta(cusp, multiplicity=1)
    lead = found.learning_coefficient
    assert abs(lead.value - 5 / 12) < 4 * lead.standard_error < 0.1
    value = found.at(0.5)  # ∫ |y² - x³|/4 = 0.4545…
    assert abs(value.value - 0.45454544655972) < 4 * value.standard_error < 0.05
