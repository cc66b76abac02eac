"""What users brought: draws that met the weights of others, draws in the order of their ancestors,
flat coordinates.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import singlearn as sl
from singlearn.results.caution import Reason
from singlearn.tempering.coordinate_mixing import coordinate_mixing, coordinate_warnings
from singlearn.tempering.genealogy import families, variance_inflation
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rung, Rungs

PARTICLES = 100
# Dividing and not dividing, more than half, one short of all, all.
THINS = (1, 7, 16, 60, 99, 100)
PARABOLA = sl.Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=1, name="parabola")
RUNS: dict[int, sl.Run] = {}
OBSERVED = np.random.default_rng(0).normal(size=5)
# Always with 64 particles in all, so that it is compiled once.
MEAN = sl.Triple(
    lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), OBSERVED, name="mean"
)


def thinned(thin: int) -> sl.Run:
    """U = w²/2 under N(0, 1): the posterior at β is N(0, 1/(1 + β)), and the energy of every
    particle is known from its place.
    """
    if thin not in RUNS:
        RUNS[thin] = sl.temper(
            PARABOLA, 1e4, PARTICLES, 2, seed=0, thin=thin, progress=False, modes=None
        )
    return RUNS[thin]


@pytest.mark.parametrize("thin", THINS)
def test_kept_particles_keep_their_own_energies(thin):
    """Closed form: the energy of a particle at w is w²/2, whatever was kept. Sampling is the same
    for every thin.
    """
    run = thinned(thin)
    rungs = run.rungs
    assert rungs.kept.shape == (len(rungs), -(-PARTICLES // thin))
    np.testing.assert_allclose(rungs.kept_energies, 0.5 * rungs.particles[..., 0] ** 2, rtol=1e-12)
    np.testing.assert_array_equal(rungs.energies, thinned(16).rungs.energies)
    np.testing.assert_allclose(
        run.posterior.energies, 0.5 * run.posterior.draws["w"] ** 2, rtol=1e-12
    )
    np.testing.assert_array_equal(
        run.posterior.energies,
        rungs.energies[run.posterior.rung, np.arange(2)[:, None], run.posterior.particle],
    )
    sorted_run = run.phases(lambda w: jnp.abs(w) > 1.0)
    for phase in sorted_run.phases:
        assert sorted_run.lowest_energy(phase) == pytest.approx(
            0.5 * float(sorted_run.best(phase)) ** 2
        )


@pytest.mark.parametrize(("thin", "tolerance"), [(1, 0.05), (7, 0.1), (16, 0.15)])
def test_draws_at_any_temperature_have_their_own_weights(thin, tolerance):
    """Closed form: the standard deviation at β = 100 is 1/√101; the tolerances are three standard
    errors of the kept particles.
    """
    draws = thinned(thin).sample(100.0, 20_000, seed=1)
    assert float(np.std(draws)) * math.sqrt(101) == pytest.approx(1.0, abs=tolerance)


def test_few_kept_particles_are_said_when_many_draws_are_asked_for():
    """One particle per rung and replicate cannot stand for a posterior."""
    with pytest.warns(
        UserWarning, match=r"thin: at β = 100 the particles that were kept are worth \d+ draws"
    ):
        thinned(100).sample(100.0, 20_000, seed=1)


def test_criteria_need_more_than_one_draw():
    """With ``thin`` = particles a single draw per replicate is left: WAIC has no variance, and the
    summary goes without.
    """
    run = sl.temper(MEAN, particles=64, replicates=1, thin=64, seed=0, progress=False, modes=None)
    with pytest.raises(ValueError, match="thin = 64 left one draw per replicate"):
        run.waic()
    assert "WAIC" not in run.summary()
    # A ladder that goes on beyond 1 has a rung there, so that draws are particles.
    cold = sl.temper(
        MEAN, beta_max=3.0, particles=64, replicates=1, thin=12, seed=0, progress=False, modes=None
    )
    assert 1.0 in cold.rungs.inverse_temperature
    assert len(set(cold.posterior.particle[0])) == 6


def test_a_stored_run_knows_which_particles_were_kept(tmp_path):
    """A saved and loaded run draws the same; a file that does not say what was kept is refused."""
    run, path = thinned(16), tmp_path / "run.nc"
    run.save(path)
    loaded = sl.Run.load(path, PARABOLA)
    np.testing.assert_array_equal(loaded.rungs.kept, run.rungs.kept)
    np.testing.assert_array_equal(loaded.rungs.ancestor, run.rungs.ancestor)
    np.testing.assert_array_equal(loaded.sample(7.0, 50, seed=0), run.sample(7.0, 50, seed=0))
    assert loaded.coordinate_mixing.independent_draws == run.coordinate_mixing.independent_draws
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        older = opened.load()
    older.attrs["format"] = 1
    older.to_netcdf(tmp_path / "older.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="says neither which particles were kept"):
        sl.Run.load(tmp_path / "older.nc", PARABOLA)


def test_exported_draws_are_in_no_order():
    """Promise: chain and draw are coordinates, particles come in random order, and energies and
    likelihoods go with them.
    """
    run = sl.temper(MEAN, particles=16, replicates=4, seed=0, progress=False, modes=None)
    tree = run.to_datatree()
    for group in ("posterior", "sample_stats", "log_likelihood"):
        np.testing.assert_array_equal(tree[group]["chain"], np.arange(4))
        np.testing.assert_array_equal(tree[group]["draw"], np.arange(16))
    w = tree["posterior"]["w"].to_numpy()
    expected = dist.Normal(w[..., None], 1.0).log_prob(OBSERVED)
    np.testing.assert_allclose(tree["log_likelihood"]["y"], expected, rtol=1e-6)
    np.testing.assert_allclose(tree["sample_stats"]["energy"], -expected.sum(-1), rtol=1e-6)
    assert not np.any(np.all(np.diff(run.posterior.particle, axis=1) > 0, axis=1))
    np.testing.assert_array_equal(
        np.sort(run.posterior.particle, axis=1), np.tile(np.arange(16), (4, 1))
    )
    assert 0 < float(tree["posterior"].attrs["independent_draws"]) <= 64


# -- flat coordinates
# --------------------------------------------------------------------------------------------------


def made_up(
    seed: int, kinds: dict[str, float], rungs: int = 12, particles: int = 64, replicates: int = 4
) -> tuple[Posterior, Rungs]:
    """A ladder whose coordinates keep so much of their ancestor (1: a copy) at every rung,
    resampled as tempering does.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(kinds), replicates, particles))
    ancestor = np.tile(np.arange(particles, dtype=np.int32), (replicates, 1))
    ladder = []
    for k in range(rungs):
        if k:
            weights = np.exp(0.8 * rng.normal(size=(replicates, particles)))
            places = (np.arange(particles) + rng.random((replicates, 1))) / particles
            edges = np.cumsum(weights / weights.sum(1, keepdims=True), axis=1)
            ancestor = (
                np.stack([np.searchsorted(e, p) for e, p in zip(edges, places, strict=True)])
                .clip(0, particles - 1)
                .astype(np.int32)
            )
            for i, memory in enumerate(kinds.values()):
                inherited = np.take_along_axis(values[i], ancestor, axis=1)
                values[i] = memory * inherited + math.sqrt(1 - memory**2) * rng.normal(
                    size=inherited.shape
                )
        ones = np.ones(replicates)
        particle = np.moveaxis(values, 0, -1).copy()
        ladder.append(
            Rung(
                float(k),
                particle,
                np.arange(particles),
                ancestor,
                particle[..., 0] ** 2,
                ones,
                ones,
                1.0,
                1,
                1,
                0.0,
                0.0,
                1.0,
                1,
                0.0,
            )
        )
    draws = {name: values[i].copy() for i, name in enumerate(kinds)}
    shape = (replicates, particles)
    particle = np.tile(np.arange(particles), (replicates, 1))
    return Posterior(
        1.0, draws, draws[next(iter(draws))], None, np.full(shape, rungs - 1), particle
    ), Rungs.stack(ladder)


def test_a_coordinate_that_is_copied_is_named_and_others_are_not():
    """By construction: the angle is a copy of an ancestor's, the radius is drawn afresh."""
    for seed in range(5):
        mixing = coordinate_mixing(*made_up(seed, {"radius": 0.0, "angle": 1.0}))
        assert dict(zip(mixing.names, mixing.is_unmixed, strict=False))["angle"]
        assert not mixing.is_unmixed[mixing.names.index("radius")]
        (caution,) = coordinate_warnings(mixing)
        assert caution.reason is Reason.UNMIXED_COORDINATE
        assert "angle" in caution.message and "radius" not in caution.message
        assert mixing.independent_draws < 256 / 2


@pytest.mark.parametrize("particles", [16, 64, 256])
def test_small_populations_raise_no_alarm(particles):
    """Coordinates that forget four fifths at every rung never look unmixed: 100 runs of 5
    coordinates, at every size.
    """
    alarms = [
        coordinate_warnings(
            coordinate_mixing(*made_up(seed, {f"w{i}": 0.2 for i in range(5)}, particles=particles))
        )
        for seed in range(100 if particles < 256 else 20)
    ]
    assert not any(alarms)


def test_the_inflation_is_that_of_means():
    """The mean of an unmixed coordinate scatters, over runs, as its inflation says."""
    means, inflations = [], []
    for seed in range(150):
        posterior, rungs = made_up(seed, {"w": 0.9})
        labels, effective = families(rungs.ancestor, posterior.rung, posterior.particle)
        values = posterior.draws["w"].reshape(-1, 1)
        inflations.append(
            variance_inflation(values, labels.ravel(), effective)[0] * values.var() / len(values)
        )
        means.append(values.mean())
    # Of 150 variances the mean is known to 12 %; families younger than all of history miss a
    # little.
    assert np.mean(inflations) == pytest.approx(np.var(means), rel=0.35)


def test_a_rotation_that_is_not_mixed_is_named():
    """K = (|w|² - 1)², flat along a circle of width 0.003: nothing turns by a radian. F and λ = 1/2
    read energies and are right.
    """
    triple = sl.Triple.population(
        lambda w: (jnp.sum(w**2) - 1) ** 2, dist.Normal(0.0, 1.0).expand([2]), n=1e5, name="circle"
    )
    run = sl.temper(triple, beta_max=1.0, particles=128, seed=0, progress=False, modes=None)
    angles = np.arctan2(run.posterior.draws["w"][..., 1], run.posterior.draws["w"][..., 0])
    turned = abs(np.exp(1j * angles).mean()) * math.sqrt(angles.size)
    named = [w for w in run.cautions if w.reason is Reason.UNMIXED_COORDINATE]
    assert named and "w[0]" in named[0].message and "w[1]" in named[0].message, turned
    assert "unmixed" in str(run.summary())
    assert run.energy_cautions == ()
    read = run.learning_coefficient(multiplicity=1)
    assert abs(read.value - 0.5) < 4 * read.standard_error + 0.01
    assert not any(w.reason is Reason.UNMIXED_COORDINATE for w in read.cautions)


def test_a_regression_raises_no_alarm():
    """The weights of a regular model mix while its energies do: nothing is said of any."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    triple = sl.Triple.regression(
        lambda w, x: x @ w,
        dist.Normal(0.0, 1.0).expand([4]),
        x,
        x @ np.array([1.0, 0.5, 0.0, -0.5]) + rng.normal(size=50),
        scale=1.0,
    )
    run = sl.temper(triple, particles=64, seed=0, progress=False)
    assert run.cautions == ()
    assert run.coordinate_mixing.inflation.max() < 2.5
