"""The posterior over a part of the parameters, the rest held fixed: the last layer, the last two
layers, ….
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.triple import Model, Triple


def freeze(triple: Triple, at: Mapping[str, Any], free: Sequence[str]) -> Triple:
    r"""The triple over the parameters named in ``free``, all others fixed at their values in
    ``at``.

    Its likelihood is :math:`p(y|x, (v, w))` as a function of w alone, its prior that of w. What it
    compiles is shared by all data sets and all frozen values of one model: the values travel with
    the data.

    Args:
        triple: with a prior that is a dict of NumPyro distributions, and data.
        at: a parameter of the triple.
        free: names of entries of the prior.

    Returns:
        A triple over fewer parameters, with the data and the truth of the whole one.

    Raises:
        ValueError: a prior that is no dict, a name that is not in it, every name or none free, or
            ``at`` that does not match.

    >>> import numpyro.distributions as dist
    >>> prior = {"A": dist.Normal(0.0, 1.0), "B": dist.Normal(0.0, 1.0)}
    >>> x = np.ones(2)
    >>> triple = Triple.regression(lambda w, x: w["A"] * w["B"] * x, prior, x, 3 * x)
    >>> last = freeze(triple, {"A": 1.5, "B": 0.0}, ["B"])
    >>> (
    ...     last.dimension,
    ...     last.parameter_energy({"B": 2.0}) == triple.parameter_energy({"A": 1.5, "B": 2.0}),
    ... )
    (1, True)
    """
    prior = triple.prior
    if not isinstance(prior, Mapping) or triple.is_population:
        raise ValueError(
            f"triple: {triple.name} should have data and a dict of distributions for a prior, so "
            f"that its parts have names"
        )
    unknown = [name for name in free if name not in prior]
    frozen = [name for name in prior if name not in free]
    if unknown or not free or not frozen:
        raise ValueError(f"free: got {list(free)}; it should be some, not all, of {list(prior)}")
    if set(at) != set(prior):
        raise ValueError(f"at: got entries {sorted(at)}; it should have {sorted(prior)}")
    shapes = triple.coordinates.shapes()
    for name in frozen:
        if np.shape(at[name]) != shapes[name].shape:
            raise ValueError(
                f"at: {name!r} has shape {np.shape(at[name])}; it should be {shapes[name].shape}"
            )
    # Data need the sample as leading axis; broadcasting repeats the frozen values without copying
    # them.
    n = int(triple.n)
    values = {
        name: np.broadcast_to(np.asarray(at[name], dtype=float), (n, *shapes[name].shape))
        for name in frozen
    }
    model = _partial_model(triple.as_model(), tuple(free))
    return model.with_data((triple.data, values), name=f"{triple.name}, only {', '.join(free)}")


def thaw(draws: Mapping[str, Any], at: Mapping[str, Any]) -> dict[str, Any]:
    """Draws of the free part made parameters of the whole model: the frozen values of ``at`` are
    repeated for every draw.

    Returns:
        A pytree of the whole model, each leaf with a leading axis of draws.

    >>> whole = thaw({"B": np.array([1.0, 2.0])}, {"A": np.zeros(3), "B": 0.0})
    >>> {name: leaf.shape for name, leaf in whole.items()}
    {'A': (2, 3), 'B': (2,)}
    """
    size = len(next(iter(draws.values())))
    return {
        name: draws[name] if name in draws else np.broadcast_to(value, (size, *np.shape(value)))
        for name, value in at.items()
    }


@lru_cache(maxsize=8)
def _partial_model(model: Model, free: tuple[str, ...]) -> Triple:
    """One triple for every model and choice of free parts, whose data are then replaced."""
    triple = model.triple
    whole = triple.log_likelihood

    def log_likelihood(w: PyTree, data: PyTree) -> Float[Array, " n"]:
        own, values = data
        return whole({**{name: jnp.asarray(v)[0] for name, v in values.items()}, **w}, own)

    n, shapes = int(triple.n), triple.coordinates.shapes()
    zeros = {
        name: np.broadcast_to(np.zeros(()), (n, *shape.shape))
        for name, shape in shapes.items()
        if name not in free
    }
    return Triple(log_likelihood, {name: triple.prior[name] for name in free}, (triple.data, zeros))
