"""What there is to say about a transformer's symmetries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from singlearn.results.prompt import shortened
from singlearn.results.result import Answer
from singlearn.symmetry.transformer.compress import CompressedTransformer, compress
from singlearn.symmetry.transformer.directions import Directions, symmetry_directions
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.precision import kept_as

NORM_NAMES = {"layer": "LayerNorm", "rms": "RMSNorm", "none": "no norm"}


@dataclass(frozen=True, eq=False)
class TransformerDescription(Answer):
    """The answer of :func:`describe`.

    Attributes:
        model: the transformer.
        kept_as: the coarsest number format that holds its weights.
        directions: directions of the weights that leave the function alone, by symmetry.
        compressed: what the function does not need.
    """

    model: Transformer
    kept_as: str
    directions: list[Directions]
    compressed: CompressedTransformer

    @property
    def total(self) -> int:
        """How many directions leave the function alone."""
        return sum(found.count for found in self.directions)

    def to_dict(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        model = self.model
        return {
            "blocks": model.blocks,
            "width": model.width,
            "heads": [model.heads(block) for block in range(model.blocks)],
            "hidden_units": [_hidden(model, block) for block in range(model.blocks)],
            "norm": model.norm,
            "post_norm": model.post_norm,
            "activation": model.activation,
            "causal": model.causal,
            "tied": model.is_tied,
            "parameters": model.parameters,
            "kept_as": self.kept_as,
            "symmetry_directions": {found.kind: found.count for found in self.directions},
            "removable": [str(removal) for removal in self.compressed.removals],
            "parameters_without": self.compressed.after,
        }

    def __str__(self) -> str:
        model = self.model
        lines = [architecture(model), f"  {model.parameters:,} parameters, kept as {self.kept_as}"]
        lines.append(f"  {self.total:,} directions of the weights leave the function alone:")
        width = max((len(found.kind) for found in self.directions), default=0)
        digits = max((len(f"{found.count:,}") for found in self.directions), default=0)
        lines += [
            f"    {found.kind:<{width}}  {found.count:>{digits},}  {found.group}"
            for found in self.directions
        ]
        lines.append("  heads that share no keys and hidden units may stand in any order")
        lines += [
            "  not needed: "
            + ("nothing that was looked for" if not self.compressed.removals else "")
        ]
        lines += [f"    {removal}" for removal in self.compressed.removals]
        if self.compressed.removals:
            lines.append(
                f"    {self.compressed.after:,} parameters are left, outputs change by "
                f"{self.compressed.change:.2g}"
            )
        text = "\n".join(line.rstrip() for line in lines)
        return shortened(text, where="directions and compressed have all")


def describe(model: Transformer) -> TransformerDescription:
    """Architecture, directions without effect, and what could be taken away (without loss).

    Returns:
        An account that prints itself.

    >>> import numpy as np
    >>> weights = {"embedding": np.eye(3), "unembedding": np.diag([1.0, 2.0, 3.0])}
    >>> print(describe(Transformer(weights, "rms")))
    transformer without blocks, width 3, RMSNorm, vocabulary of 3
      18 parameters, kept as float64
      3 directions of the weights leave the function alone:
        basis of the stream  3  O(3)
      heads that share no keys and hidden units may stand in any order
      not needed: nothing that was looked for
    """
    return TransformerDescription(
        model, kept_as(model), symmetry_directions(model), compress(model)
    )


def architecture(model: Transformer) -> str:
    """The settings, in a line."""
    words = []
    if model.blocks:
        sizes = {
            (*model.heads(block), _hidden(model, block), model.is_gated(block))
            for block in range(model.blocks)
        }
        heads, key_heads, hidden, gated = next(iter(sizes))
        if len(sizes) == 1:
            shared = f" ({key_heads} of keys and values)" if key_heads != heads else ""
            words.append(
                f"transformer of {model.blocks} blocks with {heads} heads{shared} and {hidden} "
                f"{'gated ' * gated}hidden units"
            )
        else:
            words.append(f"transformer of {model.blocks} blocks of several sizes")
    else:
        words.append("transformer without blocks")
    words.append(f"width {model.width}")
    behind = " behind the additions" if model.post_norm else ""
    words.append(f"{NORM_NAMES[model.norm]}{behind}")
    if model.blocks:
        words.append(model.activation)
        words.append("causal" if model.causal else "every place sees all")
        if any(model.is_rotary(block) for block in range(model.blocks)):
            words.append("rotary positions")
    if "position" in model.weights:
        words.append(f"{len(model.weights['position'])} learned positions")
    windows = {model.window(block) for block in range(model.blocks)} - {None}
    if windows:
        words.append(
            f"windows of "
            f"{', '.join(str(window) for window in sorted(windows, key=lambda size: size or 0))} "
            f"places"
        )
    if model.reads_tokens:
        tied = ", tied embedding" if model.is_tied else ""
        words.append(f"vocabulary of {len(model.weights['embedding'])}{tied}")
    else:
        words.append("from vectors to vectors")
    return ", ".join(words)


def _hidden(model: Transformer, block: int) -> int:
    return len(model.weights[f"blocks.{block}.mlp.in"])
