"""Random exact networks and random moves that leave their function unchanged, written without the
library's own steps.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import Any

from singlearn.symmetry import TwoLayerReLU

Parts = tuple[list[list[Fraction]], list[Fraction], list[list[Fraction]], list[Fraction]]
"""w (H, N), b (H,), outgoing (H, M), c (M,)."""


def from_json(entry: dict[str, Any]) -> TwoLayerReLU:
    """A network of relu_networks.json."""
    nodes = entry["nodes"]
    outgoing = [[node["q"][m] for node in nodes] for m in range(entry["M"])]
    return TwoLayerReLU(
        [n["w"] for n in nodes], [n["b"] for n in nodes], outgoing, entry["c"], inputs=entry["N"]
    )


def network(parts: Parts, inputs: int) -> TwoLayerReLU:
    w, b, outgoing, c = parts
    return TwoLayerReLU(w, b, [[q[m] for q in outgoing] for m in range(len(c))], c, inputs=inputs)


def random_parts(r: random.Random, inputs: int, outputs: int, width: int, size: int = 2) -> Parts:
    """Small whole numbers, so that boundaries are shared, nodes degenerate and weights annihilate
    often.
    """

    def draw() -> Fraction:
        return Fraction(r.randint(-size, size))

    w = [[draw() for _ in range(inputs)] for _ in range(width)]
    return (
        w,
        [draw() for _ in range(width)],
        [[draw() for _ in range(outputs)] for _ in range(width)],
        [draw() for _ in range(outputs)],
    )


def moved(r: random.Random, parts: Parts, moves: int) -> Parts:
    """A chain of random symmetry moves."""
    w, b, q, c = (
        [list(x) for x in parts[0]],
        list(parts[1]),
        [list(x) for x in parts[2]],
        list(parts[3]),
    )
    inputs, outputs = len(w[0]), len(c)

    def number() -> Fraction:
        return Fraction(r.randint(1, 5), r.randint(1, 5))

    for _ in range(moves):
        kind = r.choice(
            ["scale", "permute", "split", "merge", "silent", "constant", "reverse", "turn", "loop"]
        )
        if kind == "scale" and w:
            i, s = r.randrange(len(w)), number()
            w[i], b[i], q[i] = [s * v for v in w[i]], s * b[i], [v / s for v in q[i]]
        elif kind == "permute":
            order = r.sample(range(len(w)), len(w))
            w, b, q = [w[i] for i in order], [b[i] for i in order], [q[i] for i in order]
        elif kind == "split" and w:
            i, s = r.randrange(len(w)), number()
            part = [Fraction(r.randint(-3, 3)) for _ in range(outputs)]
            w.append([s * v for v in w[i]])
            b.append(s * b[i])
            q.append([v / s for v in part])
            q[i] = [a - v for a, v in zip(q[i], part, strict=True)]
        elif kind == "merge":
            _merge_first_pair(w, b, q)
        elif kind == "silent":
            w.append([Fraction(r.randint(-2, 2)) for _ in range(inputs)])
            b.append(Fraction(r.randint(-2, 2)))
            q.append([Fraction(0)] * outputs)
        elif kind == "constant":
            height = Fraction(r.randint(-2, 2))
            out = [Fraction(r.randint(-2, 2)) for _ in range(outputs)]
            w.append([Fraction(0)] * inputs)
            b.append(height)
            q.append(out)
            c = [v - max(height, Fraction(0)) * o for v, o in zip(c, out, strict=True)]
        elif kind == "reverse":
            _reverse_annihilating(r, w, b, q, c)
        elif kind == "turn" and w:
            # A node turns round, and two opposite nodes elsewhere, parallel to it, carry its slope.
            i = r.randrange(len(w))
            if any(w[i]):
                place = Fraction(r.randint(-3, 3))
                c[:] = [v + o * (b[i] - place) for v, o in zip(c, q[i], strict=True)]
                w += [list(w[i]), [-v for v in w[i]]]
                b += [place, -place]
                q += [list(q[i]), [-o for o in q[i]]]
                w[i], b[i] = [-v for v in w[i]], -b[i]
        elif kind == "loop":
            # Opposite pairs whose slopes n_1, n_2, -n_1 - n_2 sum to zero.
            if inputs == 1:
                normals = [[Fraction(1)], [Fraction(2)], [Fraction(-3)]]
            else:
                first, second = ([Fraction(int(i == k)) for i in range(inputs)] for k in (0, 1))
                normals = [first, second, [-x - y for x, y in zip(first, second, strict=True)]]
            out = [Fraction(r.randint(-2, 2)) for _ in range(outputs)]
            for normal in normals:
                place = Fraction(r.randint(-2, 2))
                w += [normal, [-v for v in normal]]
                b += [place, -place]
                q += [list(out), [-o for o in out]]
                c[:] = [v - o * place for v, o in zip(c, out, strict=True)]
    return w, b, q, c


def _merge_first_pair(w: list[list[Fraction]], b: list[Fraction], q: list[list[Fraction]]) -> None:
    for i, j in itertools.combinations(range(len(w)), 2):
        own, other = [*w[i], b[i]], [*w[j], b[j]]
        lead = next((k for k, v in enumerate(own) if v), None)
        if lead is None or not any(w[i]):
            continue
        ratio = other[lead] / own[lead]
        if ratio > 0 and other == [ratio * v for v in own]:
            q[i] = [x + ratio * y for x, y in zip(q[i], q[j], strict=True)]
            del w[j], b[j], q[j]
            return


def _reverse_annihilating(
    r: random.Random,
    w: list[list[Fraction]],
    b: list[Fraction],
    q: list[list[Fraction]],
    c: list[Fraction],
) -> None:
    """Turn round a random non-empty set of nodes with ``Σ q_i w_i^T = 0``, if there is one among
    the first six.
    """
    sets = []
    for size in (2, 3):
        for chosen in itertools.combinations(range(min(len(w), 6)), size):
            slopes = [
                sum(q[i][m] * w[i][k] for i in chosen)
                for m in range(len(c))
                for k in range(len(w[0]))
            ]
            if not any(slopes):
                sets.append(chosen)
    if sets:
        for i in r.choice(sets):
            c[:] = [v + o * b[i] for v, o in zip(c, q[i], strict=True)]
            w[i], b[i] = [-v for v in w[i]], -b[i]
