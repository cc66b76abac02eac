"""Where the Fisher information may lose rank: units of weight zero, equal units, and minima of
its least eigenvalue.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from singlearn.triple.fisher.others import unconstrained
from singlearn.triple.fisher.scores import Scores, quickly
from singlearn.triple.triple import Triple

MOST_CANDIDATES = 40
MOST_PARAMETERS_TO_DESCEND = 24
DEGENERATE = 1e-11


def special_parameters(
    triple: Triple, u: Float[np.ndarray, " d"]
) -> Iterator[tuple[Float[np.ndarray, " d"], str]]:
    """A parameter with one entry or one unit set to zero, or with two units made equal."""
    w = jax.tree.map(np.asarray, triple.coordinates.constrain(jnp.asarray(u)))
    leaves, structure = jax.tree.flatten(w)
    names = triple.coordinates.names()
    candidates: list[tuple[list[np.ndarray], str]] = []
    for place, (leaf, name) in enumerate(zip(leaves, names, strict=True)):
        candidates.append(
            ([np.zeros_like(a) if i == place else a for i, a in enumerate(leaves)], f"{name} = 0")
        )
        if leaf.ndim and leaf.shape[0] > 1:
            first = np.array(leaf)
            first[0] = 0.0
            candidates.append(
                ([first if i == place else a for i, a in enumerate(leaves)], f"{name}[0] = 0")
            )
    for length in sorted({n for leaf in leaves for n in leaf.shape if n > 1}):
        has_length = [leaf.shape[0] == length if leaf.ndim else False for leaf in leaves]
        tied = []
        for leaf, has in zip(leaves, has_length, strict=True):
            own = np.array(leaf)
            if has:
                own[1] = own[0]
            tied.append(own)
        candidates.append((tied, f"units 0 and 1 of {length} made equal"))
        for place, has in enumerate(has_length):
            if has:
                one = np.array(leaves[place])
                one[1] = one[0]
                candidates.append(
                    (
                        [one if i == place else a for i, a in enumerate(leaves)],
                        f"{names[place]}[0] = {names[place]}[1]",
                    )
                )
    for changed, how in candidates[:MOST_CANDIDATES]:
        found = unconstrained(
            triple.coordinates.unconstrain, jax.tree.unflatten(structure, changed)
        )
        if found is not None and bool(
            jnp.isfinite(triple.coordinates.log_prob(jnp.asarray(found)))
        ):
            yield found, how


def least_eigenvalue_minima(
    scores: Scores,
    starts: Float[np.ndarray, "starts d"],
    typical: Float[np.ndarray, " d"],
) -> Iterator[Float[np.ndarray, " d"]]:
    """Interior minima of the least eigenvalue of the Fisher information, in typical units, where it
    is next to zero.

    A minimum on the edge of the box that the draws span is none: there the information fades, as
    far out
    in a logistic regression, and is not zero anywhere.
    """
    if scores.values is None or len(typical) > MOST_PARAMETERS_TO_DESCEND:
        return
    unit = np.where(typical > 0, typical, 1.0)
    derivative = jax.jacfwd(scores.values)

    def least(u: jnp.ndarray) -> jnp.ndarray:
        rows = derivative(u) / unit
        found: jnp.ndarray = jnp.linalg.eigvalsh(rows.T @ rows)[0] / rows.shape[0]
        return found

    both = quickly(jax.value_and_grad(least))
    low, high = starts.min(axis=0), starts.max(axis=0)
    room = 0.25 * (high - low)
    for start in starts[:3]:

        def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = both(jnp.asarray(u))
            if not np.isfinite(value) or not np.isfinite(slope).all():
                return 1e6, np.zeros_like(u)
            size = max(float(value), 1e-40)
            return np.log(size), np.asarray(slope) / size

        end = minimize(
            objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 60},
            bounds=list(zip(low - room, high + room, strict=True)),
        ).x  # fmt: skip
        inside = ((end > low - 0.9 * room) & (end < high + 0.9 * room)).all()
        reference = float(both(jnp.asarray(start))[0])
        if inside and float(both(jnp.asarray(end))[0]) < DEGENERATE * reference:
            yield end
