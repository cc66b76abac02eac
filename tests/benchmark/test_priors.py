"""Every prior is one distribution in all its forms: density, unit cube and NumPyro."""

import jax
import numpy as np
import pytest
from scipy import stats

from singlearn.benchmark import ParameterPrior

PRIORS = [
    ParameterPrior("w", "normal", {"location": 0.5, "scale": 2.0}, (2,)),
    ParameterPrior("w", "half_normal", {"scale": 2.0}),
    ParameterPrior("w", "uniform", {"low": -1.0, "high": 3.0}, (3,)),
    ParameterPrior("w", "gamma", {"concentration": 2.5, "rate": 0.5}),
    ParameterPrior("w", "beta", {"first": 2.0, "second": 3.0}, (2,)),
    ParameterPrior("w", "dirichlet", {"concentration": [1.0, 2.0, 3.0]}, (2,)),
    ParameterPrior("w", "normal_mixture", {"weights": [0.8, 0.2], "scales": [0.05, 2.0]}, (2,)),
]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.distribution)
def test_density_is_that_of_numpyro(prior):
    u = np.random.default_rng(0).uniform(size=(5, prior.dimension))
    values = prior.from_unit_cube(u)
    assert values.shape == (5, *prior.whole_shape)
    with jax.enable_x64(True):
        theirs = np.asarray(prior.numpyro().log_prob(values)).reshape(5, -1).sum(axis=1)
    np.testing.assert_allclose(prior.log_density(values), theirs, rtol=1e-9)


@pytest.mark.parametrize("prior", PRIORS[-2:], ids=lambda prior: prior.distribution)
def test_unit_cube_draws_from_numpyros_distribution(prior):
    ours = prior.from_unit_cube(np.random.default_rng(1).uniform(size=(2000, prior.dimension)))
    with jax.enable_x64(True):
        theirs = np.asarray(prior.numpyro().sample(jax.random.key(2), (2000,)))
    first, other = (x.reshape(2000, -1)[:, -1] for x in (ours, theirs))
    assert stats.ks_2samp(first, other).pvalue > 1e-3


def test_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="distribution: got 'cauchy'"):
        ParameterPrior("w", "cauchy", {})
    with pytest.raises(ValueError, match="settings"):
        ParameterPrior("w", "normal", {"mean": 0.0, "scale": 1.0})
