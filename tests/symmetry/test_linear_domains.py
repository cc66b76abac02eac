"""Linear domains as objects, the mixing of always active nodes, and the bound on the free
energy.
"""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import numpy as np
import pytest

from singlearn.symmetry import (
    Box,
    DeepReLU,
    Polytope,
    TwoLayerReLU,
    equivalent,
    kink_form,
    linear_domains,
    mix_bypassed,
)
from singlearn.symmetry.two_layer.free_energy_bound import free_energy_bound

STAR = TwoLayerReLU([[1, 0], [0, 1], [-1, -1]], [-1, -1, -1], [1, 1, 1], 0)


def area(vertices) -> Fraction:
    """Of a polygon, by the shoelace formula; positive if its corners go round against the clock."""
    return (
        sum(
            (
                a[0] * b[1] - b[0] * a[1]
                for a, b in zip(vertices, (*vertices[1:], vertices[0]), strict=True)
            ),
            Fraction(0),
        )
        / 2
    )


@pytest.mark.parametrize("seed", range(4))
def test_domains_of_random_planes_tile_the_box_and_the_function_is_affine_on_each(seed):
    rng = random.Random(seed)
    nodes = rng.randint(1, 5)
    w = [[rng.randint(-4, 4), rng.choice([-3, -2, -1, 1, 2, 3])] for _ in range(nodes)]
    net = TwoLayerReLU(
        w,
        [rng.randint(-3, 3) for _ in w],
        [[rng.choice([-1, 1, 2]) for _ in w] for _ in range(2)],
        [0, 1],
    )
    box = Box([-2, -2], [2, 3])
    domains = linear_domains(net, box)
    assert sum((area(one.vertices) for one in domains), Fraction(0)) == 20 and all(
        area(one.vertices) > 0 for one in domains
    )
    for one in domains:
        corner = rng.choice(one.vertices)
        for share in (Fraction(0), Fraction(1, 3), Fraction(99, 100)):
            point = tuple(a + share * (b - a) for a, b in zip(one.centre, corner, strict=True))
            assert net(point) == one.value(point)
            on = {i for i, node in enumerate(net.nodes) if node.preactivation(point) > 0}
            assert set(one.active) <= on <= set(one.active) | set(one.partly_active)
    # As many as there are sign patterns of the kinks on a grid, unless one is too small for the
    # grid to see.
    sides = np.meshgrid(np.arange(1, 1600, 2) / 400 - 2, np.arange(1, 2000, 2) / 400 - 2)
    x = np.stack(sides, axis=-1).reshape(-1, 2)
    planes = list(kink_form(net, box).kinks)
    normals, offsets = (
        np.array([plane.normal for plane in planes]).reshape(-1, 2),
        np.array([plane.offset for plane in planes]),
    )
    seen = np.unique((x @ normals.T + offsets > 0) @ (2 ** np.arange(len(planes))))
    assert len(seen) <= len(domains) <= len(seen) + 1


@pytest.mark.parametrize(("inputs", "kinks"), [(1, 4), (2, 4), (3, 3), (3, 4)])
def test_kinks_in_general_position_cut_as_many_domains_as_binomials_say(inputs, kinks):
    places = [3, -1, 5, 2][:kinks]  # on the moment curve, so that any of them are independent
    net = TwoLayerReLU(
        [[t**j for j in range(inputs)] for t in places], [t**inputs for t in places], [1] * kinks, 0
    )
    wide = Box([-(10**6)] * inputs, [10**6] * inputs)
    assert len(linear_domains(net, wide)) == sum(math.comb(kinks, i) for i in range(inputs + 1))


def test_lines_through_one_point_and_edges_of_degenerate_corners():
    """k planes through a line of a cube make 2k wedges, though more than three inequalities meet in
    its corners.
    """
    net = TwoLayerReLU([[1, 0, 0], [0, 1, 0], [1, 1, 0], [1, -1, 0]], [0] * 4, [1] * 4, 0)
    assert len(linear_domains(net, Box([-1] * 3, [1] * 3))) == 8
    corner = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    assert len(linear_domains(TwoLayerReLU([[1, -1]], [0], [1], 0), corner)) == 2


def test_a_hidden_boundary_cuts_nothing():
    net = TwoLayerReLU([[1, 0], [0, 1], [0, 2]], [0, 0, 0], [1, 2, -1], 3)
    first, second = linear_domains(net, Box([-1, -1], [1, 1]))
    assert (first.gradient, first.offset, first.active, first.partly_active) == (
        ((0, 0),),
        (3,),
        (),
        (1, 2),
    )
    assert (second.gradient, second.active) == (((1, 0),), (0,))


def test_mixed_nodes_keep_the_function_on_the_domain_exactly():
    rng = random.Random(2)
    net = TwoLayerReLU(
        [[1, 0], [0, 1], [1, 2], [1, 1]], [3, 5, 7, 0], [[1, 2, 3, 4], [0, 1, -1, 1]], [0, 1]
    )
    box = Box([-1, -1], [1, 1])
    for _ in range(5):
        matrix = [[rng.randint(-3, 3) for _ in range(3)] for _ in range(3)]
        if round(np.linalg.det(np.array(matrix, dtype=float))) == 0:
            continue
        mixed = mix_bypassed(net, 0, matrix, box)
        assert (
            equivalent(net, mixed, box)
            and not equivalent(net, mixed)
            and mixed.nodes[3] == net.nodes[3]
        )
        again = mix_bypassed(net, 0, matrix, box, shift=[100, 200, 300])
        assert equivalent(net, again, box)
    with pytest.raises(ValueError, match="shift: entry 0 is -100"):
        mix_bypassed(net, 0, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], box, shift=[-100, 0, 0])
    with pytest.raises(ValueError, match="T: got 2 × 2; the layer has 3 always active nodes"):
        mix_bypassed(net, 0, [[1, 0], [0, 1]], box)
    with pytest.raises(ValueError, match="linearly dependent"):
        mix_bypassed(net, 0, [[1, 0, 0], [1, 0, 0], [0, 0, 1]], box)
    with pytest.raises(ValueError, match="nothing to mix"):
        mix_bypassed(STAR, 0, [[1]], Box([-9, -9], [9, 9]))


def test_mixed_nodes_of_a_deep_network():
    generator = np.random.default_rng(0)
    weights = [
        generator.normal(size=(5, 2)),
        generator.normal(size=(4, 5)),
        generator.normal(size=(2, 4)),
    ]
    biases = [np.array([9.0, 9.0, 9.0, 0.1, 0.0]), np.array([99.0, 99.0, -5.0, -5.0]), np.zeros(2)]
    net, box = DeepReLU(weights, biases), Box([-1, -1], [1, 1])
    x = generator.uniform(-1, 1, (5000, 2))
    for layer, size in ((0, 3), (1, 2)):
        mixed = mix_bypassed(net, layer, generator.normal(size=(size, size)), box)
        assert np.max(np.abs(mixed(x) - net(x))) < 1e-10 * np.max(np.abs(net(x)))
        assert np.max(np.abs(mixed.weights[layer][:size] - net.weights[layer][:size])) > 0.1
    with pytest.raises(ValueError, match="proved to stay active"):
        mix_bypassed(net, 0, np.eye(3), box, shift=[-99, 0, 0])
    with pytest.raises(ValueError, match="layer: got 2"):
        mix_bypassed(net, 2, np.eye(3), box)


def test_the_bound_is_the_exponent_for_one_hidden_layer_and_counts_the_truth_only():
    """(d(N+M)+M)/2, proved from both sides; whatever the model's width."""
    for d, inputs, outputs in ((1, 1, 1), (3, 2, 1), (4, 3, 2)):
        bound = free_energy_bound([inputs, d, outputs], [inputs, 50, outputs])
        assert (
            bound.exact
            == bound.by_directions
            == Fraction(d * (inputs + outputs) + outputs, 2)
            < bound.by_parameters
        )
    deep = free_energy_bound([2, 3, 4, 1])
    assert (deep.parameters, deep.nodes, deep.exact) == (3 * 3 + 4 * 4 + 5, 7, None)
    assert "λ ≤ 15 by the truth's 30 parameters, ≤ 23/2" in str(deep)
    with pytest.raises(ValueError, match=r"model\[1\]: got 2 nodes"):
        free_energy_bound([2, 3, 1], [2, 2, 1])
    with pytest.raises(ValueError, match="model: got widths"):
        free_energy_bound([2, 3, 1], [2, 3, 3, 1])


def test_an_opposite_pair_through_the_centre_keeps_its_slope():
    """ReLU(x) - ReLU(-x) = x has one domain, and its boundary passes through the centre."""
    (one,) = linear_domains(TwoLayerReLU([[1], [-1]], [0, 0], [1, -1], 0), Box([-1], [1]))
    assert (one.gradient, one.offset, one.partly_active) == (((1,),), (0,), (0, 1))


@pytest.mark.parametrize("seed", range(3))
def test_domains_of_a_deep_network_tile_the_box(seed):
    generator = np.random.default_rng(seed)
    sizes = (2, 3, 3, 1)
    weights = [generator.integers(-2, 3, (n, m)) for m, n in itertools.pairwise(sizes)]
    net = DeepReLU(weights, [generator.integers(-1, 2, n) for n in sizes[1:]])
    domains = linear_domains(net, Box([-1, -1], [1, 1]))
    assert sum((area(piece) for one in domains for piece in one.pieces), Fraction(0)) == 4
    for one in domains:
        for piece in one.pieces:
            share = generator.dirichlet(np.ones(len(piece)), 20)
            x = share @ np.array(piece, dtype=float)
            affine = x @ np.array(one.gradient, dtype=float).T + np.array(one.offset, dtype=float)
            assert np.max(np.abs(net(x) - affine)) < 1e-12
    # Neighbours have other functions: no two domains of one function share a facet.
    functions = {(one.gradient, one.offset) for one in domains}
    assert len(functions) <= len(domains)


def test_a_deep_domain_is_joined_across_a_kink_that_a_gate_hides():
    """The kink of max(x, 0) at 0 does not show: three domains, the last of two pieces."""
    net = DeepReLU(
        [[[1.0], [1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0]]],
        [[0.0, 3.0], [-2.5, -2.0], [0.0]],
    )
    first, second, third = linear_domains(net, Box([-2], [2]))
    assert [len(one.pieces) for one in (first, second, third)] == [1, 1, 2]
    assert (third.gradient, third.partly_active) == (((0,),), ((0, 0),))
    assert sorted(float(v[0]) for v in third.vertices) == [-0.5, 0.0, 2.0]
    two = linear_domains(DeepReLU([[[1.0]], [[2.0]]], [[0.0], [0.0]]), Box([-1], [1]))
    assert [one.active for one in two] == [(), ((0, 0),)]
