"""Is analytic different? λ at the true parameters of Table 2's star networks, SiLU with τ = 100
beside ReLU.

Two ways. The curvature of K at s_m for width m, by quadrature: SiLU's K is analytic, and where its
Hessian has full rank λ is half the number of parameters. Then nβ E[K] from inside the phase at s_3,
width 3, inputs on a lattice, scales e^r of the nodes with |r| < 1: which exponent shows at which n.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from singlearn.experiments.carroll2021.relu_chart import ChartPrior, near, to_chart, to_network
from singlearn.models import star_truth, two_layer_network
from singlearn.tempering.temper_from import temper_from
from singlearn.triple import Triple

PRIOR_SCALE = 50.0
SIDE = 48
N_BETAS = {"relu": (1e3, 1e6, 1e9, 1e12), "silu": (1e3, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e12)}
FINE = 800  # Gauss-Legendre nodes a side: SiLU's poles are π/100 away from the real axis
RANK = 1e-9  # eigenvalues below this share of the largest count as zero; ReLU's are 1e-16


def main(arguments: Sequence[str]) -> None:
    """Print both tables; with --picture and --json, keep them."""
    options = argparse.ArgumentParser(prog="run.py silu", description=__doc__)
    options.add_argument("--particles", type=int, default=64)
    options.add_argument("--replicates", type=int, default=4)
    options.add_argument("--json", type=Path)
    options.add_argument("--picture", type=Path)
    chosen = options.parse_args(arguments)
    started = time.process_time()
    spectra = {f"{m} {a}": curvature(m, a) for a in ("relu", "silu") for m in (3, 4, 5)}
    print(
        f"{'truth, width m':<16} {'parameters':>10} {'rank':>5} {'λ':>5}  smallest eigenvalues of "
        f"K's Hessian"
    )
    for name, values in spectra.items():
        m, activation = name.split()
        rank = int(np.sum(values > RANK * values[-1]))
        smallest = " ".join(f"{v:.1e}" for v in values[: int(m)])
        print(f"s_{m} {activation:<12} {len(values):>10} {rank:>5} {rank / 2:>5}  {smallest}")
    print(f"{time.process_time() - started:.0f} CPU s\n", flush=True)
    rows = []
    for activation in ("relu", "silu"):
        for seed, n_beta in enumerate(N_BETAS[activation]):
            run = inside(activation, n_beta, chosen.particles, chosen.replicates, seed)
            rows.append(run)
            print(
                f"{activation} nβ = {n_beta:.0e}  nβ E[K] {run['energy']:.2f} ± "
                f"{run['energy_error']:.2f}"
                f"  heat capacity {run['heat_capacity']:.2f} ± {run['heat_capacity_error']:.2f}"
                f"  F {run['free_energy']:.2f} ± {run['free_energy_error']:.2f}  {run['warnings']}"
                f"  {time.process_time() - started:.0f} CPU s",
                flush=True,
            )
    if chosen.json is not None:
        kept = {"spectra": {k: v.tolist() for k, v in spectra.items()}, "rows": rows}
        chosen.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if chosen.picture is not None:
        draw(rows, chosen.picture)


def curvature(kinks: int, activation: str) -> Float[np.ndarray, " parameters"]:
    r"""Eigenvalues of :math:`E_x[\nabla f \nabla f^T]`, the Hessian of K at s_m, m nodes, x
    uniform."""
    truth = star_truth(kinks, kinks)
    nodes, weights = np.polynomial.legendre.leggauss(FINE)
    x, own = (
        np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2),
        np.outer(weights, weights).ravel() / 4,
    )
    with jax.enable_x64(True):
        start = {name: jnp.asarray(part) for name, part in truth.items()}
        gradient = jax.jit(
            lambda points: jax.jacfwd(lambda w: two_layer_network(w, points, activation))(start)
        )
        hessian: Any = 0.0
        for points, share in zip(np.array_split(x, 16), np.array_split(own, 16), strict=True):
            parts = gradient(points)
            rows = np.concatenate(
                [np.asarray(p).reshape(len(points), -1) for p in parts.values()], axis=1
            )
            hessian = hessian + rows.T @ (share[:, None] * rows)
    return np.linalg.eigvalsh(hessian)


def population(activation: str) -> Triple:
    """K of three nodes in the chart for the truth s_3 of the same activation, inputs on a
    lattice."""
    centres = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    with jax.enable_x64(True):
        y = np.asarray(two_layer_network(star_truth(3, 3), x, activation))

    def kl(v: dict[str, Any]) -> Any:
        return 0.5 * jnp.mean(
            (two_layer_network(to_network(v), x, activation) - jnp.asarray(y)) ** 2
        )

    return Triple.population(
        kl, ChartPrior(3, PRIOR_SCALE), n=1.0, name=f"{activation}, 3 nodes, s_3"
    )


def region() -> Callable[[dict[str, Any]], Any]:
    """Near s_3, each node's scale within a factor e of its own."""
    close = near(star_truth(3, 3))
    return lambda v: close(v) & jnp.all(jnp.abs(v["r"]) < 1)


_KEPT: dict[str, Triple] = {}
_INSIDE = region()


def inside(
    activation: str, n_beta: float, particles: int, replicates: int, seed: int
) -> dict[str, Any]:
    """nβ E[K], heat capacity and F from inside at one nβ."""
    triple = _KEPT.setdefault(activation, population(activation))
    start = to_chart(star_truth(3, 3), 1.0)
    run = temper_from(
        triple, start, _INSIDE, beta=n_beta, particles=particles, replicates=replicates, seed=seed
    )
    return {
        "activation": activation,
        "n_beta": n_beta,
        "energy": n_beta * run.energy.value,
        "energy_error": n_beta * run.energy.standard_error,
        "heat_capacity": run.heat_capacity.value,
        "heat_capacity_error": run.heat_capacity.standard_error,
        "free_energy": run.free_energy.value,
        "free_energy_error": run.free_energy.standard_error,
        "warnings": [str(w.reason) for w in run.cautions],
    }


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """nβ E[K] against nβ for both, with the two exponents."""
    from matplotlib.figure import Figure

    from singlearn.plot.style import SERIES, quieten

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    levels = ((5, "5, proved for ReLU", 3e6, -14), (6.5, "13/2, proved for SiLU", 1.5e2, 3))
    for level, text, at, below in levels:
        axes.axhline(level, color="0.75", zorder=0)
        place = {"textcoords": "offset points", "xytext": (0, below)}
        axes.annotate(text, (at, level), fontsize=8, color="0.35", **place)
    for activation, marker, (colour, line) in zip(("relu", "silu"), "os", SERIES, strict=False):
        own = [row for row in rows if row["activation"] == activation]
        axes.errorbar(
            [row["n_beta"] for row in own],
            [row["energy"] for row in own],
            yerr=[row["energy_error"] for row in own],
            marker=marker,
            linestyle=line,
            color=colour,
            capsize=3,
            label={"relu": "ReLU", "silu": "SiLU, τ = 100"}[activation],
        )
    axes.axvline(1000 / np.log(20000), color="0.6", linestyle=":")
    axes.annotate(
        "Table 2",
        (1000 / np.log(20000), 7.2),
        textcoords="offset points",
        xytext=(4, 0),
        fontsize=8,
        color="0.35",
    )
    axes.set_xscale("log")
    axes.set_xlabel("nβ")
    axes.set_ylabel("nβ E[K], tends to λ")
    axes.legend(loc="center right", frameon=False)
    quieten(axes)
    figure.savefig(path, dpi=130)
