"""The loss kernel finds sub-tasks, and influence predicts networks that are trained anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import singlearn as sl

torch.set_num_threads(1)
RNG = np.random.default_rng(0)
N = 24
# Two tasks in one layer: each sample sees one half of the inputs.
TASK = np.arange(N) % 2
X = np.zeros((N, 4))
X[TASK == 0, :2] = RNG.normal(size=(N // 2, 2))
X[TASK == 1, 2:] = RNG.normal(size=(N // 2, 2))
Y = X @ np.array([1.0, -1.0, 0.5, 2.0])[:, None] + 0.5 * RNG.normal(size=(N, 1))


def squared(output, target):
    return 2.0 * ((output - target) ** 2).sum(-1)


@pytest.fixture(scope="module")
def chains():
    x, y = (torch.as_tensor(part, dtype=torch.float32) for part in (X, Y))
    layer = torch.nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.linalg.lstsq(x, y).solution.T.contiguous()
    return sl.local.loss_chains(
        layer, squared, (x, y), gamma=1.0, chains=8, draws=250, max_steps=1000, progress=False
    )


def test_sub_tasks_are_blocks_of_the_kernel(chains) -> None:
    kernel = sl.local.loss_kernel(chains)
    other = TASK[:, None] != TASK
    value, error = kernel["covariance"].values, kernel["standard_error"].values
    assert np.mean((value[other] / error[other]) ** 2) < 3  # nothing between the tasks
    correlation = np.abs(kernel["correlation"].values)
    assert correlation[~other].mean() > 4 * correlation[other].mean()
    assert float(kernel["share"].sum()) <= 1 + 1e-9
    influence = sl.local.influence(chains)
    factor = -chains.attrs["nbeta"] / N
    np.testing.assert_allclose(influence["influence"], factor * value, atol=1e-12)
    figure = kernel.plot()
    assert len(figure.axes) == 4
    assert len(sl.plot.influence(influence, labels=TASK).axes) == 4
    with pytest.raises(ValueError, match="labels: got 1; it should be one for each of 24"):
        sl.plot.loss_kernel(kernel, labels=[1])


def test_influence_predicts_least_squares_on_parts_of_the_data(chains) -> None:
    influence = sl.local.influence(chains)
    parts = RNG.uniform(size=(60, N)) < 0.7

    def retrained(part):
        ridge = 0.05 * np.eye(4)  # as the tie: some parts are small
        w = np.linalg.solve(X[part].T @ X[part] + ridge, X[part].T @ Y[part])
        return squared(torch.as_tensor(X @ w), torch.as_tensor(Y)).numpy()

    losses = np.stack([retrained(part) for part in parts])
    score = sl.local.linear_datamodeling_score(influence, parts, losses)
    assert score.value > 0.5 and 0 < score.standard_error < 0.1
    wrong = sl.local.linear_datamodeling_score(-influence["influence"].values, parts, losses)
    assert wrong.value == pytest.approx(-score.value)
    with pytest.raises(ValueError, match="losses: got 4 trainings"):
        sl.local.linear_datamodeling_score(influence, parts[:4], losses[:4])
    with pytest.raises(ValueError, match="included: all trainings had the same"):
        sl.local.linear_datamodeling_score(influence, np.ones((60, N), dtype=bool), losses)


def test_examples_are_the_extremes_with_their_errors(chains) -> None:
    influence = sl.local.influence(chains)
    table = influence.examples(of=0, count=3)
    helps, hurts = (table[table["kind"] == kind] for kind in ("helps", "hurts"))
    column = influence["influence"].values[:, 0]
    assert helps.index[0] == column.argmin() and hurts.index[0] == column.argmax()
    assert (helps["influence"] < 0).all() and (hurts["influence"] > 0).all() and len(helps) == 3
    with pytest.raises(ValueError, match="of: got 99; it should be from 0 to 23"):
        influence.examples(of=99)
