"""Boltzmann machines small enough that their normaliser is a sum that is written out."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from singlearn.exact import ExactCoefficient
from singlearn.models.enumerated import all_words, divergence, letters_in
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple


def boltzmann_log_likelihood(
    w: Mapping[str, Float[Array | np.ndarray, "*_"]], x: Int[Array | np.ndarray, "n visible"]
) -> Float[Array, " n"]:
    r"""log p of visible units of ±1, normalised over all of their states.

    .. math:: p(x) ∝ \exp\Big(b·x + ∑_{i<j} J_{ij} x_i x_j\Big) ∏_k 2\cosh(c_k + W_k·x)

    Args:
        w: ``"bias"`` (visible,); ``"coupling"`` (visible (visible - 1)/2,) of a fully visible
            machine; ``"weight"``
            (hidden, visible) and ``"hidden_bias"`` (hidden,) of a restricted one.
        x: plus and minus ones.

    Returns:
        One number per observation, in nats.

    >>> w = {"bias": np.zeros(2), "coupling": np.array([0.5])}
    >>> p = np.exp(boltzmann_log_likelihood(w, np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])))
    >>> round(float(p.sum()), 6), round(float(p[0] / p[1]), 4)     # e^(2 J)
    (1.0, 2.7183)
    """
    bias = jnp.asarray(w["bias"])
    visible = bias.shape[0]
    states = 2 * all_words(2, visible, "visible") - 1
    return _unnormalised(w, x) - jax.nn.logsumexp(_unnormalised(w, states))


def _unnormalised(w: Mapping[str, Any], x: Any) -> Float[Array, " n"]:
    bias = jnp.asarray(w["bias"])
    spins = jnp.asarray(x, bias.dtype)
    total = spins @ bias
    if "coupling" in w:
        first, second = np.array(list(combinations(range(spins.shape[1]), 2)), int).reshape(-1, 2).T
        total = total + (spins[:, first] * spins[:, second]) @ jnp.asarray(w["coupling"])
    if "weight" in w:
        field = spins @ jnp.asarray(w["weight"]).T + jnp.asarray(w["hidden_bias"])
        total = total + jnp.sum(jnp.logaddexp(field, -field), axis=1)
    return total


def boltzmann_machine(x: Any, hidden: int = 0, prior_scale: float | int = 1.0) -> Triple:
    r"""A Boltzmann machine of few units of ±1: fully visible for ``hidden = 0``, otherwise
    restricted.

    Prior N(0, ``prior_scale``²) on every parameter. The normaliser is the sum over all
    :math:`2^{\text{visible}}` states;
    hidden units are summed out in closed form.

    Known for ``hidden = 0``: an exponential family without redundancy is regular, λ = d/2. With
    hidden units λ depends on the
    truth, and nothing is claimed.

    Args:
        x: (n, visible), plus and minus ones.
        hidden: number of hidden units.
        prior_scale: standard deviation of the prior.

    Returns:
        The triple with data ``x``.

    Raises:
        ValueError: data other than ±1, too many units, or an argument out of range.

    >>> triple = boltzmann_machine(np.array([[1, -1, 1], [-1, -1, 1]]))
    >>> triple.dimension, str(triple.known.value)
    (6, '3')
    """
    hidden = whole_number("hidden", hidden, at_least=0)
    spins = np.asarray(x)
    if spins.ndim != 2 or not np.isin(spins, (-1, 1)).all():
        raise ValueError(f"x: got shape {spins.shape}; it should be a table of plus and minus ones")
    letters_in("x", (spins + 1) // 2, 1, 2)
    all_words(2, spins.shape[1], "x")
    prior = _prior(spins.shape[1], hidden, prior_scale)
    name = f"Boltzmann machine, {spins.shape[1]} visible, {hidden} hidden units"
    return Triple(
        boltzmann_log_likelihood,
        prior,
        spins.astype(int),
        name=name,
        known=_known(spins.shape[1], hidden),
    )


def boltzmann_population(
    truth: Mapping[str, Any], hidden: int = 0, prior_scale: float | int = 1.0, n: float | int = 1.0
) -> Triple:
    r"""The population triple of :func:`boltzmann_machine`, K over all states of the visible units.

    Args:
        truth: parameters of a true machine, as for :func:`boltzmann_log_likelihood`; it may have
            other hidden units.
        hidden: of the model.
        prior_scale: standard deviation of the prior.
        n: sample size; only nβ matters.

    Returns:
        The triple.

    Raises:
        ValueError: too many units, or an argument out of range.

    >>> independent = {"bias": np.array([0.3, -0.2, 0.1])}
    >>> triple = boltzmann_population(independent, hidden=1)
    >>> w = independent | {"weight": np.zeros((1, 3)), "hidden_bias": np.array([0.7])}
    >>> bool(triple.parameter_energy(w) < 1e-12)
    True
    """
    hidden = whole_number("hidden", hidden, at_least=0)
    visible = len(np.asarray(truth["bias"]))
    states = 2 * all_words(2, visible, "truth") - 1
    with jax.enable_x64(True):
        q = np.exp(
            np.asarray(
                jax.jit(boltzmann_log_likelihood)(
                    {k: np.asarray(v, float) for k, v in truth.items()}, states
                )
            )
        )

    def kl(w: Mapping[str, Float[Array, "*_"]]) -> Float[Array, ""]:
        return divergence(q, boltzmann_log_likelihood(w, states))

    # A fully visible machine realises only truths without hidden units.
    known = _known(visible, hidden) if "weight" not in truth else None
    name = f"Boltzmann machine, {visible} visible, {hidden} hidden units, population"
    return Triple.population(kl, _prior(visible, hidden, prior_scale), n, name=name, known=known)


def _prior(visible: int, hidden: int, prior_scale: float | int) -> dict[str, dist.Distribution]:
    scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    normal = dist.Normal(0.0, scale)
    prior: dict[str, dist.Distribution] = {"bias": normal.expand([visible])}
    if hidden:
        return prior | {
            "weight": normal.expand([hidden, visible]),
            "hidden_bias": normal.expand([hidden]),
        }
    if visible > 1:
        prior["coupling"] = normal.expand([visible * (visible - 1) // 2])
    return prior


def _known(visible: int, hidden: int) -> ExactCoefficient | None:
    if hidden:
        return None
    return ExactCoefficient(
        value=Fraction(visible * (visible + 1) // 2, 2),
        multiplicity=1,
        source="Watanabe 2009, regular models",
        conditions="truth a fully visible Boltzmann machine; prior positive and bounded near it",
    )
