"""The engine: reproducible, resumable, lossless, honest about mixing."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import singlearn as sl
from singlearn.results.caution import Reason
from singlearn.tempering.ladder import (
    log_weights,
    next_inverse_temperature,
    relative_effective_sample_size,
)

CROSS = """
import sys
import jax.numpy as jnp, numpyro.distributions as dist
import singlearn as sl
normal = dist.Normal(0.0, 1.0)
prior = {"x": normal, "y": normal}
triple = sl.Triple.population(lambda w: (w["x"] * w["y"]) ** 2, prior, n=1, name="cross")
"""


def cross():
    scope = {}
    exec(CROSS, scope)
    return scope["triple"]


def same(a, b):
    return all(
        np.array_equal(getattr(a.rungs, name), getattr(b.rungs, name))
        for name in (
            "inverse_temperature",
            "energies",
            "particles",
            "log_evidence_step",
            "moves",
            "hamiltonian_step",
        )
    )


def test_same_seed_same_numbers():
    first, again, other = (
        sl.temper(cross(), beta_max=1e3, particles=64, seed=seed) for seed in (3, 3, 4)
    )
    assert same(first, again)
    assert not same(first, other)


def test_killed_and_resumed_gives_the_same_numbers(tmp_path):
    """kill -9 in the middle of a run; what is started again ends where an undisturbed one does."""
    folder = tmp_path / "run.checkpoint"
    script = CROSS + textwrap.dedent("""
        sl.temper(triple, beta_max=1e6, particles=64, seed=5, checkpoint=sys.argv[1])
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], env=os.environ | {"JAX_PLATFORMS": "cpu"}
    )
    deadline = time.monotonic() + 120
    while len(list(folder.glob("rung_*.npz"))) < 4:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    on_disk = len(list(folder.glob("rung_*.npz")))
    resumed = sl.temper(cross(), beta_max=1e6, particles=64, seed=5, checkpoint=folder)
    undisturbed = sl.temper(cross(), beta_max=1e6, particles=64, seed=5)
    assert 4 <= on_disk < len(undisturbed.rungs)
    assert same(resumed, undisturbed)


def test_checkpoint_of_another_run_is_refused(tmp_path):
    sl.temper(cross(), beta_max=10.0, particles=32, seed=0, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"belongs to another run \(seed: 0 then, 1 now\)"):
        sl.temper(cross(), beta_max=10.0, particles=32, seed=1, checkpoint=tmp_path)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_saved_and_loaded_losslessly(line_triple, tmp_path, suffix):
    run = sl.temper(line_triple, particles=64, seed=0, thin=3)
    path = tmp_path / f"line{suffix}"
    run.save(path)
    loaded = sl.Run.load(path, line_triple)
    assert same(run, loaded)
    assert loaded.rungs.particles.dtype == run.rungs.particles.dtype
    for name, draws in run.posterior.draws.items():
        assert np.array_equal(draws, loaded.posterior.draws[name])
    assert np.array_equal(run.posterior.log_likelihood, loaded.posterior.log_likelihood)
    assert loaded.to_dict() == run.to_dict()
    assert np.array_equal(loaded.sample(0.5, 10, seed=0)["a"], run.sample(0.5, 10, seed=0)["a"])
    how = {"engine": "zarr", "consolidated": False} if suffix == ".zarr" else {"engine": "h5netcdf"}
    with xr.open_datatree(path, **how) as tree:
        assert {"posterior", "sample_stats", "log_likelihood", "rungs"} <= set(tree.children)
        assert tree["posterior"]["a"].dims == ("chain", "draw")
        assert tree["log_likelihood"]["y"].sizes["observation"] == 40
    with pytest.raises(ValueError, match="its n is"):
        sl.Run.load(path, cross())
    with pytest.raises(ValueError, match=r"triple: .* without it"):
        sl.Run.load(path).sample(1.0, 10, seed=0)


def test_arviz_opens_a_saved_run(line_triple, tmp_path):
    arviz = pytest.importorskip("arviz", minversion="1.0")
    run = sl.temper(line_triple, particles=64, seed=0)
    run.save(tmp_path / "line.nc")
    opened = arviz.from_netcdf(tmp_path / "line.nc")
    assert opened["posterior"]["a"].dims == ("chain", "draw")
    assert float(arviz.ess(opened)["a"]) > 64
    assert float(arviz.summary(opened, round_to="none").loc["a", "mean"]) == pytest.approx(
        run.posterior.draws["a"].mean()
    )
    assert -float(arviz.loo(opened).elpd) == pytest.approx(run.loo().loss.value, abs=0.5)


@pytest.fixture(scope="module")
def line_run(line_triple):
    return sl.temper(line_triple, seed=0)


def test_draws_at_any_temperature(line_triple, line_run):
    run = line_run
    x, y = line_triple.data
    design = np.stack([x, np.ones_like(x)], axis=1)
    for beta in (0.3, 1.0):
        precision = beta * design.T @ design + np.eye(2)
        mean = np.linalg.solve(precision, beta * design.T @ y)
        draws = run.sample(beta, 4000, seed=0)
        got = np.stack([draws["a"], draws["c"]])
        np.testing.assert_allclose(got.mean(axis=1), mean, atol=0.03)
        np.testing.assert_allclose(np.cov(got), np.linalg.inv(precision), atol=0.02)
    assert run.sample(0.0, 5, seed=1)["a"].shape == (5,)


def test_criteria_of_a_conjugate_model(line_triple, line_run):
    """WAIC, LOO and BIC of a regular model, against the exact posterior."""
    run = line_run
    x, y = line_triple.data
    design = np.stack([x, np.ones_like(x)], axis=1)
    covariance = np.linalg.inv(design.T @ design + np.eye(2))
    mean = covariance @ design.T @ y
    spread = np.einsum("ni,ij,nj->n", design, covariance, design)
    residual = y - design @ mean
    predictive = -0.5 * np.log(2 * np.pi * (1 + spread)) - 0.5 * residual**2 / (1 + spread)
    functional_variance = np.sum(0.5 * spread**2 + spread * residual**2)
    waic = run.waic()
    assert (
        abs(waic.functional_variance.value - functional_variance)
        < 4 * waic.functional_variance.standard_error + 0.02
    )
    assert (
        abs(waic.waic.value - (functional_variance - predictive.sum()))
        < 4 * waic.waic.standard_error + 0.02
    )
    assert waic.singular_fluctuation.value == pytest.approx(waic.functional_variance.value / 2)
    leverage = 1 - spread
    exact_loo = np.sum(0.5 * np.log(2 * np.pi / leverage) + 0.5 * residual**2 / leverage)
    assert run.loo().loss.value == pytest.approx(exact_loo, abs=0.1)
    assert run.loo().worst_pareto_k < 0.7
    ols = np.linalg.lstsq(design, y, rcond=None)[0]
    best = 0.5 * np.sum((y - design @ ols) ** 2) + 20 * np.log(2 * np.pi)
    assert run.find_optimum().energy == pytest.approx(best, abs=1e-6)
    assert run.bic() == pytest.approx(best + np.log(40), abs=1e-6)
    assert run.centred_energy(1.0).value == pytest.approx(
        run.energy(1.0).value - line_triple.truth_energy
    )
    assert run.wbic().value == run.energy(1 / np.log(40)).value
    text = run.summary()
    for word in ("free energy", "WBIC", "WAIC", "BIC", "d/2 = 1", "nats"):
        assert word in text


def test_no_global_configuration_is_touched():
    before = jax.config.jax_enable_x64
    sl.temper(cross(), beta_max=10.0, particles=32)
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(1).dtype == (jnp.float64 if before else jnp.float32)


def test_single_precision():
    triple = sl.Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=1, name="parabola")
    run = sl.temper(triple, beta_max=99.0, particles=512, precision="float32")
    assert run.rungs.particles.dtype == np.float32
    assert (
        abs(run.free_energy(99.0).value - 0.5 * np.log(100))
        < 4 * run.free_energy(99.0).standard_error
    )


def test_curvature_moves_mix_where_hamiltonian_ones_stall():
    """Near x²y⁴ + z²x² at β = 10¹⁴ scales differ from particle to particle by orders of magnitude;
    every rung must still mix.
    """
    prior = {name: dist.Normal(0.0, 1.0) for name in "xyz"}
    triple = sl.Triple.population(
        lambda w: w["x"] ** 2 * w["y"] ** 4 + w["z"] ** 2 * w["x"] ** 2 + w["y"] ** 8, prior, n=1
    )
    run = sl.temper(triple, beta_max=1e14, particles=128, seed=0)
    assert run.rungs.rank_correlation.max() < 0.6
    assert run.rungs.stuck_share.max() < 0.1
    assert Reason.POOR_MIXING not in [w.reason for w in run.cautions]


def test_poor_mixing_is_said():
    """A prior that refuses every move: nothing mixes, and the run says so instead of averaging."""

    class Dust:
        points = jnp.linspace(0.1, 1.0, 7)

        def sample(self, key):
            return jax.random.choice(key, self.points)

        def log_prob(self, w):
            return jnp.where(jnp.any(w == self.points.astype(w.dtype)), 0.0, -jnp.inf)

    triple = sl.Triple.population(lambda w: w**2, Dust(), n=1)
    run = sl.temper(triple, beta_max=50.0, particles=64, replicates=2)
    assert Reason.POOR_MIXING in [w.reason for w in run.cautions]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta_max": 0.0}, "beta_max: got 0.0"),
        ({"beta_max": float("inf")}, "beta_max: got inf"),
        ({"particles": 3}, "particles: got 3"),
        ({"replicates": 0}, "replicates: got 0"),
        ({"target_ess": 1.5}, "target_ess: got 1.5"),
        ({"thin": 0}, "thin: got 0"),
        ({"precision": "float16"}, "precision: got 'float16'"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        sl.temper(cross(), **arguments)


def test_ladder_step_keeps_the_effective_sample_size():
    energies = np.random.default_rng(0).gamma(2.0, size=(3, 500))
    following = next_inverse_temperature(energies, 1.0, 100.0, 0.6)
    sizes = relative_effective_sample_size(log_weights(energies, following - 1.0))
    assert following == 2.0 or sizes.mean() == pytest.approx(0.6, abs=1e-3)
    assert next_inverse_temperature(energies, 0.0, 0.01, 0.6, closely_from=0.01) == 0.01
    assert next_inverse_temperature(energies, 0.0, 0.01, 0.6) == pytest.approx(1e-6)
    wide = np.exp(60 * energies)
    step = next_inverse_temperature(wide, 0.0, 1.0, 0.6)
    assert relative_effective_sample_size(log_weights(wide, step)).mean() == pytest.approx(
        0.6, abs=5e-3
    )
