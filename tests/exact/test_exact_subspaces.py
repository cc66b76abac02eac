"""Blow-ups of coordinate subspaces, with free coordinates: λ that theorems give, agreement with
polyhedra, and both checkers.

The λ of minors: complete collineations and quadrics (Vainsencher 1984; Docampo 2013, "Arcs on
determinantal varieties"): half the least (M - i)(N - i)/(k - i) over i < k. Of products of
matrices: Aoyagi and Watanabe 2005.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
import sympy

from singlearn.exact import resolution, rlct, verify
from singlearn.exact.read.inputs import read_function
from singlearn.exact.resolution import _chart, _place, _result
from singlearn.exact.resolve.search import Search

CHECK = Path(__file__).parents[2] / "checkers" / "javascript" / "check.mjs"
NODE = shutil.which("node")


def matrix(rows, columns, symmetric=False):
    def entry(i, j):
        return sympy.Symbol(f"a{min(i, j)}{max(i, j)}" if symmetric else f"a{i}{j}")

    return sympy.Matrix(rows, columns, entry)


def minors(a, k):
    chosen = [
        (r, c) for r in combinations(range(a.rows), k) for c in combinations(range(a.cols), k)
    ]
    return sorted({str(sympy.expand(a[list(r), list(c)].det())) for r, c in chosen})


def product(M, H, N):
    A = sympy.Matrix(H, M, lambda i, j: sympy.Symbol(f"a{i}{j}"))
    B = sympy.Matrix(N, H, lambda i, j: sympy.Symbol(f"b{i}{j}"))
    return [str(sympy.expand(g)) for g in B * A]


CASES = {
    "2x3 minors": (minors(matrix(2, 3), 2), Fraction(1), 1),
    "2x4 minors": (minors(matrix(2, 4), 2), Fraction(3, 2), 1),
    "determinant": (minors(matrix(3, 3), 3), Fraction(1, 2), 1),
    "symmetric determinant": (minors(matrix(3, 3, True), 3), Fraction(1, 2), 1),
    "Pfaffian": (["p*q - r*s + t*u"], Fraction(1, 2), 1),
    "two 2x2 matrices": (product(2, 2, 2), Fraction(3, 2), 1),
    "moments of two nodes": (["a*p + b*q", "a*p^3 + b*q^3"], Fraction(2, 3), 1),
    "a quadric and its multiples": (["x*y - z*w", "(x*y - z*w)*(x + z)"], Fraction(1, 2), 1),
}


def resolved(K, linear, prior=None, seconds=20.0):
    function = read_function(K)
    point = dict.fromkeys(function.variables, Fraction(0))
    node = Search(time.monotonic() + seconds, function.variables, linear=linear).solve(
        _chart(function, prior, point)
    )
    return _result(function, prior, "point", [_place(point)], [node], node.bound, "", point)


@pytest.fixture(scope="module")
def found():
    return {name: resolved(K, linear=True) for name, (K, *_) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_theorems(found, name):
    _, value, multiplicity = CASES[name]
    assert (found[name].value, found[name].multiplicity) == (value, multiplicity)
    assert verify(found[name].certificate)


def test_the_new_steps_occur(found):
    text = json.dumps([result.certificate.to_dict() for result in found.values()])
    assert [
        word
        for word in ("blow_up", "split", "subspace", "apart", "change")
        if f'"{word}"' not in text
    ] == []


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_second_checker_follows(found, tmp_path):
    for name, result in found.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result.certificate.to_dict()))
    done = subprocess.run(
        [NODE, CHECK, *sorted(tmp_path.iterdir())], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_polyhedra_and_subspaces_agree():
    """Of polynomials at random, where both find λ, they find one; their bounds never exclude each
    other.
    """
    draw = random.Random(5)

    def monomial():
        return "*".join(f"{n}^{k}" for n in "xyz" if (k := draw.choice((0, 0, 1, 1, 2)))) or "x"

    both = 0
    for _ in range(20):
        K = [
            "+".join(f"({draw.choice((-2, -1, 1, 1))})*{monomial()}" for _ in range(2))
            for _ in range(2)
        ]
        try:
            one, other = (resolved(K, linear, seconds=1.0) for linear in (False, True))
        except ValueError:  # terms that cancel
            continue
        assert max(one.lower, other.lower) <= min(one.upper, other.upper)
        if one.status == other.status == "proved":
            assert (one.value, one.multiplicity) == (other.value, other.multiplicity)
            both += 1
    assert both > 12


def test_a_wrong_pivot_or_a_missing_chart_is_refuted(found):
    data = json.loads(json.dumps(found["2x3 minors"].certificate.to_dict()))
    node = data["proofs"][0]["node"]
    assert node["kind"] == "blow_up" and verify(data)
    node["children"].reverse()
    assert not verify(data)
    node["children"].reverse()
    node["children"].pop()
    assert not verify(data)


def test_rlct_takes_them_where_polyhedra_do_not_suffice(monkeypatch):
    monkeypatch.setattr(resolution, "SHARE_FOR_POLYHEDRA", 0.0)
    found = rlct(CASES["2x3 minors"][0])
    assert (found.value, found.multiplicity, found.status) == (1, 1, "proved")
    assert "Blow-up of" in found.explain() and verify(found.certificate)
