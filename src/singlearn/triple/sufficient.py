"""Linear Gaussian regressions of many observations: their energy from a triangle of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.triple.gaussian import gaussian

# Fewer observations per input than this are worked on as they are.
WORTHWHILE = 2


class Summary(NamedTuple):
    r"""Sufficient statistics of :math:`y ~ N(xC, σ^2)`, with the decomposition :math:`x = QR`.

    :math:`Σ|y - xC|^2 = |Q^T y - RC|^2 + |y - QQ^T y|^2` for every C.

    Attributes:
        triangle: R.
        projected: :math:`Q^T y`.
        rest: :math:`|y - QQ^T y|^2`, in the square of the unit of y.
        numbers: n times the number of outputs.
    """

    triangle: Float[np.ndarray, "inputs inputs"]
    projected: Float[np.ndarray, "inputs *outputs"]
    rest: Float[np.ndarray, ""]
    numbers: Float[np.ndarray, ""]


@dataclass(frozen=True)
class LinearInInputs:
    r"""A regression function :math:`f(w, x) = x\,C(w)`: linear in x, anything in w.

    Given to ``Triple.regression`` the energy of n observations costs as much as that of as many
    observations as x has columns; it is the same number up to rounding. Reduced rank regression
    and deep linear networks are of this kind.

    Args:
        coefficients: ``C(w)``, of shape (inputs,) or (inputs, outputs); a pure JAX function.

    >>> f = LinearInInputs(lambda w: w["A"] @ w["B"])
    >>> w = {"A": np.ones((3, 1)), "B": np.ones((1, 2))}
    >>> f(w, np.eye(3)[:2]).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    coefficients: Callable[[PyTree], Float[Array, "inputs *outputs"]]

    def __repr__(self) -> str:
        name = getattr(self.coefficients, "__qualname__", type(self.coefficients).__name__)
        return f"LinearInInputs({name})"

    def __call__(
        self, w: PyTree, x: Float[Array | np.ndarray, "n inputs"]
    ) -> Float[Array, "n *outputs"]:
        """Predictions of each observation."""
        coefficients = jnp.asarray(self.coefficients(w))
        found: Float[Array, "n *outputs"] = jnp.asarray(x, coefficients.dtype) @ coefficients
        return found


@dataclass(frozen=True)
class LinearGaussian:
    r"""The log likelihood of :math:`y ~ N(x\,C(w), σ(w)^2)` whose noise is a parameter.

    Args:
        mean: x C(w).
        noise: ``σ(w)`` > 0, a scalar, in the unit of y.

    >>> likelihood = LinearGaussian(LinearInInputs(lambda w: w["w"]), lambda w: w["noise"])
    >>> data = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 4.0])
    >>> w = {"w": np.array([1.0]), "noise": 2.0}
    >>> summary = summary_of(likelihood, data)
    >>> pointwise = -float(likelihood(w, data).sum())
    >>> round(pointwise, 6), round(float(summarised_energy(likelihood, w, summary)), 6)
    (4.961257, 4.961257)
    """

    mean: LinearInInputs
    noise: Callable[[PyTree], Float[Array, ""]]

    def __call__(self, w: PyTree, data: PyTree) -> Float[Array, " n"]:
        """Pointwise log densities, in nats."""
        return gaussian(self.mean, self.noise(w), w, data)


def summary_of(log_likelihood: Callable[..., Any], data: PyTree) -> Summary | None:
    """The sufficient statistics of data under a log likelihood that has such.

    Args:
        log_likelihood: ``Triple.log_likelihood``.
        data: ``(x, y)``.

    Returns:
        Them, computed in double precision, or ``None``: another log likelihood, or so few
        observations that nothing is gained.
    """
    if _linear(log_likelihood) is None:
        return None
    x, y = (np.asarray(part, dtype=float) for part in data)
    if x.ndim != 2 or len(x) < WORTHWHILE * x.shape[1]:
        return None
    orthogonal, triangle = np.linalg.qr(x)
    projected = orthogonal.T @ y
    rest = np.sum((y - orthogonal @ projected) ** 2)
    return Summary(triangle, projected, np.asarray(rest), np.asarray(float(y.size)))


def summarised_energy(
    log_likelihood: Callable[..., Any], w: PyTree, summary: Summary
) -> Float[Array, ""]:
    """n L_n(w) from sufficient statistics, in nats.

    Args:
        log_likelihood: that the statistics were made for.
        w: the parameter.
        summary: of the data.

    Returns:
        The energy.

    Raises:
        ValueError: a log likelihood that has no such statistics.
    """
    linear = _linear(log_likelihood)
    if linear is None:
        raise ValueError("log_likelihood: it is not a linear Gaussian regression")
    mean, noise = linear
    squares = jnp.sum((summary.projected - mean(w, summary.triangle)) ** 2) + summary.rest
    scale = noise(w)
    found: Float[Array, ""] = 0.5 * squares / scale**2 + 0.5 * summary.numbers * jnp.log(
        2 * math.pi * scale**2
    )
    return found


def _linear(
    log_likelihood: Callable[..., Any],
) -> tuple[LinearInInputs, Callable[[PyTree], Any]] | None:
    """Mean and noise of a linear Gaussian regression with one scale for all outputs."""
    if isinstance(log_likelihood, LinearGaussian):
        return log_likelihood.mean, log_likelihood.noise
    if isinstance(log_likelihood, partial) and log_likelihood.func is gaussian:
        f, scale = log_likelihood.args
        if isinstance(f, LinearInInputs) and scale is not None:
            return f, lambda w: scale
    return None
