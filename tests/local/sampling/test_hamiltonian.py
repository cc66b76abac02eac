"""Exact chains of llc on losses with a closed form: right, and not dearer than they need be."""

import numpy as np
import pytest

from singlearn.local.chains import Chains
from singlearn.local.sampling.agreement import error
from singlearn.local.sampling.hamiltonian import _counted, sample_hmc, trajectory_length
from singlearn.local.sampling.leapfrog import fly_in_chunks
from singlearn.local.sampling.mixing import mixing
from singlearn.local.target import Target, Tempering, Traces

NBETA, GAMMA = 50.0, 1.0


class _Quadratic(Target):
    """L = Σ h w²/2."""

    cost, centre_loss, rounding, gamma, tie, chosen = 1, 0.0, 0.0, GAMMA, GAMMA, False
    groups, notes = {}, ()

    def __init__(self, curvature):
        self._h = np.asarray(curvature)
        self.dimension, self.samples = len(self._h), 300

    def full(self, offset):
        return 0.5 * (self._h * offset**2).sum(1), self._h * offset

    def fly(self, flight, step, leapfrogs, tempering):
        return fly_in_chunks(self.full, flight, step, leapfrogs, tempering)

    def place(self, offset, seed):
        return offset


@pytest.mark.parametrize("curvature", [[3.0, 1.0, 0.3], [3.0, 0.03, 0.0]])
def test_a_quadratic_loss(curvature):
    """λ̂ = ½ Σ nβh/(nβh + γ), in fewer than nine gradients per effective draw: with every length
    on a logarithmic scale, and half of all draws thrown away, the second took ten to thirteen.
    """
    target = _Quadratic(curvature)
    found = sample_hmc(target, Tempering(NBETA, GAMMA), Chains(seed=0, tolerance=0.05))
    stiffness = NBETA * np.asarray(curvature)
    seen = mixing(found.traces.excess, found.started_away)
    assert abs(seen.mean - 0.5 * (stiffness / (stiffness + GAMMA)).sum()) < 4 * error(seen)
    assert found.steps < 9 * seen.effective_sample_size
    assert abs(found.virial.value) < 4 * found.virial.standard_error


def test_lengths_of_trajectories():
    """The k-th part of all is at least k² times as long as one step, up to the longest."""
    uniform = (np.arange(10_000) + 0.5) / 10_000
    lengths = np.array([trajectory_length(float(u), 100.0) for u in uniform])
    assert lengths.min() == 1 and lengths.max() == 100
    # P(l > x) = (x^-1/2 - 1/10) / (9/10), and whole numbers are rounded ones.
    for x in (2.5, 9.5, 50.5):
        assert abs(np.mean(lengths > x) - (x**-0.5 - 0.1) / 0.9) < 1e-3
    assert 9 < lengths.mean() < 11


def _stage(mean, draws, chains=8, seed=0):
    excess = mean + np.random.default_rng(seed).normal(size=(chains, draws))
    return Traces(excess, excess, excess)


def test_stages_that_count():
    """The first never does, where there are others; the last but one does where it agrees."""
    away = np.arange(8) % 2.0
    alike = [_stage(5.0, draws, seed=draws) for draws in (64, 128, 256)]
    assert _counted(alike[:1], away) == _counted(alike[:2], away) == 1
    assert _counted(alike, away) == 2
    assert _counted([alike[0], _stage(9.0, 128), alike[2]], away) == 1
    assert _counted([alike[0], _stage(np.inf, 128), alike[2]], away) == 1
