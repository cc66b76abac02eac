r"""The staircase of three linear layers: plateaus, exit times beside the closed form, and λ̂ at
each
plateau beside Aoyagi's λ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad

from singlearn.exact.catalogue import deep_linear
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.own.staircase_cells import cells, ending, plateau_row, warnings_of
from singlearn.experiments.own.staircase_figure import draw
from singlearn.results.table import Column, aligned
from singlearn.running.progress import counted

DEPTH = 3
RATE = 4e-3
AFTER = 4.0
"""Time after the last exit."""
GAMMA = 1.0
COPIES = 2


@dataclass(frozen=True)
class DeepStaircaseWork:
    """``values``: singular values of the true map, ``size``: of every factor at the start.

    At the zero map K is of sixth order, so that its chains go as far as nβ to the power -1/6:
    ``nbeta`` is larger here than for a pair, or the tie γ would be felt.
    """

    values: tuple[float, ...]
    size: float
    nbeta: float
    chains: int
    most: int
    tolerance: float


FULL = DeepStaircaseWork((3.0, 1.7, 1.0), 0.01, 1e7, 32, 200_000, 0.01)
QUICK = DeepStaircaseWork((2.5, 1.2), 0.02, 1e5, 16, 15_000, 0.04)


@dataclass(frozen=True)
class DeepTraining:
    r"""Gradient descent from small balanced weights whose directions are those of the true map.

    Attributes:
        times: step × rate.
        factors: of every kept step, the first layer first.
        modes: :math:`u_i^T W_3 W_2 W_1 v_i`.
        loss: :math:`\frac12 |W_3 W_2 W_1 - M|^2`.
        predicted: half time of every mode.
        measured: when a mode passes half its singular value.
    """

    truth: Float[np.ndarray, "d d"]
    times: Float[np.ndarray, " steps"]
    factors: Float[np.ndarray, "steps layers d d"]
    modes: Float[np.ndarray, "steps d"]
    loss: Float[np.ndarray, " steps"]
    predicted: tuple[float, ...]
    measured: tuple[float, ...]

    def plateau(self, rank: int) -> int:
        """The kept step at which the map is nearest to the true one cut to this rank, in the units
        of what it is still to learn.
        """
        left, values, right = np.linalg.svd(self.truth)
        cut = (left[:, :rank] * values[:rank]) @ right[:rank]
        maps = np.array([_product(factors) for factors in self.factors])
        return int(((maps - cut) ** 2).sum((1, 2)).argmin())


def half_time(value: float, size: float, depth: int = DEPTH) -> float:
    r"""When a mode passes half its singular value s, in units of steps × rate.

    Balanced factors that are aligned with the mode have one size u each, and

    .. math:: \dot u = u^{L-1} (s - u^L), \qquad t = \int_{u_0}^{(s/2)^{1/L}} \frac{du}{u^{L-1}(s - u^L)}.

    For L ≥ 3 this grows like :math:`u_0^{2-L} / ((L-2) s)`, a power of the size and no longer its
    logarithm. Source: Saxe, McClelland & Ganguli 2014 [saxe2014exact]_.

    Args:
        value: s > 0.
        size: u₀ of every factor at the start, below :math:`(s/2)^{1/L}`.
        depth: L ≥ 2.

    >>> import math                       # L = 2 is log(s/u₀² - 1)/(2s)
    >>> math.isclose(half_time(2.0, 0.01, depth=2), math.log(2.0 / 1e-4 - 1) / 4)
    True
    """  # noqa: E501
    end = (value / 2) ** (1 / depth)
    # In log u the integrand is smooth over all its decades.
    found, _ = quad(
        lambda t: math.exp(t) ** (2 - depth) / (value - math.exp(depth * t)),
        math.log(size),
        math.log(end),
        epsabs=0.0,
        epsrel=1e-10,
        limit=200,
    )
    return float(found)


def train(values: tuple[float, ...], size: float, seed: int) -> DeepTraining:
    """Gradient descent from aligned balanced weights.

    Between the layers stand random rotations, which no rescaling of nodes undoes.
    """
    rng = np.random.default_rng([seed, 22])
    d = len(values)
    frames = [np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(DEPTH + 1)]
    truth = frames[-1] @ np.diag(values) @ frames[0].T
    factors = np.array([size * frames[k + 1] @ frames[k].T for k in range(DEPTH)])
    predicted = tuple(half_time(value, size) for value in values)
    count = math.ceil((max(predicted) + AFTER / min(values)) / RATE)
    every = max(1, count // 6000)
    kept = []
    for step in range(count + 1):
        if step % every == 0:
            kept.append(factors)
        first, second, third = factors
        error = third @ second @ first - truth
        back = third.T @ error
        slopes = (second.T @ back, back @ first.T, error @ (second @ first).T)
        factors = factors - RATE * np.array(slopes)
    every_step = np.array(kept)
    maps = np.array([_product(factors) for factors in every_step])
    modes = np.einsum("oi,tok,ki->ti", frames[-1], maps, frames[0])
    times = RATE * every * np.arange(len(maps))
    loss = 0.5 * ((maps - truth) ** 2).sum((1, 2))
    measured = tuple(
        float(np.interp(value / 2, modes[:, i], times)) for i, value in enumerate(values)
    )
    return DeepTraining(truth, times, every_step, modes, loss, predicted, measured)


def _product(factors: np.ndarray) -> np.ndarray:
    found: np.ndarray = factors[0]
    for factor in factors[1:]:
        found = factor @ found
    return found


def learning_coefficients(
    training: DeepTraining, settings: DeepStaircaseWork, seed: int, progress: bool | None
) -> list[Any]:
    """λ̂ of the network's own function at every plateau."""
    import torch

    from singlearn.local import llc

    d = len(settings.values)
    inputs = torch.from_numpy(np.tile(math.sqrt(d) * np.eye(d), (COPIES, 1)))
    targets = inputs @ torch.from_numpy(training.truth).T

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((output - target) ** 2).sum(-1)

    def measured(rank: int) -> Any:
        layers = [torch.nn.Linear(d, d, bias=False) for _ in range(DEPTH)]
        module = torch.nn.Sequential(*layers).double()
        factors = training.factors[training.plateau(rank)]
        module.load_state_dict(
            {f"{k}.weight": torch.from_numpy(factor.copy()) for k, factor in enumerate(factors)}
        )
        return llc(
            module,
            loss,
            (inputs, targets),
            reference="self",
            nbeta=settings.nbeta,
            gamma=GAMMA,
            sampler="hmc",
            chains=settings.chains,
            tolerance=settings.tolerance,
            max_steps=settings.most,
            seed=seed,
            progress=False,
        )

    ranks = range(d + 1)
    found = counted("deep staircase", ((r, measured(r)) for r in ranks), len(ranks), progress)
    return [own for _, own in found]


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, measure λ̂ at every plateau (``quick``: two modes in place of four, shorter chains)."""
    settings = QUICK if quick else FULL
    training = train(settings.values, settings.size, seed)
    found = learning_coefficients(training, settings, seed, progress)
    d = len(settings.values)
    rows = [
        plateau_row(training, settings.values, rank, own, deep_linear([d] * (DEPTH + 1), rank))
        for rank, own in enumerate(found)
    ]
    warnings = warnings_of(found)
    path = out / "deep-staircase.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(training, settings.values, rows, "exact λ (Aoyagi)").savefig(path, dpi=150)
    return ExperimentResult(rows, warnings, _table(rows, warnings, settings), [path])


def _table(
    rows: list[dict[str, Any]], warnings: list[dict[str, Any]], settings: DeepStaircaseWork
) -> str:
    d = len(settings.values)
    lines = [
        f"linear network {'-'.join([str(d)] * (DEPTH + 1))}, singular values "
        f"{', '.join(f'{s:g}' for s in settings.values)}, "
        f"factors of size {settings.size:g}, nβ = {settings.nbeta:g}, γ = {GAMMA:g}",
        "",
    ]
    heads = ["rank", "loss (theory)", "exit (theory)", "λ̂ of its own function", "exact λ"]
    heads += ["width r"]
    shown = [(f"{row['rank']}", *cells(row), f"{row['λ of width r alone']:g}") for row in rows]
    columns = zip(heads, zip(*shown, strict=True), strict=True)
    lines += aligned([Column(head, column) for head, column in columns])
    lines += ending(rows, warnings)
    return "\n".join(lines)


EXPERIMENT = Experiment(
    "deep-staircase",
    "three linear layers from small weights: plateaus, exit times beside the closed form, λ̂ at "
    "each plateau beside exact λ",
    run,
)
