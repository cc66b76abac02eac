"""The DataTree of a run: names, coordinates and attributes as ArviZ wants them, data replicated as
the model says, and ArviZ's own functions on it.
"""

from __future__ import annotations

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.tempering.predicted import observed_data, predictive, prior_draws

SCHOOLS = np.array([[1.0, -2.0, 0.5], [0.0, np.nan, 3.0]])


def schools(y):
    """Two groups of three, one of which is missing."""
    with numpyro.plate("group", 2, dim=-2):
        m = numpyro.sample("m", dist.Normal(0.0, 3.0))
        with numpyro.plate("pupil", 3, dim=-1), numpyro.handlers.mask(mask=~np.isnan(y)):
            numpyro.sample("y", dist.Normal(m, 0.5), obs=np.nan_to_num(y))


@pytest.fixture(scope="module")
def run(line_triple):
    return sl.temper(line_triple, particles=64, replicates=2, modes="warn", seed=1)


def test_groups_coordinates_and_attributes(run, line_triple) -> None:
    tree = run.to_datatree(prior=True, posterior_predictive=True)
    assert {"posterior", "prior", "observed_data", "posterior_predictive"} <= set(tree.children)
    for group in ("posterior", "prior", "posterior_predictive", "log_likelihood", "sample_stats"):
        assert tree[group].coords["chain"].to_numpy().tolist() == [0, 1]
        assert tree[group].coords["draw"].to_numpy().tolist() == list(range(64))
        assert tree[group].attrs["inference_library"] == "singlearn"
        assert tree[group].attrs["inference_library_version"] == sl.__version__
        assert tree[group].attrs["created_at"].startswith("20")
    x, y = line_triple.data
    assert tree["constant_data"]["x"].to_numpy().tolist() == x.tolist()
    assert tree["observed_data"]["y"].to_numpy().tolist() == y.tolist()
    dims = ("chain", "draw", "observation")
    assert tree["posterior_predictive"]["y"].dims == tree["log_likelihood"]["y"].dims == dims
    assert set(run.to_datatree().children) & {"prior", "posterior_predictive"} == set()


def test_data_replicated_by_a_regression_have_its_mean_and_its_noise(run, line_triple) -> None:
    x, _ = line_triple.data
    tree = run.to_datatree(prior=True, posterior_predictive=True)
    for group, replicated in (("posterior", "posterior_predictive"), ("prior", "prior_predictive")):
        draws = tree[group].dataset
        mean = draws["a"].to_numpy()[..., None] * x + draws["c"].to_numpy()[..., None]
        noise = tree[replicated]["y"].to_numpy() - mean  # N(0, 1), 2 × 64 × 40 numbers
        assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
        assert abs(noise.var() - 1) < 4 * np.sqrt(2 / noise.size)


def test_a_numpyro_model_replicates_what_it_observed_under_its_names() -> None:
    triple = sl.Triple.from_numpyro(schools, SCHOOLS)
    observed = observed_data(triple)
    assert observed["y"].to_numpy().tolist() == SCHOOLS[~np.isnan(SCHOOLS)].tolist()
    draws = {"m": np.tile(np.array([[5.0], [-5.0]]), (2, 500, 1, 1))}
    found = predictive(triple, draws, True, "float64", 0)
    assert found["y"].dims == ("chain", "draw", "y_observation")
    assert found["y_group"].to_numpy().tolist() == [0, 0, 0, 1, 1]
    residuals = found["y"].to_numpy() - np.array([5, 5, 5, -5, -5])
    assert abs(residuals.mean()) < 4 * 0.5 / np.sqrt(residuals.size)
    assert abs(residuals.var() - 0.25) < 4 * 0.25 * np.sqrt(2 / residuals.size)


def test_the_prior_of_a_numpyro_model_has_its_dimensions() -> None:
    triple = sl.Triple.from_numpyro(schools, SCHOOLS)
    draws, group = prior_draws(triple, np.zeros((2, 3, 2)), "float64", triple.sites)
    assert group["m"].dims[:3] == ("chain", "draw", "group")
    assert draws["m"].shape == (2, 3, 2, 1)


def test_a_log_likelihood_needs_a_function_that_draws() -> None:
    y = np.array([1.0, 2.0, 3.0])
    triple = sl.Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), y)
    draws = {"w": np.full((2, 400), 7.0)}
    with pytest.raises(ValueError, match="draw\\(key, w, data\\)"):
        predictive(triple, draws, True, "float64", 0)
    found = predictive(
        triple, draws, lambda key, w, y: w + jax.random.normal(key, y.shape), "float64", 0
    )
    assert abs(found["y"].to_numpy().mean() - 7) < 4 / np.sqrt(2400)
    with pytest.raises(ValueError, match="n = 3 observations"):
        predictive(triple, draws, lambda key, w, y: w[None], "float64", 0)
    assert observed_data(triple)["y"].to_numpy().tolist() == y.tolist()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # ArviZ's own, of which each version has others
def test_arviz_reads_it(run, line_triple) -> None:
    import arviz as az
    import matplotlib

    matplotlib.use("agg")
    x, y = line_triple.data
    level = sl.Triple.regression(lambda w, x: w + 0 * x, dist.Normal(0.0, 1.0), x, y, name="level")
    flat = sl.temper(level, particles=64, replicates=2, modes="warn", seed=1)
    is_old = az.__version__.startswith("0.")

    def read(run):
        tree = run.to_datatree(prior=True, posterior_predictive=True)
        return az.InferenceData.from_datatree(tree) if is_old else tree

    summary = az.summary(read(run))
    a = run.posterior.draws["a"]
    assert float(summary.loc["a", "mean"]) == pytest.approx(a.mean(), abs=0.01)
    # Exchangeable draws: ArviZ would read an efficiency off their order.
    elpd = az.loo(read(run), reff=1.0)
    found = float(elpd.elpd_loo if hasattr(elpd, "elpd_loo") else elpd.elpd)
    # ArviZ 0.2x smooths the largest weights in an older way.
    assert found == pytest.approx(-run.loo().value, abs=0.02 if is_old else 1e-6)
    compared = az.compare({"line": read(run), "level": read(flat)})
    assert set(compared.index) == {"line", "level"}
    better = "line" if run.loo().value < flat.loo().value else "level"
    assert compared.index[0] == better
    az.plot_trace(read(run))
    if is_old:
        az.plot_loo_pit(read(run), y="y")
    else:
        az.plot_loo_pit(read(run))
