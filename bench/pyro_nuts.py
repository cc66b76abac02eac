"""Pyro's NUTS, which the paper used, at each of the five β, against one tempered run.

This file runs twice: here, as the benchmark, and with ``--worker`` in the interpreter that has Pyro
(see README.md), where it must not import singlearn. They exchange one .npz and one .json file.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def main(arguments: Sequence[str]) -> None:
    """Options, both pieces of work, the table."""
    import cell
    import numpy as np
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
    from report import Rival, compare

    parser = cell.parser("pyro", __doc__, warmup=50, draws=100)
    parser.add_argument(
        "--python", required=True, help="an interpreter that has pyro-ppl and torch"
    )
    chosen = parser.parse_args(arguments)
    model, first, second = cell.cold_and_warm(chosen)
    with tempfile.TemporaryDirectory() as folder:
        data, result = Path(folder) / "data.npz", Path(folder) / "result.json"
        x, y = model.data
        np.savez(data, x=x, y=y, betas=cell.BETAS, prior_scale=cell.PRIOR_SCALE)
        share = 60 * chosen.minutes / len(cell.BETAS) / chosen.chains
        options = [str(chosen.warmup), str(chosen.draws), str(chosen.chains), str(share)]
        subprocess.run(
            [chosen.python, __file__, "--worker", str(data), str(result), *options], check=True
        )
        found = json.loads(result.read_text())
    means, errors, rhats, sizes, counts = [], [], [], [], []
    for at_beta in found["betas"]:
        shortest = min(len(e) for e in at_beta["energies"])
        together = np.array([e[:shortest] for e in at_beta["energies"]])
        size = float(effective_sample_size(together))
        means.append(float(together.mean()))
        errors.append(float(together.std(ddof=1) / np.sqrt(size)))
        rhats.append(float(split_gelman_rubin(together)))
        sizes.append(size)
        counts.append(together.size)
        excess = ", ".join(f"{np.mean(e) - model.truth_energy:.1f}" for e in at_beta["energies"])
        print(
            f"  Pyro β = {at_beta['beta']:.3f}: {together.size} draws, E - n L_n(w_0) by chain "
            f"{excess}, ESS {size:.1f}, "
            f"R-hat {rhats[-1]:.2f}"
        )
    pace = found["seconds_a_step"]
    print(
        f"  {pace:.2f} s a step: the paper's 1000 + 20000 steps at five β would take "
        f"{pace * 5 * 21_000 / 3600:.1f} h"
    )
    rival = Rival(
        "Pyro NUTS",
        cell.line(means, errors),
        found["fixed"],
        found["sampling"],
        max(rhats),
        min(sizes),
        min(counts),
    )
    compare("Table 2, s_3, slope to our s.e.", first.slope, first.seconds, second.seconds, rival)


def worker(data: str, result: str, warmup: int, draws: int, chains: int, seconds: float) -> None:
    """NUTS at every β in this interpreter; writes the energies of all draws and the seconds."""
    import numpy as np
    import pyro
    import pyro.distributions as dist
    import torch
    from pyro.infer import MCMC, NUTS

    class OutOfTimeError(Exception):
        """The share of this chain is spent."""

    torch.set_default_dtype(torch.float64)
    stored = np.load(data)
    x, y = torch.tensor(stored["x"]), torch.tensor(stored["y"])
    scale = float(stored["prior_scale"])

    def energy(w: dict[str, Any]) -> Any:
        mean = w["c"] + torch.relu(x @ w["w"].T + w["b"]) @ w["q"]
        return -dist.Normal(mean, 1.0).log_prob(y).sum()

    def tempered(beta: float) -> None:
        shapes = {"w": [5, 2], "b": [5], "q": [5]}
        w = {
            name: pyro.sample(name, dist.Normal(0.0, scale).expand(shape).to_event(len(shape)))
            for name, shape in shapes.items()
        }
        w["c"] = pyro.sample("c", dist.Normal(0.0, scale))
        pyro.factor("tempered", -beta * energy(w))

    fixed = sampling = 0.0
    steps, by_beta = 0, []
    for beta in stored["betas"]:
        chain_energies = []
        for chain in range(chains):
            pyro.set_rng_seed(chain + 1)
            energies: list[float] = []
            started = time.monotonic()
            marks = {"warm": started, "steps": 0}

            def watch(
                kernel: Any,
                state: Any,
                stage: str,
                index: int,
                started: Any = started,
                marks: Any = marks,
                out: Any = energies,
            ) -> None:
                marks["steps"] += 1
                if stage == "Warmup":
                    marks["warm"] = time.monotonic()
                else:
                    with torch.no_grad():
                        out.append(float(energy(state)))
                    if time.monotonic() - started > seconds and len(out) >= 20:
                        raise OutOfTimeError

            sampler = MCMC(NUTS(tempered), draws, warmup, hook_fn=watch, disable_progbar=True)
            with contextlib.suppress(OutOfTimeError):
                sampler.run(float(beta))
            ended = time.monotonic()
            fixed += marks["warm"] - started
            sampling += ended - marks["warm"]
            steps += marks["steps"]
            chain_energies.append(energies)
        by_beta.append({"beta": float(beta), "energies": chain_energies})
        print(f"  Pyro β = {beta:.3f} done, {[len(e) for e in chain_energies]} draws", flush=True)
    found = {
        "betas": by_beta,
        "fixed": fixed,
        "sampling": sampling,
        "seconds_a_step": (fixed + sampling) / steps,
    }
    Path(result).write_text(json.dumps(found))


if __name__ == "__main__" and sys.argv[1:2] == ["--worker"]:
    worker(
        sys.argv[2],
        sys.argv[3],
        int(sys.argv[4]),
        int(sys.argv[5]),
        int(sys.argv[6]),
        float(sys.argv[7]),
    )
