"""The canonical representative: the same for every scaling and permutation, the same function,
stable as far as it says.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deep_networks import WIDTHS, random_move, random_network, seeds
from singlearn.symmetry.deep import DeepReLU, ScalePermutation, canonical


@given(st.sampled_from(WIDTHS), seeds, st.lists(seeds, max_size=6))
def test_all_moves_lead_to_one_representative(
    widths: tuple[int, ...], seed: int, moves: list[int]
) -> None:
    net = random_network(widths, seed)
    moved = net
    for move in moves:
        moved = random_move(moved, move).apply(moved)
    first, second = canonical(net), canonical(moved)
    assert first.ties == second.ties == 0
    if first.separation > 1e-12:
        assert np.max(np.abs(first.network.vector() - second.network.vector())) < 1e-12
    x = np.random.default_rng(seed).standard_normal((50, widths[0]))
    assert np.max(np.abs(first.network(x) - net(x))) < 1e-12
    assert np.allclose(
        first.transformation.apply(net).vector(), first.network.vector(), rtol=0, atol=1e-12
    )


@given(seeds, seeds)
def test_noise_below_the_separation_changes_no_order(seed: int, noise: int) -> None:
    net = random_network((3, 6, 5, 2), seed)
    form = canonical(net)
    random = np.random.default_rng(noise)
    amplitude = 1e-3 * min(form.separation, 1e-3)
    noisy = canonical(
        net.with_vector(net.vector() + amplitude * random.uniform(-1, 1, net.parameters))
    )
    for first, second in zip(form.transformation.orders, noisy.transformation.orders, strict=True):
        assert np.array_equal(first, second)


def test_incoming_norms_are_one() -> None:
    form = canonical(random_network((3, 5, 4, 2), 0)).network
    for matrix, bias in zip(form.weights[:-1], form.biases[:-1], strict=True):
        assert np.allclose(np.sum(matrix**2, axis=1) + bias**2, 1.0)


def test_nodes_that_are_always_zero_are_silenced_all_the_way() -> None:
    # Node 0 of layer 0 is 0; node 0 of layer 1 reads only that one, so it is 0 too.
    net = DeepReLU(
        [[[0.0], [2.0]], [[3.0, 0.0], [1.0, 1.0]], [[7.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0], [0.0]]
    )
    scaled = DeepReLU(
        [[[0.0], [2.0]], [[5.0, 0.0], [9.0, 1.0]], [[-4.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0], [0.0]]
    )
    assert np.array_equal(canonical(net).network.vector(), canonical(scaled).network.vector())


def test_equal_incoming_weights_are_told_apart_by_outgoing_ones() -> None:
    net = DeepReLU([[[1.0], [1.0], [2.0]], [[1.0, 2.0, 3.0]]], [[0.5, 0.5, 1.0], [0.0]])
    move = ScalePermutation([np.array([2, 0, 1])], [np.array([1.0, 3.0, 0.5])])
    first, second = canonical(net), canonical(move.apply(net))
    assert first.ties == 0 and np.allclose(
        first.network.vector(), second.network.vector(), rtol=0, atol=1e-14
    )


def test_ties_that_no_key_breaks_are_counted() -> None:
    net = DeepReLU([[[1.0], [1.0]], [[1.0, 1.0]]], [[0.5, 0.5], [0.0]])
    assert canonical(net).ties == 1


@given(st.sampled_from(WIDTHS), seeds, seeds, seeds)
def test_moves_compose_and_invert(
    widths: tuple[int, ...], seed: int, first: int, second: int
) -> None:
    net = random_network(widths, seed)
    one, two = random_move(net, first), random_move(net, second)
    assert np.allclose(
        one.then(two).apply(net).vector(), two.apply(one.apply(net)).vector(), rtol=1e-13, atol=0
    )
    assert np.allclose(
        one.inverse().apply(one.apply(net)).vector(), net.vector(), rtol=1e-14, atol=0
    )
