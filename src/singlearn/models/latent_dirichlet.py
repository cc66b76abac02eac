"""Latent Dirichlet allocation, or stochastic matrix factorisation: topics shared by documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from singlearn.exact import catalogue
from singlearn.models.enumerated import divergence, letters_in, rows_of_probabilities
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple


def topic_log_likelihood(
    w: Mapping[str, Float[Array | np.ndarray, "_ _"]], tokens: Int[Array | np.ndarray, "n two"]
) -> Float[Array, " n"]:
    r""":math:`\log p(\text{word}|\text{document}) = \log ∑_k θ_{dk} φ_{kv}`, in nats.

    Args:
        w: ``{"topics": (K, words), "documents": (documents, K)}``, rows that sum to one.
        tokens: rows of a document and a word, both counted from 0.

    Returns:
        One number per token.

    >>> w = {"topics": np.array([[0.8, 0.2], [0.4, 0.6]]), "documents": np.array([[0.5, 0.5]])}
    >>> np.exp(topic_log_likelihood(w, np.array([[0, 0], [0, 1]]))).round(3).tolist()
    [0.6..., 0.4...]
    """
    topics = jnp.asarray(w["topics"])
    documents = jnp.asarray(w["documents"]) if "documents" in w else None
    document, word = jnp.asarray(tokens)[:, 0], jnp.asarray(tokens)[:, 1]
    columns = topics.T[word]
    probability = (
        columns[:, 0] if documents is None else jnp.sum(documents[document] * columns, axis=1)
    )
    return jnp.log(jnp.maximum(probability, jnp.finfo(topics.dtype).tiny))


def latent_dirichlet_allocation(
    tokens: Any,
    topics: int,
    vocabulary: int | None = None,
    documents: int | None = None,
    concentration: float | int = 1.0,
    true_topics: int | None = None,
) -> Triple:
    r"""Words of documents as mixtures of topics; the proportions of every document are parameters,
    as in Hayashi 2021 [hayashi2021lda]_.

    Prior: topics and proportions Dirichlet(α, …, α) each.

    Known where the true number of topics is given and α = 1:
    :func:`singlearn.exact.catalogue.latent_dirichlet_allocation`.

    Args:
        tokens: (n, 2), a document and a word per row, counted from 0.
        topics: K ≥ 1.
        vocabulary: number of words; by default those in the data.
        documents: their number; by default those in the data.
        concentration: α > 0.
        true_topics: rank of the true matrix, if it is known; sets ``known``.

    Returns:
        The triple with data ``tokens``.

    Raises:
        ValueError: data that are not pairs of whole numbers, or an argument out of range.

    >>> tokens = np.array([[0, 0], [0, 1], [1, 2], [1, 0]])
    >>> triple = latent_dirichlet_allocation(tokens, topics=2, true_topics=1)
    >>> triple.dimension, str(triple.known.value)       # 2 (3 - 1) + 2 (2 - 1)
    (6, '3/2')
    """
    topics = whole_number("topics", topics)
    table, _ = letters_in("tokens", tokens, 2)
    if table.shape[1] != 2:
        raise ValueError(
            f"tokens: got rows of {table.shape[1]}; each should be a document and a word"
        )
    seen = table.max(axis=0) + 1
    documents = (
        int(seen[0])
        if documents is None
        else whole_number("documents", documents, at_least=int(seen[0]))
    )
    least = max(int(seen[1]), 2)
    vocabulary = (
        least if vocabulary is None else whole_number("vocabulary", vocabulary, at_least=least)
    )
    concentration = real_number("concentration", concentration, above=0, meaning="positive")
    known = None
    if true_topics is not None and concentration == 1:
        known = catalogue.latent_dirichlet_allocation(vocabulary, documents, topics, true_topics)
    return Triple(
        topic_log_likelihood,
        _prior(topics, vocabulary, documents, concentration),
        table,
        name=f"latent Dirichlet allocation, {topics} topics",
        known=known,
    )


def latent_dirichlet_allocation_population(truth: Any, topics: int, n: float | int = 1.0) -> Triple:
    r"""The population triple: K = mean over documents of the divergence between true and model word
    probabilities.

    Known where the truth has positive entries and is a product of strictly positive factors through
    as many topics as its
    rank; that is the caller's to know, so nothing is claimed but for a truth of equal rows, rank
    one.

    Args:
        truth: (documents, words), rows that sum to one.
        topics: K ≥ 1 of the model.
        n: number of tokens; only nβ matters.

    Returns:
        The triple, uniform prior.

    Raises:
        ValueError: rows that are not probabilities, or an argument out of range.

    >>> triple = latent_dirichlet_allocation_population([[0.5, 0.3, 0.2]] * 4, topics=2)
    >>> same = {"topics": np.array([[0.5, 0.3, 0.2]] * 2), "documents": np.full((4, 2), 0.5)}
    >>> bool(abs(triple.parameter_energy(same)) < 1e-12), str(triple.known.value)
    (True, '2')
    """
    topics = whole_number("topics", topics)
    matrix = np.asarray(truth, float)
    matrix = rows_of_probabilities(
        "truth", matrix, matrix.shape[:2] if matrix.ndim == 2 else (1, 1)
    )
    documents, vocabulary = matrix.shape
    tokens = np.stack(
        np.meshgrid(np.arange(documents), np.arange(vocabulary), indexing="ij"), -1
    ).reshape(-1, 2)

    def kl(w: Mapping[str, Float[Array, "_ _"]]) -> Float[Array, ""]:
        return divergence(
            matrix.ravel() / documents, topic_log_likelihood(w, tokens) - np.log(documents)
        )

    flat = bool(np.ptp(matrix, axis=0).max() == 0 and matrix.min() > 0)
    known = (
        catalogue.latent_dirichlet_allocation(vocabulary, documents, topics, 1) if flat else None
    )
    name = f"latent Dirichlet allocation, {topics} topics, population"
    return Triple.population(
        kl, _prior(topics, vocabulary, documents, 1.0), n, name=name, known=known
    )


def _prior(
    topics: int, vocabulary: int, documents: int, concentration: float
) -> dict[str, dist.Distribution]:
    prior = {"topics": dist.Dirichlet(np.full((topics, vocabulary), float(concentration)))}
    if topics > 1:
        prior["documents"] = dist.Dirichlet(np.full((documents, topics), float(concentration)))
    return prior
