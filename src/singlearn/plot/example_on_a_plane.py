"""What pictures over a plane of two parameters need: a triple, two sides, and W_0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import sympy
from jaxtyping import Float

from singlearn.exact.divergences.worked_example import TrueCurve, WorkedExample
from singlearn.models.worked_examples import population_of
from singlearn.plot.side import Side
from singlearn.triple import Triple

Curves: TypeAlias = Mapping[str, Sequence[Float[np.ndarray, "points 2"]]]

POINTS = 400


def on_a_plane(
    shown: Triple | WorkedExample, x: Side | None, y: Side | None, true_set: Curves | None
) -> tuple[Triple, Side, Side, Curves]:
    """The triple, its sides and W_0; a symbolic example brings what is not given.

    Raises:
        ValueError: a triple without sides, or an example of other than two parameters.
    """
    if isinstance(shown, Triple):
        if x is None or y is None:
            raise ValueError(
                f"x, y: got none; {shown.name} does not say which part of it is to be drawn"
            )
        return shown, x, y, {} if true_set is None else true_set
    example = shown.with_numbers()
    names = [parameter.name for parameter in example.parameters]
    if len(names) != 2 or set(example.sides) != set(names):
        raise ValueError(
            f"triple: {example.name} has the parameters {', '.join(names)}; a plane needs two, "
            f"with sides"
        )
    sides = [Side(name, *map(float, example.sides[name])) for name in names]
    horizontal = sides[0] if x is None else x
    vertical = sides[1] if y is None else y
    if true_set is None:
        true_set = {
            "$W_0$": [_points(curve, horizontal.name, vertical.name) for curve in example.curves]
        }
    return population_of(shown), horizontal, vertical, true_set


def _points(curve: TrueCurve, x: str, y: str) -> Float[np.ndarray, "points 2"]:
    """The curve in the plane; one point where it does not run."""
    low, high = float(curve.low), float(curve.high)
    along = np.linspace(low, high, POINTS if low < high else 1)
    columns = [
        np.broadcast_to(
            np.asarray(sympy.lambdify(curve.along, curve.point[name], "numpy")(along), dtype=float),
            along.shape,
        )
        for name in (x, y)
    ]
    return np.stack(columns, axis=1)
