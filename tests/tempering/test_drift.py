"""Moves that change the mean energy of a rung are seen, and moves in equilibrium are not."""

from dataclasses import replace

import numpy as np

from singlearn.results import Reason
from singlearn.tempering.drift import drift, drifting
from singlearn.tempering.mixing_warnings import mixing_warnings
from singlearn.tempering.rungs import Rungs


def ladder(moved, seed=0):
    """Two rungs at β = 1 and 1.5 of U ~ Gamma(2), 4 × 256 particles, resampled by weight; of the
    energies a tenth remembers, and the rest are drawn from what they tend to."""
    generator = np.random.default_rng(seed)
    first = generator.gamma(2.0, size=(4, 256))
    weights = np.exp(-0.5 * first)
    edges = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    places = (np.arange(256) + generator.uniform(size=(4, 1))) / 256
    ancestor = np.stack(
        [np.searchsorted(e, p).clip(max=255) for e, p in zip(edges, places, strict=True)]
    )
    fresh = generator.gamma(2.0, 1 / 1.5, size=(4, 256))
    keeps = generator.random((4, 256)) < 0.1
    second = np.where(keeps, np.take_along_axis(first, ancestor, axis=1), fresh + moved)
    numbers = np.tile(np.arange(256), (4, 1))
    ones = np.ones(2)
    return Rungs(
        np.array([0.0, 0.5]),
        np.stack([first, second])[..., None],
        numbers[:2],
        np.stack([numbers, ancestor]),
        np.stack([first, second]),
        np.zeros((2, 4)),
        np.ones((2, 4)),
        ones,
        ones.astype(int),
        ones.astype(int),
        0.1 * ones,
        0.0 * ones,
        ones,
        ones.astype(int),
        ones,
    )


def test_in_equilibrium_the_change_is_a_standard_normal():
    found = np.array([drift(ladder(0.0, seed))[1] for seed in range(100)])
    assert abs(found.mean()) < 3 / np.sqrt(100) and 0.8 < found.std() < 1.2
    assert mixing_warnings(ladder(0.0)) == []


def test_energies_that_fall_while_particles_move_are_announced():
    falling = ladder(-0.5)
    where, change = drifting(falling)
    assert (where, change) == (slice(1, 2), drift(falling)[1])
    assert change < -5
    (caution,) = mixing_warnings(falling)
    assert caution.reason is Reason.POOR_MIXING and "fell while particles moved" in caution.message


def test_a_second_ladder_does_not_begin_with_a_change():
    """Where modes were added, the next ladder begins at β = 0."""
    own = ladder(-0.5)
    again = replace(own, inverse_temperature=np.zeros(2))
    assert drift(again).tolist() == [0.0, 0.0] and drifting(again) is None
    infinite = own.energies.copy()
    infinite[0, :, :9] = np.inf
    assert np.isfinite(drift(replace(own, energies=infinite))).all()
