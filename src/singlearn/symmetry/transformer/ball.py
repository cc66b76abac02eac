"""A transformer's outputs with proven bounds: ball arithmetic, every weight taken as the number
that it is.
"""

from __future__ import annotations

from collections.abc import Callable

import flint
import numpy as np

from singlearn.symmetry.transformer.model import Transformer

MOST_WORK = 2_000_000
"""Multiplications of one evaluation; beyond, it takes longer than a minute."""


def proven_outputs(model: Transformer, row: np.ndarray, output: int, bits: int) -> flint.arb:
    """A ball that holds one output at the last place of one input.

    The matrices, exponentials, error functions and roots are those of Arb: the radius of the ball
    holds every rounding.

    Args:
        model: the transformer.
        row: tokens in a row, or vectors.
        output: which logit, or which entry of the vector.
        bits: of precision.
    """
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        return _evaluated(model, row, output)
    finally:
        flint.ctx.prec = before


def work(model: Transformer, length: int) -> int:
    """Multiplications by weights that an evaluation takes."""
    return length * sum(
        array.size for name, array in model.weights.items() if name.startswith("blocks.")
    )


def _evaluated(model: Transformer, row: np.ndarray, output: int) -> flint.arb:
    weights = model.weights
    if model.reads_tokens:
        stream = _matrix(weights["embedding"][row])
        if "position" in weights:
            stream = stream + _matrix(weights["position"][: len(row)])
    else:
        stream = _matrix(row)
    for block in range(model.blocks):
        at = f"blocks.{block}"
        if model.post_norm:
            stream = _normalised(model, stream + _attention(model, block, stream), f"{at}.norm1")
            stream = _normalised(model, stream + _mlp(model, at, stream), f"{at}.norm2")
        else:
            stream = stream + _attention(model, block, _normalised(model, stream, f"{at}.norm1"))
            stream = stream + _mlp(model, at, _normalised(model, stream, f"{at}.norm2"))
    if model.final_norm:
        stream = _normalised(model, stream, "final_norm")
    last = stream.nrows() - 1
    if "unembedding" not in weights:
        return stream[last, output]
    bias = weights.get("unembedding_bias", np.zeros(output + 1))[output]
    return sum(
        (stream[last, i] * float(u) for i, u in enumerate(weights["unembedding"][output])),
        flint.arb(float(bias)),
    )


def _matrix(array: np.ndarray) -> flint.arb_mat:
    array = np.atleast_2d(array)
    rows, columns = array.shape
    return flint.arb_mat(rows, columns, [flint.arb(float(value)) for value in array.ravel()])


def _read(
    model: Transformer, reads: flint.arb_mat, matrix: np.ndarray, bias: np.ndarray | None
) -> flint.arb_mat:
    found = reads * _matrix(matrix.T)
    return found if bias is None else found + _matrix(np.tile(bias, (reads.nrows(), 1)))


def _entrywise(matrix: flint.arb_mat, function: Callable[[flint.arb], flint.arb]) -> flint.arb_mat:
    return flint.arb_mat(
        matrix.nrows(), matrix.ncols(), [function(value) for value in matrix.entries()]
    )


def _normalised(model: Transformer, stream: flint.arb_mat, place: str) -> flint.arb_mat:
    if model.norm == "none":
        return stream
    gain, bias = model.gain(place), model.weights.get(f"{place}.bias", np.zeros(model.width))
    width, found = stream.ncols(), []
    for t in range(stream.nrows()):
        row = [stream[t, i] for i in range(width)]
        if model.norm == "layer":
            mean = sum(row, flint.arb(0)) / width
            row = [value - mean for value in row]
        scale = (
            sum((value * value for value in row), flint.arb(0)) / width + model.epsilon_at(place)
        ).sqrt()
        found += [
            value / scale * float(g) + float(b) for value, g, b in zip(row, gain, bias, strict=True)
        ]
    return flint.arb_mat(stream.nrows(), width, found)


def _attention(model: Transformer, block: int, reads: flint.arb_mat) -> flint.arb_mat:
    at, weights = f"blocks.{block}.attention", model.weights
    heads, key_heads = model.heads(block)
    length, width = reads.nrows(), reads.ncols()
    written = flint.arb_mat(length, width)
    size = weights[f"{at}.query"].shape[1]
    scale = (
        flint.arb(1) / flint.arb(max(1, size)).sqrt()
        if model.score_scales is None
        else flint.arb(model.score_scale(block))
    )
    visible = model.visible(block, length)

    def projected(name: str, head: int) -> flint.arb_mat:
        bias = weights.get(f"{at}.{name}_bias")
        return _read(
            model, reads, weights[f"{at}.{name}"][head], None if bias is None else bias[head]
        )

    for head in range(heads):
        shared = head // (heads // key_heads)
        query, key, value = (
            projected("query", head),
            projected("key", shared),
            projected("value", shared),
        )
        if model.is_rotary(block):
            speeds = weights[f"{at}.frequency"]
            query, key = _turned(query, speeds), _turned(key, speeds)
        scores = query * key.transpose() * scale
        shares = flint.arb_mat(length, length)
        for t in range(length):
            seen = np.flatnonzero(visible[t])
            highest = max(float(scores[t, int(s)].mid()) for s in seen)
            powers = {int(s): (scores[t, int(s)] - highest).exp() for s in seen}
            total = sum(powers.values(), flint.arb(0))
            for s, power in powers.items():
                shares[t, s] = power / total
        written = written + shares * value * _matrix(weights[f"{at}.output"][head].T)
    bias = weights.get(f"{at}.output_bias")
    return written if bias is None else written + _matrix(np.tile(bias, (length, 1)))


def _turned(part: flint.arb_mat, speeds: np.ndarray) -> flint.arb_mat:
    half, found = len(speeds), flint.arb_mat(part.nrows(), part.ncols())
    for t in range(part.nrows()):
        for i, speed in enumerate(speeds):
            angle = flint.arb(float(speed)) * t
            cos, sin = angle.cos(), angle.sin()
            found[t, i] = part[t, i] * cos - part[t, i + half] * sin
            found[t, i + half] = part[t, i + half] * cos + part[t, i] * sin
    return found


def _mlp(model: Transformer, at: str, reads: flint.arb_mat) -> flint.arb_mat:
    weights, act = model.weights, FUNCTIONS[model.activation]
    inner = _read(model, reads, weights[f"{at}.mlp.in"], weights.get(f"{at}.mlp.in_bias"))
    if f"{at}.mlp.gate" in weights:
        gate = _entrywise(
            _read(model, reads, weights[f"{at}.mlp.gate"], weights.get(f"{at}.mlp.gate_bias")), act
        )
        pairs = zip(gate.entries(), inner.entries(), strict=True)
        inner = flint.arb_mat(inner.nrows(), inner.ncols(), [g * u for g, u in pairs])
    else:
        inner = _entrywise(inner, act)
    return _read(model, inner, weights[f"{at}.mlp.out"], weights.get(f"{at}.mlp.out_bias"))


def _relu(u: flint.arb) -> flint.arb:
    return (u + abs(u)) / 2


def _gelu(u: flint.arb) -> flint.arb:
    return u * (1 + (u / flint.arb(2).sqrt()).erf()) / 2


def _gelu_new(u: flint.arb) -> flint.arb:
    factor = (2 / flint.arb.pi()).sqrt()
    return u * (1 + (factor * (u + flint.arb("0.044715") * u**3)).tanh()) / 2


def _silu(u: flint.arb) -> flint.arb:
    return u / (1 + (-u).exp())


def _quick_gelu(u: flint.arb) -> flint.arb:
    return u / (1 + (-flint.arb("1.702") * u).exp())


FUNCTIONS = {
    "relu": _relu,
    "gelu": _gelu,
    "gelu_new": _gelu_new,
    "silu": _silu,
    "quick_gelu": _quick_gelu,
}
