"""The error of a mean over chains, where it is known."""

import math

import numpy as np
import pytest

from singlearn.local.sampling.mixing import mixing


def test_independent_draws_leave_the_error_of_their_number():
    """Sixteen chains of 400 standard normal draws: 1/√6400."""
    errors = [
        mixing(np.random.default_rng(seed).normal(size=(16, 400)), np.zeros(16)).standard_error
        for seed in range(10)
    ]
    assert np.mean(errors) == pytest.approx(1 / 80, rel=0.25)


def test_chains_that_disagree_count_by_their_own_spread():
    """Their means are 0, 1, 2, 3: the error is the standard deviation of these over √4."""
    noise = np.random.default_rng(0).normal(size=(4, 4000)) * 0.1
    seen = mixing(noise + np.arange(4)[:, None], np.zeros(4))
    assert seen.standard_error >= 0.99 * math.sqrt(5 / 3) / 2


def test_draws_that_repeat_are_not_counted_twice():
    once = np.random.default_rng(1).normal(size=(8, 200))
    repeated = np.repeat(once, 10, axis=1)
    assert mixing(repeated, np.zeros(8)).standard_error == pytest.approx(
        mixing(once, np.zeros(8)).standard_error, rel=0.35
    )
