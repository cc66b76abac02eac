"""Sufficient statistics of linear regressions against the sum over all observations."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

import singlearn as sl
from singlearn import models
from singlearn.triple import LinearInInputs, Triple
from singlearn.triple.sufficient import Summary


def data(n: int = 3000, inputs: int = 4, outputs: int = 3, condition: float = 1e6) -> Any:
    """Columns of very different sizes, outputs with a large mean."""
    draw = np.random.default_rng(0).normal
    x = draw(size=(n, inputs)) * np.geomspace(1.0, 1 / condition, inputs)
    return x, 100.0 + x @ draw(size=(inputs, outputs)) + draw(size=(n, outputs))


MADE = {
    "linear": lambda x, y: models.linear_regression(x, y, scale=0.7),
    "unknown noise": lambda x, y: models.linear_regression(x, y, scale=dist.HalfNormal(1.0)),
    "reduced rank": lambda x, y: models.reduced_rank_regression(x, y, hidden=2, scale=0.7),
    "deep linear": lambda x, y: models.deep_linear_regression(x, y, hidden=[2, 3], scale=0.7),
    "one output": lambda x, y: Triple.regression(
        LinearInInputs(lambda w: w), dist.Normal(0.0, 1.0).expand([x.shape[1]]), x, y[:, 0]
    ),
}


@pytest.mark.parametrize("made", MADE.values(), ids=list(MADE))
def test_energy_and_gradient_are_those_of_all_observations(made: Any) -> None:
    triple = made(*data())
    assert isinstance(triple.energy_data, Summary) and triple.energy_rows == 4
    with jax.enable_x64(True):
        u = jnp.asarray(np.random.default_rng(1).normal(size=triple.dimension))
        energy, slope = jax.value_and_grad(triple.energy)(u, triple.energy_data)
        whole, gradient = jax.value_and_grad(lambda u: -jnp.sum(triple.pointwise(u, triple.data)))(
            u
        )
        assert float(energy) == pytest.approx(float(whole), rel=1e-13)
        np.testing.assert_allclose(slope, gradient, rtol=1e-10, atol=1e-9 * np.abs(slope).max())


def test_few_observations_and_other_functions_are_left_as_they_are() -> None:
    x, y = data(n=7)
    assert models.linear_regression(x, y).energy_data is not None
    assert not isinstance(models.linear_regression(x, y).energy_data, Summary)
    x, y = data(n=50)
    prior = dist.Normal(0.0, 1.0).expand([4, 3])
    plain = Triple.regression(lambda w, x: x @ w, prior, x, y)
    own_noise = Triple.regression(LinearInInputs(lambda w: w), prior, x, y, scale=np.full(3, 0.5))
    for triple in (plain, own_noise):
        assert triple.energy_data is triple.data and triple.energy_rows == 50


def test_a_run_reads_the_closed_form_and_every_observation() -> None:
    """y ~ N(xW, 1), W ~ N(0, 1): y is normal with covariance I + xxᵀ; WAIC has n terms."""
    x, y = data(n=400, inputs=2, outputs=1, condition=3.0)
    y = y - 100.0
    exact = -stats.multivariate_normal(np.zeros(400), np.eye(400) + x @ x.T).logpdf(y[:, 0])
    triple = models.linear_regression(x, y)
    run = sl.temper(triple, particles=256, seed=1, progress=False)
    found = run.free_energy()
    assert found.standard_error < 0.1
    assert abs(found.value - exact) < 4 * found.standard_error
    assert run.posterior.log_likelihood.shape[-1] == 400
    # What each particle weighs is what the observations say, one by one.
    np.testing.assert_allclose(
        -run.posterior.log_likelihood.sum(axis=-1), run.posterior.energies, rtol=1e-12
    )
    # New data of another size bring their own statistics.
    assert float(triple.with_data((x[:50], y[:50])).energy_data.numbers) == 50.0


def test_a_phase_of_it_sees_all_observations() -> None:
    triple = models.linear_regression(*data(n=40, inputs=1, outputs=1, condition=1.0))
    run = sl.temper(
        triple,
        particles=64,
        replicates=2,
        restrict=lambda w: w["W"][0, 0] > 0,
        progress=False,
        modes=None,
    )
    assert np.isfinite(run.free_energy().value)
