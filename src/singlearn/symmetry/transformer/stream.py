"""What reads the residual stream, what writes to it, and linear maps of all of them at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import NotASymmetryError
from singlearn.symmetry.transformer.shapes import local_name

WRITERS = ("embedding", "position", "attention.output_bias", "mlp.out_bias")
"""Weights whose last axis is the stream they write to."""

OUTGOING = ("attention.output", "mlp.out")
"""Weights whose second-to-last axis is the stream they write to."""


def written_through(model: Transformer, matrix: np.ndarray) -> dict[str, np.ndarray]:
    """All weights that write to the stream, written through ``matrix``: :math:`W → A W`."""
    changes = {}
    for name, array in model.weights.items():
        local = local_name(name)[0]
        if local in WRITERS:
            changes[name] = array @ matrix.T
        elif local in OUTGOING:
            changes[name] = matrix @ array
    return changes


def readers_of_block(model: Transformer, block: int) -> Iterator[tuple[str, str]]:
    """Every weight of a block that reads the stream along its last axis, and the place of the norm
    in front of it.
    """
    for name in ("query", "key", "value"):
        yield f"blocks.{block}.attention.{name}", f"blocks.{block}.norm1"
    for name in ("gate", "in"):
        if f"blocks.{block}.mlp.{name}" in model.weights:
            yield f"blocks.{block}.mlp.{name}", f"blocks.{block}.norm2"


def readers(model: Transformer) -> Iterator[tuple[str, str]]:
    """Every weight that reads the stream along its last axis, and the place of the norm in front of
    it.
    """
    for block in range(model.blocks):
        yield from readers_of_block(model, block)
    if "unembedding" in model.weights:
        yield "unembedding", "final_norm"


def places(model: Transformer) -> list[str]:
    """The places of all norms."""
    inside = [f"blocks.{block}.norm{k}" for block in range(model.blocks) for k in (1, 2)]
    return inside + (["final_norm"] if model.final_norm else [])


def require_free_stream(model: Transformer, what: str) -> None:
    """Refuse a change of basis of a stream that is itself seen from outside, or that norms stand in
    the way of.

    Raises:
        NotASymmetryError: the inputs are vectors, the outputs are the stream, or norms stand behind
            the additions.
    """
    if not model.reads_tokens:
        raise NotASymmetryError(
            f"model: its inputs are vectors of the stream itself, whose basis is given; {what} "
            f"would change it"
        )
    if "unembedding" not in model.weights:
        raise NotASymmetryError(
            f"model: its outputs are the stream itself, whose basis is given; {what} would "
            f"change it"
        )
    if model.post_norm:
        raise NotASymmetryError(
            f"model: its norms stand behind the additions, so the stream carries their gains; "
            f"{what} would change it"
        )
