"""The ledger of an Optax transformation: why conserved quantities change, step by step, with
nothing left over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.experimental
import jax.numpy as jnp
import numpy as np
import optax

from singlearn.flow.jax_ledger_optimiser import (
    SCHEDULED,
    TREE,
    Leaves,
    Scope,
    UpdateExpression,
    check,
    leaves,
    made_by,
    run,
    schedules,
)
from singlearn.flow.ledger_books import Books, Digits, Memory
from singlearn.flow.ledger_file import LedgerFile
from singlearn.flow.ledger_step import LedgerStep, ParameterMotion
from singlearn.running.arguments import whole_number

MATRIX_PRODUCTS = {"gpu": 2.0**-10, "tpu": 2.0**-8}
"""The last digit of float32 matrix products by JAX's default, where it is not float32's."""
EXACT = ("highest", "float32")


class LedgerState(NamedTuple):
    """State of the transformation that is watched.

    Attributes:
        step: how many steps there were.
        inner: its own state.
    """

    step: Any
    inner: Any


class JaxLedger(Books):
    """The books of an Optax transformation; :attr:`optimizer` is that transformation, watched.

    Entries are those of the ledger for PyTorch. Steps may run inside ``jax.jit``: weights,
    gradients and states of recorded steps are handed to the host, where the entries are computed in
    double precision whatever the network uses. What is recorded is the update that the
    transformation returned, added to the weights as ``optax.apply_updates`` does; where the next
    recorded step starts from other weights, a warning says so.

    Made by ``flow.ledger(weights, optimizer, laws)``.

    Attributes:
        optimizer: use it in place of the one that was given.
    """

    def __init__(
        self,
        weights: Any,
        optimizer: Any,
        laws: Any,
        every: int,
        file: LedgerFile | None,
        read: bool,
    ) -> None:
        self._inner = optimizer
        self._dtype = jnp.result_type(*jax.tree.leaves(weights))
        super().__init__(laws, leaves(weights), "Optax transformation", every, file, read)
        inner = optax.with_extra_args_support(optimizer)

        def init(params: Any) -> LedgerState:
            return LedgerState(jnp.asarray(self.steps, dtype=jnp.int32), inner.init(params))

        def update(
            updates: Any, state: LedgerState, params: Any = None, **more: Any
        ) -> tuple[Any, LedgerState]:
            if params is None:
                raise ValueError(
                    "params: got None; the ledger needs the weights, optimizer.update(gradients, "
                    "state, weights)"
                )
            new, later = inner.update(updates, state.inner, params, **more)
            values = schedules(optimizer, state.inner) if read else []
            self._watch(state.step, (params, updates, new, state.inner, later, values))
            return new, LedgerState(state.step + 1, later)

        self.optimizer = optax.GradientTransformationExtraArgs(init, update)

    def _watch(self, step: Any, seen: Any) -> None:
        arrays, shape = jax.tree.flatten(seen)

        def take(number: Any, *values: Any) -> None:
            self._take(int(number), jax.tree.unflatten(shape, values))

        if not any(isinstance(array, jax.core.Tracer) for array in (step, *arrays)):
            if int(step) % self.every == 0:
                take(step, *arrays)
            return

        kinds = [np.dtype(jnp.result_type(array)) for array in arrays]

        def taken(number: Any, *words: Any) -> None:
            take(number, *(_whole(word, kind) for word, kind in zip(words, kinds, strict=True)))

        def tell() -> None:
            jax.experimental.io_callback(taken, None, step, *map(_in_words, arrays), ordered=True)

        jax.lax.cond(step % self.every == 0, tell, lambda: None)

    def _take(self, number: int, seen: Any) -> None:
        """One recorded step, on the host."""
        if self.diverged is not None:
            return
        weights, gradients, updates, before, after, values = seen
        w, g = leaves(weights), leaves(gradients)
        later = leaves(
            jax.tree.map(
                lambda p, u: (np.asarray(p) + np.asarray(u)).astype(np.asarray(p).dtype),
                weights,
                updates,
            )
        )
        self.steps = number
        if self.read:
            expression = UpdateExpression(value=dict(g), fresh=dict.fromkeys(g, 1.0))
            TREE.append(weights)
            SCHEDULED[:] = values
            try:
                run(self._inner, expression, Scope(set(g), w, {}, before, after))
            finally:
                TREE.pop()
            self._book(w, g, later, expression)
        else:
            motions = {name: ParameterMotion(whole=True, rate=0.0) for name in w}
            self.record(
                LedgerStep(
                    {"w": w, "g": g, "later": later, "update": {n: w[n] - later[n] for n in w}},
                    motions,
                ),
                self._digits(weights),
            )

    def _book(self, w: Leaves, g: Leaves, later: Leaves, made: UpdateExpression) -> None:
        motions: dict[str, ParameterMotion] = {}
        whole: Leaves = {}
        for name in w:
            loose = made.decoupled.get(name, 0.0)
            if name in made.whole:
                motions[name] = ParameterMotion(
                    keep=1.0 + loose, whole=True, rate=-made.nominal[name]
                )
                whole[name] = -made.value[name]
                continue
            coupled = made.coupled.get(name, 0.0)
            if (
                not made.remembered
            ):  # plain descent: decay that is added to the gradient, as frameworks count it
                coupled, loose = coupled + loose, 0.0
            memories = {
                label: -by_name[name]
                for label, by_name in made.memories.items()
                if by_name.get(name)
            }
            motions[name] = ParameterMotion(1.0 + loose, -made.fresh[name], -coupled, memories)
        vectors: dict[str, Leaves] = {
            "w": w,
            "g": g,
            "later": later,
            "update": whole,
            **made.vectors,
        }
        for label, held in made.vectors.items():
            vectors[label] = {name: held.get(name, np.zeros(1)) for name in w}
        if made.changed:
            vectors |= {"raw": g, "g": {**g, **made.changed}}
        self.record(LedgerStep(vectors, motions), self._digits(w), self._memory(made, motions))

    def _memory(self, made: UpdateExpression, motions: dict[str, ParameterMotion]) -> Memory | None:
        if made.momentum is None or not self.turning:
            return None
        before, after, factor, exact = made.momentum
        keeps = {motions[name].keep for name in self.names}
        if not set(self.names) <= set(before) or len(keeps) > 1:
            return None
        return Memory(
            before, after, factor * keeps.pop(), exact and not made.whole and len(made.vectors) == 1
        )

    def _digits(self, _: Any) -> Digits:
        digit = float(jnp.finfo(self._dtype).eps)
        precision = getattr(jax.config, "jax_default_matmul_precision", None)
        coarse = 0.0
        if self._dtype == jnp.float32 and precision not in EXACT:
            coarse = MATRIX_PRODUCTS.get(jax.default_backend(), 0.0)
        return Digits(digit, max(digit, coarse))

    def _settle(self) -> None:
        jax.effects_barrier()

    def close(self) -> None:
        """Write no more lines."""
        self._settle()
        if self.file is not None:
            self.file.close()


def _in_words(array: Any) -> Any:
    """Eight bytes as two words: the thread of a callback may not have double precision switched on,
    and would drop half of them.
    """
    whole = jnp.asarray(array)
    return jax.lax.bitcast_convert_type(whole, jnp.uint32) if whole.dtype.itemsize == 8 else whole


def _whole(words: Any, kind: np.dtype) -> np.ndarray:
    """The array again."""
    array = np.asarray(words)
    return np.ascontiguousarray(array).view(kind)[..., 0] if kind.itemsize == 8 else array


def ledger(
    weights: Any,
    optimizer: Any,
    laws: Any = None,
    every: int = 1,
    file: Path | str | None = None,
    resume: bool | int = False,
    unread: str = "refuse",
) -> JaxLedger:
    """Account for every change of the laws of a network that an Optax transformation trains.

    Args:
        weights: a tree of real arrays, as they are at the start.
        optimizer: an Optax transformation: sgd, momentum, adam, adamw, rmsprop, chains of these
            with clipping, decay, schedules, masks, partitions and injected settings.
        laws: of the network. The name of a parameter is the path to it in the tree, its parts
            joined by dots.
        every: record every so many steps.
        file: JSON lines, one for each recorded step.
        resume: continue that file; see the ledger for PyTorch.
        unread: what becomes of a transformation whose step is not known: "refuse" by name, or
            "split".

    Returns:
        The ledger. Its ``optimizer`` is to be used in place of the one that was given.

    Raises:
        ValueError: no laws, weights that are not real, a stage that is not known, laws of other
            names.

    >>> from singlearn.flow import count
    >>> weights = {"W1": jnp.array([[2.0]]), "W2": jnp.array([[1.0]])}
    >>> book = ledger(weights, optax.sgd(0.1), count({"kind": "linear_chain", "widths": [1, 1, 1]}).laws)
    >>> state = book.optimizer.init(weights)
    >>> gradients = jax.grad(lambda w: 0.5 * jnp.sum((w["W2"] @ w["W1"] - 1) ** 2))(weights)
    >>> updates, state = book.optimizer.update(gradients, state, weights)
    >>> round(book.accounts[0].entries["discretisation"].item(), 6)
    -0.03
    """  # noqa: E501
    if unread not in ("refuse", "split"):
        raise ValueError(f"unread: got {unread!r}; it should be 'refuse' or 'split'")
    if laws is None:
        raise ValueError(
            "laws: got None; of a tree of arrays the laws are not known, give those of "
            "flow.count(…).laws or flow.layer_laws(…)"
        )
    for name, leaf in jax.tree_util.tree_flatten_with_path(weights)[0]:
        if not jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating):
            raise ValueError(
                f"weights: {jax.tree_util.keystr(name, simple=True, separator='.')} is "
                f"{jnp.asarray(leaf).dtype}; it should be real"
            )
    read = True
    try:
        check(optimizer)
    except ValueError:
        if unread == "refuse":
            raise
        read = False
    lines = None if file is None else LedgerFile(file, resume)
    book = JaxLedger(weights, optimizer, laws, whole_number("every", every), lines, read)
    if not read:
        book.optimiser = made_by(optimizer).replace(":", ".")
    return book
