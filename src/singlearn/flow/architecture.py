"""A network as its gradient flow sees it: a map of parameters, and the laws known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from singlearn.flow.bracket_rank import GradientFields
from singlearn.flow.law import Holds, Law
from singlearn.flow.program import Program
from singlearn.results.result import Answer

LARGEST = 60


class Output(NamedTuple):
    """One output of a map.

    Attributes:
        node: its place in the program.
        shape: of the matrix there.
    """

    node: int
    shape: tuple[int, int]


Write = Callable[[Program, Mapping[str, int]], list[Output]]


@dataclass(frozen=True)
class Architecture(Answer):
    """A map of parameters whose every output a loss may use, and its conserved quantities.

    Attributes:
        name: what it is.
        shapes: of the parameters.
        write: writes the map into a program, given the nodes of the parameters as matrices (all
            axes but the first as one).
        laws: those known.
        laws_at_least: a number of independent laws that a theorem gives beyond ``laws``.
        theorem: which one.
        point: the parameters at which laws are counted; random ones if None.
        holds: whether the count belongs to the architecture or to data.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    write: Write
    laws: tuple[Law, ...]
    laws_at_least: int = 0
    theorem: str = ""
    point: Mapping[str, Shaped[np.ndarray, "..."]] | None = field(default=None, repr=False)
    holds: Holds = "always"

    def summary(self) -> str:
        """All of it, for people."""
        laws = "\n".join(f"  {law}" for law in self.laws) or "  none is known"
        return f"{self.name}, {self.dimension} parameters; gradient flow keeps\n{laws}"

    @property
    def dimension(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def fields(self) -> GradientFields:
        """The gradient fields of the map."""
        program = Program()
        parameters = {name: program.parameter(name) for name in self.shapes}
        outputs = self.write(program, parameters)
        gradients = program.gradient([output.node for output in outputs])
        shapes = {name: _as_matrix(shape) for name, shape in self.shapes.items()}
        return GradientFields(program, gradients, shapes, tuple(output.shape for output in outputs))

    def random_point(self, rng: np.random.Generator) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Parameters of small whole numbers, none of them zero."""
        numbers = {
            name: rng.integers(-LARGEST, LARGEST, shape) for name, shape in self.shapes.items()
        }
        return {name: np.where(x >= 0, x + 1, x).astype(float) for name, x in numbers.items()}

    def flat(self, parts: Mapping[str, Shaped[np.ndarray, "..."]]) -> Shaped[np.ndarray, " d"]:
        """Arrays by parameter as one vector; absent ones are zero."""
        zero = {name: np.zeros(shape) for name, shape in self.shapes.items()}
        return np.concatenate(
            [np.asarray(parts.get(name, zero[name])).reshape(-1) for name in self.shapes]
        )


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0], math.prod(shape[1:]))
