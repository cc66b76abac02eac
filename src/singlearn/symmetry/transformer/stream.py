"""What reads the residual stream, what writes to it, and linear maps of all of them at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from singlearn.symmetry.transformer.model import Transformer

WRITERS = ("embedding", "position", "attention.output_bias", "mlp.out_bias")
"""Weights whose last axis is the stream they write to."""

OUTGOING = ("attention.output", "mlp.out")
"""Weights whose second-to-last axis is the stream they write to."""


def written_through(model: Transformer, matrix: np.ndarray) -> dict[str, np.ndarray]:
    """All weights that write to the stream, written through ``matrix``: :math:`W → A W`."""
    changes = {}
    for name, array in model.weights.items():
        local = name.split(".", 2)[2] if name.startswith("blocks.") else name
        if local in WRITERS:
            changes[name] = array @ matrix.T
        elif local in OUTGOING:
            changes[name] = matrix @ array
    return changes


def readers(model: Transformer) -> Iterator[tuple[str, str]]:
    """Every weight that reads the stream along its last axis, and the place of the norm in front of it."""
    for block in range(model.blocks):
        for name in ("query", "key", "value"):
            yield f"blocks.{block}.attention.{name}", f"blocks.{block}.norm1"
        yield f"blocks.{block}.mlp.in", f"blocks.{block}.norm2"
    yield "unembedding", "final_norm"


def places(model: Transformer) -> list[str]:
    """The places of all norms."""
    return list(dict.fromkeys(place for _, place in readers(model)))
