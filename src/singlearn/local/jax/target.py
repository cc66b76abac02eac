"""A JAX function as a target: the whole walk is one compiled loop, compiled once for all
checkpoints of a network.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from singlearn.local.gamma import choose_gamma
from singlearn.local.jax.checks import (
    batch_dependence,
    false_gradient,
    first_look,
    notes_of_functions,
)
from singlearn.local.jax.data import as_pair, digits_lost, not_a_number
from singlearn.local.jax.layout import Layout
from singlearn.local.jax.leaves import notes_on, sorted_leaves
from singlearn.local.jax.memory import operations
from singlearn.local.jax.programs import (
    CheckpointSetting,
    CompiledOnce,
    JaxChains,
    Rest,
    choose_at_random,
)
from singlearn.local.jax.rounding import measured_rounding
from singlearn.local.names import Selection, Tie, choose, tie_scales
from singlearn.local.sampling.blocks import SAMPLES, VECTORS, curvature_in_blocks
from singlearn.local.sampling.leapfrog import fly_in_chunks
from singlearn.local.target import Flight, Tempering, Traces, Trial, in_float32
from singlearn.results.caution import Caution, Reason
from singlearn.running.memory import pieces

CHUNK = 4096
"""Samples of one pass over all the data, at most."""
WALK = 100
"""Steps of one compiled loop."""


class JaxTarget:
    r"""A pure function, a per-sample loss and data, at parameters w*.

    Args:
        model: ``model(parameters, x)`` for a batch of x.
        loss: ``loss(output, target)``, one number per sample.
        data: ``(x, target)``, arrays or pytrees of arrays with a common first axis.
        parameters: w*, any pytree. Its floating-point arrays are sampled, its complex ones in two
            real directions per entry; integers, truth values, keys of random numbers and what is no
            array stay as they are.
        only: patterns of, or masks by, names of leaves such as ``layers.0.w``.
        gamma: γ; its number on the coordinates that the chains live in is the attribute ``gamma``.
            ``"auto"``: by :func:`singlearn.local.gamma.choose_gamma`. What was taken is the
            attribute ``tie``, and ``chosen`` says by whom.

    Raises:
        ValueError: a loss averaged over the batch, not finite, or of a sample but dependent on the
            others; parameters that are not finite; names that match nothing.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        loss: Callable[..., Any],
        data: Any,
        parameters: Any,
        only: Selection = None,
        gamma: Tie = 1.0,
    ) -> None:
        _refuse_what_is_no_function(model)
        self._data = as_pair(data)
        self.samples = len(jax.tree.leaves(self._data)[0])
        leaves, structure = sorted_leaves(parameters)
        for leaf in leaves:
            if leaf.moves and not bool(np.isfinite(np.asarray(leaf.value)).all()):
                raise ValueError(
                    f"parameters: {leaf.name} has entries that are not finite; a trained network "
                    f"should have none"
                )
        given = {
            leaf.name: own
            for leaf, own in zip(leaves, jax.tree.leaves(parameters), strict=True)
            if leaf.moves
        }
        sentences, beside = notes_on(leaves, parameters)
        notes = [Caution(Reason.SAMPLED_PARAMETERS, sentence) for sentence in sentences]
        half = [leaf.said for leaf in leaves if leaf.moves and _is_half(leaf.value)]
        self._widen = bool(half)
        if half:
            leaves = [
                leaf._replace(value=_widened(leaf.value)) if leaf.moves else leaf for leaf in leaves
            ]
            self._data = _widened(self._data)
            notes.append(in_float32(half[0]))
        shapes = {leaf.name: tuple(np.shape(leaf.value)) for leaf in leaves if leaf.moves}
        held = {leaf.name: leaf.said for leaf in leaves if not leaf.moves}
        trained = (
            shapes
            if only is not None
            else {name: shape for name, shape in shapes.items() if name not in beside}
        )
        masks = choose(trained, only, held)
        self.chosen = isinstance(gamma, str)
        self.tie = (
            choose_gamma({leaf.name: leaf.value for leaf in leaves if leaf.moves})
            if isinstance(gamma, str)
            else gamma
        )
        self.gamma, scales = tie_scales(masks, self.tie, known=shapes)
        layout = Layout.of(leaves, structure, masks, scales)
        flat = layout.flat(leaves)
        every = Rest(flat, tuple(leaf.value for leaf in leaves if leaf.kind == "held"))
        centre = flat[layout.places] / jnp.asarray(layout.steps, flat.dtype)
        self.dimension = len(layout.places)
        names = [leaf.name for leaf in leaves]
        self.groups = {
            name: slice(int(own[0]), int(own[-1]) + 1) for name, own in layout.spans(names)
        }
        some = jax.tree.map(lambda leaf: leaf[:4], self._data)
        self._programs, every, traced = first_look(model, loss, layout, leaves, centre, every, some)
        self._at = CheckpointSetting(centre, every, self._data, jnp.zeros(self.samples, flat.dtype))
        self._at_once = self._programs.samples_at_once(centre, every, self._take(slice(0, 2)))
        reference = self._losses_at(centre)
        finite = np.isfinite(np.asarray(reference))
        if not bool(finite.all()):
            bad = int(np.flatnonzero(~finite)[0])
            raise ValueError(
                f"loss: it is not finite at sample {bad}; it should be at every "
                f"sample{not_a_number(self._data, bad)}"
            )
        self.centre_loss = float(np.asarray(reference, dtype=np.float64).mean())
        self.rounding = measured_rounding(
            model, loss, parameters, self._data, reference, self._at_once
        )
        self._at = self._at._replace(reference=reference)
        batch_dependence(self._programs, self._at, self.gamma, self._at_once)
        false_gradient(self._programs, self._at, self.gamma, self._at_once, names)
        notes += [Caution(Reason.ROUNDING, lost) for lost in digits_lost(data, self._data)]
        notes += [
            Caution(Reason.SAMPLED_PARAMETERS, held) for held in notes_of_functions(given, traced)
        ]
        self.notes: tuple[Caution, ...] = tuple(notes)

    def _losses_at(self, position: Array) -> Array:
        """Losses of all samples at one point of the chains' coordinates."""
        parts = [
            self._programs.reference(position, self._at.every, self._take(s))
            for s in self._chunks(self.samples, chains=1)
        ]
        return jnp.concatenate(parts)

    def _chunks(self, samples: int, chains: int) -> list[slice]:
        """As many samples at once as fit."""
        chunk = max(1, min(CHUNK, self._at_once // chains))
        return [slice(i, min(i + chunk, samples)) for i in range(0, samples, chunk)]

    def _take(self, index: Any) -> Any:
        if isinstance(index, slice) and index == slice(0, self.samples):
            return self._data
        return jax.tree.map(lambda leaf: leaf[index], self._data)

    def _full(self, position: Array) -> tuple[Any, Any]:
        if len(position) == 2:  # the program for one is there already
            one, other = (self._full(position[c : c + 1]) for c in range(2))
            return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])
        value, gradient = np.zeros(len(position)), np.zeros(position.shape)
        chunks = self._chunks(self.samples, len(position))
        for s in chunks:
            share = (s.stop - s.start) / self.samples
            reference = self._at.reference if len(chunks) == 1 else self._at.reference[s]
            part, slope = self._programs.shared(position, self._at.every, self._take(s), reference)
            value, gradient = value + share * np.asarray(part), gradient + share * np.asarray(slope)
        return value, gradient

    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> JaxChains:
        """Chains at w* + ``spread`` × standard normal numbers."""
        key, kick, noise = jax.random.split(jax.random.key(seed), 3)
        shape, dtype = (len(spread), self.dimension), self._at.centre.dtype
        start = self._at.centre + jnp.asarray(spread, dtype)[:, None] * jax.random.normal(
            kick, shape, dtype
        )
        return JaxChains(start, jax.random.normal(noise, shape, dtype), key)

    def place(self, offset: Float[np.ndarray, "chains d"], seed: int) -> JaxChains:
        """Chains at w* + ``offset``."""
        key, noise = jax.random.split(jax.random.key(seed))
        where = self._at.centre + jnp.asarray(offset, self._at.centre.dtype)
        return JaxChains(where, jax.random.normal(noise, where.shape, where.dtype), key)

    def offset(self, state: JaxChains) -> Float[np.ndarray, "chains d"]:
        """Where chains are, minus w*."""
        return np.asarray(state.position - self._at.centre, dtype=np.float64)

    @cached_property
    def cost(self) -> int:
        """Multiplications and additions of the loss of one sample, about."""
        made = operations(
            self._programs.losses, self._at.centre, self._at.every, self._take(slice(0, 1))
        )
        return max(len(self._at.every), made)

    def walk(
        self,
        state: JaxChains,
        step: Float[np.ndarray, " chains"],
        batch: int,
        steps: int,
        tempering: Tempering,
    ) -> tuple[JaxChains, Traces]:
        """``steps`` Langevin steps."""
        parts = []
        for begun in range(0, steps, WALK):
            now = min(WALK, steps - begun)
            state, written = self._programs.walk(
                state,
                self._column(step),
                self._at,
                tempering.nbeta,
                tempering.gamma,
                now,
                batch=batch,
                most=WALK,
                at_once=self._at_once,
            )
            parts.append([np.asarray(trace, dtype=np.float64)[:now].T for trace in written])
        return state, Traces(
            *(np.concatenate(pieces, axis=1) for pieces in zip(*parts, strict=True))
        )

    def attempt(
        self, state: JaxChains, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering
    ) -> Trial:
        """One step with fresh noise, judged."""
        key, chosen = choose_at_random(state.key, state.position, batch, self.samples)
        there, acceptance, noise = self._programs.attempt(
            state.position,
            self._column(step),
            self._at,
            tempering.nbeta,
            tempering.gamma,
            chosen,
            at_once=self._at_once,
        )
        return Trial(
            JaxChains(there, state.noise, key),
            np.asarray(acceptance, dtype=np.float64),
            np.asarray(noise, dtype=np.float64),
        )

    def losses(
        self, state: JaxChains, data: Any = None, by_token: bool = False
    ) -> Float[np.ndarray, "chains samples ..."]:
        """Loss of every sample, or of every token of it, at every chain, minus that at w*."""
        samples = self._data if data is None else self._others(data)
        count = len(jax.tree.leaves(samples)[0])
        programs = self._programs.by_token if by_token else self._programs
        parts, of_chains, (centre, every, *_) = [], programs.of_chains, self._at
        for chunk in self._chunks(count, len(state.position)):
            some = jax.tree.map(lambda leaf, chunk=chunk: leaf[chunk], samples)
            parts.append(
                np.asarray(
                    of_chains(state.position, every, some) - of_chains(centre[None], every, some),
                    dtype=np.float64,
                )
            )
        return np.concatenate(parts, axis=1)

    def _others(self, data: Any) -> Any:
        samples = as_pair(data)
        ours, theirs = (
            [leaf.shape[1:] for leaf in jax.tree.leaves(part)] for part in (self._data, samples)
        )
        if ours != theirs:
            raise ValueError(
                f"shifts: a sample has the shapes {theirs}; one of the data has {ours}"
            )
        return _widened(samples) if self._widen else samples

    def full(
        self, offset: Float[np.ndarray, "chains d"]
    ) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) and its gradient."""
        return self._full(self._at.centre + jnp.asarray(offset, self._at.centre.dtype))

    def curvature(
        self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None
    ) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*."""
        centre, every = self._at.centre, self._at.every

        def products(
            block: Float[np.ndarray, "k d"], rows: Integer[np.ndarray, " m"]
        ) -> Float[np.ndarray, "k d"]:
            found = self._programs.products(
                jnp.asarray(block, centre.dtype), centre, every, self._take(rows)
            )
            return np.asarray(found, dtype=np.float64)

        at_once, samples = pieces(VECTORS, SAMPLES, max(1, self._at_once // 2))
        return curvature_in_blocks(
            products, vectors, np.arange(self.samples) if index is None else index, at_once, samples
        )

    def fly(
        self,
        flight: Flight,
        step: Float[np.ndarray, " chains"],
        leapfrogs: int,
        tempering: Tempering,
    ) -> Flight:
        """``leapfrogs`` leapfrog steps on all samples, as one compiled loop."""
        if len(self._chunks(self.samples, len(step))) > 1:
            return fly_in_chunks(self.full, flight, step, leapfrogs, tempering)
        start = tuple(jnp.asarray(part, self._at.centre.dtype) for part in flight)
        there = self._programs.fly(
            start, self._column(step), leapfrogs, self._at, tempering.nbeta, tempering.gamma
        )
        return Flight(*(np.asarray(part, dtype=np.float64) for part in there))

    def _column(self, numbers: Float[np.ndarray, " chains"]) -> Array:
        return jnp.asarray(numbers, self._at.centre.dtype)[:, None]


def _is_half(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating)) and leaf.dtype.itemsize < 4


def _widened(tree: Any) -> Any:
    """Leaves of 16 bits with 32."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if _is_half(leaf) else leaf, tree)


def _refuse_what_is_no_function(model: Any) -> None:
    """A module of flax or a pair of haiku's holds the function.

    Raises:
        ValueError: such a thing, or what cannot be called.
    """
    if isinstance(model, CompiledOnce):
        model = model.model
    if callable(getattr(model, "apply", None)) and callable(getattr(model, "init", None)):
        raise ValueError(
            f"model: got {type(model).__name__}, whose method apply is the function; give "
            f"model.apply, or lambda p, x: model.apply(p, x, …)"
        )
    if not callable(model):
        raise ValueError(
            f"model: got {type(model).__name__}; it should be a torch.nn.Module, or a function "
            f"model(parameters, x)"
        )
