"""Errors of readings: against what many independent ladders show, and against all pairs."""

import numpy as np
import pytest
from scipy.special import logsumexp, ndtr, ndtri

from singlearn.measure.joined import JoinedView
from singlearn.measure.ladder_view import LadderView

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


READ = {
    "free_energy": lambda own, beta: own.free_energy(beta),
    "energy": lambda own, beta: own.mean_and_variance(beta)[0],
    "heat_capacity": lambda own, beta: beta**2 * own.mean_and_variance(beta)[1],
}


def lineages(energies):
    """Every particle descends from the one of its number."""
    return np.broadcast_to(np.arange(energies.shape[2]), energies.shape)


@pytest.mark.parametrize("memory", [0.0, 0.4])
def test_errors_are_the_spread_of_independent_ladders(memory):
    """Of 40 ladders, whose standard deviation is known to 11 %."""
    betas, energies = ladders(40, 50, memory)
    assert len(betas) > 5
    view = LadderView(betas, energies, lineages(energies) if memory else None)
    for name, read in READ.items():
        for beta in (0.1, 1.0):
            spread = np.std([read(own, beta) for own in view.replicates])
            claimed = np.sqrt(40 * view.covariance(np.array([beta]), name)[0, 0])
            assert claimed == pytest.approx(spread, rel=0.3), (name, beta)


def test_free_energies_of_rungs_have_errors_that_readings_share():
    """With f held fixed, the error of E halfway between rungs comes out too small by a quarter."""
    betas, energies = ladders(40, 50, 0.0)
    view, beta = LadderView(betas, energies), (betas[3] + betas[4]) / 2
    fixed = 0.0
    for own in view.replicates:
        centred = own.energies - own.mean_and_variance(beta)[0]
        fixed += np.sum((own.weights(beta) * centred) ** 2) / 40
    spread = np.var([own.mean_and_variance(beta)[0] for own in view.replicates])
    assert fixed < 0.6 * spread


def test_what_families_share_does_not_average_out():
    """Of four particles that are one, three say nothing."""
    betas, energies = ladders(10, 100, 0.0)
    fours = np.repeat(energies, 4, axis=2)
    alone = LadderView(betas, energies, lineages(energies)).energy(0.5)
    ancestors = np.broadcast_to(4 * (np.arange(400) // 4), fours.shape).copy()
    for view in (LadderView(betas, fours, ancestors), LadderView(betas, fours)):
        assert view.energy(0.5).value == pytest.approx(alone.value)
    shared = LadderView(betas, fours, ancestors).covariance(np.array([0.5]), "energy")[0, 0]
    apart = LadderView(betas, fours).covariance(np.array([0.5]), "energy")[0, 0]
    assert shared / apart == pytest.approx(4.0, rel=0.2)


def test_means_of_functions_have_the_spread_of_independent_ladders():
    """w, and whether it is large, at a β between rungs; at half the particles the same again."""
    betas, energies = ladders(40, 50, 0.4)
    w = SHIFT - np.sqrt(2 * energies)
    both = np.stack([w, w > 4.0]).astype(float)
    view = LadderView(betas, energies, lineages(energies))
    half = np.arange(50) % 2 == 0
    for known in (None, np.broadcast_to(half, w.shape)):
        for found in view.means(both, 0.7, known):
            spread = np.std(found.replicates) / np.sqrt(40)
            assert found.standard_error == pytest.approx(spread, rel=0.3)
    low, _ = view.means(both, 0.0)
    assert low.value == pytest.approx(0.0, abs=0.05)
    with pytest.raises(ValueError, match="no kept particle"):
        view.means(both, 0.7, np.zeros(w.shape, dtype=bool))


def test_parts_of_a_space_have_the_spread_of_independent_pairs():
    """Left and right of 1.5, tempered apart, with prior masses that are uncertain, too."""
    generator, betas = np.random.default_rng(3), np.array([0.0, 0.3, 1.0, 2.0])
    masses = ndtr([1.5, -1.5])
    views, draws = [], []
    for low, high, mass in ((-np.inf, 1.5, masses[0]), (1.5, np.inf, masses[1])):
        scale = 1 / np.sqrt(1 + betas)[:, None, None]
        centre = 2 * betas[:, None, None] * scale**2
        ends = ndtr((np.array([low, high]) - centre) / scale)
        u = ends[..., :1] + generator.random((4, 40, 40)) * (ends[..., 1:] - ends[..., :1])
        w = centre + scale * ndtri(u)
        draws.append(w)
        start = -np.log(mass) + 0.1 * generator.normal(size=40)
        views.append(LadderView(betas, (w - 2) ** 2 / 2, None, start, 0.1))
    both = JoinedView(views)
    for name, read in READ.items():
        spread = np.std([read(own, 1.0) for own in both.replicates])
        found = getattr(both, name)(1.0)
        assert np.sqrt(40) * found.standard_error == pytest.approx(spread, rel=0.3), name
    values = np.concatenate(draws)[None]
    (mean,) = both.means(values, 1.0)
    assert mean.value == pytest.approx(1.0, abs=0.05)
    variance = mean.standard_error**2
    assert variance == pytest.approx(np.var(mean.replicates) / 40, rel=0.6)


@pytest.mark.parametrize("reading", list(READ))
def test_covariances_are_those_of_all_rungs_and_particles(reading):
    """By dense matrices; what is interpolated and left out is below a thousandth."""
    betas, energies = ladders(2, 400, 0.0)
    view = LadderView(betas, energies, lineages(energies))
    points = np.array([0.05, 0.3, 0.31, 1.0])
    dense, rungs = np.zeros((4, 4)), len(betas)
    psi = np.zeros((4, rungs, 2, 400))
    for r, own in enumerate(view.replicates):
        u = energies[:, r].ravel()
        f = own.free_energies + np.log(400)
        denominator = logsumexp(f[:, None] - betas[:, None] * u, axis=0)
        logs = -points[:, None] * u - denominator
        weights = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        mean = weights @ u
        centred = u - mean[:, None]
        if reading == "heat_capacity":
            variance = np.sum(weights * centred**2, axis=1, keepdims=True)
            centred = points[:, None] ** 2 * (centred**2 - variance)
        direct = -weights if reading == "free_energy" else weights * centred
        shares = np.exp(f[:, None] - betas[:, None] * u - denominator)
        hessian = np.diag(shares.sum(axis=1)) - shares @ shares.T
        response = np.linalg.solve(hessian[1:, 1:], (shares @ direct.T)[1:])
        psi[:, :, r] = (direct + response.T @ shares[1:]).reshape(4, rungs, 400)
    psi -= psi.mean(axis=3, keepdims=True)
    families = psi.sum(axis=1).reshape(4, -1)
    dense = families @ families.T / 4 / (1 - 1 / 400)
    np.testing.assert_allclose(view.covariance(points, reading), dense, rtol=2e-3)


def test_energies_that_do_not_vary_have_no_error():
    view = LadderView(np.array([0.0, 1.0, 2.0]), np.ones((3, 2, 50)))
    for found in (view.free_energy(1.0), view.energy(0.5), view.heat_capacity(2.0)):
        assert found.standard_error < 1e-9


def test_rungs_without_overlap_and_infinite_energies_leave_a_number():
    energies = np.random.default_rng(0).exponential(size=(3, 2, 50))
    energies[0, :, :20] = np.inf
    energies[2] += 1e-3
    view = LadderView(np.array([0.0, 1.0, 40.0]), energies)
    assert np.isfinite(view.free_energy_floor(1.0)) and view.free_energy_floor(1.0) > 0
    assert view.free_energy_floor(40.0) > 2 * view.free_energy_floor(1.0)
    assert np.isfinite(view.energy(20.0).standard_error)
