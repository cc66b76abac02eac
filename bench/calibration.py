"""Whether errors of F are what they claim: z = error / claimed error on conjugate problems.

Every finished cell is a line of a JSON lines file and is not done again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float
from scipy import stats
from scipy.special import betaln, gammaln

import singlearn as sl

# Tails of |z| are looked at beyond these; a standard normal has 4.6 % and 0.27 % there.
BEYOND = (2.0, 3.0)


@dataclass(frozen=True)
class Problem:
    """A triple and its F(1), in nats, by closed form."""

    triple: sl.Triple
    exact: float


def regression(
    dimension: int, n: int, condition: float = 1.0, prior_scale: float = 1.0
) -> Callable[[], Problem]:
    """y ~ N(Xw, 1), w ~ N(0, prior_scale²): y is normal with covariance I + prior_scale² X Xᵀ."""

    def made() -> Problem:
        generator = np.random.default_rng(1000 + dimension)
        columns = np.geomspace(1.0, condition**-0.5, dimension)
        x = generator.normal(size=(n, dimension)) * columns
        y = x @ generator.normal(size=dimension) + generator.normal(size=n)
        prior = dist.Normal(0.0, prior_scale).expand([dimension])
        triple = sl.Triple.regression(lambda w, x: x @ w, prior, x, y)
        covariance = np.eye(n) + prior_scale**2 * x @ x.T
        return Problem(triple, -float(stats.multivariate_normal(np.zeros(n), covariance).logpdf(y)))

    return made


def unknown_noise() -> Problem:
    """y | w, v ~ N(Xw, v), v ~ InverseGamma(3, 2), w | v ~ N(0, v): y is multivariate t."""
    generator, n, dimension, a, b = np.random.default_rng(5), 60, 8, 3.0, 2.0
    x = generator.normal(size=(n, dimension))
    y = x @ generator.normal(size=dimension) + 0.7 * generator.normal(size=n)

    def log_likelihood(w: dict[str, Float], data: tuple[Float, Float]) -> Float:
        x, y = data
        root = jnp.sqrt(w["v"])
        return dist.Normal(x @ (root * w["standardised"]), root).log_prob(y)

    prior = {
        "v": dist.InverseGamma(a, b),
        "standardised": dist.Normal(0.0, 1.0).expand([dimension]),
    }
    triple = sl.Triple(log_likelihood, prior, (x, y))
    scale = b / a * (np.eye(n) + x @ x.T)
    return Problem(triple, -float(stats.multivariate_t(np.zeros(n), scale, df=2 * a).logpdf(y)))


def coins() -> Problem:
    """Six coins of unknown bias, thrown 30 times, uniform priors."""
    generator, n = np.random.default_rng(6), 30
    y = generator.random((n, 6)) < np.array([0.02, 0.1, 0.3, 0.5, 0.8, 0.97])
    heads = y.sum(axis=0)

    def log_likelihood(p: Float, y: Float) -> Float:
        return jnp.sum(y * jnp.log(p) + (1 - y) * jnp.log1p(-p), axis=-1)

    triple = sl.Triple(log_likelihood, dist.Uniform(0.0, 1.0).expand([6]), y.astype(float))
    return Problem(triple, -float(betaln(heads + 1, n - heads + 1).sum()))


def counts() -> Problem:
    """Five Poisson rates with Gamma(1, 0.1) priors, 40 counts of each."""
    generator, n, a, b = np.random.default_rng(7), 40, 1.0, 0.1
    y = generator.poisson([0.2, 1.0, 3.0, 10.0, 30.0], size=(n, 5)).astype(float)
    total = y.sum(axis=0)

    def log_likelihood(rate: Float, y: Float) -> Float:
        return jnp.sum(dist.Poisson(rate).log_prob(y), axis=-1)

    triple = sl.Triple(log_likelihood, dist.Gamma(a, b).expand([5]), y)
    each = a * np.log(b) - gammaln(a) + gammaln(a + total) - (a + total) * np.log(b + n)
    return Problem(triple, -float(each.sum() - gammaln(y + 1).sum()))


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "regression d=2": regression(2, 50),
    "regression d=5": regression(5, 100),
    "regression d=20": regression(20, 100),
    "regression d=20 stiff": regression(20, 100, condition=1e4),
    "regression d=50": regression(50, 200),
    "regression d=100": regression(100, 300),
    "regression d=200": regression(200, 400),
    "unknown noise d=9": unknown_noise,
    "coins d=6": coins,
    "counts d=5": counts,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Options, cells that are missing, and the table of all that are there."""
    parser = argparse.ArgumentParser(prog="run.py calibration", description=__doc__)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--particles", type=int, default=1024)
    parser.add_argument("--file", type=Path, default=Path("calibration.jsonl"))
    parser.add_argument("--ladders", type=Path, help="keep energies and ancestors in this folder")
    chosen = parser.parse_args(arguments)
    done = {(c["problem"], c["seed"], c["particles"]) for c in cells(chosen.file)}
    for name in chosen.problems:
        problem = PROBLEMS[name]()
        for seed in range(chosen.seeds):
            if (name, seed, chosen.particles) in done:
                continue
            started = time.process_time()
            run = sl.temper(problem.triple, particles=chosen.particles, seed=seed, progress=False)
            found = run.free_energy()
            cell = {
                "problem": name,
                "seed": seed,
                "particles": chosen.particles,
                "exact": problem.exact,
                "value": found.value,
                "standard_error": found.standard_error,
                "replicates": list(found.replicates),
                "cpu": time.process_time() - started,
            }
            with chosen.file.open("a") as lines:
                lines.write(json.dumps(cell) + "\n")
            if chosen.ladders is not None:
                chosen.ladders.mkdir(exist_ok=True, parents=True)
                np.savez(
                    chosen.ladders / f"{name}-{seed}-{chosen.particles}.npz",
                    betas=run.rungs.inverse_temperature,
                    energies=run.rungs.energies,
                    ancestor=run.rungs.ancestor,
                    ess=run.rungs.effective_sample_size,
                    correlation=run.rungs.rank_correlation,
                    exact=problem.exact,
                )
    table(cells(chosen.file))


def cells(file: Path) -> list[dict]:
    """What is in the file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def table(found: list[dict]) -> None:
    """A line per problem and number of particles, and one for all."""
    print(
        f"{'problem':<24}{'N':>6}{'seeds':>7}{'s.e.':>8}{'bias':>8}{'rms z':>7}"
        + "".join(f"{f'|z|>{limit:g}':>8}" for limit in BEYOND)
        + f"{'Kolmogorov p':>14}{'CPU s':>8}"
    )
    groups: dict[tuple[str, int], list[dict]] = {}
    for cell in found:
        groups.setdefault((cell["problem"], cell["particles"]), []).append(cell)
        groups.setdefault(("all", cell["particles"]), []).append(cell)
    for (name, particles), own in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        error = np.array([cell["value"] - cell["exact"] for cell in own])
        claimed = np.array([cell["standard_error"] for cell in own])
        z = error / claimed
        beyond = "".join(f"{np.mean(np.abs(z) > limit):>8.1%}" for limit in BEYOND)
        probability = stats.kstest(z, "norm").pvalue if len(z) > 1 else math.nan
        print(
            f"{name:<24}{particles:>6}{len(own):>7}{claimed.mean():>8.3f}{error.mean():>+8.3f}"
            f"{np.sqrt(np.mean(z**2)):>7.2f}{beyond}{probability:>14.3f}"
            f"{np.mean([cell['cpu'] for cell in own]):>8.1f}"
        )


if __name__ == "__main__":
    main()
