"""Hidden kinks: nothing changes along the stated slide, and something changes beyond its end."""

from __future__ import annotations

import numpy as np
import pytest

from deep_networks import absolute_value, random_network
from singlearn.symmetry.deep import DeepReLU, HiddenKink, hidden_polytopes


def change(
    net: DeepReLU, kink: HiddenKink, slide: float, low: float = -2.0, high: float = 2.0
) -> float:
    if net.widths[0] == 1:
        x = np.linspace(low, high, 40_001)[:, None]
    else:
        x = np.random.default_rng(0).uniform(low, high, (60_000, net.widths[0]))
    return float(np.max(np.abs(net.with_vector(net.vector() + slide * kink.direction)(x) - net(x))))


def lined_up() -> DeepReLU:
    r"""f = max(g, 0) - max(g + 1/2, 0) with g = max(x, 0) + x + 1/2: the kink of max(x, 0) cancels
     where both are active.

    Moving it by s to the left, g at the kink x = -s is 1/2 - s: the gate of g, the next edge, is
    met at s = 1/2.
    """
    return DeepReLU(
        [[[1.0], [1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0]]], [[0.0, 3.0], [-2.5, -2.0], [0.0]]
    )


def test_a_kink_that_lines_up_slides_to_the_next_edge() -> None:
    net = lined_up()
    (kink,) = hidden_polytopes(net, (-2, 2))
    assert (kink.layer, kink.node, kink.side) == (0, 0, "active")
    assert kink.forward == pytest.approx(0.5, abs=1e-4) and kink.forward <= 0.5
    assert (
        kink.backward == np.inf and kink.stopped_by == (None, (1, 0)) and kink.ends == (False, True)
    )
    for slide in (0.1, 0.3, kink.forward, -0.5, -3.0, -50.0):
        assert change(net, kink, slide) == 0.0
    assert change(net, kink, 0.55) > 0.01


def test_a_kink_free_on_its_inactive_side_takes_the_readers_along() -> None:
    # The mirror image: node 0 is max(-x, 0), rewritten as max(x, 0) - x in the readers.
    net = lined_up()
    weights = [np.array([[1.0], [1.0]]), np.array([[1.0, 0.0], [1.0, 0.0]]), net.weights[2]]
    mirrored = DeepReLU(weights, [net.biases[0], np.array([0.5, 1.0]), net.biases[2]])
    kinks = {kink.side: kink for kink in hidden_polytopes(mirrored, (-2, 2))}
    inactive = kinks["inactive"]
    assert np.count_nonzero(inactive.direction) == 3
    for slide in (inactive.forward, -inactive.backward, 0.5 * inactive.forward):
        slide = np.clip(slide, -20, 20)
        assert change(mirrored, inactive, float(slide)) < 1e-14
    assert inactive.ends[1] or inactive.ends[0]
    for end, slide in zip(
        inactive.ends,
        (-1.05 * inactive.backward - 0.01, 1.05 * inactive.forward + 0.01),
        strict=True,
    ):
        if end:
            assert change(mirrored, inactive, slide) > 1e-4


def test_a_cancelling_pair_slides_for_ever() -> None:
    net = DeepReLU(
        [[[1.0, 1.0], [-2.0, -2.0], [1.0, -1.0]], [[1.0, -0.5, 3.0]]], [[0.2, -0.4, 0.0], [0.0]]
    )
    (kink,) = hidden_polytopes(net, (-1, 1))
    assert (kink.side, kink.node, kink.partner, kink.forward) == ("both", 0, 1, np.inf)
    for slide in (-7.0, 0.3, 5.0):
        assert change(net, kink, slide) < 1e-14


def test_visible_kinks_are_not_hidden() -> None:
    assert hidden_polytopes(absolute_value(), (-1, 1)) == []
    assert hidden_polytopes(random_network((2, 6, 6, 2), 0), (-1, 1)) == []


@pytest.mark.parametrize("seed", range(12))
def test_slides_of_random_narrow_networks(seed: int) -> None:
    widths = ((1, 4, 3, 1), (1, 3, 3, 3, 1), (2, 4, 2, 2, 1))[seed % 3]
    net = random_network(widths, seed, bias=0.5)
    for kink in hidden_polytopes(net, (-1, 1), seed=seed):
        for reach, sense, ends in (
            (kink.backward, -1.0, kink.ends[0]),
            (kink.forward, 1.0, kink.ends[1]),
        ):
            for share in (0.25, 0.7, 1.0):
                assert change(net, kink, sense * share * min(reach, 30.0), -1.0, 1.0) < 1e-12
            if ends and net.widths[0] == 1:
                length = max(reach, 0.1)
                assert change(net, kink, sense * (reach + 0.2 * length), -1.0, 1.0) > 1e-10
