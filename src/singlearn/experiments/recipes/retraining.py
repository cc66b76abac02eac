"""Does influence predict what networks do that are trained anew on parts of the data?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.recipes.checkpoints import cross_entropy
from singlearn.experiments.recipes.digits import perceptron, tensors
from singlearn.experiments.recipes.report import cell, doubts_of, number, report
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

if TYPE_CHECKING:
    import torch

    from singlearn.local import DatamodelingScore

DECAY = 0.01
"""Of the training: half of it times |w|² is added to the mean loss, so that every training ends at
a minimum."""
COLD = 30.0
"""nβ / n of the chains: near the minimum the posterior is as narrow as what a retraining moves."""
TIE = 1.0
"""γ of the chains, in units of the decay's own stiffness."""
RATE = 0.02


@dataclass(frozen=True)
class RetrainingWork:
    """Samples, others whose loss is predicted, hidden nodes, networks that are trained anew (and
    how many of them on each part), steps of a training, and what chains do.
    """

    samples: int
    others: int
    width: int
    trainings: int
    steps: int
    draws: int
    most: int


FULL = RetrainingWork(150, 75, 6, 100, 600, 8000, 10_000)
QUICK = RetrainingWork(100, 50, 6, 50, 300, 300, 1_500)


def penalised(
    weights: dict[str, torch.Tensor],
    included: torch.Tensor,
    model: torch.nn.Module,
    x: Any,
    y: Any,
) -> torch.Tensor:
    """Mean loss over the samples that are included, and the decay."""
    import torch

    losses = cross_entropy(torch.func.functional_call(model, weights, (x,)), y)
    size = sum((value**2).sum() for value in weights.values())
    return (included * losses).sum() / included.sum() + 0.5 * DECAY * size


def train_on_parts(
    model: torch.nn.Module, x: Any, y: Any, parts: Bool[np.ndarray, "trainings n"], steps: int
) -> dict[str, torch.Tensor]:
    """Many trainings at once, from the same weights: Adam on all samples of a part, with a rate
    that falls to zero.

    Returns:
        Weights by name, a first axis for the trainings.
    """
    import torch

    count = len(parts)
    weights = {
        name: value.detach().expand(count, *value.shape).clone()
        for name, value in model.named_parameters()
    }
    included = torch.from_numpy(parts).to(x.dtype)
    slope = torch.func.vmap(torch.func.grad(penalised), in_dims=(0, 0, None, None, None))
    descent = torch.optim.Adam(list(weights.values()), lr=RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(descent, steps)
    for _ in range(steps):
        for name, found in slope(weights, included, model, x, y).items():
            weights[name].grad = found
        descent.step()
        falling.step()
    return weights


def losses_of(model: torch.nn.Module, weights: dict[str, Any], x: Any, y: Any) -> np.ndarray:
    """Loss of every sample for every training."""
    import torch

    def own(one: dict[str, torch.Tensor]) -> torch.Tensor:
        return cross_entropy(torch.func.functional_call(model, one, (x,)), y)

    with torch.no_grad():
        found: np.ndarray = torch.func.vmap(own)(weights).numpy()
    return found


def decayed(x: Any, y: Any, of_training: bool) -> tuple[Any, Any, Any]:
    """Images, digits, and how often the decay counts in the loss of each: not at all. The decay of
    the training is one more sample, of which nothing else counts: a prior is what one more sample
    says.

    The mean over n + 1 samples times (n + 1)/n is then the loss of the training.
    """
    import torch

    counts = torch.zeros(len(x), dtype=x.dtype)
    if not of_training:
        return x, y, counts
    more = torch.full((1,), float(len(x)), dtype=x.dtype)
    return torch.cat([x, x[:1]]), torch.cat([y, y[:1]]), torch.cat([counts, more])


def with_decay(model: torch.nn.Module, batch: tuple[Any, Any, Any]) -> torch.Tensor:
    """Cross entropy of images, and the decay where it counts."""
    x, y, counts = batch
    size = sum((value**2).sum() for value in model.parameters())
    decay = counts * 0.5 * DECAY * size
    found: torch.Tensor = cross_entropy(model(x), y) * (counts == 0) + decay
    return found


def classical(
    model: torch.nn.Module, x: Any, y: Any, others: tuple[Any, Any]
) -> tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n m"]]:
    r"""What other scores predict: :math:`-\frac1n ∇ℓ_i H^{-1} ∇ℓ_j` with the Gauss-Newton matrix
    and the decay as H, and :math:`-∇ℓ_i·∇ℓ_j`. Negative helps, as in ours.
    """
    import torch

    weights = {name: value.detach() for name, value in model.named_parameters()}

    def outputs(w: dict[str, Any], one: Any) -> torch.Tensor:
        found: torch.Tensor = torch.func.functional_call(model, w, (one,))
        return found

    def rows(inputs: Any, targets: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, 0))(weights, inputs)
        jacobian = torch.cat([part.flatten(2) for part in found.values()], 2).double().numpy()
        share = torch.softmax(outputs(weights, inputs), -1).detach().double().numpy()
        error = share - np.eye(share.shape[1])[targets.numpy()]
        return jacobian, share, np.einsum("nc,ncd->nd", error, jacobian)

    jacobian, share, own = rows(x, y)
    _, _, other = rows(*others)
    middle = share[:, :, None] * np.eye(share.shape[1]) - share[:, :, None] * share[:, None, :]
    hessian = np.einsum("nce,ncd,nef->df", middle, jacobian, jacobian, optimize=True) / len(x)
    hessian += DECAY * np.eye(len(hessian))
    return -own @ np.linalg.solve(hessian, other.T) / len(x), -own @ other.T


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train on all samples and on random halves, measure the influence, and compare."""
    import torch

    from singlearn.local import influence, linear_datamodeling_score, loss_chains

    settings = QUICK if quick else FULL
    x, y = tensors(settings.samples, seed)
    others = tensors(settings.others, seed + 1000)
    start = perceptron(settings.width, seed)
    rng = np.random.default_rng([seed, 44])
    parts = np.zeros((settings.trainings + 1, settings.samples), dtype=bool)
    parts[0] = True
    for part in parts[1:]:
        part[rng.permutation(settings.samples)[: settings.samples // 2]] = True
    weights = train_on_parts(start, x, y, parts, settings.steps)
    measured = losses_of(start, {k: v[1:] for k, v in weights.items()}, *others)
    start.load_state_dict({name: value[0].detach() for name, value in weights.items()})
    nbeta = COLD * settings.samples
    chains = loss_chains(
        start,
        with_decay,
        decayed(x, y, of_training=True),
        shifts={"others": decayed(*others, of_training=False)},
        nbeta=nbeta,
        gamma=TIE * DECAY * nbeta,
        chains=8,
        draws=settings.draws,
        max_steps=settings.most,
        tolerance=0.1,
        sampler="hmc",
        seed=seed,
        progress=progress,
    )
    found = influence(chains)
    by_gradient, by_product = classical(start, x, y, others)
    ours = found["influence_others"].values[: settings.samples]
    scores = {
        "influence along chains": linear_datamodeling_score(ours, parts[1:], measured),
        "classical, Gauss-Newton": linear_datamodeling_score(by_gradient, parts[1:], measured),
        "product of gradients": linear_datamodeling_score(by_product, parts[1:], measured),
    }
    rows: list[dict[str, Any]] = [
        {
            "predicted by": name,
            "score": number(score.value),
            "standard error": number(score.standard_error),
            "trainings": score.trainings,
        }
        for name, score in scores.items()
    ]
    doubts = doubts_of(({}, caution) for caution in found.cautions)
    with torch.no_grad():
        right = float((start(others[0]).argmax(-1) == others[1]).float().mean())
    head = chains.table().iloc[0]
    shown = cell(number(head.learning_coefficient), head.standard_error)
    notes = [
        f"trained on all samples, {right:.0%} of {settings.others} new images right; λ̂ = {shown} "
        f"({head.status}), nβ = {nbeta:g}, γ = {TIE * DECAY * nbeta:g}",
        f"correlation of our influence with the classical one, over all pairs: "
        f"{_correlation(ours, by_gradient):.2f}",
    ]
    table: list[tuple[str, ...]] = [("predicted by", "linear datamodeling score")]
    table += [(row["predicted by"], cell(row["score"], row["standard error"])) for row in rows]
    title = (
        f"{settings.trainings} networks 64-{settings.width}-10, each trained on half of "
        f"{settings.samples} images: losses of {settings.others} new images"
    )
    figure = draw(scores, parts[1:].astype(float) @ ours, measured)
    return report(rows, doubts, title, table, notes, figure, out / "retraining.png")


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if not np.isfinite(one).all():
        return float("nan")
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def draw(
    scores: dict[str, DatamodelingScore],
    predicted: Float[np.ndarray, "trainings others"],
    measured: Float[np.ndarray, "trainings others"],
) -> Figure:
    """Predicted against measured losses of three images, and the scores."""
    figure = Figure(figsize=(9.4, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    own = np.array(scores["influence along chains"].per_sample)
    order = np.argsort(own)
    # The loss of three images: of the score's quartiles.
    for place, colour, mark in zip((0.25, 0.5, 0.75), (INK, ACCENT, QUIET), "os^", strict=True):
        j = int(order[int(place * (len(order) - 1))])
        left.plot(
            *(_standardised(values[:, j]) for values in (predicted, measured)),
            mark, color=colour, markersize=4, label=f"image {j}: {own[j]:.2f}",
        )  # fmt: skip
    left.set_xlabel("predicted loss  [standard deviations]")
    left.set_ylabel("loss after training anew\n[standard deviations]")
    left.legend(
        frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0),
        title="rank correlation, at the quartiles", title_fontsize=8, columnspacing=0.8,
    )  # fmt: skip
    places = np.arange(len(scores))[::-1]
    right.errorbar(
        [score.value for score in scores.values()], places,
        xerr=[2 * np.nan_to_num(score.standard_error) for score in scores.values()], fmt="o",
        color=INK, capsize=3,
    )  # fmt: skip
    right.set_yticks(places, list(scores))
    right.set_ylim(-0.6, len(scores) - 0.4)
    right.axvline(0.0, color=QUIET, linewidth=0.8)
    right.set_xlabel("linear datamodeling score ± 2 standard errors")
    for axes in (left, right):
        quieten(axes)
    return figure


def _standardised(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    spread = float(values.std())
    found: Float[np.ndarray, " n"] = (values - values.mean()) / (spread or 1.0)
    return found


EXPERIMENT = Experiment(
    "retraining",
    "how well influence predicts networks that are trained anew on halves of the data",
    run,
)
