"""What users brought: nodes that cancel on one boundary, in more ways than one opposite pair."""

from __future__ import annotations

import numpy as np
import pytest

from singlearn.symmetry import DeepReLU, TwoLayerReLU, equivalent, explained_rank, hidden_polytopes

LINE = np.linspace(-1, 1, 57)[:, None] + 0.001


@pytest.mark.parametrize("shift", [-0.25, 0.4])
@pytest.mark.parametrize("amount", [1, 0.5, 3])
def test_a_pair_that_slides_for_ever_is_no_first_order_direction(shift, amount):
    """relu(x) + a relu(x + s) - a relu(x + s): exact equivalence of the slid networks."""
    q = [1, amount, -amount]
    net = TwoLayerReLU([[1], [1], [1]], [0, shift, shift], q, 0)
    assert explained_rank(net, LINE).first_order == 0
    assert equivalent(net, TwoLayerReLU([[1], [1], [1]], [0, 2.75, 2.75], q, 0))


@pytest.mark.parametrize(
    ("w", "b", "q"),
    [
        ([[1], [1], [1]], [0, -0.3, -0.3], [1, 1, -1]),  # equal orientation
        ([[1], [1], [1], [-1]], [0, -0.3, -0.3, 0.3], [1, 1, 1, -2.0]),  # three, one turned round
        ([[1], [2], [0.5]], [0, -0.6, -0.15], [1, 0.5, -2.0]),  # in other units
        ([[1], [1], [-1]], [0, -0.3, 0.3], [1, 1, -1]),  # the opposite pair
    ],
)
def test_a_redundant_vertex_is_found(w, b, q):
    """Two neighbouring pieces line up at 0.3 (closed form); moving the vertex changes nothing."""
    net = DeepReLU([w, [q]], [b, [0.0]])
    found = hidden_polytopes(net, (-1, 1))
    assert len(found) == 1
    moved = net.with_vector(net.vector() + 0.4 * found[0].direction)
    assert np.max(np.abs(moved(LINE) - net(LINE))) < 1e-14


def test_no_vertex_is_invented():
    """Amounts 1, 1 and -1.5 leave a kink of 1/2; boundaries 1e-3 apart do not cancel."""
    left = DeepReLU([[[1], [1], [1]], [[1, 1, -1.5]]], [[0.3, 0.3, 0.3], [0.0]])
    apart = DeepReLU([[[1], [1]], [[1, -1]]], [[0.3, 0.301], [0.0]])
    assert hidden_polytopes(left, (-1, 1)) == hidden_polytopes(apart, (-1, 1)) == []
