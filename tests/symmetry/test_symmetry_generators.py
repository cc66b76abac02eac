"""Null directions of the Fisher information: the verified ranks, and every generator by
differentiation.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import truth
from relu_strategies import network, random_parts
from singlearn.symmetry import Box, TwoLayerReLU, explained_rank, fisher_kernel, generators
from singlearn.symmetry.two_layer.parameters import jacobian

RANKS = truth("relu_and_examples")["true_parameter_sets"]["fisher_ranks_d2"]
BOX = 3


def _phase(inputs: int, name: str) -> TwoLayerReLU:
    """ReLU(x) + ReLU(x - 1) on a line, ReLU(x_1) + ReLU(x_2) elsewhere, with the excess node of the
    phase.
    """
    axis = np.eye(inputs)
    w, b, q = (
        [axis[0], axis[1] if inputs > 1 else axis[0]],
        [0.0, 0.0 if inputs > 1 else -1.0],
        [1.0, 1.0],
    )
    tilted = np.arange(1.0, inputs + 1)
    match name.split(" ", 1)[1] if name.startswith("m=d+1") else name:
        case "m=d minimal":
            pass
        case "excess q=0 boundary inside":
            w, b, q = [*w, tilted], [*b, 0.5], [*q, 0.0]
        case "excess w=0,b>0":
            w, b, q = [*w, 0 * tilted], [*b, 0.5], [*q, 0.7]
        case "excess w=0,b<0 (R^N sense)":
            w, b, q = [*w, 0 * tilted], [*b, -0.5], [*q, 0.7]
        case "dead on box (bounded X)":
            w, b, q = [*w, tilted], [*b, -100.0], [*q, 0.7]
        case "shared boundary":
            w, b, q = [*w, 2 * w[0]], [*b, 2 * b[0]], [0.25, 1.0, 0.375]
        case "opposite pair (N=1)":
            w, b, q = [w[0], -w[0], -w[1]], [b[0], -b[0], -b[1]], [2.0, -1.0, 1.0]
        case other:
            raise AssertionError(other)
    return TwoLayerReLU(np.array(w), b, q, 0.0)


@pytest.mark.parametrize("case", RANKS, ids=[f"N{case['N']} {case['phase']}" for case in RANKS])
def test_verified_ranks(case):
    net = _phase(case["N"], case["phase"])
    x = np.random.default_rng(0).uniform(-BOX, BOX, size=(400, case["N"]))
    result = explained_rank(net, x, Box([-BOX] * case["N"], [BOX] * case["N"]))
    assert result.parameters == case["D"]
    assert result.rank == case["rank"]
    assert result.unexplained == 0
    assert result.explained + result.first_order == case["nullity"]
    if (
        "R^N" not in case["phase"]
    ):  # there the dead directions are symmetries on the box, and the file counts them on R^N
        assert result.explained == case["dim"]
        assert (result.first_order == 0) == case["minimally_singular"]


@given(st.integers(0, 10**9), st.integers(1, 3), st.integers(1, 2), st.integers(1, 5))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_generators_leave_the_function_unchanged(seed, inputs, outputs, width):
    """Along every generator the outputs change to second order only, away from the boundaries: J v
    = 0, on R^N and on a box.
    """
    net = network(random_parts(random.Random(seed), inputs, outputs, width), inputs)
    generator = np.random.default_rng(seed)
    for domain, size in ((None, 10.0), (Box([-1] * inputs, [1] * inputs), 1.0)):
        x = generator.uniform(-size, size, size=(200, inputs))
        slopes = jacobian(net, x)
        for found in generators(net, domain):
            assert np.abs(slopes @ found.direction).max() < 1e-9, found


@given(st.integers(0, 10**9), st.integers(1, 2), st.integers(1, 2), st.integers(1, 4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_kernel_is_that_of_the_jacobian(seed, inputs, outputs, width):
    """With enough inputs in the box the kernel of the Jacobian is the kernel that theory says, and
    nothing is unexplained.
    """
    net = network(random_parts(random.Random(seed), inputs, outputs, width), inputs)
    x = np.random.default_rng(seed).uniform(-3, 3, size=(3000, inputs))
    box = Box([-3] * inputs, [3] * inputs)
    result = explained_rank(net, x, box)
    assert result.unexplained == 0
    assert result.rank == result.parameters - fisher_kernel(net, box).shape[1]


def test_few_inputs_leave_directions_unexplained():
    net = TwoLayerReLU([[1.0, 0.5]], [0.1], [1.0], 0.0)
    x = np.array([[0.5, 0.5], [-0.9, 0.2], [0.3, -0.1]])
    result = explained_rank(net, x)
    assert (result.rank, result.explained, result.unexplained) == (3, 1, 1)


def test_bad_inputs_are_named():
    net = TwoLayerReLU([[1.0, 0.5]], [0.1], [1.0], 0.0)
    with pytest.raises(ValueError, match=r"^x: got shape"):
        explained_rank(net, np.zeros((3, 1)))
