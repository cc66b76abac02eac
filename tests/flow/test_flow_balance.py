"""Balancing against 50-digit convex programs, closed forms and direct minimisation.

``truth/balance.json`` was made by other code: Newton steps in 50-digit arithmetic on the sum of
exponentials in log scales, and the closed form 2 |G2 G1|_* for linear pairs.
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from singlearn import flow
from singlearn.flow.balance import proved_bound
from singlearn.flow.balance_arrays import Tree
from singlearn.flow.balance_matrix import change_to_law, geometric_mean_change
from singlearn.flow.balance_scales import Edges, ScaleProgram, minimise

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "balance.json").read_text())


def numbers(nested):
    return np.array(nested, dtype=object).astype(float)


def network(case):
    layers, depth = [], len(case["widths"]) - 1
    for i in range(depth):
        linear = nn.Linear(
            case["widths"][i], case["widths"][i + 1], bias=case["bias"], dtype=torch.float64
        )
        linear.weight.data = torch.tensor(numbers(case["weights"][i]))
        if case["bias"]:
            linear.bias.data = torch.tensor(numbers(case["weights"][depth + i])[:, 0])
        layers += [linear, nn.ReLU()] if i < depth - 1 else [linear]
    return nn.Sequential(*layers)


def half_square(case):
    x, y = torch.tensor(numbers(case["inputs"])).T, torch.tensor(numbers(case["targets"])).T
    return lambda net: (net(x) - y).square().sum(1).mean() / 2


def random_net(*widths, act=nn.ReLU, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b, dtype=dtype), act())]
    return nn.Sequential(*layers[:-1])


def fit(seed=5, n=24, inputs=3, outputs=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x, y = (
        torch.randn(n, inputs, generator=generator, dtype=dtype),
        torch.randn(n, outputs, generator=generator, dtype=dtype),
    )
    return lambda net: (net(x) - y).square().mean()


@pytest.mark.parametrize("case", TRUTH["scalings"], ids=lambda c: c["name"])
def test_scales_are_those_of_fifty_digits(case):
    net, loss = network(case), half_square(case)
    found = flow.balance(net, loss)
    assert found.loss[0] == pytest.approx(float(case["loss_value"]), rel=1e-13)
    assert found.before == pytest.approx(float(case["grad_norm2_before"]), rel=1e-12)
    assert found.value == pytest.approx(float(case["grad_norm2_min"]), rel=1e-12)
    assert found.measured == pytest.approx(found.value, rel=1e-11)
    scales = np.concatenate([np.log(place.change) for place in found.places])
    np.testing.assert_allclose(
        scales, [float(v) for v in case["log_scale_per_hidden_node"]], atol=1e-11
    )
    assert found.gap < 1e-12 * found.value
    assert found.attained
    assert found.residual < 1e-12
    assert not found.cautions
    weights = flow.balance(net, what="weights")
    assert weights.before == pytest.approx(float(case["weight_norm2_before"]), rel=1e-14)
    assert weights.value == pytest.approx(float(case["weight_norm2_min"]), rel=1e-12)
    scales = np.concatenate([np.log(place.change) for place in weights.places])
    np.testing.assert_allclose(
        scales, [float(v) for v in case["log_scale_weight_balanced"]], atol=1e-11
    )
    # Weight balance: every conserved quantity is zero.
    for law in flow.laws(weights.network).laws:
        values = law.values(
            {
                name: p.detach().numpy()
                for name, p in weights.network.named_parameters()
                if p.ndim == 2
            }
            | {
                name: p.detach().numpy()[:, None]
                for name, p in weights.network.named_parameters()
                if p.ndim == 1
            }
        )
        assert np.abs(values).max() < 1e-12 * weights.value


@pytest.mark.parametrize("case", TRUTH["linear_blocks"], ids=lambda c: c["name"])
def test_linear_pairs_reach_the_nuclear_norm(case):
    w1, w2, x, y = (numbers(case[key]) for key in ("W1", "W2", "inputs", "targets"))
    e = (w2 @ w1 @ x - y) @ x.T / x.shape[1]
    found = flow.balance([w1, w2], activation="linear", gradients=[w2.T @ e, e @ w1.T])
    assert found.before == pytest.approx(float(case["grad_norm2_before"]), rel=1e-12)
    assert found.infimum == pytest.approx(float(case["infimum_grad_norm2"]), rel=1e-12)
    assert found.value == pytest.approx(float(case["infimum_grad_norm2"]), rel=1e-9)
    assert found.attained == case["attained"]
    v1, v2 = found.network
    g1, g2 = v2.T @ e, e @ v1.T
    assert np.abs(g1 @ g1.T - g2.T @ g2).max() < 1e-9 * found.value
    weights = flow.balance([w1, w2], what="weights", activation="linear")
    assert weights.value == pytest.approx(float(case["weight_norm2_infimum"]), rel=1e-9)
    np.testing.assert_allclose(weights.network[1] @ weights.network[0], w2 @ w1, atol=1e-12)


def test_matrix_agrees_with_direct_minimisation():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 4)), rng.normal(size=(3, 2))
    for contragredient in (True, False):
        change = geometric_mean_change(first, second, contragredient)

        def norm(entries, contragredient=contragredient):
            a = entries.reshape(2, 2)
            inverse = np.linalg.inv(a)
            left, right = (inverse.T, a.T) if contragredient else (a, inverse)
            return np.square(left @ first).sum() + np.square(second @ right).sum()

        direct = minimize(norm, np.eye(2).reshape(-1), method="BFGS", options={"gtol": 1e-10}).fun
        assert norm(change.matrix.reshape(-1)) == pytest.approx(direct, rel=1e-9)
        assert change.infimum == pytest.approx(direct, rel=1e-9)
        assert change.attained
        np.testing.assert_allclose(change.matrix, change.matrix.T)


def test_lower_rank_has_no_minimum():
    """G₁ lives in one hidden direction, G₂ reads another: the product is 0 and so is the
    infimum.
    """
    change = geometric_mean_change(np.array([[1.0], [0.0]]), np.array([[0.0, 1.0]]), True)
    assert not change.attained
    assert change.infimum == 0
    wide = flow.balance(
        [np.eye(3, 2), np.array([[1.0, 0.0, 0.0]])], what="weights", activation="linear"
    )
    assert not wide.attained
    assert wide.infimum == pytest.approx(2)
    assert wide.value >= wide.infimum
    assert [str(c.reason) for c in wide.cautions] == ["no_minimum"]


@pytest.mark.parametrize("degree", [1.0, 2.0, 3.0])
def test_degrees_agree_with_direct_minimisation(degree):
    rng = np.random.default_rng(4)
    costs = [rng.random((3, 2)), rng.random((3, 1)), rng.random((2, 3)), rng.random((1, 2))]
    edges = (
        Edges(None, 0, costs[0]),
        Edges(None, 0, costs[1]),
        Edges(0, 1, costs[2]),
        Edges(1, None, costs[3]),
    )
    for sign in (1, -1):
        found = minimise(ScaleProgram((3, 2), (degree, degree), edges, sign))

        def total(x, sign=sign):
            a, b = x[:3], x[3:]
            return (
                (costs[0] * np.exp(-2 * sign * a)[:, None]).sum()
                + (costs[1] * np.exp(-2 * sign * a)[:, None]).sum()
                + (costs[2] * np.exp(2 * sign * (degree * a[None, :] - b[:, None]))).sum()
                + (costs[3] * np.exp(2 * sign * degree * b)).sum()
            )

        direct = minimize(total, np.zeros(5), method="BFGS", options={"gtol": 1e-12})
        assert float(found.value) == pytest.approx(direct.fun, rel=1e-10)
        np.testing.assert_allclose(np.concatenate(found.log_scales), direct.x, atol=1e-6)
        assert 0 <= float(found.gap) < 1e-13 * float(found.value)


def test_gap_bounds_the_distance_to_the_minimum():
    """At a point that is not the minimum the certificate says at least how far it is."""
    from singlearn.flow.balance_scales import _gap, flows

    rng = np.random.default_rng(0)
    edges = (
        Edges(None, 0, rng.random((4, 3))),
        Edges(0, 1, rng.random((3, 4))),
        Edges(1, None, rng.random((2, 3))),
    )
    program = ScaleProgram((4, 3), (1.0, 1.0), edges)
    least = float(minimise(program).value)
    for _ in range(20):
        x = [rng.normal(size=4), rng.normal(size=3)]
        values = flows(program, x)
        value = sum(v.sum() for v in values)
        assert value - float(_gap(program, values)) <= least * (1 + 1e-12)


def test_wide_and_deep_programs_are_solved_as_narrow_ones_are(monkeypatch):
    """Elimination and conjugate gradients give the same scales; a batch gives what its members
    give.
    """
    from singlearn.flow import balance_scales

    rng = np.random.default_rng(1)
    costs = [np.exp(2 * rng.normal(size=(2, 5, 3 if k == 0 else 5))) for k in range(12)]

    def program(select):
        return ScaleProgram(
            (5,) * 11,
            (1.0,) * 11,
            tuple(
                Edges(k - 1 if k else None, k if k < 11 else None, select(c))
                for k, c in enumerate(costs)
            ),
        )

    batch = minimise(program(lambda c: c))
    monkeypatch.setattr(balance_scales, "NARROW", 0)
    for b in range(2):
        one = minimise(program(lambda c, b=b: c[b]))
        assert float(one.value) == pytest.approx(float(batch.value[b]), rel=1e-13)
        for x, y in zip(one.log_scales, batch.log_scales, strict=True):
            np.testing.assert_allclose(x, y[b], atol=1e-8)


def test_huge_imbalance_stays_within_floats():
    net = random_net(3, 6, 6, 2)
    with torch.no_grad():
        net[0].weight[0] *= 1e60
        net[0].bias[0] *= 1e60
        net[2].weight[:, 0] /= 1e60
        net[2].weight[1] /= 1e90
        net[2].bias[1] /= 1e90
        net[4].weight[:, 1] *= 1e90
    found, plain = (
        flow.balance(net, what="weights"),
        flow.balance(random_net(3, 6, 6, 2), what="weights"),
    )
    assert found.value == pytest.approx(plain.value, rel=1e-11)


def test_a_node_without_outgoing_weights_has_no_minimum():
    net = random_net(3, 4, 2)
    with torch.no_grad():
        net[2].weight[:, 1] = 0
        net[0].weight[3], net[0].bias[3] = 0.0, -1.0  # dead: no gradient at all, nothing to say
    found = flow.balance(net, fit())
    assert not found.attained
    assert found.places[0].lost == (1,)
    assert found.places[0].change[1] == found.places[0].change[3] == 1
    assert found.infimum < found.value
    assert [str(c.reason) for c in found.cautions] == ["no_minimum"]
    assert "node 1" in found.cautions[0].message
    # The infimum is what is left when that node's scale runs off.
    with torch.no_grad():
        far = random_net(3, 4, 2)
        far.load_state_dict(found.network.state_dict())
        far[0].weight[1] /= 1e6
        far[0].bias[1] /= 1e6
    assert flow.balance(far, fit()).before == pytest.approx(found.infimum, rel=1e-9)


def test_laws_get_the_values_that_are_asked_for():
    net = random_net(3, 5, 4, 2)
    laws = flow.laws(net).laws
    want = np.array([3.0, -2.0, 0.0, 1.0, -0.5])
    kept = flow.balance(net, what={laws[1]: 0.0}).network
    found = flow.balance(net, what={laws[0]: want})
    parameters = {
        name: p.detach().numpy().reshape(len(p), -1) for name, p in found.network.named_parameters()
    }
    before = {name: p.detach().numpy().reshape(len(p), -1) for name, p in net.named_parameters()}
    np.testing.assert_allclose(laws[0].values(parameters), want, atol=1e-12)
    np.testing.assert_allclose(laws[1].values(parameters), laws[1].values(before), atol=1e-12)
    assert (
        np.abs(
            laws[1].values(
                {n: p.detach().numpy().reshape(len(p), -1) for n, p in kept.named_parameters()}
            )
        ).max()
        < 1e-12
    )
    x = torch.randn(50, 3, dtype=torch.float64)
    assert float((found.network(x) - net(x)).detach().abs().max()) < 1e-13
    with pytest.raises(ValueError, match="what: 7"):
        flow.balance(net, what={"7": 0.0})
    with pytest.raises(ValueError, match="shape"):
        flow.balance(net, what={"0": [1.0, 2.0]})


def test_matrix_laws_get_their_values():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(3, 4)), rng.normal(size=(5, 3))
    target = rng.normal(size=(3, 3))
    target = target + target.T
    a, inverse = change_to_law(first, second, target)
    v1, v2 = a @ first, second @ inverse
    np.testing.assert_allclose(v1 @ v1.T - v2.T @ v2, target, atol=1e-12)
    np.testing.assert_allclose(v2 @ v1, second @ first, atol=1e-12)
    found = flow.balance([first, second], what={"layer 1": target}, activation="linear")
    np.testing.assert_allclose(
        found.network[0] @ found.network[0].T - found.network[1].T @ found.network[1],
        target,
        atol=1e-12,
    )
    # Of rank 1 before the layer, so that two positive eigenvalues are impossible.
    with pytest.raises(ValueError, match="positive eigenvalues"):
        flow.balance(
            [first[:, :1], second], what={"layer 1": np.diag([1.0, 1.0, -1.0])}, activation="linear"
        )


def test_deep_linear_chains_reach_the_schatten_norm():
    r"""min Σ|W_l|² over factorisations of M into L factors is :math:`L \sum_i σ_i(M)^{2/L}`."""
    rng = np.random.default_rng(6)
    weights = [rng.normal(size=(4, 4)) + 2 * np.eye(4) for _ in range(3)]
    singular = np.linalg.svd(weights[2] @ weights[1] @ weights[0], compute_uv=False)
    found = flow.balance(weights, what="weights", activation="linear")
    assert found.value == pytest.approx(3 * (singular ** (2 / 3)).sum(), rel=1e-10)
    assert found.gap is None
    assert found.residual < 1e-6


def modules():
    torch.manual_seed(1)
    image, sequence = torch.randn(6, 2, 12, 12).double(), torch.randn(4, 5, 8).double()
    convolution = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 3, 3),
        nn.LeakyReLU(0.2),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(3, 2),
    )
    linear = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 64, 2)
    )
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    nn.init.normal_(attention.in_proj_bias)
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.3, batch_first=True)
    mixed = nn.Sequential(
        nn.Linear(3, 5),
        nn.ReLU(),
        nn.Linear(5, 4),
        nn.Linear(4, 4),
        nn.PReLU(),
        nn.Linear(4, 3),
        nn.Tanh(),
        nn.Linear(3, 2),
    )
    return [
        ("convolution", convolution.double(), (image,), ["scales", "scales"]),
        ("linear convolution", linear.double(), (image,), ["GL(3)", "GL(2)"]),
        ("attention", attention.double(), (sequence, sequence, sequence), ["GL(4)"] * 4),
        ("transformer layer", layer.double(), (sequence,), [*["GL(4)"] * 4, "scales"]),
        ("mixed", mixed.double(), (torch.randn(20, 3).double(),), ["scales", "GL(4)", "scales"]),
    ]


@pytest.mark.parametrize("case", modules(), ids=lambda c: c[0])
def test_modules_are_read_and_their_gradients_equalised(case):
    _, module, inputs, symmetries = case

    def loss(net):
        outputs = net(*inputs)
        attended = outputs[0] if isinstance(net, nn.MultiheadAttention) else outputs
        return attended.sin().square().mean()

    found = flow.balance(module, loss, inputs=inputs if len(inputs) > 1 else inputs[0])
    assert [place.symmetry.split(" ")[0] for place in found.places] == symmetries
    # Autograd at the new weights agrees with what was predicted, and the function stayed.
    assert found.measured == pytest.approx(found.after, rel=1e-8)
    assert found.after < found.before
    assert found.residual < 1e-7
    assert found.function.measured < 1e-10
    assert not found.cautions
    for parameter, other in zip(module.parameters(), found.network.parameters(), strict=True):
        assert parameter.shape == other.shape
    # A second time there is nothing to do.
    again = flow.balance(found.network, loss, inputs=inputs if len(inputs) > 1 else inputs[0])
    assert again.after == pytest.approx(again.before, rel=1e-10)


def test_what_has_no_symmetry_is_named():
    found = flow.balance(
        nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)),
        what="weights",
    )
    assert found.without == ("after 0: GELU has no continuous symmetry",)
    normed = flow.balance(
        nn.Sequential(
            nn.Linear(3, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)
        ),
        what="weights",
    )
    assert normed.without == ("after 0: no symmetry is known through LayerNorm (1)",)
    sequence = nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(20, 4), nn.ReLU(), nn.Linear(4, 2)
    )
    assert (
        "positions of a sequence"
        in flow.balance(sequence, what="weights", inputs=torch.randn(2, 5, 3)).without[0]
    )


def test_powers_of_two_leave_every_bit():
    net, loss = random_net(3, 16, 16, 2, dtype=torch.float32), fit(dtype=torch.float32)
    with torch.no_grad():
        net[0].weight *= 37.0
        net[0].bias *= 37.0
    found = flow.balance(net, loss, powers_of_two=True)
    x = torch.randn(200, 3)
    assert torch.equal(net(x), found.network(x))
    assert found.function.proved == 0
    least = flow.balance(net, loss)
    assert least.value <= found.value <= 1.3 * least.value
    assert found.value - found.gap <= least.value * (1 + 1e-9)
    # In single precision the other scales round, within what is proved.
    y = torch.rand(2000, 3) * 2 - 1
    moved = float(
        (net.double()(y.double()) - least.network.double()(y.double())).detach().abs().max()
    )
    assert 0 < moved < least.function.proved < 1e-4


def test_proved_bound_is_above_the_worst_rounding():
    rng = np.random.default_rng(0)
    tree = Tree([rng.normal(size=(6, 3)), rng.normal(size=(5, 6)), rng.normal(size=(2, 5))], "relu")
    for share in (1e-3, 1e-6):
        bound = proved_bound(tree.chain, tree.arrays, share)
        x = rng.choice([-1.0, 1.0], size=(500, 3))
        for _ in range(5):
            off = {
                name: a * (1 + share * rng.choice([-1, 1], size=a.shape))
                for name, a in tree.arrays.items()
            }
            assert np.abs(tree.outputs(off, x) - tree.outputs(tree.arrays, x)).max() <= bound


def test_jax_trees_are_read_as_their_library_means_them():
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    kernels = {
        f"Dense_{k}": {
            "kernel": jnp.asarray(rng.normal(size=s)),
            "bias": jnp.asarray(rng.normal(size=s[1])),
        }
        for k, s in ((10, (4, 2)), (2, (3, 5)), (3, (5, 4)))
    }
    x = jnp.asarray(rng.normal(size=(20, 3)))

    def loss(tree):
        h = jax.nn.relu(x @ tree["Dense_2"]["kernel"] + tree["Dense_2"]["bias"])
        h = jax.nn.relu(h @ tree["Dense_3"]["kernel"] + tree["Dense_3"]["bias"])
        return jnp.mean((h @ tree["Dense_10"]["kernel"] + tree["Dense_10"]["bias"] - 1) ** 2)

    found = flow.balance(kernels, loss, activation="relu")
    assert [place.after_layer for place in found.places] == ["Dense_2", "Dense_3"]
    assert found.network["Dense_2"]["kernel"].dtype == kernels["Dense_2"]["kernel"].dtype
    assert float(loss(found.network)) == pytest.approx(float(loss(kernels)), rel=1e-5)
    assert found.measured == pytest.approx(found.after, rel=1e-4)
    assert found.residual < 1e-12


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: flow.balance(random_net(2, 3, 1, act=nn.Tanh), what="weights"),
            "Tanh has no continuous symmetry",
        ),
        (lambda: flow.balance(random_net(2, 3, 1)), "loss: it is needed"),
        (lambda: flow.balance(random_net(2, 3, 1), what="norm"), "what: got 'norm'"),
        (lambda: flow.balance(nn.Linear(2, 2), what="weights"), "Linear is not understood"),
        (
            lambda: flow.balance(
                [np.ones((3, 2)), np.ones((1, 2))], what="weights", activation="relu"
            ),
            "writes 3 numbers and layer 1",
        ),
        (
            lambda: flow.balance([np.ones((3, 2)), np.ones((1, 3))], what="weights"),
            "activation: got None",
        ),
        (
            lambda: flow.balance(
                [np.ones((3, 2)), np.ones((1, 3))], lambda w: 0.0, activation="relu"
            ),
            "give gradients instead",
        ),
        (
            lambda: flow.balance(
                [1j * np.ones((3, 2)), np.ones((1, 3))], what="weights", activation="relu"
            ),
            "should be real",
        ),
        (
            lambda: flow.balance(
                {"a": np.ones((3, 2)), "b": np.ones((1, 3))}, what="weights", activation="relu"
            ),
            "no order",
        ),
        (
            lambda: flow.balance(random_net(2, 3, 1), lambda net: 1.0),
            "loss: it should be a function",
        ),
        (
            lambda: flow.balance(
                [np.eye(2), np.eye(2)], what="weights", activation="linear", powers_of_two=True
            ),
            "powers_of_two",
        ),
        (
            lambda: flow.balance(
                [np.eye(2), np.full((2, 2), np.nan)], what="weights", activation="relu"
            ),
            "not finite",
        ),
    ],
)
def test_refusals_name_the_argument(call, says):
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        call()


def test_gradients_of_another_function_are_refused():
    net, loss = random_net(3, 5, 2), fit(outputs=2)
    decayed = lambda n: loss(n) + 0.3 * sum(p.square().sum() for p in n.parameters())  # noqa: E731
    with pytest.raises(ValueError, match="lacks the symmetry"):
        flow.balance(net, decayed)
    slightly = flow.balance(
        net, lambda n: loss(n) + 1e-5 * sum(p.square().sum() for p in n.parameters())
    )
    assert next(str(c.reason) for c in slightly.cautions) == "rounding"
    shared = random_net(3, 3, 3, 3)
    shared[2].weight = shared[4].weight
    with pytest.raises(ValueError, match="shared"):
        flow.balance(shared, what="weights")
    frozen = random_net(3, 3, 2)
    frozen[0].bias.requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        flow.balance(frozen, what="weights")


def trained(optimizer, net, loss, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(net).backward()
        optimizer.step()


def test_balanced_weights_stay_balanced_and_memory_moves_along():
    net, loss = random_net(3, 6, 2), fit()
    optimizer = flow.Balanced(
        torch.optim.Adam(net.parameters(), lr=1e-2), net, every=3, what="weights"
    )
    trained(optimizer, net, loss, 3)
    held = {
        name: {key: v.clone() for key, v in optimizer.state[p].items()}
        for name, p in net.named_parameters()
    }
    old = {name: p.detach().clone() for name, p in net.named_parameters()}
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    optimizer.zero_grad()
    loss(net).backward()
    gradient = net[0].weight.grad.clone()
    optimizer.step()
    scale = net[0].weight.detach() / old["0.weight"]
    first = optimizer.state[net[0].weight]
    # The step itself added the new gradient, which had moved along: m' = (β m + (1 - β) g) / s.
    torch.testing.assert_close(
        first["exp_avg"], (0.9 * held["0.weight"]["exp_avg"] + 0.1 * gradient) / scale
    )
    torch.testing.assert_close(
        first["exp_avg_sq"],
        (0.999 * held["0.weight"]["exp_avg_sq"] + 0.001 * gradient**2) / scale**2,
    )
    assert [record.step for record in optimizer.history] == [0, 3]
    assert [record.memory for record in optimizer.history] == ["none yet", "transformed"]
    incoming = (net[0].weight.square().sum(1) + net[0].bias.square()).detach()
    torch.testing.assert_close(incoming, net[2].weight.square().sum(0).detach())


def test_balanced_gradients_are_those_of_the_new_weights():
    net, loss = random_net(3, 6, 6, 2), fit()
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    optimizer = flow.Balanced(sgd, net, every=None)
    schedule = torch.optim.lr_scheduler.StepLR(sgd, 1, 0.5)
    held = {}
    sgd.register_step_pre_hook(
        lambda *_: held.update({name: p.grad.clone() for name, p in net.named_parameters()})
    )
    expected = flow.balance(net, loss)
    optimizer.zero_grad()
    loss(net).backward()
    optimizer.step()
    schedule.step()
    loss(expected.network).backward()
    for name, p in expected.network.named_parameters():
        torch.testing.assert_close(held[name], p.grad, rtol=1e-9, atol=1e-12)
    trained(optimizer, net, loss, 2)
    assert len(optimizer.history) == 1
    assert optimizer.history[0].after == pytest.approx(expected.value)
    assert optimizer.param_groups[0]["lr"] == 0.025
    with pytest.raises(ValueError, match="closure"):
        sgd.step(lambda: loss(net))


def test_what_cannot_be_carried_along_is_reset_and_said():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    optimizer = flow.Balanced(torch.optim.AdamW(net.parameters(), lr=1e-3), net, every=2)
    trained(optimizer, net, fit(), 3)
    assert optimizer.history[-1].memory == "reset"
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True).double()
    x = torch.randn(3, 5, 4, dtype=torch.float64)
    optimizer = flow.Balanced(torch.optim.AdamW(layer.parameters(), lr=1e-3), layer, every=1)
    trained(optimizer, layer, lambda net: net(x).sin().mean(), 2)
    assert optimizer.history[-1].memory.startswith("transformed; reset for self_attn.in_proj_bias")
    assert "linear1" not in optimizer.history[-1].memory
    with pytest.raises(ValueError, match="memory should be 'reset'"):
        flow.Balanced(torch.optim.Adadelta(net.parameters()), net)
    with pytest.raises(ValueError, match=r"it does not have 1\.weight"):
        flow.Balanced(torch.optim.SGD(net[0].parameters(), lr=0.1), net)


def test_optax_state_moves_along():
    import jax
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(0)
    params = [jnp.asarray(rng.normal(size=s)) for s in ((4, 3), (2, 4))]
    x = jnp.asarray(rng.normal(size=(3, 20)))
    loss = lambda w: jnp.mean((w[1] @ jax.nn.relu(w[0] @ x) - 1) ** 2)  # noqa: E731
    optimizer = optax.chain(optax.clip_by_global_norm(10.0), optax.adamw(1e-2))
    state = optimizer.init(params)
    for _ in range(3):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
    moved = flow.rebalance(params, state, loss, activation="relu")
    scale = np.asarray(moved.params[0] / params[0])
    before, after = (optax.tree_utils.tree_get(s, "mu")[0] for s in (state, moved.state))
    np.testing.assert_allclose(after, before / scale, rtol=1e-4)
    before, after = (optax.tree_utils.tree_get(s, "nu")[0] for s in (state, moved.state))
    np.testing.assert_allclose(after, before / scale**2, rtol=1e-4)
    optimizer.update(jax.grad(loss)(moved.params), moved.state, moved.params)
    with pytest.raises(ValueError, match="nu: no rule"):
        flow.rebalance(params, state, activation="linear", what="weights")
    with pytest.raises(ValueError, match="arrays are not known"):
        flow.rebalance(params, (state, {"other": params}), activation="relu", what="weights")


def test_the_tailored_rectifier_has_the_correlation_that_it_was_made_for():
    """One layer's map of correlations beside draws; and the whole network's reaches 0.9."""
    from singlearn.experiments.own.hundred_layers_networks import (
        LayeredArchitecture,
        start,
        tailored_slope,
    )

    slope, rng = tailored_slope(30), np.random.default_rng(0)
    z = rng.normal(size=(400_000, 2))
    h = np.where(z > 0, z, slope * z)
    measured = (h[:, 0] * h[:, 1]).mean() / (h**2).mean()
    assert measured == pytest.approx((1 - slope) ** 2 / (np.pi * (1 + slope**2)), abs=4e-3)
    with torch.no_grad():
        architecture = LayeredArchitecture("tailored (TAT)", 10)
        weights = start(architecture, "looks-linear", [0, 1])
        x = torch.randn(2, 9)
        outputs, _ = architecture.forward(weights, x)
        doubled, _ = architecture.forward(weights, 2 * x)
    torch.testing.assert_close(doubled, 2 * outputs)  # it starts linear


def test_an_imbalanced_start_is_the_same_function_and_the_same_balance():
    from singlearn.experiments.own.hundred_layers_networks import (
        LayeredArchitecture,
        balance,
        start,
    )
    from singlearn.experiments.own.hundred_layers_training import moons

    x, label = moons()
    architecture, found = LayeredArchitecture("nothing", 12), []
    for name in ("He", "imbalanced"):
        weights = start(architecture, name, [0, 1])
        for w in weights:
            w.requires_grad_(True)
        outputs, _ = architecture.forward(weights, x)
        (outputs - label).square().mean(1).sum().backward()
        residual = balance(weights, "gradients", [], [], 1e-10)
        assert residual < 1e-9
        found.append((outputs.detach(), weights))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-3, atol=1e-4)
    for one, two in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one.grad, two.grad, rtol=1e-2, atol=1e-4)
        # A node that is dead on the data has no gradient, and stays where it was.
        live = one.grad.abs() > 1e-3
        assert live.any()
        torch.testing.assert_close(one.detach()[live], two.detach()[live], rtol=1e-2, atol=1e-3)


def test_laws_table_proves_all_and_disagrees_where_formulas_are_wrong():
    from singlearn.experiments.own.laws_table import EDGE_CASES, gram_rank

    for _, description, formula, _ in EDGE_CASES[:4]:
        count = flow.count(description)
        assert count.proved
        assert count.number != formula
    assert flow.count({"kind": "linear_chain", "widths": [3, 4, 5, 2]}).number == gram_rank(
        [3, 4, 5, 2]
    )


def test_hundred_layers_runs_and_reads_what_it_stored(tmp_path, monkeypatch):
    from singlearn.experiments import REGISTRY
    from singlearn.experiments.own import hundred_layers

    monkeypatch.setattr(hundred_layers, "QUICK", ((6,), 2, (0,)))
    result = REGISTRY["hundred-layers"].run(True, 0, tmp_path, False)
    assert len(result.rows) == len(hundred_layers.TREATMENTS) * 2 * 4
    assert all(path.stat().st_size > 10_000 for path in result.figures)
    monkeypatch.setattr("singlearn.experiments.own.hundred_layers_training.train", None)
    again = REGISTRY["hundred-layers"].run(True, 0, tmp_path, False)
    assert again.rows == result.rows
