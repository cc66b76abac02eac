"""The recipes: their data, networks, readings and figures against what is known of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from singlearn.experiments import FOLDERS, REGISTRY
from singlearn.experiments.recipes import (
    compressibility,
    grokking,
    heads,
    influence_through_learning,
    loss_kernel,
    retraining,
)
from singlearn.experiments.recipes.checkpoints import cross_entropy
from singlearn.experiments.recipes.digits import images, perceptron
from singlearn.experiments.recipes.heads_network import HEADS, INNER, WIDTH, module, sequences
from singlearn.experiments.recipes.report import report
from singlearn.local.components import component_masks

torch.set_num_threads(1)

NAMES = [name for name, folder in FOLDERS.items() if folder == "recipes"]


def test_what_follows_a_sequence_is_said_by_its_task() -> None:
    x, y, task = (part.numpy() for part in sequences(400, 3))
    for row, answer, kind in zip(x, y, task, strict=True):
        last, before = row[-1], row[:-1]
        if kind == 0:
            assert answer == 10 + (last - 9) % 4
        elif kind == 1:
            (key,) = before[(before >= 6) & (before < 10)]
            assert answer == (key - 6 + 3 * (last - 14)) % 6
        else:
            (place,) = np.flatnonzero(before == last)
            assert answer == row[place + 1] and place + 1 < len(row) - 1


def test_the_transformer_is_attention_over_what_came_before() -> None:
    """Beside plain loops over heads and positions."""
    model = module(1)
    x = sequences(3, 0)[0]
    w = {name: value.detach().numpy() for name, value in model.named_parameters()}
    for row, found in zip(x.numpy(), model(x).detach().numpy(), strict=True):
        stream = w["embed.W_E"][row] + w["pos_embed.W_pos"]
        for layer in range(2):
            q, k, v, o = (w[f"blocks.{layer}.attn.W_{part}"] for part in "QKVO")
            read = np.zeros_like(stream)
            for h in range(HEADS):
                for t in range(len(row)):
                    score = np.exp(stream[: t + 1] @ k[h] @ (stream[t] @ q[h]) / INNER**0.5)
                    read[t] += (score / score.sum()) @ stream[: t + 1] @ v[h] @ o[h]
            stream = stream + read
        np.testing.assert_allclose(found, stream[-1] @ w["unembed.W_U"], rtol=1e-10)


def test_a_head_is_a_component_and_is_put_back_after_it_was_taken_out() -> None:
    model = module(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    shapes = {name: tuple(value.shape) for name, value in before.items()}
    masks = component_masks("l1h0", shapes, None)
    assert sum(int(mask.sum()) for mask in masks.values()) == 4 * WIDTH * INNER
    lost = heads.without(model, "l1h0", *sequences(50, 0))
    assert set(lost) == {"bigram", "skip-trigram", "induction"} and any(lost.values())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_adder_counts_as_having_learnt_from_where_it_stays_right() -> None:
    rows = [
        {"step": step, "accuracy, trained": right, "accuracy, kept back": 0.1}
        for step, right in ((1, 0.2), (2, 0.95), (3, 0.5), (4, 0.92), (5, 1.0))
    ]
    assert grokking.learnt_at(rows, "trained") == 4
    assert grokking.learnt_at(rows, "kept back") is None
    assert grokking.module(7, 0)(torch.zeros(3, 2, dtype=torch.long)).shape == (3, 7)


def test_fewer_levels_cost_more_and_whole_weights_nothing() -> None:
    model = perceptron(4, 0)
    pixels, digit = images(40, 0)
    x, y = torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(digit)
    weights = {name: 3 * value.clone() for name, value in model.state_dict().items()}
    _, moved = compressibility.damage(model, weights, x, y)
    assert moved[0] > 10 * moved[-1] >= 0 and moved[-1] < 1e-3
    assert 1 < compressibility.bits_needed(moved) < 10
    assert compressibility.bits_needed(np.ones(3), np.array([2, 4, 8])) == np.inf
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


@pytest.mark.slow
def test_the_classical_influence_is_the_derivative_of_a_retraining() -> None:
    """Of softmax regression, whose Gauss-Newton matrix is its Hessian; the loss of the training
    counts one sample a little more.
    """
    rng = np.random.default_rng(0)
    x, others = (torch.from_numpy(rng.normal(size=(count, 3))) for count in (12, 5))
    y, theirs = (torch.from_numpy(rng.integers(3, size=count)) for count in (12, 5))
    model = torch.nn.Linear(3, 3).double()

    def total(weights: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        scores = x @ weights[:, :3].T + weights[:, 3]
        mean = (counts * cross_entropy(scores, y)).sum() / len(x)
        return mean + 0.5 * retraining.DECAY * (weights**2).sum()

    def fitted(counts: torch.Tensor) -> torch.Tensor:
        weights = torch.zeros(3, 4, dtype=torch.float64)
        for _ in range(10):
            slope = torch.func.grad(total)(weights, counts)
            bend = torch.func.jacrev(torch.func.grad(total))(weights, counts).reshape(12, 12)
            weights = weights - torch.linalg.solve(bend, slope.flatten()).reshape(3, 4)
        assert slope.abs().max() < 1e-10
        model.weight.data, model.bias.data = weights[:, :3].clone(), weights[:, 3].clone()
        return cross_entropy(model(others), theirs).detach()

    changes = []
    for i in (0, 7):
        step = 1e-3 * torch.eye(12, dtype=torch.float64)[i]
        changes.append(((fitted(1 + step) - fitted(1 - step)) / 2e-3).numpy())
    fitted(torch.ones(12, dtype=torch.float64))
    found, _ = retraining.classical(model, x, y, (others, theirs))
    np.testing.assert_allclose(found[[0, 7]], changes, rtol=1e-3, atol=1e-5)


def test_trainings_side_by_side_are_the_trainings_one_by_one() -> None:
    pixels, digit = images(20, 1)
    x, y = torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(digit)
    parts = np.random.default_rng(0).random((3, 20)) < 0.5
    model = perceptron(3, 0)
    together = retraining.train_on_parts(model, x, y, parts, 10)
    alone = retraining.train_on_parts(model, x, y, parts[1:2], 10)
    for name, value in together.items():
        torch.testing.assert_close(value[1], alone[name][0], rtol=1e-3, atol=1e-4)
    losses = retraining.losses_of(model, together, x, y)
    assert losses.shape == (3, 20)


def test_the_decay_as_a_sample_gives_the_loss_of_the_training() -> None:
    pixels, digit = images(10, 2)
    x, y = torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(digit)
    model = perceptron(3, 1)
    data = retraining.decayed(x, y, of_training=True)
    found = retraining.with_decay(model, data).mean() * 11 / 10
    weights = dict(model.named_parameters())
    wanted = retraining.penalised(weights, torch.ones(10), model, x, y)
    torch.testing.assert_close(found, wanted)


def test_influence_turns_from_the_top_of_the_hierarchy_down() -> None:
    """In the order of the levels, and each before its split is half learnt."""
    learning = influence_through_learning.learn(180, 0)
    exact = influence_through_learning.response(180, 0)
    halves = influence_through_learning.half_times(learning)
    means = np.array([influence_through_learning.by_kind(own) for own in exact])
    turns = [influence_through_learning.flip(range(181), means[:, k]) for k in range(3)]
    assert list(halves) == sorted(halves) and turns == sorted(turns)
    assert all(0.5 * half < turn < half for turn, half in zip(turns, halves, strict=True))
    # One more of a thing helps the thing itself, as long as there is something to learn.
    assert all((np.diag(own) < 0).all() for own in exact[20:120])


def test_every_sub_task_has_as_many_of_both_answers() -> None:
    x, y, task = loss_kernel.questions(loss_kernel.FULL)
    assert x.shape == (96, 8) and len(torch.unique(x, dim=0)) == 96
    assert all(float(y[task == k].sum()) == 0 for k in range(6))


def test_the_pictures_are_drawn_of_few_points(tmp_path) -> None:
    """With what is withheld, and without stages."""
    losses = {f"loss, {name}": 1.0 for name in heads.TASKS}
    rows = [{"step": 10, **losses}, {"step": 20, **losses}]
    for head in heads.HEADS:
        rows[1] |= {
            f"λ̂, {head}": None if head == "l0h0" else 2.0,
            f"standard error, {head}": None if head == "l0h0" else 0.1,
        }
    roles = [
        {"head": head, **{f"loss without it, {name}": 0.5 for name in heads.TASKS}}
        for head in heads.HEADS
    ]
    figure = heads.draw(rows, roles)
    doubts = [{"step": 20, "reason": "diverged", "message": "chains left"}] * 8
    found = report(rows, doubts, "title", heads._table(rows), ["note"], figure, tmp_path / "a.png")
    assert "withheld" in found.text and "2 more warnings" in found.text
    assert found.figures[0].stat().st_size > 10_000
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_runs_say_what_they_found(name, tmp_path) -> None:
    found = REGISTRY[name].run(True, 0, tmp_path, False)
    assert found.rows and found.figures == [tmp_path / f"{name}.png"]
    assert found.figures[0].stat().st_size > 20_000
    json.dumps(found.to_dict(), allow_nan=False)
