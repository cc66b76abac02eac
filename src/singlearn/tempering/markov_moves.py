"""Markov moves of a whole population at one β: Hamiltonian, and preconditioned by the local
curvature.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from threading import Event
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Key

from singlearn.tempering.landscape import QUICKLY_COMPILED
from singlearn.tempering.path import Path, PathFunctions
from singlearn.tempering.traces import trace_in
from singlearn.triple import Coordinates, Triple

# Working set of one chunk of particles on a CPU, in floating point numbers: what stays in cache
# measured fastest.
CPU_CHUNK = 2**13
POPULATION_CHUNK = 1024
ACCELERATOR_CHUNK = 2**28
THREAD_SLICES = 4
# Fewer particles than this are moved in one piece: handing them to threads took longer than moving
# them (measured, 4 × 64 particles).
SMALLEST_THREADED = 512
# Numbers drawn from a prior, once or twice per run, by a program that is six times slower and
# compiles in a third of the time.
QUICK_DRAWS = 2**20
# Step sizes are drawn log-uniformly over this many e-folds below the largest one: narrow and wide
# places both get steps that fit.
STEP_SIZE_SPREAD = 2.0

Options = dict[str, Any] | None
"""Of XLA's compiler."""


class MovedParticles(NamedTuple):
    """A population after one move; a Hamiltonian move also leaves the gradients of the log
    density.
    """

    particles: Float[Array, "particles d"]
    energies: Float[Array, " particles"]
    acceptance: Float[Array, " particles"]
    accepted: Bool[Array, " particles"]
    gradients: Float[Array, "particles d"] | None = None


@dataclass(frozen=True)
class Moves:
    """Compiled moves along a path. Each acts on all particles of all replicates at once, spread
    over the devices there are.
    """

    energies: Callable[[Float[Array, "particles d"]], Float[Array, " particles"]]
    hamiltonian: Callable[..., MovedParticles]
    curvature: Callable[..., MovedParticles]


def compile_moves(path: Path, particles: int) -> Moves:
    """The moves along a path for ``particles`` particles, in the current precision of JAX.

    The last few are remembered, for other seeds.
    """
    wide = jnp.zeros(()).dtype == jnp.float64
    data = jax.tree.map(jnp.asarray, path.data)
    energies, hamiltonian, curvature = _compile(
        path.program, particles, _chunk_size(path.n, path.is_population), wide
    )
    return Moves(
        energies=lambda u: energies(u, (), data),
        hamiltonian=lambda keys, u, *shared: MovedParticles(*hamiltonian(keys, u, shared, data)),
        curvature=lambda keys, u, *shared: MovedParticles(*curvature(keys, u, shared, data)),
    )


@lru_cache(maxsize=16)
def _compile(
    program: PathFunctions, particles: int, chunk: int, wide: bool
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Energies, Hamiltonian and curvature moves; data are an argument of each."""
    # Late, for it loads all of BlackJAX.
    from blackjax.mcmc import hmc

    trace_in(wide)
    log_base, energy = program.log_base, program.energy
    hmc_kernel = hmc.build_kernel()
    everywhere = _spread_over_devices(particles, chunk, wide)

    def hamiltonian_one(
        key: Key[Array, ""], u: Float[Array, " d"], shared: tuple[Any, ...], data: object
    ) -> tuple[
        Float[Array, " d"], Float[Array, ""], Float[Array, ""], Bool[Array, ""], Float[Array, " d"]
    ]:
        beta, largest_step, inverse_mass, steps = shared

        def log_density(z: Float[Array, " d"]) -> Float[Array, ""]:
            found: Float[Array, ""] = log_base(z, data) - beta * energy(z, data)
            return found

        key_step, key_move = jax.random.split(key)
        step = largest_step * jnp.exp(
            -STEP_SIZE_SPREAD * jax.random.uniform(key_step, dtype=u.dtype)
        )
        state, info = hmc_kernel(
            key_move, hmc.init(u, log_density), log_density, step, inverse_mass, steps
        )
        acceptance = jnp.nan_to_num(info.acceptance_rate)
        return (
            state.position,
            energy(state.position, data),
            acceptance,
            info.is_accepted,
            state.logdensity_grad,
        )

    def curvature_one(
        key: Key[Array, ""], u: Float[Array, " d"], shared: tuple[Any, ...], data: object
    ) -> tuple[Float[Array, " d"], Float[Array, ""], Float[Array, ""], Bool[Array, ""]]:
        r"""One Metropolis-adjusted Langevin step in the metric :math:`G(u) = V \max(|Λ|, s^{-2})
        V^T` of the local Hessian.

        The cap ``s`` on how far flat directions may move is drawn afresh, over all scales from the
        stiffest to the population's width, so that some steps fit everywhere on the valley floor,
        however curved; stiff directions always move by their thermal width.
        """
        beta, step, scales, shortest = shared

        def log_density(z: Float[Array, " d"]) -> Float[Array, ""]:
            found: Float[Array, ""] = log_base(z * scales, data) - beta * energy(z * scales, data)
            return found

        key_cap, key_noise, key_accept = jax.random.split(key, 3)
        cap = shortest ** jax.random.uniform(key_cap, dtype=u.dtype)

        def geometry(
            z: Float[Array, " d"], _: None
        ) -> tuple[Array, tuple[Array, Array, Array, Array]]:
            value, gradient = jax.value_and_grad(log_density)(z)
            eigenvalues, vectors = jnp.linalg.eigh(-jax.hessian(log_density)(z))
            stiffness = jnp.maximum(jnp.abs(eigenvalues), cap**-2)
            centre = z + 0.5 * step**2 * vectors @ ((vectors.T @ gradient) / stiffness)
            return centre + step * vectors @ (noise / jnp.sqrt(stiffness)), (
                value,
                centre,
                stiffness,
                vectors,
            )

        z = u / scales
        noise = jax.random.normal(key_noise, z.shape, z.dtype)
        # At the point and at what it proposes, in a loop so that the Hessian is compiled once.
        _, (values, centres, stiffnesses, frames) = jax.lax.scan(geometry, z, length=2)
        (value, value_there), (stiffness, stiffness_there) = values, stiffnesses
        proposal = centres[0] + step * frames[0] @ (noise / jnp.sqrt(stiffness))
        centre_there, vectors_there = centres[1], frames[1]
        back = vectors_there.T @ (z - centre_there)
        log_forth = -0.5 * jnp.sum(noise**2) + 0.5 * jnp.sum(jnp.log(stiffness))
        log_back = -0.5 * jnp.sum(back**2 * stiffness_there) / step**2 + 0.5 * jnp.sum(
            jnp.log(stiffness_there)
        )
        acceptance = jnp.nan_to_num(
            jnp.exp(jnp.minimum(0.0, value_there - value + log_back - log_forth))
        )
        accepted = jax.random.uniform(key_accept, dtype=z.dtype) < acceptance
        moved = jnp.where(accepted, proposal * scales, u)
        return moved, energy(moved, data), acceptance, accepted

    return (
        everywhere(lambda u, shared, data: energy(u, data), 1),
        everywhere(hamiltonian_one, 2),
        everywhere(curvature_one, 2),
    )


def prior_draws(
    triple: Triple, key: Key[Array, ""], particles: int
) -> Float[np.ndarray, "particles d"]:
    """Draws from the prior in flat coordinates, in the current precision of JAX.

    Args:
        triple: whose prior.
        key: split into one key per particle.
        particles: how many.
    """
    wide = jnp.zeros(()).dtype == jnp.float64
    chunk = _chunk_size(float(triple.n), triple.is_population)
    draw = _compile_draws(triple.coordinates, particles, chunk, wide)
    return np.asarray(draw(jax.random.split(key, particles), (), ()))


@lru_cache(maxsize=16)
def _compile_draws(
    coordinates: Coordinates, particles: int, chunk: int, wide: bool
) -> Callable[..., Any]:
    trace_in(wide)
    few = particles * coordinates.dimension <= QUICK_DRAWS
    everywhere = _spread_over_devices(particles, chunk, wide)
    return everywhere(
        lambda key, shared, data: coordinates.sample(key), 1, QUICKLY_COMPILED if few else None
    )


def _chunk_size(n: float, is_population: bool) -> int:
    if jax.default_backend() != "cpu":
        return max(16, ACCELERATOR_CHUNK // max(64, int(n)))
    return POPULATION_CHUNK if is_population else max(8, min(POPULATION_CHUNK, CPU_CHUNK // int(n)))


def _spread_over_devices(
    particles: int, chunk: int, wide: bool
) -> Callable[..., Callable[..., Any]]:
    """A transformation of ``f(per_particle…, shared, data)`` into one over all particles: chunked,
    compiled, on every device or core.
    """
    devices = jax.devices()
    devices = devices[: np.gcd(particles, len(devices))]
    if len(devices) > 1:
        return lambda f, arguments, options=None: _sharded(
            f, arguments, devices, min(chunk, particles // len(devices)), options
        )
    if jax.default_backend() == "cpu" and particles >= SMALLEST_THREADED:
        return lambda f, arguments, options=None: _threaded(f, particles, chunk, wide, options)
    return lambda f, arguments, options=None: jax.jit(
        _chunked(f, min(chunk, particles)), compiler_options=options
    )


def _chunked(f: Callable[..., Any], chunk: int) -> Callable[..., Any]:
    """``f`` over all particles, at most ``chunk`` at once.

    All chunks are of one size, the first particles being done twice where it does not divide their
    number: a smaller last chunk would have to be compiled by itself.
    """

    def over_particles(*args: Any) -> Any:
        *each, shared, data = args
        count = len(each[0])
        chunks = -(-count // chunk)
        size = -(-count // chunks)
        if surplus := chunks * size - count:
            each = [jnp.concatenate([part, part[:surplus]]) for part in each]
        found = jax.lax.map(lambda own: f(*own, shared, data), tuple(each), batch_size=size)
        return jax.tree.map(lambda leaf: leaf[:count], found)

    return over_particles


def _sharded(
    f: Callable[..., Any], arguments: int, devices: list[jax.Device], chunk: int, options: Options
) -> Callable[..., Any]:
    mesh = Mesh(np.array(devices), ("particles",))
    split, whole = PartitionSpec("particles"), PartitionSpec()
    mapped = jax.jit(
        jax.shard_map(
            _chunked(f, chunk),
            mesh=mesh,
            in_specs=(split,) * arguments + (whole, whole),
            out_specs=split,
            check_vma=False,
        ),
        compiler_options=options,
    )

    def sharded(*args: object) -> object:
        *each, shared, data = args
        return mapped(
            *(jax.device_put(part, NamedSharding(mesh, split)) for part in each), shared, data
        )

    return sharded


def _threaded(
    f: Callable[..., Any], particles: int, chunk: int, wide: bool, options: Options
) -> Callable[..., Any]:
    """Slices of the population on threads: XLA leaves cores idle on the small operations of one
    particle (measured: twice as fast on two).

    The number of slices is fixed, so that the numbers do not depend on how many cores a machine
    has. A program with a custom call - LAPACK, say: the eigenvectors of the curvature move, a
    Cholesky factor in a user's model - runs in one piece, because several of those at once can wait
    for each other forever.
    """
    bounds = np.linspace(0, particles, THREAD_SLICES + 1).astype(int)
    compiled = jax.jit(
        _chunked(f, min(chunk, int(np.diff(bounds).min()))), compiler_options=options
    )
    pool = ThreadPoolExecutor(max_workers=min(THREAD_SLICES, os.cpu_count() or 1))
    warm = Event()
    whole = jax.jit(_chunked(f, min(chunk, particles)), compiler_options=options)
    found: dict[str, bool] = {}

    def threaded(*args: object) -> object:
        *each, shared, data = args
        if "custom_call" not in found:
            # Asked of a slice, whose tracing the first run then finds done.
            found["custom_call"] = (
                "custom_call"
                in compiled.lower(*_slice(each, bounds[0], bounds[1]), shared, data).as_text()
            )
        if found["custom_call"]:
            return jax.block_until_ready(whole(*args))
        # The first slice alone, so that one thread compiles for all.
        first = (
            []
            if warm.is_set()
            else [_run_slice(compiled, wide, bounds[0], bounds[1], each, shared, data)]
        )
        warm.set()
        rest = pool.map(
            lambda edge: _run_slice(compiled, wide, edge[0], edge[1], each, shared, data),
            list(pairwise(bounds))[len(first) :],
        )
        return jax.tree.map(
            lambda *parts: np.concatenate([np.asarray(part) for part in parts]), *first, *rest
        )

    return threaded


def _slice(each: Sequence[Any], lower: np.integer, upper: np.integer) -> list[Any]:
    # Keys are no NumPy arrays; what is one needs no compiled slice.
    arrays = [
        part if jnp.issubdtype(part.dtype, jax.dtypes.prng_key) else np.asarray(part)
        for part in each
    ]
    return [part[int(lower) : int(upper)] for part in arrays]


def _run_slice(
    compiled: Callable[..., Any],
    wide: bool,
    lower: np.integer,
    upper: np.integer,
    each: Sequence[Any],
    shared: object,
    data: object,
) -> object:
    # Threads do not inherit the precision of the caller.
    with jax.enable_x64(wide):
        return jax.block_until_ready(compiled(*_slice(each, lower, upper), shared, data))
