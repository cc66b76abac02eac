"""Susceptibilities and influence of linear regression, whose local posterior is Gaussian and whose
covariances of losses are known.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import singlearn as sl
from singlearn.local.jax.target import JaxTarget
from singlearn.local.torch.target import TorchTarget

torch.set_num_threads(1)
N, SCALE, GAMMA = 40, 4.0, 2.0
NBETA = N / math.log(N)


def draw(seed, count, slopes, scales):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 2)) * scales
    return x, x @ np.array(slopes)[:, None] + 0.5 * rng.normal(size=(count, 1))


X, Y = draw(0, N, [1.0, -1.0], [1.0, 0.5])
OTHER = draw(1, 25, [1.0, -0.9], [3.0, 1.5])
W = np.linalg.lstsq(X, Y, rcond=None)[0]
COMPONENTS = {"all": None, "second": {"weight": np.array([[False, True]])}}


def squared(output, target):
    return 0.5 * SCALE * ((output - target) ** 2).sum(-1)


def tensors(x, y):
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)


def linear():
    model = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(W.T))
    return model


def posterior(columns):
    """Covariance of w - w* for the chosen entries, zero for the others."""
    found = np.zeros((2, 2))
    own = X[:, columns]
    found[np.ix_(columns, columns)] = np.linalg.inv(
        NBETA * SCALE * own.T @ own / N + GAMMA * np.eye(len(columns))
    )
    return found


def exact(columns, one, other):
    """Cov(ℓ_i, ℓ_j) with ℓ = a (r - x·δ)²/2 and δ ~ N(0, Σ): a² (r_i r_j S_ij + S_ij²/2), S = x Σ
    xᵀ (Isserlis).
    """
    (x, y), (u, v) = one, other
    s = x @ posterior(columns) @ u.T
    residuals = (y - x @ W) @ (v - u @ W).T
    return SCALE**2 * (residuals * s + 0.5 * s**2)


@pytest.fixture(scope="module")
def chains():
    return sl.local.loss_chains(
        linear(),
        squared,
        tensors(X, Y),
        COMPONENTS,
        {"other": tensors(*OTHER)},
        gamma=GAMMA,
        chains=8,
        max_steps=1500,
        draws=500,
        seed=1,
    )


def agrees(value, error, true):
    """Deviations as large as the errors say, and small as a whole."""
    deviation = (np.asarray(value) - true) / np.asarray(error)
    # All entries follow from the covariance of two weights, three numbers: 0.1 % of χ²_3/3 lies
    # beyond 5.4.
    assert 0.05 < np.mean(deviation**2) < 5.4
    assert np.linalg.norm(np.asarray(value) - true) < 0.15 * np.linalg.norm(true)


def test_influence_is_the_closed_form(chains) -> None:
    beta = NBETA / N
    for name, columns in (("all", [0, 1]), ("second", [1])):
        found = sl.local.influence(chains, name)
        agrees(found["influence"], found["standard_error"], -beta * exact(columns, (X, Y), (X, Y)))
        agrees(
            found["influence_other"],
            found["standard_error_other"],
            -beta * exact(columns, (X, Y), OTHER),
        )
        np.testing.assert_allclose(found["influence"], found["influence"].T, atol=1e-12)
        np.testing.assert_allclose(np.diag(found["correlation"]), 1.0)
    assert (
        dict(found.sizes) == {"sample": N, "other": N, "sample_other": 25}
        and found.attrs["component"] == "second"
    )
    with pytest.raises(ValueError, match="component: got 'first'; it should be one of all, second"):
        sl.local.influence(chains, "first")


def test_susceptibility_is_the_closed_form_and_the_derivative_it_claims(chains) -> None:
    found = sl.local.susceptibilities(chains)
    for name, columns in (("all", [0, 1]), ("second", [1])):
        own = exact(columns, (X, Y), (X, Y))
        mixed = exact(columns, (X, Y), OTHER).mean(axis=0)
        true = -(mixed.mean() - own.mean())
        one = found.sel(component=name, shift="other")
        assert abs(one["susceptibility"] - true) < 4 * one["standard_error"] < abs(true)
        agrees(one["per_sample_other"], one["per_sample_error_other"], -(mixed - own.mean()))
        assert one["per_sample_other"].mean() == pytest.approx(
            float(one["susceptibility"]), rel=1e-9
        )
        assert abs(float(one["per_sample"].mean())) < 1e-12
        assert derivative(columns) == pytest.approx(NBETA**2 * true, rel=1e-4)
        assert float(one["response"]) == pytest.approx(NBETA**2 * float(one["susceptibility"]))


def derivative(columns):
    """d/dh of nβ E[L_n - L_n(w*)] where L is (1 - h) L_n + h L': the posterior stays Gaussian, so
    both ends are exact.
    """

    def mean(h):
        own, other = X[:, columns], OTHER[0][:, columns]
        hessian = SCALE * own.T @ own / N
        curvature = NBETA * ((1 - h) * hessian + h * SCALE * other.T @ other / 25) + GAMMA * np.eye(
            len(columns)
        )
        pull = (
            NBETA
            * SCALE
            * ((1 - h) * own.T @ (Y - X @ W) / N + h * other.T @ (OTHER[1] - OTHER[0] @ W) / 25)
        )
        centre, spread = np.linalg.solve(curvature, pull), np.linalg.inv(curvature)
        slope = -SCALE * own.T @ (Y - X @ W) / N
        return NBETA * float(
            (
                0.5 * np.trace(hessian @ spread)
                + 0.5 * centre.T @ hessian @ centre
                + slope.T @ centre
            ).item()
        )

    return (mean(1e-4) - mean(-1e-4)) / 2e-4


def test_every_component_has_its_own_learning_coefficient(chains) -> None:
    stiffness = NBETA * SCALE * np.linalg.eigvalsh(X.T @ X / N)
    one = chains.sel(component="all")
    assert one["status"] == "converged"
    assert (
        abs(one["learning_coefficient"] - 0.5 * np.sum(stiffness / (stiffness + GAMMA)))
        < 4 * one["standard_error"]
        < 0.3
    )
    assert dict(chains.sizes) == {
        "component": 2,
        "chain": 8,
        "draw": 500,
        "sample": N,
        "sample_other": 25,
    }


def test_both_frameworks_give_the_same_losses_of_samples() -> None:
    ours = TorchTarget(linear(), squared, tensors(X, Y))
    theirs = JaxTarget(lambda w, x: x @ w, squared, (X, Y), W)
    for target, data in ((ours, tensors(*OTHER)), (theirs, OTHER)):
        state = target.begin(np.array([0.0, 0.5]), seed=0)
        w = np.asarray(state.position)
        for given, (x, y) in ((None, (X, Y)), (data, OTHER)):
            expected = np.stack([squared(x @ row[:, None], y) - squared(x @ W, y) for row in w])
            np.testing.assert_allclose(target.losses(state, given), expected, rtol=1e-3, atol=1e-4)


def test_chains_of_no_use_record_nothing() -> None:
    wrong = torch.nn.Linear(2, 1, bias=False)
    found = sl.local.loss_chains(
        wrong, squared, tensors(X, Y + 10), chains=4, max_steps=1000, draws=8
    )
    assert found["status"].item() in ("not_local_minimum", "diverged") and bool(
        np.isnan(found["loss"]).all()
    )
    assert bool(np.isnan(sl.local.influence(found)["influence"]).all()) and found.cautions
    with pytest.raises(ValueError, match="components: got none"):
        sl.local.loss_chains(wrong, squared, tensors(X, Y), {})
