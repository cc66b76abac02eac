"""Symmetries that belong to the norms of a transformer."""

from __future__ import annotations

import numpy as np

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import NotASymmetry, checked
from singlearn.symmetry.transformer.stream import places, readers, written_through


def fold_gain(model: Transformer) -> Transformer:
    r"""Move every norm's gain and bias into what reads it: :math:`W → W \mathrm{diag}(g)`, and :math:`W β` into the reader's bias.

    Raises:
        NotASymmetry: there are no norms.
    """
    if model.norm == "none":
        raise NotASymmetry("model: it has no norms, hence no gains to fold")
    weights = dict(model.weights)
    for name, place in readers(model):
        if f"{place}.bias" in weights:
            weights[f"{name}_bias"] = model.bias(f"{name}_bias") + model.weights[name] @ model.weights[f"{place}.bias"]
        weights[name] = model.weights[name] * model.gain(place)
    for place in places(model):
        weights.pop(f"{place}.gain", None)
        weights.pop(f"{place}.bias", None)
    return checked(model, Transformer(weights, model.norm, model.activation, model.epsilon), "gains")


def layer_to_rms(model: Transformer) -> Transformer:
    r"""The same function with RMSNorm in place of LayerNorm [ashkboos2024slicegpt]_.

    LayerNorm of x is RMSNorm of :math:`x - \bar x`, so it is enough that everything writes to the stream without a mean,
    :math:`W → (I - 1 1^T/d) W`; what the mean was, no norm has ever let through.

    Raises:
        NotASymmetry: the norm is not LayerNorm.
    """
    if model.norm != "layer":
        raise NotASymmetry(f"model: its norm is {model.norm!r}; only LayerNorm subtracts a mean")
    centring = np.eye(model.width) - 1.0 / model.width
    after = Transformer({**model.weights, **written_through(model, centring)}, "rms", model.activation, model.epsilon)
    return checked(model, after, "centring")


def rescale_stream(model: Transformer, factor: float) -> Transformer:
    r"""Write :math:`c x` instead of x. A norm divides c out again if :math:`ε → c^2 ε`; without norms readers become :math:`W / c`.

    Raises:
        NotASymmetry: a factor of 0, or, with a norm, a negative one given that only its size is divided out.
        ValueError: not a finite number.
    """
    if not np.isfinite(factor):
        raise ValueError(f"factor: got {factor}; it should be a finite number")
    if factor == 0 or (factor < 0 and model.norm != "none"):
        raise NotASymmetry(f"factor: got {factor}; a norm divides out |c| only, so c should be positive (rotate by -I changes the sign)")
    changes = written_through(model, factor * np.eye(model.width))
    epsilon = model.epsilon
    if model.norm == "none":
        changes |= {name: model.weights[name] / factor for name, _ in readers(model)}
    else:
        epsilon *= factor**2
    return checked(model, Transformer({**model.weights, **changes}, model.norm, model.activation, epsilon), "factor")
