"""λ̂ at minima that are no parabolas: powers, products, flat bottoms, walls, edges; and at points
that are no minima.

What is right is nβ E[K] under exp(-nβ K - γ/2 |w|²), by quadrature in one or two dimensions. The
loss is the same for every sample, so that no minibatch noise hides an error of the steps.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import singlearn as sl
from local_landscapes import Landscape, by_quadrature, tempering
from singlearn.local.chains import Chains
from singlearn.local.checks.unfelt import unfelt
from singlearn.local.measuring.measurements import measure
from singlearn.local.measuring.minimum import look_below
from singlearn.local.sampling.discretisation import highest_excess, virial_excess
from singlearn.local.sampling.sample import sample
from singlearn.local.sampling.sgld import sample_sgld
from singlearn.local.target import Traces
from singlearn.local.verdict.minimum import minimum_cautions
from singlearn.local.verdict.status import Status
from singlearn.local.verdict.steps import step_cautions
from singlearn.local.verdict.verdict import verdict

EDGE = 0.5
LARGE = 10**9
"""Multiplications of one loss: too many for exact chains."""


def _product(p: int, q: int) -> tuple[int, Any, Any]:
    def slope(w: np.ndarray) -> np.ndarray:
        x, y = w[..., 0], w[..., 1]
        return np.stack([p * x ** (p - 1) * y**q, q * x**p * y ** (q - 1)], axis=-1)

    return 2, lambda w: w[..., 0] ** p * w[..., 1] ** q, slope


def _power(p: int) -> tuple[int, Any, Any]:
    return 1, lambda w: (w**p).sum(-1), lambda w: p * w ** (p - 1)


def _beyond(w: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(w) - EDGE, 0.0)


SURFACES: dict[str, tuple[int, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "w⁴": _power(4),
    "w⁸": _power(8),
    "x²y²": _product(2, 2),
    "x²y⁴": _product(2, 4),
    "flat bottom": (1, lambda w: (_beyond(w) ** 2).sum(-1), lambda w: 2 * _beyond(w) * np.sign(w)),
    "wall": (1, lambda w: np.exp(30 * (w - 0.5)).sum(-1), lambda w: 30 * np.exp(30 * (w - 0.5))),
    "one side": (1, lambda w: np.maximum(w, 0.0).sum(-1), lambda w: 1.0 * (w > 0)),
    "|w|": (1, lambda w: np.abs(w).sum(-1), np.sign),
    # The gradient at w* is not a number.
    "√|w|": (
        1,
        lambda w: np.sqrt(np.abs(w)).sum(-1),
        lambda w: 0.5 * np.sign(w) / np.sqrt(np.abs(w)),
    ),
    "w² and w⁴": (
        2,
        lambda w: w[..., 0] ** 2 + w[..., 1] ** 4,
        lambda w: np.stack([2 * w[..., 0], 4 * w[..., 1] ** 3], -1),
    ),
}


def judged(target: Any, tied: Any, run: Any) -> Any:
    return verdict(measure(target, tied, run, unfelt(target, 0), 0), 0.05)


def said(found: Any) -> list[str]:
    return [caution.message for caution in found.cautions]


def _run(
    name: str, sampler: str, *, samples: int = 1000, cost: int = 1, steps: int = 2000, seed: int = 0
) -> Any:
    dimension, loss, gradient = SURFACES[name]
    tied = tempering(samples)
    target = Landscape(loss, gradient, dimension, samples, cost=cost)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        run = sample(target, tied, Chains(8, 0.05, steps, seed=seed, sampler=sampler))
    return target, tied, run, by_quadrature(loss, dimension, tied, points=801)


@pytest.mark.parametrize("name", list(SURFACES))
def test_on_small_data_degenerate_minima_are_right(name: str) -> None:
    """At default settings chains are exact: within four errors, and the error is small enough to
    mean something.
    """
    samples = 100 if name in ("w⁴", "x²y²", "|w|") else 10_000
    target, tied, run, right = _run(
        name, "auto", samples=samples, steps=4000 if name in ("wall", "√|w|") else 2000
    )
    with np.errstate(all="ignore"):
        found = judged(target, tied, run)
    assert found.sampler == "hmc" and found.status is not Status.DIVERGED
    assert abs(found.value - right) < 4 * found.standard_error + 0.01 * right
    assert found.standard_error < 0.2 * right + 0.02
    assert not any("steps were" in words or "larger gamma" in words for words in said(found))


@pytest.mark.parametrize("name", list(SURFACES))
def test_langevin_steps_throw_no_chain_out_and_say_where_they_are_too_long(name: str) -> None:
    """Without any exact chain: right within four errors and a few percent, or a sentence that names
    the steps.
    """
    target, tied, run, right = _run(name, "sgld", cost=LARGE)
    with np.errstate(all="ignore"):
        found = judged(target, tied, run)
    assert found.sampler == "sgld" and found.status is not Status.DIVERGED
    close = abs(found.value - right) < 4 * found.standard_error + 0.05 * right
    assert close or any("steps were too long" in words and "hmc" in words for words in said(found))
    assert not any("larger gamma" in words for words in said(found) if "steps were" in words)


def test_langevin_steps_that_fail_give_way_to_exact_chains_where_these_can_be_paid() -> None:
    """A one-sided wall of slope nβ: steps land high upon it, so all samples are used in every step
    after all.
    """
    _, _, run, right = _run("one side", "auto", cost=20_000)
    assert run.sampler == "hmc" and run.notes and "Langevin steps failed" in run.notes[0].message
    means = run.traces.excess.mean(axis=1)
    assert abs(means.mean() - right) < 4 * means.std(ddof=1) / math.sqrt(len(means)) + 0.02 * right


def test_langevin_steps_of_a_parabola_are_not_doubted() -> None:
    """Control: with minibatch noise that heats by its share of a percent; ½ Σ nβh/(nβh + γ) in
    closed form.
    """
    tied, h = tempering(1000), np.array([0.2, 1.0, 5.0])
    target = Landscape(
        lambda w: 0.5 * (h * w**2).sum(-1), lambda w: h * w, 3, cost=LARGE, noise=0.5
    )
    run = sample_sgld(target, tied, Chains(8, 0.05, 8000, seed=1))
    right = 0.5 * float((tied.nbeta * h / (tied.nbeta * h + tied.gamma)).sum())
    found = judged(target, tied, run)
    assert abs(found.value - right) < 4 * found.standard_error + 0.02 * right
    assert found.status is Status.CONVERGED and not step_cautions(run.drawn, found.value)


def test_the_virial_of_exact_draws_is_the_dimension_and_that_of_a_wrong_width_is_not() -> None:
    """U = |w|²/2 in five dimensions: E⟨w, ∇U⟩ = 5; draws that are a twentieth too wide show."""
    draws = np.random.default_rng(0).normal(size=(8, 4000, 5))
    for width, seen in ((1.0, False), (1.05, True)):
        square = (width * draws**2).sum(2)
        found = virial_excess(Traces(0.5 * square, square, square), 5, np.arange(8) % 2.0)
        assert found.standard_error < 0.05
        assert (abs(found.value) > 4 * found.standard_error) is seen


def test_the_tail_of_a_heavy_but_possible_excess_is_allowed() -> None:
    """Gamma variables of λ from 1/100 to 100, as exact chains give, with the noise of minibatches
    or without.
    """
    rng = np.random.default_rng(0)
    for coefficient in (0.01, 0.5, 5.0, 100.0):
        for noise in (0.0, 5.0):
            draws = rng.gamma(coefficient, size=(8, 20_000)) + noise * rng.normal(size=(8, 20_000))
            assert highest_excess(Traces(draws, draws), coefficient) == 0.0


# -- points that are no minima
# --------------------------------------------------------------------------------------------------

B = tempering(1000).nbeta


def _well(stiff: int, depth: float) -> tuple[Any, Any]:
    def loss(w: np.ndarray) -> np.ndarray:
        return 0.5 * (w[..., 1:] ** 2).sum(-1) + depth / B * ((w[..., 0] ** 2 - 1) ** 2)

    def slope(w: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [4 * depth / B * w[..., :1] * (w[..., :1] ** 2 - 1), w[..., 1:]], axis=-1
        )

    return loss, slope


def _judged(loss: Any, slope: Any, dimension: int, gamma: float, cost: int = 1) -> Any:
    target = Landscape(loss, slope, dimension, gamma=gamma, cost=cost)
    tied = tempering(1000, gamma)
    return judged(target, tied, sample(target, tied, Chains(8, 0.05, 3000)))


@pytest.mark.parametrize("cost", [1, 100_000])
def test_a_saddle_is_no_minimum_and_says_by_how_much(cost: int) -> None:
    """Twenty stiff directions and w* on top of a double well, three units of λ above its wells; its
    gradient is 0.
    """
    found = _judged(*_well(20, 3.0), 21, 0.1, cost)
    assert found.status is Status.NOT_LOCAL_MINIMUM
    assert found.above_minimum == pytest.approx(3.0, rel=0.03)
    assert any(
        "saddle" in words and "falls by 3" in words.replace("2.9", "3") for words in said(found)
    )


def test_a_shelf_is_no_minimum() -> None:
    """w³ + w⁴: gradient and curvature are 0 at w* = 0, and the loss falls to the left of it, by
    27/256.
    """
    found = _judged(lambda w: (w**3 + w**4).sum(-1), lambda w: 3 * w**2 + 4 * w**3, 1, 10.0)
    assert found.status is Status.NOT_LOCAL_MINIMUM
    assert found.above_minimum == pytest.approx(B * 27 / 256, rel=0.01)


def test_a_negative_coefficient_without_a_way_down_says_how_negative() -> None:
    """A level place, then a step down by 0.3 at 0.2: nothing leads there from w*, and chains are
    there nearly always.
    """
    found = _judged(
        lambda w: (np.maximum(w - 0.5, 0) - np.maximum(w - 0.2, 0)).sum(-1),
        lambda w: 1.0 * (w > 0.5) - 1.0 * (w > 0.2),
        1,
        10.0,
    )
    assert found.status is Status.NOT_LOCAL_MINIMUM
    below = next(words for words in said(found) if "below L_n(w*)" in words)
    assert f"by {-found.value:.3g}" in below and "-0" not in below


@pytest.mark.parametrize("dimension", [1, 5, 30])
def test_a_minimum_is_not_called_a_saddle(dimension: int) -> None:
    """Control: flat and curved directions, and no word."""
    h = np.arange(dimension) % 3
    target = Landscape(
        lambda w: 0.5 * (h * w**2 + w**4).sum(-1), lambda w: h * w + 2 * w**3, dimension
    )
    tied = tempering(1000)
    run = sample(target, tied, Chains(8, 0.05, 1500))
    below = look_below(target, tied, run, 0.01, 0)
    assert below.lower == 0.0 and str(below.from_centre) == "0.0" and not below.saddle
    assert not minimum_cautions(below, float(run.traces.excess.mean()))


# -- both frameworks, from the verb
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_population_like_losses_at_default_settings(framework: str) -> None:
    """output = w³ + |v| against targets 0, ½ output²: K = ½ (w³ + |v|)²."""
    n = 300

    def net(w: Any, x: Any) -> Any:
        return (w[0] ** 3 + abs(w[1])) * x[:, 0]

    settings: dict[str, Any] = {"gamma": 10.0, "max_steps": 2000, "tolerance": 0.05, "chains": 4}
    if framework == "torch":

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.w = torch.nn.Parameter(torch.zeros(2))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return net(self.w, x)

        found = sl.local.llc(
            Net(), lambda o, t: 0.5 * (o - t) ** 2, (torch.ones(n, 1), torch.zeros(n)), **settings
        )
    else:
        found = sl.local.llc(
            lambda w, x: net(w, x),
            lambda o, t: 0.5 * (o - t) ** 2,
            (np.ones((n, 1), "f4"), np.zeros(n, "f4")),
            parameters=np.zeros(2, "f4"),
            **settings,
        )
    right = by_quadrature(
        lambda w: 0.5 * (w[..., 0] ** 3 + np.abs(w[..., 1])) ** 2, 2, tempering(n), points=901
    )
    assert found.sampler == "hmc"
    assert abs(found.value - right) < 4 * found.standard_error < 0.4 * right
