"""The optimum that BIC stands at: not missed, and no spike of the likelihood."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from singlearn.data import galaxies
from singlearn.models import MixturePrior, gaussian_mixture
from singlearn.tempering import temper
from singlearn.tempering.optimum import find_optimum
from singlearn.triple import Triple


@pytest.fixture(scope="module")
def three_components() -> Triple:
    """With unequal variances, of the galaxies."""
    return gaussian_mixture(galaxies(), 3, MixturePrior.chib())


def test_three_components_of_the_galaxies_have_neals_free_energy(three_components: Triple) -> None:
    """Neal 1999 [neal1999erroneous] corrects Chib 1995 [chib1995marginal]: log evidence -226.80,
    0.05 for his own Monte Carlo error.
    """
    found = temper(three_components, particles=96, seed=5, progress=False).free_energy(1.0)
    assert found.standard_error < 0.3
    assert abs(found.value - 226.80) < 4 * found.standard_error + 0.05


def test_three_components_of_the_galaxies_reach_the_published_maximum_likelihood(
    three_components: Triple,
) -> None:
    """mclust 5 [scrucca2016mclust]_ finds log likelihood -203.1792 for its model V,3 of the copy
    that misprints 26.96 as 26.69.
    """
    misprinted = galaxies()
    misprinted[np.isclose(misprinted, 26.96)] = 26.69
    run = temper(three_components.with_data(misprinted), particles=96, seed=0, progress=False)
    optimum = run.find_optimum()
    assert optimum is not None and run.optimum is optimum
    assert optimum.is_likelihood_maximum
    assert optimum.energy == pytest.approx(203.1792, abs=2e-4)


def test_a_component_on_two_neighbours_is_set_aside_and_reported() -> None:
    """Two of nine observations are 1e-4 apart; the other seven are one group. The spike is a
    maximum of the likelihood, and higher.
    """
    x = np.array([-2.1, -1.4, -0.8, -0.1, 0.6, 1.3, 2.2, 0.3, 0.3001])
    triple = gaussian_mixture(x, 2, MixturePrior.from_data(x))

    def flat(means: list[float], variances: list[float], weights: list[float]) -> np.ndarray:
        with jax.enable_x64(True):
            w = {"means": means, "variances": variances, "weights": weights}
            return np.asarray(
                triple.coordinates.unconstrain({k: jnp.asarray(v) for k, v in w.items()})
            )

    spiked = flat([0.30005, 0.0], [2e-8, 1.8], [0.2, 0.8])
    broad = flat([-0.1, 0.2], [1.5, 1.8], [0.5, 0.5])
    found = find_optimum(triple, np.stack([spiked, broad]), broad[None])
    assert found.is_likelihood_maximum
    assert found.spike_energy is not None
    assert found.spike_energy < found.energy - 3
    assert np.min(triple.coordinates.constrain(jnp.asarray(found.coordinates))["variances"]) > 0.01


def test_no_particle_has_a_lower_energy_than_the_optimum() -> None:
    """At a kink no line search ends well; the lowest start still bounds what is reported."""
    triple = Triple(
        lambda w, y: -jnp.abs(w) + 0.0 * y, dist.Normal(0.0, 1e-4), np.zeros(40), name="kink"
    )
    cold = np.array([[-1e-4], [2e-4]])
    found = find_optimum(triple, cold, cold)
    assert found.energy <= min(triple.parameter_energy(float(w)) for w in cold[:, 0])


def test_a_descent_that_runs_to_the_end_of_the_numbers_is_no_maximum_of_the_likelihood():
    """N(0, e^w) on observations that are all 0: n L_n = n w + const falls for ever, and at e^w = 0
    the density is no number any more. The gradient there is n, so that nothing is stationary.
    """
    prior = dist.Normal(0.0, 1000.0)

    def log_likelihood(w, y):
        return dist.Normal(0.0, jnp.exp(w)).log_prob(y)

    triple = Triple(log_likelihood, prior, np.zeros(5), name="spike")
    cold, hot = np.array([[-3.0], [-2.0]]), np.array([[1.0]])
    found = find_optimum(triple, cold, hot)
    assert not found.is_likelihood_maximum
