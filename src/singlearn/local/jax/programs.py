"""What is compiled for a JAX function, once for all checkpoints of one network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from singlearn.local.jax.curvature import gauss_newton
from singlearn.local.jax.layout import Layout
from singlearn.local.jax.memory import bytes_made, device_memory
from singlearn.local.sampling.langevin import advance, kick, log_acceptance, tamed
from singlearn.local.sampling.leapfrog import kick_drift_kick
from singlearn.running.memory import pieces, samples_that_fit


class JaxChains(NamedTuple):
    """Chains, the noise of their last step, and the key of the next."""

    position: Array
    noise: Array
    key: Array


class Rest(NamedTuple):
    """All that the network takes besides the coordinates of the chains.

    Attributes:
        flat: every real coordinate at w*, of which some move.
        held: arrays that are not sampled.
    """

    flat: Array
    held: tuple[Any, ...]


class CheckpointSetting(NamedTuple):
    """What differs from checkpoint to checkpoint, and is handed to what is compiled.

    Attributes:
        centre: w*, in the coordinates of the chains.
        every: all parameters, of which some may stay where they are.
        data: inputs and targets.
        reference: loss of every sample at w*.
    """

    centre: Array
    every: Rest
    data: Any
    reference: Array


class Chosen(NamedTuple):
    """The random numbers of a judged step.

    Attributes:
        rows: samples of every chain; ``None`` for all.
        others: those of a second minibatch.
        noise: standard normal.
    """

    rows: Array | None
    others: Array | None
    noise: Array


def rows(key: Array, chains: int, batch: int, samples: int) -> Array | None:
    """Numbers of the samples of a minibatch for every chain; ``None``: all samples."""
    return None if batch >= samples else jax.random.randint(key, (chains, batch), 0, samples)


def choose_at_random(key: Array, like: Array, batch: int, samples: int) -> tuple[Array, Chosen]:
    """The next key, and the random numbers of a judged step.

    They are drawn outside of the step itself: JAX's own programs for random numbers know no
    network, so that they are compiled once for all, and take as long to compile as a small one.
    """
    key, key_batch, key_other, key_noise = jax.random.split(key, 4)
    own, others = (rows(k, len(like), batch, samples) for k in (key_batch, key_other))
    return key, Chosen(own, others, jax.random.normal(key_noise, like.shape, like.dtype))


class CompiledOnce:
    """A JAX function whose programs are kept as long as this object: for a sweep, within which the
    function does not change.

    A function as it is gets programs of its own at every call of a verb, because what it closes
    over may have changed since the last.

    Args:
        model: ``model(parameters, x)`` for a batch of x.
    """

    def __init__(self, model: Callable[..., Any]) -> None:
        self.model = model
        self._kept: dict[tuple[int, Layout], Programs] = {}

    def __call__(self, parameters: Any, x: Any) -> Any:
        """The outputs of the function."""
        return self.model(parameters, x)

    def programs(self, loss: Callable[..., Any], layout: Layout) -> Programs:
        """Those for this loss and layout, compiled at most once for each shape of the data."""
        # The programs hold the loss, so that no other gets its identity.
        key = id(loss), layout
        if key not in self._kept:
            self._kept[key] = Programs(self.model, loss, layout)
        return self._kept[key]


def quick() -> dict[str, Any]:
    """Options for programs that run a few times only: less is optimised, and they are compiled
    sooner.
    """
    return {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else {}


class Programs:
    """Losses, gradients, Langevin steps and Hamiltonian flights of many chains; all take a
    :class:`CheckpointSetting`.

    Args:
        model: ``model(parameters, x)`` for a batch of x.
        loss: ``loss(output, target)``, one number per sample.
        layout: of the parameters.
    """

    def __init__(self, model: Callable[..., Any], loss: Callable[..., Any], layout: Layout) -> None:
        self.layout = layout
        self._functions = model, loss
        chosen, scale, rebuild = layout.places, layout.steps, layout.rebuild
        whole = len(chosen) == layout.count

        def output(flat: Array, every: Rest, x: Any) -> Any:
            flat = jnp.asarray(scale, flat.dtype) * flat
            return model(rebuild(flat if whole else every.flat.at[chosen].set(flat), every.held), x)

        def losses(flat: Array, every: Rest, samples: Any) -> Any:
            x, target = samples
            return loss(output(flat, every, x), target)

        def difference(flat: Array, every: Rest, samples: Any, reference: Array) -> Array:
            found: Array = (losses(flat, every, samples) - reference).mean()
            return found

        def product(vector: Array, centre: Array, every: Rest, samples: Any) -> Array:
            x, target = samples
            return gauss_newton(
                lambda flat: output(flat, every, x),
                lambda out: loss(out, target).mean(),
                centre,
                vector,
            )

        derivative = jax.value_and_grad(difference)
        self.losses = losses
        self.checked = jax.jit(losses, compiler_options=quick())
        self.slope = jax.jit(
            jax.grad(lambda flat, every, some: losses(flat, every, some).mean()),
            compiler_options=quick(),
        )
        self.reference = jax.jit(losses)
        self.of_chains = jax.jit(jax.vmap(losses, in_axes=(0, None, None)))
        self._derivative = derivative
        self._weighted = jax.value_and_grad(
            lambda flat, every, some, reference, weight: (
                weight @ (losses(flat, every, some) - reference)
            )
        )
        self._fitting: dict[Any, int] = {}
        self.shared = jax.jit(jax.vmap(derivative, in_axes=(0, None, None, None)))
        self.walk = jax.jit(self._walk_many, static_argnames=("batch", "most", "at_once"))
        self.attempt = jax.jit(self._attempt_one, static_argnames=("at_once",))
        self.fly = jax.jit(self._fly_many)
        self.products = jax.jit(jax.vmap(product, in_axes=(0, None, None, None)))

    @cached_property
    def by_token(self) -> Programs:
        """The same for the losses of tokens, before they become one number per sample."""
        model, loss = self._functions
        return Programs(model, getattr(loss, "raw", loss), self.layout)

    def widened(self) -> Programs:
        """The same in double precision, for a context in which JAX has it."""
        return Programs(*self._functions, self.layout.widened())

    def samples_at_once(self, centre: Array, every: Rest, two: Any) -> int:
        """Samples × chains whose derivatives fit into memory, found once for each shape of a
        sample.

        Args:
            centre, every: as in :class:`CheckpointSetting`.
            two: samples.
        """
        shape = tuple((leaf.shape[1:], str(leaf.dtype)) for leaf in jax.tree.leaves(two))
        if shape not in self._fitting:
            one = jax.tree.map(lambda leaf: leaf[:1], two)
            made = [bytes_made(self.losses, centre, every, samples) for samples in (one, two)]
            self._fitting[shape] = samples_that_fit(made[1] - made[0], device_memory())
        return self._fitting[shape]

    def _in_parts(
        self, where: Array, every: Rest, samples: Any, reference: Array, many: int
    ) -> tuple[Array, Array]:
        """Value and gradient of one chain, ``many`` samples at once."""
        count = len(reference)
        if many >= count:
            found: tuple[Array, Array] = self._derivative(where, every, samples, reference)
            return found

        def add(total: tuple[Array, Array], rows: Array) -> tuple[tuple[Array, Array], None]:
            # The last part is filled up with samples that do not count.
            inside, weight = (
                jnp.minimum(rows, count - 1),
                (rows < count).astype(reference.dtype) / count,
            )
            some = jax.tree.map(lambda leaf: leaf[inside], samples)
            value, gradient = self._weighted(where, every, some, reference[inside], weight)
            return (total[0] + value, total[1] + gradient), None

        rows = jnp.arange(-(-count // many) * many).reshape(-1, many)
        return jax.lax.scan(add, (jnp.zeros((), reference.dtype), jnp.zeros_like(where)), rows)[0]

    def _own(
        self, position: Array, every: Rest, own: Any, reference: Array, at_once: int
    ) -> tuple[Array, Array]:
        """Values and gradients, of a minibatch for every chain, as much at once as fits."""
        chains, batch = reference.shape
        some, many = pieces(chains, batch, at_once)

        def one(of_chain: tuple[Array, Any, Array]) -> Any:
            where, samples, references = of_chain
            return self._in_parts(where, every, samples, references, many)

        found: tuple[Array, Array] = (
            jax.vmap(one)((position, own, reference))
            if some >= chains
            else jax.lax.map(one, (position, own, reference), batch_size=some)
        )
        return found

    def _minibatch(
        self, index: Array | None, chains: int, at: CheckpointSetting, at_once: int
    ) -> Callable[[Array], tuple[Array, Array]]:
        """Values and gradients of these samples of every chain, or of all samples."""
        samples = len(at.reference)
        if index is None:
            some, many = pieces(chains, samples, at_once)
            if some >= chains:
                return lambda where: self.shared(where, at.every, at.data, at.reference)
            return lambda where: jax.lax.map(
                lambda one: self._in_parts(one, at.every, at.data, at.reference, many),
                where,
                batch_size=some,
            )
        own = jax.tree.map(lambda leaf: leaf[index], at.data)
        return lambda where: self._own(where, at.every, own, at.reference[index], at_once)

    def _walk_many(
        self,
        state: JaxChains,
        step: Array,
        at: CheckpointSetting,
        nbeta: Any,
        gamma: Any,
        steps: Any,
        batch: int,
        most: int,
        at_once: int,
    ) -> tuple[JaxChains, tuple[Array, Array, Array]]:
        """``steps`` steps, of which there may be ``most``: one program for every number of them."""
        chains = len(state.position)

        def one(
            t: Any, carried: tuple[JaxChains, tuple[Array, Array, Array]]
        ) -> tuple[JaxChains, tuple[Array, Array, Array]]:
            (position, before, key), written = carried
            key, key_batch, key_noise = jax.random.split(key, 3)
            index = rows(key_batch, chains, batch, len(at.reference))
            value, gradient = self._minibatch(index, chains, at, at_once)(position)
            away = position - at.centre
            noise = jax.random.normal(key_noise, position.shape, position.dtype)
            force = jnp.nan_to_num(nbeta * gradient + gamma * away)
            there = advance(position, tamed(force, step), kick(before, noise, step), step)
            seen = nbeta * value, (away**2).sum(1), (away * force).sum(1)
            kept = [trace.at[t].set(now) for trace, now in zip(written, seen, strict=True)]
            return JaxChains(there, noise, key), (kept[0], kept[1], kept[2])

        nothing = (
            jnp.zeros((most, chains), at.reference.dtype),
            *[jnp.zeros((most, chains), at.centre.dtype) for _ in range(2)],
        )
        walked: tuple[JaxChains, tuple[Array, Array, Array]] = jax.lax.fori_loop(
            0, steps, one, (state, nothing)
        )
        return walked

    def _attempt_one(
        self,
        position: Array,
        step: Array,
        at: CheckpointSetting,
        nbeta: Any,
        gamma: Any,
        chosen: Chosen,
        at_once: int,
    ) -> tuple[Array, Array, Array]:
        """Where a judged step leads, its acceptance, and the noise of the gradient."""
        sampled, other = (
            self._minibatch(index, len(position), at, at_once)
            for index in (chosen.rows, chosen.others)
        )

        def potential(where: Array, value: Array, gradient: Array) -> tuple[Array, Array]:
            away = where - at.centre
            force = jnp.nan_to_num(nbeta * gradient + gamma * away)
            return nbeta * value + 0.5 * gamma * (away**2).sum(1), tamed(force, step)

        value, gradient = sampled(position)
        gradient_noise = nbeta**2 * ((gradient - other(position)[1]) ** 2).sum(1)
        energy, force = potential(position, value, gradient)
        noise = chosen.noise
        there = advance(position, force, kick(noise, noise, step), step)
        energy_there, force_there = potential(there, *sampled(there))
        ratio = log_acceptance(energy, energy_there, force, force_there, noise, step)
        return (
            there,
            jnp.nan_to_num(jnp.exp(jnp.minimum(ratio, 0.0)), nan=0.0),
            gradient_noise,
        )

    def _fly_many(
        self,
        start: tuple[Array, Array, Array, Array],
        step: Array,
        leapfrogs: Any,
        at: CheckpointSetting,
        nbeta: Any,
        gamma: Any,
    ) -> tuple[Array, Array, Array, Array]:
        def evaluate(offset: Array) -> tuple[Array, Array]:
            value, gradient = self.shared(at.centre + offset, at.every, at.data, at.reference)
            # Where a gradient is not a number, as at a kink of infinite slope, the force is 0.
            return nbeta * value, jnp.nan_to_num(nbeta * gradient + gamma * offset)

        def one(
            _: Any, where: tuple[Array, Array, Array, Array]
        ) -> tuple[Array, Array, Array, Array]:
            return kick_drift_kick(evaluate, where, step)

        there: tuple[Array, Array, Array, Array] = jax.lax.fori_loop(0, leapfrogs, one, start)
        return there
