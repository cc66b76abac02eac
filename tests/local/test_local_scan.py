"""λ̂(nβ, γ) of a linear layer, where every point of the grid is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import singlearn as sl
from singlearn.results.caution import Reason

torch.set_num_threads(1)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 3))
STIFF = np.linalg.eigvalsh(X.T @ X / len(X))
QUICK = dict(chains=8, max_steps=1500, tolerance=0.1, progress=False)


def squared(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


@pytest.fixture(scope="module")
def found():
    x = torch.as_tensor(X, dtype=torch.float32)
    layer = torch.nn.Linear(3, 1, bias=False)
    return sl.local.scan(
        layer, squared, (x, layer(x).detach()), nbeta=[10, 40, 160, 640], gamma=[0.5, 1000.0],
        **QUICK,
    )  # fmt: skip


def test_every_point_is_the_closed_form(found) -> None:
    deviations = []
    for point in found.points:
        s = point.nbeta * STIFF / (point.nbeta * STIFF + point.gamma)
        deviations.append((point.value - 0.5 * s.sum()) / point.standard_error)
        second = point.variance_reading
        assert abs(second.value - 0.5 * (s**2).sum()) < 5 * second.standard_error
    assert len(found.points) == 8 and np.abs(deviations).max() < 4
    assert len(found.table()) == 8 and len(str(found)) < 2000


def test_what_is_level_is_said_and_what_is_not_is_not(found) -> None:
    """γ = 0.5 is soft: λ̂ is near 3/2 along nβ. γ = 1000 holds all directions: λ̂ ∝ nβ."""
    assert {plateau.at for plateau in found.plateaus} == {0.5}
    best = found.plateaus[0]
    assert best.along == "nbeta" and best.end == 640 and abs(best.value - 1.5) < 0.15
    steep = sl.local.Scan(tuple(p for p in found.points if p.gamma == 1000), 150, 1.5, False)
    assert not steep.plateaus
    assert Reason.NOT_LEVEL not in {caution.reason for caution in found.cautions}


def test_the_limit_of_the_curve_is_lambda(found) -> None:
    limit = sl.limit_of_curve(found.curve(), multiplicity=1)
    assert abs(limit.value - 1.5) < 4 * limit.standard_error < 0.8
    with pytest.raises(ValueError, match="at least 4 are needed"):
        sl.limit_of_curve(sl.local.Curve(1.0, np.array([1.0, 5.0]), np.ones((2, 4)), np.ones(2)))


def test_the_picture_has_a_line_for_every_value(found) -> None:
    figure = found.plot()
    left, right = figure.axes
    assert len(left.get_legend().get_texts()) == 4 and len(right.get_legend().get_texts()) == 2
    assert "level" in figure.get_suptitle()


def test_values_are_refused_by_name() -> None:
    layer, x = torch.nn.Linear(3, 1), torch.as_tensor(X, dtype=torch.float32)
    for wrong, words in (
        ({"nbeta": [10.0, -1.0]}, "nbeta: got -1.0"),
        ({"gamma": [1.0, 1.0]}, "gamma: got .*no one of them twice"),
        ({"nbeta": []}, "nbeta: got"),
    ):
        with pytest.raises(ValueError, match=words):
            sl.local.scan(layer, squared, (x, x[:, :1]), **wrong)
