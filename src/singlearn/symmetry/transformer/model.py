"""Transformers in NumPy and float64: the reference that symmetries are checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax

from singlearn.results.prompt import Shown
from singlearn.symmetry.transformer.activations import ACTIVATIONS
from singlearn.symmetry.transformer.shapes import check_weights, local_name

NORMS = ("none", "layer", "rms")


@dataclass(frozen=True, eq=False)
class Transformer(Shown):
    r"""A transformer, evaluated in float64.

    With the residual stream :math:`x_t ∈ R^d` and ν the norm of each place (its gain g and bias β
    optional),

    .. math:: x &← E_{\text{token}} + P_t, \\
              x &← x + \sum_h O_h \, \mathrm{softmax}_{s ≤ t}(c ⟨R_t Q_h ν(x_t), R_s K_{h'} ν(x_s)⟩)
              V_{h'} ν(x_s), \\ x &← x + W_{out} \, φ(W_{in} ν(x)) \quad\text{or}\quad x + W_{out}
              \, (φ(W_{gate} ν(x)) ∘ W_{in} ν(x)), \\ \text{logits} &= U ν(x),

    every matrix with its own bias, and :math:`ν(x) = g ∘ (x - \bar x)/\sqrt{\mathrm{var}(x) + ε} +
    β` (``layer``), :math:`g ∘ x / \sqrt{\overline{x^2} + ε} + β` (``rms``) or x (``none``). The
    head h reads the keys and values of head :math:`h' = ⌊h \, · \text{key heads} / \text{heads}⌋`
    (grouped queries). :math:`c = 1/\sqrt{d_{head}}` where ``score_scales`` does not say otherwise.
    With rotary positions :math:`R_t` turns entry i of a query or key together with entry :math:`i +
    d_{head}/2` by the angle :math:`t θ_i` (``blocks.<i>.attention.frequency``).

    Without ``embedding`` the inputs are vectors; without ``unembedding`` the outputs are what the
    last norm gives.

    Args:
        weights: arrays by name; the names and shapes are those of ``SHAPES``, behind
            ``blocks.<i>.`` inside a block. Gains that are absent are 1, biases and positions that
            are absent are 0.
        norm: ``none``, ``layer`` or ``rms``.
        activation: φ: ``relu``, ``gelu`` (exact), ``gelu_new`` (by a hyperbolic tangent), ``silu``
            or ``quick_gelu``.
        epsilon: ε ≥ 0.
        epsilons: of places where it is another, such as ``blocks.0.norm1`` or ``final_norm``.
        post_norm: the norm stands behind each addition, :math:`x ← ν(x + f(x))`, not in front of f.
        final_norm: a norm stands in front of the unembedding, or at the end.
        causal: a place sees itself and what is before it; otherwise all places.
        windows: for each block, how many places back a place sees, itself counted; ``None`` for
            all.
        score_scales: c, for each block; ``None`` for :math:`1/\sqrt{d_{head}}`.

    Raises:
        ValueError: an unknown name, a missing one, shapes that do not fit, an entry that is not
            finite, or an unknown norm.

    >>> weights = {"embedding": np.eye(3), "unembedding": np.eye(3)}
    >>> Transformer(weights, "none", final_norm=False)(np.array([[2, 0]]))
    array([[[0., 0., 1.],
            [1., 0., 0.]]])
    """

    weights: Mapping[str, np.ndarray]
    norm: str
    activation: str = "gelu"
    epsilon: float = 1e-5
    _: KW_ONLY
    epsilons: Mapping[str, float] = field(default_factory=dict)
    post_norm: bool = False
    final_norm: bool = True
    causal: bool = True
    windows: tuple[int | None, ...] | None = None
    score_scales: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"norm: got {self.norm!r}; it should be one of {', '.join(NORMS)}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation: got {self.activation!r}; it should be one of {', '.join(ACTIVATIONS)}"
            )
        for name, epsilon in {"epsilon": self.epsilon, **self.epsilons}.items():
            if not (np.isfinite(epsilon) and epsilon >= 0):
                raise ValueError(f"{name}: got {epsilon}; it should be a number, 0 or above")
        arrays = {name: _frozen(name, array) for name, array in self.weights.items()}
        check_weights(arrays, self.norm != "none", self.norm != "none" and self.final_norm)
        object.__setattr__(self, "weights", arrays)
        object.__setattr__(self, "epsilon", float(self.epsilon))
        for name in ("windows", "score_scales"):
            given = getattr(self, name)
            if given is not None and len(given) != self.blocks:
                raise ValueError(f"{name}: got {len(given)}; there are {self.blocks} blocks")
        unknown = (
            set(self.epsilons)
            - {f"blocks.{i}.norm{k}" for i in range(self.blocks) for k in (1, 2)}
            - {"final_norm"}
        )
        if unknown:
            raise ValueError(
                f"epsilons: got {sorted(unknown)[0]!r}; it should be the place of a norm, such as "
                f"'blocks.0.norm1'"
            )

    @cached_property
    def blocks(self) -> int:
        """How many blocks there are."""
        return 1 + max(
            (block for name in self.weights if (block := local_name(name)[1]) is not None),
            default=-1,
        )

    @property
    def width(self) -> int:
        """d, of the residual stream."""
        name = "embedding" if "embedding" in self.weights else "blocks.0.attention.query"
        found: int = self.weights[name].shape[-1]
        return found

    @property
    def reads_tokens(self) -> bool:
        """Whether the inputs are tokens; otherwise they are vectors."""
        return "embedding" in self.weights

    @property
    def is_tied(self) -> bool:
        """Whether the unembedding is the embedding, number for number."""
        embedding, unembedding = self.weights.get("embedding"), self.weights.get("unembedding")
        return (
            embedding is not None
            and unembedding is not None
            and np.array_equal(embedding, unembedding)
        )

    @property
    def parameters(self) -> int:
        """How many numbers can be chosen; a tied unembedding is not counted again, frequencies are
        not counted.
        """
        total = sum(
            array.size for name, array in self.weights.items() if not name.endswith("frequency")
        )
        return total - (self.weights["embedding"].size if self.is_tied else 0)

    def heads(self, block: int) -> tuple[int, int]:
        """How many heads a block has, and how many heads of keys and values."""
        at = f"blocks.{block}.attention"
        return len(self.weights[f"{at}.query"]), len(self.weights[f"{at}.key"])

    def score_scale(self, block: int) -> float:
        """c: what scores are multiplied by before the softmax."""
        if self.score_scales is not None:
            return float(self.score_scales[block])
        return float(1 / np.sqrt(max(1, self.weights[f"blocks.{block}.attention.query"].shape[1])))

    def window(self, block: int) -> int | None:
        """How many places back a place of that block sees, itself counted."""
        return None if self.windows is None else self.windows[block]

    def is_gated(self, block: int) -> bool:
        """Whether the block's MLP multiplies φ(gate) and the up branch."""
        return f"blocks.{block}.mlp.gate" in self.weights

    def is_rotary(self, block: int) -> bool:
        """Whether queries and keys of the block are turned with their position."""
        return f"blocks.{block}.attention.frequency" in self.weights

    def with_weights(self, changes: Mapping[str, np.ndarray]) -> Transformer:
        """The same architecture with some weights replaced or added."""
        return replace(self, weights={**self.weights, **changes})

    def gain(self, place: str) -> Float[np.ndarray, " d"]:
        """The gain of the norm at ``place``, such as ``blocks.0.norm1``; 1 if absent."""
        return self.weights.get(f"{place}.gain", np.ones(self.width))

    def bias(self, name: str) -> np.ndarray | float:
        """The array of that name; 0 if absent."""
        return self.weights.get(name, 0.0)

    def epsilon_at(self, place: str) -> float:
        """ε of the norm at ``place``."""
        return float(self.epsilons.get(place, self.epsilon))

    def visible(self, block: int, length: int) -> np.ndarray:
        """Entry (t, s): whether place t of that block sees place s."""
        back = np.arange(length)[:, None] - np.arange(length)
        window = self.window(block)
        seen = back >= 0 if self.causal else np.ones((length, length), dtype=bool)
        return seen if window is None else seen & (back < window)

    def __call__(
        self,
        inputs: Int[np.ndarray, "batch length"] | Float[np.ndarray, "batch length d"],
        mask: np.ndarray | None = None,
    ) -> Float[np.ndarray, "batch length outputs"]:
        """The logits, or the outputs of the last norm.

        Args:
            inputs: tokens, or vectors where there is no embedding; the batch comes first.
            mask: as PyTorch means it: true where a place must not see another, or numbers that are
                added to the scores; on top of ``causal`` and ``windows``.

        Raises:
            ValueError: tokens outside the vocabulary, or more of them than positions.
        """
        inputs = np.asarray(inputs)
        stream = self._embedded(inputs)
        added = _added_to_scores(mask, stream.shape[1])
        for block in range(self.blocks):
            at = f"blocks.{block}"
            if self.post_norm:
                stream = self._normalised(
                    stream + self._attention(block, stream, added), f"{at}.norm1"
                )
                stream = self._normalised(stream + self._mlp(at, stream), f"{at}.norm2")
            else:
                stream = stream + self._attention(
                    block, self._normalised(stream, f"{at}.norm1"), added
                )
                stream = stream + self._mlp(at, self._normalised(stream, f"{at}.norm2"))
        if self.final_norm:
            stream = self._normalised(stream, "final_norm")
        if "unembedding" not in self.weights:
            return stream
        found: Float[np.ndarray, "batch length outputs"] = stream @ self.weights[
            "unembedding"
        ].T + self.bias("unembedding_bias")
        return found

    def _embedded(self, inputs: np.ndarray) -> np.ndarray:
        weights = self.weights
        if not self.reads_tokens:
            if inputs.ndim != 3 or inputs.shape[2] != self.width:
                raise ValueError(
                    f"inputs: got shape {inputs.shape}; it should be (batch, length, {self.width})"
                )
            return inputs.astype(np.float64)
        if inputs.ndim != 2 or inputs.dtype.kind not in "iu":
            raise ValueError(
                f"tokens: got {inputs.dtype} of shape {inputs.shape}; they should be whole "
                f"numbers, (batch, length)"
            )
        if inputs.size and not 0 <= inputs.min() <= inputs.max() < len(weights["embedding"]):
            raise ValueError(
                f"tokens: they should be whole numbers from 0 to {len(weights['embedding']) - 1}"
            )
        stream = weights["embedding"][inputs]
        if "position" in weights:
            if inputs.shape[1] > len(weights["position"]):
                raise ValueError(
                    f"tokens: got {inputs.shape[1]} in a row; there are {len(weights['position'])} "
                    f"positions"
                )
            stream = stream + weights["position"][: inputs.shape[1]]
        found: np.ndarray = stream
        return found

    def _normalised(self, stream: np.ndarray, place: str) -> np.ndarray:
        if self.norm == "none":
            return stream
        if self.norm == "layer":
            stream = stream - stream.mean(axis=-1, keepdims=True)
        scale = np.sqrt(np.mean(stream**2, axis=-1, keepdims=True) + self.epsilon_at(place))
        found: np.ndarray = stream / scale * self.gain(place) + self.bias(f"{place}.bias")
        return found

    def _attention(self, block: int, reads: np.ndarray, added: np.ndarray | float) -> np.ndarray:
        at = f"blocks.{block}.attention"
        batch, length, width = reads.shape

        def project(name: str) -> np.ndarray:
            matrix = self.weights[f"{at}.{name}"]
            flat = reads @ matrix.reshape(-1, width).T + np.ravel(self.bias(f"{at}.{name}_bias"))
            found: np.ndarray = flat.reshape(batch, length, *matrix.shape[:2]).transpose(0, 2, 1, 3)
            return found

        query, key, value = project("query"), project("key"), project("value")
        if self.is_rotary(block):
            angles = np.arange(length)[:, None] * self.weights[f"{at}.frequency"]
            query, key = _turned(query, angles), _turned(key, angles)
        heads, key_heads = self.heads(block)
        if heads != key_heads:
            key, value = (np.repeat(part, heads // key_heads, axis=1) for part in (key, value))
        scores = query @ key.transpose(0, 1, 3, 2) * self.score_scale(block) + added
        scores = np.where(self.visible(block, length), scores, -np.inf)
        if np.any(np.all(np.isneginf(scores), axis=-1)):
            raise ValueError("mask: a place sees none, so its attention is not defined")
        mixed = softmax(scores, axis=-1) @ value
        written = np.einsum("bhtv,hdv->btd", mixed, self.weights[f"{at}.output"], optimize=True)
        found: np.ndarray = written + self.bias(f"{at}.output_bias")
        return found

    def _mlp(self, block: str, reads: np.ndarray) -> np.ndarray:
        inner = reads @ self.weights[f"{block}.mlp.in"].T + self.bias(f"{block}.mlp.in_bias")
        act = ACTIVATIONS[self.activation]
        if f"{block}.mlp.gate" in self.weights:
            inner = inner * act(
                reads @ self.weights[f"{block}.mlp.gate"].T + self.bias(f"{block}.mlp.gate_bias")
            )
        else:
            inner = act(inner)
        found: np.ndarray = inner @ self.weights[f"{block}.mlp.out"].T + self.bias(
            f"{block}.mlp.out_bias"
        )
        return found


def _frozen(name: str, array: np.ndarray) -> np.ndarray:
    """In float64 and not to be written to; one that is so already is not copied and not looked
    through again.
    """
    if (
        isinstance(array, np.ndarray)
        and array.dtype == np.float64
        and not array.flags.writeable
        and array.base is None
    ):
        return array
    given = np.asarray(array)
    if given.dtype.kind not in "fiu":
        raise ValueError(f"weights[{name!r}]: it holds {given.dtype}; it should hold real numbers")
    made = np.array(given, dtype=np.float64)
    if not np.all(np.isfinite(made)):
        raise ValueError(f"weights[{name!r}]: it has entries that are not finite numbers")
    made.flags.writeable = False
    return made


def _added_to_scores(mask: np.ndarray | None, length: int) -> np.ndarray | float:
    if mask is None:
        return 0.0
    mask = np.asarray(mask)
    if mask.shape != (length, length):
        raise ValueError(f"mask: got shape {mask.shape}; it should be ({length}, {length})")
    return np.where(mask, -np.inf, 0.0) if mask.dtype == bool else mask.astype(np.float64)


def _turned(part: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotary positions: entry i and entry i + half turned by angle i."""
    half = part.shape[-1] // 2
    first, second = part[..., :half], part[..., half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
