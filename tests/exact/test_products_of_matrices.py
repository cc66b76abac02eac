"""Ideals of entries of BA - C, in coordinates of any kind, and of Vandermonde type: λ and m of the
theorems are proved by charts, which both checkers follow.

Aoyagi and Watanabe 2005 (reduced rank), Aoyagi and Watanabe 2005 (layered networks), Aoyagi 2010.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
import sympy

from singlearn.exact import catalogue, rlct, verify
from singlearn.exact.read.ring import ring
from singlearn.exact.resolve.centre import bilinear
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.contract import contraction

CHECK = Path(__file__).parents[2] / "checkers" / "javascript" / "check.mjs"
NODE = shutil.which("node")


def invertible(draw: random.Random, size: int) -> sympy.Matrix:
    while True:
        matrix = sympy.Matrix(size, size, lambda i, j: draw.choice((-2, -1, 0, 1, 1, 2)))
        if matrix.det():
            return matrix


def product(M, H, N, first=None, second=None, scramble=False, seed=0):
    """Generators of BA - B₀A₀ and the point; ``scramble``: B and A are multiplied by invertible
    matrices on both sides, generators recombined and put into another order, variables renamed.
    """
    draw = random.Random(seed)
    A = sympy.Matrix(H, M, lambda i, j: sympy.Symbol(f"a{i}{j}"))
    B = sympy.Matrix(N, H, lambda i, j: sympy.Symbol(f"b{i}{j}"))
    A0 = sympy.zeros(H, M) if first is None else sympy.Matrix(first)
    B0 = sympy.zeros(N, H) if second is None else sympy.Matrix(second)
    entries = B * A - B0 * A0
    names = {v: v for v in (*A, *B)}
    if scramble:
        P, Q, S, R = (invertible(draw, n) for n in (N, H, H, M))
        old, new = (*A, *B), (*(S * A * R), *(P * B * Q))
        entries = entries.subs(dict(zip(old, new, strict=True)), simultaneous=True)
        A0, B0 = S.inv() * A0 * R.inv(), P.inv() * B0 * Q.inv()
        entries = invertible(draw, N * M) * sympy.Matrix(list(entries))
        others = [sympy.Symbol(f"x{i}") for i in range(len(old))]
        draw.shuffle(others)
        names = dict(zip(old, others, strict=True))
    point = zip((*A, *B), (*A0, *B0), strict=True)
    at = {str(names[v]): Fraction(int(x.p), int(x.q)) for v, x in point if x}
    K = [str(sympy.expand(g.subs(names, simultaneous=True))) for g in entries]
    return K, at


def moments(H, Q):
    """Σ_k a_k b_k^(1 + Qn), n < H."""
    return [" + ".join(f"a{k}*b{k}^{Q * n + 1}" for k in range(H)) for n in range(H)]


TWO = {
    "2-2-2": (product(2, 2, 2), catalogue.reduced_rank(2, 2, 2, 0)),
    "2-2-2, scrambled": (product(2, 2, 2, scramble=True), catalogue.reduced_rank(2, 2, 2, 0)),
    "2-2-2, scrambled, rank 1": (
        product(2, 2, 2, [[1, 0], [0, 0]], [[1, 0], [0, 0]], scramble=True),
        catalogue.reduced_rank_local(2, 2, 2, 1, 1, 1),
    ),
    # The product is 0, the factors are not; and where their ranks differ.
    "2-2-2, ranks 1 and 1, product 0": (
        product(2, 2, 2, [[1, 0], [0, 0]], [[0, 1], [0, 0]], scramble=True, seed=1),
        catalogue.reduced_rank_local(2, 2, 2, 0, 1, 1),
    ),
    "tanh, 2 nodes": ((moments(2, 2), {}), catalogue.tanh_zero_truth(hidden=2)),
}
ONE = [[1, 0], [0, 0], [0, 0]]
THREE = {
    "tanh, 3 nodes": ((moments(3, 2), {}), catalogue.tanh_zero_truth(hidden=3)),
    "2-3-2": (product(2, 3, 2), catalogue.reduced_rank(2, 2, 3, 0)),
    "3-2-2, scrambled": (product(3, 2, 2, scramble=True), catalogue.reduced_rank(3, 2, 2, 0)),
    "2-3-2, scrambled, rank 1": (
        product(2, 3, 2, ONE, [[1, 0, 0], [0, 0, 0]], scramble=True),
        catalogue.reduced_rank_local(2, 2, 3, 1, 1, 1),
    ),
    "2-3-2, ranks 1 and 2": (
        product(2, 3, 2, ONE, [[1, 0, 0], [0, 1, 0]], scramble=True, seed=2),
        catalogue.reduced_rank_local(2, 2, 3, 1, 1, 2),
    ),
}


@pytest.fixture(scope="module")
def found():
    return {name: rlct(K, at=at or None) for name, ((K, at), _) in TWO.items()}


@pytest.mark.parametrize("name", TWO)
def test_theorems_are_proved_by_charts(found, name):
    known, result = TWO[name][1], found[name]
    assert result.status == "proved"
    assert (result.value, result.multiplicity) == (known.value, known.multiplicity)
    assert verify(result.certificate)


@pytest.mark.slow
@pytest.mark.parametrize("name", THREE)
def test_larger_products(name):
    (K, at), known = THREE[name]
    result = rlct(K, at=at or None)
    assert (result.value, result.multiplicity) == (known.value, known.multiplicity)
    assert verify(result.certificate)


@pytest.mark.slow
@pytest.mark.parametrize("rank", range(4))
@pytest.mark.parametrize("scramble", [False, True])
def test_three_by_three(rank, scramble):
    some = [[int(i == j < rank) for j in range(3)] for i in range(3)]
    K, at = product(3, 3, 3, some, some, scramble=scramble, seed=7)
    known, result = catalogue.reduced_rank_local(3, 3, 3, rank, rank, rank), rlct(K, at=at or None)
    assert (result.value, result.multiplicity) == (known.value, known.multiplicity)
    assert verify(result.certificate)


@pytest.mark.slow
@pytest.mark.parametrize(("H", "Q"), [(3, 1), (4, 2)])
def test_more_moments(H, Q):
    known, result = catalogue.vandermonde(H, Q), rlct(moments(H, Q), timeout=60)
    assert (result.value, result.multiplicity) == (known.value, known.multiplicity)
    assert verify(result.certificate)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_second_checker_follows(found, tmp_path):
    written = {name: result.certificate.to_dict() for name, result in found.items()}
    written["fewer"] = FEWER
    text = json.dumps(written)
    assert all(f'"{word}"' in text for word in ("contract", "fewer", "keep", "blow_up"))
    for name, data in written.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    done = subprocess.run(
        [NODE, CHECK, *sorted(tmp_path.iterdir())], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


HALF = {"low": ["1/2", -1], "high": ["1/2", -1]}
FEWER = {
    "format": "singlearn rlct certificate 3",
    "statement": {
        "K": ["x", "x*y"],
        "squares": True,
        "variables": ["x", "y"],
        "terms": [["1", [["1", [1, 0]]]], ["1", [["1", [1, 1]]]]],
        "power": 2,
        "prior": None,
        "scope": "point",
        "nonnegative": True,
        "bound": HALF,
    },
    "proofs": [
        {
            "place": {"point": {"x": "0", "y": "0"}},
            "node": {
                "kind": "fewer",
                "moves": [],
                "bound": HALF,
                "children": [
                    {
                        "move": {"move": "keep", "generators": [0]},
                        "node": {"kind": "newton", "moves": [], "bound": HALF, "faces": []},
                    }
                ],
            },
        }
    ],
}
"""x² + x²y² is at least x²: λ = 1/2, m = 1."""


def test_fewer_generators():
    assert verify(FEWER)


def changed(data, word, change):
    """The certificate with the first dictionary changed whose move is the word."""
    data = json.loads(json.dumps(data))
    waiting = [data]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            if inner.get("move") == word:
                change(inner)
                return data
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    raise AssertionError(f"no {word} in it")


def test_other_weights_and_generators_are_refuted(found, tmp_path):
    product_ = found["2-2-2"].certificate.to_dict()

    forged = {
        "unknown": changed(product_, "contract", lambda move: move["weights"].update(nothing=1)),
        "negative": changed(
            product_,
            "contract",
            lambda m: m.update(weights={n: -w for n, w in m["weights"].items()}),
        ),
        "none": changed(FEWER, "keep", lambda move: move.update(generators=[])),
        "another": changed(FEWER, "keep", lambda move: move.update(generators=[1])),
    }
    for name, data in forged.items():
        assert not verify(data), name
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    if NODE is not None:
        done = subprocess.run([NODE, CHECK, *tmp_path.iterdir()], capture_output=True, text=True)
        assert done.stdout.count("refuted") == len(forged), done.stdout


def test_contractions():
    names = ("x", "n", "m")
    x, n, m = ring(names).gens()

    def weights(*generators):
        chart = Chart(
            ("x",), ("n", "m"), (0,), (0,), generators, x * 0 + 1, 2, free=frozenset("nm")
        )
        found = contraction(chart)
        return found and dict(found.weights)

    assert weights(x - n * n) == {"x": 2, "n": 1}
    assert weights(x - n * n, x * m - n * n * m) is not None
    assert weights((n - 1) ** 2 + x) is None
    assert weights(n * m - 1 + x) is None  # only of opposite weights
    assert weights(x) is None  # free coordinates that do not occur do not matter


def test_sides():
    a, b, c, d = ring("abcd").gens()
    assert bilinear([a * b + c * d, a * d]) == [([0, 2], [1, 3])] or bilinear(
        [a * b + c * d, a * d]
    ) == [([0, 2], [3, 1])]
    assert bilinear([a * b + b * c + c * a]) == [] == bilinear([a * a - b * b])
    assert bilinear([a * b - 1]) == [] and bilinear([a * b - 1 + a], lower=True) == [([0], [1])]


def test_names_that_are_taken_are_passed_over():
    assert rlct(["u1*s1 + s2*u2", "u1*s2^2 + u3"]).status == "proved"
