"""Samplers at equal gradient counts on a deep linear network: Langevin as in SGLD but without
minibatches, HMC, microcanonical Langevin.

Every gradient is of the whole (compressed) data, so that only the dynamics differ. Microcanonical
Langevin dynamics (MCLMC) moves with a velocity of length one and has no Metropolis correction: its
step trades bias against speed, and several are shown.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from local_deep_linear import NETWORKS, compressed, deep_linear_data, loss, output

from singlearn.local.chains import Chains
from singlearn.local.jax.target import JaxTarget
from singlearn.local.sampling.hamiltonian import sample_hmc
from singlearn.local.sampling.mixing import mixing
from singlearn.local.sampling.sgld import sample_sgld
from singlearn.local.target import Tempering

CHAINS = 8


@partial(jax.jit, static_argnames=("potential", "steps"))
def microcanonical(
    potential: Any, start: Any, key: Any, step: float, length: float, steps: int
) -> Any:
    """Traces of excess and squared distance; ``length`` is the way after which the velocity is
    forgotten.
    """
    d = start.shape[1]

    def turn(velocity: Any, force: Any, step: float) -> Any:
        size = jnp.linalg.norm(force, axis=1, keepdims=True)
        along = -force / size
        delta = step * size / (d - 1)
        cosine = (along * velocity).sum(1, keepdims=True)
        # Divided by exp(δ), so that nothing overflows.
        shrunk = jnp.exp(-2 * delta)
        turned = along * (
            (1 - shrunk) / 2 + cosine * ((1 + shrunk) / 2 - jnp.exp(-delta))
        ) + velocity * jnp.exp(-delta)
        return turned / jnp.linalg.norm(turned, axis=1, keepdims=True)

    def one(at: Any, key: Any) -> Any:
        offset, velocity, force = at
        velocity = turn(velocity, force, step / 2)
        offset = offset + step * velocity
        excess, force = potential(offset)
        velocity = turn(velocity, force, step / 2)
        kicked = velocity + math.sqrt(1 / d) * jnp.sqrt(
            jnp.expm1(2 * step / length)
        ) * jax.random.normal(key, velocity.shape)
        return (offset, kicked / jnp.linalg.norm(kicked, axis=1, keepdims=True), force), (
            excess,
            (offset**2).sum(1),
        )

    velocity = jax.random.normal(key, start.shape)
    begin = (
        start,
        velocity / jnp.linalg.norm(velocity, axis=1, keepdims=True),
        potential(start)[1],
    )
    return jax.lax.scan(one, begin, jax.random.split(jax.random.fold_in(key, 1), steps))[1]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--gradients", type=int, default=20_000, help="of each of 8 chains, warm-up included"
    )
    parser.add_argument("--networks", type=int, nargs="+", default=[0, 2])
    options = parser.parse_args(arguments)
    with jax.enable_x64(True):
        for number in options.networks:
            compare(number, options.gradients)


def compare(number: int, gradients: int) -> None:
    (widths, rank), n = NETWORKS[number], 10_000
    factors, x, y = deep_linear_data(widths, rank, n, 0.5, 0)
    target = JaxTarget(output, loss, compressed(x, y), factors)
    tempering = Tempering(n / math.log(n), 10.0)

    def settings(gradients: int, tolerance: float) -> Chains:
        return Chains(CHAINS, tolerance, gradients, target.samples, target.samples)

    long = sample_hmc(target, tempering, settings(400_000, 0.005))
    print(
        f"{'-'.join(map(str, widths))} r = {rank}: {gradients} gradients; HMC with {long.steps}:",
        flush=True,
    )
    line("reference", long.traces)
    line("Langevin", sample_sgld(target, tempering, settings(gradients, 1e-9)).traces)
    line("HMC", sample_hmc(target, tempering, settings(gradients, 1e-9)).traces)
    flat, unravel = jax.flatten_util.ravel_pytree([jnp.asarray(f) for f in factors])
    small = tuple(map(jnp.asarray, compressed(x, y)))
    at_centre = loss(output(factors, small[0]), small[1]).mean()

    @jax.vmap
    @jax.value_and_grad
    def energy(offset: Any) -> Any:
        return loss(output(unravel(flat + offset), small[0]), small[1]).mean() - at_centre

    def potential(offset: Any) -> Any:
        value, gradient = energy(offset)
        return tempering.nbeta * value, tempering.nbeta * gradient + tempering.gamma * offset

    d, rng = target.dimension, np.random.default_rng(0)
    away = np.where(np.arange(CHAINS) % 2, 1 / math.sqrt(tempering.gamma), 0.0)[:, None]
    start = jnp.asarray(away * rng.normal(size=(CHAINS, d)) + 1e-6 * rng.normal(size=(CHAINS, d)))
    for factor in (0.5, 1.0, 2.0, 4.0):
        step = factor * float(np.median(long.step)) * math.sqrt(d)
        length = math.sqrt(d / tempering.gamma)
        written = microcanonical(potential, start, jax.random.key(0), step, length, gradients)
        excess, distance = (np.asarray(part).T[:, gradients // 2 :] for part in written)
        line(f"MCLMC, {factor:g} × HMC's step", type(long.traces)(excess, distance))


def line(name: str, traces: Any) -> None:
    started = np.arange(CHAINS) % 2.0
    excess, distance = mixing(traces.excess, started), mixing(traces.squared_distance, started)
    print(
        f"  {name:<24} λ̂ = {excess.mean:6.2f} ± {excess.standard_error:4.2f}  "
        f"|w - w*|² = {distance.mean:6.2f} ± {distance.standard_error:4.2f}  "
        f"gap between starts {distance.gap:+6.2f}  R-hat {excess.r_hat:.2f}, {distance.r_hat:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
