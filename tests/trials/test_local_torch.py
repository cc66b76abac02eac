"""Networks, losses and parameters as users bring them to PyTorch: the right function and its
derivative, or a sentence.

Values are closed forms: losses of linear regressions, curvatures Xᵀ X/n, outputs of the caller's
own module. What has none is refused, and the refusal names the argument.
"""

from __future__ import annotations

import copy
import threading
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from singlearn.local.checks.batch_independence import Dependence, find_dependence
from singlearn.local.torch.embedding import with_true_gradients
from singlearn.local.torch.gradient import find_contradiction
from singlearn.local.torch.target import TorchTarget
from singlearn.local.torch.weights import with_weights

torch.set_num_threads(1)
# What users bring may be what PyTorch advises against.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
]
N = 200
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(N, 3, generator=GENERATOR)
Y = X.sum(1, keepdim=True) + torch.randn(N, 1, generator=GENERATOR)
PLAIN = nn.Linear(3, 1, bias=False)
with torch.no_grad():
    PLAIN.weight.copy_(torch.linalg.lstsq(X, Y).solution.T)
CURVATURE = (X.T @ X / N).numpy()


def half(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def squared(output, target):
    return 0.5 * (output - target) ** 2


def cross_entropy(output, target):
    return functional.cross_entropy(output, target, reduction="none")


class By(nn.Module):
    """Two layers and a forward of the caller's."""

    def __init__(self, forward):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.a, self.b = nn.Linear(3, 2), nn.Linear(2, 1)
        self.by, self.calls = forward, 0

    def forward(self, x):
        return self.by(self, x)


def built(function):
    """A module made with random numbers of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return function()


def derivative_is_right(target):
    """The gradient of L_n near w*, against differences of L_n."""
    at, step = 0.1 * np.ones((1, target.dimension)), 2e-3
    d = target.dimension
    # All in one call: each shape is recorded anew.
    values, gradients = target.full(
        at + step * np.concatenate([np.zeros((1, d)), np.eye(d), -np.eye(d)])
    )
    differences = (values[1 : d + 1] - values[d + 1 :]) / (2 * step)
    np.testing.assert_allclose(
        gradients[0], differences, atol=2e-3 + 2e-2 * np.abs(differences).max()
    )


class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.log = copy.deepcopy(PLAIN), {}

    def forward(self, x):
        self.last = self.linear(x)
        self.log["outputs"] = [self.last]
        return self.last


def used(module):
    """After a forward and a backward pass."""
    module(X).sum().backward()
    return module


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))[:, :1]


class OfSequence(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.part, self.last = kind(1, 2, batch_first=True), nn.Linear(2, 1)

    def forward(self, x):
        return self.last(self.part(x[..., None])[0][:, -1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.part, self.last = nn.MultiheadAttention(1, 1, batch_first=True), nn.Linear(1, 1)

    def forward(self, x):
        return self.last(self.part(x[..., None], x[..., None], x[..., None])[0].mean(1))


@pytest.mark.parametrize(
    ("make", "dimension"),
    [
        (lambda: weight_norm(nn.Linear(3, 1)), 5),
        (lambda: used(weight_norm(nn.Linear(3, 1))), 5),
        (lambda: parametrizations.weight_norm(nn.Linear(3, 1)), 5),
        (lambda: nn.Sequential(used(spectral_norm(nn.Linear(3, 2))), nn.Linear(2, 1)), 11),
        (
            lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(3, 2)), nn.Linear(2, 1)),
            11,
        ),
        (lambda: used(prune.l1_unstructured(nn.Linear(3, 1), "weight", amount=1)), 4),
        (lambda: used(Keeps()), 3),
        (Tied, 9),
        (lambda: OfSequence(nn.GRU), 33),
        (Attention, 10),
        (lambda: nn.DataParallel(PLAIN), 3),
        (lambda: torch.compile(PLAIN), 3),
        (lambda: nn.Sequential(torch.compile(nn.Linear(3, 3)), nn.Linear(3, 1)), 16),
        (lambda: nn.Linear(3, 1).double(), 4),
        (lambda: By(lambda own, x: own.b(own.a(x.float()).float())), 11),
        (lambda: By(lambda own, x: own.b(functional.relu(own.a(x), inplace=True))), 11),
        (lambda: By(lambda own, x: own.b(functional.dropout(own.a(x), 0.5, own.training))), 11),
        (lambda: By(lambda own, x: own.b(own.a(x)).squeeze(0)), 11),
    ],
)
def test_modules_of_many_kinds_are_what_they_are(make, dimension) -> None:
    """The loss at w* is that of the caller's module in evaluation mode, every parameter acts, and
    no warning is given.
    """
    model = built(make)
    target = TorchTarget(model, half, (X, Y), gamma=10.0)
    kind = next(model.parameters()).dtype
    with torch.no_grad():
        expected = float(half(model.eval()(X.to(kind)), Y.to(kind)).mean())
    assert target.dimension == dimension and target.notes == ()
    assert target.centre_loss == pytest.approx(expected, rel=1e-4)
    derivative_is_right(target)


@pytest.mark.parametrize(
    ("returns", "loss"),
    [
        (
            lambda out: (out, out.argmax(-1), None, {"more": torch.tanh(out)}),
            lambda output, target: half(output[0], target),
        ),
        (
            lambda out: {"logits": out, "index": out.argmax(-1)},
            lambda output, target: half(output["logits"], target),
        ),
        (
            lambda out: types.SimpleNamespace(logits=out),
            lambda output, target: half(output.logits, target),
        ),
        (
            lambda out: torch.complex(out, 2 * out),
            lambda output, target: half(0.4 * output.imag + 0.2 * output.real, target),
        ),
    ],
)
def test_the_yardstick_takes_whatever_a_module_returns(returns, loss) -> None:
    """Gauss-Newton of a linear regression is Xᵀ X/n, whether the output comes alone, in tuples, in
    dicts or in objects.
    """

    class Returns(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = PLAIN

        def forward(self, x):
            return returns(self.linear(x))

    np.testing.assert_allclose(
        TorchTarget(Returns(), loss, (X, Y)).curvature(np.eye(3), None),
        CURVATURE,
        rtol=1e-4,
        atol=1e-4,
    )


def view_of(attribute):
    class View(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 1)
            attribute(self)

        def forward(self, x):
            return self.b(self.a(x) @ self.second)

    return View()


def patched():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    net.forward = lambda x: net[1](net[0](x))
    return net


class Adapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.ones(1, 3), requires_grad=False)
        self.A, self.B, self.merged = (
            nn.Parameter(torch.randn(1, 3)),
            nn.Parameter(torch.randn(1, 1)),
            False,
        )

    def train(self, mode=True):
        super().train(mode)
        if mode == self.merged:
            self.W.data += (-1.0 if mode else 1.0) * self.B.data @ self.A.data
            self.merged = not mode
        return self

    def forward(self, x):
        return x @ (self.W if self.merged else self.W + self.B @ self.A).T


class TwoInOneMemory(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones(1, 3))
        self.b = nn.Parameter(self.a.data)

    def forward(self, x):
        return x @ (self.a * self.b).T


def without_gradients(context):
    def forward(own, x):
        with context():
            hidden = own.a(x)
        return own.b(hidden)

    return lambda: By(forward)


def rounded(own, x):
    weight = own.a.weight
    return own.b(
        functional.linear(x, weight + ((4 * weight).round() / 4 - weight).detach(), own.a.bias)
    )


def counting(own, x):
    own.calls += 1
    return own.b(own.a(x)) * (1 + 1e-3 * own.calls)


def with_a_lock():
    model = nn.Linear(3, 1)
    model.lock = threading.Lock()
    return model


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: torch.jit.script(nn.Linear(3, 1)),
            "model: it is a RecursiveScriptModule of TorchScript",
        ),
        (
            lambda: nn.Sequential(torch.jit.script(nn.Linear(3, 3)), nn.Linear(3, 1)),
            "model: 0 is a RecursiveScriptModule",
        ),
        (lambda: nn.LazyLinear(1), "model: weight has no numbers yet"),
        (lambda: nn.Linear(3, 1, device="meta"), r"model: weight has no numbers \(device meta\)"),
        (
            lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False)),
            "model: 1 is a BatchNorm1d",
        ),
        (
            lambda: By(
                lambda own, x: own.b(functional.batch_norm(own.a(x), None, None, training=True))
            ),
            "model: it fails for one sample",
        ),
        (with_a_lock, "model: it cannot be copied"),
        (Adapter, r"model: eval\(\) changes the numbers of W"),
        (lambda: Adapter().eval(), r"model: train\(\) changes the numbers of W"),
        (TwoInOneMemory, "model: the parameters a and b share their memory"),
        (
            lambda: view_of(lambda own: setattr(own, "second", own.a.weight.t())),
            "model: its forward reads second",
        ),
        (
            lambda: view_of(lambda own: setattr(own, "second", own.a.weight.data)),
            "model: its forward reads second",
        ),
        (
            lambda: view_of(lambda own: own.register_buffer("second", own.a.weight.detach()[:, :])),
            "forward reads _buffers.second",
        ),
        (patched, "model: it reads the parameter 0.weight by another way"),
        (
            without_gradients(torch.no_grad),
            r"gradient is not the derivative of the loss: along a\..*torch.no_grad\(\)",
        ),
        (
            without_gradients(torch.inference_mode),
            r"model: its gradient cannot be computed.*torch.inference_mode\(\)",
        ),
        (
            lambda: By(torch.no_grad()(lambda own, x: own.b(own.a(x)))),
            "gradient is not the derivative of the loss",
        ),
        (
            lambda: By(torch.inference_mode()(lambda own, x: own.b(own.a(x)))),
            "gradient is not the derivative of the loss",
        ),
        (
            lambda: By(lambda own, x: torch.as_tensor(own.b(own.a(x)).detach().numpy())),
            "gradient is not the derivative of the loss",
        ),
        (
            lambda: By(lambda own, x: own.b(own.a(x) @ own.a.weight.detach() @ own.a.weight.t())),
            "gradient is not .* along a.weight",
        ),
        (lambda: By(rounded), "gradient is not the derivative of the loss: along a.weight"),
        (
            lambda: By(lambda own, x: own.b(own.a(x)) * (1 + torch.is_grad_enabled())),
            "model: it is another function where gradients",
        ),
        (
            lambda: By(lambda own, x: own.b(functional.dropout(own.a(x), 0.5))),
            "gives different losses when called twice",
        ),
        (
            lambda: By(lambda own, x: own.b(own.a(x)) * (1 + (torch.rand(()) < 0.1))),
            "gives different losses when called twice",
        ),
        (lambda: By(counting), "gives different losses when called twice"),
        (
            lambda: By(lambda own, x: own.b(own.a(x)).cumsum(0)),
            "model: the loss of a sample depends on the other samples",
        ),
        (
            lambda: By(lambda own, x: own.b(own.a(x)) * (1 + len(x) % 2)),
            "model: the loss of a sample depends on the other samples",
        ),
        (
            lambda: By(lambda own, x: own.b(own.a(x - x.mean(0)))),
            "model: the loss of a sample depends on the other samples",
        ),
    ],
)
def test_what_is_no_function_of_a_sample_and_its_parameters_is_refused(make, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        TorchTarget(built(make), half, (X, Y), gamma=10.0)


CLASSES = nn.Linear(3, 2, bias=False)
nn.init.zeros_(CLASSES.weight)
LABELS = (torch.rand(N, generator=GENERATOR) < 0.1).long()
LABELS[:4] = 0


def class_weights(output, target):
    weight = torch.tensor([1.0, 9.0])[target]
    return cross_entropy(output, target) * weight / weight.mean()


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (lambda output, target: half(output, target) / len(output), "depends on the other samples"),
        (
            lambda output, target: torch.minimum(
                half(output, target), 4 * half(output, target).mean()
            ),
            "depends on the other samples",
        ),
        (
            lambda output, target: (
                half(output, target) * (half(output, target) > half(output, target).median())
            ),
            "depends on the other",
        ),
        (
            lambda output, target: half(output, target) * torch.softmax(target[:, 0], 0),
            "depends on the other samples",
        ),
        (
            lambda output, target: half(output, target) + (PLAIN.weight**2).sum(),
            "loss: it reads the parameter weight of the module",
        ),
        (
            lambda output, target: half(output, target) + (PLAIN.weight.detach() ** 2).sum(),
            "loss: it reads the parameter weight",
        ),
        (lambda output, target: (output > target)[:, 0].float(), "loss: it jumps"),
        (lambda output, target: (output > target)[:, 0], "loss: it gave torch.bool"),
        (
            lambda output, target: torch.complex(output, target)[:, 0],
            "loss: it gave torch.complex64",
        ),
        (
            lambda output, target: half(output, target) + 1e-3 * torch.rand(len(output)),
            "gives different losses when called twice",
        ),
    ],
)
def test_losses_that_look_beyond_their_sample_are_refused(loss, sentence) -> None:
    """Easy samples come first, so that a mean over the first few would show nothing."""
    order = torch.argsort((PLAIN(X) - Y).detach().abs()[:, 0])
    with pytest.raises(ValueError, match=sentence):
        TorchTarget(PLAIN, loss, (X[order], Y[order]), gamma=10.0)


def test_a_loss_that_vanishes_at_the_minimum_hides_nothing() -> None:
    """Divided by the size of the batch it is zero at w* in every batch; normalised class weights
    are equal in batches of one class.
    """
    with pytest.raises(
        ValueError,
        match="loss: the loss of a sample depends on the other samples of its batch: near w",
    ):
        TorchTarget(
            PLAIN,
            lambda output, target: half(output, target) / len(output),
            (X, PLAIN(X).detach()),
            gamma=10.0,
        )
    with pytest.raises(
        ValueError,
        match=r"depends on the other.*outputs are float32 \(4, 1\) and targets float32 \(4,\)",
    ):
        TorchTarget(
            PLAIN,
            lambda output, target: ((output - target) ** 2).mean(-1),
            (X, Y[:, 0]),
            gamma=10.0,
        )
    with pytest.raises(ValueError, match="loss: the loss of a sample depends on the other samples"):
        TorchTarget(CLASSES, class_weights, (X, LABELS), gamma=10.0)


def test_other_forms_of_losses_are_looked_at_too() -> None:
    """loss(model, batch) of a dict, and a loss of the output alone."""

    def averaged(model, batch):
        own = half(model(batch["x"]), batch["y"])
        return own / own.mean()

    with pytest.raises(
        ValueError, match="loss or model: the loss of a sample depends on the other samples"
    ):
        TorchTarget(PLAIN, averaged, {"x": X, "y": Y}, gamma=10.0)
    with pytest.raises(ValueError, match="loss: the loss of a sample depends on the other samples"):
        TorchTarget(PLAIN, lambda output: output.square().sum(-1) / len(output), (X,), gamma=10.0)


def test_losses_of_one_sample_are_not_suspected() -> None:
    """Large offsets, tiny units, confident logits, in-place arithmetic, gates and plateaus."""
    sharp = built(lambda: nn.Linear(3, 5))
    sharp.weight.data *= 300
    assert TorchTarget(sharp, cross_entropy, (X, LABELS)).notes == ()
    dead = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    nn.init.constant_(dead[0].bias, -100.0)
    for model, loss in (
        (PLAIN, lambda output, target: 2e6 + half(output, target)),
        (PLAIN, lambda output, target: 1e-9 * half(output, target)),
        (PLAIN, lambda output, target: output.sub_(target).pow_(2).sum(-1)),
        (
            PLAIN,
            lambda output, target: functional.huber_loss(output, target, reduction="none")[:, 0],
        ),
        (PLAIN, lambda output, target: (output - target).abs().sqrt()[:, 0]),
        (dead, half),
    ):
        assert TorchTarget(model, loss, (X, Y), gamma=10.0).notes == ()


def test_a_loss_of_the_model_may_look_at_all_of_it() -> None:
    """Weight decay ½c|w|² adds c to the curvature, whether by parameters(), by name, by attribute
    or by state; its mode is evaluation.
    """

    def decayed(kind):
        def loss(model, batch):
            assert not model.training
            weights = {
                "parameters": lambda: list(model.parameters()),
                "named": lambda: [p for _, p in model.named_parameters()],
                "attribute": lambda: [model[0].weight],
                "children": lambda: [child.weight for child in model.children()],
                "state": lambda: [
                    p for name, p in model.state_dict(keep_vars=True).items() if name == "0.weight"
                ],
            }[kind]()
            return half(model(batch["x"]), batch["y"]) + 0.5 * sum((w**2).sum() for w in weights)

        return loss

    for kind in ("parameters", "named", "attribute", "children", "state"):
        target = TorchTarget(nn.Sequential(PLAIN), decayed(kind), {"x": X, "y": Y})
        np.testing.assert_allclose(
            target.curvature(np.eye(3), None),
            CURVATURE + np.eye(3),
            rtol=1e-4,
            atol=1e-4,
            err_msg=kind,
        )

    def without(model, batch):
        with torch.no_grad():
            decay = sum((p**2).sum() for p in model.parameters())
        return half(model(batch["x"]), batch["y"]) + decay

    with pytest.raises(
        ValueError, match="gradient is not the derivative of the loss: along weight"
    ):
        TorchTarget(PLAIN, without, {"x": X, "y": Y})
    with pytest.raises(
        ValueError, match="reads the parameter weight of the module that was handed over"
    ):
        TorchTarget(
            PLAIN, lambda model, batch: half(PLAIN(batch["x"]), batch["y"]), {"x": X, "y": Y}
        )


class Classifier(nn.Module):
    """Users of PyTorch met it: without gradients the fast path gives padded positions other outputs
    than with them.
    """

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(11, 8, padding_idx=0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
        self.encoder, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(8, 2)

    def forward(self, tokens):
        return self.head(
            self.encoder(self.tokens(tokens), src_key_padding_mask=tokens == 0).mean(1)
        )


def test_the_fast_path_of_transformers_is_no_other_function() -> None:
    """The loss at w* is that of the function with gradients, which chains move on; the caller's
    setting comes back.
    """
    model = built(Classifier).eval()
    tokens = torch.randint(1, 11, (30, 6), generator=GENERATOR)
    tokens = tokens * (torch.arange(6)[None] < torch.arange(30)[:, None] % 5 + 2)
    labels = torch.arange(30) % 2
    with torch.no_grad():
        slow = float(cross_entropy(model.train()(tokens), labels).mean())
        fast = float(cross_entropy(model.eval()(tokens), labels).mean())
    assert abs(fast - slow) > 1e-3  # else there is nothing to see
    assert torch.backends.mha.get_fastpath_enabled()
    target = TorchTarget(model, cross_entropy, (tokens, labels), gamma=1e4)
    assert torch.backends.mha.get_fastpath_enabled()
    assert target.centre_loss == pytest.approx(slow, rel=1e-5)
    # The row of padding is no parameter: training leaves it as it is.
    assert target.dimension == sum(p.numel() for p in model.parameters()) - 8
    assert target.full(np.zeros((1, target.dimension)))[0] == pytest.approx([0.0], abs=1e-6)


def test_whatever_is_switched_off_around_the_call_is_on_within() -> None:
    """no_grad, inference mode and automatic casts of the caller's change no number and are there
    again afterwards.
    """
    branching = By(
        lambda own, x: own.b(own.a(x)) if bool(own.a.weight.detach().sum() < 1e9) else x[:, :1]
    )
    expected = TorchTarget(branching, half, (X, Y)).full(0.1 * np.ones((2, 11)))
    for context in (
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", dtype=torch.bfloat16),
    ):
        with context:
            target = TorchTarget(branching, half, (X, Y))
            got = target.full(0.1 * np.ones((2, 11)))
            assert torch.is_grad_enabled() == (
                not isinstance(context, torch.no_grad | torch.inference_mode)
            )
        for one, other in zip(expected, got, strict=True):
            np.testing.assert_array_equal(one, other)
    with torch.inference_mode():
        made = built(lambda: nn.Linear(3, 1))
    assert TorchTarget(made, half, (X, Y)).full(np.ones((1, 4)))[1].any()


TOKENS = torch.randint(0, 4, (N,), generator=GENERATOR)
VALUES = torch.tensor([0.3, -0.4, 0.8, 3.0])
SHARES = [float((i == TOKENS).double().mean()) for i in range(4)]


class Lookup(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.e = nn.Embedding(4, 1, **options)
        self.e.weight.data = VALUES[:, None].clone()

    def forward(self, tokens):
        return self.e(tokens)[:, 0]


@pytest.mark.parametrize(
    ("options", "curvature"),
    [
        ({}, SHARES),
        ({"max_norm": 10.0}, SHARES),
        ({"max_norm": 1.0}, [*SHARES[:3], 0.0]),
        ({"scale_grad_by_freq": True}, SHARES),
        ({"sparse": True}, SHARES),
        ({"padding_idx": 0}, SHARES[1:]),
    ],
)
def test_options_of_embeddings_change_no_derivative(options, curvature) -> None:
    """The curvature by a row is the share of its token. A row longer than max_norm does not act;
    one of padding is no parameter.
    """
    target = TorchTarget(Lookup(**options), squared, (TOKENS, VALUES[TOKENS]), gamma=10.0)
    assert target.dimension == len(curvature)
    np.testing.assert_allclose(
        target.curvature(np.eye(len(curvature)), None), np.diag(curvature), rtol=1e-4, atol=1e-6
    )


def test_rows_of_padding_are_parameters_where_something_else_uses_them() -> None:
    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.head = nn.Embedding(4, 3, padding_idx=0), nn.Linear(3, 4, bias=False)
            self.head.weight = self.e.weight

        def forward(self, tokens):
            return self.head(self.e(tokens))

    target = TorchTarget(built(Language), cross_entropy, (TOKENS, TOKENS), gamma=10.0)
    assert target.dimension == 12
    derivative_is_right(target)
    asked = TorchTarget(
        Lookup(padding_idx=0),
        squared,
        (TOKENS, VALUES[TOKENS]),
        only={"e.weight": np.ones((4, 1), dtype=bool)},
    )
    assert asked.dimension == 4
    with pytest.raises(
        ValueError, match=r"model: it, EmbeddingBag\(max_norm=1.0\), writes to its weights"
    ):
        with_true_gradients(nn.EmbeddingBag(4, 1, max_norm=1.0))


class Spectral(nn.Module):
    """A real parameter before a complex one."""

    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(()))
        self.w = nn.Parameter(torch.tensor([1 + 2j, -0.5 + 1j], dtype=torch.complex64))

    def forward(self, x):
        return (x @ self.w).real + self.b


def test_complex_parameters_have_two_real_directions() -> None:
    """(x w).real = x.real w.real - x.imag w.imag: the Gauss-Newton matrix of a regression on (1, re
    x_1, -im x_1, …).
    """
    x = torch.view_as_complex(torch.randn(N, 2, 2, generator=GENERATOR))
    model = Spectral()
    y = model(x).detach() + torch.randn(N, generator=GENERATOR)
    target = TorchTarget(model, squared, (x, y))
    rows = np.stack([np.ones(N), x[:, 0].real, -x[:, 0].imag, x[:, 1].real, -x[:, 1].imag], axis=1)
    assert target.dimension == 5 and target.centre_loss == pytest.approx(
        float(squared(model(x), y).detach().mean()), rel=1e-5
    )
    np.testing.assert_allclose(
        target.curvature(np.eye(5), None), rows.T @ rows / N, rtol=1e-4, atol=1e-4
    )
    tied = TorchTarget(
        model,
        squared,
        (x.to(torch.complex128), y),
        only={"w": np.array([False, True])},
        gamma={"*": np.array([1.0, 4.0])},
    )
    np.testing.assert_allclose(
        tied.curvature(np.eye(2), None), rows[:, 3:].T @ rows[:, 3:] / N / 4, rtol=1e-4, atol=1e-4
    )


class WithNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.order = nn.Parameter(torch.arange(3), requires_grad=False)
        self.on = nn.Parameter(torch.tensor(True), requires_grad=False)

    def forward(self, x):
        return torch.where(self.on, self.linear(x[:, self.order]), 0.0)


def test_whole_numbers_and_truth_values_are_not_sampled() -> None:
    for only in (None, "*", ["linear.*", "*"]):
        assert TorchTarget(WithNumbers(), half, (X, Y), only=only).dimension == 4
    for only in ("order", ["on"], {"order": np.ones(3, dtype=bool)}):
        with pytest.raises(
            ValueError,
            match=r"only: '(order|on)' is (order|on), whose numbers are torch\.(int64|bool)",
        ):
            TorchTarget(WithNumbers(), half, (X, Y), only=only)


def test_what_is_not_sampled_may_be_without_gradients() -> None:
    """A frozen part under no_grad, parameters that nothing uses, and a constant of the caller's are
    fine.
    """
    frozen = without_gradients(torch.no_grad)()
    assert TorchTarget(frozen, half, (X, Y), only="b.*").dimension == 3
    frozen.a.requires_grad_(False)
    assert TorchTarget(frozen, half, (X, Y)).dimension == 3
    model, start = By(lambda own, x: own.b(own.a(x))), PLAIN.weight.detach().clone()
    assert (
        TorchTarget(
            model, lambda output, target: half(output, target) + (start**2).sum(), (X, Y)
        ).dimension
        == 11
    )
    unused = By(lambda own, x: PLAIN(x))
    assert TorchTarget(unused, half, (X, Y), only="a.*").full(np.ones((2, 8)))[0] == pytest.approx(
        [0.0, 0.0]
    )


def test_checkpoints_are_loaded_into_modules_of_these_kinds() -> None:
    """Also into wrappers and modules that keep activations; a stored view is seen in the loaded
    copy too.
    """
    weights = {"weight": torch.full((1, 3), 2.0)}
    assert with_weights(nn.DataParallel(PLAIN), weights, "step 1").weight[0, 0].item() == 2.0
    loaded = with_weights(used(Keeps()), {"linear.weight": weights["weight"]}, "step 1")
    assert TorchTarget(loaded, half, (X, Y)).centre_loss == pytest.approx(
        float(half(2 * X.sum(1, keepdim=True), Y).mean()), rel=1e-5
    )
    view = view_of(lambda own: setattr(own, "second", own.a.weight.t()))
    with pytest.raises(ValueError, match="model: its forward reads second"):
        TorchTarget(with_weights(view, view.state_dict(), "step 1"), half, (X, Y))


@pytest.mark.parametrize(
    ("spoiled", "dependence"),
    [
        (lambda own, index: own, None),
        (lambda own, index: own / len(index), Dependence.SIZE),
        (lambda own, index: own + 1e-2 * np.arange(len(index)), Dependence.ORDER),
        (lambda own, index: np.minimum(own, 4 * own.mean()), Dependence.SIZE),
        (
            lambda own, index: own * (1 + 0.01 * (np.bincount(index, minlength=N)[:50].sum() > 12)),
            Dependence.SIZE,
        ),
    ],
)
def test_dependence_on_the_batch_is_found_where_losses_vanish_at_the_minimum(
    spoiled, dependence
) -> None:
    """Known losses, (displacement × x)², spoiled in known ways."""
    x = X[:, 0].numpy().astype(float)

    def losses(displacement, index):
        return spoiled((displacement * x[index]) ** 2, index)

    found = find_dependence(losses, N, 0, np.zeros(N))
    assert (found and found.dependence) is dependence


def test_rounding_is_told_from_dependence_in_double_precision() -> None:
    """Two per cent between batches, as a low precision gives, count only if they are there in
    double precision.
    """
    x = X[:, 0].numpy().astype(float)

    def true(displacement, index):
        return 1 + (displacement * x[index]) ** 2

    def coarse(displacement, index):
        return true(displacement, index) * (1 + 0.02 * np.sin(len(index)))

    assert find_dependence(coarse, N, 0, exact=true) is None
    assert find_dependence(coarse, N, 0, exact=coarse) is not None
    assert find_dependence(coarse, N, 0) is not None
    assert (
        find_dependence(lambda d, i: 1e-5 * coarse(d, i), N, 0) is None
    )  # below what matters, without a proof


def test_losses_that_are_nothing_but_rounding_depend_on_no_batch() -> None:
    """As the divergences, at w*, of a classifier that is sure of its answers: in double precision
    they are 10⁸ times smaller, and differ from batch to batch as much.
    """

    def rounded(precision):
        return lambda displacement, index: precision * np.sin(17.0 * len(index) + index)

    assert find_dependence(rounded(1e-7), N, 0, exact=rounded(1e-16)) is None
    assert find_dependence(rounded(1e-7), N, 0, exact=rounded(1e-7)) is not None


def test_a_kink_beside_a_point_is_no_contradiction() -> None:
    """|w| at a distance of 10⁻⁵ from its kink: a difference over a longer step gives a mean of
    both slopes.
    """
    points = [
        torch.tensor([1e-5, 0.3], dtype=torch.float64),
        torch.tensor([0.2, 0.3], dtype=torch.float64),
    ]
    groups = {"a": slice(0, 1), "b": slice(1, 2)}
    assert find_contradiction(lambda w: w.abs(), points, groups, 1.0, 0) is None
    assert (
        find_contradiction(lambda w: w.abs().detach() + w**2, points * 2, groups, 1.0, 0)
        is not None
    )
