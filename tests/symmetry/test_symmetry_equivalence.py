"""Equivalence of two-layer networks: always recognised, never claimed wrongly, and every answer
carries its proof.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import truth
from relu_strategies import from_json, moved, network, random_parts
from singlearn.symmetry import Box, Polytope, TwoLayerReLU, equivalent, kink_form
from singlearn.symmetry.two_layer.paired_bound import paired_bound

CASES = truth("relu_networks")["equivalence"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_verified_cases(case):
    a, b = from_json(case["f"]), from_json(case["g"])
    result = equivalent(a, b)
    assert bool(result) == case["equivalent"]
    if result:
        assert result.transformation.verify()
        assert result.transformation.apply(a) == b
        assert result.witness is None
    else:
        assert result.transformation is None
        assert a.values_at(result.witness.point) == result.witness.value_a
        assert b.values_at(result.witness.point) == result.witness.value_b
        assert result.witness.value_a != result.witness.value_b
    if "witness" in case:
        point = tuple(Fraction(v) for v in case["witness"]["x"])
        assert a.values_at(point) == tuple(Fraction(v) for v in case["witness"]["f"])
        assert b.values_at(point) == tuple(Fraction(v) for v in case["witness"]["g"])


@given(
    st.integers(0, 10**9),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 5),
    st.integers(1, 12),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_chains_of_symmetries_are_recognised(seed, inputs, outputs, width, moves):
    r = random.Random(seed)
    parts = random_parts(r, inputs, outputs, width)
    a, b = network(parts, inputs), network(moved(r, parts, moves), inputs)
    for first, second in ((a, b), (b, a)):
        result = equivalent(first, second)
        assert result
        assert result.transformation.apply(first) == second
        assert result.transformation.verify()


@given(st.integers(0, 10**9), st.integers(1, 3), st.integers(1, 2), st.integers(1, 6))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_one_unit_in_the_last_place_is_seen(seed, inputs, outputs, width):
    """A total kink or a slope that differs in the last bit of one float makes another function, and
    the witness shows it.
    """
    generator = np.random.default_rng(seed)
    w, b, q = (
        generator.normal(size=(width, inputs)),
        generator.normal(size=width),
        generator.normal(size=(outputs, width)),
    )
    c = generator.normal(size=outputs)
    a = TwoLayerReLU(w, b, q, c)
    changed = q.copy()
    i, j = generator.integers(outputs), generator.integers(width)
    changed[i, j] = np.nextafter(changed[i, j], np.inf)
    ulp = changed[i, j] - q[i, j]
    tilt = np.zeros((outputs, 2))
    tilt[i] = ulp, -ulp
    sloped = TwoLayerReLU(
        np.vstack([w, w[j] + 1, -w[j] - 1]), np.append(b, [0, 0]), np.hstack([q, tilt]), c
    )
    for other, word in ((TwoLayerReLU(w, b, changed, c), "total kink"), (sloped, "slope")):
        result = equivalent(a, other)
        assert not result
        assert word in result.witness.reason
        assert (
            a.values_at(result.witness.point)
            == result.witness.value_a
            != result.witness.value_b
            == other.values_at(result.witness.point)
        )


@given(st.integers(0, 10**9), st.integers(1, 3))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_agrees_with_comparison_in_every_cell(seed, width):
    """N = 2: value and gradient of both networks in every cell of the arrangement of all their
    boundaries.
    """
    r = random.Random(seed)
    parts = random_parts(r, 2, 1, width, size=1)
    a = network(parts, 2)
    other = moved(r, parts, 3) if r.random() < 0.5 else random_parts(r, 2, 1, width, size=1)
    b = network(other, 2)
    assert bool(equivalent(a, b)) == all(
        _piece(a, p) == _piece(b, p) for p in _cells((*a.nodes, *b.nodes))
    )


def _piece(net, point):
    """Value and gradient at a point off all boundaries."""
    active = [node for node in net.nodes if node.preactivation(point) > 0]
    return net.values_at(point), tuple(
        sum((n.q[0] * n.w[i] for n in active), Fraction(0)) for i in range(2)
    )


def _cells(nodes):
    """A point of every cell: next to every vertex, in every sector; between parallel lines where
    there is no vertex.
    """
    lines = [(n.w[0], n.w[1], n.b) for n in nodes if any(n.w)]
    vertices = set()
    for (a, b, c), (d, e, f) in itertools.combinations(lines, 2):
        if a * e != b * d:
            vertices.add(((b * f - c * e) / (a * e - b * d), (c * d - a * f) / (a * e - b * d)))
    if not vertices:
        # All lines are parallel: a point between any two neighbours along the normal, and one
        # beyond either end.
        a, b, _ = lines[0] if lines else (Fraction(1), Fraction(0), None)
        cuts = sorted({-offset / (x * a + y * b) for x, y, offset in lines} | {Fraction(0)})
        for s in (
            cuts[0] - 1,
            *((low + high) / 2 for low, high in itertools.pairwise(cuts)),
            cuts[-1] + 1,
        ):
            yield a * s, b * s
        return
    for v in vertices:
        through = [(a, b) for a, b, c in lines if a * v[0] + b * v[1] + c == 0]
        angles = sorted(math.atan2(a * s, -b * s) for a, b in through for s in (1, -1))
        for angle, following in itertools.pairwise([*angles, angles[0] + 2 * math.pi]):
            if following - angle < 1e-9:
                continue
            middle = (angle + following) / 2
            direction = Fraction(math.cos(middle)), Fraction(math.sin(middle))
            step = Fraction(1)
            heights = [
                (a * v[0] + b * v[1] + c, a * direction[0] + b * direction[1]) for a, b, c in lines
            ]
            while any(h != 0 and abs(h) <= abs(step * slope) for h, slope in heights):
                step /= 2
            yield v[0] + step * direction[0], v[1] + step * direction[1]


def test_equal_on_a_box_but_not_on_the_plane():
    a = TwoLayerReLU([[1, 0]], [0], [1], 0)
    b = TwoLayerReLU(
        [[1, 0], [1, 1], [1, 1]], [0, 5, -5], [1, 1, 3], -5
    )  # on the box: ReLU(x) + (x + y + 5) - 5
    c = TwoLayerReLU([[1, 0], [1, 1]], [0, -5], [1, 3], 0)
    box = Box([-1, -1], [1, 1])
    assert not equivalent(a, c)
    result = equivalent(a, c, box)
    assert result and result.transformation.verify()
    assert not equivalent(a, b, box)
    carried = equivalent(b, TwoLayerReLU([[1, 0], [2, 2]], [0, 6], [1, Fraction(1, 2)], -3), box)
    assert carried and carried.transformation.verify()
    assert "always active" in str(carried)


def test_a_triangle_sees_less_than_its_box():
    net = TwoLayerReLU([[1, 1]], [Fraction(-3, 2)], [1], 0)
    zero = TwoLayerReLU([], [], [], 0, inputs=2)
    triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    assert equivalent(net, zero, triangle)
    assert not equivalent(net, zero, Box([0, 0], [1, 1]))
    assert not equivalent(TwoLayerReLU([[1, 1]], [Fraction(-999, 1000)], [1], 0), zero, triangle)


def test_three_kinks_at_120_degrees_reverse_together():
    """s_3 of Wei et al. in floats: its normals sum to zero up to rounding, so the reversal is equal
    up to rounding only.
    """
    angles = np.pi / 3 * (2 * np.arange(3) + 1)
    w = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    star, turned = (
        TwoLayerReLU(w, [-1 / 3] * 3, [1] * 3, 0),
        TwoLayerReLU(-w, [1 / 3] * 3, [1] * 3, -1.0),
    )
    assert not equivalent(star, turned)
    close = equivalent(star, turned, Box([-1, -1], [1, 1]), tolerance=1e-14)
    assert close and close.distance.is_exact
    shifted = TwoLayerReLU(-w, [1 / 3] * 3, [1] * 3, 0)
    assert equivalent(
        star, shifted, Box([-1, -1], [1, 1]), tolerance=1e-14
    ).distance.lower > Fraction(9, 10)


def test_reversal_that_fails_only_in_the_offset():
    a = TwoLayerReLU([[1], [-1]], [1, 1], [1, 1], 0)
    b = TwoLayerReLU([[-1], [1]], [-1, -1], [1, 1], Fraction(3, 2))
    result = equivalent(a, b)
    assert not result
    assert "constant" in result.witness.reason


@given(st.integers(0, 10**9), st.integers(1, 3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_witnesses_on_domains_lie_inside(seed, inputs):
    r = random.Random(seed)
    a, b = (network(random_parts(r, inputs, 1, 3), inputs) for _ in range(2))
    corner = [[-v for v in row] for row in np.eye(inputs).tolist()]
    for domain in (
        Box([-2] * inputs, [Fraction(1, 3)] * inputs),
        Polytope([*corner, [1.0] * inputs], [1] * inputs + [Fraction(3, 2)]),
    ):
        result = equivalent(a, b, domain)
        if not result:
            assert domain.contains(result.witness.point)
            assert a.values_at(result.witness.point) != b.values_at(result.witness.point)
        else:
            assert result.transformation.verify()


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_sup_distance_is_the_largest_of_many_points(inputs):
    """Exact for N ≤ 3: no sampled point exceeds it, and the point it names reaches it."""
    generator = np.random.default_rng(inputs)
    w, b, q = generator.normal(size=(8, inputs)), generator.normal(size=8), generator.normal(size=8)
    a = TwoLayerReLU(w, b, q, 0.0)
    near = TwoLayerReLU(w + 1e-3 * generator.normal(size=w.shape), b, q, 1e-4)
    box = Box([-1] * inputs, [1] * inputs)
    result = equivalent(a, near, box, tolerance=0.1)
    assert result and result.distance.is_exact
    x = generator.uniform(-1, 1, size=(200_000 if inputs < 3 else 400_000, inputs))
    sampled = np.abs(a.evaluate(x) - near.evaluate(x)).max()
    assert sampled <= float(result.distance.lower) < 1.5 * sampled
    value = a.values_at(result.distance.point)[0] - near.values_at(result.distance.point)[0]
    assert abs(value) == result.distance.lower
    assert not equivalent(a, near, box, tolerance=result.distance.lower / 2)
    assert equivalent(a, near, box, tolerance=result.distance.lower)


def test_a_paired_bound_is_never_below_the_difference():
    """Differences by hand: ReLU(x) and ReLU(x + y/2) on a thin box differ by 1/2; equal kinks leave
    the linear parts, 2x + 5, at most 7.
    """
    thin = Box([-0.1, 0], [0.1, 1])
    one, turned = TwoLayerReLU([[1, 0]], [0], [1], 0), TwoLayerReLU([[1, 0.5]], [0], [1], 0)
    for a, b in ((one, turned), (turned, one)):
        assert paired_bound(kink_form(a, thin), kink_form(b, thin), thin) >= Fraction(1, 2)
    line = Box([-1], [1])
    kink = TwoLayerReLU([[1]], [0], [1], 0)
    sloped = TwoLayerReLU(
        [[1], [1], [1]], [0, 2, 3], [1, 1, 1], 0
    )  # the last two are active everywhere
    assert paired_bound(kink_form(kink, line), kink_form(sloped, line), line) == 7


def test_distance_bounds_with_many_inputs():
    """N = 8: the bounds hold the sampled maximum between them, and a permuted, rescaled, slightly
    changed network is close.
    """
    generator = np.random.default_rng(0)
    w, b, q = (
        generator.normal(size=(20, 8)),
        generator.normal(size=20),
        generator.normal(size=(2, 20)),
    )
    a = TwoLayerReLU(w, b, q, [0.0, 0.0])
    order, scale = generator.permutation(20), generator.uniform(0.5, 2, size=20)
    noisy = (w * scale[:, None] + 1e-6 * generator.normal(size=w.shape))[order]
    b_ = TwoLayerReLU(noisy, (b * scale)[order], (q / scale)[:, order], [0.0, 0.0])
    box = Box([-1] * 8, [1] * 8)
    distance = equivalent(a, b_, box, tolerance=1e-3).distance
    x = generator.uniform(-1, 1, size=(50_000, 8))
    sampled = np.abs(a.evaluate(x) - b_.evaluate(x)).max()
    assert sampled <= float(distance.upper) < 100 * sampled
    assert float(distance.lower) > 0.5 * sampled
    assert equivalent(a, b_, box, tolerance=1e-3)


def test_ten_thousand_pairs_in_a_minute():
    """The promise is 60 s for 10,000 pairs (H ≤ 6, N = 2) on one core; 500 pairs get a twentieth of
    that.
    """
    r = random.Random(1)
    pairs = []
    for _ in range(500):
        parts = random_parts(r, 2, 1, r.randint(1, 6), size=5)
        pairs.append(
            (
                network(parts, 2),
                network(
                    moved(r, parts, 1) if r.random() < 0.5 else random_parts(r, 2, 1, 6, size=5), 2
                ),
            )
        )
    start = time.process_time()
    for a, b in pairs:
        equivalent(a, b)
    assert time.process_time() - start < 3.0


def test_ten_thousand_nodes_in_five_seconds():
    generator = np.random.default_rng(0)
    net = TwoLayerReLU(
        generator.normal(size=(10_000, 2)),
        generator.normal(size=10_000),
        generator.normal(size=10_000),
        0.0,
    )
    start = time.process_time()
    assert len(kink_form(net).kinks) == 10_000
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: TwoLayerReLU([[1, 2], [3]], [0, 0], [1, 1], 0), "w"),
        (lambda: TwoLayerReLU([[1], [2]], [0], [1, 1], 0), "b"),
        (lambda: TwoLayerReLU([[1], [2]], [0, 0], [1], 0), "q"),
        (lambda: TwoLayerReLU([[1], [2]], [0, 0], [1, 1], [0, 0]), "q"),
        (lambda: TwoLayerReLU([[float("nan")]], [0], [1], 0), "w"),
        (lambda: TwoLayerReLU([], [], [], 0), "w"),
        (lambda: Box([0, 0], [1, 0]), "upper"),
        (lambda: Polytope([[1], [-1]], [0, -1]), "offsets"),
        (lambda: Polytope([[1, 0], [-1, 0]], [1, 1]), "normals"),
        (lambda: kink_form(TwoLayerReLU([[1]], [0], [1], 0), Box([0, 0], [1, 1])), "domain"),
        (
            lambda: equivalent(
                TwoLayerReLU([[1]], [0], [1], 0), TwoLayerReLU([[1, 2]], [0], [1], 0)
            ),
            "b",
        ),
        (
            lambda: equivalent(
                TwoLayerReLU([[1]], [0], [1], 0), TwoLayerReLU([[2]], [0], [1], 0), tolerance=0.1
            ),
            "tolerance",
        ),
    ],
)
def test_bad_input_is_named(make, name):
    with pytest.raises(ValueError, match=f"^{name}: "):
        make()
