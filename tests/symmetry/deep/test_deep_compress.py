"""Compression of deep networks: what was planted goes, outputs stay, and the stated bounds hold."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep_networks import absolute_value, random_network, seeds
from singlearn.symmetry.deep import DeepReLU, compress_deep, equivalent_deep


def planted(
    widths: tuple[int, ...], dead: int, duplicates: int, bypassed: int, rank: int, seed: int
) -> DeepReLU:
    """A network on [0, 1]^N whose every hidden layer has that many dead and duplicate nodes, and
    bypassed ones of that rank.
    """
    random = np.random.default_rng(seed)
    net = random_network(widths, seed, bias=0.1)
    weights, biases = (
        [matrix.copy() for matrix in net.weights],
        [bias.copy() for bias in net.biases],
    )
    for layer in range(net.hidden_layers):
        order = random.permutation(widths[layer + 1])
        off, twins, on, free = np.split(order, np.cumsum([dead, duplicates, bypassed]))
        weights[layer][off], biases[layer][off] = -np.abs(weights[layer][off]), -0.1
        inputs = widths[layer]
        weights[layer][on] = (
            random.standard_normal((bypassed, rank))
            @ random.standard_normal((rank, inputs))
            / np.sqrt(inputs)
        )
        biases[layer][on] = np.sum(np.abs(weights[layer][on]), axis=1) * (10 if layer else 1.01)
        originals = random.choice(free, duplicates)
        ratio = random.uniform(0.3, 3.0, duplicates)
        weights[layer][twins] = ratio[:, None] * weights[layer][originals]
        biases[layer][twins] = ratio * biases[layer][originals]
    return DeepReLU(weights, biases)


def relative_change(net: DeepReLU, smaller: DeepReLU, low: float = 0.0, high: float = 1.0) -> float:
    x = np.random.default_rng(77).uniform(low, high, (3000, net.widths[0]))
    return float(np.max(np.abs(net(x) - smaller(x))) / np.max(np.abs(net(x))))


@pytest.mark.parametrize("single", [False, True])
def test_a_large_network_with_planted_nodes(single: bool) -> None:
    net = planted((784, 512, 256, 10), dead=60, duplicates=50, bypassed=40, rank=3, seed=0)
    if single:
        net = DeepReLU(
            [w.astype(np.float32) for w in net.weights], [b.astype(np.float32) for b in net.biases]
        )
    start = time.process_time()
    found = compress_deep(net, (0, 1))
    assert time.process_time() - start < 60
    assert found.before == (784, 512, 256, 10)
    assert found.after == (784, 512 - 60 - 50 - 37, 256 - 60 - 50 - 37, 10) == found.network.widths
    assert relative_change(net, found.network) < (1e-7 if single else 1e-13)
    assert found.measured_change < (1e-7 if single else 1e-13) and found.refused == ()


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 4), st.integers(1, 2), seeds)
@settings(max_examples=12)
def test_planted_nodes_of_small_networks(
    dead: int, duplicates: int, bypassed: int, rank: int, seed: int
) -> None:
    net = planted((3, 14, 12, 2), dead, duplicates, bypassed, rank, seed)
    found = compress_deep(net, (0, 1), milp_seconds=0.0)
    gone = dead + duplicates + max(bypassed - rank, 0)
    assert found.after[1] <= 14 - gone and found.after[2] <= 12 - gone
    x = np.random.default_rng(1).uniform(0, 1, (2000, 3))
    change = np.max(np.abs(net(x) - found.network(x)), axis=0)
    assert (
        np.all(change <= found.proved_change + 1e-13)
        and np.all(found.proved_change < 1e-8)
        and found.verify()
    )
    again = compress_deep(found.network, (0, 1), milp_seconds=0.0)
    assert again.after == found.after


def test_constant_and_unread_nodes() -> None:
    net = DeepReLU(
        [[[0.0], [0.0], [1.0], [1.0]], [[2.0, 5.0, 1.0, 0.0]]], [[3.0, -1.0, 0.0, 0.5], [1.0]]
    )
    found = compress_deep(net, (-1, 1))
    assert found.after == (1, 1, 1) and found.network.biases[1].tolist() == [7.0]
    assert "1 constant, 1 unread" in found.steps[0].what and "1 dead" in found.steps[0].what


def test_unread_nodes_of_one_layer_free_those_below() -> None:
    net = DeepReLU(
        [[[1.0], [2.0]], [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0]]], [[0.0, 0.3], [0.0, -0.5], [0.0]]
    )
    assert compress_deep(net, (-1, 1)).after == (1, 1, 1, 1)


def test_a_layer_that_is_all_active_disappears() -> None:
    net = DeepReLU(
        [[[1.0, 2.0], [0.5, -1.0]], [[1.0, 1.0], [1.0, -1.0]], [[1.0, -2.0]]],
        [[9.0, 9.0], [-18.0, 0.3], [0.0]],
    )
    found = compress_deep(net, (-1, 1))
    assert found.after == (2, 2, 1) and relative_change(net, found.network, -1, 1) < 1e-14


def test_a_network_that_is_linear_or_constant_on_the_box() -> None:
    line = DeepReLU([[[1.0], [2.0]], [[1.0, 1.0]]], [[5.0, 5.0], [0.0]])
    assert compress_deep(line, (-1, 1)).network.weights[0].tolist() == [[3.0]]
    flat = DeepReLU(
        [[[1.0]], [[1.0], [1.0]], [[2.0, 3.0], [1.0, 0.0]]], [[-5.0], [1.0, -1.0], [0.5, 0.0]]
    )
    found = compress_deep(flat, (-1, 1))
    assert found.after == (1, 2) and found.network(np.array([[0.3]])).tolist() == [[2.5, 1.0]]


def test_opposite_pairs() -> None:
    # Cancelling jumps leave a linear function: two nodes become one that is always active.
    linear = DeepReLU([[[1.0], [-2.0], [1.0]], [[1.0, -0.5, 1.0]]], [[0.0, 0.0, 0.5], [0.0]])
    found = compress_deep(linear, (-1, 1))
    assert found.after == (1, 2, 1) and relative_change(linear, found.network, -1, 1) < 1e-14
    # |x| and an always active node: |x| = 2 max(x, 0) - x, and the slope joins that node.
    joined = DeepReLU([[[1.0], [-1.0], [1.0]], [[1.0, 1.0, 1.0]]], [[0.0, 0.0, 3.0], [0.0]])
    found = compress_deep(joined, (-1, 1))
    assert found.after[1] <= 2 and relative_change(joined, found.network, -1, 1) < 1e-14
    # Nothing carries the slope of |x| alone.
    assert compress_deep(absolute_value(), (-1, 1)).after == (1, 2, 1)


def test_a_program_finds_what_bounds_do_not() -> None:
    net = random_network((3, 8, 8, 8, 2), 1)
    found, without = compress_deep(net, (-1, 1)), compress_deep(net, (-1, 1), milp_seconds=0.0)
    assert found.by_program > without.by_program == 0 and sum(found.after) < sum(without.after)
    assert relative_change(net, found.network, -1, 1) < 1e-13


def test_near_duplicates_are_left_alone() -> None:
    net = DeepReLU([[[1.0], [1.0 + 1e-9]], [[1.0, 1.0]]], [[0.5, 0.5], [0.0]])
    assert compress_deep(net, (-1, 1)).after == (1, 2, 1)
    found = compress_deep(net, (-1, 1), relative_tolerance=1e-8)
    assert found.after == (1, 1, 1)
    x = np.linspace(-1, 1, 1001)[:, None]
    assert 0 < np.max(np.abs(net(x) - found.network(x))) <= found.proved_change[0] < 1e-8


def test_a_step_that_would_change_the_outputs_is_refused() -> None:
    net = DeepReLU([[[1.0], [1.1]], [[1.0, 1.0]]], [[0.5, 0.5], [0.0]])
    found = compress_deep(net, (-1, 1), relative_tolerance=0.2)
    assert (
        found.after == found.before
        and "outputs would change" in found.refused[0]
        and found.measured_change == 0.0
    )


@given(seeds)
@settings(max_examples=10)
def test_random_narrow_networks_keep_their_function(seed: int) -> None:
    net = random_network((2, 5, 4, 3, 2), seed, bias=1.0)
    found = compress_deep(net, (-1, 1), milp_seconds=2.0)
    x = np.random.default_rng(seed).uniform(-1, 1, (4000, 2))
    assert np.max(np.abs(net(x) - found.network(x))) < 1e-12 * max(
        1.0, float(np.max(np.abs(net(x))))
    )


@pytest.mark.slow
@given(seeds)
@settings(max_examples=20)
def test_whole_number_networks_full_of_coincidences(seed: int) -> None:
    """Zeros, duplicates, opposite pairs, cancellations, layers that empty: the function stays, and
    is recognised as the same.
    """
    random = np.random.default_rng(seed)
    widths = [int(width) for width in random.integers(1, 5, size=random.integers(2, 6))]
    net = DeepReLU(
        [random.integers(-1, 2, (out, into)) for into, out in pairwise(widths)],
        [random.integers(-2, 4, out) for out in widths[1:]],
    )
    found = compress_deep(net, (-1, 1), milp_seconds=1.0)
    assert found.verify() and found.refused == () and np.all(found.proved_change < 1e-9)
    assert equivalent_deep(net, found.network, domain=(-1, 1))


def test_a_corrupted_compression_does_not_verify() -> None:
    net = random_network((2, 5, 2), 0)
    found = compress_deep(net, (-1, 1))
    wrong = found.network.with_vector(found.network.vector() * (1 + 1e-9))
    assert found.verify() and not replace(found, network=wrong).verify()
