"""A small pre-norm transformer in NumPy: the reference that symmetries are checked against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import erf, softmax

from singlearn.results.prompt import Shown

NORMS = ("none", "layer", "rms")
ACTIVATIONS = ("relu", "gelu")

SHAPES: dict[str, tuple[str, ...]] = {
    "embedding": ("vocabulary", "d"),
    "position": ("positions", "d"),
    "norm1.gain": ("d",),
    "norm1.bias": ("d",),
    "attention.query": ("heads", "d_head", "d"),
    "attention.query_bias": ("heads", "d_head"),
    "attention.key": ("heads", "d_head", "d"),
    "attention.key_bias": ("heads", "d_head"),
    "attention.value": ("heads", "d_value", "d"),
    "attention.value_bias": ("heads", "d_value"),
    "attention.output": ("heads", "d", "d_value"),
    "attention.output_bias": ("d",),
    "norm2.gain": ("d",),
    "norm2.bias": ("d",),
    "mlp.in": ("hidden", "d"),
    "mlp.in_bias": ("hidden",),
    "mlp.out": ("d", "hidden"),
    "mlp.out_bias": ("d",),
    "final_norm.gain": ("d",),
    "final_norm.bias": ("d",),
    "unembedding": ("vocabulary", "d"),
    "unembedding_bias": ("vocabulary",),
}
"""Every name a weight may have, behind ``blocks.<i>.`` where it belongs to a block, and its shape."""

OUTSIDE = ("embedding", "position", "final_norm.gain", "final_norm.bias", "unembedding", "unembedding_bias")
NEEDED_OUTSIDE = ("embedding", "unembedding")
NEEDED_INSIDE = ("attention.query", "attention.key", "attention.value", "attention.output", "mlp.in", "mlp.out")


@dataclass(frozen=True, eq=False)
class Transformer(Shown):
    r"""A pre-norm transformer with causal attention, in float64.

    With the residual stream :math:`x_t ∈ R^d` and ν the norm of each place (its gain g and bias β optional),

    .. math:: x &← E_{\text{token}} + P_t, \\
              x &← x + \sum_h O_h \, \mathrm{softmax}_{s ≤ t}(⟨Q_h ν(x_t), K_h ν(x_s)⟩ / \sqrt{d_{head}}) V_h ν(x_s), \\
              x &← x + W_{out} \, φ(W_{in} ν(x)), \\
              \text{logits} &= U ν(x),

    every matrix with its own bias, and :math:`ν(x) = g ∘ (x - \bar x)/\sqrt{\mathrm{var}(x) + ε} + β` (``layer``),
    :math:`g ∘ x / \sqrt{\overline{x^2} + ε} + β` (``rms``) or x (``none``).

    Args:
        weights: arrays by name; the names and shapes are those of ``SHAPES``, behind ``blocks.<i>.`` inside a block. Gains that are
            absent are 1, biases and positions that are absent are 0.
        norm: ``none``, ``layer`` or ``rms``.
        activation: φ, ``relu`` or ``gelu`` (exact).
        epsilon: ε ≥ 0.

    Raises:
        ValueError: an unknown name, a missing one, shapes that do not fit, an entry that is not finite, or an unknown norm.
    """

    weights: Mapping[str, np.ndarray]
    norm: str
    activation: str
    epsilon: float

    def __init__(self, weights: Mapping[str, np.ndarray], norm: str, activation: str = "gelu", epsilon: float = 1e-5) -> None:
        if norm not in NORMS:
            raise ValueError(f"norm: got {norm!r}; it should be one of {', '.join(NORMS)}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation: got {activation!r}; it should be one of {', '.join(ACTIVATIONS)}")
        if not (np.isfinite(epsilon) and epsilon >= 0):
            raise ValueError(f"epsilon: got {epsilon}; it should be a number, 0 or above")
        arrays = {name: np.array(array, dtype=np.float64) for name, array in weights.items()}
        _check(arrays, norm)
        object.__setattr__(self, "weights", arrays)
        object.__setattr__(self, "norm", norm)
        object.__setattr__(self, "activation", activation)
        object.__setattr__(self, "epsilon", float(epsilon))

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return 1 + max((int(name.split(".")[1]) for name in self.weights if name.startswith("blocks.")), default=-1)

    @property
    def width(self) -> int:
        """d, of the residual stream."""
        return self.weights["embedding"].shape[1]

    def with_weights(self, changes: Mapping[str, np.ndarray]) -> Transformer:
        """The same architecture with some weights replaced or added."""
        return Transformer({**self.weights, **changes}, self.norm, self.activation, self.epsilon)

    def gain(self, place: str) -> Float[np.ndarray, " d"]:
        """The gain of the norm at ``place``, such as ``blocks.0.norm1``; 1 if absent."""
        return self.weights.get(f"{place}.gain", np.ones(self.width))

    def bias(self, name: str) -> np.ndarray | float:
        """The array of that name; 0 if absent."""
        return self.weights.get(name, 0.0)

    def __call__(self, tokens: Int[np.ndarray, "batch length"]) -> Float[np.ndarray, "batch length vocabulary"]:
        """The logits.

        Raises:
            ValueError: tokens outside the vocabulary, or more of them than positions.
        """
        weights = self.weights
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(weights["embedding"]):
            raise ValueError(f"tokens: they should be whole numbers from 0 to {len(weights['embedding']) - 1}")
        stream = weights["embedding"][tokens]
        if "position" in weights:
            if tokens.shape[1] > len(weights["position"]):
                raise ValueError(f"tokens: got {tokens.shape[1]} in a row; there are {len(weights['position'])} positions")
            stream = stream + weights["position"][: tokens.shape[1]]
        for block in range(self.blocks):
            stream = stream + self._attention(f"blocks.{block}", self._normalised(stream, f"blocks.{block}.norm1"))
            stream = stream + self._mlp(f"blocks.{block}", self._normalised(stream, f"blocks.{block}.norm2"))
        return self._normalised(stream, "final_norm") @ weights["unembedding"].T + self.bias("unembedding_bias")

    def _normalised(self, stream: np.ndarray, place: str) -> np.ndarray:
        if self.norm == "none":
            return stream
        if self.norm == "layer":
            stream = stream - stream.mean(axis=-1, keepdims=True)
        scale = np.sqrt(np.mean(stream**2, axis=-1, keepdims=True) + self.epsilon)
        return stream / scale * self.gain(place) + self.bias(f"{place}.bias")

    def _attention(self, block: str, reads: np.ndarray) -> np.ndarray:
        def project(name: str) -> np.ndarray:
            projected = np.einsum("btd,hkd->bhtk", reads, self.weights[f"{block}.attention.{name}"])
            return projected + np.atleast_1d(self.bias(f"{block}.attention.{name}_bias"))[..., None, :]

        query, key, value = project("query"), project("key"), project("value")
        scores = np.einsum("bhtk,bhsk->bhts", query, key) / np.sqrt(query.shape[-1])
        length = reads.shape[1]
        scores = np.where(np.tril(np.ones((length, length), dtype=bool)), scores, -np.inf)
        mixed = np.einsum("bhts,bhsv->bhtv", softmax(scores, axis=-1), value)
        written = np.einsum("bhtv,hdv->btd", mixed, self.weights[f"{block}.attention.output"])
        return written + self.bias(f"{block}.attention.output_bias")

    def _mlp(self, block: str, reads: np.ndarray) -> np.ndarray:
        inner = reads @ self.weights[f"{block}.mlp.in"].T + self.bias(f"{block}.mlp.in_bias")
        inner = np.maximum(inner, 0.0) if self.activation == "relu" else inner * 0.5 * (1 + erf(inner / np.sqrt(2.0)))
        return inner @ self.weights[f"{block}.mlp.out"].T + self.bias(f"{block}.mlp.out_bias")


def _check(arrays: Mapping[str, np.ndarray], norm: str) -> None:
    blocks = set()
    sizes: dict[tuple[str, str], tuple[int, str]] = {}
    for name, array in arrays.items():
        inside = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
        local, block = (inside[2], inside[1]) if inside else (name, "")
        if local not in SHAPES or (local in OUTSIDE) == bool(inside):
            raise ValueError(f"weights: {name!r} is no name of a weight; the names are those of SHAPES, such as 'blocks.0.attention.query'")
        if norm == "none" and "norm" in local:
            raise ValueError(f"weights: {name!r} is given although norm is 'none'")
        if inside:
            blocks.add(int(block))
        if array.ndim != len(SHAPES[local]):
            raise ValueError(f"weights[{name!r}]: got shape {array.shape}; it should be ({', '.join(SHAPES[local])})")
        if not np.all(np.isfinite(array)):
            raise ValueError(f"weights[{name!r}]: it has entries that are not finite numbers")
        for size, axis in zip(array.shape, SHAPES[local], strict=True):
            shared = "" if axis in ("d", "vocabulary", "positions") else block
            known = sizes.setdefault((shared, axis), (size, name))
            if known[0] != size:
                raise ValueError(f"weights[{name!r}]: its {axis} is {size}, that of {known[1]!r} is {known[0]}; they should be equal")
    if blocks != set(range(len(blocks))):
        raise ValueError(f"weights: found blocks {sorted(blocks)}; they should be numbered 0, 1, …")
    needed = [*NEEDED_OUTSIDE, *(f"blocks.{block}.{name}" for block in blocks for name in NEEDED_INSIDE)]
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise ValueError(f"weights: {missing[0]!r} is missing")
