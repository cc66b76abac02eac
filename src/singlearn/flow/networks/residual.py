"""A residual stream without normalisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import Entries, Gram, Law, gram_law
from singlearn.flow.networks.relu import SCALING
from singlearn.flow.program import Program
from singlearn.running.arguments import whole_number

RELU_INPUTS = 30


def residual_stream(
    v: int,
    d: int,
    h: int,
    blocks: int,
    m: int | None = None,
    relu: bool = False,
    embed: bool = True,
    unembed: bool = True,
    slope: int = 0,
    seed: int = 0,
) -> Architecture:
    r"""A stream :math:`x = W_E t`, blocks :math:`x ← x + B\,σ(A x)`, and what is read at the end,
    :math:`W_U x`.

    Each block keeps :math:`A A^T - B^T B` (with a ReLU, its diagonal). Where embedding and
    unembedding are both trained, GL(d) of the stream adds the d × d matrix :math:`W_E W_E^T + \sum
    B B^T - \sum A^T A - W_U^T W_U`.

    Args:
        v: tokens, or width of the input.
        d: width of the stream.
        h: width of a block.
        blocks: their number.
        m: outputs; needed where there is an unembedding.
        relu: a ReLU in each block, with the gates of rich data; linear otherwise.
        embed: whether the embedding is trained; without it the input is the stream, v = d.
        unembed: whether there is a trained unembedding.
        slope: what a closed gate lets through (leaky ReLU).
        seed: of inputs and gates.

    Returns:
        The architecture, with ``W_E``, ``A1``, ``B1``, …, ``W_U``.

    Raises:
        ValueError: numbers that are not positive and whole, v other than d without an embedding.

    >>> print(residual_stream(3, 2, 1, 1, 3))
    residual stream of width 2, 1 linear block of width 1, embedding and unembedding, 16 parameters; gradient flow keeps
      A1 A1ᵀ - B1ᵀ B1   (from GL(1) of a block, its symmetric part)
      W_E W_Eᵀ + B1 B1ᵀ - A1ᵀ A1 - W_Uᵀ W_U   (from GL(2) of the stream, its symmetric part)
    """  # noqa: E501
    v, d, h = (whole_number(name, value) for name, value in (("v", v), ("d", d), ("h", h)))
    blocks = whole_number("blocks", blocks)
    outputs = whole_number("m", m) if unembed else d
    if not embed and v != d:
        raise ValueError(
            f"v: got {v}; without an embedding it should be the width of the stream, {d}"
        )
    each = range(1, blocks + 1)
    shapes: dict[str, tuple[int, ...]] = {"W_E": (d, v)} if embed else {}
    for i in each:
        shapes |= {f"A{i}": (h, d), f"B{i}": (d, h)}
    if unembed:
        shapes["W_U"] = (outputs, d)
    rng = np.random.default_rng([seed, 3])
    inputs = rng.integers(1, 1000, (v, RELU_INPUTS)).astype(float) if relu else np.eye(v)
    count = inputs.shape[1]
    gates = [np.where(rng.random((h, count)) < 0.5, 1.0, float(slope)) for _ in each]

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        stream = program.constant(inputs)
        if embed:
            stream = program.product(parameters["W_E"], stream)
        for i in each:
            hidden = program.product(parameters[f"A{i}"], stream)
            if relu:
                hidden = program.mask(hidden, gates[i - 1])
            stream = program.sum(stream, program.product(parameters[f"B{i}"], hidden))
        if unembed:
            stream = program.product(parameters["W_U"], stream)
        return [Output(stream, (outputs, count))]

    of_block = SCALING if relu else f"GL({h}) of a block, its symmetric part"
    entries: Entries = "diagonal" if relu else "symmetric"
    laws: list[Law] = [
        gram_law([Gram(f"A{i}", 0), Gram(f"B{i}", 1, -1)], entries, of_block) for i in each
    ]
    if embed and unembed:
        terms = [
            Gram("W_E", 0),
            *(Gram(f"B{i}", 0) for i in each),
            *(Gram(f"A{i}", 1, -1) for i in each),
            Gram("W_U", 1, -1),
        ]
        laws.append(gram_law(terms, "symmetric", f"GL({d}) of the stream, its symmetric part"))
    ends = " and ".join(
        name for name, there in (("embedding", embed), ("unembedding", unembed)) if there
    )
    many = f"{blocks} {'ReLU' if relu else 'linear'} block{'s' if blocks > 1 else ''} of width {h}"
    return Architecture(
        f"residual stream of width {d}, {many}{f', {ends}' if ends else ''}",
        shapes,
        write,
        tuple(laws),
    )
