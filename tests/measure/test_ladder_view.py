"""Errors of readings: against what many independent ladders show, and against all pairs."""

import numpy as np
import pytest
from scipy.special import logsumexp

from singlearn.measure.ladder_view import LadderView
from singlearn.measure.reweight import Reweighting

SHIFT = 6.0


def ladders(count, particles, memory, step=0.8, seed=0):
    """w ~ N(0, 1), U = (w - SHIFT)²/2: independent ladders whose particles each remember the rung
    before; a step of β leaves an effective sample size of about 1/(1 + step²)."""
    betas = [0.0]
    while betas[-1] < 1:
        betas.append(min(1.0, betas[-1] + step * (1 + betas[-1]) ** 1.5 / SHIFT))
    betas = np.array(betas)
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(len(betas), count, particles))
    for k in range(1, len(betas)):
        noise[k] = memory * noise[k - 1] + np.sqrt(1 - memory**2) * noise[k]
    w = (betas * SHIFT / (1 + betas))[:, None, None] + noise / np.sqrt(1 + betas)[:, None, None]
    return betas, (w - SHIFT) ** 2 / 2


def sample_sizes(betas, energies):
    logs = -np.diff(betas)[:, None, None] * energies[:-1]
    found = np.exp(2 * logsumexp(logs, axis=2) - logsumexp(2 * logs, axis=2)) / energies.shape[2]
    return np.concatenate([np.ones((1, energies.shape[1])), found])


@pytest.mark.parametrize("memory", [0.0, 0.3])
def test_floor_is_the_spread_of_independent_ladders(memory):
    """Of 100 ladders, whose standard deviation is known to 7 %."""
    betas, energies = ladders(100, 60, memory)
    assert len(betas) > 5
    each = [Reweighting(betas, own) for own in energies.swapaxes(0, 1)]
    view = LadderView(
        betas, energies, sample_sizes(betas, energies), memory=np.full(len(betas), memory)
    )
    for beta in (0.1, 0.5, 1.0):
        spread = np.std([own.free_energy(beta) for own in each])
        assert view.free_energy_floor(beta) * np.sqrt(100) == pytest.approx(spread, rel=0.2)


def test_a_single_step_is_read_from_both_ends():
    """Two rungs: half the variance of the weights of one, and less than that of either."""
    energies = np.zeros((2, 1, 50))
    view = LadderView(np.array([0.0, 1.0]), energies, np.array([[1.0], [0.6]]))
    assert view.free_energy_floor(1.0) == pytest.approx(np.sqrt((1 / 0.6 - 1) / (2 * 50)))
    assert view.free_energy_floor(0.5) == pytest.approx(view.free_energy_floor(1.0) / 2)
    assert view.free_energy_floor(0.0) == 0.0


@pytest.mark.parametrize("reading", ["energy", "heat_capacity"])
def test_covariances_are_those_of_all_rungs_and_particles(reading):
    """What the windows leave out is below rounding."""
    betas, energies = ladders(2, 40, 0.0)
    view = LadderView(betas, energies, sample_sizes(betas, energies))
    points = np.array([0.05, 0.3, 0.31, 1.0])
    dense = np.zeros((4, 4))
    for r, own in enumerate(view.replicates):
        u = energies[:, r].ravel()
        # D from f, every rung at every particle.
        f = own.free_energies + np.log(40)
        logs = -points[:, None] * u - logsumexp(f[:, None] - betas[:, None] * u, axis=0)
        weights = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        mean = weights @ u
        centred = u - mean[:, None]
        if reading == "heat_capacity":
            variance = np.sum(weights * centred**2, axis=1, keepdims=True)
            centred = points[:, None] ** 2 * (centred**2 - variance)
        dense += (weights * centred) @ (weights * centred).T / 4
    np.testing.assert_allclose(view.covariance(points, reading), dense, rtol=1e-6, atol=1e-12)


def test_sample_sizes_of_none_and_of_more_than_all_leave_a_number():
    """Rounding leaves equal weights a little more than all particles; infinite energies leave 0."""
    energies = np.zeros((3, 1, 50))
    sizes = np.array([[1.0], [1 + 1e-15], [0.0]])
    view = LadderView(np.array([0.0, 1.0, 2.0]), energies, sizes)
    assert view.free_energy_floor(1.0) == 0.0
    assert np.isfinite(view.free_energy_floor(2.0))
