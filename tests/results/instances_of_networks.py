"""A small instance of every answer about networks: symmetry of two layers, deep, smooth, and
transformers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from singlearn import symmetry
from singlearn.symmetry import deep, smooth, transformer

RELU = symmetry.TwoLayerReLU([[1], [1]], [0, -1], [1, 1], 0)
OTHER = symmetry.TwoLayerReLU([[1], [1]], [0, -1], [1, 2], 0)
FLOATS = symmetry.TwoLayerReLU([[0.1], [0.3]], [0.1, 0.1 + 0.2], [1.0, 1.0], 0.0)
TANH = symmetry.TwoLayerSmooth("tanh", [[1], [2]], [0, 1], [1, 3], 0)
DEEP = symmetry.DeepReLU(
    [[[1.0], [-2.0]], [[0.5, 1.0], [1.0, -1.0]], [[1.0, 1.0]]], [[0.0, 0.5], [-0.1, 0.2], [0.0]]
)
FURTHER = symmetry.DeepReLU(DEEP.weights, [*DEEP.biases[:-1], DEEP.biases[-1] + 1])
LINE = symmetry.Box([-1], [1])
POINTS = np.linspace(-1, 1, 9)[:, None]


@functools.cache
def transformers() -> tuple[transformer.Transformer, transformer.Transformer]:
    """Without blocks: two functions of a token."""
    first, second = (
        {"embedding": np.eye(3), "unembedding": np.diag([1.0, 2.0, last])} for last in (3.0, 4.0)
    )
    return transformer.Transformer(first, "rms"), transformer.Transformer(second, "rms")


@functools.cache
def unlike() -> Any:
    """Those two, told apart."""
    return transformer.equivalent(*transformers())


OF_NETWORKS: dict[str, Callable[[], Any]] = {
    "symmetry.KinkForm": lambda: symmetry.kink_form(RELU),
    "symmetry.Hyperplane": lambda: next(iter(symmetry.kink_form(RELU).kinks)),
    "symmetry.Equivalence": lambda: symmetry.equivalent(RELU, RELU),
    "symmetry.Transformation": lambda: symmetry.equivalent(RELU, RELU).transformation,
    "symmetry.Witness": lambda: symmetry.equivalent(RELU, OTHER).witness,
    "symmetry.Distance": lambda: symmetry.sup_distance(RELU, OTHER, LINE),
    "symmetry.MinimalWidth": lambda: symmetry.minimal_width(RELU),
    "symmetry.Generator": lambda: symmetry.generators(RELU)[0],
    "symmetry.Fibre": lambda: symmetry.fibre(RELU, width=3),
    "symmetry.ExplainedRank": lambda: symmetry.explained_rank(RELU, POINTS),
    "symmetry.FreeEnergyBound": lambda: symmetry.free_energy_bound((1, 2, 1)),
    "symmetry.Hierarchy": lambda: symmetry.hierarchy(RELU, LINE),
    "symmetry.LinearDomain": lambda: symmetry.linear_domains(RELU, LINE)[0],
    "symmetry.Nearby": lambda: symmetry.nearby(RELU, 1, LINE),
    "symmetry.Snap": lambda: symmetry.snap(FLOATS),
    "symmetry.Relation": lambda: symmetry.snap(FLOATS).imposed[0],
    "symmetry.deep.CanonicalForm": lambda: deep.canonical(DEEP),
    "symmetry.deep.ScalePermutation": lambda: deep.canonical(DEEP).transformation,
    "symmetry.deep.Compression": lambda: deep.compress_deep(DEEP, LINE),
    "symmetry.deep.DeepEquivalence": lambda: deep.equivalent_deep(DEEP, DEEP),
    "symmetry.deep.DeepWitness": lambda: deep.equivalent_deep(DEEP, FURTHER, domain=LINE).witness,
    "symmetry.deep.DeepExplainedRank": lambda: deep.explained_rank_deep(DEEP, POINTS),
    "symmetry.deep.HiddenKink": lambda: deep.HiddenKink(
        1, (0,), "active", np.eye(3)[0], False, 0.5, float("inf"), ((0, 1), None), (True, False)
    ),
    "symmetry.deep.NodeStates": lambda: deep.node_states(DEEP, LINE),
    "symmetry.smooth.SmoothForm": lambda: smooth.smooth_form(TANH),
    "symmetry.smooth.Unit": lambda: next(iter(smooth.smooth_form(TANH).units)),
    "symmetry.smooth.SmoothEquivalence": lambda: symmetry.equivalent(TANH, TANH),
    "symmetry.smooth.SmoothWidth": lambda: symmetry.minimal_width(TANH),
    "symmetry.smooth.SmoothFibre": lambda: symmetry.fibre(TANH, 3),
    "symmetry.smooth.SmoothComponent": lambda: symmetry.fibre(TANH, 3).components[0],
    "symmetry.smooth.ProximateRank": lambda: symmetry.proximate_rank(TANH, 0.1),
    "symmetry.transformer.Directions": lambda: transformer.symmetry_directions(transformers()[0])[
        0
    ],
    "symmetry.transformer.TransformerDescription": lambda: transformer.describe(transformers()[0]),
    "symmetry.transformer.CompressedTransformer": lambda: transformer.compress(transformers()[0]),
    "symmetry.transformer.TransformerEquivalence": unlike,
    "symmetry.transformer.TransformerWitness": lambda: unlike().witness,
}
