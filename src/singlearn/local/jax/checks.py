"""What is looked at before a JAX function is sampled: can it be compiled, are its losses its
samples' own, is its gradient true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from singlearn.local.checks.batch_independence import Dependence, find_dependence
from singlearn.local.checks.false_gradient import find_false_gradient
from singlearn.local.jax.closed_over import among, constants_of, held_by
from singlearn.local.jax.layout import Layout
from singlearn.local.jax.leaves import Leaf
from singlearn.local.jax.programs import CheckpointSetting, CompiledOnce, Programs, Rest

LOOKED_AT = 64
"""Samples on which a gradient is compared with differences."""
REACH = 0.1
"""Of that comparison, in units of the tie."""
UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


class Traced(NamedTuple):
    """The functions of the caller, and what the loss is as a program."""

    model: Callable[..., Any]
    loss: Callable[..., Any]
    constants: Sequence[Any]


def first_look(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    layout: Layout,
    leaves: Sequence[Leaf],
    centre: Array,
    every: Rest,
    some: Any,
) -> tuple[Programs, Rest, Traced]:
    """Programs for a model and a loss that can be traced, and that give one real number per sample;
    nothing is computed.

    Args:
        model: of the caller.
        loss: of the caller.
        layout: of the parameters.
        leaves: of the parameters.
        centre: w*, in coordinates of the chains.
        every: all parameters; held arrays become constants where the model looks at their values.
        some: a few samples.

    Returns:
        The programs, what they take besides the chains' coordinates, and the functions as they are.

    Raises:
        ValueError: they cannot be traced, raise an error, or the loss has another shape or type.
    """

    def programs(layout: Layout) -> Programs:
        return (
            model.programs(loss, layout)
            if isinstance(model, CompiledOnce)
            else Programs(model, loss, layout)
        )

    found = programs(layout)
    try:
        try:
            program, shape = jax.make_jaxpr(found.losses, return_shape=True)(centre, every, some)
        except UNTRACEABLE:
            if not every.held:
                raise
            found, every = programs(layout.with_constants(leaves)), Rest(every.flat, ())
            program, shape = jax.make_jaxpr(found.losses, return_shape=True)(centre, every, some)
        fewer = jax.eval_shape(
            found.losses, centre, every, jax.tree.map(lambda leaf: leaf[:-1], some)
        )
    except UNTRACEABLE as error:
        raise ValueError(
            "model: it cannot be compiled, because what it does depends on the values of "
            "parameters or data, or it uses NumPy on them; "
            f"jnp.where, jax.lax.cond and jax.numpy can ({str(error).splitlines()[0]})"
        ) from error
    except Exception as error:  # whatever the caller's own functions may raise
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"model or loss: at the first samples they raise {type(error).__name__}: {said}"
        ) from error
    samples = len(jax.tree.leaves(some)[0])
    for count, given in ((samples, shape), (samples - 1, fewer)):
        if not isinstance(given, jax.ShapeDtypeStruct):
            raise ValueError(
                f"loss: it gave a {type(given).__name__}; it should give one array, with one "
                f"number per sample"
            )
        if given.shape != (count,):
            reason = (
                "it seems averaged over the batch"
                if given.shape == ()
                else 'sum over outputs in the loss, or say tokens="mean" or "sum" where there is '
                "one number per token"
            )
            raise ValueError(
                f"loss: for {count} samples it gave shape {given.shape}; it should give one number "
                f"a sample, shape ({count},): {reason}"
            )
        if not jnp.issubdtype(given.dtype, jnp.floating):
            raise ValueError(
                f"loss: it gave numbers of type {given.dtype}; they should be real floating-point "
                f"numbers, with a gradient"
            )
    try:
        like = jnp.zeros(samples, shape.dtype)
        jax.eval_shape(found.shared, centre[None], every, some, like)
    except (
        Exception
    ) as error:  # an operation without a derivative, or without a rule for several chains
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"model or loss: they have no gradient for several chains at once "
            f"({type(error).__name__}: {said})"
        ) from error
    function = model.model if isinstance(model, CompiledOnce) else model
    return found, every, Traced(function, loss, constants_of(program))


def batch_dependence(programs: Programs, at: CheckpointSetting, gamma: float, at_once: int) -> None:
    """Refuse a loss of a sample that is not its own.

    Args:
        programs: of the function.
        at: w* with the losses there.
        gamma: the tie, that says how far from w* chains go.
        at_once: samples that fit into memory.

    Raises:
        ValueError: a loss that depends on the batch, its order or its size, or on the call.
    """
    rng = np.random.default_rng(5)
    direction = rng.normal(size=len(at.centre)) / np.sqrt(gamma)
    reference = np.asarray(at.reference, np.float64)

    def losses(displacement: float, index: Integer[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        where = at.centre + jnp.asarray(displacement * direction, at.centre.dtype)
        return np.asarray(
            programs.checked(where, at.every, _rows(at.data, index)), dtype=np.float64
        )

    def exact(displacement: float, index: Integer[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        with jax.enable_x64(True):
            wide = programs.widened()
            centre, every, some = _wide((at.centre, at.every, _rows(at.data, index)))
            return np.asarray(
                wide.losses(centre + jnp.asarray(displacement * direction), every, some),
                dtype=np.float64,
            )

    with jax.default_matmul_precision("highest"):
        found = find_dependence(
            losses, len(reference), seed=0, at_centre=reference, exact=exact, at_once=at_once
        )
        if found is None:
            return
        random = found.dependence is Dependence.CALL or _is_random(programs, at, direction)
    if random:
        raise ValueError(
            f"loss: it is random, not the same at every call ({found}); model and loss should be "
            f"deterministic functions, with dropout "
            "and noise switched off"
        )
    raise ValueError(
        f"loss: the loss of a sample depends on the other samples of its batch; it should not: "
        f"{found}"
    )


def notes_of_functions(given: Mapping[str, Any], traced: Traced) -> list[str]:
    """What may be wrong with functions that can be sampled.

    Args:
        given: the caller's own arrays, by name.
        traced: the caller's functions.

    Returns:
        Sentences.
    """
    still = list(dict.fromkeys([*among(traced.constants, given), *held_by(traced.loss, given)]))
    if not still:
        return []
    return [
        f"model or loss hold {', '.join(still[:4])} of w* themselves, besides what they are given: "
        f"that part stays at w* while chains "
        "move. A penalty on the parameters should be computed from those that the model is given"
    ]


def false_gradient(
    programs: Programs, at: CheckpointSetting, gamma: float, at_once: int, names: Sequence[str]
) -> None:
    """Refuse a gradient that is not the derivative of the loss.

    Args:
        programs: of the function.
        at: w* with the losses there.
        gamma: the tie.
        at_once: samples that fit into memory.
        names: of all leaves.

    Raises:
        ValueError: along some parameters it is another, or it is not finite.
    """
    index = np.unique(np.linspace(0, len(at.reference) - 1, min(LOOKED_AT, at_once)).astype(int))
    some = _rows(at.data, index)
    reference = np.asarray(at.reference, np.float64)[index]

    def losses(offset: Float[np.ndarray, " d"]) -> Float[np.ndarray, " m"]:
        where = at.centre + jnp.asarray(offset, at.centre.dtype)
        found: Float[np.ndarray, " m"] = (
            np.asarray(programs.checked(where, at.every, some), np.float64) - reference
        )
        return found

    def slope(offset: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        return np.asarray(
            programs.slope(at.centre + jnp.asarray(offset, at.centre.dtype), at.every, some),
            np.float64,
        )

    groups, scale = programs.layout.spans(names), float(np.abs(reference).mean())
    found = find_false_gradient(losses, slope, groups, REACH / np.sqrt(gamma), seed=0, scale=scale)
    if found is not None:
        raise ValueError(f"model: {found}")


def _rows(data: Any, index: Integer[np.ndarray, " m"]) -> Any:
    def rows(leaf: Array) -> Array:
        # On a processor NumPy looks at the same memory, and compiles nothing for a batch of a new
        # size.
        if jax.default_backend() == "cpu" and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jnp.asarray(np.asarray(leaf)[index])
        return leaf[index]

    return jax.tree.map(rows, data)


def _wide(tree: Any) -> Any:
    kinds = {jnp.dtype("float32"): "float64", jnp.dtype("complex64"): "complex128"}
    return jax.tree.map(lambda leaf: leaf.astype(kinds.get(leaf.dtype, leaf.dtype)), tree)


def _is_random(
    programs: Programs, at: CheckpointSetting, direction: Float[np.ndarray, " d"]
) -> bool:
    """Whether two calls differ when nothing is compiled: what is drawn by NumPy or Python is the
    same in all calls of a program.
    """
    some = jax.tree.map(lambda leaf: leaf[:3], at.data)
    where = at.centre + jnp.asarray(direction, at.centre.dtype)
    with jax.disable_jit():
        one, other = (np.asarray(programs.losses(where, at.every, some)) for _ in range(2))
    return not np.array_equal(one, other, equal_nan=True)
