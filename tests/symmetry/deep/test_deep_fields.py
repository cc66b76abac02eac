"""Null directions: the Jacobian, the fields that it annihilates, finite moves along them, and the
rank they explain.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from deep_networks import WIDTHS, random_network, seeds
from singlearn.symmetry.deep import (
    DeepReLU,
    explained_rank_deep,
    linear_fields,
    parameter_jacobian,
    scaling_fields,
    shift_fields,
    unread_fields,
    unspanned_fields,
)


def inputs(net: DeepReLU, points: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (points, net.widths[0]))


def bypassing(k: int = 3, outputs: int = 2) -> DeepReLU:
    """Layer 1 has k nodes that are active on [-1, 1]^2 and two that cross."""
    net = random_network((2, 4, k + 2, 3, outputs), 8)
    bias = net.biases[1].copy()
    bias[:k] = (
        np.abs(net.weights[1][:k]) @ (np.abs(net.weights[0]).sum(axis=1) + np.abs(net.biases[0]))
        + 0.1
    )
    return DeepReLU(net.weights, [net.biases[0], bias, *net.biases[2:]])


@given(st.sampled_from(WIDTHS), seeds)
def test_jacobian_against_finite_differences(widths: tuple[int, ...], seed: int) -> None:
    net = random_network(widths, seed)
    x = inputs(net, 4, seed)
    step = 1e-7
    clear = all(np.min(np.abs(value), initial=1.0) > 1e-4 for value in net.preactivations(x)[:-1])
    if not clear:
        return  # a kink within the step
    jacobian = parameter_jacobian(net, x)
    direction = np.random.default_rng(seed).standard_normal(net.parameters)
    difference = (
        net.with_vector(net.vector() + step * direction)(x)
        - net.with_vector(net.vector() - step * direction)(x)
    ) / (2 * step)
    assert np.allclose(jacobian @ direction, difference, rtol=1e-5, atol=1e-6)


@given(st.sampled_from(WIDTHS), seeds)
def test_lemma_1(widths: tuple[int, ...], seed: int) -> None:
    net = random_network(widths, seed)
    fields = scaling_fields(net)
    assert fields.shape == (sum(widths[1:-1]), net.parameters)
    jacobian = parameter_jacobian(net, inputs(net)).reshape(-1, net.parameters)
    assert np.max(np.abs(jacobian @ fields.T), initial=0.0) < 1e-12


def test_gl_k_of_bypassed_nodes() -> None:
    net, nodes = bypassing(), [0, 1, 2]
    jacobian = parameter_jacobian(net, inputs(net)).reshape(-1, net.parameters)
    fields = linear_fields(net, 1, nodes)
    shifts = shift_fields(net, 1, nodes)
    assert fields.shape[0] == 9 and np.linalg.matrix_rank(np.concatenate([fields, shifts])) == 12
    assert (
        np.max(np.abs(jacobian @ fields.T)) < 1e-12 and np.max(np.abs(jacobian @ shifts.T)) < 1e-12
    )
    # Not so for nodes that switch at different inputs: only their own scalings remain.
    mixed = jacobian @ linear_fields(net, 1, [3, 4]).T
    assert (
        np.max(np.abs(mixed[:, [0, 3]])) < 1e-12
        and np.min(np.max(np.abs(mixed[:, [1, 2]]), axis=0)) > 1e-3
    )


def test_finite_moves_along_gl_k() -> None:
    net, nodes = bypassing(), [0, 1, 2]
    matrix = expm(0.02 * np.random.default_rng(1).standard_normal((3, 3)))
    weights, biases = [w.copy() for w in net.weights], [b.copy() for b in net.biases]
    weights[1][nodes], biases[1][nodes] = matrix @ weights[1][nodes], matrix @ biases[1][nodes]
    weights[2][:, nodes] = weights[2][:, nodes] @ np.linalg.inv(matrix)
    moved = DeepReLU(weights, biases)
    assert np.max(np.abs(moved.vector() - net.vector())) > 1e-3
    assert np.max(np.abs(moved(inputs(net)) - net(inputs(net)))) < 1e-12


def test_unread_and_unspanned_fields_are_null() -> None:
    net = random_network((2, 5, 4, 1), 3)
    weights, biases = [w.copy() for w in net.weights], [b.copy() for b in net.biases]
    weights[1][:, 0] = 0.0  # nobody reads node 0
    weights[0][1], biases[0][1] = 2 * weights[0][2], 2 * biases[0][2]  # node 1 duplicates node 2
    biases[0][3] = -9.0  # node 3 is dead
    net = DeepReLU(weights, biases)
    jacobian = parameter_jacobian(net, inputs(net)).reshape(-1, net.parameters)
    unread, unspanned = unread_fields(net, 0, [0]), unspanned_fields(net, 1, inputs(net))
    # A node without readers has all three incoming numbers free.
    assert unread.shape[0] == 3 and np.max(np.abs(jacobian @ unread.T)) == 0.0
    assert unspanned.shape[0] >= 8 and np.max(np.abs(jacobian @ unspanned.T)) < 1e-12
    dead = unspanned_fields(net, 0, inputs(net))
    weights_of_3, bias_of_3 = dead[:, 6:8], dead[:, 13]
    assert np.linalg.matrix_rank(np.column_stack([weights_of_3, bias_of_3])) == 3


@pytest.mark.parametrize(
    ("nodes", "outputs", "rank"), [(1, 1, 4), (3, 1, 10), (3, 2, 14), (5, 1, 16)]
)
def test_two_layer_rank_is_the_known_one(nodes: int, outputs: int, rank: int) -> None:
    """Kinks in general position inside the domain: rank d(N + M) + M, the rest is scaling (THEORY:
    W_0 is smooth there).
    """
    net = random_network((2, nodes, outputs), 11, bias=0.2)
    assert rank == nodes * (2 + outputs) + outputs
    found = explained_rank_deep(net, inputs(net, 400))
    assert (found.rank, found.explained, found.unexplained) == (rank, nodes, 0)
    assert found.by_kind["scaling"] == nodes and found.largest_residual < 1e-13


@given(seeds)
@settings(max_examples=10)
def test_what_is_explained_is_null_and_counts_add_up(seed: int) -> None:
    net = random_network((2, 4, 4, 1), seed)
    found = explained_rank_deep(net, inputs(net, 200, seed))
    assert found.largest_residual < 1e-12
    assert found.rank + found.explained + found.unexplained == found.parameters
    assert found.unexplained >= 0 and found.explained >= max(found.by_kind.values())
    assert found.by_kind["scaling"] <= 8


def test_bypassed_nodes_explain_k_squared_and_shifts() -> None:
    found = explained_rank_deep(bypassing(), inputs(bypassing(), 600))
    assert found.by_kind["shift"] >= 3 and found.by_kind["synchronised"] >= 9
    assert found.unexplained == 0


def test_bad_arguments_are_refused() -> None:
    net = bypassing()
    for nodes in ([], [0, 0], [9], [-1]):
        with pytest.raises(ValueError, match="nodes: got"):
            linear_fields(net, 1, nodes)
    with pytest.raises(ValueError, match="layer: got 3"):
        shift_fields(net, 3, [0])
    with pytest.raises(ValueError, match="no inputs"):
        explained_rank_deep(net, np.zeros((0, 2)))
    with pytest.raises(ValueError, match="at most 4000"):
        explained_rank_deep(random_network((100, 50, 1), 0), np.zeros((1, 100)))
