"""λ̂ of models whose answer is known, in both frameworks, and everything that must be refused."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import singlearn as sl
from singlearn.local.jax import memory as jax_memory
from singlearn.local.jax.target import JaxTarget
from singlearn.local.measuring.quadratic import quadratic
from singlearn.local.sampling.agreement import doubts, travelling
from singlearn.local.sampling.mixing import mixing
from singlearn.local.target import Flight, Tempering
from singlearn.local.torch import memory as torch_memory
from singlearn.local.torch import recording as recorded
from singlearn.local.torch import target as pytorch
from singlearn.local.torch.target import TorchTarget

torch.set_num_threads(1)
N = 500


@pytest.fixture(scope="module")
def regression():
    """y = x w + noise of size 1/2 at the least squares solution; with it λ̂ = ½ Σ nβh/(nβh + γ),
    exactly, by γ.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 3)) * [0.5, 1.0, 2.0]
    y = x @ np.array([[1.0], [2.0], [3.0]]) + 0.5 * rng.normal(size=(N, 1))
    w = np.linalg.lstsq(x, y, rcond=None)[0]
    stiffness = N / np.log(N) * np.linalg.eigvalsh(x.T @ x / N)
    return x, y, w, lambda gamma: 0.5 * float(np.sum(stiffness / (stiffness + gamma)))


def squared(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def linear(w, bias=False):
    model = torch.nn.Linear(len(w), 1, bias=bias)
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(w.T))
        if bias:
            model.bias.zero_()
    return model


def tensors(x, y):
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)


@pytest.mark.parametrize("sampler", ["sgld", "hmc"])
def test_jax_finds_the_closed_form_of_a_quadratic(regression, sampler) -> None:
    x, y, w, exact = regression
    found = sl.local.llc(
        lambda p, x: x @ p["w"],
        squared,
        (x, y),
        parameters={"w": w},
        sampler=sampler,
        tolerance=0.05,
        max_steps=20_000,
        seed=3,
    )
    assert found.status == "converged", str(found)
    assert found.standard_error < 0.08
    assert abs(found.value - exact(10.0)) < 4 * found.standard_error
    assert (
        abs(found.at_twice_gamma.value - exact(20.0))
        < 4 * found.at_twice_gamma.standard_error
        < 0.5
    )
    assert found.half_dimension == 1.5 and found.samples == N and found.nbeta == N / np.log(N)
    assert found.above_minimum < 0.01
    json.dumps(found.to_dict(), allow_nan=False)


def test_pytorch_finds_the_closed_form_and_leaves_no_trace(regression) -> None:
    x, y, w, exact = regression
    model = torch.nn.Sequential(linear(w), torch.nn.Dropout(0.5))
    before, random = model[0].weight.clone(), torch.get_rng_state()
    found = sl.local.llc(model, squared, tensors(x, y), tolerance=0.1, max_steps=3000, seed=1)
    assert found.status == "converged", str(found)
    assert abs(found.value - exact(10.0)) < 4 * found.standard_error < 0.7
    assert (
        abs(found.at_twice_gamma.value - exact(20.0))
        < 4 * found.at_twice_gamma.standard_error
        < 0.7
    )
    assert (
        model.training
        and model[1].training
        and torch.equal(before, model[0].weight)
        and torch.equal(random, torch.get_rng_state())
    )


def test_both_frameworks_compute_the_same_posterior(regression) -> None:
    x, y, w, _ = regression
    ours = TorchTarget(linear(w), squared, tensors(x, y))
    theirs = JaxTarget(lambda p, x: x @ p, squared, (x, y), w)
    offset = np.random.default_rng(1).normal(size=(5, 3))
    for a, b in zip(ours.full(offset), theirs.full(offset), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert ours.centre_loss == pytest.approx(float(squared(x @ w, y).mean()), rel=1e-5)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_twice_the_loss_at_half_the_inverse_temperature_is_the_same_chain(
    regression, framework
) -> None:
    x, y, w, _ = regression
    traces, ends, states = [], [], []
    for factor in (1.0, 2.0):

        def loss(output, target, factor=factor):
            return factor * squared(output, target)

        torch_side = framework == "torch"
        target = (
            TorchTarget(linear(w), loss, tensors(x, y))
            if torch_side
            else JaxTarget(lambda p, x: x @ p, loss, (x, y), w)
        )
        state, written = target.walk(
            target.begin(np.array([0.0, 1.0]), seed=3),
            np.full(2, 1e-3),
            32,
            50,
            Tempering(64.0 / factor, 1.0),
        )
        states.append((target, state))
        traces.append(written)
        ends.append(np.asarray(state.position))
    assert np.array_equal(*ends) and np.array_equal(*(t.squared_distance for t in traces))
    assert np.ptp(traces[0].excess) > 0.1
    # Where the factors cancel to 1, XLA multiplies and subtracts the reference in one rounding: a
    # last bit of the record, not of a chain.
    np.testing.assert_allclose(
        traces[0].excess, traces[1].excess, atol=0.0 if torch_side else 1e-4, rtol=0.0
    )
    # A state is never changed: who goes on from it twice goes the same way.
    once, again = (
        states[0][0].walk(states[0][1], np.full(2, 1e-3), 32, 20, Tempering(64.0, 1.0))[1]
        for _ in range(2)
    )
    assert np.array_equal(once.excess, again.excess)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_rescaled_relu_network_has_the_same_chains_when_the_tie_is_rescaled(framework) -> None:
    """Powers of two change no bit: λ̂ is the same to the last one. With one γ for all parameters
    the posterior is another.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    first, bias, second = (
        rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4,), (4, 1))
    )
    scale = np.array([1.0, 4.0, 0.5, 2.0], dtype=np.float32)
    y = np.maximum(x @ first + bias, 0) @ second
    other = (first * scale, bias * scale, second / scale[:, None])
    ties = {"0": 1 / scale**2 * np.ones((3, 4)), "1": 1 / scale**2, "2": scale[:, None] ** 2}

    def relu(w, x):
        return jax.nn.relu(x @ w[0] + w[1]) @ w[2]

    class Relu(torch.nn.Module):
        def __init__(self, w) -> None:
            super().__init__()
            for name, value in zip("012", w, strict=True):
                self.register_parameter(name, torch.nn.Parameter(torch.as_tensor(value)))

        def forward(self, x):
            w = dict(self.named_parameters())
            return torch.relu(x @ w["0"] + w["1"]) @ w["2"]

    def built(w, gamma):
        return (
            TorchTarget(Relu(w), squared, tensors(x, y), gamma=gamma)
            if framework == "torch"
            else JaxTarget(relu, squared, (x, y), w, gamma=gamma)
        )

    targets = [built((first, bias, second), 1.0), built(other, ties), built(other, 1.0)]
    mark, same, untied = (
        quadratic(target, Tempering(20.0, target.gamma), gradients=0, seed=0).value
        for target in targets
    )
    assert same == pytest.approx(mark, rel=1e-4) and untied != pytest.approx(mark, rel=0.02)
    here, there = (
        target.walk(
            target.begin(np.array([0.0, 1.0]), seed=3),
            np.full(2, 1e-2),
            16,
            50,
            Tempering(20.0, target.gamma),
        )[1]
        for target in targets[:2]
    )
    np.testing.assert_allclose(here.excess, there.excess, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(here.squared_distance, there.squared_distance, rtol=1e-4)


def test_parameters_by_name_and_by_mask(regression) -> None:
    x, y, w, _ = regression
    model = linear(w, bias=True)
    data = tensors(x, y)
    assert TorchTarget(model, squared, data).dimension == 4
    assert TorchTarget(model, squared, data, only="bias").dimension == 1
    masked = TorchTarget(model, squared, data, only={"weight": np.array([[False, True, False]])})
    whole = TorchTarget(model, squared, data, only="weight")
    step = np.array([[0.7]])
    np.testing.assert_allclose(
        masked.full(step)[0], whole.full(np.array([[0.0, 0.7, 0.0]]))[0], rtol=1e-5
    )
    params = {"a": w, "b": np.zeros(1, dtype=np.float32)}
    assert (
        JaxTarget(lambda p, x: x @ p["a"] + p["b"], squared, (x, y), params, only="b").dimension
        == 1
    )
    with pytest.raises(ValueError, match="matches no parameter; there are weight, bias"):
        TorchTarget(model, squared, data, only="head*")


class Branching(torch.nn.Module):
    """Sums what it sees, and stops early on account of the parameters: no vmap over chains."""

    def __init__(self, w) -> None:
        super().__init__()
        self.layer = linear(w)

    def forward(self, x):
        if self.layer.weight.sum() > 1e6:
            return 0 * self.layer(x)
        return self.layer(x)


def test_a_branch_on_the_data_is_looped_with_a_reason(regression) -> None:
    x, y, w, _ = regression
    looped, plain = (
        TorchTarget(Branching(w), squared, tensors(x, y)),
        TorchTarget(linear(w), squared, tensors(x, y)),
    )
    assert "one by one, because vmap said" in looped.notes[0].message and plain.notes == ()
    offset = np.random.default_rng(1).normal(size=(3, 3))
    np.testing.assert_allclose(looped.full(offset)[1], plain.full(offset)[1], rtol=1e-4, atol=1e-6)


def test_a_branch_on_the_samples_is_looped_and_in_jax_refused(regression) -> None:
    x, y, w, _ = regression

    class OnSamples(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = linear(w)

        def forward(self, x):
            return self.layer(x) if x.abs().max() < 1e6 else 0 * self.layer(x)

    looped = TorchTarget(OnSamples(), squared, tensors(x, y))
    assert "one by one" in looped.notes[0].message
    state = looped.begin(np.zeros(2), seed=0)
    assert np.isfinite(
        looped.walk(state, np.full(2, 1e-3), 8, 3, Tempering(64.0, 1.0))[1].excess
    ).all()
    with pytest.raises(ValueError, match=r"jnp\.where"):
        JaxTarget(lambda p, x: x @ p if p.sum() < 1e6 else 0 * x @ p, squared, (x, y), w)


def test_what_does_not_fit_into_memory_is_taken_in_pieces(regression, monkeypatch) -> None:
    """The same chains, all samples, curvature and losses of samples; and more parameters than
    memory holds are refused.
    """
    x, y, w, _ = regression
    data, seen = tensors(x, y), []

    class Wide(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = linear(w)

        def forward(self, x):
            seen.append(len(x))
            return self.layer(torch.tanh(x.repeat(1, 100)).reshape(len(x), 100, 3).mean(1) + 0 * x)

    def built():
        seen.clear()
        target = TorchTarget(Wide(), squared, data)
        state, traces = target.walk(
            target.begin(np.arange(3) / 10, 0), np.full(3, 1e-3), 32, 5, Tempering(64.0, 1.0)
        )
        return [
            *traces,
            target.losses(state),
            *target.full(np.eye(3)),
            target.curvature(np.eye(3), None),
            target.centre_loss,
        ], max(seen)

    whole, most = built()
    assert most == N
    # A sample makes 2.4 kB and more, its derivative twice as much: 12 samples at once of a step's 3
    # × 32, then two whole chains of them.
    for memory, expected in ((250_000, 12), (1_600_000, 78)):
        monkeypatch.setattr(torch_memory, "all_memory", lambda device, memory=memory: memory)
        got, most = built()
        assert 0.8 * expected < most <= 1.2 * expected
        for a, b in zip(whole, got, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(pytorch, "all_memory", lambda device: 100)
    with pytest.raises(MemoryError, match="chains: 2 of 3 parameters take about 0 GiB"):
        TorchTarget(linear(w), squared, data).begin(np.zeros(2), 0)


@pytest.mark.slow
def test_in_jax_too_what_does_not_fit_is_taken_in_pieces(regression, monkeypatch) -> None:
    """For minibatches of single chains, for parts of them, and for all samples in every step."""
    x, y, w, _ = regression
    seen = []

    def net(p, x):
        seen.append(len(x))
        return jnp.tanh(x @ p)

    def built(batch):
        seen.clear()
        target = JaxTarget(net, squared, (x, y), w)
        state, traces = target.walk(
            target.begin(np.arange(3) / 10, 0), np.full(3, 1e-3), batch, 5, Tempering(64.0, 1.0)
        )
        flown = target.fly(
            Flight(np.zeros((2, 3)), np.eye(2, 3), np.zeros(2), np.zeros((2, 3))),
            np.full(2, 0.01),
            3,
            Tempering(64.0, 1.0),
        )
        full, curvature = target.full(np.eye(3)), target.curvature(np.eye(3), None)
        return target._at_once, [
            *traces,
            target.losses(state),
            *full,
            *flown,
            curvature,
            target.centre_loss,
        ]

    for batch, cases in ((32, ((1_000, 5), (14_000, 72))), (N, ((200_000, 1040), (1_300, 6)))):
        limit, whole = built(batch)
        assert limit > 10**6
        for memory, at_once in cases:
            with monkeypatch.context() as patched:
                patched.setattr(jax_memory, "host_memory", lambda memory=memory: memory)
                few, pieces = built(batch)
            assert 0.8 * at_once <= few <= 1.2 * at_once
            assert max(seen) <= max(few, 4)  # four are looked at before
            for a, b in zip(whole, pieces, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_parameters_of_sixteen_bits_are_moved_in_thirty_two(regression, framework) -> None:
    """The same posterior as of those numbers in float32; in bfloat16 itself a step of 1/1000 is
    lost.
    """
    x, y, w, _ = regression
    w = torch.as_tensor(w).bfloat16()
    samples, offset = [torch.as_tensor(part).bfloat16() for part in (x, y)], np.full((1, 3), 1e-3)
    found = []
    for kind in (torch.bfloat16, torch.float32):
        if framework == "torch":
            model = linear(w.float().numpy()).to(kind)
            target = TorchTarget(model, squared, tuple(part.to(kind) for part in samples))
            assert model.weight.dtype == kind
        else:
            name = str(kind).removeprefix("torch.")
            pair = [jnp.asarray(part.float().numpy(), name) for part in samples]
            target = JaxTarget(
                lambda p, x: x @ p, squared, pair, jnp.asarray(w.float().numpy(), name)
            )
        assert bool(target.notes) == (kind is torch.bfloat16)
        found.append(target.full(offset))
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
    assert abs(found[0][0][0]) > 1e-6 and found[0][0] == pytest.approx(found[1][0], rel=0.05)


def test_sixteen_bits_beside_others(regression) -> None:
    """Only numbers of 16 bits are widened: not those of 64, nor whole ones; and a cast on the way
    is named.
    """
    x, y, w, _ = regression

    class Mixed(torch.nn.Module):
        def __init__(self, cast) -> None:
            super().__init__()
            self.first, self.second, self.cast = (
                linear(w).double(),
                torch.nn.Linear(1, 1).bfloat16(),
                cast,
            )

        def forward(self, x):
            return self.second(self.first(x).to(self.cast))

    data = torch.as_tensor(x), torch.as_tensor(y)
    target = TorchTarget(Mixed(torch.float32), squared, data)
    assert target.dimension == 5 and target._network.fixed["first.weight"].dtype == torch.float64
    with pytest.raises(
        ValueError,
        match=r"parameters are torch\.bfloat16 and evaluated in float32, but it turns numbers into "
        r"16 bits",
    ):
        TorchTarget(Mixed(torch.bfloat16), squared, data)
    half = jnp.asarray(w, jnp.bfloat16)
    strict = JaxTarget(
        lambda p, x: jax.lax.dot(x, p["w"][p["order"]]),
        squared,
        (jnp.asarray(x, jnp.bfloat16), jnp.asarray(y)),
        {"w": half, "order": jnp.arange(3)},
        only="w",
    )
    assert strict.dimension == 3 and strict.losses(
        strict.begin(np.zeros(2), 0), (jnp.asarray(x[:5], jnp.bfloat16), y[:5])
    ).shape == (2, 5)


def test_attention_is_counted_as_it_is_evaluated_and_sparse_tensors_are_allowed() -> None:
    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))
            self.register_buffer("pick", torch.eye(4).to_sparse())

        def forward(self, x):
            mixed = torch.nn.functional.scaled_dot_product_attention(self.scale * x, x, x)
            return torch.sparse.mm(self.pick, mixed[:, 0, 0].T).T

    length = 256
    x = torch.randn(8, 1, length, 4, generator=torch.Generator().manual_seed(0))
    target = TorchTarget(Attention(), squared, (x, torch.zeros(8, 4)))
    scores = 4 * length**2
    assert target._evaluation.at_once < 0.25 * torch_memory.host_memory() / (2 * scores)


def test_less_data_than_a_default_batch_is_used_whole(regression) -> None:
    x, y, w, _ = regression
    found = sl.local.llc(
        lambda p, x: x @ p, squared, (x[:20], y[:20]), parameters=w, chains=4, max_steps=1000
    )
    assert (
        found.batch == found.samples == 20
        and found.heating == 0
        and "batch 20 of n = 20" in str(found)
    )
    with pytest.raises(ValueError, match="needs at least 3"):
        TorchTarget(linear(w), squared, tensors(x[:2], y[:2]))
    with pytest.raises(ValueError, match="at least 3"):
        JaxTarget(lambda p, x: x @ p, squared, (x[:2], y[:2]), w)


def test_pairing_takes_the_noise_of_the_labels_out(regression) -> None:
    """Spread over seeds: at least ten times below that of a loss at w* measured apart, on as many
    minibatches as there are chains.
    """
    x, y, w, _ = regression
    noisy = y + 2 * np.random.default_rng(5).normal(size=y.shape)
    w = np.linalg.lstsq(x, noisy, rcond=None)[0]
    target, at_centre = JaxTarget(lambda p, x: x @ p, squared, (x, noisy), w), squared(x @ w, noisy)
    paired, unpaired = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        kept = target.walk(
            target.begin(np.zeros(8), seed), np.full(8, 2e-3), 32, 600, Tempering(80.0, 10.0)
        )[1].excess[:, 100:]
        paired.append(kept.mean())
        unpaired.append(
            paired[-1]
            + 80.0
            * (
                rng.choice(at_centre, (*kept.shape, 32)).mean()
                - rng.choice(at_centre, (8, 32)).mean()
            )
        )
    assert np.std(unpaired) > 10 * np.std(paired)


def test_compiling_is_asked_for_late_and_a_failure_changes_no_number(
    regression, monkeypatch
) -> None:
    x, y, w, _ = regression
    seen = []

    def compiler(graph, tensors):
        seen.append(len(tensors))
        if len(seen) <= 2:
            raise RuntimeError("no compiler here")
        return graph

    monkeypatch.setattr(recorded, "COMPILE_AFTER", 5)
    monkeypatch.setattr(torch._inductor, "compile", compiler)
    traces, notes = [], []
    for asked in (True, True, False):  # fails, works, is not asked for
        target = TorchTarget(linear(w), squared, tensors(x, y), compile=asked)
        traces.append(
            target.walk(
                target.begin(np.zeros(2), 0), np.full(2, 1e-3), 16, 10, Tempering(64.0, 1.0)
            )[1].excess
        )
        notes.append([note.message for note in target.notes])
    # The derivative (parameters, x, y, the losses at w*) and the step, each in both.
    assert seen == [4, 8, 4, 8] and notes == [["not compiled: no compiler here"], [], []]
    assert np.array_equal(traces[0], traces[1]) and np.array_equal(traces[0], traces[2])


def test_chains_that_still_tell_how_they_started_are_noticed() -> None:
    """The gap between the starts is no part of its own error."""
    away = np.array([0.0, 1.0] * 4)
    seen = mixing(np.random.default_rng(0).normal(size=(8, 500)) + 20 + 12 * away[:, None], away)
    assert seen.gap == pytest.approx(12, abs=0.3) and seen.gap_error < 0.3 and travelling(seen)
    assert any("started away" in reason for reason in doubts(seen))


def test_forms_of_data_and_loss_agree(regression) -> None:
    x, y, w, _ = regression
    pair = tensors(x, y)
    dataset = torch.utils.data.TensorDataset(*pair)
    loader = torch.utils.data.DataLoader(dataset, batch_size=7, shuffle=True)
    expected = TorchTarget(linear(w), squared, pair).centre_loss

    def whole(model, batch):
        return squared(model(batch["x"]), batch["y"])

    for loss, data in (
        (squared, dataset),
        (squared, loader),
        (whole, {"x": pair[0], "y": pair[1]}),
    ):
        assert TorchTarget(linear(w), loss, data).centre_loss == expected


def test_what_is_refused(regression) -> None:
    x, y, w, _ = regression
    data = tensors(x, y)
    with pytest.raises(ValueError, match="reduction='none'"):
        TorchTarget(linear(w), torch.nn.MSELoss(), data)
    with pytest.raises(ValueError, match="sum over outputs"):
        TorchTarget(linear(w), torch.nn.MSELoss(reduction="none"), data)
    with pytest.raises(ValueError, match="depends on the other samples"):
        TorchTarget(linear(w), lambda o, t: squared(o, t).mean().expand(len(o)), data)
    with pytest.raises(ValueError, match="weight has entries that are not finite"):
        TorchTarget(linear(w * np.nan), squared, data)
    with pytest.raises(ValueError, match="averaged over the batch"):
        JaxTarget(lambda p, x: x @ p, lambda o, t: jnp.mean(o - t), (x, y), w)
    with pytest.raises(ValueError, match="w has entries that are not finite"):
        JaxTarget(lambda p, x: x @ p["w"], squared, (x, y), {"w": w * np.nan})
    with pytest.raises(ValueError, match="only 500 samples"):
        sl.local.llc(linear(w), squared, data, batch_size=600)
    with pytest.raises(ValueError, match="parameters: missing"):
        sl.local.llc(lambda p, x: x @ p, squared, (x, y))
    with pytest.raises(ValueError, match="gamma: 'b' matches no parameter; there are weight"):
        sl.local.llc(linear(w), squared, data, gamma={"b": 1.0})
    with pytest.raises(ValueError, match=r"gamma: for weight it has shape \(2,\)"):
        sl.local.llc(linear(w), squared, data, gamma={"*": np.ones(2)})
    with pytest.raises(ValueError, match="gamma: for weight it has entries that are not positive"):
        sl.local.llc(linear(w), squared, data, gamma={"*": 0.0})
    with pytest.raises(ValueError, match="gamma: got 0"):
        sl.local.llc(linear(w), squared, data, gamma=0)


def test_far_from_a_minimum_is_said(regression) -> None:
    x, y, w, _ = regression
    found = sl.local.llc(
        lambda p, x: x @ p, squared, (x, y), parameters=w + 1.0, chains=4, max_steps=2000
    )
    assert found.status == "not_local_minimum" and "train further" in str(found)


def test_a_loss_without_a_floor_diverges_and_is_withheld(regression) -> None:
    x, y, w, _ = regression
    found = sl.local.llc(
        lambda p, x: x @ p,
        lambda o, t: -squared(o, t),
        (x, y),
        parameters=w,
        chains=4,
        max_steps=2000,
    )
    assert found.status == "diverged" and np.isnan(found.value) and {1, 3} <= set(found.diverged)
    assert found.to_dict()["learning_coefficient"] is None and "withheld" in str(found)


def test_torch_is_not_imported_without_a_module() -> None:
    check = (
        "import singlearn, sys; singlearn.local.llc; "
        "print([m for m in ('torch', 'jax') if m in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", check], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
