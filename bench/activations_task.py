"""'Useful information needs no ReLU': one task learned with ReLU, SiLU and tanh, and what can be
read off each network.

The rough idea is a comment's: information that requires the activation to be a ReLU is rarely
useful for interpretability. Five inputs, three of which matter, by amplitudes 3, 1.5 and 0.75: y =
Σ a_k sin(1.5 <v_k, x>) with orthonormal v_k; 24 nodes, full-batch gradient descent. Read off:
without regard to the activation, the test error, the subspace of inputs in use (average gradient
outer product), the order in which the three are learned, and the quadratic λ̂; and what belongs to
ReLU: dead nodes, and the conserved |w|² + b² - q² of its nodes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

INPUTS, WIDTH, SAMPLES, TESTS = 5, 24, 1000, 2000
AMPLITUDES = np.array([3.0, 1.5, 0.75])
SLOPE = 1.5
RATE, STEPS, LOOKS = 0.02, 20_000, 50
START = 0.3
GAMMA = 10.0
LEARNED = 0.8  # about half of each part is a line, which is learned at once
ACTIVATIONS = {"relu": jax.nn.relu, "silu": jax.nn.silu, "tanh": jnp.tanh}
NAMES = {"relu": "ReLU", "silu": "SiLU", "tanh": "tanh"}


def main(arguments: Sequence[str]) -> None:
    """Train, read, print means with their standard errors over seeds."""
    options = argparse.ArgumentParser(prog="run.py activations", description=__doc__)
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--json", type=Path)
    options.add_argument("--picture", type=Path)
    chosen = options.parse_args(arguments)
    started = time.process_time()
    found = {}
    for name in ACTIVATIONS:
        found[name] = study(name, chosen.seeds)
        print(f"{NAMES[name]}: {time.process_time() - started:.0f} CPU s", flush=True)
    print(table(found))
    if chosen.json is not None:
        kept = {a: {k: np.asarray(v).tolist() for k, v in own.items()} for a, own in found.items()}
        chosen.json.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    if chosen.picture is not None:
        draw(found, chosen.picture)


def task(seed: int) -> dict[str, np.ndarray]:
    """Directions, training and test inputs, and the three parts of the function there; the seed
    draws all of it."""
    r = np.random.default_rng(seed)
    v = np.linalg.qr(r.normal(size=(INPUTS, INPUTS)))[0][:, :3].T
    x, t = r.normal(size=(SAMPLES, INPUTS)), r.normal(size=(TESTS, INPUTS))
    return {"v": v, "x": x, "t": t, "hx": np.sin(SLOPE * x @ v.T), "ht": np.sin(SLOPE * t @ v.T)}


def start(seed: int) -> dict[str, np.ndarray]:
    """The same small weights for every activation."""
    r = np.random.default_rng(1000 + seed)
    return {
        "w": START * r.normal(size=(WIDTH, INPUTS)),
        "b": START * r.normal(size=WIDTH),
        "q": START * r.normal(size=WIDTH),
        "c": np.zeros(()),
    }


def study(name: str, seeds: int) -> dict[str, Any]:
    """All seeds of one activation at once."""
    act: Any = ACTIVATIONS[name]

    def output(p: Any, x: Any) -> Any:
        return act(x @ p["w"].T + p["b"]) @ p["q"] + p["c"]

    def loss(p: Any, d: Any) -> Any:
        return 0.5 * jnp.mean((output(p, d["x"]) - d["hx"] @ AMPLITUDES) ** 2)

    def advance(p: Any, d: Any, steps: Any) -> Any:
        def step(_: Any, p: Any) -> Any:
            return jax.tree.map(lambda v, g: v - RATE * g, p, jax.grad(loss)(p, d))

        return jax.lax.fori_loop(0, steps, step, p)

    def look(p: Any, d: Any) -> Any:
        f = output(p, d["t"])
        # By regression on all three: on a sample they are not quite orthogonal.
        shares = jnp.linalg.solve(d["ht"].T @ d["ht"], d["ht"].T @ f) / AMPLITUDES
        return shares, 0.5 * jnp.mean((f - d["ht"] @ AMPLITUDES) ** 2)

    data = {k: jnp.stack([jnp.asarray(task(s)[k]) for s in range(seeds)]) for k in task(0)}
    p = {k: jnp.stack([jnp.asarray(start(s)[k]) for s in range(seeds)]) for k in start(0)}
    before = balance(p)
    moved, looked = jax.jit(jax.vmap(advance, in_axes=(0, 0, None))), jax.jit(jax.vmap(look))
    times = np.unique(np.round(np.geomspace(10, STEPS, LOOKS)).astype(int))
    shares, errors, at = [], [], 0
    for t in times:
        p, at = moved(p, data, int(t) - at), int(t)
        s, e = looked(p, data)
        shares.append(np.asarray(s))
        errors.append(np.asarray(e))
    shares_over_time = np.array(shares)
    learned = np.array(
        [
            [
                times[np.argmax(own >= LEARNED)] if (own >= LEARNED).any() else np.inf
                for own in seed.T
            ]
            for seed in np.moveaxis(shares_over_time, 1, 0)
        ]
    )
    heights = (
        np.einsum("sni,shi->snh", np.asarray(data["x"]), np.asarray(p["w"]))
        + np.asarray(p["b"])[:, None, :]
    )
    total = 0.5 * float(np.mean((np.asarray(data["ht"]) @ AMPLITUDES) ** 2))
    return {
        "times": times,
        "shares": shares_over_time,
        "error": errors[-1] / total,
        "learned": learned,
        "in order": np.array(
            [
                list(np.argsort(own, kind="stable")) == [0, 1, 2] and np.isfinite(own).all()
                for own in learned
            ]
        ),
        "subspace": np.array(
            [
                overlap(output, {k: v[i] for k, v in p.items()}, {k: v[i] for k, v in data.items()})
                for i in range(seeds)
            ]
        ),
        "λ̂": np.array(
            [quadratic(output, {k: v[i] for k, v in p.items()}, data["x"][i]) for i in range(seeds)]
        ),
        "dead": np.mean((heights <= 0).all(axis=1), axis=1),
        "balance moved": np.linalg.norm(balance(p) - before, axis=1)
        / np.linalg.norm(before, axis=1),
        "balance": before.mean(axis=1),
    }


def balance(p: Any) -> np.ndarray:
    """|w|² + b² - q² of every node, which gradient flow conserves for ReLU."""
    return np.asarray((p["w"] ** 2).sum(-1) + p["b"] ** 2 - p["q"] ** 2)


def overlap(output: Any, p: Any, d: Any) -> float:
    """How much of the true subspace the three leading eigenvectors of E[∇f ∇f^T] hold: 1 all of it,
    3/5 by chance."""
    slopes = jax.vmap(jax.grad(lambda x: output(p, x)))(d["t"])
    _, vectors = np.linalg.eigh(np.asarray(slopes.T @ slopes))
    return float(np.sum((np.asarray(d["v"]) @ vectors[:, -3:]) ** 2) / 3)


def quadratic(output: Any, p: Any, x: Any) -> float:
    r"""λ̂ of the model linearised at p, unit noise: :math:`½ Σ nβ h_i/(nβ h_i + γ)`, nβ = n/log
    n."""
    rows = np.concatenate(
        [
            np.asarray(g).reshape(len(x), -1)
            for g in jax.tree.leaves(jax.jacrev(lambda p: output(p, x))(p))
        ],
        axis=1,
    )
    values = (SAMPLES / np.log(SAMPLES)) * np.linalg.eigvalsh(rows.T @ rows / len(x)).clip(0)
    return float(0.5 * np.sum(values / (values + GAMMA)))


def with_error(values: np.ndarray, digits: int = 2) -> str:
    """Mean and its standard error over seeds."""
    own = np.asarray(values, dtype=float)
    if len(own) < 2:
        return "–"
    return f"{own.mean():.{digits}f} ± {own.std(ddof=1) / np.sqrt(len(own)):.{digits}f}"


def table(found: dict[str, Any]) -> str:
    """One line per reading."""
    lines = [f"{'':<44}" + "".join(f"{NAMES[a]:>22}" for a in found)]
    for what, key, scale, digits in (
        ("test error, % of the function's variance", "error", 100, 2),
        ("true subspace found (by chance 0.6)", "subspace", 1, 3),
        ("learned in the order of the amplitudes", "in order", 1, 2),
        ("quadratic λ̂ (half the parameters: 84.5)", "λ̂", 1, 1),
        ("ReLU's own: nodes dead on the data, %", "dead", 100, 1),
        ("ReLU's own: change of |w|²+b²-q², relative", "balance moved", 1, 3),
    ):
        lines.append(
            f"{what:<44}"
            + "".join(f"{with_error(scale * np.asarray(found[a][key]), digits):>22}" for a in found)
        )
    for k in range(3):
        steps = [found[a]["learned"][:, k] for a in found]
        cells = [
            f"{with_error(np.log10(s[np.isfinite(s)]))} ({np.isfinite(s).mean():.0%})"
            for s in steps
        ]
        lines.append(
            f"{f'part {k + 1} learned to 80 %, log10 of the step':<44}"
            + "".join(f"{cell:>22}" for cell in cells)
        )
    own = found["relu"]
    lines.append(
        f"ReLU: correlation over seeds of the mean conserved quantity with the test error "
        f"{correlation(own['balance'], own['error'])}"
    )
    for what, key in (("test errors", "error"), ("λ̂", "λ̂")):
        pairs = [
            f"{NAMES[a]} and {NAMES[b]} {correlation(found[a][key], found[b][key])}"
            for a, b in itertools.combinations(found, 2)
        ]
        lines.append(f"correlation over seeds of {what}: " + ", ".join(pairs))
    orders = {a: np.argsort(own["learned"], axis=1, kind="stable") for a, own in found.items()}
    pairs = [
        f"{NAMES[a]} and {NAMES[b]} {np.mean((orders[a] == orders[b]).all(axis=1)):.0%}"
        for a, b in itertools.combinations(found, 2)
    ]
    lines.append("seeds with the same order of learning (by chance 17%): " + ", ".join(pairs))
    return "\n".join(lines)


def correlation(a: Any, b: Any) -> str:
    """Pearson's, with the error of Fisher's transformation."""
    r = float(np.corrcoef(a, b)[0, 1])
    return f"{r:.2f} ± {(1 - r * r) / np.sqrt(len(a) - 1):.2f}"


def draw(found: dict[str, Any], path: Path) -> None:
    """How much of each part is learned, over steps, for the three activations."""
    from matplotlib.figure import Figure

    from singlearn.plot.style import SERIES, quieten

    figure = Figure(figsize=(9.0, 3.3), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, own) in zip(panels, found.items(), strict=True):
        for k, (colour, line) in enumerate(SERIES[: len(AMPLITUDES)]):
            mean, spread = own["shares"][:, :, k].mean(axis=1), own["shares"][:, :, k].std(axis=1)
            name_of_part = f"amplitude {AMPLITUDES[k]:g}"
            axes.plot(own["times"], mean, color=colour, linestyle=line, label=name_of_part)
            axes.fill_between(
                own["times"], mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0
            )
        axes.set_xscale("log")
        axes.set_title(NAMES[name])
        axes.set_xlabel("steps of gradient descent")
        axes.axhline(1, color="0.7", zorder=0)
        quieten(axes)
    panels[0].set_ylabel("share learned")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.savefig(path, dpi=130)
