"""How fast two-layer networks are decided, put into kink form, and deeper ones compressed; no
public rival does any of this.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence

import numpy as np

from singlearn.symmetry import Box, TwoLayerReLU, equivalent, fibre, kink_form, minimal_width
from singlearn.symmetry.deep import DeepReLU, compress_deep

PAIRS = 10_000


def main(arguments: Sequence[str]) -> None:
    """Print one line for each piece of work, in CPU seconds of one process."""
    del arguments
    print(f"{'work':<62} {'CPU s':>8}")
    _line(f"{PAIRS:,} random pairs, H ≤ 6, N = 2, half of them equal", _pairs)
    for inputs in (2, 10):
        _line(f"kink form of 10,000 float nodes, N = {inputs}", lambda n=inputs: _kinks(n, None))
        _line(
            f"the same on a box, N = {inputs}", lambda n=inputs: _kinks(n, Box([-1] * n, [1] * n))
        )
    _line("fibre of 8 kinks, one node more (N = 1)", lambda: fibre(_line_network(8), 9).number)
    for kinks in (20, 40):
        net, wide = _forty(kinks)
        _line(
            f"minimal width of {kinks} kinks and a linear pair, N = 3",
            lambda wide=wide: minimal_width(wide),
        )
        _line(
            f"fibre of {kinks} kinks, one node more (N = 3)",
            lambda net=net, kinks=kinks: fibre(net, kinks + 1).number,
        )
    _line("compress 784-512-256-10, planted nodes, on [0, 1]^784", _deep)


def _line(what: str, work: Callable[[], object]) -> None:
    start = time.process_time()
    work()
    print(f"{what:<62} {time.process_time() - start:>8.2f}", flush=True)


def _pairs() -> int:
    r = random.Random(0)
    equal = 0
    for _ in range(PAIRS):
        width = r.randint(1, 6)
        w = [[r.randint(-5, 5) for _ in range(2)] for _ in range(width)]
        b, q = ([r.randint(-5, 5) for _ in range(width)] for _ in range(2))
        a, order = TwoLayerReLU(w, b, q, 0), r.sample(range(width), width)
        change = r.randint(0, 1)
        other = TwoLayerReLU(
            [[2 * v for v in w[i]] for i in order],
            [2 * b[i] for i in order],
            [q[i] / 2 for i in order],
            change,
        )
        equal += bool(equivalent(a, other))
    return equal


def _kinks(inputs: int, box: Box | None) -> int:
    generator = np.random.default_rng(0)
    net = TwoLayerReLU(
        generator.normal(size=(10_000, inputs)),
        generator.normal(size=10_000),
        generator.normal(size=10_000),
        0.0,
    )
    return len(kink_form(net, box).kinks)


def _line_network(kinks: int) -> TwoLayerReLU:
    return TwoLayerReLU([[1]] * kinks, [-k for k in range(kinks)], [2**k for k in range(kinks)], 0)


def _forty(kinks: int) -> tuple[TwoLayerReLU, TwoLayerReLU]:
    """A network with one node per kink, and another one with two opposite nodes off them."""
    r = random.Random(3)
    w = [[r.randint(-9, 9) or 1 for _ in range(3)] for _ in range(kinks)]
    b, q = [r.randint(-99, 99) for _ in range(kinks)], [r.randint(1, 10**6) for _ in range(kinks)]
    pair = [[1, 2, 3], [-1, -2, -3]]
    return TwoLayerReLU(w, b, q, 0), TwoLayerReLU(w + pair, [*b, 999, -999], [*q, 1, -1], 0)


def _deep() -> tuple[int, ...]:
    generator = np.random.default_rng(0)
    sizes = (784, 512, 256, 10)
    weights = [generator.normal(size=(n, m)) / np.sqrt(m) for m, n in itertools.pairwise(sizes)]
    biases = [generator.normal(size=n) for n in sizes[1:]]
    biases[0][:60] = -100.0  # dead
    biases[0][60:120] = 100.0  # always active
    weights[0][120:180], biases[0][120:180] = weights[0][180:240], biases[0][180:240]  # duplicates
    return compress_deep(DeepReLU(weights, biases), (0.0, 1.0)).after
