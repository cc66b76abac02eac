"""Reweighting of long ladders against all pairs of rungs and particles, and against closed
forms."""

import time

import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import logsumexp

from singlearn.measure.energy_nodes import pieces_of
from singlearn.measure.ladder_view import LadderView
from singlearn.measure.reweight import Reweighting


def shifted(rungs, particles, shift, seed=0):
    """w ~ N(0, 1), U = (w - shift)²/2: p^β = N(β shift/(1+β), 1/(1+β)); rungs that overlap as those
    of a run do."""
    betas = [0.0]
    while len(betas) < rungs and betas[-1] < 1:
        betas.append(min(1.0, betas[-1] + 0.7 * (1 + betas[-1]) ** 1.5 / shift))
    betas = np.array(betas)
    noise = np.random.default_rng(seed).normal(size=(len(betas), particles))
    w = (betas * shift / (1 + betas))[:, None] + noise / np.sqrt(1 + betas)[:, None]
    return betas, (w - shift) ** 2 / 2


def exact(beta, shift):
    return 0.5 * np.log1p(beta) + 0.5 * beta * shift**2 / (1 + beta)


def power_law(decades, particles, seed=0):
    """U with φ = Gamma(1/4): heavy at both ends, a factor two from rung to rung, infinite for some
    draws of the prior."""
    betas = np.concatenate([[0.0], 2.0 ** np.arange(0, int(decades / 0.301))])
    energies = (
        np.random.default_rng(seed).gamma(0.25, size=(len(betas), particles)) / (1 + betas)[:, None]
    )
    energies[0, ::7] = np.inf
    return betas, energies


def dense(betas, energies):
    """Every rung at every particle: f and D, as long as that can be paid for."""
    u = np.minimum(energies, 1e280).ravel()
    f = Reweighting(betas, energies).free_energies

    def denominators(f):
        return logsumexp((f + np.log(energies.shape[1]))[:, None] - betas[:, None] * u, axis=0)

    def imbalance(free):
        f = np.concatenate([[0.0], free])
        return (logsumexp(-betas[:, None] * u - denominators(f), axis=1) + f)[1:]

    f = (
        np.concatenate([[0.0], root(imbalance, f[1:], method="krylov", tol=1e-12).x])
        if len(f) > 1
        else f
    )
    return f, denominators(f).reshape(energies.shape)


@pytest.mark.parametrize(
    ("betas", "energies"),
    [
        shifted(40, 64, 60.0),
        shifted(25, 300, 300.0),
        power_law(20, 100),
        (np.array([0.0, 1.0]), np.full((2, 50), 3.0)),
    ],
    ids=["shift", "far shift", "power law", "constant"],
)
def test_the_same_as_all_pairs(betas, energies):
    f, denominators = dense(betas, energies)
    fast = Reweighting(betas, energies)
    assert np.abs(fast.free_energies - f).max() < 1e-8 * max(1.0, np.abs(f).max() / 1e3)
    for beta in np.quantile(betas, [0.0, 0.3, 0.5, 0.77, 1.0]):
        logs = -beta * np.minimum(energies, 1e280) - denominators
        weights = np.exp(logs - logsumexp(logs))
        assert fast.free_energy(beta) == pytest.approx(-logsumexp(logs), abs=1e-7)
        np.testing.assert_allclose(fast.weights(beta), weights, atol=1e-9)
        if np.isfinite(energies).all() or beta > 0:
            mean = np.sum(np.where(weights > 0, weights * np.minimum(energies, 1e280), 0.0))
            assert fast.mean_and_variance(beta)[0] == pytest.approx(mean, rel=1e-8)


def test_thousands_of_rungs():
    """The conjugate F, and time that grows with the rungs, not with their square."""
    seconds = {}
    for rungs in (500, 2000):
        betas, energies = shifted(rungs, 64, 0.7 * rungs / 0.586)
        started = time.process_time()
        fast = Reweighting(betas, energies)
        reading = fast.free_energy(betas[-1])
        seconds[rungs] = time.process_time() - started
        # Every step leaves an error of about √((1/0.6 - 1)/2N).
        assert abs(reading - exact(betas[-1], 0.7 * rungs / 0.586)) < 4 * np.sqrt(
            len(betas) * 0.67 / 128
        )
        assert fast.weights(0.5).sum() == pytest.approx(1.0)
    assert seconds[2000] < 8 * seconds[500]


def test_readings_of_a_long_ladder_look_at_neighbours():
    betas, energies = shifted(400, 32, 400.0)
    fast = Reweighting(betas, energies)
    window = fast.window(betas[200])
    assert window.stop - window.start < 0.2 * energies.size
    mean, variance = fast.mean_and_variance(betas[200])
    view = LadderView(betas, energies[:, None])
    covariance = view.covariance(betas[[200, 201]], "energy")
    weights = fast.weights(betas[200])
    fixed = np.sum((weights * (energies - mean)) ** 2)
    assert fixed < covariance[0, 0] < variance / 32
    assert covariance[0, 1] > 0.5 * covariance[0, 0]
    assert view.heat_capacity(betas[200]).value == pytest.approx(betas[200] ** 2 * variance)


def test_pieces_are_exact_or_cut():
    """A function that no polynomial follows leaves the particles as they are."""
    energies = np.sort(np.random.default_rng(1).normal(size=5000))
    for function in (np.sin, np.sign):
        pieces = pieces_of(energies, lambda u, function=function: (function(u),))
        total = sum(piece.counts @ function(piece.energies) for piece in pieces)
        assert total == pytest.approx(function(energies).sum(), abs=1e-9)
