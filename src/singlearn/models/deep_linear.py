"""Deep linear networks: a product of matrices, of any depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import catalogue
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple
from singlearn.triple.intake import matrix


def deep_linear(widths: Sequence[int], rank: int, n: float | int = 1.0) -> Triple:
    r"""The population triple :math:`K(w) = \|W_L ⋯ W_1 - C_0\|^2`, prior N(0, 1) on every entry.

    :math:`C_0` is the identity in its first ``rank`` rows and columns and zero elsewhere; every
    truth of that rank gives the same λ.

    Known: λ and m for all widths (Aoyagi 2024 [aoyagi2024deep]_,
    :func:`singlearn.exact.catalogue.deep_linear`). λ is bounded however deep the network is.

    Args:
        widths: of all layers, inputs first and outputs last.
        rank: of the truth, at most the narrowest width.
        n: sample size; only nβ matters.

    Returns:
        A population triple whose λ and m are known.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> triple = deep_linear([1, 1, 1, 1], rank=0)
    >>> triple.dimension, str(triple.known.value), triple.known.multiplicity
    (3, '1/2', 3)
    """
    widths = list(widths)
    known = catalogue.deep_linear(widths, rank)
    truth = np.eye(widths[-1], widths[0]) * (np.arange(widths[0]) < rank)

    def kl(w: Mapping[str, Float[Array, "_ _"]]) -> Float[Array, ""]:
        return jnp.sum((_product(w) - jnp.asarray(truth, w["W1"].dtype)) ** 2)

    name = f"deep linear {_arrows(widths)}, true rank {rank}"
    return Triple.population(kl, _prior(widths, 1.0), n, name=name, known=known)


def deep_linear_regression(
    x: Float[np.ndarray, "n inputs"],
    y: Float[np.ndarray, "n outputs"],
    hidden: Sequence[int],
    prior_scale: float | int = 1.0,
    scale: float | int = 1.0,
) -> Triple:
    r"""A deep linear network :math:`y ~ N(W_L ⋯ W_1 x, σ^2 I)` for data at hand.

    λ depends on the true rank, which the data leave open, so nothing is claimed; compare
    :func:`singlearn.exact.catalogue.deep_linear` for each rank.

    Args:
        x: inputs, centred and of comparable scales.
        y: outputs, centred.
        hidden: widths of the layers in between, each ≥ 1; none of them is plain linear regression.
        prior_scale: standard deviation of the prior N(0, ·²) on every entry.
        scale: σ, standard deviation of the noise in every output, in the unit of ``y``.

    Returns:
        A triple with these data, whose λ is not known.

    Raises:
        ValueError: a width < 1 or a scale that is not positive.

    >>> deep_linear_regression(np.zeros((5, 3)), np.zeros((5, 2)), hidden=[2, 2]).dimension
    14
    """
    hidden = [whole_number(f"hidden[{index}]", width) for index, width in enumerate(hidden)]
    x, y = matrix("x", x), matrix("y", y)
    widths = [x.shape[1], *hidden, y.shape[1]]

    def f(
        w: Mapping[str, Float[Array, "_ _"]], x: Float[Array | np.ndarray, "n inputs"]
    ) -> Float[Array, "n outputs"]:
        product = jnp.asarray(_product(w))
        return jnp.asarray(x, product.dtype) @ product.T

    return Triple.regression(
        f, _prior(widths, prior_scale), x, y, scale=scale, name=f"deep linear {_arrows(widths)}"
    )


def _product(w: Mapping[str, Float[Array, "_ _"]]) -> Float[Array, "outputs inputs"]:
    """W_L ⋯ W_1 of ``{"W1": …, "W2": …}``."""
    return reduce(lambda product, layer: w[f"W{layer}"] @ product, range(2, len(w) + 1), w["W1"])


def _arrows(widths: Sequence[int]) -> str:
    return "→".join(str(width) for width in widths)


def _prior(widths: Sequence[int], prior_scale: float | int) -> dict[str, dist.Distribution]:
    prior_scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    normal = dist.Normal(0.0, prior_scale)
    return {
        f"W{layer}": normal.expand([after, before])
        for layer, (before, after) in enumerate(pairwise(widths), start=1)
    }
