"""Moving along an orbit: closed forms, the function that stays, and values that are refused.

Closed forms: a node with incoming square A and outgoing square B has a² = (Q + √(Q² + 4AB)) / 2A; a
chain of scalars of product c the root of Π(x + q_l) = c²; a balanced linear pair with Q = λI
singular values σ(W1)² = (λ + √(λ² + 4s²)) / 2.
"""

import numpy as np
import pytest
import torch
from torch import nn

from singlearn import flow
from singlearn.flow.law import Gram, LinearLaw, gram_law
from singlearn.symmetry import TwoLayerReLU, equivalent

RNG = np.random.default_rng(3)
WEIGHTS = {
    "W1": RNG.normal(size=(4, 3)),
    "b1": RNG.normal(size=4),
    "W2": RNG.normal(size=(2, 4)),
    "b2": RNG.normal(size=2),
}
NODES = flow.laws([WEIGHTS["W1"], WEIGHTS["W2"]], biases=[WEIGHTS["b1"], WEIGHTS["b2"]])[0]
PAIR = {"W1": RNG.normal(size=(4, 5)), "W2": RNG.normal(size=(6, 4))}
MATRIX = flow.laws(list(PAIR.values()), activation="linear")[0]


def test_a_node_moves_by_the_closed_form():
    target = np.array([0.0, 1.0, -2.0, 30.0])
    moved = flow.orbit(WEIGHTS, NODES).move_to(target)
    a, b = (WEIGHTS["W1"] ** 2).sum(1) + WEIGHTS["b1"] ** 2, (WEIGHTS["W2"] ** 2).sum(0)
    factor = np.sqrt((target + np.sqrt(target**2 + 4 * a * b)) / (2 * a))
    np.testing.assert_allclose(moved.weights["W1"], WEIGHTS["W1"] * factor[:, None], rtol=1e-12)
    np.testing.assert_allclose(moved.weights["W2"], WEIGHTS["W2"] / factor, rtol=1e-12)
    np.testing.assert_allclose(moved.values[0], target, atol=1e-12)
    assert moved.proof.startswith("symmetry.equivalent")


def test_equivalent_proves_that_the_function_stays_exactly_where_the_factor_is_exact():
    # A = 1 and B = 1/4: at Q = 0 the factor is a² = 1/2 of a node whose weights are powers of two;
    # at Q = 3.9375 it is 2.
    before = {
        "W1": np.array([[1.0]]),
        "b1": np.zeros(1),
        "W2": np.array([[0.5]]),
        "b2": np.zeros(1),
    }
    law = flow.laws([before["W1"], before["W2"]], biases=[before["b1"], before["b2"]])[0]
    moved = flow.orbit(before, law).move_to(4 - 1 / 16).weights
    nets = [
        TwoLayerReLU(w["W1"], w["b1"], w["W2"][0], w["b2"][0])
        for w in (before, {k: v.round(12) for k, v in moved.items()})
    ]
    assert equivalent(*nets)


def test_powers_scale_with_their_degree():
    law = gram_law([Gram("W", 0), Gram("V", 1, -2)], "diagonal", "scaling of a node, (a, a^-2)")
    weights = {"W": RNG.normal(size=(3, 2)), "V": RNG.normal(size=(2, 3))}
    x = RNG.normal(size=(2, 7))
    moved = flow.orbit(
        weights, law, function=lambda w: w["V"] @ np.maximum(w["W"] @ x, 0) ** 2
    ).move_to([1.0, 0.0, -3.0])
    np.testing.assert_allclose(moved.values[0], [1.0, 0.0, -3.0], atol=1e-12)
    assert moved.difference < 1e-12


def test_a_chain_of_scalars_is_the_root_of_its_polynomial():
    chain = [np.array([[x]]) for x in (2.0, -0.5, 3.0)]
    laws = list(flow.laws(chain, activation="linear"))
    scales = [gram_law(list(law.terms), "diagonal", law.symmetry) for law in laws]
    moved = flow.orbit({f"W{i + 1}": w for i, w in enumerate(chain)}, scales).move_to(
        [[1.0], [-2.0]]
    )
    # w1² - w2² = 1 and w2² - w3² = -2: with x = w3², (x - 1)(x - 2) x = c².
    roots = np.roots([1, -3, 2, -9.0])
    x = float(roots[np.abs(roots.imag) < 1e-9].real.max())
    squares = [float(moved.weights[f"W{i}"][0, 0]) ** 2 for i in (1, 2, 3)]
    np.testing.assert_allclose(squares, [x - 1, x - 2, x], rtol=1e-12)
    assert moved.weights["W2"][0, 0] < 0


@pytest.mark.parametrize("target", [0.0, 2.5, -1.0])
def test_a_linear_pair_moves_to_multiples_of_the_identity(target):
    moved = flow.orbit(PAIR, MATRIX).move_to(target)
    np.testing.assert_allclose(moved.values[0], target * np.eye(4), atol=1e-10)
    s = np.linalg.svd(PAIR["W2"] @ PAIR["W1"])[1][:4]
    sigma = np.linalg.svd(moved.weights["W1"])[1]
    np.testing.assert_allclose(sigma**2, (target + np.sqrt(target**2 + 4 * s**2)) / 2, rtol=1e-10)
    np.testing.assert_allclose(
        moved.weights["W2"] @ moved.weights["W1"], PAIR["W2"] @ PAIR["W1"], atol=1e-12
    )


def test_a_linear_pair_moves_to_any_symmetric_matrix():
    orbit = flow.orbit(PAIR, MATRIX)
    assert orbit.attainable == "every symmetric 4 × 4 matrix"
    for size in (1.0, 30.0):
        target = size * RNG.normal(size=(4, 4))
        target = target + target.T
        moved = orbit.move_to(target)
        np.testing.assert_allclose(moved.values[0], target, atol=1e-9 * size)
        np.testing.assert_allclose(
            moved.weights["W2"] @ moved.weights["W1"], PAIR["W2"] @ PAIR["W1"], atol=1e-11
        )


def test_heads_and_networks_of_modules_move_and_keep_their_function():
    torch.manual_seed(0)
    heads = nn.MultiheadAttention(8, 2, batch_first=True)
    law = flow.laws(heads)[1]
    target = np.diag([0.3, -0.2, 0.1, 0.0])
    moved = flow.orbit(heads, law).move_to(target)
    np.testing.assert_allclose(moved.values[0], target, atol=1e-12)
    assert moved.difference < 1e-12
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    moved = flow.orbit(net, flow.laws(net)[0]).move_to(0.0)
    assert moved.proof.startswith("symmetry.equivalent")
    x = torch.randn(5, 3)
    torch.testing.assert_close(moved.module(x), net(x))
    assert not torch.equal(moved.module[0].weight, net[0].weight)


def test_states_of_an_rnn_move_together():
    torch.manual_seed(0)

    class States(nn.Module):
        def __init__(self):
            super().__init__()
            self.r, self.o = nn.RNN(3, 4, nonlinearity="relu"), nn.Linear(4, 2)

        def forward(self, x):
            return self.o(self.r(x)[0])

    net = States()
    moved = flow.orbit(net, flow.laws(net)[0]).move_to([0.1, 0.0, -0.1, 0.2])
    np.testing.assert_allclose(moved.values[0], [0.1, 0.0, -0.1, 0.2], atol=1e-12)
    assert moved.difference < 1e-12


def test_values_that_are_not_on_the_orbit_are_refused():
    dead = WEIGHTS | {"W2": WEIGHTS["W2"] * np.array([0.0, 1, 1, 1])}
    orbit = flow.orbit(dead, NODES)
    assert "only positive ones for 1" in orbit.attainable
    with pytest.raises(ValueError, match="-1 for node 1 is not on its orbit"):
        orbit.move_to([-1.0, 0, 0, 0])
    narrow = {"W1": RNG.normal(size=(4, 3)), "W2": RNG.normal(size=(6, 4))}
    orbit = flow.orbit(narrow, MATRIX)
    assert "at most 3 positive and 4 negative" in orbit.attainable
    with pytest.raises(ValueError, match="4 positive and 0 negative"):
        orbit.move_to(1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: flow.orbit(WEIGHTS, NODES).move_to([1.0, 2.0]), r"value: got shape \(2,\)"),
        (lambda: flow.orbit(PAIR, MATRIX).move_to(np.triu(np.ones((4, 4)))), "symmetric"),
        (lambda: flow.orbit(PAIR, MATRIX).move_to(np.nan), "finite"),
        (lambda: flow.orbit({"W1": PAIR["W1"]}, MATRIX), "names W2"),
        (lambda: flow.orbit({"W1": 1j * PAIR["W1"]}, MATRIX), "W1 is complex"),
        (
            lambda: flow.orbit(PAIR, LinearLaw("a", "a", "", "always", {"W1": np.ones((1, 4, 5))})),
            "a is a LinearLaw",
        ),
        (lambda: flow.orbit(PAIR, [MATRIX, MATRIX]), "moved alone"),
        (lambda: flow.orbit(PAIR, ()), "law: got none"),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_law_that_the_network_does_not_have_is_refused():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    false = gram_law(
        [Gram("0.weight", 0), Gram("0.bias", 0), Gram("2.weight", 1, -1)],
        "diagonal",
        "scaling of a node",
    )
    with pytest.raises(ValueError, match="does not have this symmetry"):
        flow.orbit(net, false).move_to(0.0)


def test_the_value_of_a_law_stays_and_the_place_along_the_orbit_moves():
    # The source's γ: log(w1/w2) moves along the flow of (w1 w2 - 1)²/2, w1² - w2² stays.
    w = np.array([2.0, 1.0])
    for _ in range(20000):
        w = w - 1e-4 * (w[0] * w[1] - 1) * w[::-1]
    assert abs((w[0] ** 2 - w[1] ** 2) - 3) < 1e-3
    assert abs(np.log(w[0] / w[1]) - np.log(2)) > 0.5
