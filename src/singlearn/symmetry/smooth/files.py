"""Smooth two-layer networks from and to files and PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from singlearn.symmetry.deep.torch_sequential import from_torch
from singlearn.symmetry.files.named_arrays import network_from_arrays
from singlearn.symmetry.files.network_file import READERS
from singlearn.symmetry.smooth.activation import ALIASES, KINDS, Activation
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.two_layer.network import Node

MODULES = {"Tanh": "tanh", "Sigmoid": "sigmoid", "SiLU": "silu", "GELU": "gelu"}


def is_smooth(name: str | None) -> bool:
    """Whether a name is that of an activation of this room."""
    return name is not None and name.lower() in (*KINDS, *ALIASES)


def activation_in(path: Path) -> str | None:
    """What a file of named arrays says about its activation, if it is one."""
    return (
        READERS[path.suffix](path).activation if path.suffix in READERS and path.is_file() else None
    )


def from_content(content: Mapping[str, Any], activation: Activation) -> TwoLayerSmooth:
    """The network of a JSON object with w, b, q, c, numbers or fractions such as "1/3".

    Raises:
        ValueError: a key is missing, or the shapes do not fit.
    """
    if missing := sorted({"w", "b", "q", "c"} - set(content)):
        raise ValueError(
            f"parameters: {', '.join(missing)} missing; a two-layer network has w, b, q and c"
        )
    return TwoLayerSmooth(
        activation, content["w"], content["b"], content["q"], content["c"], content.get("inputs")
    )


def from_arrays_file(
    path: Path, activation: Activation, order: Sequence[str] | None
) -> TwoLayerSmooth:
    """The network of a file of arrays named ``<layer>.weight`` and ``<layer>.bias``, with one
    hidden layer.

    Raises:
        ValueError: another ending, arrays that are no such network, or more than one hidden layer.
    """
    if path.suffix not in READERS:
        raise ValueError(
            f"{path}: the name ends in {path.suffix!r}; it should end in {', '.join(READERS)}"
        )
    content = READERS[path.suffix](path)
    said = content.activation
    if said is not None and (not is_smooth(said) or Activation(said).name != activation.name):
        raise ValueError(
            f"{path}: it says that its activation is {said}, and not {activation.name}"
        )
    try:
        # Only the layers are taken: what stands between them was said.
        layers = network_from_arrays(
            content.arrays,
            activation="relu",
            order=order,
            keeps_order=content.keeps_order,
            is_state_dict=content.is_state_dict,
        )
        if layers.hidden_layers != 1:
            raise ValueError(
                f"it has {layers.hidden_layers} hidden layers; networks of {activation} are "
                f"understood with one hidden layer"
            )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    (w, q), (b, c) = layers.weights, layers.biases
    return (
        TwoLayerSmooth(activation, w, b, q[0], float(c[0]))
        if len(c) == 1
        else TwoLayerSmooth(activation, w, b, q, c)
    )


def smooth_from_torch(module: Any) -> TwoLayerSmooth:
    """The network of ``Sequential(Linear, Tanh, Linear)``, or with ``Sigmoid``, ``SiLU`` or
    ``GELU`` in the middle.

    What else may stand in it is what :func:`singlearn.symmetry.from_torch` reads.

    Args:
        module: a PyTorch Sequential.

    Raises:
        ValueError: other modules, ``GELU(approximate='tanh')``, which is another function, or
            several hidden layers.
    """
    import torch

    children = list(module._modules.values()) if type(module).__name__ == "Sequential" else []
    curved = [child for child in children if type(child).__name__ in MODULES]
    if len(curved) != 1:
        raise ValueError(
            f"module: it holds {len(curved)} of {', '.join(MODULES)}; it should be a Sequential of "
            f"a Linear, one of these and a Linear"
        )
    name = MODULES[type(curved[0]).__name__]
    if getattr(curved[0], "approximate", "none") != "none":
        raise ValueError(
            "module: GELU(approximate='tanh') is another function than GELU, and is not understood"
        )
    if curved[0]._forward_hooks or curved[0]._forward_pre_hooks:
        raise ValueError(
            f"module: {type(curved[0]).__name__} has hooks, which may change what it computes; "
            f"remove them first"
        )
    at = next(i for i, child in enumerate(children) if child is curved[0])
    # With ReLU in its place the module is read as ReLU's are, BatchNorm included, or refused.
    plain = torch.nn.Sequential(
        *[torch.nn.ReLU() if i == at else child for i, child in enumerate(children)]
    )
    layers = from_torch(plain)
    if layers.hidden_layers != 1:
        raise ValueError(
            f"module: it has {layers.hidden_layers} hidden layers; networks of {name} are "
            f"understood with one"
        )
    (w, q), (b, c) = layers.weights, layers.biases
    return (
        TwoLayerSmooth(name, w, b, q[0], float(c[0]))
        if len(c) == 1
        else TwoLayerSmooth(name, w, b, q, c)
    )


def smooth_to_torch(net: TwoLayerSmooth) -> Any:
    """A ``Sequential(Linear, activation, Linear)`` in double precision.

    Args:
        net: the network.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: erf, or SiLU of another sharpness than 1, for which PyTorch has no module; or no
            hidden node.
    """
    require_smooth(net, "smooth_to_torch")
    import torch

    names = {name: module for module, name in MODULES.items()}
    if net.activation.name not in names or net.activation.sharpness != 1:
        raise ValueError(
            f"net: PyTorch has no module of {net.activation}; in_base(net) has sharpness 1"
        )
    if not net.width:
        raise ValueError("net: it has no hidden node, which torch does not hold")
    w, b, q, c = net.arrays()
    modules: list[Any] = []
    for matrix, bias in ((w, b), (q, c)):
        linear = torch.nn.Linear(matrix.shape[1], matrix.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        modules.append(linear)
    return torch.nn.Sequential(
        modules[0], getattr(torch.nn, names[net.activation.name])(), modules[1]
    )


def with_rational_bias(net: TwoLayerSmooth) -> TwoLayerSmooth:
    """The same function with rational parameters: what c holds of tanh(1/4) and the like goes to
    nodes with w = 0.

    Args:
        net: the network.

    Raises:
        ValueError: a value that no node of this activation has.

    >>> from singlearn.symmetry.smooth.minimal_width import compress_smooth
    >>> narrow = compress_smooth(TwoLayerSmooth("tanh", [[1], [0]], [0, 2], [1, 3], 0))
    >>> narrow.width, with_rational_bias(narrow).width
    (1, 2)
    """
    zero = (Fraction(0),) * net.inputs
    own, nodes, constants = net.activation, list(net.nodes), list(net.c)
    for base, at in sorted({key for value in net.c for key, _ in value.terms}):
        height = at / (own.kind.scale * own.sharpness)
        value = own.value(height)
        factors = dict(value.terms)
        if (base, at) not in factors:
            raise ValueError(
                f"net: c holds {base.value}({at}), which no node of {own} has as its value"
            )
        q = tuple(dict(d.terms).get((base, at), Fraction(0)) / factors[base, at] for d in constants)
        nodes.append(Node(zero, height, q))
        constants = [d - value * v for d, v in zip(constants, q, strict=True)]
    return net.replaced(nodes, tuple(constants))


def write_smooth(net: TwoLayerSmooth, path: Path) -> None:
    """Write a .json that :func:`singlearn.symmetry.read` takes back, exactly; what c holds of
    tanh(1/4) goes to nodes with w = 0.

    Raises:
        ValueError: the name has another ending; other formats have no place for the activation.
    """
    if path.suffix != ".json":
        raise ValueError(
            f"{path}: a network of {net.activation} is written as .json, which says its activation"
        )
    plain = with_rational_bias(net)

    def value(number: Fraction) -> int | str:
        return int(number) if number.denominator == 1 else str(number)

    rows = [[value(node.q[j]) for node in plain.nodes] for j in range(plain.outputs)]
    content = {
        "activation": net.activation.name,
        "sharpness": value(net.activation.sharpness),
        "w": [[value(v) for v in node.w] for node in plain.nodes],
        "b": [value(node.b) for node in plain.nodes],
        "q": rows[0] if plain.is_scalar else rows,
        "c": value(plain.c[0].rational)
        if plain.is_scalar
        else [value(v.rational) for v in plain.c],
        "inputs": plain.inputs,
    }
    if net.activation.sharpness == 1:
        del content["sharpness"]
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
