"""λ of population triples against proven values, with half the default particles, and what a wrong
phase is told.
"""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import singlearn as sl
from conftest import quadrature_triple, truth
from singlearn.measure.learning_coefficient import (
    default_inverse_temperatures,
    intercept_is_elsewhere,
)
from singlearn.models import polynomial, reduced_rank, tanh_zero_truth
from singlearn.results.caution import Reason
from singlearn.results.estimate import Estimate


@pytest.mark.parametrize(
    ("inputs", "hidden", "outputs", "rank", "tolerance"),
    [(3, 1, 5, 0, 0.02), (3, 2, 3, 1, 0.04)],
)
def test_reduced_rank(inputs, hidden, outputs, rank, tolerance):
    """Small ones; ``singlearn experiment known`` does the same for larger ones, which take
    minutes.
    """
    triple = reduced_rank(inputs=inputs, hidden=hidden, outputs=outputs, rank=rank)
    read = sl.temper(triple, beta_max=1e8, particles=512, thin=64, seed=0).learning_coefficient()
    exact = float(triple.known)
    assert read.standard_error < tolerance * exact
    assert abs(read.value - exact) < tolerance * exact
    assert abs(read.value - exact) < 4 * read.standard_error
    assert "phase_elsewhere" not in [w.reason for w in read.cautions]


@pytest.mark.slow
def test_tanh_network_with_zero_truth():
    triple = tanh_zero_truth(2)
    read = sl.temper(triple, beta_max=1e8, particles=512, thin=64, seed=0).learning_coefficient()
    exact = float(triple.known)
    assert abs(read.value - exact) < 0.05 * exact
    assert abs(read.value - exact) < 4 * read.standard_error
    assert (
        read.standard_error < 0.08 * exact
    )  # small enough to mean something: the next exponent is only 1/12 away


def test_unknown_multiplicity_widens_the_error():
    """x²y²: λ = 1/2, m = 2. Not told m, the fit cannot be as sure, and says so."""
    triple = polynomial("x^2*y^2", ["x", "y"])
    run = sl.temper(triple, beta_max=1e8, particles=512, thin=64, seed=0)
    told, untold = run.learning_coefficient(multiplicity=2), run.learning_coefficient()
    assert abs(told.value - 0.5) < 4 * told.standard_error < 0.1
    assert abs(untold.value - 0.5) < 4 * untold.standard_error
    assert untold.standard_error > told.standard_error
    # Eight decades do not decide: both multiplicities have odds, and a wrong one is not claimed.
    assert untold.multiplicity in (None, 2)
    assert untold.multiplicity_weights[2] > 0.1 and sum(
        untold.multiplicity_weights.values()
    ) == pytest.approx(1.0)


def test_twenty_decades():
    """K = w² has λ = 1/2 and F exactly; a run to β = 10²⁰ reads both."""
    run = sl.temper(
        sl.Triple.population(lambda w: w**2, dist.Normal(0.0, 1.0), n=1),
        beta_max=1e20,
        particles=512,
        thin=64,
        seed=0,
    )
    told, untold = run.learning_coefficient(multiplicity=1), run.learning_coefficient()
    assert abs(told.value - 0.5) < 4 * told.standard_error < 0.04
    assert (
        abs(untold.value - 0.5) < 4 * untold.standard_error < 0.08
    )  # over twenty decades m = 2 is still only 0.03 away
    exact = 0.5 * np.log1p(2e20)
    assert abs(run.free_energy(1e20).value - exact) < 4 * run.free_energy(1e20).standard_error


def test_wrong_phase_is_named():
    """Two wells: the lower one is narrow and loses at these temperatures. λ = 1/2 is read off the
    upper, and the run must say so.
    """

    def kl(w):
        upper = 0.5 * w["x"] ** 2 + 0.02
        lower = 0.5e6 * ((w["x"] - 3.0) ** 2 + jnp.sum(w["z"] ** 2))
        return jnp.minimum(upper, lower)

    prior = {"x": dist.Normal(0.0, 2.0), "z": dist.Normal(0.0, 2.0).expand([3])}
    run = sl.temper(
        sl.Triple.population(kl, prior, n=1000.0, name="two wells"), beta_max=0.3, seed=0, thin=8
    )
    read = run.learning_coefficient(inverse_temperatures=np.geomspace(0.1, 0.3, 5))
    assert abs(read.readings["energy"].value - 0.5) < 0.1
    assert "phase_elsewhere" in [w.reason for w in read.cautions]
    assert 15 < read.intercept.value < 25  # n × 0.02 = 20 nats


def test_right_phase_is_not_accused():
    for case in truth("free_energy")["cases"][1:2]:
        read = sl.temper(quadrature_triple(case), particles=256, seed=0).learning_coefficient()
        assert "phase_elsewhere" not in [w.reason for w in read.cautions]


def test_intercept_rule():
    assert intercept_is_elsewhere(Estimate(24.8, 0.3), 0.5, 0.15, 0.0, fluctuation=True)
    assert not intercept_is_elsewhere(Estimate(1.0, 0.3), 0.5, 0.15, 0.0, fluctuation=True)
    assert not intercept_is_elsewhere(Estimate(-5.0, 0.3), 0.5, 0.15, 0.0, fluctuation=True)


def test_regular_model_reads_half_its_dimension(line_triple):
    """At n = 40 the prior still shows (λ̂ < 1); colder, the heat capacity of the posterior is d/2 =
    1.
    """
    run = sl.temper(line_triple, beta_max=30.0, particles=512, seed=0)
    read = run.learning_coefficient(inverse_temperatures=np.geomspace(5.0, 30.0, 5))
    assert abs(read.value - 1.0) < 0.03
    assert set(read.readings) == {"energy", "heat_capacity", "free_energy"}
    assert read.r_squared > 0.99
    assert abs(read.intercept.value - run.find_optimum().energy) < 0.05


def test_methods_and_windows_are_checked(line_triple):
    run = sl.temper(line_triple, beta_max=0.5, particles=64, seed=0)
    with pytest.raises(ValueError, match="method: got 'slope'"):
        run.learning_coefficient(method="slope")
    with pytest.raises(ValueError, match="at least two distinct"):
        run.learning_coefficient(inverse_temperatures=[0.1])
    with pytest.raises(ValueError, match="within the run's range"):
        run.learning_coefficient(inverse_temperatures=[0.1, 2.0])
    with pytest.raises(ValueError, match="beta_max: the run ends at"):
        default_inverse_temperatures(10, 0.3, False)
    for method in ("energy", "heat_capacity", "free_energy"):
        assert list(
            run.learning_coefficient(method=method, inverse_temperatures=[0.2, 0.3, 0.4]).readings
        ) == [method]


def test_readings_lie_within_the_window():
    """y = abx + noise, far from its limit: C rises over the window, and every reading is an average
    of C over it, no extrapolation.
    """
    generator = np.random.default_rng(0)
    x = generator.normal(size=40)
    y = x + generator.normal(size=40)
    normal = dist.Normal(0.0, 1.0)
    run = sl.temper(
        sl.Triple.regression(lambda w, x: w["a"] * w["b"] * x, {"a": normal, "b": normal}, x, y),
        seed=0,
    )
    read = run.learning_coefficient()
    capacities = [run.heat_capacity(beta).value for beta in read.inverse_temperatures]
    assert max(capacities) - min(capacities) > 0.2
    for name, reading in read.readings.items():
        assert min(capacities) < reading.value < max(capacities), name
    reasons = [w.reason for w in read.cautions]
    assert {Reason.NOT_LEVEL, Reason.PRIOR_DOMINATED} & set(reasons)
    assert Reason.READINGS_DISAGREE not in reasons
