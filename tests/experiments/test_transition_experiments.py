"""The experiments on transitions: exact parts by brute force, measured parts against them, resumed
ones not repeated.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.stats import invgamma

from singlearn.experiments.carroll2021 import degenerate_node
from singlearn.experiments.own import model_selection, selection_families, toy_transitions
from singlearn.models import MixturePrior, two_node_degeneracy
from singlearn.running.sweep import FinishedPoints
from singlearn.tempering import temper


@pytest.mark.slow
def test_toy_transitions_are_where_quadrature_has_them(tmp_path, monkeypatch):
    first, second = toy_transitions.families()
    # Gaussian wells of curvature 20 and 1: F_right - F_left = n (θ - 0.05) + ½ log 20, zero at x =
    # -½ log 20.
    inside = first.phases(1e4)(toy_transitions.GRID)
    theta = 0.05 - 0.5 * math.log(20) / 1e4
    assert first.exact(theta, 1e4, inside) == pytest.approx(
        first.exact(theta, 1e4, ~inside), abs=1e-6
    )
    small = (replace(first, scaled=(-3.0, 0.0)), replace(second, scaled=(-1.5, 0.0, 1.5, 3.0)))
    monkeypatch.setattr(toy_transitions, "families", lambda: small)
    result = toy_transitions.run(True, 0, tmp_path, False)
    for row, order in zip(result.rows, ("first order", "higher order or a crossover"), strict=True):
        assert row["order"] == order
        assert row["relative deviation"] < 0.02
        assert abs(row["transition at θ"] - row["quadrature"]) < 4 * row["standard error"]
        assert (
            row["worst F, in standard errors"] < 4.5 and row["worst F_k, in standard errors"] < 4.5
        )
    assert result.rows[0]["worst recombination, in standard errors"] < 4.5
    assert result.figures[0].stat().st_size > 40_000


def test_example_three_four_prefers_neither_end_nor_middle():
    """Shares of ends and middle against quadrature, that against a grid; the ends have no lower λ,
    and no more than their length.
    """
    n, side = 100.0, np.linspace(-2.0, 2.0, 1601)
    first, second = np.meshgrid(side, side)
    kl = (
        (np.maximum(first, 0) + np.maximum(second, 0) - 1) ** 2
        + (np.maximum(-first, 0) + np.maximum(-second, 0)) ** 2
    ) / 4
    density, along = np.exp(-n * kl), np.abs(first - second)
    for centre in (0.0, 1.0):
        brute = density[np.abs(along - centre) < degenerate_node.WIDTH].sum() / density.sum()
        assert degenerate_node.exact_share(n, centre, degenerate_node.WIDTH) == pytest.approx(
            brute, rel=0.01
        )
        assert degenerate_node.exact_share(1e9, centre, degenerate_node.WIDTH) == pytest.approx(
            0.2, rel=1e-3
        )
    run = temper(two_node_degeneracy(1.0), 1e6, particles=256, replicates=8, seed=1, progress=False)
    phases = run.phases(degenerate_node._piece)
    for n in (1e2, 1e4, 1e6):
        for code, centre in ((1, 1.0), (2, 0.0)):
            reading = phases.reading(code, n)
            exact = degenerate_node.exact_share(n, centre, degenerate_node.WIDTH)
            assert (
                abs(reading.occupancy.value - exact) < 4 * reading.occupancy.standard_error < 0.08
            )
    for code in (1, 2):
        heat = phases.reading(code, 1e6).heat_capacity
        assert abs(heat.value - 0.5) < 4 * heat.standard_error + 0.02 < 0.2


@pytest.mark.parametrize("inputs", [1, 2])
def test_true_parameters_are_true_and_in_their_phase(inputs):
    around, label = degenerate_node.neighbourhood(inputs), degenerate_node.role_of_the_spare(inputs)
    expected = {"dead": 0, "q = 0": 1, "w = 0": 2, "shared boundary": 3}
    for name, (centre, _) in degenerate_node.true_parameters(inputs).items():
        zero = {part: np.zeros_like(value) for part, value in centre.items()}
        assert around.with_setting(centre).parameter_energy(zero) == pytest.approx(0.0, abs=1e-30)
        with jax.enable_x64(True):
            assert int(label(centre)) == expected[name]


def test_data_sets_are_not_run_twice(tmp_path, monkeypatch):
    family = replace(model_selection.REDUCED_RANK, orders=(2,))
    task, store = (
        model_selection.Task(family, 50, 0),
        FinishedPoints(tmp_path, "model-selection", {}, "another experiment"),
    )
    first = model_selection.measure(store, task, 16, 0, False)
    laplace = [own["Laplace"] for own in first["orders"]]
    # With two hidden nodes the mode is a whole orbit of rotations: there is no peak to approximate.
    assert laplace == [None]
    monkeypatch.setattr(model_selection, "select", None)
    assert model_selection.measure(store, task, 16, 0, False) == first
    assert len(list(tmp_path.glob("reduced-rank-n50-0.json"))) == 1


def test_priors_and_truths_of_the_families():
    """A narrow component may cost what one observation says, not more; the truth of reduced rank
    keeps two of three directions.
    """
    prior = selection_families.UNIT_INFORMATION
    density = [
        invgamma.logpdf(d**2, prior.variance_shape, scale=prior.variance_scale)
        for d in selection_families.GALAXY_FIT["deviations"]
    ]
    chib = MixturePrior.chib()
    assert (
        min(density) > -5
        and invgamma.logpdf(0.42**2, chib.variance_shape, scale=chib.variance_scale) < -90
    )
    x, y = selection_families.REDUCED_RANK.draw(200_000, np.random.default_rng(0))
    values = np.linalg.svd(y.T @ x / len(x))[1]
    # Of the canonical correlations 0.7956, 0.2006, 0.0726 of the manual of CANCORR.
    assert values == pytest.approx(
        [0.7956 / math.sqrt(1 - 0.7956**2), 0.2006 / math.sqrt(1 - 0.2006**2), 0.0], abs=0.01
    )


def test_counts_and_undefined_criteria(tmp_path, monkeypatch):
    def document(index, winner):
        orders = [
            {
                "order": k,
                "F": abs(k - winner),
                "WBIC": -k,
                "WAIC": k,
                "BIC": 0.0,
                "Laplace": None,
                "standard error": 0.1,
                "warnings": [],
            }
            for k in (1, 2, 3)
        ]
        return {"family": "reduced rank", "n": 50, "index": index, "orders": orders}

    found = [document(i, winner) for i, winner in enumerate((2, 2, 1, 3))]
    (row,) = model_selection.summary(found)
    assert (row["F"], row["F below"], row["F above"], row["F undefined"]) == (2, 1, 1, 0)
    assert (row["WBIC above"], row["WAIC below"], row["Laplace undefined"]) == (4, 4, 4)
    text = model_selection.table([row], found, [])
    assert "2 (−1 +1)" in text and "4 undefined" in text
    assert model_selection.draw([row], tmp_path / "figure.png").stat().st_size > 10_000
    json.dumps(row)
