"""Test ``singlearn.generalise.process_maximum`` against fits of simulated data, and λ_VB against
its own minimisation.
"""

import numpy as np
import pytest
from scipy.optimize import minimize

from singlearn.exact import catalogue
from singlearn.generalise import one_node_constant, reduced_rank_constant


def test_reduced_rank_is_what_fits_of_simulated_data_show():
    generator = np.random.default_rng(0)
    n, truth = 400, np.zeros((2, 3))
    truth[0, 0] = 1.0
    errors = []
    for _ in range(200):
        x = generator.normal(size=(n, 3))
        y = x @ truth.T + generator.normal(size=(n, 2))
        # The best map of rank 2 is least squares itself; of rank 1 the projection of the fitted
        # outputs.
        whole = np.linalg.lstsq(x, y, rcond=None)[0].T
        _, _, right = np.linalg.svd(x @ whole.T, full_matrices=False)
        best = right[:1].T @ right[:1] @ whole
        errors.append([n * np.sum((c - truth) ** 2) / 2 for c in (best, whole)])
    measured, spread = np.mean(errors, axis=0), np.std(errors, axis=0) / 200**0.5
    for hidden, value, error in zip((1, 2), measured, spread, strict=True):
        theory = reduced_rank_constant(3, 2, hidden, rank=1, draws=4000)
        assert abs(theory.value - value) < 4 * np.hypot(error, theory.standard_error) + 0.02 * value
        assert theory.value >= float(catalogue.reduced_rank(3, 2, hidden, 1).value) - 0.1


def test_one_tanh_node_is_what_fits_of_simulated_data_show():
    generator = np.random.default_rng(1)
    n, largest = 1000, 10.0
    b = np.concatenate([[1e-3], np.geomspace(1e-2, largest, 60)])
    found = []
    for _ in range(300):
        x = generator.uniform(-1, 1, size=n)
        rows = np.tanh(b[:, None] * x)
        fit = (rows @ generator.normal(size=n)) ** 2 / np.sum(rows**2, axis=1)
        found.append(0.5 * fit.max())
    theory = one_node_constant(largest=largest, directions=60, draws=4000)
    assert abs(np.mean(found) - theory.value) < 4 * np.hypot(
        np.std(found) / np.sqrt(300), theory.standard_error
    )
    assert theory.value > 0.5


@pytest.mark.parametrize(("inputs", "outputs", "rank"), [(1, 1, 0), (1, 1, 1)])
def test_the_variational_coefficient_is_the_slope_of_its_free_energy(inputs, outputs, rank):
    """q(a) q(b) normal, K = ‖ab^T - truth‖²/2 without noise, prior N(0, 1), one component."""

    def free_energy(n):
        def bound(p):
            a, b, va, vb = p[0], p[1], np.exp(p[2]), np.exp(p[3])
            # E‖A B - C‖² for A = a e + noise, B = b e + noise, C = rank · e e^T.
            square = (
                (a * b - rank) ** 2
                + a * a * vb * outputs
                + b * b * va * inputs
                + inputs * outputs * va * vb
            )
            return 0.5 * (
                n * square + a * a + b * b + inputs * (va - 1 - p[2]) + outputs * (vb - 1 - p[3])
            )

        starts = (
            [rank, rank, -np.log(n), -np.log(n)],
            [0.1, 0.1, -np.log(n), 0.0],
            [0.1, 0.1, 0.0, -np.log(n)],
        )
        return min(minimize(bound, s, method="BFGS", options={"maxiter": 2000}).fun for s in starts)

    slope = (free_energy(1e10) - free_energy(1e8)) / np.log(1e2)
    expected = float(catalogue.variational_reduced_rank(inputs, outputs, 1, rank).value)
    assert slope == pytest.approx(expected, abs=0.02)
    assert expected >= float(catalogue.reduced_rank(inputs, outputs, 1, rank).value)


def test_variational_mixture_is_never_below_the_bayesian_coefficient():
    for alpha in (0.5, 1, 2):
        for dimension in (1, 3):
            args = {
                "components": 4,
                "true_components": 2,
                "dimension": dimension,
                "concentration": alpha,
            }
            bayes = catalogue.gaussian_location_mixture(**args).value
            assert catalogue.variational_mixture(**args).value >= bayes
