"""Products with the Gauss-Newton matrix of a JAX function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array


def gauss_newton(
    output: Callable[[Array], Any], loss: Callable[[Any], Array], at: Array, vector: Array
) -> Array:
    r""":math:`J^T H_ℓ J v`, J the derivative of the output and :math:`H_ℓ` the Hessian of the loss
    in it.

    Parts of the output that are no floating-point or complex numbers have no derivative and stay as
    they are. Where a function has no forward derivative (``jax.custom_vjp``), J v is the derivative
    of :math:`u ↦ J^T u`, so that reverse ones do.

    Args:
        output: of the parameters: any pytree.
        loss: of an output: one number.
        at: the parameters.
        vector: v.

    Returns:
        The product.

    >>> half_square = lambda o: 0.5 * (o["a"] ** 2).sum()
    >>> def tripled(w): return {"a": 3.0 * w, "b": 1}
    >>> gauss_newton(tripled, half_square, jnp.ones(2), jnp.ones(2)).tolist()
    [9.0, 9.0]
    """
    try:
        return _forward(output, loss, at, vector)
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
        return _reverse(output, loss, at, vector)


class _Parts:
    """An output in two: numbers with a derivative, and the others."""

    def __init__(self, output: Callable[[Array], Any], loss: Callable[[Any], Array]) -> None:
        self._output, self._loss = output, loss
        self._structure: Any = None
        self._inexact: list[bool] = []

    def split(self, at: Array) -> tuple[list[Any], list[Any]]:
        """Numbers with a derivative, and the others."""
        leaves, self._structure = jax.tree.flatten(self._output(at))
        self._inexact = [bool(jnp.issubdtype(jnp.result_type(x), jnp.inexact)) for x in leaves]
        pairs = list(zip(leaves, self._inexact, strict=True))
        return [x for x, own in pairs if own], [x for x, own in pairs if not own]

    def loss(self, others: list[Any]) -> Callable[[list[Any]], Array]:
        """The loss as a function of the numbers with a derivative."""

        def joined(own: list[Any]) -> Array:
            ours, theirs = iter(own), iter(others)
            leaves = [next(ours) if inexact else next(theirs) for inexact in self._inexact]
            return self._loss(jax.tree.unflatten(self._structure, leaves))

        return joined


def _forward(
    output: Callable[[Array], Any], loss: Callable[[Any], Array], at: Array, vector: Array
) -> Array:
    parts = _Parts(output, loss)
    out, tangent, others = jax.jvp(parts.split, (at,), (vector,), has_aux=True)
    curved = jax.jvp(jax.grad(parts.loss(others)), (out,), (tangent,))[1]
    back: Array = jax.vjp(parts.split, at, has_aux=True)[1](curved)[0]
    return back


def _reverse(
    output: Callable[[Array], Any], loss: Callable[[Any], Array], at: Array, vector: Array
) -> Array:
    parts = _Parts(output, loss)
    out, pull, others = jax.vjp(parts.split, at, has_aux=True)
    tangent = jax.vjp(lambda u: pull(u)[0], jax.tree.map(jnp.zeros_like, out))[1](vector)[0]
    curved = jax.vjp(jax.grad(parts.loss(others)), out)[1](tangent)[0]
    back: Array = pull(curved)[0]
    return back
