"""Bringing a model: what is accepted, what is refused, and what the refusal says."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.tempering import NoFiniteEnergyError

Y = np.array([0.3, -0.2, 0.9])


def log_likelihood(w, y):
    return dist.Normal(w["m"], 1.0).log_prob(y)


PRIOR = {"m": dist.Normal(0.0, 1.0)}


def test_energy_is_minus_the_sum():
    triple = sl.Triple(log_likelihood, PRIOR, Y, truth={"m": 0.0})
    expected = 0.5 * np.sum(Y**2) + 1.5 * np.log(2 * np.pi)
    assert triple.truth_energy == pytest.approx(expected, rel=1e-12)
    assert triple.parameter_energy({"m": 0.0}) == pytest.approx(expected, rel=1e-12)


def test_truth_as_pointwise_log_density():
    triple = sl.Triple(log_likelihood, PRIOR, Y, truth=np.array([-1.0, -2.0, -3.0]))
    assert triple.truth_energy == pytest.approx(6.0)


def test_constrained_priors_keep_their_density():
    """exp(log_prob) of unconstrained coordinates integrates to one: the Jacobian is there."""
    triple = sl.Triple(lambda w, y: dist.Normal(0.0, w).log_prob(y), dist.HalfNormal(2.0), Y)
    with jax.enable_x64(True):
        u = jnp.linspace(-12.0, 6.0, 20001)[:, None]
        density = jnp.exp(jax.vmap(triple.coordinates.log_prob)(u))
        assert float(jnp.trapezoid(density, u[:, 0])) == pytest.approx(1.0, abs=1e-4)


def test_prior_object():
    class Box:
        def sample(self, key):
            return {"m": jax.random.uniform(key, (2,))}

        def log_prob(self, w):
            inside = jnp.all((w["m"] > 0) & (w["m"] < 1))
            return jnp.where(inside, 0.0, -jnp.inf)

    # ∫∫ exp(-β(x+y)) over the unit square: F = -2 log((1 - e^-β)/β).
    triple = sl.Triple.population(lambda w: jnp.sum(w["m"]), Box(), n=1)
    estimate = sl.temper(triple, beta_max=20.0, particles=512, seed=0).free_energy(20.0)
    assert (
        abs(estimate.value + 2 * np.log((1 - np.exp(-20)) / 20)) < 4 * estimate.standard_error < 0.3
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: sl.Triple(log_likelihood, PRIOR, np.array([1.0, np.nan])),
            r"data: 1 of 2 entries are not finite, the first at \(1,\)",
        ),
        (lambda: sl.Triple(log_likelihood, PRIOR, np.array([])), "n = 0"),
        (
            lambda: sl.Triple(lambda w, y: jnp.sum(log_likelihood(w, y)), PRIOR, Y),
            r"shape \(\); it should be pointwise, of shape \(3,\)",
        ),
        (
            lambda: sl.Triple(lambda w, y: log_likelihood(w, y)[:2], PRIOR, Y),
            r"shape \(2,\); it should be pointwise",
        ),
        (
            lambda: sl.Triple(
                log_likelihood, {"m": dist.ImproperUniform(dist.constraints.real, (), ())}, Y
            ),
            "'m' is improper",
        ),
        (lambda: sl.Triple(log_likelihood, {"m": dist.Poisson(1.0)}, Y), "'m' is discrete"),
        (
            lambda: sl.Triple(log_likelihood, PRIOR, Y, truth={"mean": 0.0}),
            r"truth\['m'\] is missing",
        ),
        (
            lambda: sl.Triple(log_likelihood, PRIOR, Y, truth={"m": np.zeros(2)}),
            r"truth\['m'\]: got shape \(2,\); it should be \(\)",
        ),
        (
            lambda: sl.Triple(log_likelihood, PRIOR, Y, truth=np.array([0.0, 0.0, -np.inf])),
            "its energy n L_n",
        ),
        (lambda: sl.Triple.regression(lambda w, x: x, PRIOR, Y, Y[:2]), "leading axes"),
        (
            lambda: sl.Triple.regression(lambda w, x: x[:2], PRIOR, Y, Y),
            r"f: returned shape \(2,\); it should be the shape of y, \(3,\)",
        ),
        (lambda: sl.Triple.regression(lambda w, x: x, PRIOR, Y, Y, scale=0.0), "scale: got 0.0"),
        (lambda: sl.Triple.population(lambda w: w["m"], PRIOR, n=0), "n: got 0"),
        (
            lambda: sl.Triple.population(lambda w: jnp.ones(2), PRIOR, n=1),
            "kl: returned .* it should be a scalar",
        ),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_something_that_is_no_prior():
    with pytest.raises(
        TypeError, match="it should be a pytree whose leaves are all NumPyro distributions"
    ):
        sl.Triple(log_likelihood, {"m": 3.0}, Y)


def test_infinite_energies_cost_weight_and_are_counted():
    triple = sl.Triple.population(
        lambda w: jnp.where(w > 0, w, jnp.nan), dist.Normal(0.0, 1.0), n=1, name="half a line"
    )
    run = sl.temper(triple, beta_max=2.0, particles=512, seed=0)
    infinite = run.to_dict()["infinite_energies"]
    assert 0.4 < infinite / (4 * 512) < 0.6
    assert "infinite_energies" in [w.reason for w in run.cautions]
    # F(2) = -log ∫_0^∞ e^{-2w} N(w) dw = -log(e² Φ(-2))
    estimate = run.free_energy(2.0)
    assert abs(estimate.value + 2 + np.log(0.022750131948179195)) < 4 * estimate.standard_error


def test_all_infinite_stops_with_an_error():
    triple = sl.Triple.population(lambda w: w * jnp.inf, dist.HalfNormal(1.0), n=1, name="nowhere")
    with pytest.raises(
        NoFiniteEnergyError, match="every particle of a replicate has infinite energy at β = 0"
    ):
        sl.temper(triple, particles=32)


def test_numpyro_model():
    """A conjugate model written in NumPyro: evidence in closed form, results constrained."""

    def model(y):
        m = numpyro.sample("m", dist.Normal(0.0, 2.0))
        numpyro.sample("s", dist.HalfNormal(1.0))
        with numpyro.plate("data", len(y)):
            numpyro.sample("y", dist.Normal(m, 1.0), obs=y)

    run = sl.temper(sl.Triple.from_numpyro(model, Y), particles=512, seed=0)
    covariance = np.eye(3) + 4.0 * np.ones((3, 3))
    exact = 0.5 * (
        3 * np.log(2 * np.pi)
        + np.linalg.slogdet(covariance)[1]
        + Y @ np.linalg.solve(covariance, Y)
    )
    estimate = run.free_energy(1.0)
    assert abs(estimate.value - exact) < 4 * estimate.standard_error < 0.3
    draws = run.sample(1.0, 2000, seed=1)
    assert set(draws) == {"m", "s"} and draws["m"].shape == (2000,)
    assert (draws["s"] > 0).all()
    assert draws["m"].mean() == pytest.approx(4 * Y.sum() / 13, abs=0.1)
    assert run.name == "model"


def test_numpyro_transformed_and_dependent_priors():
    """Reparameterised and hierarchical priors: the prior density in unconstrained space still
    integrates to one.
    """

    def model(y):
        s = numpyro.sample("s", dist.LogNormal(0.0, 0.5))
        numpyro.sample("y", dist.Normal(0.0, s), obs=y)

    coordinates = sl.Triple.from_numpyro(model, Y).coordinates
    with jax.enable_x64(True):
        u = jnp.linspace(-8.0, 8.0, 8001)[:, None]
        density = jnp.exp(jax.vmap(coordinates.log_prob)(u))
        assert float(jnp.trapezoid(density, u[:, 0])) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (lambda: numpyro.sample("m", dist.Normal(0.0, 1.0)), "no observed site"),
        (lambda: numpyro.sample("y", dist.Normal(0.0, 1.0), obs=Y), "no latent site"),
        (
            lambda: (
                numpyro.sample("k", dist.Poisson(1.0)),
                numpyro.sample("y", dist.Normal(0.0, 1.0), obs=Y),
            ),
            "'k' is discrete",
        ),
        (
            lambda: (numpyro.sample("m", dist.Normal(0.0, 1.0)), numpyro.factor("f", 1.0)),
            "'f' is a factor statement",
        ),
    ],
)
def test_numpyro_refusals(statements, message):
    def model():
        statements()

    with pytest.raises(ValueError, match=message):
        sl.Triple.from_numpyro(model)


def test_numpyro_subsampled_plate_is_refused():
    def model():
        m = numpyro.sample("m", dist.Normal(0.0, 1.0))
        with numpyro.plate("data", 3, subsample_size=2) as index:
            numpyro.sample("y", dist.Normal(m, 1.0), obs=Y[index])

    with pytest.raises(ValueError, match="'data' is subsampled"):
        sl.Triple.from_numpyro(model)


def test_further_data_of_the_same_model():
    triple = sl.Triple(log_likelihood, PRIOR, Y, truth={"m": 0.0})
    further = triple.with_data(np.array([2.0, 1.0]))
    assert (further.n, further.truth_energy) == (2, None)
    assert further.parameter_energy({"m": 0.0}) == pytest.approx(2.5 + np.log(2 * np.pi))
    assert further.as_model() == triple.as_model()  # nothing is compiled twice
    with pytest.raises(ValueError, match="has no data to replace"):
        sl.Triple.population(lambda w: w["m"] ** 2, PRIOR, n=1).with_data(Y)
