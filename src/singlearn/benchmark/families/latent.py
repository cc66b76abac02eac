"""Families with something hidden: mixtures, latent classes, topics, hidden chains, a factor."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln as jax_gammaln
from scipy.special import gammaln, logsumexp

from singlearn.benchmark.families.family import Arrays, LikelihoodFamily, Parameters
from singlearn.models.hidden_markov import hidden_markov_log_likelihood
from singlearn.models.latent_dirichlet import topic_log_likelihood
from singlearn.models.naive_bayes import naive_bayes_log_likelihood

TINY = np.finfo(float).tiny


def _weights_jax(w: Parameters, constants: Arrays) -> Any:
    weights = w["weights"] if "weights" in w else jnp.asarray(constants["weights"])
    return jnp.log(jnp.maximum(weights, jnp.finfo(jnp.result_type(float)).tiny))


def _weights_numpy(w: Parameters, constants: Arrays) -> Any:
    weights = w["weights"] if "weights" in w else np.asarray(constants["weights"])[None]
    return np.log(np.maximum(weights, TINY))


def _gaussian_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y = data["y"][:, None]
    each = -0.5 * (y - w["means"]) ** 2 - 0.5 * jnp.log(2 * jnp.pi)
    return jax.nn.logsumexp(each + _weights_jax(w, constants), axis=1)


def _gaussian_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y = np.asarray(data["y"])[None, :, None]
    each = -0.5 * (y - w["means"][:, None]) ** 2 - 0.5 * np.log(2 * np.pi)
    return np.asarray(logsumexp(each + _weights_numpy(w, constants)[:, None], axis=2).sum(axis=1))


MIXTURE_STAN = """\
    for (i in 1:n) {{
      vector[{components}] each = log(weights);
      for (k in 1:{components})
        each[k] += {density};
      log_likelihood += log_sum_exp(each);
    }}"""


def _mixture_stan(density: str, constants: Arrays) -> str:
    return MIXTURE_STAN.format(components=constants["components"], density=density)


GAUSSIAN_MIXTURE = LikelihoodFamily(
    "gaussian_mixture",
    "p(y) = Σ_k a_k N(y; μ_k, 1)",
    False,
    _gaussian_jax,
    _gaussian_numpy,
    lambda constants: _mixture_stan("normal_lpdf(y[i] | means[k], 1)", constants),
)


def _poisson_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y = data["y"][:, None]
    rates = jnp.maximum(w["rates"], jnp.finfo(jnp.result_type(float)).tiny)
    each = y * jnp.log(rates) - rates - jax_gammaln(y + 1.0)
    return jax.nn.logsumexp(each + _weights_jax(w, constants), axis=1)


def _poisson_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y = np.asarray(data["y"])[None, :, None]
    rates = np.maximum(w["rates"], TINY)[:, None]
    each = y * np.log(rates) - rates - gammaln(y + 1.0)
    return np.asarray(logsumexp(each + _weights_numpy(w, constants)[:, None], axis=2).sum(axis=1))


POISSON_MIXTURE = LikelihoodFamily(
    "poisson_mixture",
    "p(y) = Σ_k a_k Poisson(y; r_k)",
    False,
    _poisson_jax,
    _poisson_numpy,
    lambda constants: _mixture_stan("poisson_lpmf(to_int(y[i]) | rates[k])", constants),
)


def _multinomial_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    counts = data["counts"]
    tiny = jnp.finfo(jnp.result_type(float)).tiny
    constant = jax_gammaln(counts.sum(axis=1) + 1.0) - jax_gammaln(counts + 1.0).sum(axis=1)
    each = counts @ jnp.log(jnp.maximum(w["probabilities"], tiny)).T
    return constant + jax.nn.logsumexp(each + _weights_jax(w, constants), axis=1)


def _multinomial_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    counts = np.asarray(data["counts"], float)
    constant = gammaln(counts.sum(axis=1) + 1.0) - gammaln(counts + 1.0).sum(axis=1)
    log_p = np.log(np.maximum(w["probabilities"], TINY))
    each = np.einsum("nv,skv->snk", counts, log_p)
    return np.asarray(
        (constant + logsumexp(each + _weights_numpy(w, constants)[:, None], axis=2)).sum(axis=1)
    )


def _multinomial_stan(constants: Arrays) -> str:
    density = "multinomial_lpmf(counts[i] | to_vector(probabilities[k]))"
    return _mixture_stan(density, constants)


MULTINOMIAL_MIXTURE = LikelihoodFamily(
    "multinomial_mixture",
    "p(y) = Σ_k a_k Multinomial(y; p_k)",
    False,
    _multinomial_jax,
    _multinomial_numpy,
    _multinomial_stan,
)


def _naive_bayes_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    return naive_bayes_log_likelihood(w, data["x"])


def _naive_bayes_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    x = np.asarray(data["x"], float)
    theta = w["features"]
    each = np.einsum("nf,scf->snc", x, np.log(np.maximum(theta, TINY)))
    each += np.einsum("nf,scf->snc", 1 - x, np.log(np.maximum(1 - theta, TINY)))
    weights = np.log(np.maximum(w["classes"], TINY))
    return np.asarray(logsumexp(each + weights[:, None], axis=2).sum(axis=1))


def _naive_bayes_stan(constants: Arrays) -> str:
    return (
        "    for (i in 1:n) {\n      vector[num_elements(classes)] each = log(classes);\n"
        "      for (c in 1:num_elements(classes))\n"
        "        each[c] += bernoulli_lpmf(x[i] | to_vector(features[c]));\n"
        "      log_likelihood += log_sum_exp(each);\n    }"
    )


NAIVE_BAYES = LikelihoodFamily(
    "naive_bayes",
    "p(x) = Σ_c π_c Π_f θ_cf^x_f (1 - θ_cf)^(1 - x_f)",
    False,
    _naive_bayes_jax,
    _naive_bayes_numpy,
    _naive_bayes_stan,
)


def _topics_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    counts = data["counts"]
    documents, words = counts.shape
    tokens = jnp.stack(jnp.meshgrid(jnp.arange(documents), jnp.arange(words), indexing="ij"), -1)
    each = topic_log_likelihood(w, tokens.reshape(-1, 2)).reshape(documents, words)
    return jnp.sum(counts * each, axis=1)


def _topics_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    p = np.einsum("sdt,stv->sdv", w["documents"], w["topics"])
    return np.asarray(np.sum(np.asarray(data["counts"]) * np.log(np.maximum(p, TINY)), axis=(1, 2)))


def _topics_stan(constants: Arrays) -> str:
    return (
        "    for (d in 1:n) {\n"
        "      vector[cols(counts)] p = rep_vector(0, cols(counts));\n"
        "      for (t in 1:num_elements(documents[d]))\n"
        "        p += documents[d][t] * to_vector(topics[t]);\n"
        "      log_likelihood += dot_product(to_vector(counts[d]), log(p));\n    }"
    )


TOPICS = LikelihoodFamily(
    "topics",
    "p(word v | document d) = Σ_t θ_dt φ_tv; the proportions of every document are parameters",
    False,
    _topics_jax,
    _topics_numpy,
    _topics_stan,
)


def _chain(w: Parameters, constants: Arrays) -> dict[str, Any]:
    fixed = {
        name: constants[name]
        for name in ("initial", "transition", "emission")
        if name in constants and name not in w
    }
    return {**w, **fixed}


def _hidden_markov_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    parts = {name: jnp.asarray(part) for name, part in _chain(w, constants).items()}
    return hidden_markov_log_likelihood(parts, data["sequences"])


def _hidden_markov_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    """Products of matrices, not of logarithms: sequences of benchmarks are short."""
    parts = {name: np.asarray(part, float) for name, part in _chain(w, constants).items()}
    size = len(next(iter(w.values())))
    initial = np.broadcast_to(parts["initial"], (size, parts["initial"].shape[-1]))
    states = initial.shape[-1]
    transition = np.broadcast_to(parts["transition"], (size, states, states))
    emission = np.broadcast_to(parts["emission"], (size, *parts["emission"].shape[-2:]))
    total = np.zeros(size)
    for sequence in np.asarray(data["sequences"], int):
        forward = initial * emission[:, :, sequence[0]]
        for letter in sequence[1:]:
            forward = np.einsum("si,sij->sj", forward, transition) * emission[:, :, letter]
        total += np.log(np.maximum(forward.sum(axis=1), TINY))
    return total


def _hidden_markov_stan(constants: Arrays) -> str:
    return (
        "    for (i in 1:n) {\n"
        "      vector[num_elements(initial)] forward;\n"
        "      for (k in 1:num_elements(initial))\n"
        "        forward[k] = initial[k] * emission[k][sequences[i, 1] + 1];\n"
        "      for (t in 2:size(sequences[i])) {\n"
        "        vector[num_elements(initial)] next = rep_vector(0, num_elements(initial));\n"
        "        for (j in 1:num_elements(initial)) {\n"
        "          for (k in 1:num_elements(initial))\n"
        "            next[j] += forward[k] * transition[k][j];\n"
        "          next[j] *= emission[j][sequences[i, t] + 1];\n"
        "        }\n"
        "        forward = next;\n"
        "      }\n"
        "      log_likelihood += log(sum(forward));\n    }"
    )


HIDDEN_MARKOV = LikelihoodFamily(
    "hidden_markov",
    "p(y_1 ... y_T) = Σ over hidden states of π b a b ... a b; the first state has known π",
    False,
    _hidden_markov_jax,
    _hidden_markov_numpy,
    _hidden_markov_stan,
)


def _factor_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y, loadings = data["y"], w["loadings"]
    # The inverse and determinant of I + l lᵀ, by Sherman and Morrison.
    square = loadings @ loadings
    quadratic = jnp.sum(y**2, axis=1) - (y @ loadings) ** 2 / (1 + square)
    return -0.5 * (quadratic + jnp.log1p(square) + y.shape[1] * jnp.log(2 * jnp.pi))


def _factor_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y = np.asarray(data["y"])
    loadings = w["loadings"]
    covariance = np.eye(y.shape[1]) + loadings[:, :, None] * loadings[:, None, :]
    _, log_determinant = np.linalg.slogdet(covariance)
    trace = np.einsum("sij,ji->s", np.linalg.inv(covariance), y.T @ y)
    return np.asarray(-0.5 * (trace + len(y) * (log_determinant + y.shape[1] * np.log(2 * np.pi))))


def _factor_stan(constants: Arrays) -> str:
    return (
        "    matrix[cols(y), cols(y)] covariance\n"
        "      = add_diag(to_vector(loadings) * to_vector(loadings)', 1.0);\n"
        "    for (i in 1:n)\n"
        "      log_likelihood += multi_normal_lpdf(to_vector(y[i]) | rep_vector(0, cols(y)),\n"
        "                                          covariance);"
    )


FACTOR = LikelihoodFamily(
    "factor",
    "y ~ N(0, I + l lᵀ), one factor with loadings l",
    False,
    _factor_jax,
    _factor_numpy,
    _factor_stan,
)
