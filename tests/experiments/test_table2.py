"""Table 2 as an experiment: what says which phase was measured is exact, and the measurement is of
the dead phase.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from singlearn.exact import catalogue
from singlearn.experiments import REGISTRY
from singlearn.experiments.wei2022.table2 import (
    TABLE2,
    Table2Work,
    best_constant_energy,
    is_dead_on_inputs,
    is_dead_on_square,
    measure_cell,
    table,
    training_set,
)
from singlearn.experiments.wei2022.table2_cell import PUBLISHED, Table2Cell
from singlearn.experiments.wei2022.table2_figure import draw
from singlearn.models import star_truth, two_layer, two_layer_network

TINY = Table2Work(("relu",), training_sets=1, particles=48, replicates=2, precision="float32")


def batch(w, b, q):
    return {"w": np.array([w], float), "b": np.array([b], float), "q": np.array([q], float)}


def test_dead_on_the_square_agrees_with_the_network_on_a_grid_of_corners_and_points():
    rng = np.random.default_rng(0)
    corners = np.array([[i, j] for i in (-1.0, 1.0) for j in (-1.0, 1.0)])
    w = {
        "w": rng.normal(size=(400, 2, 2)),
        "b": rng.normal(-2.5, 1.5, size=(400, 2)),
        "q": rng.normal(size=(400, 2)),
    }
    w["q"][::7, 0] = 0.0
    dead = is_dead_on_square(w)
    active = np.any(
        ((np.einsum("kij,cj->kic", w["w"], corners) + w["b"][..., None]) > 0)
        & (w["q"] != 0)[..., None],
        axis=(1, 2),
    )
    assert np.array_equal(dead, ~active)
    assert 0.1 < dead.mean() < 0.9
    assert np.array_equal(is_dead_on_inputs(w, corners), dead)


def test_dead_on_the_inputs_but_not_on_the_square():
    w = batch([[1.0, 1.0]], [-1.5], [2.0])
    assert not is_dead_on_square(w)[0]
    assert is_dead_on_inputs(w, np.array([[0.5, 0.5], [-1.0, 1.0]]))[0]


def test_the_truth_is_not_dead():
    truth = {name: np.asarray(leaf)[None] for name, leaf in star_truth(3, 5).items()}
    assert not is_dead_on_square(truth)[0]


def test_best_constant_is_the_energy_of_a_network_with_dead_nodes():
    triple = two_layer(n=50, seed=3)
    y = triple.data[1]
    w = {"w": np.zeros((5, 2)), "b": -np.ones(5), "q": np.ones(5), "c": np.asarray(y.mean())}
    assert best_constant_energy(y) == pytest.approx(triple.parameter_energy(w), rel=1e-12)


def test_training_sets_share_their_model_and_keep_their_data():
    first, second = training_set(3, "relu", 0, n=30), training_set(5, "relu", 1, n=30)
    assert first.log_likelihood is second.log_likelihood
    alone = two_layer(5, 5, 30, "relu", 50.0, 1)
    assert np.array_equal(second.data[1], alone.data[1])
    assert second.truth_energy == alone.truth_energy
    assert second.name == alone.name


def test_published_values_are_all_there_and_far_from_the_exact_ones():
    assert set(PUBLISHED) == {(m, a) for m in (3, 4, 5) for a in ("relu", "silu")}
    for (m, _), (value, _, _) in PUBLISHED.items():
        assert catalogue.relu_two_layer(2, 1, m).value == Fraction(3 * m + 1, 2) > 9 * value


@pytest.fixture(scope="module")
def cell() -> Table2Cell:
    return measure_cell(3, "relu", TINY, seed=0, progress=False)


@pytest.mark.slow
def test_the_cell_measures_the_dead_phase_and_says_so(cell):
    row = cell.row()
    error = row["sampling_error"]
    assert error < 0.1
    assert abs(row["learning_coefficient"] - 0.53) < 4 * error
    assert row["learning_coefficient"] + 4 * error < row["exact_learning_coefficient"] == 5.0
    assert row["phase_elsewhere"] == row["training_sets"] == 1
    assert row["constant_share"] >= row["dead_share"] > 0.5
    # Where the line starts: at the best constant function, not at the truth.
    assert abs(row["intercept_above_truth"] - row["best_constant_above_truth"]) < 2
    assert row["best_constant_above_truth"] == pytest.approx(24.8, abs=0.05)


def test_table_and_figure_say_it_in_words(cell, tmp_path: Path):
    text = table([cell.row()], TINY)
    assert "Which phase was measured: not that of the true parameters" in text
    assert "0.526" in text
    assert draw([cell], tmp_path / "table2.png").stat().st_size > 10_000
    (head, *_), first = text.splitlines()[2:3], text.splitlines()[3]
    # The hat of λ̂ is a combining character and takes no column.
    assert sum(not unicodedata.combining(letter) for letter in head) == len(first)


def test_registered_by_name():
    assert REGISTRY["table2"] is TABLE2


def test_network_of_the_test_truth_is_the_paper_s():
    # Beyond a kink the slope of s_3 is that of one node: f((1, 0)) with w_1 = (cos 60°, sin 60°)
    # and its mirror image.
    value = float(two_layer_network(star_truth(3, 5), np.array([[1.0, 0.0]]))[0])
    assert value == pytest.approx(2 * (0.5 - 1 / 3))
