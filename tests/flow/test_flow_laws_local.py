"""Laws of data: where they hold, when a trajectory leaves, and a symmetry at a point that gives
none.
"""

import numpy as np

from singlearn import flow
from singlearn.flow.networks.relu import relu_network_on_data

X = np.array([[1.0], [2.0], [-1.0]])


def gradient(w, b, q, x, slopes):
    """Of Σ_s c_s f(x_s) for f = Σ q relu(w x + b)."""
    before = np.outer(x, w) + b
    gates = before > 0
    return slopes @ (gates * q * x[:, None]), slopes @ (gates * q), slopes @ (gates * before)


def test_laws_of_a_dead_node_hold_until_it_wakes():
    # Node 1 is dead on all of X; it wakes where its bias passes 1.
    weights, biases = (
        [np.array([[-1.0], [1.0]]), np.array([[1.0, 1.0]])],
        [np.array([-2.0, 0.5]), np.zeros(1)],
    )
    dead = [law for law in flow.laws(weights, X, biases=biases) if "dead" in law.symmetry]
    assert {law.formula for law in dead} == {"W1[1,]", "b1[1]", "W2[,1]"}
    law = dead[0]
    assert "u[1,1](x) ≤ 0" in str(law.region)
    path = [
        {"W1": weights[0], "b1": np.array([t, 0.5]), "W2": weights[1]}
        for t in (-2.0, -1.5, -1.0, -0.5, 0.0)
    ]
    assert law.left(path) == 3  # at -1 the node is at the boundary, and gives 0
    assert law.left(path[:3]) is None


def test_a_matrix_holds_while_gates_agree_even_if_they_change_together():
    weights = [np.array([[1.0], [2.0]]), np.array([[1.0, -0.5]])]
    (law, *_) = flow.laws(weights, np.array([[1.0], [3.0], [-1.0]]))
    assert "GL(2)" in law.symmetry
    both_off = {"W1": np.array([[-1.0], [-2.0]]), "W2": weights[1]}
    one_off = {"W1": np.array([[-1.0], [2.0]]), "W2": weights[1]}
    assert law.left([both_off]) is None
    assert law.left([both_off, one_off]) == 1


def test_bypassed_nodes_are_said():
    weights, biases = (
        [np.array([[1.0], [2.0]]), np.array([[1.0, 1.0]])],
        [np.array([5.0, 5.0]), np.zeros(1)],
    )
    (law, *_) = flow.laws(weights, X, biases=biases)
    assert "bypassed" in law.symmetry


def test_directions_that_active_inputs_do_not_see():
    # One active input: of (w, b) only the sum along (x, 1) moves.
    weights, biases = [np.array([[1.0]]), np.array([[1.0]])], [np.array([-1.5]), np.zeros(1)]
    law = next(law for law in flow.laws(weights, X, biases=biases) if "sees" in law.symmetry)
    assert law.formula in (
        "W1[1,1] - 2·b1[1]",
        "-W1[1,1] + 2·b1[1]",
        "1·W1[1,1] - 2·b1[1]",
        "-1·W1[1,1] + 2·b1[1]",
    )
    assert (
        law.left([{"W1": weights[0], "b1": np.array([0.0])}]) == 0
    )  # the input 1 has woken it too


def test_edges_between_nodes_that_are_never_active_together():
    weights = [
        np.array([[1.0], [-1.0]]),
        np.array([[1.0, 0.5], [-0.25, 1.0]]),
        np.array([[1.0, 1.0]]),
    ]
    laws = [law for law in flow.laws(weights, X) if "never active together" in law.symmetry]
    assert {law.formula for law in laws} == {"W2[2,1]"}
    assert laws[0].left([{"W1": weights[0], "W2": np.array([[1.0, 0.5], [0.25, 1.0]])}]) == 0


def test_a_symmetry_at_a_point_is_no_law():
    # Two nodes with the same kink and opposite signs: q1 + q2 = 0, so that the kink may be
    # anywhere. q1 + q2 moves at once.
    w, b, q = np.array([1.0, 1.0]), np.array([-0.5, -0.5]), np.array([1.0, -1.0])
    slope = gradient(w, b, q, X[:, 0], np.array([1.0, 1.0, 1.0]))[2]
    assert slope[0] == slope[1] != 0
    model = relu_network_on_data([w[:, None], q[None]], X, [b, np.zeros(1)])
    assert not any("q" in law.formula or law.formula == "W2[1,1] + W2[1,2]" for law in model.laws)
    at_point, nearby = (
        flow.count(relu_network_on_data([w[:, None], q[None]], X, [b, np.zeros(1)])),
        flow.count(
            relu_network_on_data(
                [w[:, None], np.array([[1.0, -0.75]])], X, [b + np.array([0, 0.25]), np.zeros(1)]
            )
        ),
    )
    # At the cancelling pair no law is claimed that is not there beside it.
    assert at_point.at_least <= nearby.at_least
