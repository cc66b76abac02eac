"""Local learning coefficient of deep linear networks with proven λ: SGLD at its one default
setting, full-batch HMC, and λ.

The truth is well conditioned (aligned frames, singular values in [0.7, 1.4]) and w* lies on the
deepest stratum: every factor has rank r.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import jax
import numpy as np

from singlearn.exact import catalogue
from singlearn.local import llc
from singlearn.results.estimate import Estimate

ORACLE_TOLERANCE = 0.01
SAMPLERS = ("sgld", "hmc")

NETWORKS = [
    ([9, 17, 10], 3),
    ([6, 8, 8, 9, 8], 2),
    ([10, 20, 20, 10], 4),
    ([7, 24, 23, 15], 2),
    ([12, 16, 8, 14, 9], 3),
    ([15, 22, 17], 6),
]


def deep_linear_data(
    widths: Sequence[int], rank: int, n: int, noise: float, seed: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Factors of rank ``rank``, inputs x ~ N(0, I) and targets."""
    rng = np.random.default_rng(seed)
    frames = [np.linalg.qr(rng.normal(size=(width, width)))[0][:, :rank] for width in widths]
    factors = [
        frames[i + 1] @ np.diag(rng.uniform(0.7, 1.4, size=rank)) @ frames[i].T
        for i in range(len(widths) - 1)
    ]
    x = rng.normal(size=(n, widths[0]))
    y = output(factors, x)
    return factors, x, y + noise * rng.normal(size=y.shape)


def output(factors, x):
    return reduce(lambda a, w: a @ w.T, factors, x)


def loss(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def compressed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As few samples as there are inputs and outputs, with the same mean squared error for every
    linear map: the oracle runs on them.
    """
    small = np.linalg.qr(np.concatenate([x, y], axis=1), mode="r")
    small = small * math.sqrt(len(small) / len(x))
    return small[:, : x.shape[1]], small[:, x.shape[1] :]


def measure(
    widths: Sequence[int], rank: int, n: int, noise: float, seed: int, gamma: float, gradients: int
) -> dict[str, Any]:
    """One cell: SGLD at its defaults (but γ, if asked), the oracle, and λ."""
    known = catalogue.deep_linear(widths, rank)
    factors, x, y = deep_linear_data(widths, rank, n, noise, seed)
    single = [array.astype(np.float32) for array in (x, y, *factors)]
    begun = time.process_time()
    ours = llc(output, loss, (single[0], single[1]), parameters=single[2:], gamma=gamma, seed=seed)
    middle = time.process_time()
    with jax.enable_x64(True):
        oracle = llc(
            output,
            loss,
            compressed(x, y),
            parameters=factors,
            nbeta=n / math.log(n),
            gamma=gamma,
            sampler="hmc",
            seed=seed,
            tolerance=ORACLE_TOLERANCE,
            max_steps=gradients,
        )
    kept = [
        {k: v for k, v in found.to_dict().items() if "trace" not in k} for found in (ours, oracle)
    ]
    return {
        "widths": list(widths),
        "rank": rank,
        "n": n,
        "noise": noise,
        "seed": seed,
        "gamma": gamma,
        "lambda": float(known.value),
        "multiplicity": known.multiplicity,
        "sgld": kept[0],
        "hmc": kept[1],
        "sgld_seconds": middle - begun,
        "hmc_seconds": time.process_time() - middle,
    }


def key(cell: dict[str, Any]) -> tuple[Any, ...]:
    return (
        tuple(cell["widths"]),
        cell["rank"],
        cell["n"],
        cell["noise"],
        cell["seed"],
        cell["gamma"],
    )


def value(cell: dict[str, Any], sampler: str) -> float:
    found = cell[sampler]["learning_coefficient"]
    return math.nan if found is None else float(found)


def shown(cell: dict[str, Any], sampler: str) -> str:
    found = Estimate(value(cell, sampler), cell[sampler]["standard_error"] or math.nan)
    return f"{found} {cell[sampler]['status']}"


def errors(ratios: Sequence[float]) -> str:
    """Mean and largest deviation from 1."""
    away = np.abs(np.asarray(ratios) - 1)
    return f"mean {away.mean():.1%}, largest {away.max():.1%}" if len(away) else "no cell"


def report(cells: Sequence[dict[str, Any]]) -> str:
    """Lines of a table and the errors that the aims are about. A λ̂ that is withheld counts as an
    error without bound.
    """
    rows = [
        f"{'widths':<15} {'r':>2} {'λ':>5} {'m':>2} {'n':>6} {'noise':>5} {'seed':>4}  "
        f"{'SGLD':<27} {'HMC':<28} {'SGLD/HMC':>8} "
        f"{'SGLD/λ':>7} {'HMC/λ':>6} {'CPU s':>9}"
    ]
    for c in sorted(cells, key=lambda c: (c["n"], c["noise"], c["seed"], c["lambda"])):
        sgld, hmc = (value(c, sampler) for sampler in SAMPLERS)
        rows.append(
            f"{'-'.join(map(str, c['widths'])):<15} {c['rank']:>2} {c['lambda']:>5} "
            f"{c['multiplicity']:>2} {c['n']:>6} {c['noise']:>5} "
            f"{c['seed']:>4}  {shown(c, 'sgld'):<27} {shown(c, 'hmc'):<28} {sgld / hmc:>8.3f} "
            f"{sgld / c['lambda']:>7.3f} "
            f"{hmc / c['lambda']:>6.3f} {c['sgld_seconds']:>4.0f} {c['hmc_seconds']:>4.0f}"
        )
    for n in sorted({c["n"] for c in cells}):
        some = [c for c in cells if c["n"] == n]
        simple = [c for c in some if c["multiplicity"] == 1]
        against_oracle = errors([value(c, "sgld") / value(c, "hmc") for c in some])
        rows.append(
            f"n = {n}, {len(some)} cells: SGLD against HMC {against_oracle}; where m = 1, against "
            f"λ: "
            + ", ".join(
                f"{sampler} {errors([value(c, sampler) / c['lambda'] for c in simple])}"
                for sampler in SAMPLERS
            )
        )
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=float, nargs="+", default=[1e4])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.5])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--networks", type=int, nargs="+", default=list(range(len(NETWORKS))), help="by number"
    )
    parser.add_argument("--gamma", type=float, default=10.0)
    parser.add_argument("--hmc-gradients", type=int, default=400_000)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("local_deep_linear.jsonl"),
        help="finished cells are kept here and not done again",
    )
    options = parser.parse_args(arguments)
    done = (
        [json.loads(line) for line in options.out.read_text().splitlines()]
        if options.out.exists()
        else []
    )
    wanted = [
        (*NETWORKS[i], int(n), noise, seed)
        for seed in options.seeds
        for n in options.n
        for noise in options.noise
        for i in options.networks
    ]
    finished = {key(cell) for cell in done}
    for widths, rank, n, noise, seed in wanted:
        if (tuple(widths), rank, n, noise, seed, options.gamma) in finished:
            continue
        cell = measure(widths, rank, n, noise, seed, options.gamma, options.hmc_gradients)
        done.append(cell)
        with options.out.open("a") as file:
            file.write(json.dumps(cell) + "\n")
        print(report([cell]).splitlines()[1], flush=True)
    print(report(done))


if __name__ == "__main__":
    main()
