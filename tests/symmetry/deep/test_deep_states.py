"""Dead and bypassed nodes: proofs hold on dense grids, points and data are kept apart, and time may
run out.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from deep_networks import random_network, seeds
from singlearn.symmetry.deep import DeepReLU, NodeState, Proof, node_states
from singlearn.symmetry.deep.interval import affine_range
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.rounding import exact_outputs


def extremes_on_a_line(
    net: DeepReLU, low: float, high: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Exact range of every pre-activation of a network of one input: piecewise linear, so look at
    all kinks.
    """
    points = np.array([low, high])
    for layer in range(net.hidden_layers):
        grid = np.unique(points)
        values = net.preactivations(grid[:, None])[layer]
        left, right = values[:-1], values[1:]
        crossing = (left * right < 0).nonzero()
        roots = (
            grid[crossing[0]]
            - left[crossing] * np.diff(grid)[crossing[0]] / (right - left)[crossing]
        )
        points = np.concatenate([grid, roots])
    values = net.preactivations(np.unique(points)[:, None])
    return [(value.min(axis=0), value.max(axis=0)) for value in values]


@given(seeds)
@settings(max_examples=40)
def test_states_agree_with_the_exact_ranges_of_one_input(seed: int) -> None:
    net = random_network((1, 5, 4, 4, 1), seed, bias=0.7)
    found = node_states(net, (-1, 1))
    for layer, (low, high) in enumerate(extremes_on_a_line(net, -1.0, 1.0)[:-1]):
        for node, state in enumerate(found.states[layer]):
            assert (
                found.bounds.lower[layer][node] <= low[node] + 1e-12
                and high[node] - 1e-12 <= found.bounds.upper[layer][node]
            )
            if high[node] < -1e-4:
                assert state is NodeState.DEAD
            elif low[node] > 1e-4:
                assert state is NodeState.BYPASSED
            elif low[node] < -1e-4 and high[node] > 1e-4:
                assert state is NodeState.CROSSING


@given(seeds)
def test_interval_bounds_hold_in_exact_arithmetic_and_are_tight(seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, bias = random.standard_normal((3, 4)), random.standard_normal(3)
    low = random.standard_normal(4)
    high = low + random.random(4)
    lower, upper = affine_range(matrix, bias, low, high)
    for row in range(3):
        corners = [
            Fraction(float(bias[row]))
            + sum(
                Fraction(float(w)) * Fraction(float(x))
                for w, x in zip(matrix[row], corner, strict=True)
            )
            for corner in itertools.product(*zip(low.tolist(), high.tolist(), strict=True))
        ]
        assert Fraction(float(lower[row])) <= min(corners) and max(corners) <= Fraction(
            float(upper[row])
        )
        assert float(upper[row]) - float(max(corners)) < 1e-13


def test_a_bound_of_exactly_zero_is_recognised() -> None:
    # 0.1 * 3 - 0.3 is not 0 in floats of these numbers, so no node here touches 0 but the integers
    # do.
    net = DeepReLU(
        [[[1.0], [-1.0], [0.1]], [[1.0, 1.0, 1.0]]], [[-3.0, 1.0, -0.30000000000000004], [0.0]]
    )
    states = node_states(net, (1, 3))
    assert states.states[0][:2] == (NodeState.DEAD, NodeState.DEAD)
    exact = Fraction(0.1) * 3 - Fraction(0.30000000000000004)
    assert (states.states[0][2] is NodeState.DEAD) == (exact <= 0)


@given(seeds)
@settings(max_examples=30)
def test_relaxed_bounds_hold_at_exactly_evaluated_points(seed: int) -> None:
    net = random_network((3, 6, 5, 2), seed)
    bounds = preactivation_bounds(net, (np.full(3, -1.0), np.full(3, 2.0)))
    random = np.random.default_rng(seed)
    for point in [random.uniform(-1, 2, 3), np.where(random.random(3) < 0.5, -1.0, 2.0)]:
        for value, low, high in zip(
            exact_outputs(net, point), bounds.lower[-1], bounds.upper[-1], strict=True
        ):
            assert Fraction(float(low)) <= value <= Fraction(float(high))


def test_relaxation_is_tighter_than_intervals() -> None:
    net = random_network((3, 20, 20, 20, 1), 0)
    box = np.full(3, -1.0), np.ones(3)
    low, high = box
    for matrix, bias in zip(net.weights, net.biases, strict=True):
        lower, upper = affine_range(matrix, bias, low, high)
        low, high = np.maximum(lower, 0), np.maximum(upper, 0)
    bounds = preactivation_bounds(net, box)
    assert (bounds.upper[-1] - bounds.lower[-1])[0] < 0.5 * (upper - lower)[0]


def triangle() -> DeepReLU:
    """Node 0 of layer 1 is max(x, 0) + max(-x, 0) - 1.1 <= -0.1 on [-1, 1]; intervals and
    relaxation only see about 2 - 1.1 or 0.9.
    """
    return DeepReLU(
        [[[1.0], [-1.0]], [[1.0, 1.0], [-1.0, -1.0]], [[1.0, 1.0]]],
        [[0.0, 0.0], [-1.1, 1.1], [0.0]],
    )


def test_what_needs_a_program() -> None:
    states = node_states(triangle(), (-1, 1))
    assert states.states[1] == (NodeState.DEAD, NodeState.BYPASSED)
    net = random_network((3, 8, 8, 8, 2), 1)
    with_program = node_states(net, (-1, 1))
    without = node_states(net, (-1, 1), milp_seconds=0.0)
    proven = [
        (layer, node)
        for layer in range(3)
        for node in range(8)
        if with_program.proofs[layer][node] is Proof.MILP
    ]
    assert proven and all(
        without.states[layer][node] is NodeState.UNKNOWN for layer, node in proven
    )
    x = np.random.default_rng(0).uniform(-1, 1, (100_000, 3))
    values = net.preactivations(x)
    for layer, node in proven:
        dead = with_program.states[layer][node] is NodeState.DEAD
        assert (values[layer][:, node] < 0).all() if dead else (values[layer][:, node] > 0).all()


def test_units_do_not_matter_to_a_program() -> None:
    net = triangle()
    for factor in (1e-7, 1e7):
        weights = [net.weights[0] * factor, net.weights[1] * factor, net.weights[2]]
        scaled = DeepReLU(weights, [net.biases[0], net.biases[1] * factor**2, net.biases[2]])
        assert node_states(scaled, (-1, 1)).states[1] == (NodeState.DEAD, NodeState.BYPASSED)


def test_what_data_show_proves_nothing() -> None:
    net = DeepReLU([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    states = node_states(net, (-1, 1), data=np.array([[0.5], [1.0]]))
    assert states.observed is not None and states.observed[0].tolist() == [1.0, 0.0]
    assert (
        states.states[0] == (NodeState.CROSSING, NodeState.CROSSING)
        and node_states(net, (-1, 1)).observed is None
    )
    assert states.nodes(0, NodeState.CROSSING) == [0, 1]


def test_boxes_that_are_none() -> None:
    with pytest.raises(ValueError, match="lower should be below upper"):
        node_states(triangle(), (1, 1))
    with pytest.raises(ValueError, match="not finite"):
        node_states(triangle(), (-np.inf, 1))
