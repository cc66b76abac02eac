"""One cell and size of ``singlearn experiment generalisation`` against the published way: PyTorch
and Pyro's NUTS, one data set at a time.

This file runs twice: here, as the benchmark, and with ``--worker`` in the interpreter that has Pyro
(see README.md), where it must not import singlearn. They exchange one .npz and one .json file.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

EPOCHS, WARMUP, DRAWS, TESTS = 5000, 1000, 1000, 10_000
BOTH, LAST, POINT = "last two layers (A,B) MCMC", "last layer only (B) MCMC", "MAP"


def main(arguments: Sequence[str]) -> None:
    """All data sets our way, some of them the published way, the ratio for one data set."""
    import numpy as np

    from singlearn.experiments.wei2022 import generalisation
    from singlearn.experiments.wei2022.last_layers.cell import data_sets
    from singlearn.running.sweep import FinishedPoints

    parser = argparse.ArgumentParser(prog="bench/run.py generalisation", description=__doc__)
    parser.add_argument(
        "--python", required=True, help="an interpreter that has pyro-ppl and torch"
    )
    parser.add_argument("--n", type=int, default=200, help="observations")
    parser.add_argument("--datasets", type=int, default=30, help="data sets our way")
    parser.add_argument(
        "--rival", type=int, default=2, help="of which this many the published way as well"
    )
    chosen = parser.parse_args(arguments)

    how = generalisation.GeneralisationWork((chosen.n,), chosen.datasets, EPOCHS, DRAWS, TESTS)
    task = (1, True, True, False, chosen.n)
    seconds = []
    for _ in range(2):  # the first time it is compiled
        with tempfile.TemporaryDirectory() as folder:
            store = FinishedPoints(Path(folder), "generalisation", {}, "nothing")
            started = time.monotonic()
            generalisation._CellMeasurement(how, "as-stated", 0, store)(task)
            seconds.append(time.monotonic() - started)
            found = generalisation.stored(store, task)
    data = data_sets(*task[:3], chosen.n, chosen.datasets, TESTS, 0, "as-stated")
    with tempfile.TemporaryDirectory() as folder:
        handed, result = Path(folder) / "data.npz", Path(folder) / "result.json"
        start = {f"g{i}": matrix for i, matrix in enumerate(data.start.g)} | {
            "A": data.start.A,
            "B": data.start.B,
        }
        parts = {k: v[: chosen.rival] for k, v in start.items()}
        own = {k: getattr(data, k)[: chosen.rival] for k in ("x", "y", "x_test", "y_test", "log_q")}
        np.savez(handed, **parts, **own)
        subprocess.run([chosen.python, __file__, "--worker", str(handed), str(result)], check=True)
        theirs = json.loads(result.read_text())

    print(
        f"  {'G of each data set':<28}"
        + "".join(
            f"{f'{who} {i}':>14}" for i in range(chosen.rival) for who in ("ours", "published")
        )
    )
    for method in (BOTH, LAST, POINT):
        pairs = zip(found[method].errors, (each[method] for each in theirs), strict=False)
        print(f"  {method:<28}" + "".join(f"{a:>14.5f}{b:>14.5f}" for a, b in pairs))
    for i, each in enumerate(theirs):
        print(
            f"  published, data set {i}: {each['training']:.0f} s training, "
            f"{each['seconds of both']:.0f} s NUTS of (A, B), "
            f"{each['seconds of last']:.0f} s of B; worst R-hat {each['R-hat']:.2f}, smallest ESS "
            f"{each['ESS']:.0f} of {DRAWS} draws"
        )
    rival = float(
        np.mean(
            [
                each["training"] + each["seconds of both"] + each["seconds of last"]
                for each in theirs
            ]
        )
    )
    for label, whole in zip(("compiling", "compiled"), seconds, strict=True):
        ours = whole / chosen.datasets
        print(
            f"  a data set, {label:<10} ours {ours:8.2f} s   published way {rival:8.0f} s   ratio "
            f"{rival / ours:.0f}x"
        )


def worker(handed: str, result: str) -> None:
    """Train, sample and predict in this interpreter, for one data set after the other."""
    import numpy as np
    import pyro
    import pyro.distributions as dist
    import torch
    from pyro.infer import MCMC, NUTS

    stored = {name: torch.tensor(value) for name, value in np.load(handed).items()}
    layers = sum(name.startswith("g") for name in stored)

    def features(g: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        for index, matrix in enumerate(g):
            x = matrix[:, :-1] @ x + matrix[:, -1:]
            x = torch.relu(x) if index < layers - 1 else x
        return x

    def log_density(mean: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -0.5 * ((y - mean) ** 2).sum(dim=-2) - 1.5 * math.log(2 * math.pi)

    def sampled(model: object) -> tuple[dict[str, torch.Tensor], float, float, float]:
        started = time.monotonic()
        chain = MCMC(NUTS(model), num_samples=DRAWS, warmup_steps=WARMUP, disable_progbar=True)
        chain.run()
        seconds = time.monotonic() - started
        about = chain.diagnostics()
        worst = max(float(about[name]["r_hat"].max()) for name in chain.get_samples())
        size = min(float(about[name]["n_eff"].min()) for name in chain.get_samples())
        return chain.get_samples(), seconds, worst, size

    def published_way(x, y, x_test, y_test, log_q, A, B, **g) -> dict[str, float]:  # type: ignore[no-untyped-def]
        weights = [g[f"g{k}"].clone().requires_grad_() for k in range(layers)]
        A, B = A.clone().requires_grad_(), B.clone().requires_grad_()
        optimiser = torch.optim.SGD([*weights, A, B], lr=1e-3, momentum=0.9, weight_decay=5e-4)
        started = time.monotonic()
        for _ in range(EPOCHS):
            optimiser.zero_grad()
            ((y - B @ torch.relu(A @ features(weights, x))) ** 2).sum(dim=0).mean().backward()
            optimiser.step()
        training = time.monotonic() - started
        weights, A, B = [w.detach() for w in weights], A.detach(), B.detach()
        z, z_test = features(weights, x), features(weights, x_test)
        prior = dist.Normal(0.0, 1.0).expand([3, 3]).to_event(2)

        def observe(first: torch.Tensor, second: torch.Tensor) -> None:
            pyro.sample("y", dist.Normal(second @ torch.relu(first @ z), 1.0).to_event(2), obs=y)

        def error(first: torch.Tensor, second: torch.Tensor) -> float:
            draws = [
                log_density(b @ torch.relu(a @ z_test), y_test).double()
                for a, b in zip(first, second, strict=True)
            ]
            log_p = torch.logsumexp(torch.stack(draws), dim=0) - math.log(len(draws))
            return float((log_q - log_p).mean())

        of_both, seconds_of_both, worst, size = sampled(
            lambda: observe(pyro.sample("A", prior), pyro.sample("B", prior))
        )
        of_last, seconds_of_last, _, _ = sampled(lambda: observe(A, pyro.sample("B", prior)))
        return {
            BOTH: error(of_both["A"], of_both["B"]),
            LAST: error(A.expand(DRAWS, 3, 3), of_last["B"]),
            POINT: error(A[None], B[None]),
            "training": training,
            "seconds of both": seconds_of_both,
            "seconds of last": seconds_of_last,
            "R-hat": worst,
            "ESS": size,
        }

    found = []
    for i in range(len(stored["x"])):
        pyro.set_rng_seed(i)
        found.append(published_way(**{name: value[i] for name, value in stored.items()}))
        print(f"  published way, data set {i}: done", flush=True)
    Path(result).write_text(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main(sys.argv[1:])
