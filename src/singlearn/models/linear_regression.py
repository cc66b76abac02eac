"""Linear regression, with known or unknown noise: a regular model of any number of observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.running.arguments import real_number
from singlearn.triple import Triple
from singlearn.triple.intake import matrix
from singlearn.triple.sufficient import LinearGaussian, LinearInInputs


def linear_regression(
    x: Float[np.ndarray, "n inputs"],
    y: Float[np.ndarray, "n outputs"],
    prior_scale: float | int = 1.0,
    scale: float | int | dist.Distribution = 1.0,
) -> Triple:
    r"""Linear regression :math:`y ~ N(xW, σ^2 I)` for data at hand.

    Its energy is computed from sufficient statistics, so that the number of observations costs
    nothing (:class:`singlearn.triple.LinearInInputs`).

    Args:
        x: inputs; a column of ones for an intercept.
        y: outputs.
        prior_scale: standard deviation of the prior N(0, ·²) on every entry of W.
        scale: σ > 0, standard deviation of the noise in every output, in the unit of ``y``: a
            number, or where it is unknown its prior.

    Returns:
        The triple, with parameters ``"W"`` of shape (inputs, outputs) and, where the noise is
        unknown, ``"scale"``.

    Raises:
        ValueError: a scale that is not positive, or a prior of it that is not a distribution of one
            number.

    >>> data = np.eye(2), np.array([[1.0], [3.0]])
    >>> known = linear_regression(*data)
    >>> w = {"W": np.array([[1.0], [3.0]])}
    >>> round(known.parameter_energy(w), 6), round(float(np.log(2 * np.pi)), 6)
    (1.837877, 1.837877)
    >>> linear_regression(*data, scale=dist.HalfNormal(1.0)).dimension
    3
    """
    x, y = matrix("x", x), matrix("y", y)
    prior_scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    prior: dict[str, dist.Distribution] = {
        "W": dist.Normal(0.0, prior_scale).expand([x.shape[1], y.shape[1]])
    }
    mean = LinearInInputs(_coefficients)
    name = f"linear regression {x.shape[1]}→{y.shape[1]}"
    if not isinstance(scale, dist.Distribution):
        return Triple.regression(mean, prior, x, y, scale=scale, name=name)
    if scale.shape() != ():
        raise ValueError(
            f"scale: got a distribution of shape {scale.shape()}; it should be of one number"
        )
    return Triple(LinearGaussian(mean, _scale), prior | {"scale": scale}, (x, y), name=name)


def _coefficients(w: Mapping[str, Any]) -> Float[Array, "inputs outputs"]:
    return jnp.asarray(w["W"])


def _scale(w: Mapping[str, Any]) -> Float[Array, ""]:
    return jnp.asarray(w["scale"])
