"""Networks that classify: Bernoulli and categorical outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from singlearn.models.enumerated import letters_in
from singlearn.models.two_layer import ACTIVATIONS, Activation
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple
from singlearn.triple.intake import matrix


def classifier_logits(
    w: Mapping[str, Float[Array | np.ndarray, "*_"]],
    x: Float[Array | np.ndarray, "n inputs"],
    activation: str | Activation = "tanh",
) -> Float[Array, "n outputs"]:
    """Logits of a network with one hidden layer, or of a linear classifier where ``"w"`` is absent.

    Args:
        w: ``"q"`` (outputs, hidden or inputs), ``"c"`` (outputs,), and ``"w"`` (hidden, inputs),
            ``"b"`` (hidden,).
        x: inputs.
        activation: ``"tanh"``, ``"relu"``, ``"silu"``, or a function of one array.

    Returns:
        Logits, one column per output.

    Raises:
        ValueError: an unknown activation.

    >>> w = {"q": np.array([[1.0, -1.0]]), "c": np.array([0.5])}
    >>> classifier_logits(w, np.array([[2.0, 1.0]])).tolist()
    [[1.5]]
    """
    outgoing, constant = jnp.asarray(w["q"]), jnp.asarray(w["c"])
    features = jnp.asarray(x, outgoing.dtype)
    if "w" in w:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(
                f"activation: got {activation!r}; it should be one of {', '.join(ACTIVATIONS)}, "
                "or a function"
            )
        act = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        features = act(features @ jnp.asarray(w["w"]).T + jnp.asarray(w["b"]))
    return features @ outgoing.T + constant


def classification(
    x: Any,
    y: Any,
    hidden: int = 0,
    classes: int = 2,
    activation: str | Activation = "tanh",
    prior_scale: float | int = 1.0,
    redundant: bool = False,
) -> Triple:
    r"""A network that classifies: Bernoulli for two classes, otherwise Categorical over a softmax.

    For C classes there are C - 1 logits, the first class having logit 0; with ``redundant`` there
    are C, as networks
    usually have, one more than the probabilities show, so that the Fisher information is degenerate
    at every parameter.

    Prior N(0, ``prior_scale``²) on every parameter. λ depends on the truth, so nothing is claimed;
    a linear classifier
    (``hidden = 0``) without redundancy is regular where inputs do not lie in a hyperplane.

    Args:
        x: (n, inputs), standardised.
        y: (n,) labels 0, 1, …, C - 1.
        hidden: H; 0 is logistic regression.
        classes: C ≥ 2.
        activation: of the hidden layer.
        prior_scale: standard deviation of the prior.
        redundant: C logits in place of C - 1.

    Returns:
        The triple with data ``(x, y)``.

    Raises:
        ValueError: labels that are not classes, or an argument out of range.

    >>> triple = classification(np.zeros((3, 2)), np.array([0, 1, 1]))
    >>> zero = {"q": np.zeros((1, 2)), "c": np.zeros(1)}
    >>> triple.dimension, round(triple.parameter_energy(zero), 4)     # 3 log 2
    (3, 2.0794)
    """
    hidden, classes = (
        whole_number("hidden", hidden, at_least=0),
        whole_number("classes", classes, at_least=2),
    )
    scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    inputs = matrix("x", x)
    labels, _ = letters_in("y", np.asarray(y).reshape(-1, 1), 1, classes)
    if len(labels) != len(inputs) or np.ndim(y) != 1:
        raise ValueError(
            f"y: got shape {np.shape(y)} for {len(inputs)} observations; it should be one label "
            "each"
        )
    outputs = classes if redundant else classes - 1
    normal = dist.Normal(0.0, scale)
    features = hidden or inputs.shape[1]
    prior: dict[str, dist.Distribution] = {
        "q": normal.expand([outputs, features]),
        "c": normal.expand([outputs]),
    }
    if hidden:
        prior |= {"w": normal.expand([hidden, inputs.shape[1]]), "b": normal.expand([hidden])}
    kind = "Bernoulli" if classes == 2 else "Categorical"
    return Triple(
        partial(_log_likelihood, activation, redundant),
        prior,
        (inputs, labels[:, 0]),
        name=f"{kind} network, {hidden} hidden units, {classes} classes",
    )


def _log_likelihood(
    activation: str | Activation,
    redundant: bool,
    w: Mapping[str, Any],
    data: tuple[Any, Int[Array | np.ndarray, " n"]],
) -> Float[Array, " n"]:
    x, y = data
    logits = classifier_logits(w, x, activation)
    if not redundant:
        logits = jnp.concatenate([jnp.zeros_like(logits[:, :1]), logits], axis=1)
    return jnp.take_along_axis(jax.nn.log_softmax(logits, axis=1), jnp.asarray(y)[:, None], axis=1)[
        :, 0
    ]
