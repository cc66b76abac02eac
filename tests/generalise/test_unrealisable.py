"""Test ``singlearn.generalise.unrealisable`` against simulation and against exponents that are
known.
"""

import numpy as np
import pytest

from singlearn.generalise import is_level, location_model, power_law_error


def test_the_location_model_is_what_simulation_shows():
    generator = np.random.default_rng(0)
    n, variance = 20, 4.0
    y = np.sqrt(variance) * generator.normal(size=(40000, n))
    mean = y.mean(axis=1)
    wide = 1 + 1 / n
    best = 0.5 * np.log(2 * np.pi) + variance / 2
    bayes = 0.5 * np.log(2 * np.pi * wide) + (variance + mean**2) / (2 * wide) - best
    log_p = -0.5 * np.log(2 * np.pi * wide) - (y - mean[:, None]) ** 2 / (2 * wide)
    training = -log_p.mean(axis=1) - best
    functional = np.mean((y - mean[:, None]) ** 2 / n + 1 / (2 * n**2), axis=1)
    found = location_model(n, variance)
    for name, values in (
        ("bayes", bayes), ("maximum_likelihood", mean**2 / 2), ("training", training),
        ("waic", training + functional),
    ):  # fmt: skip
        error = values.std() / np.sqrt(len(values))
        assert abs(getattr(found, name) - values.mean()) < 4 * error, name


def test_lambda_rules_though_the_truth_is_outside():
    n = [100, 1000, 10000]
    found = is_level(n, [location_model(k, 4.0).bayes for k in n])
    assert found.status == "level" and found.largest == pytest.approx(0.5, rel=1e-3)
    # The maximum of the likelihood pays s²/2 and not λ.
    assert 1e4 * location_model(10000, 4.0).maximum_likelihood == pytest.approx(2.0)
    # WAIC follows the Bayes error to order 1/n², AIC does not.
    at = location_model(1000, 4.0)
    assert abs(at.waic - at.bayes) < 10 / 1000**2 < abs(at.aic - at.bayes)


@pytest.mark.parametrize("t", [0.5, 1.0])
def test_a_power_law_is_not_level_and_its_exponent_is_the_known_one(t):
    n = [1e3, 1e4, 1e5]
    found = is_level(n, [power_law_error(k, t, t) for k in n])
    assert found.status == "not level" and "not_level" in str(found)
    assert found.exponent == pytest.approx(1 - 2 * t / (1 + 2 * t), abs=0.03)


def test_level_says_when_it_cannot_tell_and_what_it_refuses():
    n = np.array([100.0, 200.0, 400.0])
    assert is_level(n, 0.5 / n, 0.2 / n).status == "cannot tell"
    with pytest.raises(ValueError, match="limit"):
        is_level(n, 0.5 / n, limit=0.1)
    with pytest.raises(ValueError, match="sizes"):
        is_level(n[:2], 0.5 / n[:2])
