"""The picture of the directions that do nothing: the Jacobian of a small Llama loses its rank exactly where the count says.

Run as ``python docs/images/transformer_directions.py``; writes ``transformer-directions.png`` beside itself.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.symmetry.transformer import Transformer, symmetry_directions

WIDTH, VOCABULARY, HIDDEN, HEAD = 4, 6, 5, 4


def small_llama():
    random = np.random.default_rng(0)

    def normal(*shape):
        return random.standard_normal(shape) * 0.8

    weights = {"embedding": normal(VOCABULARY, WIDTH), "unembedding": normal(VOCABULARY, WIDTH)}
    for block in ("blocks.0", "blocks.1"):
        for part, heads in (("query", 2), ("key", 1), ("value", 1)):
            weights[f"{block}.attention.{part}"] = normal(heads, HEAD, WIDTH)
        weights[f"{block}.attention.output"] = normal(2, WIDTH, HEAD)
        weights[f"{block}.attention.frequency"] = np.array([1.0, 0.3])
        weights[f"{block}.mlp.gate"], weights[f"{block}.mlp.in"] = (
            normal(HIDDEN, WIDTH),
            normal(HIDDEN, WIDTH),
        )
        weights[f"{block}.mlp.out"] = normal(WIDTH, HIDDEN)
        weights[f"{block}.norm1.gain"], weights[f"{block}.norm2.gain"] = np.exp(
            normal(2, WIDTH) / 2
        )
    weights["final_norm.gain"] = np.exp(normal(WIDTH) / 2)
    return Transformer(weights, "rms", "silu", 0.1)


def singular_values(model):
    """Of the Jacobian of logits to weights, by differences of the fourth order."""
    names = [name for name in model.weights if not name.endswith("frequency")]
    start = np.concatenate([model.weights[name].ravel() for name in names])
    tokens = np.random.default_rng(5).integers(VOCABULARY, size=(100, 6))

    def logits(vector):
        weights, at = dict(model.weights), 0
        for name in names:
            size = weights[name].size
            weights[name] = vector[at : at + size].reshape(weights[name].shape)
            at += size
        return replace(model, weights=weights)(tokens).ravel()

    step, columns = 1e-4, []
    for unit in np.eye(len(start)) * step:
        near, far = (
            logits(start + unit) - logits(start - unit),
            logits(start + 2 * unit) - logits(start - 2 * unit),
        )
        columns.append((8 * near - far) / (12 * step))
    return np.linalg.svd(np.array(columns), compute_uv=False)


def main():
    model = small_llama()
    found = symmetry_directions(model)
    total = sum(part.count for part in found)
    values = singular_values(model)
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    kept = len(values) - total
    ranks = np.arange(1, len(values) + 1)
    left.semilogy(
        ranks[:kept],
        values[:kept],
        ".",
        color=INK,
        markersize=4,
        label=f"{kept} directions that move the logits",
    )
    left.semilogy(
        ranks[kept:],
        values[kept:],
        ".",
        color=ACCENT,
        markersize=4,
        label=f"{total} that do not, as counted",
    )
    left.axvline(kept + 0.5, color=QUIET, linewidth=1)
    left.set_xlabel("in order")
    left.set_ylabel("singular values of the Jacobian")
    left.set_title(f"A Llama of {len(values)} parameters", loc="left", fontsize=10)
    left.legend(frameon=False, fontsize=8, loc="lower left")
    names = [part.kind for part in found][::-1]
    counts = [part.count for part in found][::-1]
    right.barh(names, counts, color=ACCENT, height=0.6)
    for row, count in enumerate(counts):
        right.text(count + 0.5, row, str(count), va="center", fontsize=9, color=INK)
    right.set_xlim(0, max(counts) * 1.15)
    right.set_xlabel("directions of the weights that do nothing")
    for axes in (left, right):
        quieten(axes)
    figure.savefig(Path(__file__).with_name("transformer-directions.png"), dpi=150)


if __name__ == "__main__":
    main()
