"""Reduced rank regression: the simplest singular model whose λ is known in every case."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import catalogue
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple
from singlearn.triple.intake import matrix


def reduced_rank(inputs: int, hidden: int, outputs: int, rank: int, n: float | int = 1.0) -> Triple:
    r"""The population triple :math:`K(w) = \|BA - B_0A_0\|^2`, prior N(0, 1) on every entry of A
    and B.

    :math:`B_0A_0` is the identity in its first ``rank`` rows and columns and zero elsewhere; every
    truth of that rank gives the same λ.

    Known: λ and m in every case (Aoyagi & Watanabe 2005 [aoyagi2005reduced]_,
    :func:`singlearn.exact.catalogue.reduced_rank`).

    Args:
        inputs: M, columns of A.
        hidden: H, rows of A and columns of B.
        outputs: N, rows of B.
        rank: of the truth, at most min(M, N, H).
        n: sample size; only nβ matters.

    Returns:
        A population triple whose λ and m are known.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> triple = reduced_rank(inputs=2, hidden=1, outputs=2, rank=1)
    >>> w = {"A": np.array([[1.0, 0.0]]), "B": np.array([[1.0], [0.0]])}
    >>> triple.parameter_energy(w), str(triple.known.value)
    (0.0, '3/2')
    """
    known = catalogue.reduced_rank(inputs, outputs, hidden, rank)
    truth = np.eye(outputs, inputs) * (np.arange(inputs) < rank)

    def kl(w: Mapping[str, Float[Array, "_ _"]]) -> Float[Array, ""]:
        return jnp.sum((w["B"] @ w["A"] - jnp.asarray(truth, w["A"].dtype)) ** 2)

    name = f"reduced rank {inputs}→{hidden}→{outputs}, true rank {rank}"
    return Triple.population(kl, _prior(inputs, hidden, outputs, 1.0), n, name=name, known=known)


def reduced_rank_regression(
    x: Float[np.ndarray, "n inputs"],
    y: Float[np.ndarray, "n outputs"],
    hidden: int,
    prior_scale: float | int = 1.0,
    scale: float | int = 1.0,
) -> Triple:
    r"""Reduced rank regression :math:`y ~ N(BAx, σ^2 I)` for data at hand.

    λ depends on the true rank, which the data leave open, so nothing is claimed; compare
    :func:`singlearn.exact.catalogue.reduced_rank` for each rank.

    Args:
        x: inputs, centred and of comparable scales.
        y: outputs, centred.
        hidden: H ≥ 1, the largest rank the model can express.
        prior_scale: standard deviation of the prior N(0, ·²) on every entry of A and B.
        scale: σ, standard deviation of the noise in every output, in the unit of ``y``.

    Returns:
        A triple with these data, whose λ is not known.

    Raises:
        ValueError: ``hidden`` < 1 or a scale that is not positive.

    >>> reduced_rank_regression(np.zeros((5, 3)), np.zeros((5, 2)), hidden=2).dimension
    10
    """
    hidden = whole_number("hidden", hidden)
    x, y = matrix("x", x), matrix("y", y)

    def f(
        w: Mapping[str, Float[Array, "_ _"]], x: Float[Array | np.ndarray, "n inputs"]
    ) -> Float[Array, "n outputs"]:
        A, B = jnp.asarray(w["A"]), jnp.asarray(w["B"])
        return jnp.asarray(x, A.dtype) @ A.T @ B.T

    prior = _prior(x.shape[1], hidden, y.shape[1], prior_scale)
    return Triple.regression(
        f, prior, x, y, scale=scale, name=f"reduced rank {x.shape[1]}→{hidden}→{y.shape[1]}"
    )


def _prior(
    inputs: int, hidden: int, outputs: int, prior_scale: float | int
) -> dict[str, dist.Distribution]:
    prior_scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    normal = dist.Normal(0.0, prior_scale)
    return {"A": normal.expand([hidden, inputs]), "B": normal.expand([outputs, hidden])}
