"""``torch.nn.TransformerEncoder`` as a transformer of vectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.module_outputs import require_agreement
from singlearn.symmetry.transformer.refusal import random_inputs
from singlearn.symmetry.transformer.tensors import Tensors, tensors_of_module

LAYER = {
    "self_attn": "MultiheadAttention",
    "linear1": "Linear",
    "linear2": "Linear",
    "norm1": "LayerNorm",
    "norm2": "LayerNorm",
}
PASSING = {"dropout": "Dropout", "dropout1": "Dropout", "dropout2": "Dropout"}


def from_torch_encoder(module: Any, *, causal: bool = False) -> Transformer:
    """The function of a ``TransformerEncoder`` or of one ``TransformerEncoderLayer``, evaluated
    (dropout off).

    Inputs and outputs have the batch first, whatever ``batch_first`` says of the module's. Padding
    is not read; a ``mask`` can be given to the transformer as to the module.

    Args:
        module: the module.
        causal: what a call with the mask of ``generate_square_subsequent_mask`` computes.

    Returns:
        The transformer in float64.

    Raises:
        ValueError: a subclass, a part that was replaced, hooks, or a setting that is not read; the
            message names it.
    """
    kind = _named(module)
    if kind not in ("TransformerEncoder", "TransformerEncoderLayer"):
        raise ValueError(
            f"module: got {kind}; torch.nn.TransformerEncoder and TransformerEncoderLayer are read"
        )
    for name, part in module.named_modules():
        if any(
            getattr(part, hooks, None)
            for hooks in ("_forward_hooks", "_forward_pre_hooks", "parametrizations")
        ):
            raise ValueError(
                f"module: {name or 'it'} has hooks or parametrisations, which may change what it "
                f"computes; remove them first"
            )
    layers = [module] if kind == "TransformerEncoderLayer" else list(module.layers)
    last = getattr(module, "norm", None)
    if last is not None and _named(last) != "LayerNorm":
        raise ValueError(f"module: its norm is {_named(last)}; LayerNorm is read")
    if not layers:
        raise ValueError("module: it has no layers")
    settings = [_settings(layer, f"layer {i}") for i, layer in enumerate(layers)]
    for name in ("norm_first", "activation", "heads", "batch_first"):
        if len({setting[name] for setting in settings}) > 1:
            raise ValueError(f"module: its layers differ in {name}")
    epsilons = {
        f"blocks.{i}.{norm}": getattr(layer, norm).eps
        for i, layer in enumerate(layers)
        for norm in ("norm1", "norm2")
    }
    if last is not None:
        epsilons["final_norm"] = last.eps
    tensors = tensors_of_module(module)
    if kind == "TransformerEncoderLayer":
        tensors = Tensors(
            {f"layers.0.{name}": tensors.take(name, *shape) for name, shape in _shapes(module)},
            "module",
        )
    first = settings[0]
    found = _assembled(
        tensors,
        first["heads"],
        first["norm_first"],
        first["activation"],
        causal,
        epsilons,
        has_final_norm=last is not None,
    )
    rows = random_inputs(found, 2, 5)

    def given(torch: Any) -> Any:
        some = next(module.parameters())
        inputs = torch.from_numpy(rows).to(some.device, some.dtype)
        mask = (
            torch.full((5, 5), float("-inf"), device=some.device, dtype=some.dtype).triu(1)
            if causal
            else None
        )
        if first["batch_first"]:
            return module(inputs, mask)
        return module(inputs.transpose(0, 1), mask).transpose(0, 1)

    require_agreement(module, given, found(rows))
    return found


def from_encoder_state(
    state: Mapping[str, np.ndarray],
    *,
    heads: int,
    norm_first: bool,
    activation: str,
    epsilon: float,
    causal: bool,
    source: str = "state",
) -> Transformer:
    """The function of a ``TransformerEncoder`` from its state dictionary, with what that does not
    tell.

    Args:
        state: arrays named ``layers.<i>.self_attn.in_proj_weight`` and so on.
        heads: ``nhead``.
        norm_first: as the layers were made.
        activation: ``relu`` or ``gelu``.
        epsilon: ``layer_norm_eps`` of all norms.
        causal: whether the function with the causal mask is meant.
        source: how messages call it.

    Returns:
        The transformer in float64.

    Raises:
        ValueError: tensors that are none of an encoder's, or another number of heads.
    """
    if activation not in ("relu", "gelu"):
        raise ValueError(f"activation: got {activation!r}; it should be 'relu' or 'gelu'")
    count = 1 + max(
        (int(m[1]) for name in state if (m := re.match(r"layers\.(\d+)\.", name))), default=-1
    )
    places = [f"blocks.{i}.{norm}" for i in range(count) for norm in ("norm1", "norm2")]
    has_final_norm = any(name.startswith("norm.") for name in state)
    epsilons = dict.fromkeys(places + ["final_norm"] * has_final_norm, epsilon)
    return _assembled(
        Tensors(state, source), heads, norm_first, activation, causal, epsilons, has_final_norm
    )


def is_encoder_state(names: list[str]) -> bool:
    """Whether these are names of the tensors of a ``TransformerEncoder``."""
    return any(re.fullmatch(r"layers\.\d+\.self_attn\.in_proj_weight", name) for name in names)


def _settings(layer: Any, at: str) -> dict[str, Any]:
    if _named(layer) != "TransformerEncoderLayer":
        raise ValueError(f"module: {at} is a {_named(layer)}; TransformerEncoderLayer is read")
    for name, kind in {**LAYER, **PASSING}.items():
        if _named(getattr(layer, name)) != kind:
            raise ValueError(
                f"module: {name} of {at} is {_named(getattr(layer, name))}; it should be {kind}"
            )
    attention = layer.self_attn
    if (
        not attention._qkv_same_embed_dim
        or attention.bias_k is not None
        or attention.bias_v is not None
        or attention.add_zero_attn
    ):
        raise ValueError(
            f"module: self_attn of {at} has kdim, vdim, bias_k, bias_v or add_zero_attn, which are "
            f"not read"
        )
    if _named(attention.out_proj) not in ("NonDynamicallyQuantizableLinear", "Linear"):
        raise ValueError(
            f"module: out_proj of {at} is {_named(attention.out_proj)}; it should be Linear"
        )
    width = attention.embed_dim
    for norm in (layer.norm1, layer.norm2):
        if tuple(norm.normalized_shape) != (width,):
            raise ValueError(
                f"module: a norm of {at} is over {tuple(norm.normalized_shape)}; it should be over "
                f"({width},)"
            )
    return {
        "norm_first": bool(layer.norm_first),
        "activation": _activation(layer.activation, at),
        "heads": attention.num_heads,
        "batch_first": bool(attention.batch_first),
    }


def _activation(function: Any, at: str) -> str:
    if getattr(function, "__module__", "").startswith("torch"):
        kind, name = type(function).__name__, getattr(function, "__name__", "")
        if kind == "ReLU" or name == "relu":
            return "relu"
        if name == "gelu" or (kind == "GELU" and function.approximate == "none"):
            return "gelu"
        if kind == "GELU":
            raise ValueError(
                f"module: the activation of {at} is GELU(approximate={function.approximate!r}); "
                f"PyTorch computes that with gradients on "
                "and the exact GELU without, on its fast path, so it is not one function"
            )
    raise ValueError(f"module: the activation of {at} is {function!r}; relu and gelu are read")


def _named(part: Any) -> str:
    """The class, if it is PyTorch's own."""
    kind = type(part)
    return (
        kind.__name__
        if kind.__module__.startswith("torch.nn.modules.")
        else f"{kind.__module__}.{kind.__name__}"
    )


def _shapes(module: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]


def _assembled(
    tensors: Tensors,
    heads: int,
    norm_first: bool,
    activation: str,
    causal: bool,
    epsilons: Mapping[str, float],
    has_final_norm: bool,
) -> Transformer:
    weights: dict[str, np.ndarray] = {}

    def take(name: str, ours: str, *shape: int) -> None:
        if name in tensors:
            weights[ours] = tensors.take(name, *shape)

    layers = len({name.split(".")[1] for name in tensors.names() if name.startswith("layers.")})
    first = "layers.0.self_attn.in_proj_weight"
    if first not in tensors:
        raise ValueError(f"{tensors.source}: the tensor {first!r} is missing")
    width = tensors.shape(first)[-1]
    if not isinstance(heads, int) or heads < 1 or width % heads:
        raise ValueError(
            f"heads: got {heads}; it should be a whole number that divides the width, {width}"
        )
    size = width // heads
    for i in range(layers):
        at, block = f"layers.{i}", f"blocks.{i}"
        joined = tensors.take(f"{at}.self_attn.in_proj_weight", 3 * width, width).reshape(
            3, heads, size, width
        )
        for k, part in enumerate(("query", "key", "value")):
            weights[f"{block}.attention.{part}"] = joined[k]
        if f"{at}.self_attn.in_proj_bias" in tensors:
            biases = tensors.take(f"{at}.self_attn.in_proj_bias", 3 * width).reshape(3, heads, size)
            for k, part in enumerate(("query", "key", "value")):
                weights[f"{block}.attention.{part}_bias"] = biases[k]
        output = tensors.take(f"{at}.self_attn.out_proj.weight", width, width)
        weights[f"{block}.attention.output"] = output.reshape(width, heads, size).transpose(1, 0, 2)
        take(f"{at}.self_attn.out_proj.bias", f"{block}.attention.output_bias", width)
        hidden = tensors.shape(f"{at}.linear1.weight")[0]
        weights[f"{block}.mlp.in"] = tensors.take(f"{at}.linear1.weight", hidden, width)
        weights[f"{block}.mlp.out"] = tensors.take(f"{at}.linear2.weight", width, hidden)
        take(f"{at}.linear1.bias", f"{block}.mlp.in_bias", hidden)
        take(f"{at}.linear2.bias", f"{block}.mlp.out_bias", width)
        for norm in ("norm1", "norm2"):
            take(f"{at}.{norm}.weight", f"{block}.{norm}.gain", width)
            take(f"{at}.{norm}.bias", f"{block}.{norm}.bias", width)
    take("norm.weight", "final_norm.gain", width)
    take("norm.bias", "final_norm.bias", width)
    tensors.require_all_used()
    return Transformer(
        weights,
        "layer",
        activation,
        epsilons=epsilons,
        post_norm=not norm_first,
        final_norm=has_final_norm,
        causal=causal,
    )
