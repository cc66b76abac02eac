"""A JAX function as a target: the whole walk is one compiled loop, compiled once for all checkpoints of a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Integer

from singlearn.local.blocks import SAMPLES, VECTORS, curvature_in_blocks
from singlearn.local.jax_memory import operations
from singlearn.local.jax_programs import CompiledOnce, Layout, Programs, Setting, State
from singlearn.local.leapfrog import fly_in_chunks
from singlearn.local.memory import pieces
from singlearn.local.names import Selection, Tie, choose, tie_scales
from singlearn.local.target import Flight, Tempering, Traces, Trial, in_float32

CHUNK = 4096
"""Samples of one pass over all the data, at most."""
HALF = (jnp.float16, jnp.bfloat16)
WALK = 100
"""Steps of one compiled loop."""


class JaxTarget:
    r"""A pure function, a per-sample loss and data, at parameters w*.

    Args:
        model: ``model(parameters, x)`` for a batch of x.
        loss: ``loss(output, target)``, one number a sample.
        data: ``(x, target)``, arrays or pytrees of arrays with a common first axis.
        parameters: w*, any pytree of floating-point arrays.
        only: patterns of, or masks by, names of leaves such as ``layers.0.w``.
        gamma: γ; its number on the coordinates that the chains live in is the attribute ``gamma``.

    Raises:
        ValueError: a loss averaged over the batch, not finite, or of a sample but dependent on the others; parameters that are not
            finite; names that match nothing.
    """

    def __init__(
        self, model: Callable[..., Any], loss: Callable[..., Any], data: Any, parameters: Any, only: Selection = None, gamma: Tie = 1.0
    ) -> None:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise ValueError(f"data: got {type(data).__name__}; for a JAX function it should be the pair (x, target)")
        self._data = jax.tree.map(jnp.asarray, tuple(data))
        lengths = {len(leaf) for leaf in jax.tree.leaves(self._data)}
        if len(lengths) != 1 or min(lengths) < 3:
            raise ValueError(f"data: the parts have {sorted(lengths)} samples; all should have the same number, at least 3")
        self.samples = lengths.pop()
        named = {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(parameters)[0]}
        for name, leaf in named.items():
            if not bool(jnp.isfinite(jnp.asarray(leaf)).all()):
                raise ValueError(f"parameters: {name} has entries that are not finite; a trained network should have none")
        half = [str(jnp.asarray(leaf).dtype) for leaf in named.values() if jnp.asarray(leaf).dtype in HALF]
        self.notes: tuple[str, ...] = ()
        self._widen = bool(half)
        if half:
            parameters, self._data = _widened(parameters), _widened(self._data)
            self.notes = (in_float32(half[0]),)
        masks = choose({name: tuple(np.shape(leaf)) for name, leaf in named.items()}, only)
        every, _ = ravel_pytree(parameters)
        chosen = np.flatnonzero(np.concatenate([np.ravel(masks.get(name, np.zeros(np.shape(leaf), bool))) for name, leaf in named.items()]))
        self.gamma, scales = tie_scales(masks, gamma)
        scale = np.concatenate([scales[name] for name in named if name in scales])
        centre = every[chosen] / jnp.asarray(scale, every.dtype)
        self.dimension = len(chosen)
        layout = Layout.of(parameters, chosen, scale)
        self._programs = model.programs(loss, layout) if isinstance(model, CompiledOnce) else Programs(model, loss, layout)
        self._at = Setting(centre, every, self._data, jnp.zeros(self.samples, every.dtype))
        self._check_loss()
        try:
            self._at_once = self._programs.samples_at_once(centre, every, self._take(slice(0, 2)))
            parts = [self._programs.reference(centre, every, self._take(s)) for s in self._chunks(self.samples, chains=1)]
        except jax.errors.ConcretizationTypeError as error:
            raise ValueError(
                "model: it cannot be compiled, because what it does depends on the values of parameters or data; jnp.where or "
                f"jax.lax.cond instead of a Python branch can ({str(error).splitlines()[0]})"
            ) from error
        reference = jnp.concatenate(parts)
        if not bool(jnp.isfinite(reference).all()):
            bad = int(jnp.flatnonzero(~jnp.isfinite(reference))[0])
            raise ValueError(f"loss: it is not finite at sample {bad}; it should be at every sample")
        self.centre_loss = float(np.asarray(reference, dtype=np.float64).mean())
        self._at = self._at._replace(reference=reference)

    def _chunks(self, samples: int, chains: int) -> list[slice]:
        """As many samples at once as fit."""
        chunk = max(1, min(CHUNK, self._at_once // chains))
        return [slice(i, min(i + chunk, samples)) for i in range(0, samples, chunk)]

    def _take(self, index: Any) -> Any:
        if isinstance(index, slice) and index == slice(0, self.samples):
            return self._data
        return jax.tree.map(lambda leaf: leaf[index], self._data)

    def _check_loss(self) -> None:
        some = min(4, self.samples)
        centre, every = self._at.centre, self._at.every
        got = self._programs.losses(centre, every, self._take(slice(0, some)))
        if np.shape(got) != (some,):
            reason = "it seems averaged over the batch" if np.shape(got) == () else "sum over outputs in the loss"
            raise ValueError(
                f"loss: for {some} samples it gave shape {np.shape(got)}; it should give one number a sample, shape ({some},): {reason}"
            )
        alone = jnp.concatenate([self._programs.losses(centre, every, self._take(slice(i, i + 1))).reshape(1) for i in range(some)])
        if bool(jnp.isfinite(got).all()) and not np.allclose(got, alone, rtol=1e-3, atol=1e-5):
            raise ValueError("loss: the loss of a sample depends on the other samples of its batch; it should not")

    def _full(self, position: Array) -> tuple[Any, Any]:
        value, gradient = np.zeros(len(position)), np.zeros(position.shape)
        chunks = self._chunks(self.samples, len(position))
        for s in chunks:
            share = (s.stop - s.start) / self.samples
            reference = self._at.reference if len(chunks) == 1 else self._at.reference[s]
            part, slope = self._programs.shared(position, self._at.every, self._take(s), reference)
            value, gradient = value + share * np.asarray(part), gradient + share * np.asarray(slope)
        return value, gradient

    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> State:
        """Chains at w* + ``spread`` × standard normal numbers."""
        key, kick, noise = jax.random.split(jax.random.key(seed), 3)
        shape, dtype = (len(spread), self.dimension), self._at.centre.dtype
        start = self._at.centre + jnp.asarray(spread, dtype)[:, None] * jax.random.normal(kick, shape, dtype)
        return State(start, jax.random.normal(noise, shape, dtype), key)

    def place(self, offset: Float[np.ndarray, "chains d"], seed: int) -> State:
        """Chains at w* + ``offset``."""
        key, noise = jax.random.split(jax.random.key(seed))
        where = self._at.centre + jnp.asarray(offset, self._at.centre.dtype)
        return State(where, jax.random.normal(noise, where.shape, where.dtype), key)

    def offset(self, state: State) -> Float[np.ndarray, "chains d"]:
        """Where chains are, minus w*."""
        return np.asarray(state.position - self._at.centre, dtype=np.float64)

    @cached_property
    def cost(self) -> int:
        """Multiplications and additions of the loss of one sample, about."""
        made = operations(self._programs.losses, self._at.centre, self._at.every, self._take(slice(0, 1)))
        return max(len(self._at.every), made)

    def walk(self, state: State, step: Float[np.ndarray, " chains"], batch: int, steps: int, tempering: Tempering) -> tuple[State, Traces]:
        """``steps`` Langevin steps."""
        parts = []
        # Compiled once for every length: so most have the same.
        for length in [WALK] * (steps // WALK) + [steps % WALK] * (steps % WALK > 0):
            state, written = self._programs.walk(
                state, self._column(step), self._at, tempering.nbeta, tempering.gamma, batch=batch, steps=length, at_once=self._at_once
            )
            parts.append([np.asarray(trace, dtype=np.float64).T for trace in written])
        return state, Traces(*(np.concatenate(pieces, axis=1) for pieces in zip(*parts, strict=True)))

    def attempt(self, state: State, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering) -> Trial:
        """One step with fresh noise, judged."""
        state, acceptance, noise = self._programs.attempt(
            state, self._column(step), self._at, tempering.nbeta, tempering.gamma, batch=batch, at_once=self._at_once
        )
        return Trial(state, np.asarray(acceptance, dtype=np.float64), np.asarray(noise, dtype=np.float64))

    def losses(self, state: State, data: Any = None) -> Float[np.ndarray, "chains samples"]:
        """Loss of every sample at every chain, minus that at w*."""
        samples = self._data if data is None else jax.tree.map(jnp.asarray, tuple(data))
        if self._widen:
            samples = _widened(samples)
        count = len(jax.tree.leaves(samples)[0])
        parts, of_chains, (centre, every, *_) = [], self._programs.of_chains, self._at
        for chunk in self._chunks(count, len(state.position)):
            some = jax.tree.map(lambda leaf, chunk=chunk: leaf[chunk], samples)
            parts.append(np.asarray(of_chains(state.position, every, some) - of_chains(centre[None], every, some), dtype=np.float64))
        return np.concatenate(parts, axis=1)

    def full(self, offset: Float[np.ndarray, "chains d"]) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) and its gradient."""
        return self._full(self._at.centre + jnp.asarray(offset, self._at.centre.dtype))

    def curvature(self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*."""
        centre, every = self._at.centre, self._at.every

        def products(block: Float[np.ndarray, "k d"], rows: Integer[np.ndarray, " m"]) -> Float[np.ndarray, "k d"]:
            found = self._programs.products(jnp.asarray(block, centre.dtype), centre, every, self._take(rows))
            return np.asarray(found, dtype=np.float64)

        at_once, samples = pieces(VECTORS, SAMPLES, max(1, self._at_once // 2))
        return curvature_in_blocks(products, vectors, np.arange(self.samples) if index is None else index, at_once, samples)

    def fly(self, flight: Flight, step: Float[np.ndarray, " chains"], leapfrogs: int, tempering: Tempering) -> Flight:
        """``leapfrogs`` leapfrog steps on all samples, as one compiled loop."""
        if len(self._chunks(self.samples, len(step))) > 1:
            return fly_in_chunks(self.full, flight, step, leapfrogs, tempering)
        start = tuple(jnp.asarray(part, self._at.centre.dtype) for part in flight)
        there = self._programs.fly(start, self._column(step), leapfrogs, self._at, tempering.nbeta, tempering.gamma)
        return Flight(*(np.asarray(part, dtype=np.float64) for part in there))

    def _column(self, numbers: Float[np.ndarray, " chains"]) -> Array:
        return jnp.asarray(numbers, self._at.centre.dtype)[:, None]


def _widened(tree: Any) -> Any:
    """Leaves of 16 bits with 32."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32) if jnp.asarray(leaf).dtype in HALF else leaf, tree)


def _name(path: Any) -> str:
    parts = [getattr(p, "key", getattr(p, "idx", getattr(p, "name", p))) for p in path]
    return ".".join(str(part) for part in parts) or "parameters"
