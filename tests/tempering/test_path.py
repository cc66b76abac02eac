"""What a population is carried along: base density, energy and their data."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import singlearn as sl
from singlearn.tempering.markov_moves import compile_moves, prior_draws
from singlearn.tempering.path import Path, PathFunctions

TRIPLE = sl.Triple.population(
    lambda w, theta: 0.5 * (w - theta) ** 2, dist.Normal(0.0, 1.0), n=4, setting=1.0
)


def test_the_path_of_a_triple_goes_from_prior_to_posterior() -> None:
    path = Path.of(TRIPLE)
    assert (path.n, path.dimension, path.is_population) == (4.0, 1, True)
    with jax.enable_x64(True):
        u = jnp.array([0.5])
        assert float(path.program.energy(u, path.data)) == 4 * 0.5 * 0.25
        expected = -0.125 - 0.5 * np.log(2 * np.pi)
        assert abs(float(path.program.log_base(u, path.data)) - expected) < 1e-12
        energies = compile_moves(path, 2).energies(jnp.array([[0.5], [1.0]]))
        draws = prior_draws(TRIPLE, jax.random.key(0), 512)
    np.testing.assert_allclose(np.asarray(energies), [0.5, 0.0])
    assert draws.dtype == np.float64 and abs(draws.mean()) < 0.2 and abs(draws.std() - 1) < 0.15


def test_one_program_serves_all_settings_and_sizes() -> None:
    here, there = Path.of(TRIPLE), Path.of(TRIPLE.with_setting(2.0, n=9))
    assert here.program == there.program and hash(here.program) == hash(there.program)
    assert here.data[0] != there.data[0]


def test_a_path_is_made_of_two_functions_and_no_triple() -> None:
    """From N(0, 1) to N(2, 1): the moves go along any density and energy."""

    def log_base(u, data):
        return -0.5 * jnp.sum(u**2)

    def energy(u, data):
        return jnp.sum(0.5 * (u - data) ** 2 - 0.5 * u**2)

    path = Path(PathFunctions("to a place", 1, log_base, energy), np.array(2.0), "a walk")
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        moves, u = compile_moves(path, 256), jnp.asarray(2.0 + rng.normal(size=(256, 1)))
        for index in range(4):
            keys = jax.random.split(jax.random.key(index), 256)
            u = moves.hamiltonian(keys, u, 1.0, 1.5, jnp.ones(1), 2).particles
    u = np.asarray(u)
    assert abs(u.mean() - 2) < 4 / 16 and abs(u.std() - 1) < 4 / np.sqrt(512)
