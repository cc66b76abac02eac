"""What each leaf of a pytree of parameters is: sampled, held, or no array at all."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

REAL, COMPLEX, HELD, STATIC = "real", "complex", "held", "static"
COLLECTIONS = ("batch_stats", "cache", "intermediates")
"""What flax keeps beside ``params``, and no optimiser moves."""
SHOWN = 6


class Leaf(NamedTuple):
    """One leaf.

    Attributes:
        name: such as ``layers.0.w``.
        kind: ``real`` and ``complex`` ones are sampled, the latter in two real directions per
            entry; ``held`` arrays and ``static`` objects stay as they are.
        value: an array of JAX, or the object itself.
        said: what it is, for people.
    """

    name: str
    kind: str
    value: Any
    said: str

    @property
    def moves(self) -> bool:
        """Whether it can be sampled."""
        return self.kind in (REAL, COMPLEX)


def sorted_leaves(parameters: Any) -> tuple[list[Leaf], Any]:
    """The leaves in JAX's order, and the structure of the tree.

    Floating-point and complex arrays are parameters, as for ``jax.grad``; integers, truth values,
    keys of random numbers and objects that are not arrays are not.

    Args:
        parameters: any pytree.

    Returns:
        The leaves, and the structure that puts them together again.

    Raises:
        ValueError: a leaf that is no array of JAX's numbers, two of one name, or none that can be
            sampled.

    >>> tree = {"w": np.ones(2), "mask": np.ones(2, bool), "act": np.tanh}
    >>> [(leaf.name, leaf.kind) for leaf in sorted_leaves(tree)[0]]
    [('act', 'static'), ('mask', 'held'), ('w', 'real')]
    """
    try:
        given, structure = jax.tree_util.tree_flatten_with_path(parameters)
    except (TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"parameters: JAX cannot take this tree apart ({said})") from error
    only_arrays = _is_equinox(parameters)
    leaves = [_leaf(path_name(path), value, only_arrays) for path, value in given]
    names = [leaf.name for leaf in leaves]
    twice = (
        next((name for name in names if names.count(name) > 1), None)
        if len(set(names)) < len(names)
        else None
    )
    if twice is not None:
        raise ValueError(
            f"parameters: two leaves are called {twice}; a dot in a key makes one name of two, so "
            f"rename it"
        )
    if not any(leaf.moves for leaf in leaves):
        listed = ", ".join(f"{leaf.name} ({leaf.said})" for leaf in leaves[:SHOWN]) or "none at all"
        raise ValueError(
            f"parameters: no leaf is a floating-point or complex array, there are: {listed}; they "
            f"should be a pytree that JAX knows "
            "(dictionaries, lists, registered classes) with arrays as leaves"
        )
    return leaves, structure


def notes_on(leaves: Sequence[Leaf], parameters: Any) -> tuple[list[str], list[str]]:
    """Sentences about what is not sampled, and names of parameters that flax does not train.

    Args:
        leaves: of :func:`sorted_leaves`.
        parameters: the pytree that they come from.

    Returns:
        The sentences, and the names.
    """
    notes = []
    held = [
        f"{leaf.name} ({leaf.said})"
        for leaf in leaves
        if not leaf.moves and not callable(leaf.value)
    ]
    if held:
        listed = ", ".join(held[:SHOWN]) + (
            f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
        )
        notes.append(
            f"not sampled, for these are not real or complex numbers: {listed}; they stay as they "
            f"are at w*"
        )
    masks = [leaf.name for leaf in leaves if leaf.kind == REAL and _looks_like_a_mask(leaf)]
    if masks:
        notes.append(
            f"{', '.join(masks)} is sampled, for it holds floating-point numbers, though by its "
            f"name and its zeros and ones it is a mask; "
            "masks should be truth values, or be left out by only="
        )
    beside: list[str] = []
    if (
        isinstance(parameters, Mapping)
        and "params" in parameters
        and all(k in ("params", *COLLECTIONS) for k in parameters)
    ):
        beside = [
            leaf.name for leaf in leaves if leaf.moves and leaf.name.split(".")[0] != "params"
        ]
        if beside:
            kinds = ", ".join(k for k in parameters if k != "params")
            notes.append(
                f"not sampled, for flax keeps {kinds} beside params and does not train it: it "
                f"stays as it is at w*"
            )
    return notes, beside


def _looks_like_a_mask(leaf: Leaf) -> bool:
    if "mask" not in leaf.name.lower() or leaf.value.size < 2:
        return False
    numbers = np.asarray(leaf.value, np.float64)
    return bool(np.isin(numbers, (0, 1)).all())


def path_name(path: Any) -> str:
    """The name of a leaf, such as ``layers.0.w``."""
    parts = [getattr(p, "key", getattr(p, "idx", getattr(p, "name", p))) for p in path]
    return ".".join(str(part) for part in parts) or "parameters"


def as_array(value: Any, name: str) -> Any:
    """An array of JAX with the same numbers.

    Args:
        value: an array of any library, or a number.
        name: how a refusal calls it.

    Returns:
        An array of JAX; numbers in the precision that JAX is set to.

    Raises:
        ValueError: masked entries, numbers that JAX has no type for or that do not fit into it.
    """
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise ValueError(
                f"{name} is a masked array, and JAX would take its masked entries for numbers; "
                f"leave them out, or fill them"
            )
        value = value.data
    if isinstance(value, jax.core.Tracer):
        raise ValueError(
            f"{name} is being traced; call this outside of jax.jit, jax.vmap and jax.grad"
        )
    if isinstance(value, jax.Array):
        if value.is_deleted():
            raise ValueError(
                f"{name} was given away to a compiled function (donate_argnums); give a copy that "
                f"is still there"
            )
        return value
    plain = (
        np.asarray(value)
        if isinstance(value, np.ndarray | np.generic) or not hasattr(value, "dtype")
        else value
    )
    kind = getattr(plain, "dtype", None)
    if isinstance(kind, np.dtype) and (
        kind.kind not in "biufcV" or kind in (np.longdouble, np.clongdouble)
    ):
        raise ValueError(f"{name} holds {kind}; it should hold numbers of a type that JAX has")
    try:
        with np.errstate(over="ignore"):  # what does not fit is refused below
            found = jnp.asarray(plain)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(
            f"{name} is not an array of numbers ({' '.join(str(error).split())[:120]})"
        ) from None
    if isinstance(plain, np.ndarray) and plain.dtype != found.dtype and plain.size:
        _refuse_what_does_not_fit(plain, found.dtype, name)
    return found


def _refuse_what_does_not_fit(given: np.ndarray, kind: Any, name: str) -> None:
    """JAX cuts 64 bits to 32 without a word: integers wrap around, and large numbers become
    infinite.

    Raises:
        ValueError: such numbers.
    """
    if given.dtype.kind in "iu" and kind.kind in "iu":
        limits = np.iinfo(kind)
        low, high = int(given.min()), int(given.max())
        if low < limits.min or high > limits.max:
            raise ValueError(
                f"{name} holds whole numbers from {low} to {high}, which do not fit into JAX's "
                f"{kind}; switch on jax_enable_x64"
            )
    elif given.dtype.kind in "fc":
        finite = np.abs(given[np.isfinite(given)])
        largest = float(finite.max(initial=0.0))
        if largest > float(jnp.finfo(kind).max):
            raise ValueError(
                f"{name} holds numbers up to {largest:.3g}, which are infinite in JAX's {kind}; "
                f"rescale, or switch on jax_enable_x64"
            )


def _leaf(name: str, value: Any, only_arrays: bool) -> Leaf:
    if isinstance(value, bool | int | str | bytes) or callable(value):
        return Leaf(name, STATIC, value, f"a Python {type(value).__name__}")
    if isinstance(value, float | complex) and only_arrays:
        return Leaf(name, STATIC, value, f"a Python {type(value).__name__}")
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUSMm":
        raise ValueError(
            f"parameters: {name} holds {value.dtype}; it should hold numbers of a type that JAX has"
        )
    if (
        not isinstance(value, float | complex)
        and not hasattr(value, "dtype")
        and not hasattr(value, "__array__")
    ):
        return Leaf(name, STATIC, value, f"an object of {type(value).__name__}")
    array = as_array(value, f"parameters: {name}")
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        return Leaf(name, HELD, array, "a key of random numbers")
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        return Leaf(name, COMPLEX, array, str(array.dtype))
    if jnp.issubdtype(array.dtype, jnp.floating):
        return Leaf(name, REAL, array, str(array.dtype))
    return Leaf(name, HELD, array, str(array.dtype))


def _is_equinox(parameters: Any) -> bool:
    """Whether Equinox says what is a parameter: for it a number of Python's is a setting, such as
    the rate of dropout.
    """
    equinox = sys.modules.get("equinox")
    return equinox is not None and isinstance(parameters, equinox.Module)
