"""The divergence of a JAX function from itself at w*, as a loss and data of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from singlearn.local.checks.own_function import UNKNOWN, Likelihood, likelihood_of
from singlearn.local.jax.data import as_pair

AT_ONCE, FEW = 256, 4


def own_function(
    model: Callable[..., Any], loss: Callable[..., Any], data: Any, parameters: Any
) -> tuple[Callable[..., Any], Any]:
    """As for a module (:func:`singlearn.local.torch.own_function.own_function`).

    Args:
        model: ``model(parameters, x)``.
        loss: ``loss(output, target)``.
        data: the pair (x, target).
        parameters: w*.

    Returns:
        A loss per sample, and the pair (x, outputs at w*).

    Raises:
        ValueError: a loss whose divergence is not known, outputs that are not an array.
    """
    x, target = as_pair(data)
    half = any(_is_half(leaf) for leaf in jax.tree.leaves(parameters))
    if half:  # as they will be evaluated
        parameters, x = _widened(parameters), _widened(x)
    if not hasattr(target, "shape"):
        raise ValueError(UNKNOWN.format(why="the targets are several arrays"))
    found = []
    for start in range(0, len(target), AT_ONCE):
        output = model(
            parameters, jax.tree.map(lambda leaf, start=start: leaf[start : start + AT_ONCE], x)
        )
        if not hasattr(output, "dtype") or not jnp.issubdtype(output.dtype, jnp.floating):
            raise ValueError(
                UNKNOWN.format(
                    why=f"the model gives {type(output).__name__}, and not one array of real "
                    f"numbers"
                )
            )
        found.append(output)
    outputs = jnp.concatenate(found)

    def loss_at(output: np.ndarray, aim: np.ndarray) -> np.ndarray:
        try:
            said = loss(jnp.asarray(output, outputs.dtype), jnp.asarray(aim, target.dtype))
        except Exception as error:  # whatever a caller's loss raises
            raise ValueError(
                UNKNOWN.format(why=f"it fails there: {' '.join(str(error).split())[:120]}")
            ) from error
        return np.asarray(said, dtype=np.float64)

    likelihood = likelihood_of(loss_at, np.asarray(outputs[:FEW]), np.asarray(target[:FEW]))
    if likelihood.kind == "squared error":
        return loss, (x, outputs.reshape(target.shape))
    return divergence(likelihood), (x, outputs)


@lru_cache
def divergence(found: Likelihood) -> Callable[[Any, Any], Any]:
    """The Kullback-Leibler divergence between an output and another, per sample; one function for
    all checkpoints of a network.
    """

    def labels(output: Any, own: Any) -> Any:
        said, meant = jax.nn.log_softmax(output, found.axis), jax.nn.log_softmax(own, found.axis)
        return found.factor * (jnp.exp(meant) * (meant - said)).reshape(len(output), -1).sum(1)

    def yes_or_no(output: Any, own: Any) -> Any:
        said = jax.nn.sigmoid(own) * (jax.nn.log_sigmoid(own) - jax.nn.log_sigmoid(output))
        other = jax.nn.sigmoid(-own) * (jax.nn.log_sigmoid(-own) - jax.nn.log_sigmoid(-output))
        return found.factor * (said + other).reshape(len(output), -1).sum(1)

    return labels if found.kind == "class labels" else yes_or_no


def _is_half(leaf: Any) -> bool:
    return (
        hasattr(leaf, "dtype")
        and bool(jnp.issubdtype(leaf.dtype, jnp.floating))
        and leaf.dtype.itemsize < 4
    )


def _widened(tree: Any) -> Any:
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf).astype(jnp.float32) if _is_half(leaf) else leaf, tree
    )
