"""Exact learning coefficients against independent numbers, other formulas for the same thing, and each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import pytest

from singlearn.exact import ExactCoefficient, catalogue

TRUTH = json.loads((Path(__file__).parent / "truth" / "models.json").read_text(encoding="utf-8"))["families"]
CASES = [(family, value) for family, entry in TRUTH.items() for value in entry["values"]]


@pytest.mark.parametrize(
    ("family", "value"), CASES, ids=lambda part: part if isinstance(part, str) else str(part["args"])
)
def test_catalogue_gives_the_verified_pair(family: str, value: dict[str, Any]) -> None:
    args = list(value["args"])
    if family == "gaussian_location_mixture":
        args[3] = Fraction(args[3])
    coefficient = getattr(catalogue, family)(*args)
    assert (coefficient.value, coefficient.multiplicity) == (Fraction(value["lambda"]), value["m"])
    assert coefficient.status == "proved" and coefficient.source and coefficient.conditions


def test_every_formula_of_the_catalogue_has_a_truth() -> None:
    assert set(catalogue.__all__) == set(TRUTH)


def _reduced_rank_by_singular_values(M: int, N: int, H: int, r: int) -> tuple[Fraction, int]:
    """r(M+N-r)/2 + ½ min_j [j² + j|M'-H'| + N'(p-j)], primes = minus r, p = min(M', H'); m counts the minimisers."""
    m, n, h = M - r, N - r, H - r
    p = min(m, h)
    costs = [j * j + j * abs(m - h) + n * (p - j) for j in range(p + 1)]
    return Fraction(r * (M + N - r) + min(costs), 2), costs.count(min(costs))


def test_reduced_rank_agrees_with_singular_values_and_with_depth_two() -> None:
    for M, N, H in product(range(1, 9), repeat=3):
        for r in range(min(M, N, H) + 1):
            pair = catalogue.reduced_rank(M, N, H, r)
            assert (pair.value, pair.multiplicity) == _reduced_rank_by_singular_values(M, N, H, r), (M, N, H, r)
            deep = catalogue.deep_linear([M, H, N], r)
            assert (deep.value, deep.multiplicity) == (pair.value, pair.multiplicity), (M, N, H, r)


def _deep_linear_by_product_channels(widths: tuple[int, ...], rank: int) -> Fraction:
    """½ Σ c_i + r(n_in + n_out - r)/2, c_i = 1 - i + min_k ⌊(n_0 + … + n_k - i)/k⌋, n sorted, minus r."""
    n = sorted(width - rank for width in widths)
    exponents = [1 - i + min((sum(n[: k + 1]) - i) // k for k in range(1, len(n))) for i in range(1, n[0] + 1)]
    return Fraction(sum(exponents) + rank * (widths[0] + widths[-1] - rank), 2)


@pytest.mark.parametrize("matrices", [2, 3, 4])
def test_deep_linear_agrees_with_product_channels(matrices: int) -> None:
    for widths in product(range(1, 5), repeat=matrices + 1):
        for rank in range(min(widths) + 1):
            assert catalogue.deep_linear(widths, rank).value == _deep_linear_by_product_channels(widths, rank), (
                widths,
                rank,
            )


def test_deep_linear_has_no_gap_in_its_search() -> None:
    for gaps in combinations_with_replacement(range(1, 7), 6):
        assert catalogue.deep_linear(gaps, 0).value > 0


def test_coefficients_never_exceed_half_the_number_of_parameters() -> None:
    for M, N, H in product(range(1, 6), repeat=3):
        for r in range(min(M, N, H) + 1):
            assert catalogue.reduced_rank(M, N, H, r).value <= Fraction(H * (M + N), 2)
    for hidden in range(1, 60):
        assert catalogue.tanh_zero_truth(hidden).value <= hidden
    for inputs, kinks, phase in product(
        range(1, 5), range(2, 5), ("zero_incoming", "shared_boundary", "opposite_pair")
    ):
        # A node is N + 1 numbers up to scale, so one more can cost at most (N + 1)/2.
        excess = catalogue.relu_phase(inputs, kinks, phase).value - catalogue.relu_two_layer(inputs, 1, kinks).value
        assert 0 < excess <= Fraction(inputs + 1, 2)


def test_mixture_with_as_many_components_as_the_truth_is_regular() -> None:
    for components, dimension in product(range(1, 6), range(1, 4)):
        pair = catalogue.gaussian_location_mixture(components, components, dimension, 1)
        assert (pair.value, pair.multiplicity) == (Fraction(components * dimension + components - 1, 2), 1)


def test_concentration_is_read_as_the_decimal_it_prints_as() -> None:
    assert catalogue.gaussian_location_mixture(2, 1, 1, 0.1).value == Fraction(1, 2) + Fraction(1, 20)


@pytest.mark.parametrize(
    ("formula", "args", "argument"),
    [
        ("reduced_rank", (0, 1, 1, 0), "inputs"),
        ("reduced_rank", (1, -1, 1, 0), "outputs"),
        ("reduced_rank", (1, 1, 0, 0), "hidden"),
        ("reduced_rank", (3, 3, 2, 3), "rank"),
        ("reduced_rank", (3, 3, 2, -1), "rank"),
        ("deep_linear", ([3], 0), "widths"),
        ("deep_linear", ([3, 0, 3], 0), r"widths\[1\]"),
        ("deep_linear", ([3, 2, 3], 3), "rank"),
        ("tanh_zero_truth", (0,), "hidden"),
        ("gaussian_location_mixture", (1, 2, 1, 1), "components"),
        ("gaussian_location_mixture", (1, 0, 1, 1), "true_components"),
        ("gaussian_location_mixture", (2, 1, 0, 1), "dimension"),
        ("gaussian_location_mixture", (2, 1, 1, 0), "concentration"),
        ("gaussian_location_mixture", (2, 1, 1, float("nan")), "concentration"),
        ("relu_two_layer", (0, 1, 1), "inputs"),
        ("relu_two_layer", (1, 0, 1), "outputs"),
        ("relu_two_layer", (1, 1, -1), "kinks"),
        ("relu_phase", (1, 1, "asleep"), "phase"),
        ("relu_phase", (1, 0, "shared_boundary"), "kinks"),
        ("relu_phase", (1, 1, "opposite_pair"), "kinks"),
    ],
)
def test_formulas_refuse_what_is_outside_their_conditions(formula: str, args: tuple[Any, ...], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: got "):
        getattr(catalogue, formula)(*args)


def test_coefficient_prints_its_status_and_refuses_nonsense() -> None:
    half = Fraction(1, 2)
    assert str(ExactCoefficient(half, 1, "someone", "somewhere", "bounds")) == "λ ≤ 1/2 (bounds: someone)"
    assert (
        str(ExactCoefficient(half, 2, "someone", "somewhere", "conjectured")) == "λ = 1/2, m = 2 (conjectured: someone)"
    )
    assert float(ExactCoefficient(half, 2, "someone", "somewhere")) == 0.5
    with pytest.raises(ValueError, match=r"^value: got 0"):
        ExactCoefficient(Fraction(0), 1, "someone", "somewhere")
    with pytest.raises(ValueError, match=r"^multiplicity: got 0"):
        ExactCoefficient(half, 0, "someone", "somewhere")


def test_exact_and_data_start_without_jax_or_torch() -> None:
    code = "import sys, singlearn.exact, singlearn.data; print({'jax', 'torch', 'numpyro'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


def test_every_citation_is_in_the_bibliography() -> None:
    root = Path(__file__).parents[1]
    keys = set(
        re.findall(r"^@\w+\{(\w+),", (root / "docs" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for room in ("exact", "models", "data"):
        for path in (root / "src" / "singlearn" / room).rglob("*.py"):
            cited = set(re.findall(r"\[(\w+)\]_(?!\w)", path.read_text(encoding="utf-8")))
            assert cited <= keys, f"{path.name} cites {cited - keys}"
