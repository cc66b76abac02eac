"""Depth as symmetry: linear networks of nearly equal size, shallow and deep, λ and the dimension of
their symmetry side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from singlearn.exact import catalogue
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.results.result import Answer
from singlearn.results.table import aligned_rows
from singlearn.running.arguments import whole_number


@dataclass(frozen=True)
class Depth(Answer):
    """One network.

    Attributes:
        widths: from inputs to outputs.
        parameters: d.
        symmetry: dimension of the set of parameters with the same map, at a generic parameter.
        coefficient: λ and m for the given true rank.
    """

    widths: tuple[int, ...]
    parameters: int
    symmetry: int
    coefficient: ExactCoefficient

    @property
    def layers(self) -> int:
        """Matrices that are multiplied."""
        return len(self.widths) - 1


@dataclass(frozen=True)
class DepthComparison(Answer):
    """Networks of one size and several depths, for one truth."""

    rows: tuple[Depth, ...]

    def __str__(self) -> str:
        shown: list[tuple[str, ...]] = [("widths", "layers", "d", "symmetry", "λ", "λ/(d/2)")]
        for row in self.rows:
            counts = (f"{row.layers}", f"{row.parameters}", f"{row.symmetry}")
            ratio = 2 * float(row.coefficient) / row.parameters
            exact = str(row.coefficient.value)
            shown.append(("→".join(map(str, row.widths)), *counts, exact, f"{ratio:.2f}"))
        return "\n".join(aligned_rows(shown))

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "rows": [
                {
                    "widths": list(row.widths),
                    "parameters": row.parameters,
                    "symmetry": row.symmetry,
                    "learning_coefficient": str(row.coefficient.value),
                    "multiplicity": row.coefficient.multiplicity,
                }
                for row in self.rows
            ]
        }


def compare(
    inputs: int, outputs: int, rank: int, parameters: int, layers: tuple[int, ...] = (2, 3, 4, 6)
) -> DepthComparison:
    r"""Linear networks of each depth with equal hidden widths and as close to d parameters as they
    get.

    The symmetry of a generic parameter is what is left of d when the map is taken off: maps of rank
    at most h,
    the narrowest width, have dimension h (M + N - h). λ is that of Aoyagi 2024 [aoyagi2024deep]_
    (:func:`singlearn.exact.catalogue.deep_linear`).

    Args:
        inputs: M.
        outputs: N.
        rank: of the true map.
        parameters: d that is aimed at.
        layers: numbers of matrices, each at least 2.

    Returns:
        One row per depth.

    Raises:
        ValueError: no width of a depth can have that rank, or an argument out of range.

    >>> two, three = compare(4, 4, rank=1, parameters=64, layers=(2, 3)).rows
    >>> two.widths, two.parameters, two.symmetry, str(two.coefficient.value)
    ((4, 8, 4), 64, 48, '8')
    """
    M, N = whole_number("inputs", inputs), whole_number("outputs", outputs)
    rank = whole_number("rank", rank, at_least=0, at_most=min(M, N))
    aim = whole_number("parameters", parameters)
    rows = []
    for depth in layers:
        depth = whole_number("layers", depth, at_least=2)

        def size(h: int, depth: int = depth) -> int:
            return h * (M + N) + (depth - 2) * h * h

        width = min(range(max(rank, 1), aim + 1), key=lambda h: abs(size(h) - aim))
        widths = (M, *[width] * (depth - 1), N)
        total = sum(a * b for a, b in pairwise(widths))
        narrowest = min(widths)
        symmetry = total - narrowest * (M + N - narrowest)
        rows.append(Depth(widths, total, symmetry, catalogue.deep_linear(list(widths), rank)))
    return DepthComparison(tuple(rows))
