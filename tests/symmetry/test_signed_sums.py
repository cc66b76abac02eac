"""Signs that add up to a number, by meeting in the middle, and what is decided with them."""

from __future__ import annotations

import random
import time
from itertools import product

import pytest

from singlearn.symmetry import TwoLayerReLU, fibre, minimal_width
from singlearn.symmetry.two_layer.kink_form import kink_form
from singlearn.symmetry.two_layer.sign_choice import (
    choose_signs,
    choose_signs_by_sums,
    completed,
)
from singlearn.symmetry.two_layer.signed_sums import TooManyError, signs_with_sum


def network(draw: random.Random, kinks: int, inputs: int, outputs: int, size: int) -> TwoLayerReLU:
    w = [[draw.randint(-2, 2) for _ in range(inputs)] for _ in range(kinks)]
    b = [draw.randint(-50, 50) for _ in range(kinks)]
    q = [[draw.randint(-size, size) for _ in range(kinks)] for _ in range(outputs)]
    return TwoLayerReLU(w, b, q, [0] * outputs)


def test_all_signs_are_those_of_a_list_of_all() -> None:
    draw = random.Random(0)
    for _ in range(150):
        values = [
            draw.randint(-4, 4) * draw.choice((1, 1, 2**80)) for _ in range(draw.randint(0, 10))
        ]
        goal = draw.randint(-4, 4)
        every = [
            signs
            for signs in product((1, -1), repeat=len(values))
            if sum(s * v for s, v in zip(signs, values, strict=True)) == goal
        ]
        assert signs_with_sum(values, goal) == every
        assert signs_with_sum(values, goal, first=True) == every[:1]


def test_forty_numbers_are_decided() -> None:
    draw = random.Random(1)
    values = [draw.randint(1, 10**30) for _ in range(40)]
    signs = tuple(draw.choice((1, -1)) for _ in values)
    goal = sum(s * v for s, v in zip(signs, values, strict=True))
    assert signs_with_sum(values, goal) == [signs]
    assert signs_with_sum(values, goal + 1) == []
    with pytest.raises(TooManyError, match="more than 262144"):
        signs_with_sum([1] * 40, 0)


def test_costs_are_those_of_all_choices() -> None:
    """Up to 12 kinks, where all choices can be looked at: the same cost, or a bound below it."""
    draw = random.Random(2)
    decided = 0
    for _ in range(30):
        inputs, outputs = draw.choice(((1, 1), (2, 1), (1, 2), (3, 1), (3, 2)))
        form = kink_form(network(draw, draw.randint(1, 8), inputs, outputs, 3))
        for on_domain in (False, True):
            exact = choose_signs(form, on_domain).cost
            worst = completed(form, dict.fromkeys(form.kinks, 1), (), 1 if on_domain else 2)
            least, best = choose_signs_by_sums(form, on_domain, worst)
            assert least <= exact <= best.cost
            decided += least == best.cost
            assert least == best.cost or outputs > 1 < inputs
    assert decided > 50


def test_the_width_of_forty_kinks() -> None:
    """A planted balance is found; the same function with one amount changed has none."""
    draw = random.Random(3)
    w = [[1, draw.randint(-9, 9)] for _ in range(40)]
    b = list(range(40))
    q = [draw.randint(1, 10**9) for _ in range(40)]
    narrow = TwoLayerReLU(w, b, q, 0)
    # Two opposite nodes off the kinks carry the slope (1, 1), which these kinks cannot.
    wide = TwoLayerReLU([*w[:24], [1, 1], [-1, -1]], [*b[:24], 99, -99], [*q[:24], 1, -1], 0)
    # Every kink reversed by hand, what that leaves carried by a pair: it is the same function.
    slope = [sum(a * row[i] for a, row in zip(q, w, strict=True)) for i in range(2)]
    turned = TwoLayerReLU(
        [[-v for v in row] for row in w] + [slope, [-v for v in slope]],
        [-v for v in b] + [7, -7],
        [*q, 1, -1],
        narrow([0, 0])
        - TwoLayerReLU(
            [[-v for v in row] for row in w] + [slope, [-v for v in slope]],
            [-v for v in b] + [7, -7],
            [*q, 1, -1],
            0,
        )([0, 0]),
    )
    assert turned([3, 5]) == narrow([3, 5])
    begin = time.process_time()
    assert int(minimal_width(turned)) == 40
    assert minimal_width(wide).is_exact and 24 < int(minimal_width(wide)) <= 26
    assert fibre(narrow, 40).number > 0
    assert fibre(narrow, 43).number == 1
    assert time.process_time() - begin < 12


def test_what_is_not_decided_says_so() -> None:
    draw = random.Random(4)
    net = network(draw, 24, 3, 2, 10**6)
    wide = TwoLayerReLU(
        [*(node.w for node in net.nodes), [1, 1, 0], [-1, -1, 0], [1, 3, 1], [-1, -3, -1]],
        [*(node.b for node in net.nodes), 100, -100, 200, -200],
        [
            [*(node.q[i] for node in net.nodes), *((5, -5, 1, -1) if i else (1, -1, 7, -7))]
            for i in range(2)
        ],
        [0, 0],
    )
    found = minimal_width(wide)
    kinks = len(found.form.kinks)
    assert (found.lower, found.upper) == (kinks + 2, kinks + 3)
    assert "between" in str(found) and found.cautions
