"""Chains of layers given as arrays: a list of weights, or a tree of a JAX library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.flow.balance_chain import Chain, ChainLayer, Coupling

NAMES = (
    "relu, leaky_relu, linear, relu^k (such as relu^2), or a network's own such as tanh, which has "
    "no symmetry"
)
CURVED = (
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "swish",
    "elu",
    "selu",
    "softplus",
    "mish",
    "erf",
    "sin",
)


class Tree:
    """Weights of a chain as the caller keeps them, and the same as named arrays.

    Args:
        network: a list with, for each layer, W (out × in), (W, b), or a mapping with "weight" (out
            × in) or "kernel" (in × out) and maybe "bias"; or a mapping of such layers, whose names
            end in the number of the layer.
        activation: what stands between layers, one name for all or a list.
    """

    def __init__(self, network: Any, activation: str | Sequence[str] | None) -> None:
        self.given = network
        self.order = _order(network)
        self.layers: list[ChainLayer] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.kinds: dict[str, Any] = {}
        for place, key in enumerate(self.order):
            self._read(str(key), network[key], place)
        names = (
            [activation] * (len(self.layers) - 1)
            if isinstance(activation, str) or activation is None
            else list(activation)
        )
        if activation is None or len(names) != len(self.layers) - 1:
            raise ValueError(
                f"activation: got {activation!r}; it should be what stands between layers, one or "
                f"a list: {NAMES}"
            )
        self.names: tuple[str, ...] = tuple(map(str, names))
        self.chain = Chain(
            tuple(self.layers), tuple(_coupling(name) for name in self.names), "layers"
        )
        if not any(c.free for c in self.chain.between):
            raise ValueError(
                f"activation: got {activation!r}, which has no continuous symmetry, so that there "
                f"is nothing to balance"
            )
        shapes = [layer.matrix(self.arrays).shape for layer in self.layers]
        for k, (first, second) in enumerate(pairwise(shapes)):
            if second[1] != first[0]:
                raise ValueError(
                    f"network: layer {self.order[k]} writes {first[0]} numbers and layer "
                    f"{self.order[k + 1]} reads {second[1]}; weights "
                    'are out × in, as in W2 φ(W1 x), a "kernel" is in × out'
                )

    def _read(self, name: str, layer: Any, place: int) -> None:
        transposed = False
        if isinstance(layer, Mapping):
            unknown = set(layer) - {"weight", "kernel", "bias"}
            if unknown or len({"weight", "kernel"} & set(layer)) != 1:
                raise ValueError(
                    f"network: layer {name} has {sorted(layer)}; it should have weight or kernel, "
                    f"and maybe bias"
                )
            transposed = "kernel" in layer
            weight, bias = layer["kernel" if transposed else "weight"], layer.get("bias")
        elif isinstance(layer, (tuple, list)):
            if len(layer) != 2:
                raise ValueError(
                    f"network: layer {name} has {len(layer)} arrays; it should be W, or W and b"
                )
            weight, bias = layer
        else:
            weight, bias = layer, None
        self._keep(f"{name}.weight", weight, 2)
        if bias is not None:
            self._keep(f"{name}.bias", bias, 1)
        label = name if isinstance(self.given, Mapping) else f"layer {place + 1}"
        self.layers.append(
            ChainLayer(
                label,
                f"{name}.weight",
                transposed=transposed,
                bias=f"{name}.bias" if bias is not None else None,
            )
        )

    def _keep(self, name: str, array: Any, axes: int) -> None:
        found = np.asarray(array)
        if found.dtype.kind not in "fiu" and str(found.dtype) != "bfloat16":
            raise ValueError(f"network: {name} is {found.dtype}; it should be real")
        if found.ndim != axes:
            raise ValueError(f"network: {name} has shape {found.shape}; it should have {axes} axes")
        self.kinds[name] = array
        self.arrays[name] = found.astype(float)
        if not np.isfinite(self.arrays[name]).all():
            raise ValueError(f"network: {name} has entries that are not finite")

    def flat(self, tree: Any, what: str) -> dict[str, np.ndarray]:
        """Arrays of the same structure, such as gradients, by the names used here."""
        try:
            found = Tree(tree, self.names)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{what}: it should have the structure of network; {error}") from error
        mine = {name: a.shape for name, a in self.arrays.items()}
        if {name: a.shape for name, a in found.arrays.items()} != mine:
            raise ValueError(
                f"{what}: it should have the structure and the shapes of network, {mine}"
            )
        return found.arrays

    def like_given(self, arrays: Mapping[str, np.ndarray], reference: Any = None) -> Any:
        """Arrays in the structure, library and number type that were given."""
        source = self.given if reference is None else reference

        def layer(key: Any) -> Any:
            given, weight, bias = source[key], f"{key}.weight", f"{key}.bias"
            if isinstance(given, Mapping):
                made = {
                    k: _like(v, arrays[bias if k == "bias" else weight]) for k, v in given.items()
                }
                return made
            if isinstance(given, (tuple, list)):
                return type(given)(
                    (
                        _like(given[0], arrays[weight]),
                        None if given[1] is None else _like(given[1], arrays[bias]),
                    )
                )
            return _like(given, arrays[weight])

        if isinstance(source, Mapping):
            return {key: layer(key) for key in source}
        made = [layer(key) for key in self.order]
        return tuple(made) if isinstance(source, tuple) else made

    def outputs(
        self, arrays: Mapping[str, np.ndarray], inputs: Float[np.ndarray, "n d"]
    ) -> Float[np.ndarray, "n out"] | None:
        """What the network says, where its activations are known."""
        h = np.asarray(inputs, dtype=float)
        for k, layer in enumerate(self.layers):
            offset = layer.offset(arrays)
            h = h @ layer.matrix(arrays)[..., 0].T + (0.0 if offset is None else offset)
            if k < len(self.names):
                activated = _activated(self.names[k], h)
                if activated is None:
                    return None
                h = activated
        return h


def _like(given: Any, array: Float[np.ndarray, "..."]) -> Any:
    if type(given).__module__.split(".")[0] in ("jax", "jaxlib"):
        import jax.numpy as jnp

        return jnp.asarray(array, dtype=given.dtype)
    kind = getattr(given, "dtype", np.dtype(float))
    return np.asarray(array, dtype=kind if np.issubdtype(kind, np.floating) else float)


def _order(network: Any) -> list[Any]:
    if isinstance(network, (list, tuple)):
        if len(network) < 2:
            raise ValueError(f"network: got {len(network)} layers; it should have at least two")
        return list(range(len(network)))
    if not isinstance(network, Mapping):
        raise ValueError(
            f"network: got {type(network).__name__}; it should be a torch module, a list of "
            f"weights, or a mapping of layers"
        )
    if set(network) == {"params"}:
        raise ValueError('network: got {"params": …}; give what is in it')
    numbered = {key: re.search(r"(\d+)$", str(key)) for key in network}
    missing = [key for key, match in numbered.items() if match is None]
    if (
        missing
        or len(network) < 2
        or len({str(k)[: m.start()] for k, m in numbered.items() if m}) != 1
    ):
        raise ValueError(
            f"network: layers {sorted(map(str, network))} have no order that is known; names "
            f"should be the same but for a number "
            "at the end, such as Dense_0, Dense_1, or give a list"
        )
    return sorted(network, key=lambda key: int(numbered[key][1]))  # type: ignore[index]


def _coupling(name: str) -> Coupling:
    if not isinstance(name, str):
        raise ValueError(f"activation: got {name!r}; it should be {NAMES}")
    plain = name.lower().replace(" ", "").replace("-", "_")
    if plain in ("relu", "leaky_relu"):
        return Coupling(degree=1.0)
    if plain in ("linear", "identity", "none"):
        return Coupling(linear=True)
    power = re.fullmatch(r"relu\^([0-9.]+)", plain)
    if power and float(power[1]) > 0:
        return Coupling(degree=float(power[1]), bounded=float(power[1]) == 1)
    if plain in CURVED:
        return Coupling(why=f"{plain} has no continuous symmetry")
    raise ValueError(f"activation: got {name!r}; it should be {NAMES}")


def _activated(name: str, z: Float[np.ndarray, "n h"]) -> Float[np.ndarray, "n h"] | None:
    plain = name.lower().replace(" ", "").replace("-", "_")
    if plain in ("linear", "identity", "none"):
        return z
    if plain == "relu":
        found: Float[np.ndarray, "n h"] | None = np.maximum(z, 0)
        return found
    if plain == "leaky_relu":
        return np.where(z > 0, z, 0.01 * z)  # any slope shows whether the function stayed
    if plain == "tanh":
        found = np.tanh(z)
        return found
    power = re.fullmatch(r"relu\^([0-9.]+)", plain)
    return np.maximum(z, 0) ** float(power[1]) if power else None


def jax_gradients(loss: Callable[[Any], Any], tree: Tree) -> tuple[float, dict[str, np.ndarray]]:
    """The loss of weights given as JAX arrays, and its gradients."""
    import jax

    value, gradients = jax.value_and_grad(loss)(tree.given)
    return float(value), tree.flat(gradients, "loss")
