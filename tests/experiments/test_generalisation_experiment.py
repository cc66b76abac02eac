"""The paper's generalisation experiment: its densities against draws, its training against PyTorch,
what the published code does.
"""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from singlearn.cli import main
from singlearn.experiments.own import learning_curves
from singlearn.experiments.wei2022 import generalisation, last_layer_or_two
from singlearn.experiments.wei2022.generalisation import unweighted_line
from singlearn.experiments.wei2022.last_layers import methods
from singlearn.experiments.wei2022.last_layers.cell import (
    CELLS,
    LastLayersNetwork,
    data_sets,
    features,
    layers_built,
    outputs,
)
from singlearn.experiments.wei2022.last_layers.density import log_last_layer, log_mixture
from singlearn.experiments.wei2022.last_layers.first_matrix import log_average, posterior_of_first
from singlearn.experiments.wei2022.last_layers.published import published
from singlearn.experiments.wei2022.last_layers.training import train
from singlearn.experiments.wei2022.source_figures import errors_against_inverse_size
from singlearn.generalise import CurvePoint, LearningCurve, learning_curve

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def data():
    return data_sets(1, True, True, 40, 2, 30, seed=0, version="as-stated")


def test_mixture_of_draws_is_the_average_density() -> None:
    A, B, z, y = (RNG.normal(size=shape) for shape in ((50, 3, 3), (50, 3, 3), (3, 130), (3, 130)))
    for relu in (True, False):
        h = np.einsum("rij,jt->rit", A, z)
        mean = np.einsum("rij,rjt->rit", B, np.maximum(h, 0) if relu else h)
        exact = (
            logsumexp(-0.5 * ((y - mean) ** 2).sum(axis=1), axis=0)
            - math.log(50)
            - 1.5 * math.log(2 * math.pi)
        )
        np.testing.assert_allclose(log_mixture(A, B, z, y, relu), exact, atol=1e-4)


def test_last_layer_in_closed_form_is_the_limit_of_draws() -> None:
    h = RNG.normal(size=(3, 40))
    precision, centre = h @ h.T + np.eye(3), RNG.normal(size=(3, 3))
    rows = np.linalg.solve(np.linalg.cholesky(precision).T, RNG.normal(size=(3, 60_000))).T
    draws = centre + rows.reshape(20_000, 3, 3)
    at = RNG.normal(size=(3, 20))
    y = centre @ at + RNG.normal(size=(3, 20))
    exact = log_last_layer(centre, precision, at, y)
    # Bφ spreads by |φ|/√41 or so, and log densities by that times |y - mean|: 20,000 draws whose
    # densities differ by a factor e at most.
    assert np.abs(log_mixture(None, draws, at, y, relu=False) - exact).max() < 4 * 1.0 / math.sqrt(
        20_000
    )


def by_pytorch(data, index, batches):
    """torch.optim.SGD with the paper's settings, one step a batch, from the same weights: matrices
    of the layers, then A and B.
    """
    leaves = [
        torch.tensor(np.array(leaf[index]), requires_grad=True)
        for leaf in (*data.start.g, data.start.A, data.start.B)
    ]
    optimiser = torch.optim.SGD(leaves, lr=1e-3, momentum=0.9, weight_decay=5e-4)
    for batch in batches:
        x, y = torch.tensor(data.x[index][:, batch]), torch.tensor(data.y[index][:, batch])
        optimiser.zero_grad()
        first, second, A, B = leaves
        h = torch.relu(first[:, :-1] @ x + first[:, -1:])
        out = B @ torch.relu(A @ (second[:, :-1] @ h + second[:, -1:]))
        ((y - out) ** 2).sum(dim=0).mean().backward()
        optimiser.step()
    return [leaf.detach().numpy() for leaf in leaves]


def test_training_is_pytorchs(data) -> None:
    """Full batch, and two epochs of 32 observations and the 8 that are left."""
    full = train(data.start, data.x, data.y, relu=True, batch=None, epochs=10, seed=0)
    parts = train(data.start, data.x, data.y, relu=True, batch=32, epochs=2, seed=0)
    orders = [
        np.asarray(jax.random.permutation(key, 40))
        for key in jax.random.split(jax.random.key(0), 2)
    ]
    for found, batches in (
        (full, [np.arange(40)] * 10),
        (parts, [b for order in orders for b in (order[:32], order[32:])]),
    ):
        for index in range(2):
            for own, theirs in zip(
                (*found.g, found.A, found.B), by_pytorch(data, index, batches), strict=True
            ):
                np.testing.assert_allclose(own[index], theirs, atol=1e-6)


def test_the_six_observations_that_stand_for_all_have_the_same_posterior() -> None:
    z, y = RNG.normal(size=(3, 70)), RNG.normal(size=(3, 70))
    own = methods.TrainedNetwork(np.eye(3), np.eye(3), z, y, z, y, relu=False)
    small = methods.posterior(own)
    w, v = ({"A": RNG.normal(size=(3, 3)), "B": RNG.normal(size=(3, 3))} for _ in range(2))

    def energy(w):
        return 0.5 * np.sum((y - w["B"] @ w["A"] @ z) ** 2)

    assert small.parameter_energy(w) - small.parameter_energy(v) == pytest.approx(
        energy(w) - energy(v), rel=1e-9
    )


@pytest.mark.parametrize("relu", [True, False])
def test_the_second_matrix_is_integrated_out(relu: bool) -> None:
    """Given A each output is Gaussian with covariance I + HHᵀ; the predictive density is a ratio of
    two of those.
    """

    def log_marginal(A, z, y):
        h = np.maximum(A @ z, 0) if relu else A @ z
        return (
            multivariate_normal(np.zeros(z.shape[1]), np.eye(z.shape[1]) + h.T @ h).logpdf(y).sum()
        )

    z, y, z_test, y_test = (RNG.normal(size=(3, count)) for count in (8, 8, 5, 5))
    draws = RNG.normal(size=(4, 3, 3))
    triple = posterior_of_first(z, y, relu)
    energies = [triple.parameter_energy(A) for A in draws]
    exact = [-log_marginal(A, z, y) for A in draws]
    # Without ReLU six observations stand for eight: two observations of zero are missing.
    assert energies == pytest.approx(
        [e - (0 if relu else 3 * math.log(2 * math.pi)) for e in exact], rel=1e-9
    )
    found = log_average(draws, z, y, z_test, y_test, relu)
    for t in range(5):
        longer = [log_marginal(A, np.c_[z, z_test[:, t]], np.c_[y, y_test[:, t]]) for A in draws]
        assert found[t] == pytest.approx(logsumexp(np.add(longer, exact)) - math.log(4), abs=1e-4)


def test_truths_and_starts_are_pytorchs_default(data) -> None:
    """Uniform on ±1/√inputs, biases too; the truth is drawn afresh, and its noise is standard."""
    first = data_sets(1, True, True, 2, 200, 2, seed=1, version="as-stated").start.g[0]
    assert np.abs(first).max() < 1 / math.sqrt(3)
    assert first.var() == pytest.approx(1 / 9, rel=0.05)
    assert data.log_q.shape == (2, 30)
    assert layers_built(5, "as-published") == 6 and len(data.start.g) == 2


def test_published_laplace_without_relu_draws_matrices_that_no_data_touched() -> None:
    """Their Hessian is the weight decay alone, so that each entry of B has a standard deviation of
    1/√0.0005 = 44.7.
    """
    z, y = 0.3 * RNG.normal(size=(3, 50)), RNG.normal(size=(3, 50))
    own = methods.TrainedNetwork(np.eye(3), np.eye(3), z, y, z, y, relu=False)
    spare = (RNG.uniform(-0.5, 0.5, (3, 3)), RNG.uniform(-0.5, 0.5, (3, 3)))
    found = methods.as_published([own], [spare], draws=400, seed=0)
    last = found[methods.LAST_LAPLACE][0].log_p
    assert last is not None
    draws = spare[1].ravel() + 44.7 * RNG.normal(size=(400, 9))
    means = np.einsum("it,ik,rkj->rjt", z, spare[0], draws.reshape(400, 3, 3))
    again = (
        logsumexp(-0.5 * ((y - means) ** 2).sum(axis=1), axis=0)
        - math.log(400)
        - 1.5 * math.log(2 * math.pi)
    )
    assert np.median(last) == pytest.approx(np.median(again), abs=1.0)
    assert (
        np.isinf(found[methods.BOTH_LAPLACE][0].log_p).any()
        or np.median(found[methods.BOTH_LAPLACE][0].log_p) < -10
    )


def test_table_five_is_what_the_authors_released_and_not_table_four_again() -> None:
    by = {(c.table, c.layers, c.relu): c for c in CELLS}
    assert len(by) == 16
    released = {
        (1, False): (34.06, 17.44, math.nan, 230.96, math.nan),
        (5, False): (17.38, 12.39, math.nan, 275.38, 19.09),
        (1, True): (22.72, 11.08, math.nan, math.nan, math.nan),
        (5, True): (5.88, 4.20, math.nan, math.nan, 7.66),
    }
    for (layers, relu), slopes in released.items():
        found = [published(by[5, layers, relu], method)[0] for method in methods.METHODS]
        np.testing.assert_equal(found, slopes)


def test_two_sizes_have_a_line_and_no_r_squared() -> None:
    slope, r_squared = unweighted_line([100, 200], [0.03, 0.01], with_intercept=True)
    assert slope == pytest.approx(4.0) and math.isnan(r_squared)


def test_the_papers_own_figures_are_drawn() -> None:
    points = tuple(CurvePoint("MAP", n, (3 / n, 3.2 / n), ("", ""), {}) for n in (100, 200, 400))
    curve = LearningCurve("cell", (100, 200, 400), {"MAP": points}, True)
    line = ([3.1 / n for n in (100, 200, 400)], 3.1, 0.0, 1.0)
    figure = errors_against_inverse_size([("cell", curve, {"MAP": line})])
    assert "slope 3.1, R² 1.000" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_the_paper_as_printed() -> None:
    by = {(c.table, c.layers, c.relu): c for c in CELLS}
    assert published(by[1, 5, True], methods.BOTH_MCMC)[0] == 0.835593
    assert math.isinf(published(by[3, 1, False], methods.MAP)[0])


def test_features_and_outputs_belong_together(data) -> None:
    network = LastLayersNetwork(
        tuple(map(jnp.asarray, data.start.g)), jnp.asarray(data.start.A), jnp.asarray(data.start.B)
    )
    z = features(network, jnp.asarray(data.x))
    np.testing.assert_allclose(
        outputs(network, jnp.asarray(data.x), relu=False), network.B @ (network.A @ z), atol=1e-6
    )


def test_versions_are_refused_where_there_are_none(capsys) -> None:
    assert main(["experiment", "known", "--as-published"]) == 2
    assert (
        "--as-published: known has one version only; it is an option of generalisation"
        in capsys.readouterr().err
    )


@pytest.mark.slow
def test_every_sampler_has_the_same_predictive_density_where_chains_mix(
    tmp_path, monkeypatch
) -> None:
    """Tempering with B integrated out, NUTS of both, NUTS of B and B in closed form; finished cells
    are not measured again.
    """
    cells = tuple(cell for cell in last_layer_or_two.QUICK.cells if cell.relu)
    monkeypatch.setattr(
        last_layer_or_two,
        "QUICK",
        last_layer_or_two.LastLayersWork((60,), cells, 2, 100, 200, 200, 400),
    )
    result = last_layer_or_two.run(True, 0, tmp_path, False)
    more = {row["method"]: row["more than tempered"] for row in result.rows}
    # Another posterior, that of the last layer, is told apart.
    assert abs(more[last_layer_or_two.LONG]) < 0.004 < abs(more[last_layer_or_two.LAST]) / 2
    assert abs(more[last_layer_or_two.PUBLISHED]) < 0.008
    assert abs(more[last_layer_or_two.LAST_PUBLISHED] - more[last_layer_or_two.LAST]) < 0.004
    assert "last: exact" in result.text and result.figures[0].stat().st_size > 10_000
    monkeypatch.setattr(last_layer_or_two, "train", None)
    assert last_layer_or_two.run(True, 0, tmp_path, False).rows == result.rows


@pytest.mark.slow
def test_both_versions_stand_side_by_side(tmp_path, monkeypatch) -> None:
    """Finished points of the other version are read, not made: nothing is trained here."""
    monkeypatch.setattr(generalisation, "train", None)
    tasks = [
        (c.layers, c.relu, c.realisable, c.minibatch, n)
        for c in CELLS
        for n in generalisation.QUICK.sizes
    ]
    for version, slope in (("as-stated", 3.0), ("as-published", 5.0)):
        if version == "as-published":
            alone = generalisation.run("as-stated", True, 0, tmp_path, False)
            assert (
                "Run --as-published" in alone.text
                and "slope of the other version" not in alone.rows[0]
            )
        store = generalisation._store(version, True, 0, tmp_path)
        for task in tasks:
            points = {}
            for name in methods.METHODS:
                # One method has no answer for one of the two data sets.
                errors = (
                    slope / task[-1],
                    None if name == methods.BOTH_LAPLACE else slope / task[-1],
                )
                points[name] = generalisation.CurvePoint(
                    name, task[-1], errors, ("", ""), {}
                ).to_dict()
            store.save(generalisation._file(task), points)
    found = generalisation.run("as-stated", True, 0, tmp_path, False)
    realisable = next(
        row for row in found.rows if ", realisable" in row["cell"] and row["method"] == methods.MAP
    )
    assert (realisable["slope"], realisable["slope of the other version"]) == (3.0, 5.0)
    assert "as-published" in found.text.splitlines()[3]
    assert "200 epochs instead of 5000" in found.text.splitlines()[-1]
    assert found.doubts[-1]["cell"] == "every cell" and len(found.cautions) == len(found.doubts)
    refused = next(row for row in found.rows if row["method"] == methods.BOTH_LAPLACE)
    assert math.isnan(refused["slope"]) and refused["refused"] == len(generalisation.QUICK.sizes)


def test_learning_curves_are_measured_task_by_task_and_read_back(tmp_path, monkeypatch) -> None:
    plane = learning_curves.subjects(True)[0]
    monkeypatch.setattr(
        learning_curves, "over_processes", map
    )  # what is patched here other processes would not see
    monkeypatch.setattr(
        learning_curves, "QUICK", learning_curves.LearningCurvesWork((20, 40), 3, 100)
    )
    monkeypatch.setattr(
        learning_curves,
        "subjects",
        lambda quick: [replace(plane, methods={"MAP": plane.methods["MAP"]})],
    )
    result = learning_curves.run(True, 0, tmp_path, False)
    [row] = result.rows
    assert (
        row["exact λ"] == 1.5
        and "exact λ = 1.5" in result.text
        and result.figures[0].stat().st_size > 10_000
    )
    [kept] = (
        CurvePoint.from_dict(json.loads(path.read_text())) for path in tmp_path.rglob("MAP_40.json")
    )
    assert learning_curve(plane.sample, [40], {"MAP": plane.methods["MAP"]}, 3, 100, 0).points[
        "MAP"
    ] == (kept,)

    def never(*_):
        raise AssertionError("what is finished is read, not made")

    curve_module = importlib.import_module("singlearn.generalise.learning_curve")
    monkeypatch.setattr(curve_module._CurveMeasurement, "_measured", never)
    assert learning_curves.run(True, 0, tmp_path, False).rows == result.rows
