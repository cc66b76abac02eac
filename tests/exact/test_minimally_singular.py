"""Rank of the Hessian on W_0 against the codimension of W_0."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy

from singlearn.exact import ReducedRank, TrueSetChart, catalogue, minimally_singular

S, T = sympy.symbols("s t")
POSITIVE = sympy.Symbol("s", positive=True)


# ---- reduced rank regression


def test_reduced_rank_is_minimally_singular_exactly_for_the_largest_true_rank() -> None:
    for M, N, H in product(range(1, 6), repeat=3):
        for r in range(min(M, N, H) + 1):
            found = minimally_singular(ReducedRank(M, N, H, r))
            whole = catalogue.reduced_rank(M, N, H, r)
            if r == min(M, N, H):
                assert (
                    found.kind == "minimally singular"
                    and found.learning_coefficient == whole.value
                    and whole.multiplicity == 1
                )
                assert len({stratum.codimension for stratum in found.strata}) == 1
            else:
                assert found.kind == "not minimally singular" and found.learning_coefficient is None
                # The worst points are those where A and B have no more rank than their product.
                assert found.where_not[0].where == f"rank A = {r}, rank B = {r}"
                # 2λ lies between the rank of the Hessian there and the codimension.
                assert (
                    found.where_not[0].hessian_rank
                    <= 2 * whole.value
                    <= found.where_not[0].codimension
                )


def test_the_papers_claim_fails_for_a_truth_of_smaller_rank() -> None:
    """A.2: N = H, B square; it holds at det B ≠ 0, but W_0 has other points unless the truth has
    full rank.
    """
    good, bad = (
        minimally_singular(ReducedRank(3, 2, 2, 2)),
        minimally_singular(ReducedRank(3, 2, 2, 1)),
    )
    assert good.kind == "minimally singular" and good.learning_coefficient == Fraction(2 * 3, 2)
    invertible = [stratum for stratum in bad.strata if "rank B = 2" in stratum.where]
    assert all(stratum.verdict and stratum.hessian_rank == 2 * 3 for stratum in invertible)
    assert [stratum.where for stratum in bad.where_not] == ["rank A = 1, rank B = 1"]
    assert (
        "not minimally singular here" in bad.explain()
        and "charts" not in bad.explain()
        and bad.covers
    )


@pytest.mark.parametrize("model", [(2, 2, 2, 1), (3, 2, 2, 0), (2, 3, 2, 2), (1, 2, 3, 1)], ids=str)
def test_ranks_are_those_of_the_second_derivatives_of_K(model: tuple[int, int, int, int]) -> None:
    M, N, H, r = model
    A, B = sympy.MatrixSymbol("A", H, M).as_explicit(), sympy.MatrixSymbol("B", N, H).as_explicit()
    for stratum in minimally_singular(ReducedRank(M, N, H, r)).strata:
        a, b = (int(part.split("= ")[1]) for part in stratum.where.split(", "))
        first, second = np.zeros((H, M), dtype=int), np.zeros((N, H), dtype=int)
        first[:a, :a] = np.eye(a)
        for row, column in enumerate([*range(r), *range(a, a + b - r)]):
            second[row, column] = 1
        difference = B * A - sympy.Matrix(second @ first)
        K = sum(entry**2 for entry in difference)
        at = dict(zip([*A, *B], [*first.ravel().tolist(), *second.ravel().tolist()], strict=True))
        assert sympy.hessian(K, [*A, *B]).subs(at).rank() == stratum.hessian_rank


def test_chart_of_reduced_rank_agrees_with_the_strata() -> None:
    """One hidden unit, truth of rank 1, in the chart that scales the unit: (A, B) = (s A_0, B_0 /
    s).
    """
    K = "(b1*a1 - 2)^2 + (b1*a2 - 1)^2 + (b2*a1 - 6)^2 + (b2*a2 - 3)^2"
    chart = TrueSetChart(K, {"a1": 2 * S, "a2": S, "b1": 1 / S, "b2": 3 / S})
    by_chart, by_ranks = minimally_singular(chart), minimally_singular(ReducedRank(2, 2, 1, 1))
    assert by_chart.kind == by_ranks.kind == "minimally singular"
    assert by_chart.learning_coefficient == by_ranks.learning_coefficient == Fraction(3, 2)


# ---- charts

MINIMAL: dict[str, tuple[Any, dict[str, Any], Fraction]] = {
    "hyperbola": ("(x*y - 1)^2", {"x": S, "y": 1 / S}, Fraction(1, 2)),
    "cylinder": (
        "(x^2 + y^2 - 1)^2",
        {"x": (1 - S**2) / (1 + S**2), "y": 2 * S / (1 + S**2), "z": T},
        Fraction(1, 2),
    ),
    "no real degeneration": ("(x^2 + z^2 + 1)*y^2", {"x": S, "y": 0, "z": T}, Fraction(1, 2)),
    "half line": ("x^2*y^2", {"x": POSITIVE, "y": 0}, Fraction(1, 2)),
    "parabola": ("(y - x^2)^2 + z^2*(1 + x^2)", {"x": "s", "y": "s^2", "z": 0}, Fraction(1)),
    "name of a parameter": (
        "(x - y)^2",
        {"x": sympy.Symbol("y"), "y": sympy.Symbol("y")},
        Fraction(1, 2),
    ),
}


@pytest.mark.parametrize("name", MINIMAL)
def test_charts_that_are_minimally_singular(name: str) -> None:
    K, point, value = MINIMAL[name]
    found = minimally_singular(TrueSetChart(K, point))
    assert (found.kind, found.learning_coefficient) == ("minimally singular", value)
    # A half line ends before its worst point: what is said is about the chart.
    assert "on what the charts show" in found.explain() and not found.covers


DEGENERATE: dict[str, tuple[Any, dict[str, Any], str]] = {
    "crossing": ("x^2*y^2", {"x": S, "y": 0}, "s = 0"),
    "tangent branches": ("y^2*(y - x^2)^2", {"x": S, "y": 0}, "s = 0"),
    "pinch on no other branch": ("(x^2 + z^2)*y^2", {"x": S, "y": 0, "z": T}, "s**2 + t**2 = 0"),
    "two points": ("(x^2 - 2)^2*y^2", {"x": S, "y": 0}, "s = -sqrt(2) or s = sqrt(2)"),
    "curve": ("(x - z^3)^2*y^2", {"x": S, "y": 0, "z": T}, "s - t**3 = 0"),
    "everywhere": ("x^4", {"x": 0, "y": S}, "x = 0, y = s"),
    "point": ("x^2 + y^4", {"x": 0, "y": 0}, "x = 0, y = 0"),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_charts_that_are_not_say_where(name: str) -> None:
    K, point, where = DEGENERATE[name]
    found = minimally_singular(TrueSetChart(K, point))
    assert found.kind == "not minimally singular" and found.learning_coefficient is None
    assert len(found.where_not) == 1 and found.where_not[0].where.endswith(where)
    assert found.where_not[0].hessian_rank < found.where_not[0].codimension


def test_isolated_point_with_a_positive_definite_hessian_is_regular() -> None:
    found = minimally_singular(TrueSetChart("x^2 + 3*y^2", {"x": 0, "y": 0}))
    assert (found.kind, found.learning_coefficient) == ("regular", 1)


def test_several_charts_have_to_hold_together() -> None:
    along_x, along_y = (
        TrueSetChart("x^2*(y - 1)^2", {"x": 0, "y": S}),
        TrueSetChart("x^2*(y - 1)^2", {"x": S, "y": 1}),
    )
    assert minimally_singular([along_x, along_y]).kind == "not minimally singular"
    left, right = (
        TrueSetChart("(x*y - 1)^2", {"x": sign * POSITIVE, "y": sign / POSITIVE})
        for sign in (1, -1)
    )
    assert minimally_singular([left, right]).kind == "minimally singular"
    with pytest.raises(ValueError, match=r"^model: got no chart"):
        minimally_singular([])
    with pytest.raises(ValueError, match=r"^model: got charts in"):
        minimally_singular([left, TrueSetChart("x^2", {"x": 0})])


def test_what_cannot_be_decided_is_not_claimed() -> None:
    # x⁴y² + x²y⁴ - 3x²y² + 1 (Motzkin) touches 0 at |x| = |y| = 1; shifted up it has no zero, which
    # no visible sign tells.
    motzkin = "x^4*y^2 + x^2*y^4 - 3*x^2*y^2 + "
    touching = minimally_singular(TrueSetChart(f"({motzkin}1)*z^2", {"x": S, "y": T, "z": 0}))
    assert touching.kind == "not minimally singular"
    above = minimally_singular(TrueSetChart(f"({motzkin}2)*z^2", {"x": S, "y": T, "z": 0}))
    assert above.kind == "undecided" and above.learning_coefficient is None
    assert "not decided here" in above.explain()


@pytest.mark.parametrize(
    ("K", "point", "argument"),
    [
        ("x^2", {"x": S}, "point"),
        ("x", {"x": 0, "y": S}, "K"),
        ("x^2 + u^2", {"x": 0}, "K"),
        (sympy.sin(sympy.Symbol("x")) ** 2, {"x": 0}, "K"),
        ("(x - y)^2", {"x": sympy.sin(S), "y": sympy.sin(S)}, r"point\['x'\]"),
        ("(x - y)^2", {"x": S + T, "y": S + T}, "point"),
        ("__import__('os')", {"x": 0}, "expression"),
        ("x^2", {"x": "s.real"}, "expression"),
    ],
)
def test_charts_refuse(K: Any, point: dict[str, Any], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: "):
        minimally_singular(TrueSetChart(K, point))


@pytest.mark.parametrize(
    ("sizes", "argument"),
    [((0, 1, 1, 0), "inputs"), ((1, 1, 0, 0), "hidden"), ((2, 2, 1, 2), "rank")],
)
def test_reduced_rank_refuses(sizes: tuple[int, int, int, int], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: got "):
        ReducedRank(*sizes)
