"""Two-layer networks to and from the other forms they come in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep import DeepReLU, read_network, write_network
from singlearn.symmetry.files.json_file import load_json
from singlearn.symmetry.smooth.activation import KINDS, Activation
from singlearn.symmetry.smooth.files import (
    activation_in,
    from_arrays_file,
    from_content,
    is_smooth,
    write_smooth,
)
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer

KEYS = {"w", "b", "q", "c"}
OTHER_KEYS = {"activation", "sharpness", "inputs"}


def from_parameters(parameters: Mapping[str, Any]) -> TwoLayerReLU:
    """The network of a parameter of ``singlearn.models.two_layer``: ``{"w": (H, N), "b": (H,), "q":
    (H,) or (M, H), "c": () or (M,)}``.

    Returns:
        The network with the parameters as exact rationals.

    Raises:
        ValueError: a key is missing, the shapes do not fit, or ``activation`` says another one than
            ReLU.

    >>> from_parameters(
    ...     {
    ...         "w": np.array([[2.0]]),
    ...         "b": np.array([1.0]),
    ...         "q": np.array([0.5]),
    ...         "c": np.array(0.0),
    ...     }
    ... )([1])
    Fraction(3, 2)
    """
    if missing := sorted(KEYS - set(parameters)):
        raise ValueError(
            f"parameters: {', '.join(missing)} missing; a two-layer network has w, b, q and c"
        )
    said = parameters.get("activation", "relu")
    if str(said).lower() != "relu":
        raise ValueError(
            f"parameters: their activation is {said!r}; from_parameters makes a network of ReLU, "
            f"TwoLayerSmooth one of {said}"
        )
    # Fractions and strings stay as they are; arrays of any library become NumPy's.
    values = {
        name: value if isinstance(value, (list, tuple, int, float, str)) else np.asarray(value)
        for name, value in parameters.items()
    }
    return TwoLayerReLU(
        values["w"], values["b"], values["q"], values["c"], inputs=parameters.get("inputs")
    )


def to_parameters(net: TwoLayerReLU) -> dict[str, Float[np.ndarray, "..."]]:
    """A parameter of ``singlearn.models.two_layer``, rounded to float64.

    Returns:
        Arrays in float64 under the names ``w``, ``b``, ``q`` and ``c``.

    Raises:
        ValueError: a deep network.
    """
    require_two_layer(net, "to_parameters")
    w, b, q, c = net.arrays()
    return {"w": w, "b": b, "q": q[0] if net.is_scalar else q, "c": c[0] if net.is_scalar else c}


def from_deep(net: DeepReLU) -> TwoLayerReLU:
    """A network with one hidden layer, with exact parameters.

    Returns:
        The network with the parameters as exact rationals.

    Raises:
        ValueError: it has another number of hidden layers, or is a two-layer network already.
    """
    if not isinstance(net, DeepReLU):
        raise ValueError(
            f"net: got {type(net).__name__}; from_deep takes a DeepReLU with one hidden layer"
        )
    if net.hidden_layers != 1:
        raise ValueError(
            f"net: it has {net.hidden_layers} hidden layers; a two-layer network has one"
        )
    (w, q), (b, c) = net.weights, net.biases
    return TwoLayerReLU(w, b, q[0], float(c[0])) if len(c) == 1 else TwoLayerReLU(w, b, q, c)


def to_deep(net: TwoLayerReLU, *, exact: bool = False) -> DeepReLU:
    """The same network in float64, from where it can be written to a file or turned into a PyTorch
    module.

    Args:
        net: the network.
        exact: refuse to round.

    Returns:
        The network in float64.

    Raises:
        ValueError: a deep network; a parameter is too large for float64, or would be rounded
            although ``exact`` is asked for.
    """
    if not isinstance(net, TwoLayerReLU):
        raise ValueError(f"net: got {type(net).__name__}; to_deep takes a TwoLayerReLU")
    w, b, q, c = net.arrays()
    deep = DeepReLU([w, q], [b, c])
    if exact and not is_rounded_as(net, deep):
        raise ValueError(
            f"net: float64 does not hold the parameters of the {net} exactly; round them with "
            f"to_deep first"
        )
    return deep


def is_rounded_as(net: TwoLayerReLU, deep: DeepReLU) -> bool:
    """Whether a network in float64 has exactly the parameters of a two-layer one."""
    back = from_deep(deep)
    return back.nodes == net.nodes and back.c == net.c


def read(
    path: str | Path, *, activation: str | None = None, order: Sequence[str] | None = None
) -> TwoLayerReLU | DeepReLU | TwoLayerSmooth:
    """A network from a file: exact where it has one hidden layer, in float64 where it is deeper.

    A ``.json`` with the keys w, b, q, c keeps whole numbers and fractions such as ``"1/3"`` exact;
    other files go to :func:`read_network`. There ReLU between the layers is assumed, with a
    warning, where neither the file nor ``activation`` says it. Where one of them says tanh,
    sigmoid, erf, silu or gelu, a network with one hidden layer is read as that; a .json may give
    SiLU a "sharpness".

    Args:
        path: of the file.
        activation: what is known to stand between the layers.
        order: the layers' names from input to output, for files whose order is open.

    Returns:
        A network of the kind that the file describes.

    Raises:
        ValueError: the content is not a network; the message names the file and what to change.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    if path.suffix == ".json" and path.is_file():
        content = load_json(path)
        if isinstance(content, dict) and set(content) & KEYS:
            if unknown := sorted(set(content) - KEYS - OTHER_KEYS):
                raise ValueError(
                    f"{path}: it names {', '.join(map(repr, unknown))}, which is not part of a "
                    f"network; w, b, q, c, activation, sharpness "
                    "and inputs are"
                )
            said = str(content.get("activation") or activation or "relu")
            if activation is not None and said.lower() != activation.lower():
                raise ValueError(
                    f"{path}: it says that its activation is {said}, and activation= that it is "
                    f"{activation}"
                )
            if said.lower() != "relu" and not is_smooth(said):
                raise ValueError(
                    f"{path}: its activation is {said}; networks of relu, {', '.join(KINDS)} are "
                    f"read"
                )
            try:
                if is_smooth(said):
                    return from_content(content, Activation(said, content.get("sharpness", 1)))
                if "sharpness" in content:
                    raise ValueError(
                        f"sharpness: got {content['sharpness']}; only SiLU has one, and the "
                        f"activation is {said}"
                    )
                return from_parameters(content)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
    stated = activation or activation_in(path)
    if stated is not None and is_smooth(stated) and path.is_file():
        return from_arrays_file(path, Activation(stated), order)
    net = read_network(path, activation=activation, order=order)
    return from_deep(net) if net.hidden_layers == 1 else net


def write(net: TwoLayerReLU | DeepReLU | TwoLayerSmooth, path: str | Path) -> None:
    """Write a network to a .npz, .json, .safetensors or .pt file that :func:`read` takes back.

    A two-layer network goes to a .json exactly, as whole numbers and fractions; everything else is
    rounded to float64. Networks of other activations than ReLU go to a .json only.

    Raises:
        ValueError: the name has another ending.
    """
    path = Path(path)
    if isinstance(net, TwoLayerSmooth):
        write_smooth(net, path)
    elif isinstance(net, DeepReLU):
        write_network(net, path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(_exact_json(net), indent=1) + "\n", encoding="utf-8")
    else:
        write_network(to_deep(net), path)


def _exact_json(net: TwoLayerReLU) -> dict[str, Any]:
    """w, b, q, c as JSON values that :func:`read` takes back exactly: whole numbers where they are,
    else fractions as text.
    """

    def value(number: Any) -> int | str:
        return int(number) if number.denominator == 1 else str(number)

    rows = [[value(node.q[j]) for node in net.nodes] for j in range(net.outputs)]
    return {
        "w": [[value(v) for v in node.w] for node in net.nodes],
        "b": [value(node.b) for node in net.nodes],
        "q": rows[0] if net.is_scalar else rows,
        "c": value(net.c[0]) if net.is_scalar else [value(v) for v in net.c],
        "inputs": net.inputs,
    }
