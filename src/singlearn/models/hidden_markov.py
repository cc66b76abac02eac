"""Hidden Markov models with few states and letters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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


def hidden_markov_log_likelihood(
    w: Mapping[str, Float[Array | np.ndarray, "*_"]], sequences: Int[Array | np.ndarray, "n length"]
) -> Float[Array, " n"]:
    r"""log p of every sequence, by the forward recursion in logarithms.

    .. math:: p(y_1 … y_T) = ∑_{s_1 … s_T} π_{s_1} b_{s_1 y_1} ∏_{t>1} a_{s_{t-1} s_t} b_{s_t y_t}

    Args:
        w: ``{"transition": (K, K), "emission": (K, letters)}``, rows that sum to one; the chain
            starts in its
            stationary distribution, or in ``"initial"`` (K,) where that is given. With one state
            the
            transition may be left out.
        sequences: letters from 0.

    Returns:
        In nats.

    >>> w = {"transition": np.eye(2) * 0.8 + 0.1, "emission": np.array([[0.9, 0.1], [0.1, 0.9]])}
    >>> p = np.exp(hidden_markov_log_likelihood(w, np.array([[0, 0], [0, 1], [1, 0], [1, 1]])))
    >>> round(float(p.sum()), 6), bool(p[0] > p[1])
    (1.0, True)
    """
    emission = jnp.asarray(w["emission"])
    transition = (
        jnp.asarray(w["transition"]) if "transition" in w else jnp.ones((1, 1), emission.dtype)
    )
    tiny = jnp.finfo(transition.dtype).tiny
    initial = jnp.asarray(w["initial"]) if "initial" in w else stationary(transition)
    log_a, log_b = jnp.log(jnp.maximum(transition, tiny)), jnp.log(jnp.maximum(emission, tiny))
    letters = jnp.asarray(sequences)
    forward = jnp.log(jnp.maximum(initial, tiny)) + log_b.T[letters[:, 0]]

    def step(forward: Array, letter: Array) -> tuple[Array, None]:
        moved = jax.nn.logsumexp(forward[:, :, None] + log_a, axis=1)
        return moved + log_b.T[letter], None

    forward, _ = jax.lax.scan(step, forward, letters[:, 1:].T)
    return jax.nn.logsumexp(forward, axis=1)


def stationary(transition: Float[Array, "states states"]) -> Float[Array, " states"]:
    """The stationary distribution: π (I - A + 1) = 1, solved."""
    size = transition.shape[0]
    matrix = jnp.eye(size, dtype=transition.dtype) - transition + 1.0
    found: Float[Array, " states"] = jnp.linalg.solve(matrix.T, jnp.ones(size, transition.dtype))
    return found


def hidden_markov(
    sequences: Any,
    states: int = 2,
    letters: int | None = None,
    concentration: float | int = 1.0,
    independent_truth: bool = False,
) -> Triple:
    r"""A hidden Markov model of n independent sequences of length T, in the stationary distribution
    at the start.

    Prior: every row of the transition and of the emission matrix Dirichlet(α, …, α).

    Known: λ = 3/4 for two states, two letters, T ≥ 2 and a truth without memory, uniform prior
    (:func:`singlearn.exact.catalogue.hidden_markov_binary`); otherwise nothing is claimed.

    Args:
        sequences: (n, T), letters 0, 1, ….
        states: K ≥ 1.
        letters: how many there are; by default those in the data.
        concentration: α > 0.
        independent_truth: the truth is independent tosses of one coin; sets ``known``.

    Returns:
        The triple with data ``sequences``.

    Raises:
        ValueError: data that are not a table of letters, or an argument out of range.

    >>> triple = hidden_markov(np.array([[0, 1, 1], [1, 0, 0]]), independent_truth=True)
    >>> triple.dimension, str(triple.known.value)
    (4, '3/4')
    """
    states = whole_number("states", states)
    table, count = letters_in(
        "sequences", sequences, 1, None if letters is None else whole_number("letters", letters)
    )
    count = max(count, 2)
    concentration = real_number("concentration", concentration, above=0, meaning="positive")
    known = None
    if (
        independent_truth
        and states == 2
        and count == 2
        and table.shape[1] >= 2
        and concentration == 1
    ):
        known = catalogue.hidden_markov_binary(table.shape[1])
    return Triple(
        hidden_markov_log_likelihood,
        _prior(states, count, concentration),
        table,
        name=f"hidden Markov, {states} states, {count} letters",
        known=known,
    )


def hidden_markov_population(
    truth: Mapping[str, Any], length: int, states: int = 2, n: float | int = 1.0
) -> Triple:
    r"""The population triple: K between the laws of all sequences of length T, each written out;
    uniform prior.

    Args:
        truth: ``{"transition", "emission"}`` of the true chain, with any number of states.
        length: T ≥ 1.
        states: K of the model.
        n: number of sequences; only nβ matters.

    Returns:
        The triple; ``known`` where the truth is two letters without memory.

    Raises:
        ValueError: rows that are not probabilities, or more sequences than can be written out.

    >>> coin = {"transition": [[1.0]], "emission": [[0.7, 0.3]]}
    >>> triple = hidden_markov_population(coin, length=3)
    >>> same = {"transition": np.full((2, 2), 0.5), "emission": np.array([[0.7, 0.3]] * 2)}
    >>> bool(triple.parameter_energy(same) < 1e-12), str(triple.known.value)
    (True, '3/4')
    """
    length, states = whole_number("length", length), whole_number("states", states)
    own = np.asarray(truth["transition"], float)
    size = len(own)
    transition = rows_of_probabilities("truth: transition", own, (size, size))
    letters = np.shape(truth["emission"])[-1]
    emission = rows_of_probabilities("truth: emission", truth["emission"], (size, letters))
    words = all_words(letters, length, "length")
    with jax.enable_x64(True):
        q = np.exp(
            np.asarray(
                jax.jit(hidden_markov_log_likelihood)(
                    {"transition": transition, "emission": emission}, words
                )
            )
        )

    def kl(w: Mapping[str, Float[Array, "_ _"]]) -> Float[Array, ""]:
        return divergence(q, hidden_markov_log_likelihood(w, words))

    plain = (
        size == 1 and letters == 2 and states == 2 and length >= 2 and bool(np.all(emission > 0))
    )
    known: ExactCoefficient | None = catalogue.hidden_markov_binary(length) if plain else None
    name = f"hidden Markov, {states} states, sequences of {length}, population"
    return Triple.population(kl, _prior(states, letters, 1.0), n, name=name, known=known)


def _prior(states: int, letters: int, concentration: float) -> dict[str, dist.Distribution]:
    row = partial(np.full, fill_value=float(concentration))
    prior = {"emission": dist.Dirichlet(row((states, letters)))}
    # One state has one transition, which is no parameter; its row of probability one is put in by
    # the likelihood.
    return prior | {"transition": dist.Dirichlet(row((states, states)))} if states > 1 else prior
