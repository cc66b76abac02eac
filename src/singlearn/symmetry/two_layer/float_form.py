"""A kink form in floating point, for screening and for pictures; what it says is checked exactly
afterwards.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Vector
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm


def unit(
    plane: Hyperplane, total: Vector
) -> tuple[Float[np.ndarray, " inputs"], float, Float[np.ndarray, " outputs"]]:
    """Normal of length 1, offset and total kink in those units. The coprime integers of floats are
    too large to convert one by one.
    """
    size = max(abs(v) for v in plane.normal)
    normal = np.array([float(Fraction(v, size)) for v in plane.normal])
    length = float(np.linalg.norm(normal))
    return (
        normal / length,
        float(Fraction(plane.offset, size)) / length,
        np.array([float(t * size) for t in total]) * length,
    )


class FloatForm:
    """``f(x) = constant + linear x + Σ totals ReLU(normals x + offsets)`` with unit normals, and a
    Lipschitz constant of it.
    """

    def __init__(self, form: KinkForm) -> None:
        units = [unit(plane, total) for plane, total in form.kinks.items()]
        inputs, outputs = len(form.linear[0]), len(form.constant)
        self.normals = np.array([u[0] for u in units]).reshape(len(units), inputs)
        self.offsets = np.array([u[1] for u in units])
        self.totals = np.array([u[2] for u in units]).reshape(len(units), outputs)
        self.linear = np.array([[float(v) for v in row] for row in form.linear])
        self.constant = np.array([float(v) for v in form.constant])
        self.lipschitz = float(
            np.max(np.sum(np.abs(self.totals), axis=0) + np.linalg.norm(self.linear, axis=1))
        )

    def values(
        self, points: Float[np.ndarray, "points inputs"]
    ) -> Float[np.ndarray, "points outputs"]:
        """The M outputs at many points."""
        found: Float[np.ndarray, "points outputs"] = (
            self.constant
            + points @ self.linear.T
            + np.maximum(points @ self.normals.T + self.offsets, 0.0) @ self.totals
        )
        return found
