"""Symmetries that belong to the norms of a transformer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from singlearn.running.arguments import real_number
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import NotASymmetryError, checked
from singlearn.symmetry.transformer.stream import (
    places,
    readers,
    require_free_stream,
    written_through,
)


def fold_gain(model: Transformer, *, final: bool = True) -> Transformer:
    r"""Move every norm's gain and bias into what reads it: :math:`W → W \mathrm{diag}(g)`, and
    :math:`W β` into the reader's bias.

    A last norm without an unembedding behind it keeps its own. An unembedding that was tied to the
    embedding is so no longer.

    Args:
        final: the last norm too.

    Returns:
        A transformer whose gains are 1 and whose biases of norms are 0 where that was possible.

    Raises:
        NotASymmetryError: there are no norms, or they stand behind the additions, where the stream
            itself carries the gain.
    """
    if model.norm == "none":
        raise NotASymmetryError("model: it has no norms, hence no gains to fold")
    if model.post_norm:
        raise NotASymmetryError(
            "model: its norms stand behind the additions; the stream carries their gains on, so no "
            "reader can take them"
        )
    return checked(model, folded(model, final), "gains")


def folded(model: Transformer, final: bool = True) -> Transformer:
    """:func:`fold_gain` without its conditions and without its check."""
    weights = dict(model.weights)
    for name, place in readers(model):
        if place == "final_norm" and not final:
            continue
        if f"{place}.bias" in weights:
            weights[f"{name}_bias"] = (
                model.bias(f"{name}_bias") + model.weights[name] @ model.weights[f"{place}.bias"]
            )
        weights[name] = model.weights[name] * model.gain(place)
    for place in places(model):
        if place != "final_norm" or (final and "unembedding" in weights):
            weights.pop(f"{place}.gain", None)
            weights.pop(f"{place}.bias", None)
    return replace(model, weights=weights)


def layer_to_rms(model: Transformer) -> Transformer:
    r"""The same function with RMSNorm in place of LayerNorm [ashkboos2024slicegpt]_.

    LayerNorm of x is RMSNorm of :math:`x - \bar x`, so it is enough that everything writes to the
    stream without a mean, :math:`W → (I - 1 1^T/d) W`; what the mean was, no norm has ever let
    through.

    Returns:
        A transformer with RMSNorm.

    Raises:
        NotASymmetryError: the norm is not LayerNorm, it stands behind the additions, vectors come
            in with a mean of their own, or nothing takes the mean away in front of the unembedding.
    """
    if model.norm != "layer":
        raise NotASymmetryError(
            f"model: its norm is {model.norm!r}; only LayerNorm subtracts a mean"
        )
    if model.post_norm:
        raise NotASymmetryError(
            "model: its norms stand behind the additions, and their gains and biases give the "
            "stream a mean again"
        )
    if not model.reads_tokens:
        raise NotASymmetryError(
            "model: its inputs are vectors, which come with a mean of their own that RMSNorm would "
            "not subtract"
        )
    if not model.final_norm:
        raise NotASymmetryError(
            "model: it has no norm at the end, so the mean of the stream is seen"
        )
    centring = np.eye(model.width) - 1.0 / model.width
    after = replace(
        model, weights={**model.weights, **written_through(model, centring)}, norm="rms"
    )
    return checked(model, after, "centring")


def rescale_stream(model: Transformer, factor: float) -> Transformer:
    r"""Write :math:`c x` instead of x. A norm divides c out again if :math:`ε → c^2 ε`; without
    norms readers become :math:`W / c`.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        NotASymmetryError: a factor of 0, or, with a norm, a negative one given that only its size
            is divided out; or the stream is seen from outside.
        ValueError: not a finite number.
    """
    factor = real_number(
        "factor", factor, above=-1e150, below=1e150, meaning="a number whose square is finite"
    )
    if factor == 0 or (factor < 0 and model.norm != "none"):
        raise NotASymmetryError(
            f"factor: got {factor}; a norm divides out |c| only, so c should be positive (rotate "
            f"by -I changes the sign)"
        )
    require_free_stream(model, "another scale")
    changes = written_through(model, factor * np.eye(model.width))
    epsilon, epsilons = model.epsilon, model.epsilons
    if model.norm == "none":
        changes |= {name: model.weights[name] / factor for name, _ in readers(model)}
    else:
        epsilon, epsilons = (
            epsilon * factor**2,
            {place: value * factor**2 for place, value in epsilons.items()},
        )
        if not model.final_norm:
            changes["unembedding"] = model.weights["unembedding"] / factor
    after = replace(model, weights={**model.weights, **changes}, epsilon=epsilon, epsilons=epsilons)
    return checked(model, after, "factor")
