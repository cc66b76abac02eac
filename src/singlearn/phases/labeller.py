"""Labellers: which phase a parameter belongs to, for one parameter or for a whole ladder of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from singlearn.triple import Coordinates

Labeller = Callable[[PyTree], Any]
"""A function of a constrained parameter. Where JAX can trace it and it returns integers or booleans
(one, an array, or a tuple of them), it labels whole populations at once and a run can be restricted
to one of its phases; any other function is called once a particle and returns something hashable.
"""

BATCH = 4096
# Of floating point numbers, or objects that are equal to themselves only, nobody means more phases
# than this.
MOST_LIKE_NUMBERS = 100


def is_traceable(labeller: Labeller, coordinates: Coordinates) -> bool:
    """Whether JAX can follow the labeller: then it returns integers or booleans and can be
    compiled.

    Raises:
        ValueError: it returns floating point numbers, whose values are not phases.
    """
    try:
        shapes = jax.eval_shape(labeller, coordinates.shapes())
    except (
        TypeError,
        AttributeError,
        ValueError,
        NotImplementedError,
    ):  # a branch on a value, a string, a NumPy function: Python only
        return False
    leaves = jax.tree.leaves(shapes)
    if not leaves or any(getattr(leaf, "dtype", None) is None for leaf in leaves):
        return False
    for leaf in leaves:
        if not (jnp.issubdtype(leaf.dtype, jnp.integer) or leaf.dtype == jnp.bool_):
            raise ValueError(
                f"labeller: {name_of(labeller)} returns {leaf.dtype}; a phase should be integers, "
                f"booleans or something hashable"
            )
    return True


def name_of(labeller: Labeller) -> str:
    """How tables call a labeller."""
    return getattr(labeller, "__name__", type(labeller).__name__)


def inside_phase(labeller: Labeller, phase: Hashable) -> Callable[[PyTree], Bool[Array, ""]]:
    """The predicate "is labelled ``phase``", for a labeller that JAX can trace."""
    wanted = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(phase)])

    def inside(w: PyTree) -> Bool[Array, ""]:
        found = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(labeller(w))])
        if found.shape != wanted.shape:
            raise ValueError(
                f"restrict: the phase {phase!r} has {wanted.size} entries; {name_of(labeller)} "
                f"returns {found.size}"
            )
        return jnp.all(found == jnp.asarray(wanted))

    return inside


def label_all(
    labeller: Labeller, coordinates: Coordinates, particles: Float[np.ndarray, "particles d"]
) -> tuple[list[Hashable], Int[np.ndarray, " particles"]]:
    """Label flat particles: the phases that occur, and for every particle the index of its phase.

    Raises:
        ValueError: the labeller returns floating point numbers that are as many as the particles,
            or nan.
        TypeError: a phase that is not hashable.
    """
    with jax.enable_x64(particles.dtype == np.float64):
        if is_traceable(labeller, coordinates):
            shapes = jax.eval_shape(labeller, coordinates.shapes())
            every = _compiled(labeller, coordinates, min(BATCH, len(particles)))(
                jnp.asarray(particles)
            )
            distinct, index = np.unique(np.asarray(every), axis=0, return_inverse=True)
            return [_phase(row, shapes) for row in distinct], index.reshape(-1)
        constrained = jax.tree.map(
            np.asarray, jax.jit(jax.vmap(coordinates.constrain))(jnp.asarray(particles))
        )
    seen: dict[Hashable, int] = {}
    index = np.empty(len(particles), dtype=int)
    for i in range(len(particles)):
        phase = labeller(jax.tree.map(lambda leaf, i=i: leaf[i], constrained))
        phase = _hashable(phase, name_of(labeller))
        index[i] = seen.setdefault(phase, len(seen))
        if len(seen) > MOST_LIKE_NUMBERS and _is_like_a_number(phase):
            raise ValueError(
                f"labeller: {name_of(labeller)} returned {len(seen)} different phases for {i + 1} "
                f"particles, the last {phase!r}; a phase "
                "should be shared by many: integers, booleans or words, not floating point numbers "
                "or objects made anew"
            )
    return list(seen), index


def _hashable(phase: Any, name: str) -> Hashable:
    """What a labeller returned as a phase: arrays of whole numbers as Python's own, ``nan`` and
    what cannot be compared refused.
    """
    if isinstance(phase, (np.ndarray, np.generic, jax.Array)):
        phase = _in_tuples(np.asarray(phase).tolist())
    if not isinstance(phase, Hashable):
        raise TypeError(f"labeller: {name} returned {phase!r}; a phase should be hashable")
    try:
        hash(phase)
    except TypeError as error:  # a tuple that holds a list, say
        raise TypeError(
            f"labeller: {name} returned {phase!r}; a phase should be hashable ({error})"
        ) from error
    for part in jax.tree.leaves(phase):
        if isinstance(part, (float, complex)) and part != part:
            raise ValueError(
                f"labeller: {name} returned {phase!r} for some parameter; nan is not equal to "
                f"itself and cannot be a phase"
            )
    return phase


def _in_tuples(value: Any) -> Any:
    return tuple(_in_tuples(entry) for entry in value) if isinstance(value, list) else value


def _is_like_a_number(phase: Hashable) -> bool:
    """Whether phases of this kind are seldom equal: floating point numbers, and objects that are
    equal to themselves only.
    """
    parts = jax.tree.leaves(phase)
    kinds: list[Any] = [type(part) for part in parts]
    return any(issubclass(kind, float) or kind.__eq__ is object.__eq__ for kind in kinds)


@lru_cache(maxsize=16)
def _compiled(
    labeller: Labeller, coordinates: Coordinates, batch: int
) -> Callable[[Float[Array, "particles d"]], Int[Array, "particles entries"]]:
    """The codes of many particles; the last few labellers are remembered, for the next runs of a
    sweep.
    """

    def codes(u: Float[Array, " d"]) -> Int[Array, " entries"]:
        leaves = jax.tree.leaves(labeller(coordinates.constrain(u)))
        return jnp.concatenate([jnp.ravel(leaf).astype(int) for leaf in leaves])

    return jax.jit(partial(jax.lax.map, codes, batch_size=batch))


def _phase(row: Int[np.ndarray, " entries"], shapes: PyTree) -> Hashable:
    """The codes of one particle, back in the structure the labeller returns, in Python's own
    numbers and tuples.
    """
    leaves, structure = jax.tree.flatten(shapes)
    values, start = [], 0
    for leaf in leaves:
        entries = row[start : start + leaf.size].astype(leaf.dtype).tolist()
        values.append(entries[0] if leaf.shape == () else tuple(entries))
        start += leaf.size
    phase = jax.tree.unflatten(structure, values)
    if not isinstance(phase, Hashable):
        raise TypeError(
            f"labeller: it returns {type(phase).__name__}; a phase should be hashable, a tuple for "
            f"instance"
        )
    return phase
