"""The Fisher information at one parameter: matrix, spectrum, rank, and directions that change
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, PyTree

from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed
from singlearn.triple.fisher.rank import (
    FULL,
    FULL_HESSIAN,
    FULL_SINGLE,
    ZERO,
    ZERO_COLUMN,
    ZERO_HESSIAN,
    ZERO_SINGLE,
    Rank,
    echelon,
    rank_of,
)
from singlearn.triple.fisher.scores import Scores, quickly, scores_of
from singlearn.triple.intake.shapes import check_parameter_matches
from singlearn.triple.triple import Triple

MOST_TERMS, MOST_DIRECTIONS = 4, 3


@dataclass(frozen=True, eq=False)
class FisherInformation(Answer):
    r""":math:`I(w) = E[∂_w \log p\; ∂_w \log p^T]` per observation, at one parameter.

    Attributes:
        where: what the parameter is: the truth, a draw of the prior, another true parameter.
        parameter: w.
        coordinates: its flat, unconstrained coordinates u, in which the matrix is written.
        matrix: I(u), in nats.
        eigenvalues: of the matrix, the largest first.
        rank: the number of directions in which the densities change.
        undecided: directions too close to the threshold to be counted or dropped.
        smallest_kept: the smallest singular value that counts, relative to the largest, columns at
            length one.
        largest_dropped: the largest that does not.
        kernel: a basis of the directions that change no density to first order, in flat
            coordinates.
        directions: the same basis as changes of named entries of the parameter.
        expectation: what the expectation is taken over.
        most: the largest rank that so many rows could show.
    """

    where: str
    parameter: PyTree = field(repr=False)
    coordinates: Float[np.ndarray, " d"] = field(repr=False)
    matrix: Float[np.ndarray, "d d"] = field(repr=False)
    eigenvalues: Float[np.ndarray, " d"] = field(repr=False)
    rank: int
    undecided: int
    smallest_kept: float
    largest_dropped: float
    kernel: Float[np.ndarray, "directions d"] = field(repr=False)
    directions: tuple[dict[str, float], ...] = field(repr=False)
    expectation: str
    most: int

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.coordinates)

    @property
    def is_finite(self) -> bool:
        """Whether every score is a number."""
        return bool(np.isfinite(self.matrix).all())

    @property
    def is_degenerate(self) -> bool:
        """Whether the rank is below d, decided, and not for want of rows."""
        return (
            self.is_finite and self.rank + self.undecided < self.dimension and not self.is_cut_short
        )

    @property
    def is_full(self) -> bool:
        """Whether the rank is d."""
        return self.is_finite and self.rank == self.dimension

    @property
    def is_cut_short(self) -> bool:
        """Whether there are too few rows for a rank of d, and every one of them counts."""
        return self.most < self.dimension and self.rank + self.undecided >= self.most

    def describe_directions(self, most: int = MOST_DIRECTIONS) -> list[str]:
        """The kernel in words, one direction each, largest terms first."""
        found = [_in_words(direction) for direction in self.directions[:most]]
        if len(self.directions) > most:
            found.append(f"… {len(self.directions)} directions in all")
        return found

    def __str__(self) -> str:
        if not self.is_finite:
            return f"Fisher information at {self.where}: not finite"
        lines = [
            f"Fisher information at {self.where}: rank {self.rank} of {self.dimension}"
            + (f", {self.undecided} undecided" if self.undecided else "")
            + f" ({self.expectation})"
        ]
        shown = ", ".join(f"{v:.3g}" for v in self.eigenvalues[:8])
        lines.append(f"  spectrum {shown}" + (" …" if self.dimension > 8 else ""))
        lines.append(f"  {self.deciding()}")
        lines += [f"  nothing changes along {words}" for words in self.describe_directions()]
        return "\n".join(lines)

    def deciding(self) -> str:
        """The numbers that decide the rank."""
        kept = f"smallest singular value that counts {self.smallest_kept:.1e} of the largest"
        if self.largest_dropped:
            return f"{kept}, next {self.largest_dropped:.1e}"
        return kept if self.rank else "every score is zero"

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "where": self.where,
            "rank": self.rank,
            "dimension": self.dimension,
            "undecided": self.undecided,
            "eigenvalues": [float(v) for v in self.eigenvalues],
            "smallest_kept": self.smallest_kept,
            "largest_dropped": self.largest_dropped,
            "directions": [dict(direction) for direction in self.directions],
            "expectation": self.expectation,
        }


def fisher_information(triple: Triple, at: PyTree = None, seed: int = 0) -> FisherInformation:
    r"""The Fisher information :math:`I(w) = E[∂_w \log p(y|x,w)\, ∂_w \log p(y|x,w)^T]` of any
    triple, by autodiff.

    For ``Triple.regression`` the expectation over y is exact, :math:`E⟨∂_i f, ∂_j f⟩/σ^2`. For a
    NumPyro model
    outcomes are drawn from it. For any other log likelihood the observations at hand stand for the
    expectation, which is the Fisher information only where w is the truth. For a population triple
    it is the
    Hessian of K, which is the Fisher information only where K = 0.

    Args:
        triple: any triple.
        at: a parameter; by default the truth, or a draw of the prior where it is not known.
        seed: of draws.

    Returns:
        Matrix, spectrum, rank and kernel, in unconstrained coordinates.

    Raises:
        ValueError: ``at`` does not match the prior.

    >>> import numpyro.distributions as dist
    >>> x = np.linspace(-1.0, 1.0, 20)
    >>> normal = dist.Normal(0.0, 1.0)
    >>> t = Triple.regression(lambda w, x: w["a"] * w["b"] * x, {"a": normal, "b": normal}, x, x)
    >>> found = fisher_information(t, {"a": 1.0, "b": 2.0})
    >>> found.rank, found.describe_directions()
    (1, ['b - 0.5 a'])
    """
    with jax.enable_x64(True):
        u, where = _place(triple, at, random_seed(seed))
        typical = typical_lengths(scores := scores_of(triple, u, seed), draws_of(triple, 4, seed))
        return information_at(triple, scores, u, where, typical)


def _place(triple: Triple, at: PyTree, seed: int) -> tuple[Float[np.ndarray, " d"], str]:
    if at is not None:
        return coordinates_at(triple, at), "the given parameter"
    if triple.truth_is_parameter:
        return coordinates_at(triple, triple.truth, "truth"), "the truth"
    return draws_of(triple, 1, seed)[0], "a draw of the prior"


def coordinates_at(triple: Triple, w: PyTree, name: str = "at") -> Float[np.ndarray, " d"]:
    """Flat coordinates of a parameter.

    Raises:
        ValueError: it does not match the prior's structure, or lies outside its support.
    """
    check_parameter_matches(name, w, triple.coordinates.shapes())
    u = np.asarray(triple.coordinates.unconstrain(jax.tree.map(lambda a: jnp.asarray(a, float), w)))
    if not np.isfinite(u).all():
        raise ValueError(
            f"{name}: it lies on the boundary of the prior's support or outside; coordinates "
            f"there are {u}"
        )
    return u


def draws_of(triple: Triple, count: int, seed: int) -> Float[np.ndarray, "count d"]:
    """Flat coordinates of draws of the prior."""
    keys = jax.random.split(jax.random.key(seed), count)
    return np.asarray(quickly(jax.vmap(triple.coordinates.sample))(keys), float)


def typical_lengths(scores: Scores, draws: Float[np.ndarray, "count d"]) -> Float[np.ndarray, " d"]:
    """Median length of every column of scores over some parameters, those of length 0 and NaN
    left out.
    """
    lengths = np.array([np.linalg.norm(scores.rows(u), axis=0) for u in draws])
    lengths[~(lengths > 0)] = np.nan
    known = np.isfinite(lengths).any(axis=0)
    found = np.zeros(lengths.shape[1])
    found[known] = np.nanmedian(lengths[:, known], axis=0)
    return found


def thresholds_of(scores: Scores) -> tuple[float, float]:
    """Below the first a singular value is zero, above the second it is not."""
    if scores.in_single:
        return ZERO_SINGLE, FULL_SINGLE
    if scores.kind == "divergence":
        return ZERO_HESSIAN, FULL_HESSIAN
    return ZERO, FULL


def information_at(
    triple: Triple,
    scores: Scores,
    u: Float[np.ndarray, " d"],
    where: str,
    typical: Float[np.ndarray, " d"],
) -> FisherInformation:
    """Everything about the Fisher information at flat coordinates ``u``; call it in double
    precision.
    """
    rows = scores.rows(u)
    w = triple.coordinates.constrain(jnp.asarray(u))
    matrix = rows.T @ rows
    d = len(u)
    if not np.isfinite(rows).all():
        nothing = np.zeros((0, d))
        return FisherInformation(
            where, w, u, np.full((d, d), np.nan), np.full(d, np.nan), 0, d, 0.0, 0.0, nothing, (),
            scores.expectation, min(scores.count, d),
        )  # fmt: skip
    zero_column = thresholds_of(scores)[0] if scores.kind == "divergence" else ZERO_COLUMN
    found: Rank = rank_of(
        rows, typical, thresholds_of(scores), zero_column, scores.kind != "divergence"
    )
    kernel = echelon(found.kernel) if len(found.kernel) else found.kernel
    eigenvalues = np.maximum(np.linalg.eigvalsh(matrix)[::-1], 0.0)
    named = _named(triple.coordinates.constrain, triple.coordinates.names(), u, kernel)
    return FisherInformation(
        where, w, u, matrix, eigenvalues, found.rank, found.undecided, found.smallest_kept,
        found.largest_dropped, kernel, named, scores.expectation, min(scores.count, d),
    )  # fmt: skip


def _named(
    constrain: Callable[..., PyTree],
    names: list[str],
    u: Float[np.ndarray, " d"],
    kernel: Float[np.ndarray, "directions d"],
) -> tuple[dict[str, float], ...]:
    """Directions as changes of entries of the parameter, ``a[0,1]``, the largest change 1."""
    if not len(kernel):
        return ()
    entries = entry_names(names, jax.tree.leaves(constrain(jnp.asarray(u))))
    found = []
    for direction in kernel:
        _, moved = jax.jvp(
            lambda v: ravel_pytree(constrain(v))[0], (jnp.asarray(u),), (jnp.asarray(direction),)
        )
        change = np.asarray(moved)
        largest = np.abs(change).max()
        if largest > 0:
            change = change / change[int(np.argmax(np.abs(change)))]
        found.append({n: float(c) for n, c in zip(entries, change, strict=True) if abs(c) > 1e-6})
    return tuple(found)


def entry_names(names: list[str], leaves: list[Any]) -> list[str]:
    """A name for every entry of a parameter: ``a``, ``b[0]``, ``w[1,2]``."""
    found = []
    for name, leaf in zip(names, leaves, strict=True):
        for index in np.ndindex(np.shape(leaf)):
            found.append(f"{name}[{','.join(map(str, index))}]" if index else name)
    return found


def _in_words(direction: dict[str, float]) -> str:
    ranked = sorted(direction.items(), key=lambda item: -abs(item[1]))
    words = ""
    for i, (name, value) in enumerate(ranked[:MOST_TERMS]):
        sign = ("- " if value < 0 else "+ ") if i else ("-" if value < 0 else "")
        size = "" if f"{abs(value):.3g}" == "1" else f"{abs(value):.3g} "
        words += (" " if i else "") + f"{sign}{size}{name}"
    more = len(ranked) - MOST_TERMS
    return words + (f" … {more} more" if more > 0 else "")
