"""Minimal width and compression: the verified cases, the theorem by brute force, and networks that
stay what they compute.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import truth
from relu_strategies import from_json, moved, network, random_parts
from singlearn.symmetry import Box, TwoLayerReLU, compress, equivalent, kink_form, minimal_width

CASES = truth("relu_networks")["compressibility"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_verified_cases(case):
    net = from_json(case["net"])
    box = Box([-100] * case["N"], [100] * case["N"])
    assert int(minimal_width(net)) == case["min_nodes"]
    assert int(minimal_width(net, box)) == case["min_nodes_bounded_domain"]
    assert compress(net).width == case["min_nodes"] and equivalent(net, compress(net))
    assert compress(net, box).width == case["min_nodes_bounded_domain"] and equivalent(
        net, compress(net, box), box
    )
    assert equivalent(net, from_json(case["minimal_net"]))


def _brute_force(net: TwoLayerReLU, on_domain: bool) -> int:
    """The theorem's minimum with SymPy's ranks, over every T and every s."""
    form = kink_form(net)
    planes = list(form.kinks)
    slope = sympy.Matrix([[sympy.Rational(str(v)) for v in row] for row in form.slope])
    own = {
        p: sympy.Matrix([sympy.Rational(str(v)) for v in form.kinks[p]])
        * sympy.Matrix([p.normal])
        / 2
        for p in planes
    }
    best = None
    for size in range(1 if on_domain else len(planes) + 1):
        for pairs in itertools.combinations(planes, size):
            rest = [p for p in planes if p not in pairs]
            normals = sympy.Matrix([p.normal for p in pairs]) if pairs else None
            for signs in itertools.product((1, -1), repeat=len(rest)):
                left = slope - sum(
                    (s * own[p] for s, p in zip(signs, rest, strict=True)),
                    sympy.zeros(*slope.shape),
                )
                rank = (
                    left.rank()
                    if normals is None
                    else left.col_join(normals).rank() - normals.rank()
                )
                cost = size + (1 if on_domain else 2) * rank
                best = cost if best is None else min(best, cost)
    return len(planes) + best


@given(st.integers(0, 10**9), st.integers(1, 3), st.integers(1, 3), st.integers(0, 4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_theorem_by_brute_force(seed, inputs, outputs, width):
    net = network(random_parts(random.Random(seed), inputs, outputs, width, size=1), inputs)
    assert int(minimal_width(net)) == _brute_force(net, on_domain=False)
    if width:
        huge = Box([-1000] * inputs, [1000] * inputs)
        assert int(minimal_width(net, huge)) == _brute_force(net, on_domain=True)


@given(
    st.integers(0, 10**9),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 5),
    st.integers(0, 6),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_compression_is_lossless_and_final(seed, inputs, outputs, width, moves):
    r = random.Random(seed)
    parts = random_parts(r, inputs, outputs, width)
    net, same = network(parts, inputs), network(moved(r, parts, moves), inputs)
    for domain in (None, Box([-2] * inputs, [1] * inputs)):
        narrow = compress(net, domain)
        assert narrow.width <= net.width
        assert equivalent(net, narrow, domain)
        assert int(minimal_width(narrow, domain)) == narrow.width
        assert compress(same, domain).width == narrow.width


def test_partition_needs_the_right_subset():
    """|x - k| weights 3, 1, 1, 2, 2, 1: equal halves exist; with 3, 1, 1, 2, 2, 2 they do not."""
    for weights, extra in (((3, 1, 1, 2, 2, 1), 0), ((3, 1, 1, 2, 2, 2), 1)):
        w = [[s] for _ in weights for s in (1, -1)]
        b = [-s * k for k, _ in enumerate(weights) for s in (1, -1)]
        q = [a for a in weights for _ in (1, -1)]
        assert int(minimal_width(TwoLayerReLU(w, b, q, 0))) == len(weights) + extra


def test_twenty_kinks_are_exact():
    generator = np.random.default_rng(0)
    weights = [int(v) for v in generator.integers(1, 1000, size=20)]
    weights[-1] += sum(weights) % 2
    w = [[s] for _ in weights for s in (1, -1)]
    b = [-s * k for k, _ in enumerate(weights) for s in (1, -1)]
    net = TwoLayerReLU(w, b, [a for a in weights for _ in (1, -1)], 0)
    width = minimal_width(net)
    assert (
        width.is_exact and width.upper == 20
    )  # a random even sum of twenty numbers below 1000 has an equal partition
    assert compress(net).width == 20


def test_many_kinks_give_a_bound_that_says_so():
    generator = np.random.default_rng(0)

    def with_a_pair(kinks):
        w = np.concatenate([generator.normal(size=(kinks, 2)), [[0.5, 1.0], [-0.5, -1.0]]])
        b, q = generator.normal(size=kinks), generator.normal(size=kinks)
        return TwoLayerReLU(w, [*b, 7.0, -7.0], [*q, 1.0, -1.0], 0.0)

    # Thirty kinks are decided by sums of halves: random floats balance nothing.
    assert int(minimal_width(with_a_pair(30))) == 32
    width = minimal_width(with_a_pair(60))
    assert not width.is_exact and (width.lower, width.upper) == (60, 62)
    assert "between 60 and 62" in str(width)
    with pytest.raises(ValueError, match="only to lie between"):
        int(width)
    single = TwoLayerReLU(
        generator.normal(size=(30, 2)), generator.normal(size=30), generator.normal(size=30), 0.0
    )
    assert (
        int(minimal_width(single)) == 30
    )  # every kink needs a node, so its own orientations are proof enough


def test_vector_outputs_pay_for_every_rank():
    """(|x_1|, |x_2|, x_1 + x_2): two opposite pairs carry any slope; the reversal of one alone does
    not.
    """
    w = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    q = [[1, 1, 0, 0], [0, 0, 1, 1], [1, -1, 1, -1]]
    net = TwoLayerReLU(w, [0] * 4, q, [0, 0, 0])
    assert int(minimal_width(net)) == 4
    assert int(minimal_width(net, Box([-1, -1], [1, 1]))) == 4
    assert compress(net)([Fraction(1, 3), -2]) == net([Fraction(1, 3), -2])
