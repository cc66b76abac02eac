"""Fewer hidden units, narrower heads, fewer heads: the same function, or one whose change is
bounded and measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singlearn.results.result import Answer
from singlearn.running.arguments import real_number
from singlearn.symmetry.transformer.heads import settle_attention_biases
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.narrow_heads import ROUNDING, Removal, narrowed_heads
from singlearn.symmetry.transformer.norms import fold_gain
from singlearn.symmetry.transformer.refusal import random_inputs
from singlearn.symmetry.transformer.settled import with_mlp
from singlearn.symmetry.transformer.units import fewer_units


@dataclass(frozen=True, eq=False)
class CompressedTransformer(Answer):
    """The answer of :func:`compress`.

    Attributes:
        model: the smaller transformer.
        removals: what was taken away.
        before, after: numbers of parameters.
        change: the largest difference of outputs on random inputs.
        largest: the largest output there.
    """

    model: Transformer
    removals: list[Removal]
    before: int
    after: int
    change: float
    largest: float

    def __str__(self) -> str:
        lines = [f"{self.before:,} → {self.after:,} parameters"]
        lines += [f"  {removal}" for removal in self.removals] or ["  nothing to take away"]
        lines.append(
            f"  outputs change by {self.change:.2g} on random inputs, where the largest is "
            f"{self.largest:.3g}"
        )
        return "\n".join(lines)


def compress(
    model: Transformer, *, relative_tolerance: float | None = None
) -> CompressedTransformer:
    r"""Take away what the function does not need, and say what it was and what changed.

    Gains are folded into readers and value biases into output biases first, where the norms allow
    it; a tied embedding stays tied. Where nothing is to be taken away, the transformer comes back
    as it was. Then go

    * hidden units that are dead, constant or duplicate
      (:func:`singlearn.symmetry.transformer.units.fewer_units`);
    * entries of heads: the products :math:`O_h V` and :math:`Q_h^T K` of thin factors have a rank;
      a head needs no more entries than that. With rotary positions a plane goes if the queries or
      the keys are 0 there. All heads of a block keep one width, the largest that one of them needs;
    * heads that write nothing, or groups of them.

    Args:
        model: the transformer.
        relative_tolerance: singular values of these products up to this share of the largest one in
            a head are dropped too. What a head then writes changes by at most :math:`σ \sqrt d`, a
            score by at most :math:`c σ d`, since behind a norm whose gain was folded :math:`|ν(x)|
            ≤ \sqrt d`. Without it only what rounding could have made is dropped.

    Returns:
        The smaller transformer, what was taken away, and the largest change of an output on random
        inputs.

    Raises:
        ValueError: a tolerance that is not a number between 0 and 1.
    """
    if relative_tolerance is not None:
        relative_tolerance = real_number(
            "relative_tolerance",
            relative_tolerance,
            above=0,
            below=1,
            meaning="a share of the largest singular value, between 0 and 1",
        )
    share = ROUNDING if relative_tolerance is None else max(relative_tolerance, ROUNDING)
    before, small = model, model
    if model.norm != "none" and not model.post_norm:
        small = fold_gain(small, final=not model.is_tied)
    small = settle_attention_biases(small)
    reach = None if model.norm == "none" or model.post_norm else float(np.sqrt(model.width))
    removals: list[Removal] = []
    for block in range(model.blocks):
        made, found = fewer_units(small, block)
        if found:
            small = with_mlp(small, block, made)
            removals.append(
                Removal(
                    block,
                    f"{', '.join(found)} of {len(model.weights[f'blocks.{block}.mlp.in'])} hidden "
                    f"units",
                    0.0,
                )
            )
        small, gone = narrowed_heads(small, block, share, reach)
        removals += gone
    if not removals:
        small = before
    inputs = random_inputs(model, 4, 8)
    expected = before(inputs)
    change = float(np.max(np.abs(small(inputs) - expected)))
    return CompressedTransformer(
        small,
        removals,
        before.parameters,
        small.parameters,
        change,
        float(np.max(np.abs(expected))),
    )
