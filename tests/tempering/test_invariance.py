"""Every Markov move leaves its target alone: started in exact draws, particles stay exact draws.

The targets are skewed, and no two places of them have the same curvature, so that whatever is lost
from an acceptance ratio shows: the momentum, the tie to w*, the asymmetry of a proposal, the
determinant of a metric, β. Distances are Kolmogorov and Smirnov's from the exact distribution
function; seeds are fixed.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import torch
from scipy.special import gammainc
from scipy.stats import kstest, norm

import singlearn as sl
from local_landscapes import Landscape
from singlearn.local.jax.target import JaxTarget
from singlearn.local.sampling.hamiltonian import _Moving
from singlearn.local.sampling.leapfrog import fly_in_chunks
from singlearn.local.target import Tempering
from singlearn.local.torch.target import TorchTarget
from singlearn.tempering.markov_moves import compile_moves
from singlearn.tempering.path import Path

# Under the right move each test fails with this chance; seeds are fixed, so that it passes or it
# does not.
CHANCE = 1e-3
PARTICLES, BETA, SHAPE = 10_000, 0.7, 2.0


def _width(a: Any) -> Any:
    return 0.3 + 1 / (1 + jnp.exp(-2 * a))


def _log_target(u: Any) -> Any:
    """u_0 is the logarithm of a Gamma(2); given it, u_1 is Gaussian, with a mean and a width that
    depend on it.
    """
    a, b = u[0], u[1]
    return SHAPE * a - jnp.exp(a) - 0.5 * ((b - 0.5 * a**2) / _width(a)) ** 2 - jnp.log(_width(a))


@pytest.fixture(scope="module")
def skewed() -> tuple[Any, np.ndarray]:
    """A population triple whose posterior at ``BETA`` is exactly known, and draws from it."""
    prior = dist.Normal(0.5, 2.0).expand([2])
    triple = sl.Triple.population(
        lambda w: (prior.log_prob(w).sum() - _log_target(w)) / BETA + 30.0,
        prior,
        n=1.0,
        name="skewed",
    )
    rng = np.random.default_rng(0)
    a = np.log(rng.gamma(SHAPE, size=PARTICLES))
    b = 0.5 * a**2 + np.asarray(_width(a)) * rng.normal(size=PARTICLES)
    return triple, np.stack([a, b], axis=1)


def _is_skewed(u: np.ndarray) -> None:
    """Both coordinates have the right distribution, and the second the same whatever the first."""
    first = gammainc(SHAPE, np.exp(u[:, 0]))
    second = norm.cdf((u[:, 1] - 0.5 * u[:, 0] ** 2) / np.asarray(_width(u[:, 0])))
    for values in (first, second, second[first < 0.2], second[first > 0.8]):
        assert kstest(values, "uniform").pvalue > CHANCE
    # The energy is what readers read.
    assert abs(np.corrcoef(norm.ppf(first), norm.ppf(second) ** 2)[0, 1]) < 4 / np.sqrt(len(u))


@pytest.mark.parametrize("kind", ["hamiltonian", "curvature"])
def test_a_tempering_move_leaves_its_target_alone(skewed, kind):
    """Exact draws stay exact draws; Metropolis rejects enough to matter, and particles move."""
    triple, start = skewed
    with jax.enable_x64(True):
        moves = compile_moves(Path.of(triple), PARTICLES)
        u, acceptances = jnp.asarray(start), []
        for index in range(10):
            keys = jax.random.split(jax.random.key(index), PARTICLES)
            if kind == "hamiltonian":
                moved = moves.hamiltonian(keys, u, BETA, 2.2, jnp.asarray([0.6, 1.0]), 2)
            else:
                moved = moves.curvature(keys, u, BETA, 1.3, jnp.asarray([0.7, 1.2]), 0.3)
            u = moved.particles
            acceptances.append(float(np.mean(moved.acceptance)))
        energies = np.asarray(moves.energies(u))
    assert 0.3 < np.mean(acceptances) < 0.92
    assert np.corrcoef(np.asarray(u)[:, 0], start[:, 0])[0, 1] < 0.5
    np.testing.assert_allclose(np.asarray(moved.energies), energies, rtol=1e-12)
    _is_skewed(np.asarray(u))


# -- moves of sl.local
# --------------------------------------------------------------------------------------------------

CENTRE, NBETA, GAMMA = np.array([0.4, -1.1]), 2.0, 1.5
TIED = Tempering(NBETA, GAMMA)
GRID = np.linspace(-5.0, 3.0, 20_001)


def _loss_of_offset(w: Any, exp: Any) -> Any:
    """Skewed, with its minimum at 0."""
    return exp(w) - w - 1


GRID_ROOT = np.linspace(-2.2, 2.2, 20_001)

_density = np.exp(-NBETA * _loss_of_offset(GRID, np.exp) - 0.5 * GAMMA * GRID**2)
_cumulative = np.cumsum(_density) / _density.sum()


def _tied_draws(chains: int, seed: int) -> np.ndarray:
    """Offsets from exp(-nβ L - γ/2 |w - w*|²), exactly: both coordinates are independent."""
    return np.interp(np.random.default_rng(seed).uniform(size=(chains, 2)), _cumulative, GRID)


def _is_tied(offset: np.ndarray) -> None:
    for column in offset.T:
        assert kstest(np.interp(column, GRID, _cumulative), "uniform").pvalue > CHANCE


class _InChunks(JaxTarget):
    """A target that is too large to fly in one compiled loop."""

    def fly(self, flight: Any, step: Any, leapfrogs: int, tempering: Tempering) -> Any:
        return fly_in_chunks(self.full, flight, step, leapfrogs, tempering)


class _Constant(torch.nn.Module):
    """A network whose output is its parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(CENTRE))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w + 0 * x


def _target(framework: str) -> Any:
    x = np.zeros((4, 2))
    if framework == "torch":
        centre = torch.tensor(CENTRE)
        return TorchTarget(
            _Constant(),
            lambda o, t: _loss_of_offset(o - centre, torch.exp).sum(1),
            (torch.tensor(x), torch.tensor(x)),
        )
    kind = _InChunks if framework == "in chunks" else JaxTarget
    return kind(
        lambda p, x: p + 0 * x,
        lambda o, t: _loss_of_offset(o - CENTRE, jnp.exp).sum(1),
        (x, x),
        CENTRE,
    )


@pytest.mark.parametrize("framework", ["in chunks", "torch", "jax"])
def test_a_local_hamiltonian_move_leaves_its_target_alone(framework):
    """Steps so long that every tenth trajectory is rejected, flown in chunks and as a compiled
    loop.
    """
    start = _tied_draws(8_000, seed=1)
    with jax.enable_x64(True):
        chains = _Moving(_target(framework), TIED, start, seed=2, longest=2)
        acceptance = [chains.move(np.full(len(start), 0.9)).mean() for _ in range(10)]
    assert 0.5 < np.mean(acceptance) < 0.95
    assert np.corrcoef(chains.offset[:, 0], start[:, 0])[0, 1] < 0.2
    np.testing.assert_allclose(
        chains.excess, NBETA * _loss_of_offset(chains.offset, np.exp).sum(1), atol=1e-9
    )
    _is_tied(chains.offset)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_judged_langevin_step_leaves_its_target_alone(framework):
    """Taken with the acceptance that it is judged with, the step of SGLD on all samples is exact
    (MALA).
    """
    start = _tied_draws(8_000, seed=3)
    rng, step = np.random.default_rng(4), np.full(len(start), 0.6)
    acceptances = []
    with jax.enable_x64(True):
        target = _target(framework)
        state = target.begin(np.zeros(len(start)), seed=5)
        put = torch.tensor if framework == "torch" else jnp.asarray
        at = CENTRE + start
        for _ in range(10):
            state, acceptance, _ = target.attempt(state._replace(position=put(at)), step, 4, TIED)
            taken = rng.uniform(size=len(at)) < acceptance
            at = np.where(taken[:, None], np.asarray(state.position), at)
            acceptances.append(acceptance.mean())
    assert 0.5 < np.mean(acceptances) < 0.95
    assert np.corrcoef(at[:, 0] - CENTRE[0], start[:, 0])[0, 1] < 0.5
    _is_tied(at - CENTRE)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_langevin_steps_leave_a_gaussian_alone(framework):
    """A quadratic loss of curvature h under a tie γ: variance 1/(nβh + γ) at a step of 1.2 times
    that, where fresh noise heats by 1.4.
    """
    h, chains = 3.0, 8_000
    variance = 1 / (NBETA * h + GAMMA)
    x = np.zeros((4, 2))
    with jax.enable_x64(True):
        if framework == "torch":
            centre = torch.tensor(CENTRE)
            target: Any = TorchTarget(
                _Constant(),
                lambda o, t: 0.5 * h * ((o - centre) ** 2).sum(1),
                (torch.tensor(x), torch.tensor(x)),
            )
        else:
            target = JaxTarget(
                lambda p, x: p + 0 * x,
                lambda o, t: 0.5 * h * ((o - CENTRE) ** 2).sum(1),
                (x, x),
                CENTRE,
            )
        state = target.begin(np.full(chains, np.sqrt(variance)), seed=6)
        state, traces = target.walk(state, np.full(chains, 1.2 * variance), 4, 20, TIED)
        offset = np.asarray(state.position) - CENTRE
    for column in offset.T:
        assert kstest(column / np.sqrt(variance), "norm").pvalue > CHANCE
    # The last excess written down belongs to the position before the last step; all of them have
    # the same mean.
    mean, error = traces.excess[:, -1].mean(), traces.excess[:, -1].std() / np.sqrt(chains)
    assert abs(mean - NBETA * h * variance) < 4 * error


def test_trajectories_are_exact_where_the_gradient_is_not_one():
    """K = √|w| under a tie: the gradient at w* is no number, and elsewhere half of it is missing;
    energies alone decide.
    """
    grid = np.sign(GRID_ROOT) * GRID_ROOT**2
    density = np.exp(-4 * np.sqrt(np.abs(grid)) - 0.5 * GAMMA * grid**2) * 2 * np.abs(GRID_ROOT)
    cumulative = np.cumsum(density) / density.sum()
    target = Landscape(
        lambda w: np.sqrt(np.abs(w)).sum(1), lambda w: 0.25 * np.sign(w) / np.sqrt(np.abs(w))
    )
    start = np.interp(np.random.default_rng(6).uniform(size=(8_000, 1)), cumulative, grid)
    chains = _Moving(target, Tempering(4.0, GAMMA), start, seed=7, longest=4)
    acceptance = [chains.move(np.full(len(start), 0.5)).mean() for _ in range(20)]
    assert 0.5 < np.mean(acceptance) < 0.98
    assert abs(np.corrcoef(chains.offset[:, 0], start[:, 0])[0, 1]) < 0.3
    assert kstest(np.interp(chains.offset[:, 0], grid, cumulative), "uniform").pvalue > CHANCE


def test_a_tamed_step_that_is_judged_leaves_its_target_alone():
    """Steps so long that drifts are cut off for a good part of the chains; the ratio has the drift
    that was taken.
    """
    start = _tied_draws(8_000, seed=8)[:, :1]
    target = Landscape(lambda w: (np.exp(w) - w - 1).sum(1), lambda w: np.exp(w) - 1, samples=4)
    rng, step, at, cut = np.random.default_rng(9), np.full(len(start), 9.0), start, []
    acceptances = []
    for seed in range(40):
        force = NBETA * (np.exp(at) - 1) + GAMMA * at
        cut.append(np.mean(np.abs(force) > 6 / 3.0))
        trial = target.attempt(target.place(at, seed), step, 4, TIED)
        taken = rng.uniform(size=len(at)) < trial.acceptance
        at = np.where(taken[:, None], trial.state.position, at)
        acceptances.append(trial.acceptance.mean())
    assert np.mean(cut) > 0.1 and np.mean(acceptances) > 0.01
    assert kstest(np.interp(at[:, 0], GRID, _cumulative), "uniform").pvalue > CHANCE
