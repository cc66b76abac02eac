"""Lossy compression: as narrow as planted, and never farther than it says."""

from __future__ import annotations

import numpy as np
import pytest

from singlearn.symmetry import Box, Polytope, TwoLayerReLU, equivalent, nearby

BOX = Box([-1, -1], [1, 1])


def planted() -> TwoLayerReLU:
    """Two nodes, one of them written as three that nearly share a boundary."""
    generator = np.random.default_rng(0)
    w = np.array([[1.0, 0.5], [1.0, 0.5], [1.0, 0.5], [-0.3, 1.0]])
    w[:3] += 1e-3 * generator.normal(size=(3, 2))
    return TwoLayerReLU(w, [0.1, 0.1, 0.1, -0.2], [0.5, 0.3, 0.2, 1.0], 0.1)


@pytest.mark.parametrize("norm", ["sup", "L2"])
def test_finds_the_planted_width_and_measures_its_error(norm):
    net = planted()
    near = nearby(net, 0.005, BOX, norm)
    assert near.width == 2 and near.error <= 0.005
    x = np.random.default_rng(1).uniform(-1, 1, size=(200_000, 2))
    gap = np.abs(net.evaluate(x) - near.net.evaluate(x))[:, 0]
    if norm == "sup":
        assert gap.max() <= near.error < 1.3 * gap.max()
    else:
        squares = gap**2
        spread = squares.std() / np.sqrt(len(x)) / (2 * np.sqrt(squares.mean()))
        assert abs(np.sqrt(squares.mean()) - near.error) < 4 * np.hypot(near.standard_error, spread)


def test_what_is_a_little_too_far_is_not_taken():
    net = planted()
    error = nearby(net, 0.005, BOX).error
    allowed = 0.75 * error
    near = nearby(net, allowed, BOX)
    assert near.error <= allowed and near.width > 2


def test_without_leave_nothing_is_lost():
    net = TwoLayerReLU([[1, 0], [2, 0], [0, 1]], [0, 0, 0], [1, 1, 1], 0)
    near = nearby(net, 0, BOX)
    assert (near.width, near.error) == (2, 0.0) and equivalent(net, near.net)


def test_a_large_allowance_leaves_a_constant():
    triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    near = nearby(TwoLayerReLU([[1, 1]], [0], [1], 0), 10, triangle)
    assert near.width == 0
    assert near.error <= 10


@pytest.mark.parametrize(
    ("eps", "norm", "name"), [(-1, "sup", "eps"), (float("nan"), "sup", "eps"), (0.1, "L1", "norm")]
)
def test_bad_input_is_named(eps, norm, name):
    with pytest.raises(Exception, match=f"{name}"):
        nearby(planted(), eps, BOX, norm)
