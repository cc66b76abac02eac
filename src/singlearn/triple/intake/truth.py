"""Whether a true parameter lies where the prior has density."""

from __future__ import annotations

import jax
import numpy as np
import numpyro.distributions as dist
from jaxtyping import PyTree


def outside_support(prior: PyTree, truth: PyTree) -> str | None:
    """A sentence where a leaf of the truth lies outside the support of its prior; ``None`` where
    all lie inside, or it is not known.

    Args:
        prior: a pytree of NumPyro distributions; other priors do not say what their support is.
        truth: a parameter of the same structure.

    Returns:
        The sentence, which says so where rounding decides.

    >>> print(outside_support(dist.Uniform(0.0, 0.3), 0.1 + 0.2))
    truth: 0.30000000000000004 lies outside the support of its prior, from 0.0 to 0.3, by \
rounding only: the model may not realise it
    """
    with_paths = jax.tree_util.tree_leaves_with_path(
        prior, is_leaf=lambda leaf: isinstance(leaf, dist.Distribution)
    )
    values = jax.tree.leaves(truth)
    if (
        not with_paths
        or len(values) != len(with_paths)
        or not all(isinstance(own, dist.Distribution) for _, own in with_paths)
    ):
        return None
    for (path, own), value in zip(with_paths, values, strict=True):
        where = "truth" + jax.tree_util.keystr(path)
        number = np.asarray(value, float)
        with jax.enable_x64(True):
            inside = np.asarray(own.support(number))
            if inside.all():
                continue
            shown = (
                float(np.ravel(number)[np.argmin(inside)])
                if inside.shape == number.shape
                else np.array2string(number, threshold=9)
            )
            near = [
                number * (1 + step) + edge for step in (-1e-12, 1e-12) for edge in (-1e-300, 1e-300)
            ]
            rounding = any(np.asarray(own.support(moved)).all() for moved in near)
        bounds = (
            getattr(own.support, "lower_bound", None),
            getattr(own.support, "upper_bound", None),
        )
        scalar = all(bound is not None and np.ndim(bound) == 0 for bound in bounds)
        words = f", from {bounds[0]} to {bounds[1]}," if scalar else ""
        return (
            f"{where}: {shown} lies outside the support of its "
            f"prior{words}{' by rounding only' if rounding else ''}: "
            "the model may not realise it"
        )
    return None
