"""WAIC and LOO: the error over data and the paired one, against ArviZ's own numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from singlearn.measure.criteria import loo, standard_error_over_data, waic


def two_models():
    """Pointwise log likelihoods of two models of 40 numbers, 500 draws each, shape (1, 500, 40)."""
    generator = np.random.default_rng(7)
    y = generator.normal(size=40)
    w = generator.normal(size=(1, 500, 1)) * 0.3 + 0.1
    v = w * 0.5 + 0.3
    return -0.5 * (y - w) ** 2 - 0.9, -0.5 * (y - v) ** 2 / 1.44 - 1.1


def test_loo_and_both_errors_over_data_are_those_that_arviz_prints() -> None:
    """Right: ``elpd``, ``se`` and ``dse`` of arviz_stats 0.8, ``loo`` and ``compare``, for the same
    two arrays.
    """
    a, b = map(loo, two_models())
    assert (-a.value, a.standard_error_over_data) == pytest.approx(
        (-56.47552503914574, 4.532601017592616)
    )
    assert (-b.value, b.standard_error_over_data) == pytest.approx(
        (-60.96593607109588, 3.6918957501550667)
    )
    assert standard_error_over_data(a.pointwise - b.pointwise) == pytest.approx(1.132092200189804)
    assert a.threshold == pytest.approx(0.6294882868674145)
    assert a.worst_pareto_k == pytest.approx(0.24528427362256225)
    assert a.unreliable == 0 and a.cautions == ()


def test_replicates_change_the_error_of_the_computation_and_not_the_value() -> None:
    one = two_models()[0]
    many = loo(one.reshape(4, 125, 40))
    assert many.value == pytest.approx(loo(one).value) and 0 < many.standard_error < 0.5
    assert np.mean(many.loss.replicates) == pytest.approx(many.value, abs=0.2)
    pooled = waic(one.reshape(4, 125, 40))
    assert (
        pooled.value
        == pytest.approx(pooled.pointwise.sum())
        == pytest.approx(waic(one).value, abs=0.3)
    )
    assert pooled.standard_error_over_data == pytest.approx(
        waic(one).standard_error_over_data, rel=0.03
    )
    assert f"{pooled.standard_error_over_data:.2g}" in str(pooled) and "over data" in str(pooled)


def test_an_observation_that_the_posterior_leans_on_is_said_to_be_unreliable() -> None:
    generator = np.random.default_rng(1)
    pointwise = -0.1 * generator.normal(size=(2, 400, 20)) - 1.0
    pointwise[:, :, 3] = -np.abs(
        generator.standard_cauchy(size=(2, 400))
    )  # weights with no mean: k̂ far above 1
    found = loo(pointwise)
    assert found.unreliable == 1 and found.worst_pareto_k > 1
    assert "1 of 20 observations" in str(found.cautions[0]) and "warning" in str(found)
    assert found.to_dict()["unreliable"] == 1 and math.isfinite(found.value)


@pytest.mark.parametrize("criterion", ["waic", "loss"])
def test_draws_that_share_an_ancestor_count_once(criterion) -> None:
    """Every draw four times: the error is that of the draws, and half of it if they were others."""
    alone, _ = two_models()
    fours = np.repeat(alone, 4, axis=1)
    read = {"waic": waic, "loss": loo}[criterion]
    error = getattr(read(alone), criterion).standard_error
    shared = getattr(read(fours, families=np.arange(2000)[None] // 4), criterion)
    assert shared.standard_error == pytest.approx(error, rel=0.05)
    assert getattr(read(fours), criterion).standard_error == pytest.approx(error / 2, rel=0.05)
