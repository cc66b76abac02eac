"""Gradients of the s_3 model per second against one matrix product of the same number of
operations.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import cell
import jax
import jax.numpy as jnp

import singlearn as sl
from singlearn.tempering.markov_moves import compile_moves, prior_draws
from singlearn.tempering.path import Path

# Operations of f and its gradient, per observation and node: forward 2·2 (⟨w,x⟩ + b) + 1 (ReLU) + 2
# (q·, sum); backward 1 (mask) + 1 (q·) + 2·2 (∂w) + 1 (∂b) + 2 (∂q). Per observation: residual,
# square, sum, derivative, 6.
OPERATIONS_NODE = 7 + 9
OPERATIONS_OBSERVATION = 6


def main(arguments: Sequence[str]) -> None:
    """Options, a line for each precision."""
    parser = argparse.ArgumentParser(prog="run.py throughput", description=__doc__)
    parser.add_argument("--particles", type=int, default=4096)
    parser.add_argument("--leapfrog", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--ladder-particles", type=int, default=128, help="particles of each of 4 replicates"
    )
    chosen = parser.parse_args(arguments)
    model = cell.triple()
    operations = model.n * (5 * OPERATIONS_NODE + OPERATIONS_OBSERVATION)
    print(
        f"{chosen.particles} particles, n = {model.n:g}, {operations:.3g} operations a gradient; "
        f"best of {chosen.repeats}"
    )
    print(f"{'work':<44}{'ours':>10}  {'one matmul':>12}  {'ratio':>8}")
    for precision in ("float32", "float64"):
        with jax.enable_x64(precision == "float64"):
            gradients = chosen.particles * (chosen.leapfrog + 1)
            ours = move_seconds(model, chosen.particles, chosen.leapfrog, chosen.repeats)
            side = round((operations * gradients / 2) ** (1 / 3))
            theirs = product_seconds(side, chosen.repeats)
        work = f"{gradients} gradients in one HMC move, {precision}"
        print(f"{work:<44}{ours:>8.2f} s  {theirs:>10.3f} s  {theirs / ours:>7.3f}x")
        print(
            f"  {gradients / ours:.3g} gradients/s, {operations * gradients / ours / 1e9:.2f} "
            f"Gflop/s; "
            f"matrix product of side {side}: {2 * side**3 / theirs / 1e9:.1f} Gflop/s",
            flush=True,
        )
    print(
        "  a ratio of 1 would mean that the gradients run as fast as dense linear algebra does on "
        "this machine"
    )
    ladder(model, chosen.ladder_particles)


def ladder(model: sl.Triple, particles: int) -> None:
    """Particles × rungs per second of a whole run to the coldest β of Table 2, compilation and
    reading left out.
    """
    run = sl.temper(model, beta_max=float(cell.BETAS[-1]), particles=particles, progress=False)
    rungs, seconds = len(run.rungs) - 1, float(run.rungs.seconds[2:].sum())
    population = run.rungs.energies[0].size
    print(
        f"a run of {population} particles to β = {run.beta_max:.3f}: {rungs} rungs, "
        f"{run.rungs.gradients.sum()} gradients a particle, "
        f"{population * (rungs - 1) / seconds:.0f} particles × rungs per second"
    )


def move_seconds(
    model: sl.Triple,
    particles: int,
    leapfrog: int,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds of one compiled Hamiltonian move of a population, under the precision of the
    caller.
    """
    moves = compile_moves(Path.of(model), particles)
    keys = jax.random.split(jax.random.key(0), particles)
    population = jnp.asarray(prior_draws(model, jax.random.key(0), particles))
    masses = jnp.ones(model.dimension, population.dtype)

    def move() -> object:
        return jax.block_until_ready(
            moves.hamiltonian(keys, population, 1e-9, 1e-3, masses, leapfrog).particles
        )

    return best(move, repeats, clock)


def product_seconds(side: int, repeats: int) -> float:
    """Seconds of one compiled product of two square matrices, under the precision of the caller."""
    matrix = jnp.ones((side, side))
    product = jax.jit(jnp.matmul)
    return best(lambda: product(matrix, matrix).block_until_ready(), repeats)


def best(
    work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Least seconds of ``repeats`` calls, after one that compiles."""
    work()
    seconds = []
    for _ in range(repeats):
        started = clock()
        work()
        seconds.append(clock() - started)
    return min(seconds)
