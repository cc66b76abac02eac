"""What the modified flow predicts, and gradient flow itself.

Right values are closed forms: the product formula and endpoint of a scalar pair, e^(-2λt), n|q|² =
m|w|² under isotropic noise (derived in ``flow/predictions.py``), and discrete training itself.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from singlearn import flow
from singlearn.flow import gradient_flows
from singlearn.flow.law import LinearLaw

PAIR = {"W1": np.array([[2.0]]), "W2": np.array([[1.0]])}
PAIR_LAWS = flow.layer_laws([flow.Layer("W1", None, 0, "linear"), flow.Layer("W2")])


def pair_loss(w):
    return 0.5 * jnp.sum((w["W2"] @ w["W1"] - 1.0) ** 2)


def descend(rate, steps, mu=0.0, decay=0.0):
    a = np.array([2.0, 1.0])
    v, slopes = np.zeros(2), []
    for _ in range(steps):
        slopes.append(a[0] * a[1] - 1.0)
        v = mu * v + slopes[-1] * a[::-1] + decay * a
        a = a - rate * v
    return a[0] ** 2 - a[1] ** 2, slopes


@pytest.mark.parametrize(("mu", "decay"), [(0.0, 0.0), (0.0, 0.2), (0.5, 0.0), (0.5, 0.2)])
def test_predictions_are_within_their_error_and_the_error_is_small(mu, decay):
    steps = 80
    right, _ = descend(0.01, steps, mu, decay)
    (one,) = flow.predict(
        pair_loss, PAIR, PAIR_LAWS, 0.01, [steps], momentum=mu, weight_decay=decay
    ).laws
    off, error = abs(one.values[-1].item() - right), one.errors[-1].item()
    assert off < error
    moved = abs(right - 3.0)
    assert error < 0.6 * moved and (decay == 0.0 or error < 0.05 * moved)


def test_a_scalar_pair_exactly():
    right, slopes = descend(0.3, 25)
    found = flow.scalar_pair(3.0, 0.3, slopes)
    assert found[-1] == pytest.approx(right, rel=1e-14)
    assert found[3] == pytest.approx(descend(0.3, 3)[0], rel=1e-14)
    with pytest.raises(ValueError, match="rates: got 2"):
        flow.scalar_pair(3.0, [0.1, 0.2], slopes)


def test_the_mean_change_under_noise_is_that_of_the_draws():
    random = np.random.default_rng(0)
    w1, w2, errors = (
        random.normal(size=(3, 4)),
        random.normal(size=(2, 3)),
        random.normal(size=(5, 2, 4)),
    )
    changes = []
    for e in errors:  # L = <E, W2 W1>
        one, two = w1 - 0.1 * w2.T @ e, w2 - 0.1 * e @ w1.T
        changes.append(one @ one.T - two.T @ two - (w1 @ w1.T - w2.T @ w2))
    np.testing.assert_allclose(
        flow.expected_change(w1, w2, errors, 0.1), np.mean(changes, axis=0), atol=1e-13
    )


def test_noise_pulls_to_equal_mean_squares_of_weights_and_not_to_equal_norms():
    w, q = flow.noise_balance(2, 8, 5.0)
    assert 2 * q == pytest.approx(8 * w) and w * q == pytest.approx(25.0)
    path = flow.noise_pull(3.0, 2, 8, 5.0, 0.1, 0.5, [0, 10, 5000])
    assert path[0] == pytest.approx(3.0) and path[-1] == pytest.approx(w - q)
    change = flow.expected_change(*_node(3.0, 2, 8, 5.0), _isotropic(8, 2, 0.5), 0.1).item()
    assert flow.noise_pull(3.0, 2, 8, 5.0, 0.1, 0.5, [1])[0] - 3.0 == pytest.approx(
        change, rel=0.05
    )


def _node(law, n, m, product):
    w = 0.5 * (law + np.sqrt(law**2 + 4 * product**2))
    return np.full((1, n), np.sqrt(w / n)), np.full((m, 1), np.sqrt((w - law) / m))


def _isotropic(m, n, variance):
    """Draws with exactly E[EEᵀ] = n s² and E[EᵀE] = m s²."""
    return np.array(
        [np.sqrt(variance * m * n) * np.eye(m * n)[k].reshape(m, n) for k in range(m * n)]
    )


def test_batches_drift_more_and_the_mean_of_many_runs_is_predicted():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(8, 1)), random.normal(size=(8, 1))
    loss = lambda w, example: 0.5 * jnp.sum((w["W2"] @ w["W1"] @ example[0] - example[1]) ** 2)  # noqa: E731
    (one,) = flow.predict(loss, PAIR, PAIR_LAWS, 0.02, [25, 50], examples=(x, y), batch=2).laws
    ends = []
    w = np.tile([[2.0], [1.0]], (1, 400))
    for _ in range(50):
        chosen = np.array([random.choice(8, 2, replace=False) for _ in range(400)])
        slope = np.mean(
            (w[0] * w[1])[:, None] * x[chosen, 0] ** 2 - x[chosen, 0] * y[chosen, 0], axis=1
        )
        w = w - 0.02 * slope * w[::-1]
    ends = w[0] ** 2 - w[1] ** 2
    assert abs(one.values[-1].item() - ends.mean()) < one.errors[-1].item() + 4 * ends.std() / 20
    assert one.spread is not None and 0.5 < one.spread[-1].item() / ends.std() < 2.0
    with pytest.raises(ValueError, match="examples: got None"):
        flow.predict(pair_loss, PAIR, PAIR_LAWS, 0.02, 10, batch=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rate": 0.0}, "rate: got 0.0"),
        ({"momentum": 1.0}, "momentum: got 1.0"),
        ({"steps": [5, 2]}, "steps: got"),
        ({"weight_decay": 30.0, "momentum": 0.9}, "would swing through zero"),
        ({"loss": lambda w: w["W1"]}, r"loss: it gives an array of shape \(1, 1\)"),
    ],
)
def test_what_cannot_be_predicted_is_refused_by_name(arguments, words):
    given = {
        "loss": pair_loss,
        "weights": PAIR,
        "laws": PAIR_LAWS,
        "rate": 0.02,
        "steps": 10,
        **arguments,
    }
    with pytest.raises(ValueError, match=words):
        flow.predict(**given)


def test_steps_that_are_too_large_for_the_modified_flow_are_said():
    with pytest.raises(RuntimeError, match="the modified flow blows up"):
        flow.predict(lambda w: 50 * pair_loss(w), PAIR, PAIR_LAWS, 0.5, 20)


def test_gradient_flow_keeps_the_law_to_the_solver_and_ends_where_it_should():
    found = flow.gradient_flow(pair_loss, PAIR, [1.0, 20.0], PAIR_LAWS)
    (law,) = found.laws
    assert law.held and law.drift < 1e-8 and not found.cautions
    assert found.weights["W1"][-1].item() ** 2 == pytest.approx(0.5 * (3 + np.sqrt(13)), abs=1e-7)
    assert "held to" in str(found)


def test_a_node_that_dies_ends_its_local_law_and_a_false_law_is_not_held():
    weights = {"w": np.array([1.0]), "b": np.array([-0.2]), "q": np.array([1.0])}
    inputs = jnp.array([1.0, 2.0])

    def gates(w):
        return inputs[:, None] * w["w"] + w["b"]

    def loss(w):
        return 0.5 * jnp.sum((jax.nn.relu(gates(w)) @ w["q"] + 1.0) ** 2)

    local = LinearLaw(
        "w", "w", "made up, so that it moves", "on these data", {"w": np.ones((1, 1))}
    )
    found = flow.gradient_flow(loss, weights, 5.0, [local], gates)
    closes, dies = (
        next(event for event in found.events if event.kind == "law ends"),
        next(e for e in found.events if e.kind == "dies"),
    )
    assert (
        closes.time < dies.time and found.laws[0].until == closes.time
    )  # the nearer input goes first
    heights = np.asarray(gates({name: array[-1] for name, array in found.weights.items()}))
    assert (heights < 1e-9).all()
    with pytest.raises(ValueError, match="gates: got None; w holds on these data only"):
        flow.gradient_flow(loss, weights, 5.0, [local])
    with pytest.raises(ValueError, match="times: got"):
        flow.gradient_flow(loss, weights, [2.0, 1.0])
    always = LinearLaw("w", "w", "made up", "always", {"W1": np.ones((1, 1, 1))})
    wrong = flow.gradient_flow(pair_loss, PAIR, 1.0, [always])
    assert not wrong.laws[0].held and "does not have this symmetry" in wrong.cautions[0].message


@pytest.mark.parametrize(("height", "dies"), [(0.0, True), (-1e-300, True), (1e-6, False)])
def test_a_node_that_rests_on_its_boundary_is_dead(height, dies):
    """The flow of a node that dies stops where its last gate closes; whether it overshoots is a
    matter of rounding.
    """
    flows = object.__new__(gradient_flows._Flow)  # only what says where the gates are
    flows.heights, flows.every_gate, flows.listed = (lambda y: y[0]), False, False
    state = gradient_flows._State(flows, [np.array([[0.8, 1.0], [-0.3, 1.0]])])
    events, _ = state.cross([np.array([[height, 1.0], [-0.5, 1.0]])], 2.0)
    assert [str(event) for event in events] == (["t = 2: node 0 dies"] if dies else [])
