r"""What a population is carried along: a base density, and an energy that is switched on."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from jaxtyping import Array, Float, PyTree

from singlearn.triple import Coordinates, Triple

OfCoordinates = Callable[[Float[Array, " d"], PyTree], Float[Array, ""]]
"""A function of flat coordinates and of the data of a path."""


@dataclass(frozen=True)
class PathFunctions:
    """The functions of a path, without its data; equal where ``key`` is.

    Attributes:
        key: two programs with the same key are the same functions, so that what was compiled for
            one serves the other.
        dimension: d, the number of coordinates.
        log_base: log density of the base, in nats.
        energy: in nats; infinite where the path must not go.
    """

    key: Hashable
    dimension: int = field(compare=False)
    log_base: OfCoordinates = field(compare=False)
    energy: OfCoordinates = field(compare=False)


@dataclass(frozen=True, eq=False)
class Path:
    r"""Densities :math:`p_β(u) ∝ e^{-β U(u)} p_0(u)`, from the base :math:`p_0` at β = 0.

    Attributes:
        program: :math:`\log p_0` and U, functions of flat coordinates and of the data.
        data: what both are called with besides the coordinates, a pytree of arrays.
        name: for the progress bar and for errors.
        n: number of observations, or the sample size of a population.
        is_population: whether U is no sum over observations. The ladder of a path with observations
            has rungs around β = 1/log n, where λ is read.
    """

    program: PathFunctions
    data: PyTree
    name: str
    n: float = 1.0
    is_population: bool = True

    @property
    def dimension(self) -> int:
        """d, the number of coordinates."""
        return self.program.dimension

    @classmethod
    def of(
        cls, triple: Triple, coordinates: Coordinates | None = None, name: str | None = None
    ) -> Path:
        """From the prior of a triple to its posterior.

        Args:
            triple: whose energy it is.
            coordinates: the prior, where it is not that of the triple: seen from other coordinates,
                or cut off.
            name: of the path; default: that of the triple.
        """
        own = triple if coordinates is None else triple.seen_from(coordinates)

        def log_base(u: Float[Array, " d"], data: PyTree) -> Float[Array, ""]:
            return own.coordinates.log_prob(u)

        program = PathFunctions(own.as_model(), own.dimension, log_base, own.energy)
        return cls(program, own.data, name or own.name, float(own.n), own.is_population)
