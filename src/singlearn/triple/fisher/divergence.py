"""The two empirical averages that the theory starts from: S_n and K_n(w) = L_n(w) - S_n."""

from __future__ import annotations

from jaxtyping import PyTree

from singlearn.triple.triple import Triple


def empirical_entropy(triple: Triple) -> float:
    r"""The empirical entropy :math:`S_n = -\frac1n ∑_i \log q(y_i|x_i)` of the truth, in nats per
    observation.

    Args:
        triple: a triple with data whose truth is known.

    Returns:
        S_n.

    Raises:
        ValueError: the truth is not known, or the triple has K(w) in place of data.

    >>> import jax, numpy as np, numpyro.distributions as dist
    >>> y, prior = np.array([1.0, -1.0]), dist.Normal(0.0, 1.0)
    >>> t = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), prior, y, truth=0.0)
    >>> round(empirical_entropy(t), 6)   # log √(2π) + 1/2
    1.418939
    """
    if triple.is_population:
        raise ValueError(
            f"triple: {triple.name} is a population triple; it has K(w) and no observations, "
            "hence no S_n"
        )
    if triple.truth_energy is None:
        raise ValueError(
            f"triple: {triple.name} has no truth; S_n needs truth=, a parameter or the pointwise "
            "log q(y_i|x_i)"
        )
    return triple.truth_energy / triple.n


def empirical_divergence(triple: Triple, w: PyTree) -> float:
    r"""The empirical Kullback–Leibler divergence :math:`K_n(w) = L_n(w) - S_n`, in nats per
    observation.

    Unlike :math:`K(w)` it may be negative: at the maximum of the likelihood it always is, where the
    model
    contains the truth. Of a population triple it is :math:`K(w)` itself.

    Args:
        triple: a triple whose truth is known, or a population triple.
        w: a parameter, of the prior's structure.

    Returns:
        K_n(w).

    Raises:
        ValueError: the truth is not known, or ``w`` does not match the prior.

    >>> import jax, numpy as np, numpyro.distributions as dist
    >>> y, prior = np.array([1.0, 2.0]), dist.Normal(0.0, 1.0)
    >>> t = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), prior, y, truth=0.0)
    >>> round(empirical_divergence(t, 1.0), 6)   # w²/2 - w times the mean of y
    -1.0
    """
    energy = triple.parameter_energy(w)
    if triple.is_population:
        return energy / triple.n
    return energy / triple.n - empirical_entropy(triple)
