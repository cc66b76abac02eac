"""What the paired loss is worth: spread over seeds of λ̂ from the same chains, paired, and against
an initial loss taken apart.

The unpaired estimate is the common one: mean minibatch loss along the chains minus the loss at w*
on as many minibatches as there are chains. Its minibatches follow the same law as those of the
chains, but are drawn anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from local_deep_linear import NETWORKS, deep_linear_data, loss, output

from singlearn.local.jax.target import JaxTarget
from singlearn.local.target import Tempering


def spreads(
    noise: float, seeds: int, steps: int, batch: int, chains: int = 8
) -> tuple[float, float, float]:
    """Mean paired λ̂, standard deviation over seeds paired and unpaired; the first quarter of every
    chain is thrown away.
    """
    (widths, rank), n = NETWORKS[0], 10_000
    factors, x, y = deep_linear_data(widths, rank, n, noise, 0)
    single = [array.astype(np.float32) for array in (x, y, *factors)]
    target = JaxTarget(output, loss, (single[0], single[1]), single[2:])
    tempering = Tempering(n / np.log(n), 10.0)
    at_centre = loss(output(factors, x), y)
    paired, unpaired = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        state = target.begin(np.zeros(chains), seed)
        _, traces = target.walk(state, np.full(chains, 3e-5), batch, steps, tempering)
        kept = traces.excess[:, steps // 4 :]
        # What the minibatches would have added, had L_n(w*) not been subtracted on the same
        # samples.
        left_in = (
            rng.choice(at_centre, size=(kept.size, batch)).mean()
            - rng.choice(at_centre, size=(chains, batch)).mean()
        )
        paired.append(kept.mean())
        unpaired.append(kept.mean() + tempering.nbeta * left_in)
    return float(np.mean(paired)), float(np.std(paired, ddof=1)), float(np.std(unpaired, ddof=1))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args(arguments)
    print(f"{'noise':>5} {'λ̂':>6} {'spread, paired':>15} {'unpaired':>9} {'ratio':>6}")
    for noise in options.noise:
        mean, paired, unpaired = spreads(noise, options.seeds, options.steps, options.batch)
        print(
            f"{noise:>5} {mean:>6.1f} {paired:>15.2f} {unpaired:>9.1f} {unpaired / paired:>6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
