"""The laws that are read off PyTorch modules are kept by gradients of random losses, and none of
the catalogue is missing.

Right values: the catalogue of Marcotte, Gribonval & Peyré 2023 and of Kunin et al. 2021, by closed
form; each law is verified here by differences of its values along gradients of random outputs,
other code than the reader's own check.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from singlearn import flow
from singlearn.flow.law import Gram as Term
from singlearn.flow.law import GramLaw, Law, gram_law
from singlearn.flow.torch_module_inputs import example_inputs


class Attention(nn.Module):
    """Self-attention of some heads, of the kind people write themselves."""

    def __init__(self, d=4, heads=2, keys=2, bias=True, rotary=False, scores="softmax"):
        super().__init__()
        self.k, self.heads, self.keys, self.rotary, self.scores = (
            d // heads,
            heads,
            keys,
            rotary,
            scores,
        )
        self.q, self.o = nn.Linear(d, d, bias=bias), nn.Linear(d, d, bias=bias)
        self.kv = nn.Linear(d, 2 * keys * self.k, bias=bias)

    def forward(self, x):
        b, t, d = x.shape
        q = self.q(x).view(b, t, self.heads, self.k).transpose(1, 2)
        k, v = self.kv(x).chunk(2, -1)
        k, v = (
            y.reshape(b, t, self.keys, self.k)
            .transpose(1, 2)
            .repeat_interleave(self.heads // self.keys, 1)
            for y in (k, v)
        )
        if self.rotary:
            angle = (
                torch.arange(t, dtype=x.dtype)[:, None]
                * torch.tensor([1.0, 0.3], dtype=x.dtype)[: self.k // 2]
            )
            cos, sin = (torch.cat([f(angle), f(angle)], -1) for f in (torch.cos, torch.sin))
            q, k = (
                y * cos + torch.cat([-y[..., self.k // 2 :], y[..., : self.k // 2]], -1) * sin
                for y in (q, k)
            )
        s = q @ k.transpose(-2, -1) / math.sqrt(self.k)
        if self.scores == "softmax":
            s = s.masked_fill(torch.ones(t, t).triu(1).bool(), float("-inf")).softmax(-1)
        return self.o((s @ v).transpose(1, 2).reshape(b, t, d))


class Gated(nn.Module):
    """A gated unit."""

    def __init__(self, gate):
        super().__init__()
        self.g, self.u, self.d, self.gate = nn.Linear(4, 5), nn.Linear(4, 5), nn.Linear(5, 3), gate

    def forward(self, x):
        return self.d(self.gate(self.g(x)) * self.u(x))


class Stream(nn.Module):
    """A residual stream without norms."""

    def __init__(self, act, tied=False):
        super().__init__()
        self.e, self.a, self.b, self.u, self.act, self.tied = (
            nn.Embedding(6, 4),
            nn.Linear(4, 5),
            nn.Linear(5, 4),
            nn.Linear(4, 6),
            act,
            tied,
        )
        if tied:
            self.u.weight = self.e.weight

    def forward(self, i):
        x = self.e(i)
        return self.u(x + self.b(self.act(self.a(x))))


class Recurrent(nn.Module):
    """An RNN and what reads its states."""

    def __init__(self, kind="relu"):
        super().__init__()
        self.r, self.o = nn.RNN(3, 4, nonlinearity=kind), nn.Linear(4, 2)

    def forward(self, x):
        return self.o(self.r(x)[0])


class Function(nn.Module):
    """Parameters and a function of them."""

    def __init__(self, function, **shapes):
        super().__init__()
        self.function = function
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape)))

    def forward(self, x):
        return self.function(self, x)


def first_state(m, x):
    """The state after a zero one."""
    return torch.relu(torch.zeros(5, 2, dtype=x.dtype) @ m.w.T + x @ m.u.T)


def tied_in_depth():
    again = nn.Linear(3, 3)
    return nn.Sequential(
        nn.Linear(2, 3), nn.ReLU(), again, nn.ReLU(), again, nn.ReLU(), nn.Linear(3, 1)
    )


def frozen_middle():
    net = nn.Sequential(
        nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 1)
    )
    net[2].requires_grad_(False)
    return net


def gpt2(**options):
    transformers = pytest.importorskip("transformers")
    settings = {
        "n_layer": 1,
        "n_head": 2,
        "n_embd": 4,
        "vocab_size": 7,
        "n_positions": 5,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**(settings | options))).eval()


def llama():
    transformers = pytest.importorskip("transformers")
    sizes = {
        "hidden_size": 16,
        "intermediate_size": 6,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    config = transformers.LlamaConfig(
        num_hidden_layers=1, vocab_size=7, bos_token_id=0, eos_token_id=0, **sizes
    )
    return transformers.LlamaForCausalLM(config)


SQUARE = nn.Sequential(
    nn.Conv2d(1, 2, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(2, 3, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(27, 3),
)
NETWORKS = {
    # name: (module, inputs, how many numbers stay, words that formulas have)
    "relu": (
        nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)),
        None,
        3,
        ["|0.weight rows|² + |0.bias rows|² - |2.weight columns|²"],
    ),
    "leaky and linear": (
        nn.Sequential(
            nn.Linear(4, 3),
            nn.LeakyReLU(),
            nn.Linear(3, 2),
            nn.Linear(2, 5),
            nn.PReLU(),
            nn.Linear(5, 3),
        ),
        None,
        3 + 3 + 5,
        ["2.weight 2.weightᵀ + 2.bias 2.biasᵀ - 3.weightᵀ 3.weight"],
    ),
    "nested, dropout": (
        nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)), nn.Linear(3, 2)),
        None,
        3,
        ["|0.0.weight rows|²"],
    ),  # a mask leaves only scales
    "curved": (nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)), None, 0, []),
    "squared relu": (
        Function(lambda m, x: torch.relu(x @ m.a.T) ** 2 @ m.b.T, a=(3, 4), b=(2, 3)),
        torch.randn(5, 4),
        3,
        ["|a rows|² - 2|b columns|²"],
    ),
    "pictures": (
        SQUARE,
        None,
        2 + 3,
        ["|3.weight rows|² + |3.bias rows|² - |6.weight[:,9 for each] columns|²"],
    ),
    "linear convolution": (
        nn.Sequential(nn.Conv1d(2, 2, 3), nn.AvgPool1d(2), nn.Conv1d(2, 3, 2)),
        None,
        3,
        ["0.weight 0.weightᵀ + 0.bias 0.biasᵀ - 2.weightᵀ 2.weight"],
    ),
    "commuting kernels": (
        nn.Sequential(nn.Conv1d(1, 2, 2, bias=False), nn.Conv1d(2, 1, 2, bias=False)),
        None,
        4,
        ["0.weight_c·1.weight_d - 0.weight_d·1.weight_c"],
    ),
    "groups": (
        nn.Sequential(
            nn.Conv2d(3, 4, 1),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, groups=4),
            nn.ReLU(),
            nn.Conv2d(4, 8, 1, groups=2),
            nn.ReLU(),
            nn.Conv2d(8, 2, 1),
        ),
        None,
        4 + 4 + 8,
        ["inputs of groups"],
    ),
    "batch norm": (
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)),
        None,
        3 + 3,
        ["0.bias", "|1.weight rows|² + |1.bias rows|² - |3.weight columns|²"],
    ),
    "layer norm": (
        nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2)),
        None,
        3 + 4 + 1,
        ["sum of 0.weight along axis 0", "sum of 0.bias along axis 0"],
    ),
    "rms norm": (
        nn.Sequential(nn.Linear(4, 3), nn.RMSNorm(3), nn.Linear(3, 2)),
        None,
        3,
        ["|1.weight rows|² - |2.weight columns|²"],
    ),
    "attention module": (
        nn.MultiheadAttention(4, 2, batch_first=True),
        None,
        4 * 3 + 4,
        ["in_proj_bias[4:8]"],
    ),
    "attention by hand": (Attention(), torch.randn(2, 3, 4), 4 * 3 + 4, ["kv.bias[0:4]"]),
    "grouped queries": (
        Attention(8, 4, 2),
        torch.randn(2, 3, 8),
        2 * 3 + 2 * 3 + 4,
        ["kv.bias[0:4]"],
    ),
    "rotary": (
        Attention(4, 1, 1, rotary=True),
        torch.randn(2, 3, 4),
        2 + 10,
        ["q.weight[2 for each]"],
    ),
    "linear attention": (
        Attention(4, 2, 2, bias=False, scores="none"),
        torch.randn(2, 3, 4),
        6 + 6 + 2,
        [],
    ),
    "encoder layer": (
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0),
        None,
        12 + 4 + 8 + (4 + 1) + (8 + 1),
        ["|linear1.weight rows|² + |linear1.bias rows|² - |linear2.weight columns|²"],
    ),
    "encoder layer, norm first": (
        nn.TransformerEncoderLayer(4, 2, 8, norm_first=True),
        None,
        12 + 4 + 8 + 4 + 4,
        ["|norm2.weight rows|²"],
    ),
    "swiglu": (
        Gated(functional.silu),
        None,
        5,
        ["|u.weight rows|² + |u.bias rows|² - |d.weight columns|²"],
    ),
    "reglu": (
        Gated(torch.relu),
        None,
        10,
        ["|g.weight rows|² + |g.bias rows|² - |d.weight columns|²"],
    ),
    "stream": (
        Stream(torch.relu),
        None,
        10 + 5,
        [
            "e.weightᵀ e.weight + b.weight b.weightᵀ + b.bias b.biasᵀ - a.weightᵀ a.weight - "
            "u.weightᵀ u.weight"
        ],
    ),
    "stream, tied": (Stream(torch.relu, True), None, 5, []),
    "rnn": (Recurrent(), None, 4, ["|r.weight_hh_l0 rows|²"]),
    "rnn without biases": (
        Function(
            lambda m, x: torch.relu(first_state(m, x) @ m.w.T + x @ m.u.T) @ m.v.T,
            w=(2, 2),
            u=(2, 4),
            v=(1, 2),
        ),
        torch.randn(5, 4),
        2,
        ["|u rows|²"],
    ),
    "layer norm without gain": (
        nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3, elementwise_affine=False), nn.Linear(3, 2)),
        None,
        4 + 1 + 2,
        ["sum of 2.weight along axis 1"],
    ),
    "left factor": (
        Function(lambda m, x: (m.a @ x.T).pow(3).T @ m.b.T, a=(2, 4), b=(1, 2)),
        torch.randn(5, 4),
        2,
        ["|a rows|² - 3|b columns|²"],
    ),
    "rnn, tanh": (Recurrent("tanh"), None, 0, []),
    "tied in depth": (
        tied_in_depth(),
        None,
        3,
        ["|2.weight rows|² + |2.bias rows|² - |2.weight columns|² - |6.weight columns|²"],
    ),
    "tied autoencoder": (
        Function(lambda m, x: torch.relu(x @ m.w.T) @ m.w, w=(3, 4)),
        torch.randn(5, 4),
        0,
        [],
    ),
    "frozen middle": (frozen_middle(), None, 1, ["|0.weight|² + |0.bias|² - |4.weight|²"]),
    "gpt2": (
        gpt2,
        None,
        4 + 12 + 4 + 4 + (5 + 4 + 1) + (16 + 1),
        ["transformer.h.0.attn.c_attn.bias[4:8]", "sum of transformer.wpe.weight along axis 1"],
    ),
    "llama": (
        llama,
        None,
        16 + 2 * 2 + 2 * 10 + 16 + 6 + 16,
        ["model.layers.0.mlp.up_proj.weight rows"],
    ),
    "diagonal": (
        Function(lambda m, x: x * m.u * m.v, u=(4,), v=(4,)),
        torch.randn(5, 4),
        4,
        ["|u rows|² - |v rows|²"],
    ),
    "u uᵀ": (Function(lambda m, x: x @ (m.u @ m.u.T), u=(3, 3)), torch.randn(5, 3), 0, []),
}


def how_many(laws, module):
    total = 0
    for law in laws:
        values = law.values(
            {name: np.ones(tuple(p.shape)) for name, p in module.named_parameters()}
        )
        total += len(values) * (len(values) + 1) // 2 if values.ndim == 2 else values.size
    return total


def along_gradients(module, inputs, law: Law, sum_zero=False):
    """The largest relative change of a law's values along gradients of random combinations of
    outputs.
    """
    wide = module.double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in wide.parameters():
            p += 0.5 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    points = tuple(x.double() if x.is_floating_point() else x for x in inputs)
    out = wide(*points)
    out = out.logits if hasattr(out, "logits") else out[0] if isinstance(out, tuple) else out
    c = torch.randn(out.shape, generator=generator, dtype=out.dtype)
    c = c - c.mean(-1, keepdim=True) if sum_zero else c
    moving = {name: p for name, p in wide.named_parameters() if p.requires_grad}
    found = torch.autograd.grad((out * c).sum(), list(moving.values()), allow_unused=True)
    size = math.sqrt(sum(float(g.square().sum()) for g in found if g is not None))
    w = {name: p.detach().numpy() for name, p in moving.items()}
    g = {
        name: np.zeros_like(w[name]) if x is None else x.numpy() / size
        for name, x in zip(moving, found, strict=True)
    }
    ends = [law.values({name: w[name] + sign * 0.01 * g[name] for name in w}) for sign in (1, -1)]
    return np.abs(ends[0] - ends[1]).max(initial=0) / 0.02


@pytest.mark.parametrize("name", NETWORKS)
def test_laws_of_modules_stay_along_gradients_and_none_is_missing(name):
    module, inputs, count, words = NETWORKS[name]
    torch.manual_seed(0)
    module = module if isinstance(module, nn.Module) else module()
    found = flow.laws(module, inputs)
    assert found.not_understood == ()
    for word in words:
        assert any(word in law.formula for law in found.laws), (
            word,
            [law.formula for law in found.laws],
        )
    if count is not None:
        assert how_many(found.laws, module) == count
    arguments = example_inputs(module) if inputs is None else (inputs,)
    for law in found.laws:
        assert along_gradients(module, arguments, law) < 1e-9, law.formula
        assert law.proof
        assert law.latex


def test_a_law_along_gradients_is_no_empty_test():
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    false = gram_law(
        [Term("0.weight", 0), Term("2.weight", 1, -1)], "diagonal", "scaling that forgets the bias"
    )
    assert along_gradients(module, (torch.randn(5, 2),), false) > 1e-3


def test_softmax_cross_entropy_sees_differences_only():
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 4))
    assert flow.laws(module).laws == ()
    found = flow.laws(module, loss="cross_entropy")
    assert [law.formula for law in found] == [
        "sum of 2.weight along axis 0",
        "sum of 2.bias along axis 0",
    ]
    for law in found:
        assert along_gradients(module, (torch.randn(5, 2),), law, sum_zero=True) < 1e-10
        assert along_gradients(module, (torch.randn(5, 2),), law) > 1e-3


@pytest.mark.parametrize("norm", [nn.LayerNorm(4, eps=0.1), nn.BatchNorm1d(4, eps=0.1)])
def test_the_epsilon_of_a_norm_breaks_a_law_at_a_known_rate(norm):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), norm, nn.Tanh(), nn.Linear(4, 2)).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    with torch.no_grad():
        net[0].bias += 0.3
    found = flow.laws(net, x)
    (broken,) = found.broken
    rate = broken.rate(lambda y: y.square().sum())
    y = net[0](x).detach().requires_grad_(True)
    axis = 1 if isinstance(norm, nn.LayerNorm) else 0
    n = (
        (
            (y - y.mean(axis, keepdim=True))
            / (y.var(axis, unbiased=False, keepdim=True) + 0.1).sqrt()
        )
        .detach()
        .requires_grad_(True)
    )
    loss = net[3](net[2](n * norm.weight + norm.bias)).square().sum()
    (slope,) = torch.autograd.grad(loss, n)
    share = 0.1 / (y.var(axis, unbiased=False, keepdim=True) + 0.1)
    parts = -2 * (slope * n).sum(axis, keepdim=True) * share
    by_formula = parts.sum(0) if axis else parts[0]
    np.testing.assert_allclose(rate.reshape(-1), by_formula.detach().numpy().reshape(-1), rtol=1e-9)
    assert "ε" in broken.why


PLACES = (6, 2, 5, 5)


@pytest.mark.parametrize(
    ("norm", "sums", "rows"),
    [
        (nn.GroupNorm(2, 8), ["[0:4]", "[4:8]"], False),
        (nn.LayerNorm([8, 5, 5], elementwise_affine=False), [""], False),
        (nn.GroupNorm(4, 8), ["[0:2]", "[2:4]", "[4:6]", "[6:8]"], True),
    ],
)
def test_a_norm_of_groups_does_not_see_a_common_shift_of_each(norm, sums, rows):
    """Σ b over each group; Σ of rows of the weight where there are no places, or else a kernel
    shifts every place by another amount."""
    layer = nn.Linear(4, 8) if rows else nn.Conv2d(2, 8, 3, padding=1)
    net = nn.Sequential(layer, norm, nn.ReLU(), nn.Flatten(), nn.LazyLinear(1)).double()
    x = torch.randn((6, 4) if rows else PLACES, dtype=torch.float64)
    net(x)
    read = flow.laws(net, x)
    assert read.not_understood == ()  # nothing was claimed that the gradients then refuted
    found = [law.formula for law in read if type(law).__name__ == "SumLaw"]
    expected = [f"sum of 0.bias{g} along axis 0" for g in sums]
    expected += [f"sum of 0.weight{g} along axis 0" for g in sums] if rows else []
    assert sorted(found) == sorted(expected)


class LinearAttention(nn.Module):
    """Without a softmax."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(3, 3).double() for _ in range(3))

    def forward(self, x):
        return self.query(x) @ self.key(x).mT @ self.value(x)


def test_attention_without_softmax_has_matrices_and_one_scale_of_its_scores():
    """GL(3) between queries and keys, whose trace is a scale that values can take up as well."""
    found = flow.laws(LinearAttention(), torch.randn(2, 4, 3, dtype=torch.float64))
    assert [law.formula for law in found] == [
        "query.weight query.weightᵀ + query.bias query.biasᵀ - key.weight key.weightᵀ - key.bias "
        "key.biasᵀ",
        "|key.weight|² + |key.bias|² - |value.weight|² - |value.bias|²",
    ]
    assert not found.not_understood


def test_what_is_not_understood_is_named():
    found = flow.laws(nn.LSTM(3, 4))
    assert "LSTM" in found.not_understood[0]
    assert found.laws == ()
    net = nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)),
        nn.ReLU(),
        nn.Linear(3, 2),
        nn.ReLU(),
        nn.Linear(2, 1),
    )
    found = flow.laws(net)
    assert "_WeightNorm" in found.not_understood[0]
    assert [law.formula for law in found.laws] == [
        "|2.weight rows|² + |2.bias rows|² - |4.weight columns|²"
    ]
    sorted_up = Function(
        lambda m, x: torch.relu(torch.sort(x @ m.a.T).values) @ m.b.T, a=(3, 4), b=(2, 3)
    )
    found = flow.laws(sorted_up, torch.randn(5, 4))
    assert "sort" in found.not_understood[0]
    assert found.laws == ()


def test_norms_in_evaluation_and_unused_and_frozen_parameters_are_said():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).eval()
    found = flow.laws(net)
    assert [law.formula for law in found.laws] == [
        "|1.weight rows|² + |1.bias rows|² - |3.weight columns|²"
    ]
    assert any("evaluation" in text for text in found.without)
    net = Function(lambda m, x: torch.relu(x @ m.a.T) @ m.b.T, a=(3, 4), b=(2, 3), c=(2, 2))
    assert (
        "c: this run does not use it, so that it does not move"
        in flow.laws(net, torch.randn(5, 4)).without
    )
    assert (
        "frozen, laws that depend on their values are not listed: 2.weight"
        in flow.laws(frozen_middle()).without
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: flow.laws(nn.Linear(2, 2, dtype=torch.complex64)), "weight is torch.complex64"),
        (lambda: flow.laws([np.ones((2, 2)) * 1j]), r"weights\[0\]: complex"),
        (
            lambda: flow.laws([np.ones((3, 2)), np.ones((1, 4))]),
            r"weights\[1\]: got shape \(1, 4\)",
        ),
        (lambda: flow.laws([np.ones((3, 2)), np.ones((1, 3))], np.ones((4, 5))), r"weights\[0\]"),
        (lambda: flow.laws([np.ones((3, 2)), np.ones((1, 3))], activation="tanh"), "'tanh'"),
        (
            lambda: flow.laws([np.ones((3, 2)), np.ones((1, 3))], biases=[np.ones(3)]),
            "biases: got lengths",
        ),
        (lambda: flow.laws("relu"), "network: got str"),
        (lambda: flow.laws(nn.ReLU()), "no parameter that moves"),
        (lambda: flow.laws(nn.Linear(2, 2), torch.ones(3, 5)), "does not run"),
        (lambda: flow.laws(nn.Linear(2, 2), loss="mse"), "loss: got 'mse'"),
        (
            lambda: flow.laws(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))[
                "|0.weight|²"
            ],
            "the network has no",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_module_stays_as_it_was():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    before = {name: x.clone() for name, x in net.state_dict().items()}
    state = torch.random.get_rng_state()
    flow.laws(net)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(before[name], x) for name, x in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_quadratic_laws_have_the_values_of_their_formula():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    law = flow.laws(net)[0]
    assert isinstance(law, GramLaw)
    w = {name: p.detach().numpy() for name, p in net.named_parameters()}
    expected = (w["0.weight"] ** 2).sum(1) + w["0.bias"] ** 2 - (w["2.weight"] ** 2).sum(0)
    np.testing.assert_allclose(law.values(w), expected)
