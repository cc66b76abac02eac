"""How λ̂ of a network is read and judged: the tie that nobody gave, constants, rounding, samples
that minibatches miss.
"""

import inspect
import math
from itertools import pairwise
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

import singlearn as sl
from singlearn.local.checks.unfelt import unfelt
from singlearn.local.gamma import choose_gamma, scales
from singlearn.local.jax.target import JaxTarget
from singlearn.local.measuring.gamma_reach import weakened
from singlearn.local.measuring.measurements import Setting
from singlearn.local.measuring.quadratic import quadratic, spectrum
from singlearn.local.measuring.rare_samples import excess_over_all
from singlearn.local.sampling.agreement import doubts
from singlearn.local.sampling.mixing import mixing
from singlearn.local.target import Tempering, Traces
from singlearn.local.torch.rounding import with_enough_digits
from singlearn.local.torch.target import TorchTarget
from singlearn.local.verdict.rare_samples import rare_samples_cautions
from singlearn.local.verdict.status import what_helps, why_diverged
from singlearn.local.verdict.verdict import gamma_cautions, of_a_constant_loss
from singlearn.results.estimate import Estimate

torch.set_num_threads(1)
N = 400
NBETA = N / math.log(N)


def half(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def given(output, target):
    return output


def regression(weight=1.0, inputs=1.0, noise=1.0, shift=0.0, d=3):
    """A linear regression at its least squares, with its Hessian."""
    rng = np.random.default_rng(0)
    x = inputs * rng.normal(size=(N, d))
    y = x @ np.full((d, 1), weight) + noise * rng.normal(size=(N, 1))
    module = nn.Linear(d, 1, bias=shift != 0)
    module.weight.data = torch.as_tensor(
        np.linalg.lstsq(x, y, rcond=None)[0].T.copy(), dtype=torch.float32
    )
    if shift:
        module.bias.data.fill_(shift)
    return (
        module,
        torch.as_tensor(x, dtype=torch.float32),
        torch.as_tensor(y + shift, dtype=torch.float32),
        x.T @ x / N,
    )


def closed(hessian, gamma):
    """λ̂ = ½ Σ nβh/(nβh + γ) of a quadratic loss."""
    stiff = NBETA * np.linalg.eigvalsh(hessian)
    return 0.5 * float((stiff / (stiff + gamma)).sum())


class Landscape(nn.Module):
    """Loss f(w), the same for every sample."""

    def __init__(self, f, w) -> None:
        super().__init__()
        self.w, self.f = nn.Parameter(torch.tensor(w)), f

    def forward(self, x):
        return self.f(self.w) * torch.ones_like(x[:, 0])


def landscape(f, w, gamma=10.0):
    return TorchTarget(Landscape(f, w), given, (torch.ones(N, 1), torch.zeros(N)), gamma=gamma)


# ---- γ without eyes


def test_the_tie_is_relative_to_weights_that_are_not_of_order_one() -> None:
    """γ = 10 from 2/5 to 5/2, 10/rms² from a factor 5 on (the promise), and continuous between."""
    for size, expected in (
        (0.4, 10.0),
        (1.0, 10.0),
        (2.5, 10.0),
        (0.2, 250.0),
        (0.01, 1e5),
        (5.0, 0.4),
        (100.0, 1e-3),
    ):
        assert choose_gamma({"w": np.full((4, 4), size)}) == pytest.approx(expected, rel=1e-3)
    joined = [choose_gamma({"w": np.full((4, 4), size)}) for size in np.geomspace(0.1, 0.5, 60)]
    assert all(1 <= a / b < 1.4 for a, b in pairwise(joined))


def test_vectors_zeros_and_tensors_as_good_as_zero_take_the_size_of_their_layer() -> None:
    w, b = np.full((8, 8), 0.1), np.full(8, 0.003)
    found = scales(
        {
            "0.weight": w,
            "0.bias": b,
            "1.weight": 0 * w,
            "1.bias": 0 * b,
            "2.A": w,
            "2.B": 1e-9 * w,
            "norm.gain": np.ones(8),
        }
    )
    expected = {
        "0.weight": 0.1,
        "0.bias": 0.1,
        "1.weight": 0.1,
        "1.bias": 0.1,
        "2.A": 0.1,
        "2.B": 0.1,
        "norm.gain": 1.0,
    }
    assert found == pytest.approx(expected)
    assert scales({"w": np.zeros(3)}) == {"w": 1.0} and choose_gamma({}) == 10.0
    assert scales({"w": np.full(3, 3 + 4j), "steps": np.array([10**6])}) == pytest.approx(
        {"w": 5.0}
    )
    large = scales({"head.weight": np.full((2, 2), 1e-30), "head.bias": np.full(2, 40.0)})
    assert large["head.bias"] == pytest.approx(40.0)


def test_names_that_look_like_patterns_are_names() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_parameter("a[0]", nn.Parameter(torch.full((2, 2), 0.01)))
            self.register_parameter("a0", nn.Parameter(torch.ones(2, 2)))

        def forward(self, x):
            w = dict(self.named_parameters())
            return x @ w["a[0]"] + x @ w["a0"]

    target = TorchTarget(Named(), half, (torch.randn(5, 2), torch.randn(5, 2)), gamma="auto")
    assert target.gamma == 1.0 and list(target.tie.values()) == [1e5, 10.0]
    assert target.full(np.eye(8)[[0, 4]])[1].shape == (2, 8) and target.groups == {
        "a[0]": slice(0, 4),
        "a0": slice(4, 8),
    }


@pytest.mark.parametrize(("weight", "inputs"), [(1.0, 1.0), (0.01, 100.0), (100.0, 0.01)])
def test_the_same_regression_in_other_units_has_the_same_coefficient(weight, inputs) -> None:
    """λ̂₂ of the tie that is chosen: within the 10 % that the size of the estimated weights differs
    from one.
    """
    module, x, y, _ = regression(weight, inputs)
    target = TorchTarget(module, half, (x, y), gamma="auto")
    assert weakened(target, NBETA, 0) == 1.0 and target.chosen
    found = quadratic(target, Tempering(NBETA, target.gamma), 0, 0).value
    assert found == pytest.approx(1.30, abs=0.03)


@pytest.mark.parametrize(("weight", "inputs"), [(0.001, 1.0), (100.0, 1e-5)])
def test_weights_that_the_noise_hides_do_not_set_the_tie(weight, inputs) -> None:
    """γ = 10/rms² would be a hundred times stiffer than the data: λ̂ = 0.02 for a regular model
    with d/2 = 1.5.
    """
    module, x, y, _ = regression(weight, inputs)
    module.weight.data = torch.full((1, 3), weight)  # what a shrunken estimate gives
    target = TorchTarget(module, half, (x, y), gamma="auto")
    stiff = closed(np.eye(3) * inputs**2, 10 / weight**2)
    factor = weakened(target, NBETA, 0)
    found = quadratic(target, Tempering(NBETA, factor * target.gamma), 0, 0).value
    assert stiff < 0.05 and found > 1.2


def test_a_tie_that_the_loss_feels_beyond_the_quadratic_model_is_not_weakened() -> None:
    """K = w²/10⁴ + w⁴: no curvature to speak of at w*, and the fourth power holds chains well
    inside the tie.
    """
    target = landscape(lambda w: 1e-4 * (w**2).sum() + (w**4).sum(), [0.0], gamma="auto")
    assert target.gamma == 10.0 and weakened(target, NBETA, 0) == 1.0
    flat = landscape(lambda w: 0 * (w**2).sum(), [0.0], gamma="auto")
    assert weakened(flat, NBETA, 0) == 1.0


@pytest.mark.parametrize(
    "f", [lambda w: (w**4).sum(), lambda w: (w**2).prod()], ids=["fourth power", "x²y²"]
)
def test_a_zero_that_training_did_not_quite_reach_does_not_set_the_tie(f) -> None:
    """w* = 1e-5: γ = 1e11 would hold chains where K is 1e-18. A γ four times smaller would let them
    meet nβ E[K] above one, which for a fourth power is 16 times what they meet now; the mean of 32
    heavy-tailed numbers may be off by a factor of two.
    """
    target = landscape(f, [1e-5, 1e-5], gamma="auto")
    gamma = weakened(target, NBETA, 0) * target.gamma
    reach = np.random.default_rng(0).normal(size=(200, 2)) * gamma**-0.5
    assert (
        target.gamma == 1e11 and gamma < 1e3 and 1 / 32 < NBETA * target.full(reach)[0].mean() < 2
    )


def test_the_default_finds_small_weights_and_says_what_was_taken() -> None:
    module, x, y, hessian = regression(0.01, 100.0)
    found = sl.local.llc(
        module, half, (x, y), sampler="hmc", chains=4, max_steps=1000, tolerance=0.2, progress=False
    )
    assert (
        found.status == "converged"
        and found.gamma_chosen
        and found.gamma == pytest.approx(1e5, rel=0.2)
    )
    assert "by the size of the weights" in str(found) and "at γ/2" in str(found)
    for estimate, factor in ((found, 1.0), (found.at_twice_gamma, 2.0), (found.at_half_gamma, 0.5)):
        assert (
            abs(estimate.value - closed(hessian, factor * found.gamma))
            < 4 * estimate.standard_error
            < 1.2
        )


def test_a_tie_for_every_tensor_is_told_by_name() -> None:
    class Silent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (
                nn.Parameter(torch.full((2, 2), 0.05)),
                nn.Parameter(torch.ones(2, 1)),
            )

        def forward(self, x):
            return 0 * (x @ self.first @ self.second)

    found = sl.local.llc(Silent(), half, (torch.ones(60, 2), torch.ones(60, 1)))
    assert found.gamma == 1.0 and found.gamma_by_name == {
        "first": (4000.0, 4000.0),
        "second": (10.0, 10.0),
    }
    assert (
        "γ from 10 to 4e+03 by name, by the size of the weights" in str(found) and found.value == 0
    )


# ---- a constant, and parameters without effect


def test_a_loss_that_never_changes_is_zero_at_once() -> None:
    """Dead ReLUs (bias -100): K = 0."""
    net = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1, bias=False))
    nn.init.constant_(net[0].bias, -100.0)
    found = sl.local.llc(
        net, half, (torch.linspace(-1, 1, 300)[:, None], torch.zeros(300, 1)), gamma=10.0
    )
    assert (found.value, found.standard_error, str(found.status), found.steps) == (
        0.0,
        0.0,
        "converged",
        0,
    )
    assert "the loss is constant" in str(found) and found.unfelt == (
        "0.weight",
        "0.bias",
        "2.weight",
    )
    assert found.to_dict()["learning_coefficient"] == 0.0


@pytest.mark.parametrize(
    ("f", "w"),
    [
        (lambda w: (w**4).sum(), [0.0]),
        (lambda w: w[0] ** 2 * w[1] ** 4, [0.0, 0.0]),
        (lambda w: torch.relu(w[0].abs() - 1.5 / 10**0.5) ** 2, [0.0]),
        (lambda w: torch.relu(w[0] - 3.5 / 10**0.5), [0.0]),
        (lambda w: 1e-12 * (w**2).sum(), [0.0]),
    ],
    ids=["fourth power", "x²y⁴", "walls of a flat valley", "one wall far off", "hardly anything"],
)
def test_what_is_flat_at_the_minimum_only_is_no_constant(f, w) -> None:
    assert unfelt(landscape(f, w), 0).tensors == () and not unfelt(landscape(f, w), 0).everything


def test_parameters_without_effect_are_named() -> None:
    class Merged(nn.Module):
        """An adapter whose update is in W already, and a head that is alive."""

        def __init__(self) -> None:
            super().__init__()
            self.A, self.head = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
            self.register_buffer("W", torch.eye(3))

        def forward(self, x):
            return x @ (self.W + 0 * self.A) @ self.head[:, None]

    _, x, y, _ = regression()
    seen = unfelt(TorchTarget(Merged(), half, (x, y), gamma=10.0), 0)
    assert (
        seen.tensors == ("A",)
        and seen.entries == 3
        and "does not depend on A (3 of 6" in str(seen.cautions(6)[0])
    )


def test_a_dead_unit_beside_live_ones_is_not_worth_a_word() -> None:
    x = torch.linspace(-1, 1, 50)[:, None]
    net = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    net[0].bias.data = torch.tensor([0.5, 0.5, -100.0])
    assert unfelt(TorchTarget(net, half, (x, x), gamma=10.0), 0).tensors == ()


def test_a_change_from_nothing_is_told_in_units_of_the_coefficient() -> None:
    """Chains in a flat valley that meet its walls at γ/2 only: λ̂ = 0 has no percentage."""
    (caution,) = gamma_cautions(0.0, 0.0, Estimate(0.0, 0.0), Estimate(0.3, 0.05))
    assert "+0.3 when γ is halved" in caution.message
    assert gamma_cautions(1.0, 0.1, Estimate(0.8, 0.1), Estimate(1.2, 0.1)) == []


def test_chains_that_are_all_the_same_agree() -> None:
    assert doubts(mixing(np.zeros((4, 100)), np.array([0.0, 1.0, 0.0, 1.0]))) == []


# ---- rounding


def test_a_large_constant_in_the_loss_is_computed_in_float64() -> None:
    """2e6 + the squared error: float32 keeps steps of 1/8 of it. The excess is exact afterwards,
    and a note says so.
    """
    module, x, y, _ = regression()
    plain = TorchTarget(module, half, (x, y), gamma=10.0)
    moved = [0.1, -0.2, 0.3]
    exact = plain.full(np.array([moved]))[0][0]
    for loss, data in (
        (lambda o, t: 2e6 + half(o, t), (x, y)),
        (lambda o, t: half(o, t) - 3e7, (x, y)),
    ):
        target = with_enough_digits(
            lambda double, loss=loss, data=data: TorchTarget(
                module, loss, data, gamma=10.0, double=double
            ),
            None,
        )
        assert "computed in float64" in target.notes[-1].message and NBETA * target.rounding < 1e-3
        assert target.full(np.array([moved]))[0][0] == pytest.approx(exact, rel=1e-4)
    assert (
        with_enough_digits(
            lambda double: TorchTarget(module, half, (x, y), gamma=10.0, double=double), None
        ).notes
        == ()
    )


def test_targets_far_from_zero_round_as_well() -> None:
    """Outputs and targets of 1e6 with noise of one: the losses are small, and have few digits."""
    module, x, y, _ = regression(shift=1e6)
    assert 0.01 < NBETA * TorchTarget(module, half, (x, y), gamma=10.0).rounding < 1.0
    small = regression()
    assert NBETA * TorchTarget(small[0], half, small[1:3], gamma=10.0).rounding < 1e-5


def test_a_jax_function_with_much_that_does_not_count() -> None:
    """Targets of 1e6, a leaf without effect, a counter of steps: digits measured, the leaf named, γ
    from the weights alone.
    """
    module, x, y, _ = regression(0.01, 100.0)
    w = {
        "w": module.weight.detach().numpy().T,
        "dead": np.zeros(2, np.float32),
        "steps": jnp.int32(10**6),
    }
    target = JaxTarget(
        lambda p, x: x @ p["w"] + 1e6,
        half,
        (x.numpy(), y.numpy() + np.float32(1e6)),
        w,
        gamma="auto",
    )
    assert 0.01 < NBETA * target.rounding < 1.0
    assert target.gamma == pytest.approx(1e5, rel=0.2) and target.dimension == 5
    assert unfelt(target, 0).tensors == ("dead",) and not unfelt(target, 0).everything


def test_what_float32_hides_altogether_is_refused_or_named() -> None:
    """1e9 in the loss of a JAX function: no change is seen."""
    module, x, y, _ = regression()
    target = JaxTarget(
        lambda p, x: x @ p,
        lambda o, t: 1e9 + half(o, t),
        (x.numpy(), y.numpy()),
        module.weight.detach().numpy().T,
        gamma=10.0,
    )
    assert NBETA * target.rounding > 1
    found = None
    try:
        felt, setting = unfelt(target, 0), Setting.of(target, Tempering(NBETA, 10.0))
        found = of_a_constant_loss(setting, felt, 4, 64, "sgld") if felt.everything else None
    except ValueError as error:
        assert "rounding" in str(error) and str(error).startswith("loss: ")
    assert found is None


# ---- rare samples


def test_samples_that_minibatches_hardly_meet_are_looked_for() -> None:
    """One sample in 50,000 feels the second weight. The yardstick takes all: ½ Σ nβh/(nβh + γ) for
    h = 1 and 900/n; so does the caution.
    """
    n = 50_000
    x = torch.zeros(n, 2)
    x[:, 0] = torch.randn(n, generator=torch.Generator().manual_seed(1))
    x[12345] = torch.tensor([0.0, 30.0])
    module = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(module.weight)
    target = TorchTarget(module, half, (x, torch.zeros(n, 1)), gamma=1.0)
    tempering = Tempering(n / math.log(n), 1.0)
    h = np.array([float((x[:, 0] ** 2).mean()), 900 / n])
    exact = 0.5 * float((tempering.nbeta * h / (tempering.nbeta * h + 1)).sum())
    assert quadratic(target, tempering, 0, 0).value == pytest.approx(exact, rel=1e-3)
    deviation = np.array(
        [(tempering.nbeta * h[0] + 1) ** -0.5, 1.0]
    )  # what chains find that do not meet the sample
    state = target.begin(np.zeros(4), 0)
    ends = np.array([[1.0, 1.0], [-1.0, -1.0], [0.5, 1.5], [-1.0, 0.5]]) * deviation
    away = state._replace(position=torch.as_tensor(ends, dtype=torch.float32))
    near = state._replace(position=torch.as_tensor(ends * [1.0, 0.01], dtype=torch.float32))

    def seen(where, visits):
        traces = Traces(np.zeros((4, int(visits * n / 100))), np.zeros((4, 1)))
        run = SimpleNamespace(state=where, batch=100, traces=traces)
        return inspect.unwrap(excess_over_all)(target, tempering, run)

    found = seen(away, 0.1)
    (caution,) = rare_samples_cautions(found, 0.5, 0.05)
    assert caution.message.startswith(
        "rare samples: each of the 50000 samples was in a chain's minibatches 0.1 times"
    )
    assert found.mean > 20 and rare_samples_cautions(seen(near, 0.1), 0.5, 0.05) == []
    often = seen(away, 7.0)
    assert math.isnan(often.mean) and rare_samples_cautions(often, 0.5, 0.05) == []


def test_what_was_computed_before_the_run_is_not_computed_again(monkeypatch) -> None:
    module, x, y, _ = regression()
    target = TorchTarget(module, half, (x, y), gamma=10.0)
    first = spectrum(target, NBETA, 0, 0)
    monkeypatch.setattr(TorchTarget, "curvature", lambda *_: pytest.fail("computed again"))
    assert spectrum(target, NBETA, 10**6, 0) is first


# ---- what helps


def test_a_larger_gamma_is_advised_only_where_the_tie_is_slow() -> None:
    assert "gamma 10 times larger" in what_helps(1e-4, 10.0, 1000, slow=True)
    assert "gamma" not in what_helps(1e-4, 10.0, 1000, slow=False)
    assert "gamma" not in what_helps(None, 10.0, 1000, slow=False)
    down = Traces(-np.geomspace(1, 1e9, 40)[None], np.ones((1, 40)))
    up = Traces(np.geomspace(1, 1e300, 40)[None], np.ones((1, 40)))
    lost = Traces(np.full((1, 40), np.nan), np.full((1, 40), np.nan))
    assert "a larger gamma" in why_diverged(down, (0,))
    assert all(
        "gamma" not in why_diverged(seen, (0,)) and "hmc" in why_diverged(seen, (0,))
        for seen in (up, lost)
    )
