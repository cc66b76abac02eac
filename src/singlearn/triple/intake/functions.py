"""Functions that do not run where they are asked first: what was brought, and why it fails."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import PyTree

TRACING = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def explained(argument: str, error: Exception, data: PyTree) -> Exception:
    """The error to raise where a function that was brought fails at a parameter that the prior
    draws.

    Args:
        argument: what the caller calls the function.
        error: that it raised; one of our own refusals goes on as it is.
        data: what it was called with besides the parameter.

    Returns:
        A ``ValueError`` that names the argument, or ``error`` itself.

    >>> str(explained("kl", TypeError("f() takes 1 positional argument"), ()))
    'kl: it fails at a parameter that the prior draws (TypeError: f() takes 1 positional argument)'
    """
    if _is_ours(error):
        return error
    text = " ".join(str(error).split())[:200]
    if isinstance(error, TRACING):
        return ValueError(
            f"{argument}: its Python code branches or indexes on the parameter, or turns it into a "
            f"Python number or a NumPy array; "
            f"it should be written with jax.numpy, which follows it (jnp.where chooses). JAX says: "
            f"{text}"
        )
    leaves = jax.tree_util.tree_leaves_with_path(data)
    listed = [
        f"data{jax.tree_util.keystr(path)} of shape {np.shape(leaf)}" for path, leaf in leaves[:4]
    ]
    more = [f"{len(leaves) - 4} more"] if len(leaves) > 4 else []
    brought = (
        f", called with {type(data).__name__}: {', '.join(listed + more)}"
        if leaves and type(data) is not np.ndarray
        else ""
    )
    return ValueError(
        f"{argument}: it fails at a parameter that the prior draws{brought} "
        f"({type(error).__name__}: {text or 'no message'})"
    )


def _is_ours(error: Exception) -> bool:
    """Whether the last frame of an error is in this package, and the error speaks to a user."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    inside = frame is not None and str(frame.tb_frame.f_globals.get("__name__")).startswith(
        "singlearn."
    )
    return inside and type(error) is ValueError
