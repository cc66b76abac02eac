"""Whether errors of F, E and C are what they claim: z = error / claimed error on conjugate
problems.

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
from singlearn.measure.ladder_view import LadderView

# Tails of |z| are looked at beyond these; a standard normal has 4.6 % and 0.27 % there.
BEYOND = (2.0, 3.0)
QUANTITIES = ("free_energy", "energy", "heat_capacity")
BETAS = (0.02, 0.2, 1.0)


Curve = Callable[[float], float]


@dataclass(frozen=True)
class Problem:
    """A triple and F(β), in nats, by closed form."""

    triple: sl.Triple
    free_energy: Curve

    def exact(self, quantity: str, beta: float) -> float:
        """F, E = F' or C = -β² F'', by differences of the closed form."""
        f, h = self.free_energy, 1e-3 * beta
        if quantity == "free_energy":
            return f(beta)
        if quantity == "energy":
            wide = f(beta + 2 * h) - f(beta - 2 * h)
            return (8 * (f(beta + h) - f(beta - h)) - wide) / (12 * h)
        h = 1e-2 * beta
        wide = f(beta + 2 * h) + f(beta - 2 * h)
        second = (16 * (f(beta + h) + f(beta - h)) - wide - 30 * f(beta)) / (12 * h**2)
        return -(beta**2) * second


def regression(
    dimension: int, n: int, condition: float = 1.0, prior_scale: float = 1.0
) -> Callable[[], Problem]:
    """y ~ N(Xw, 1/β), w ~ N(0, prior_scale²): y is normal with covariance 1/β + prior_scale² X Xᵀ,
    and the power β of the likelihood is (β/2π)^{-n/2} (2π)^{-nβ/2} times its density.
    """

    def made() -> Problem:
        generator = np.random.default_rng(1000 + dimension)
        columns = np.geomspace(1.0, condition**-0.5, dimension)
        x = generator.normal(size=(n, dimension)) * columns
        y = x @ generator.normal(size=dimension) + generator.normal(size=n)
        prior = dist.Normal(0.0, prior_scale).expand([dimension])
        triple = sl.Triple.regression(lambda w, x: x @ w, prior, x, y)
        widths, squares = _spectrum(prior_scale * x, y)

        def free_energy(beta: float) -> float:
            volume = np.log1p(beta * widths).sum() + np.sum(squares * beta / (1 + beta * widths))
            return float(0.5 * n * beta * np.log(2 * np.pi) + 0.5 * volume)

        return Problem(triple, free_energy)

    return made


def _spectrum(x: Float, y: Float) -> tuple[Float, Float]:
    """Eigenvalues of X Xᵀ, and the squares of y along its eigenvectors."""
    widths, vectors = np.linalg.eigh(x @ x.T)
    return np.maximum(widths, 0.0), (vectors.T @ y) ** 2


def unknown_noise() -> Problem:
    """y | w, v ~ N(Xw, v), v ~ InverseGamma(3, 2), w | v ~ N(0, v): a Gaussian integral over w and
    one of a power of v.
    """
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
    widths, squares = _spectrum(x, y)

    def free_energy(beta: float) -> float:
        scale = b + 0.5 * np.sum(squares * beta / (1 + beta * widths))
        power = a + n * beta / 2
        constant = 0.5 * n * beta * np.log(2 * np.pi) + 0.5 * np.log1p(beta * widths).sum()
        of_v = gammaln(a) - a * np.log(b) - gammaln(power) + power * np.log(scale)
        return float(constant + of_v)

    return Problem(sl.Triple(log_likelihood, prior, (x, y)), free_energy)


def coins() -> Problem:
    """Six coins of unknown bias, thrown 30 times, uniform priors."""
    generator, n = np.random.default_rng(6), 30
    y = generator.random((n, 6)) < np.array([0.02, 0.1, 0.3, 0.5, 0.8, 0.97])
    heads = y.sum(axis=0)

    def log_likelihood(p: Float, y: Float) -> Float:
        return jnp.sum(y * jnp.log(p) + (1 - y) * jnp.log1p(-p), axis=-1)

    triple = sl.Triple(log_likelihood, dist.Uniform(0.0, 1.0).expand([6]), y.astype(float))
    return Problem(
        triple, lambda beta: -float(betaln(beta * heads + 1, beta * (n - heads) + 1).sum())
    )


def counts() -> Problem:
    """Five Poisson rates with Gamma(1, 0.1) priors, 40 counts of each."""
    generator, n, a, b = np.random.default_rng(7), 40, 1.0, 0.1
    y = generator.poisson([0.2, 1.0, 3.0, 10.0, 30.0], size=(n, 5)).astype(float)
    total = y.sum(axis=0)

    def log_likelihood(rate: Float, y: Float) -> Float:
        return jnp.sum(dist.Poisson(rate).log_prob(y), axis=-1)

    triple = sl.Triple(log_likelihood, dist.Gamma(a, b).expand([5]), y)

    def free_energy(beta: float) -> float:
        shape = a + beta * total
        each = a * np.log(b) - gammaln(a) + gammaln(shape) - shape * np.log(b + beta * n)
        return -float(each.sum() - beta * gammaln(y + 1).sum())

    return Problem(triple, free_energy)


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
    parser.add_argument("--reread", action="store_true", help="read the kept ladders, run nothing")
    chosen = parser.parse_args(arguments)
    if chosen.reread:
        table([cell for path in sorted(chosen.ladders.glob("*.npz")) for cell in reread(path)])
        return
    done = {(c["problem"], c["seed"], c["particles"]) for c in cells(chosen.file)}
    for name in chosen.problems:
        problem = PROBLEMS[name]()
        for seed in range(chosen.seeds):
            if (name, seed, chosen.particles) in done:
                continue
            started = time.process_time()
            run = sl.temper(problem.triple, particles=chosen.particles, seed=seed, progress=False)
            cell = _read(name, problem, run.view, seed, chosen.particles)
            cell["cpu"] = time.process_time() - started
            with chosen.file.open("a") as lines:
                lines.write(json.dumps(cell) + "\n")
            if chosen.ladders is not None:
                chosen.ladders.mkdir(exist_ok=True, parents=True)
                np.savez(
                    chosen.ladders / f"{name}-{seed}-{chosen.particles}.npz",
                    betas=run.rungs.inverse_temperature,
                    energies=run.rungs.energies,
                    ancestor=run.rungs.ancestor,
                )
    table(cells(chosen.file))


def _read(name: str, problem: Problem, view: LadderView, seed: int, particles: int) -> dict:
    readings = []
    for quantity in QUANTITIES:
        for beta in BETAS:
            found = getattr(view, quantity)(beta)
            exact = problem.exact(quantity, beta)
            readings.append([quantity, beta, found.value - exact, found.standard_error])
    return {"problem": name, "seed": seed, "particles": particles, "readings": readings}


def reread(path: Path) -> list[dict]:
    """The readings of a kept ladder."""
    name, seed, particles = path.stem.rsplit("-", 2)
    kept = np.load(path)
    view = LadderView(kept["betas"], kept["energies"], kept["ancestor"])
    return [{**_read(name, PROBLEMS[name](), view, int(seed), int(particles)), "cpu": math.nan}]


def cells(file: Path) -> list[dict]:
    """What is in the file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def table(found: list[dict]) -> None:
    """A line for each quantity, β and number of particles; and of F at β = 1 for each problem."""
    print(
        f"{'reading':<34}{'N':>6}{'seeds':>7}{'s.e.':>8}{'bias':>8}{'rms z':>7}"
        + "".join(f"{f'|z|>{limit:g}':>8}" for limit in BEYOND)
        + f"{'Kolmogorov p':>14}{'CPU s':>8}"
    )
    groups: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    for cell in found:
        for quantity, beta, error, claimed in cell["readings"]:
            names = [f"{quantity} at {beta:g}"]
            if (quantity, beta) == ("free_energy", 1.0):
                names.append(f"F(1), {cell['problem']}")
            for name in names:
                own = groups.setdefault((name, cell["particles"]), [])
                own.append((error, claimed, cell["cpu"]))
    for (name, particles), own in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        error, claimed, cpu = np.array(own).T
        z = error / claimed
        beyond = "".join(f"{np.mean(np.abs(z) > limit):>8.1%}" for limit in BEYOND)
        probability = stats.kstest(z, "norm").pvalue if len(z) > 1 else math.nan
        print(
            f"{name:<34}{particles:>6}{len(own):>7}{claimed.mean():>8.3f}{error.mean():>+8.3f}"
            f"{np.sqrt(np.mean(z**2)):>7.2f}{beyond}{probability:>14.3f}{cpu.mean():>8.1f}"
        )


if __name__ == "__main__":
    main()
