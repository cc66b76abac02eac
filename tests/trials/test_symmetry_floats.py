"""What users brought: networks whose weights are floats, where exact relations hold only up to
rounding.

Right values: m kinks in general position have m! components for every orientation pattern that
balances the slope (docs/symmetry.md); in the m-symmetric star the sets of nodes that may turn round
are the vanishing sums of the m-th roots of unity: 2 for m = 3, 5 and 7, 4 for m = 4, 10 for m = 6.
"""

import math

import numpy as np
import pytest

from singlearn.symmetry import Box, TwoLayerReLU, equivalent, fibre, snap

VANISHING_SUMS = {3: 2, 4: 4, 5: 2, 6: 10, 7: 2}


def star(m, turn=0.0, scales=1.0, shift=(0.0, 0.0), dtype=float, reverse=False):
    """m nodes with normals at equal angles, every boundary 1/3 from the centre of the star."""
    angle = math.pi / m + 2 * math.pi * np.arange(m) / m + turn
    sign = -1.0 if reverse else 1.0
    w = sign * np.stack([np.cos(angle), np.sin(angle)], 1) * np.broadcast_to(scales, m)[:, None]
    b = -sign * np.broadcast_to(scales, m) / 3 - w @ np.array(shift)
    q = 1 / np.broadcast_to(scales, m)
    c = -m / 3 if reverse else 0.0
    return TwoLayerReLU(w.astype(dtype), b.astype(dtype), q.astype(dtype), dtype(c))


def test_a_star_turned_round_is_named_as_rounding():
    answer = equivalent(star(3), star(3, reverse=True))
    assert not answer and "rounding" in str(answer)
    up_to = equivalent(star(3), star(3, reverse=True), Box([-1, -1], [1, 1]), tolerance=1e-12)
    assert up_to and not up_to.is_exact and up_to.snapped.transformation.verify()
    assert max(float(distance.upper) for distance in up_to.snapped.distances) <= 1e-12
    # One that is not the same function is not called rounding.
    other = TwoLayerReLU(star(3).arrays()[0], star(3).arrays()[1], [1.0, 1.0, 1.001], 0.0)
    assert "rounding" not in str(equivalent(star(3, reverse=True), other))


def test_without_a_tolerance_the_count_is_that_of_the_floats_and_says_so():
    found = fibre(star(4))
    assert found.number == 24 and "ounding" in str(found)
    assert "ounding" not in str(
        fibre(TwoLayerReLU([[1, 0], [0, 1], [-1, -1]], [0, 1, 1], [1, 1, 1], 0))
    )
    generic = np.random.default_rng(0).normal(size=(4, 2))
    assert "ounding" not in str(fibre(TwoLayerReLU(generic, [0.3] * 4, [1.0] * 4, 0.0)))


@pytest.mark.parametrize("m", VANISHING_SUMS)
def test_components_of_a_star(m):
    random = np.random.default_rng(m)
    scales = np.exp(random.normal(size=m))
    for net in (
        star(m),
        star(m, turn=random.uniform(0, 6)),
        star(m, random.uniform(0, 6), scales, random.normal(size=2) * 5),
        star(m, random.uniform(0, 6), scales, (1000.0, -700.0)),
        star(m, random.uniform(0, 6), scales, (0.5, 0.25), np.float32),
    ):
        found = fibre(net, relative_tolerance="rounding")
        assert found.number == math.factorial(m) * VANISHING_SUMS[m]
        size = 1.0 if net.precision < 1e-10 else 1e9
        assert 0 < float(found.snapped.distance.upper) < 1e-11 * size
        assert "Exactly true of a network within" in str(found)


def test_float32_widened_to_float64_is_still_float32():
    w, b, q, c = star(5, turn=0.3, dtype=np.float32).arrays()
    assert fibre(TwoLayerReLU(w, b, q, c), relative_tolerance="rounding").number == 240
    assert snap(TwoLayerReLU(w, b, q, c)).relative_tolerance == 64 * 2.0**-24
