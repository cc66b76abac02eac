"""Symmetries at initialisation: cumulant formulas against quadrature and draws, groups against
theorems, tests that are exact.
"""

import functools
import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import torch
from torch.nn import init

from singlearn import flow
from singlearn.flow.initial_laws import read_initialiser
from singlearn.flow.initial_test import (
    draws_to_see,
    frame_statistics,
    haar_columns,
    p_value,
    scores,
    statistics_of,
    uniform_moments,
)

X = np.random.default_rng(0).normal(size=(2, 6))
D = 8
FEW = 300


def group(initialiser, inputs=X, activation=None, **settings):
    return flow.initial_symmetry(
        initialiser, inputs, D, activation=activation, draws=FEW, **settings
    ).group


@pytest.mark.parametrize(
    ("initialiser", "settings", "before", "after_relu"),
    [
        (init.kaiming_normal_, {}, "O(d)", "permutations"),
        (init.xavier_normal_, {"gain": 2.0}, "O(d)", "permutations"),
        (init.orthogonal_, {}, "O(d)", "permutations"),
        (init.kaiming_uniform_, {"a": math.sqrt(5)}, "signed permutations", "permutations"),
        (init.trunc_normal_, {}, "signed permutations", "permutations"),
        (init.trunc_normal_, {"a": -1.0, "b": 2.0}, "permutations", "permutations"),
        (init.uniform_, {}, "permutations", "permutations"),  # on [0, 1), as torch means it
        (init.uniform_, {"a": -1.0}, "signed permutations", "permutations"),
        (init.normal_, {"mean": 0.5}, "O(d-1), the rotations that keep (1, …, 1)", "permutations"),
        (
            init.constant_,
            {"val": 2.0},
            "O(d-1), the rotations that keep (1, …, 1)",
            "O(d-1), the rotations that keep (1, …, 1)",
        ),
        (init.zeros_, {}, "O(d)", "O(d)"),
        (init.sparse_, {"sparsity": 0.5}, None, None),
        (functools.partial(init.normal_, std=3.0), {}, "O(d)", "permutations"),
        ("numpy.standard_normal", {}, "O(d)", "permutations"),
        ("numpy.uniform", {"low": -2, "high": 2}, "signed permutations", "permutations"),
        ("numpy.laplace", {}, "signed permutations", "permutations"),
        ("numpy.exponential", {}, "permutations", "permutations"),
        (lambda rng, shape: rng.normal(size=shape), {}, None, None),
    ],
)
def test_groups_are_those_of_the_theorems(initialiser, settings, before, after_relu):
    assert group(initialiser, **settings) == before
    assert group(initialiser, activation="relu", **settings) == after_relu


def test_jax_initialisers_are_what_jax_means():
    of = jax.nn.initializers
    laws = {
        "he_normal": (of.he_normal(), "signed permutations"),  # cut off at two standard deviations
        "normal": (of.normal(), "O(d)"),
        "orthogonal": (of.orthogonal(), "O(d)"),
        "uniform": (of.uniform(), "permutations"),  # on [0, scale)
        "lecun_uniform": (of.lecun_uniform(), "signed permutations"),
        "variance scaling": (of.variance_scaling(1.0, "fan_in", "normal"), "O(d)"),
    }
    for initialiser, expected in laws.values():
        found = flow.initial_symmetry(initialiser, X, D, draws=100)
        assert found.group == expected
        assert not found.contradicted
    assert read_initialiser("jax.he_normal", {}).law.variance == pytest.approx(1.0)
    drawn = read_initialiser(of.he_normal(), {}).draw(np.random.default_rng(0), 2, 400, 50)
    assert drawn.shape == (2, 400, 50)
    assert drawn.var() == pytest.approx(2 / 50, rel=0.05)


def test_uniform_weights_deviate_as_the_formula_says():
    r"""κ = -(6/5) Σx⁴/(Σx²)², and after a rotation Σ_i R_ji⁴ of it (Haar mean 3/(d + 2)); beside
    draws.
    """
    found = flow.initial_symmetry(init.kaiming_uniform_, X, D, draws=4000)
    exact = -1.2 * (X**4).sum(1) / (X**2).sum(1) ** 2
    np.testing.assert_allclose(found.excess_kurtosis, exact, rtol=1e-14)
    np.testing.assert_allclose(found.after_rotation, exact * 3 / (D + 2), rtol=1e-14)
    assert found.p_value < 1e-6
    assert found.p_kept > 1e-3
    rng = np.random.default_rng(1)
    w = rng.uniform(-1, 1, size=(20_000, D, 6))
    y = w @ X[0]
    rotation = np.linalg.qr(rng.normal(size=(D, D)))[0]
    z = y @ rotation.T
    var = (X[0] ** 2).sum() / 3
    for j in range(D):
        measured = (z[:, j] ** 4).mean() / var**2 - 3
        error = (z[:, j] ** 4).std() / var**2 / math.sqrt(len(z))
        assert abs(measured - exact[0] * (rotation[j] ** 4).sum()) < 4.5 * error
    plain = (y**4).mean() / var**2 - 3
    assert abs(plain - exact[0]) < 4.5 * (y**4).mean(1).std() / var**2 / math.sqrt(len(y))


def test_gaussian_and_orthogonal_pass_where_others_fail():
    assert flow.initial_symmetry(init.kaiming_normal_, X, D).p_value > 0.01
    assert flow.initial_symmetry(init.orthogonal_, X, D).p_value > 0.01
    relu = flow.initial_symmetry(init.kaiming_normal_, X, D, activation="relu", draws=FEW)
    assert relu.p_value < 1e-12
    assert relu.p_kept > 1e-3
    shifted = flow.initial_symmetry(init.normal_, X, D, mean=0.5, draws=FEW)
    assert shifted.p_value < 1e-12
    assert shifted.p_kept > 1e-3


def test_an_initialiser_that_lies_is_contradicted(monkeypatch):
    """A test that cannot fail is none: an initialiser by the name of a Gaussian one that draws
    Laplace weights.
    """

    def fake(tensor, mean=0.0, std=1.0, generator=None):
        tensor.exponential_().mul_(2 * torch.bernoulli(torch.full_like(tensor, 0.5)) - 1)

    fake.__name__, fake.__module__ = "normal_", "torch.nn.init"
    found = flow.initial_symmetry(fake, [1.0, 0.0], D, draws=1000)
    assert found.group == "O(d)"
    assert found.contradicted
    assert "the draws contradict this" in str(found)


def test_special_inputs_have_larger_groups():
    # Skew weights, inputs in pairs x, -x: a symmetric sum.
    assert group("numpy.exponential", [[1.0, -1.0, 2.0, -2.0]]) == "signed permutations"
    assert group("numpy.exponential", [[1.0, -1.0, 2.0, -3.0]]) == "permutations"
    # A mean that the input does not see.
    assert group(init.normal_, [[1.0, -1.0]], mean=0.5) == "O(d)"
    assert group(init.uniform_, np.zeros((1, 3))) == "O(d)"
    assert group(init.kaiming_normal_, X, bias=init.normal_) == "O(d)"
    assert (
        group(init.kaiming_normal_, X, bias=functools.partial(init.uniform_, a=-1.0))
        == "signed permutations"
    )
    assert group(init.kaiming_normal_, X, activation="tanh") == "signed permutations"
    assert group(init.kaiming_normal_, X, activation="gelu") == "permutations"
    assert group(init.orthogonal_, X, activation="tanh") is None


def test_moments_of_uniform_directions_are_right():
    """Beside draws, and for d = 2 beside quadrature."""
    angle = np.linspace(0, 2 * np.pi, 100_001)[:-1]
    found = statistics_of(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    for key, moments in uniform_moments(2).items():
        assert found[key].mean() == pytest.approx(moments.mean, abs=1e-12)
        assert found[key].std() == pytest.approx(moments.deviation, abs=1e-9)
    y = np.random.default_rng(0).normal(size=(50_000, 7))
    found = statistics_of(y)
    for key, moments in uniform_moments(7).items():
        assert abs(found[key].mean() - moments.mean) < 4.5 * moments.deviation / math.sqrt(len(y))
        assert found[key].std() == pytest.approx(moments.deviation, rel=0.02)


def test_p_values_are_uniform_under_rotations_and_the_draws_needed_are_right():
    rng = np.random.default_rng(2)
    p = np.array([p_value(scores(rng.normal(size=(400, D)))) for _ in range(300)])
    assert (p < 0.05).mean() < 0.08
    needed = draws_to_see(-0.3, D)
    y = rng.uniform(-1, 1, size=(60, int(needed), D, 4)).sum(-1)
    z = np.array([scores(part)["fourth"] for part in y])
    assert z.mean() == pytest.approx(-4.0, abs=0.6)


def test_training_that_breaks_the_symmetry_is_seen():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(30, 10, 4))
    shift = np.zeros((10, 4))
    shift[3] = 4.0
    found = flow.symmetry_along_training(
        [start, start, start + shift, start + 2 * shift], labels=[0, 10, 20, 30]
    )
    assert found.broken_from == 20
    assert found.samples == 30
    assert list(found.table()["training"]) == [0, 10, 20, 30]
    # Orthogonal matrices, whose singular values are all equal, and one matrix alone.
    drawn = haar_columns(rng, 10, 4, 30)
    assert (
        flow.symmetry_along_training(
            [drawn, np.swapaxes(haar_columns(rng, 12, 10, 30), 1, 2)[:, :, :4]]
        ).p_values.min()
        > 0.01
    )
    with np.errstate(all="raise"):
        alone = flow.symmetry_along_training([start[0], np.eye(10, 4)])
    assert alone.p_values[0] > 0.01 > alone.p_values[1]
    with pytest.raises(ValueError, match="checkpoints"):
        flow.symmetry_along_training([start, start[:, :5]])
    with pytest.raises(ValueError, match="labels"):
        flow.symmetry_along_training([start], labels=[1, 2])


def test_one_matrix_has_an_exact_p_value():
    rng = np.random.default_rng(5)
    p = flow.symmetry_along_training(list(rng.normal(size=(150, 6, 9)))).p_values
    assert (p < 0.1).mean() == pytest.approx(0.1, abs=0.08)
    assert frame_statistics(np.eye(3)[:, :1]).tolist() == [1, 1, 1]


def test_cooling_a_posterior_breaks_the_symmetry():
    """Particles of a run, made by hand: weights that are free at β = 0, and pulled to one row as β
    grows.
    """
    rng = np.random.default_rng(0)
    betas = np.array([0.0, 0.1, 1.0])
    w = rng.normal(size=(3, 4, 60, 5, 2))
    w[1:, :, :, 0] *= 6
    triple = SimpleNamespace(
        coordinates=SimpleNamespace(constrain=lambda flat: {"W": flat.reshape(5, 2)})
    )
    rungs = SimpleNamespace(particles=w.reshape(3, 4, 60, 10), inverse_temperature=betas)
    run = SimpleNamespace(triple=triple, rungs=rungs)
    found = flow.symmetry_along_temperature(run, "W")
    assert found.p_values[0] > 0.01
    assert found.broken_from == 0.1
    direction = flow.symmetry_along_temperature(run, lambda p: p["W"], inputs=[1.0, 0.5])
    assert direction.broken_from == 0.1
    with pytest.raises(ValueError, match="weights: got 'V'"):
        flow.symmetry_along_temperature(run, "V")
    with pytest.raises(ValueError, match="without its triple"):
        flow.symmetry_along_temperature(SimpleNamespace(triple=None, rungs=rungs), "W")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: group("uniform"), "should say whose it is"),
        (lambda: group("numpy.zipf"), "numpy.zipf"),
        (lambda: group("torch.kaiming"), "torch.nn.init has no kaiming"),
        (lambda: group(3), "initialiser: got int"),
        (lambda: group(init.normal_, std=1.0, low=3), "no setting low"),
        (lambda: group(lambda rng, shape: rng.normal(size=3)), "shape"),
        (lambda: group(init.normal_, [[1.0, math.nan]]), "finite"),
        (lambda: flow.initial_symmetry(init.normal_, X, 1), "width: got 1"),
        (lambda: group(init.normal_, X, activation="swish2"), "activation: got"),
        (lambda: group("numpy.uniform", X, lo=-1), "no setting lo"),
    ],
)
def test_refusals_name_the_argument(call, says):
    with pytest.raises(ValueError, match=says):
        call()
