"""What a triple is, by its values: prior, coordinates and log likelihood at probe points, data by
digest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.probe_points import ProbePoints
from singlearn.triple.triple import Model, Triple

POINTS, DETAILED, FEWEST = 256, 12, 3
"""Probe points; those at which every observation counts by itself; and the fewest."""
MOST_VALUES = 20_000_000
"""Observations times points, at most."""
FEW_VALUES = 200_000
"""Of a program that is hardly worth optimising."""
BESIDE = ("parameters", "truth energy")
"""Parts that a sampler does not see: how parameters are called, and the truth."""


def identity_of(
    triple: Triple, probes: ProbePoints, data_are_made: bool = False
) -> dict[str, Part]:
    """The parts of a triple's identity: two triples with the same parts have the same posterior, to
    rounding.

    Args:
        triple: with data, or a population triple.
        probes: where its functions are asked; those of an identity that is compared with are to be
            used again.
        data_are_made: the data come out of a function, as the triples of a sweep do, and are
            compared by their values within rounding.

    Returns:
        Parts by name, for ``running.identity.differences``.

    >>> import numpyro.distributions as dist
    >>> y = np.array([0.5, -0.5])
    >>> one = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), y)
    >>> def written(w, y):
    ...     return -0.5 * (y - w) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> other = Triple(written, dist.Normal(0.0, 1.001), y)
    >>> points = ProbePoints(np.zeros(1), np.ones(1))
    >>> parts = [identity_of(triple, points) for triple in (one, other)]
    >>> [said.split(":")[0] for said in identity.differences(*parts)]
    ['prior density', 'prior density at more points']
    """
    parts: dict[str, Part] = {
        "dimension": identity.setting(triple.dimension),
        "n": identity.setting(float(triple.n)),
        "kind": identity.setting("population" if triple.is_population else "data"),
        "parameters": identity.setting(_parameters(triple)),
    }
    if not triple.is_population:
        leaves = jax.tree.leaves(triple.data)
        names = _leaf_names(triple.data)
        for name, leaf in zip(names, leaves, strict=True):
            parts[name] = _made(leaf) if data_are_made else identity.array(leaf)
    count = max(FEWEST, min(POINTS, int(MOST_VALUES // max(1.0, _evaluations(triple)))))
    points = probes.points(count)
    # Where the dimension is another there is nothing to ask.
    if points.shape[1] == triple.dimension:
        parts |= _asked(triple, points)
    if _is_an_object(triple.prior):
        parts["prior draws"] = _draws(triple)
    if triple.truth_energy is not None and not triple.is_population:
        parts["truth energy"] = identity.values([[triple.truth_energy]])
    return parts


def _parameters(triple: Triple) -> list[list[Any]]:
    shapes = [list(leaf.shape) for leaf in jax.tree.leaves(triple.coordinates.shapes())]
    return [[name, shape] for name, shape in zip(triple.coordinates.names(), shapes, strict=True)]


def _leaf_names(data: PyTree) -> list[str]:
    """By place and not by key, so that the same arrays in another container are the same."""
    count = len(jax.tree.leaves(data))
    return ["data"] if count == 1 else [f"data, array {k}" for k in range(count)]


def _made(leaf: Any) -> Part:
    numbers = identity.as_numpy(leaf)
    rows = np.asarray(numbers, dtype=float).reshape(1, -1)
    return identity.values(
        rows, "float32" if numbers.dtype.itemsize < 8 and numbers.dtype.kind == "f" else "float64"
    )


def _draws(triple: Triple) -> Part:
    """Draws of a prior that is an object: its density does not tell how it draws. Versions of JAX
    may draw other numbers.
    """
    with jax.enable_x64(True):
        drawn = [
            np.asarray(triple.coordinates.sample(jax.random.key(k)), dtype=float) for k in range(2)
        ]
    return identity.values(np.stack(drawn), "float32") | {"drawn by": jax.__version__}


def _is_an_object(prior: Any) -> bool:
    """Whether it draws by a method of its own, and is not a distribution of NumPyro."""
    return hasattr(prior, "sample") and hasattr(prior, "log_prob") and not hasattr(prior, "support")


def _evaluations(triple: Triple) -> float:
    """What one point costs, in numbers."""
    return float(triple.dimension if triple.is_population else max(triple.n, triple.dimension))


def _asked(triple: Triple, points: Float[np.ndarray, "points d"]) -> dict[str, Part]:
    # Products of float32 matrices in full: accelerators shorten them.
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        data = jax.tree.map(jnp.asarray, triple.data)
        shapes = tuple((leaf.shape, leaf.dtype.name) for leaf in jax.tree.leaves(data))
        function, precision, sizes = _compiled(
            triple.as_model(), points.shape, jax.tree.structure(data), shapes
        )
        found = [
            tuple(np.asarray(own, dtype=float).reshape(len(points), -1) for own in pair)
            for pair in function(jnp.asarray(points), data)
        ]
    names = ("prior density", "coordinates", "K" if triple.is_population else "log likelihood")
    parts = {}
    for name, (rows, holes), size in zip(names, found, sizes, strict=True):
        parts[name] = identity.summed(rows[:DETAILED], holes[:DETAILED], size, precision)
        if name != "coordinates" and len(rows) > DETAILED:
            # Elsewhere all observations together: what differs in a part of the space is seen.
            more, gaps = (part[DETAILED:].sum(axis=1, keepdims=True) for part in (rows, holes))
            parts[f"{name} at more points"] = identity.summed(more, gaps, 1, precision)
    return parts


@lru_cache(maxsize=16)
def _compiled(
    model: Model, points: tuple[int, ...], structure: Any, shapes: tuple[Any, ...]
) -> tuple[Callable[..., Any], str, tuple[int, ...]]:
    """The values at all probe points, compiled once for all data sets of a model; the narrowest
    arithmetic that is in it; and how many values each function has per point.
    """
    triple = model.triple
    sizes: list[int] = []

    def blocks(value: Array) -> tuple[Array, Array]:
        flat = jnp.ravel(value).astype(float)
        sizes.append(flat.size)
        finite = jnp.isfinite(flat)
        values = jnp.where(finite, flat, 0.0)
        return identity.blocks(values, jnp), identity.blocks((~finite).astype(float), jnp)

    def one(u: Float[Array, " d"], data: PyTree) -> tuple[tuple[Array, Array], ...]:
        sizes.clear()
        w = triple.coordinates.constrain(u)
        flat = jnp.concatenate([jnp.ravel(leaf).astype(float) for leaf in jax.tree.leaves(w)])
        values = triple.kind.values(w, data)
        return blocks(triple.coordinates.log_prob(u)), blocks(flat), blocks(values)

    arguments = jax.tree.unflatten(
        structure, [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in shapes]
    )
    asked = jax.jit(lambda us, data: jax.lax.map(lambda u: one(u, data), us))
    traced = asked.trace(jax.ShapeDtypeStruct(points, "float64"), arguments)
    text = str(traced.jaxpr)
    precision = "float16" if "f16[" in text else "float32" if "f32[" in text else "float64"
    # A program that runs once: with few values the compiler would take longer than it saves.
    quick = {"xla_backend_optimization_level": 0} if points[0] * sum(sizes) < FEW_VALUES else None
    return traced.lower().compile(compiler_options=quick), precision, tuple(sizes)
