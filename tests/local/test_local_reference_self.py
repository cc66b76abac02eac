"""λ̂ of a network's own function: which divergence a loss means, and the values where they are
known.

Sources: a quadratic divergence has λ̂ = Σ nβ h / 2(nβ h + γ) exactly; linear pairs are Aoyagi &
Watanabe's (2005).
"""

import numpy as np
import pytest

import singlearn as sl
from singlearn.exact.catalogue import reduced_rank
from singlearn.local.checks.own_function import Likelihood, likelihood_of, reference_of
from singlearn.local.network import Network

torch = pytest.importorskip("torch")
F = torch.nn.functional


def half(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def labels_of(output, target):
    return F.cross_entropy(output, target, reduction="none")


def tokens_of(output, target):
    return F.cross_entropy(output.transpose(1, 2), target, reduction="none").mean(1)


def logits_of(output, target):
    return F.binary_cross_entropy_with_logits(output, target, reduction="none").sum(-1)


def as_arrays(loss):
    return lambda o, t: loss(torch.as_tensor(o), torch.as_tensor(t)).numpy()


FLOATS = np.zeros((4, 3)), np.ones((4, 3))


@pytest.mark.parametrize(
    ("loss", "output", "target", "meant"),
    [
        (half, *FLOATS, Likelihood("squared error", 0.5)),
        (
            lambda o, t: ((o - t) ** 2).sum(-1) / (2 * 0.25),
            *FLOATS,
            Likelihood("squared error", 2.0),
        ),
        (lambda o, t: ((o - t) ** 2).mean(-1), *FLOATS, Likelihood("squared error", 1 / 3)),
        (lambda o, t: half(o, t) + t.abs().sum(-1), *FLOATS, Likelihood("squared error", 0.5)),
        (
            lambda o, t: 0.5 * (o.squeeze(-1) - t) ** 2,
            np.zeros((4, 1)),
            np.ones(4),
            Likelihood("squared error", 0.5),
        ),
        (labels_of, np.zeros((4, 5)), np.array([0, 4, 2, 1]), Likelihood("class labels", 1.0, 1)),
        (
            tokens_of,
            np.zeros((4, 7, 5)),
            np.ones((4, 7), dtype=int),
            Likelihood("class labels", 1 / 7, 2),
        ),
        (logits_of, np.zeros((4, 3)), np.array([[0.0, 1, 1]] * 4), Likelihood("yes or no", 1.0)),
    ],
)
def test_likelihood_is_read_off_values(loss, output, target, meant):
    found = likelihood_of(as_arrays(loss), output, target)
    assert (found.kind, found.axis) == (meant.kind, meant.axis)
    assert found.factor == pytest.approx(meant.factor, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "output", "target"),
    [
        (lambda o, t: F.huber_loss(o, t, reduction="none").sum(-1), *FLOATS),
        (lambda o, t: (o - t).abs().sum(-1), *FLOATS),
        (lambda o, t: half(o, t) + 0.1 * (o**2).sum(-1), *FLOATS),
        (lambda o, t: 0.5 * ((o - t) ** 2 * torch.tensor([1.0, 2.0, 3.0])).sum(-1), *FLOATS),
        (
            lambda o, t: F.cross_entropy(o, t, reduction="none", label_smoothing=0.1),
            np.zeros((4, 5)),
            np.array([0, 4, 2, 1]),
        ),
        (
            lambda o, t: F.cross_entropy(o, t, reduction="none", ignore_index=-100),
            np.zeros((4, 5)),
            np.array([0, -100, 2, 1]),
        ),
        (lambda o, t: F.nll_loss(o, t, reduction="none"), np.zeros((4, 5)), np.array([0, 4, 2, 1])),
        (half, np.zeros((4, 3)), np.ones((4, 2))),
    ],
)
def test_a_loss_without_a_known_divergence_is_refused(loss, output, target):
    with pytest.raises(ValueError, match='loss: with reference="self"'):
        likelihood_of(as_arrays(loss), output, target)


def test_words_and_forms_that_are_refused():
    net, x = torch.nn.Linear(2, 1), torch.randn(20, 2)
    with pytest.raises(ValueError, match=r"reference: got 'own'"):
        reference_of("own")
    with pytest.raises(ValueError, match="keeps its outputs to itself"):
        sl.local.llc(
            net,
            lambda model, batch: half(model(batch[0]), batch[1]),
            (x, x[:, :1]),
            reference="self",
        )
    with pytest.raises(ValueError, match="2 parts of the data after the output"):
        sl.local.llc(net, lambda o, t, w: w * half(o, t), (x, x[:, :1], x[:, 0]), reference="self")


def own_divergence(model, loss, data, parameters=None):
    """L_n(w* + offset) - L_n(w*) of the target that chains are run on."""
    target = Network(model, loss, data, parameters, reference="self").target(1.0)
    # XLA may compute the same product in two ways within one program: float32 rounds, squared.
    assert 0 <= target.centre_loss < 1e-13
    return lambda *offsets: target.full(np.array(offsets, dtype=float))[0]


def test_of_a_line_far_from_its_minimum():
    """The loss has a slope at w*; the divergence is E[x²] δ² / 2, in both directions alike."""
    x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    net = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.constant_(net.weight, 7.0)
    exact = 0.5 * float((x**2).mean()) * 0.09
    assert own_divergence(net, half, (x, 0 * x))([0.3], [-0.3]) == pytest.approx(
        [exact, exact], rel=1e-10
    )
    assert own_divergence(net, lambda o, t: half(o, t) / 0.25, (x, 0 * x))([0.3]) == pytest.approx(
        [4 * exact], rel=1e-10
    )


def test_jax_says_the_same():
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.linspace(-1, 1, 40)[:, None]
    found = own_divergence(
        lambda p, x: x @ p["w"],
        lambda o, t: 0.5 * ((o - t) ** 2).sum(-1),
        (x, 0 * x),
        {"w": jnp.full((1, 1), 7.0)},
    )
    exact = 0.5 * float((x**2).mean()) * 0.09
    assert found([0.3], [-0.3]) == pytest.approx([exact, exact], rel=1e-4)


def test_of_classifiers():
    """Kullback-Leibler divergences, beside sums over classes; labels play no part, and a common
    shift of all logits costs nothing."""
    x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    net = torch.nn.Linear(1, 2, bias=False).double()
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.3], [-0.4]]))
    own = (x @ net.weight.T).detach()
    other = own + x @ torch.tensor([[0.5, -0.2]], dtype=torch.float64)
    softmax = own.softmax(1), other.softmax(1)
    exact = float((softmax[0] * (softmax[0].log() - softmax[1].log())).sum(1).mean())
    for labels in (torch.zeros(40, dtype=torch.int64), torch.arange(40) % 2):
        found = own_divergence(net, labels_of, (x, labels))([0.5, -0.2], [0.7, 0.7])
        assert found == pytest.approx([exact, 0.0], abs=1e-12)
    p, q = own.sigmoid(), other.sigmoid()
    exact = float((p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum(1).mean())
    assert own_divergence(net, logits_of, (x, torch.zeros(40, 2, dtype=torch.float64)))(
        [0.5, -0.2]
    ) == pytest.approx([exact], abs=1e-12)


def test_of_a_module_in_sixteen_bits():
    """It is evaluated in 32, and so is the function at w*: w* stays an exact minimum."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).to(
        torch.bfloat16
    )
    x = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    own_divergence(net, half, (x, torch.zeros(30, 2)))


def test_at_a_saddle_of_a_linear_pair():
    """Rank 1 of a truth of rank 2, width 2: λ = 2 of width 2 for a truth of rank 1 (m = 2), where
    the loss itself has none."""
    d, s = 2, torch.tensor([2.0, 1.0], dtype=torch.float64)
    net = torch.nn.Sequential(
        torch.nn.Linear(d, d, bias=False), torch.nn.Linear(d, d, bias=False)
    ).double()
    with torch.no_grad():
        for part in net:
            part.weight.zero_()
            part.weight[0, 0] = 2**0.5
    x = d**0.5 * torch.tile(torch.eye(d, dtype=torch.float64), (2, 1))
    found = sl.local.llc(
        net,
        half,
        (x, x @ torch.diag(s)),
        reference="self",
        nbeta=3000.0,
        gamma=3.0,
        chains=32,
        sampler="hmc",
        max_steps=1500,
        tolerance=0.05,
        progress=False,
    )
    exact = float(reduced_rank(d, d, d, 1).value)
    assert found.reference == "self"
    assert abs(found.value - exact) < max(0.05 * exact, 2 * found.standard_error)
    assert found.standard_error < 0.15 * exact


def test_a_folder_of_own_functions_is_another(tmp_path):
    """A folder of λ̂ of own functions is not read for λ̂ of the loss; its points have the loss
    0."""
    x = torch.linspace(-1, 1, 30, dtype=torch.float64)[:, None]
    net = torch.nn.Linear(1, 1, bias=False).double()
    weights = {1: {"weight": torch.ones(1, 1, dtype=torch.float64)}}
    asked = {
        "gamma": 10.0,
        "nbeta": 50.0,
        "chains": 4,
        "max_steps": 1000,
        "tolerance": 0.5,
        "folder": tmp_path / "own",
        "progress": False,
    }
    found = sl.local.trajectory(weights, net, half, (x, 0 * x), reference="self", **asked)
    assert [point.loss for point in found.points] == [0.0]
    with pytest.raises(ValueError, match="reference"):
        sl.local.trajectory(weights, net, half, (x, 0 * x), **asked)
