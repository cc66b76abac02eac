"""A JAX function as a target: the whole walk is one compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Integer

from singlearn.local.blocks import curvature_in_blocks
from singlearn.local.langevin import advance, log_acceptance
from singlearn.local.leapfrog import fly_in_chunks, kick_drift_kick
from singlearn.local.names import Selection, Tie, choose, tie_scales
from singlearn.local.target import Flight, Tempering, Traces, Trial

CHUNK = 4096
"""Samples of one pass over all the data."""
WALK = 100
"""Steps of one compiled loop."""


class State(NamedTuple):
    position: Array
    noise: Array
    key: Array


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
        masks = choose({name: tuple(np.shape(leaf)) for name, leaf in named.items()}, only)
        every, unravel = ravel_pytree(parameters)
        chosen = np.flatnonzero(np.concatenate([np.ravel(masks.get(name, np.zeros(np.shape(leaf), bool))) for name, leaf in named.items()]))
        self.gamma, scales = tie_scales(masks, gamma)
        scale = jnp.asarray(np.concatenate([scales[name] for name in named if name in scales]), every.dtype)
        self._centre = every[chosen] / scale
        self.dimension = len(chosen)
        self.notes: tuple[str, ...] = ()
        whole = len(chosen) == len(every)

        def output(flat: Array, x: Any) -> Any:
            flat = scale * flat
            return model(unravel(flat if whole else every.at[chosen].set(flat)), x)

        def losses(flat: Array, samples: Any) -> Any:
            x, target = samples
            return loss(output(flat, x), target)

        def product(vector: Array, samples: Any) -> Array:
            x, target = samples
            out, tangent = jax.jvp(lambda flat: output(flat, x), (self._centre,), (vector,))
            curved = jax.jvp(jax.grad(lambda o: loss(o, target).mean()), (out,), (tangent,))[1]
            back: Array = jax.vjp(lambda flat: output(flat, x), self._centre)[1](curved)[0]
            return back

        self._losses = losses
        self._check_loss()
        try:
            self._reference = jnp.concatenate([jax.jit(losses)(self._centre, self._take(s)) for s in self._chunks()])
        except jax.errors.ConcretizationTypeError as error:
            raise ValueError(
                "model: it cannot be compiled, because what it does depends on the values of parameters or data; jnp.where or "
                f"jax.lax.cond instead of a Python branch can ({str(error).splitlines()[0]})"
            ) from error
        if not bool(jnp.isfinite(self._reference).all()):
            bad = int(jnp.flatnonzero(~jnp.isfinite(self._reference))[0])
            raise ValueError(f"loss: it is not finite at sample {bad}; it should be at every sample")
        self.centre_loss = float(np.asarray(self._reference, dtype=np.float64).mean())

        def difference(flat: Array, samples: Any, reference: Array) -> Array:
            return (losses(flat, samples) - reference).mean()

        derivative = jax.value_and_grad(difference)
        self._every = jax.jit(jax.vmap(losses, in_axes=(0, None)))
        self._own = jax.vmap(derivative, in_axes=(0, 0, 0))
        self._shared = jax.jit(jax.vmap(derivative, in_axes=(0, None, None)))
        # Data are arguments, so that they are not compiled in.
        self._walk = jax.jit(self._walk_many, static_argnames=("batch", "steps"))
        self._attempt = jax.jit(self._attempt_one, static_argnames=("batch",))
        self._fly = jax.jit(self._fly_many)
        self._products = jax.jit(jax.vmap(product, in_axes=(0, None)))

    def _chunks(self) -> list[slice]:
        return [slice(i, min(i + CHUNK, self.samples)) for i in range(0, self.samples, CHUNK)]

    def _take(self, index: Any) -> Any:
        if isinstance(index, slice) and index == slice(0, self.samples):
            return self._data
        return jax.tree.map(lambda leaf: leaf[index], self._data)

    def _check_loss(self) -> None:
        some = min(4, self.samples)
        got = self._losses(self._centre, self._take(slice(0, some)))
        if np.shape(got) != (some,):
            reason = "it seems averaged over the batch" if np.shape(got) == () else "sum over outputs in the loss"
            raise ValueError(
                f"loss: for {some} samples it gave shape {np.shape(got)}; it should give one number a sample, shape ({some},): {reason}"
            )
        alone = jnp.concatenate([self._losses(self._centre, self._take(slice(i, i + 1))).reshape(1) for i in range(some)])
        if bool(jnp.isfinite(got).all()) and not np.allclose(got, alone, rtol=1e-3, atol=1e-5):
            raise ValueError("loss: the loss of a sample depends on the other samples of its batch; it should not")

    def _drawn(self, key: Array, chains: int, batch: int, data: Any, reference: Array) -> Callable[[Array], tuple[Array, Array]]:
        if batch >= self.samples:
            return lambda where: self._shared(where, data, reference)
        index = jax.random.randint(key, (chains, batch), 0, self.samples)
        samples = jax.tree.map(lambda leaf: leaf[index], data)
        return lambda where: self._own(where, samples, reference[index])

    def _full(self, position: Array) -> tuple[Any, Any]:
        value, gradient = np.zeros(len(position)), np.zeros(position.shape)
        for s in self._chunks():
            share = (s.stop - s.start) / self.samples
            part, slope = self._shared(position, self._take(s), self._reference if self.samples <= CHUNK else self._reference[s])
            value, gradient = value + share * np.asarray(part), gradient + share * np.asarray(slope)
        return value, gradient

    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> State:
        """Chains at w* + ``spread`` × standard normal numbers."""
        key, kick, noise = jax.random.split(jax.random.key(seed), 3)
        shape, dtype = (len(spread), self.dimension), self._centre.dtype
        start = self._centre + jnp.asarray(spread, dtype)[:, None] * jax.random.normal(kick, shape, dtype)
        return State(start, jax.random.normal(noise, shape, dtype), key)

    def walk(self, state: State, step: Float[np.ndarray, " chains"], batch: int, steps: int, tempering: Tempering) -> tuple[State, Traces]:
        """``steps`` Langevin steps."""
        parts = []
        # Compiled once for every length: so most have the same.
        for length in [WALK] * (steps // WALK) + [steps % WALK] * (steps % WALK > 0):
            state, written = self._walk(
                state, self._column(step), self._data, self._reference, tempering.nbeta, tempering.gamma, batch=batch, steps=length
            )
            parts.append([np.asarray(trace, dtype=np.float64).T for trace in written])
        return state, Traces(*(np.concatenate(pieces, axis=1) for pieces in zip(*parts, strict=True)))

    def _walk_many(
        self, state: State, step: Array, data: Any, reference: Array, nbeta: Any, gamma: Any, batch: int, steps: int
    ) -> tuple[State, tuple[Array, Array]]:
        def one(state: State, _: None) -> tuple[State, tuple[Array, Array]]:
            position, before, key = state
            key, key_batch, key_noise = jax.random.split(key, 3)
            value, gradient = self._drawn(key_batch, len(position), batch, data, reference)(position)
            away = position - self._centre
            noise = jax.random.normal(key_noise, position.shape, position.dtype)
            there = advance(position, nbeta * gradient + gamma * away, before, noise, step)
            return State(there, noise, key), (nbeta * value, (away**2).sum(1))

        return jax.lax.scan(one, state, None, length=steps)

    def attempt(self, state: State, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering) -> Trial:
        """One step with fresh noise, judged."""
        state, acceptance, noise = self._attempt(
            state, self._column(step), self._data, self._reference, tempering.nbeta, tempering.gamma, batch=batch
        )
        return Trial(state, np.asarray(acceptance, dtype=np.float64), np.asarray(noise, dtype=np.float64))

    def _attempt_one(
        self, state: State, step: Array, data: Any, reference: Array, nbeta: Any, gamma: Any, batch: int
    ) -> tuple[State, Array, Array]:
        position, before, key = state
        key, key_batch, key_other, key_noise = jax.random.split(key, 4)
        sampled, other = (self._drawn(k, len(position), batch, data, reference) for k in (key_batch, key_other))

        def potential(where: Array, value: Array, gradient: Array) -> tuple[Array, Array]:
            away = where - self._centre
            return nbeta * value + 0.5 * gamma * (away**2).sum(1), nbeta * gradient + gamma * away

        value, gradient = sampled(position)
        gradient_noise = nbeta**2 * ((gradient - other(position)[1]) ** 2).sum(1)
        energy, force = potential(position, value, gradient)
        noise = jax.random.normal(key_noise, position.shape, position.dtype)
        there = advance(position, force, noise, noise, step)
        energy_there, force_there = potential(there, *sampled(there))
        ratio = log_acceptance(energy, energy_there, force, force_there, noise, step)
        return State(there, before, key), jnp.nan_to_num(jnp.exp(jnp.minimum(ratio, 0.0)), nan=0.0), gradient_noise

    def losses(self, state: State, data: Any = None) -> Float[np.ndarray, "chains samples"]:
        """Loss of every sample at every chain, minus that at w*."""
        samples = self._data if data is None else jax.tree.map(jnp.asarray, tuple(data))
        count = len(jax.tree.leaves(samples)[0])
        parts = []
        for start in range(0, count, CHUNK):
            some = jax.tree.map(lambda leaf, start=start: leaf[start : start + CHUNK], samples)
            parts.append(np.asarray(self._every(state.position, some) - self._every(self._centre[None], some), dtype=np.float64))
        return np.concatenate(parts, axis=1)

    def full(self, offset: Float[np.ndarray, "chains d"]) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) and its gradient."""
        return self._full(self._centre + jnp.asarray(offset, self._centre.dtype))

    def curvature(self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*."""
        return curvature_in_blocks(
            lambda block, rows: np.asarray(self._products(jnp.asarray(block, self._centre.dtype), self._take(rows)), dtype=np.float64),
            vectors,
            np.arange(self.samples) if index is None else index,
        )

    def fly(self, flight: Flight, step: Float[np.ndarray, " chains"], leapfrogs: int, tempering: Tempering) -> Flight:
        """``leapfrogs`` leapfrog steps on all samples, as one compiled loop."""
        if self.samples > CHUNK:
            return fly_in_chunks(self.full, flight, step, leapfrogs, tempering)
        start = (jnp.asarray(part, self._centre.dtype) for part in flight)
        there = self._fly(*start, self._column(step), leapfrogs, self._data, self._reference, tempering.nbeta, tempering.gamma)
        return Flight(*(np.asarray(part, dtype=np.float64) for part in there))

    def _fly_many(
        self,
        offset: Array,
        momentum: Array,
        excess: Array,
        force: Array,
        step: Array,
        leapfrogs: Any,
        data: Any,
        reference: Array,
        nbeta: Any,
        gamma: Any,
    ) -> tuple[Array, Array, Array, Array]:
        def evaluate(offset: Array) -> tuple[Array, Array]:
            value, gradient = self._shared(self._centre + offset, data, reference)
            return nbeta * value, nbeta * gradient + gamma * offset

        def one(_: Any, at: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            return kick_drift_kick(evaluate, at, step)

        there: tuple[Array, Array, Array, Array] = jax.lax.fori_loop(0, leapfrogs, one, (offset, momentum, excess, force))
        return there

    def _column(self, numbers: Float[np.ndarray, " chains"]) -> Array:
        return jnp.asarray(numbers, self._centre.dtype)[:, None]


def _name(path: Any) -> str:
    parts = [getattr(p, "key", getattr(p, "idx", getattr(p, "name", p))) for p in path]
    return ".".join(str(part) for part in parts) or "parameters"
