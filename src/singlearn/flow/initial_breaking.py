"""How the rotations of a layer's outputs cease to be a symmetry: while a network learns, and as a
posterior is cooled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from singlearn.flow.initial_test import frame_statistics, haar_columns
from singlearn.results.result import Answer
from singlearn.results.table import Column, aligned
from singlearn.running.arguments import random_seed, whole_number

NULL = 4000
NAMES = ("(Σu)²", "(Σu³)²", "Σu⁴")
BROKEN = 0.01


@dataclass(frozen=True)
class SymmetryAlong(Answer):
    """A test of O(d) at every stage.

    Attributes:
        along: what the stages are: "training" or "inverse temperature".
        labels: of the stages.
        scores: of (Σu)², (Σu³)², Σu⁴, u the leading left singular vectors of the layer's weights:
            differences from uniform ones in standard errors.
        p_values: of all three together; small: rotations of the outputs are not a symmetry.
        width, samples: d, and matrices at every stage.
    """

    along: str
    labels: tuple[Any, ...]
    scores: Float[np.ndarray, "stages 3"]
    p_values: Float[np.ndarray, " stages"]
    width: int
    samples: int

    @property
    def broken_from(self) -> Any | None:
        """The first stage with p < 0.01 whose next stage has it too (or that is the last); None if
        there is none.
        """
        below = self.p_values < BROKEN
        twice = below & np.append(below[1:], True)
        return self.labels[int(np.argmax(twice))] if twice.any() else None

    def summary(self) -> str:
        """All of it, for people."""
        matrices = (
            f"{self.samples} matrices at each stage"
            if self.samples > 1
            else "one matrix at each stage"
        )
        since = (
            "not seen to break"
            if self.broken_from is None
            else f"broken from {_label(self.broken_from)} on (p < {BROKEN:g})"
        )
        lines = [f"O({self.width}) of a layer's outputs along {self.along}, {matrices}: {since}"]
        columns = [
            Column("", [_label(label) for label in self.labels], align="right"),
            Column("p", [f"{p:.2g}" for p in self.p_values], align="right"),
            *(
                Column(name, [f"{v:.1f}" for v in self.scores[:, k]], align="right")
                for k, name in enumerate(NAMES)
            ),
            Column("(standard errors)", [""] * len(self.labels)),
        ]
        return "\n".join([*lines, *aligned(columns)])

    def table(self) -> Any:
        """One row for each stage (a pandas DataFrame)."""
        import pandas as pd

        return pd.DataFrame(
            {
                self.along: list(self.labels),
                "p": self.p_values,
                **{n: self.scores[:, k] for k, n in enumerate(NAMES)},
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "along": self.along,
            "labels": list(self.labels),
            "p_values": self.p_values.tolist(),
            "scores": self.scores.tolist(),
            "broken_from": self.broken_from,
            "width": self.width,
            "samples": self.samples,
        }


def _label(label: Any) -> str:
    return f"{label:.4g}" if isinstance(label, float) else str(label)


def symmetry_along_training(
    checkpoints: Sequence[Any], labels: Sequence[Any] | None = None, seed: int = 0
) -> SymmetryAlong:
    r"""Test at every checkpoint whether a layer's weights could be any rotation of themselves.

    If the law of W (d × n) is that of R W for all R of O(d), the leading left singular vectors U of
    W are uniform given everything else, also for one single matrix. The sums over them of
    :math:`(\sum_j u_j)^2`, :math:`(\sum_j u_j^3)^2` and :math:`\sum_j u_j^4` are compared with
    those of uniform ones; the p-value is exact (Monte Carlo) and counts all three.

    Args:
        checkpoints: weights of one layer at every stage, outputs × inputs, or runs × outputs ×
            inputs of independent training runs, which see more.
        labels: of the stages, such as steps.
        seed: of the uniform ones.

    Returns:
        p-values and scores by stage.

    Raises:
        ValueError: weights that are not finite matrices of one shape.

    >>> weights = np.random.default_rng(0).normal(size=(20, 8, 5))
    >>> found = symmetry_along_training([weights, weights + 1.0], labels=["start", "shifted"])
    >>> found.broken_from
    'shifted'
    """
    arrays = [
        np.asarray(c.detach().cpu() if hasattr(c, "detach") else c, dtype=float)
        for c in checkpoints
    ]
    arrays = [a[None] if a.ndim == 2 else a for a in arrays]
    if (
        not arrays
        or len({a.shape for a in arrays}) != 1
        or arrays[0].ndim != 3
        or not all(np.isfinite(a).all() for a in arrays)
    ):
        shapes = sorted({a.shape for a in arrays})
        raise ValueError(
            f"checkpoints: got shapes {shapes}; it should be finite matrices outputs × inputs, or "
            f"runs of them, of one shape"
        )
    names = tuple(range(len(arrays))) if labels is None else tuple(labels)
    if len(names) != len(arrays):
        raise ValueError(
            f"labels: got {len(names)}; it should be one for each of {len(arrays)} checkpoints"
        )
    runs, d, _ = arrays[0].shape
    if d < 2:
        raise ValueError(f"checkpoints: the layer has {d} output; it should have at least two")
    rng = np.random.default_rng(random_seed(seed))
    frames = [_leading(a) for a in arrays]
    scores, p = np.empty((len(arrays), 3)), np.empty(len(arrays))
    nulls = {r: _null(rng, d, r, runs) for r in sorted({u.shape[-1] for u in frames})}
    for k, u in enumerate(frames):
        null = nulls[u.shape[-1]]
        centre, spread = null.mean(0), null.std(0)
        spread = np.where(spread > 1e-12, spread, 1.0)
        z = (frame_statistics(u).sum(0) - centre) / spread
        largest = np.abs((null - centre) / spread).max(1)
        scores[k], p[k] = z, (1 + np.sum(largest >= np.abs(z).max())) / (1 + len(null))
    return SymmetryAlong("training", names, scores, p, d, runs)


def _leading(arrays: Float[np.ndarray, "... d n"]) -> Float[np.ndarray, "... d r"]:
    """Left singular vectors of the larger singular values, half of the outputs at most: of all of
    them the sums say nothing. Inputs are weighted by fixed numbers first, so that singular values
    of an orthogonal matrix differ too; rotations of the outputs do not feel it.
    """
    d, n = arrays.shape[-2:]
    u, s, _ = np.linalg.svd(arrays * np.linspace(2, 1, n), full_matrices=False)
    if np.any(s[..., 0] == 0):
        raise ValueError("weights: a matrix is zero, which has no directions")
    rank = int(np.min((s > 1e-10 * s[..., :1]).sum(-1)))
    return u[..., : max(1, min(rank, d // 2))]


def _null(rng: np.random.Generator, d: int, r: int, runs: int) -> Float[np.ndarray, "null 3"]:
    pool = frame_statistics(haar_columns(rng, d, r, NULL))
    if runs == 1:
        return pool
    return np.stack([pool[rng.integers(len(pool), size=runs)].sum(0) for _ in range(NULL)])


def symmetry_along_temperature(
    run: Any, weights: str | Callable[[Any], Any], inputs: Any = None, most: int = 200
) -> SymmetryAlong:
    r"""Test O(d) on every rung of a tempered run, from the prior (β = 0) to the posterior.

    The statistics of :func:`symmetry_along_training` are averaged over the particles of each
    replicate; their standard errors come from the replicates, which are independent, and are not
    smaller than those of independent particles.

    Args:
        run: a tempered run with its triple (:func:`singlearn.temper`), two replicates or more.
        weights: name of the parameter (outputs × inputs), or a function of the parameters that
            gives it.
        inputs: one input x of length n, to test the direction of W x instead of W's left singular
            vectors.
        most: particles of each replicate that are read.

    Returns:
        p-values and scores by inverse temperature.

    Raises:
        ValueError: a run without its triple, or a parameter that it does not have.
    """
    import jax
    import jax.numpy as jnp

    if getattr(run, "triple", None) is None:
        raise ValueError(
            "run: it was loaded without its triple, and the triple knows the parameters: "
            "Run.load(path, triple=…)"
        )
    rungs, most = run.rungs, whole_number("most", most)
    replicates, kept = rungs.particles.shape[1:3]
    if replicates < 2:
        raise ValueError(f"run: it has {replicates} replicate; standard errors need at least two")
    take = np.unique(np.linspace(0, kept - 1, min(kept, most)).astype(int))
    x = None if inputs is None else np.asarray(inputs, dtype=float)
    with jax.enable_x64(rungs.particles.dtype == np.float64):
        read = jax.jit(
            jax.vmap(lambda flat: _leaf(run.triple.coordinates.constrain(flat), weights))
        )
        pick = rungs.particles[:, :, take]
        matrices = np.stack(
            [np.asarray(read(jnp.asarray(p.reshape(-1, p.shape[-1])))) for p in pick]
        ).astype(float)
    if matrices.ndim == 3:  # a vector of weights of one input
        matrices = matrices[..., None]
    d, n = matrices.shape[2:]
    matrices = matrices.reshape(len(matrices), replicates, len(take), d, n)
    if x is not None:
        if x.shape != (n,):
            raise ValueError(f"inputs: got shape {x.shape}; it should be one input of length {n}")
        matrices = (matrices @ x)[..., None]
    u = _leading(matrices)
    null = frame_statistics(haar_columns(np.random.default_rng(0), d, u.shape[-1], NULL))
    means = frame_statistics(u).mean(2)
    floor = null.std(0) / np.sqrt(replicates * len(take))
    error = np.maximum(means.std(1, ddof=1) / np.sqrt(replicates), floor)
    error = np.where(error > 1e-12, error, 1.0)
    z = (means.mean(1) - null.mean(0)) / np.sqrt(error**2 + null.std(0) ** 2 / NULL)
    p = np.minimum(2 * student.sf(np.abs(z).max(1), replicates - 1) * 3, 1.0)
    labels = tuple(float(b) for b in rungs.inverse_temperature)
    return SymmetryAlong("inverse temperature", labels, z, p, d, replicates * len(take))


def _leaf(parameters: Any, weights: str | Callable[[Any], Any]) -> Any:
    if callable(weights):
        return weights(parameters)
    if not hasattr(parameters, "keys") or weights not in parameters:
        names = list(parameters) if hasattr(parameters, "keys") else type(parameters).__name__
        raise ValueError(
            f"weights: got {weights!r}; the parameters are {names}, it should be one of them or a "
            f"function of them"
        )
    return parameters[weights]
