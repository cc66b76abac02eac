"""Naive Bayes with a hidden class: the latent class model with binary features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from singlearn.exact import ExactCoefficient, catalogue
from singlearn.models.enumerated import all_words, divergence, letters_in, rows_of_probabilities
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple


def naive_bayes_log_likelihood(
    w: Mapping[str, Float[Array | np.ndarray, "*_"]], x: Int[Array | np.ndarray, "n features"]
) -> Float[Array, " n"]:
    r""":math:`\log ∑_c π_c ∏_i θ_{ci}^{x_i} (1-θ_{ci})^{1-x_i}`, in nats.

    Args:
        w: ``{"classes": (C,), "features": (C, features)}``, class probabilities and probabilities
            of a one.
        x: zeros and ones.

    Returns:
        One number per observation.

    >>> w = {"classes": np.array([0.5, 0.5]), "features": np.array([[0.9, 0.9], [0.1, 0.1]])}
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> np.exp(naive_bayes_log_likelihood(w, x)).round(2).tolist()
    [0.4..., 0.0..., 0.0..., 0.4...]
    """
    theta = jnp.asarray(w["features"])
    tiny = jnp.finfo(theta.dtype).tiny
    ones = jnp.asarray(x, theta.dtype)
    log_one, log_zero = jnp.log(jnp.maximum(theta, tiny)), jnp.log(jnp.maximum(1.0 - theta, tiny))
    given_class = ones @ log_one.T + (1.0 - ones) @ log_zero.T
    weights = jnp.asarray(w["classes"]) if "classes" in w else jnp.ones(1, theta.dtype)
    return jax.nn.logsumexp(given_class + jnp.log(jnp.maximum(weights, tiny)), axis=1)


def naive_bayes(
    x: Any, classes: int = 2, concentration: float | int = 1.0, truth: str | None = None
) -> Triple:
    r"""A latent class model of binary features; prior of class probabilities Dirichlet(α, …, α), of
    features uniform.

    Known for two classes, α = 1 and a ``truth`` that is named:
    :func:`singlearn.exact.catalogue.naive_bayes`.

    Args:
        x: (n, features), zeros and ones.
        classes: C ≥ 1.
        concentration: α > 0.
        truth: ``"generic"``, ``"one_link"`` or ``"independent"``; sets ``known``.

    Returns:
        The triple with data ``x``.

    Raises:
        ValueError: data other than zeros and ones, or an argument out of range.

    >>> triple = naive_bayes(np.array([[0, 1, 1], [1, 0, 0]]), truth="independent")
    >>> triple.dimension, str(triple.known.value)
    (7, '2')
    """
    classes = whole_number("classes", classes)
    table, _ = letters_in("x", x, 1, 2)
    concentration = real_number("concentration", concentration, above=0, meaning="positive")
    known: ExactCoefficient | None = None
    if truth is not None:
        if classes != 2 or concentration != 1:
            raise ValueError(
                f"truth: got {truth!r} with {classes} classes and concentration {concentration}; "
                "λ is known for two classes and a "
                "uniform prior"
            )
        known = catalogue.naive_bayes(table.shape[1], truth)
    return Triple(
        naive_bayes_log_likelihood,
        _prior(classes, table.shape[1], concentration),
        table,
        name=f"naive Bayes, {classes} classes, {table.shape[1]} features",
        known=known,
    )


def naive_bayes_population(
    truth: Mapping[str, Any], classes: int = 2, n: float | int = 1.0
) -> Triple:
    r"""The population triple: K over all :math:`2^{\text{features}}` cells; uniform prior.

    Args:
        truth: ``{"classes": (C,), "features": (C, features)}`` of the true model.
        classes: of the model.
        n: sample size; only nβ matters.

    Returns:
        The triple; ``known`` for two classes and a truth of independent features with positive
        cells.

    Raises:
        ValueError: probabilities that are none, or too many features to write out.

    >>> triple = naive_bayes_population({"classes": [1.0], "features": [[0.5, 0.3, 0.8]]})
    >>> same = {"classes": np.array([0.4, 0.6]), "features": np.array([[0.5, 0.3, 0.8]] * 2)}
    >>> bool(triple.parameter_energy(same) < 1e-12), str(triple.known.value)
    (True, '2')
    """
    classes = whole_number("classes", classes)
    features = np.asarray(truth["features"], float)
    if features.ndim != 2 or features.min() < 0 or features.max() > 1:
        raise ValueError(
            f"truth: features have shape {features.shape}; they should be probabilities "
            "(classes, features)"
        )
    weights = rows_of_probabilities("truth: classes", truth["classes"], (len(features),))
    cells = all_words(2, features.shape[1], "features")
    with jax.enable_x64(True):
        q = np.exp(
            np.asarray(
                jax.jit(naive_bayes_log_likelihood)(
                    {"classes": weights, "features": features}, cells
                )
            )
        )

    def kl(w: Mapping[str, Float[Array, "*_"]]) -> Float[Array, ""]:
        return divergence(q, naive_bayes_log_likelihood(w, cells))

    independent = (
        len(features) == 1 and classes == 2 and bool(((features > 0) & (features < 1)).all())
    )
    known = catalogue.naive_bayes(features.shape[1], "independent") if independent else None
    name = f"naive Bayes, {classes} classes, {features.shape[1]} features, population"
    return Triple.population(kl, _prior(classes, features.shape[1], 1.0), n, name=name, known=known)


def _prior(classes: int, features: int, concentration: float) -> dict[str, dist.Distribution]:
    prior: dict[str, dist.Distribution] = {
        "features": dist.Uniform(0.0, 1.0).expand([classes, features])
    }
    if classes > 1:
        prior["classes"] = dist.Dirichlet(np.full(classes, float(concentration)))
    return prior
