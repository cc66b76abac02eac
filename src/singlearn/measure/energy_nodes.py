"""Many particles at the energies of a few: sums of smooth functions of the energy, exact within
rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

NODES = 32
# The last coefficients of a Chebyshev series have to be below this, beside its largest or 1.
RESOLVED = 1e-12
TAIL = 3
CHECKED = 8
LARGEST_PIECE = 4096
# Fewer particles than this are summed as they are.
FEWEST = 4 * NODES

_ANGLES = np.pi * (np.arange(NODES) + 0.5) / NODES
_POINTS = -np.cos(_ANGLES)
# From values at the points to Chebyshev coefficients.
_TO_COEFFICIENTS = np.cos(np.outer(np.arange(NODES), np.pi - _ANGLES)) * (2.0 / NODES)
_TO_COEFFICIENTS[0] /= 2.0

Functions = Callable[
    [Float[np.ndarray, " points"]], tuple[Float[np.ndarray, "*functions points"], ...]
]


class Piece(NamedTuple):
    """Particles neighbouring in energy, and the energies at which a function has to be known to be
    summed over them.

    Attributes:
        particles: their positions in the order of energies.
        energies: increasing: the particles' own, or Chebyshev points between the lowest and the
            highest, or the one they share.
        counts: the sum of g over the particles is the sum of counts · g(energies).
    """

    particles: slice
    energies: Float[np.ndarray, " points"]
    counts: Float[np.ndarray, " points"]

    def is_resolved(self, values: Float[np.ndarray, "*functions points"]) -> bool:
        """Whether functions with these values at ``energies`` are known at the particles within
        rounding.

        Returns:
            Whether the interpolation is exact within rounding.
        """
        return (
            len(self.energies) == 1
            or len(self.energies) == self.particles.stop - self.particles.start
            or _is_resolved(values)
        )

    def at_particles(
        self, values: Float[np.ndarray, " points"], in_order: Float[np.ndarray, " samples"]
    ) -> Float[np.ndarray, " particles"]:
        """A function of the energy at the particles, from its values at ``energies``."""
        own = in_order[self.particles]
        if len(values) == 1 or len(values) == len(own):
            return np.broadcast_to(values, own.shape)
        found: Float[np.ndarray, " particles"] = np.polynomial.chebyshev.chebval(
            _scaled(own), _TO_COEFFICIENTS @ values
        )
        return found


def pieces_of(in_order: Float[np.ndarray, " samples"], functions: Functions) -> list[Piece]:
    r"""Cut particles sorted by energy into pieces over which some functions of the energy are
    polynomials within rounding.

    Over such a piece :math:`Σ_x g(U(x)) = Σ_j c_j g(U_j)` with the Chebyshev points :math:`U_j` and
    :math:`c_j = Σ_x ℓ_j(U(x))`, :math:`ℓ_j` their Lagrange polynomials: thousands of particles at
    the price of ``NODES``. Whether the functions are polynomials is seen from the last coefficients
    of their Chebyshev series; where they are not, the piece is halved, and in the end its particles
    are summed as they are.

    Args:
        in_order: energies, increasing.
        functions: of an increasing array of energies: arrays whose last axis belongs to them.

    Returns:
        Pieces in order, every particle in one.

    >>> energies = np.sort(np.random.default_rng(0).gamma(2.0, size=100_000))
    >>> pieces = pieces_of(energies, lambda u: (np.exp(-u),))
    >>> total = sum(piece.counts @ np.exp(-piece.energies) for piece in pieces)
    >>> (
    ...     bool(abs(total - np.exp(-energies).sum()) < 1e-8),
    ...     sum(len(piece.energies) for piece in pieces) < 10_000,
    ... )
    (True, True)
    """
    found: list[Piece] = []
    for start in range(0, len(in_order), LARGEST_PIECE):
        _cut(in_order, functions, start, min(start + LARGEST_PIECE, len(in_order)), found)
    return found


def _cut(
    in_order: Float[np.ndarray, " samples"],
    functions: Functions,
    start: int,
    stop: int,
    found: list[Piece],
) -> None:
    own = in_order[start:stop]
    low, high = own[0], own[-1]
    if low == high:
        found.append(Piece(slice(start, stop), own[:1], np.array([float(len(own))])))
    elif len(own) < FEWEST:
        found.append(Piece(slice(start, stop), own, np.ones(len(own))))
    else:
        energies = 0.5 * (low + high) + 0.5 * (high - low) * _POINTS
        # Where energies pile up at one end no point may be near them, so the functions are compared
        # at some particles as well.
        some = slice(None, None, len(own) // CHECKED)
        known = (
            functions(np.concatenate([energies, own[some]]))
            if np.all(np.diff(energies) > 0)
            else ()
        )
        if known and all(
            _is_resolved(values[..., :NODES]) and _is_followed(values, _scaled(own)[some])
            for values in known
        ):
            found.append(Piece(slice(start, stop), energies, _counts(_scaled(own))))
        else:
            middle = (start + stop) // 2
            _cut(in_order, functions, start, middle, found)
            _cut(in_order, functions, middle, stop, found)


def _scaled(energies: Float[np.ndarray, " particles"]) -> Float[np.ndarray, " particles"]:
    """Energies on [-1, 1]."""
    found: Float[np.ndarray, " particles"] = (energies - energies[0]) * (
        2.0 / (energies[-1] - energies[0])
    ) - 1.0
    return found


def _is_resolved(values: Float[np.ndarray, "*functions points"]) -> bool:
    tail = np.abs(values @ _TO_COEFFICIENTS[-TAIL:].T).max()
    return bool(tail <= RESOLVED * max(1.0, float(np.abs(values).max())))


def _is_followed(
    values: Float[np.ndarray, "*functions more"], some: Float[np.ndarray, " some"]
) -> bool:
    """Whether the polynomial through the points gives what was computed at some particles."""
    series = np.polynomial.chebyshev.chebvander(some, NODES - 1) @ _TO_COEFFICIENTS
    error = np.abs(values[..., :NODES] @ series.T - values[..., NODES:]).max()
    return bool(error <= 10 * RESOLVED * max(1.0, float(np.abs(values).max())))


def _counts(scaled: Float[np.ndarray, " particles"]) -> Float[np.ndarray, " points"]:
    """Σ_x ℓ_j(x), from the sums of the Chebyshev polynomials over the particles."""
    previous, current = np.ones_like(scaled), scaled
    sums = np.empty(NODES)
    sums[0], sums[1] = len(scaled), scaled.sum()
    for m in range(2, NODES):
        previous, current = current, 2.0 * scaled * current - previous
        sums[m] = current.sum()
    found: Float[np.ndarray, " points"] = sums @ _TO_COEFFICIENTS
    return found
