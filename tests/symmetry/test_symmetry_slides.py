"""Nodes that cancel on one boundary: which slide, how far that is a symmetry, and what is null to
first order only.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest

from singlearn.symmetry import (
    DeepReLU,
    Field,
    TwoLayerReLU,
    equivalent,
    explained_rank,
    generators,
    hidden_polytopes,
)
from singlearn.symmetry.deep import explained_rank_deep
from singlearn.symmetry.fibre.zero_sums import nearly_zero_sums, zero_sums
from singlearn.symmetry.two_layer.parameters import ParameterLayout

LINE = np.linspace(-1, 1, 57)[:, None] + 0.001


def moved(net: TwoLayerReLU, direction, step: Fraction) -> TwoLayerReLU:
    """The network a rational step along a direction, exactly."""
    layout = ParameterLayout.of(net)
    w = [
        [v + step * Fraction(d) for v, d in zip(node.w, direction[layout.w(i)], strict=True)]
        for i, node in enumerate(net.nodes)
    ]
    b = [node.b + step * Fraction(direction[layout.b(i)]) for i, node in enumerate(net.nodes)]
    q = [
        [net.nodes[i].q[j] + step * Fraction(direction[layout.q(i)][j]) for i in range(net.width)]
        for j in range(net.outputs)
    ]
    c = [v + step * Fraction(d) for v, d in zip(net.c, direction[layout.c], strict=True)]
    return TwoLayerReLU(
        w, b, q if not net.is_scalar else q[0], c if not net.is_scalar else c[0], inputs=net.inputs
    )


@pytest.mark.parametrize("seed", range(20))
def test_minimal_zero_sums_are_those_of_brute_force(seed):
    rng = random.Random(seed)
    amounts = [
        tuple(
            Fraction(rng.randint(-2, 2)) for _ in range(rng.choice([1, 2]) if not seed % 2 else 1)
        )
        for _ in range(rng.randint(1, 7))
    ]
    amounts = [amount[: min(map(len, amounts))] for amount in amounts]
    every = [
        chosen
        for size in range(1, len(amounts) + 1)
        for chosen in itertools.combinations(range(len(amounts)), size)
        if not any(map(sum, zip(*(amounts[i] for i in chosen), strict=True)))
    ]
    minimal = sorted(one for one in every if not any(set(other) < set(one) for other in every))
    assert (sorted(zero_sums(amounts)[0]), zero_sums(amounts)[1]) == (minimal, True)
    assert sorted(nearly_zero_sums(np.array(amounts, dtype=float), 1e-12)[0]) == minimal


# Null directions of all kinds, how many are null to first order only; by hand. The box is [-1, 1].
CASES = {
    # ReLU(x) and a pair of equal orientation: boundary and scale of the pair are free.
    "equal pair": (TwoLayerReLU([[1], [1], [1]], [0, -0.25, -0.25], [1, 1, -1], 0), 0),
    "equal pair in other units": (
        TwoLayerReLU([[1], [3], [1]], [0, Fraction(3, 4), Fraction(1, 4)], [1, 1, -3], 0),
        0,
    ),
    # Amounts 1, 1, -2, the last one turned round: the three slide together; the first two apart is
    # second order.
    "three": (TwoLayerReLU([[1], [1], [1], [-1]], [0, -0.25, -0.25, 0.25], [1, 1, 1, -2], 0), 1),
    # 1, -1 and 2, -2: two pairs, both free; speeds h with h_0 - h_1 + 2 h_2 - 2 h_3 = 0 have one
    # dimension more than these.
    "two pairs": (TwoLayerReLU([[1]] * 4, [0.5] * 4, [1, -1, 2, -2], 0), 1),
    # 1, 1, -1: either of the first two cancels with the third; together they span all that is null.
    "one of two": (TwoLayerReLU([[1]] * 3, [0.5] * 3, [1, 1, -1], 0), 0),
    "opposite pair": (TwoLayerReLU([[1], [1], [-1]], [0, -0.25, 0.25], [1, 1, -1], 0), 0),
    "nothing cancels": (TwoLayerReLU([[1], [1]], [0, 0], [1, 2], 0), 1),
    # Two outputs: the pair cancels in the first only.
    "cancels in one output": (TwoLayerReLU([[1], [1]], [0, 0], [[1, -1], [1, 1]], [0, 0]), 0),
    "cancels in both outputs": (TwoLayerReLU([[1], [1]], [0, 0], [[1, -1], [2, -2]], [0, 0]), 0),
    # Opposite nodes turn round and an always active node takes the slope; the two sliding apart is
    # second order.
    "exchange": (TwoLayerReLU([[1], [-1], [1]], [0, 0, 5], [1, 1, 1], 0), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_null_to_first_order_only(name):
    net, first_order = CASES[name]
    found = explained_rank(net, LINE)
    assert (found.first_order, found.unexplained, found.is_complete) == (first_order, 0, True)
    assert found.explained == found.parameters - found.rank - first_order


@pytest.mark.parametrize(
    ("net", "slides"),
    [
        # x1 = 0 holds a pair with slope 1, x2 = 0 one with slope 2: each shifts; tilted, one takes
        # the other's slope.
        (TwoLayerReLU([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4, [1, -1, 2, -2], 0), 2 + 4),
        (
            TwoLayerReLU([[1, 0], [1, 0], [0, 1], [0, -1]], [0] * 4, [1, -1, 2, -2], 0),
            1 + 2 + 1 + 1,
        ),  # the first is free altogether
        (TwoLayerReLU([[1, 2], [2, 4]], [0, 0], [2, -1], 0), 3),
    ],
)
def test_slides_in_the_plane_are_finite_symmetries(net, slides):
    """Every slide with amounts that stay as they are is a straight line of equal functions, checked
    by exact kink forms.
    """
    found = [g for g in generators(net) if g.field is Field.SLIDE]
    assert len({tuple(np.round(g.direction, 9)) for g in found}) == slides
    outgoing = slice(net.width * (net.inputs + 1), -1)
    straight = [
        g.direction / np.max(np.abs(g.direction))
        for g in found
        if not np.any(g.direction[outgoing])
    ]
    assert len(straight) >= 2
    for direction in straight:
        if np.all(direction * 64 == np.round(direction * 64)):  # others are rounded
            assert equivalent(net, moved(net, direction, Fraction(3, 7)))


def test_constants_cancel_at_infinity():
    """2 ReLU(1 + t x) - ReLU(2 + 2 t x) = 0 for every t: nodes with w = 0 share the boundary at
    infinity.
    """
    net = TwoLayerReLU([[1], [0], [0]], [0, 1, 2], [1, 2, -1], 0)
    found = [g for g in generators(net) if g.field is Field.SLIDE]
    assert found and all(g.nodes == (1, 2) for g in found)
    assert all(equivalent(net, moved(net, g.direction, Fraction(1, 3))) for g in found)


def test_a_slope_that_nothing_takes_back_does_not_turn():
    """In the plane an opposite pair alone only shifts; two sets that share a node do not balance
    each other.
    """
    pair = TwoLayerReLU([[1, 0], [-1, 0], [0, 1]], [0, 0, 0.25], [1, -1, 1], 0)
    assert (
        len([g for g in generators(pair) if g.field is Field.SLIDE]) == 1 + 1
    )  # the shift, and the tilt that scaling makes
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    sharing = TwoLayerReLU([[1, 0], [-1, 0], [-1, 0]], [0, 0, 0], [1, -1, -1], 0)
    found = explained_rank(sharing, x)
    assert (found.first_order, found.unexplained) == (1, 0)


def test_many_nodes_on_one_boundary_are_said_to_be_incomplete():
    generator = np.random.default_rng(0)
    net = TwoLayerReLU(generator.normal(size=(20, 1)), np.zeros(20), generator.normal(size=20), 0.0)
    found = explained_rank(net, LINE)
    assert not found.is_complete and "at least" in str(found)


HIDDEN = {
    "equal pair": ([[1], [1], [1]], [0, -0.3, -0.3], [[1, 1, -1]], [(1, 2)], True),
    "three, one turned": (
        [[1], [1], [1], [-1]],
        [0, -0.3, -0.3, 0.3],
        [[1, 1, 1, -2]],
        [(1, 2, 3)],
        False,
    ),
    "four, two and two": (
        [[1], [2], [1], [-1]],
        [0.1, 0.2, 0.1, -0.1],
        [[1, -0.5, 3, -3]],
        [(0, 1), (2, 3)],
        None,
    ),
    "three of equal orientation": ([[1], [1], [1]], [0.2] * 3, [[1, 2, -3]], [(0, 1, 2)], True),
    "in one output only": ([[1], [1]], [0.2] * 2, [[1, -1], [1, 1]], [], None),
    "two outputs": ([[1], [1]], [0.2] * 2, [[1, -1], [2, -2]], [(0, 1)], True),
    "an ulp away is no pair with 1e-9": ([[1], [1]], [0.2, 0.2 + 1e-9], [[1, -1]], [], None),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_sets_that_cancel_in_one_hidden_layer_slide_for_ever(name):
    w, b, q, sets, tilts = HIDDEN[name]
    net = DeepReLU([w, q], [b, [0.0] * len(q)])
    found = hidden_polytopes(net, (-1, 1))
    assert [kink.nodes for kink in found] == sets
    x = np.linspace(-9, 9, 4001)[:, None]
    for kink in found:
        assert (
            kink.side == "both"
            and kink.backward == kink.forward == np.inf
            and "for ever" in str(kink)
        )
        assert tilts is None or kink.tilts == tilts
        for slide in (-4.0, 0.7, 3.0):
            assert (
                np.max(np.abs(net.with_vector(net.vector() + slide * kink.direction)(x) - net(x)))
                < 1e-13
            )


def below(seed: int, extra: list[list[float]], bias: list[float], outgoing: np.ndarray) -> DeepReLU:
    """Four random nodes, then a layer with the given nodes beside two random ones, then outputs."""
    generator = np.random.default_rng(seed)
    first = generator.normal(size=(4, 2)), 0.5 * generator.normal(size=4)
    second = (
        np.concatenate([np.array(extra), generator.normal(size=(2, 4))]),
        np.append(bias, [0.3, -0.2]),
    )
    last = np.concatenate([outgoing, generator.normal(size=(outgoing.shape[0], 2))], axis=1)
    return DeepReLU([first[0], second[0], last], [first[1], second[1], np.zeros(len(outgoing))])


def test_three_nodes_cancel_in_the_second_layer_and_the_rank_is_explained():
    row = [0.5, -1.0, 0.25, 0.75]
    net = below(
        3,
        [row, [2 * v for v in row], [-v for v in row]],
        [-0.1, -0.2, 0.1],
        np.array([[1.0, 0.5, -2.0]]),
    )
    found = [kink for kink in hidden_polytopes(net, (-1, 1)) if kink.side == "both"]
    assert [(kink.layer, kink.nodes) for kink in found] == [(1, (0, 1, 2))]
    x = np.random.default_rng(0).uniform(-1, 1, (20_000, 2))
    for slide in (-2.0, 0.4, 1.0):
        assert (
            np.max(np.abs(net.with_vector(net.vector() + slide * found[0].direction)(x) - net(x)))
            < 1e-13
        )
    deep = explained_rank_deep(net, x[:1500])
    assert deep.by_kind["slide"] >= 1 and deep.largest_residual < 1e-12


def test_nodes_hidden_together_by_a_gate_slide_to_the_next_edge():
    """Nodes 0 and 1 share x = 0. The reader of the first is shut where they are active, that of the
    second reads both, and they cancel.
    """
    net = DeepReLU(
        [[[1.0], [1.0], [1.0]], [[-1.0, 0.0, -1.0], [1.0, -1.0, 1.0]], [[1.0, 1.0]]],
        [[0.0, 0.0, 3.0], [2.0, -1.0], [0.0]],
    )
    found = [kink for kink in hidden_polytopes(net, (-2, 2)) if kink.nodes == (0, 1)]
    assert [kink.side for kink in found] == ["active"] and len(found) == 1
    x = np.linspace(-2, 2, 8001)[:, None]
    kink = found[0]
    for slide in (-min(kink.backward, 3.0), 0.3 * min(kink.forward, 3.0), min(kink.forward, 3.0)):
        assert (
            np.max(np.abs(net.with_vector(net.vector() + slide * kink.direction)(x) - net(x)))
            < 1e-12
        )


def test_a_kink_of_which_each_reader_is_shut_on_one_side():
    """Reader 0 of max(x, 0) is shut where x > 0, reader 1 where x < 0; each opens further out, so
    that neither side hides the kink alone.
    """
    net = DeepReLU(
        [[[1.0], [1.0]], [[-5.0, -1.0], [1.0, 1.0]], [[1.0, 1.0]]], [[0.0, 2.0], [1.5, -2.5], [0.0]]
    )
    (kink,) = [one for one in hidden_polytopes(net, (-1, 1)) if one.layer == 0]
    assert (kink.side, kink.nodes) == ("split", (0,))
    # u + s: reader 0 opens at x = -1/2 while that is where x < -s; reader 1 opens where it read x -
    # 1/2 > 0 before, 2x - 1/2 > 0 now.
    assert kink.forward == pytest.approx(0.5, abs=1e-3) and kink.backward == pytest.approx(
        0.25, abs=1e-3
    )
    x = np.linspace(-1, 1, 8001)[:, None]
    for slide in (-kink.backward, -0.5 * kink.backward, kink.forward):
        assert (
            np.max(np.abs(net.with_vector(net.vector() + slide * kink.direction)(x) - net(x)))
            < 1e-12
        )


@pytest.mark.parametrize(
    ("incoming", "biases", "outgoing", "box"),
    [
        ([[1.0]] * 3, [-0.25] * 3, [[1e13, 1.0, 2.0]], (-1, 1)),
        ([[1.0]] * 2, [-0.25] * 2, [[1e13, -1e13], [1.0, 1.0]], (-1, 1)),
        ([[1e-3], [2e-3]], [1e10, 1e10], [[1.0, -1.0]], (-1e14, 1e14)),
        ([[1.0, 1e-13], [1.0, 2e-13]], [0.0, 0.0], [[1.0, -1.0]], ([-1, -1e14], [1, 1e14])),
    ],
    ids=["beside a large one", "in a small output", "beside a large bias", "in units of an input"],
)
def test_a_small_kink_is_a_kink(incoming, biases, outgoing, box):
    """Nothing cancels here: a promise of the page is that what slides leaves the outputs alone."""
    net = DeepReLU([incoming, outgoing], [biases, [0.0] * len(outgoing)])
    assert hidden_polytopes(net, box) == []


def test_a_slide_takes_back_what_it_adds_to_a_small_output():
    net = DeepReLU([[[1.0], [-1.0]], [[1e13, -1e13], [1.0, -1.0]]], [[-0.25, 0.25], [0.0, 0.0]])
    (pair,) = hidden_polytopes(net, (-1, 1))
    x = np.linspace(-1, 1, 21)[:, None]
    slid = net.with_vector(net.vector() + 0.5 * pair.direction)
    assert np.abs(slid(x) - net(x))[:, 1].max() < 1e-12


def test_hidden_polytopes_says_what_it_did_not_look_at():
    """24 amounts on one boundary that add up to zero together, no two or three of them."""
    amounts = [2.0**k for k in range(23)] + [1 - 2.0**23]
    net = DeepReLU([[[1.0]] * 24, [amounts]], [[-0.25] * 24, [0.0]])
    found = hidden_polytopes(net, (-1, 1))
    assert found == [] and "24 nodes are on one boundary" in found.incomplete[0]
    assert hidden_polytopes(DeepReLU([[[1.0]], [[1.0]]], [[0.0], [0.0]]), (-1, 1)).incomplete == ()
