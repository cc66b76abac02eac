"""Two-layer networks with one output, and the truths of Wei et al. [wei2022deep]_."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import catalogue
from singlearn.running.arguments import random_seed, real_number, whole_number
from singlearn.triple import Triple
from singlearn.triple.intake import as_array, matrix

Activation = Callable[[Any], Array]


def silu(z: Float[Array, "*shape"], sharpness: float | int = 100.0) -> Float[Array, "*shape"]:
    r""":math:`z / (1 + e^{-τ z})`, an analytic function that tends to ReLU as the sharpness τ
    grows.

    Wei et al. have τ = 100 [wei2022deep]_. Exact and differentiable however large :math:`τ z` is.

    Returns:
        An array of the shape of z.

    >>> float(silu(jnp.asarray(2.0))), float(silu(jnp.asarray(-100.0)))
    (2.0, -0.0)
    """
    return z * jax.nn.sigmoid(sharpness * z)


ACTIVATIONS: dict[str, Activation] = {"relu": jax.nn.relu, "silu": silu, "tanh": jnp.tanh}


def two_layer_network(
    w: Mapping[str, Float[Array | np.ndarray, "*_"]],
    x: Float[Array | np.ndarray, "n inputs"],
    activation: str | Activation = "relu",
) -> Float[Array, " n"]:
    r""":math:`f(x) = c + ∑_{i=1}^H q_i\, σ(⟨w_i, x⟩ + b_i)`.

    Args:
        w: ``{"w": (H, inputs), "b": (H,), "q": (H,), "c": ()}``.
        activation: ``"relu"``, ``"silu"``, ``"tanh"``, or a function of one array.

    Returns:
        The value at every input.

    Raises:
        ValueError: an unknown activation.

    >>> w = {"w": np.array([[1.0, 1.0]]), "b": np.array([-1.0]), "q": np.array([2.0])}
    >>> w["c"] = np.array(0.5)
    >>> two_layer_network(w, np.array([[0.0, 0.0], [1.0, 1.0]])).tolist()
    [0.5, 2.5]
    """
    act = _activation(activation)
    weight, bias, outgoing, constant = (jnp.asarray(w[name]) for name in ("w", "b", "q", "c"))
    x = jnp.asarray(x, bias.dtype)
    # One matrix product with the bias inside: measured two to four times the gradients per second
    # of the same sum written out.
    affine = jnp.concatenate([weight, bias[:, None]], axis=1) @ jnp.concatenate(
        [x.T, jnp.ones_like(x[:, :1].T)], axis=0
    )
    return constant + outgoing @ act(affine)


def star_truth(m: int, hidden: int) -> dict[str, Float[np.ndarray, "*_"]]:
    r"""The parameter :math:`s_m` of Wei et al., section 6 [wei2022deep]_: m kinks, a star on
    :math:`[-1, 1]^2`.

    With :math:`g` the rotation by 2π/m: :math:`w_1 = \sqrt g (1, 0)^T`, :math:`w_i = g^{i-1} w_1`,
    :math:`b_i = -1/3`, :math:`q_i = 1` for i ≤ m; everything else is 0, the bias c too. The
    function repeats under the rotation, and each kink lies 1/3 from the origin.

    Args:
        m: number of kinks, ≥ 3.
        hidden: width H ≥ m of the network it is a parameter of.

    Returns:
        The parameter by name: ``w``, ``b``, ``q`` and ``c``.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> star_truth(m=4, hidden=5)["w"].round(3).tolist()
    [[0.707, 0.707], [-0.707, 0.707], [-0.707, -0.707], [0.707, -0.707], [0.0, 0.0]]
    """
    m, hidden = whole_number("m", m, at_least=3), whole_number("hidden", hidden)
    if hidden < m:
        raise ValueError(f"hidden: got {hidden}; the truth s_{m} needs at least {m} nodes")
    alive = np.arange(hidden) < m
    angle = np.pi / m * (2 * np.arange(hidden) + 1)
    return {
        "w": np.where(alive[:, None], np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.0),
        "b": np.where(alive, -1 / 3, 0.0),
        "q": np.where(alive, 1.0, 0.0),
        "c": np.zeros(()),
    }


def two_layer(
    hidden: int = 5,
    truth: int | Mapping[str, Float[np.ndarray, "*_"]] = 3,
    n: int = 1000,
    activation: str | Activation = "relu",
    prior_scale: float | int = 50.0,
    seed: int = 0,
) -> Triple:
    r"""Data simulated from a two-layer network, learned by one: the triples of Wei et al., Table 2
    [wei2022deep]_.

    Inputs uniform on :math:`[-1, 1]^N`, noise N(0, 1), prior :math:`N(0, s^2)` on every
    parameter, s being ``prior_scale``.

    Known for ReLU and the truth :math:`s_m`: λ = (3m + 1)/2, multiplicity 1, for every width ≥ m
    (:func:`singlearn.exact.catalogue.relu_two_layer`). It shows only when n is large enough for the
    posterior to concentrate on the true parameters: with n = 1000 and the prior N(0, 50²), at the
    temperatures of WBIC, the posterior sits where all nodes are dead and the energy has the slope
    1/2. For SiLU, for tanh and for other truths nothing is claimed.

    Args:
        hidden: width H.
        truth: m for :func:`star_truth`, or a parameter of this network.
        n: sample size ≥ 1.
        activation: of truth and model.
        prior_scale: standard deviation of the prior.
        seed: of the simulated data.

    Returns:
        A triple with simulated data; λ is known for ReLU and a truth that is a star.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> triple = two_layer(hidden=5, truth=3, n=100)
    >>> triple.n, triple.dimension, str(triple.known.value)
    (100, 21, '5')
    """
    n, hidden, seed = whole_number("n", n), whole_number("hidden", hidden), random_seed(seed)
    kinks = None if isinstance(truth, Mapping) else whole_number("truth", truth, at_least=3)
    parameter = dict(truth) if isinstance(truth, Mapping) else star_truth(truth, hidden)
    if np.ndim(parameter["w"]) != 2 or np.shape(parameter["w"])[0] != hidden:
        raise ValueError(
            f"truth: its w has shape {np.shape(parameter['w'])}; it should be ({hidden}, inputs)"
        )
    inputs = parameter["w"].shape[1]
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1.0, 1.0, size=(n, inputs))
    with jax.enable_x64(True):
        y = np.asarray(two_layer_network(parameter, x, activation)) + generator.normal(size=n)
    # Only of the star is it known that it is minimal, with all kinks inside.
    known = (
        catalogue.relu_two_layer(inputs, 1, kinks)
        if kinks is not None and activation == "relu"
        else None
    )
    named = "simulated truth" if kinks is None else f"truth s_{kinks}"
    return Triple.regression(
        _network(activation),
        _prior(hidden, inputs, prior_scale),
        x,
        y,
        truth=parameter,
        name=f"two-layer {_name(activation)}, {hidden} nodes, {named}",
        known=known,
    )


def two_layer_regression(
    x: Float[np.ndarray, "n inputs"],
    y: Float[np.ndarray, " n"],
    hidden: int,
    activation: str | Activation = "relu",
    prior_scale: float | int = 1.0,
    scale: float | int = 1.0,
) -> Triple:
    """A two-layer network for data at hand; its truth, and with it λ, is not known.

    Args:
        x: inputs, standardised so that ``prior_scale`` means the same in every direction.
        y: one output per observation.
        hidden: width H ≥ 1.
        prior_scale: standard deviation of the prior N(0, ·²) on every parameter.
        scale: standard deviation of the noise, in the unit of ``y``.

    Returns:
        A triple with these data, whose λ is not known.

    Raises:
        ValueError: ``hidden`` < 1, a scale that is not positive, an unknown activation, data that
            do not match.

    >>> two_layer_regression(np.zeros((4, 2)), np.ones(4), hidden=3).dimension
    13
    """
    hidden = whole_number("hidden", hidden)
    x, y = matrix("x", x), as_array(y, "y")
    prior = _prior(hidden, x.shape[1], prior_scale)
    name = f"two-layer {_name(activation)}, {hidden} nodes"
    return Triple.regression(_network(activation), prior, x, y, scale=scale, name=name)


def tanh_zero_truth(hidden: int, n: float | int = 1.0) -> Triple:
    r"""The population triple of :math:`f(x) = ∑_j a_j \tanh(b_j x)` when the truth is zero, prior
    N(0, 1).

    :math:`K(w) = \frac12 E_x[f(x)^2]` for x uniform on [-1, 1], by Gauss–Legendre quadrature with
    32 nodes.

    Known: λ and m for every width (:func:`singlearn.exact.catalogue.tanh_zero_truth`), for instance
    2/3 with m = 1 for two nodes.

    Args:
        hidden: H ≥ 1.
        n: sample size; only nβ matters.

    Returns:
        A population triple whose λ and m are known.

    Raises:
        ValueError: ``hidden`` < 1 or ``n`` not positive.

    >>> triple = tanh_zero_truth(hidden=2)
    >>> w = {"a": np.array([1.0, -1.0]), "b": np.array([0.5, 0.5])}
    >>> triple.parameter_energy(w), float(triple.known)
    (0.0, 0.6666666666666666)
    """
    known = catalogue.tanh_zero_truth(hidden)
    points, weights = np.polynomial.legendre.leggauss(32)

    def kl(w: Mapping[str, Float[Array, " hidden"]]) -> Float[Array, ""]:
        dtype = w["a"].dtype
        f = w["a"] @ jnp.tanh(w["b"][:, None] * jnp.asarray(points, dtype))
        return 0.25 * jnp.asarray(weights, dtype) @ f**2

    standard = dist.Normal(0.0, 1.0).expand([hidden])
    return Triple.population(
        kl, {"a": standard, "b": standard}, n, name=f"tanh, {hidden} nodes, zero truth", known=known
    )


def _activation(activation: str | Activation) -> Activation:
    if not isinstance(activation, str):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation: got {activation!r}; it should be one of {', '.join(ACTIVATIONS)}, or a "
            f"function"
        )
    return ACTIVATIONS[activation]


def _name(activation: str | Activation) -> str:
    names = {"relu": "ReLU", "silu": "SiLU"}
    return (
        names.get(activation, activation)
        if isinstance(activation, str)
        else getattr(activation, "__name__", "network")
    )


def _network(activation: str | Activation) -> Callable[[Any, Any], Float[Array, " n"]]:
    act = _activation(activation)
    return lambda w, x: two_layer_network(w, x, act)


def _prior(hidden: int, inputs: int, prior_scale: float | int) -> dict[str, dist.Distribution]:
    prior_scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    normal = dist.Normal(0.0, prior_scale)
    return {
        "w": normal.expand([hidden, inputs]),
        "b": normal.expand([hidden]),
        "q": normal.expand([hidden]),
        "c": normal,
    }
