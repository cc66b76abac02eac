"""Critical points of curves whose turns are known, and what is none."""

from __future__ import annotations

import numpy as np

from singlearn.local.training.critical_points import critical_points
from singlearn.local.training.straight_pieces import straight_pieces

STEPS = np.geomspace(1, 1e4, 24)
X = np.log(STEPS)
RNG = np.random.default_rng(0)


def test_turns_are_found_within_their_error() -> None:
    curve = 20 + 5 * np.sin(X)
    found = critical_points(STEPS, curve + 0.3 * RNG.normal(size=24), np.full(24, 0.3))
    assert [point.kind for point in found] == ["maximum", "minimum", "maximum"]
    for k, point in enumerate(found):
        assert abs(np.log(point.step) - (k + 0.5) * np.pi) < 0.3
        assert point.low <= point.step <= point.high and point.probability > 0.95
        assert abs(point.value.value - (25, 15, 25)[k]) < 4 * point.value.standard_error < 2


def test_a_shoulder_is_a_bend_and_no_critical_point() -> None:
    """It rises, rests, and rises again: pieces see it, and critical points cannot."""
    curve = np.minimum(X, 3) + np.maximum(X - 6, 0)
    errors = np.full(24, 0.05)
    noisy = curve + 0.05 * RNG.normal(size=24)
    assert len(straight_pieces(STEPS, noisy, errors).breakpoints) == 2
    assert not critical_points(STEPS, noisy, errors)


def test_noise_has_no_turns() -> None:
    false = [
        len(critical_points(STEPS, 10 + rng.normal(size=24), np.ones(24)))
        for rng in map(np.random.default_rng, range(5))
    ]
    assert sum(false) <= 1
    assert critical_points(STEPS, np.ones(24), np.zeros(24)) == ()
