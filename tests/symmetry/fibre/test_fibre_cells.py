"""Fibres of several outputs and on domains, against counts made without the theorem and against the
theorem for one output on R^N.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from fibre_assignments import count_on_a_line
from singlearn.symmetry import Box, TwoLayerReLU, fibre, generators, kink_form
from singlearn.symmetry.fibre.cells import CellClassification
from singlearn.symmetry.fibre.components import ComponentKind

INTERVAL = Box([-5], [5])


def random_net(rng: random.Random, inputs: int, outputs: int, kinks: int) -> TwoLayerReLU:
    w = [[rng.randint(-2, 2) for _ in range(inputs)] for _ in range(kinks)]
    q = [[rng.randint(-2, 2) for _ in range(kinks)] for _ in range(outputs)]
    b = [rng.randint(-2, 2) for _ in range(kinks)]
    return TwoLayerReLU(
        w, b, q if outputs > 1 else q[0], [0] * outputs if outputs > 1 else 0, inputs=inputs
    )


@pytest.mark.parametrize(
    ("w", "b", "q"),
    [
        ([[1], [1]], [0, -1], [1, 1]),
        ([[1], [-1]], [1, 1], [1, 1]),
        ([[1], [99]], [0, 9999], [1, 2]),  # a kink and a slope that no kink carries
        ([[1], [1]], [0, -1], [[1, 1], [0, 1]]),
        ([[1], [-1]], [0, 3], [[1, 1], [2, 2]]),  # annihilates in both outputs
        ([[1], [-1]], [0, 3], [[1, 1], [2, 1]]),  # annihilates in the first output only
        ([[1], [1], [-1]], [0, 99, -99], [[0, 1, 1], [1, 0, 0]]),
        ([[1], [-1]], [99, -99], [[1, -1], [1, -1]]),  # a slope alone
    ],
)
@pytest.mark.parametrize("domain", [None, INTERVAL], ids=["line", "interval"])
def test_counts_on_a_line(w, b, q, domain):
    """An independent count: assignments of nodes to places, glued where they share a parameter."""
    net = TwoLayerReLU(w, b, q, [0] * len(q) if isinstance(q[0], list) else 0)
    form = kink_form(net, domain)
    totals = [[float(a * plane.normal[0]) for a in own] for plane, own in form.kinks.items()]
    for width in range(4):
        assert fibre(net, width, domain).number == count_on_a_line(
            totals, [float(row[0]) for row in form.slope], width, domain is not None
        )


def test_one_output_on_the_plane_agrees_with_the_theorem_that_lists_no_cells():
    rng = random.Random(1)
    for _ in range(12):
        net = random_net(rng, rng.choice([1, 2, 3]), 1, rng.randint(0, 4))
        for width in range(6):
            known = fibre(net, width)
            own = CellClassification(known.form, width, False).components
            assert sorted(map(_key, own), key=str) == sorted(map(_key, known.components), key=str)


def _key(component):
    patterns = "all" if component.takes_every_pattern else tuple(sorted(component.patterns))
    return (
        component.kind,
        patterns,
        component.copies,
        component.dimension,
        component.free_nodes,
        component.carriers,
    )


@pytest.mark.parametrize("on_domain", [False, True])
def test_samples_lie_where_they_should_and_isolated_components_have_their_dimension(
    on_domain,
):
    """The generators know nothing of components: at a point of a smooth component they span its
    tangent space.
    """
    rng = random.Random(3)
    kinds = set()
    for seed in range(6):
        inputs, outputs = rng.choice([1, 2, 2, 3]), rng.choice([1, 2, 3])
        net = random_net(rng, inputs, outputs, rng.randint(1, 3))
        domain = Box([-3] * inputs, [4] * inputs) if on_domain else None
        for width in range(2, 5):
            found = fibre(net, width, domain)
            for i, component in enumerate(found.components[:5]):
                sample = found.sample(seed, i)
                assert kink_form(sample, domain) == found.form and found.component_of(sample) == i
                if component.kind is not ComponentKind.FREE:
                    kinds.add(component.kind)
                    directions = np.array([g.direction for g in generators(sample, domain)])
                    size = np.linalg.norm(directions, axis=0)
                    singular = np.linalg.svd(
                        directions / np.where(size > 0, size, 1), compute_uv=False
                    )
                    assert np.sum(singular > 1e-9 * singular[0]) == component.dimension
    assert kinds >= (
        {ComponentKind.RIGID, ComponentKind.ALWAYS_ACTIVE} if on_domain else {ComponentKind.RIGID}
    )


def test_two_linear_pairs_of_a_slope_of_rank_two():
    """x ↦ x in the plane at width 4: two pairs, told apart up to even signed permutations: 2 · 4! /
    8 components.
    """
    identity = TwoLayerReLU(
        [[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4, [[1, -1, 0, 0], [0, 0, 1, -1]], [0, 0]
    )
    found = fibre(identity, 4)
    assert (found.number, len(found.components), found.dimension) == (
        6,
        1,
        4 + 2 + 2,
    )  # scales, GL(2) less a scale per pair, offsets
    assert fibre(identity, 3).number == 0 and fibre(identity, 5).number == 1
    on_box = fibre(
        identity, 2, Box([-1, -1], [1, 1])
    )  # two always active nodes: GL(2) and two offsets, both determinants
    assert (on_box.number, on_box.dimension) == (2, 6)


def test_a_box_that_no_kink_meets_leaves_a_constant():
    net = TwoLayerReLU([[1]], [-9], [1], 2)
    assert [fibre(net, width, Box([-1], [1])).number for width in range(3)] == [1, 1, 1]
    assert fibre(net, 2, Box([-1], [1])).dimension == 2 * 3  # dead nodes are free altogether


def test_too_many_cells_are_refused():
    net = TwoLayerReLU(
        [[1, i] for i in range(16)], list(range(16)), [[1] * 16, list(range(16))], [0, 0]
    )
    with pytest.raises(ValueError, match="16 kinks"):
        assert fibre(net, 18).number
