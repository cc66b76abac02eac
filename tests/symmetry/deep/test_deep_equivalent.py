"""Equivalence of deep networks: moves are recognised, changes are seen, and neither is claimed
without evidence.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep_networks import WIDTHS, absolute_value, random_move, random_network, seeds
from singlearn.symmetry.deep import DeepReLU, Sameness, equivalent_deep, general_position_failures
from singlearn.symmetry.deep.rounding import exact_outputs


@given(st.sampled_from(WIDTHS), seeds, st.lists(seeds, max_size=8))
@settings(max_examples=40)
def test_chains_of_moves_are_recognised(
    widths: tuple[int, ...], seed: int, moves: list[int]
) -> None:
    net = random_network(widths, seed)
    moved = net
    for move in moves:
        moved = random_move(moved, move).apply(moved)
    answer = equivalent_deep(net, moved)
    assert answer and answer.verify() and answer.status is Sameness.EQUIVALENT
    assert answer.transformation is not None
    assert np.allclose(
        answer.transformation.apply(net).vector(), moved.vector(), rtol=1e-12, atol=1e-13
    )


@given(st.sampled_from(WIDTHS), seeds, seeds, st.floats(1e-9, 1e-3))
@settings(max_examples=40)
def test_a_small_change_is_never_equivalent_and_different_comes_with_proof(
    widths: tuple[int, ...], seed: int, move: int, change: float
) -> None:
    net = random_network(widths, seed)
    moved = random_move(net, move).apply(net)
    vector = moved.vector().copy()
    vector[move % len(vector)] *= 1 + change
    answer = equivalent_deep(net, moved.with_vector(vector))
    assert not answer and answer.verify()
    if answer.status is Sameness.DIFFERENT:
        assert answer.witness is not None
        point, output = answer.witness.point, answer.witness.output
        assert exact_outputs(net, point)[output] != exact_outputs(answer.b, point)[output]
        assert answer.witness.gap > 2 * answer.witness.uncertainty > 0


def test_most_small_changes_are_shown_to_be_different() -> None:
    """A changed weight that never matters, being read by nodes that are dead, is the exception."""
    shown = 0
    for seed in range(40):
        net = random_network(WIDTHS[seed % 4], seed)
        moved = random_move(net, seed + 1).apply(net)
        vector = moved.vector().copy()
        vector[seed % len(vector)] *= 1 + 1e-8
        shown += equivalent_deep(net, moved.with_vector(vector)).status is Sameness.DIFFERENT
    assert shown >= 37


@given(seeds, seeds)
@settings(max_examples=20)
def test_unrelated_networks_differ(first: int, second: int) -> None:
    answer = equivalent_deep(
        random_network((3, 4, 3, 1), first), random_network((3, 5, 3, 1), second)
    )
    assert answer.status is Sameness.DIFFERENT and answer.verify()


def test_a_wrong_transformation_does_not_verify() -> None:
    net = random_network((3, 5, 4, 2), 0)
    answer = equivalent_deep(net, random_move(net, 1).apply(net))
    assert answer.pairing is not None
    assert not replace(
        answer, pairing=replace(answer.pairing, transformation=random_move(net, 2))
    ).verify()
    different = equivalent_deep(net, random_network((3, 5, 4, 2), 1))
    assert different.witness is not None
    assert not replace(
        different, witness=replace(different.witness, gap=2 * different.witness.gap)
    ).verify()
    assert not replace(different, b=net).verify()


def test_equal_on_the_box_but_not_outside() -> None:
    net = random_network((2, 4, 3, 1), 5)
    # A node that switches on beyond the box only.
    weights = [
        np.concatenate([net.weights[0], [[1.0, 1.0]]]),
        np.concatenate([net.weights[1], np.ones((3, 1))], axis=1),
        net.weights[2],
    ]
    wider = DeepReLU(weights, [np.append(net.biases[0], -2.5), *net.biases[1:]])
    inside, outside = equivalent_deep(net, wider, domain=(-1, 1)), equivalent_deep(net, wider)
    assert inside and inside.verify() and inside.compressed is not None
    assert inside.function_bound is not None and inside.function_bound < 1e-12
    assert outside.status is Sameness.DIFFERENT and outside.verify()


def test_the_bound_on_the_box_holds_and_is_small() -> None:
    net = random_network((3, 6, 5, 2), 3)
    noisy = random_move(net, 4).apply(net)
    noisy = noisy.with_vector(
        noisy.vector() * (1 + 1e-7 * np.random.default_rng(0).uniform(-1, 1, net.parameters))
    )
    answer = equivalent_deep(net, noisy, tolerance=1e-5, domain=(-1, 1))
    x = np.random.default_rng(1).uniform(-1, 1, (5000, 3))
    assert answer and answer.function_bound is not None
    assert np.max(np.abs(net(x) - noisy(x))) <= answer.function_bound < 1e-5
    assert equivalent_deep(net, noisy).status is Sameness.DIFFERENT


def test_split_nodes_are_not_called_different() -> None:
    # |x|, with one node split in two.
    forward = DeepReLU([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    reverse = DeepReLU([[[1.0], [-1.0], [-1.0]], [[1.0, 0.25, 0.75]]], [[0.0, 0.0, 0.0], [0.0]])
    answer = equivalent_deep(forward, reverse)
    assert (
        answer.status is Sameness.NOT_SHOWN
        and "general position" in answer.reason
        and answer.verify()
    )
    assert equivalent_deep(forward, reverse, domain=(-1, 1))  # compression merges the duplicate


def test_silent_nodes_do_not_matter() -> None:
    a = DeepReLU([[[1.0], [0.0]], [[1.0, 5.0]]], [[0.5, 0.0], [0.0]])
    b = DeepReLU([[[0.0], [2.0]], [[-7.0, 0.5]]], [[0.0, 1.0], [0.0]])
    assert equivalent_deep(a, b) and equivalent_deep(a, b).verify()


def test_bad_arguments_are_refused() -> None:
    net = absolute_value()
    with pytest.raises(ValueError, match="2 inputs and a has 1"):
        equivalent_deep(net, random_network((2, 2, 1), 0))
    with pytest.raises(ValueError, match="tolerance"):
        equivalent_deep(net, net, tolerance=0.0)
    for box in ((1, 0), (0, np.inf), (0,), (0, [1, 2]), "unit"):
        with pytest.raises((ValueError, TypeError), match="domain"):
            equivalent_deep(net, net, domain=box)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (
            DeepReLU([[[1.0], [2.0]], [[1.0, 1.0]]], [[1.0, 0.0], [0.0]]),
            "widths should not increase",
        ),
        (DeepReLU([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0]]], [[1.0, 1.0], [0.0]]), "no incoming"),
        (DeepReLU([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0]]], [[1.0, 1.0], [0.0]]), "no outgoing"),
        (
            DeepReLU([[[1.0, 1.0], [-2.0, -2.0]], [[1.0, 1.0]]], [[1.0, -2.0], [0.0]]),
            "share a boundary",
        ),
    ],
)
def test_what_keeps_a_network_from_general_position(net: DeepReLU, reason: str) -> None:
    assert any(reason in failure for failure in general_position_failures(net))


def test_general_position_on_a_box_asks_for_crossing_nodes() -> None:
    net = DeepReLU([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], [[0.0, 5.0], [0.0]])
    assert general_position_failures(net) == ()
    assert general_position_failures(net, (-1, 1)) == (
        "layer 0: node 1 is bypassed on the box (1 such)",
    )
