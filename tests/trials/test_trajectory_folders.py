"""Folders of ``sl.local.trajectory``: they belong to data, model, loss and settings, and to nothing
else.

The right values are promises: another loss, model or datum is refused by name, the same ones in
other words are not.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

import singlearn as sl
from singlearn.local.training import trajectory as through_training
from singlearn.local.training.identity import identity_of_sweep
from singlearn.local.training.points import TrajectoryPoint
from singlearn.results.caution import Caution, Reason

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.ones(3, 1)
WEIGHTS = {1: {"layer.weight": torch.ones(1, 3)}, 2: {"layer.weight": torch.zeros(1, 3)}}


class Gain(nn.Module):
    def __init__(self, gain=1.0, bias=None):
        super().__init__()
        self.layer, self.gain = nn.Linear(3, 1, bias=False), gain
        self.register_buffer(
            "shift", None if bias is None else torch.tensor(bias), persistent=False
        )

    def forward(self, x):
        return self.gain * self.layer(x) + (0.0 if self.shift is None else self.shift)


def half(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def scaled(output, target, scale=1.0):
    return scale * half(output, target)


@pytest.fixture(scope="module")
def one():
    module = Gain()
    module.load_state_dict(WEIGHTS[1])
    return sl.local.llc(module, half, (X, Y), chains=4, max_steps=1000, tolerance=0.5)


@pytest.fixture
def follow(tmp_path, one, monkeypatch):
    """trajectory in a folder, with nothing sampled."""

    def instead(brought, asked, watch):
        entries = [p.detach().numpy().mean() for p in brought.model.parameters()]
        return replace(one, value=float(np.mean(entries)))

    monkeypatch.setattr(through_training, "coefficient_of", instead)

    def follow(loss=half, model=None, data=(X, Y), weights=WEIGHTS, **settings):
        asked = {"gamma": 10.0} | settings
        return sl.local.trajectory(
            weights, model or Gain(), loss, data, folder=tmp_path / "sweep", progress=False, **asked
        )

    follow.folder = tmp_path / "sweep"
    return follow


def other_datum():
    changed = Y.clone()
    changed[17] += 1e-6
    return changed


def frozen():
    model = Gain()
    model.layer.weight.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (dict(loss=lambda o, t: 0.1 * half(o, t)), "loss: .* then, .* now"),
        (dict(loss=functools.partial(scaled, scale=1.001)), "loss"),
        (dict(loss=lambda o, t: (o - t).abs().sum(-1)), "loss"),
        (dict(model=Gain(0.3)), "model: .* then, .* now"),
        (dict(model=Gain(bias=0.01)), "model"),
        (dict(model=frozen()), "parameters that require a gradient"),
        (dict(data=(X, other_datum())), "data, array 1"),
        (dict(data=(X[:39], Y[:39])), "data, array 0"),
        (dict(gamma=11.0), "gamma: 10.0 then, 11.0 now"),
        (dict(gamma={"*": 10.0, "layer.*": 1.0}), "gamma"),
        (dict(only="layer.*"), "only"),
        (dict(only={"layer.weight": torch.tensor([[True, True, False]])}), "only"),
    ],
)
def test_another_question_is_refused_by_what_differs(follow, changed, named):
    follow()
    with pytest.raises(ValueError, match=f"belongs to another trajectory .*{named}") as refusal:
        follow(**changed)
    assert len(str(refusal.value)) < 900


def test_the_same_question_in_other_words_is_read(follow):
    first = follow(functools.partial(scaled, scale=1.0))
    model = Gain()
    nn.init.normal_(model.layer.weight)  # its own weights play no part
    again = follow(
        lambda o, t: (o - t).square().sum(-1) / 2,
        model,
        [X.numpy(), Y.numpy().astype(np.float64)],
        seed=0,
    )
    assert again == first


def test_masks_and_ties_are_compared_by_their_numbers(follow):
    mask = np.array([[True, False, True]])
    first = follow(only={"layer.weight": mask}, gamma={"*": np.full((1, 3), 2.0)})
    assert (
        follow(
            only={"layer.weight": torch.tensor(mask)}, gamma={"*": torch.full((1, 3), 2.0).numpy()}
        )
        == first
    )
    assert "γ by name" in str(first) and json.dumps(first.to_dict())
    for changed in (dict(only={"layer.weight": ~mask}), dict(gamma={"*": np.full((1, 3), 2.1)})):
        with pytest.raises(ValueError, match=next(iter(changed))):
            follow(**dict(only={"layer.weight": mask}, gamma={"*": np.full((1, 3), 2.0)}) | changed)


def test_a_refused_call_leaves_nothing_behind(follow):
    with pytest.raises(ValueError, match="gamma: got -1"):
        follow(gamma=-1.0)
    assert not follow.folder.exists()
    assert len(follow().points) == 2


def test_points_are_named_when_they_are_damaged_or_of_other_weights(follow):
    follow()
    one, two = (follow.folder / f"step_{step}.json" for step in (1.0, 2.0))
    good = one.read_text()
    fields = json.loads(good)
    value = f'"value": {fields["value"]}'
    for content, sentence in (
        (good[: len(good) // 2], "is damaged"),
        (two.read_text(), "holds step_2.0 in the place of step_1.0"),
        (good.replace(value, '"value": 0.25'), "changed after it was written"),
        (
            json.dumps(
                {name: value for name, value in fields.items() if name != "r_hat"} | {"new": 1}
            ),
            "changed after it was written",
        ),
        (
            json.dumps({name: value for name, value in fields.items() if name != "stored"}),
            "earlier version",
        ),
    ):
        one.write_text(content)
        with pytest.raises(ValueError, match=f"step_1.0.json .*{sentence}"):
            follow()
    one.write_text(good)
    with pytest.raises(ValueError, match="step 1 of other weights"):
        follow(weights={1: WEIGHTS[2]})


def test_functions_of_jax_and_whole_model_losses_are_asked_too():
    x, y, w = np.asarray(X), np.asarray(Y), {"w": np.ones((3, 1), np.float32)}

    def line(parameters, x):
        return x @ parameters["w"]

    def asked(model=line, loss=half, data=(x, y)):
        return identity_of_sweep(model, loss, data, w)

    assert asked() == asked(
        lambda p, x: jnp.asarray(x) @ p["w"], functools.partial(scaled, scale=1.0)
    )
    assert asked()["model"] != asked(lambda p, x: x @ p["w"] * 1.01)["model"]
    assert asked()["loss"] != asked(loss=functools.partial(scaled, scale=1.01))["loss"]

    def whole(model, batch):
        return half(model(batch["x"]), batch["y"])

    batch = {"x": X, "y": Y}
    with_gain = [
        identity_of_sweep(Gain(gain), whole, batch, None)["loss"] for gain in (1.0, 1.0, 1.01)
    ]
    assert with_gain[0] == with_gain[1] != with_gain[2]


def test_cautions_of_points_are_repeated(one):
    caution = Caution(Reason.DEPENDS_ON_GAMMA, "λ̂ depends on γ: it doubles")
    point = through_training.TrajectoryPoint.of(
        3.0, "step 3", "", replace(one, cautions=(caution,))
    )
    assert TrajectoryPoint.from_dict(point.to_dict()) == point
    said = sl.local.Trajectory((point,), (), 10.0).cautions
    assert replace(caution, message=f"{caution.message} (step 3)") in said
    many = tuple(replace(point, step=float(step)) for step in range(40))
    whole = sl.local.Trajectory(many, (), 10.0)
    said = [caution.message for caution in whole.cautions]
    assert len(said) < 5 and any(
        "likewise at step 1, 2, 3" in sentence and "and 27 more" in sentence for sentence in said
    )
    assert str(whole).count(", 1 caution\n") == 12 and "and 28 more points" in str(whole)
    assert len(str(whole)) < 2000 and len(whole.table()) == 40
    assert set(whole.table()["cautions"]) == {"depends_on_gamma"}
    assert math.isfinite(point.value)
