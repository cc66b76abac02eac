"""One node with a weight in and a weight out: gradient flow stays on a hyperbola, gradient descent
steps across, noise pulls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.flow.gradient_flows import gradient_flow
from singlearn.flow.law import Gram, gram_law
from singlearn.flow.predictions import noise_balance, noise_pull, predict, scalar_pair
from singlearn.plot.style import ACCENT, INK, QUIET, SERIES, quieten
from singlearn.results.table import Column, aligned

STARTS = ((2.0, 2.0), (2.0, 1.0))
RATES = (0.03, 0.1, 0.3)
TARGET = 1.0
ENOUGH = 12.0
"""Time, in units of 1/rate, after which the slope is below 1e-9."""
INPUTS, OUTPUTS, PRODUCT = 8, 2, 3.0
"""The node of the second noisy run: eight weights in, two out, |w||q| = 3."""


@dataclass(frozen=True)
class HyperbolasWork:
    """How much is done."""

    runs: int
    noisy_steps: int


FULL, QUICK = HyperbolasWork(1000, 12000), HyperbolasWork(100, 1500)
LAW = gram_law([Gram("w1", 0), Gram("w2", 0, -1)], "diagonal", "scaling of a node, (a, 1/a)")


@dataclass(frozen=True)
class PairDescent:
    """Gradient descent from one start at one rate.

    Attributes:
        start: w_1, w_2.
        rate: η.
        path: (steps + 1, 2).
        slopes: e = w_1 w_2 - 1 before each step.
    """

    start: tuple[float, float]
    rate: float
    path: np.ndarray
    slopes: np.ndarray

    @property
    def law(self) -> np.ndarray:
        """Q = w_1² - w_2² along the path."""
        found: np.ndarray = self.path[:, 0] ** 2 - self.path[:, 1] ** 2
        return found


def descend(start: tuple[float, float], rate: float) -> PairDescent:
    """Gradient descent of K = ½(w_1 w_2 - 1)², the node on inputs of mean square 1.

    >>> descend((2.0, 1.0), 0.1).path[1].tolist()
    [1.9, 0.8]
    """
    path, slopes = [np.array(start)], []
    for _ in range(round(ENOUGH / rate)):
        w = path[-1]
        slopes.append(w[0] * w[1] - TARGET)
        path.append(w - rate * slopes[-1] * w[::-1])
    return PairDescent(start, rate, np.array(path), np.array(slopes))


def endpoint(law: float) -> tuple[float, float]:
    """Where the flow on a hyperbola meets the valley w_1 w_2 = 1, for positive weights: w_1² = (Q +
    √(Q² + 4))/2.

    >>> tuple(round(w, 6) for w in endpoint(3.0))
    (1.817354, 0.550251)
    """
    first = math.sqrt(0.5 * (law + math.sqrt(law**2 + 4 * TARGET**2)))
    return first, TARGET / first


def noisy_pair(
    start: tuple[float, float], rate: float, steps: int, runs: int, random: np.random.Generator
) -> np.ndarray:
    """Q of many runs of SGD with a fresh label y = 1 + ε, ε ~ N(0, 1), at every step, (steps + 1,
    runs).
    """
    w = np.tile(np.array(start)[:, None], (1, runs))
    found = [w[0] ** 2 - w[1] ** 2]
    for _ in range(steps):
        slope = w[0] * w[1] - TARGET - random.standard_normal(runs)
        w = w - rate * slope * w[::-1]
        found.append(w[0] ** 2 - w[1] ** 2)
    return np.array(found)


def noisy_node(
    rate: float, steps: int, runs: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """|w|² and |q|² of a linear node with white inputs and fresh noise on both outputs, (steps +
    1, runs); starts with |w| = |q|.
    """
    w = np.full((runs, INPUTS), math.sqrt(PRODUCT / INPUTS))
    q = np.full((runs, OUTPUTS), math.sqrt(PRODUCT / OUTPUTS))
    truth = q[0][:, None] * w[0]
    ins, outs = [np.sum(w**2, axis=1)], [np.sum(q**2, axis=1)]
    for _ in range(steps):
        x = random.standard_normal((runs, INPUTS))
        hidden = np.sum(w * x, axis=1)
        error = q * hidden[:, None] - x @ truth.T - random.standard_normal((runs, OUTPUTS))
        back = np.sum(error * q, axis=1)
        w, q = w - rate * back[:, None] * x, q - rate * error * hidden[:, None]
        ins.append(np.sum(w**2, axis=1))
        outs.append(np.sum(q**2, axis=1))
    return np.array(ins), np.array(outs)


def _loss(weights: Any) -> Any:
    return 0.5 * (weights["w1"][0] * weights["w2"][0] - TARGET) ** 2


def _weights(start: tuple[float, float]) -> dict[str, np.ndarray]:
    return {"w1": np.array([start[0]]), "w2": np.array([start[1]])}


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Both starts at three rates and under noise, beside the flow and the closed forms."""
    size = QUICK if quick else FULL
    random = np.random.default_rng(seed)
    descents = [descend(start, rate) for start in STARTS for rate in RATES]
    flows = {
        start: gradient_flow(_loss, _weights(start), np.linspace(0.2, ENOUGH, 60).tolist(), [LAW])
        for start in STARTS
    }
    rows = [_row(descent) for descent in descents]
    rows += [_flow_row(start, flows[start]) for start in STARTS]
    pairs = {
        rate: noisy_pair(STARTS[1], rate, size.noisy_steps, size.runs, random)
        for rate in (0.02, 0.05)
    }
    nodes = {
        rate: noisy_node(rate, size.noisy_steps, max(50, size.runs // 4), random)
        for rate in (0.02, 0.01)
    }
    noisy = [_pair_row(rate, law) for rate, law in pairs.items()] + [
        _node_row(rate, *both) for rate, both in nodes.items()
    ]
    warnings = [
        {"row": row["start"], "message": sentence}
        for row in rows
        for sentence in row.pop("warnings", [])
    ]
    figure = _figure(descents, flows, pairs, nodes, out)
    return ExperimentResult(rows + noisy, warnings, table(rows, noisy), [figure])


def _row(descent: PairDescent) -> dict[str, Any]:
    law, last = descent.law, descent.path[-1]
    exact = scalar_pair(law[0], descent.rate, descent.slopes)
    predicted = predict(
        _loss, _weights(descent.start), [LAW], descent.rate, len(descent.slopes)
    ).laws[0]
    own, flow = np.array(endpoint(law[-1])), np.array(endpoint(law[0]))
    return {
        "start": descent.start,
        "rate": descent.rate,
        "Q before": law[0],
        "Q after": law[-1],
        "product": exact[-1],
        "off product": float(np.max(np.abs(law - exact))),
        "predicted": float(predicted.values[-1, 0]),
        "error": float(predicted.errors[-1, 0]),
        "end": tuple(last.tolist()),
        "off own hyperbola": float(np.max(np.abs(last - own))),
        "off first hyperbola": float(np.max(np.abs(last - flow))),
    }


def _flow_row(start: tuple[float, float], flow: Any) -> dict[str, Any]:
    last = np.array([flow.weights["w1"][-1, 0], flow.weights["w2"][-1, 0]])
    law = flow.laws[0].values[:, 0]
    own = np.array(endpoint(start[0] ** 2 - start[1] ** 2))
    off = float(np.max(np.abs(last - own)))
    return {
        "start": start,
        "rate": 0.0,
        "Q before": law[0],
        "Q after": law[-1],
        "product": law[0],
        "off product": float(np.max(np.abs(law - law[0]))),
        "predicted": law[0],
        "error": 0.0,
        "end": tuple(last.tolist()),
        "off own hyperbola": off,
        "off first hyperbola": off,
        "warnings": [caution.message for caution in flow.cautions],
    }


def _pair_row(rate: float, law: np.ndarray) -> dict[str, Any]:
    return _noise_row(rate, law, (1, 1), TARGET, None)


def _node_row(rate: float, ins: np.ndarray, outs: np.ndarray) -> dict[str, Any]:
    late = slice(3 * (len(ins) - 1) // 4, None)
    ratio = float(INPUTS * outs[late].mean() / (OUTPUTS * ins[late].mean()))
    return _noise_row(rate, ins - outs, (INPUTS, OUTPUTS), PRODUCT, ratio)


def _noise_row(
    rate: float, law: np.ndarray, weights: tuple[int, int], product: float, ratio: float | None
) -> dict[str, Any]:
    """Runs of SGD on a node with so many weights in and out, beside the predicted mean."""
    steps, spread = len(law) - 1, float(law[-1].std(ddof=1))
    return {
        "node": f"{weights[0]} in, {weights[1]} out",
        "rate": rate,
        "steps": steps,
        "Q before": float(law[0, 0]),
        "mean Q after": float(law[-1].mean()),
        "standard error": spread / math.sqrt(law.shape[1]),
        "spread between runs": spread,
        "predicted": float(noise_pull(law[0, 0], *weights, product, rate, 1.0, [steps])[0]),
        "ratio": ratio,
    }


def table(rows: list[dict[str, Any]], noisy: list[dict[str, Any]]) -> str:
    """Both tables, aligned."""
    first = [
        ("start", "", ["({:g}, {:g})".format(*row["start"]) for row in rows]),
        ("rate", "", ["flow" if row["rate"] == 0 else f"{row['rate']:g}" for row in rows]),
        ("Q before", "", [f"{row['Q before']:.4f}" for row in rows]),
        ("Q after", "", [f"{row['Q after']:.6f}" for row in rows]),
        ("off Q₀Π(1 - η²e²)", "", [f"{row['off product']:.0e}" for row in rows]),
        ("modified flow", "", [f"{row['predicted']:.4f} ± {row['error']:.1g}" for row in rows]),
        ("end", "", ["({:.5f}, {:.5f})".format(*row["end"]) for row in rows]),
        ("off its hyperbola's end", "", [f"{row['off own hyperbola']:.0e}" for row in rows]),
        ("off the first's", "", [f"{row['off first hyperbola']:.1e}" for row in rows]),
    ]
    second = [
        ("node", "", [row["node"] for row in noisy]),
        ("rate", "", [f"{row['rate']:g}" for row in noisy]),
        ("steps", "", [str(row["steps"]) for row in noisy]),
        ("Q before", "", [f"{row['Q before']:.3f}" for row in noisy]),
        (
            "mean Q after",
            "",
            [f"{row['mean Q after']:.3f} ± {row['standard error']:.3f}" for row in noisy],
        ),
        ("predicted", "", [f"{row['predicted']:.3f}" for row in noisy]),
        ("spread of runs", "", [f"{row['spread between runs']:.3f}" for row in noisy]),
        (
            "n|q|²/m|w|²",
            "late",
            ["–" if row["ratio"] is None else f"{row['ratio']:.3f}" for row in noisy],
        ),
    ]
    heads = (
        "K = ½(w₁w₂ - 1)², Q = w₁² - w₂²: gradient descent and gradient flow",
        "SGD with fresh noise on the labels, variance 1",
    )
    tables = [
        aligned([Column(head, cells, unit) for head, unit, cells in columns])
        for columns in (first, second)
    ]
    return "\n".join([heads[0], *tables[0], "", heads[1], *tables[1]])


def _figure(descents: list[PairDescent], flows: Any, pairs: Any, nodes: Any, out: Path) -> Path:
    figure, axes = plt.subplots(2, 2, figsize=(11.5, 9.6), layout="constrained")
    _map(axes[0, 0], descents, flows)
    _crossing(axes[0, 1], descents)
    _pulled(axes[1, 0], pairs)
    _balanced(axes[1, 1], nodes)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "hyperbolas.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _map(axes: Axes, descents: list[PairDescent], flows: Any) -> None:
    side = np.linspace(0.02, 2.45, 240)
    first, second = np.meshgrid(side, np.linspace(0.02, 3.1, 240))
    axes.contourf(
        first,
        second,
        0.5 * (first * second - TARGET) ** 2,
        levels=[0, 0.01, 0.05, 0.2, 0.5, 1, 2, 4, 9, 16],
        cmap="Greys",
        alpha=0.55,
    )
    axes.contour(
        first,
        second,
        first**2 - second**2,
        levels=[-4, -2.5, -1, 0, 1, 2, 3, 4, 5],
        colors=QUIET,
        linewidths=0.6,
        linestyles=":",
    )
    axes.plot(side, TARGET / side, color="black", linewidth=2.2, label="valley $w_1 w_2 = 1$")
    for number, start in enumerate(STARTS):
        flow = flows[start]
        label = "gradient flow" if number == 0 else None
        axes.plot(
            flow.weights["w1"][:, 0],
            flow.weights["w2"][:, 0],
            color=ACCENT,
            linewidth=3.2,
            alpha=0.7,
            label=label,
        )
    marks = dict(zip(RATES, ("o", "s", "^"), strict=True))
    for descent in descents:
        label = f"gradient descent, η = {descent.rate:g}" if descent.start == STARTS[0] else None
        axes.plot(
            *descent.path.T,
            color=INK,
            linewidth=0.7,
            marker=marks[descent.rate],
            markersize=4,
            markerfacecolor="white",
            label=label,
        )
    axes.set(
        xlim=(0, 2.45), ylim=(0, 3.1), xlabel="$w_1$, into the node", ylabel="$w_2$, out of it"
    )
    axes.set_title("K in grey, hyperbolas $w_1^2 - w_2^2$ dotted", fontsize=10, loc="left")
    axes.legend(fontsize=8, loc="upper right", framealpha=1.0, ncols=2)
    quieten(axes)


def _crossing(axes: Axes, descents: list[PairDescent]) -> None:
    for (colour, dash), descent in zip(
        SERIES, [d for d in descents if d.start == STARTS[1]], strict=False
    ):
        time = descent.rate * np.arange(len(descent.law))
        exact = scalar_pair(descent.law[0], descent.rate, descent.slopes)
        axes.plot(time, descent.law, color=colour, linestyle=dash, label=f"η = {descent.rate:g}")
        axes.plot(time[::3], exact[::3], ".", color=colour, markersize=5)
    axes.axhline(3.0, color=QUIET, linewidth=0.8)
    axes.text(3.9, 3.004, "gradient flow", color=QUIET, fontsize=8, va="bottom", ha="right")
    axes.set(xlim=(0, 4), xlabel="time ηt", ylabel="$Q = w_1^2 - w_2^2$, start (2, 1)")
    axes.set_title("lines: measured; dots: $Q_0 \\prod (1 - η^2 e_t^2)$", fontsize=10, loc="left")
    axes.legend(frameon=False, fontsize=8)
    quieten(axes)


def _pulled(axes: Axes, pairs: Any) -> None:
    for (colour, dash), (rate, law) in zip(SERIES, pairs.items(), strict=False):
        steps = np.unique(np.rint(np.linspace(0, len(law) - 1, 120)).astype(int))
        low, high = np.quantile(law[steps], [0.1, 0.9], axis=1)
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(
            steps,
            law[steps].mean(axis=1),
            color=colour,
            linestyle=dash,
            label=f"mean of runs, η = {rate:g}; band: 8 of 10 runs",
        )
        axes.plot(
            steps[::8],
            noise_pull(law[0, 0], 1, 1, TARGET, rate, 1.0, steps[::8].tolist()),
            "o",
            color=colour,
            markersize=4,
            mfc="white",
        )
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.set(xlabel="step of SGD", ylabel="$Q = w_1^2 - w_2^2$, start (2, 1)")
    axes.set_title("label noise; circles: predicted mean", fontsize=10, loc="left")
    axes.legend(frameon=False, fontsize=8)
    quieten(axes)


def _balanced(axes: Axes, nodes: Any) -> None:
    w, q = noise_balance(INPUTS, OUTPUTS, PRODUCT)
    for (colour, dash), (rate, (ins, outs)) in zip(SERIES, nodes.items(), strict=False):
        law = ins - outs
        steps = np.unique(np.rint(np.linspace(0, len(law) - 1, 120)).astype(int))
        low, high = np.quantile(law[steps], [0.1, 0.9], axis=1)
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(
            steps,
            law[steps].mean(axis=1),
            color=colour,
            linestyle=dash,
            label=f"mean of runs, η = {rate:g}",
        )
        predicted = noise_pull(law[0, 0], INPUTS, OUTPUTS, PRODUCT, rate, 1.0, steps[::8].tolist())
        axes.plot(steps[::8], predicted, "o", color=colour, markersize=4, mfc="white")
    axes.axhline(w - q, color=ACCENT, linewidth=1.0, linestyle="-", label="$n|q|^2 = m|w|^2$")
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.text(axes.get_xlim()[1], 0, "|w| = |q|", color=QUIET, fontsize=9, va="bottom", ha="right")
    axes.set(xlabel="step of SGD", ylabel="$Q = |w|^2 - |q|^2$")
    axes.set_title(
        f"a node with {INPUTS} weights in and {OUTPUTS} out; circles: predicted",
        fontsize=10,
        loc="left",
    )
    axes.legend(frameon=False, fontsize=8, loc="center right")
    quieten(axes)


EXPERIMENT = Experiment(
    "hyperbolas",
    "one node: flow stays on a hyperbola, descent steps across, noise pulls to balance",
    run,
)
