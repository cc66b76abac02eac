"""Exact learning coefficients against independent numbers, other formulas for the same thing, and
each other.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from itertools import combinations, combinations_with_replacement, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from scipy import optimize

from singlearn.exact import ExactCoefficient, catalogue

TRUTH = json.loads(
    (Path(__file__).parents[1] / "truth" / "models.json").read_text(encoding="utf-8")
)["families"]
CASES = [(family, value) for family, entry in TRUTH.items() for value in entry["values"]]


@pytest.mark.parametrize(
    ("family", "value"),
    CASES,
    ids=lambda part: part if isinstance(part, str) else str(part["args"]),
)
def test_catalogue_gives_the_verified_pair(family: str, value: dict[str, Any]) -> None:
    args = list(value["args"])
    if family == "gaussian_location_mixture":
        args[3] = Fraction(args[3])
    coefficient = getattr(catalogue, family)(*args)
    assert (coefficient.value, coefficient.multiplicity) == (Fraction(value["lambda"]), value["m"])
    assert coefficient.status == "proved" and coefficient.source and coefficient.conditions


def test_every_formula_of_the_catalogue_has_a_truth() -> None:
    formulas = {entry.function.__name__ for entry in catalogue.table().entries}
    # The local coefficients of reduced rank regression are compared with its strata, further down;
    # the factor model with what algebra proves, in tests/models/test_discrete_and_more.py.
    assert formulas == set(TRUTH) | {"reduced_rank_local", "one_factor"}
    assert formulas < set(catalogue.__all__)


def _reduced_rank_by_singular_values(M: int, N: int, H: int, r: int) -> tuple[Fraction, int]:
    """r(M+N-r)/2 + ½ min_j [j² + j|M'-H'| + N'(p-j)], primes = minus r, p = min(M', H'); m counts
    the minimisers.
    """
    m, n, h = M - r, N - r, H - r
    p = min(m, h)
    costs = [j * j + j * abs(m - h) + n * (p - j) for j in range(p + 1)]
    return Fraction(r * (M + N - r) + min(costs), 2), costs.count(min(costs))


def test_reduced_rank_agrees_with_singular_values_and_with_depth_two() -> None:
    for M, N, H in product(range(1, 9), repeat=3):
        for r in range(min(M, N, H) + 1):
            pair = catalogue.reduced_rank(M, N, H, r)
            assert (pair.value, pair.multiplicity) == _reduced_rank_by_singular_values(
                M, N, H, r
            ), (M, N, H, r)
            deep = catalogue.deep_linear([M, H, N], r)
            assert (deep.value, deep.multiplicity) == (pair.value, pair.multiplicity), (M, N, H, r)


def _deep_linear_by_product_channels(widths: tuple[int, ...], rank: int) -> Fraction:
    """½ Σ c_i + r(n_in + n_out - r)/2, c_i = 1 - i + min_k ⌊(n_0 + … + n_k - i)/k⌋, n sorted, minus
    r.
    """
    n = sorted(width - rank for width in widths)
    exponents = [
        1 - i + min((sum(n[: k + 1]) - i) // k for k in range(1, len(n)))
        for i in range(1, n[0] + 1)
    ]
    return Fraction(sum(exponents) + rank * (widths[0] + widths[-1] - rank), 2)


@pytest.mark.parametrize("matrices", [2, 3, 4])
def test_deep_linear_agrees_with_product_channels(matrices: int) -> None:
    for widths in product(range(1, 5), repeat=matrices + 1):
        for rank in range(min(widths) + 1):
            assert catalogue.deep_linear(widths, rank).value == _deep_linear_by_product_channels(
                widths, rank
            ), (
                widths,
                rank,
            )


def test_deep_linear_has_no_gap_in_its_search() -> None:
    for gaps in combinations_with_replacement(range(1, 7), 6):
        assert catalogue.deep_linear(gaps, 0).value > 0


# ---- reduced rank, at a point


def _strata(M: int, N: int, H: int, r: int) -> list[tuple[int, int]]:
    """Ranks that A (H × M) and B (N × H) can have when BA has rank r."""
    return [
        (a, b) for a in range(r, min(M, H) + 1) for b in range(r, min(N, H) + 1) if a + b - r <= H
    ]


def _parameter(
    M: int, N: int, H: int, r: int, a: int, b: int, generator: np.random.Generator
) -> list[list[list[int]]]:
    """Integer A and B with these ranks, in no special coordinates."""

    def invertible(size: int) -> np.ndarray:
        lower, upper = (
            np.tril(generator.integers(-2, 3, (size, size)), -1),
            np.triu(generator.integers(-2, 3, (size, size)), 1),
        )
        return (lower + np.eye(size, dtype=int)) @ (upper + np.eye(size, dtype=int))

    A, B = np.zeros((H, M), dtype=int), np.zeros((N, H), dtype=int)
    A[:a, :a] = np.eye(a)
    # B sees r of the directions that A fills, and b - r of those it does not.
    for row, column in enumerate([*range(r), *range(a, a + b - r)]):
        B[row, column] = 1
    middle = sympy.Matrix(invertible(H))
    inverse = np.array(middle.inv().tolist(), dtype=int)
    return [
        (np.array(middle.tolist(), dtype=int) @ A @ invertible(M)).tolist(),
        (invertible(N) @ B @ inverse).tolist(),
    ]


def test_smallest_local_coefficient_is_the_global_one() -> None:
    for M, N, H in product(range(1, 7), repeat=3):
        for r in range(min(M, N, H) + 1):
            everywhere = [
                catalogue.reduced_rank_local(M, N, H, r, a, b) for a, b in _strata(M, N, H, r)
            ]
            smallest = min(everywhere, key=lambda pair: (pair.value, -pair.multiplicity))
            whole = catalogue.reduced_rank(M, N, H, r)
            assert (smallest.value, smallest.multiplicity) == (whole.value, whole.multiplicity), (
                M,
                N,
                H,
                r,
            )
            assert (everywhere[0].value, everywhere[0].multiplicity) == (
                whole.value,
                whole.multiplicity,
            )


@pytest.mark.parametrize("widths", [(2, 2, 2), (3, 2, 2), (2, 3, 4), (3, 3, 3)], ids=str)
def test_local_coefficient_has_half_the_rank_of_the_hessian_and_is_read_off_the_matrices(
    widths: tuple[int, int, int],
) -> None:
    M, N, H = widths
    generator = np.random.default_rng(0)
    for r in range(min(widths) + 1):
        for a, b in _strata(M, N, H, r):
            A, B = _parameter(M, N, H, r, a, b, generator)
            # d(BA) = dB A + B dA, as a matrix acting on the entries of B and A.
            jacobian = np.hstack(
                [
                    np.kron(np.eye(N, dtype=int), np.array(A).T),
                    np.kron(np.array(B), np.eye(M, dtype=int)),
                ]
            )
            rank = sympy.Matrix(jacobian).rank()
            local = catalogue.reduced_rank_at(A, B)
            assert local == catalogue.reduced_rank_local(M, N, H, r, a, b)
            rest = (M - a, N - b, H - a - b + r)
            assert local.value >= Fraction(rank, 2) and (local.value == Fraction(rank, 2)) == (
                min(rest) == 0
            )


@pytest.mark.parametrize("second_rank", [1, 2])
def test_local_coefficient_agrees_with_an_integral_over_a_neighbourhood(second_rank: int) -> None:
    """At A = 0, with a ~ N(0, I) integrated out: ∫ exp(-n|BA|²) = E_B det(I + 2n BᵀB)^(-M/2), B
    near B₀ of the given rank.
    """
    M, N, H = 3, 2, 2
    B = np.random.default_rng(1).uniform(-0.2, 0.2, size=(1_000_000, N, H)) + np.diag(
        [1.0] * second_rank + [0.0] * (H - second_rank)
    )
    log_n = np.log([1e3, 1e5])
    gram = np.swapaxes(B, 1, 2) @ B
    log_z = [
        np.log(np.mean(np.linalg.det(np.eye(H) + 2 * np.exp(x) * gram) ** (-M / 2))) for x in log_n
    ]
    pair = catalogue.reduced_rank_local(M, N, H, 0, 0, second_rank)
    assert pair.multiplicity == 1
    assert (log_z[0] - log_z[1]) / (log_n[1] - log_n[0]) == pytest.approx(
        float(pair.value), abs=0.03
    )


def test_matrices_at_a_point_have_to_be_exact_and_fit() -> None:
    with pytest.raises(TypeError, match=r"0\.5"):
        catalogue.reduced_rank_at([[0.5]], [[1]])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"^B: got 2 columns"):
        catalogue.reduced_rank_at([[1]], [[1, 2]])
    with pytest.raises(ValueError, match=r"^A: got rows of lengths"):
        catalogue.reduced_rank_at([[1], [1, 2]], [[1, 2]])


# ---- tanh, Vandermonde and mixtures


def _tropical(terms: int, step: int) -> tuple[Fraction, int]:
    """½ min_β [Hβ + max_k (k - S_k β)], S_k the sum of the first k powers of b; m = 2 where a
    segment minimises.
    """
    sums = [k + step * k * (k - 1) // 2 for k in range(terms + 2)]

    def cost(beta: Fraction) -> Fraction:
        return terms * beta + max(k - s * beta for k, s in enumerate(sums))

    corners = sorted({Fraction(1, after - before) for before, after in pairwise(sums)})
    costs = [cost(beta) for beta in corners]
    return min(costs) / 2, costs.count(min(costs))


def test_vandermonde_agrees_with_the_tropical_programme_and_with_tanh() -> None:
    for terms, step in product(range(1, 40), range(1, 5)):
        pair = catalogue.vandermonde(terms, step)
        assert (pair.value, pair.multiplicity) == _tropical(terms, step), (terms, step)
        if step == 2:
            tanh = catalogue.tanh_zero_truth(terms)
            assert (pair.value, pair.multiplicity) == (tanh.value, tanh.multiplicity)


def test_weights_of_either_sign_and_positive_weights_are_not_confused() -> None:
    assert catalogue.vandermonde(4, 1).value == Fraction(7, 6)
    assert catalogue.gaussian_location_mixture(4, 1, 1, 1).value == Fraction(5, 4)
    assert catalogue.poisson_mixture(4, 1).value == Fraction(5, 4)
    assert "not the weights of a mixture" in catalogue.vandermonde(4, 1).conditions
    for components in range(1, 12):
        assert (
            catalogue.poisson_mixture(components, 1).value
            >= catalogue.vandermonde(components, 1).value
        )


def test_poisson_mixtures_are_like_gaussians_on_a_line() -> None:
    for true, excess in product(range(1, 6), range(6)):
        gaussian, poisson = (
            catalogue.gaussian_location_mixture(true + excess, true, 1, 1),
            catalogue.poisson_mixture(true + excess, true),
        )
        assert (gaussian.value, gaussian.multiplicity) == (poisson.value, poisson.multiplicity)


def _monomial_ideal(exponents: list[list[int]]) -> Fraction:
    """rlct of the ideal of these monomials: min Σ w with w ≥ 0 and every monomial of weight ≥ 1."""
    rows = np.array(exponents)
    answer = optimize.linprog(np.ones(rows.shape[1]), A_ub=-rows, b_ub=-np.ones(len(rows)))
    return Fraction(float(answer.fun)).limit_denominator(1000)


@pytest.mark.parametrize("features", range(2, 8))
def test_independent_features_agree_with_a_monomial_ideal(features: int) -> None:
    """K ≍ Σ (means)² + π²(1 - π)² Σ_{i<j} u_i² u_j²: n/2 from the means, half the rlct of (π u_i
    u_j) from the rest.
    """
    pairs = list(combinations(range(features), 2))
    products = [[int(k in pair) for k in range(features)] for pair in pairs]
    open_class = Fraction(features, 2) + _monomial_ideal([[1, *row] for row in products]) / 2
    bounded = Fraction(features, 2) + _monomial_ideal(products) / 2
    assert catalogue.naive_bayes(features, "independent").value == open_class
    assert catalogue.naive_bayes(features, "independent", class_bounded=True).value == bounded


# ---- factorisations


def test_nonnegative_factors_stay_below_the_published_bound() -> None:
    for M, N, H in product(range(1, 7), repeat=3):
        for r in range(1, min(M, N, H) + 1):
            bound = Fraction((H - r) * min(M, N) + r * (M + N - 1), 2)
            assert catalogue.nonnegative_factorisation(M, N, H, r).value <= bound


def test_latent_dirichlet_allocation_agrees_with_the_published_formula() -> None:
    checked = 0
    for M, N, H in product(range(2, 9), range(2, 9), range(1, 9)):
        for r in range(1, min(M, N, H) + 1):
            rho = r - 1
            balanced = N + rho <= M + H - 1 and M + rho <= N + H - 1 and H + rho <= M + N - 1
            # The paper's matrices are stochastic: M, N and H of its cases are one larger than the
            # free ones.
            if balanced and (M + N + H + rho) % 2 == 1:
                paper = Fraction(
                    2 * (H + rho + 1) * (M + N) - (M - N) ** 2 - (H + rho + 1) ** 2, 8
                ) - Fraction(N, 2)
                assert catalogue.latent_dirichlet_allocation(M, N, H, r).value == paper, (
                    M,
                    N,
                    H,
                    r,
                )
                checked += 1
    assert checked > 100


# ---- the table


def _bibliography() -> set[str]:
    text = (Path(__file__).parents[2] / "docs" / "references.bib").read_text(encoding="utf-8")
    return set(re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE))


def test_table_evaluates_its_examples_and_cites_what_exists() -> None:
    keys = _bibliography()
    table = catalogue.table()
    rows = json.loads(json.dumps(table.rows()))
    assert len(rows) == len(table) == len(set(table)) == len(table.entries)
    for row in rows:
        entry = table[row["name"]]
        assert set(row["reference"]) <= keys
        assert list(row["example"]) == row["arguments"][: len(row["example"])]
        assert Fraction(row["value"]) == entry.function(**row["example"]).value
        assert row["conditions"] and row["status"] == "proved" and row["model"] in table.details()
    with pytest.raises(KeyError):
        table["no-such-formula"]


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
        excess = (
            catalogue.relu_phase(inputs, kinks, phase).value
            - catalogue.relu_two_layer(inputs, 1, kinks).value
        )
        assert 0 < excess <= Fraction(inputs + 1, 2)


def test_mixture_with_as_many_components_as_the_truth_is_regular() -> None:
    for components, dimension in product(range(1, 6), range(1, 4)):
        pair = catalogue.gaussian_location_mixture(components, components, dimension, 1)
        assert (pair.value, pair.multiplicity) == (
            Fraction(components * dimension + components - 1, 2),
            1,
        )


def test_concentration_is_read_as_the_decimal_it_prints_as() -> None:
    assert catalogue.gaussian_location_mixture(2, 1, 1, 0.1).value == Fraction(1, 2) + Fraction(
        1, 20
    )


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
        ("reduced_rank_local", (2, 2, 2, 0, 3, 0), "first_rank"),
        ("reduced_rank_local", (2, 2, 2, 1, 0, 1), "first_rank"),
        ("reduced_rank_local", (2, 2, 2, 0, 0, -1), "second_rank"),
        ("reduced_rank_local", (2, 2, 2, 1, 2, 2), "rank"),
        ("tanh_one_true_node", ("asleep",), "phase"),
        ("vandermonde", (0, 1), "terms"),
        ("vandermonde", (1, 0), "step"),
        ("poisson_mixture", (1, 2), "components"),
        ("poisson_mixture", (1, 0), "true_components"),
        ("naive_bayes", (2, "generic"), "features"),
        ("naive_bayes", (1, "one_link"), "features"),
        ("naive_bayes", (0, "independent"), "features"),
        ("naive_bayes", (3, "dependent"), "truth"),
        ("nonnegative_factorisation_zero_truth", (0, 1, 1), "rows"),
        ("nonnegative_factorisation", (2, 2, 2, 0), "rank"),
        ("nonnegative_factorisation", (2, 2, 1, 2), "rank"),
        ("nonnegative_factorisation", (2, 0, 1, 1), "columns"),
        ("latent_dirichlet_allocation", (1, 2, 1, 1), "vocabulary"),
        ("latent_dirichlet_allocation", (3, 2, 3, 3), "true_topics"),
        ("latent_dirichlet_allocation", (3, 2, 0, 1), "topics"),
        ("hidden_markov_binary", (1,), "length"),
    ],
)
def test_formulas_refuse_what_is_outside_their_conditions(
    formula: str, args: tuple[Any, ...], argument: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: got "):
        getattr(catalogue, formula)(*args)


def test_coefficient_prints_its_status_and_refuses_nonsense() -> None:
    half = Fraction(1, 2)
    assert (
        str(ExactCoefficient(None, None, "someone", "somewhere", "bounds", upper=half))
        == "λ ≤ 1/2 (bounds: someone)"
    )
    assert (
        str(ExactCoefficient(half, 2, "someone", "somewhere", "conjectured"))
        == "λ = 1/2, m = 2 (conjectured: someone)"
    )
    assert float(ExactCoefficient(half, 2, "someone", "somewhere")) == 0.5
    with pytest.raises(ValueError, match=r"^value: got 0"):
        ExactCoefficient(Fraction(0), 1, "someone", "somewhere")
    with pytest.raises(ValueError, match=r"^multiplicity: got 0"):
        ExactCoefficient(half, 0, "someone", "somewhere")


def test_exact_and_data_start_without_jax_or_torch() -> None:
    code = (
        "import sys, singlearn.exact, singlearn.data; "
        "print({'jax', 'torch', 'numpyro'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


def test_every_citation_is_in_the_bibliography() -> None:
    root, keys = Path(__file__).parents[2], _bibliography()
    for room in ("exact", "models", "data"):
        for path in (root / "src" / "singlearn" / room).rglob("*.py"):
            cited = set(re.findall(r"\[(\w+)\]_(?!\w)", path.read_text(encoding="utf-8")))
            assert cited <= keys, f"{path.name} cites {cited - keys}"
