"""Table 2 of Wei et al. 2022: λ of two-layer networks by Algorithm 1, and which phase that λ
belongs to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.wei2022.table2_cell import Measurement, Table2Cell
from singlearn.experiments.wei2022.table2_figure import draw
from singlearn.measure.learning_coefficient import default_inverse_temperatures
from singlearn.models import two_layer
from singlearn.tempering import Run, temper
from singlearn.triple import Triple

KINKS = (3, 4, 5)
ACTIVATIONS = ("relu", "silu")
HIDDEN = 5
SAMPLES = 1000
PRIOR_SCALE = 50.0
# The five β are centred on 1/log of this; the paper does not say why it is not n.
CENTRE = 20_000


@dataclass(frozen=True)
class Table2Work:
    """How much work goes into a cell of the table."""

    activations: tuple[str, ...]
    training_sets: int
    particles: int
    replicates: int
    precision: str


FULL = Table2Work(ACTIVATIONS, training_sets=5, particles=128, replicates=4, precision="float32")
QUICK = Table2Work(("relu",), training_sets=1, particles=32, replicates=2, precision="float32")


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Measure every cell; the figure goes to ``out/table2.png``."""
    settings = QUICK if quick else FULL
    cells = [
        measure_cell(kinks, activation, settings, seed, progress)
        for activation in settings.activations
        for kinks in KINKS
    ]
    cells.sort(key=lambda cell: (cell.kinks, cell.activation))
    rows = [cell.row() for cell in cells]

    out.mkdir(parents=True, exist_ok=True)
    figure = draw(cells, out / "table2.png")
    return ExperimentResult(rows, list(_warnings(cells)), table(rows, settings), [figure])


def measure_cell(
    kinks: int,
    activation: str,
    settings: Table2Work,
    seed: int,
    progress: bool | None,
    n: int = SAMPLES,
) -> Table2Cell:
    """λ̂ of every training set of one truth and activation."""
    measurements = []
    for index in range(settings.training_sets):
        triple = training_set(kinks, activation, settings.training_sets * seed + index, n)
        measurements.append(measure(triple, settings, seed, progress))
    return Table2Cell(kinks, activation, tuple(measurements))


_MODELS: dict[str, Triple] = {}


def training_set(kinks: int, activation: str, seed: int, n: int = SAMPLES) -> Triple:
    """One training set; the triples of one activation share their model, so that it is compiled
    once.
    """
    simulated = two_layer(HIDDEN, kinks, n, activation, PRIOR_SCALE, seed)
    model = _MODELS.setdefault(activation, simulated)
    return simulated.with_model_of(model)


def measure(triple: Triple, settings: Table2Work, seed: int, progress: bool | None) -> Measurement:
    """Algorithm 1 on one training set, and where the posterior was meanwhile."""
    started = time.monotonic()
    betas = default_inverse_temperatures(CENTRE, 1.0, is_population=False)
    tempered = temper(
        triple,
        beta_max=float(betas[-1]),
        particles=settings.particles,
        replicates=settings.replicates,
        seed=seed,
        precision=settings.precision,
        progress=progress,
    )
    read = tempered.learning_coefficient(method="all", inverse_temperatures=betas)
    assert triple.truth_energy is not None
    energies = [tempered.energy(float(beta)) for beta in betas]
    dead, flat = _phase_shares(tempered, triple, betas)
    return Measurement(
        read,
        np.array([e.value for e in energies]) - triple.truth_energy,
        np.array([e.standard_error for e in energies]),
        read.intercept.value - triple.truth_energy,
        best_constant_energy(triple.data[1]) - triple.truth_energy,
        dead,
        flat,
        time.monotonic() - started,
    )


def best_constant_energy(y: Float[np.ndarray, " n"]) -> float:
    r""":math:`\min_c n L_n` of a constant function with unit noise, :math:`\frac12 Σ (y_i - \bar
    y)^2 + \frac n2 \log 2π`, in nats.

    >>> round(best_constant_energy(np.array([-1.0, 1.0])) - math.log(2 * math.pi), 12)
    1.0
    """
    return float(0.5 * np.sum((y - y.mean()) ** 2) + 0.5 * len(y) * math.log(2 * math.pi))


def is_dead_on_square(w: dict[str, Float[np.ndarray, "..."]]) -> np.ndarray:
    r"""Whether every node is dead on :math:`[-1,1]^N` or has :math:`q_i = 0`, for a batch of
    parameters.

    The largest :math:`⟨w_i,x⟩ + b_i` of the cube is at a corner: :math:`b_i + Σ_j |w_{ij}|`.

    >>> node = {"w": np.array([[[1.0, -2.0]]]), "q": np.ones((1, 1))}
    >>> [bool(is_dead_on_square(node | {"b": np.array([[b]])})[0]) for b in (-3.0, -2.9)]
    [True, False]
    """
    found: np.ndarray = np.all((w["b"] + np.abs(w["w"]).sum(axis=-1) <= 0) | (w["q"] == 0), axis=-1)
    return found


def is_dead_on_inputs(
    w: dict[str, Float[np.ndarray, "..."]], x: Float[np.ndarray, "n inputs"]
) -> np.ndarray:
    """Whether every node is dead on the inputs ``x`` or has q_i = 0, for a batch of parameters: the
    network is constant there.
    """
    highest = np.stack([np.max(own @ x.T, axis=-1) for own in w["w"]]) + w["b"]
    found: np.ndarray = np.all((highest <= 0) | (w["q"] == 0), axis=-1)
    return found


def _phase_shares(
    tempered: Run, triple: Triple, betas: Float[np.ndarray, " points"]
) -> tuple[float, float]:
    import jax
    import jax.numpy as jnp

    per_replicate = np.stack(
        [
            np.mean([own.weights(float(beta)) for beta in betas], axis=0)
            for own in tempered.view.replicates
        ],
        axis=1,
    )
    used = per_replicate > 1e-9
    with jax.enable_x64(True):
        particles = jnp.asarray(tempered.rungs.particles[used])
        w = {
            name: np.asarray(leaf)
            for name, leaf in jax.vmap(triple.coordinates.constrain)(particles).items()
        }
    share = per_replicate[used] / per_replicate[used].sum()
    return float(share @ is_dead_on_square(w)), float(share @ is_dead_on_inputs(w, triple.data[0]))


def _warnings(cells: list[Table2Cell]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        for index, measurement in enumerate(cell.measurements):
            for warning in measurement.read.cautions:
                yield {
                    "row": cell.name,
                    "training_set": index,
                    "reason": str(warning.reason),
                    "message": warning.message,
                }


COLUMNS = (
    ("truth", lambda r: r["truth"]),
    ("net", lambda r: r["activation"]),
    ("λ̂", lambda r: f"{r['learning_coefficient']:.3f}"),
    ("std", lambda r: "–" if r["standard_deviation"] is None else f"{r['standard_deviation']:.3f}"),
    ("s.e.", lambda r: f"{r['sampling_error']:.3f}"),
    ("R²", lambda r: f"{r['r_squared']:.3f}"),
    ("paper λ̂", lambda r: f"{r['published_learning_coefficient']:.3f}"),
    ("std", lambda r: f"{r['published_standard_deviation']:.3f}"),
    ("R²", lambda r: f"{r['published_r_squared']:.3f}"),
    (
        "λ of W_0",
        lambda r: (
            "–"
            if r["exact_learning_coefficient"] is None
            else f"{r['exact_learning_coefficient']:g}"
        ),
    ),
    ("elsewhere", lambda r: f"{r['phase_elsewhere']}/{r['training_sets']}"),
    ("dead", lambda r: f"{r['dead_share']:.0%}"),
    ("constant", lambda r: f"{r['constant_share']:.0%}"),
    ("E_0 - nL_n(w_0)", lambda r: f"{r['intercept_above_truth']:.1f}"),
    ("best constant", lambda r: f"{r['best_constant_above_truth']:.1f}"),
)


def table(rows: list[dict[str, Any]], settings: Table2Work) -> str:
    """The rows for people, and in words what they are a measurement of."""
    body = [[head for head, _ in COLUMNS], *[[show(row) for _, show in COLUMNS] for row in rows]]
    widths = [max(len(line[i].replace("\u0302", "")) for line in body) for i in range(len(COLUMNS))]
    lines = [
        "  ".join(
            " " * (width - len(text.replace("\u0302", ""))) + text
            for text, width in zip(line, widths, strict=True)
        )
        for line in body
    ]
    head = (
        f"Table 2 of Wei et al. 2022: H = {HIDDEN}, n = {SAMPLES}, prior N(0, {PRIOR_SCALE:g}²), "
        f"five β around "
        f"1/log {CENTRE}, {settings.training_sets} training sets, {settings.replicates} × "
        f"{settings.particles} particles"
    )
    return "\n".join([head, "", *("  " + line for line in lines), "", *_in_words(rows)])


def _in_words(rows: list[dict[str, Any]]) -> list[str]:
    sets = sum(row["training_sets"] for row in rows)
    elsewhere = sum(row["phase_elsewhere"] for row in rows)
    legend = [
        "  std: between training sets. s.e.: of the mean, from sampling alone. λ of W_0: exact, "
        "(3m + 1)/2, proved for ReLU;",
        "  for SiLU nothing is claimed. elsewhere: training sets with the warning phase_elsewhere. "
        "dead: share of the",
        "  posterior with every node dead on [-1, 1]²; constant: on the training inputs. E_0: "
        "intercept of the line;",
        "  best constant: least energy of a constant function; both in nats above n L_n(w_0).",
        "",
    ]
    if elsewhere < sets:
        return [
            *legend,
            f"  In {sets - elsewhere} of {sets} training sets the line starts at n L_n(w_0): there "
            f"λ̂ is that of the true parameters.",
        ]
    excess = [row["intercept_above_truth"] for row in rows]
    constant = [row["best_constant_above_truth"] for row in rows]
    flat = [row["constant_share"] for row in rows]
    return [
        *legend,
        "  Which phase was measured: not that of the true parameters W_0. In every training set "
        "the line starts above n L_n(w_0),",
        f"  by {min(excess):.1f} to {max(excess):.1f} nats; the best constant function is "
        f"{min(constant):.1f} to "
        f"{max(constant):.1f} nats above it.",
        "  At these temperatures, with this prior, the network is constant on the training inputs "
        "with posterior",
        f"  probability {min(flat):.0%} to {max(flat):.0%}: its nodes are dead, only the output "
        f"bias is free, and one free parameter",
        "  has λ = 1/2, whatever the truth. The published values agree with it. The λ of W_0 would "
        "show only",
        "  at sample sizes where W_0 wins the free energy at these temperatures.",
    ]


TABLE2 = Experiment(
    "table2",
    "λ of two-layer ReLU and SiLU networks (Wei et al. 2022, Table 2), and which phase it is of",
    run,
)
EXPERIMENT = TABLE2
